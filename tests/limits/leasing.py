"""What the tests of leases share: a store in memory, and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev._limits.ledger.lease_store import Exchange, Profile
from tagodev._limits.ledger.leases import LeaseRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev._limits.ledger.lease_store import Holding, Reply

__all__ = ["MemoryStore", "ask", "exchange"]


class MemoryStore:
    """A `LeaseStore` in memory that can lose its data."""

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.lost = False

    def forget(self) -> None:
        """Lose all data: the first process sets the first window for leases."""
        self.value, self.lost = None, True

    def answer(self, exchange: Exchange) -> Reply:
        """Apply reports, and lease permits."""
        profile = Profile(self.value)
        if self.lost:
            profile.forget(exchange.first_safe)
            self.lost = False
        reply = profile.apply(exchange)
        self.value = profile.dump()
        return reply

    @property
    def holdings(self) -> dict[tuple[str, int, str], Holding]:
        """What each process holds, by route, window and process."""
        routes = Profile(self.value)._routes.items()
        return {(name, one.number, one.holder): one for name, all_ in routes for one in all_}


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
