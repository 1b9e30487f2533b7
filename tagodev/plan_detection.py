"""Which plan a token's profile is on.

The profile is asked first: its answer names the plan of whoever owns it, which for a profile that
is shared with another account is the one that counts.
A token may be refused there (analysis tokens are, without a policy); then the account is asked.
Only a refusal leads on: a network that fails says nothing of the plan.
"""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from tagodev.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
)
from tagodev.hard_limits import Plan
from tagodev.limits.routes import Route
from tagodev.retry import Safety
from tagodev.secrets import redact
from tagodev.session import CallRecord, Session
from tagodev.transport import Request

__all__ = ["detect_plan"]

_PROFILE: Final = Route("GET", "/profile/:profile_id")
_PLAN: Final = Route("GET", "/account/plan")


async def detect_plan(session: Session) -> Plan | None:
    """Ask for the plan.

    Args:
        session: the door to the service.

    Returns:
        The plan, or None if the token may ask neither the profile nor the account.

    Raises:
        ConfigurationError: it is a plan whose limits nobody has published.
        RequestError: the service was not reached, or did not answer as documented.
    """
    profile = await _ask(session, _PROFILE, "current")
    session.note_profile(profile)
    name = profile.get("account_plan") if isinstance(profile, dict) else None
    if name is None:
        account = await _ask(session, _PLAN)
        name = account.get("plan") if isinstance(account, dict) else None
    if name is None:
        return None
    if name not in get_args(Plan):
        raise ConfigurationError(
            # It may be anything, as far as we know.
            f"The limits of the plan {redact(repr(name))} are not published",
            hint="Give plan=HardLimits with the figures of your contract",
        )
    return cast("Plan", name)


async def _ask(session: Session, route: Route, *values: str) -> Any:
    """Return what the service says, or None if it refuses to."""
    request = Request(route=route, path=route.path(*values), safety=Safety.READ)
    try:
        return await session.call(request, object, CallRecord())
    except (AuthenticationError, PermissionDeniedError, NotFoundError):
        return None
