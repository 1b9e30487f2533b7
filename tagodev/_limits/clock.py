"""Estimate of the service's clock, from the ``Date`` headers of its answers.

Windows follow the service's clock, which differs from the local one by an unknown offset.
An answer's ``Date`` header D, in whole seconds, was written between the moment the request was sent
and the moment its answer arrived.
So the difference between the service's clock and the local monotonic clock lies in

    [D - received, D + 1 - sent]

Each further answer narrows these bounds: two answers between which the date changes leave little
more than the duration of a request.
The scheduler always uses both bounds and charges a request for every window between them.

A 429 with ``Retry-After`` gives a second measurement, accurate to one second either way.

The bounds widen by possible clock drift (`DRIFT`) and by the difference between the clocks of the
service's machines (`FLEET_SLACK`).
Two answers may contradict each other by up to that slack; then any value between them is valid.
A larger contradiction keeps both: the bounds become their hull.
(Starting again at each contradiction is wrong: with two machines 10 ms apart, each answer would
discard the bounds of the other machine.)
The estimate is reset only after a suspend of this machine, during which its monotonic clock stops.

A date more than a minute off does not come from the service (but from a cache or a captive portal),
or the service's clock was not set.
It does not change the bounds, since hull bounds would span many windows. Because the earlier
bounds may be the wrong ones, `width` is infinite for an hour.

Until the first answer the offset is unknown, whatever the local clock shows: see `Core`.
"""

from __future__ import annotations

import time
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Final

from tagodev._limits.snapshot import ClockState

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DRIFT", "FLEET_SLACK", "ServerClock", "suspended_time"]

#: Maximum difference between the clocks of the service's machines, in seconds.
FLEET_SLACK: Final = 0.1
#: Maximum drift between clocks, in seconds per second: twice that of a poor quartz.
DRIFT: Final = 1e-4

_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
# A shorter suspend, in seconds, stays within the slack.
_MIN_SUSPEND: Final = 0.05
# A larger contradiction marks a date as wrong, in seconds.
_MAX_CONTRADICTION: Final = 60.0
# How long the bounds are distrusted after a wrong date, in seconds.
_DISTRUST_PERIOD: Final = 3600.0
# Seconds between two checks for a suspend: about the time from a permit to its request.
_CHECK_INTERVAL: Final = 0.001
# Bounds younger than this have not widened significantly, in seconds.
_FRESH: Final = 0.5
# Smaller changes of the bounds, in seconds, do not require a reassignment of charges.
_SIGNIFICANT: Final = 1e-3


def suspended_time() -> float:
    """Return how long this machine has been suspended since boot, in seconds, for comparison.

    Without a boot-time clock it returns the wall clock's lead over the monotonic clock, which jumps
    by the same amount. Setting the wall clock then causes an unnecessary reset, nothing worse.
    """
    if _BOOT is not None:
        return time.clock_gettime(_BOOT) - time.monotonic()
    return time.time() - time.monotonic()


