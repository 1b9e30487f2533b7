"""From method and path to the handler.

A tree of path segments in plain dictionaries: one look-up a segment, however many routes there
are.
A literal segment is tried before a parameter, so that ``/device/token/:device_id`` never reads as
the device called ``token``; a trailing slash means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

import attrs

from tagodev.emulator.bodies import parse_object
from tagodev.emulator.query import Decoded, decode

if TYPE_CHECKING:
    from tagodev.emulator.options import EmulatorOptions
    from tagodev.emulator.store import Device, Store
    from tagodev.emulator.times import ServerClock

__all__ = ["Call", "Caller", "Handler", "Route", "Router", "TokenKind"]

TokenKind = Literal["profile", "device"]

#: Tokens a route is open to, unless it says otherwise.
PROFILE_ONLY: Final[frozenset[TokenKind]] = frozenset({"profile"})
ANY_TOKEN: Final[frozenset[TokenKind]] = frozenset({"profile", "device"})


@attrs.frozen
class Caller:
    """Whoever a request's token stands for."""

    kind: TokenKind
    """Kind of the token."""
    permission: str
    """What the token may do: full, read or write."""
    device: Device | None = None
    """The token's device, None for the profile token."""


@attrs.frozen
class Call:
    """One request on its way to a handler, and what the handler may work with."""

    caller: Caller
    path: tuple[str, ...]
    """Values of the template's parameters, in their order."""
    query_text: str
    raw_body: bytes
    store: Store
    clock: ServerClock
    options: EmulatorOptions

    def query(self) -> dict[str, Decoded]:
        """Return the decoded query."""
        return decode(self.query_text)

    def body(self) -> dict[str, Any]:
        """Return the body.

        Raises:
            RefusedError: it is not a JSON object.
        """
        return parse_object(self.raw_body)


Handler = Callable[[Call], Any]


@attrs.frozen
class Route:
    """One row of the routing table."""

    method: str
    template: str
    """The path, with parameters as ``:name``, as the table of hard limits writes it."""
    handler: Handler
    """Does the work and returns the envelope's ``result``, which is never None; synchronous, so
    that no other request sees half of it."""
    status: int = attrs.field(default=200, kw_only=True)
    """HTTP status of a success."""
    open_to: frozenset[TokenKind] = attrs.field(default=PROFILE_ONLY, kw_only=True)
    """Kinds of token that may ask."""
    key: str = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: f"{self.method} {self.template}", takes_self=True),
    )
    """Name of the route's counter: ``"POST /device"``."""
    needs: str = attrs.field(
        init=False,
        default=attrs.Factory(
            lambda self: "read" if self.method == "GET" else "write", takes_self=True
        ),
    )
    """Permission a token must have, if it has not all of them: read to look, write to change."""

    def admits(self, caller: Caller) -> bool:
        """Return whether the caller may use this route."""
        return caller.kind in self.open_to and caller.permission in {"full", self.needs}


@attrs.define
class _Node:
    literals: dict[str, _Node] = attrs.field(factory=dict)
    parameter: _Node | None = None
    routes: dict[str, Route] = attrs.field(factory=dict)


class Router:
    """Finds the route of a request.

    Args:
        routes: the whole table; each method and template stands in it once.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in route.template.strip("/").split("/"):
                if segment.startswith(":"):
                    node.parameter = node = node.parameter or _Node()
                else:
                    node = node.literals.setdefault(segment, _Node())
            node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """Return the route of a request and the values of its parameters, None if there is none.

        Args:
            method: in capitals.
            path: as it stands in the request, still percent-encoded, without the query.
        """
        segments = path.strip("/").split("/")
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        return _descend(self._root, method, segments, 0, ())


def _descend(
    node: _Node, method: str, segments: list[str], depth: int, values: tuple[str, ...]
) -> tuple[Route, tuple[str, ...]] | None:
    if depth == len(segments):
        route = node.routes.get(method)
        return None if route is None else (route, values)
    segment = segments[depth]
    literal = node.literals.get(segment)
    if literal is not None and (found := _descend(literal, method, segments, depth + 1, values)):
        return found
    if node.parameter is not None and segment:
        return _descend(node.parameter, method, segments, depth + 1, (*values, segment))
    return None
