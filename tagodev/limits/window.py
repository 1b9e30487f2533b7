"""Fixed windows, counted so that the service never counts more than we do.

The service counts a route's requests in windows that begin at each multiple of a minute of *its*
clock, and refuses the request that would be number L + 1 in one of them.
We know neither when a request will arrive there nor what that clock shows: only bounds of both.
So a request is charged to **every** window in which the service may have counted it:

- from the window of the earliest moment at which it can have arrived (the server's clock read at
  its latest departure, as early as that clock can be),
- to the window of the latest moment at which it can have been counted (the answer's arrival, as
  late as that clock can be); while it is in flight there is no such bound, and it is charged to
  all windows to come.

Why that can't be rejected.
Take any window w of the service and any request that it counts there.
The request was sent by us, its charge covers w from the moment of its grant, and a charge ends
only when it is proved to lie before w.
So the requests counted in w are at most those charged to w.
A grant is given only if, with it, no window in which the new request may fall is charged more than
L; windows further ahead are charged with the requests in flight alone, which are among those of
the present window.
Hence at most L are ever charged to w, and the service counts at most L.

It rests on this: nobody else uses the profile, L is the service's own, the clock's bounds hold, a
request is counted once, between its departure and the arrival of its answer (or `transit_max`
after its connection ended without one), and nothing below us sends it again.

What it costs is only what is not known: a request that may be on either side of a boundary takes
one place on both sides.

A token bucket of L a minute gives no such promise: it starts full and refills meanwhile, so that
up to 2 L - 1 requests fall into one window.
"""

from __future__ import annotations

from math import floor

import attrs

__all__ = ["Charge", "Windows"]


@attrs.define(eq=False)
class Charge:
    """One request's place in the windows, from its grant until it is settled."""

    first: int
    """The first window in which the service may count it."""
    open: bool = True
    """Whether it may still be counted in any window to come."""


@attrs.define(eq=False)
class Windows:
    """The charges of one route.

    Windows are numbered from the epoch: number n begins at ``n * minute`` of the server's clock.
    """

    limit: int
    """How many requests the service accepts in one window."""
    minute: float
    """A window's length in seconds."""
    _settled: dict[int, int] = attrs.field(factory=dict, init=False)
    _open: dict[int, int] = attrs.field(factory=dict, init=False)
    _exhausted: int | None = attrs.field(default=None, init=False)

    def number(self, server_time: float) -> int:
        """Return the number of the window that this moment of the server's clock falls in."""
        return floor(server_time / self.minute)

    def start(self, number: int) -> float:
        """Return the moment of the server's clock at which a window begins."""
        return number * self.minute

    def used(self, number: int) -> int:
        """Return how many requests are charged to a window."""
        in_flight = sum(count for first, count in self._open.items() if first <= number)
        return self._settled.get(number, 0) + in_flight

    def full_until(self, earliest: float, latest: float) -> int | None:
        """Return the first window in which a request is free to go, or None if that is now.

        Args:
            earliest: the server's clock now, as early as it can be.
            latest: the server's clock now, as late as it can be.
        """
        for number in range(self.number(latest), self.number(earliest) - 1, -1):
            if number == self._exhausted or self.used(number) >= self.limit:
                return number + 1
        return None

    def charge(self, earliest: float) -> Charge:
        """Charge a request that leaves now; `full_until` must have said that it may."""
        charge = Charge(self.number(earliest))
        self._open[charge.first] = self._open.get(charge.first, 0) + 1
        return charge

    def settle(self, charge: Charge, latest: float) -> None:
        """End a charge: the service counted the request no later than this moment of its clock."""
        self._close(charge)
        for number in range(charge.first, self.number(latest) + 1):
            self._settled[number] = self._settled.get(number, 0) + 1
        self._forget_before(charge.first)

    def refund(self, charge: Charge) -> None:
        """End the charge of a request that provably never left."""
        self._close(charge)

    def exhaust(self, number: int) -> None:
        """Take a window as used up: the service has said so."""
        if self._exhausted is None or number > self._exhausted:
            self._exhausted = number

    def in_flight(self) -> int:
        """Return how many requests are on their way."""
        return sum(self._open.values())

    def _close(self, charge: Charge) -> None:
        if not charge.open:
            msg = "this request was settled before"
            raise RuntimeError(msg)
        charge.open = False
        left = self._open[charge.first] - 1
        if left:
            self._open[charge.first] = left
        else:
            del self._open[charge.first]

    def _forget_before(self, number: int) -> None:
        # Two windows back nobody asks any more; what is kept is a handful of numbers.
        if len(self._settled) > 4:
            for old in [key for key in self._settled if key < number - 1]:
                del self._settled[old]
