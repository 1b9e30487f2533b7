"""Clients that come and go, a service and stores, in virtual time.

The clients are whole: `Tago`, its session, its scheduler and its ledger.
Below them, where a request would leave, a model of the service answers.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, contextmanager
from email.utils import formatdate
from functools import partial
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Any, Literal
from unittest.mock import patch

import attrs

from benchmarks.simulation import CREATE, EPOCH, Service, latency
from tagodev import (
    DeviceCreate,
    HardLimits,
    SqliteLedger,
    Tago,
    TagoError,
)
from tagodev._limits.ledger.lease_store import StoreError
from tagodev._limits.ledger.shared import SharedLedger
from tagodev._limits.settings import TRANSIT_MAX
from tagodev._transport import Answer, Transport
from tagodev.errors import AnswerTimeoutError, ConnectionLostError
from tagodev.events import Sent
from tests.limits.jumping import JumpingLoop, VirtualClock
from tests.limits.leasing import MemoryStore
from tests.support.answers import created

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tagodev._limits.ledger.lease_store import Exchange, LeaseStore, Reply
    from tagodev._limits.ledger.memory import MemoryLedger
    from tagodev._limits.scheduler import Scheduler
    from tagodev._transport import Request
    from tagodev.events import Event

__all__ = ["MINUTE", "World", "heavy_tailed", "quick"]

MINUTE = 60.0
#: Nobody listens there: what is sent all the same fails.
_ADDRESS = "http://127.0.0.1:9"
#: Seconds that a store takes at most.
_STORE_DELAY = 0.004
_BODY = created(1).partition(b"\r\n\r\n")[2]


def quick(rng: random.Random) -> float:
    """Return how long the service takes: 20 ms at most."""
    return rng.uniform(0.0, 0.02)


def heavy_tailed(rng: random.Random) -> float:
    """Return how long the service takes: a tenth of a second mostly, and up to 13 s."""
    return min(0.05 * rng.paretovariate(1.1), 13.0)


class _SimulatedTransport(Transport):
    """Gives requests to the world instead of sending them."""

    def __init__(self, world: World, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.world = world
        self.under_way = 0
        self.most_under_way = 0

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Send a request through the world."""
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            async with asyncio.timeout(self._timeout.total if seconds is None else seconds):
                answer = await self.world.exchange(request.route.name)
        except TimeoutError:
            raise AnswerTimeoutError("No answer within the time allowed") from None
        finally:
            self.under_way -= 1
        if self._session.closed:
            raise ConnectionLostError("The connection ended before the answer")
        return answer


@attrs.define(eq=False)
class _Store:
    """A store that takes a moment, and is away when the world says so."""

    world: World
    store: MemoryStore | LeaseStore

    async def exchange(self, exchange: Exchange) -> Reply:
        await asyncio.sleep(self.world.rng.uniform(0, _STORE_DELAY))
        if self.world.store_is_away:
            raise StoreError("it is out")
        if isinstance(self.store, MemoryStore):
            return self.store.answer(exchange)
        return await self.store.exchange(exchange)

    async def close(self) -> None:
        if not isinstance(self.store, MemoryStore):
            await self.store.close()


class _InMemory(SharedLedger):
    """A ledger on a store that all processes of a world share."""

    def __init__(self, world: World) -> None:
        super().__init__("simulated")
        self.world = world

    def make_store(self) -> LeaseStore:
        return _Store(self.world, self.world.memory)


class _InFile(SqliteLedger):
    """A ledger on a file that all processes of a world share."""

    def __init__(self, world: World, path: Path) -> None:
        super().__init__(path)
        self.world = world

    def make_store(self) -> LeaseStore:
        return _Store(self.world, super().make_store())


