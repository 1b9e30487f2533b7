"""The reserve: what bulk work leaves of a window for requests that somebody waits for."""

from __future__ import annotations

from typing import Final

__all__ = ["Reserve"]

#: For how many windows the interactive priority's peak is remembered.
_PEAK_WINDOWS: Final = 5


class Reserve:
    """What bulk leaves of each window for the interactive priority.

    Going first is of no use once the window is drained: so as many places as the interactive
    priority needed at its recent peak are kept free for it, less those that it has had already.
    """

    def __init__(self, fixed: int | None) -> None:
        """Begin with none seen.

        Args:
            fixed: requests a window to keep free; None to go by the recent peak.
        """
        self._fixed = fixed
        self._window = 0
        self._used = 0
        self._peaks: list[int] = []
        self._wanted = fixed or 0

    def roll(self, window: int) -> None:
        """Go on to a new window."""
        self._peaks = [*self._peaks[1 - _PEAK_WINDOWS :], self._used]
        if window > self._window + _PEAK_WINDOWS:
            self._peaks.clear()
        self._window = window
        self._used = 0
        if self._fixed is None:
            self._wanted = max(self._peaks, default=0)

    def take_over(self, other: Reserve) -> None:
        """Go on with what another reserve of the same route has seen."""
        self._window, self._used, self._peaks = other._window, other._used, other._peaks
        if self._fixed is None:
            self._wanted = max(self._peaks, default=0)

    def count(self) -> None:
        """Count a grant of the interactive priority."""
        self._used += 1

    def left(self) -> int:
        """Return how many places of this window are still kept."""
        return max(self._wanted - self._used, 0)
