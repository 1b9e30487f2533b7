"""A server below HTTP: it does to a connection exactly what a script says, and counts.

aiohttp's own test server would tidy up what these tests are about: half an answer, a connection
that ends under a request, a header that no server should send.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

__all__ = ["Received", "Reply", "ScriptedServer", "in_turn", "refused_port", "silent_port"]


@attrs.frozen
class Received:
    """A request as it arrived."""

    number: int
    """Which request of the server, from 1."""
    connection: int
    """Which connection it came on, from 1."""
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@attrs.frozen
class Reply:
    """What the server does about a request."""

    data: bytes = b""
    """Sent as it stands."""
    then: Literal["keep", "close", "reset", "hang"] = "keep"
    """What becomes of the connection."""


Answered: TypeAlias = Reply | bytes


class ScriptedServer:
    """An HTTP/1.1 server on loopback that reads requests well and answers them as told.

    Args:
        script: what to do about a request; may be a coroutine function.
    """

    def __init__(self, script: Callable[[Received], Answered | Awaitable[Answered]]) -> None:
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.received: list[Received] = []
        self.connections = 0

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def seen(self) -> list[str]:
        """Return method and target of each request, in the order of arrival."""
        return [f"{request.method} {request.target}" for request in self.received]

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=256)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        # Swallowed: a stream server's callback logs a cancellation as if it were a failure.
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await self._converse(self.connections, reader, writer)
        writer.close()

    async def _converse(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request = await self._read(connection, reader)
            answered = self._script(request)
            reply = await answered if inspect.isawaitable(answered) else answered
            if isinstance(reply, bytes):
                reply = Reply(reply)
            writer.write(reply.data)
            await writer.drain()
            if reply.then == "hang":
                await reader.read()
            if reply.then == "reset":
                _reset(writer)
            if reply.then != "keep":
                return

    async def _read(self, connection: int, reader: asyncio.StreamReader) -> Received:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.split(":", 1) for line in lines if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        number = len(self.received) + 1
        request = Received(number, connection, method, target, headers, body)
        self.received.append(request)
        return request


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN, once what was written has left."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def in_turn(*replies: Answered) -> Callable[[Received], Answered]:
    """Return a script that gives one reply after the other, and then the last for ever."""
    return lambda request: replies[min(request.number, len(replies)) - 1]


@contextmanager
def refused_port() -> Iterator[int]:
    """Hold a port at which every connection is refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """Hold a port at which no connection is ever made: its queue is full and nobody accepts."""
    with socket.socket() as held, socket.socket() as first, socket.socket() as second:
        held.bind(("127.0.0.1", 0))
        held.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(held.getsockname())
        yield held.getsockname()[1]
