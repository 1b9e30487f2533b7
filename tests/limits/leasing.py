"""What the tests of leases share: a store in memory, and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs

from tagodev._limits.ledger.lease_store import Exchange, Holding, Reply, permits_for
from tagodev._limits.ledger.leases import Lease, LeaseRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MemoryStore", "ask", "exchange"]


class MemoryStore:
    """A `LeaseStore` in memory that can lose its data."""

    def __init__(self) -> None:
        self.epoch = uuid4().hex
        self.first_free: int | None = 0
        self.holdings: dict[tuple[str, int, str], Holding] = {}

    def forget(self) -> None:
        """Lose all data: the first process sets the first window for leases."""
        self.epoch, self.first_free = uuid4().hex, None
        self.holdings.clear()

    def answer(self, exchange: Exchange) -> Reply:
        """Apply reports, and lease permits."""
        if self.first_free is None:
            self.first_free = exchange.first_safe
        given = [self._give(exchange, one) for one in exchange.requests]
        return Reply(self.epoch, self.first_free, given)

    def _give(self, exchange: Exchange, ask: LeaseRequest) -> Lease:
        key = ask.route, ask.number, exchange.holder
        until = ask.number + exchange.carried
        new = Holding(ask.number, exchange.holder, ask.carry, ask.loose, until, 0, False)
        mine = self.holdings.get(key, new)
        mine = attrs.evolve(
            mine,
            held=mine.held - ask.back,
            interactive=mine.interactive + ask.interactive,
            full=mine.full or ask.full,
        )
        self.holdings[key] = mine
        route = [
            holding
            for (name, number, _), holding in self.holdings.items()
            if name == ask.route and number <= ask.number
        ]
        parts, full = permits_for(ask, route)
        self.holdings[key] = attrs.evolve(mine, held=mine.held + parts)
        return Lease(ask.route, ask.number, parts, full)


def ask(number: int = 100, want: int = 0, **others: Any) -> LeaseRequest:
    """Return a lease request for a route with 320 requests per window."""
    known = {"route": "POST /device", "limit": 320, "carry": 0, "loose": 64}
    return LeaseRequest(number=number, want=want, **{**known, **others})


def exchange(*asks: LeaseRequest, holder: str = "one", **others: Any) -> Exchange:
    """Return a round trip of a process that has not seen the store before."""
    known: dict[str, Any] = {"profile": "garden", "window_seconds": 60.0, "carried": 2}
    known |= {"epoch": "", "first_safe": 103}
    wanted: Sequence[LeaseRequest] = asks
    return Exchange(holder=holder, requests=wanted, **{**known, **others})
