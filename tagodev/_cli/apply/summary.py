"""The summary of an apply: text, JSON and exit code."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._bulk.outcomes import Failed, InDoubt
from tagodev._cli.apply.results import BLOCKED, DONE
from tagodev._cli.bulk.summary import NOT_DONE, PrintedSummary, cost_text, count_text
from tagodev._cli.exit_codes import Exit

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev._cli.bulk.execution import Summary
    from tagodev.provision._apply.run import DuplicateDevices
    from tagodev.provision._plan.model import Plan

__all__ = ["ApplySummary", "FinishedRun"]

_DONE: Final = tuple(DONE.values())
_UNDONE: Final = (*NOT_DONE, BLOCKED)


@attrs.frozen(kw_only=True)
class FinishedRun:
    """A finished run."""

    journal: Path
    """The journal."""
    snapshot: Path | None
    """The snapshot taken before the run; None if nothing could be restored."""
    settled: bool
    """Whether the outcome of every step is known."""
    counts: Counter[str]
    """How many steps have each status."""
    summary: Summary
    """The summary of the run."""

    @property
    def completed(self) -> bool:
        """Whether the run reached the last step."""
        return self.settled and self.summary.stopped is None and not self.summary.interrupted


@attrs.define(kw_only=True)
class ApplySummary(PrintedSummary):
    """The summary of an apply."""

    results: Path
    """The results file."""
    plan: Plan | None = None
    """The plan; None before it is computed."""
    runs: list[FinishedRun] = attrs.field(factory=list)
    """The runs: those of interrupted applies, then that of the plan."""
    snapshot: Path | None = None
    """The snapshot taken before the plan was carried out."""
    duplicates: list[DuplicateDevices] = attrs.field(factory=list)
    """Devices of the list that exist twice."""
    declined: bool = False
    """Whether the user declined to apply the plan."""

    @property
    def last(self) -> FinishedRun | None:
        """The last run; None if there was none."""
        return self.runs[-1] if self.runs else None

    def count(self, status: str) -> int:
        """Return how many steps have a status."""
        if status == BLOCKED:
            return 0 if self.plan is None else self.plan.count("blocked")
        # The plan includes the steps that earlier runs did not do, except those in doubt.
        runs = self.runs if status in (*_DONE, InDoubt.status) else self.runs[-1:]
        return sum(run.counts[status] for run in runs)

    def code(self) -> Exit:
        """Return the exit code."""
        last = self.last
        code = None if last is None else last.summary.exit_code(last.counts)
        if code is not None:
            return code
        if self.declined:
            return Exit.GENERAL
        left = any(map(self.count, (Failed.status, InDoubt.status, BLOCKED)))
        return Exit.PARTIAL if left or self.duplicates else Exit.OK

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        last = self.last
        stopped = None if last is None else last.summary.stop_reason(last.counts)
        if stopped is None and self.declined:
            stopped = "declined"
        return {
            **{status: self.count(status) for status in (*_DONE, *_UNDONE)},
            "kept": None if self.plan is None else self.plan.kept,
            "throttled": self._throttled,
            "elapsed_s": round(self._elapsed, 3),
            "out": str(self.results) if self.runs else None,
            "snapshots": [str(path) for path in self._snapshots()],
            "journals": [str(run.journal) for run in self.runs],
            "doubles": {one.identity: list(one.ids) for one in self.duplicates},
            "stopped": stopped,
        }

    def lines(self) -> Iterator[str]:
        """Yield the summary as lines of text."""
        if self.runs:
            yield from self._done_lines()
        elif not self.declined:
            blocked = self.count(BLOCKED)
            yield "Nothing to do: all changes are blocked" if blocked else "Nothing to do"
        for path in self._snapshots():
            yield f"To undo these changes: tagodev apply {shlex.quote(str(path))}"

    def _snapshots(self) -> Iterator[Path]:
        """Yield the snapshots in the order in which to restore them: latest first."""
        for run in reversed(self.runs):
            if run.snapshot is not None:
                yield run.snapshot

    @property
    def _elapsed(self) -> float:
        return sum(run.summary.elapsed for run in self.runs)

    @property
    def _throttled(self) -> int:
        return sum(run.summary.throttled for run in self.runs)

    def _done_lines(self) -> Iterator[str]:
        done = ", ".join(f"{self.count(status)} {status}" for status in _DONE)
        yield f"{done} {cost_text(self._elapsed, self._throttled)}"
        earlier = sum(run.counts[status] for run in self.runs[:-1] for status in _DONE)
        if earlier:
            yield f"{earlier} of these were done by the interrupted apply"
        if text := count_text({status: self.count(status) for status in _UNDONE}):
            yield text
        tokens = ", with the tokens of new devices" if self.count(DONE["create"]) else ""
        yield f"Results of all steps{tokens}: {self.results}"
