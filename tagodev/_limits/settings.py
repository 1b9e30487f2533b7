"""Settings of the scheduler, validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import attrs

from tagodev._limits.clock import FLEET_SLACK
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev.hard_limits import HardLimits

__all__ = ["TRANSIT_MAX", "ColdStart", "Pacing", "Settings"]

Pacing = Literal["aligned", "steady"]
ColdStart = Literal["full", "adaptive", "next-window"]

#: How long after its connection ended a request may still be counted, in seconds.
TRANSIT_MAX: Final = 5.0


def _one_of(choices: Any) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in get_args(choices):
            names = ", ".join(get_args(choices))
            raise ConfigurationError(f"{attribute.name} is one of {names}, not {value!r}")

    return check


def _whole(low: int, high: int, *, optional: bool = False) -> Any:
    within = _within(low, high)

    def check(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        if not isinstance(value, int):
            raise ConfigurationError(f"{attribute.name} is a whole number, not {value!r}")
        within(instance, attribute, value)

    return check


def _within(low: float, high: float) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigurationError(f"{attribute.name} is a number, not {value!r}")
        if not low <= value <= high:
            raise ConfigurationError(f"{attribute.name} is from {low:g} to {high:g}, not {value}")

    return check


def _above_zero(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"{attribute.name} is a number of seconds above 0, not {value}")


@attrs.frozen
class Settings:
    """Settings of the scheduler; `Tago` accepts each of these as a keyword argument.

    Raises:
        ConfigurationError: a value is out of bounds.
    """

    limits: HardLimits
    """Limits of the service."""
    concurrency: int = attrs.field(default=32, kw_only=True, validator=_whole(1, 1000))
    """Requests in flight at once, over all routes."""
    share: float = attrs.field(default=1.0, kw_only=True, validator=_within(0.001, 1.0))
    """Fraction of each limit to use; below 1 it is spread over the window."""
    headroom: int | None = attrs.field(
        default=None, kw_only=True, validator=_whole(0, 1_000_000, optional=True)
    )
    """Requests per window to leave free of our part beside other clients; default: 1 % of it."""
    reserve: int | None = attrs.field(
        default=None, kw_only=True, validator=_whole(0, 1_000_000, optional=True)
    )
    """Requests per window that bulk leaves to interactive calls; default: their recent peak."""
    pacing: Pacing = attrs.field(default="aligned", kw_only=True, validator=_one_of(Pacing))
    """``aligned`` to the service's windows, or ``steady`` without them."""
    cold_start: ColdStart = attrs.field(default="full", kw_only=True, validator=_one_of(ColdStart))
    """How the first window is treated: as unused (``full``), as used in proportion to the time
    passed (``adaptive``), or as used up (``next-window``)."""
    fleet_slack: float = attrs.field(
        default=FLEET_SLACK, kw_only=True, validator=_within(0.0, 10.0)
    )
    """Maximum difference between the clocks of the service's machines, in seconds."""
    transit_max: float = attrs.field(default=TRANSIT_MAX, kw_only=True, validator=_within(0, 600))
    """How long a request without an answer may still reach the service, in seconds."""
    timeout: float = attrs.field(default=60.0, kw_only=True, validator=_above_zero)
    """Maximum duration of one attempt, in seconds."""

    @property
    def longest(self) -> float:
        """How long after its permit a request may still be counted, in seconds."""
        return self.timeout + self.transit_max
