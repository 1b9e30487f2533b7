"""The circuit breaker of a bulk run: decides when failures stop or pause the run.

A failure of one item does not affect the others.
An error that every further item would get stops the run, with the rest pending: an invalid token, a
missing permission, the device cap, or the same refusal ten times in a row.
A connection failure pauses the run, longer each time. It stops the run only before the first
answer, since an address that never answered is probably wrong.
"""

from __future__ import annotations

from typing import Final

import attrs

from tagodev.errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    JournalError,
    LedgerError,
    NoAnswerError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    ServiceError,
    TagoError,
)

__all__ = ["STOPS_ANY_RUN", "CircuitBreaker", "Verdict"]

#: Errors that every further item would get too.
STOPS_ANY_RUN: Final = (
    AuthenticationError,
    ClosedError,
    JournalError,
    LedgerError,
    PermissionDeniedError,
    RateLimitedError,
)
#: The same refusal this often in a row stops the run.
_MAX_SAME_REFUSALS: Final = 10
#: Items in a row without an answer that pause the run: at least these, and at least as many as are
#: in work at once, since failures return sooner than answers.
_MIN_UNANSWERED: Final = 10
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


@attrs.frozen
class Verdict:
    """The consequence of a failure for the run."""

    stop: bool = False
    """Whether to stop the run."""
    pause: float = 0.0
    """Seconds to send nothing."""


class CircuitBreaker:
    """Counts the failures of a run."""

    def __init__(self, *, concurrency: int, max_paused: float) -> None:
        """Initialize the counts.

        Args:
            concurrency: items in work at once.
            max_paused: seconds of pauses in a row before the run stops.
        """
        self._max_unanswered = max(_MIN_UNANSWERED, concurrency)
        self._max_paused = max_paused
        self._answered = False
        self._refusal = ""
        self._refusals = 0
        self._unanswered = 0
        self._paused = 0.0
        self._next_pause = _FIRST_PAUSE

    def succeed(self) -> None:
        """Count an item that was done."""
        self.record_answer()
        self._refusals = 0

    def record_answer(self) -> None:
        """Record that the service answered, whatever the request and the answer."""
        self._answered = True
        self._unanswered = 0
        self._paused = 0.0
        self._next_pause = _FIRST_PAUSE

    def fail(self, error: TagoError, *, paused: bool = False) -> Verdict:
        """Count an item that failed, and return the consequence.

        Args:
            error: the failure.
            paused: whether the run is paused already; the item was in flight then.
        """
        if isinstance(error, STOPS_ANY_RUN):
            return Verdict(stop=True)
        if isinstance(error, (NoAnswerError, ServerError)):
            return Verdict() if paused else self._count_unanswered(error)
        if isinstance(error, ServiceError):
            self.record_answer()
        if isinstance(error, BadRequestError):
            same = error.service_message == self._refusal
            self._refusals = self._refusals + 1 if same else 1
            self._refusal = error.service_message
            return Verdict(stop=self._refusals >= _MAX_SAME_REFUSALS)
        return Verdict()

    def _count_unanswered(self, error: TagoError) -> Verdict:
        if isinstance(error, ServerError):
            self._answered = True
        self._unanswered += 1
        if not self._answered and isinstance(error, ConnectError):
            return Verdict(stop=True)
        if self._unanswered < self._max_unanswered and not isinstance(error, ConnectError):
            return Verdict()
        if self._paused >= self._max_paused:
            return Verdict(stop=True)
        pause = self._next_pause
        self._next_pause = min(2 * pause, _LONGEST_PAUSE)
        self._paused += pause
        return Verdict(pause=pause)
