"""Routing: finds the handler for a method and a path.

A tree of path segments in dictionaries needs one lookup per segment, however many routes there are.
A literal segment takes precedence over a parameter, so ``/device/token/:device_id`` never matches
the device ``token``; a trailing slash is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import unquote

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import Decoded, decode, text
from tagodev.emulator._http.validation import parse_object
from tagodev.emulator._model.access_tokens import TokenKind

if TYPE_CHECKING:
    from tagodev.emulator._model.access_tokens import AccessToken
    from tagodev.emulator._model.store import Device, Store
    from tagodev.emulator._model.time import ServerClock
    from tagodev.hard_limits import Plan

__all__ = [
    "ANONYMOUS",
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
    "RouteOptions",
    "Router",
]

#: Tokens that manage a profile's resources: the default of a route.
RESOURCE_TOKENS: Final[frozenset[TokenKind]] = frozenset({"profile", "analysis"})
PROFILE_ONLY: Final[frozenset[TokenKind]] = frozenset({"profile"})
NETWORK_ONLY: Final[frozenset[TokenKind]] = frozenset({"network"})
DEVICE_ONLY: Final[frozenset[TokenKind]] = frozenset({"device"})
ANY_TOKEN: Final[frozenset[TokenKind]] = frozenset(get_args(TokenKind))
#: For a route that requires no token and is not counted.
NO_TOKEN: Final[frozenset[TokenKind]] = frozenset()


@attrs.frozen
class Caller:
    """The owner of a request's token."""

    kind: TokenKind | None
    """Kind of the token; None on a route that requires none."""
    permission: str
    """Permission of the token: full, read or write."""
    device: Device | None = None
    """The device of a device token, None for every other kind."""
    access: AccessToken | None = None
    """The token itself, None for a device token."""


#: The caller of a route that requires no token.
ANONYMOUS: Final = Caller(None, "full")


@attrs.frozen(kw_only=True)
class RouteOptions:
    """The options of the emulator that its routes depend on."""

    plan: Plan
    """Rate plan of the profile."""
    device_rpm: Mapping[str, int]
    """Soft limits of each new device."""
    variants: tuple[str, ...]
    """Names of alternative behaviours."""

    @property
    def plan_name(self) -> str:
        """The name that the service returns for its rate plan."""
        return "enterprise" if "unknown-plan" in self.variants else self.plan


@attrs.frozen
class Call:
    """One request to a handler, with the emulator's state."""

    caller: Caller
    path: tuple[str, ...]
    """Values of the template's parameters, in order."""
    query_text: str
    raw_body: bytes
    store: Store
    clock: ServerClock
    options: RouteOptions

    def query(self) -> dict[str, Decoded]:
        """Return the decoded query."""
        return decode(self.query_text)

    def body(self) -> dict[str, Any]:
        """Return the body.

        Raises:
            RefusedError: it is not a JSON object.
        """
        return parse_object(self.raw_body)

    def device(self) -> Device:
        """Return the device of a device token, otherwise that of the first id in the path.

        Raises:
            RefusedError: the device of the token is deactivated, or no device has the id.
        """
        device = self.caller.device
        if device is None:
            return self.store.device(self.path[0])
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
    """Returns the envelope's ``result``, which is never None; synchronous, so that requests are
    atomic."""
    status: int = attrs.field(default=200, kw_only=True)
    """HTTP status of a success."""
    open_to: frozenset[TokenKind] = attrs.field(default=RESOURCE_TOKENS, kw_only=True)
    """Kinds of token that may use the route; empty if it requires no token."""
    counted_as: tuple[str, ...] = attrs.field(
        default=attrs.Factory(lambda self: (self.key,), takes_self=True), kw_only=True
    )
    """Names of the counters that count a request, all or none: by default its own."""
    counted_by_query: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, kw_only=True)
    """Counters by the ``query`` parameter, for queries with counters of their own."""
    is_paged: bool = attrs.field(default=False, kw_only=True)
    """Whether its answers are pages of a list."""

    @property
    def key(self) -> str:
        """Method and template: ``"POST /device"``."""
        return f"{self.method} {self.template}"

    def counters(self, query_text: str) -> tuple[str, ...]:
        """Return the names of the counters that count a request with such a query."""
        if not self.counted_by_query:
            return self.counted_as
        query = text(decode(query_text).get("query")) or ""
        return self.counted_by_query.get(query, self.counted_as)

    def admits(self, caller: Caller) -> bool:
        """Return whether the caller may use this route.

        The write permission covers creating and editing; only a device token may delete with it.
        """
        if caller.kind not in self.open_to:
            return not self.open_to
        if caller.permission == "full":
            return True
        deletes = self.method == "DELETE" and caller.kind != "device"
        needed = "read" if self.method == "GET" else "write"
        return caller.permission == needed and not deletes


@attrs.define
class _Node:
    literals: dict[str, _Node] = attrs.field(factory=dict)
    parameter: _Node | None = None
    routes: dict[str, Route] = attrs.field(factory=dict)


class Router:
    """Finds the route of a request.

    Args:
        routes: the whole table; each method and template occurs once.
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
            path: as in the request, still percent-encoded, without the query.
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
