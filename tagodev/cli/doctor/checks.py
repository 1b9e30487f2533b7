"""Looking for what is wrong: the address, the way there, the token, the plan, the room for devices.

Nothing is changed, and no more than a handful of requests is sent, within the narrowest limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import attrs

from tagodev.address import REGIONS, find_address
from tagodev.cli.doctor.environment import PROXIES, environment, versions
from tagodev.cli.doctor.network import Step, walk_to
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.options.service import hard_limits
from tagodev.client import Tago
from tagodev.errors import (
    AuthenticationError,
    ConfigurationError,
    MalformedAnswerError,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
    TagoError,
)
from tagodev.hard_limits import DEVICE_CAPS, HardLimits, Plan
from tagodev.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tagodev.cli.config.settings import Settings
    from tagodev.cli.options.service import ServiceOptions
    from tagodev.models import Profile, TokenInfo
    from tagodev.secrets import Secret

__all__ = ["Diagnosis", "Problem", "examine", "kind_by_info", "kind_by_prefix"]

T = TypeVar("T")

#: What newly issued tokens of each kind begin with (docs.tago.io: Account token).
_PREFIXES: Final = {
    "p-": "profile",
    "a-": "analysis",
    "u-": "run user",
    "n-": "network",
    "at": "service authorization",
}
_STORAGE_TYPES: Final = ("mutable", "immutable", "hybrid")
#: Answers by which the service says that this token may not ask.
_REFUSALS: Final = (AuthenticationError, PermissionDeniedError, NotFoundError)
_TIMEOUT: Final = 15.0
#: Seconds by which two clocks may differ before it is worth saying.
_CLOCKS_APART: Final = 60.0


@attrs.frozen
class Problem:
    """Something that is wrong."""

    what: str
    """What it is, in one sentence."""
    hint: str
    """What to do about it."""
    code: Exit
    """The exit code that says so."""


@attrs.define
class Diagnosis:
    """What was found; None where nothing could be."""

    environment: dict[str, str] = attrs.field(factory=environment)
    """Variables that are set."""
    versions: dict[str, str] = attrs.field(factory=versions)
    """What this program is made of."""
    service: dict[str, Any] | None = None
    """Address, region, and who said so."""
    connection: list[Step] = attrs.field(factory=list)
    """The way there; the last step is the first that does not work."""
    token: dict[str, Any] | None = None
    """Of which kind it is, and where it came from."""
    plan: dict[str, Any] | None = None
    """Whose limits hold, and whose are kept."""
    devices: dict[str, int | None] | None = None
    """Used and free."""
    clock: dict[str, float] | None = None
    """How far the service's clock is ahead of this machine's."""
    problems: list[Problem] = attrs.field(factory=list)
    """What is wrong, in the order in which it was met."""
    notes: list[str] = attrs.field(factory=list)
    """What is worth knowing, and not wrong."""

    def complain(self, what: str, hint: str, code: Exit) -> None:
        """Note something that is wrong."""
        self.problems.append(Problem(what, hint, code))

    def as_json(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        return attrs.asdict(self)


async def examine(service: ServiceOptions) -> Diagnosis:
    """Look for what is wrong.

    Args:
        service: what would be talked to, as whom.

    Raises:
        InputError: an option is out of bounds.
    """
    hard_limits("free", service.minute)
    found = Diagnosis()
    settings, address = _find(service, found)
    if settings is None or address is None:
        return found
    found.connection = await walk_to(address)
    last = found.connection[-1]
    if not last.works:
        found.complain(f"{last.name} fails: {last.told}", last.hint, Exit.SERVICE)
    if settings.token is None:
        found.complain(
            "There is no token",
            "Set TAGOIO_TOKEN, or keep one in a profile: tagodev config set NAME",
            Exit.CONFIGURATION,
        )
        return found
    found.token = {"source": settings.source, "kind_by_prefix": kind_by_prefix(settings.token)}
    if last.works:
        await _ask(service, settings, found)
    return found


def _find(service: ServiceOptions, found: Diagnosis) -> tuple[Settings | None, str | None]:
    """Return the settings and the address that they lead to."""
    try:
        settings = service.settings()
        address = find_address(settings.region, settings.api, allow_http=False)
    except ConfigurationError as error:
        found.complain(error.message, error.hint, Exit.CONFIGURATION)
        return None, None
    region = next((name for name, url in REGIONS.items() if url == address), None)
    found.service = {"address": address, "region": region, "source": settings.address_source}
    if any(name in found.environment for name in PROXIES):
        found.notes.append("A proxy is set in the environment: tagodev does not go through it")
    return settings, address


async def _ask(service: ServiceOptions, settings: Settings, found: Diagnosis) -> None:
    """Ask the service itself."""
    try:
        client = Tago(
            settings.token,
            region=settings.region,
            api=settings.api,
            # So few requests fit any plan.
            plan="free",
            minute=service.minute,
            timeout=_TIMEOUT,
            retry=RetryPolicy(attempts=2),
        )
    except ConfigurationError as error:
        found.complain(error.message, error.hint, Exit.CONFIGURATION)
        return
    async with client as tago:
        if await _ask_for_token(tago, found):
            await _ask_for_plan(tago, service.plan or settings.plan, found)
        clock = tago.limits.clock()
        if clock is not None:
            found.clock = attrs.asdict(clock)
            if abs(clock.ahead) > _CLOCKS_APART:
                found.notes.append("One of the two clocks is wrong; tagodev goes by the service's")
        elif found.connection[-1].works:
            found.notes.append(
                "The service does not tell the time: requests go steadily, and more slowly"
            )


# --- the token -----------------------------------------------------------------------------------


def kind_by_prefix(token: Secret) -> str | None:
    """Return which kind of token begins so; None for a device's, and for older ones."""
    value = token.reveal()
    return next((kind for start, kind in _PREFIXES.items() if value.startswith(start)), None)


