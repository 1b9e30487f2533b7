"""The hard limits: fixed windows on the server's own clock.

A window is a whole minute of the server's clock, not sixty seconds from somebody's first request:
whoever reaches the limit at 12:45:09 may go on at 12:46:00.
So a counter needs no queue of timestamps, only the number of the window it belongs to; a request
that finds a counter of another window starts it afresh.

Accepted requests fill the window whatever the service answers to them; refused ones leave no trace
in it, or a client that keeps knocking would never be let in again.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HardLimiter", "RouteCount", "WindowCount"]

#: Windows remembered for the statistics, a route: a long run must not grow without end.
_REMEMBERED: Final = 1000


@attrs.define
class WindowCount:
    """What one window of one route has seen."""

    start: float
    """The window's first moment, in seconds since the epoch by the server's clock."""
    accepted: int = 0
    """Requests let through."""
    rejected: int = 0
    """Requests answered with 429."""


@attrs.define
class RouteCount:
    """What one route has seen since the start, and its latest windows."""

    limit: int | None
    """Requests a window; None refuses nothing."""
    windows: deque[WindowCount] = attrs.field(factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest thousand windows in which a request came, the oldest first."""
    accepted: int = 0
    """Requests let through, in all windows."""
    rejected: int = 0
    """Requests answered with 429, in all windows."""

    @property
    def is_full(self) -> bool:
        """Whether its latest window takes no more requests."""
        return self.limit is not None and self.windows[-1].accepted >= self.limit

    def note(self, *, accepted: bool) -> None:
        """Count one request of the latest window."""
        window = self.windows[-1]
        if accepted:
            window.accepted += 1
            self.accepted += 1
        else:
            window.rejected += 1
            self.rejected += 1


class HardLimiter:
    """Counts requests a (profile, route) and says which ones are too many.

    Args:
        limit_of: the requests a window a route accepts; None refuses nothing.
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
        self._counts: dict[tuple[str, str], RouteCount] = {}
        self.accepted: int = 0
        """Requests let through, each once, however many counters it took from."""
        self.rejected: int = 0
        """Requests answered with 429, each once."""

    def admit(self, profile: str, *routes: str) -> int:
        """Count one request that arrives now.

        Args:
            profile: whose counters.
            routes: the counters it takes from, of all or of none: method and template, as the
                table of limits has it, ``"POST /device"``.

        Returns:
            0 when it is let through, else the whole seconds until the next window, at least 1.
        """
        now = self._now()
        number = math.floor(now / self._minute)
        start = number * self._minute
        counts = [self._count(profile, route, start) for route in routes]
        full = [count for count in counts if count.is_full]
        for count in full or counts:
            count.note(accepted=not full)
        if full:
            self.rejected += 1
            return max(1, math.ceil((number + 1) * self._minute - now))
        self.accepted += 1
        return 0

    def _count(self, profile: str, route: str, start: float) -> RouteCount:
        """Return a counter whose latest window is the one that begins at `start`."""
        key = (profile, route)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = RouteCount(self._limit_of(route))
        if not count.windows or count.windows[-1].start != start:
            count.windows.append(WindowCount(start))
        return count

    def counts(self) -> Iterator[tuple[str, str, RouteCount]]:
        """Yield profile, route and count of every route that was asked for."""
        for (profile, route), count in self._counts.items():
            yield profile, route, count

    def change(self, limit_of: Callable[[str], int | None]) -> None:
        """Go by other limits from now on; what was counted stays.

        Args:
            limit_of: the requests a window a route accepts; None refuses nothing.
        """
        self._limit_of = limit_of
        for (_, route), count in self._counts.items():
            count.limit = limit_of(route)

    def reset(self) -> None:
        """Forget every count, as if no request had come yet."""
        self._counts.clear()
        self.accepted = self.rejected = 0
