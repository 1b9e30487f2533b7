"""Charges for requests of a process that has ended, in windows that are still open.

Its journal contains the permits of each window. A request without a recorded end may be counted
in any window since.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev._limits.route_limiter import RouteLimiter

__all__ = ["PriorCharges", "prior_charges"]

#: Maximum duration of a request of another process, in seconds.
_LONGEST_REQUEST: Final = 120.0


class PriorCharges:
    """Charges of another process, including those of routes not used yet."""

    def __init__(self) -> None:
        """Start without charges."""
        self._later: dict[str, list[tuple[int, int]]] = {}

    def charge(
        self, charges: Iterable[tuple[str, int, int]], to: Mapping[str, RouteLimiter]
    ) -> None:
        """Add charges now, or when their route is first used.

        Args:
            charges: route, window and number of requests.
            to: the existing limiters by route name.
        """
        for name, number, used in charges:
            if name in to:
                to[name].windows.charge_prior(number, used)
            else:
                self._later.setdefault(name, []).append((number, used))

    def charge_new(self, limiter: RouteLimiter) -> None:
        """Add the charges of a new limiter's route."""
        for number, used in self._later.pop(limiter.route.name, ()):
            limiter.windows.charge_prior(number, used)


def prior_charges(
    spent: Iterable[tuple[str, int, int]],
    open_requests: int,
    last: int | None,
    window_seconds: float,
) -> Iterator[tuple[str, int, int]]:
    """Yield route, window and number of requests that another process may have used.

    Args:
        spent: route, window and number of permits in it.
        open_requests: number of requests per route without a recorded end: they may have been
            counted in any window since.
        last: the last window in which they may be counted; None if unknown.
        window_seconds: length of a window, in seconds.
    """
    last_of: dict[str, int] = {}
    for name, number, used in spent:
        yield name, number, used
        last_of[name] = max(number, last_of.get(name, number))
    if not open_requests or last is None:
        return
    for name, number in last_of.items():
        # No request lasts longer than the maximum duration.
        if last - number <= ceil(_LONGEST_REQUEST / window_seconds):
            for later in range(number + 1, last + 1):
                yield name, later, open_requests