def kind_by_info(info: TokenInfo) -> str | None:
    """Return which kind of token the service describes; None if it does not show."""
    if info.type in _STORAGE_TYPES:
        return "device"
    if info.type is not None:
        return "service authorization" if info.type == "authorization" else info.type
    if "middleware_endpoint" in info.extra or "device_parameters" in info.extra:
        return "network"
    return "device" if "bucket" in info.extra else None


async def _ask_for_token(tago: Tago, found: Diagnosis) -> bool:
    """Ask what the token is; return whether that leads on."""
    try:
        info = await tago.tokens.info()
    except RequestError as error:
        _tell_refusal(error, found)
        return False
    found.connection.append(Step("HTTP", works=True, told="the service answers"))
    assert found.token is not None, "its prefix was looked at before"
    kind = kind_by_info(info)
    expires = None if info.expire_time is None else info.expire_time.isoformat()
    found.token |= {"kind": kind, "name": info.name, "expires": expires}
    if kind == "analysis":
        found.notes.append("An analysis token may do what its access policies grant, and no more")
    if kind in (None, "profile", "analysis"):
        return True
    found.complain(
        f"This is the token of a {kind}: it does not open the profile",
        "Take a token of the profile, which begins with p-",
        Exit.AUTHORIZATION,
    )
    return False


def _tell_refusal(error: RequestError, found: Diagnosis) -> None:
    """Say why not even the token could be asked for."""
    code = exit_code(error)
    answered = not isinstance(error, (NoAnswerError, MalformedAnswerError))
    if isinstance(error, (AuthenticationError, PermissionDeniedError)):
        found.connection.append(Step("HTTP", works=True, told="the service answers"))
        found.complain(
            f"The service does not take the token: {error.headline()}",
            "Check it; it belongs to one region (us-e1, eu-w1), and may have expired",
            code,
        )
        return
    hint = (
        "Try again later, and look at https://status.tago.io"
        if answered and not isinstance(error, NotFoundError)
        else "Check the address: something else than the service may answer there"
    )
    found.connection.append(Step("HTTP", False, error.headline(), hint))
    found.complain(f"HTTP fails: {error.headline()}", hint, code)


# --- the plan ------------------------------------------------------------------------------------


async def _ask_for_plan(tago: Tago, kept: str | None, found: Diagnosis) -> None:
    """Ask which plan there is, and how many devices."""
    profile = await _unless_refused(tago.profile.info, found)
    name, source = (None, None) if profile is None else (profile.plan, "profile")
    if name is None:
        account = await _unless_refused(tago.account.plan, found)
        name, source = (None, None) if account is None else (account.plan, "account")
    kept = None if kept == "auto" else kept
    found.plan = {"plan": name, "source": source, "kept": kept or _known(name) or "free"}
    found.plan |= _soft_limits(profile)
    _judge_plan(name, kept, found)
    summary = await _unless_refused(lambda: tago.profile.summary(only_amount=True), found)
    if summary is not None and summary.devices is not None:
        _judge_slots(summary.devices, name, found)


async def _unless_refused(ask: Callable[[], Awaitable[T]], found: Diagnosis) -> T | None:
    try:
        return await ask()
    except _REFUSALS:
        return None
    except TagoError as error:
        found.complain(str(error), error.hint, exit_code(error))
        return None


def _known(name: str | None) -> Plan | None:
    return next((plan for plan in get_args(Plan) if plan == name), None)


def _soft_limits(profile: Profile | None) -> dict[str, Any]:
    if profile is None or profile.rpm is None:
        return {"soft_limits": None}
    rpm = profile.rpm
    return {"soft_limits": {"data_input": rpm.data_input, "data_output": rpm.data_output}}


def _judge_plan(name: str | None, kept: str | None, found: Diagnosis) -> None:
    """Compare the plan that there is with the one whose limits would be kept."""
    if name is None:
        found.notes.append(
            "The token may not ask for its plan; unless it is named, the limits of free are kept"
        )
        return
    plan, wanted = _known(name), _known(kept)
    if plan is None:
        if wanted is None:
            found.complain(
                f"The limits of the plan {name!r} are not published",
                "Name the plan whose limits come nearest with --plan, or give HardLimits",
                Exit.CONFIGURATION,
            )
        return
    if wanted is None or wanted == plan:
        return
    if _creations(wanted) > _creations(plan):
        found.complain(
            f"The limits of {wanted} would be kept, but the profile is on {plan}: "
            "requests would be rejected",
            "Leave the plan away (--plan, TAGODEV_PLAN), and it is asked for",
            Exit.CONFIGURATION,
        )
    else:
        found.notes.append(f"The limits of {wanted} would be kept, slower than {plan} allows")


def _creations(plan: Plan) -> int:
    return HardLimits.for_plan(plan).limit("POST /device")


def _judge_slots(used: int, name: str | None, found: Diagnosis) -> None:
    plan = _known(name)
    cap = None if plan is None else DEVICE_CAPS[plan]
    if cap is not None and used > cap:
        found.notes.append(f"There are more devices than the {cap} of the plan: a cap of its own")
        cap = None
    found.devices = {"used": used, "cap": cap, "free": None if cap is None else cap - used}
    if cap == used:
        found.complain(
            f"The plan holds no more devices: all {cap} are there",
            "Delete some, or take a plan with more room",
            Exit.RESOURCE,
        )
