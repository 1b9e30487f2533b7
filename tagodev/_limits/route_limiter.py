"""Limiter of one route: decides when its next request may go."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._limits.adaptive import ADDS_FROM, AdaptiveShare, Reserve, tail
from tagodev._limits.ledger.leases import LeaseBook
from tagodev._limits.snapshot import RouteState
from tagodev._limits.soft_limits import RefusedDevices
from tagodev._limits.wait_queue import Priority, WaitQueue
from tagodev._limits.window import Windows, windows_open

if TYPE_CHECKING:
    from tagodev._limits.clock import ServerClock
    from tagodev._limits.ledger.leases import LeaseRequest
    from tagodev._limits.pacing import Pacer
    from tagodev._limits.routes import Route
    from tagodev._limits.settings import ColdStart, Settings
    from tagodev._limits.wait_queue import Slots
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
    priority: Priority
    """How urgent the request is."""
    slots: Slots
    """The slots of its client, of which it holds one."""
    device: str = ""
    """The device that a soft limit may limit; empty for none."""
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
    """One route's windows, pacing, adaptive share, reserve and queue."""

    def __init__(
        self,
        route: Route,
        *,
        clock: ServerClock,
        windows: Windows,
        share: AdaptiveShare,
        reserve: Reserve,
        pacer: Pacer,
        steady: bool,
        part_by_age: int,
        also: RouteLimiter | None = None,
    ) -> None:
        """Combine the parts; use `make_limiter` to create a limiter.

        Args:
            route: the route.
            clock: bounds of the service's time.
            windows: charges of the route.
            share: how many requests may go, beside other clients.
            reserve: what bulk work leaves free.
            pacer: how fast requests may go.
            steady: whether requests are always spread.
            part_by_age: what may be used of a limit while windows are not distinguished: one part
                in so many, since no permits can be leased then.
            also: a second limiter that each request is charged to.
        """
        self.route = route
        self.windows: Windows = windows
        self.share = share
        self.queue: WaitQueue = WaitQueue(route.name)
        self.closed_until: float = 0.0
        self.rejected: int = 0
        self.leases: LeaseBook | None = None
        """Leases of this process, where several share the limit."""
        self.also = also
        self.shared: bool = also is not None
        """Whether some requests are charged to this limiter and to another one."""
        self.dependents: list[RouteLimiter] = []
        """The other limiters whose requests are charged to this one too."""
        self.devices: RefusedDevices = RefusedDevices()
        """Devices that are refused while others are not."""
        self.cold: bool = True
        """Whether the first window is still to be charged as the settings say."""
        self._clock = clock
        self._reserve = reserve
        self.pacer = pacer
        self._steady = steady
        self._part_by_age = part_by_age
        self._failed_windows = 0
        self._accepted_since_closed = False

    # --- waiting -------------------------------------------------------------------------------

    def wait(
        self, now: float, priority: Priority, *, distinct: bool = True, dated: bool = True
    ) -> float:
        """Return in how many seconds the next request of a priority may go; 0 for now.

        Args:
            now: the time.
            priority: how urgent it is.
            distinct: whether windows are distinguished.
            dated: whether the service's answers have a date, as far as is known.
        """
        if now < self.closed_until:
            return self.closed_until - now
        if self.share.spreads or self._steady or not dated:
            return self._wait_spread(now, priority, distinct=distinct)
        wait = self._wait_for_quota(now, priority, self.share.ceiling, distinct=distinct)
        if wait > 0:
            return wait
        if priority is _BULK and distinct:
            wait = self._wait_for_other_clients(now)
            if wait > 0:
                return wait
        self.pacer.open(self.share.ceiling)
        return self.pacer.delay(now)

    def _wait_for_quota(
        self, now: float, priority: Priority, most: int, *, distinct: bool
    ) -> float:
        """Return how long the charges, the reserve and the leases delay a request."""
        if not distinct:
            most = max(most // self._part_by_age, 1)
        if priority is _BULK:
            reserved = self._reserve.left()
            if reserved:
                most = max(most - reserved, 1)
        wait = self.windows.wait(now, most)
        if wait > 0 or self.leases is None or not distinct:
            return wait
        return self.leases.wait(now, priority)

    def _wait_spread(self, now: float, priority: Priority, *, distinct: bool) -> float:
        """Return how long a request waits where the budget is spread over the window."""
        share = self.share
        elapsed = self._elapsed(now)
        wait = self._wait_for_quota(now, priority, share.allowed(elapsed), distinct=distinct)
        if not wait:
            if priority is not _BULK and self.windows.charged(now) < share.budget:
                return 0.0
            wait = self._wait_for_pacer(now, elapsed, distinct=distinct)
        share.held = share.held or wait > 0
        return min(wait, self._faster_in(elapsed))

    def _elapsed(self, now: float) -> float:
        """Return which part of the present window is over, 0 to 1."""
        left = self.windows.opens_in(self.windows.bounds(now)[0] + 1, now)
        return min(max(1 - left / self.windows.window_seconds, 0.0), 1.0)

    def _faster_in(self, elapsed: float) -> float:
        """Return in how many seconds more requests may go although no window begins."""
        if self.share.trial and elapsed < ADDS_FROM:
            return (ADDS_FROM - elapsed) * self.windows.window_seconds + 1e-6
        return inf

    def _wait_for_pacer(self, now: float, elapsed: float, *, distinct: bool) -> float:
        """Return how long spreading the budget over the window delays a request."""
        seconds, share = self.windows.window_seconds, self.share
        rate = share.rate(elapsed)
        if distinct:
            seconds -= 2 * tail(seconds)
        else:
            rate /= self._part_by_age
        window = self.windows.bounds(now)[0] if share.part is not None else 0
        self.pacer.spread(rate, seconds, window)
        return self.pacer.delay(now)

    def _wait_for_other_clients(self, now: float) -> float:
        """Return how long the last bulk request of a window waits to detect other clients."""
        last_request = self.share.ceiling - 1
        number = self.windows.bounds(now)[0]
        if not 0 < last_request == self.windows.used(number):
            return 0.0
        # A single waiter needs no more than this request, so it need not wait.
        if self.queue.waiting(Priority.BULK) < 2:
            return 0.0
        window_seconds = self.windows.window_seconds
        tail_at = (number + 1) * window_seconds - tail(window_seconds)
        return max(tail_at - self._clock.latest(now), 0.0)

    def lease_requests(self, now: float) -> list[LeaseRequest]:
        """Return what to request from the shared store."""
        if self.leases is None or not self.windows.distinguishes(now):
            return []
        queues = [limiter.queue for limiter in (self, *self.dependents)]
        bulk = sum(queue.waiting(_BULK) for queue in queues)
        interactive = sum(queue.waiting(Priority.INTERACTIVE) for queue in queues)
        self.windows.refresh(now)
        return self.leases.requests(self.route.name, now, bulk, interactive)

    def take_over(self, other: RouteLimiter) -> None:
        """Copy the charges and state of another limiter of the same route."""
        aligned = self.windows.aligned
        self.windows = other.windows
        self.windows.realign(aligned=aligned)
        if other.leases is not None:
            self.leases = other.leases
        self.closed_until = other.closed_until
        self.rejected = other.rejected
        self.cold = other.cold
        self.devices = other.devices
        self.share.take_over(other.share)
        self._reserve.take_over(other._reserve)
        self._failed_windows = other._failed_windows
        self._accepted_since_closed = other._accepted_since_closed

    def least_wait(self, now: float, priority: Priority) -> float:
        """Return the minimum time that a new request of a priority has to wait, in seconds.

        Based on the requests ahead, the charges in the windows and a closed route.
        """
        least = 0.0 if self.also is None else self.also.least_wait(now, priority)
        windows, most = self.windows, self.share.ceiling
        if self.closed_for(now) > 0 or not windows.distinguishes(now):
            return max(self.closed_for(now), least)
        ahead = self.queue.waiting(Priority.INTERACTIVE)
        if priority is _BULK:
            ahead += self.queue.waiting(_BULK)
        number = windows.bounds(now)[1]
        # Requests in flight may turn out to belong to the window before.
        free = most - windows.used(number) + windows.in_flight
        if ahead < free:
            return least
        later = 1 + (ahead - max(free, 0)) // most
        return max((number + later) * windows.window_seconds - self._clock.latest(now), least)

    # --- charging and settling -----------------------------------------------------------------

    def start_cold(self, cold_start: ColdStart, now: float) -> None:
        """Charge the first window as far as the settings say."""
        self.cold = False
        # With leases the use of the window is known.
        if cold_start == "full" or self.leases is not None:
            return
        limit = self.share.ceiling
        for number in {*self.windows.bounds(now)}:
            used = limit
            if cold_start == "adaptive":
                left = self.windows.opens_in(number + 1, now) / self.windows.window_seconds
                used = limit - int(limit * min(max(left, 0.0), 1.0))
            self.windows.charge_prior(number, used)

    def roll(self, number: int, now: float) -> None:
        """Start a new window."""
        self.share.roll(number, now)
        self._reserve.roll(number)

    def take(
        self, now: float, ticket: int, priority: Priority, slots: Slots, device: str = ""
    ) -> Permit:
        """Charge a request that may go now, and return its permit."""
        self.pacer.take()
        if priority is not _BULK:
            self._reserve.count()
            if self.leases is not None and self._clock.known:
                self.leases.note_interactive(now)
        also = None if self.also is None else self.also.take(now, ticket, priority, slots)
        return Permit(self, self.windows.charge(now), ticket, now, priority, slots, device, also)

    def windows_since(self, sent: float, now: float) -> tuple[int, int] | None:
        """Return the first and the last window in which a request may have been counted by now."""
        windows = self.windows
        if not self._clock.resolves_windows(now, windows.window_seconds):
            return None
        return windows.bounds(sent)[0], windows.bounds(now)[1]

    def accept(self, permit: Permit) -> None:
        """Record that the service accepted a request."""
        self._accepted_since_closed = True
        self.share.accept(permit.granted)
        if permit.device:
            self.devices.accept(permit.device)

    def close_device(self, permit: Permit, now: float, retry_after: float | None) -> bool:
        """Close a permit's device after a 429, and return whether the route is to be closed too.

        Args:
            permit: the refused request's permit.
            now: when the answer arrived.
            retry_after: seconds as reported by the service; None if missing.
        """
        seconds = self.windows.window_seconds
        if self.windows.distinguishes(now):
            window = self.windows.number(self._clock.earliest(permit.granted))
            seconds = max(self.windows.opens_in(window + 1, now), 0.0)
        if retry_after and retry_after > self.windows.window_seconds + 1:
            seconds = min(retry_after, 2 * self.windows.window_seconds)
        return self.devices.refuse(permit.device, now, now + seconds)

    def close(
        self, sent: float, now: float, retry_after: float | None, *, teaches: bool = True
    ) -> None:
        """Close the route until the end of the window that a 429 refers to.

        Args:
            sent: when the refused request was sent.
            now: when the answer arrived.
            retry_after: seconds to the boundary as reported by the service; None if missing.
            teaches: whether it shows that other clients have used this route's limit.
        """
        windows, clock = self.windows, self._clock
        # A longer time does not refer to a window; the next try shows whether the route is open.
        delay = (
            min(retry_after, 2 * windows.window_seconds)
            if retry_after and retry_after > 0
            else None
        )
        if not windows.distinguishes(now) or not clock.measures(sent):
            # Without windows only Retry-After is known; without that, wait for a whole window.
            if teaches:
                self.share.reject(sent)
            self._close_until(now + (delay or windows.window_seconds), sent)
            return
        earliest = clock.earliest(sent)
        if delay is None:
            self._close_window(windows.number(earliest), sent, teaches=teaches)
            return
        # The service rounds to whole seconds, up or down.
        boundary = ceil((earliest + delay - 1) / windows.window_seconds)
        if (
            delay <= windows.window_seconds + 1
            and boundary * windows.window_seconds <= clock.latest(now) + delay + 1
        ):
            self._close_window(boundary - 1, sent, teaches=teaches)
        else:
            # It does not match the windows, so it is about something else.
            self._close_until(now + delay, sent)

    def state(self, now: float, limit: int) -> RouteState:
        """Return the state of the route.

        Args:
            now: the time.
            limit: requests the service accepts in one window.
        """
        windows, share = self.windows, self.share
        known = self._clock.known
        windows.refresh(now)
        used = windows.charged(now)
        number = windows.bounds(now)[1]
        return RouteState(
            route=self.route.name,
            limit=limit,
            budget=share.budget,
            used=used,
            free=max(share.ceiling - used, 0) if self.closed_for(now) <= 0 else 0,
            in_flight=windows.in_flight,
            waiting=sum(self.queue.waiting(priority) for priority in Priority),
            next_window_in=windows.opens_in(number + 1, now) if known else None,
            others=share.others,
            rejected=self.rejected,
        )

    def _close_window(self, number: int, sent: float, *, teaches: bool) -> None:
        """Close a window that a 429 has shown to be full.

        Args:
            number: number of the window.
            sent: when the refused request was sent.
            teaches: whether it shows that other clients have used this route's limit.
        """
        if teaches:
            self.share.reject(sent)
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
        if self.windows.exhausted >= 0 and self.windows.distinguishes(now):
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
    pacer: Pacer,
    also: RouteLimiter | None,
    leased_from: int | None,
    processes: int = 1,
) -> RouteLimiter:
    """Return the limiter of a route, without charges.

    Args:
        route: the route.
        settings: the scheduler's settings.
        clock: bounds of the service's time.
        pacer: how fast requests may go.
        also: a second limiter that each request is charged to.
        leased_from: the first window in which permits may be leased; None where no other process
            shares the limit.
        processes: number of processes that share the limit at most.
    """
    steady = settings.pacing == "steady"
    share = AdaptiveShare(
        settings.limits.limit(route.name), share=settings.share, headroom=settings.headroom
    )
    # Permits are leased by window, however fast they go.
    aligned = not steady or leased_from is not None
    limiter = RouteLimiter(
        route,
        clock=clock,
        windows=Windows(settings.limits.minute, clock, aligned=aligned),
        share=share,
        reserve=Reserve(settings.reserve),
        pacer=pacer,
        steady=steady,
        part_by_age=processes,
        also=also,
    )
    if also is not None:
        also.shared = True
        also.dependents.append(limiter)
    if leased_from is not None:
        limiter.leases = LeaseBook(
            limiter.windows,
            share.ceiling,
            reserve=settings.reserve,
            carried=windows_open(settings.longest, settings.limits.minute),
            # As many again may have been lost recently.
            loose=2 * settings.concurrency,
        )
        limiter.leases.first_free = leased_from
    return limiter
