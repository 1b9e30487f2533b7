"""Fixed windows: charges requests so that the service never counts more than the client.

The service counts a route's requests in windows that begin at each multiple of a minute of *its*
clock, and refuses request number L + 1 of a window.
The arrival time of a request and the service's clock are known within bounds only.
So a request is charged to **every** window in which the service may have counted it:

- from the window of the earliest possible arrival (when it was sent, at the earliest time that the
  service's clock may have shown),
- to the window of the latest possible arrival (when its answer arrived, at the latest time that the
  clock may have shown); while it is in flight there is no upper bound, and it is charged to all
  later windows.

Why no request is rejected
--------------------------
Take any window w of the service and any request counted in it.
The request was sent by this client; its charge covers w from the moment of its permit, and is
removed from w only when it is certain that the request was counted elsewhere.
So the number of requests counted in w is at most the number charged to w.
A permit is issued only if, with it, no window in which the new request may be counted is charged
more than L. Later windows are charged with requests in flight only, which are also charged to the
current window.
Hence at most L are ever charged to w, and the service counts at most L.

Assumptions: no other client uses the profile, L is the service's own limit, the clock's bounds hold
(the service's machines agree within the fleet slack), a request is counted once, between
sending and the arrival of its answer (or `TRANSIT_MAX` after its connection ended without one),
and no lower layer repeats it.

Cost
----
A request that may lie on either side of a boundary is charged on both sides. When the clock's
bounds narrow, settled requests on a boundary are reassigned, which removes the surplus charge.
Narrower bounds require further requests, so the last request of a window is never issued to one
that may belong to the window before: it is kept for the first request that certainly falls into the
window, whose answer shows where the others were counted.

A token bucket of L per minute does not guarantee this: it starts full and refills meanwhile, so up
to 2 L - 1 requests fall into one window.
"""

from __future__ import annotations

from collections import deque
from math import floor
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from tagodev._limits.clock import ServerClock

__all__ = ["Charge", "Windows"]

# Seconds since the epoch as a float have a resolution of a quarter of a microsecond; a wait for a
# boundary must end after it.
_TICK: Final = 1e-6


@attrs.define(eq=False)
class Charge:
    """A request counted against the windows."""

    sent: float
    """The earliest time of sending, on the local clock."""
    first: int
    """The first window in which the service may count it."""
    ended: float | None = None
    """The latest time of counting, on the local clock; None while it is in flight."""
    last: int = 0
    """The last window in which the service may have counted it, once it has ended."""
    count: int = 1
    """Number of requests: more than one where they are charged as a group."""


