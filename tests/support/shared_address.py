"""Two emulated profiles behind one address, as TagoIO has them.

One emulator holds one profile; TagoIO holds all profiles at one address and knows each from its
token. `SharedAddress` forwards every request, by its token, to the emulator of that profile.

Each process gets a token of its own while it runs (`SharedAddress.admit`), so that every request
has a known sender: which command deleted a device, how far it has come, whether it has a request
in flight. Tokens are used again once the process has ended, as a user's token would be.

Requests that create or delete can be delayed, lost or answered with a closed connection. A process
can be held before it reads or changes the first device, so that others come in between.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

import attrs
import orjson

from tagodev._models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType

    from tagodev.emulator import EmulatorProcess

__all__ = ["FAULTS", "MOMENTS", "Deletion", "End", "Fault", "Moment", "Sender", "SharedAddress"]

T = TypeVar("T")

Fault: TypeAlias = Literal["unsent", "lost", "late", "slow"]
#: What can happen to a request that creates or deletes: it never reaches the service; its answer
#: is lost; it reaches the service after the connection was closed; it takes long.
FAULTS: Final[tuple[Fault, ...]] = ("unsent", "lost", "late", "slow")

Moment: TypeAlias = Literal["unsent", "unanswered", "answered"]
#: What has become of the request at which a process is killed.
MOMENTS: Final[tuple[Moment, ...]] = ("unsent", "unanswered", "answered")

#: Seconds between an answer and the kill: the process has it, and does something with it.
_AT_WORK: Final = 0.003
#: Seconds by which a late or slow request is delayed: well below any `--settle` in use here.
_DELAY: Final = 0.1
#: Seconds after which a held request is forwarded in any case, so that no client times out.
_LONGEST_HOLD: Final = 5.0
_PATIENCE: Final = 30.0
_CREATE_OR_DELETE: Final = frozenset({"POST", "DELETE"})
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@attrs.frozen
class End:
    """When a process is killed: at a request, which is passed on or not."""

    kill: Callable[[], None]
    writes: int
    """How many requests that change something must have arrived."""
    requests: int
    """How many requests must have arrived."""
    moment: Moment

    def has_come(self, sender: Sender) -> bool:
        """Return whether so many requests have arrived."""
        return sender.writes >= self.writes and sender.requests >= self.requests


@attrs.define(eq=False)
class Sender:
    """A process as its requests show it."""

    profile: str
    """The profile that its token belongs to."""
    token: str
    """The token that it uses."""
    holding: bool = False
    """Whether requests that read one device, or change something, wait here."""
    held: int = 0
    """How many of them wait now."""
    requests: int = 0
    """How many requests have arrived."""
    writes: int = 0
    """How many of them change something."""
    creations: int = 0
    """How many of them create a device."""
    faults: int = 0
    """How many of them had a fault."""
    end: End | None = None
    """When it is killed."""
    reads: set[str] = attrs.field(factory=set)
    """Devices that it has read and not written since: it may be about to replace their tags."""


@attrs.frozen
class Deletion:
    """A device that a process has deleted."""

    sender: Sender
    device_id: str


@attrs.frozen
class _Message:
    """A request or a response: the first line, headers, and the body."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def for_emulator(self, host: str, token: str) -> _Message:
        new = {"host": host, "authorization": token, "token": token}
        headers = tuple((key, new.get(key.lower(), value)) for key, value in self.headers)
        return attrs.evolve(self, headers=headers)

    def encode(self) -> bytes:
        lines = [self.first, *(f"{key}: {value}" for key, value in self.headers)]
        return "\r\n".join((*lines, "", "")).encode("latin-1") + self.body


@attrs.define(eq=False)
class _Connection:
    """A connection from a process."""

    sender: Sender | None = None
    waits: bool = False
    """Whether its request waits here on purpose."""


