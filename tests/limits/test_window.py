"""Windows with carry-over."""

from __future__ import annotations

import pytest

from tagodev.limits.clock import ServerClock
from tagodev.limits.window import Windows

EPOCH = 1.7e9 - 1.7e9 % 60


def exact_clock() -> ServerClock:
    """Return a clock that is known to a hundredth of a second: server time is EPOCH + ours."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    clock.observe(0.994, 0.996, EPOCH + 0)
    clock.observe(1.004, 1.006, EPOCH + 1)
    return clock


def vague_clock() -> ServerClock:
    """Return a clock that is known to a second only."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    clock.observe(0.5, 0.5, EPOCH)
    return clock


def test_a_window_takes_its_limit_and_no_more() -> None:
    """After so many charges the next window is the first that is free."""
    windows = Windows(60.0, exact_clock())
    for _ in range(3):
        assert windows.blocked_until(10.0, 3) is None
        windows.settle(windows.charge(10.0), 10.1)
    now = windows.bounds(10.0)[0]
    assert now + 1 == windows.blocked_until(10.2, 3)
    assert windows.blocked_until(60.1, 3) is None


def test_in_flight_is_charged_to_the_next_window_too() -> None:
    """A request that is still on its way at the boundary takes a place behind it."""
    windows = Windows(60.0, exact_clock())
    first = windows.bounds(59.9)[0]
    charge = windows.charge(59.9)
    assert 1 == windows.used(first) == windows.used(first + 1)
    windows.settle(charge, 60.5)
    assert 1 == windows.used(first) == windows.used(first + 1)


def test_settled_before_the_boundary_is_refunded_behind_it() -> None:
    """An answer that came in time proves that the next window is untouched."""
    windows = Windows(60.0, exact_clock())
    first = windows.bounds(59.0)[0]
    windows.settle(windows.charge(59.0), 59.5)
    assert windows.used(first) == 1
    assert windows.used(first + 1) == 0


def test_refund_takes_a_charge_back() -> None:
    """A request that never left leaves no trace."""
    windows = Windows(60.0, exact_clock())
    charge = windows.charge(10.0)
    windows.refund(charge)
    assert 0 == windows.used(windows.bounds(10.0)[0]) == windows.in_flight


def test_settling_twice_is_a_bug() -> None:
    """A charge ends once; the second time is told, not swallowed."""
    windows = Windows(60.0, exact_clock())
    charge = windows.charge(10.0)
    windows.settle(charge, 10.1)
    with pytest.raises(RuntimeError, match="settled before"):
        windows.settle(charge, 10.1)


def test_the_last_place_is_for_a_request_that_is_surely_inside() -> None:
    """Requests that may be of the window before leave one place for one that is not."""
    clock = vague_clock()
    windows = Windows(60.0, clock)
    while (blocked := windows.blocked_until(59.8, 5)) is None:
        windows.settle(windows.charge(59.8), 59.9)
    first, last = windows.bounds(59.8)
    assert (first + 1, 4) == (last, windows.used(last))
    assert last == blocked
    assert windows.blocked_until(61.0, 5) is None


def test_narrower_bounds_judge_again() -> None:
    """What may have been on either side of a boundary is refunded once it is known."""
    clock = vague_clock()
    windows = Windows(60.0, clock)
    for _ in range(4):
        windows.settle(windows.charge(59.6), 59.7)
    number = windows.bounds(61.0)[0]
    assert windows.used(number) == 4
    windows.settle(windows.charge(60.6), 60.61)
    clock.observe(60.6, 60.61, EPOCH + 60)
    clock.observe(60.99, 61.0, EPOCH + 60)
    assert windows.blocked_until(61.2, 5) is None
    assert windows.used(number) == 1


def test_requests_sent_before_the_clock_was_known_are_placed_later() -> None:
    """What went out blindly is charged where it belongs as soon as that is known."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    windows = Windows(60.0, clock)
    answered, under_way = windows.charge(10.0), windows.charge(10.1)
    clock.observe(10.0, 10.2, EPOCH + 10)
    windows.settle(answered, 10.2)
    assert windows.blocked_until(10.2, 3) is None
    assert windows.used(windows.bounds(10.2)[0]) == 2
    windows.settle(under_way, 10.3)
    assert windows.used(windows.bounds(10.3)[0]) == 2


def test_old_windows_are_forgotten() -> None:
    """A day of windows keeps a handful of numbers."""
    windows = Windows(60.0, exact_clock())
    for minute in range(1440):
        windows.settle(windows.charge(minute * 60 + 30.0), minute * 60 + 30.1)
    assert len(windows._settled) < 12
    assert len(windows._on_boundary) < 12
