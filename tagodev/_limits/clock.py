"""Estimate of the service's clock, from the ``Date`` headers of its answers.

Windows follow the service's clock, which differs from the local one by an unknown offset.
An answer's ``Date`` header D, in whole seconds, was written between the moment the request was sent
and the moment its answer arrived.
So the difference between the service's clock and the local monotonic clock lies in

    [D - received, D + 1 - sent]

Each further answer narrows these bounds: two answers between which the date changes leave little
more than the duration of a request.
The scheduler always uses both bounds and charges a request for every window between them.

The bounds widen by possible clock drift (`DRIFT`) and by the difference between the clocks of the
service's machines (`FLEET_SLACK`).
Two answers may contradict each other by up to that slack; then any value between them is valid.

A larger contradiction, of any two answers since the estimate began, starts a *dispute*: one of the
dates is wrong, or the service's clock was set. Until it is settled the bounds are the hull of all
dates since, and if that is too wide to distinguish windows, requests are counted without windows
(see `tagodev._limits.window`).
The dispute is settled by `AGREEING` consecutive dates that agree with each other: their
intersection becomes the estimate, whatever was known before. So neither the first date nor any
later one has a lasting effect if it is wrong.

Only the ``Date`` of the service's own fresh answers is evidence; `tagodev._transport` excludes
answers with an ``Age`` and those that are not the service's. A ``Retry-After`` is not evidence,
since it need not refer to a window.

While this machine is suspended its monotonic clock stops. The estimate is then reset, and an answer
to a request sent before the suspend is no evidence: it contains an unknown part of the sleep.

Until the first answer the offset is unknown, whatever the local clock shows.
"""

from __future__ import annotations

import time
from math import ceil, floor, inf
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from tagodev._limits.snapshot import ClockState

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AGREEING", "DRIFT", "FLEET_SLACK", "ServerClock", "suspended_time"]

#: Maximum difference between the clocks of the service's machines, in seconds.
FLEET_SLACK: Final = 0.1
#: Maximum drift between clocks, in seconds per second: twice that of a poor quartz.
DRIFT: Final = 1e-4
#: Number of consecutive dates that settle a dispute if they agree with each other.
AGREEING: Final = 3

