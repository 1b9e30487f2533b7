"""Bounds of the service's clock."""

from __future__ import annotations

import time
from math import floor

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._limits import clock
from tagodev._limits.clock import DRIFT, ServerClock, suspended_time

EPOCH = 1.7e9


@attrs.define
class Sleeper:
    """Says how long the machine has slept."""

    slept: float = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.slept


def fresh(slack: float = 0.1) -> ServerClock:
    """Return a clock that knows nothing, on a machine that never sleeps."""
    return ServerClock(fleet_slack=slack, suspended=lambda: 0.0)


@st.composite
def histories(draw: st.DrawFn) -> tuple[tuple[float, float], list[tuple[float, float, float, int]]]:
    """Draw two machines' offsets within the slack, and answers: sent, there, back, machine."""
    offset = EPOCH + draw(st.floats(-300, 300))
    offsets = (offset, offset + draw(st.floats(0, 0.1)))
    now, answers = 0.0, []
    for _ in range(draw(st.integers(1, 30))):
        now += draw(st.floats(0, 20))
        there, back = draw(st.floats(0, 2)), draw(st.floats(0, 2))
        answers.append((now, there, back, draw(st.integers(0, 1))))
    return offsets, answers


@given(histories())
def test_bounds_hold_for_every_machine(
    history: tuple[tuple[float, float], list[tuple[float, float, float, int]]],
) -> None:
    """Whatever the delays, each machine's clock stays within the bounds, now and later."""
    offsets, answers = history
    clock = fresh()
    for sent, there, back, machine in answers:
        date = floor(sent + there + offsets[machine])
        received = sent + there + back
        clock.observe(sent, received, float(date))
        for moment in (sent, received, received + 100):
            for offset in offsets:
                assert clock.earliest(moment) <= moment + offset + 1e-6
                assert clock.latest(moment) >= moment + offset - 1e-6


def test_one_answer_leaves_a_second_and_its_way() -> None:
    """One answer narrows the bounds to its whole second, the way it took, and twice the slack."""
    clock = fresh()
    clock.observe(sent=10.0, received=10.1, date=EPOCH + 10.0)
    assert abs(clock.width(10.1) - 1.3) < 1e-6


def test_answers_about_a_tick_leave_little() -> None:
    """Two answers between which the second ticks over leave their distance and the slack."""
    clock = fresh()
    clock.observe(sent=10.90, received=10.94, date=EPOCH + 10)
    clock.observe(sent=11.00, received=11.04, date=EPOCH + 11)
    assert clock.width(11.04) < 0.2 + 0.16


def test_age_widens() -> None:
    """What was known wears out as clocks drift."""
    clock = fresh()
    clock.observe(10.0, 10.1, EPOCH)
    assert abs(clock.width(1010.1) - clock.width(10.1) - 2 * 1000 * DRIFT) < 1e-6


def test_contradiction_within_the_slack_is_an_agreement() -> None:
    """Two machines that differ by less than the slack leave narrow bounds."""
    clock = fresh(slack=0.1)
    clock.observe(10.93, 10.931, EPOCH + 11)
    clock.observe(10.99, 10.991, EPOCH + 10)
    assert clock.width(10.991) < 0.3


def test_contradiction_beyond_the_slack_keeps_both() -> None:
    """Answers that can't both be right widen the bounds to hold both."""
    clock = fresh()
    clock.observe(10.0, 10.0, EPOCH + 10)
    clock.observe(10.0, 10.0, EPOCH + 20)
    assert clock.earliest(10.0) <= EPOCH + 10
    assert clock.latest(10.0) >= EPOCH + 21


def test_nothing_is_known_at_first() -> None:
    """Before the first answer the clock says that it knows nothing."""
    assert not fresh().known


def test_sleep_forgets() -> None:
    """A machine that slept starts anew, once."""
    sleeper = Sleeper()
    clock = ServerClock(suspended=sleeper)
    clock.observe(10.0, 10.1, EPOCH)
    assert not clock.reset_if_suspended(10.0)
    sleeper.slept = 3600.0
    assert clock.reset_if_suspended(10.0)
    assert not clock.known
    assert not clock.reset_if_suspended(10.0)


