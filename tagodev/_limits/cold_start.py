"""Rules for requests sent before the service's clock is known.

Before the first answer the windows are unknown. Requests are then counted by age, which needs no
clock: with ``cold_start="full"`` as many go as the limit allows, otherwise one at a time over all
routes, so that the first answer shows how much of the window is left. A request that takes longer
than a second no longer blocks the next one.

Where several processes share the limits there is no window to lease in: only one request goes, of
`CLOCK_ROUTE`, which queries the time. A date has a resolution of one second; where one answer is
not enough to distinguish windows, the time is queried again.
If the answers have no date, each process uses its part of the limits.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from tagodev._limits.routes import CLOCK_ROUTE

if TYPE_CHECKING:
    from tagodev._limits.clock import ServerClock
    from tagodev._limits.route_limiter import RouteLimiter
    from tagodev._limits.settings import Settings

__all__ = ["ColdStartRules"]

#: While requests go one at a time, one waits this long for the one before it, in seconds.
_HOLD_INTERVAL: Final = 1.0
#: Queries for the time after which routes are used without windows.
_MAX_QUERIES: Final = 6


class ColdStartRules:
    """Decides which requests go while windows are not distinguished."""

    def __init__(self, clock: ServerClock, settings: Settings) -> None:
        """Start without an answer.

        Args:
            clock: bounds of the service's time.
            settings: the scheduler's settings.
        """
        self._clock = clock
        self.settings = settings
        """The scheduler's settings."""
        self._hold_until = 0.0
        self._failed_queries = 0

    @property
    def undated(self) -> bool:
        """Whether queries for the time were answered without a usable date."""
        return self._failed_queries >= _MAX_QUERIES

    def hold(self, now: float) -> None:
        """Let the next request wait for the one that goes now, but not for long."""
        self._hold_until = now + _HOLD_INTERVAL

    def release(self, now: float) -> None:
        """Let the next request go."""
        self._hold_until = now

    def wait(self, limiter: RouteLimiter, now: float) -> float:
        """Return how long a request waits, in seconds; infinite if it depends on an answer.

        Args:
            limiter: the limiter of its route.
            now: the time.
        """
        settings = self.settings
        if limiter.leases is None:
            alone = limiter.cold and settings.cold_start != "full" and settings.pacing == "aligned"
        elif limiter.route.name == CLOCK_ROUTE:
            alone = True
        else:
            return 0.0 if self.undated else inf
        return max(self._hold_until - now, 0.0) if alone else 0.0

    def interested_in(self, limiter: RouteLimiter) -> bool:
        """Return whether an answer with a date is to be noted."""
        return self._failed_queries > 0 or limiter.route.name == CLOCK_ROUTE

    def note_answer(self, limiter: RouteLimiter, now: float, *, dated: bool) -> None:
        """Record whether an answer has shown the time.

        Args:
            limiter: the limiter of its route.
            now: when it arrived.
            dated: whether it has a date that is evidence.
        """
        if self._clock.resolves_windows(now, self.settings.limits.minute):
            self._failed_queries = 0
        elif not self._clock.known and not dated:
            self._failed_queries = _MAX_QUERIES
        elif limiter.leases is not None and limiter.route.name == CLOCK_ROUTE:
            self._failed_queries += 1
