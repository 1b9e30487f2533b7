"""Reserve: the part of a window that bulk work leaves to interactive requests."""

from __future__ import annotations

from typing import Final

__all__ = ["Reserve"]

#: Number of windows over which the peak of interactive requests is measured.
_PEAK_WINDOWS: Final = 5


class Reserve:
    """Requests of each window that bulk work leaves to the interactive priority.

    Priority alone does not help once a window is used up. So as many requests as the interactive
    priority sent at its recent peak are kept free, less those it has already sent in this window.
    """

    def __init__(self, fixed: int | None) -> None:
        """Start without a peak.

        Args:
            fixed: requests per window to keep free; None for the recent peak.
        """
        self._fixed = fixed
        self._window = 0
        self._used = 0
        self._peaks: list[int] = []
        self._size = fixed or 0

    def roll(self, window: int) -> None:
        """Start a new window."""
        self._peaks = [*self._peaks[1 - _PEAK_WINDOWS :], self._used]
        if window > self._window + _PEAK_WINDOWS:
            self._peaks.clear()
        self._window = window
        self._used = 0
        if self._fixed is None:
            self._size = max(self._peaks, default=0)

    def take_over(self, other: Reserve) -> None:
        """Copy the state of another reserve of the same route."""
        self._window, self._used, self._peaks = other._window, other._used, other._peaks
        if self._fixed is None:
            self._size = max(self._peaks, default=0)

    def count(self) -> None:
        """Count an interactive request."""
        self._used += 1

    def left(self) -> int:
        """Return how many requests of this window are still reserved."""
        return max(self._size - self._used, 0)
