"""Dates that no clock of the service shows: a portal's, a cache's, an unset clock's."""

from __future__ import annotations

from math import floor, isinf
from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE, EPOCH, Unpaced
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit

START = EPOCH - EPOCH % 60
ABSURD = [0.0, START - 90, START + 90, START + 86_400 * 365, 253_402_300_799.0]


def clock_that_knows() -> ServerClock:
    """Return a clock that had one good answer: its time is START + now."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    clock.observe(1.0, 1.0, START + 1)
    return clock


@pytest.mark.parametrize("date", ABSURD)
def test_nothing_is_learnt_from_it(date: float) -> None:
    """The bounds stay as they are, and are doubted for an hour."""
    clock = clock_that_knows()
    before = clock.bounds(10.0)
    clock.observe(10.0, 10.1, date)
    assert before == clock.bounds(10.0)
    assert isinf(clock.width(10.2))
    assert clock.width(3700.0) < 5


@pytest.mark.parametrize("date", ABSURD)
def test_it_costs_neither_time_nor_memory(date: float) -> None:
    """Requests go on, without windows, whichever of the two dates came first."""
    for dates in ((START, date), (date, START)):
        core = Core(
            Settings(HardLimits("few", {CREATE.name: 100})),
            make_pacer=lambda _: Unpaced(),
            make_steady_pacer=lambda _: Unpaced(),
            clock=ServerClock(fleet_slack=0.0, suspended=lambda: 0.0),
        )
        granted: list[Permit] = []
        for number in range(50):
            now = number * 0.1
            core.join(CREATE, granted.append, now, priority=Priority.INTERACTIVE)
            core.dispatch(now)
            core.settle(granted[-1], now + 0.05, 200, floor(dates[number % 2] + now))
        assert 50 == len(granted)
        windows = granted[0].limiter.windows
        assert len(windows._settled) < 10
        assert granted[0].limiter.steady
