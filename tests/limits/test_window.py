"""Windows with carry-over."""

from __future__ import annotations

from math import floor

import pytest

from tagodev._limits.clock import ServerClock
from tagodev._limits.window import Windows

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
    """Settling a charge twice raises an error."""
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


def learn_exactly(clock: ServerClock, now: float) -> None:
    """Let a clock learn to a hundredth of a second that server time is EPOCH + ours."""
    second = floor(now)
    clock.observe(second - 0.006, second - 0.004, EPOCH + second - 1)
    clock.observe(second + 0.004, second + 0.006, EPOCH + second)


def test_requests_that_ended_before_the_clock_was_known_are_placed_later() -> None:
    """Each is charged to every window that it may have been counted in, and to no other."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    # Two that ended within the same second are kept as one; the third came over the boundary.
    for sent, ended in ((58.3, 58.5), (58.0, 58.9), (59.9, 60.4)):
        windows.settle(windows.charge(sent), ended)
    under_way = windows.charge(60.5)
    assert 4 == windows.recent(60.6)
    windows.refresh(61.0)
    assert 4 == windows.recent(60.6)
    learn_exactly(clock, 61.0)
    windows.refresh(61.0)

    assert [0, 3, 2, 1] == [windows.used(number) for number in range(first - 1, first + 3)]
    assert (2, 4, 1) == (windows.charged(61.0), windows.recent(61.0), windows.in_flight)
    windows.settle(under_way, 61.0)
    assert [3, 2, 0] == [windows.used(number) for number in range(first, first + 3)]


def test_vague_bounds_place_requests_in_both_windows() -> None:
    """Where the clock is known to a second only, the earlier window is charged as well."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    windows.settle(windows.charge(59.8), 59.9)
    under_way = [windows.charge(59.9) for _ in range(2)]
    clock.observe(60.5, 60.5, EPOCH + 60)
    windows.refresh(61.0)

    assert [3, 3, 2] == [windows.used(number) for number in range(first, first + 3)]
    for one in under_way:
        windows.settle(one, 59.95)
    assert [3, 3, 0] == [windows.used(number) for number in range(first, first + 3)]


def test_what_is_still_undecided_stays_in_both() -> None:
    """Narrower bounds take off what they decide, no more, and nothing of other windows."""
    clock = vague_clock()
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    for sent in (-30.0, 59.8, 130.0, 131.0):
        windows.settle(windows.charge(sent), sent + 0.05)
    version = clock.version
    clock.observe(60.3, 60.3, EPOCH + 60)
    clock.observe(60.7, 60.7, EPOCH + 60)
    assert version < clock.version
    windows.refresh(61.0)
    assert [1, 1, 1, 2, 0] == [windows.used(number) for number in range(first - 1, first + 4)]
    # Now it was surely before the boundary.
    learn_exactly(clock, 62.0)
    windows.refresh(61.0)
    assert [1, 1, 0, 2, 0] == [windows.used(number) for number in range(first - 1, first + 4)]


def test_what_is_decided_is_taken_off_and_no_more() -> None:
    """Of five in a window, the two that were surely in the one before it are refunded."""
    clock = vague_clock()
    windows = Windows(60.0, clock)
    number = floor(EPOCH / 60) + 1
    for sent in (59.6, 59.7, 61.0, 62.0, 63.0):
        windows.settle(windows.charge(sent), sent + 0.05)
    assert 5 == windows.used(number)
    learn_exactly(clock, 64.0)
    windows.refresh(61.0)

    assert [2, 3] == [windows.used(number - 1), windows.used(number)]


