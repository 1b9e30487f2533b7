"""Pacers: how fast requests go, based on aiolimiter's leaky bucket.

The windows decide *how many* requests may go; the pacer decides *how fast*.
The core asks for capacity and takes it in the same step. `AsyncLimiter.acquire` does not suspend
after `has_capacity` has returned true, so its coroutine is run to completion at once.

Two configurations:

*Aligned* (default): the windows enforce the limit, and the pacer only smooths the opening of a
window: a tenth of the limit goes at once, the rest within half a second.

*Steady*: there are no windows, because the service's clock is unknown or because of the settings,
and the pacer alone enforces the limit.
In any 60 s a bucket of burst b and refill r per second lets b + 60 r requests *go*, but the service
counts them as they *arrive*: with latencies that differ by up to J seconds, up to b + r (60 + J)
arrive within a minute.
So b and r are chosen to make that the limit.
This needs no clock and causes no 429, but is slower.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Final, Protocol

from aiolimiter import AsyncLimiter

__all__ = ["MAX_DELAY", "LimiterPacer", "Pacer", "aligned_pacer", "spend", "steady_pacer"]

#: Maximum delay of the last request of a full window by pacing, in seconds.
MAX_DELAY: Final = 0.5


class Pacer(Protocol):
    """Decides when the next request may go, as far as pacing is concerned."""

    def delay(self) -> float:
        """Return in how many seconds there may be capacity; 0 for now."""
        ...

    def take(self) -> None:
        """Take the capacity that `delay` has just reported."""
        ...


class LimiterPacer:
    """A pacer based on `AsyncLimiter`, for use within one running event loop."""

    def __init__(self, burst: float, rate: float, *, block: int = 1) -> None:
        """Create a full bucket.

        Args:
            burst: requests that may go at once, at least 1.
            rate: requests per second that it refills by.
            block: how many to take at once where the bucket holds as many: querying it is the most
                expensive part of a permit. Up to that many more can go at once.
        """
        self._block = block
        self._taken = 0
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._step = 1 / rate
        self._ready_at = 0.0

    def delay(self) -> float:
        """Return 0, or the time after which there is certainly capacity for one request."""
        if self._taken:
            return 0.0
        now = asyncio.get_running_loop().time()
        if now < self._ready_at:
            # Nothing was taken in between.
            return self._ready_at - now
        if self._bucket.has_capacity():
            return 0.0
        wait = self._missing() * self._step
        self._ready_at = now + wait
        return wait

    def take(self) -> None:
        """Take the capacity for one request."""
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
        msg = "the bucket has no capacity: call delay() first"
        raise RuntimeError(msg)

    def _missing(self) -> float:
        """Return the fraction of one request's capacity that is missing, rounded up to 1/64."""
        missing, width = 1.0, 0.5
        while width >= 1 / 64:
            if self._bucket.has_capacity(1 - (missing - width)):
                missing -= width
            width /= 2
        return missing


def spend(pacer: Pacer, many: int) -> None:
    """Take the capacity of requests sent earlier, as far as there is any."""
    for _ in range(many):
        if pacer.delay() > 0:
            return
        pacer.take()


def aligned_pacer(limit: int) -> LimiterPacer:
    """Return the pacer that smooths the opening of a window.

    Args:
        limit: requests per window.
    """
    burst = ceil(limit / 10)
    return LimiterPacer(
        burst, max(limit - burst, 1) / MAX_DELAY, block=min(max(burst // 10, 1), 50)
    )


def steady_pacer(limit: int, window_seconds: float, spread: float) -> LimiterPacer:
    """Return the pacer that enforces a limit without windows.

    Args:
        limit: requests per window.
        window_seconds: a window's length in seconds.
        spread: maximum difference between latencies, in seconds.
    """
    burst = max(limit // 10, 1)
    # A limit of 1 leaves nothing beside the burst: then one request per window and spread.
    rate = (
        (limit - burst) / (window_seconds + spread)
        if limit > burst
        else 0.5 / (window_seconds + spread)
    )
    return LimiterPacer(burst, rate)
