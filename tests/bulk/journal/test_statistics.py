"""What a journal reports of its run afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import HardLimits
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.statistics import history_of
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import a_place, about, begun, pulled

if TYPE_CHECKING:
    from pathlib import Path

START = 1_800_000_000.0


def ended(number: int, state: EntryState, when: float, error: str | None = None) -> Any:
    """Return what a batch holds of a row that has ended."""
    return int(state), 1, when, None, error, number


def test_a_run_that_has_not_begun(tmp_path: Path) -> None:
    """Rows are counted, and all else is nothing."""
    with begun(tmp_path / "x", ["a", "b"]) as journal:
        history = history_of(journal)

    assert ({EntryState.PENDING: 2}, 2, 0) == (history.states, history.rows, history.attempts)
    assert (None, None, None, ()) == (
        history.first,
        history.finished,
        history.durations,
        history.routes,
    )
    assert 0 == history.elapsed


def test_times(tmp_path: Path) -> None:
    """A row takes from its first request to its end, whatever became of it."""
    with begun(tmp_path / "x", list(range(100))) as journal:
        journal.write(
            Batch(
                sent=[(START, number) for number in range(100)],
                ended=[ended(number, EntryState.DONE, START + number) for number in range(99)],
            )
        )
        history = history_of(journal)

    assert history.durations is not None
    assert (49, 94, 98) == (
        history.durations.median,
        history.durations.most,
        history.durations.longest,
    )
    assert [98, 97, 96] == [row.number for row in history.slowest[:3]]
    assert (10, b"98") == (len(history.slowest), history.slowest[0].payload)
    assert (START, START + 98, 98.0) == (history.first, history.last, history.elapsed)


def test_sent_again(tmp_path: Path) -> None:
    """Attempts are those of all runs of the journal."""
    with begun(tmp_path / "x", ["a", "b"], [EntryState.SENT, EntryState.DONE]) as journal:
        journal.write(Batch(ended=[ended(0, EntryState.PENDING, START)]))
        journal.write(Batch(ended=[ended(0, EntryState.DONE, START)]))
        history = history_of(journal)

    assert (3, 1) == (history.attempts, history.again)


def test_a_clock_that_was_put_back(tmp_path: Path) -> None:
    """No row takes less than no time."""
    with begun(tmp_path / "x", ["a"]) as journal:
        journal.write(Batch(sent=[(START, 0)], ended=[ended(0, EntryState.DONE, START - 60)]))
        history = history_of(journal)

    assert (0, 0) == (history.slowest[0].seconds, history.elapsed)


def test_windows_and_limits(tmp_path: Path) -> None:
    """Each route has its windows, and the limits that it was last held to."""
    with begun(tmp_path / "x", []) as journal:
        journal.write(Batch(asked={("POST /device", 60.0, 8): 3, ("GET /device", 60.0, 9): 1}))
        unknown = history_of(journal)
        journal.record_limits(HardLimits.for_plan("starter"))
        journal.record_limits(HardLimits.for_plan("scale").override("POST /device", 7))
        journal.write(Batch(asked={("POST /device", 60.0, 8): 2, ("POST /device", 60.0, 9): 4}))
        history = history_of(journal)

    assert [None, None] == [use.limit for use in unknown.routes]
    create, listing = history.routes
    assert ("POST /device", 7, {8: 5, 9: 4}, 9) == (
        create.route,
        create.limit,
        create.windows,
        create.requests,
    )
    assert (500, {9: 1}) == (listing.limit, listing.windows)


def test_reasons(tmp_path: Path) -> None:
    """What is of one row only does not distinguish reasons; the commonest comes first."""
    errors = [
        "The service refused it: Invalid device 67e1a2b3c4d5e6f708192a3b",
        "The service refused it: Invalid device 67e1a2b3c4d5e6f708192a3c",
        "The name 'Cold room 3' is taken",
        "",
    ]
    with begun(tmp_path / "x", errors) as journal:
        journal.write(
            Batch(
                ended=[
                    ended(
                        number, EntryState.FAILED if number else EntryState.UNSOLVED, START, error
                    )
                    for number, error in enumerate(errors)
                ]
            )
        )
        reasons = history_of(journal).reasons

    assert [
        ("The service refused it: Invalid device …", 2, (0, 1)),
        ("The name … is taken", 1, (2,)),
        ("No reason was given", 1, (3,)),
    ] == [(reason.text, reason.rows, reason.examples) for reason in reasons]


def test_many_reasons(tmp_path: Path) -> None:
    """Those that can't be distinguished any more are counted all the same."""
    with begun(tmp_path / "x", list(range(50))) as journal:
        journal.write(
            Batch(ended=[ended(n, EntryState.FAILED, START, f"reason {n}") for n in range(50)])
        )
        reasons = history_of(journal).reasons

    assert (13, 50) == (len(reasons), sum(reason.rows for reason in reasons))
    assert ("Other reasons", 38, 3) == (
        reasons[0].text,
        reasons[0].rows,
        len(reasons[0].examples),
    )


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=300))
def test_finished_rows_are_all_counted(moments: list[int]) -> None:
    """In ninety stretches at most, however long it took."""
    with a_place() as path, Journal.create(path, about()) as journal:
        journal.write(
            Batch(
                pulled=pulled(moments),
                ended=[
                    ended(
                        number, EntryState.FAILED if number % 3 else EntryState.DONE, START + moment
                    )
                    for number, moment in enumerate(moments)
                ],
            )
        )
        finished = history_of(journal).finished

    assert finished is not None
    assert len(moments) == sum(finished.done.values()) + sum(finished.failed.values())
    assert len(finished.done.keys() | finished.failed.keys()) <= 90
    expected = {int((START + moment) // finished.seconds) for moment in moments}
    assert expected == finished.done.keys() | finished.failed.keys()


def test_a_short_run_is_shown_as_a_whole(tmp_path: Path) -> None:
    """Where it waited for its next window there is nothing, and that is to be seen."""
    moments = [START + 60 * window + second / 10 for window in range(3) for second in range(20)]
    with begun(tmp_path / "x", moments) as journal:
        journal.write(
            Batch(ended=[ended(n, EntryState.DONE, moment) for n, moment in enumerate(moments)])
        )
        finished = history_of(journal).finished

    assert finished is not None
    assert (2, 2) == (finished.seconds, (max(finished.done) - min(finished.done)) // 30)


@pytest.mark.parametrize("minute", [60.0, 6.0])
def test_limits_are_kept_whole(tmp_path: Path, minute: float) -> None:
    """A reader gets the limits of the run."""
    limits = HardLimits.for_plan("scale", minute).override("POST /device", 1200)
    with begun(tmp_path / "x", []) as journal:
        assert journal.kept_limits() is None
        journal.record_limits(limits)
        assert limits == journal.kept_limits()
