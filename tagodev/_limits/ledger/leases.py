"""Leases: blocks of quota that a shared store lends to processes.

The service counts requests per profile, whichever process sends them.
So that several processes together never exceed a limit, each process issues permits only from
leases: blocks of a route's quota in one of the *service's* windows, from a store that they share.

Why no request is rejected
--------------------------
Each process charges a request to every window in which the service may count it (see
`tagodev._limits.window`).
It issues a permit only while its charges stay within what it *holds*, in each of these windows and
in each that it has reported to the store. It holds the permits leased to it, and the *carry*:
charges of its own from earlier windows that may fall into this one, as first reported to the store.
At most a fixed number of its charges, the *loose* ones, may fall into windows not reported yet:
requests in flight, and those whose answer was lost recently.

The store leases at most the limit less everything held.
For a process that has reported the window, that is what it holds in it.
For any other process it is what it held in the last window it reported, or its loose charges if
these are fewer: whatever may fall into the window was charged to that one too.
It expires after as many windows as a request may last.
So all processes together charge at most the limit to any window, and the service counts at most
what is charged.

A process that dies thus holds its leases of the current window, and its loose charges in the next
few.
A store that restarts empty has lost what is held: no process may lease before a window that
begins after everything held has expired.

Cost
----
One round trip to the store per block.
A block is a fraction of what is left of the window, so blocks are large at first and single permits
near the end: little is left unused, and unused permits are returned.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._limits.wait_queue import Priority

if TYPE_CHECKING:
    from tagodev._limits.window import Windows

__all__ = ["Lease", "LeaseBook", "LeaseRequest"]

#: Permits requested beyond the waiting bulk requests, since more rows follow.
_AHEAD: Final = 100_000
#: Maximum permits requested beyond the waiting interactive requests.
_INTERACTIVE_AHEAD: Final = 32
#: Permits are returned after this many seconds without a waiting request or one in flight.
_IDLE: Final = 0.1
#: Where no permit was left, the store is asked again after this part of a window, then at growing
#: intervals up to a maximum (factor, maximum), which are shorter for interactive requests.
_FIRST_RETRY: Final = 1 / 200
_LATER_RETRIES: Final = {Priority.INTERACTIVE: (2, 1 / 10), Priority.BULK: (3, 1 / 5)}


@attrs.frozen(kw_only=True)
class LeaseRequest:
    """A process's request to the store, for one route in one window."""

    route: str
    """Method and template."""
    number: int
    """Which window."""
    limit: int
    """Requests that the window accepts."""
    carry: int
    """Charges of earlier windows that may fall into this one; only the first report counts."""
    loose: int
    """Maximum charges that may fall into windows not reported yet."""
    want: int = 0
    """Permits requested, bulk and interactive."""
    urgent: int = 0
    """Permits of these for waiting interactive requests: the reserve does not apply."""
    back: int = 0
    """Permits returned."""
    interactive: int = 0
    """Interactive requests in this window since the last report."""
    reserve: int | None = None
    """Permits that bulk work leaves to interactive requests; None for their recent peak."""
    left: float = 0.0
    """Fraction of the window that is left, 0 to 1, by this process's estimate of the clock."""
    full: bool = False
    """Whether the service has reported the window as full."""


@attrs.frozen
class Lease:
    """Permits lent by the store, for one route in one window."""

    route: str
    """Method and template."""
    number: int
    """Which window."""
    permits: int
    """Permits leased, beside those already held."""
    full: bool = False
    """Whether any process has reported the window as full."""


