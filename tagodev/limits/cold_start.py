"""Whether enough is known of the service's clock to count in windows, and what goes until it is.

Before the first answer nothing is known.
Requests then go one at a time, over all routes, and no more than a route's limit a minute; one that
takes longer than a second does not hold up the next.
Where several processes share the limits, one request alone goes, which asks for the time.

A date tells the second only.
Where windows are as short as that, one answer is not enough to lease places in them, and the time
is asked for again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tagodev.limits.clock import ServerClock
    from tagodev.limits.route_limiter import RouteLimiter

__all__ = ["CLOCK_ROUTE", "ColdStart"]

#: The route that is asked for the time, where nothing else may go before it is known.
CLOCK_ROUTE: Final = "GET /info"

#: While the clock is unknown, no request waits longer for the one before it, in seconds.
_BLIND_INTERVAL: Final = 1.0
#: A clock whose bounds are too wide for windows to be of use is asked for so often.
_TRIES: Final = 6


class ColdStart:
    """What a core can tell of windows by the service's clock."""

    def __init__(self, clock: ServerClock, minute: float) -> None:
        """Begin with no answer.

        Args:
            clock: bounds of the service's time.
            minute: length of its windows, in seconds.
        """
        self._clock = clock
        self._minute = minute
        self._in_vain = 0
        self.blind_until: float = 0.0
        """Until when a request that goes without windows holds up the next, which may ask for the
        time itself; whatever became of it, when it is over the next may go."""

    def is_useful(self, now: float) -> bool:
        """Return whether windows can be told apart."""
        return self._clock.tells_windows(now, self._minute)

    def is_enough(self, bucket: RouteLimiter, now: float) -> bool:
        """Return whether requests of a bucket may be counted in windows."""
        # Whoever shares them with others leases none that he can't tell from the next.
        return self._clock.known if bucket.leases is None else self.is_useful(now)

    def note_time(self, now: float) -> None:
        """Note that the one request has been answered that asks for the time."""
        self._in_vain = 0 if self.is_useful(now) else self._in_vain + 1

    def may_improve(self, now: float) -> bool:
        """Return whether asking again may tell enough; else routes go without windows."""
        known = self._clock.known and self._clock.width(now) < inf
        return known and self._in_vain < _TRIES

    # --- until it is enough --------------------------------------------------------------------

    def wait(self, bucket: RouteLimiter, now: float) -> float:
        """Return how long a request waits while too little is known.

        Infinite where only an answer to another request can tell.

        Args:
            bucket: what counts it.
            now: the time.
        """
        if bucket.leases is not None and bucket.route.name != CLOCK_ROUTE:
            # Without a clock there is no window to lease in: one request of that route asks.
            return inf
        wait = max(self.blind_until - now, bucket.closed_until - now, 0.0)
        # Wherever the boundaries lie, no more than a window's worth can fall into one window.
        if not wait and bucket.windows.unplaced(now) >= bucket.learner.ceiling:
            return _BLIND_INTERVAL
        return wait or bucket.pacer.delay()

    def note_grant(self, now: float) -> None:
        """Note that a request goes without windows: the next one waits for it, but not for long."""
        self.blind_until = now + _BLIND_INTERVAL
