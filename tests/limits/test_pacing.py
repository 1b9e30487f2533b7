"""aiolimiter's bucket behind the core's protocol."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tagodev._limits.pacing import MAX_DELAY, LimiterPacer, aligned_pacer, spend, steady_pacer
from tests.limits.jumping import run_virtually


async def departures(pacer: LimiterPacer, seconds: float) -> list[float]:
    """Take whatever the pacer gives for so long, and return the moments."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    moments = []
    while loop.time() < end:
        delay = pacer.delay()
        if delay > 0:
            await asyncio.sleep(delay)
            continue
        pacer.take()
        moments.append(loop.time())
    return moments


@pytest.mark.parametrize("limit", [1, 10, 250, 5000])
def test_aligned_delays_the_last_of_a_window_by_half_a_second_at_most(limit: int) -> None:
    """The whole limit gets through within half a second of the opening, and a 64th of a step."""

    async def opening() -> list[float]:
        return (await departures(aligned_pacer(limit), 2.0))[:limit]

    moments = run_virtually(opening())
    assert limit == len(moments)
    assert moments[-1] - moments[0] <= MAX_DELAY * 1.05


@pytest.mark.parametrize("limit", [10, 250, 5000])
def test_steady_never_exceeds_the_limit_in_any_minute(limit: int) -> None:
    """Even if latencies shift requests by the whole spread, no minute holds more than the limit."""

    async def three_minutes() -> list[float]:
        return await departures(steady_pacer(limit, 60.0, 5.0), 180.0)

    moments = run_virtually(three_minutes())
    for index in range(len(moments) - limit):
        assert moments[index + limit] - moments[index] > 60.0 + 5.0 - 1e-6
    assert len(moments) > 2 * limit


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (10, 1), (250, 26), (5000, 549)])
def test_aligned_takes_the_edge_off(limit: int, most: int) -> None:
    """A tenth goes at once, a block less one more; the rest takes most of the half second."""

    async def opening() -> list[float]:
        return (await departures(aligned_pacer(limit), 2.0))[:limit]

    moments = run_virtually(opening())
    at_once = sum(moment == moments[0] for moment in moments)
    assert -(-limit // 10) <= at_once <= most
    if limit > 10:
        assert moments[-1] - moments[0] >= MAX_DELAY * 0.9


@pytest.mark.parametrize(("limit", "at_once"), [(1, 1), (10, 1), (29, 2), (250, 25), (5000, 500)])
def test_steady_begins_with_a_tenth(limit: int, at_once: int) -> None:
    """A tenth of the limit goes at once, and one at least."""

    async def opening() -> list[float]:
        return await departures(steady_pacer(limit, 60.0, 5.0), 1.0)

    moments = run_virtually(opening())
    assert at_once == sum(moment == moments[0] for moment in moments)


def test_steady_at_a_limit_of_one() -> None:
    """One in two windows with their spread: a second one any sooner might arrive together."""

    async def an_hour() -> list[float]:
        return await departures(steady_pacer(1, 60.0, 5.0), 3600.0)

    moments = run_virtually(an_hour())
    gaps = [after - before for before, after in pairwise(moments)]
    assert 20 < len(gaps)
    assert all(130 <= gap < 130 * (1 + 1 / 32) for gap in gaps)


@pytest.mark.parametrize("part", [0.0, 0.11, 0.26, 0.37, 0.5, 0.63, 0.79, 0.95])
def test_what_is_missing_is_known_to_a_64th(part: float) -> None:
    """The wait is long enough, and no more than a 64th of a request too long."""

    async def wait_after_a_while() -> float:
        pacer = LimiterPacer(1, 0.1)
        pacer.take()
        await asyncio.sleep(10 * part)
        return pacer.delay() / 10

    assert 1 - part <= run_virtually(wait_after_a_while()) + 1e-6 <= 1 - part + 1 / 64 + 1e-5


def test_a_wait_that_was_told_runs_down() -> None:
    """Asked again meanwhile, it says what is left of the wait."""

    async def waits() -> list[float]:
        pacer = LimiterPacer(1, 0.1)
        pacer.take()
        told = [pacer.delay(), pacer.delay()]
        await asyncio.sleep(4.0)
        return [*told, pacer.delay()]

    first, second, later = run_virtually(waits())
    assert first == pytest.approx(second)
    assert first - 4.0 == pytest.approx(later, abs=0.01)


@pytest.mark.parametrize(("left", "many"), [(3, 0), (1, 2), (0, 3), (0, 10)])
def test_spending_takes_what_is_there(left: int, many: int) -> None:
    """What was sent already is taken out, and no more than there is."""

    async def spent() -> int:
        pacer = LimiterPacer(3, 10.0)
        spend(pacer, many)
        return len(await departures(pacer, 0.01))

    assert left == run_virtually(spent())


def test_taking_what_is_not_there_is_a_bug() -> None:
    """Taking more than the pacer reported raises an error instead of waiting."""

    async def overdraw() -> None:
        pacer = LimiterPacer(1, 1.0)
        pacer.take()
        pacer.take()

    with pytest.raises(RuntimeError, match="no capacity"):
        run_virtually(overdraw())
