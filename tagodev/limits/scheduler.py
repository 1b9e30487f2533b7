"""The scheduler for asyncio: a thin shell around the core.

It holds no task and no lock.
Grants are given out in two places, where something became free (a request was settled) and when
the one timer fires; both run the core to its end within one step of the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tagodev.errors import ClosedError

if TYPE_CHECKING:
    from tagodev.limits.bucket import Permit
    from tagodev.limits.core import BucketState, Core
    from tagodev.limits.routes import Route

__all__ = ["Scheduler"]


class Scheduler:
    """Grants requests their turn; the one gate that every request of a client passes."""

    def __init__(self, core: Core) -> None:
        """Wrap a core, within a running event loop.

        Args:
            core: what decides; nothing else may drive it.
        """
        self._core = core
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Future[Permit]] = set()
        self._closed = False

    async def acquire(self, route: Route, ticket: int | None = None) -> Permit:
        """Wait for a permit; the caller must then settle, lose, refund or throttle it.

        Args:
            route: what is to be sent.
            ticket: that of the request's earlier permit, if it met a 429: it keeps its place.

        Raises:
            ClosedError: the scheduler was closed meanwhile.
        """
        if self._closed:
            raise ClosedError("The client is closed")
        if ticket is None:
            permit = self._core.try_grant(route, self._loop.time())
            if permit is not None:
                return permit
        granted: asyncio.Future[Permit] = self._loop.create_future()

        def deliver(permit: Permit) -> None:
            # A task that was cancelled in this same step of the loop has not run yet to withdraw.
            if granted.done():
                self._core.refund(permit)
            else:
                granted.set_result(permit)

        waiter = self._core.join(route, deliver, ticket)
        self._waiting.add(granted)
        self._dispatch()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.refund(granted.result())
            else:
                self._core.withdraw(route, waiter)
                self._dispatch()
            raise
        finally:
            self._waiting.discard(granted)

    def settle(self, permit: Permit) -> None:
        """Say that the request was answered."""
        self._core.settle(permit, self._loop.time())
        self._dispatch()

    def lose(self, permit: Permit) -> None:
        """Say that the request left and no answer will come."""
        self._core.lose(permit, self._loop.time())
        self._dispatch()

    def refund(self, permit: Permit) -> None:
        """Say that the request provably never left."""
        self._core.refund(permit)
        self._dispatch()

    def throttle(self, permit: Permit, retry_after: float | None) -> bool:
        """Say that the request was refused with a 429; return whether waiting on is hopeless."""
        hopeless = self._core.throttle(permit, self._loop.time(), retry_after)
        self._dispatch()
        return hopeless

    def snapshot(self) -> tuple[BucketState, ...]:
        """Return what is known of every route that was used so far."""
        return self._core.snapshot(self._loop.time())

    def close(self) -> None:
        """Wake every waiter with `ClosedError` and grant nothing more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for granted in self._waiting:
            if not granted.done():
                granted.set_exception(ClosedError("The client was closed while a request waited"))

    def _dispatch(self) -> None:
        if not self._waiting or self._closed:
            return
        wake = self._core.dispatch(self._loop.time())
        if wake is None:
            return
        # A timer that fires too early asks again; only a later one must be replaced.
        if self._timer is None or self._timer.cancelled() or wake < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(wake, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._dispatch()
