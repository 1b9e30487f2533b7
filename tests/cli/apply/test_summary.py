"""What an apply reports of several runs: that of an interrupted apply, and that of its own plan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from tagodev import ConnectError, ResourceLimitError, TagoError
from tagodev._cli.apply.summary import ApplySummary, FinishedRun
from tagodev._cli.bulk.execution import Summary
from tagodev._cli.exit_codes import Exit
from tagodev.provision._apply.run import DuplicateDevices

QUIET = Summary(throttled=0, elapsed=0.0, adopted=0, failures=0, stopped=None, interrupted=False)


def ran(name: str, counts: dict[Any, int], **summary: Any) -> FinishedRun:
    """Return a run that has ended with so many steps of each status."""
    return FinishedRun(
        journal=Path(f"{name}.journal"),
        snapshot=Path(f"{name}.json"),
        settled=True,
        counts=Counter(counts),
        summary=attrs.evolve(QUIET, **summary),
    )


def applied(*runs: FinishedRun, **more: Any) -> ApplySummary:
    """Return what these runs have come to."""
    return ApplySummary(results=Path("site.results.csv"), runs=[*runs], **more)


EARLIER = ran(
    "earlier",
    {"created": 2, "changed": 1, "failed": 1, "in_doubt": 1, "pending": 4},
    elapsed=1.25,
    throttled=2,
)
LAST = ran(
    "last",
    {"created": 3, "deleted": 5, "failed": 2, "in_doubt": 1, "pending": 1},
    elapsed=2.5,
    throttled=3,
)


def test_numbers_of_all_runs() -> None:
    """Steps that were done or are in doubt, seconds and 429s are those of all runs.

    What an earlier run has not done was planned anew, and is counted there.
    """
    summary = applied(EARLIER, LAST).as_json()

    assert {
        "created": 5,
        "changed": 1,
        "deleted": 5,
        "in_doubt": 2,
        "failed": 2,
        "pending": 1,
        "blocked": 0,
        "elapsed_s": 3.75,
        "throttled": 5,
    } == {name: value for name, value in summary.items() if isinstance(value, int | float)}
    # What is put back first is what was done last.
    assert ["last.json", "earlier.json"] == summary["snapshots"]
    assert ["earlier.journal", "last.journal"] == summary["journals"]


def test_lines_of_all_runs() -> None:
    """A person reads the same numbers."""
    lines = [*applied(EARLIER, LAST).lines()]

    assert [
        "5 created, 1 changed, 5 deleted in 3.8 s, 5 requests throttled",
        "3 of these were done by the interrupted apply",
        "2 failed, 2 in doubt, 1 pending",
        "Results of all steps, with the tokens of new devices: site.results.csv",
        "To undo these changes: tagodev apply last.json",
        "To undo these changes: tagodev apply earlier.json",
    ] == lines


def test_nothing_was_run() -> None:
    """Without a run there is neither time nor place to report."""
    summary = applied().as_json()

    assert (0, 0, None) == (summary["elapsed_s"], summary["throttled"], summary["out"])
    assert ["Nothing to do"] == [*applied().lines()]
    assert [] == [*applied(declined=True).lines()]


@pytest.mark.parametrize(
    ("code", "stopped", "last", "more"),
    [
        (Exit.OK, None, ran("x", {"created": 1}), {}),
        (Exit.PARTIAL, None, ran("x", {"failed": 1}), {}),
        (Exit.PARTIAL, None, ran("x", {"in_doubt": 1}), {}),
        (
            Exit.PARTIAL,
            None,
            ran("x", {"created": 1}),
            {"duplicates": [DuplicateDevices("a", ("1", "2"))]},
        ),
        (Exit.GENERAL, "declined", ran("x", {"created": 1}), {"declined": True}),
        (Exit.INTERRUPTED, "interrupted", ran("x", {"pending": 1}, interrupted=True), {}),
        (Exit.INTERRUPTED, "interrupted", ran("x", {"in_doubt": 1}, interrupted=True), {}),
        # The signal came when everything was done.
        (Exit.OK, None, ran("x", {"created": 1}, interrupted=True), {}),
        (Exit.PARTIAL, None, ran("x", {"failed": 1}, interrupted=True), {}),
        (Exit.SERVICE, "No way", ran("x", {"pending": 1}, stopped=ConnectError("No way")), {}),
        (Exit.RESOURCE, "Full", ran("x", {}, stopped=ResourceLimitError("Full", status=400)), {}),
    ],
)
def test_how_it_ended(
    code: Exit, stopped: str | None, last: FinishedRun, more: dict[str, Any]
) -> None:
    """The last run says whether all was done; what stopped it goes before all else."""
    for runs in ([last], [ran("first", {"pending": 9}), last]):
        end = applied(*runs, **more)
        assert (code, stopped) == (end.code(), end.as_json()["stopped"])


def test_a_doubt_that_an_earlier_run_has_left() -> None:
    """Nothing plans such a step anew, so it counts until it is settled."""
    stopped: TagoError | None = None
    doubtful = ran("first", {"in_doubt": 1, "failed": 1}, stopped=stopped)

    assert Exit.PARTIAL is applied(doubtful, ran("last", {"created": 1})).code()
    failed = ran("first", {"failed": 1})
    assert Exit.OK is applied(failed, ran("last", {"created": 1})).code()
