"""The whole service short of HTTP: who asks, how often, and what for.

Everything here is synchronous, so each request is one step that no other sees half done, and the
tests of limits and clocks need no sockets.
The order of the checks is the service's: an unknown route is nobody's business and not counted;
then the token; then the limit, which counts whatever the answer will be; then the permission and
the work itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator import account, devices, tokens
from tagodev.emulator.limiter import HardLimiter, RouteCount
from tagodev.emulator.refusal import RefusedError
from tagodev.emulator.routing import Call, Caller, Route, Router
from tagodev.emulator.store import Store, bare
from tagodev.emulator.times import ServerClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagodev.emulator.options import EmulatorOptions

__all__ = ["ROUTES", "Admitted", "Service"]

#: The routing table. A new group of routes is a module with a table of its own, named here.
ROUTES: Final[tuple[Route, ...]] = (*devices.ROUTES, *tokens.ROUTES, *account.ROUTES)

# The names of a token's header, in the order in which the service looks for them.
_TOKEN_HEADERS: Final = (
    "account-token",
    "profile-token",
    "device-token",
    "public-token",
    "analysis-token",
    "token",
    "authorization",
    "authorized",
    "middleware-token",
    "network-token",
    "authentication",
)


@attrs.frozen
class Admitted:
    """A request that was counted and let through, before its body is read."""

    route: Route
    caller: Caller
    path: tuple[str, ...]
    query_text: str


class Service:
    """One profile of the emulated service.

    Args:
        options: how it behaves.
        clock: the server's clock; by default this machine's plus the options' offset.
    """

    def __init__(self, options: EmulatorOptions, clock: ServerClock | None = None) -> None:
        self.options: Final = options
        self.clock: Final = clock or ServerClock(options.clock_offset)
        self.store: Final = Store(options.device_cap, options.seed)
        self.token: Final = options.token or f"p-{self.store.new_token()}"
        self._bare_token = bare(self.token)
        self._profile_caller = Caller("profile", "full")
        self._router = Router(ROUTES)
        self._limiter = HardLimiter(self._limit_of(), options.minute, self.clock.now)

    def _limit_of(self) -> Callable[[str], int | None]:
        if self.options.unlimited:
            return lambda _: None
        return self.options.hard_limits.limit

    def admit(self, method: str, target: str, headers: Mapping[str, str]) -> Admitted:
        """Take a request as it arrives: find its route, know its token, count it.

        Args:
            method: in capitals.
            target: path and query as they stand in the request.
            headers: without regard to letter case.

        Raises:
            RefusedError: the route or the token is unknown, the limit is reached, or the token may
                not use the route.
        """
        path, _, query_text = target.partition("?")
        found = self._router.find(method, path)
        if found is None:
            raise RefusedError(404, "Route Not Found")
        route, values = found
        caller = self._caller(headers)
        wait = self._limiter.admit(self.store.profile, route.key)
        if wait:
            message = f"Too many requests (Retry-After: {wait})"
            raise RefusedError(429, message, retry_after=wait)
        if not route.admits(caller):
            raise RefusedError(401, "Authorization Denied")
        return Admitted(route, caller, values, query_text)

    def answer(self, admitted: Admitted, raw_body: bytes) -> Any:
        """Do what an admitted request asks for.

        Args:
            admitted: from `admit`.
            raw_body: the request's body.

        Returns:
            The envelope's ``result``.

        Raises:
            RefusedError: it can't be done; nothing has changed.
        """
        call = Call(
            admitted.caller,
            admitted.path,
            admitted.query_text,
            raw_body,
            self.store,
            self.clock,
            self.options,
        )
        return admitted.route.handler(call)

    def _caller(self, headers: Mapping[str, str]) -> Caller:
        for name in _TOKEN_HEADERS:
            presented = headers.get(name)
            if presented and presented != "null":
                break
        else:
            raise RefusedError(401, "Invalid token")
        text = bare(presented)
        if text == self._bare_token:
            return self._profile_caller
        token = self.store.tokens.get(text)
        if token is None or (token.expires is not None and token.expires <= self.clock.now()):
            raise RefusedError(401, f"Invalid token: {presented}")
        return Caller("device", token.permission, token.device)

    def stats(self) -> dict[str, Any]:
        """Return what the emulator has seen and holds; see `tagodev.emulator.Emulator.stats`."""
        counts = sorted(
            ((route, count) for _, route, count in self._limiter.counts()),
            key=lambda pair: pair[0],
        )
        return {
            "plan": self.options.plan,
            "minute": self.options.minute,
            "clock_offset": self.options.clock_offset,
            "now": self.clock.now(),
            "devices": len(self.store.devices),
            "tokens": len(self.store.tokens),
            "duplicates": self.store.duplicates(),
            "accepted": sum(count.accepted for _, count in counts),
            "rejected": sum(count.rejected for _, count in counts),
            "created": self.store.created,
            "deleted": self.store.deleted,
            "routes": {route: _route_stats(count) for route, count in counts},
        }

    def reset(self) -> None:
        """Forget devices, tokens and counts; the profile and its token stay."""
        self.store.clear()
        self._limiter.reset()


def _route_stats(count: RouteCount) -> dict[str, Any]:
    return {
        "limit": count.limit,
        "accepted": count.accepted,
        "rejected": count.rejected,
        "windows": [attrs.asdict(window) for window in count.windows],
    }
