"""The rate limits that TagoIO documents, as data.

TagoIO counts the requests of a profile per route, in windows that begin with each minute of the
server's own clock.
The scheduler (`tagodev._limits`) and the emulator (`tagodev.emulator`) both read the figures here.

Source: "Rate Limits: Hard Limits" and "Resource limits" of the TagoIO documentation, as of
2026-05-29.
A row with ``documented=False`` is missing from that table: its figures are assumptions, its note
says why, and `HardLimits.override` replaces them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_LIMIT",
    "DEVICE_CAPS",
    "HARD_LIMITS",
    "MAX_PARAMETERS_PER_DEVICE",
    "MAX_TAGS_PER_DEVICE",
    "SOURCE",
    "SOURCE_DATE",
    "HardLimit",
    "HardLimits",
    "Plan",
]

SOURCE: Final = "docs.tago.io: Rate Limits, Hard Limits"
SOURCE_DATE: Final = "2026-05-29"

Plan = Literal["free", "starter", "scale"]

#: Devices a profile may hold (docs.tago.io: Resource limits).
DEVICE_CAPS: Final[Mapping[Plan, int]] = MappingProxyType(
    {"free": 5, "starter": 100, "scale": 10_000}
)
#: Tags a device may carry (docs.tago.io: Tags).
MAX_TAGS_PER_DEVICE: Final = 30
#: Configuration parameters a device may carry (docs.tago.io: Configuration parameters).
MAX_PARAMETERS_PER_DEVICE: Final = 60


@attrs.frozen
class HardLimit:
    """A row of the table: requests per minute that each plan may send to a route."""

    route: str
    """Method and path template, with the query if that has a counter of its own:
    ``"GET /device/:device_id"``, ``"GET /data?query=aggregate"``.
    """
    free: int
    """Requests a minute on the Free plan."""
    starter: int
    """Requests a minute on the Starter plan."""
    scale: int
    """Requests a minute on the Scale plan."""
    per_device: bool = attrs.field(default=False, kw_only=True)
    """Whether a soft limit may limit one device to less."""
    documented: bool = attrs.field(default=True, kw_only=True)
    """Whether the figures are documented, or assumed."""
    note: str = attrs.field(default="", kw_only=True)
    """The documentation's name of the row, or the reason for the assumed figures."""

    def of(self, plan: Plan) -> int:
        """Return the figure of a plan, in requests per minute."""
        figure: int = getattr(self, plan)
        return figure


_LIKE_EDIT = "not in the table: assumed like edit"
_ELIDED = "row left out of the published table: the figures of its group"
_SAME_AS_DATA = "the route by device id is treated as the same counter"

HARD_LIMITS: Final[tuple[HardLimit, ...]] = (
    HardLimit("POST /device", 10, 250, 5000, note="create"),
    HardLimit("DELETE /device/:device_id", 10, 250, 5000, note="delete"),
    HardLimit("GET /device", 50, 100, 500, note="list"),
    HardLimit("GET /device/:device_id", 100, 1000, 5000, note="info"),
    HardLimit("GET /device/token/:device_id", 100, 1000, 5000, note="list tokens"),
    HardLimit("GET /device/:device_id/data_amount", 100, 1000, 5000),
    HardLimit("GET /device/:device_id/chunk", 100, 1000, 15_000),
    HardLimit("GET /device/params", 100, 1000, 5000, note="device token"),
    HardLimit(
        "GET /device/:device_id/params",
        100,
        1000,
        5000,
        note="documented as GET /device/params/:device_id",
    ),
    HardLimit("PUT /device/:device_id", 50, 250, 2000, note="edit"),
    HardLimit("POST /device/token", 50, 250, 2000, note="create token"),
    HardLimit("DELETE /device/token/:token", 50, 250, 2000, note="delete token"),
    HardLimit("POST /device/:device_id/convert", 50, 250, 2000),
    HardLimit("POST /device/:device_id/empty", 50, 250, 2000),
    HardLimit(
        "POST /device/:device_id/chunk/backup",
        50,
        250,
        2000,
        note="documented as chunk/copy; the two share one counter",
    ),
    HardLimit("DELETE /device/:device_id/chunk/:chunk_id", 50, 250, 2000),
    HardLimit("POST /device/:device_id/params", 50, 250, 2000, documented=False, note=_LIKE_EDIT),
    HardLimit(
        "DELETE /device/:device_id/params/:param_id",
        50,
        250,
        2000,
        documented=False,
        note=_LIKE_EDIT,
    ),
    HardLimit(
        "PUT /device/params/:param_id",
        50,
        250,
        2000,
        documented=False,
        note=f"device token; {_LIKE_EDIT}",
    ),
    HardLimit(
        "POST /device/:device_id/data/backup", 50, 250, 2000, documented=False, note=_LIKE_EDIT
    ),
    HardLimit(
        "POST /device/:device_id/data/restore", 50, 250, 2000, documented=False, note=_LIKE_EDIT
    ),
    HardLimit(
        "GET /device/:device_id/statistics",
        100,
        1000,
        5000,
        documented=False,
        note="not in the table: assumed like info",
    ),
    HardLimit("GET /data", 250, 5000, 15_000, per_device=True, note=_SAME_AS_DATA),
    HardLimit("POST /data", 250, 5000, 15_000, per_device=True, note=_SAME_AS_DATA),
    HardLimit("PUT /data", 60, 250, 1000, note=_SAME_AS_DATA),
    HardLimit("DELETE /data", 60, 250, 1000, note=_SAME_AS_DATA),
    HardLimit("GET /data?query=aggregate", 5, 10, 100, note="counted against GET /data too"),
    HardLimit("GET /tags/keys/:type", 60, 100, 1000),
    HardLimit("GET /info", 60, 5000, 10_000, note="what a token is"),
    HardLimit("POST /integration/network", 60, 100, 500, note="create"),
    *(
        HardLimit(route, 60, 100, 500, documented=False, note=_ELIDED)
        for route in (
            "GET /integration/network",
            "GET /integration/network/:network_id",
            "PUT /integration/network/:network_id",
            "DELETE /integration/network/:network_id",
            "GET /integration/connector",
            "POST /integration/connector",
            "GET /integration/connector/:connector_id",
            "PUT /integration/connector/:connector_id",
            "DELETE /integration/connector/:connector_id",
            "GET /integration/network/token/:network_id",
            "POST /integration/network/token",
            "DELETE /integration/network/token/:token",
            "GET /integration/network/resolve/:serial",
            "GET /integration/network/resolve/:serial/:authorization",
            "GET /integration/network/:network_id/devices",
            "POST /integration/network/:device_id/params",
            "POST /integration/network/data",
            "POST /integration/network/publish",
        )
    ),
    HardLimit("POST /serviceauth", 60, 100, 200, note="create an authorization"),
    HardLimit("GET /account", 50, 100, 500),
    HardLimit("GET /account/plan", 50, 100, 500, documented=False, note=_ELIDED),
    *(
        HardLimit(route, 60, 100, 200, documented=False, note=_ELIDED)
        for route in (
            "GET /serviceauth",
            "PUT /serviceauth/:token",
            "DELETE /serviceauth/:token",
            "GET /profile",
            "GET /profile/:profile_id",
            "GET /profile/:profile_id/summary",
            "GET /profile/:profile_id/token",
            "POST /profile/:profile_id/token",
            "DELETE /profile/:profile_id/token/:token",
        )
    ),
)