def test_a_request_that_ends_before_it_is_placed() -> None:
    """One that left blindly and ends when the clock is known is in all windows of its way."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    under_way = windows.charge(59.8)
    clock.observe(60.5, 60.5, EPOCH + 60)
    windows.settle(under_way, 60.6)

    assert [1, 1, 0] == [windows.used(number) for number in range(first, first + 3)]


def test_bounds_follow_the_clock_at_once() -> None:
    """An answer that comes at the moment of a look counts for the next look."""
    clock = vague_clock()
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    assert (first, first + 1) == windows.bounds(60.2)
    learn_exactly(clock, 60.0)
    assert (first + 1, first + 1) == windows.bounds(60.2) == windows.bounds(60.2)
    assert (first, first) == windows.bounds(30.0)


@pytest.mark.parametrize("after", range(1, 4))
def test_windows_shorter_than_the_bounds_are_all_looked_at(after: int) -> None:
    """The latest full window of those that it may be is the one to wait for."""
    windows = Windows(0.4, vague_clock())
    first, last = windows.bounds(10.2)
    assert 2 <= last - first
    assert windows.blocked_until(10.2, 3) is None
    number = min(first + after, last)
    windows.charge_prior(number, 3)
    assert number + 1 == windows.blocked_until(10.2, 3)
    windows.charge_prior(number, 1)
    assert number + 1 == windows.blocked_until(10.2, 3)


@pytest.mark.parametrize(
    ("limit", "used", "blocked"),
    [(1, 0, None), (1, 1, 2), (2, 0, None), (2, 1, 1), (2, 2, 2), (3, 1, None), (3, 2, 1)],
)
def test_the_last_place_of_any_limit(limit: int, used: int, blocked: int | None) -> None:
    """Across a boundary one place is held back, but the only one of a window is not."""
    windows = Windows(60.0, vague_clock())
    first, last = windows.bounds(59.8)
    assert first + 1 == last
    windows.charge_prior(last, used)
    expected = None if blocked is None else first + blocked

    assert expected == windows.blocked_until(59.8, limit)


def test_a_second_of_requests_lasts_from_the_first_to_the_last() -> None:
    """Those kept as one reach over a boundary if any of them may have."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    windows = Windows(60.0, clock)
    first = floor(EPOCH / 60)
    for sent, ended in ((60.2, 60.3), (59.5, 60.1), (60.4, 60.9)):
        windows.settle(windows.charge(sent), ended)
    learn_exactly(clock, 62.0)
    windows.refresh(61.0)

    assert [3, 3, 0] == [windows.used(number) for number in range(first, first + 3)]


def test_blind_requests_count_for_a_minute() -> None:
    """While the clock is unknown, those of the last minute are what may be in one window."""
    windows = Windows(60.0, ServerClock(suspended=lambda: 0.0))
    for _ in range(2):
        windows.settle(windows.charge(10.0), 10.5)
    windows.settle(windows.charge(20.0), 20.5)

    assert [3, 3, 1, 0] == [windows.recent(now) for now in (21.0, 70.6, 70.7, 90.0)]


def test_blind_requests_of_long_ago_are_forgotten() -> None:
    """An hour without a clock keeps a minute of seconds."""
    windows = Windows(60.0, ServerClock(suspended=lambda: 0.0))
    for second in range(3600):
        windows.settle(windows.charge(second + 0.1), second + 0.2)

    assert len(windows._log) <= 66
    assert 61 >= windows.recent(3600.0) >= 60


def test_a_full_window_is_full_whatever_we_counted() -> None:
    """What the service said goes before what is charged, until that window is over."""
    windows = Windows(60.0, exact_clock())
    now = windows.bounds(10.0)[0]
    windows.exhausted = now - 1
    assert windows.blocked_until(10.0, 3) is None
    windows.exhausted = now
    assert now + 1 == windows.blocked_until(10.0, 3)
    assert now + 1 == windows.blocked_until(59.9, 3)
    assert windows.blocked_until(60.1, 3) is None


def test_when_a_window_opens() -> None:
    """A window has surely begun when the latest of clocks has come to it."""
    windows = Windows(60.0, exact_clock())
    next_one = windows.bounds(10.0)[0] + 1

    assert 50.006 == pytest.approx(windows.opens_in(next_one, 10.0), abs=0.01)
    assert windows.opens_in(next_one, 10.0) > 50.005
    assert 110.006 == pytest.approx(windows.opens_in(next_one + 1, 10.0), abs=0.01)


def test_what_is_presumed_adds_up() -> None:
    """What others may have used is charged beside our own."""
    windows = Windows(60.0, exact_clock())
    now = windows.bounds(10.0)[0]
    for used in (2, 1):
        windows.charge_prior(now, used)
    windows.settle(windows.charge(10.0), 10.1)

    assert (4, 0) == (windows.used(now), windows.used(now + 1))


def test_the_window_before_is_not_forgotten() -> None:
    """Where it may still be that window, what was charged to it counts."""
    windows = Windows(60.0, exact_clock())
    first = windows.bounds(30.0)[0]
    for minute in range(12):
        for _ in range(2):
            windows.settle(windows.charge(minute * 60 + 30.0), minute * 60 + 30.1)
        assert 2 == windows.used(first + minute)
        assert (2 if minute else 0) == windows.used(first + minute - 1)


def test_old_windows_are_forgotten() -> None:
    """A day of windows keeps a handful of numbers."""
    windows = Windows(60.0, exact_clock())
    for minute in range(1440):
        windows.settle(windows.charge(minute * 60 + 30.0), minute * 60 + 30.1)
    assert len(windows._settled) < 12
    assert len(windows._on_boundary) < 12


def test_a_lost_request_does_not_shorten_the_charge_of_another() -> None:
    """It ends later than now; those that ended before are charged for their own minute."""
    windows = Windows(60.0, ServerClock(suspended=lambda: 0.0))
    windows.settle(windows.charge(10.0), 12.0)
    windows.settle(windows.charge(70.0), 80.0)

    assert 2 == windows.recent(71.0)
    assert 1 == windows.recent(73.0)
