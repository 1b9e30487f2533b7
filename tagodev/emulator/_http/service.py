"""The emulated service without HTTP: tokens, limits and the routing table.

Everything here is synchronous, so each request is atomic, and the tests of limits and clocks need
no sockets.
The order of the checks is the service's: an unknown route is refused and not counted; then the
token is checked; then the limit, which counts whatever the answer will be; then the permission; and
then the request is carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev.emulator._http.answers import AnswerWriter
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.limiter import HardLimiter, RouteCount
from tagodev.emulator._http.routing import ANONYMOUS, Call, Caller, Route, RouteOptions, Router
from tagodev.emulator._model.access_tokens import AccessToken, TokenKind, bare
from tagodev.emulator._model.public_networks import CUSTOM_HTTPS_NETWORK, CUSTOM_HTTPS_PLACE
from tagodev.emulator._model.store import Store, Token
from tagodev.emulator._model.time import ServerClock
from tagodev.emulator._routes import ROUTES
from tagodev.emulator._variants import DATA_BY_ID, varied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagodev.emulator._options import EmulatorOptions
    from tagodev.hard_limits import Plan

__all__ = ["Admitted", "Service"]

# The names of a token's header, in order of precedence.
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

#: The device's soft limit that applies to a counter.
_SOFT_LIMITS: Final[Mapping[str, str]] = {
    "POST /data": "data_input",
    "GET /data": "data_output",
    "POST /device/:device_id/data": "data_input",
    "GET /device/:device_id/data": "data_output",
}
_CREATE_DEVICE: Final = next(route for route in ROUTES if route.key == "POST /device")
#: Separates the name of a counter from the id of its device.
_OF_DEVICE: Final = "?device="


@attrs.frozen
class Admitted:
    """A request that was counted and accepted, before its body is read."""

    route: Route
    caller: Caller
    path: tuple[str, ...]
    query_text: str


class Service:
    """One profile of the emulated service.

    Args:
        options: behaviour of the emulator.
        clock: the server's clock; by default this machine's plus the options' offset.
    """

    def __init__(self, options: EmulatorOptions, clock: ServerClock | None = None) -> None:
        self.options: EmulatorOptions = options
        self._route_options = _of_routes(options)
        self._first_options: Final = options
        self.clock: Final = clock or ServerClock(options.clock_offset)
        self.store: Final = Store(
            options.device_cap,
            options.seed,
            self.clock.now(),
            serials_repeat="serials-repeat" in options.variants,
        )
        self.token: Final = options.token or f"p-{self.store.new_token()}"
        self._give_tokens()
        self._router = Router(varied(ROUTES, options.variants))
        self._answers = AnswerWriter(options.variants)
        self._limiter = HardLimiter(self._limit_of(), options.minute, self.clock.now)

    def _give_tokens(self) -> None:
        """Create one token of each kind except device tokens."""
        store = self.store
        made: dict[TokenKind, tuple[str, str]] = {
            "profile": (self.token, store.profile),
            "analysis": (f"a-{store.new_token()}", store.new_id()),
            "network": (f"n-{store.new_token()}", CUSTOM_HTTPS_NETWORK),
            "authorization": (store.new_authorization(), store.profile),
        }
        for kind, (text, ref_id) in made.items():
            store.keyring.give(AccessToken(text, kind, ref_id, "Default", store.founded))

    @property
    def tokens_by_kind(self) -> dict[TokenKind, str]:
        """The initial tokens. They are not real ones, so they may be printed."""
        return self.store.keyring.given()

    def _limit_of(self) -> Callable[[str], int | None]:
        if self.options.unlimited:
            return lambda _: None
        hard_limit = self.options.hard_limits.limit

        def limit(counter: str) -> int | None:
            route, mark, device_id = counter.partition(_OF_DEVICE)
            return (
                self._soft_limit(route, device_id)
                if mark
                else hard_limit(DATA_BY_ID.get(route, route))
            )

        return limit

    def _soft_limit(self, counter: str, device_id: str) -> int | None:
        """Return a device's limit on the routes of a counter, None if it has none."""
        device = self.store.devices.get(device_id)
        rpm = None if device is None else device.rpm
        return None if rpm is None else rpm.get(_SOFT_LIMITS[counter])

    def _counters(self, admitted: Admitted) -> tuple[str, ...]:
        """Return the names of the counters that count a request."""
        counters = admitted.route.counters(admitted.query_text)
        # The last one is the route's, even if the query has a counter of its own.
        if counters[-1] not in _SOFT_LIMITS:
            return counters
        device = admitted.caller.device
        # A caller without a device token names the device in the path.
        device_id = next(iter(admitted.path), "") if device is None else device.id
        if self._soft_limit(counters[-1], device_id) is None:
            return counters
        return (*counters, f"{counters[-1]}{_OF_DEVICE}{device_id}")

    def admit(self, method: str, target: str, headers: Mapping[str, str]) -> Admitted:
        """Accept a request: find its route, check its token, count it.

        Args:
            method: in capitals.
            target: path and query as in the request.
            headers: case-insensitive.

        Raises:
            RefusedError: the route or the token is unknown, the limit is reached, or the token may
                not use the route.
        """
        path, _, query_text = target.partition("?")
        found = self._router.find(method, path)
        if found is None:
            raise RefusedError(404, "Route Not Found")
        route, values = found
        if not route.open_to:
            return Admitted(route, ANONYMOUS, values, query_text)
        caller = self._caller(headers)
        admitted = Admitted(route, caller, values, query_text)
        wait = self._limiter.admit(*self._counters(admitted))
        if wait:
            message = f"Too many requests (Retry-After: {wait})"
            raise RefusedError(429, message, retry_after=wait)
        if not route.admits(caller):
            raise RefusedError(401, "Authorization Denied")
        return admitted

    def answer(self, admitted: Admitted, raw_body: bytes) -> Any:
        """Carry out an admitted request.

        Args:
            admitted: from `admit`.
            raw_body: the request's body.

        Returns:
            The envelope's ``result``.

        Raises:
            RefusedError: the request is invalid; nothing has changed.
        """
        call = Call(
            admitted.caller,
            admitted.path,
            admitted.query_text,
            raw_body,
            self.store,
            self.clock,
            self._route_options,
        )
        return admitted.route.handler(call)

    def success(self, route: Route, result: Any) -> bytes:
        """Return the body of a successful answer.

        Args:
            route: the request's route.
            result: from `answer`.
        """
        return self._answers.write(route.key, result)

    def add_devices(self, count: int) -> None:
        """Create initial devices, ``device-0001`` and so on, on custom HTTPS.

        Args:
            count: their number, within the device cap.
        """
        digits = max(4, len(str(count)))
        admitted = Admitted(_CREATE_DEVICE, Caller("profile", "full"), (), "")
        for number in range(1, count + 1):
            body = {"name": f"device-{number:0{digits}}", **CUSTOM_HTTPS_PLACE}
            # The base class's own method: faults of requests do not apply here.
            Service.answer(self, admitted, orjson.dumps(body))
        self.store.created = 0

    def _caller(self, headers: Mapping[str, str]) -> Caller:
        for name in _TOKEN_HEADERS:
            presented = headers.get(name)
            if presented and presented != "null":
                break
        else:
            raise RefusedError(401, "Invalid token")
        text = bare(presented)
        token = self.store.keyring.get(text) or self.store.tokens.get(text)
        if token is None or token.is_expired(self.clock.now()):
            raise RefusedError(401, f"Invalid token: {presented}")
        if isinstance(token, Token):
            return Caller("device", token.permission, device=token.device)
        return Caller(token.kind, token.permission, access=token)

    def stats(self) -> dict[str, Any]:
        """Return the statistics; see `tagodev.emulator.Emulator.stats`."""
        return {
            "plan": self.options.plan,
            "minute": self.options.minute,
            "clock_offset": self.options.clock_offset,
            "now": self.clock.now(),
            "devices": len(self.store.devices),
            "tokens": len(self.store.tokens),
            "duplicates": self.store.duplicates(),
            "accepted": self._limiter.accepted,
            "rejected": self._limiter.rejected,
            "created": self.store.created,
            "deleted": self.store.deleted,
            "routes": {
                route: _route_stats(count)
                for route, count in sorted(self._limiter.counts().items())
            },
        }

    def change_plan(self, plan: Plan) -> None:
        """Change the profile's rate plan; its contents and counts stay.

        Args:
            plan: free, starter or scale.

        Raises:
            ValueError: the plan is unknown.
        """
        # The initial devices may exceed the new plan's cap.
        self._apply(attrs.evolve(self.options, plan=plan, devices=0))

    def _apply(self, options: EmulatorOptions) -> None:
        self.options = options
        self._route_options = _of_routes(options)
        self.store.cap = options.device_cap
        self._limiter.change(self._limit_of())

    def reset(self) -> None:
        """Remove devices, networks, tokens and counts, and restore the initial rate plan.

        The profile and its first tokens stay.
        """
        self.store.clear()
        self._limiter.reset()
        self._apply(self._first_options)


def _of_routes(options: EmulatorOptions) -> RouteOptions:
    return RouteOptions(
        plan=options.plan,
        device_rpm=options.device_rpm,
        variants=options.variants,
    )


def _route_stats(count: RouteCount) -> dict[str, Any]:
    return {
        "limit": count.limit,
        "accepted": count.accepted,
        "rejected": count.rejected,
        "windows": [attrs.asdict(window) for window in count.windows],
    }
