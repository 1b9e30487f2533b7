"""Fixed windows, counted so that the service never counts more than we do.

The service counts a route's requests in windows that begin at each multiple of a minute of *its*
clock, and refuses the request that would be number L + 1 in one of them.
We know neither when a request will arrive there nor what that clock shows: only bounds of both.
So a request is charged to **every** window in which the service may have counted it:

- from the window of the earliest moment at which it can have arrived (its departure, as early as
  the service's clock can have been then),
- to the window of the latest moment at which it can have been counted (its answer's arrival, as
  late as that clock can have been then); while it is in flight there is no such moment, and it is
  charged to all windows to come.

Why that can't be rejected
--------------------------
Take any window w of the service and any request that it counts there.
We sent that request; its charge covers w from the moment of its grant, and is taken off w only
when it is proved to lie elsewhere.
So the requests counted in w are at most those charged to w.
A grant is given only if, with it, no window in which the new request may fall is charged more than
L; windows further ahead are charged with requests in flight alone, which are among those charged
to the present window.
Hence at most L are ever charged to w, and the service counts at most L.

It rests on this: nobody else uses the profile, L is the service's own, the clock's bounds hold
(the service's machines agree within the fleet slack), a request is counted once, between its
departure and the arrival of its answer (or `TRANSIT_MAX` after its connection ended without one),
and nothing below us sends it again.

What it costs
-------------
Only what is not known: a request that may lie on either side of a boundary takes a place on both.
That is given back as soon as more is known: when the clock's bounds narrow, settled requests on a
boundary are judged again.
To learn more one must ask, so a window is never filled to the last place by requests that may
belong to the one before it: the last place is kept for the first request that surely falls into
it, whose answer tells where the others were.

The alternative, a token bucket of L a minute, gives no such promise: it starts full and refills
meanwhile, so that up to 2 L - 1 requests fall into one window.
"""

from __future__ import annotations

from collections import deque
from math import floor
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from tagodev.limits.clock import ServerClock

__all__ = ["Charge", "Windows"]

# Seconds of the epoch as a float resolve a quarter of a microsecond; whoever waits for a boundary
# must come out behind it.
_TICK: Final = 1e-6


@attrs.define(eq=False)
class Charge:
    """A request's place in the windows, from its grant until nobody asks any more."""

    sent: float
    """The earliest it can have left, on our clock."""
    first: int
    """The first window in which the service may count it."""
    ended: float | None = None
    """The latest it can have been counted, on our clock; None while it is in flight."""
    last: int = 0
    """The last window in which the service may have counted it, once it has ended."""
    count: int = 1
    """How many requests it stands for: more than one where they can't be told apart."""


