"""What a shared store keeps of a profile, and how many permits a request gets of it.

A store keeps one value for each profile and length of windows, which only this module reads: what
each process holds, for each route and window. It leases at most the limit less everything held.
A store need only read the value and replace it if it has not changed meanwhile; it knows no leases.
No clock is used: windows are numbered by the service's time, as the processes estimate it.

A value counts its changes. One that has fewer than a process has seen was restored from an older
copy, and what was leased since is unknown: as with a store that has lost its data, nothing is
leased before a window that begins after all earlier leases have expired.

Fair shares
-----------
While a window is young, bulk work of one process gets no more than its fair share of it: what all
get if each gets the same, except those that want less. In the second half of the window whatever
is left is for anyone who asks, so that nothing stays unused because a process is slow.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

import attrs
import orjson

from tagodev._limits.ledger.leases import Lease

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev._limits.ledger.leases import LeaseRequest

__all__ = [
    "PART",
    "PEAK_WINDOWS",
    "SEEN",
    "Exchange",
    "Holding",
    "LeaseStore",
    "Profile",
    "Reply",
    "StoreError",
    "fair_share",
    "permits_for",
    "share_of",
]

#: Number of windows over which the peak of interactive requests is measured.
PEAK_WINDOWS: Final = 5
#: A lease is at most one part in this many of what is left of a window.
PART: Final = 16
#: Minimum part of a window from which the calls in the rest of it are extrapolated.
SEEN: Final = 0.1
#: The part of a window that must be left for fair shares to apply.
_YOUNG: Final = 0.5


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


@attrs.define
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
    interactive: int = 0
    """Its interactive requests."""
    full: bool = False
    """Whether the service has reported the window as full."""
    wants: int = 0
    """Further permits that its bulk work wanted when it asked last."""


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


class Profile:
    """The value that a store keeps of one profile."""

    def __init__(self, value: bytes | None, *, epoch: str = "") -> None:
        """Read a value.

        Args:
            value: what the store has; None if it has none.
            epoch: the epoch of the store; default: that of the value, or a new one.

        Raises:
            StoreError: the value is not one of this module.
        """
        try:
            known: Any = {} if value is None else orjson.loads(value)
            self.epoch: str = epoch or known.get("epoch") or uuid4().hex
            self.first_free: int | None = known.get("first_free")
            self.changes: int = known.get("changes", 0)
            self._lost_in: str = known.get("lost_in", "")
            self._routes: dict[str, list[Holding]] = {
                name: [Holding(*row) for row in rows]
                for name, rows in known.get("routes", {}).items()
            }
        except (ValueError, TypeError, AttributeError):
            problem = "the profile's entry is not one of a ledger"
        else:
            return
        raise StoreError(problem)

    def forget(self, first_free: int) -> None:
        """Begin a new epoch: what was leased is unknown.

        Args:
            first_free: the first window in which anything may be leased.
        """
        self.epoch, self.first_free = uuid4().hex, first_free
        self._routes.clear()

    def note_loss(self, first_free: int) -> None:
        """Record that a process has used an earlier store than this one; the first word counts."""
        if self._lost_in != self.epoch:
            self._lost_in, self.first_free = self.epoch, first_free

    def apply(self, exchange: Exchange) -> Reply:
        """Apply what a process reports, and lease what is available."""
        self.changes += 1
        leases = [self._lease(exchange, request) for request in exchange.requests]
        return Reply(self.epoch, self.first_free or 0, leases)

    def dump(self) -> bytes:
        """Return the value to store."""
        return orjson.dumps(
            {
                "epoch": self.epoch,
                "first_free": self.first_free,
                "changes": self.changes,
                "lost_in": self._lost_in,
                "routes": {
                    name: [attrs.astuple(one) for one in holdings]
                    for name, holdings in self._routes.items()
                },
            }
        )

    @property
    def until(self) -> int:
        """The last window that anything may fall into."""
        ends = [one.until for holdings in self._routes.values() for one in holdings]
        return max([*ends, self.first_free or 0])

    def _lease(self, exchange: Exchange, request: LeaseRequest) -> Lease:
        holdings = self._routes.setdefault(request.route, [])
        key = request.number, exchange.holder
        mine = next((one for one in holdings if (one.number, one.holder) == key), None)
        if mine is None:
            oldest = request.number - 1
            holdings[:] = [
                one
                for one in holdings
                if one.until >= oldest or one.number >= oldest - PEAK_WINDOWS
            ]
            until = request.number + exchange.carried
            mine = Holding(request.number, exchange.holder, request.carry, request.loose, until)
            holdings.append(mine)
        mine.held -= request.back
        mine.interactive += request.interactive
        mine.full = mine.full or request.full
        mine.wants = max(request.want - request.urgent, 0)
        relevant = [
            one
            for one in holdings
            if one.number <= request.number
            and (one.until >= request.number or one.number >= request.number - PEAK_WINDOWS)
        ]
        permits, full = permits_for(request, relevant, exchange.holder)
        mine.held += permits
        mine.wants = max(mine.wants - permits, 0)
        return Lease(request.route, request.number, permits, full)


def permits_for(
    request: LeaseRequest, holdings: Iterable[Holding], holder: str = ""
) -> tuple[int, bool]:
    """Return how many permits a request gets, and whether its window is full.

    Args:
        request: the request; `holdings` includes what it reports and returns.
        holdings: of the same route, up to the window of the request: those that may fall into
            it, and those of the last `PEAK_WINDOWS` before it.
        holder: who requests; empty for no fair share.
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
    present: dict[str, Holding] = {}
    for one in latest.values():
        if one.number == request.number:
            held += one.held
            present[one.holder] = one
        elif one.until >= request.number:
            # Until it reports how much has ended, any of it may fall into this window.
            held += min(one.held, one.loose)
    if full or not request.want:
        return 0, full
    interactive = calls.pop(request.number, 0)
    recent = [count for number, count in calls.items() if number >= request.number - PEAK_WINDOWS]
    peak = max(recent, default=0)
    free = request.limit - held
    permits = share_of(request, free, peak=peak, interactive=interactive)
    if holder in present and request.left > _YOUNG:
        claims = {name: one.held + one.wants for name, one in present.items()}
        leasable = free + sum(one.held for one in present.values())
        fair = fair_share(leasable, claims)[holder]
        most = max(fair - present[holder].held, 0)
        permits = max(min(permits, most), min(request.urgent, free), 0)
    return permits, False


def fair_share(capacity: int, claims: dict[str, int]) -> dict[str, int]:
    """Divide a capacity: each gets the same, except those that claim less.

    Args:
        capacity: what is divided.
        claims: how much each wants in all.

    Examples:
        >>> fair_share(120, {"a": 1000, "b": 50, "c": 10})
        {'c': 10, 'b': 50, 'a': 60}
    """
    shares = {}
    left = capacity
    for nth, name in enumerate(sorted(claims, key=lambda name: claims[name])):
        # Rounded up: what can't be divided goes to the smallest claims.
        equal = -(-left // (len(claims) - nth))
        shares[name] = max(min(claims[name], equal), 0)
        left -= shares[name]
    return shares


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
