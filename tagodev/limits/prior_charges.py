"""What another process, which has ended, may have had counted in windows that are still open.

Its journal tells what it was granted; of what it saw no end nobody knows in which window the
service counts it.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev.limits.route_limiter import RouteLimiter

__all__ = ["PriorCharges", "presumed"]

#: How long a request of another process may have been under way, in seconds.
_LONGEST_REQUEST: Final = 120.0


class PriorCharges:
    """Keeps what is presumed of routes that were not used yet."""

    def __init__(self) -> None:
        """Begin with nothing presumed."""
        self._later: dict[str, list[tuple[int, int]]] = {}

    def charge(
        self, presumptions: Iterable[tuple[str, int, int]], to: Mapping[str, RouteLimiter]
    ) -> None:
        """Charge what is presumed, now or when its route is used.

        Args:
            presumptions: route, window and how many requests.
            to: the buckets that there are by now, by their routes' names.
        """
        for name, number, used in presumptions:
            if name in to:
                to[name].windows.presume(number, used)
            else:
                self._later.setdefault(name, []).append((number, used))

    def charge_new(self, bucket: RouteLimiter) -> None:
        """Charge what is presumed to a bucket that was just made."""
        for number, used in self._later.pop(bucket.route.name, ()):
            bucket.windows.presume(number, used)


def presumed(
    spent: Iterable[tuple[str, int, int]], open_requests: int, last: int | None, minute: float
) -> Iterator[tuple[str, int, int]]:
    """Yield route, window and number of what another process may have had counted.

    Args:
        spent: route, window and how many requests it was granted there.
        open_requests: how many requests on each route it saw no end of: they may have been
            counted in any window since.
        last: the last window in which they may be counted; None if that is not known.
        minute: length of a window, in seconds.
    """
    last_of: dict[str, int] = {}
    for name, number, used in spent:
        yield name, number, used
        last_of[name] = max(number, last_of.get(name, number))
    if not open_requests or last is None:
        return
    for name, number in last_of.items():
        # Nothing stays under way for longer than a request may last.
        if last - number <= ceil(_LONGEST_REQUEST / minute):
            for later in range(number + 1, last + 1):
                yield name, later, open_requests
