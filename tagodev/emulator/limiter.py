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

    def admit(self, profile: str, route: str) -> int:
        """Count one request that arrives now.

        Args:
            profile: whose counter.
            route: method and template, as the table of limits has it: ``"POST /device"``.

        Returns:
            0 when it is let through, else the whole seconds until the next window, at least 1.
        """
        key = (profile, route)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = RouteCount(self._limit_of(route))
        now = self._now()
        number = math.floor(now / self._minute)
        start = number * self._minute
        if not count.windows or count.windows[-1].start != start:
            count.windows.append(WindowCount(start))
        window = count.windows[-1]
        if count.limit is not None and window.accepted >= count.limit:
            window.rejected += 1
            count.rejected += 1
            return max(1, math.ceil((number + 1) * self._minute - now))
        window.accepted += 1
        count.accepted += 1
        return 0

    def counts(self) -> Iterator[tuple[str, str, RouteCount]]:
        """Yield profile, route and count of every route that was asked for."""
        for (profile, route), count in self._counts.items():
            yield profile, route, count

    def reset(self) -> None:
        """Forget every count, as if no request had come yet."""
        self._counts.clear()
