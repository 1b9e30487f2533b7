"""Pacers: how fast requests go, based on aiolimiter's leaky bucket.

The windows decide *how many* requests may go; the pacer decides *how fast*. Every request passes
the `AsyncLimiter` of its route, which is configured in one of two ways:

*Open*: we are alone and use the whole limit as soon as a window opens. The bucket only takes the
edge off the opening: a tenth of the limit, or `AT_ONCE` if that is more, goes at once, and the rest
within half a second. With large limits and few connections it delays nothing.

*Spread*: wherever requests are spread over the window, the bucket is what spreads them: with
``share=`` below 1, beside other clients, with ``pacing="steady"``, and where the service's answers
have no date. It lets the window's budget through at an even rate. Interactive calls do not wait for
it while the budget lasts, but what they use is missing to bulk work.

The bucket alone can't keep a limit that is counted in fixed windows: it starts full and refills
meanwhile, so up to twice the limit falls into one window. That is what `tagodev._limits.window` is
for.

The core asks for capacity and takes it in the same step. `AsyncLimiter.acquire` does not suspend
after `has_capacity` has returned true, so its coroutine is run to completion at once.
"""

from __future__ import annotations

from math import ceil
from typing import Final, Protocol

from aiolimiter import AsyncLimiter

__all__ = ["AT_ONCE", "MAX_DELAY", "LimiterPacer", "Pacer"]

#: Maximum delay of the last request of a full window by an open pacer, in seconds.
MAX_DELAY: Final = 0.5
#: So many requests go at once when a window opens, or a tenth of the limit.
AT_ONCE: Final = 100


class Pacer(Protocol):
    """Decides when the next request may go, as far as pacing is concerned."""

    def open(self, limit: int) -> None:
        """Let the requests of a window go when it opens.

        Args:
            limit: requests per window.
        """
        ...

    def spread(self, budget: float, seconds: float, window: int = 0) -> None:
        """Let requests go at an even rate.

        Args:
            budget: how many.
            seconds: in how many seconds.
            window: number of the window, if the last request is to go at its end: the service then
                refuses that one rather than another client's.
        """
        ...

    def delay(self, now: float) -> float:
        """Return in how many seconds there may be capacity; 0 for now.

        Args:
            now: the time.
        """
        ...

    def take(self) -> None:
        """Take the capacity of one request, if there is any."""
        ...


class LimiterPacer:
    """A pacer based on `AsyncLimiter`, for use within one running event loop."""

    def __init__(self) -> None:
        """Create one; open or spread it before use."""
        self._configured_for: tuple[float, float, int] = (0, 0.0, 0)
        self._configure(1, 1.0)

    def open(self, limit: int) -> None:
        """Let the requests of a window go when it opens."""
        if self._configured_for == (limit, 0.0, 0):
            return
        self._configured_for = (limit, 0.0, 0)
        burst = max(ceil(limit / 10), min(limit, AT_ONCE))
        # Querying the bucket is the most expensive part of a permit, so a block is taken at once.
        self._configure(burst, limit / MAX_DELAY, block=min(max(burst // 10, 1), 50))

    def spread(self, budget: float, seconds: float, window: int = 0) -> None:
        """Let requests go at an even rate."""
        if self._configured_for == (budget, seconds, window):
            return
        self._configured_for = (budget, seconds, window)
        self._configure(1, budget / seconds)
        if window:
            self.take()

    def _configure(self, burst: int, rate: float, *, block: int = 1) -> None:
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._step = 1 / rate
        self._block = block
        self._taken = 0
        self._ready_at = 0.0

    def delay(self, now: float) -> float:
        """Return 0, or the time after which there is certainly capacity for one request."""
        if self._taken:
            return 0.0
        if now < self._ready_at:
            # Nothing was added in between.
            return self._ready_at - now
        if self._bucket.has_capacity():
            return 0.0
        wait = self._missing() * self._step
        self._ready_at = now + wait
        return wait

    def take(self) -> None:
        """Take the capacity of one request, if there is any."""
        if self._taken:
            self._taken -= 1
            return
        block = self._block if self._bucket.has_capacity(self._block) else 1
        if not self._bucket.has_capacity(block):
            return
        self._taken = block - 1
        acquisition = self._bucket.acquire(block)
        try:
            acquisition.send(None)
        except StopIteration:
            return
        acquisition.close()
        msg = "the bucket had capacity a moment ago"
        raise RuntimeError(msg)

    def _missing(self) -> float:
        """Return the fraction of one request's capacity that is missing, rounded up to 1/64."""
        missing, width = 1.0, 0.5
        while width >= 1 / 64:
            if self._bucket.has_capacity(1 - (missing - width)):
                missing -= width
            width /= 2
        return missing
