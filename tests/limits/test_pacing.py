"""aiolimiter's bucket behind the core's protocol."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import ceil

import pytest

from tagodev._limits.pacing import AT_ONCE, MAX_DELAY, LimiterPacer
from tests.limits.jumping import run_virtually


def opened(limit: int) -> LimiterPacer:
    """Return a pacer that lets a window's requests go when it opens."""
    pacer = LimiterPacer()
    pacer.open(limit)
    return pacer


def spreading(budget: float, seconds: float, window: int = 0) -> LimiterPacer:
    """Return a pacer that spreads requests."""
    pacer = LimiterPacer()
    pacer.spread(budget, seconds, window)
    return pacer


async def departures(pacer: LimiterPacer, seconds: float) -> list[float]:
    """Take whatever the pacer gives for so long, and return the moments."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    moments = []
    while loop.time() < end:
        delay = pacer.delay(loop.time())
        if delay > 0:
            await asyncio.sleep(delay)
            continue
        pacer.take()
        moments.append(loop.time())
    return moments


@pytest.mark.parametrize("limit", [1, 10, 250, 5000])
def test_open_delays_the_last_of_a_window_by_half_a_second_at_most(limit: int) -> None:
    """The whole limit gets through within half a second of the opening, and a 64th of a step."""

    async def opening() -> list[float]:
        return (await departures(opened(limit), 2.0))[:limit]

    moments = run_virtually(opening())
    assert limit == len(moments)
    assert moments[-1] - moments[0] <= MAX_DELAY * 1.05


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (10, 11), (100, 110), (250, 110), (5000, 549)])
def test_open_takes_the_edge_off(limit: int, most: int) -> None:
    """A tenth goes at once, or so many as first calls may; the rest takes a part of a second."""

    async def opening() -> list[float]:
        return (await departures(opened(limit), 2.0))[:limit]

    moments = run_virtually(opening())
    at_once = sum(moment == moments[0] for moment in moments)
    assert max(ceil(limit / 10), min(limit, AT_ONCE)) <= at_once <= most
    if limit > AT_ONCE:
        assert moments[-1] - moments[0] >= MAX_DELAY * 0.5


@pytest.mark.parametrize("budget", [1, 10, 250, 5000])
def test_spreading_is_even(budget: int) -> None:
    """One at a time, at the rate of the budget, and no burst at the beginning."""

    async def a_minute() -> list[float]:
        return await departures(spreading(budget, 60.0), 60.0)

    moments = run_virtually(a_minute())
    gaps = [after - before for before, after in pairwise(moments)]
    step = 60.0 / budget
    assert 0.97 * budget <= len(moments) <= budget
    assert all(step * 0.999 <= gap <= step * (1 + 1 / 32) for gap in gaps)


def test_the_last_of_a_window_goes_at_its_end() -> None:
    """Where another client may be refused instead of us, the first waits for its step."""

    async def a_window() -> list[float]:
        began = asyncio.get_running_loop().time()
        moments = await departures(spreading(10, 57.6, window=7), 60.0)
        return [moment - began for moment in moments]

    moments = run_virtually(a_window())
    assert 10 == len(moments)
    assert 5.7 <= moments[0] <= 6.0
    assert 57.5 <= moments[-1] <= 59.0


def test_configured_again_only_if_it_differs() -> None:
    """What is asked for each request costs nothing where nothing changes."""

    async def buckets() -> list[object]:
        pacer = LimiterPacer()
        found: list[object] = []
        for _ in range(2):
            pacer.open(10)
            found.append(pacer._bucket)
        for window in (1, 1, 2):
            pacer.spread(5, 57.6, window)
            found.append(pacer._bucket)
        return found

    first, again, spread, same, other = run_virtually(buckets())
    assert first is again is not spread
    assert spread is same is not other


@pytest.mark.parametrize("part", [0.0, 0.11, 0.26, 0.37, 0.5, 0.63, 0.79, 0.95])
def test_what_is_missing_is_known_to_a_64th(part: float) -> None:
    """The wait is long enough, and no more than a 64th of a request too long."""

    async def wait_after_a_while() -> float:
        pacer = spreading(1, 10.0)
        pacer.take()
        await asyncio.sleep(10 * part)
        return pacer.delay(asyncio.get_running_loop().time()) / 10

    assert 1 - part <= run_virtually(wait_after_a_while()) + 1e-6 <= 1 - part + 1 / 64 + 1e-5


def test_a_wait_that_was_told_runs_down() -> None:
    """Asked again meanwhile, it says what is left of the wait."""

    async def waits() -> list[float]:
        loop = asyncio.get_running_loop()
        pacer = spreading(1, 10.0)
        pacer.take()
        told = [pacer.delay(loop.time()), pacer.delay(loop.time())]
        await asyncio.sleep(4.0)
        return [*told, pacer.delay(loop.time())]

    first, second, later = run_virtually(waits())
    assert first == pytest.approx(second)
    assert first - 4.0 == pytest.approx(later, abs=0.01)


def test_taking_what_is_not_there_takes_nothing() -> None:
    """An interactive call goes all the same, and bulk waits no longer than for one request."""

    async def overdraw() -> float:
        pacer = spreading(1, 10.0)
        for _ in range(5):
            pacer.take()
        return pacer.delay(asyncio.get_running_loop().time())

    assert run_virtually(overdraw()) <= 10.0 * (1 + 1 / 32)
