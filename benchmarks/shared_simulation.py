"""Simulation of several processes, their store and a model of the service, in virtual time.

Each process uses tagodev's own ledger and scheduler, in one event loop with a jumping clock; the
service, the network and the store's delays are models.
"""

from __future__ import annotations

import asyncio
import random
from math import ceil, floor
from typing import TYPE_CHECKING
from unittest.mock import patch

import attrs

from benchmarks.simulation import CREATE, EPOCH, Result, Service, greedy_ideal, latency
from tagodev._limits.clock import ServerClock
from tagodev._limits.ledger.shared import SharedLedger
from tagodev._limits.routes import CLOCK_ROUTE, Route
from tagodev._limits.scheduler import ClockResetError
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits
from tests.limits.jumping import run_virtually
from tests.limits.leasing import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev._limits.ledger.lease_store import Exchange, Reply
    from tagodev._limits.scheduler import Scheduler

__all__ = ["SharedWorld", "simulate_processes"]

_INFO = Route("GET", "/info")
#: Times the service is asked for in one window.
_INFO_LIMIT = 60
_CONCURRENCY = 32
#: Seconds that the store takes at most, each way.
_STORE_DELAY = 0.004


class _WakefulClock(ServerClock):
    """A clock that ignores jumps of the virtual time as suspends."""

    def __init__(self, *, fleet_slack: float) -> None:
        super().__init__(fleet_slack=fleet_slack, suspended=lambda: 0.0)


@attrs.define
class _SlowStore:
    """An in-memory store with a delay."""

    memory: MemoryStore
    rng: random.Random
    exchanges: int = 0

    async def exchange(self, exchange: Exchange) -> Reply:
        self.exchanges += 1
        await asyncio.sleep(self.rng.uniform(0, _STORE_DELAY))
        reply = self.memory.answer(exchange)
        await asyncio.sleep(self.rng.uniform(0, _STORE_DELAY))
        return reply

    async def close(self) -> None:
        pass


class _Ledger(SharedLedger):
    def __init__(self, store: _SlowStore) -> None:
        super().__init__("simulated")
        self._store = store

    def make_store(self) -> _SlowStore:
        return self._store


class SharedWorld:
    """A service, a store, and processes that create devices."""

    def __init__(self, limit: int, seed: int, *, minute: float = 60.0) -> None:
        """Set up a world, in a running loop; equal seeds give equal histories."""
        self.rng = random.Random(seed)
        self.minute = minute
        self.memory = MemoryStore()
        self.stores: list[_SlowStore] = []
        self.services = {
            CREATE.name: Service(limit, minute),
            CLOCK_ROUTE: Service(_INFO_LIMIT, minute),
        }
        self._limits = HardLimits(
            "simulated", {CREATE.name: limit, CLOCK_ROUTE: _INFO_LIMIT}, minute=minute
        )
        self._offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self._in_flight: list[float] = []

    @property
    def server_time(self) -> float:
        """What the service's clock shows."""
        return asyncio.get_running_loop().time() + self._offset

    @property
    def left(self) -> float:
        """Seconds to the next boundary."""
        return self.minute - self.server_time % self.minute

    @property
    def rate(self) -> float:
        """Requests per second that one process reaches without limits."""
        return _CONCURRENCY * len(self._in_flight) / sum(self._in_flight)

    async def process(self, rows: int, priority: Priority = Priority.BULK) -> None:
        """Simulate one process, which creates devices and ends."""
        store = _SlowStore(self.memory, self.rng)
        self.stores.append(store)
        ledger = _Ledger(store)
        with patch("tagodev._limits.ledger.shared.ServerClock", _WakefulClock):
            gate = ledger.open(Settings(self._limits, concurrency=_CONCURRENCY), None, "garden")
        todo, lock = iter(range(rows)), asyncio.Lock()
        workers = range(min(2 * _CONCURRENCY, rows))
        await asyncio.gather(*(self._work(gate, todo, lock, priority) for _ in workers))
        await ledger.leave(gate, None)

    async def _work(
        self, gate: Scheduler, todo: Iterator[int], lock: asyncio.Lock, priority: Priority
    ) -> None:
        for _ in todo:
            accepted = False
            while not accepted:
                accepted = await self._attempt(gate, lock, priority)

    async def _attempt(self, gate: Scheduler, lock: asyncio.Lock, priority: Priority) -> bool:
        """Send one request as a session does, and return whether a device was created."""
        async with lock:
            while gate.needs_clock:
                await asyncio.sleep(gate.best_clock_query_in)
                await self._send(gate, _INFO, priority)
        try:
            return await self._send(gate, CREATE, priority)
        except ClockResetError:
            return False

    async def _send(self, gate: Scheduler, route: Route, priority: Priority) -> bool:
        permit = await gate.acquire(route, priority=priority, run=1)
        await asyncio.sleep(latency(self.rng))
        accepted = self.services[route.name].handle(self.server_time)
        await asyncio.sleep(self.rng.uniform(0.0, 0.02))
        date, left = float(floor(self.server_time)), float(ceil(self.left))
        await asyncio.sleep(latency(self.rng))
        self._in_flight.append(gate.loop.time() - permit.granted)
        if accepted:
            gate.settle(permit, 200, date)
        else:
            gate.throttle(permit, left, date)
        return accepted


def simulate_processes(
    limit: int, total: int, seed: int, *, processes: int = 1, minute: float = 60.0
) -> Result:
    """Run a job of several processes with one store."""

    async def run() -> Result:
        loop = asyncio.get_running_loop()
        world = SharedWorld(limit, seed, minute=minute)
        await asyncio.sleep(world.rng.uniform(0, minute))
        start, left, rows = loop.time(), world.left, total // processes
        await asyncio.gather(*(world.process(rows) for _ in range(processes)))
        ideal = greedy_ideal(rows * processes, limit, minute, left, world.rate * processes)
        rejected = sum(sum(one.rejected.values()) for one in world.services.values())
        return Result(rejected, loop.time() - start, ideal, left)

    return run_virtually(run())
