"""Core of the scheduler: synchronous, with the time as an argument.

A request needs quota in the windows, an open route, capacity of the pacer and a connection slot.
The core issues a permit in one step when all of these are free at the same moment. Nothing is held
while something else is awaited, so a cancelled waiter can't leak or block anything.

Within a priority the order is first come, first served: a newcomer gets a free permit only if no
request of its priority, or of a more urgent one, waits for the same route. Where slots are short
the urgent priority goes first, and then the route whose head has waited longest.

Bulk work leaves a reserve of both quota and slots to interactive calls. Where these are so many
that bulk would get nothing, each `FLOOR`-th permit is for bulk.

Before the first answer the service's clock and so its windows are unknown;
`tagodev._limits.cold_start` defines what goes then.

The core does not use tasks, event loops or sleeps.
`tagodev._limits.scheduler` wraps it for asyncio; tests drive it with a virtual clock.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Final

from tagodev._limits.clock import ServerClock
from tagodev._limits.cold_start import ColdStartRules
from tagodev._limits.route_limiter import Permit, RouteLimiter, make_limiter
from tagodev._limits.wait_queue import Priority, Slots, Waiter
from tagodev._limits.window import prior_charges, windows_open
from tagodev.events import ClockRestarted, Granted, Settled, Throttled, WindowOpened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tagodev._limits.pacing import Pacer
    from tagodev._limits.routes import Route
    from tagodev._limits.settings import Settings
    from tagodev._limits.snapshot import RouteState
    from tagodev.events import Event

__all__ = ["FLOOR", "Core"]

#: Where more interactive calls wait than can go, one permit in so many is for bulk work.
FLOOR: Final = 16

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
        make_pacer: Callable[[], Pacer],
        clock: ServerClock | None = None,
        emit: Callable[[Event], None] | None = None,
        on_lease_needed: Callable[[], None] | None = None,
        processes: int = 1,
    ) -> None:
        """Create a core without requests.

        Args:
            settings: the scheduler's settings.
            make_pacer: returns a route's pacer.
            clock: bounds of the service's time; default: a new one.
            emit: called with each event; None for no events.
            on_lease_needed: called when a request waits for permits leased to other processes;
                None where no other process shares the limits.
            processes: number of processes that share the limits at most.
        """
        self.settings: Settings = settings
        self.clock: ServerClock = clock or ServerClock(fleet_slack=settings.fleet_slack)
        self.emit = emit
        self._on_lease_needed = on_lease_needed
        self.shares: bool = on_lease_needed is not None
        """Whether other processes share the limits."""
        self._make_pacer = make_pacer
        self._processes = processes
        self.slots: Slots = Slots(settings.concurrency)
        """The slots of callers that have none of their own."""
        self._out: set[Permit] = set()
        self._limiters: dict[str, RouteLimiter] = {}
        self._waiting: dict[str, RouteLimiter] = {}
        # Those with requests of devices that may not send yet.
        self._parked: set[RouteLimiter] = set()
        self._prior: dict[str, list[tuple[int, int]]] = {}
        self._first_free = 0
        self._last_ticket = 0
        # Interactive permits since the last one for bulk.
        self._in_a_row = 0
        self._cold_start = ColdStartRules(self.clock, settings)

    # --- requesting --------------------------------------------------------------------------

    def try_grant(
        self,
        route: Route,
        priority: Priority,
        now: float,
        slots: Slots | None = None,
        device: str = "",
    ) -> Permit | None:
        """Return a permit if one is free now and no other request goes first."""
        slots = slots or self.slots
        name = route.name
        if not slots.has(priority, name):
            return None
        if self._waiting:
            limiter = self._waiting.get(name)
            if limiter is not None and (
                priority is Priority.BULK or limiter.queue.head(Priority.INTERACTIVE) is not None
            ):
                return None
            if self._in_a_row >= FLOOR - 1:
                return None
        limiter = self._limiters.get(name) or self._limiter_of(route)
        if self.clock.check_suspend(now):
            self._on_suspend(now)
        if device and limiter.devices.closed_until(device) > now:
            return None
        if self._wait(limiter, priority, now) > 0:
            return None
        return self._grant(limiter, priority, slots, now, device=device)

    def join(
        self,
        route: Route,
        deliver: Callable[[Permit], None],
        now: float,
        *,
        priority: Priority = Priority.INTERACTIVE,
        run: int = 0,
        ticket: int | None = None,
        slots: Slots | None = None,
        device: str = "",
    ) -> Waiter:
        """Add a request to the queue of its route.

        Args:
            route: its route.
            deliver: called once with the permit, during `dispatch`.
            now: the time.
            priority: how urgent it is.
            run: which bulk run it belongs to.
            ticket: that of an earlier permit of the same request, to keep its position.
            slots: those of its client; default: `Core.slots`.
            device: the device that a soft limit may limit; empty for none.
        """
        if ticket is None:
            self._last_ticket += 1
            ticket = self._last_ticket
        waiter = Waiter(
            ticket, deliver, priority, run, now, slots or self.slots, route.name, device
        )
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
        if not self._waiting:
            return None
        if self.clock.check_suspend(now):
            self._on_suspend(now)
        for limiter in self._parked:
            limiter.queue.unpark(now)
        waits: list[float] = []
        for priority in _PRIORITIES:
            blocked: dict[str, float] = {}
            while (waiter := self._first_ready(priority, now, blocked)) is not None:
                if self._in_a_row >= FLOOR - 1 and priority is not Priority.BULK:
                    self._in_a_row = 0
                    # From what is reserved to interactive calls.
                    waiter = self._first_ready(Priority.BULK, now, {}, urgent=True) or waiter
                self._deliver(waiter, now)
            waits += blocked.values()
        if self._parked:
            self._parked = {one for one in self._parked if one.queue.unparks_at < inf}
            waits += [one.queue.unparks_at - now for one in self._parked]
        wait = min(waits, default=inf)
        return now + wait if wait < inf else None

    def _first_ready(
        self, priority: Priority, now: float, blocked: dict[str, float], *, urgent: bool = False
    ) -> Waiter | None:
        """Return the waiter, of those that may go now, that has waited longest.

        Args:
            priority: the priority.
            now: the time.
            blocked: routes that may not go, and how long they wait; a permit for another one does
                not change that.
            urgent: whether to disregard what is reserved to interactive calls.
        """
        first = None
        for name, limiter in self._waiting.items():
            if name in blocked:
                continue
            head = limiter.queue.head(priority)
            # Without a free slot there is no head: releasing one dispatches again.
            if head is None:
                continue
            wait = self._wait(limiter, Priority.INTERACTIVE if urgent else priority, now)
            if wait > 0:
                blocked[name] = wait
            elif first is None or head < first:
                first = head
        return first

    def _deliver(self, waiter: Waiter, now: float) -> None:
        limiter = self._waiting[waiter.route]
        closed_until = limiter.devices.closed_until(waiter.device) if waiter.device else 0.0
        if closed_until > now:
            limiter.queue.park(waiter, closed_until)
            self._parked.add(limiter)
            return
        limiter.queue.remove(waiter)
        if not limiter.queue:
            del self._waiting[waiter.route]
        slots = waiter.slots or self.slots
        waiter.deliver(self._grant(limiter, waiter.priority, slots, now, waiter=waiter))

    def _on_suspend(self, now: float) -> None:
        self._cold_start.release(now)
        self._emit_event(ClockRestarted())

    def _wait(self, limiter: RouteLimiter, priority: Priority, now: float) -> float:
        windows = limiter.windows
        distinct = windows.distinguishes(now)
        if windows.bounds(now)[0] != limiter.share.window or (limiter.cold and distinct):
            self._roll(limiter, now, distinct=distinct)
        if distinct:
            wait = limiter.wait(now, priority)
        else:
            wait = self._cold_start.wait(limiter, now)
            if not wait:
                dated = not self._cold_start.undated
                wait = limiter.wait(now, priority, distinct=False, dated=dated)
        if limiter.also is not None:
            wait = max(wait, self._wait(limiter.also, priority, now))
        if wait == inf and self._on_lease_needed is not None:
            self._on_lease_needed()
        return wait

    def _roll(self, limiter: RouteLimiter, now: float, *, distinct: bool) -> None:
        number = limiter.windows.bounds(now)[0]
        if limiter.cold and distinct:
            limiter.start_cold(self.settings.cold_start, now)
        current = limiter.share.window
        # Bounds that widen may reach back into the window before.
        if current is not None and current - 1 <= number <= current:
            return
        limiter.roll(number, now)
        if distinct:
            self._emit_event(WindowOpened(limiter.route.name, number, limiter.share.budget))

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
        if permit.device and not limiter.close_device(permit, now, retry_after):
            # A soft limit of this device: nothing is learned about the route.
            closed_for = limiter.devices.closed_until(permit.device) - now
            self._emit_event(Throttled(limiter.route.name, closed_for))
            return limiter.devices.failed_windows(permit.device) >= _MAX_FAILED_WINDOWS
        # Of two counters either may be the full one.
        limiter.close(permit.granted, now, retry_after, teaches=permit.also is None)
        self._emit_event(Throttled(limiter.route.name, limiter.closed_for(now)))
        return limiter.failed_windows >= _MAX_FAILED_WINDOWS

    def _observe(self, permit: Permit, now: float, date: float | None) -> None:
        if date is not None and not self.clock.confirms(permit.granted, now, date):
            # An answer to a request from before a suspend is no evidence.
            if self.clock.check_suspend(now):
                self._on_suspend(now)
            self.clock.observe(permit.granted, now, date)
        if date is None or self._cold_start.interested_in(permit.limiter):
            self._cold_start.note_answer(permit.limiter, now, dated=date is not None)

    def _end(self, permit: Permit, now: float, status: int | None) -> None:
        permit.slots.release(permit.priority, permit.limiter.route.name)
        self._out.discard(permit)
        self._cold_start.release(now)
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
        self.slots = Slots(settings.concurrency)
        self._cold_start.settings = settings
        self._waiting.clear()
        self._parked.clear()
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
        still_open = windows_open(self.settings.longest, window_seconds)
        for name, number, used in prior_charges(spent, open_requests, last, still_open):
            limiter = self._limiters.get(name)
            if limiter is None:
                self._prior.setdefault(name, []).append((number, used))
            else:
                limiter.windows.charge_prior(number, used)

    # --- sharing -----------------------------------------------------------------------------

    def needs_clock(self, now: float) -> bool:
        """Return whether nothing can go before more is known of the service's clock."""
        if self._on_lease_needed is None or self._cold_start.undated:
            return False
        return not self.clock.resolves_windows(now, self.settings.limits.minute)

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
            for number, used in self._prior.pop(route.name, ()):
                limiter.windows.charge_prior(number, used)
        return limiter

    def _new_limiter(self, route: Route) -> RouteLimiter:
        also = None if route.also is None else self._limiter_of(route.also)
        return make_limiter(
            route,
            self.settings,
            self.clock,
            pacer=self._make_pacer(),
            also=also,
            leased_from=None if self._on_lease_needed is None else self._first_free,
            processes=self._processes,
        )

    def _grant(
        self,
        limiter: RouteLimiter,
        priority: Priority,
        slots: Slots,
        now: float,
        *,
        device: str = "",
        waiter: Waiter | None = None,
    ) -> Permit:
        name = limiter.route.name
        slots.take(priority, name)
        self._in_a_row = 0 if priority is Priority.BULK else self._in_a_row + 1
        if limiter.cold or limiter.leases is not None:
            self._cold_start.hold(now)
        if waiter is None:
            self._last_ticket += 1
            ticket, since = self._last_ticket, now
        else:
            ticket, since, device = waiter.ticket, waiter.since, waiter.device
        if self.emit is not None:
            self.emit(Granted(name, priority.value, now - since))
        permit = limiter.take(now, ticket, priority, slots, device)
        self._out.add(permit)
        return permit

    def _emit_event(self, event: Event) -> None:
        if self.emit is not None:
            self.emit(event)
