"""What is told of a run that has ended: to a person, to a program, and by the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev.cli.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev.cli.bulk.execution import Summary
    from tagodev.cli.bulk.operation_names import OperationNames
    from tagodev.cli.bulk.results import Counts, Status

__all__ = ["RunSummary"]


@attrs.frozen(kw_only=True)
class RunSummary:
    """A run that has ended, one way or another."""

    kind: OperationNames
    """What was done."""
    rows: int
    """How many rows there are."""
    counts: Counts
    """How many of them have which status."""
    summary: Summary
    """What became of the run."""
    out: Path
    """Where the results are."""
    failures_allowed: float
    """How many rows might fail before the run was to end."""
    earlier: int = 0
    """Rows that were done by earlier runs with the same journal."""

    def count(self, status: Status) -> int:
        """Return how many rows have a status."""
        return self.counts.get(status, 0)

    @property
    def cut_short(self) -> bool:
        """Whether a signal has ended it before the last row."""
        return self.summary.interrupted and self.count("pending") + self.count("in_doubt") > 0

    def as_json(self) -> dict[str, Any]:
        """Return what a program is told."""
        summary = self.summary
        stopped = "interrupted" if self.cut_short else None
        return {
            "rows": self.rows,
            self.kind.done: self.count(self.kind.done),
            "failed": self.count("failed"),
            "in_doubt": self.count("in_doubt"),
            "pending": self.count("pending"),
            "throttled": summary.throttled,
            "elapsed_s": round(summary.elapsed, 3),
            "out": str(self.out),
            "stopped": stopped if summary.stopped is None else str(summary.stopped),
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        summary, done = self.summary, self.count(self.kind.done)
        earlier = f", {self.earlier} of them before," if self.earlier else ""
        yield (
            f"{done} of {self.rows} {self.kind.noun} {self.kind.done}{earlier} "
            f"in {summary.elapsed:.1f} s, {summary.throttled} requests throttled"
        )
        if summary.adopted:
            yield f"{summary.adopted} answers were lost, and what they were about was found"
        others = {
            "failed": self.count("failed"),
            "in doubt": self.count("in_doubt"),
            "pending": self.count("pending"),
        }
        if any(others.values()):
            yield ", ".join(f"{count} {status}" for status, count in others.items() if count)
        tokens = ", with their tokens" if self.kind.tokens and done else ""
        yield f"Results of all rows{tokens}: {self.out}"

    def code(self) -> Exit:
        """Return the exit code."""
        if self.summary.stopped is not None:
            return self._stop_code(exit_code(self.summary.stopped))
        if self.cut_short:
            return Exit.INTERRUPTED
        return Exit.PARTIAL if self.count("failed") or self.count("in_doubt") else Exit.OK

    def _stop_code(self, code: Exit) -> Exit:
        # A row that fails is its own affair, also where it was asked that it end the run.
        if self.summary.failures > self.failures_allowed and code in (Exit.SERVICE, Exit.USAGE):
            return Exit.PARTIAL
        return code