def test_time_awake_is_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a boot-time clock the suspended time is its lead over the monotonic clock."""
    monkeypatch.setattr(clock, "_BOOT", 7)
    monkeypatch.setattr(time, "clock_gettime", {7: 5000.0}.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: 1400.0)

    assert 3600.0 == suspended_time()


def test_what_has_hardly_moved_is_not_noteworthy() -> None:
    """An answer that says the same a second later moves the bounds, and not the version."""
    clock = fresh(slack=0.0)
    clock.observe(0.4, 0.5, EPOCH)
    changes = clock.changes
    clock.observe(1.4, 1.5, EPOCH + 1)

    assert (changes + 1, 1) == (clock.changes, clock.version)


def test_sleep_forgets_each_time() -> None:
    """Two suspends are distinguished, and each increases the version by one."""
    sleeper = Sleeper()
    clock = ServerClock(suspended=sleeper)
    for sleeps in range(1, 4):
        clock.observe(10.0, 10.1, EPOCH)
        version = clock.version
        sleeper.slept = sleeps * 100.0
        assert clock.reset_if_suspended(10.0)
        assert version + 1 == clock.version
        assert not clock.reset_if_suspended(10.0)
    # Waking up is no sleep of a known clock.
    sleeper.slept += 0.01
    clock.observe(10.0, 10.1, EPOCH)
    assert not clock.reset_if_suspended(10.0)


def test_sleep_is_looked_up_once_a_moment() -> None:
    """Looks of the same moment share one; the next moment, and one before, look again."""
    sleeper = Sleeper()
    clock = ServerClock(suspended=sleeper)
    clock.observe(10.0, 10.1, EPOCH)
    assert not clock.check_suspend(20.0)
    sleeper.slept = 100.0
    assert not clock.check_suspend(20.0)
    assert not clock.check_suspend(20.0005)
    assert clock.known
    assert clock.check_suspend(20.002)
    assert not clock.known
    clock.observe(20.1, 20.2, EPOCH)
    sleeper.slept = 200.0
    assert clock.check_suspend(19.0)


def test_the_first_look_for_sleep_looks() -> None:
    """Whatever the time is when a clock is first asked."""
    sleeper = Sleeper()
    clock = ServerClock(suspended=sleeper)
    clock.observe(0.0, 0.1, EPOCH)
    sleeper.slept = 100.0
    assert clock.check_suspend(0.2)


def test_what_an_answer_tells() -> None:
    """An answer without new information is skipped while the bounds are fresh."""
    clock = fresh(slack=0.0)
    assert clock.observe(0.4, 0.5, EPOCH)
    changes = clock.changes
    # As wide as what is known, and wider.
    assert not clock.observe(0.4, 0.5, EPOCH)
    assert not clock.observe(0.3, 0.6, EPOCH)
    assert changes == clock.changes
    # Later the same tells that it is still so.
    assert clock.observe(1.4, 1.5, EPOCH + 1)
    assert changes + 1 == clock.changes
    # Narrower on one side only.
    assert clock.observe(1.5, 1.51, EPOCH + 1)


def test_sleep_is_noticed_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a clock that counts sleep, the wall clock's lead over the monotonic one serves."""
    walls = iter([1000.0, 4600.0])
    monkeypatch.setattr(clock, "_BOOT", None)
    monkeypatch.setattr(time, "time", lambda: next(walls))
    monkeypatch.setattr(time, "monotonic", lambda: 50.0)

    assert (950.0, 4550.0) == (suspended_time(), suspended_time())


def test_what_is_known_can_be_told() -> None:
    """How far the service is ahead, how sure that is, and when its next window opens."""
    clock = fresh(slack=0.0)
    assert clock.state(10.0, EPOCH, 60.0) is None
    start = EPOCH - EPOCH % 60
    clock.observe(0.994, 0.996, start)
    clock.observe(1.004, 1.006, start + 1)
    state = clock.state(10.0, start + 3.0, 60.0)

    assert state is not None
    assert 7.0 == pytest.approx(state.ahead, abs=0.001)
    assert 0.006 == pytest.approx(state.uncertainty, abs=0.001)
    # Then it is sure to have begun.
    assert 50.006 == pytest.approx(state.next_window_in, abs=0.001)


def test_bounds_are_widened_by_slack_and_age() -> None:
    """Each side gives way by what the fleet may differ, and by a drift that grows either way."""
    clock = fresh(slack=0.25)
    clock.observe(0.5, 0.5, EPOCH)
    for now, drift in ((0.5, 0.0), (1000.5, 1000 * DRIFT), (-999.5, 1000 * DRIFT)):
        low, high = EPOCH + now - 0.75 - drift, EPOCH + now + 0.75 + drift
        assert (low, high) == pytest.approx(clock.bounds(now), abs=1e-4, rel=0)
        assert (low, high) == pytest.approx(
            (clock.earliest(now), clock.latest(now)), abs=1e-4, rel=0
        )
        assert high - low == pytest.approx(clock.width(now), abs=1e-4)


def test_windows_are_told_apart_by_bounds_of_less_than_half() -> None:
    """A second of bounds is enough for windows of more than two, and nothing is for none."""
    clock = fresh(slack=0.0)
    assert not clock.resolves_windows(0.5, 60.0)
    clock.observe(0.5, 0.5, EPOCH)
    assert clock.resolves_windows(0.5, 2.1)
    assert not clock.resolves_windows(0.5, 1.9)


@pytest.mark.parametrize(("sent", "received"), [(0.2, 0.2), (0.8, 0.8)])
def test_either_bound_is_noteworthy(sent: float, received: float) -> None:
    """The version goes up by one for an answer that moves one bound, whichever it is."""
    clock = fresh(slack=0.0)
    clock.observe(0.5, 0.5, EPOCH)
    clock.observe(sent + 1, received + 1, EPOCH + 1)
    assert 2 == clock.version
    assert 0.7 == pytest.approx(clock.width(1.5), abs=0.001)


def test_version_counts_noteworthy_changes_only() -> None:
    """An answer without new information changes nothing."""
    clock = fresh()
    clock.observe(10.0, 10.1, EPOCH)
    before = clock.version
    clock.observe(10.0, 10.1, EPOCH)
    assert before == clock.version


@given(st.floats(-300, 300), st.floats(0.001, 0.05))
def test_the_best_moment_to_ask_halves_the_bounds(offset: float, one_way: float) -> None:
    """Queries at the best time halve the bounds, down to the travel time."""
    clock, now = fresh(slack=0.0), 1000.0
    for asked in range(5):
        clock.observe(now, now + 2 * one_way, float(floor(EPOCH + offset + now + one_way)))
        now += 2 * one_way
        assert clock.width(now) < 0.5**asked + 4 * one_way + 0.001
        now += clock.best_query_in(now)
    assert clock.resolves_windows(now, 1.0)
