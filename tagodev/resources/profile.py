"""Profiles and the account: which plan there is, and how much of it is used."""

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
    """The profile that the token belongs to, and others it may read: ``tago.profile``."""

    def __init__(self, session: Session) -> None:
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
        """
        self._session = session

    async def info(self, profile_id: str = "current", **options: Unpack[CallOptions]) -> Profile:
        """Return a profile with its plan, its services and its add-ons.

        Args:
            profile_id: which profile; default: the token's own.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such profile.
            RequestError: it failed otherwise.

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
        """Return how much of what a profile may use and have is used and there.

        Args:
            profile_id: which profile; default: the token's own.
            only_amount: ask for the numbers of resources only, not for the use of services.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such profile.
            RequestError: it failed otherwise.

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
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
        """
        self._session = session

    async def info(self, **options: Unpack[CallOptions]) -> Account:
        """Return what the service says of the account.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed; not every token may ask.

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

        A profile that is shared with the account is on its owner's plan: `Profiles.info` tells
        that one.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed; not every token may ask.

        Example:
            ```python
            plan = await tago.account.plan()
            print(plan.plan)
            ```
        """
        request = Request(route=_PLAN, path=_PLAN.path(), safety=Safety.READ)
        return await self._session.call(request, AccountPlan, CallRecord.of(options))
