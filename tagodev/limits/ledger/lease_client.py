"""One process's side of the leasing, for all routes of a profile; synchronous, as the core is.

It says what to ask the store, and does what follows from the answer, or from there being none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import attrs

from tagodev.limits.cold_start import CLOCK_ROUTE
from tagodev.limits.ledger.lease_store import Exchange
from tagodev.limits.ledger.leases import carried_windows

if TYPE_CHECKING:
    from tagodev.limits.core import Core
    from tagodev.limits.ledger.lease_store import Reply
    from tagodev.limits.ledger.leases import LeaseBook, LeaseRequest

__all__ = ["LeaseClient"]


class LeaseClient:
    """Leases for one core; one exchange at a time."""

    def __init__(
        self, core: Core, profile: str, *, away_share: float = 0.0, processes: int = 8
    ) -> None:
        """Begin with nothing leased.

        Args:
            core: what grants requests.
            profile: what the profile is called in the store.
            away_share: the part of each limit to use in a window while the store is away.
            processes: for how many processes that part is kept.
        """
        self._core = core
        self._profile = profile
        self._away_share = away_share
        self._processes = processes
        self._holder = uuid4().hex
        self._minute = core.settings.limits.minute
        self._carried = carried_windows(core.settings.longest, self._minute)
        self._epoch = ""

    @property
    def goes_alone(self) -> bool:
        """Whether something may be sent while the store is away."""
        return bool(self._away_share)

    @property
    def restless(self) -> bool:
        """Whether time alone may give a reason to ask."""
        return any(book.restless for book in self._books().values())

    def next_exchange(self, now: float) -> Exchange | None:
        """Return what the store is to be asked now, or None; it must be answered or have failed."""
        buckets = self._core.shared_buckets().values()
        return self._exchange([ask for one in buckets for ask in one.lease_asks(now)], now)

    def last_exchange(self, now: float) -> Exchange | None:
        """Return what the store is to be told when nothing more will be sent."""
        if not self._core.clock.known:
            return None
        books = self._books().items()
        return self._exchange([ask for name, one in books for ask in one.last_asks(name, now)], now)

    def fail(self, exchange: Exchange, now: float) -> None:
        """Go on without an answer; the store may have been reached all the same."""
        books = self._books()
        for ask in exchange.asks:
            books[ask.route].failed(ask)
        if self._away_share and self._core.clock.known:
            for name, book in books.items():
                limit = self._core.settings.limits.limit(name)
                book.go_alone(now, int(limit * self._away_share))

    def take(self, exchange: Exchange, reply: Reply, now: float) -> float:
        """Take an answer.

        Returns:
            For how many seconds nothing may be leased, since the store is new or has forgotten what
            it was told; 0 if that is not so, or no news.
        """
        books = self._books()
        isnew = self._epoch != reply.epoch
        forgotten = isnew and self._epoch != ""
        self._epoch = reply.epoch
        self._core.lease_from(reply.first_free)
        for book in books.values():
            book.come_back()
            if forgotten:
                book.forget()
        if not forgotten:
            for ask, given in zip(exchange.asks, reply.given, strict=True):
                books[ask.route].receive(ask, given, now)
        opens = reply.first_free * self._minute
        return max(opens - self._core.clock.earliest(now), 0.0) if isnew else 0.0

    def _books(self) -> dict[str, LeaseBook]:
        buckets = self._core.shared_buckets().items()
        return {name: one.leases for name, one in buckets if one.leases is not None}

    def _exchange(self, asks: list[LeaseRequest], now: float) -> Exchange | None:
        if not asks:
            return None
        books = self._books()
        for ask in asks:
            books[ask.route].sent(ask)
        # Where windows are of use at all, nobody's clock is further ahead than half of one.
        furthest = self._core.clock.latest(now) + self._minute / 2
        return Exchange(
            profile=self._profile,
            holder=self._holder,
            minute=self._minute,
            carried=self._carried,
            epoch=self._epoch,
            first_safe=int(furthest // self._minute) + 1 + self._carried,
            asks=[attrs.evolve(ask, limit=self._leased_out_of(ask)) for ask in asks],
        )

    def _leased_out_of(self, ask: LeaseRequest) -> int:
        """Return how much of a limit may be leased; the rest is sent without asking."""
        limit = int(ask.limit * (1 - self._away_share * self._processes))
        if ask.route == CLOCK_ROUTE:
            # Each process that starts asks for the time before it can lease.
            limit -= min(self._processes, limit // 2)
        return limit
