"""The scheduler's core: synchronous, with the time as an argument.

A request asks for a grant; the core gives it in one step when everything that it needs is free at
the same moment: room in the windows, an open gate, capacity for pacing, a connection slot.
Nothing is held while something else is waited for, so nothing can be leaked or starved by a waiter
that gives up.

Nobody overtakes within a priority: a newcomer takes a free grant only where none of its priority,
or of a
more urgent one, waits for the same route; and where slots are short the urgent priority goes first,
and then the route whose head has waited longest.

Before the first answer nothing is known of the service's clock, so nothing of its windows:
`tagodev.limits.cold_start` says what goes then.
If answers come and none tells the time, their route goes steadily, without windows.

The core knows nothing of tasks, loops or sleeping.
`tagodev.limits.scheduler` wraps it for asyncio; tests drive it with a clock of their own.
It is longer than most rooms, because asking, deciding and settling work on one state, in one step
each, and are best read side by side.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Final

from tagodev.events import ClockRestarted, Granted, Settled, Throttled, WindowOpened
from tagodev.limits.clock import ServerClock
from tagodev.limits.cold_start import CLOCK_ROUTE, ColdStart
from tagodev.limits.pacing import spend
from tagodev.limits.prior_charges import PriorCharges, presumed
from tagodev.limits.route_limiter import Permit, RouteLimiter, make_bucket
from tagodev.limits.wait_queue import Priority, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tagodev.events import Event
    from tagodev.limits.pacing import Pacer
    from tagodev.limits.routes import Route
    from tagodev.limits.settings import Settings
    from tagodev.limits.snapshot import RouteState

__all__ = ["Core"]

# Going through the class itself takes twenty times as long.
_LANES: Final = tuple(Priority)
#: After so many windows in which nothing at all was accepted, waiting is given up.
_BARREN_WINDOWS: Final = 3


class Core:
    """Decides which request may go, and when the next decision is due."""

    def __init__(
        self,
        settings: Settings,
        *,
        make_pacer: Callable[[int], Pacer],
        make_steady_pacer: Callable[[int], Pacer],
        clock: ServerClock | None = None,
        emit: Callable[[Event], None] | None = None,
        on_lease_needed: Callable[[], None] | None = None,
    ) -> None:
        """Make a core that knows nothing and has sent nothing.

        Args:
            settings: how to work.
            make_pacer: makes a route's pacer from its limit.
            make_steady_pacer: makes the pacer of a route that has no windows.
            clock: bounds of the service's time; default: a new one.
            emit: called with each event; None to make none.
            on_lease_needed: called when a request waits for places that other processes may have;
                None where no other process shares the limits.
        """
        self.settings: Settings = settings
        self.clock: ServerClock = clock or ServerClock(fleet_slack=settings.fleet_slack)
        self.emit = emit
        self._on_lease_needed = on_lease_needed
        self.shares: bool = on_lease_needed is not None
        """Whether other processes take from the same limits."""
        self._make_pacer = make_pacer
        self._make_steady_pacer = make_steady_pacer
        self._free_slots = settings.concurrency
        self._out: set[Permit] = set()
        self._buckets: dict[str, RouteLimiter] = {}
        self._waiting: dict[str, RouteLimiter] = {}
        self._presumed = PriorCharges()
        self._first_free = 0
        self._last_ticket = 0
        self._outlook = ColdStart(self.clock, settings.limits.minute)

    # --- asking ------------------------------------------------------------------------------

    def try_grant(self, route: Route, priority: Priority, now: float) -> Permit | None:
        """Return a permit if one is free now and nobody waits who would go first."""
        if self._free_slots <= 0:
            return None
        bucket = self._waiting.get(route.name)
        if bucket is not None and (
            priority is Priority.BULK or bucket.line.head(Priority.INTERACTIVE) is not None
        ):
            return None
        bucket = self._buckets.get(route.name) or self._bucket(route)
        if self.clock.look_for_sleep(now):
            self._note_sleep(now)
        if self._wait(bucket, priority, now) > 0:
            return None
        self._last_ticket += 1
        return self._grant(bucket, self._last_ticket, priority, now, now)

    def join(
        self,
        route: Route,
        deliver: Callable[[Permit], None],
        now: float,
        *,
        priority: Priority = Priority.INTERACTIVE,
        run: int = 0,
        ticket: int | None = None,
    ) -> Waiter:
        """Put a request in the line of its route.

        Args:
            route: what it asks for.
            deliver: called once with the permit, from within `dispatch`.
            now: the time.
            priority: how urgent it is.
            run: which bulk run it belongs to.
            ticket: that of an earlier permit of the same request, so that it keeps its place.
        """
        if ticket is None:
            self._last_ticket += 1
            ticket = self._last_ticket
        waiter = Waiter(ticket, deliver, priority, run, now)
        bucket = self._bucket(route)
        bucket.line.join(waiter)
        self._waiting[route.name] = bucket
        return waiter

    def withdraw(self, route: Route, waiter: Waiter) -> None:
        """Take a request that was not granted out of its line."""
        bucket = self._bucket(route)
        bucket.line.leave(waiter)
        if not bucket.line:
            self._waiting.pop(route.name, None)

    def least_wait(self, route: Route, priority: Priority, now: float) -> float:
        """Return the least time that a newcomer of a priority has to wait, in seconds."""
        return self._bucket(route).least_wait(now, priority)

    # --- deciding ----------------------------------------------------------------------------

    def dispatch(self, now: float) -> float | None:
        """Give out every grant that is free now.

        Returns:
            When the next one may be, on the scheduler's clock, or None if that depends on a
            request being settled or on nobody.
        """
        next_wake: float | None = None
        if self._free_slots <= 0:
            # Whatever frees a slot dispatches again: until then there is nothing to wake for.
            return None
        if self.clock.look_for_sleep(now):
            self._note_sleep(now)
        for priority in _LANES:
            waits = {}
            for name, bucket in self._waiting.items():
                if bucket.line.head(priority) is not None:
                    waits[name] = self._wait(bucket, priority, now)
            if waits and not self._grant_ready(waits, priority, now):
                return None
            for wait in waits.values():
                if 0 < wait < inf and (next_wake is None or now + wait < next_wake):
                    next_wake = now + wait
        return next_wake

    def _grant_ready(self, waits: dict[str, float], priority: Priority, now: float) -> bool:
        """Give out what is free to a priority, and return whether a slot is left."""
        while (bucket := self._first_ready(waits, priority)) is not None:
            self._deliver(bucket, priority, now)
            if self._free_slots <= 0:
                return False
            # A grant may hold up other routes too: while the clock is unknown all of them.
            alone = self.clock.known and not bucket.shared
            for name in (bucket.route.name,) if alone else tuple(waits):
                asked = self._waiting.get(name)
                if asked is None or asked.line.head(priority) is None:
                    del waits[name]
                else:
                    waits[name] = self._wait(asked, priority, now)
        return True

    def _first_ready(self, waits: dict[str, float], priority: Priority) -> RouteLimiter | None:
        """Return the bucket, of those that need not wait, whose head has waited longest."""
        first = None
        for name, wait in waits.items():
            if wait <= 0:
                bucket = self._waiting[name]
                if first is None or bucket.line.goes_before(first.line, priority):
                    first = bucket
        return first

    def _deliver(self, bucket: RouteLimiter, priority: Priority, now: float) -> None:
        waiter = bucket.line.pop(priority)
        if not bucket.line:
            del self._waiting[bucket.route.name]
        waiter.deliver(self._grant(bucket, waiter.ticket, priority, waiter.since, now))

    def _note_sleep(self, now: float) -> None:
        self._outlook.blind_until = now
        self._say(ClockRestarted())

    def _wait(self, bucket: RouteLimiter, priority: Priority, now: float) -> float:
        if bucket.steady:
            wait = bucket.wait(now, priority)
        elif self._outlook.is_enough(bucket, now):
            if bucket.learner.window != bucket.windows.bounds(now)[0]:
                self._roll(bucket, now)
            wait = bucket.wait(now, priority)
        elif bucket.leases is None or not self._is_timeless():
            wait = self._outlook.wait(bucket, now)
        else:
            self._change_mode(bucket, steady=True, now=now)
            wait = bucket.wait(now, priority)
        if bucket.also is not None:
            wait = max(wait, self._wait(bucket.also, priority, now))
        if wait == inf and self._on_lease_needed is not None:
            self._on_lease_needed()
        return wait

    def _is_timeless(self) -> bool:
        """Return whether the one request that was to ask for the time has not been told."""
        asked = self._buckets.get(CLOCK_ROUTE)
        return asked is not None and asked.steady

    def _roll(self, bucket: RouteLimiter, now: float) -> None:
        number = bucket.windows.bounds(now)[0]
        watched = bucket.learner.window
        if watched is None:
            bucket.start_cold(self.settings.cold_start, now)
        elif number <= watched:
            return
        bucket.roll(number)
        self._say(WindowOpened(bucket.route.name, number, bucket.learner.budget))

    # --- settling ----------------------------------------------------------------------------

    def settle(self, permit: Permit, now: float, status: int, date: float | None) -> None:
        """End a permit whose request was answered.

        Args:
            permit: the request's permit.
            now: when the answer was here.
            status: its HTTP status, for the events.
            date: its ``Date`` header, in whole seconds of the epoch; None if it has none that can
                be read.
        """
        self._observe(permit, now, date)
        self._end(permit, now, status)
        place: Permit | None = permit
        while place is not None:
            place.bucket.windows.settle(place.charge, now)
            place.bucket.accept(place)
            place = place.also

    def lose(self, permit: Permit, now: float) -> None:
        """End a permit whose request left and was not answered: it may still arrive for a while."""
        self._end(permit, now, None)
        for place in permit.places():
            place.bucket.windows.settle(place.charge, now + self.settings.transit_max)

    def refund(self, permit: Permit, now: float) -> None:
        """End a permit whose request provably never left."""
        self._end(permit, now, None)
        for place in permit.places():
            place.bucket.windows.refund(place.charge)

    def throttle(
        self, permit: Permit, now: float, retry_after: float | None, date: float | None
    ) -> bool:
        """End a permit whose request was refused with a 429, and close its route.

        The gate closes until the boundary of the window that was full.
        That window is found from when the request can have been counted, and from the service's
        own word where it gave one, so that a late 429 of an old window does not close a new one.

        Args:
            permit: the request's permit.
            now: when the answer came.
            retry_after: seconds to the boundary as the service said, to the second; None if it
                did not say, or nothing that makes sense.
            date: its ``Date`` header, as for `settle`.

        Returns:
            Whether waiting on is hopeless: nothing was accepted for three windows.
        """
        bucket = permit.bucket
        self._observe(permit, now, date)
        self._end(permit, now, 429)
        for place in permit.places():
            place.bucket.windows.settle(place.charge, now)
        bucket.rejected += 1
        bucket.close(permit.granted, now, retry_after)
        self._say(Throttled(bucket.route.name, bucket.closed_for(now)))
        return bucket.barren_windows >= _BARREN_WINDOWS

    def _observe(self, permit: Permit, now: float, date: float | None) -> None:
        bucket = permit.bucket
        learnt = date is None or self.clock.observe(permit.granted, now, date)
        asked = bucket.route.name == CLOCK_ROUTE
        if not (learnt or asked or bucket.steady or permit.also is not None):
            return
        if self.settings.pacing != "aligned":
            return
        if asked:
            self._outlook.note_time(now)
        useful = self._outlook.is_useful(now)
        if not useful and bucket.leases is not None and self._outlook.may_improve(now):
            return
        for place in permit.places():
            if useful == place.bucket.steady:
                self._change_mode(place.bucket, steady=not useful, now=now)

    def _change_mode(self, bucket: RouteLimiter, *, steady: bool, now: float) -> None:
        """Go on without windows where nothing is known of them, or with them again."""
        bucket.steady = steady
        if not steady:
            bucket.pacer = self._make_pacer(bucket.learner.ceiling)
            return
        bucket.pacer = self._make_steady_pacer(bucket.learner.ceiling)
        # What went so far counts against the burst.
        spend(bucket.pacer, bucket.windows.unplaced(now))

    def _end(self, permit: Permit, now: float, status: int | None) -> None:
        self._free_slots += 1
        self._out.discard(permit)
        self._outlook.blind_until = now
        if self.emit is not None:
            self.emit(Settled(permit.bucket.route.name, status, now - permit.granted))

    # --- beginning again -----------------------------------------------------------------------

    def restart(self, settings: Settings, now: float) -> None:
        """Go on with what was counted, for new callers: those before are gone, with their loop.

        Args:
            settings: how to work from now on; its limits must be the same.
            now: the time.
        """
        for permit in list(self._out):
            self.lose(permit, now)
        self.settings = settings
        self._free_slots = settings.concurrency
        self._waiting.clear()
        old, self._buckets = self._buckets, {}
        for bucket in old.values():
            self._bucket(bucket.route).take_over(bucket)

    def presume(
        self, spent: Iterable[tuple[str, int, int]], open_requests: int, now: float
    ) -> None:
        """Take windows as partly used by another process, which has ended.

        Args:
            spent: route, window and how many requests it was granted there.
            open_requests: how many of its requests on each route it saw no end of.
            now: the time.
        """
        until = now + self.settings.transit_max
        minute = self.settings.limits.minute
        last = floor(self.clock.latest(until) / minute) if self.clock.known else None
        self._presumed.charge(presumed(spent, open_requests, last, minute), to=self._buckets)

    # --- sharing -----------------------------------------------------------------------------

    def needs_clock(self, now: float) -> bool:
        """Return whether nothing can go before more is known of the service's clock."""
        if self._on_lease_needed is None or self.settings.pacing != "aligned":
            return False
        return not self._outlook.is_useful(now) and not self._is_timeless()

    def shared_buckets(self) -> Mapping[str, RouteLimiter]:
        """Return the buckets by their routes' names, for whoever leases for them."""
        return self._buckets

    def lease_from(self, number: int) -> None:
        """Grant nothing before this window: what is held in those before it is not known."""
        self._first_free = max(self._first_free, number)
        for bucket in self._buckets.values():
            if bucket.leases is not None:
                bucket.leases.first_free = self._first_free

    # --- seeing ------------------------------------------------------------------------------

    def snapshot(self, now: float) -> tuple[RouteState, ...]:
        """Return what is known of every route that was used so far."""
        limits = self.settings.limits
        return tuple(
            bucket.state(now, limits.limit(name)) for name, bucket in self._buckets.items()
        )

    # --- inside ------------------------------------------------------------------------------

    def _bucket(self, route: Route) -> RouteLimiter:
        bucket = self._buckets.get(route.name)
        if bucket is None:
            bucket = self._buckets[route.name] = self._new_bucket(route)
            self._presumed.charge_new(bucket)
        return bucket

    def _new_bucket(self, route: Route) -> RouteLimiter:
        also = None if route.also is None else self._bucket(route.also)
        steady = self.settings.pacing == "steady"
        return make_bucket(
            route,
            self.settings,
            self.clock,
            make_pacer=self._make_steady_pacer if steady else self._make_pacer,
            also=also,
            leased_from=None if self._on_lease_needed is None else self._first_free,
        )

    def _grant(
        self, bucket: RouteLimiter, ticket: int, priority: Priority, since: float, now: float
    ) -> Permit:
        self._free_slots -= 1
        alone_and_sure = bucket.leases is None and self.clock.known
        if not alone_and_sure and not self._outlook.is_enough(bucket, now):
            self._outlook.note_grant(now)
        if self.emit is not None:
            self.emit(Granted(bucket.route.name, priority.value, now - since))
        permit = bucket.take(now, ticket, priority)
        self._out.add(permit)
        return permit

    def _say(self, event: Event) -> None:
        if self.emit is not None:
            self.emit(event)
