"""Retry policy: which failed attempts to repeat, and when.

Two things decide: what repeating the request could do, and whether the last attempt may have
reached the service.

============  ====================  ==========================  =================
request       never connected       no answer, or 5xx           any other answer
============  ====================  ==========================  =================
read          retry                 retry                       final
idempotent    retry                 retry                       final
once          retry                 **final, and in doubt**     final
============  ====================  ==========================  =================

A 429 does not count as an attempt: the scheduler sends the request again later.
Only this layer retries; `tagodev._transport` sends each request once.
"""

from __future__ import annotations

import enum
import random
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.errors import ConnectError, NoAnswerError, ServerError

if TYPE_CHECKING:
    from tagodev.errors import RequestError

__all__ = ["RetryPolicy", "Safety", "may_have_acted"]

#: A service that asks to be tried again after more seconds than this is not waited for.
_LONGEST_ASKED: Final = 120.0


class Safety(enum.Enum):
    """The effect of sending a request twice."""

    READ = "read"
    """None: it only reads."""
    IDEMPOTENT = "idempotent"
    """The same as sending it once."""
    ONCE = "once"
    """A duplicate: a second device, a second token."""


def may_have_acted(error: RequestError, safety: Safety) -> bool:
    """Return whether the service may have carried out the failed attempt."""
    if safety is Safety.READ or isinstance(error, ConnectError):
        return False
    return error.may_have_acted or isinstance(error, (NoAnswerError, ServerError))


@attrs.frozen
class RetryPolicy:
    """How often a failed attempt is repeated, and after which waits."""

    attempts: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    """The most attempts."""
    first_delay: float = attrs.field(default=0.5, validator=attrs.validators.ge(0.0))
    """Seconds before the second attempt; each further wait is twice as long."""
    max_delay: float = attrs.field(default=8.0, validator=attrs.validators.ge(0.0))
    """The longest wait, in seconds, unless the service asks for a longer one."""

    def delay(self, error: RequestError, safety: Safety, attempt: int) -> float | None:
        """Return how long to wait before the next attempt, or None if this failure is final.

        Args:
            error: the failure.
            safety: the effect of sending it again.
            attempt: the number of the attempt, from 1.
        """
        if attempt >= self.attempts or not isinstance(error, (NoAnswerError, ServerError)):
            return None
        if safety is Safety.ONCE and may_have_acted(error, safety):
            return None
        asked = error.retry_after if isinstance(error, ServerError) else None
        if asked is not None and asked > _LONGEST_ASKED:
            return None
        longest = min(self.first_delay * 2.0 ** (attempt - 1), self.max_delay)
        # Jitter: many clients of a server that failed must not retry at the same moment.
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
        return longest * jitter + (asked or 0.0)
