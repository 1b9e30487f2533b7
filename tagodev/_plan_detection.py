"""Detection of the plan of a token's profile.

The profile is asked first: its answer names the plan of the profile's owner, which also applies to
a profile that is shared with another account.
Where the token has no access to it (analysis tokens have none, without a policy), the account is
asked. A network failure is raised: it says nothing of the plan.
"""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from tagodev._limits.routes import Route
from tagodev._retry import Safety
from tagodev._secrets import redact
from tagodev._session import CallRecord, Session
from tagodev._transport import Request
from tagodev.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
)
from tagodev.hard_limits import Plan

__all__ = ["detect_plan"]

_PROFILE: Final = Route("GET", "/profile/:profile_id")
_PLAN: Final = Route("GET", "/account/plan")


async def detect_plan(session: Session) -> Plan | None:
    """Return the plan of the token's profile.

    Args:
        session: the session that sends requests.

    Returns:
        The plan, or None if the token may read neither the profile nor the account.

    Raises:
        ConfigurationError: the limits of the plan are not published.
        RequestError: the service could not be reached, or did not answer as documented.
    """
    profile = await _ask(session, _PROFILE, "current")
    session.set_profile(profile)
    name = profile.get("account_plan") if isinstance(profile, dict) else None
    if name is None:
        account = await _ask(session, _PLAN)
        name = account.get("plan") if isinstance(account, dict) else None
    if name is None:
        return None
    if name not in get_args(Plan):
        raise ConfigurationError(
            # The name is not validated, so it may hold anything.
            f"The limits of the plan {redact(repr(name))} are not published",
            hint="Pass plan=HardLimits(...) with the figures of your contract",
        )
    return cast("Plan", name)


async def _ask(session: Session, route: Route, *values: str) -> Any:
    """Return the service's answer, or None if it refuses."""
    request = Request(route=route, path=route.path(*values), safety=Safety.READ)
    try:
        return await session.call(request, object, CallRecord())
    except (AuthenticationError, PermissionDeniedError, NotFoundError):
        return None
