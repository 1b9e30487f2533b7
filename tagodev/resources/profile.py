"""Profiles and the account: plan and usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Unpack

from tagodev.limits.routes import Route
from tagodev.models import Account, AccountPlan, Profile, ProfileSummary
from tagodev.query import encode_query
from tagodev.retry import Safety
from tagodev.session import CallRecord
from tagodev.signatures import strict
from tagodev.transport import Request

if TYPE_CHECKING:
    from tagodev.session import CallOptions, Session

__all__ = ["Accounts", "Profiles"]

_PROFILE: Final = Route("GET", "/profile/:profile_id")
_SUMMARY: Final = Route("GET", "/profile/:profile_id/summary")
_ACCOUNT: Final = Route("GET", "/account")
_PLAN: Final = Route("GET", "/account/plan")


@strict
class Profiles:
    """The token's profile, and others that it may read: ``tago.profile``."""

    def __init__(self, session: Session) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
        """
        self._session = session

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
        request = Request(route=_PROFILE, path=_PROFILE.path(profile_id), safety=Safety.READ)
        return await self._session.call(request, Profile, CallRecord.of(options))

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
        query = encode_query({"onlyAmount": only_amount or None})
        path = _SUMMARY.path(profile_id) + (f"?{query}" if query else "")
        request = Request(route=_SUMMARY, path=path, safety=Safety.READ)
        return await self._session.call(request, ProfileSummary, CallRecord.of(options))


@strict
class Accounts:
    """The account that the token's profile belongs to: ``tago.account``."""

    def __init__(self, session: Session) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
        """
        self._session = session

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
        request = Request(route=_ACCOUNT, path=_ACCOUNT.path(), safety=Safety.READ)
        return await self._session.call(request, Account, CallRecord.of(options))

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
        request = Request(route=_PLAN, path=_PLAN.path(), safety=Safety.READ)
        return await self._session.call(request, AccountPlan, CallRecord.of(options))
