"""Checks of ``tagodev doctor``: address, connection, token, rate plan and device limit.

The checks change nothing and send at most five requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import attrs

from tagodev._address import REGIONS, find_address
from tagodev._cli.doctor.environment import PROXIES, environment, versions
from tagodev._cli.doctor.network import Step, check_connection
from tagodev._cli.exit_codes import Exit, exit_code
from tagodev._cli.options.service import hard_limits
from tagodev._client import Tago
from tagodev._retry import RetryPolicy
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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tagodev._cli.config.settings import Settings
    from tagodev._cli.options.service import ServiceOptions
    from tagodev._models import TokenInfo
    from tagodev._secrets import Secret

__all__ = ["Diagnosis", "Problem", "diagnose", "kind_by_info", "kind_by_prefix"]

T = TypeVar("T")

#: Prefixes of new tokens (docs.tago.io: Account token).
_PREFIXES: Final = {
    "p-": "profile",
    "a-": "analysis",
    "u-": "run user",
    "n-": "network",
    "at": "service authorization",
}
_STORAGE_TYPES: Final = ("mutable", "immutable", "hybrid")
#: Answers to a request that the token may not send.
_REFUSALS: Final = (AuthenticationError, PermissionDeniedError, NotFoundError)
_TIMEOUT: Final = 15.0
#: Seconds by which the clocks may differ without a note.
_MAX_CLOCK_DIFFERENCE: Final = 60.0


@attrs.frozen
class Problem:
    """A problem that the checks found."""

    what: str
    """The problem, in one sentence."""
    hint: str
    """What to do."""
    code: Exit
    """The exit code."""


@attrs.define
class Diagnosis:
    """The results of the checks; None for a check that was not possible."""

    environment: dict[str, str] = attrs.field(factory=environment)
    """Environment variables that are set."""
    versions: dict[str, str] = attrs.field(factory=versions)
    """Versions of tagodev and its dependencies."""
    service: dict[str, Any] | None = None
    """Address, region and source."""
    connection: list[Step] = attrs.field(factory=list)
    """The steps of the connection, up to the first that fails."""
    token: dict[str, Any] | None = None
    """Kind and source of the token."""
    plan: dict[str, Any] | None = None
    """The rate plan of the profile, and the plan whose limits tagodev keeps."""
    devices: dict[str, int | None] | None = None
    """Used and free devices."""
    clock: dict[str, float] | None = None
    """Seconds by which the service's clock is ahead of this machine's."""
    problems: list[Problem] = attrs.field(factory=list)
    """Problems, in the order of the checks."""
    notes: list[str] = attrs.field(factory=list)
    """Facts that are not problems."""

    def add_problem(self, what: str, hint: str, code: Exit) -> None:
        """Add a problem."""
        self.problems.append(Problem(what, hint, code))

    def as_json(self) -> dict[str, Any]:
        """Return the results as a JSON object."""
        return attrs.asdict(self)


async def diagnose(service: ServiceOptions) -> Diagnosis:
    """Run all checks.

    Args:
        service: the service options.

    Raises:
        InputError: an option is out of range.
    """
    hard_limits("free", service.minute)
    diagnosis = Diagnosis()
    try:
        await _check(service, service.settings(), diagnosis)
    except ConfigurationError as error:
        diagnosis.add_problem(error.message, error.hint, Exit.CONFIGURATION)
    return diagnosis


async def _check(service: ServiceOptions, settings: Settings, diagnosis: Diagnosis) -> None:
    """Check the address, the connection and, with a token, the service."""
    address = find_address(settings.region, settings.api, allow_http=False)
    region = next((name for name, url in REGIONS.items() if url == address), None)
    diagnosis.service = {"address": address, "region": region, "source": settings.address_source}
    if any(name in diagnosis.environment for name in PROXIES):
        diagnosis.notes.append("The environment sets a proxy, which tagodev does not use")
    diagnosis.connection = await check_connection(address)
    last = diagnosis.connection[-1]
    if not last.works:
        diagnosis.add_problem(f"{last.name} fails: {last.detail}", last.hint, Exit.SERVICE)
    if settings.token is None:
        raise ConfigurationError(
            "No token is set",
            hint="Set TAGOIO_TOKEN, or store a token in a profile: tagodev config set NAME",
        )
    diagnosis.token = {"source": settings.source, "kind_by_prefix": kind_by_prefix(settings.token)}
    if last.works:
        await _check_service(service, settings, diagnosis)


async def _check_service(service: ServiceOptions, settings: Settings, diagnosis: Diagnosis) -> None:
    """Check token, plan and clock with requests to the service."""
    client = Tago(
        settings.token,
        region=settings.region,
        api=settings.api,
        # The smallest plan suffices for so few requests.
        plan="free",
        minute=service.minute,
        timeout=_TIMEOUT,
        retry=RetryPolicy(attempts=2),
    )
    async with client as tago:
        if await _check_token(tago, diagnosis):
            await _check_plan(tago, service.plan or settings.plan, diagnosis)
        clock = tago.limits.clock()
        if clock is not None:
            diagnosis.clock = attrs.asdict(clock)
            if abs(clock.ahead) > _MAX_CLOCK_DIFFERENCE:
                diagnosis.notes.append("The two clocks differ; tagodev uses the service's clock")
        elif diagnosis.connection[-1].works:
            diagnosis.notes.append(
                "The service does not send its time, so requests are paced and slower"
            )


# --- the token -----------------------------------------------------------------------------------


def kind_by_prefix(token: Secret) -> str | None:
    """Return the kind of a token by its prefix; None for device tokens and old tokens."""
    value = token.reveal()
    return next((kind for start, kind in _PREFIXES.items() if value.startswith(start)), None)


def kind_by_info(info: TokenInfo) -> str | None:
    """Return the kind of a token by the service's description; None if it is not clear."""
    if info.type in _STORAGE_TYPES:
        return "device"
    if info.type is not None:
        return "service authorization" if info.type == "authorization" else info.type
    if "middleware_endpoint" in info.extra or "device_parameters" in info.extra:
        return "network"
    return "device" if "bucket" in info.extra else None


