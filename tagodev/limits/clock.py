"""What time it is at the service.

The windows follow the service's clock, which is not ours, and nobody tells what it shows.
Each answer tells something, though: its ``Date`` header D, in whole seconds, was written between
the moment we sent the request and the moment its answer came.
So the difference between the service's clock and our monotonic one lies in

    [D - received, D + 1 - sent]

and every further answer cuts a piece off: two answers whose dates tick over between them leave
little more than the time a request takes.
The scheduler never asks for "the" server time but for its bounds, and charges for all between.

A 429 that names the seconds to the next window is a second witness, to a second either way.

The bounds are widened by what may have changed since (`DRIFT`), and by how far the service's own
machines may disagree (`FLEET_SLACK`).
Two answers may therefore contradict each other by up to that slack: any point between them is then
as good as an agreement, because every machine is within the slack of it.
Beyond that nothing is thrown away: the bounds become the hull of both.
(Starting afresh at each contradiction looks cleaner and is wrong: with two machines 10 ms apart it
forgets one of them at every answer of the other.)
Only when this machine has slept, so that its monotonic clock stood still, is all forgotten.

A date that is more than a minute off is another matter: it is not the service's (a cache's, a
portal's), or the clock behind it was never set.
Bounds that held both would span years of windows, so nothing is learnt from it; but it may as well
be the earlier ones that were wrong, so for an hour no window is to be relied on (`width`).

Until the first answer nothing is known, whatever the local clock says: see `Core`.
"""

from __future__ import annotations

import time
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Final

from tagodev.limits.snapshot import ClockState

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DRIFT", "FLEET_SLACK", "ServerClock", "suspended_time"]

#: How far apart the clocks of the service's machines may be, in seconds.
FLEET_SLACK: Final = 0.1
#: How fast two clocks may drift apart, in seconds a second: twice what a bad quartz does.
DRIFT: Final = 1e-4

_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
# A machine that slept for less can't have moved the clocks further apart than the slack.
_SLEPT: Final = 0.05
# A contradiction by more than this is no disagreement about the time, in seconds.
_ABSURD: Final = 60.0
# How long an absurd date casts doubt on what is known, in seconds.
_DOUBT: Final = 3600.0
# How often to look whether this machine has slept, in seconds: whoever is granted a turn sends
# within about that time, and may be put to sleep meanwhile.
_LOOK_EVERY: Final = 0.001
# Bounds of this age have not widened by anything that counts, in seconds.
_FRESH: Final = 0.5
# Bounds that move by less are as good as unmoved: nothing needs to be judged again.
_NOTEWORTHY: Final = 1e-3


def suspended_time() -> float:
    """Return how long this machine has slept since it started, in seconds, to compare with later.

    Where the system does not tell, the wall clock's lead over the monotonic one serves: it jumps
    by as much, and being set by hand costs no more than a needless new beginning.
    """
    if _BOOT is not None:
        return time.clock_gettime(_BOOT) - time.monotonic()
    return time.time() - time.monotonic()


