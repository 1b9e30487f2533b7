"""Lease store interface: requests, replies, and how many permits a request gets.

A store does not use clocks.
For each profile, route and window it stores what each process holds, and leases at most the limit
less everything held.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev._limits.ledger.leases import Lease, LeaseRequest

__all__ = [
    "PART",
    "PEAK_WINDOWS",
    "SEEN",
    "Exchange",
    "Holding",
    "LeaseStore",
    "Reply",
    "StoreError",
    "permits_for",
    "share_of",
]

#: Number of windows over which the peak of interactive requests is measured.
PEAK_WINDOWS: Final = 5
#: A lease is at most one part in this many of what is left of a window.
PART: Final = 16
#: Minimum part of a window from which the calls in the rest of it are extrapolated.
SEEN: Final = 0.1


class StoreError(Exception):
    """The store is not available, or its answer is invalid."""

    def __init__(self, problem: str, *, permanent: bool = False) -> None:
        """Create the error.

        Args:
            problem: what is wrong.
            permanent: whether waiting can't help.
        """
        super().__init__(problem)
        self.permanent = permanent


@attrs.frozen(kw_only=True)
class Exchange:
    """One round trip to the store."""

    profile: str
    """Name of the profile; never the token itself."""
    holder: str
    """Which process."""
    window_seconds: float
    """Length of the windows, in seconds."""
    carried: int
    """Number of further windows that a charge may fall into."""
    epoch: str
    """The epoch of the last reply; empty before the first."""
    first_safe: int
    """The first window that begins after everything held by now has expired."""
    requests: Sequence[LeaseRequest]
    """Requests, by route and window."""


@attrs.frozen
class Reply:
    """The store's reply to an exchange."""

    epoch: str
    """Changes when the store has lost its data."""
    first_free: int
    """The first window in which anything may be leased."""
    leases: Sequence[Lease]
    """The lease of each request, in their order."""


@attrs.frozen
class Holding:
    """What a process has reported about a window, and was leased in it."""

    number: int
    """Which window."""
    holder: str
    """Which process."""
    held: int
    """Charges that it may have there."""
    loose: int
    """Maximum number of them that may fall into windows it has not reported about yet."""
    until: int
    """The last window that they may fall into."""
    interactive: int
    """Its interactive requests."""
    full: bool
    """Whether the service has reported the window as full."""


class LeaseStore(Protocol):
    """Stores the leases of many processes."""

    async def exchange(self, exchange: Exchange) -> Reply:
        """Apply what a process reports, and lease what is available; atomic.

        Raises:
            StoreError: the store is not available.
        """
        ...

    async def close(self) -> None:
        """Close the store."""
        ...


def permits_for(request: LeaseRequest, holdings: Iterable[Holding]) -> tuple[int, bool]:
    """Return how many permits a request gets, and whether its window is full.

    Args:
        request: the request; `holdings` includes what it reports and returns.
        holdings: of the same route, up to the window of the request: those that may fall into
            it, and those of the last `PEAK_WINDOWS` before it.
    """
    latest: dict[str, Holding] = {}
    calls: dict[int, int] = {}
    full = False
    for one in holdings:
        if one.holder not in latest or latest[one.holder].number < one.number:
            latest[one.holder] = one
        calls[one.number] = calls.get(one.number, 0) + one.interactive
        full = full or (one.full and one.number == request.number)
    held = 0
    for one in latest.values():
        if one.number == request.number:
            held += one.held
        elif one.until >= request.number:
            # Until it reports how much has ended, any of it may fall into this window.
            held += min(one.held, one.loose)
    if full or not request.want:
        return 0, full
    present = calls.pop(request.number, 0)
    recent = [count for number, count in calls.items() if number >= request.number - PEAK_WINDOWS]
    peak = max(recent, default=0)
    return share_of(request, request.limit - held, peak=peak, interactive=present), False


def share_of(request: LeaseRequest, free: int, *, peak: int, interactive: int) -> int:
    """Return how many permits a request gets.

    Args:
        request: the request.
        free: permits that no process holds.
        peak: recent peak of interactive requests per window, of all processes.
        interactive: interactive requests in this window, of all processes.
    """
    if free <= 0:
        return 0
    urgent = min(request.urgent, free)
    reserve = peak if request.reserve is None else request.reserve
    reserved = max(reserve - interactive - urgent, 0)
    if request.reserve is None:
        # Extrapolated from this window so far.
        reserved = max(reserved, floor(interactive * request.left / max(1 - request.left, SEEN)))
    left = free - urgent - reserved
    bulk = request.want - request.urgent
    if bulk <= 0 or left <= 0:
        return urgent
    # At least a thousandth of the limit, so that the last permits do not take a round trip each.
    block = max(left // PART, request.limit // 1000, 1)
    return urgent + min(bulk, block, left)
