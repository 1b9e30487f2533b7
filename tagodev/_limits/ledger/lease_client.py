"""Lease client: one process's side of leasing, for all routes of a profile; synchronous.

It builds the requests to the store and applies the reply, or its absence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import attrs

from tagodev._limits.ledger.lease_store import Exchange
from tagodev._limits.routes import CLOCK_ROUTE
from tagodev._limits.window import windows_open

if TYPE_CHECKING:
    from tagodev._limits.core import Core
    from tagodev._limits.ledger.lease_store import Reply
    from tagodev._limits.ledger.leases import LeaseBook, LeaseRequest

__all__ = ["LeaseClient"]


class LeaseClient:
    """Leases permits for one core; one exchange at a time."""

    def __init__(
        self, core: Core, profile: str, *, away_share: float = 0.0, processes: int = 8
    ) -> None:
        """Start without leases.

        Args:
            core: the core that issues permits.
            profile: name of the profile in the store.
            away_share: fraction of each limit to use in a window while the store is not available.
            processes: number of processes that this fraction is reserved for.
        """
        self._core = core
        self._profile = profile
        self._away_share = away_share
        self._processes = processes
        self._holder = uuid4().hex
        self._window_seconds = core.settings.limits.minute
        self._carried = windows_open(core.settings.longest, self._window_seconds)
        self._epoch = ""

    @property
    def works_offline(self) -> bool:
        """Whether requests may be sent while the store is not available."""
        return bool(self._away_share)

    @property
    def needs_polling(self) -> bool:
        """Whether time alone may require a request to the store."""
        return any(book.needs_polling for book in self._books().values())

    def next_exchange(self, now: float) -> Exchange | None:
        """Return the next exchange, or None; pass the reply to `take`, or call `fail`."""
        limiters = self._core.shared_limiters().values()
        return self._exchange(
            [request for one in limiters for request in one.lease_requests(now)], now
        )

    def last_exchange(self, now: float) -> Exchange | None:
        """Return the final exchange after the last request, or None."""
        if not self._core.clock.known:
            return None
        books = self._books().items()
        return self._exchange(
            [request for name, one in books for request in one.last_requests(name, now)], now
        )

    def fail(self, exchange: Exchange, now: float) -> None:
        """Record an exchange without a reply; the store may have been reached all the same."""
        books = self._books()
        for request in exchange.requests:
            books[request.route].failed(request)
        if self._away_share and self._core.clock.known:
            for name, book in books.items():
                limit = self._core.settings.limits.limit(name)
                book.start_offline(now, int(limit * self._away_share))

    def take(self, exchange: Exchange, reply: Reply, now: float) -> float:
        """Apply a reply.

        Returns:
            Seconds for which nothing can be leased because the store is new or has lost its data;
            0 otherwise.
        """
        books = self._books()
        is_new = self._epoch != reply.epoch
        forgotten = is_new and self._epoch != ""
        self._epoch = reply.epoch
        self._core.lease_from(reply.first_free)
        for book in books.values():
            book.end_offline()
            if forgotten:
                book.forget()
        if not forgotten:
            for request, leases in zip(exchange.requests, reply.leases, strict=True):
                books[request.route].receive(request, leases, now)
        opens = reply.first_free * self._window_seconds
        return max(opens - self._core.clock.earliest(now), 0.0) if is_new else 0.0

    def _books(self) -> dict[str, LeaseBook]:
        limiters = self._core.shared_limiters().items()
        return {name: one.leases for name, one in limiters if one.leases is not None}

    def _exchange(self, requests: list[LeaseRequest], now: float) -> Exchange | None:
        if not requests:
            return None
        books = self._books()
        for request in requests:
            books[request.route].sent(request)
        # Where windows can be distinguished, no process's clock is ahead by more than half of one.
        furthest = self._core.clock.latest(now) + self._window_seconds / 2
        return Exchange(
            profile=self._profile,
            holder=self._holder,
            window_seconds=self._window_seconds,
            carried=self._carried,
            epoch=self._epoch,
            first_safe=int(furthest // self._window_seconds) + 1 + self._carried,
            requests=[attrs.evolve(request, limit=self._leasable(request)) for request in requests],
        )

    def _leasable(self, request: LeaseRequest) -> int:
        """Return how much of a limit may be leased; the rest is used without a lease."""
        limit = int(request.limit * (1 - self._away_share * self._processes))
        if request.route == CLOCK_ROUTE:
            # Each process queries the time before it can lease.
            limit -= min(self._processes, limit // 2)
        return limit
