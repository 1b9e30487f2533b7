"""Where leases are kept: what a store is asked, and what every store answers.

A store knows nothing of clocks.
It keeps, for each profile, route and window, how many places each process holds, and gives out no
more than the limit less everything that is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.limits.leases import Ask, Given

__all__ = ["PEAK_WINDOWS", "Exchange", "LeaseStore", "Reply", "StoreError", "share_of"]

#: For how many windows the interactive lane's peak is remembered.
PEAK_WINDOWS: Final = 5
#: A block is at most this part of what is left of a window.
_PART: Final = 32


class StoreError(Exception):
    """The store is away, or does not answer as it should."""


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
    first_safe: int
    """The first window that begins after everything is past that anybody may hold by now."""
    asks: Sequence[Ask]
    """What is asked."""


@attrs.frozen
class Reply:
    """What came back."""

    epoch: str
    """Changes when the store has come back empty."""
    first_free: int
    """The first window in which anything may be leased."""
    given: Sequence[Given]
    """What was given for each ask, in their order."""


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


def share_of(ask: Ask, free: int, *, peak: int, interactive: int) -> int:
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
    left = free - urgent - max(reserve - interactive - urgent, 0)
    bulk = ask.want - ask.urgent
    if bulk <= 0 or left <= 0:
        return urgent
    return urgent + min(bulk, max(left // _PART, 1))
