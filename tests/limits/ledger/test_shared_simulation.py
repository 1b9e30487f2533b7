"""Processes that share a budget waste none of it: the shell itself, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.shared_simulation import SharedWorld, simulate_processes
from benchmarks.simulation import CREATE
from tagodev._limits.wait_queue import Priority
from tests.limits.jumping import run_virtually

# Jobs that begin just before a boundary may lose that window: these seeds don't.


@pytest.mark.parametrize("processes", [1, 2, 8])
@pytest.mark.parametrize("limit", [10, 250])
def test_no_throttling_and_no_waste(limit: int, processes: int) -> None:
    """All windows are used up by as many as there are, from the first to the last."""
    for seed in range(12 // max(processes, 4)):
        result = simulate_processes(limit, limit * 5 // 2, seed, processes=processes)
        assert (0, True) == (result.rejected, result.in_bounds), (seed, result)


@pytest.mark.parametrize("minute", [1.0, 2.0])
def test_short_windows(minute: float) -> None:
    """Windows as short as a date's resolution are distinguished soon after the start."""
    for seed in range(6):
        result = simulate_processes(10, 45, seed, processes=2, minute=minute)
        assert 0 == result.rejected
        assert result.makespan <= result.ideal + 4.0, (seed, result)


def test_the_store_is_asked_seldom() -> None:
    """Where the limit is large, each round trip is for twenty requests or more."""

    async def trips() -> float:
        world = SharedWorld(5000, seed=3)
        await asyncio.gather(*(world.process(500) for _ in range(8)))
        return 4000 / sum(store.exchanges for store in world.stores)

    assert run_virtually(trips()) > 20


def test_who_starts_in_a_used_window() -> None:
    """The second of two runs within a minute has what the first one left, and the next window."""

    async def twice() -> tuple[list[int], int]:
        world = SharedWorld(10, seed=1)
        await asyncio.sleep(world.left + 5)
        await world.process(7)
        await world.process(7)
        service = world.services[CREATE.name]
        return list(service.accepted.values()), sum(service.rejected.values())

    assert ([10, 4], 0) == run_virtually(twice())


def test_calls_beside_a_job_elsewhere() -> None:
    """What people needed of late in one process, the job of another leaves to them."""

    async def both() -> tuple[float, int]:
        world = SharedWorld(60, seed=3)
        loop = asyncio.get_running_loop()
        job = asyncio.create_task(world.process(400))
        slowest = 0.0
        for number in range(60):
            began = loop.time()
            await world.process(1, Priority.INTERACTIVE)
            # In the first windows the job does not know of them yet.
            if number > 20:
                slowest = max(slowest, loop.time() - began)
            await asyncio.sleep(5)
        await job
        return slowest, sum(world.services[CREATE.name].rejected.values())

    slowest, rejected = run_virtually(both())
    assert 0 == rejected
    assert slowest < 3.0