class Windows:
    """The charges of one route.

    Windows are numbered from the epoch: number n begins at ``n * minute`` of the service's clock.
    """

    def __init__(self, minute: float, clock: ServerClock) -> None:
        """Begin with nothing charged.

        Args:
            minute: a window's length in seconds.
            clock: bounds of the service's time.
        """
        self.minute = minute
        self._clock = clock
        self._settled: dict[int, int] = {}
        self._open: dict[int, int] = {}
        # Requests that went while the clock was unknown: on their way, and ended.
        self._unplaced: set[Charge] = set()
        self._unplaced_ended: deque[Charge] = deque()
        self._on_boundary: list[Charge] = []
        self._judged_at = 0
        self._bounds_from = 0.0
        self._bounds_until = 0.0
        self._bounds_of = -1
        self._bounds = (0, 0)
        self.in_flight: int = 0
        """How many requests are on their way."""
        self.exhausted = -1
        """The last window that the service itself has said to be full."""

    # --- where we are --------------------------------------------------------------------------

    def number(self, server_time: float) -> int:
        """Return the number of the window that a moment of the service's clock falls in."""
        return floor(server_time / self.minute)

    def bounds(self, now: float) -> tuple[int, int]:
        """Return the first and the last window that it may be now."""
        # Until one of both comes to a boundary, or the clock has learnt, the answer is the same.
        if self._bounds_from <= now < self._bounds_until and self._clock.changes == self._bounds_of:
            return self._bounds
        earliest, latest = self._clock.bounds(now)
        first, last = floor(earliest / self.minute), floor(latest / self.minute)
        left = min((first + 1) * self.minute - earliest, (last + 1) * self.minute - latest)
        # The bounds drift apart meanwhile, by much less than this.
        self._bounds_from, self._bounds_until = now, now + left * 0.99
        self._bounds_of = self._clock.changes
        self._bounds = first, last
        return self._bounds

    def opens_in(self, number: int, now: float) -> float:
        """Return in how many seconds a window is sure to have begun."""
        return number * self.minute - self._clock.earliest(now) + _TICK

    def used(self, number: int) -> int:
        """Return how many requests are charged to a window."""
        used = self._settled.get(number, 0)
        for first, count in self._open.items():
            if first <= number:
                used += count
        return used

    def blocked_until(self, now: float, limit: int) -> int | None:
        """Return the first window in which a request may go, or None if it may go now.

        Args:
            now: the time.
            limit: how many requests each window takes.
        """
        if self._unplaced or self._unplaced_ended:
            self._place()
        first, last = self.bounds(now)
        # As a rule it is one window, with room for all that are on their way.
        placed = self._settled.get(first, 0) + self.in_flight
        if first == last > self.exhausted and placed < limit:
            return None
        blocked = self._blocked_until(now, limit)
        if blocked is not None and self._judge_again():
            blocked = self._blocked_until(now, limit)
        return blocked

    def bring_up_to_date(self) -> None:
        """Charge by what is known of the clock by now; `blocked_until` does so where it matters."""
        self._place()
        self._judge_again()

    def _blocked_until(self, now: float, limit: int) -> int | None:
        first, last = self.bounds(now)
        if first <= self.exhausted:
            return self.exhausted + 1
        for number in range(last, first, -1):
            used = self.used(number)
            if used >= limit:
                return number + 1
            # The last place is for a request that is surely of this window.
            if used == limit - 1 > 0:
                return number
        return first + 1 if self.used(first) >= limit else None

    def unplaced(self, now: float) -> int:
        """Return how many requests went, while the clock was unknown, within the last minute."""
        batches = self._unplaced_ended
        while batches and _end_of(batches[0]) + self.minute < now:
            batches.popleft()
        return len(self._unplaced) + sum(batch.count for batch in batches)

    # --- charging ------------------------------------------------------------------------------

    def charge(self, now: float) -> Charge:
        """Charge a request that leaves now; `blocked_until` must have said that it may."""
        charge = Charge(now, 0)
        self.in_flight += 1
        if self._clock.known:
            charge.first = self.bounds(now)[0]
            self._open[charge.first] = self._open.get(charge.first, 0) + 1
        else:
            self._unplaced.add(charge)
        return charge

    def settle(self, charge: Charge, ended: float) -> None:
        """End a charge: the service counted the request, if at all, before `ended`."""
        self._leave(charge)
        charge.ended = ended
        if self._clock.known:
            self._settle_placed(charge, ended)
        else:
            self._remember_unplaced(charge.sent, ended)

    def refund(self, charge: Charge) -> None:
        """Take a charge back: the request provably never left."""
        self._leave(charge)

    def presume(self, number: int, used: int) -> None:
        """Take a window as partly used by what we can't know of."""
        self._settled[number] = self._settled.get(number, 0) + used

    # --- inside --------------------------------------------------------------------------------

    def _leave(self, charge: Charge) -> None:
        if charge.ended is not None:
            msg = "this request was settled before"
            raise RuntimeError(msg)
        self.in_flight -= 1
        if self._unplaced and charge in self._unplaced:
            self._unplaced.discard(charge)
            if self._clock.known:
                charge.first = self.bounds(charge.sent)[0]
            return
        left = self._open[charge.first] - 1
        if left:
            self._open[charge.first] = left
        else:
            del self._open[charge.first]

    def _settle_placed(self, charge: Charge, ended: float) -> None:
        first, last = charge.first, self.bounds(ended)[1]
        if last <= first:
            charge.last = first
            self._settled[first] = self._settled.get(first, 0) + charge.count
        else:
            charge.last = last
            for number in range(first, last + 1):
                self._settled[number] = self._settled.get(number, 0) + charge.count
            self._on_boundary.append(charge)
        if len(self._settled) > 8:
            self._forget_before(charge.first - 1)

    def _remember_unplaced(self, sent: float, ended: float) -> None:
        """Keep a request that can't be placed, together with those of the same second."""
        batches = self._unplaced_ended
        if batches and floor(_end_of(batches[-1])) == floor(ended):
            batch = batches[-1]
            batch.sent, batch.ended = min(batch.sent, sent), max(_end_of(batch), ended)
            batch.count += 1
        else:
            batches.append(Charge(sent, 0, ended=ended))
        while _end_of(batches[0]) + self.minute < ended:
            batches.popleft()

    def _place(self) -> None:
        """Find the windows of requests that were sent before anything was known of the clock."""
        if not self._clock.known:
            return
        for charge in self._unplaced:
            charge.first = self.bounds(charge.sent)[0]
            self._open[charge.first] = self._open.get(charge.first, 0) + 1
        for batch in self._unplaced_ended:
            batch.first = self.bounds(batch.sent)[0]
            self._settle_placed(batch, _end_of(batch))
        self._unplaced.clear()
        self._unplaced_ended.clear()

    def _judge_again(self) -> bool:
        """Take settled requests off windows in which, as is known by now, they can't have been."""
        if not self._on_boundary or self._judged_at == self._clock.version:
            return False
        self._judged_at = self._clock.version
        undecided = []
        for charge in self._on_boundary:
            first = max(charge.first, self.bounds(charge.sent)[0])
            last = max(min(charge.last, self.bounds(_end_of(charge))[1]), first)
            for number in range(charge.first, charge.last + 1):
                if not first <= number <= last and number in self._settled:
                    self._settled[number] -= charge.count
            charge.first, charge.last = first, last
            if first < last:
                undecided.append(charge)
        self._on_boundary = undecided
        return True

    def _forget_before(self, number: int) -> None:
        for old in [key for key in self._settled if key < number]:
            del self._settled[old]
        self._on_boundary = [charge for charge in self._on_boundary if charge.last >= number]


def _end_of(charge: Charge) -> float:
    assert charge.ended is not None, "only what has ended is asked for its end"
    return charge.ended
