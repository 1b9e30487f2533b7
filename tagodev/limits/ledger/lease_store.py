"""Where leases are kept: what a store is asked, and what every store answers.

A store knows nothing of clocks.
It keeps, for each profile, route and window, what each process holds, and gives out no more than
the limit less everything that is held.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev.limits.ledger.leases import LeaseGrant, LeaseRequest

__all__ = [
    "PART",
    "PEAK_WINDOWS",
    "SEEN",
    "Exchange",
    "Holding",
    "LeaseStore",
    "Reply",
    "StoreError",
    "places_for",
    "share_of",
]

#: For how many windows the interactive priority's peak is remembered.
PEAK_WINDOWS: Final = 5
#: A block is at most this part of what is left of a window.
PART: Final = 16
#: From the calls of this part of a window at least it is told how many will come in the rest.
SEEN: Final = 0.1


class StoreError(Exception):
    """The store is away, or does not answer as it should."""

    def __init__(self, problem: str, *, lasting: bool = False) -> None:
        """Say what is wrong.

        Args:
            problem: in words.
            lasting: whether it is wrong for good, so that waiting mends nothing.
        """
        super().__init__(problem)
        self.lasting = lasting


@attrs.frozen(kw_only=True)
class Exchange:
    """One round trip to the store."""

    profile: str
    """Whose budget it is; never the token itself."""
    holder: str
    """Which process asks."""
    minute: float
    """Length of the windows, in seconds."""
    carried: int
    """Into how many further windows a charge may fall."""
    epoch: str
    """The epoch that the process has seen last; empty before the first."""
    first_safe: int
    """The first window that begins after everything is past that anybody may hold by now."""
    asks: Sequence[LeaseRequest]
    """What is asked."""


@attrs.frozen
class Reply:
    """What came back."""

    epoch: str
    """Changes when the store has forgotten what it was told."""
    first_free: int
    """The first window in which anything may be leased."""
    given: Sequence[LeaseGrant]
    """What was given for each ask, in their order."""


@attrs.frozen
class Holding:
    """What a process has said of a window, and was given there."""

    number: int
    """Which window."""
    holder: str
    """Which process."""
    held: int
    """Charges that it may have there."""
    loose: int
    """The most of them that may fall into windows of which it has said nothing yet."""
    until: int
    """The last window into which they may fall."""
    interactive: int
    """Its interactive grants."""
    full: bool
    """Whether the service has told it that the window is full."""


class LeaseStore(Protocol):
    """Keeps leases for many processes."""

    async def exchange(self, exchange: Exchange) -> Reply:
        """Take in what is told, and give what is asked for as far as there is any; one step.

        Raises:
            StoreError: the store is away.
        """
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


def places_for(ask: LeaseRequest, holdings: Iterable[Holding]) -> tuple[int, bool]:
    """Return how many places an ask is given, and whether its window is full.

    Args:
        ask: what is asked; what it tells and gives back stands in `holdings` already.
        holdings: of the same route, up to the window that is asked about: those that may fall into
            it, and those of the last `PEAK_WINDOWS` before it.
    """
    latest: dict[str, Holding] = {}
    calls: dict[int, int] = {}
    full = False
    for one in holdings:
        if one.holder not in latest or latest[one.holder].number < one.number:
            latest[one.holder] = one
        calls[one.number] = calls.get(one.number, 0) + one.interactive
        full = full or (one.full and one.number == ask.number)
    held = 0
    for one in latest.values():
        if one.number == ask.number:
            held += one.held
        elif one.until >= ask.number:
            # Until it says how much of that is past, any of it may fall into this window.
            held += min(one.held, one.loose)
    if full or not ask.want:
        return 0, full
    present = calls.pop(ask.number, 0)
    recent = [count for number, count in calls.items() if number >= ask.number - PEAK_WINDOWS]
    peak = max(recent, default=0)
    return share_of(ask, ask.limit - held, peak=peak, interactive=present), False


def share_of(ask: LeaseRequest, free: int, *, peak: int, interactive: int) -> int:
    """Return how many places an ask is given.

    Args:
        ask: what is asked.
        free: places that nobody holds.
        peak: interactive grants a window of late, by all processes.
        interactive: interactive grants in this window, by all processes.
    """
    if free <= 0:
        return 0
    urgent = min(ask.urgent, free)
    reserve = peak if ask.reserve is None else ask.reserve
    kept = max(reserve - interactive - urgent, 0)
    if ask.reserve is None:
        # Going on as in this window so far they need as many in the rest of it.
        kept = max(kept, floor(interactive * ask.left / max(1 - ask.left, SEEN)))
    left = free - urgent - kept
    bulk = ask.want - ask.urgent
    if bulk <= 0 or left <= 0:
        return urgent
    # No less than a thousandth of the limit: the last places must not take a round trip each.
    block = max(left // PART, ask.limit // 1000, 1)
    return urgent + min(bulk, block, left)
