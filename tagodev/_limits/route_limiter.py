"""Limiter of one route: decides when its next request may go."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._limits.adaptive import Learner, tail
from tagodev._limits.ledger.leases import LeaseBook, carried_windows
from tagodev._limits.reserve import Reserve
from tagodev._limits.snapshot import RouteState
from tagodev._limits.wait_queue import Priority, WaitQueue
from tagodev._limits.window import Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.clock import ServerClock
    from tagodev._limits.ledger.leases import LeaseRequest
    from tagodev._limits.pacing import Pacer
    from tagodev._limits.routes import Route
    from tagodev._limits.settings import ColdStart, Settings
    from tagodev._limits.window import Charge

__all__ = ["Permit", "RouteLimiter", "make_limiter"]

# A lookup in the class takes longer than the comparison.
_BULK: Final = Priority.BULK


@attrs.define(eq=False)
class Permit:
    """The right to send one request, until the request is settled."""

    limiter: RouteLimiter
    """The limiter that it is charged to."""
    charge: Charge
    """Its charge in the windows."""
    ticket: int
    """Its position in the queue; a request refused with a 429 keeps its ticket."""
    granted: float
    """When it was issued: the earliest time of sending, on the scheduler's clock."""
    also: Permit | None = None
    """Its permit of a second limiter, where a request is counted twice."""

    def windows(self, now: float) -> tuple[int, int] | None:
        """Return the first and the last window that may have counted it by now.

        None while the windows are unknown.
        """
        return self.limiter.windows_since(self.granted, now)

    def parts(self) -> tuple[Permit, ...]:
        """Return its permits of all limiters that count it."""
        return (self,) if self.also is None else (self, self.also)


