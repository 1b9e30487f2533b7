"""Rules for requests sent before the service's clock is known.

Before the first answer the windows are unknown.
Requests then go one at a time over all routes, at most one route limit per minute. A request that
takes longer than a second no longer blocks the next one.
Where several processes share the limits, only one request goes: it queries the time.

A date has a resolution of one second.
With windows of that length one answer is not enough to lease permits, so the time is queried again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tagodev._limits.clock import ServerClock
    from tagodev._limits.route_limiter import RouteLimiter

__all__ = ["CLOCK_ROUTE", "ColdStart"]

#: The route that queries the time where no other request may go before it is known.
CLOCK_ROUTE: Final = "GET /info"

#: While the clock is unknown, a request waits this long for the one before it, in seconds.
_HOLD_INTERVAL: Final = 1.0
#: Number of queries while the bounds are too wide to distinguish windows.
_MAX_QUERIES: Final = 6


class ColdStart:
    """Decides whether requests can be counted in windows, and paces them while they can't."""

    def __init__(self, clock: ServerClock, window_seconds: float) -> None:
        """Start without an answer.

        Args:
            clock: bounds of the service's time.
            window_seconds: length of its windows, in seconds.
        """
        self._clock = clock
        self._window_seconds = window_seconds
        self._failed_queries = 0
        self.hold_until: float = 0.0
        """Until when a request sent without windows delays the next one; its end resets this."""

    def has_windows(self, now: float) -> bool:
        """Return whether windows can be distinguished."""
        return self._clock.resolves_windows(now, self._window_seconds)

    def can_count(self, limiter: RouteLimiter, now: float) -> bool:
        """Return whether requests of a route can be counted in windows."""
        # Leases require windows that can be distinguished from the next.
        return self._clock.known if limiter.leases is None else self.has_windows(now)

    def note_time(self, now: float) -> None:
        """Record that a query for the time was answered."""
        self._failed_queries = 0 if self.has_windows(now) else self._failed_queries + 1

    def may_improve(self, now: float) -> bool:
        """Return whether another query may suffice; if not, routes run without windows."""
        known = self._clock.known and self._clock.width(now) < inf
        return known and self._failed_queries < _MAX_QUERIES

    # --- while the clock is unknown ----------------------------------------------------------

    def wait(self, limiter: RouteLimiter, now: float) -> float:
        """Return how long a request waits while the clock is unknown, in seconds.

        Infinite if it depends on the answer to another request.

        Args:
            limiter: the limiter of its route.
            now: the time.
        """
        if limiter.leases is not None and limiter.route.name != CLOCK_ROUTE:
            # Without a clock there is no window to lease in: a request of `CLOCK_ROUTE` queries it.
            return inf
        wait = max(self.hold_until - now, limiter.closed_until - now, 0.0)
        # Wherever the boundaries lie, one window then counts at most the limit.
        if not wait and limiter.windows.unassigned(now) >= limiter.learner.ceiling:
            return _HOLD_INTERVAL
        return wait or limiter.pacer.delay()

    def note_unaligned(self, now: float) -> None:
        """Record a request sent without windows: the next one waits for it, but not for long."""
        self.hold_until = now + _HOLD_INTERVAL