class SharedAddress:
    """One address for several emulators; a context manager.

    Args:
        emulators: running emulators by the name of the profile.
    """

    def __init__(self, emulators: Mapping[str, EmulatorProcess]) -> None:
        self._emulators: Final = dict(emulators)
        self._senders: dict[str, Sender] = {}
        self._faults: deque[tuple[str, Fault]] = deque()
        self._connections: set[_Connection] = set()
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {
            profile: [] for profile in emulators
        }
        self._device_locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.url = ""
        self.names: dict[str, str] = {}
        """Names of all devices that were ever created here, by id."""
        self.deletions: list[Deletion] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_PATIENCE), "the shared address did not start"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._stopped is not None
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(_PATIENCE)

    # --- what a test does -----------------------------------------------------------------------

    def admit(self, profile: str, *, holding: bool = False) -> Sender:
        """Return the sender for a new process, with a token of the profile.

        Args:
            profile: whose token.
            holding: whether it is held before it reads or changes the first device, for some
                seconds at most.
        """
        numbers = iter(range(1, 1000))
        token = next(
            text for n in numbers if (text := f"token-{n}-of-{profile}") not in self._senders
        )
        sender = Sender(profile, token, holding)
        self._senders[token] = sender
        return sender

    def dismiss(self, sender: Sender) -> None:
        """Wait until a process that has ended has no request in flight, and free its token."""
        sender.holding = False
        self._call(self._drain(sender))
        del self._senders[sender.token]

    def release(self, sender: Sender) -> None:
        """Let the held requests of a process go on."""
        sender.holding = False

    def fail(self, method: str, fault: Fault, times: int) -> None:
        """Give a fault to the next requests of a method, ``POST`` or ``DELETE``."""
        assert method in _CREATE_OR_DELETE
        self._faults.extend((method, fault) for _ in range(times))

    def heal(self) -> None:
        """Forget the faults that have not struck."""
        self._faults.clear()

    def reset(self) -> None:
        """Begin again, with profiles that hold nothing; no process may be running."""
        assert not self._senders
        for emulator in self._emulators.values():
            emulator.reset()
        self._faults.clear()
        self.names.clear()
        self.deletions.clear()

    def devices(self, profile: str) -> list[dict[str, Any]]:
        """Return the devices that a profile holds, with their tags."""
        target = "/device?page=1&amount=10000&fields[]=id&fields[]=name&fields[]=tags"
        return cast("list[dict[str, Any]]", self._ask(profile, "GET", target))

    def owner(self, profile: str, device_token: str) -> str:
        """Return the name of the device that a token opens; empty if none."""
        request = _request("GET", "/info", device_token)
        answer = self._call(self._forward(profile, request, device_token))
        decoded = orjson.loads(answer.body)
        return str(decoded["result"]["name"]) if decoded["status"] else ""

    def create(self, profile: str, name: str) -> None:
        """Create a device, as another user of the profile."""
        body = {
            "name": name,
            "type": "mutable",
            "network": CUSTOM_HTTPS_NETWORK,
            "connector": CUSTOM_HTTPS_CONNECTOR,
        }
        self._ask(profile, "POST", "/device", body)

    def delete(self, profile: str, device_id: str) -> None:
        """Delete a device, as another user of the profile."""
        self._ask(profile, "DELETE", f"/device/{device_id}")

    def set_tag(self, profile: str, device_id: str, key: str, value: str) -> bool:
        """Set a tag of a device, as another user of the profile.

        Returns:
            Whether it was set: not while a process is between reading a device and writing it,
            because nobody can prevent that its write replaces the tag then.
        """
        return self._call(self._set_tag(profile, device_id, key, value))

    # --- inside the thread ----------------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def _ask(self, profile: str, method: str, target: str, body: Any = None) -> Any:
        return self._call(self._result(profile, method, target, body))

    async def _result(self, profile: str, method: str, target: str, body: Any = None) -> Any:
        token = self._emulators[profile].token
        content = b"" if body is None else orjson.dumps(body)
        answer = await self._forward(profile, _request(method, target, token, content), token)
        decoded = orjson.loads(answer.body)
        assert decoded["status"], decoded
        return decoded["result"]

    async def _set_tag(self, profile: str, device_id: str, key: str, value: str) -> bool:
        async with self._lock_of(device_id):
            if any(device_id in sender.reads for sender in self._senders.values()):
                return False
            device = await self._result(profile, "GET", f"/device/{device_id}")
            tags = [tag for tag in device["tags"] if tag["key"] != key]
            tags.append({"key": key, "value": value})
            await self._result(profile, "PUT", f"/device/{device_id}", {"tags": tags})
        return True

    def _lock_of(self, device_id: str) -> asyncio.Lock:
        return self._device_locks.setdefault(device_id, asyncio.Lock())

    async def _drain(self, sender: Sender) -> None:
        # Connections that the process has made were accepted before this one.
        port = urlsplit(self.url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        deadline = time.monotonic() + _PATIENCE
        while any(
            one.sender in {sender, None} and not one.waits for one in tuple(self._connections)
        ):
            assert time.monotonic() < deadline, "a connection of an ended process stays open"
            await asyncio.sleep(0.002)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=256)
        self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stopped.wait()
        listener.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connections in self._idle.values():
            for _, writer in connections:
                writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = _Connection()
        self._connections.add(connection)
        # Swallowed: a stream server's callback logs a cancellation as if it were a failure.
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _read_message(reader)
                answer = await self._answer(connection, request)
                if answer is None:
                    break
                writer.write(answer.encode())
                await writer.drain()
        writer.close()
        self._connections.discard(connection)
        self._tasks.discard(task)

    async def _answer(self, connection: _Connection, request: _Message) -> _Message | None:
        """Return the answer to a request of a process; None closes the connection."""
        token = request.header("authorization") or request.header("token")
        sender = self._senders.get(token)
        if sender is None:
            return await self._forward(next(iter(self._emulators)), request, token)
        connection.sender = sender
        method, path = _route(request)
        sender.requests += 1
        sender.writes += method in _WRITES
        sender.creations += (method, path) == ("POST", "/device")
        reads = method == "GET" and _device_of(path) != ""
        end = sender.end if sender.end is not None and sender.end.has_come(sender) else None
        if end is not None and end.moment == "unsent":
            end.kill()
            return None
        answer = await self._answer_of(connection, sender, request, reads=reads)
        if end is not None and end.moment == "unanswered":
            end.kill()
            return None
        if end is not None:
            asyncio.get_running_loop().call_later(_AT_WORK, end.kill)
        return answer

    async def _answer_of(
        self, connection: _Connection, sender: Sender, request: _Message, *, reads: bool
    ) -> _Message | None:
        method, path = _route(request)
        if sender.holding and (reads or method in _WRITES):
            await self._hold(connection, sender)
        if _device_of(path) and method in {"GET", "PUT"}:
            async with self._lock_of(_device_of(path)):
                change = sender.reads.add if reads else sender.reads.discard
                change(_device_of(path))
                return await self._pass_on(sender, request)
        fault = self._fault_of(method)
        if fault is None:
            return await self._pass_on(sender, request)
        sender.faults += 1
        return await self._misbehave(connection, sender, request, fault)

    async def _misbehave(
        self, connection: _Connection, sender: Sender, request: _Message, fault: Fault
    ) -> _Message | None:
        match fault:
            case "unsent":
                return None
            case "late":
                task = asyncio.create_task(self._pass_on_late(sender, request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return None
            case "slow":
                connection.waits = True
                await asyncio.sleep(_DELAY)
                answer = await self._pass_on(sender, request)
                connection.waits = False
                return answer
            case "lost":
                await self._pass_on(sender, request)
                return None

    @staticmethod
    async def _hold(connection: _Connection, sender: Sender) -> None:
        connection.waits = True
        sender.held += 1
        deadline = time.monotonic() + _LONGEST_HOLD
        # Another thread sets the flag, and an event of asyncio is not for several threads.
        while sender.holding and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        sender.held -= 1
        connection.waits = False

    async def _pass_on_late(self, sender: Sender, request: _Message) -> None:
        await asyncio.sleep(_DELAY)
        await self._pass_on(sender, request)

    def _fault_of(self, method: str) -> Fault | None:
        if self._faults and self._faults[0][0] == method:
            return self._faults.popleft()[1]
        return None

    async def _pass_on(self, sender: Sender, request: _Message) -> _Message:
        """Forward a request of a process, and note what it has changed."""
        token = self._emulators[sender.profile].token
        answer = await self._forward(sender.profile, request, token)
        method, path = _route(request)
        if " 200 " in f"{answer.first} " or " 201 " in f"{answer.first} ":
            if (method, path) == ("POST", "/device"):
                created = orjson.loads(answer.body)["result"]["device_id"]
                self.names[created] = orjson.loads(request.body)["name"]
            elif method == "DELETE" and _device_of(path):
                self.deletions.append(Deletion(sender, _device_of(path)))
        return answer

    async def _forward(self, profile: str, request: _Message, token: str) -> _Message:
        idle = self._idle[profile]
        address = urlsplit(self._emulators[profile].url)
        if idle:
            reader, writer = idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        try:
            writer.write(request.for_emulator(address.netloc, token).encode())
            answer = await _read_message(reader)
        except BaseException:
            writer.close()
            raise
        idle.append((reader, writer))
        return answer


def _request(method: str, target: str, token: str, body: bytes = b"") -> _Message:
    headers = (
        ("Host", "127.0.0.1"),
        ("Authorization", token),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    )
    return _Message(f"{method} {target} HTTP/1.1", headers, body)


def _route(request: _Message) -> tuple[str, str]:
    method, target, _ = request.first.split(" ", 2)
    return method, urlsplit(target).path


def _device_of(path: str) -> str:
    """Return the id of the device that a path names and nothing else; empty if it does not."""
    device_id = path.removeprefix("/device/")
    return "" if device_id == path or "/" in device_id else device_id


async def _read_message(reader: asyncio.StreamReader) -> _Message:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    message = _Message(first, tuple((name, value.strip()) for name, value in pairs), b"")
    return attrs.evolve(
        message, body=await reader.readexactly(int(message.header("content-length") or "0"))
    )
