"""Routes: what the service counts requests by."""

from __future__ import annotations

import re
from typing import Final

import attrs

from tagodev.errors import InputError

__all__ = ["Route"]

_PLACEHOLDER: Final = re.compile(r":[a-z_]+")
# Ids are 24 hex digits and tokens are UUIDs, but TagoDeploy may differ; what must not pass is
# anything that would make another path of it: an empty value, a slash, dots.
_is_safe: Final = re.compile(r"[A-Za-z0-9_-]{1,128}").fullmatch


@attrs.frozen
class Route:
    """A method and a path template, counted by the service as one.

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
    """The table's name of the counter, where that is not method and template: a route that shares
    another's (``GET /data``), or one that a query sets apart (``GET /data?query=aggregate``)."""
    also: Route | None = attrs.field(default=None, kw_only=True)
    """A second route whose counter each request takes from too."""
    name: str = attrs.field(
        init=False,
        eq=False,
        default=attrs.Factory(
            lambda self: self.counted_as or f"{self.method} {self.template}", takes_self=True
        ),
    )
    """How the table of limits names it."""

    _fixed: str = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: _PLACEHOLDER.sub("%s", self.template), takes_self=True),
    )

    def path(self, *values: str) -> str:
        """Return the path with its placeholders filled, left to right.

        Raises:
            InputError: a value that is empty or would lead to another route.
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
        # The value may be a token that went astray: it is neither repeated nor kept.
        del value, values
        raise InputError("must be 1 to 128 letters, digits, dashes or underscores", path=wrong[0])
