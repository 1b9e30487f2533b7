"""The service without a wire: the emulator's own, in memory and in the loop's time.

From a bulk run down to the session everything is real; what is cut out is HTTP.
Each request is delivered or lost, and a program that is killed sends no more, while what it has
sent arrives.
"""

from __future__ import annotations

import asyncio
import enum
import shutil
from typing import TYPE_CHECKING, Any, Final, Self, cast

import attrs
import orjson

from tagodev import ConnectError, ConnectionLostError, RetryPolicy, Secret
from tagodev._bulk.run_factory import RunFactory
from tagodev._limits.ledger.memory import MemoryLedger
from tagodev._limits.settings import Settings
from tagodev._resources.data import Data
from tagodev._resources.devices import Devices
from tagodev._resources.parameters import Parameters
from tagodev._resources.tokens import Tokens
from tagodev._session import Session
from tagodev._transport import Answer, Request, Transport
from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.service import Service
from tagodev.emulator._model.time import ServerClock, iso
from tests.bulk.virtual import EPOCH, VirtualLoop
from tests.bulk.working import collected
from tests.support.clients import PLENTY, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tagodev import BulkRun, BulkStoppedError, HardLimits, Outcome

__all__ = [
    "TRANSIT",
    "Client",
    "Delivery",
    "Life",
    "Wire",
    "World",
    "in_turn",
    "live",
    "nothing_wrong",
]

#: Seconds that a request takes to the service, and an answer back.
TRANSIT: Final = 0.05
#: How far the service's clock runs ahead, in seconds.
_AHEAD: Final = 3600.25


#: What a run with a journal asks first: which profile it is of, or what time it is.
FIRST_CONTACT: Final = ("GET /profile/:profile_id", "GET /info")


class Delivery(enum.Enum):
    """What becomes of a request on its way."""

    FINE = enum.auto()
    """It arrives, and so does its answer."""
    UNSENT = enum.auto()
    """There is no connection."""
    NEVER = enum.auto()
    """The connection ends before it arrives."""
    LOST = enum.auto()
    """It arrives, and its answer does not."""
    LATE = enum.auto()
    """It arrives after its connection has ended."""
    GATEWAY = enum.auto()
    """It arrives, and something before the service answers 502."""
    DOWN = enum.auto()
    """It does not arrive, and something before the service answers 503."""


def nothing_wrong(_: Request) -> Delivery:
    """Let every request arrive, and every answer."""
    return Delivery.FINE


def in_turn(*deliveries: Delivery, route: str = "") -> Callable[[Request], Delivery]:
    """Return the deliveries of requests, one after the other; when there are no more, all is fine.

    So it is with the first contact, without which a run does not begin.

    Args:
        deliveries: what becomes of them.
        route: only of those of this route; the others are fine.
    """
    coming = list(deliveries)

    def delivery(request: Request) -> Delivery:
        name = request.route.name
        concerned = coming and name not in FIRST_CONTACT and route in {"", name}
        return coming.pop(0) if concerned else Delivery.FINE

    return delivery


class World:
    """The service, which outlives every program that uses it."""

    def __init__(self, *, late: float = 4.0, lag: float = 0.0, **options: Any) -> None:
        """Begin empty, in the running loop's time.

        Args:
            late: seconds that a request which is cut off takes to arrive.
            lag: seconds until what was made shows in a list.
            options: those of `EmulatorOptions`.
        """
        self._loop = asyncio.get_running_loop()
        self._late = late
        self._lag = lag
        clock = ServerClock(_AHEAD, source=lambda: EPOCH + self._loop.time())
        self.service = Service(EmulatorOptions(**{"token": TOKEN, "seed": 1, **options}), clock)
        self.seen: list[str] = []
        """The routes of what has arrived."""

    @property
    def store(self) -> Any:
        """What the profile holds."""
        return self.service.store

    def names(self) -> list[str]:
        """Return the names of all devices, in order."""
        return sorted(device.name for device in self.store.devices.values())

    def arrive(self, request: Request) -> Answer:
        """Do what a request asks for, and answer it."""
        self.seen.append(request.route.name)
        token = TOKEN if request.token is None else request.token.reveal()
        headers = {"authorization": token}
        retry_after = None
        try:
            admitted = self.service.admit(request.route.method, request.path, headers)
            result = self.service.answer(admitted, request.body or b"")
            status = admitted.route.status
            envelope = {"status": True, "result": self._lagging(result)}
        except RefusedError as refusal:
            status, retry_after = refusal.status, refusal.retry_after
            envelope = {"status": False, "message": refusal.message}
        answered = {"Date": self.service.clock.http_date()}
        if retry_after is not None:
            answered["Retry-After"] = str(retry_after)
        return Answer(status, orjson.dumps(envelope), answered)

    def arrive_late(self, request: Request) -> None:
        """Do what a request asks for, when the caller that sent it has given up."""
        self._loop.call_later(self._late, self.arrive, request)

    def _lagging(self, result: Any) -> Any:
        """Leave out of a list what is too new."""
        if not isinstance(result, list) or not self._lag:
            return result
        # As text these sort as they should.
        shown = iso(self.service.clock.now() - self._lag)
        return [one for one in result if one.get("created_at", "") <= shown]


