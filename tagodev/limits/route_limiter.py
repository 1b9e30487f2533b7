"""A bucket: everything that decides when the next request of one route may go."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.limits.adaptive import Learner, tail
from tagodev.limits.ledger.leases import LeaseBook, carried_windows
from tagodev.limits.reserve import Reserve
from tagodev.limits.snapshot import RouteState
from tagodev.limits.wait_queue import Priority, WaitQueue
from tagodev.limits.window import Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.limits.clock import ServerClock
    from tagodev.limits.ledger.leases import LeaseRequest
    from tagodev.limits.pacing import Pacer
    from tagodev.limits.routes import Route
    from tagodev.limits.settings import ColdStart, Settings
    from tagodev.limits.window import Charge

__all__ = ["Permit", "RouteLimiter", "make_bucket"]

# Looking a member up in its class takes longer than the comparison.
_BULK: Final = Priority.BULK


@attrs.define(eq=False)
class Permit:
    """The right to send one request, from its grant until it is settled."""

    bucket: RouteLimiter
    """Where it is charged."""
    charge: Charge
    """Its place in the windows."""
    ticket: int
    """Its place in the line; a request that met a 429 takes the same ticket again."""
    granted: float
    """When it was granted, which is the earliest it can have left, on the scheduler's clock."""
    also: Permit | None = None
    """Its place in a second bucket, where a request is counted twice."""

    def windows(self, now: float) -> tuple[int, int] | None:
        """Return the first and the last window that may have counted it by now.

        None while nothing is known of the windows.
        """
        return self.bucket.windows_since(self.granted, now)

    def places(self) -> tuple[Permit, ...]:
        """Return its places in all buckets that count it."""
        return (self,) if self.also is None else (self, self.also)


