"""The report of a run: counts, times, and the first failures; and the error that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.outcomes import Done, Failed, InDoubt, Outcome, Pending
from tagodev.errors import TagoError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KEPT_FAILURES", "BulkReport", "BulkStoppedError", "Tally"]

#: The most failures in a report; further ones are only counted.
KEPT_FAILURES: Final = 1000


@attrs.frozen(kw_only=True)
class BulkReport:
    """Counts of a bulk run and its first 1,000 failures."""

    done: int
    """Items that were done."""
    failed: int
    """Items that the service refused."""
    in_doubt: int
    """Items that were sent and not answered."""
    pending: int
    """Items that were read and not sent, because the run stopped."""
    skipped: int = 0
    """Items that the journal shows as finished by an earlier run."""
    elapsed: float
    """Seconds from the start to the last outcome so far."""
    failures: tuple[Failed | InDoubt, ...] = attrs.field(repr=False)
    """The first items that failed or are in doubt, at most 1,000."""
    stopped: TagoError | None = None
    """The error that stopped the run early."""

    @property
    def rows(self) -> int:
        """The number of items that were read."""
        return self.done + self.failed + self.in_doubt + self.pending


@attrs.define(slots=False, eq=False)
class BulkStoppedError(TagoError):
    """A bulk run ended early; the state of every item is known."""

    reason: TagoError = attrs.field(kw_only=True)
    """The error that stopped the run."""
    report: BulkReport = attrs.field(kw_only=True)
    """The report until then."""


class Tally:
    """Counts outcomes as they come."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Initialize the counts, and start the clock.

        Args:
            clock: a monotonic clock, in seconds.
        """
        self._clock = clock
        self._began = self._last = clock()
        self._counts = dict.fromkeys((one.status for one in (Done, Failed, InDoubt, Pending)), 0)
        self.skipped = 0
        """Items that an earlier run has finished."""
        self._failures: list[Failed | InDoubt] = []

    def count(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self._last = self._clock()
        self._counts[Done.status if isinstance(outcome, Done) else outcome.status] += 1
        if isinstance(outcome, (Failed, InDoubt)) and len(self._failures) < KEPT_FAILURES:
            self._failures.append(outcome)

    def report(self, stopped: TagoError | None) -> BulkReport:
        """Return the counts so far."""
        return BulkReport(
            **self._counts,
            skipped=self.skipped,
            elapsed=self._last - self._began,
            failures=tuple(self._failures),
            stopped=stopped,
        )
