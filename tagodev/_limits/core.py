"""Core of the scheduler: synchronous, with the time as an argument.

A request needs quota in the windows, an open route, capacity of the pacer and a connection slot.
The core issues a permit in one step when all of these are free at the same moment. Nothing is held
while something else is awaited, so a cancelled waiter can't leak or block anything.

Within a priority the order is first come, first served: a newcomer gets a free permit only if no
request of its priority, or of a more urgent one, waits for the same route. Where slots are short
the urgent priority goes first, and then the route whose head has waited longest.

Before the first answer the service's clock and so its windows are unknown;
`tagodev._limits.cold_start` defines what goes then.
If answers arrive without a usable date, their route runs steadily, without windows.

The core does not use tasks, event loops or sleeps.
`tagodev._limits.scheduler` wraps it for asyncio; tests drive it with a virtual clock.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Final

from tagodev._limits.clock import ServerClock
from tagodev._limits.cold_start import CLOCK_ROUTE, ColdStart
from tagodev._limits.pacing import spend
from tagodev._limits.prior_charges import PriorCharges, prior_charges
from tagodev._limits.route_limiter import Permit, RouteLimiter, make_limiter
from tagodev._limits.wait_queue import Priority, Waiter
from tagodev.events import ClockRestarted, Granted, Settled, Throttled, WindowOpened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tagodev._limits.pacing import Pacer
    from tagodev._limits.routes import Route
    from tagodev._limits.settings import Settings
    from tagodev._limits.snapshot import RouteState
    from tagodev.events import Event

__all__ = ["Core"]

# Iterating over the class itself takes twenty times as long.
_PRIORITIES: Final = tuple(Priority)
#: A request fails after this many consecutive windows in which nothing was accepted.
_MAX_FAILED_WINDOWS: Final = 3


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
        """Create a core without requests.

        Args:
            settings: the scheduler's settings.
            make_pacer: returns a route's pacer for its limit.
            make_steady_pacer: returns the pacer of a route without windows, for its limit.
            clock: bounds of the service's time; default: a new one.
            emit: called with each event; None for no events.
            on_lease_needed: called when a request waits for permits leased to other processes;
                None where no other process shares the limits.
        """
        self.settings: Settings = settings
        self.clock: ServerClock = clock or ServerClock(fleet_slack=settings.fleet_slack)
        self.emit = emit
        self._on_lease_needed = on_lease_needed
        self.shares: bool = on_lease_needed is not None
        """Whether other processes share the limits."""
        self._make_pacer = make_pacer
        self._make_steady_pacer = make_steady_pacer
        self._free_slots = settings.concurrency
        self._out: set[Permit] = set()
        self._limiters: dict[str, RouteLimiter] = {}
        self._waiting: dict[str, RouteLimiter] = {}
        self._prior_charges = PriorCharges()
        self._first_free = 0
        self._last_ticket = 0
        self._cold_start = ColdStart(self.clock, settings.limits.minute)

    # --- requesting --------------------------------------------------------------------------

    def try_grant(self, route: Route, priority: Priority, now: float) -> Permit | None:
        """Return a permit if one is free now and no other request goes first."""
        if self._free_slots <= 0:
            return None
        limiter = self._waiting.get(route.name)
        if limiter is not None and (
            priority is Priority.BULK or limiter.queue.head(Priority.INTERACTIVE) is not None
        ):
            return None
        limiter = self._limiters.get(route.name) or self._limiter_of(route)
        if self.clock.check_suspend(now):
            self._on_suspend(now)
        if self._wait(limiter, priority, now) > 0:
            return None
        self._last_ticket += 1
        return self._grant(limiter, self._last_ticket, priority, now, now)

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
        """Add a request to the queue of its route.

        Args:
            route: its route.
            deliver: called once with the permit, during `dispatch`.
            now: the time.
            priority: how urgent it is.
            run: which bulk run it belongs to.
            ticket: that of an earlier permit of the same request, to keep its position.
        """
        if ticket is None:
            self._last_ticket += 1
            ticket = self._last_ticket
        waiter = Waiter(ticket, deliver, priority, run, now)
        limiter = self._limiter_of(route)
        limiter.queue.join(waiter)
        self._waiting[route.name] = limiter
        return waiter

    def withdraw(self, route: Route, waiter: Waiter) -> None:
        """Remove a request without a permit from its queue."""
        limiter = self._limiter_of(route)
        limiter.queue.leave(waiter)
        if not limiter.queue:
            self._waiting.pop(route.name, None)

    def least_wait(self, route: Route, priority: Priority, now: float) -> float:
        """Return the minimum time that a new request of a priority has to wait, in seconds."""
        return self._limiter_of(route).least_wait(now, priority)

    # --- deciding ----------------------------------------------------------------------------

    def dispatch(self, now: float) -> float | None:
        """Issue every permit that is free now.

        Returns:
            When the next one may be free, on the scheduler's clock, or None if that does not
            depend on time.
        """
        next_wake: float | None = None
        if self._free_slots <= 0:
            # Releasing a slot dispatches again: until then no timer is needed.
            return None
        if self.clock.check_suspend(now):
            self._on_suspend(now)
        for priority in _PRIORITIES:
            waits = {}
            for name, limiter in self._waiting.items():
                if limiter.queue.head(priority) is not None:
                    waits[name] = self._wait(limiter, priority, now)
            if waits and not self._grant_ready(waits, priority, now):
                return None
            for wait in waits.values():
                if 0 < wait < inf and (next_wake is None or now + wait < next_wake):
                    next_wake = now + wait
        return next_wake

    def _grant_ready(self, waits: dict[str, float], priority: Priority, now: float) -> bool:
        """Issue the free permits of a priority, and return whether a slot is left."""
        while (limiter := self._first_ready(waits, priority)) is not None:
            self._deliver(limiter, priority, now)
            if self._free_slots <= 0:
                return False
            # A permit may delay other routes too: while the clock is unknown, all of them.
            alone = self.clock.known and not limiter.shared
            for name in (limiter.route.name,) if alone else tuple(waits):
                waiting = self._waiting.get(name)
                if waiting is None or waiting.queue.head(priority) is None:
                    del waits[name]
                else:
                    waits[name] = self._wait(waiting, priority, now)
        return True

    def _first_ready(self, waits: dict[str, float], priority: Priority) -> RouteLimiter | None:
        """Return the limiter, of those that need not wait, whose head has waited longest."""
        first = None
        for name, wait in waits.items():
            if wait <= 0:
                limiter = self._waiting[name]
                if first is None or limiter.queue.precedes(first.queue, priority):
                    first = limiter
        return first

    def _deliver(self, limiter: RouteLimiter, priority: Priority, now: float) -> None:
        waiter = limiter.queue.pop(priority)
        if not limiter.queue:
            del self._waiting[limiter.route.name]
        waiter.deliver(self._grant(limiter, waiter.ticket, priority, waiter.since, now))

    def _on_suspend(self, now: float) -> None:
        self._cold_start.hold_until = now
        self._emit_event(ClockRestarted())

    def _wait(self, limiter: RouteLimiter, priority: Priority, now: float) -> float:
        if limiter.steady:
            wait = limiter.wait(now, priority)
        elif self._cold_start.can_count(limiter, now):
            if limiter.learner.window != limiter.windows.bounds(now)[0]:
                self._roll(limiter, now)
            wait = limiter.wait(now, priority)
        elif limiter.leases is None or not self._has_no_clock():
            wait = self._cold_start.wait(limiter, now)
        else:
            self._change_mode(limiter, steady=True, now=now)
            wait = limiter.wait(now, priority)
        if limiter.also is not None:
            wait = max(wait, self._wait(limiter.also, priority, now))
        if wait == inf and self._on_lease_needed is not None:
            self._on_lease_needed()
        return wait

    def _has_no_clock(self) -> bool:
        """Return whether queries for the time were answered without a usable date."""
        limiter = self._limiters.get(CLOCK_ROUTE)
        return limiter is not None and limiter.steady

    def _roll(self, limiter: RouteLimiter, now: float) -> None:
        number = limiter.windows.bounds(now)[0]
        current = limiter.learner.window
        if current is None:
            limiter.start_cold(self.settings.cold_start, now)
        elif number <= current:
            return
        limiter.roll(number)
        self._emit_event(WindowOpened(limiter.route.name, number, limiter.learner.budget))

    # --- settling ----------------------------------------------------------------------------

    def settle(self, permit: Permit, now: float, status: int, date: float | None) -> None:
        """End the permit of an answered request.

        Args:
            permit: the request's permit.
            now: when the answer arrived.
            status: its HTTP status, for the events.
            date: its ``Date`` header, in whole seconds since the epoch; None if missing or invalid.
        """
        self._observe(permit, now, date)
        self._end(permit, now, status)
        part: Permit | None = permit
        while part is not None:
            part.limiter.windows.settle(part.charge, now)
            part.limiter.accept(part)
            part = part.also

    def lose(self, permit: Permit, now: float) -> None:
        """End the permit of a request sent without an answer: it may still arrive for a while."""
        self._end(permit, now, None)
        for part in permit.parts():
            part.limiter.windows.settle(part.charge, now + self.settings.transit_max)

    def refund(self, permit: Permit, now: float) -> None:
        """End the permit of a request that was certainly not sent."""
        self._end(permit, now, None)
        for part in permit.parts():
            part.limiter.windows.refund(part.charge)

    def throttle(
        self, permit: Permit, now: float, retry_after: float | None, date: float | None
    ) -> bool:
        """End the permit of a request refused with a 429, and close its route.

        The route closes until the end of the window that was full.
        That window follows from when the request can have been counted, and from ``Retry-After`` if
        the service sent it, so that a late 429 of an old window does not close a new one.

        Args:
            permit: the request's permit.
            now: when the answer arrived.
            retry_after: seconds to the boundary, from the service; None if missing or invalid.
            date: its ``Date`` header, as for `settle`.

        Returns:
            Whether the request should fail: nothing was accepted for three windows.
        """
        limiter = permit.limiter
        self._observe(permit, now, date)
        self._end(permit, now, 429)
        for part in permit.parts():
            part.limiter.windows.settle(part.charge, now)
        limiter.rejected += 1
        limiter.close(permit.granted, now, retry_after)
        self._emit_event(Throttled(limiter.route.name, limiter.closed_for(now)))
        return limiter.failed_windows >= _MAX_FAILED_WINDOWS

    def _observe(self, permit: Permit, now: float, date: float | None) -> None:
        limiter = permit.limiter
        changed = date is None or self.clock.observe(permit.granted, now, date)
        query = limiter.route.name == CLOCK_ROUTE
        if not (changed or query or limiter.steady or permit.also is not None):
            return
        if self.settings.pacing != "aligned":
            return
        if query:
            self._cold_start.note_time(now)
        has_windows = self._cold_start.has_windows(now)
        if not has_windows and limiter.leases is not None and self._cold_start.may_improve(now):
            return
        for part in permit.parts():
            if has_windows == part.limiter.steady:
                self._change_mode(part.limiter, steady=not has_windows, now=now)

    def _change_mode(self, limiter: RouteLimiter, *, steady: bool, now: float) -> None:
        """Switch a limiter between steady pacing and windows."""
        limiter.steady = steady
        if not steady:
            limiter.pacer = self._make_pacer(limiter.learner.ceiling)
            return
        limiter.pacer = self._make_steady_pacer(limiter.learner.ceiling)
        # Requests sent so far count against the burst.
        spend(limiter.pacer, limiter.windows.unassigned(now))

    def _end(self, permit: Permit, now: float, status: int | None) -> None:
        self._free_slots += 1
        self._out.discard(permit)
        self._cold_start.hold_until = now
        if self.emit is not None:
            self.emit(Settled(permit.limiter.route.name, status, now - permit.granted))

    # --- restart and sharing -------------------------------------------------------------------

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
        old, self._limiters = self._limiters, {}
        for limiter in old.values():
            self._limiter_of(limiter.route).take_over(limiter)

    def charge_prior(
        self, spent: Iterable[tuple[str, int, int]], open_requests: int, now: float
    ) -> None:
        """Charge the requests of another process, which has ended.

        Args:
            spent: route, window and number of permits in it.
            open_requests: number of its requests per route without a recorded end.
            now: the time.
        """
        until = now + self.settings.transit_max
        window_seconds = self.settings.limits.minute
        last = floor(self.clock.latest(until) / window_seconds) if self.clock.known else None
        self._prior_charges.charge(
            prior_charges(spent, open_requests, last, window_seconds), to=self._limiters
        )

    # --- sharing -----------------------------------------------------------------------------

    def needs_clock(self, now: float) -> bool:
        """Return whether nothing can go before more is known of the service's clock."""
        if self._on_lease_needed is None or self.settings.pacing != "aligned":
            return False
        return not self._cold_start.has_windows(now) and not self._has_no_clock()

    def shared_limiters(self) -> Mapping[str, RouteLimiter]:
        """Return the limiters by route name."""
        return self._limiters

    def lease_from(self, number: int) -> None:
        """Issue no permits before this window, since leases in earlier ones are unknown."""
        self._first_free = max(self._first_free, number)
        for limiter in self._limiters.values():
            if limiter.leases is not None:
                limiter.leases.first_free = self._first_free

    # --- state -------------------------------------------------------------------------------

    def snapshot(self, now: float) -> tuple[RouteState, ...]:
        """Return the state of every route used so far."""
        limits = self.settings.limits
        return tuple(
            limiter.state(now, limits.limit(name)) for name, limiter in self._limiters.items()
        )

    # --- inside ------------------------------------------------------------------------------

    def _limiter_of(self, route: Route) -> RouteLimiter:
        limiter = self._limiters.get(route.name)
        if limiter is None:
            limiter = self._limiters[route.name] = self._new_limiter(route)
            self._prior_charges.charge_new(limiter)
        return limiter

    def _new_limiter(self, route: Route) -> RouteLimiter:
        also = None if route.also is None else self._limiter_of(route.also)
        steady = self.settings.pacing == "steady"
        return make_limiter(
            route,
            self.settings,
            self.clock,
            make_pacer=self._make_steady_pacer if steady else self._make_pacer,
            also=also,
            leased_from=None if self._on_lease_needed is None else self._first_free,
        )

    def _grant(
        self, limiter: RouteLimiter, ticket: int, priority: Priority, since: float, now: float
    ) -> Permit:
        self._free_slots -= 1
        can_skip = limiter.leases is None and self.clock.known
        if not can_skip and not self._cold_start.can_count(limiter, now):
            self._cold_start.note_unaligned(now)
        if self.emit is not None:
            self.emit(Granted(limiter.route.name, priority.value, now - since))
        permit = limiter.take(now, ticket, priority)
        self._out.add(permit)
        return permit

    def _emit_event(self, event: Event) -> None:
        if self.emit is not None:
            self.emit(event)
