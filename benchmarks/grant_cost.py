"""Cost of one permit with very many waiters, in time and in memory.

Time: requests wait in the core's queue and one slot is free; `Core.dispatch` issues the permit
to the head of the queue, which is what is timed, one permit at a time.
Before the next one the request is answered and another joins the queue, so that the number of
waiters stays constant.
Of several rounds the quickest counts, since other load on the machine only adds time.
Neither the limit nor pacing delays a request.
The rows "by block" query the aiolimiter bucket as for large limits, for many requests
at once; the rows "one by one" as for the smallest; the others use no bucket.

Memory: tasks that wait in `Scheduler.acquire`, compared with as many that wait for a bare future;
the difference is the cost of a waiter beside its caller's own task.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
import tracemalloc
from itertools import product
from operator import attrgetter
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.machine import describe
from benchmarks.simulation import CREATE, Unpaced
from tagodev import HardLimits
from tagodev._limits.core import Core
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.scheduler import Scheduler
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tagodev._limits.pacing import Pacer
    from tagodev._limits.route_limiter import Permit

_FAR_AWAY: Final = 10**9
_SIZES: Final = (100, 10_000, 100_000)
_WARM_UP: Final = 500


@attrs.frozen
class Cost:
    """Duration of single permits, in microseconds."""

    median: float
    """Half of them took less."""
    p99: float
    """All but one in a hundred took less."""


#: How the limiter is asked, by the name of the rows.
_PACERS: Final[Mapping[str, Callable[[], Pacer]]] = {
    "AsyncLimiter": LimiterPacer,
    "none": Unpaced,
}


def make_core(make_pacer: Callable[[], Pacer]) -> Core:
    """Return a core in which only its one slot delays a request."""
    limits = HardLimits("far away", {}, default=_FAR_AWAY)
    return Core(Settings(limits, concurrency=1), make_pacer=make_pacer)


async def time_grants(
    waiters: int, priority: Priority, make_pacer: Callable[[], Pacer], grants: int
) -> Cost:
    """Time single grants while so many wait.

    Args:
        waiters: how many wait.
        priority: the priority that they all wait in.
        make_pacer: makes what is asked for pacing.
        grants: how many to time.
    """
    clock = asyncio.get_running_loop().time
    core = make_core(make_pacer)
    permits: list[Permit] = []
    for _ in range(waiters):
        core.join(CREATE, permits.append, clock(), priority=priority)
    # Garbage collection is not part of a permit, and would hit some of them at random.
    gc.collect()
    gc.disable()
    try:
        spans = [_time_one(core, priority, permits, clock) for _ in range(grants + _WARM_UP)]
    finally:
        gc.enable()
    microseconds = [span / 1000 for span in spans[_WARM_UP:]]
    return Cost(median(microseconds), quantiles(microseconds, n=100)[98])


def _time_one(
    core: Core, priority: Priority, permits: list[Permit], clock: Callable[[], float]
) -> int:
    """Return the nanoseconds of one permit, and prepare the next one."""
    now = clock()
    started = time.perf_counter_ns()
    core.dispatch(now)
    span = time.perf_counter_ns() - started
    now = clock()
    core.settle(permits.pop(), now, 200, float(int(time.time())))
    core.join(CREATE, permits.append, now, priority=priority)
    return span


# --- memory ------------------------------------------------------------------------------------


async def memory_a_waiter(waiters: int) -> tuple[float, float]:
    """Return the bytes of a task waiting for a permit, and of one waiting for a bare future."""
    loop = asyncio.get_running_loop()
    scheduler = Scheduler(make_core(LimiterPacer))
    # With its only slot in use no other permit is issued.
    await scheduler.acquire(CREATE)

    async def for_its_turn() -> object:
        return await scheduler.acquire(CREATE)

    async def for_a_future() -> object:
        return await loop.create_future()

    bare = await _bytes_a_task(for_a_future, waiters)
    waiting = await _bytes_a_task(for_its_turn, waiters)
    scheduler.close()
    return waiting, bare


async def _bytes_a_task(wait: Callable[[], Awaitable[object]], count: int) -> float:
    async def caller() -> None:
        await wait()

    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tasks = [asyncio.create_task(caller()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return used / count


# --- the program -------------------------------------------------------------------------------


async def measure(options: argparse.Namespace) -> None:
    """Run all measurements and print each as it ends."""
    print(
        f"\nOne permit, in microseconds, of {options.grants} permits; "
        f"the quickest of {options.rounds} rounds"
    )
    print(f"{'limiter':>10} {'priority':>12} {'waiters':>8} {'median':>8} {'p99':>8}")
    rows = tuple(product(_PACERS, Priority, _SIZES))
    best: dict[tuple[str, Priority, int], Cost] = {}
    # All rows in each round: what disturbs the machine for a while disturbs no row in all of them.
    for _, row in product(range(options.rounds), rows):
        limiter, priority, waiters = row
        cost = await time_grants(waiters, priority, _PACERS[limiter], options.grants)
        best[row] = min(best.get(row, cost), cost, key=attrgetter("median"))
    for (limiter, priority, waiters), cost in best.items():
        print(
            f"{limiter:>10} {priority.value:>12} {waiters:>8} {cost.median:>8.2f} {cost.p99:>8.2f}"
        )
    waiting, bare = await memory_a_waiter(options.memory_waiters)
    print(
        f"\nMemory: {waiting:.0f} bytes a task that waits for its turn, {bare:.0f} bytes one that "
        f"waits for a bare future: {waiting - bare:.0f} bytes a waiter "
        f"({options.memory_waiters} of each)"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements."""
    options = _parse(arguments)
    print(describe("aiolimiter"), flush=True)
    asyncio.run(measure(options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="grant_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--grants", type=int, default=20_000, help="permits to time per round (default 20000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all rows (default 3)")
    parser.add_argument(
        "--memory-waiters", type=int, default=100_000, help="waiting tasks (default 100000)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
