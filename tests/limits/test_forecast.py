"""How long so many requests take, at best."""

from __future__ import annotations

from math import floor, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._limits.forecast import forecast


def seconds(count: float, rate: float, *, limit: int = 100, free: float = 50) -> float:
    """Return the forecast in the middle of a window of 60 s whose next begins in 20 s."""
    return forecast(count, limit=limit, window_seconds=60, free=free, next_window_in=20, rate=rate)


@pytest.mark.parametrize(
    ("expected", "count", "rate"),
    [
        (0, 0, 10),
        (0, -1, 10),
        (0, 0, 0),
        # Nothing gets done at all.
        (inf, 1, 0),
        # What the present window still takes goes as quickly as it can.
        (0.5, 5, 10),
        (5, 50, 10),
        # One more waits for the next window.
        (20.1, 51, 10),
        # That window's last, and the first of the one after it.
        (30, 150, 10),
        (80.1, 151, 10),
        # Too slow for the limits: the time decides, not the windows.
        (200, 200, 1),
        (40, 40, 1),
    ],
)
def test_some(expected: float, count: float, rate: float) -> None:
    """What a window takes goes at once; the rest waits for the windows after it."""
    assert expected == pytest.approx(seconds(count, rate))


@given(
    count=st.integers(1, 500),
    limit=st.integers(1, 50),
    used=st.integers(0, 50),
    rate=st.integers(1, 40),
    until_next=st.integers(1, 9),
)
def test_as_a_greedy_client(count: int, limit: int, used: int, rate: int, until_next: int) -> None:
    """It is the moment at which one that sends whenever it may has its last answer."""
    minute, free = 10, max(limit - used, 0)
    told = forecast(
        count, limit=limit, window_seconds=minute, free=free, next_window_in=until_next, rate=rate
    )
    # One request after the other, each where there is still time and room for it.
    now, end, room = 0.0, float(until_next), free
    for _ in range(count):
        fits = floor((end - now) * rate + 1e-6) >= 1
        if not room or not fits:
            now, end, room = end, end + minute, limit
        now += 1 / rate
        room -= 1

    assert now == pytest.approx(told)