#: Any route not listed: the lowest of the common figures.
DEFAULT_LIMIT: Final = HardLimit(
    "any other route", 50, 100, 500, documented=False, note="the most careful common figures"
)


def _positive_int(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = f"{attribute.name} must be a whole number of at least 1, not {value!r}"
        raise ValueError(msg)


def _window_length(_: object, __: attrs.Attribute[float], value: float) -> None:
    if not 0.5 <= value <= 3600:
        msg = f"minute is the window's length in seconds, from 0.5 to 3600, not {value:g}"
        raise ValueError(msg)


def _freeze(limits: Mapping[str, int]) -> Mapping[str, int]:
    for route, limit in limits.items():
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            msg = f"the limit of {route} must be a whole number of at least 1, not {limit!r}"
            raise ValueError(msg)
    return MappingProxyType(dict(limits))


@attrs.frozen
class HardLimits:
    """The requests that each route accepts in one window, and the window's length.

    Examples:
        >>> limits = HardLimits.for_plan("scale").override("POST /device", 1200)
        >>> limits.limit("POST /device"), limits.limit("GET /device"), limits.minute
        (1200, 500, 60.0)
    """

    name: str
    """The name of these limits in messages: a plan's name, or your own."""
    per_route: Mapping[str, int] = attrs.field(converter=_freeze)
    """Requests per window by route (``"POST /device"``)."""
    default: int = attrs.field(default=50, kw_only=True, validator=_positive_int)
    """Requests per window of any route that `per_route` does not list."""
    minute: float = attrs.field(
        default=60.0, kw_only=True, converter=float, validator=_window_length
    )
    """Length of a window in seconds: 60 on TagoIO, shorter only against an emulator."""

    @classmethod
    def for_plan(cls, plan: Plan, minute: float = 60.0) -> HardLimits:
        """Return the documented limits of a plan.

        Args:
            plan: ``"free"``, ``"starter"`` or ``"scale"``.
            minute: length of a window in seconds, 60 on TagoIO.
                A shorter one is for an emulator that was started with the same figure.

        Raises:
            ValueError: the plan is not one of the three, or the minute is out of bounds.
        """
        if plan not in get_args(Plan):
            msg = f"unknown plan {plan!r}: give free, starter or scale, or custom HardLimits"
            raise ValueError(msg)
        return cls(
            plan,
            {row.route: row.of(plan) for row in HARD_LIMITS},
            default=DEFAULT_LIMIT.of(plan),
            minute=minute,
        )

    def override(self, route: str, limit: int) -> HardLimits:
        """Return limits with another figure for one route, for a custom contract.

        Args:
            route: method and path template, as in the table: ``"POST /device"``.
            limit: requests per window, at least 1.

        Raises:
            ValueError: the figure is below 1.
        """
        return attrs.evolve(self, per_route={**self.per_route, route: limit})

    def limit(self, route: str) -> int:
        """Return the requests per window that the route accepts."""
        return self.per_route.get(route, self.default)