class Wire(Transport):
    """A program's way to the service; it ends with the program."""

    def __init__(
        self, world: World, delivery: Callable[[Request], Delivery] = nothing_wrong
    ) -> None:
        """Lead to a service.

        Args:
            world: where it is.
            delivery: says what becomes of each request.
        """
        super().__init__(cast("Any", None), "http://127.0.0.1:1", Secret(TOKEN), timeout=60.0)
        self._world = world
        self._fate = delivery
        self.on_step: Callable[[], None] = lambda: None
        """Called when a request leaves, when it arrives, and when its answer does."""
        self.dead = False
        """Whether the program was killed."""
        self.sent: list[str] = []
        """The routes of what has left."""

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Send a request, and deliver or lose it."""
        await self._step()
        self.sent.append(request.route.name)
        delivery = self._fate(request)
        arrived: asyncio.Future[Answer] | None = None
        if delivery in {Delivery.FINE, Delivery.LOST, Delivery.GATEWAY}:
            arrived = self._on_its_way(request)
        elif delivery is Delivery.LATE:
            self._world.arrive_late(request)
        answer = None if arrived is None else await asyncio.shield(arrived)
        await asyncio.sleep(TRANSIT)
        await self._step()
        if delivery is Delivery.UNSENT:
            raise ConnectError("no connection")
        if delivery in {Delivery.NEVER, Delivery.LOST, Delivery.LATE}:
            raise ConnectionLostError("lost")
        if answer is None or delivery is Delivery.GATEWAY:
            status = 502 if delivery is Delivery.GATEWAY else 503
            return Answer(status, b"<html>Bad Gateway</html>", {})
        return answer

    def _on_its_way(self, request: Request) -> asyncio.Future[Answer]:
        """Deliver a request late, also if its caller was cancelled."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[Answer] = loop.create_future()

        def arrive() -> None:
            arrived.set_result(self._world.arrive(request))
            self.on_step()

        loop.call_later(TRANSIT, arrive)
        return arrived

    async def _step(self) -> None:
        if not self.dead:
            self.on_step()
        if self.dead:
            await asyncio.Event().wait()


class Client:
    """A client whose wire is in memory; a context manager."""

    def __init__(
        self,
        wire: Wire,
        *,
        concurrency: int = 4,
        limits: HardLimits = PLENTY,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._ledger = MemoryLedger()
        settings = Settings(limits, concurrency=concurrency)
        self.scheduler = self._ledger.open(settings, None)
        session = Session(wire, self.scheduler, retry or RetryPolicy(attempts=2, first_delay=0.2))
        self.running: set[asyncio.Task[None]] = set()
        runs = RunFactory(session, concurrency, self.running)
        self.devices = Devices(session, runs)
        self.tokens = Tokens(session, runs)
        self.parameters = Parameters(session, runs)
        self.data = Data(session, self.tokens, runs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ledger.close(self.scheduler, None)


@attrs.frozen
class Life:
    """One life of a program."""

    journal: Path
    """Where its journal is for the next process."""
    killed: bool
    """Whether it did not come to its end."""
    outcomes: list[Outcome]
    """What it had reported of its rows; nothing if it was killed."""
    stopped: BulkStoppedError | None
    """What stopped its run."""


async def live(
    world: World,
    begin: Callable[[Client, Path], BulkRun[Any]],
    journal: Path,
    *,
    delivery: Callable[[Request], Delivery] = nothing_wrong,
    kill_at: int | None = None,
    **options: Any,
) -> Life:
    """Let a program run to its end, or until it is killed.

    Args:
        world: the service.
        begin: begins its run, or goes on with it.
        journal: where that is written down.
        delivery: says what becomes of each request.
        kill_at: at which of its steps it is killed, from 0: a request that leaves, arrives or is
            answered, or a commit; None for never.
        options: those of `Client`.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "a commit must be one step"
    wire = Wire(world, delivery)
    copy = journal.with_name(f"{journal.name}+")
    died = asyncio.Event()
    left = kill_at

    def step() -> None:
        nonlocal left
        if left is None or wire.dead:
            return
        left -= 1
        if left < 0:
            wire.dead = True
            _copy(journal, copy)
            died.set()

    wire.on_step = loop.after_thread = step
    with Client(wire, **options) as client:
        task = asyncio.create_task(collected(begin(client, journal)))
        death = asyncio.create_task(died.wait())
        await asyncio.wait([task, death], return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if wire.dead:
            task.cancel()
            await asyncio.wait([task])
            _copy(copy, journal)
            return Life(journal, killed=True, outcomes=[], stopped=None)
        outcomes, stopped = await task
        return Life(journal, killed=False, outcomes=outcomes, stopped=stopped)


def _copy(journal: Path, copy: Path) -> None:
    """Copy a journal as it stands on the disk, into the same file where there is one."""
    for suffix in ("", "-wal"):
        file = journal.with_name(journal.name + suffix)
        if file.exists():
            shutil.copyfile(file, copy.with_name(copy.name + suffix))
