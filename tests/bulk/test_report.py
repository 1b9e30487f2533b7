"""Counting outcomes, in memory that does not grow with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    Applied,
    BadRequestError,
    Created,
    DataSent,
    Deleted,
    DeviceCreate,
    DeviceCreated,
    Edited,
    Failed,
    InDoubt,
    Outcome,
    ParametersSet,
    Pending,
    Rotated,
    Rotation,
    Secret,
    TokenCreated,
    TokenIssued,
)
from tagodev._bulk.report import KEPT_FAILURES, Tally

TOKEN = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
ERROR = BadRequestError("no", status=400)
TOKEN_CREATED = TokenCreated(token=Secret(TOKEN))
ROTATION = Rotation("d", TOKEN)
KINDS: dict[str, Any] = {
    "created": lambda n: Created(
        n,
        DeviceCreate(name="x"),
        result=DeviceCreated(device_id="d", token=Secret(TOKEN)),
        attempts=1,
    ),
    "deleted": lambda n: Deleted(n, "d", attempts=1),
    "edited": lambda n: Edited(n, None, attempts=1),
    "issued": lambda n: TokenIssued(n, None, result=TOKEN_CREATED, attempts=1, adopted=True),
    "rotated": lambda n: Rotated(n, ROTATION, result=TOKEN_CREATED, attempts=1),
    "set": lambda n: ParametersSet(n, None, attempts=1),
    "sent": lambda n: DataSent(n, None, attempts=1),
    "applied": lambda n: Applied(
        n, None, result=DeviceCreated(device_id="d", token=Secret(TOKEN)), attempts=1
    ),
    "failed": lambda n: Failed(n, "d", error=ERROR, attempts=1),
    "in_doubt": lambda n: InDoubt(n, "d", error=ERROR, attempts=2),
    "pending": lambda n: Pending(n, "d"),
}


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now


def tally(outcomes: list[Outcome]) -> Tally:
    """Return a tally that has counted these."""
    counted = Tally(Clock())
    for outcome in outcomes:
        counted.count(outcome)
    return counted


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=60))
def test_every_outcome_is_counted_once(kinds: list[str]) -> None:
    """Each row is in one of the counts, and the counts add up to the rows."""
    report = tally([KINDS[kind](n) for n, kind in enumerate(kinds)]).report(None)

    others = sum(kinds.count(kind) for kind in ("failed", "in_doubt", "pending"))
    assert len(kinds) - others == report.done
    assert kinds.count("failed") == report.failed
    assert kinds.count("in_doubt") == report.in_doubt
    assert kinds.count("pending") == report.pending
    assert len(kinds) == report.rows


def test_rows_that_an_earlier_run_has_finished_are_told_apart() -> None:
    """They were not read: they are no rows of this run."""
    counted = tally([KINDS["deleted"](5)])
    assert 0 == counted.report(None).skipped
    counted.skipped = 5
    report = counted.report(None)

    assert (1, 5, 1) == (report.done, report.skipped, report.rows)


def test_first_failures_are_kept_in_order() -> None:
    """What failed and what is in doubt is kept, in the order in which it came."""
    outcomes = [KINDS[kind](n) for n, kind in enumerate(["created", "failed", "in_doubt"] * 2)]
    report = tally(outcomes).report(None)

    assert [1, 2, 4, 5] == [failure.index for failure in report.failures]


def test_a_thousand_failures_are_kept_and_the_rest_is_counted() -> None:
    """A report of a million failures is no larger than one of a thousand."""
    report = tally([KINDS["failed"](n) for n in range(KEPT_FAILURES + 500)]).report(None)

    assert (1000, 1500) == (len(report.failures), report.failed)
    assert KEPT_FAILURES - 1 == report.failures[-1].index


def test_elapsed_runs_from_the_beginning_to_the_last_outcome() -> None:
    """The time is that until the last outcome, however late the report is read."""
    clock = Clock()
    counted = Tally(clock)
    clock.now = 107.5
    counted.count(KINDS["failed"](0))
    clock.now = 200.0

    assert 7.5 == counted.report(None).elapsed


def test_a_report_is_what_was_known_then() -> None:
    """Counting on does not change a report that was given."""
    counted = tally([KINDS["failed"](0)])
    report = counted.report(ERROR)
    counted.count(KINDS["failed"](1))

    assert (1, 1, ERROR) == (report.failed, len(report.failures), report.stopped)
    assert 2 == counted.report(None).failed


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_and_reports_do_not_show_a_token(kind: str) -> None:
    """Printing what became of a row is harmless."""
    outcome = KINDS[kind](0)

    assert TOKEN not in repr(outcome)
    assert TOKEN not in repr(tally([outcome]).report(None))
