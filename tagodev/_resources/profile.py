"""Profiles and the account: plan and usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._limits.routes import Route
from tagodev._models import Account, AccountPlan, Profile, ProfileInfo, ProfileSummary
from tagodev._resources.resource import Resource
from tagodev._signatures import strict

if TYPE_CHECKING:
    from tagodev._session import CallOptions

__all__ = ["Accounts", "Profiles"]

# Inside the class `list` is a method.
_Profiles: TypeAlias = list[ProfileInfo]

_LIST: Final = Route("GET", "/profile")
_PROFILE: Final = Route("GET", "/profile/:profile_id")
_SUMMARY: Final = Route("GET", "/profile/:profile_id/summary")
_ACCOUNT: Final = Route("GET", "/account")
_PLAN: Final = Route("GET", "/account/plan")


@strict
class Profiles(Resource):
    """The token's profile, and others that it may read: ``tago.profile``."""

    async def info(self, profile_id: str = "current", **options: Unpack[CallOptions]) -> Profile:
        """Return a profile with its plan, its services and its add-ons.

        Args:
            profile_id: the profile's id; default: the token's own profile.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the profile does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            profile = await tago.profile.info()
            print(profile.info.name)
            ```
        """
        return await self._call(Profile, options, _PROFILE, profile_id)

    async def list(self, **options: Unpack[CallOptions]) -> _Profiles:
        """Return the profiles that the token's account has access to, in one request.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; not every token has access.

        Example:
            ```python
            for profile in await tago.profile.list():
                print(profile.id, profile.name)
            ```
        """
        return await self._call(_Profiles, options, _LIST)

    async def summary(
        self,
        profile_id: str = "current",
        *,
        only_amount: bool = False,
        **options: Unpack[CallOptions],
    ) -> ProfileSummary:
        """Return the limits and the usage of a profile.

        Args:
            profile_id: the profile's id; default: the token's own profile.
            only_amount: request only the numbers of resources, not the use of services.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the profile does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            summary = await tago.profile.summary()
            print(summary.amount.device)
            ```
        """
        parameters = {"onlyAmount": only_amount or None}
        return await self._call(
            ProfileSummary, options, _SUMMARY, profile_id, parameters=parameters
        )


@strict
class Accounts(Resource):
    """The account that the token's profile belongs to: ``tago.account``."""

    async def info(self, **options: Unpack[CallOptions]) -> Account:
        """Return the account.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; not every token has access.

        Example:
            ```python
            account = await tago.account.info()
            print(account.name)
            ```
        """
        return await self._call(Account, options, _ACCOUNT)

    async def plan(self, **options: Unpack[CallOptions]) -> AccountPlan:
        """Return the account's plan.

        A profile that is shared with the account is on its owner's plan: `Profiles.info` returns
        that plan.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; not every token has access.

        Example:
            ```python
            plan = await tago.account.plan()
            print(plan.plan)
            ```
        """
        return await self._call(AccountPlan, options, _PLAN)
