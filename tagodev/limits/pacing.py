"""Pacing: aiolimiter's bucket, behind a protocol that asks and never waits.

The windows decide *how many* requests may go; the bucket decides *how fast* they go.
The core asks whether there is capacity and takes it in the same step; `AsyncLimiter.acquire` does
not suspend when `has_capacity` has just said yes, so its coroutine is run to its end on the spot.

Two ways to tune it:

*Aligned* (default): the windows hold the quota, and the bucket only takes the edge off their
opening: a tenth of the limit goes at once, the rest within half a second.

*Steady*: there are no windows, because nothing is known of the service's clock or because the
caller wants it so, and the bucket alone must keep the limit.
In any 60 s a bucket of burst b and refill r a second lets b + 60 r requests *go*, but the service
counts them as they *arrive*, and those that travel longest may fall together with those that
travel least: with latencies that spread over J seconds up to b + r (60 + J) arrive within a minute.
So b and r are chosen to make that the limit.
It needs no clock, rejects nothing, and is slower: it has to be.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Final, Protocol

from aiolimiter import AsyncLimiter

__all__ = ["MAX_DELAY", "LimiterPacer", "Pacer", "aligned_pacer", "spend", "steady_pacer"]

#: By how much pacing may delay the last request of a full window, in seconds.
MAX_DELAY: Final = 0.5


class Pacer(Protocol):
    """Says when the next request may go, as far as pacing is concerned."""

    def delay(self) -> float:
        """Return in how many seconds there may be capacity; 0 if there is now."""
        ...

    def take(self) -> None:
        """Take the capacity that `delay` has just said is there."""
        ...


class LimiterPacer:
    """A pacer made of an `AsyncLimiter`; for use within one running event loop."""

    def __init__(self, burst: float, rate: float, *, block: int = 1) -> None:
        """Make a full bucket.

        Args:
            burst: requests that may go at once, at least 1.
            rate: requests a second that it refills by.
            block: how many to take from it at once, where it holds as many: asking it costs more
                than everything else about a grant. By so many less one more can go at once.
        """
        self._block = block
        self._taken = 0
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._step = 1 / rate
        self._ready_at = 0.0

    def delay(self) -> float:
        """Return 0, or the time after which the capacity for one request is sure to be there."""
        if self._taken:
            return 0.0
        now = asyncio.get_running_loop().time()
        if now < self._ready_at:
            # Nobody can have taken anything since that was found out.
            return self._ready_at - now
        if self._bucket.has_capacity():
            return 0.0
        wait = self._missing() * self._step
        self._ready_at = now + wait
        return wait

    def take(self) -> None:
        """Take one request's worth."""
        if self._taken:
            self._taken -= 1
            return
        block = self._block if self._bucket.has_capacity(self._block) else 1
        self._taken = block - 1
        acquisition = self._bucket.acquire(block)
        try:
            acquisition.send(None)
        except StopIteration:
            return
        acquisition.close()
        msg = "the bucket was asked for more than it holds"
        raise RuntimeError(msg)

    def _missing(self) -> float:
        """Return which part of a request's worth is missing, rounded up to a 64th."""
        missing, width = 1.0, 0.5
        while width >= 1 / 64:
            if self._bucket.has_capacity(1 - (missing - width)):
                missing -= width
            width /= 2
        return missing


def spend(pacer: Pacer, many: int) -> None:
    """Take what so many requests have taken already, as far as there is any."""
    for _ in range(many):
        if pacer.delay() > 0:
            return
        pacer.take()


def aligned_pacer(limit: int) -> LimiterPacer:
    """Return the pacer that takes the edge off a window's opening.

    Args:
        limit: requests a window.
    """
    burst = ceil(limit / 10)
    return LimiterPacer(
        burst, max(limit - burst, 1) / MAX_DELAY, block=min(max(burst // 10, 1), 50)
    )


def steady_pacer(limit: int, minute: float, spread: float) -> LimiterPacer:
    """Return the pacer that keeps a limit without knowing where the windows lie.

    Args:
        limit: requests a window.
        minute: a window's length in seconds.
        spread: by how much latencies may differ, in seconds.
    """
    burst = max(limit // 10, 1)
    # A limit of 1 leaves no room beside the burst: then one request per window and spread.
    rate = (limit - burst) / (minute + spread) if limit > burst else 0.5 / (minute + spread)
    return LimiterPacer(burst, rate)
