"""Dates that no clock of the service shows: a portal's, a cache's, an unset clock's."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE, EPOCH, Unpaced
from tagodev._limits.clock import AGREEING, ServerClock
from tagodev._limits.core import Core
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit

START = EPOCH - EPOCH % 60
ABSURD = [0.0, START - 90, START + 90, START + 86_400 * 365, 253_402_300_799.0]


@pytest.mark.parametrize("date", ABSURD)
def test_a_wrong_date_is_outvoted(date: float) -> None:
    """The first date or a later one: after it no windows are distinguished until three agree."""
    for first, count in ((date, 0), (START, 1)):
        clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
        clock.observe(1.0, 1.0, first + 1)
        if count:
            clock.observe(2.0, 2.0, date + 2)
        for second in range(3, 3 + AGREEING):
            assert clock.resolves_windows(second, 60.0) == (not count and second == 3)
            clock.observe(second, second, START + second)
        assert clock.width(6.0) < 1.1
        assert clock.earliest(6.0) <= START + 6.0 <= clock.latest(6.0)


@pytest.mark.parametrize("date", ABSURD)
def test_dates_that_never_agree_cost_neither_time_nor_memory(date: float) -> None:
    """Requests go on by age, whichever of the two dates came first."""
    for dates in ((START, date), (date, START)):
        core = Core(
            Settings(HardLimits("few", {CREATE.name: 100})),
            make_pacer=Unpaced,
            clock=ServerClock(fleet_slack=0.0, suspended=lambda: 0.0),
        )
        granted: list[Permit] = []
        for number in range(150):
            now = number * 0.1
            core.join(CREATE, granted.append, now, priority=Priority.INTERACTIVE)
            core.dispatch(now)
            if number < 100:
                core.settle(granted[-1], now + 0.05, 200, floor(dates[number % 2] + now))
        assert 100 == len(granted)
        windows = granted[0].limiter.windows
        assert len(windows._settled) < 10
        assert not windows.distinguishes(149 * 0.1)