class LeaseBook:
    """Leases of one process for one route; synchronous, with the time as an argument."""

    def __init__(
        self, windows: Windows, limit: int, *, reserve: int | None, carried: int, loose: int
    ) -> None:
        """Start without leases.

        Args:
            windows: the charges of the route.
            limit: requests the service accepts in one window.
            reserve: requests that bulk work leaves to interactive ones; None for their recent peak.
            carried: number of further windows that a charge may fall into.
            loose: maximum charges that may fall into windows not reported yet, at least 1.
        """
        self._windows = windows
        self._limit = limit
        self._reserve = reserve
        self._carried = carried
        self._loose = loose
        self._permits: dict[int, int] = {}
        self._carry: dict[int, int] = {}
        self._requested: dict[int, bool] = {}
        self._interactive: dict[int, int] = {}
        self._retries: dict[tuple[int, Priority], tuple[float, float]] = {}
        self._idle_since: float | None = None
        self._offline_after: int | None = None
        self._offline_permits = 0
        self.first_free = 0
        """The first window in which anything may be leased."""

    # --- granting ------------------------------------------------------------------------------

    def held(self, number: int) -> int:
        """Return how many charges this process may have in a window."""
        held = self._permits.get(number, 0) + self._carry.get(number, 0)
        if self._offline_after is not None and number > self._offline_after:
            held += self._offline_permits
        return held

    def wait(self, now: float, priority: Priority) -> float:
        """Return in how many seconds a request may go as far as leases go; 0 for now.

        Infinite if it depends on the store.

        Args:
            now: the time.
            priority: how urgent it is.
        """
        windows = self._windows
        first, last = windows.bounds(now)
        if first < self.first_free:
            return max(windows.opens_in(self.first_free, now), 0.0)
        # A reported window counts, even if the clock turns out not to have reached it.
        last = max(last, max(self._requested, default=last))
        wait = 0.0
        for number in range(first, last + 1):
            if windows.used(number) >= self.held(number):
                retry_at = self._retry_at(number, priority)
                if now >= retry_at:
                    return inf
                wait = max(wait, min(retry_at - now, windows.opens_in(number + 1, now)))
        if not wait and windows.used(last + 1) >= self._loose:
            return max(windows.opens_in(last + 1, now), 0.0)
        return wait

    def note_interactive(self, now: float) -> None:
        """Count an interactive request."""
        number = self._windows.bounds(now)[1]
        self._interactive[number] = self._interactive.get(number, 0) + 1

    # --- requests to the store -----------------------------------------------------------------

    def requests(self, route: str, now: float, bulk: int, interactive: int) -> list[LeaseRequest]:
        """Return what to request from the store now, if anything.

        Args:
            route: its name.
            now: the time.
            bulk: number of waiting bulk requests.
            interactive: number of waiting interactive requests.
        """
        first, last = self._windows.bounds(now)
        self._forget_before(first - self._carried)
        # A request in flight may be followed by another one.
        if bulk or interactive or self._windows.in_flight:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        last = max(last, max(self._requested, default=last))
        found = []
        for number in range(max(first, self.first_free), last + 1):
            request = self._request(route, number, now, bulk, interactive)
            if request is not None:
                found.append(request)
        return found

    @property
    def needs_polling(self) -> bool:
        """Whether time alone may require a request to the store: something is held, or was."""
        return bool(self._requested) and self._owes(max(self._requested) + 1)

    def _request(
        self, route: str, number: int, now: float, bulk: int, interactive: int
    ) -> LeaseRequest | None:
        used = self._windows.used(number)
        missing = max(self.held(number) - used, 0)
        fresh = self._interactive.get(number, 0)
        want = urgent = back = 0
        if interactive > missing and now >= self._retry_at(number, Priority.INTERACTIVE):
            want = urgent = interactive - missing + min(fresh, _INTERACTIVE_AHEAD)
        # Waiting requests without a permit, and bulk requests to come.
        if (
            bulk
            and missing <= interactive + bulk // 2
            and now >= self._retry_at(number, Priority.BULK)
        ):
            want = _AHEAD
        idle = self._idle_since is not None and now - self._idle_since >= _IDLE
        if idle:
            back = min(missing, self._permits.get(number, 0))
        full = number <= self._windows.exhausted
        newly_full = full and not self._requested.get(number, False)
        if not (want or back or newly_full or (idle and fresh) or self._owes(number)):
            return None
        self._interactive.pop(number, None)
        return LeaseRequest(
            route=route,
            number=number,
            limit=self._limit,
            carry=self._carry.get(number, used),
            loose=self._loose,
            want=want,
            urgent=urgent,
            back=back,
            interactive=fresh,
            reserve=self._reserve,
            left=min(
                max(self._windows.opens_in(number + 1, now) / self._windows.window_seconds, 0.0),
                1.0,
            ),
            full=full,
        )

    def _owes(self, number: int) -> bool:
        """Return whether to report the charges of earlier windows that may fall into this one.

        Until then the store assumes the maximum.
        """
        if number in self._carry:
            return False
        if self._windows.used(number):
            return True
        before = [old for old in self._requested if number - self._carried <= old < number]
        latest = max(before, default=None)
        return latest is not None and (latest not in self._carry or self.held(latest) > 0)

    def last_requests(self, route: str, now: float) -> list[LeaseRequest]:
        """Return the final reports and returns after the last request.

        Args:
            route: its name.
            now: the time.
        """
        first, last = self._windows.bounds(now)
        last = max(last, max(self._requested, default=last))
        found = []
        for number in range(max(first, self.first_free), last + self._carried + 1):
            used = self._windows.used(number)
            back = min(max(self.held(number) - used, 0), self._permits.get(number, 0))
            reported = number in self._carry
            if reported and not back:
                continue
            request = LeaseRequest(
                route=route,
                number=number,
                limit=self._limit,
                carry=self._carry[number] if reported else used,
                loose=self._loose,
                back=back,
                interactive=self._interactive.pop(number, 0),
            )
            found.append(request)
            if number > last and not used:
                break
        # Without earlier reports there is nothing to report, unless requests were sent.
        return found if self._requested or any(request.carry for request in found) else []

    # --- replies of the store ------------------------------------------------------------------

    def sent(self, request: LeaseRequest) -> None:
        """Record that a request is sent to the store: permits it returns are not used any more."""
        if request.back:
            self._permits[request.number] -= request.back
        self._requested.setdefault(request.number, False)

    def failed(self, request: LeaseRequest) -> None:
        """Record that a request may not have reached the store: returned permits stay unused."""
        if request.interactive:
            known = self._interactive.get(request.number, 0)
            self._interactive[request.number] = known + request.interactive

    def receive(self, request: LeaseRequest, lease: Lease, now: float) -> None:
        """Apply a lease.

        Args:
            request: the request to the store.
            lease: the reply.
            now: the time.
        """
        number = request.number
        self._carry.setdefault(number, request.carry)
        self._requested[number] = self._requested.get(number, False) or request.full
        self._permits[number] = self._permits.get(number, 0) + lease.permits
        if lease.full and number > self._windows.exhausted:
            self._windows.exhausted = number
        # The reserve applies to bulk work only.
        for priority in (
            (Priority.INTERACTIVE, Priority.BULK) if request.urgent else (Priority.BULK,)
        ):
            if lease.permits:
                self._retries.pop((number, priority), None)
            elif request.want:
                self._postpone_retry(number, priority, now)

    def _postpone_retry(self, number: int, priority: Priority, now: float) -> None:
        """Postpone the next request: other processes may return permits before the window ends."""
        window_seconds = self._windows.window_seconds
        _, waited = self._retries.get((number, priority), (0.0, 0.0))
        times, most = _LATER_RETRIES[priority]
        wait = min(max(times * waited, _FIRST_RETRY * window_seconds), most * window_seconds)
        self._retries[number, priority] = now + wait, wait

    def _retry_at(self, number: int, priority: Priority) -> float:
        """Return when to ask the store again for permits of a window that had none left."""
        return self._retries.get((number, priority), (0.0, 0.0))[0]

    def start_offline(self, now: float, permits: int) -> None:
        """Record that the store is not available, and the permits per later window without it."""
        if self._offline_after is None:
            self._offline_after = self._windows.bounds(now)[1]
            self._offline_permits = permits

    def end_offline(self) -> None:
        """Record that the store is available again."""
        self._offline_after = None

    def forget(self) -> None:
        """Drop all leases, since the store has lost its data."""
        for table in (self._permits, self._carry, self._requested):
            table.clear()
        self._retries.clear()

    def _forget_before(self, number: int) -> None:
        for table in (self._permits, self._carry, self._requested, self._interactive):
            for old in [key for key in table if key < number]:
                del table[old]
        for old_key in [key for key in self._retries if key[0] < number]:
            del self._retries[old_key]
