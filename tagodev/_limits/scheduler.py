"""Scheduler for asyncio, on top of the core.

It has no task and no lock.
Permits are issued when a request is settled and when the timer fires; both run the core to
completion within one step of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import attrs

from tagodev._limits.routes import CLOCK_ROUTE
from tagodev._limits.wait_queue import Priority, Slots
from tagodev.errors import WaitTooLongError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev._limits.core import Core
    from tagodev._limits.route_limiter import Permit
    from tagodev._limits.routes import Route
    from tagodev._limits.snapshot import ClockState, RouteState
    from tagodev._limits.wait_queue import Waiter
    from tagodev.errors import LedgerError
    from tagodev.hard_limits import HardLimits

__all__ = ["ClockResetError", "Scheduler"]


class ClockResetError(Exception):
    """A waiting request must query the time again: this machine was suspended."""


class Scheduler:
    """Issues the permits for all requests of a profile."""

    def __init__(self, core: Core, *, ledger: str = "") -> None:
        """Wrap a core, within a running event loop.

        Args:
            core: decides which request may go; nothing else may use it.
            ledger: name of the ledger that counts the permits.
        """
        self.core = core
        self.ledger = ledger
        """Name of the ledger that counts the permits."""
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        """The event loop that it runs in."""
        self.shares: bool = core.shares
        """Whether other processes share the limits."""
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf
        self._waiting = 0
        self._lease_waits: set[asyncio.Future[Permit]] = set()

    def new_slots(self, concurrency: int) -> Slots:
        """Return the connection slots of one client, for `grant_now` and `acquire`.

        Args:
            concurrency: requests that it may have in flight at once.
        """
        return Slots(concurrency)

    def grant_now(
        self,
        route: Route,
        priority: Priority,
        slots: Slots | None = None,
        device: str = "",
    ) -> Permit | None:
        """Return a permit if one is free at once; otherwise use `acquire`.

        Args:
            route: the request's route.
            priority: how urgent it is.
            slots: those of the client; default: as many as the first client's settings say, for
                all callers without any.
            device: the device that a soft limit may limit, see `Route.device`.
        """
        return self.core.try_grant(route, priority, self.loop.time(), slots, device)

    async def acquire(
        self,
        route: Route,
        *,
        priority: Priority = Priority.INTERACTIVE,
        run: int = 0,
        ticket: int | None = None,
        max_wait: float | None = None,
        waits: set[asyncio.Future[Permit]] | None = None,
        slots: Slots | None = None,
        device: str = "",
    ) -> Permit:
        """Wait for a permit; the caller must then settle, lose, refund or throttle it.

        Args:
            route: the request's route.
            priority: how urgent it is.
            run: which bulk run it belongs to; 0 for none.
            ticket: that of the request's earlier permit, if it was refused with a 429: it keeps its
                position.
            max_wait: maximum wait in seconds; None for no limit.
            waits: contains the wait while it lasts, so that its owner can end it by setting an
                exception.
            slots: as for `grant_now`.
            device: as for `grant_now`.

        Raises:
            WaitTooLongError: the permit can't be or was not issued in time.
            ClockResetError: a request must query the time first.
        """
        now = self.loop.time()
        if ticket is None:
            permit = self.core.try_grant(route, priority, now, slots, device)
            if permit is not None:
                return permit
        if max_wait is not None:
            least = self.core.least_wait(route, priority, now)
            if least > max_wait:
                raise _too_long(route, max_wait, least)
        granted: asyncio.Future[Permit] = self.loop.create_future()
        waiter = self.core.join(
            route,
            partial(self._deliver, granted),
            now,
            priority=priority,
            run=run,
            ticket=ticket,
            slots=slots,
            device=device,
        )
        self._waiting += 1
        if waits is not None:
            waits.add(granted)
        if route.name != CLOCK_ROUTE:
            self._lease_waits.add(granted)
        self._dispatch()
        try:
            async with asyncio.timeout(max_wait):
                return await granted
        except TimeoutError:
            self._abandon(granted, route, waiter)
        except BaseException:
            self._abandon(granted, route, waiter)
            raise
        finally:
            self._waiting -= 1
            self._lease_waits.discard(granted)
            if waits is not None:
                waits.discard(granted)
        assert max_wait is not None, "only a bounded wait times out"
        raise _too_long(route, max_wait, None)

    def _abandon(self, granted: asyncio.Future[Permit], route: Route, waiter: Waiter) -> None:
        """End a wait whose permit was not used, issued or not."""
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self.refund(granted.result())
        else:
            self.core.withdraw(route, waiter)
            self._dispatch()

    def _deliver(self, granted: asyncio.Future[Permit], permit: Permit) -> None:
        # A task cancelled in the same step of the loop has not withdrawn yet.
        if granted.done():
            self.core.refund(permit, self.loop.time())
        else:
            granted.set_result(permit)

    def settle(self, permit: Permit, status: int, date: float | None) -> None:
        """Record an answer, with its ``Date`` header."""
        self.core.settle(permit, self.loop.time(), status, date)
        if self._waiting:
            self._dispatch()

    def lose(self, permit: Permit) -> None:
        """Record that the request was sent and no answer will come."""
        self.core.lose(permit, self.loop.time())
        self._dispatch()

    def refund(self, permit: Permit) -> None:
        """Record that the request was certainly not sent."""
        self.core.refund(permit, self.loop.time())
        self._dispatch()

    def throttle(self, permit: Permit, retry_after: float | None, date: float | None) -> bool:
        """Record a 429, and return whether the request should fail instead of waiting."""
        give_up = self.core.throttle(permit, self.loop.time(), retry_after, date)
        self._dispatch()
        return give_up

    @property
    def needs_clock(self) -> bool:
        """Whether nothing can go before more is known of the service's clock."""
        return self.core.needs_clock(self.loop.time())

    @property
    def best_clock_query_in(self) -> float:
        """In how many seconds a query for the time is most accurate."""
        clock = self.core.clock
        return clock.best_query_in(self.loop.time()) if clock.known else 0.0

    def dispatch(self) -> None:
        """Issue the permits that new leases allow."""
        self._dispatch()

    def give_up(self, error: LedgerError) -> None:
        """End every wait that a lease could have ended.

        Args:
            error: the reason; each wait gets a copy.
        """
        for granted in self._lease_waits:
            if not granted.done():
                granted.set_exception(attrs.evolve(error))

    @property
    def limits(self) -> HardLimits:
        """The limits of the service."""
        return self.core.settings.limits

    @property
    def window_seconds(self) -> float:
        """Length of the service's windows, in seconds."""
        return self.limits.minute

    def charge_prior(self, spent: Iterable[tuple[str, int, int]], open_requests: int) -> None:
        """Charge the requests of another process, which has ended.

        Args:
            spent: route, window and number of permits in it.
            open_requests: number of its requests per route without a recorded end; the service
                may count these until `Settings.transit_max` from now.
        """
        self.core.charge_prior(spent, open_requests, self.loop.time())

    def snapshot(self) -> tuple[RouteState, ...]:
        """Return the state of every route used so far."""
        return self.core.snapshot(self.loop.time())

    def state(self, permit: Permit) -> RouteState:
        """Return the state of a permit's route."""
        limiter = permit.limiter
        limit = self.core.settings.limits.limit(limiter.route.name)
        return limiter.state(self.loop.time(), limit)

    def clock_state(self) -> ClockState | None:
        """Return the estimate of the service's clock, or None if there is none."""
        return self.core.clock.state(self.loop.time(), time.time(), self.window_seconds)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, inf

    def _dispatch(self) -> None:
        if not self._waiting:
            return
        wake = self.core.dispatch(self.loop.time())
        if self._lease_waits and self.needs_clock:
            self._request_clock()
        if wake is None:
            return
        # A timer that fires too early dispatches again; only a later one must be replaced.
        if wake < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            # A timer of uvloop does not always report when it fires.
            self._wakes_at = wake
            self._timer = self.loop.call_at(wake, self._on_timer)

    def _request_clock(self) -> None:
        for granted in self._lease_waits:
            if not granted.done():
                granted.set_exception(ClockResetError())

    def _on_timer(self) -> None:
        self._timer, self._wakes_at = None, inf
        self._dispatch()


def _too_long(route: Route, max_wait: float, least: float | None) -> WaitTooLongError:
    minimum = "" if least is None else f"; the wait is at least {least:.1f} s"
    return WaitTooLongError(
        f"No permit for {route.name} within {max_wait:g} s{minimum}",
        hint="Allow a longer wait, or send fewer requests on this route",
        route=route.name,
        max_wait=max_wait,
        least=least,
    )