class RouteLimiter:
    """One route's windows, pacing, adaptive limit, reserve and queue."""

    def __init__(
        self,
        route: Route,
        *,
        clock: ServerClock,
        windows: Windows,
        learner: Learner,
        reserve: Reserve,
        pacer: Pacer,
        steady: bool,
        also: RouteLimiter | None = None,
    ) -> None:
        """Combine the parts; use `make_limiter` to create a limiter.

        Args:
            route: the route.
            clock: bounds of the service's time.
            windows: charges by window.
            learner: how many requests may go, beside other clients.
            reserve: what bulk work leaves free.
            pacer: how fast requests may go.
            steady: whether the pacer alone enforces the limit, without windows.
            also: a second limiter that each request is charged to.
        """
        self.route = route
        self.windows: Windows = windows
        self.learner = learner
        self.queue: WaitQueue = WaitQueue()
        self.closed_until: float = 0.0
        self.rejected: int = 0
        self.steady = steady
        self.leases: LeaseBook | None = None
        """Leases of this process, where several share the limit."""
        self.also = also
        self.shared: bool = also is not None
        """Whether some requests are charged to this limiter and to another one."""
        self.dependents: list[RouteLimiter] = []
        """The other limiters whose requests are charged to this one too."""
        self._clock = clock
        self._reserve = reserve
        self.pacer = pacer
        self._failed_windows = 0
        self._accepted_since_closed = False

    # --- waiting -------------------------------------------------------------------------------

    def wait(self, now: float, priority: Priority) -> float:
        """Return in how many seconds the next request of a priority may go; 0 for now.

        The clock must be known, unless the limiter is steady.
        """
        if now < self.closed_until:
            return self.closed_until - now
        if self.steady:
            return self.pacer.delay()
        ceiling = self.learner.ceiling
        if priority is _BULK:
            reserved = self._reserve.left()
            if reserved:
                ceiling = max(ceiling - reserved, 1)
        blocked = self.windows.blocked_until(now, ceiling)
        if blocked is not None:
            return max(self.windows.opens_in(blocked, now), 0.0)
        if self.leases is not None:
            leased_in = self.leases.wait(now, priority)
            if leased_in > 0:
                return leased_in
        if priority is _BULK or self.learner.spreads:
            held = self._wait_for_other_clients(now, priority)
            if held > 0:
                return held
        return self.pacer.delay()

    def _wait_for_other_clients(self, now: float, priority: Priority) -> float:
        """Return how long a request waits to detect other clients or to leave them their part."""
        if self.learner.spreads:
            return self._wait_for_spread(now, priority)
        last_request = self.learner.ceiling - 1
        number = self.windows.bounds(now)[0]
        if not 0 < last_request == self.windows.used(number):
            return 0.0
        # A single waiter needs no more than this request, so it need not wait.
        if self.queue.waiting(Priority.BULK) < 2:
            return 0.0
        return max(self.tail_in(number, now), 0.0)

    def _wait_for_spread(self, now: float, priority: Priority) -> float:
        """Return how long spreading the budget over the window delays a request."""
        number, last = self.windows.bounds(now)
        used = self.windows.used(number)
        budget = self.learner.budget
        if priority is not _BULK and used < budget:
            return 0.0
        if priority is _BULK:
            budget = max(budget - self._reserve.left(), 1)
        if number != last:
            return max(self.windows.opens_in(last, now), 0.0)
        tail_in = self.tail_in(number, now)
        if used < budget:
            spread_over = self.windows.window_seconds - tail(self.windows.window_seconds)
            return max(tail_in - spread_over * (1 - used / budget), 0.0)
        if tail_in > 0:
            return tail_in
        # One probe at a time: its answer decides whether another one follows.
        if used < self.learner.with_probes and not self.windows.in_flight:
            return 0.0
        return max(self.windows.opens_in(number + 1, now), 0.0)

    def tail_in(self, number: int, now: float) -> float:
        """Return in how many seconds the tail of a window begins, at the earliest."""
        window_seconds = self.windows.window_seconds
        return (number + 1) * window_seconds - tail(window_seconds) - self._clock.latest(now)

    def lease_requests(self, now: float) -> list[LeaseRequest]:
        """Return what to request from the shared store."""
        known = self._clock.resolves_windows(now, self.windows.window_seconds)
        if self.leases is None or self.steady or not known:
            return []
        queues = [limiter.queue for limiter in (self, *self.dependents)]
        bulk = sum(queue.waiting(_BULK) for queue in queues)
        interactive = sum(queue.waiting(Priority.INTERACTIVE) for queue in queues)
        self.windows.refresh()
        return self.leases.requests(self.route.name, now, bulk, interactive)

    def take_over(self, other: RouteLimiter) -> None:
        """Copy the charges and state of another limiter of the same route."""
        self.windows = other.windows
        if other.leases is not None:
            self.leases = other.leases
        self.closed_until = other.closed_until
        self.rejected = other.rejected
        self.learner.take_over(other.learner)
        self._reserve.take_over(other._reserve)
        self._failed_windows = other._failed_windows
        self._accepted_since_closed = other._accepted_since_closed

    def least_wait(self, now: float, priority: Priority) -> float:
        """Return the minimum time that a new request of a priority has to wait, in seconds.

        Based on the requests ahead, the charges in the windows and a closed route.
        """
        least = 0.0 if self.also is None else self.also.least_wait(now, priority)
        if self.steady or not self._clock.known:
            return max(self.closed_until - now, least)
        if self.closed_for(now) > 0:
            return max(self.closed_for(now), least)
        ahead = self.queue.waiting(Priority.INTERACTIVE)
        if priority is _BULK:
            ahead += self.queue.waiting(_BULK)
        windows, ceiling = self.windows, self.learner.ceiling
        number = windows.bounds(now)[1]
        # Requests in flight may turn out to belong to the window before.
        free = ceiling - windows.used(number) + windows.in_flight
        if ahead < free:
            return least
        later = 1 + (ahead - max(free, 0)) // ceiling
        return max((number + later) * windows.window_seconds - self._clock.latest(now), least)

    # --- charging and settling -----------------------------------------------------------------

    def start_cold(self, cold_start: ColdStart, now: float) -> None:
        """Charge the first window as far as the settings say."""
        # With leases the use of the window is known.
        if cold_start == "full" or self.leases is not None:
            return
        limit = self.learner.ceiling
        for number in {*self.windows.bounds(now)}:
            used = limit
            if cold_start == "adaptive":
                left = self.windows.opens_in(number + 1, now) / self.windows.window_seconds
                used = limit - int(limit * min(max(left, 0.0), 1.0))
            self.windows.charge_prior(number, used)

    def roll(self, number: int) -> None:
        """Start a new window."""
        self.learner.roll(number)
        self._reserve.roll(number)

    def take(self, now: float, ticket: int, priority: Priority) -> Permit:
        """Charge a request that may go now, and return its permit."""
        self.pacer.take()
        if priority is not _BULK:
            self._reserve.count()
            if self.leases is not None and self._clock.known:
                self.leases.note_interactive(now)
        also = None if self.also is None else self.also.take(now, ticket, priority)
        return Permit(self, self.windows.charge(now), ticket, now, also)

    def windows_since(self, sent: float, now: float) -> tuple[int, int] | None:
        """Return the first and the last window in which a request may have been counted by now."""
        if self.steady or not self._clock.known:
            return None
        return self.windows.bounds(sent)[0], self.windows.bounds(now)[1]

    def accept(self, permit: Permit) -> None:
        """Record that the service accepted a request."""
        self._accepted_since_closed = True
        self.learner.accept(permit.charge.first)

    def close(self, sent: float, now: float, retry_after: float | None) -> None:
        """Close the route until the end of the window that a 429 refers to.

        Args:
            sent: when the refused request was sent.
            now: when the answer arrived.
            retry_after: seconds to the boundary as reported by the service; None if missing.
        """
        windows, clock = self.windows, self._clock
        # A longer time does not refer to a window; the next try shows whether the route is open.
        delay = (
            min(retry_after, 2 * windows.window_seconds)
            if retry_after and retry_after > 0
            else None
        )
        if not clock.known or self.steady:
            # Without windows only Retry-After is known; without that, wait for a whole window.
            self._close_until(now + (delay or windows.window_seconds), sent)
            return
        earliest = clock.earliest(sent)
        if delay is None:
            self._close_window(windows.number(earliest), sent)
            return
        # The service rounds to whole seconds, up or down.
        boundary = ceil((earliest + delay - 1) / windows.window_seconds)
        if boundary * windows.window_seconds <= clock.latest(now) + delay + 1:
            # It matches the windows, so it is a second measurement of the time.
            answered = boundary * windows.window_seconds - delay
            clock.observe_bounds(sent, now, answered - 1, answered + 1)
            self._close_window(boundary - 1, sent)
        else:
            self._close_until(now + delay, sent)

    def state(self, now: float, limit: int) -> RouteState:
        """Return the state of the route.

        Args:
            now: the time.
            limit: requests the service accepts in one window.
        """
        windows, learner = self.windows, self.learner
        known = self._clock.known
        windows.refresh()
        number = windows.bounds(now)[1] if known else 0
        used = windows.used(number) if known else windows.unassigned(now)
        return RouteState(
            route=self.route.name,
            limit=limit,
            budget=learner.budget,
            used=used,
            free=max(learner.ceiling - used, 0) if self.closed_for(now) <= 0 else 0,
            in_flight=windows.in_flight,
            waiting=sum(self.queue.waiting(priority) for priority in Priority),
            next_window_in=windows.opens_in(number + 1, now) if known else None,
            others=None if learner.others is None else max(ceil(learner.others), 0),
            rejected=self.rejected,
        )

    def _close_window(self, number: int, sent: float) -> None:
        """Close a window that a 429 has shown to be full.

        Args:
            number: number of the window.
            sent: when the refused request was sent.
        """
        self.learner.reject(number, in_tail=self.tail_in(number, sent) <= 0)
        if number > self.windows.exhausted:
            self.windows.exhausted = number
            self._count_failed_window()

    def _close_until(self, until: float, sent: float) -> None:
        """Close the route until this time; of several deadlines the last applies."""
        # A request sent before the route closed does not refer to the next window.
        fresh = sent >= self.closed_until
        self.closed_until = max(self.closed_until, until)
        if fresh:
            self._count_failed_window()

    def closed_for(self, now: float) -> float:
        """Return in how many seconds the route opens; 0 if it is open."""
        remaining = self.closed_until - now
        if self.windows.exhausted >= 0:
            remaining = max(remaining, self.windows.opens_in(self.windows.exhausted + 1, now))
        return max(remaining, 0.0)

    def _count_failed_window(self) -> None:
        self._failed_windows = 0 if self._accepted_since_closed else self._failed_windows + 1
        self._accepted_since_closed = False

    @property
    def failed_windows(self) -> int:
        """Consecutive windows that a 429 closed before anything was accepted."""
        return self._failed_windows


