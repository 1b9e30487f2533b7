"""Fixed windows: charges requests so that the service never counts more than the client.

The service counts a route's requests in windows that begin at each multiple of a minute of *its*
clock, and refuses request number L + 1 of a window.
The arrival time of a request and the service's clock are known within bounds only.
There are two forms of the same account, and a request is counted by both.

*By window*, while the clock's bounds distinguish windows. A request is charged to **every** window
in which the service may have counted it:

- from the window of the earliest possible arrival (when it was sent, at the earliest time that the
  service's clock may have shown),
- to the window of the latest possible arrival (when its answer arrived, at the latest time that the
  clock may have shown); while it is in flight there is no upper bound, and it is charged to all
  later windows.

*By age*, while the clock is unknown, disputed or not to be used (``pacing="steady"``). A request is
charged from when it is sent until a minute and the clocks' spread after it has ended.

Why no request is rejected
--------------------------
*By window.* Take any window w of the service and any request counted in it.
The request was sent by this client; its charge covers w from the moment of its permit, and is
removed from w only when it is certain that the request was counted elsewhere.
So the number of requests counted in w is at most the number charged to w.
A permit is issued only if, with it, no window in which the new request may be counted is charged
more than L. Later windows are charged with requests in flight only, which are also charged to the
current window.
Hence at most L are ever charged to w, and the service counts at most L.

*By age.* Take the request of w that got its permit last, at time g. It was counted at g or later.
Any other request of w was counted within a minute and the spread of that moment, so it ended at
most that long before g, and was charged at g. The permit was issued because at most L - 1 were.

*Between the two.* Both forms are kept all the time, or follow from each other: when the clock
becomes known, or turns out to have been wrong, the windows are computed again from the times at
which the requests of the last minute were sent and ended.

Assumptions
-----------
=============================================  ====================================================
assumption                                     if it fails
=============================================  ====================================================
No other client uses the profile.              Some requests are rejected, and `adaptive` learns
                                               our part.
L is the service's own limit.                  As above, in every window.
The clock's bounds hold: `Date` is fresh, from A window may open early: at most the requests in
the service, from the clock that counts.       flight then are rejected, for the next answer starts
                                               a dispute. See `clock`.
The machines' clocks agree within the fleet    Requests of a boundary may be rejected.
slack.
Clocks drift by at most `clock.DRIFT`.         As above, after a long pause.
The monotonic clock does not stop unnoticed.   A suspend of less than 50 ms shifts the bounds by as
                                               much; a longer one is noticed before the next permit.
A request is counted once, between sending     A late request takes the place of another one, which
and the arrival of its answer, or              is rejected.
`TRANSIT_MAX` after its connection ended
without one; no lower layer repeats it.
A route has one counter, and the counter one   The two together may use twice the limit. Clients
`Windows` in the process: tokens of one        with different tokens of one profile share a ledger
profile share it.                              only if it is passed to them.
Between permit and sending the process does    None for requests already charged: the charge begins
not pause for long.                            with the permit and ends with the answer. With a
                                               shared ledger see `ledger.leases`.
``cold_start="full"``: the requests of an      At most a window of them is rejected.
earlier program are over.
=============================================  ====================================================

Cost
----
A request that may lie on either side of a boundary is charged on both sides. When the clock's
bounds narrow, settled requests on a boundary are reassigned, which removes the surplus charge.
Narrower bounds require further requests, so the last request of a window is never issued to one
that may belong to the window before: it is kept for the first request that certainly falls into the
window, whose answer shows where the others were counted.
By age, a window is charged for up to a minute after its requests have ended: throughput is
L for a minute and the duration of a request.

A token bucket of L per minute does not guarantee this: it starts full and refills meanwhile, so up
to 2 L - 1 requests fall into one window.
"""

from __future__ import annotations

from collections import deque
from math import ceil, floor
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._limits.clock import DRIFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tagodev._limits.clock import ServerClock

__all__ = ["Charge", "Windows", "prior_charges", "windows_open"]

# Seconds since the epoch as a float have a resolution of a quarter of a microsecond; a wait for a
# boundary must end after it.
_TICK: Final = 1e-6
# Requests that have ended are logged in groups of this part of a window.
_GROUPS: Final = 64


@attrs.define(eq=False)
class Charge:
    """A request counted against the windows."""

    sent: float
    """The earliest time of sending, on the local clock."""
    first: int = 0
    """The first window in which the service may count it, while windows are distinguished."""
    ended: float = 0.0
    """The latest time of counting, on the local clock, once it has ended."""
    last: int = 0
    """The last window in which the service may have counted it, once it has ended."""
    count: int = 1
    """Number of requests: more than one where they are charged as a group."""


