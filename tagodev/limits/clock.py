"""What time it is at the service.

The windows follow the service's clock, which is not ours.
The scheduler therefore never asks for "the" server time but for its bounds: no request sent at
``now`` arrives before `earliest`, and what is answered at ``now`` was counted no later than
`latest`.
Between the two lies everything that is not known, and the windows charge for all of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BOUNDARY_GUARD", "BoundedClock", "WallClock"]

#: How far the service's clock may be from this machine's, in seconds, where nothing else is known.
BOUNDARY_GUARD: Final = 0.1


class BoundedClock(Protocol):
    """Bounds of the server's time, from a monotonic time of ours."""

    def earliest(self, now: float) -> float:
        """Return the earliest that the server's clock may show, in seconds of the epoch."""
        ...

    def latest(self, now: float) -> float:
        """Return the latest that the server's clock may show, in seconds of the epoch."""
        ...


class WallClock:
    """The machine's own wall clock, taken as right within a guard.

    Good where both keep time by NTP; a clock that is off by more than the guard costs rejections
    at the boundary.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        guard: float = BOUNDARY_GUARD,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Compare the two clocks once.

        Args:
            monotonic: the clock that the scheduler runs by, in seconds.
            guard: how far the server's clock may be from ours, in seconds, either way.
            wall: this machine's wall clock, in seconds of the epoch.
        """
        self._offset = wall() - monotonic()
        self._guard = guard

    def earliest(self, now: float) -> float:
        """Return the wall clock less the guard."""
        return now + self._offset - self._guard

    def latest(self, now: float) -> float:
        """Return the wall clock and the guard."""
        return now + self._offset + self._guard