class RouteLimiter:
    """One route: its windows, gate, pacing, learning, reserve and line of waiters."""

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
        """Join the parts; the core makes buckets.

        Args:
            route: what it counts.
            clock: bounds of the service's time.
            windows: how many requests were charged where.
            learner: how many may go, beside others.
            reserve: what bulk leaves free.
            pacer: how fast they may go.
            steady: whether the pacer alone keeps the limit, without windows.
            also: a second bucket that each of its requests takes from.
        """
        self.route = route
        self.windows: Windows = windows
        self.learner = learner
        self.line: WaitQueue = WaitQueue()
        self.closed_until: float = 0.0
        self.rejected: int = 0
        self.steady = steady
        self.leases: LeaseBook | None = None
        """What this process holds of it, where several share the limit."""
        self.also = also
        self.shared: bool = also is not None
        """Whether a request of another bucket may take from this one, or one of this from another.
        """
        self.takers: list[RouteLimiter] = []
        """The other buckets whose requests take from this one."""
        self._clock = clock
        self._reserve = reserve
        self.pacer = pacer
        self._barren = 0
        self._accepted_since_closed = False

    # --- may it go? ----------------------------------------------------------------------------

    def wait(self, now: float, priority: Priority) -> float:
        """Return in how many seconds the next request of a priority may go; 0 for now.

        The clock must be known, unless the bucket is steady.
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
            held = self._wait_for_others(now, priority)
            if held > 0:
                return held
        return self.pacer.delay()

    def _wait_for_others(self, now: float, priority: Priority) -> float:
        """Return how long a request that has room waits so that others can be seen, or served."""
        if self.learner.spreads:
            return self._wait_for_spread(now, priority)
        last_place = self.learner.ceiling - 1
        number = self.windows.bounds(now)[0]
        if not 0 < last_place == self.windows.used(number):
            return 0.0
        # Whoever is alone in the line needs no more than this place, and gets it now.
        if self.line.waiting(Priority.BULK) < 2:
            return 0.0
        return max(self.tail_in(number, now), 0.0)

    def _wait_for_spread(self, now: float, priority: Priority) -> float:
        """Return how long the budget's being spread over the window makes a request wait."""
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
            spread_over = self.windows.minute - tail(self.windows.minute)
            return max(tail_in - spread_over * (1 - used / budget), 0.0)
        if tail_in > 0:
            return tail_in
        # One probe at a time: its answer decides on the next.
        if used < self.learner.with_probes and not self.windows.in_flight:
            return 0.0
        return max(self.windows.opens_in(number + 1, now), 0.0)

    def tail_in(self, number: int, now: float) -> float:
        """Return in how many seconds the tail of a window begins, at the earliest."""
        minute = self.windows.minute
        return (number + 1) * minute - tail(minute) - self._clock.latest(now)

    def lease_asks(self, now: float) -> list[LeaseRequest]:
        """Return what is to be asked of the store that others share."""
        known = self._clock.tells_windows(now, self.windows.minute)
        if self.leases is None or self.steady or not known:
            return []
        lines = [one.line for one in (self, *self.takers)]
        bulk = sum(line.waiting(_BULK) for line in lines)
        interactive = sum(line.waiting(Priority.INTERACTIVE) for line in lines)
        self.windows.bring_up_to_date()
        return self.leases.asks(self.route.name, now, bulk, interactive)

    def take_over(self, other: RouteLimiter) -> None:
        """Go on with what another bucket of the same route has counted and learned."""
        self.windows = other.windows
        if other.leases is not None:
            self.leases = other.leases
        self.closed_until = other.closed_until
        self.rejected = other.rejected
        self.learner.take_over(other.learner)
        self._reserve.take_over(other._reserve)
        self._barren = other._barren
        self._accepted_since_closed = other._accepted_since_closed

    def least_wait(self, now: float, priority: Priority) -> float:
        """Return the least time that a newcomer of a priority has to wait, in seconds.

        It counts those who go first, the room in the windows and the gate; nothing that is not
        certain makes it longer.
        """
        least = 0.0 if self.also is None else self.also.least_wait(now, priority)
        if self.steady or not self._clock.known:
            return max(self.closed_until - now, least)
        if self.closed_for(now) > 0:
            return max(self.closed_for(now), least)
        ahead = self.line.waiting(Priority.INTERACTIVE)
        if priority is _BULK:
            ahead += self.line.waiting(_BULK)
        windows, ceiling = self.windows, self.learner.ceiling
        number = windows.bounds(now)[1]
        # Requests in flight may yet turn out to be of the window before.
        free = ceiling - windows.used(number) + windows.in_flight
        if ahead < free:
            return least
        later = 1 + (ahead - max(free, 0)) // ceiling
        return max((number + later) * windows.minute - self._clock.latest(now), least)

    # --- what happened -------------------------------------------------------------------------

    def start_cold(self, cold_start: ColdStart, now: float) -> None:
        """Take the window that we come into as used, as far as the settings say."""
        # Whoever leases need not guess what was used.
        if cold_start == "full" or self.leases is not None:
            return
        limit = self.learner.ceiling
        for number in {*self.windows.bounds(now)}:
            used = limit
            if cold_start == "adaptive":
                left = self.windows.opens_in(number + 1, now) / self.windows.minute
                used = limit - int(limit * min(max(left, 0.0), 1.0))
            self.windows.presume(number, used)

    def roll(self, number: int) -> None:
        """Go on to a new window."""
        self.learner.roll(number)
        self._reserve.roll(number)

    def take(self, now: float, ticket: int, priority: Priority) -> Permit:
        """Charge a request that may go now."""
        self.pacer.take()
        if priority is not _BULK:
            self._reserve.count()
            if self.leases is not None and self._clock.known:
                self.leases.note_interactive(now)
        also = None if self.also is None else self.also.take(now, ticket, priority)
        return Permit(self, self.windows.charge(now), ticket, now, also)

    def windows_since(self, sent: float, now: float) -> tuple[int, int] | None:
        """Return the first and the last window that something sent may fall into by now."""
        if self.steady or not self._clock.known:
            return None
        return self.windows.bounds(sent)[0], self.windows.bounds(now)[1]

    def accept(self, permit: Permit) -> None:
        """Note that the service took a request."""
        self._accepted_since_closed = True
        self.learner.accept(permit.charge.first)

    def close(self, sent: float, now: float, retry_after: float | None) -> None:
        """Let nothing go until the boundary of the window that a 429 was of.

        Args:
            sent: when the request that was refused had left.
            now: when the answer came.
            retry_after: seconds to the boundary as the service said, to the second; None if it
                did not say.
        """
        windows, clock = self.windows, self._clock
        # More than two windows is no wait for a window; whether it opens, the next try will tell.
        said = min(retry_after, 2 * windows.minute) if retry_after and retry_after > 0 else None
        if not clock.known or self.steady:
            # Without windows the service's word is all there is; without it, a whole window.
            self._close_until(now + (said or windows.minute), sent)
            return
        earliest = clock.earliest(sent)
        if said is None:
            self._close_window(windows.number(earliest), sent)
            return
        # The service rounds to whole seconds, either way.
        boundary = ceil((earliest + said - 1) / windows.minute)
        if boundary * windows.minute <= clock.latest(now) + said + 1:
            # It fits the windows, and so tells the time a second way.
            answered = boundary * windows.minute - said
            clock.witness(sent, now, answered - 1, answered + 1)
            self._close_window(boundary - 1, sent)
        else:
            self._close_until(now + said, sent)

    def state(self, now: float, limit: int) -> RouteState:
        """Return what is known of the route.

        Args:
            now: the time.
            limit: requests the service accepts in one window.
        """
        windows, learner = self.windows, self.learner
        known = self._clock.known
        windows.bring_up_to_date()
        number = windows.bounds(now)[1] if known else 0
        used = windows.used(number) if known else windows.unplaced(now)
        return RouteState(
            route=self.route.name,
            limit=limit,
            budget=learner.budget,
            used=used,
            free=max(learner.ceiling - used, 0) if self.closed_for(now) <= 0 else 0,
            in_flight=windows.in_flight,
            waiting=sum(self.line.waiting(priority) for priority in Priority),
            next_window_in=windows.opens_in(number + 1, now) if known else None,
            others=None if learner.others is None else max(ceil(learner.others), 0),
            rejected=self.rejected,
        )

    def _close_window(self, number: int, sent: float) -> None:
        """Let nothing more go in a window that a 429 has shown to be full.

        Args:
            number: which window.
            sent: when the request that was refused had left.
        """
        self.learner.reject(number, in_tail=self.tail_in(number, sent) <= 0)
        if number > self.windows.exhausted:
            self.windows.exhausted = number
            self._count_barren()

    def _close_until(self, until: float, sent: float) -> None:
        """Let nothing go before this time; of several deadlines the last holds."""
        # What left before the gate closed says nothing of the window behind it.
        fresh = sent >= self.closed_until
        self.closed_until = max(self.closed_until, until)
        if fresh:
            self._count_barren()

    def closed_for(self, now: float) -> float:
        """Return in how many seconds the gate opens; 0 if it is open."""
        shut = self.closed_until - now
        if self.windows.exhausted >= 0:
            shut = max(shut, self.windows.opens_in(self.windows.exhausted + 1, now))
        return max(shut, 0.0)

    def _count_barren(self) -> None:
        self._barren = 0 if self._accepted_since_closed else self._barren + 1
        self._accepted_since_closed = False

    @property
    def barren_windows(self) -> int:
        """Windows in a row that a 429 closed before anything was accepted."""
        return self._barren


def make_bucket(
    route: Route,
    settings: Settings,
    clock: ServerClock,
    *,
    make_pacer: Callable[[int], Pacer],
    also: RouteLimiter | None,
    leased_from: int | None,
) -> RouteLimiter:
    """Return the bucket of a route, with nothing charged.

    Args:
        route: what it counts.
        settings: how to work.
        clock: bounds of the service's time.
        make_pacer: makes its pacer from its limit.
        also: a second bucket that each of its requests takes from.
        leased_from: the first window in which places may be leased; None where no other process
            shares the limit.
    """
    limit = settings.limits.limit(route.name)
    learner = Learner(limit, share=settings.share, headroom=settings.headroom)
    bucket = RouteLimiter(
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
        also.takers.append(bucket)
    if leased_from is not None:
        bucket.leases = LeaseBook(
            bucket.windows,
            learner.ceiling,
            reserve=settings.reserve,
            carried=carried_windows(settings.longest, settings.limits.minute),
            # As many again may have been lost a moment ago.
            loose=2 * settings.concurrency,
        )
        bucket.leases.first_free = leased_from
    return bucket
