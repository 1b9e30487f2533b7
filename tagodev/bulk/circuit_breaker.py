"""When a run stops, and when it only pauses, because of what its rows meet.

A row's own mistake is the row's affair.
What would meet every further row in the same way ends the run, with the rest pending: the token,
the permission, the device cap, or the same refusal ten times in a row.
A connection that fails does not: networks come back.
The run then pauses, longer each time, and goes on; only before its very first answer it stops,
since an address that never answered is more likely wrong than down.
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

#: What would meet every further row in the same way.
STOPS_ANY_RUN: Final = (
    AuthenticationError,
    ClosedError,
    JournalError,
    LedgerError,
    PermissionDeniedError,
    RateLimitedError,
)
#: So many refusals in a row with the same text, and the next would be one more.
_SAME_REFUSALS: Final = 10
#: So many rows in a row without an answer, and something is down: at least these, and at least
#: as many as are in work at once, since failures come back sooner than answers.
_WITHOUT_ANSWER: Final = 10
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


@attrs.frozen
class Verdict:
    """What a failure means for the run."""

    stop: bool = False
    """Whether the run ends."""
    pause: float = 0.0
    """Seconds to send nothing."""


class CircuitBreaker:
    """Watches the failures of a run."""

    def __init__(self, *, at_once: int, patience: float) -> None:
        """Begin with nothing seen.

        Args:
            at_once: rows in work at once.
            patience: seconds of pauses in a row before the run stops after all.
        """
        self._without_answer = max(_WITHOUT_ANSWER, at_once)
        self._patience = patience
        self._answered = False
        self._refusal = ""
        self._refusals = 0
        self._unanswered = 0
        self._paused = 0.0
        self._next_pause = _FIRST_PAUSE

    def succeed(self) -> None:
        """Note a row that was done."""
        self.hear()
        self._refusals = 0

    def hear(self) -> None:
        """Note an answer, whatever it was to and whatever it said."""
        self._answered = True
        self._unanswered = 0
        self._paused = 0.0
        self._next_pause = _FIRST_PAUSE

    def fail(self, error: TagoError, *, paused: bool = False) -> Verdict:
        """Note a row that failed.

        Args:
            error: how.
            paused: whether the run pauses already; the row was on its way then.
        """
        if isinstance(error, STOPS_ANY_RUN):
            return Verdict(stop=True)
        if isinstance(error, (NoAnswerError, ServerError)):
            return Verdict() if paused else self._count_unanswered(error)
        if isinstance(error, ServiceError):
            self.hear()
        if isinstance(error, BadRequestError):
            same = error.service_message == self._refusal
            self._refusals = self._refusals + 1 if same else 1
            self._refusal = error.service_message
            return Verdict(stop=self._refusals >= _SAME_REFUSALS)
        return Verdict()

    def _count_unanswered(self, error: TagoError) -> Verdict:
        if isinstance(error, ServerError):
            self._answered = True
        self._unanswered += 1
        if not self._answered and isinstance(error, ConnectError):
            return Verdict(stop=True)
        if self._unanswered < self._without_answer and not isinstance(error, ConnectError):
            return Verdict()
        if self._paused >= self._patience:
            return Verdict(stop=True)
        pause = self._next_pause
        self._next_pause = min(2 * pause, _LONGEST_PAUSE)
        self._paused += pause
        return Verdict(pause=pause)
