"""The summary of a run: text, JSON and exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev.cli.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagodev.cli.bulk.execution import Summary
    from tagodev.cli.bulk.operations import OperationNames
    from tagodev.cli.bulk.results import Counts, Status

__all__ = ["RunSummary", "count_text"]


def count_text(counts: Mapping[Any, int]) -> str:
    """Return the counts that aren't zero: ``2 failed, 1 in doubt``.

    Args:
        counts: how many rows or steps have each status.
    """
    parts = (f"{count} {status}" for status, count in counts.items() if count)
    return ", ".join(parts).replace("_", " ")


@attrs.frozen(kw_only=True)
class RunSummary:
    """The summary of a finished run."""

    names: OperationNames
    """The terms of its operation."""
    rows: int
    """How many rows there are."""
    counts: Counts
    """How many of them have each status."""
    summary: Summary
    """The figures of the run."""
    out: Path
    """The results file."""
    failures_allowed: float
    """How many rows may fail before the run ends."""
    earlier: int = 0
    """Rows done by earlier runs with the same journal."""

    def count(self, status: Status) -> int:
        """Return how many rows have a status."""
        return self.counts.get(status, 0)

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        summary = self.summary
        return {
            "rows": self.rows,
            self.names.done: self.count(self.names.done),
            "failed": self.count("failed"),
            "in_doubt": self.count("in_doubt"),
            "pending": self.count("pending"),
            "throttled": summary.throttled,
            "elapsed_s": round(summary.elapsed, 3),
            "out": str(self.out),
            "stopped": summary.stop_reason(self.counts),
        }

    def lines(self) -> Iterator[str]:
        """Yield the summary as lines of text."""
        summary, done = self.summary, self.count(self.names.done)
        earlier = f", {self.earlier} of them before," if self.earlier else ""
        yield (
            f"{done} of {self.rows} {self.names.noun} {self.names.done}{earlier} "
            f"in {summary.elapsed:.1f} s, {summary.throttled} requests throttled"
        )
        if summary.adopted:
            yield f"{summary.adopted} answers were lost, but the rows were found done"
        others: tuple[Status, ...] = ("failed", "in_doubt", "pending")
        if text := count_text({status: self.count(status) for status in others}):
            yield text
        tokens = ", with their tokens" if self.names.tokens and done else ""
        yield f"Results of all rows{tokens}: {self.out}"

    def code(self) -> Exit:
        """Return the exit code."""
        if self.summary.stopped is not None:
            return self._stop_code(exit_code(self.summary.stopped))
        if self.summary.stop_reason(self.counts) is not None:
            return Exit.INTERRUPTED
        return Exit.PARTIAL if self.count("failed") or self.count("in_doubt") else Exit.OK

    def _stop_code(self, code: Exit) -> Exit:
        # A run that ends after too many failed rows is a partial failure.
        if self.summary.failures > self.failures_allowed and code in (Exit.SERVICE, Exit.USAGE):
            return Exit.PARTIAL
        return code
