"""Priorities, and the queue of requests that wait for a route.

The `interactive` priority goes before `bulk`.
Within the interactive priority the order is first come, first served.
Within the bulk priority each run has its own queue and the runs take turns, so that a run of
ten rows does not wait for a run of a million.

A waiter's ticket is its position.
A request refused with a 429 keeps its ticket, and so its position.
"""

from __future__ import annotations

import enum
from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.route_limiter import Permit

__all__ = ["Priority", "WaitQueue", "Waiter"]


class Priority(enum.StrEnum):
    """How urgent a request is."""

    INTERACTIVE = "interactive"
    """A user waits for it."""
    BULK = "bulk"
    """One of many: it uses what interactive requests leave."""


# A lookup in the class takes longer than the comparison.
_INTERACTIVE: Final = Priority.INTERACTIVE


@attrs.define(eq=False)
class Waiter:
    """A request that waits for its permit."""

    ticket: int
    """Lower tickets go first."""
    deliver: Callable[[Permit], None]
    """Called once, with the permit."""
    priority: Priority
    """How urgent it is."""
    run: int
    """Which bulk run it belongs to; 0 for none."""
    since: float
    """When the wait began."""
    gone: bool = False
    """Whether the wait is over: permit issued, or withdrawn."""

    def __lt__(self, other: Waiter) -> bool:
        return self.ticket < other.ticket


class _Queue:
    """Waiters by ticket.

    Tickets usually arrive in order, so a deque holds them; only those that return with an old
    ticket need a heap. Withdrawn waiters are removed when they are the majority.
    """

    __slots__ = ("_back", "_gone", "_queue")

    def __init__(self) -> None:
        self._queue: deque[Waiter] = deque()
        self._back: list[Waiter] = []
        self._gone = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._back) - self._gone

    def push(self, waiter: Waiter) -> None:
        if not self._queue or waiter.ticket > self._queue[-1].ticket:
            self._queue.append(waiter)
        else:
            heappush(self._back, waiter)

    def head(self) -> Waiter | None:
        queue, back = self._queue, self._back
        if self._gone:
            self._sweep_ends()
        if back and (not queue or back[0] < queue[0]):
            return back[0]
        return queue[0] if queue else None

    def pop(self) -> Waiter:
        """Remove and return the head; there must be one."""
        waiter = self.head()
        if self._back and self._back[0] is waiter:
            return heappop(self._back)
        return self._queue.popleft()

    def _sweep_ends(self) -> None:
        while self._queue and self._queue[0].gone:
            self._queue.popleft()
            self._gone -= 1
        while self._back and self._back[0].gone:
            heappop(self._back)
            self._gone -= 1

    def withdraw(self) -> None:
        self._gone += 1
        # Withdrawn waiters must not use memory.
        if self._gone > (len(self._queue) + len(self._back)) // 2:
            self._queue = deque(waiter for waiter in self._queue if not waiter.gone)
            self._back = [waiter for waiter in self._back if not waiter.gone]
            heapify(self._back)
            self._gone = 0


class WaitQueue:
    """The waiters of one route, in the order in which they go."""

    __slots__ = ("_interactive", "_runs", "_turns")

    def __init__(self) -> None:
        """Begin empty."""
        self._interactive = _Queue()
        self._runs: dict[int, _Queue] = {}
        self._turns: deque[int] = deque()

    def join(self, waiter: Waiter) -> None:
        """Add a waiter."""
        if waiter.priority is _INTERACTIVE:
            self._interactive.push(waiter)
            return
        queue = self._runs.get(waiter.run)
        if queue is None:
            queue = self._runs[waiter.run] = _Queue()
            self._turns.append(waiter.run)
        queue.push(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter that was withdrawn, unless its permit was issued."""
        if waiter.gone:
            return
        waiter.gone = True
        if waiter.priority is _INTERACTIVE:
            self._interactive.withdraw()
            return
        queue = self._runs[waiter.run]
        queue.withdraw()
        if not queue:
            del self._runs[waiter.run]
            self._turns.remove(waiter.run)

    def head(self, priority: Priority) -> Waiter | None:
        """Return the next waiter of a priority."""
        if priority is _INTERACTIVE:
            return self._interactive.head()
        return self._runs[self._turns[0]].head() if self._turns else None

    def pop(self, priority: Priority) -> Waiter:
        """Remove and return the next waiter of a priority; `head` must have returned one."""
        if priority is _INTERACTIVE:
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

    def precedes(self, other: WaitQueue, priority: Priority) -> bool:
        """Return whether the head of a priority goes before that of another queue."""
        mine, theirs = self.head(priority), other.head(priority)
        assert mine is not None, "the queue is not empty"
        assert theirs is not None, "the queue is not empty"
        return mine < theirs

    def waiting(self, priority: Priority) -> int:
        """Return how many requests of a priority wait."""
        if priority is _INTERACTIVE:
            return len(self._interactive)
        return sum(len(queue) for queue in self._runs.values())

    def __bool__(self) -> bool:
        return bool(self._interactive) or bool(self._turns)
