"""Who is next: lanes, and the line of waiters of one route.

A person who waits for a page goes before a job that runs for an hour: the `interactive` lane goes
before `bulk`.
Inside the interactive lane the first to come is the first to go.
Inside the bulk lane each run is a line of its own, and the lines take turns, so that a run of ten
rows does not wait for a run of a million; inside a run, again, first come, first served.

A waiter's ticket is its place.
A request that met a 429 comes back with the ticket that it had, and so before those who came later.
"""

from __future__ import annotations

import enum
from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.limits.bucket import Permit

__all__ = ["Lane", "Line", "Waiter"]


class Lane(enum.StrEnum):
    """How urgent a request is."""

    INTERACTIVE = "interactive"
    """Somebody waits for it."""
    BULK = "bulk"
    """One of many: it takes what the others leave."""


@attrs.define(eq=False)
class Waiter:
    """A request that waits for its grant."""

    ticket: int
    """Lower tickets go first."""
    deliver: Callable[[Permit], None]
    """Called once, with the grant."""
    lane: Lane
    """How urgent it is."""
    run: int
    """Which bulk run it belongs to; 0 for none."""
    since: float
    """When it began to wait."""
    gone: bool = False
    """Whether it no longer waits: granted, or withdrawn."""

    def __lt__(self, other: Waiter) -> bool:
        return self.ticket < other.ticket


class _Queue:
    """Waiters by ticket; those who gave up are swept when they are most of it."""

    __slots__ = ("_gone", "_heap")

    def __init__(self) -> None:
        self._heap: list[Waiter] = []
        self._gone = 0

    def __len__(self) -> int:
        return len(self._heap) - self._gone

    def push(self, waiter: Waiter) -> None:
        heappush(self._heap, waiter)

    def head(self) -> Waiter:
        heap = self._heap
        while heap[0].gone:
            heappop(heap)
            self._gone -= 1
        return heap[0]

    def pop(self) -> Waiter:
        self.head()
        return heappop(self._heap)

    def withdraw(self) -> None:
        self._gone += 1
        # A crowd that gave up costs no memory.
        if self._gone > len(self._heap) // 2:
            self._heap = [waiter for waiter in self._heap if not waiter.gone]
            heapify(self._heap)
            self._gone = 0


class Line:
    """The waiters of one route, in the order in which they go."""

    __slots__ = ("_interactive", "_runs", "_turns")

    def __init__(self) -> None:
        """Begin empty."""
        self._interactive = _Queue()
        self._runs: dict[int, _Queue] = {}
        self._turns: deque[int] = deque()

    def join(self, waiter: Waiter) -> None:
        """Put a waiter in its place."""
        if waiter.lane is Lane.INTERACTIVE:
            self._interactive.push(waiter)
            return
        queue = self._runs.get(waiter.run)
        if queue is None:
            queue = self._runs[waiter.run] = _Queue()
            self._turns.append(waiter.run)
        queue.push(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Take out a waiter that gave up, unless it was granted meanwhile."""
        if waiter.gone:
            return
        waiter.gone = True
        if waiter.lane is Lane.INTERACTIVE:
            self._interactive.withdraw()
            return
        queue = self._runs[waiter.run]
        queue.withdraw()
        if not queue:
            del self._runs[waiter.run]
            self._turns.remove(waiter.run)

    def head(self, lane: Lane) -> Waiter | None:
        """Return who is next in a lane."""
        if lane is Lane.INTERACTIVE:
            return self._interactive.head() if self._interactive else None
        return self._runs[self._turns[0]].head() if self._turns else None

    def pop(self, lane: Lane) -> Waiter:
        """Take out who is next in a lane; `head` must have said that there is one."""
        if lane is Lane.INTERACTIVE:
            waiter = self._interactive.pop()
        else:
            run = self._turns[0]
            queue = self._runs[run]
            waiter = queue.pop()
            if not queue:
                del self._runs[run]
                self._turns.popleft()
            elif len(self._turns) > 1:
                self._turns.rotate(-1)
        waiter.gone = True
        return waiter

    def waiting(self, lane: Lane) -> int:
        """Return how many wait in a lane."""
        if lane is Lane.INTERACTIVE:
            return len(self._interactive)
        return sum(len(queue) for queue in self._runs.values())

    def __bool__(self) -> bool:
        return bool(self._interactive) or bool(self._turns)
