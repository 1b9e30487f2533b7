"""The scheduler for asyncio: a thin shell around the core.

It holds no task and no lock.
Grants are given out in two places, where something became free (a request was settled) and when
the one timer fires; both run the core to its end within one step of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import attrs

from tagodev.errors import WaitTooLongError
from tagodev.limits.cold_start import CLOCK_ROUTE
from tagodev.limits.wait_queue import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev.errors import LedgerError
    from tagodev.hard_limits import HardLimits
    from tagodev.limits.core import Core
    from tagodev.limits.route_limiter import Permit
    from tagodev.limits.routes import Route
    from tagodev.limits.snapshot import ClockState, RouteState
    from tagodev.limits.wait_queue import Waiter

__all__ = ["ClockForgottenError", "Scheduler"]


class ClockForgottenError(Exception):
    """A request that waits must ask for the time again: this machine has slept."""


class Scheduler:
    """Grants requests their turn; the one gate that every request of a profile passes."""

    def __init__(self, core: Core, *, ledger: str = "") -> None:
        """Wrap a core, within a running event loop.

        Args:
            core: what decides; nothing else may drive it.
            ledger: name of whoever remembers what was granted.
        """
        self.core = core
        self.ledger = ledger
        """Name of whoever remembers what was granted."""
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        """The loop that it runs in."""
        self.shares: bool = core.shares
        """Whether other processes take from the same limits."""
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf
        self._waiting = 0
        self._timed: set[asyncio.Future[Permit]] = set()

    def grant_now(self, route: Route, priority: Priority) -> Permit | None:
        """Return a permit if one is free at once; `acquire` waits for it otherwise.

        Args:
            route: what is to be sent.
            priority: how urgent it is.
        """
        return self.core.try_grant(route, priority, self.loop.time())

    async def acquire(
        self,
        route: Route,
        *,
        priority: Priority = Priority.INTERACTIVE,
        run: int = 0,
        ticket: int | None = None,
        max_wait: float | None = None,
        among: set[asyncio.Future[Permit]] | None = None,
    ) -> Permit:
        """Wait for a permit; the caller must then settle, lose, refund or throttle it.

        Args:
            route: what is to be sent.
            priority: how urgent it is.
            run: which bulk run it belongs to; 0 for none.
            ticket: that of the request's earlier permit, if it met a 429: it keeps its place.
            max_wait: seconds to wait at most; None for as long as it takes.
            among: where the wait is kept while it lasts, so that whoever owns it can end it by
                setting an exception.

        Raises:
            WaitTooLongError: the permit can't come in time, or has not.
            ClockForgottenError: nothing can go before somebody has asked for the time.
        """
        now = self.loop.time()
        if ticket is None:
            permit = self.core.try_grant(route, priority, now)
            if permit is not None:
                return permit
        if max_wait is not None:
            least = self.core.least_wait(route, priority, now)
            if least > max_wait:
                raise _too_long(route, max_wait, least)
        granted: asyncio.Future[Permit] = self.loop.create_future()
        waiter = self.core.join(
            route, partial(self._deliver, granted), now, priority=priority, run=run, ticket=ticket
        )
        self._waiting += 1
        if among is not None:
            among.add(granted)
        if route.name != CLOCK_ROUTE:
            self._timed.add(granted)
        self._dispatch()
        try:
            async with asyncio.timeout(max_wait):
                return await granted
        except TimeoutError:
            self._give_up(granted, route, waiter)
        except BaseException:
            self._give_up(granted, route, waiter)
            raise
        finally:
            self._waiting -= 1
            self._timed.discard(granted)
            if among is not None:
                among.discard(granted)
        assert max_wait is not None, "only a bounded wait times out"
        raise _too_long(route, max_wait, None)

    def _give_up(self, granted: asyncio.Future[Permit], route: Route, waiter: Waiter) -> None:
        """Undo a wait that ended without its permit being taken, granted or not."""
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self.refund(granted.result())
        else:
            self.core.withdraw(route, waiter)
            self._dispatch()

    def _deliver(self, granted: asyncio.Future[Permit], permit: Permit) -> None:
        # A task that was cancelled in this same step of the loop has not run yet to withdraw.
        if granted.done():
            self.core.refund(permit, self.loop.time())
        else:
            granted.set_result(permit)

    def settle(self, permit: Permit, status: int, date: float | None) -> None:
        """Say that the request was answered, and what its ``Date`` header told."""
        self.core.settle(permit, self.loop.time(), status, date)
        if self._waiting:
            self._dispatch()

    def lose(self, permit: Permit) -> None:
        """Say that the request left and no answer will come."""
        self.core.lose(permit, self.loop.time())
        self._dispatch()

    def refund(self, permit: Permit) -> None:
        """Say that the request provably never left."""
        self.core.refund(permit, self.loop.time())
        self._dispatch()

    def throttle(self, permit: Permit, retry_after: float | None, date: float | None) -> bool:
        """Say that the request was refused with a 429; return whether waiting on is hopeless."""
        hopeless = self.core.throttle(permit, self.loop.time(), retry_after, date)
        self._dispatch()
        return hopeless

    @property
    def needs_clock(self) -> bool:
        """Whether nothing can go before more is known of the service's clock."""
        return self.core.needs_clock(self.loop.time())

    @property
    def clock_tells_most_in(self) -> float:
        """In how many seconds it is best to ask for the time."""
        clock = self.core.clock
        return clock.tells_most_in(self.loop.time()) if clock.known else 0.0

    def dispatch(self) -> None:
        """Give out what has become free by what was leased meanwhile."""
        self._dispatch()

    def give_up(self, error: LedgerError) -> None:
        """End every wait that something leased could have ended.

        Args:
            error: why; each gets one of its own.
        """
        for granted in self._timed:
            if not granted.done():
                granted.set_exception(attrs.evolve(error))

    @property
    def limits(self) -> HardLimits:
        """What requests are held to."""
        return self.core.settings.limits

    @property
    def minute(self) -> float:
        """Length of the service's windows, in seconds."""
        return self.limits.minute

    def presume(self, spent: Iterable[tuple[str, int, int]], open_requests: int) -> None:
        """Take windows as partly used by another process, which has ended.

        Args:
            spent: route, window and how many requests it was granted there.
            open_requests: how many of its requests on each route it saw no end of; the service
                may count these until `Settings.transit_max` from now.
        """
        self.core.presume(spent, open_requests, self.loop.time())

    def snapshot(self) -> tuple[RouteState, ...]:
        """Return what is known of every route that was used so far."""
        return self.core.snapshot(self.loop.time())

    def state(self, permit: Permit) -> RouteState:
        """Return what is known of the route of a permit."""
        bucket = permit.bucket
        limit = self.core.settings.limits.limit(bucket.route.name)
        return bucket.state(self.loop.time(), limit)

    def clock_state(self) -> ClockState | None:
        """Return what is known of the service's clock, or None if that is nothing."""
        return self.core.clock.state(self.loop.time(), time.time(), self.minute)

    def close(self) -> None:
        """Stop the timer; nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, inf

    def _dispatch(self) -> None:
        if not self._waiting:
            return
        wake = self.core.dispatch(self.loop.time())
        if self._timed and self.needs_clock:
            self._send_for_the_time()
        if wake is None:
            return
        # A timer that fires too early asks again; only a later one must be replaced.
        if wake < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            # The timers of uvloop do not always tell when they fire.
            self._wakes_at = wake
            self._timer = self.loop.call_at(wake, self._on_timer)

    def _send_for_the_time(self) -> None:
        for granted in self._timed:
            if not granted.done():
                granted.set_exception(ClockForgottenError())

    def _on_timer(self) -> None:
        self._timer, self._wakes_at = None, inf
        self._dispatch()


def _too_long(route: Route, max_wait: float, least: float | None) -> WaitTooLongError:
    known = "" if least is None else f"; it would be {least:.1f} s at least"
    return WaitTooLongError(
        f"No budget for {route.name} within {max_wait:g} s{known}",
        hint="Wait longer, or use the limit for less",
        route=route.name,
        max_wait=max_wait,
        least=least,
    )
