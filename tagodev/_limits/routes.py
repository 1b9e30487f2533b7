"""Routes: the unit by which the service counts requests."""

from __future__ import annotations

import re
from typing import Final

import attrs

from tagodev.errors import InputError
from tagodev.hard_limits import HARD_LIMITS

__all__ = ["CLOCK_ROUTE", "Route"]

#: The route that queries the time where no other request may go before it is known.
CLOCK_ROUTE: Final = "GET /info"

_PER_DEVICE: Final = frozenset(row.route for row in HARD_LIMITS if row.per_device)
_PLACEHOLDER: Final = re.compile(r":[a-z_]+")
# Ids are 24 hex digits and tokens are UUIDs, but TagoDeploy may differ. Values that would change
# the path are rejected: empty ones, slashes, dots.
_is_safe: Final = re.compile(r"[A-Za-z0-9_-]{1,128}").fullmatch


@attrs.frozen
class Route:
    """A method and a path template, which the service counts as one.

    Examples:
        >>> route = Route("GET", "/device/:device_id")
        >>> route.name, route.path("581bc7233148f62587e2d507")
        ('GET /device/:device_id', '/device/581bc7233148f62587e2d507')
    """

    method: str
    """``GET``, ``POST``, ``PUT`` or ``DELETE``."""
    template: str
    """The path with ``:placeholders``."""
    counted_as: str = attrs.field(default="", kw_only=True)
    """Name of the counter in the table of limits, if it differs from method and template: a counter
    shared with another route (``GET /data``), or one of a query (``GET /data?query=aggregate``).
    """
    also: Route | None = attrs.field(default=None, kw_only=True)
    """A second route that each request is counted by."""
    name: str = attrs.field(
        init=False,
        eq=False,
        default=attrs.Factory(
            lambda self: self.counted_as or f"{self.method} {self.template}", takes_self=True
        ),
    )
    """Name in the table of limits."""

    device_at: int | None = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: self._find_device(), takes_self=True),
    )
    """Which segment of the path is the device, where a soft limit may limit one device."""
    _fixed: str = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: _PLACEHOLDER.sub("%s", self.template), takes_self=True),
    )

    def _find_device(self) -> int | None:
        segments = self.template.split("/")
        limited = self.name in _PER_DEVICE and ":device_id" in segments
        return segments.index(":device_id") if limited else None

    def device(self, path: str) -> str:
        """Return the device in a path, if a soft limit may limit it alone; otherwise ``""``.

        Args:
            path: the path, with the query if there is one.
        """
        return "" if self.device_at is None else path.split("/")[self.device_at]

    def path(self, *values: str) -> str:
        """Return the path with its placeholders filled in, left to right.

        Raises:
            InputError: a value is empty or would change the route.
        """
        for value in values:
            if not isinstance(value, str) or not _is_safe(value):
                break
        else:
            return self._fixed % values
        wrong = [
            name[1:]
            for name, value in zip(_PLACEHOLDER.findall(self.template), values, strict=True)
            if not isinstance(value, str) or not _is_safe(value)
        ]
        # The value may be a token passed by mistake: do not keep it in the traceback.
        del value, values
        raise InputError("must be 1 to 128 letters, digits, dashes or underscores", path=wrong[0])