class World:
    """What clients meet: a service with windows, a network, a store; and what was seen of them."""

    def __init__(
        self,
        limit: int,
        seed: int,
        *,
        takes: Callable[[random.Random], float] = quick,
        travels: Callable[[random.Random], float] = latency,
        default: int = 60,
    ) -> None:
        """Set a world up; equal seeds give equal histories.

        Args:
            limit: devices created a window.
            seed: decides the service's clock and all delays.
            takes: how long the service takes for a request.
            travels: how long a request or an answer is on its way.
            default: requests of each other route a window.
        """
        self.rng = random.Random(seed)
        self.clock = VirtualClock(1000.0 + self.rng.uniform(0, MINUTE))
        self.limits = HardLimits("simulated", {CREATE.name: limit}, default=default)
        self.takes, self.travels = takes, travels
        self.memory = MemoryStore()
        self.away_from = self.away_until = inf
        self.services: dict[str, Service] = {}
        self.arrivals: list[float] = []
        self.waits: list[tuple[float, str, float]] = []
        self.transports: list[_SimulatedTransport] = []
        self.ledgers: list[MemoryLedger | SharedLedger] = []
        self.schedulers: list[Scheduler] = []
        self.false_dates: Callable[[int], float] = lambda _: 0.0
        self._offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self._answers = 0

    @property
    def store_is_away(self) -> bool:
        """Whether the store does not answer."""
        return self.away_from <= self.clock.now < self.away_until

    # --- the service -----------------------------------------------------------------------------

    @property
    def server_time(self) -> float:
        """What the service's clock shows."""
        return self.clock.now + self._offset

    @property
    def left(self) -> float:
        """Seconds to the next boundary."""
        return MINUTE - self.server_time % MINUTE

    def window_at(self, moment: float) -> int:
        """Return which window it was at a moment of the loop's clock."""
        return floor((moment + self._offset) / MINUTE)

    def until_boundary(self, moment: float) -> float:
        """Return the seconds from a moment of the loop's clock to the end of its window."""
        return MINUTE - (moment + self._offset) % MINUTE

    async def exchange(self, route: str) -> Answer:
        """Let a request travel, be counted, and be answered."""
        service = self.services.get(route)
        if service is None:
            service = self.services[route] = Service(self.limits.limit(route), MINUTE)
        accepted = await self._arrival(service)
        if route == CREATE.name:
            self.arrivals.append(self.clock.now)
        await asyncio.sleep(self.takes(self.rng))
        self._answers += 1
        headers = {
            "Date": formatdate(int(self.server_time + self.false_dates(self._answers)), usegmt=True)
        }
        if not accepted:
            headers["Retry-After"] = str(ceil(self.left))
        await asyncio.sleep(self.travels(self.rng))
        if accepted:
            return Answer(200, _BODY, headers)
        return Answer(429, b'{"status":false,"message":"Too many requests"}', headers)

    async def _arrival(self, service: Service) -> bool:
        """Let a request arrive and be counted, somewhat later if whoever sent it is gone."""
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[bool] = loop.create_future()

        def arrive() -> None:
            accepted.set_result(service.handle(self.server_time))

        arrival = loop.call_later(self.travels(self.rng), arrive)
        try:
            return await accepted
        except asyncio.CancelledError:
            if not arrival.cancelled() and arrival.when() > loop.time():
                arrival.cancel()
                late = self.rng.uniform(0, 0.9 * TRANSIT_MAX)
                loop.call_later(late, lambda: service.handle(self.server_time))
            raise

    @property
    def rejected(self) -> int:
        """Requests that were refused."""
        return sum(sum(one.rejected.values()) for one in self.services.values())

    @property
    def windows(self) -> list[int]:
        """Devices created in each window, from the first that any was created in."""
        counted = self.services[CREATE.name].accepted
        return [counted.get(number, 0) for number in range(min(counted), max(counted) + 1)]

    # --- clients ---------------------------------------------------------------------------------

    def ledger(self, kind: str, folder: Path) -> MemoryLedger | SharedLedger | None:
        """Return the ledger of a process that starts; None for what clients have by default."""
        match kind:
            case "store":
                return _InMemory(self)
            case "sqlite":
                return _InFile(self, folder / "ledger.sqlite")
        return None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let clients meet this world."""
        with patch("tagodev._base_client.Transport", partial(_SimulatedTransport, self)):
            yield

    @asynccontextmanager
    async def client(
        self, ledger: MemoryLedger | SharedLedger | None = None, **options: Any
    ) -> AsyncIterator[Tago]:
        """Give a client."""
        tago = Tago(
            "p-x", api=_ADDRESS, plan=self.limits, ledger=ledger, on_event=self._note, **options
        )
        async with tago:
            transport, scheduler, counting = tago._transport, tago._scheduler, tago._ledger
            assert isinstance(transport, _SimulatedTransport)
            assert scheduler is not None
            assert counting is not None
            self.ledgers.append(counting)
            self.transports.append(transport)
            self.schedulers.append(scheduler)
            yield tago

    def _note(self, event: Event) -> None:
        if isinstance(event, Sent) and event.template == CREATE.template:
            self.waits.append((self.clock.now, event.priority, event.waited))

    async def create(
        self, tago: Tago, priority: Literal["interactive", "bulk"] = "interactive"
    ) -> bool:
        """Create a device, and return whether the client was open for as long as that takes."""
        try:
            await tago.devices.create(DeviceCreate(name="x"), priority=priority)
        except TagoError:
            return False
        return True

    async def bulk(self, tago: Tago, workers: int) -> None:
        """Create devices without end, until the client is closed."""

        async def work() -> None:
            while await self.create(tago, "bulk"):
                pass

        await asyncio.gather(*(work() for _ in range(workers)))

    async def assert_nothing_is_left(self) -> None:
        """Fail if something has outlived the clients that were open."""
        # What was left behind on its way arrives.
        await asyncio.sleep(TRANSIT_MAX)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        assert {asyncio.current_task()} == asyncio.all_tasks()
        assert [] == [timer for timer in loop.timers() if not timer.cancelled()]
        for scheduler in self.schedulers:
            core = scheduler.core
            assert ({}, set()) == (core._waiting, core._out)
            assert core.settings.concurrency == core.slots.free
        for ledger in self.ledgers:
            assert not (ledger._open if isinstance(ledger, SharedLedger) else ledger.users)

    # --- time ------------------------------------------------------------------------------------

    async def until_window(self, number: int, second: float = 0.0) -> None:
        """Wait for a second of a later window; 0 is the present one."""
        await asyncio.sleep(
            (floor(self.server_time / MINUTE) + number) * MINUTE + second - self.server_time
        )
