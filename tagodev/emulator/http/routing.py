"""From method and path to the handler.

A tree of path segments in plain dictionaries: one look-up a segment, however many routes there
are.
A literal segment is tried before a parameter, so that ``/device/token/:device_id`` never reads as
the device called ``token``; a trailing slash means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from urllib.parse import unquote

import attrs

from tagodev.emulator.http.errors import RefusedError
from tagodev.emulator.http.query import Decoded, decode, text
from tagodev.emulator.http.validation import parse_object

if TYPE_CHECKING:
    from tagodev.emulator.model.access_tokens import AccessToken
    from tagodev.emulator.model.store import Device, Store
    from tagodev.emulator.model.time import ServerClock
    from tagodev.emulator.options import EmulatorOptions

__all__ = [
    "ANYBODY",
    "ANY_TOKEN",
    "DEVICE_ONLY",
    "NETWORK_ONLY",
    "NO_TOKEN",
    "PROFILE_ONLY",
    "RESOURCE_TOKENS",
    "Call",
    "Caller",
    "Handler",
    "Route",
    "Router",
    "TokenKind",
]

TokenKind = Literal["profile", "analysis", "network", "authorization", "device"]

#: Tokens that look after a profile's resources: what a route is open to, unless it says otherwise.
RESOURCE_TOKENS: Final[frozenset[TokenKind]] = frozenset({"profile", "analysis"})
PROFILE_ONLY: Final[frozenset[TokenKind]] = frozenset({"profile"})
NETWORK_ONLY: Final[frozenset[TokenKind]] = frozenset({"network"})
DEVICE_ONLY: Final[frozenset[TokenKind]] = frozenset({"device"})
ANY_TOKEN: Final[frozenset[TokenKind]] = frozenset(get_args(TokenKind))
#: Of a route that asks for no token at all, and counts for nobody.
NO_TOKEN: Final[frozenset[TokenKind]] = frozenset()


@attrs.frozen
class Caller:
    """Whoever a request's token stands for."""

    kind: TokenKind | None
    """Kind of the token; None on a route that asks for none."""
    permission: str
    """What the token may do: full, read or write."""
    device: Device | None = None
    """The device of a device token, None for every other kind."""
    access: AccessToken | None = None
    """The token itself, None for a device token."""


#: Who asks where no token is asked for.
ANYBODY: Final = Caller(None, "full")


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

    def own_device(self) -> Device:
        """Return the device whose token asks.

        Raises:
            RefusedError: it is deactivated.
        """
        device = self.caller.device
        assert device is not None
        if not device.active:
            raise RefusedError(400, "Device is deactivated")
        return device


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
    open_to: frozenset[TokenKind] = attrs.field(default=RESOURCE_TOKENS, kw_only=True)
    """Kinds of token that may ask; none at all opens the route to everybody."""
    key: str = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: f"{self.method} {self.template}", takes_self=True),
    )
    """Method and template: ``"POST /device"``."""
    counted_as: tuple[str, ...] = attrs.field(
        default=attrs.Factory(lambda self: (self.key,), takes_self=True), kw_only=True
    )
    """Names of the counters that a request takes from, of all or of none: by default its own."""
    counted_by_query: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, kw_only=True)
    """The counters instead, by the ``query`` parameter: for ways of asking with their own."""
    needs: str = attrs.field(
        init=False,
        default=attrs.Factory(
            lambda self: "read" if self.method == "GET" else "write", takes_self=True
        ),
    )
    """Permission a token must have, if it has not all of them: read to look, write to change."""

    def counters(self, query_text: str) -> tuple[str, ...]:
        """Return the names of the counters that a request with such a query takes from."""
        if not self.counted_by_query:
            return self.counted_as
        asked = text(decode(query_text).get("query")) or ""
        return self.counted_by_query.get(asked, self.counted_as)

    def admits(self, caller: Caller) -> bool:
        """Return whether the caller may use this route.

        To write is to create and to edit; only a device token deletes with it, what it has sent.
        """
        if caller.kind not in self.open_to:
            return not self.open_to
        if caller.permission == "full":
            return True
        deletes = self.method == "DELETE" and caller.kind != "device"
        return caller.permission == self.needs and not deletes


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