class ServerClock:
    """Bounds of the service's time, from a local monotonic time."""

    def __init__(
        self,
        *,
        fleet_slack: float = FLEET_SLACK,
        suspended: Callable[[], float] = suspended_time,
    ) -> None:
        """Start without an estimate.

        Args:
            fleet_slack: maximum difference between the service's machines, in seconds; default 0.1.
            suspended: returns how long this machine has been suspended so far, in seconds.
        """
        self._slack = fleet_slack
        self._suspended = suspended
        self._suspended_before = suspended()
        self._checked_at = -inf
        self._low = 0.0
        self._high = 0.0
        self._as_of = 0.0
        self._distrusted_until = -inf
        self.changes: int = 0
        """Increases with every measurement."""
        self.known: bool = False
        """Whether there is an estimate."""
        self.version: int = 0
        """Increases when the bounds change significantly."""

    def earliest(self, now: float) -> float:
        """Return the earliest time the service's clock may show, as a timestamp."""
        return now + self._low - self._slack - DRIFT * abs(now - self._as_of)

    def latest(self, now: float) -> float:
        """Return the latest time the service's clock may show, as a timestamp."""
        return now + self._high + self._slack + DRIFT * abs(now - self._as_of)

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the earliest and the latest time the service's clock may show."""
        margin = self._slack + DRIFT * abs(now - self._as_of)
        return now + self._low - margin, now + self._high + margin

    def width(self, now: float) -> float:
        """Return the distance of the bounds, in seconds; infinite while they are distrusted."""
        if now < self._distrusted_until:
            return inf
        return self.latest(now) - self.earliest(now)

    def resolves_windows(self, now: float, window_seconds: float) -> bool:
        """Return whether the bounds are narrow enough to distinguish windows of this length."""
        return self.known and self.width(now) < window_seconds / 2

    def best_query_in(self, now: float) -> float:
        """Return in how many seconds an answer halves the bounds: the date may change then."""
        earliest, latest = self.bounds(now)
        middle = (earliest + latest) / 2
        return ceil(middle) - middle

    def observe(self, sent: float, received: float, date: float) -> bool:
        """Narrow the bounds with the date of an answer, and return whether they changed.

        Args:
            sent: the earliest time the request can have been sent, on the local clock.
            received: when its answer arrived, on the local clock.
            date: its ``Date`` header, in whole seconds since the epoch.
        """
        low, high = date - received, date + 1 - sent
        if self.known:
            # Most answers add nothing; slightly older bounds remain valid.
            if low <= self._low and high >= self._high and received < self._as_of + _FRESH:
                return False
            self._combine(low, high, received)
            return True
        self.known = True
        self._set(low, high, received)
        self.version += 1
        return True

    def observe_bounds(self, sent: float, received: float, low: float, high: float) -> None:
        """Narrow the bounds with a measurement other than a date.

        Args:
            sent: the earliest time the request can have been sent, on the local clock.
            received: when its answer arrived, on the local clock.
            low: the earliest time the service's clock can have shown when it answered.
            high: the latest time it can have shown.
        """
        if self.known:
            self._combine(low - received, high - sent, received)

    def _combine(self, low: float, high: float, received: float) -> None:
        aged = DRIFT * max(received - self._as_of, 0.0)
        old_low, old_high = self._low - aged, self._high + aged
        new_low, new_high = max(old_low, low), min(old_high, high)
        if new_low - new_high > _MAX_CONTRADICTION:
            self._distrusted_until = received + _DISTRUST_PERIOD
            return
        if new_low > new_high:
            if new_low - new_high <= self._slack:
                new_low, new_high = new_high, new_low
            else:
                new_low, new_high = min(old_low, low), max(old_high, high)
        if abs(new_low - self._low) > _SIGNIFICANT or abs(new_high - self._high) > _SIGNIFICANT:
            self.version += 1
        self._set(new_low, new_high, max(received, self._as_of))

    def state(self, now: float, wall: float, window_seconds: float) -> ClockState | None:
        """Return the current estimate, or None if there is none.

        Args:
            now: the time, on the local clock.
            wall: this machine's wall clock at the same moment, in seconds since the epoch.
            window_seconds: length of the service's windows, in seconds.
        """
        if not self.known:
            return None
        earliest, latest = self.bounds(now)
        boundary = (floor(latest / window_seconds) + 1) * window_seconds
        return ClockState(
            (earliest + latest) / 2 - wall, (latest - earliest) / 2, boundary - earliest
        )

    def check_suspend(self, now: float) -> bool:
        """Call `reset_if_suspended`, unless that was done a moment ago.

        Args:
            now: the time, on the local clock.
        """
        if 0 <= now - self._checked_at < _CHECK_INTERVAL:
            return False
        self._checked_at = now
        return self.reset_if_suspended()

    def reset_if_suspended(self) -> bool:
        """Reset the estimate if this machine was suspended, and return whether there was one."""
        suspended = self._suspended()
        if abs(suspended - self._suspended_before) <= _MIN_SUSPEND:
            return False
        self._suspended_before = suspended
        was_known, self.known = self.known, False
        self.version += 1
        return was_known

    def _set(self, low: float, high: float, as_of: float) -> None:
        self._low, self._high, self._as_of = low, high, as_of
        self.changes += 1
