"""Hard limits: fixed windows on the server's own clock.

A window is a whole minute of the server's clock, not sixty seconds from the first request: a client
that reaches the limit at 12:45:09 may continue at 12:46:00.
So a counter needs no queue of timestamps, only the number of its window; a request in a new window
resets it.

Accepted requests count whatever the service answers to them. Refused requests do not count,
otherwise a client that keeps sending would never be admitted again.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HardLimiter", "RouteCount", "WindowCount"]

#: Maximum number of windows per route that are kept for the statistics.
_REMEMBERED: Final = 1000


@attrs.define
class WindowCount:
    """Counts of one window of one route."""

    start: float
    """The window's first moment, in seconds since the epoch by the server's clock."""
    accepted: int = 0
    """Accepted requests."""
    rejected: int = 0
    """Requests answered with 429."""


@attrs.define
class RouteCount:
    """Counts of one route since the start, and its latest windows."""

    limit: int | None
    """Requests per window; None for no limit."""
    windows: deque[WindowCount] = attrs.field(factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest thousand windows with a request, oldest first."""
    accepted: int = 0
    """Accepted requests, in all windows."""
    rejected: int = 0
    """Requests answered with 429, in all windows."""

    @property
    def is_full(self) -> bool:
        """Whether its latest window accepts no more requests."""
        return self.limit is not None and self.windows[-1].accepted >= self.limit

    def note(self, *, accepted: bool) -> None:
        """Count one request in the latest window."""
        window = self.windows[-1]
        if accepted:
            window.accepted += 1
            self.accepted += 1
        else:
            window.rejected += 1
            self.rejected += 1


class HardLimiter:
    """Counts the requests of one profile by route, and refuses those above the limit.

    Args:
        limit_of: returns a route's limit in requests per window; None for no limit.
        minute: a window's length in seconds.
        now: the server's clock, in seconds since the epoch.
    """

    def __init__(
        self,
        limit_of: Callable[[str], int | None],
        minute: float,
        now: Callable[[], float],
    ) -> None:
        self._limit_of = limit_of
        self._minute = minute
        self._now = now
        self._counts: dict[str, RouteCount] = {}
        self.accepted: int = 0
        """Accepted requests, each once, however many counters it used."""
        self.rejected: int = 0
        """Requests answered with 429, each once."""

    def admit(self, *routes: str) -> int:
        """Count one request that arrives now.

        Args:
            routes: the counters to use, all or none: method and template, as in the table of
                limits, ``"POST /device"``.

        Returns:
            0 when it is accepted, else the whole seconds until the next window, at least 1.
        """
        now = self._now()
        number = math.floor(now / self._minute)
        start = number * self._minute
        counts = [self._count(route, start) for route in routes]
        full = [count for count in counts if count.is_full]
        for count in full or counts:
            count.note(accepted=not full)
        if full:
            self.rejected += 1
            return max(1, math.ceil((number + 1) * self._minute - now))
        self.accepted += 1
        return 0

    def _count(self, route: str, start: float) -> RouteCount:
        """Return a counter whose latest window begins at `start`."""
        count = self._counts.get(route)
        if count is None:
            count = self._counts[route] = RouteCount(self._limit_of(route))
        if not count.windows or count.windows[-1].start != start:
            count.windows.append(WindowCount(start))
        return count

    def counts(self) -> Mapping[str, RouteCount]:
        """Return the counts of every route used."""
        return self._counts

    def change(self, limit_of: Callable[[str], int | None]) -> None:
        """Change the limits; counts stay.

        Args:
            limit_of: returns a route's limit in requests per window; None for no limit.
        """
        self._limit_of = limit_of
        for route, count in self._counts.items():
            count.limit = limit_of(route)

    def reset(self) -> None:
        """Remove all counts."""
        self._counts.clear()
        self.accepted = self.rejected = 0