class Windows:
    """The charges of one route.

    Windows are numbered from the epoch: number n begins at ``n * minute`` of the service's clock.
    """

    def __init__(self, window_seconds: float, clock: ServerClock, *, aligned: bool = True) -> None:
        """Start without charges.

        Args:
            window_seconds: a window's length in seconds.
            clock: bounds of the service's time.
            aligned: whether to count by window as soon as the clock allows it.
        """
        self.window_seconds = window_seconds
        self.aligned: bool = aligned
        """Whether to count by window as soon as the clock allows it."""
        self._clock = clock
        self._in_flight: set[Charge] = set()
        # By age: requests that ended of late, in groups, and their number.
        self._log: deque[Charge] = deque()
        self._logged = 0
        self._span = window_seconds * (1 + DRIFT) + clock.slack
        self._group_seconds = window_seconds / _GROUPS
        # By window: valid while the clock's epoch is this one.
        self._epoch = -1
        self._settled: dict[int, int] = {}
        self._open: dict[int, int] = {}
        self._on_boundary: list[Charge] = []
        self._reassigned_at = 0
        # Requests that are not our own.
        self._prior: dict[int, int] = {}
        self._bounds_from = 0.0
        self._bounds_until = 0.0
        self._bounds_of = -1
        self._bounds = (0, 0)
        self._distinct = False
        self.exhausted: int = -1
        """The last window that the service has reported as full."""

    def realign(self, *, aligned: bool) -> None:
        """Change whether to count by window as soon as the clock allows it."""
        self.aligned = aligned
        self._bounds_of = -1

    # --- reading -------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Number of requests in flight."""
        return len(self._in_flight)

    def number(self, server_time: float) -> int:
        """Return the number of the window that a moment of the service's clock falls into."""
        return floor(server_time / self.window_seconds)

    def bounds(self, now: float) -> tuple[int, int]:
        """Return the first and the last window that may be the current one."""
        # Cached until one of both reaches a boundary or the clock's bounds change.
        if self._bounds_from <= now < self._bounds_until and self._clock.changes == self._bounds_of:
            return self._bounds
        return self._locate(now)

    def _locate(self, now: float) -> tuple[int, int]:
        earliest, latest = self._clock.bounds(now)
        first, last = floor(earliest / self.window_seconds), floor(latest / self.window_seconds)
        left = min(
            (first + 1) * self.window_seconds - earliest, (last + 1) * self.window_seconds - latest
        )
        # The bounds drift apart meanwhile, by much less than this.
        self._bounds_from, self._bounds_until = now, now + left * 0.99
        self._bounds_of = self._clock.changes
        self._bounds = first, last
        narrow = latest - earliest < self.window_seconds / 2
        self._distinct = narrow and self.aligned and self._clock.known
        if not self._distinct:
            self._epoch = -1
        return self._bounds

    def distinguishes(self, now: float) -> bool:
        """Return whether requests are counted by window now, and bring those up to date."""
        clock = self._clock
        if not self._bounds_from <= now < self._bounds_until or clock.changes != self._bounds_of:
            self._locate(now)
        if self._distinct and self._epoch != clock.epoch:
            self._compute(now)
        return self._distinct

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

    def recent(self, now: float) -> int:
        """Return how many requests are charged by age."""
        self._forget_until(now)
        recent = self._logged + len(self._in_flight)
        if self._prior and self._clock.known:
            first = self.number(self._clock.earliest(now - self._span))
            recent += sum(used for number, used in self._prior.items() if number >= first)
        return recent

    def charged(self, now: float) -> int:
        """Return how many requests are charged to the present: to the last window, or by age."""
        return self.used(self.bounds(now)[1]) if self.distinguishes(now) else self.recent(now)

    def wait(self, now: float, limit: int) -> float:
        """Return in how many seconds a request may go; 0 for now.

        Args:
            now: the time, for which `distinguishes` was asked last.
            limit: how many requests each window takes.
        """
        if self._distinct:
            first, last = self._bounds
            # Usually it is one window, and all requests in flight fit into it.
            charged = self._settled.get(first, 0) + len(self._in_flight)
            if first == last > self.exhausted and charged < limit:
                return 0.0
            blocked = self.blocked_until(now, limit)
            return 0.0 if blocked is None else max(self.opens_in(blocked, now), 0.0)
        return self._wait_by_age(now, limit)

    def _wait_by_age(self, now: float, limit: int) -> float:
        surplus = self.recent(now) - limit
        if surplus < 0:
            return 0.0
        for group in self._log:
            surplus -= group.count
            if surplus < 0:
                return group.ended + self._span - now + _TICK
        # Those in flight must end first, which is another occasion to ask.
        return self._span

    def blocked_until(self, now: float, limit: int) -> int | None:
        """Return the first window in which a request may go, or None if it may go now.

        Args:
            now: the time, at which windows are distinguished.
            limit: how many requests each window takes.
        """
        self.distinguishes(now)
        blocked = self._blocked_until(now, limit)
        if blocked is not None and self._reassign():
            blocked = self._blocked_until(now, limit)
        return blocked

    def refresh(self, now: float) -> None:
        """Reassign charges by the current clock bounds; `wait` does so when necessary."""
        if self.distinguishes(now):
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

    # --- charging ------------------------------------------------------------------------------

    def charge(self, now: float) -> Charge:
        """Charge a request sent now; `wait` must have returned 0."""
        charge = Charge(now)
        if self.distinguishes(now):
            charge.first = first = self._bounds[0]
            self._open[first] = self._open.get(first, 0) + 1
        self._in_flight.add(charge)
        return charge

    def settle(self, charge: Charge, ended: float) -> None:
        """End a charge: the service counted the request, if at all, before `ended`."""
        distinct = self._leave(charge, ended)
        charge.ended = ended
        self._remember(charge.sent, ended)
        if distinct:
            self._settle_in_windows(charge, self._bounds[1])

    def refund(self, charge: Charge) -> None:
        """Remove a charge: the request was certainly not sent."""
        self._leave(charge, charge.sent)

    def charge_prior(self, number: int, used: int) -> None:
        """Charge requests of another process to a window."""
        self._prior[number] = self._prior.get(number, 0) + used
        self._settled[number] = self._settled.get(number, 0) + used

    # --- internals -----------------------------------------------------------------------------

    def _leave(self, charge: Charge, now: float) -> bool:
        """Take a charge out of those in flight, and return whether windows are distinguished."""
        if charge not in self._in_flight:
            msg = "the request was settled before"
            raise RuntimeError(msg)
        distinct = self.distinguishes(now)
        self._in_flight.remove(charge)
        if distinct:
            left = self._open[charge.first] - 1
            if left:
                self._open[charge.first] = left
            else:
                del self._open[charge.first]
        return distinct

    def _remember(self, sent: float, ended: float) -> None:
        """Log a request by age, grouped with those that ended at about the same time."""
        self._logged += 1
        if self._log:
            group = self._log[-1]
            # One that ended before the last group is charged as long as that one.
            if ended // self._group_seconds <= group.ended // self._group_seconds:
                group.sent, group.ended = min(group.sent, sent), max(group.ended, ended)
                group.count += 1
                return
        self._log.append(Charge(sent, ended=ended))
        # It may end later than now, but was sent before.
        self._forget_until(sent)

    def _forget_until(self, now: float) -> None:
        """Remove groups that are no longer charged by age."""
        log = self._log
        while log and log[0].ended + self._span < now:
            self._logged -= log.popleft().count

    def _settle_in_windows(self, charge: Charge, last: int) -> None:
        first = charge.first
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

    def _compute(self, now: float) -> None:
        """Compute the windows' charges from the requests in flight and of the last minute."""
        self._epoch = self._clock.epoch
        self._settled = dict(self._prior)
        self._open.clear()
        self._on_boundary.clear()
        first, last = self.bounds(now)
        # One that is far away was computed from a wrong date.
        if not first - 1 <= self.exhausted <= last + 1:
            self.exhausted = -1
        for charge in self._in_flight:
            charge.first = self.bounds(charge.sent)[0]
            self._open[charge.first] = self._open.get(charge.first, 0) + 1
        for group in self._log:
            number = self.bounds(group.sent)[0]
            last = self.bounds(group.ended)[1]
            self._settle_in_windows(attrs.evolve(group, first=number), last)
        self.bounds(now)

    def _reassign(self) -> bool:
        """Remove charges of settled requests from windows that the current clock bounds exclude."""
        if not self._on_boundary or self._reassigned_at == self._clock.version:
            return False
        self._reassigned_at = self._clock.version
        undecided = []
        for charge in self._on_boundary:
            first = max(charge.first, self.bounds(charge.sent)[0])
            last = max(min(charge.last, self.bounds(charge.ended)[1]), first)
            for number in range(charge.first, charge.last + 1):
                if not first <= number <= last and number in self._settled:
                    self._settled[number] -= charge.count
            charge.first, charge.last = first, last
            if first < last:
                undecided.append(charge)
        self._on_boundary = undecided
        return True

    def _forget_before(self, number: int) -> None:
        for table in (self._settled, self._prior):
            for old in [key for key in table if key < number]:
                del table[old]
        self._on_boundary = [charge for charge in self._on_boundary if charge.last >= number]


def prior_charges(
    spent: Iterable[tuple[str, int, int]],
    open_requests: int,
    last: int | None,
    windows_open: int,
) -> Iterator[tuple[str, int, int]]:
    """Yield route, window and number of requests that an ended process may have used.

    Args:
        spent: route, window and number of permits in it, from its journal.
        open_requests: number of requests per route without a recorded end: they may have been
            counted in any window since.
        last: the last window in which they may be counted; None if unknown.
        windows_open: number of windows after its own in which a request may be counted.
    """
    last_of: dict[str, int] = {}
    for name, number, used in spent:
        yield name, number, used
        last_of[name] = max(number, last_of.get(name, number))
    if not open_requests or last is None:
        return
    for name, number in last_of.items():
        if last - number <= windows_open:
            for later in range(number + 1, last + 1):
                yield name, later, open_requests


def windows_open(longest: float, window_seconds: float) -> int:
    """Return how many further windows a request may be counted in.

    Args:
        longest: seconds from its permit until it can't be counted any more.
        window_seconds: length of a window, in seconds.
    """
    return max(ceil(longest / window_seconds), 1)
