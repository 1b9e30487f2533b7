"""When to try again, and when that would be unsafe.

The whole answer depends on two things: what repeating the request could do, and whether the last
attempt can have reached the service.

============  ====================  ==========================  =================
request       never connected       no answer, or 5xx           any other answer
============  ====================  ==========================  =================
read          again                 again                       final
idempotent    again                 again                       final
once          again                 **final, and in doubt**     final
============  ====================  ==========================  =================

A 429 is no attempt: the scheduler sends the request again in its turn.
Retries stand on this one layer only; nothing below resends (see `tagodev.transport`).
"""

from __future__ import annotations

import enum
import random
from typing import TYPE_CHECKING

import attrs

from tagodev.errors import ConnectError, NoAnswerError, ServerError

if TYPE_CHECKING:
    from tagodev.errors import RequestError

__all__ = ["RetryPolicy", "Safety", "may_have_acted"]


class Safety(enum.Enum):
    """What sending a request twice could do."""

    READ = "read"
    """Nothing: it changes nothing."""
    IDEMPOTENT = "idempotent"
    """Nothing more than once: the second finds done what the first did."""
    ONCE = "once"
    """Harm: a second device, a second token."""


def may_have_acted(error: RequestError, safety: Safety) -> bool:
    """Return whether the service may have carried out the attempt that failed so."""
    if safety is Safety.READ or isinstance(error, ConnectError):
        return False
    return error.may_have_acted or isinstance(error, (NoAnswerError, ServerError))


@attrs.frozen
class RetryPolicy:
    """How often and after what waits an attempt that failed is made again."""

    attempts: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    """How often a request is sent at most."""
    first_delay: float = attrs.field(default=0.5, validator=attrs.validators.ge(0.0))
    """Seconds before the second attempt; each further wait is twice as long."""
    max_delay: float = attrs.field(default=8.0, validator=attrs.validators.ge(0.0))
    """The longest wait, in seconds."""

    def delay(self, error: RequestError, safety: Safety, attempt: int) -> float | None:
        """Return how long to wait before the next attempt, or None if this failure is final.

        Args:
            error: how the attempt failed.
            safety: what sending it again could do.
            attempt: which attempt that was, from 1.
        """
        if attempt >= self.attempts or not isinstance(error, (NoAnswerError, ServerError)):
            return None
        if safety is Safety.ONCE and may_have_acted(error, safety):
            return None
        longest = min(self.first_delay * 2.0 ** (attempt - 1), self.max_delay)
        # Many clients that lost the same server must not come back in step.
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (jitter, no secret)
