"""HTTP server of the emulator.

It uses one handler on aiohttp's low-level server instead of an application with routes and
middlewares: benchmarks run against the emulator on the same machine, and its own time counts as
time of the client under test.
Measured on two cores, the low-level server answers about a fifth more requests per second than an
application with a single catch-all route.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson
from aiohttp import web

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.faults import FaultError, FaultyService
from tagodev.emulator._http.service import Service
from tagodev.emulator._http.validation import parse_object
from tagodev.emulator._model import saved_state
from tagodev.emulator._options import EmulatorOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.emulator._model.access_tokens import TokenKind
    from tagodev.hard_limits import Plan

__all__ = ["Emulator", "serve"]

_HOST: Final = "127.0.0.1"
#: Names of this machine in a ``Host`` header. Any other one is refused: a web page whose own name
#: resolves to this machine (DNS rebinding) would be of the same origin as the emulator.
_NAMES: Final = (_HOST, "localhost", "[::1]")
_JSON: Final = "application/json; charset=utf-8"
#: Longer than any client keeps a connection, so that the emulator never closes it first.
_KEEP_ALIVE: Final = 75.0
#: Seconds for pending answers when the emulator stops.
_GRACE: Final = 0.5
#: Connections that may wait to be accepted, for a client that opens them all at once.
_BACKLOG: Final = 1024
#: Makes closing a socket send a reset, even with data in flight.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Emulator:
    """The TagoIO device service on 127.0.0.1, in the running event loop.

    Args:
        options: behaviour of the emulator; None for the defaults.

    Raises:
        StateError: the options name a file that can't be used.

    Example:
        ```python
        async with Emulator(EmulatorOptions(plan="free", minute=2.0)) as emulator:
            print(emulator.url, emulator.token)
        ```
    """

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options: Final = options or EmulatorOptions()
        # These include the token of the file, or of the latest reset.
        self._options = self.options
        path = self.options.state and Path(self.options.state)
        self._stamp = saved_state.stamp(path) if path else None
        saved = saved_state.load(path) if path else None
        if saved is None:
            self._service = self._begin()
        else:
            self._options = saved.adjust(self.options)
            self._service = self._empty()
            saved.restore(self._service.store)
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._url = ""
        self._hosts: list[list[str]] = []

    def _empty(self) -> Service:
        return (FaultyService if self.options.faults else Service)(self._options)

    def _begin(self) -> Service:
        service = self._empty()
        service.add_devices(self.options.devices)
        return service

    @property
    def url(self) -> str:
        """The base address, without a trailing slash; empty before the start."""
        return self._url

    @property
    def token(self) -> str:
        """The profile token to use. It is not a real one, so it may be printed."""
        return self._service.token

    @property
    def tokens_by_kind(self) -> dict[TokenKind, str]:
        """The initial tokens, one of each kind except device tokens."""
        return self._service.tokens_by_kind

    async def __aenter__(self) -> Self:
        """Start listening.

        Raises:
            OSError: the port is in use.
        """
        loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, access_log=None, keepalive_timeout=_KEEP_ALIVE)
        self._listener = await loop.create_server(
            self._server, _HOST, self.options.port, backlog=_BACKLOG
        )
        port = self._listener.sockets[0].getsockname()[1]
        self._url = f"http://{_HOST}:{port}"
        self._hosts = [[f"{name}:{port}"] for name in _NAMES]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        assert self._server is not None
        self._listener.close()
        self._server.pre_shutdown()
        await self._server.shutdown(_GRACE)
        await self._listener.wait_closed()
        if self.options.state is not None:
            self.save()

    async def serve_forever(self) -> None:
        """Serve until the task is cancelled."""
        await asyncio.get_running_loop().create_future()

    def stats(self) -> dict[str, Any]:
        """Return the answer of ``GET /_emulator/stats``.

        Returns:
            ``plan``, ``minute``, ``clock_offset`` from the options; ``now`` by the server's clock;
            the number of ``devices`` and ``tokens``; ``duplicates``, the names of more than one
            device with their numbers; ``accepted`` and ``rejected`` requests; devices ``created``
            and ``deleted``; ``routes``, by ``"POST /device"``, each with ``limit`` (None
            when unlimited), ``accepted``, ``rejected`` and its latest thousand ``windows``, each
            with ``start`` (seconds since the epoch by the server's clock), ``accepted`` and
            ``rejected``; and ``faults``, how often each of those in the options occurred.
        """
        return {"faults": {}, **self._service.stats()}

    def reset(self, token: str | None = None) -> None:
        """Remove everything that requests have created, as ``POST /_emulator/reset`` does.

        The initial devices are created again, with new ids unless the options have a seed: then the
        state is the same as at the start.

        Args:
            token: the new profile token; by default it stays, and so does the profile.

        Raises:
            ValueError: the token is invalid.
        """
        if token is None and self.options.seed is None:
            self._service.reset()
            self._service.add_devices(self.options.devices)
            return
        if token is not None:
            self._options = attrs.evolve(self._options, token=token)
        self._service = self._begin()

    def change_plan(self, plan: Plan) -> None:
        """Change the profile's rate plan until a reset, as ``POST /_emulator/plan`` does.

        Its limits and caps apply from the next request on; existing objects stay.

        Args:
            plan: free, starter or scale.

        Raises:
            ValueError: the plan is unknown.
        """
        self._service.change_plan(plan)

    def save(self) -> None:
        """Write the options' state file, as ``POST /_emulator/save`` does.

        Raises:
            ValueError: there is no state file.
            OSError: it can't be written, or another process has written it meanwhile; the existing
                file is unchanged.
        """
        if self.options.state is None:
            raise ValueError("the emulator was started without a state file")
        path = Path(self.options.state)
        current = saved_state.stamp(path)
        if current is not None and current != self._stamp:
            raise OSError(errno.EBUSY, "another process has written the file meanwhile")
        saved_state.save(path, self.token, self._service.store)
        self._stamp = saved_state.stamp(path)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        target = request.raw_path
        if [host.lower() for host in request.headers.getall("Host", [])] not in self._hosts:
            return self._respond(403, _failure(f"Host must be {self._url.partition('//')[2]}"))
        if target.startswith("/_emulator/"):
            if "Origin" in request.headers:
                return self._respond(403, _failure("Web pages can't use control routes"))
            return self._control(request.method, target, await request.read())
        retry_after = None
        # A reset may replace the service while the body arrives.
        service = self._service
        try:
            admitted = service.admit(request.method, target, request.headers)
            result = service.answer(admitted, await request.read())
            status, body = admitted.route.status, service.success(admitted.route, result)
        except RefusedError as refusal:
            status, retry_after = refusal.status, refusal.retry_after
            body = _failure(refusal.message)
        except web.HTTPRequestEntityTooLarge:
            status, body = 413, _failure("Body exceeds 1 MB")
        except FaultError as fault:
            return await self._misbehave(request, fault)
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        return self._respond(status, body, retry_after)

    async def _misbehave(self, request: web.BaseRequest, fault: FaultError) -> web.Response:
        odd = fault.answer
        await asyncio.sleep(self.options.latency + (0 if odd is None else odd.delay))
        if odd is not None:
            return self._respond(odd.status, odd.body, odd.retry_after, odd.content_type)
        # The client may have closed the connection.
        if request.transport is not None:
            connection = request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            request.transport.abort()
        # It is not sent, but aiohttp requires a response.
        return web.Response()

    def _control(self, method: str, target: str, body: bytes) -> web.Response:
        try:
            status, answer = 200, self._controlled(method, target.rstrip("/"), body)
        except RefusedError as refusal:
            status, answer = refusal.status, {"status": False, "message": refusal.message}
        except ValueError as error:
            status, answer = 400, {"status": False, "message": str(error)}
        except OSError as error:
            status, answer = 500, {"status": False, "message": error.strerror}
        return self._respond(status, orjson.dumps(answer))

    def _controlled(self, method: str, target: str, body: bytes) -> dict[str, Any]:
        match method, target:
            case "GET", "/_emulator/stats":
                return self.stats()
            case "GET", "/_emulator/tokens":
                return {str(kind): token for kind, token in self.tokens_by_kind.items()}
            case "POST", "/_emulator/reset":
                self.reset(parse_object(body).get("token"))
                return {"status": True, "result": "Emulator Reset"}
            case "POST", "/_emulator/plan":
                self.change_plan(parse_object(body).get("plan", ""))
                return {"status": True, "result": "Emulator Plan Changed"}
            case "POST", "/_emulator/save":
                self.save()
                return {"status": True, "result": "Emulator Saved"}
        raise RefusedError(404, "Route Not Found")

    def _respond(
        self,
        status: int,
        body: bytes,
        retry_after: int | None = None,
        content_type: str = _JSON,
    ) -> web.Response:
        headers = {"Content-Type": content_type, "Date": self._service.clock.http_date()}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return web.Response(body=body, status=status, headers=headers)


def _failure(message: str) -> bytes:
    return orjson.dumps({"status": False, "message": message})


async def serve(options: EmulatorOptions, on_ready: Callable[[str, str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        options: how the emulator behaves.
        on_ready: called once with the address and the profile token when it listens.

    Raises:
        OSError: the port is taken, or, after `on_ready`, the state can't be saved.
        StateError: the options name a state file that can't be used.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    # Where an event loop has no signal handlers (Windows), Ctrl-C cancels the main task instead.
    with contextlib.suppress(NotImplementedError):
        for number in signals:
            loop.add_signal_handler(number, stopped.set)
    try:
        async with Emulator(options) as emulator:
            on_ready(emulator.url, emulator.token)
            await stopped.wait()
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)