_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
# A shorter suspend, in seconds, stays within the slack.
_MIN_SUSPEND: Final = 0.05
# Two readings of the monotonic clock closer than this, in seconds, bracket one of another clock.
_BRACKET: Final = 1e-3
# A process that is preempted each time it reads the clocks takes the closest of so many readings.
_READINGS: Final = 10
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

    A reading between two of the monotonic clock is repeated if these are far apart: the process was
    preempted, which looks like a suspend.
    """
    lead, apart = _read_lead()
    if apart > _BRACKET:
        lead, _ = min((_read_lead() for _ in range(_READINGS)), key=itemgetter(1))
    return lead


def _read_lead() -> tuple[float, float]:
    """Return another clock's lead over the monotonic clock, and the length of the bracket."""
    before = time.monotonic()
    other = time.time() if _BOOT is None else time.clock_gettime(_BOOT)
    apart = time.monotonic() - before
    return other - before - apart / 2, apart


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
        self.slack: Final = fleet_slack
        """Maximum difference between the service's machines, in seconds."""
        self._suspended = suspended
        self._suspended_before = suspended()
        self._checked_at = -inf
        self._awake_since = -inf
        self._low = 0.0
        self._high = 0.0
        self._as_of = 0.0
        # The greatest lower and the least upper bound; in a dispute, of the latest that agree.
        self._most = 0.0
        self._least = 0.0
        self._disputed = False
        self._agreeing = 0
        self.changes: int = 0
        """Increases with every measurement."""
        self.known: bool = False
        """Whether there is an estimate."""
        self.version: int = 0
        """Increases when the bounds change significantly."""
        self.epoch: int = 0
        """Increases when an estimate does not follow from the one before: windows that were
        computed from that may be wrong."""

    def earliest(self, now: float) -> float:
        """Return the earliest time the service's clock may show, as a timestamp."""
        return now + self._low - self.slack - DRIFT * abs(now - self._as_of)

    def latest(self, now: float) -> float:
        """Return the latest time the service's clock may show, as a timestamp."""
        return now + self._high + self.slack + DRIFT * abs(now - self._as_of)

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the earliest and the latest time the service's clock may show."""
        margin = self.slack + DRIFT * abs(now - self._as_of)
        return now + self._low - margin, now + self._high + margin

    def width(self, now: float) -> float:
        """Return the distance of the bounds, in seconds."""
        return self.latest(now) - self.earliest(now)

    def resolves_windows(self, now: float, window_seconds: float) -> bool:
        """Return whether the bounds are narrow enough to distinguish windows of this length."""
        return self.known and self.width(now) < window_seconds / 2

    def best_query_in(self, now: float) -> float:
        """Return in how many seconds an answer halves the bounds: the date may change then."""
        if self._disputed:
            # Any date helps to settle a dispute.
            return 0.0
        earliest, latest = self.bounds(now)
        middle = (earliest + latest) / 2
        return ceil(middle) - middle

    def measures(self, sent: float) -> bool:
        """Return whether an answer to a request sent then is evidence: no suspend since."""
        return sent >= self._awake_since

    def confirms(self, sent: float, received: float, date: float) -> bool:
        """Return whether the date of an answer adds nothing: most answers do not.

        Args: as for `observe`.
        """
        if date - received > self._low or date + 1 - sent < self._high:
            return False
        # Slightly older bounds remain valid.
        return received < self._as_of + _FRESH and self.known and not self._disputed

    def observe(self, sent: float, received: float, date: float) -> bool:
        """Narrow the bounds with the date of an answer, and return whether they changed.

        Args:
            sent: the earliest time the request can have been sent, on the local clock.
            received: when its answer arrived, on the local clock.
            date: its ``Date`` header, in whole seconds since the epoch.
        """
        if not self.measures(sent) or self.confirms(sent, received, date):
            return False
        low, high = date - received, date + 1 - sent
        if self.known:
            self._combine(low, high, received)
        else:
            self.known = True
            self._begin_epoch(low, high, received)
        return True

    def _combine(self, low: float, high: float, received: float) -> None:
        aged = DRIFT * max(received - self._as_of, 0.0)
        received = max(received, self._as_of)
        if not self._disputed:
            # All lower and upper bounds so far: they cross if two answers contradict each other.
            most, least = max(self._most - aged, low), min(self._least + aged, high)
            if most - least <= self.slack:
                self._set(most, least, received)
                return
            self._disputed, self._agreeing = True, 0
        most, least = max(self._most - aged, low), min(self._least + aged, high)
        if self._agreeing and most - least <= self.slack:
            self._most, self._least = most, least
            self._agreeing += 1
        else:
            self._most, self._least = low, high
            self._agreeing = 1
        if self._agreeing >= AGREEING:
            # What was known before may be what was wrong, even if they agree with it too.
            self._disputed = False
            self._begin_epoch(self._most, self._least, received)
        else:
            self._low = min(self._low - aged, low)
            self._high = max(self._high + aged, high)
            self._note_change(received)

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
        return self.reset_if_suspended(now)

    def reset_if_suspended(self, now: float) -> bool:
        """Reset the estimate if this machine was suspended, and return whether there was one.

        Args:
            now: the time, on the local clock; answers to earlier requests are no evidence then.
        """
        suspended = self._suspended()
        grown = suspended - self._suspended_before
        if grown <= _MIN_SUSPEND:
            # Suspended time only grows: less is a clock that was set.
            self._suspended_before += min(grown, 0.0)
            return False
        self._suspended_before = suspended
        self._awake_since = now
        was_known, self.known = self.known, False
        self._disputed = False
        self._begin_epoch(self._low, self._high, self._as_of)
        return was_known

    def _begin_epoch(self, low: float, high: float, as_of: float) -> None:
        self.epoch += 1
        self.version += 1
        self._low, self._high = min(low, high), max(low, high)
        self._set(low, high, as_of)

    def _set(self, most: float, least: float, as_of: float) -> None:
        """Set the greatest lower and the least upper bound: any value between them is valid."""
        self._most, self._least = most, least
        low, high = min(most, least), max(most, least)
        if abs(low - self._low) > _SIGNIFICANT or abs(high - self._high) > _SIGNIFICANT:
            self.version += 1
        self._low, self._high = low, high
        self._note_change(as_of)

    def _note_change(self, as_of: float) -> None:
        self._as_of = as_of
        self.changes += 1
