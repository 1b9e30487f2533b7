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
from tagodev._secrets import quote
from tagodev._session import CallRecord, Session
from tagodev._transport import Request
from tagodev.errors import (
    NoAnswerError,
    RateLimitedError,
    RequestError,
    UnknownPlanError,
)
from tagodev.hard_limits import Plan

__all__ = ["detect_plan"]

_PROFILE: Final = Route("GET", "/profile/:profile_id")
_PLAN: Final = Route("GET", "/account/plan")
_MAX_NAME: Final = 40


async def detect_plan(session: Session) -> Plan | None:
    """Return the plan of the token's profile.

    Args:
        session: the session that sends requests.

    Returns:
        The plan, or None if neither the profile nor the account could be read.

    Raises:
        UnknownPlanError: the limits of the plan are not published.
        RequestError: the service could not be reached.
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
        # The name is not validated, so it may hold anything.
        shown = quote(str(name))[:_MAX_NAME]
        raise UnknownPlanError(
            f"The limits of the plan {shown!r} are not published",
            hint='Pass limits={"POST /device": 1200} with the figures of your contract',
            plan=shown,
        )
    return cast("Plan", name)


async def _ask(session: Session, route: Route, *values: str) -> Any:
    """Return the service's answer, or None if it refuses or can't be read."""
    request = Request(route=route, path=route.path(*values), safety=Safety.READ)
    try:
        return await session.call(request, object, CallRecord())
    except (NoAnswerError, RateLimitedError):
        raise
    except RequestError:
        return None