def make_limiter(
    route: Route,
    settings: Settings,
    clock: ServerClock,
    *,
    make_pacer: Callable[[int], Pacer],
    also: RouteLimiter | None,
    leased_from: int | None,
) -> RouteLimiter:
    """Return the limiter of a route, without charges.

    Args:
        route: the route.
        settings: the scheduler's settings.
        clock: bounds of the service's time.
        make_pacer: returns its pacer for its limit.
        also: a second limiter that each request is charged to.
        leased_from: the first window in which permits may be leased; None where no other process
            shares the limit.
    """
    limit = settings.limits.limit(route.name)
    learner = Learner(limit, share=settings.share, headroom=settings.headroom)
    limiter = RouteLimiter(
        route,
        clock=clock,
        windows=Windows(settings.limits.minute, clock),
        learner=learner,
        reserve=Reserve(settings.reserve),
        pacer=make_pacer(learner.ceiling),
        steady=settings.pacing == "steady",
        also=also,
    )
    if also is not None:
        also.shared = True
        also.dependents.append(limiter)
    if leased_from is not None:
        limiter.leases = LeaseBook(
            limiter.windows,
            learner.ceiling,
            reserve=settings.reserve,
            carried=carried_windows(settings.longest, settings.limits.minute),
            # As many again may have been lost recently.
            loose=2 * settings.concurrency,
        )
        limiter.leases.first_free = leased_from
    return limiter
