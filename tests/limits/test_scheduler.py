"""The asyncio shell, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE, Unpaced
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.scheduler import Scheduler
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.errors import ClosedError, WaitTooLongError
from tagodev.hard_limits import HardLimits
from tests.limits.jumping import run_virtually

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit

# In these tests the service's clock shows the loop's own time, plus this.
AHEAD = 1.2e9


def scheduler(limit: int, **settings: object) -> Scheduler:
    """Return a scheduler whose clock is known, in the running loop."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    now = asyncio.get_running_loop().time()
    clock.observe(now - 0.01, now, AHEAD + now)
    clock.observe(now + 0.99, now + 1.0, AHEAD + now + 1)
    return Scheduler(
        Core(
            Settings(HardLimits("test", {CREATE.name: limit}), **settings),  # type: ignore[arg-type]
            make_pacer=Unpaced,
            clock=clock,
        )
    )


def date() -> float:
    """Return what the service's ``Date`` header says now."""
    return float(int(asyncio.get_running_loop().time() + AHEAD))


async def call(gate: Scheduler, seconds: float = 0.05, **how: object) -> None:
    """Make one request that takes so long."""
    permit = await gate.acquire(CREATE, **how)  # type: ignore[arg-type]
    await asyncio.sleep(seconds)
    gate.settle(permit, 200, date())


def test_ten_thousand_waiters_cancelled_at_random() -> None:
    """Cancelling waiters in any state loses no permit, blocks no request and keeps the order."""

    async def crowd() -> None:
        rng = random.Random(7)
        gate = scheduler(4000, concurrency=100)
        order: list[int] = []
        lost = 0

        async def one(number: int) -> None:
            nonlocal lost
            permit: Permit = await gate.acquire(CREATE)
            order.append(number)
            try:
                await asyncio.sleep(rng.uniform(0.01, 0.3))
            except asyncio.CancelledError:
                lost += 1
                gate.lose(permit)
                raise
            gate.settle(permit, 200, date())

        tasks = [asyncio.create_task(one(number)) for number in range(10_000)]
        doomed = set(rng.sample(range(10_000), 5000))
        loop = asyncio.get_running_loop()
        for number in doomed:
            loop.call_later(rng.uniform(0, 200), tasks[number].cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)
        survivors = [number for number in range(10_000) if results[number] is None]
        assert len(survivors) >= 5000
        assert order == sorted(order)
        (state,) = gate.snapshot()
        assert (state.in_flight, state.waiting) == (0, 0)
        assert gate.core.slots.free == 100
        await asyncio.sleep(130)
        assert gate.snapshot()[0].free == 4000

    run_virtually(crowd())


def test_cancelled_in_the_step_of_the_grant() -> None:
    """A waiter that is cancelled between its grant and its next step hands the grant back."""

    async def race() -> None:
        gate = scheduler(10, concurrency=1)
        first = await gate.acquire(CREATE)
        second = asyncio.create_task(call(gate))
        third = asyncio.create_task(call(gate))
        await asyncio.sleep(0)
        gate.settle(first, 200, date())
        second.cancel()
        await third
        assert second.cancelled() or second.cancelling()
        assert gate.core.slots.free == 1

    run_virtually(race())


def test_memory_of_cancelled_waiters_returns() -> None:
    """When 5,000 waiters have come and gone, what they took is free again."""

    async def wave(gate: Scheduler) -> None:
        tasks = [asyncio.create_task(call(gate)) for _ in range(5_000)]
        await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def measure() -> tuple[int, int]:
        gate = scheduler(1)
        await wave(gate)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await wave(gate)
        # The step of the loop in which the wave ended still holds it.
        await asyncio.sleep(0.001)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return before, after

    before, after = run_virtually(measure())
    # A waiter takes about 1,000 bytes; asyncio's own set of tasks may grow by a megabyte.
    assert after - before < 5_000 * 300


