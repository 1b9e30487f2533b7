"""Options of an emulator, validated."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, get_args

import attrs
import orjson
from attrs.validators import optional

from tagodev.emulator._routes import ROUTES
from tagodev.hard_limits import DEVICE_CAPS, HARD_LIMITS, HardLimits, Plan

__all__ = ["FAULTS", "VARIANTS", "EmulatorOptions"]

#: Names of faults; `tagodev.emulator._http.faults` describes each.
FAULTS: Final = (
    "reset-before",
    "reset-after-commit",
    "http-502-html",
    "http-500",
    "slow",
    "malformed-json",
    "status-false-200",
    "result-message",
    "no-retry-after-header",
    "truncated-page",
    "duplicate-across-pages",
)

#: Names of alternative behaviours; `tagodev.emulator._variants` describes each.
VARIANTS: Final = (
    "profile-sends-data",
    "parameters-by-key",
    "own-data-counters",
    "names-from-3",
    "strict-create",
    "strict-fields",
    "strict-edits",
    "no-result",
    "odd-values",
    "serials-repeat",
    "no-info",
    "unknown-plan",
)

_YEAR: Final = 366 * 86_400.0
_TOKEN: Final = re.compile(r"[!-~]+")
_HIGHEST_LIMIT: Final = 1_000_000_000
_ROUTES: Final = frozenset(row.route for row in HARD_LIMITS)
_FAULTY_ROUTES: Final = frozenset(route.key for route in ROUTES)
_SOFT_LIMITS: Final = frozenset({"data_input", "data_output"})


Validator: TypeAlias = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _check(valid: object, message: str) -> None:
    if not valid:
        raise ValueError(message)


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _valid(what: str, test: Callable[[Any], object]) -> Validator:
    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        _check(test(value), f"{attribute.name} must be {what}, not {value!r}")

    return check


def _within(low: float, high: float) -> Validator:
    words = f"a number of seconds from {low:g} to {high:g}"
    return _valid(words, lambda value: _is_number(value, low, high))


def _whole(low: int, high: int) -> Validator:
    words = f"a whole number from {low} to {high}"
    return _valid(words, lambda value: _is_whole(value, low, high))


_plan: Final = _valid("free, starter or scale", get_args(Plan).__contains__)
_boolean: Final = _valid("True or False", lambda value: isinstance(value, bool))
_file: Final = _valid("the path of a file", lambda value: isinstance(value, str) and value)


def _token(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    # Not repeated in the message: a caller may have put a real one here by mistake.
    valid = isinstance(value, str) and _TOKEN.fullmatch(value)
    _check(valid, "token must be printable ASCII without spaces")


def _check_limit(name: str, limit: Any) -> None:
    _check(
        _is_whole(limit, 1, _HIGHEST_LIMIT),
        f"{name} must be a whole number from 1 to {_HIGHEST_LIMIT}, not {limit!r}",
    )


def _limits(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    _check(
        isinstance(value, Mapping),
        f"limits must be a mapping of routes to whole numbers, not {value!r}",
    )
    for route, limit in value.items():
        _check(
            route in _ROUTES,
            f"limits must name routes of the table, like 'POST /device', not {route!r}",
        )
        _check_limit(f"the limit of {route}", limit)


def _device_rpm(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    _check(
        isinstance(value, Mapping) and value.keys() <= _SOFT_LIMITS,
        f"device_rpm must be a mapping of data_input and data_output, not {value!r}",
    )
    for name, limit in value.items():
        _check_limit(name, limit)


def _faults(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    _check(
        isinstance(value, Mapping),
        f"faults must be a mapping of names to probabilities, not {value!r}",
    )
    for fault, chance in value.items():
        # The template of a route has colons of its own.
        route, _, name = fault.rpartition(":")
        _check(name in FAULTS, f"faults must be of {', '.join(FAULTS)}, not {name!r}")
        _check(
            name == fault or route in _FAULTY_ROUTES,
            f"{fault} must name a route of the emulator, like 'POST /device', not {route!r}",
        )
        _check(
            _is_number(chance, 0, 1),
            f"the probability of {fault} must be a number from 0 to 1, not {chance!r}",
        )


def _variants(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    _check(isinstance(value, tuple), f"variants must be a list of names, not {value!r}")
    for name in value:
        _check(name in VARIANTS, f"variants must be of {', '.join(VARIANTS)}, not {name!r}")


def _as_names(value: Any) -> Any:
    # Iterating over a single text would yield its letters.
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _initial_devices(options: EmulatorOptions, _: attrs.Attribute[Any], value: Any) -> None:
    _check(
        _is_whole(value, 0, options.device_cap),
        f"devices must be a whole number from 0 to {options.device_cap}, "
        f"the profile's device cap, not {value!r}",
    )


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


@attrs.frozen(kw_only=True)
class EmulatorOptions:
    """Behaviour of the emulated service.

    Raises:
        ValueError: an option is out of bounds; the message names it.
    """

    plan: Plan = attrs.field(default="scale", validator=_plan)
    """Rate plan of the profile: sets the hard limits and the device cap."""
    minute: float = attrs.field(default=60.0, validator=_within(0.5, 3600))
    """Length of a limiter's window in seconds: 60 on TagoIO, from 0.5 to 3600 here."""
    port: int = attrs.field(default=0, validator=_whole(0, 65_535))
    """Port on 127.0.0.1; 0 takes a free one."""
    latency: float = attrs.field(default=0.0, validator=_within(0, 3600))
    """Seconds added between a request's arrival and its answer."""
    clock_offset: float = attrs.field(default=0.0, validator=_within(-_YEAR, _YEAR))
    """Seconds by which the server's clock is ahead of this machine's; it applies to the limiter's
    windows, the ``Date`` header and every stored date."""
    max_devices: int | None = attrs.field(
        default=None, validator=optional(_whole(0, 1_000_000_000))
    )
    """Maximum number of devices; None for the plan's documented cap."""
    devices: int = attrs.field(default=0, validator=_initial_devices)
    """Number of initial devices, named ``device-0001`` and so on; a reset creates them again. They
    are not counted as created."""
    seed: int | None = attrs.field(default=None, validator=optional(_whole(0, 2**63 - 1)))
    """Seed of the random ids and tokens, and of the faults, at most 63 bits; None makes each run
    different."""
    token: str | None = attrs.field(default=None, validator=optional(_token), repr=False)
    """The profile token to accept; None generates one."""
    limits: Mapping[str, int] = attrs.field(factory=dict, validator=_limits, hash=False)
    """Limits that differ from the plan's, by route (``"POST /device"``), per window."""
    device_rpm: Mapping[str, int] = attrs.field(factory=dict, validator=_device_rpm, hash=False)
    """Soft limits of each new device, ``data_input`` and ``data_output`` in requests per window, as
    set with the Control Tower add-on, which the profile then has."""
    unlimited: bool = attrs.field(default=False, validator=_boolean)
    """Whether to count requests without refusing any, to measure a machine's own rate."""
    faults: Mapping[str, float] = attrs.field(factory=dict, validator=_faults, hash=False)
    """Probabilities of faults from 0 to 1, by name (``"slow"``), or by route and name
    (``"POST /device:reset-after-commit"``), which overrides the name alone."""
    slow_seconds: float = attrs.field(default=3.0, validator=_within(0, 3600))
    """Seconds by which the fault ``slow`` delays an answer."""
    variants: tuple[str, ...] = attrs.field(default=(), converter=_as_names, validator=_variants)
    """Alternative behaviours, where TagoIO's is undocumented or differs between installations:
    names of `VARIANTS`."""
    state: str | None = attrs.field(default=None, converter=_as_text, validator=optional(_file))
    """File that stores the profile's contents, including its token, between runs: read at the
    start if it exists, written at the end; None for no file."""

    @property
    def device_cap(self) -> int:
        """Maximum number of devices."""
        return DEVICE_CAPS[self.plan] if self.max_devices is None else self.max_devices

    @property
    def hard_limits(self) -> HardLimits:
        """The plan's limits, with the overrides of `limits`."""
        hard_limits = HardLimits.for_plan(self.plan, self.minute)
        for route, limit in self.limits.items():
            hard_limits = hard_limits.override(route, limit)
        return hard_limits

    def to_json(self) -> str:
        """Return the options as one JSON object, for a command line."""
        return orjson.dumps(attrs.asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> EmulatorOptions:
        """Parse the output of `to_json`.

        Args:
            text: a JSON object whose keys are the names of options.

        Raises:
            ValueError: it is not JSON, or an option is out of bounds.
            TypeError: it names an option that does not exist.
        """
        return cls(**orjson.loads(text))
