"""The emulated service behind HTTP.

One handler on aiohttp's low-level server instead of an application with routes and middlewares: the
emulator is the other side of a benchmark on the same machine, and every microsecond it takes is one
that the client under test seems to take.
Measured on two cores, the low-level server answers about a fifth more requests a second than an
application with a single catch-all route.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final, Self

import orjson
from aiohttp import web

from tagodev.emulator.options import EmulatorOptions
from tagodev.emulator.refusal import RefusedError
from tagodev.emulator.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Emulator", "serve"]

_HOST: Final = "127.0.0.1"
_JSON: Final = "application/json; charset=utf-8"
#: Longer than any client keeps a connection: the emulator is never the one that drops it.
_KEEP_ALIVE: Final = 75.0
#: Seconds that answers on their way get when the emulator stops.
_GRACE: Final = 0.5
#: Connections that may wait to be accepted, for a client that opens them all at once.
_BACKLOG: Final = 1024


class Emulator:
    """The TagoIO device service on 127.0.0.1, in the running event loop.

    Args:
        options: how it behaves; None for the defaults.

    Example:
        ```python
        async with Emulator(EmulatorOptions(plan="free", minute=2.0)) as emulator:
            print(emulator.url, emulator.token)
        ```
    """

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options: Final = options or EmulatorOptions()
        self._service = Service(self.options)
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The base address, without a trailing slash; empty before the emulator was started."""
        return self._url

    @property
    def token(self) -> str:
        """The profile token to use: made up, so it may be printed."""
        return self._service.token

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, access_log=None, keepalive_timeout=_KEEP_ALIVE)
        self._listener = await loop.create_server(
            self._server, _HOST, self.options.port, backlog=_BACKLOG
        )
        port = self._listener.sockets[0].getsockname()[1]
        self._url = f"http://{_HOST}:{port}"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        assert self._server is not None
        self._listener.close()
        self._server.pre_shutdown()
        await self._server.shutdown(_GRACE)
        await self._listener.wait_closed()

    async def serve_forever(self) -> None:
        """Keep serving until the caller is cancelled."""
        await asyncio.get_running_loop().create_future()

    def stats(self) -> dict[str, Any]:
        """Return what ``GET /_emulator/stats`` answers.

        Returns:
            ``plan``, ``minute``, ``clock_offset`` as given; ``now`` by the server's clock;
            ``devices`` and ``tokens`` held; ``duplicates``, the names carried by more than one
            device with their numbers; ``accepted`` and ``rejected`` requests; devices ``created``
            and ``deleted``; and ``routes``, by ``"POST /device"``, each with ``limit`` (None
            when unlimited), ``accepted``, ``rejected`` and its latest thousand ``windows``, each
            with ``start`` (seconds since the epoch by the server's clock), ``accepted`` and
            ``rejected``.
        """
        return self._service.stats()

    def reset(self) -> None:
        """Forget devices, tokens and counts, as ``POST /_emulator/reset`` does.

        The profile and its token stay.
        """
        self._service.reset()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        target = request.raw_path
        if target.startswith("/_emulator/"):
            return self._control(request.method, target)
        retry_after = None
        try:
            admitted = self._service.admit(request.method, target, request.headers)
            result = self._service.answer(admitted, await request.read())
            status, envelope = admitted.route.status, {"status": True, "result": result}
        except RefusedError as refusal:
            status, retry_after = refusal.status, refusal.retry_after
            envelope = {"status": False, "message": refusal.message}
        except web.HTTPRequestEntityTooLarge:
            status, envelope = 413, {"status": False, "message": "Body exceeds 1 MB"}
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        return self._respond(status, envelope, retry_after)

    def _control(self, method: str, target: str) -> web.Response:
        asked = (method, target.rstrip("/"))
        if asked == ("GET", "/_emulator/stats"):
            return self._respond(200, self.stats())
        if asked == ("POST", "/_emulator/reset"):
            self.reset()
            return self._respond(200, {"status": True, "result": "Emulator Reset"})
        return self._respond(404, {"status": False, "message": "Route Not Found"})

    def _respond(
        self, status: int, body: dict[str, Any], retry_after: int | None = None
    ) -> web.Response:
        headers = {"Content-Type": _JSON, "Date": self._service.clock.http_date()}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return web.Response(body=orjson.dumps(body), status=status, headers=headers)


async def serve(options: EmulatorOptions, on_ready: Callable[[str, str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        options: how the emulator behaves.
        on_ready: called once with the address and the profile token when it listens.

    Raises:
        OSError: the port is taken.
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
