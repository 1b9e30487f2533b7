"""What is told of an apply that has ended: to a person, to a program, and by the exit code."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import attrs

from tagodev.cli.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev.cli.apply.results import StepStatus
    from tagodev.cli.bulk.execution import Summary
    from tagodev.provision.plan.duplicate_devices import DuplicateDevices
    from tagodev.provision.plan.model import Plan

__all__ = ["ApplySummary", "FinishedRun"]

_DONE: tuple[StepStatus, ...] = ("created", "changed", "deleted")


@attrs.frozen(kw_only=True)
class FinishedRun:
    """A run that has ended."""

    journal: Path
    """Where it is written down."""
    snapshot: Path | None
    """Where it is written down how things were before, if anything was to be put back."""
    over: bool
    """Whether it is known what became of each step."""
    counts: Counter[StepStatus]
    """How many steps have which status."""
    summary: Summary
    """What became of it."""

    @property
    def cut_short(self) -> bool:
        """Whether a signal has ended it before the last step."""
        return self.summary.interrupted and self.counts["pending"] + self.counts["in_doubt"] > 0

    @property
    def went_through(self) -> bool:
        """Whether nothing has ended it before the last step."""
        return self.over and self.summary.stopped is None and not self.summary.interrupted


@attrs.define(kw_only=True)
class ApplySummary:
    """What an apply has come to."""

    results: Path
    """Where the results are, once there are any."""
    plan: Plan | None = None
    """The plan, once it is made."""
    runs: list[FinishedRun] = attrs.field(factory=list)
    """What was run: what an earlier apply left, and the plan."""
    snapshot: Path | None = None
    """The snapshot that was written before the plan was carried out."""
    doubles: list[DuplicateDevices] = attrs.field(factory=list)
    """Devices of the list that exist twice afterwards."""
    declined: bool = False
    """Whether somebody was asked, and did not want it."""

    def count(self, status: StepStatus) -> int:
        """Return how many steps have a status."""
        if status == "blocked":
            return 0 if self.plan is None else self.plan.count("blocked")
        # What an earlier run has not done was planned anew, unless it is not known.
        runs = self.runs if status in (*_DONE, "in_doubt") else self.runs[-1:]
        return sum(run.counts[status] for run in runs)

    def code(self) -> Exit:
        """Return the exit code."""
        last = self.runs[-1] if self.runs else None
        if last is not None and last.summary.stopped is not None:
            return exit_code(last.summary.stopped)
        if last is not None and last.cut_short:
            return Exit.INTERRUPTED
        if self.declined:
            return Exit.GENERAL
        left = self.count("failed") + self.count("in_doubt") + self.count("blocked")
        return Exit.PARTIAL if left or self.doubles else Exit.OK

    def as_json(self) -> dict[str, Any]:
        """Return what a program is told."""
        last = self.runs[-1] if self.runs else None
        stopped = None
        if last is not None and last.summary.stopped is not None:
            stopped = str(last.summary.stopped)
        elif last is not None and last.cut_short:
            stopped = "interrupted"
        elif self.declined:
            stopped = "declined"
        statuses: tuple[StepStatus, ...] = (*_DONE, "failed", "in_doubt", "pending", "blocked")
        return {
            **{status: self.count(status) for status in statuses},
            "kept": None if self.plan is None else self.plan.kept,
            "throttled": self._throttled(),
            "elapsed_s": round(sum(run.summary.elapsed for run in self.runs), 3),
            "out": str(self.results) if self.runs else None,
            "snapshots": [str(path) for path in self._snapshots()],
            "journals": [str(run.journal) for run in self.runs],
            "doubles": {double.identity: list(double.ids) for double in self.doubles},
            "stopped": stopped,
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        if self.runs:
            yield from self._done_lines()
        elif not self.declined:
            blocked = self.count("blocked")
            yield "Nothing that can be done" if blocked else "Nothing to do"
        for path in self._snapshots():
            yield f"To put back what was changed: tagodev apply {shlex.quote(str(path))}"

    def _snapshots(self) -> Iterator[Path]:
        """Yield them in the order in which they put back: the latest first."""
        for run in reversed(self.runs):
            if run.snapshot is not None:
                yield run.snapshot

    def _throttled(self) -> int:
        return sum(run.summary.throttled for run in self.runs)

    def _done_lines(self) -> Iterator[str]:
        done = ", ".join(f"{self.count(status)} {status}" for status in _DONE)
        elapsed = sum(run.summary.elapsed for run in self.runs)
        yield f"{done} in {elapsed:.1f} s, {self._throttled()} requests throttled"
        earlier = sum(run.counts[status] for run in self.runs[:-1] for status in _DONE)
        if earlier:
            yield f"{earlier} of these were done by the interrupted apply"
        others = {
            "failed": self.count("failed"),
            "in doubt": self.count("in_doubt"),
            "pending": self.count("pending"),
            "blocked": self.count("blocked"),
        }
        if any(others.values()):
            yield ", ".join(f"{count} {status}" for status, count in others.items() if count)
        tokens = ", with the tokens of new devices" if self.count("created") else ""
        yield f"Results of all steps{tokens}: {self.results}"