class Windows:
    """The charges of one route.

    Windows are numbered from the epoch: number n begins at ``n * minute`` of the service's clock.
    """

    def __init__(self, window_seconds: float, clock: ServerClock) -> None:
        """Start without charges.

        Args:
            window_seconds: a window's length in seconds.
            clock: bounds of the service's time.
        """
        self.window_seconds = window_seconds
        self._clock = clock
        self._settled: dict[int, int] = {}
        self._open: dict[int, int] = {}
        # Requests sent while the clock was unknown: in flight, and ended.
        self._unassigned: set[Charge] = set()
        self._unassigned_ended: deque[Charge] = deque()
        self._on_boundary: list[Charge] = []
        self._reassigned_at = 0
        self._bounds_from = 0.0
        self._bounds_until = 0.0
        self._bounds_of = -1
        self._bounds = (0, 0)
        self.in_flight: int = 0
        """Number of requests in flight."""
        self.exhausted = -1
        """The last window that the service has reported as full."""

    # --- reading -------------------------------------------------------------------------------

    def number(self, server_time: float) -> int:
        """Return the number of the window that a moment of the service's clock falls into."""
        return floor(server_time / self.window_seconds)

    def bounds(self, now: float) -> tuple[int, int]:
        """Return the first and the last window that may be the current one."""
        # Cached until one of both reaches a boundary or the clock's bounds change.
        if self._bounds_from <= now < self._bounds_until and self._clock.changes == self._bounds_of:
            return self._bounds
        earliest, latest = self._clock.bounds(now)
        first, last = floor(earliest / self.window_seconds), floor(latest / self.window_seconds)
        left = min(
            (first + 1) * self.window_seconds - earliest, (last + 1) * self.window_seconds - latest
        )
        # The bounds drift apart meanwhile, by much less than this.
        self._bounds_from, self._bounds_until = now, now + left * 0.99
        self._bounds_of = self._clock.changes
        self._bounds = first, last
        return self._bounds

    def opens_in(self, number: int, now: float) -> float:
        """Return in how many seconds a window has certainly begun."""
        return number * self.window_seconds - self._clock.earliest(now) + _TICK

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
        if self._unassigned or self._unassigned_ended:
            self._assign()
        first, last = self.bounds(now)
        # Usually it is one window, and all requests in flight fit into it.
        charged = self._settled.get(first, 0) + self.in_flight
        if first == last > self.exhausted and charged < limit:
            return None
        blocked = self._blocked_until(now, limit)
        if blocked is not None and self._reassign():
            blocked = self._blocked_until(now, limit)
        return blocked

    def refresh(self) -> None:
        """Reassign charges by the current clock bounds; `blocked_until` does so when necessary."""
        self._assign()
        self._reassign()

    def _blocked_until(self, now: float, limit: int) -> int | None:
        first, last = self.bounds(now)
        if first <= self.exhausted:
            return self.exhausted + 1
        for number in range(last, first, -1):
            used = self.used(number)
            if used >= limit:
                return number + 1
            # The last request must certainly belong to this window.
            if used == limit - 1 > 0:
                return number
        return first + 1 if self.used(first) >= limit else None

    def unassigned(self, now: float) -> int:
        """Return how many requests were sent recently without a known clock."""
        batches = self._unassigned_ended
        while batches and _end_of(batches[0]) + self.window_seconds < now:
            batches.popleft()
        return len(self._unassigned) + sum(batch.count for batch in batches)

    # --- charging ------------------------------------------------------------------------------

    def charge(self, now: float) -> Charge:
        """Charge a request sent now; `blocked_until` must have returned None."""
        charge = Charge(now, 0)
        self.in_flight += 1
        if self._clock.known:
            charge.first = self.bounds(now)[0]
            self._open[charge.first] = self._open.get(charge.first, 0) + 1
        else:
            self._unassigned.add(charge)
        return charge

    def settle(self, charge: Charge, ended: float) -> None:
        """End a charge: the service counted the request, if at all, before `ended`."""
        self._leave(charge)
        charge.ended = ended
        if self._clock.known:
            self._settle_assigned(charge, ended)
        else:
            self._remember_unassigned(charge.sent, ended)

    def refund(self, charge: Charge) -> None:
        """Remove a charge: the request was certainly not sent."""
        self._leave(charge)

    def charge_prior(self, number: int, used: int) -> None:
        """Charge requests of another process to a window."""
        self._settled[number] = self._settled.get(number, 0) + used

    # --- internals -----------------------------------------------------------------------------

    def _leave(self, charge: Charge) -> None:
        if charge.ended is not None:
            msg = "the request was settled before"
            raise RuntimeError(msg)
        self.in_flight -= 1
        if self._unassigned and charge in self._unassigned:
            self._unassigned.discard(charge)
            if self._clock.known:
                charge.first = self.bounds(charge.sent)[0]
            return
        left = self._open[charge.first] - 1
        if left:
            self._open[charge.first] = left
        else:
            del self._open[charge.first]

    def _settle_assigned(self, charge: Charge, ended: float) -> None:
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

    def _remember_unassigned(self, sent: float, ended: float) -> None:
        """Store a request without a window, grouped with those of the same second."""
        batches = self._unassigned_ended
        if batches and floor(_end_of(batches[-1])) == floor(ended):
            batch = batches[-1]
            batch.sent, batch.ended = min(batch.sent, sent), max(_end_of(batch), ended)
            batch.count += 1
        else:
            batches.append(Charge(sent, 0, ended=ended))
        while _end_of(batches[0]) + self.window_seconds < ended:
            batches.popleft()

    def _assign(self) -> None:
        """Assign windows to requests that were sent before the clock was known."""
        if not self._clock.known:
            return
        for charge in self._unassigned:
            charge.first = self.bounds(charge.sent)[0]
            self._open[charge.first] = self._open.get(charge.first, 0) + 1
        for batch in self._unassigned_ended:
            batch.first = self.bounds(batch.sent)[0]
            self._settle_assigned(batch, _end_of(batch))
        self._unassigned.clear()
        self._unassigned_ended.clear()

    def _reassign(self) -> bool:
        """Remove charges of settled requests from windows that the current clock bounds exclude."""
        if not self._on_boundary or self._reassigned_at == self._clock.version:
            return False
        self._reassigned_at = self._clock.version
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
    assert charge.ended is not None, "the request has ended"
    return charge.ended
