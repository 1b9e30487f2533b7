"""A bucket: one route's windows, gate, pacing and line of waiters."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.limits.clock import BoundedClock
    from tagodev.limits.pacing import Pacer
    from tagodev.limits.routes import Route
    from tagodev.limits.window import Charge, Windows

__all__ = ["Bucket", "Permit", "Waiter"]


@attrs.define(eq=False)
class Permit:
    """The right to send one request, from its grant until it is settled."""

    bucket: Bucket
    """Where it is charged."""
    charge: Charge
    """Its place in the windows."""
    ticket: int
    """Its place in the line; a request that met a 429 takes the same ticket again."""
    sent_at: float
    """When it was granted, which is the earliest it can have left, on the scheduler's clock."""


@attrs.define(eq=False)
class Waiter:
    """A request that waits for its grant."""

    ticket: int
    """Lower tickets go first."""
    deliver: Callable[[Permit], None]
    """Called once, with the grant."""
    gone: bool = False
    """Whether it no longer waits: granted, or withdrawn."""


@attrs.define(eq=False)
class Bucket:
    """Everything that decides when the next request of one route may go."""

    route: Route
    """What it counts."""
    windows: Windows
    """How many may go."""
    pacer: Pacer
    """How fast they may go."""
    closed_until: float = 0.0
    """The gate: no request goes before this time of the scheduler's clock."""
    rejected: int = 0
    """How many 429s the route has met."""
    barren_windows: int = 0
    """Windows in a row that were closed by a 429 before anything was accepted."""
    accepted_since_closed: bool = False
    """Whether anything was accepted since the gate last closed."""
    _line: list[tuple[int, int, Waiter]] = attrs.field(factory=list)
    _arrivals: int = 0
    _withdrawn: int = 0

    def wait(self, now: float, clock: BoundedClock) -> float:
        """Return in how many seconds the next request may go, as far as is known; 0 for now."""
        if now < self.closed_until:
            return self.closed_until - now
        earliest = clock.earliest(now)
        opening = self.windows.full_until(earliest, clock.latest(now))
        if opening is not None:
            return self.windows.start(opening) - earliest
        return self.pacer.delay()

    def join(self, waiter: Waiter) -> None:
        """Put a waiter in the line, behind those with lower tickets."""
        self._arrivals += 1
        heappush(self._line, (waiter.ticket, self._arrivals, waiter))

    def leave(self, waiter: Waiter) -> None:
        """Take a waiter out of the line, unless it was granted meanwhile."""
        if waiter.gone:
            return
        waiter.gone = True
        self._withdrawn += 1
        # The line is swept when most of it is gone, so that a crowd that gave up costs no memory.
        if self._withdrawn > len(self._line) // 2:
            self._line = [entry for entry in self._line if not entry[2].gone]
            heapify(self._line)
            self._withdrawn = 0

    def head(self) -> Waiter | None:
        """Return who is next."""
        while self._line and self._line[0][2].gone:
            heappop(self._line)
            self._withdrawn -= 1
        return self._line[0][2] if self._line else None

    def pop(self) -> Waiter:
        """Take out who is next; `head` must have said that there is one."""
        waiter = heappop(self._line)[2]
        waiter.gone = True
        return waiter

    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._line) - self._withdrawn

    def close_gate(self, until: float) -> None:
        """Let nothing go before this time; of several deadlines the last holds."""
        if until <= self.closed_until:
            return
        self.closed_until = until
        self.barren_windows = 0 if self.accepted_since_closed else self.barren_windows + 1
        self.accepted_since_closed = False
