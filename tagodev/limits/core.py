"""The scheduler's core: synchronous, with the time as an argument.

A request asks for a grant; the core gives it in one step when everything that it needs is free at
the same moment: room in the windows, an open gate, capacity for pacing, a connection slot.
Nothing is held while something else is waited for, so nothing can be leaked or starved by a waiter
that gives up.

First come, first served: a newcomer takes a free grant only where nobody waits for the same route,
and where slots are short the route whose head has waited longest goes first.
A request that met a 429 comes back with the ticket that it had, and so keeps its place.

The core knows nothing of tasks, loops or sleeping.
`tagodev.limits.scheduler` wraps it for asyncio; tests drive it with a clock of their own.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.limits.bucket import Bucket, Permit, Waiter
from tagodev.limits.window import Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.hard_limits import HardLimits
    from tagodev.limits.clock import BoundedClock
    from tagodev.limits.pacing import Pacer
    from tagodev.limits.routes import Route

__all__ = ["TRANSIT_MAX", "BucketState", "Core"]

#: How long after its connection ended a request may still reach the service's counter, in seconds.
TRANSIT_MAX: Final = 5.0

#: After so many windows in which nothing at all was accepted, waiting is given up.
_BARREN_WINDOWS: Final = 3


@attrs.frozen(kw_only=True)
class BucketState:
    """What is known of one route, at one moment."""

    route: str
    """Method and template."""
    limit: int
    """Requests the service accepts in one window."""
    used: int
    """Requests charged to the present window."""
    free: int
    """Requests that may still go in the present window."""
    in_flight: int
    """Requests on their way."""
    waiting: int
    """Requests that wait for their grant."""
    next_window_in: float
    """Seconds until the next window is sure to have begun."""
    rejected: int
    """429s met so far."""


class Core:
    """Decides which request may go, and when the next decision is due."""

    def __init__(
        self,
        limits: HardLimits,
        clock: BoundedClock,
        *,
        slots: int,
        make_pacer: Callable[[int], Pacer],
    ) -> None:
        """Make a core in which nothing was used yet.

        Args:
            limits: what the service accepts.
            clock: bounds of the service's time.
            slots: connections, that is requests in flight at once, over all routes.
            make_pacer: makes the pacer of a route from its limit.
        """
        self.limits = limits
        self._clock = clock
        self._free_slots = slots
        self._make_pacer = make_pacer
        self._buckets: dict[str, Bucket] = {}
        self._waiting: dict[str, Bucket] = {}
        self._last_ticket = 0

    # --- asking ------------------------------------------------------------------------------

    def try_grant(self, route: Route, now: float) -> Permit | None:
        """Return a permit if one is free now and nobody waits for this route."""
        if self._free_slots <= 0 or route.name in self._waiting:
            return None
        bucket = self._bucket(route)
        if bucket.wait(now, self._clock) > 0:
            return None
        return self._grant(bucket, self._new_ticket(), now)

    def join(
        self, route: Route, deliver: Callable[[Permit], None], ticket: int | None = None
    ) -> Waiter:
        """Put a request in the line of its route.

        Args:
            route: what it asks for.
            deliver: called once with the permit, from within `dispatch`.
            ticket: that of an earlier permit of the same request, so that it keeps its place.
        """
        waiter = Waiter(self._new_ticket() if ticket is None else ticket, deliver)
        bucket = self._bucket(route)
        bucket.join(waiter)
        self._waiting[route.name] = bucket
        return waiter

    def withdraw(self, route: Route, waiter: Waiter) -> None:
        """Take a request that was not granted out of its line."""
        bucket = self._bucket(route)
        bucket.leave(waiter)
        if bucket.head() is None:
            self._waiting.pop(route.name, None)

    # --- deciding ----------------------------------------------------------------------------

    def dispatch(self, now: float) -> float | None:
        """Give out every grant that is free now.

        Returns:
            When the next one may be, on the scheduler's clock, or None if that depends on a
            request being settled or on nobody.
        """
        next_wake: float | None = None
        waits = {name: bucket.wait(now, self._clock) for name, bucket in self._waiting.items()}
        while self._free_slots > 0:
            ready = [self._waiting[name] for name, wait in waits.items() if wait <= 0]
            if not ready:
                break
            bucket = min(ready, key=_head_ticket)
            waiter = bucket.pop()
            waiter.deliver(self._grant(bucket, waiter.ticket, now))
            if bucket.head() is None:
                del self._waiting[bucket.route.name], waits[bucket.route.name]
            else:
                waits[bucket.route.name] = bucket.wait(now, self._clock)
        for wait in waits.values():
            if wait > 0 and (next_wake is None or now + wait < next_wake):
                next_wake = now + wait
        return next_wake

    # --- settling ----------------------------------------------------------------------------

    def settle(self, permit: Permit, now: float) -> None:
        """End a permit whose request was answered by now."""
        permit.bucket.windows.settle(permit.charge, self._clock.latest(now))
        permit.bucket.accepted_since_closed = True
        self._free_slots += 1

    def lose(self, permit: Permit, now: float) -> None:
        """End a permit whose request left and was not answered: it may still arrive for a while."""
        permit.bucket.windows.settle(permit.charge, self._clock.latest(now + TRANSIT_MAX))
        self._free_slots += 1

    def refund(self, permit: Permit) -> None:
        """End a permit whose request provably never left."""
        permit.bucket.windows.refund(permit.charge)
        self._free_slots += 1

    def throttle(self, permit: Permit, now: float, retry_after: float | None) -> bool:
        """End a permit whose request was refused with a 429, and close its route.

        The gate closes until the boundary of the window that was full.
        That window is found from when the request can have been counted, and from the service's
        own word where it gave one, so that a late 429 of an old window does not close a new one.

        Args:
            permit: the request's permit.
            now: when the answer came.
            retry_after: seconds to the boundary as the service said, to the second; None if it
                did not say.

        Returns:
            Whether waiting on is hopeless: nothing was accepted for three windows.
        """
        bucket = permit.bucket
        bucket.windows.settle(permit.charge, self._clock.latest(now))
        self._free_slots += 1
        bucket.rejected += 1
        until = self._end_of_full_window(bucket, permit.sent_at, now, retry_after)
        if until > now:
            bucket.close_gate(until)
        return bucket.barren_windows >= _BARREN_WINDOWS

    def _end_of_full_window(
        self, bucket: Bucket, sent_at: float, now: float, retry_after: float | None
    ) -> float:
        windows = bucket.windows
        earliest = self._clock.earliest(sent_at)
        if not retry_after or retry_after < 0:
            boundary = windows.start(windows.number(earliest) + 1)
        else:
            # The service rounds to whole seconds, either way.
            boundary = ceil((earliest + retry_after - 1) / windows.minute) * windows.minute
            if boundary > self._clock.latest(now) + retry_after + 1:
                return now + retry_after
        return now + boundary - self._clock.earliest(now)

    # --- seeing ------------------------------------------------------------------------------

    def snapshot(self, now: float) -> tuple[BucketState, ...]:
        """Return what is known of every route that was used so far."""
        earliest, latest = self._clock.earliest(now), self._clock.latest(now)
        states = []
        for name, bucket in self._buckets.items():
            windows = bucket.windows
            number = windows.number(latest)
            used = windows.used(number)
            shut = now < bucket.closed_until
            states.append(
                BucketState(
                    route=name,
                    limit=windows.limit,
                    used=used,
                    free=0 if shut else max(windows.limit - used, 0),
                    in_flight=windows.in_flight(),
                    waiting=bucket.waiting(),
                    next_window_in=windows.start(number + 1) - earliest,
                    rejected=bucket.rejected,
                )
            )
        return tuple(states)

    # --- inside ------------------------------------------------------------------------------

    def _bucket(self, route: Route) -> Bucket:
        bucket = self._buckets.get(route.name)
        if bucket is None:
            limit = self.limits.limit(route.name)
            bucket = Bucket(route, Windows(limit, self.limits.minute), self._make_pacer(limit))
            self._buckets[route.name] = bucket
        return bucket

    def _grant(self, bucket: Bucket, ticket: int, now: float) -> Permit:
        bucket.pacer.take()
        self._free_slots -= 1
        charge = bucket.windows.charge(self._clock.earliest(now))
        return Permit(bucket, charge, ticket, now)

    def _new_ticket(self) -> int:
        self._last_ticket += 1
        return self._last_ticket


def _head_ticket(bucket: Bucket) -> int:
    head = bucket.head()
    assert head is not None, "a bucket without waiters is not among those that wait"
    return head.ticket
