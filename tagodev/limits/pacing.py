"""Pacing: aiolimiter's bucket, behind a protocol that asks and never waits.

The windows decide *how many* requests may go; the bucket decides *how fast* they go, so that a
window's opening is not a blow.
The core asks whether there is capacity and takes it in the same step; `AsyncLimiter.acquire` does
not suspend when `has_capacity` has just said yes, so its coroutine is run to its end on the spot.
"""

from __future__ import annotations

from math import ceil
from typing import Final, Protocol

from aiolimiter import AsyncLimiter

__all__ = ["MAX_DELAY", "AlignedPacer", "Pacer"]

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


class AlignedPacer:
    """Lets a tenth of the limit go at once and the rest within half a second.

    With a burst b = L / 10 and a rate r = (L - b) / 0.5 s the last of L requests waits at most
    half a second for the bucket: the edge is off, the window is not slower.
    """

    def __init__(self, limit: int) -> None:
        """Make the bucket of one route.

        Args:
            limit: requests a window.
        """
        burst = ceil(limit / 10)
        rate = max(limit - burst, 1) / MAX_DELAY
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._step = 1 / rate

    def delay(self) -> float:
        """Return 0, or the time in which one request's worth of capacity comes back."""
        return 0.0 if self._bucket.has_capacity() else self._step

    def take(self) -> None:
        """Take one request's worth."""
        acquisition = self._bucket.acquire()
        try:
            acquisition.send(None)
        except StopIteration:
            return
        acquisition.close()
        msg = "the bucket was asked for more than it holds"
        raise RuntimeError(msg)
