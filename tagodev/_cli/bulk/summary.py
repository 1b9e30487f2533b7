"""The summaries of runs: text, JSON and exit code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._bulk.outcomes import Failed, InDoubt, Pending
from tagodev._cli.exit_codes import Exit
from tagodev._cli.output.console import print_error, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagodev._bulk.operations.base import Operation
    from tagodev._cli.bulk.execution import Summary
    from tagodev._cli.bulk.journal_status import JournalStatus
    from tagodev.errors import TagoError

__all__ = ["NOT_DONE", "PrintedSummary", "RunSummary", "cost_text", "count_text"]

#: The statuses of rows that are not done.
NOT_DONE: Final = (Failed.status, InDoubt.status, Pending.status)


def count_text(counts: Mapping[str, int]) -> str:
    """Return the counts that aren't zero: ``2 failed, 1 in doubt``.

    Args:
        counts: how many rows or steps have each status.
    """
    parts = (f"{count} {status}" for status, count in counts.items() if count)
    return ", ".join(parts).replace("_", " ")


def cost_text(elapsed: float, throttled: int) -> str:
    """Return the cost of a run.

    Args:
        elapsed: seconds from the first row to the last outcome.
        throttled: answers with status 429.
    """
    return f"in {elapsed:.1f} s, {throttled} requests throttled"


class PrintedSummary(ABC):
    """A summary that a command prints."""

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """Yield the summary as lines of text."""

    def print(self, stopped: TagoError | None = None, *, json: bool) -> None:
        """Print the summary, and why the run stopped.

        Args:
            stopped: the error that stopped the run.
            json: whether to print one JSON object.
        """
        if json:
            print_json(self.as_json())
        else:
            for line in self.lines():
                print_line(line)
        if stopped is not None:
            print_error(stopped)


@attrs.frozen(kw_only=True)
class RunSummary(PrintedSummary):
    """The summary of a finished run."""

    operation: type[Operation[Any]]
    """Its operation."""
    rows: int
    """How many rows there are."""
    counts: Mapping[str, int]
    """How many of them have each status."""
    summary: Summary
    """The figures of the run."""
    out: Path
    """The results file."""
    failures_allowed: float
    """How many rows may fail before the run ends."""
    before: JournalStatus | None = None
    """The status of its journal before the run."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        summary, before = self.summary, self.before
        statuses = (self.operation.outcome.status, *NOT_DONE)
        known: dict[str, Any] = {
            "rows": self.rows,
            **{status: self.counts.get(status, 0) for status in statuses},
            "throttled": summary.throttled,
            "elapsed_s": round(summary.elapsed, 3),
            "out": str(self.out),
            "stopped": summary.stop_reason(self.counts),
        }
        if before is not None:
            known |= {
                "journal": str(before.path),
                "skipped": before.rows - before.left,
                "adopted": summary.adopted,
            }
        return known

    def lines(self) -> Iterator[str]:
        """Yield the summary as lines of text."""
        summary, status = self.summary, self.operation.outcome.status
        done = self.counts.get(status, 0)
        earlier = 0 if self.before is None else self.before.done
        before = f", {earlier} of them before," if earlier else ""
        yield (
            f"{done} of {self.rows} {self.operation.noun} {status}{before} "
            f"{cost_text(summary.elapsed, summary.throttled)}"
        )
        if summary.adopted:
            yield f"{summary.adopted} answers were lost, but the rows were found done"
        if text := count_text({status: self.counts.get(status, 0) for status in NOT_DONE}):
            yield text
        tokens = ", with their tokens" if self.operation.has_tokens and done else ""
        yield f"Results of all rows{tokens}: {self.out}"

    def code(self) -> Exit:
        """Return the exit code."""
        code = self.summary.exit_code(self.counts)
        # A run that ends after too many failed rows is a partial failure.
        if self.summary.failures > self.failures_allowed and code in (Exit.SERVICE, Exit.USAGE):
            return Exit.PARTIAL
        if code is None:
            failed = self.counts.get(Failed.status) or self.counts.get(InDoubt.status)
            return Exit.PARTIAL if failed else Exit.OK
        return code