async def _check_token(tago: Tago, diagnosis: Diagnosis) -> bool:
    """Check the token; return whether it gives access to the profile."""
    try:
        info = await tago.tokens.info()
    except RequestError as error:
        _add_token_problem(error, diagnosis)
        return False
    diagnosis.connection.append(Step("HTTP", works=True, detail="the service answers"))
    assert diagnosis.token is not None, "the prefix was checked before"
    kind = kind_by_info(info)
    expires = None if info.expire_time is None else info.expire_time.isoformat()
    diagnosis.token |= {"kind": kind, "name": info.name, "expires": expires}
    if kind == "analysis":
        diagnosis.notes.append(
            "An analysis token has only the permissions that its access policies grant"
        )
    if kind in (None, "profile", "analysis"):
        return True
    diagnosis.add_problem(
        f"The token is a {kind} token and gives no access to the profile",
        "Use a profile token, which begins with p-",
        Exit.AUTHORIZATION,
    )
    return False


def _add_token_problem(error: RequestError, diagnosis: Diagnosis) -> None:
    """Add the problem of a failed token request."""
    code = exit_code(error)
    answered = not isinstance(error, (NoAnswerError, MalformedAnswerError))
    if isinstance(error, (AuthenticationError, PermissionDeniedError)):
        diagnosis.connection.append(Step("HTTP", works=True, detail="the service answers"))
        diagnosis.add_problem(
            f"The service rejects the token: {error.headline()}",
            "Check that the token is of this region (us-e1, eu-w1) and has not expired",
            code,
        )
        return
    hint = (
        "Try again later, and check https://status.tago.io"
        if answered and not isinstance(error, NotFoundError)
        else "Check the address: another server may answer there"
    )
    diagnosis.connection.append(Step("HTTP", False, error.headline(), hint))
    diagnosis.add_problem(f"HTTP fails: {error.headline()}", hint, code)


# --- the plan ------------------------------------------------------------------------------------


async def _check_plan(tago: Tago, kept: str | None, diagnosis: Diagnosis) -> None:
    """Check the rate plan and the number of devices."""
    profile = await _if_permitted(tago.profile.info, diagnosis)
    name, source = (None, None) if profile is None else (profile.plan, "profile")
    if name is None:
        account = await _if_permitted(tago.account.plan, diagnosis)
        name, source = (None, None) if account is None else (account.plan, "account")
    kept = None if kept == "auto" else kept
    rpm = None if profile is None else profile.rpm
    diagnosis.plan = {
        "plan": name,
        "source": source,
        "kept": kept or _known(name) or "free",
        "soft_limits": rpm and {"data_input": rpm.data_input, "data_output": rpm.data_output},
    }
    _compare_plans(name, kept, diagnosis)
    summary = await _if_permitted(lambda: tago.profile.summary(only_amount=True), diagnosis)
    if summary is not None and summary.devices is not None:
        _check_devices(summary.devices, name, diagnosis)


async def _if_permitted(request: Callable[[], Awaitable[T]], diagnosis: Diagnosis) -> T | None:
    try:
        return await request()
    except _REFUSALS:
        return None
    except TagoError as error:
        diagnosis.add_problem(str(error), error.hint, exit_code(error))
        return None


def _known(name: str | None) -> Plan | None:
    return next((plan for plan in get_args(Plan) if plan == name), None)


def _compare_plans(name: str | None, kept: str | None, diagnosis: Diagnosis) -> None:
    """Compare the profile's plan with the one that is set."""
    if name is None:
        diagnosis.notes.append(
            "The token can't read the plan; set it with --plan, or the limits of free apply"
        )
        return
    plan, chosen = _known(name), _known(kept)
    if plan is None:
        if chosen is None:
            diagnosis.add_problem(
                f"The rate limits of the plan {name} are not published",
                "Set the plan with the closest limits: --plan PLAN",
                Exit.CONFIGURATION,
            )
        return
    if chosen is None or chosen == plan:
        return
    if _create_limit(chosen) > _create_limit(plan):
        diagnosis.add_problem(
            f"The plan is set to {chosen}, but the profile has {plan}: requests will be rejected",
            "Remove --plan or TAGODEV_PLAN, so that tagodev reads the plan from the service",
            Exit.CONFIGURATION,
        )
    else:
        diagnosis.notes.append(f"The plan is set to {chosen}, which is slower than {plan}")


def _create_limit(plan: Plan) -> int:
    return HardLimits.for_plan(plan).limit("POST /device")


def _check_devices(used: int, name: str | None, diagnosis: Diagnosis) -> None:
    plan = _known(name)
    cap = None if plan is None else DEVICE_CAPS[plan]
    if cap is not None and used > cap:
        diagnosis.notes.append(
            f"The profile has more devices than the {cap} of its plan: it has its own limit"
        )
        cap = None
    diagnosis.devices = {"used": used, "cap": cap, "free": None if cap is None else cap - used}
    if cap == used:
        diagnosis.add_problem(
            f"The plan allows no more devices: all {cap} are used",
            "Delete devices, or choose a larger plan",
            Exit.RESOURCE,
        )
