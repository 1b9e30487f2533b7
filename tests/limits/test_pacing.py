"""aiolimiter's bucket behind the core's protocol."""

from __future__ import annotations

import asyncio

import pytest

from tagodev.limits.pacing import MAX_DELAY, LimiterPacer, aligned_pacer, steady_pacer
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


def test_taking_what_is_not_there_is_a_bug() -> None:
    """A pacer that is asked for more than it said is told so, and does not wait."""

    async def overdraw() -> None:
        pacer = LimiterPacer(1, 1.0)
        pacer.take()
        pacer.take()

    with pytest.raises(RuntimeError, match="more than it holds"):
        run_virtually(overdraw())
