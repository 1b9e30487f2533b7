"""What is known of one route, how long a newcomer waits, and what a 429 closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE
from tagodev._limits.wait_queue import Priority
from tests.limits.test_core import START, Bench

if TYPE_CHECKING:
    from tagodev._limits.snapshot import RouteState

NAME = CREATE.name
#: How far the bounds of the bench's clock are from the truth, and somewhat more.
CLOSE = 0.02


def state(bench: Bench, now: float) -> RouteState:
    """Return what is known of the route."""
    (found,) = [one for one in bench.core.snapshot(now) if one.route == NAME]
    return found


def least(bench: Bench, now: float, priority: Priority = Priority.INTERACTIVE) -> float:
    """Return the least wait of a newcomer."""
    return bench.core.least_wait(CREATE, priority, now)


def refused(bench: Bench, now: float, retry_after: float | None, *, dated: bool = True) -> None:
    """Let a request go, and be refused a tenth of a second later."""
    (permit,) = bench.ask(now)
    date = float(int(START + now)) if dated else None
    bench.core.throttle(permit, now + 0.1, retry_after, date)


def opens(bench: Bench, after: float, within: float = 200.0) -> float:
    """Return the first tenth of a second after a moment at which a request goes again."""
    bench.core.join(CREATE, bench.granted.append, after)
    tenths = (after + number / 10 for number in range(int(within * 10)))
    return next(now for now in tenths if bench.dispatch(now))


# --- what is known -------------------------------------------------------------------------------


def test_nothing_is_known_of_windows_without_a_clock() -> None:
    """What went blindly is counted all the same."""
    bench = Bench(known=False)
    (first,) = bench.ask(10.0)
    before = state(bench, 10.0)
    bench.core.settle(first, 10.2, 200, None)

    assert (1, 4, 1, None) == (before.used, before.free, before.in_flight, before.next_window_in)
    assert (1, 0) == (state(bench, 10.3).used, state(bench, 10.3).in_flight)
    assert 0 == state(bench, 75.0).used


def test_what_is_known() -> None:
    """Limit, budget, what is used, free, on its way and waiting, and when the next window opens."""
    bench = Bench()
    granted = bench.ask(10.0, 2)
    bench.answer(granted[0], 10.1)
    bench.ask(10.2, 5)
    bench.ask(10.2, 2, Priority.BULK)
    seen = state(bench, 10.2)

    assert 50 - 0.2 == pytest.approx(seen.next_window_in, abs=CLOSE)
    assert (5, 5, 5, 0) == (seen.limit, seen.budget, seen.used, seen.free)
    assert (4, 4, None, 0) == (seen.in_flight, seen.waiting, seen.others, seen.rejected)


def test_a_refusal_leaves_nothing_free() -> None:
    """Until the boundary nothing may go, and each refusal is counted."""
    bench = Bench()
    first, second = bench.ask(10.0, 2)
    bench.core.throttle(first, 10.1, None, START + 10)
    bench.core.throttle(second, 10.2, None, START + 10)

    assert (2, 0, 0) == (
        state(bench, 10.3).rejected,
        state(bench, 10.3).free,
        state(bench, 10.3).in_flight,
    )
    assert (2, 0) == (state(bench, 59.5).rejected, state(bench, 59.5).free)
    assert 5 == state(bench, 60.5).free


def test_others_are_told_in_whole_requests() -> None:
    """Others that take two and a half requests a window take three."""
    bench = Bench(limit=100)
    bench.ask(10.0)
    limiter = bench.core._limiters[NAME]
    for part, told in ((97.5, 3), (70.0, 30), (104.0, 0), (100.0, 0)):
        limiter.share.part = part
        assert told == state(bench, 10.0).others


# --- the least wait ------------------------------------------------------------------------------


def test_there_is_room_for_a_newcomer() -> None:
    """No request waits while the window has free permits."""
    bench = Bench()
    assert 0 == least(bench, 10.0)
    bench.drain(10.0, 4)
    assert 0 == least(bench, 10.1)
    bench.drain(10.1, 1)
    assert 60 - 10.2 == pytest.approx(least(bench, 10.2), abs=CLOSE)


def test_those_before_take_their_places_first() -> None:
    """Interactive newcomers wait for interactive ones only; bulk waits for all."""
    bench = Bench()
    bench.drain(10.0, 5)
    bench.ask(10.1, 3)
    bench.ask(10.1, 4, Priority.BULK)
    assert 49.9 == pytest.approx(least(bench, 10.1), abs=CLOSE)
    assert 109.9 == pytest.approx(least(bench, 10.1, Priority.BULK), abs=CLOSE)
    bench.ask(10.1, 2)
    assert 109.9 == pytest.approx(least(bench, 10.1), abs=CLOSE)
    bench.ask(10.1, 1, Priority.BULK)
    assert 169.9 == pytest.approx(least(bench, 10.1, Priority.BULK), abs=CLOSE)


def test_what_is_on_its_way_may_be_of_the_window_before() -> None:
    """Nothing that is not certain makes the wait longer."""
    bench = Bench()
    bench.ask(10.0, 5)
    assert 0 == least(bench, 10.1)


@pytest.mark.parametrize("pacing", ["aligned", "steady"])
def test_without_windows_only_the_gate_is_certain(pacing: str) -> None:
    """A 429 says how long; before and after it nothing is known."""
    bench = Bench(known=pacing == "steady", pacing=pacing)
    assert 0 == least(bench, 10.0)
    refused(bench, 10.0, 8, dated=False)
    assert 8 == pytest.approx(least(bench, 10.1))
    assert 3 == pytest.approx(least(bench, 15.1))
    assert 0 == least(bench, 30.0)


def test_a_closed_gate_is_certain() -> None:
    """A window that the service called full is waited out."""
    bench = Bench()
    refused(bench, 10.0, None)
    assert 49.9 == pytest.approx(least(bench, 10.1), abs=CLOSE)
    assert 0.5 == pytest.approx(least(bench, 59.5), abs=CLOSE)
    assert 0 == least(bench, 60.5)


# --- what a 429 closes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "retry_after"), [(8, 8), (0.5, 0.5), (60, None), (60, 0), (60, -3), (120, 500)]
)
def test_without_a_clock_the_services_word_holds(seconds: float, retry_after: float | None) -> None:
    """For as long as it says, two windows at most; for one where it says nothing of use."""
    bench = Bench(known=False)
    refused(bench, 10.0, retry_after, dated=False)

    assert 10.1 + seconds == pytest.approx(opens(bench, 10.2), abs=0.11)


@pytest.mark.parametrize("retry_after", [None, 49, 50, 51])
def test_with_a_clock_the_boundary_holds(retry_after: float | None) -> None:
    """Whatever the service's rounding: until the window's end, and no longer."""
    bench = Bench()
    refused(bench, 10.0, retry_after)

    assert 60 == pytest.approx(opens(bench, 10.2), abs=0.15)


@pytest.mark.parametrize(("seconds", "retry_after"), [(20, 20), (100, 100), (120, 300)])
def test_a_word_that_fits_no_boundary_holds_by_itself(seconds: float, retry_after: float) -> None:
    """A soft limit is not the window's: its own time is waited out, two windows at most."""
    bench = Bench()
    refused(bench, 10.0, retry_after)

    assert 10.1 + seconds == pytest.approx(opens(bench, 10.2), abs=0.15)