class ServerClock:
    """Bounds of the service's time, from a monotonic time of ours."""

    def __init__(
        self,
        *,
        fleet_slack: float = FLEET_SLACK,
        suspended: Callable[[], float] = suspended_time,
    ) -> None:
        """Know nothing yet.

        Args:
            fleet_slack: how far apart the service's machines may be, in seconds; default 0.1.
            suspended: says how long this machine has slept so far, in seconds.
        """
        self._slack = fleet_slack
        self._suspended = suspended
        self._slept_before = suspended()
        self._looked_at = -inf
        self._low = 0.0
        self._high = 0.0
        self._as_of = 0.0
        self._doubted_until = -inf
        self.changes: int = 0
        """Grows with every answer."""
        self.known: bool = False
        """Whether anything is known."""
        self.version: int = 0
        """Grows whenever the bounds have moved noteworthily."""

    def earliest(self, now: float) -> float:
        """Return the earliest that the service's clock may show, in seconds of the epoch."""
        return now + self._low - self._slack - DRIFT * abs(now - self._as_of)

    def latest(self, now: float) -> float:
        """Return the latest that the service's clock may show, in seconds of the epoch."""
        return now + self._high + self._slack + DRIFT * abs(now - self._as_of)

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the earliest and the latest that the service's clock may show."""
        margin = self._slack + DRIFT * abs(now - self._as_of)
        return now + self._low - margin, now + self._high + margin

    def width(self, now: float) -> float:
        """Return how far the two bounds are apart, in seconds; endless while they are in doubt."""
        if now < self._doubted_until:
            return inf
        return self.latest(now) - self.earliest(now)

    def tells_windows(self, now: float, minute: float) -> bool:
        """Return whether windows of so many seconds can be told apart."""
        return self.known and self.width(now) < minute / 2

    def tells_most_in(self, now: float) -> float:
        """Return in how many seconds an answer tells most: its date then halves the bounds."""
        earliest, latest = self.bounds(now)
        middle = (earliest + latest) / 2
        return ceil(middle) - middle

    def observe(self, sent: float, received: float, date: float) -> bool:
        """Learn from an answer, and return whether there was anything to learn.

        Args:
            sent: the earliest the request can have left, on our clock.
            received: when its answer was here, on our clock.
            date: its ``Date`` header, in whole seconds of the epoch.
        """
        low, high = date - received, date + 1 - sent
        if self.known:
            # Most answers tell what is known: bounds a little older than they could be are sound.
            if low <= self._low and high >= self._high and received < self._as_of + _FRESH:
                return False
            self._combine(low, high, received)
            return True
        self.known = True
        self._set(low, high, received)
        self.version += 1
        return True

    def witness(self, sent: float, received: float, low: float, high: float) -> None:
        """Learn from an answer that told, otherwise than by its date, what time it was made.

        Args:
            sent: the earliest the request can have left, on our clock.
            received: when its answer was here, on our clock.
            low: the earliest that the service's clock can have shown when it answered.
            high: the latest that it can have shown.
        """
        if self.known:
            self._combine(low - received, high - sent, received)

    def _combine(self, low: float, high: float, received: float) -> None:
        aged = DRIFT * max(received - self._as_of, 0.0)
        old_low, old_high = self._low - aged, self._high + aged
        new_low, new_high = max(old_low, low), min(old_high, high)
        if new_low - new_high > _ABSURD:
            self._doubted_until = received + _DOUBT
            return
        if new_low > new_high:
            if new_low - new_high <= self._slack:
                new_low, new_high = new_high, new_low
            else:
                new_low, new_high = min(old_low, low), max(old_high, high)
        if abs(new_low - self._low) > _NOTEWORTHY or abs(new_high - self._high) > _NOTEWORTHY:
            self.version += 1
        self._set(new_low, new_high, max(received, self._as_of))

    def state(self, now: float, wall: float, minute: float) -> ClockState | None:
        """Return what is known, or None if that is nothing.

        Args:
            now: the time, on our clock.
            wall: this machine's wall clock at the same moment, in seconds of the epoch.
            minute: length of the service's windows, in seconds.
        """
        if not self.known:
            return None
        earliest, latest = self.bounds(now)
        boundary = (floor(latest / minute) + 1) * minute
        return ClockState(
            (earliest + latest) / 2 - wall, (latest - earliest) / 2, boundary - earliest
        )

    def look_for_sleep(self, now: float) -> bool:
        """Do what `forget_if_slept` does, unless that was looked up just now.

        Args:
            now: the time, on our clock.
        """
        if 0 <= now - self._looked_at < _LOOK_EVERY:
            return False
        self._looked_at = now
        return self.forget_if_slept()

    def forget_if_slept(self) -> bool:
        """Forget everything if this machine has slept meanwhile, and return whether it has."""
        slept = self._suspended()
        if abs(slept - self._slept_before) <= _SLEPT:
            return False
        self._slept_before = slept
        was_known, self.known = self.known, False
        self.version += 1
        return was_known

    def _set(self, low: float, high: float, as_of: float) -> None:
        self._low, self._high, self._as_of = low, high, as_of
        self.changes += 1