def test_two_runs_share_fairly() -> None:
    """A run that comes later has as many grants as the first from then on."""
    counts = {1: 0, 2: 0}

    async def bounded() -> None:
        gate = scheduler(5000, concurrency=4)

        async def worker(run: int) -> None:
            while True:
                await call(gate, priority=Priority.BULK, run=run)
                counts[run] += 1

        workers = [asyncio.create_task(worker(1)) for _ in range(40)]
        workers += [asyncio.create_task(worker(2)) for _ in range(8)]
        await asyncio.sleep(20)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    run_virtually(bounded())
    assert counts[1] + counts[2] > 1000
    assert abs(counts[1] - counts[2]) <= 10


def test_wait_too_long_is_told_at_once() -> None:
    """A caller whose budget can't come in time is turned away before it waits."""

    async def impatient() -> float:
        gate = scheduler(2)
        await call(gate)
        await call(gate)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(WaitTooLongError, match="the wait is at least") as caught:
            await gate.acquire(CREATE, max_wait=1.0)
        assert (CREATE.name, 1.0) == (caught.value.route, caught.value.max_wait)
        assert caught.value.least is not None
        return loop.time() - began

    assert run_virtually(impatient()) < 1e-3


def test_a_bounded_wait_ends_in_time() -> None:
    """A wait that exceeds max_wait raises when the time is up."""

    async def impatient() -> float:
        gate = scheduler(10, concurrency=1)
        blocker = asyncio.create_task(call(gate, seconds=10.0))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(WaitTooLongError):
            await gate.acquire(CREATE, max_wait=2.0)
        ended = loop.time() - began
        await blocker
        assert gate.snapshot()[0].waiting == 0
        return ended

    assert pytest.approx(run_virtually(impatient()), abs=0.01) == 2.0


def test_a_wait_can_be_ended_from_outside() -> None:
    """The owner of the waits can end them all without leftovers."""

    async def closing() -> None:
        gate = scheduler(1, concurrency=1)
        permit = await gate.acquire(CREATE)
        waits: set[asyncio.Future[Permit]] = set()
        waiting = asyncio.create_task(gate.acquire(CREATE, waits=waits))
        await asyncio.sleep(0)
        for wait in waits:
            wait.set_exception(ClosedError("over"))
        with pytest.raises(ClosedError):
            await waiting
        gate.settle(permit, 200, date())
        assert not waits
        assert gate.snapshot()[0].waiting == 0

    run_virtually(closing())


def test_one_timer_wakes_who_waits_for_the_boundary() -> None:
    """Requests beyond the limit go when the next window has begun."""

    async def two_windows() -> float:
        gate = scheduler(3)
        await asyncio.gather(*(call(gate) for _ in range(5)))
        return asyncio.get_running_loop().time()

    # The loop starts at 1,000 s, and a window of the service at each multiple of 60 s.
    assert 1020.0 < run_virtually(two_windows()) < 1021.0


def test_requests_that_never_leave_are_paced_while_the_clock_is_unknown() -> None:
    """However fast connections fail before the first answer, the pacer is asked before it gives."""

    async def unreachable() -> int:
        core = Core(
            Settings(HardLimits("test", {CREATE.name: 20})),
            make_pacer=LimiterPacer,
            clock=ServerClock(suspended=lambda: 0.0),
        )
        gate = Scheduler(core)

        async def fail() -> None:
            gate.refund(await gate.acquire(CREATE, priority=Priority.BULK, run=1))

        await asyncio.gather(*(fail() for _ in range(100)))
        return gate.snapshot()[0].in_flight

    assert 0 == run_virtually(unreachable())


def test_a_loop_whose_timers_do_not_tell_when() -> None:
    """A plain handle will do for a timer, as uvloop gives one where it is due at once."""

    async def job() -> float:
        loop = asyncio.get_running_loop()
        gate = scheduler(2)
        gate.loop = SimpleNamespace(  # type: ignore[assignment]  # all that it asks of a loop
            time=loop.time,
            create_future=loop.create_future,
            call_at=lambda *given: SimpleNamespace(cancel=loop.call_at(*given).cancel),
        )
        began = loop.time()
        await asyncio.gather(*(call(gate) for _ in range(5)))
        gate.close()
        return loop.time() - began

    # Two windows have to open.
    assert 60 < run_virtually(job()) < 185