def test_a_late_refusal_does_not_close_the_next_window() -> None:
    """It is of the window that it was sent in."""
    bench = Bench()
    (late,) = bench.ask(59.0)
    bench.core.throttle(late, 61.0, None, START + 59)

    assert 1 == len(bench.ask(61.1))


# --- places in the line --------------------------------------------------------------------------


def test_a_refused_request_goes_before_those_who_came_later() -> None:
    """It comes back with its ticket; tickets grow by one."""
    bench = Bench()
    first, second = bench.ask(10.0, 2)
    assert first.ticket + 1 == second.ticket
    bench.core.throttle(first, 10.1, None, START + 10)
    bench.answer(second, 10.2)
    bench.ask(10.3, 2)
    bench.core.join(CREATE, bench.granted.append, 10.4, ticket=first.ticket)
    granted = bench.dispatch(60.5)

    assert [second.ticket + number for number in (-1, 1, 2)] == [one.ticket for one in granted]


def test_who_gave_up_leaves_the_others_in_the_line() -> None:
    """A route is listed as waiting exactly while a request waits."""
    bench = Bench()
    bench.drain(10.0, 5)
    gone, stays = (bench.core.join(CREATE, bench.granted.append, 10.1) for _ in range(2))
    bench.core.withdraw(CREATE, gone)
    assert 1 == state(bench, 10.2).waiting
    assert 50 == pytest.approx((bench.core.dispatch(10.2) or 0) - 10.0, abs=CLOSE)
    bench.core.withdraw(CREATE, stays)
    assert 0 == state(bench, 10.3).waiting
    assert bench.core.dispatch(10.3) is None


def test_the_last_slot_is_a_slot() -> None:
    """As many go at once as there are connections, by either way of asking."""
    bench = Bench(limit=9, concurrency=2)
    granted = [bench.core.try_grant(CREATE, Priority.INTERACTIVE, 10.0) for _ in range(3)]

    assert [True, True, False] == [one is not None for one in granted]
