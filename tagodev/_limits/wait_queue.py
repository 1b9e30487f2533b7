"""Priorities, connection slots, and the queue of requests that wait for a route.

The `interactive` priority goes before `bulk`.
Each client has slots of its own, as many as connections; a request whose client has none free is
passed over.
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
from math import inf
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.route_limiter import Permit

__all__ = ["Priority", "Slots", "WaitQueue", "Waiter"]

#: Bulk work leaves one slot in so many to interactive calls.
_RESERVED: Final = 16
#: Bulk work of one route leaves one of its slots in so many to other routes.
_OF_OTHERS: Final = 32
#: Clients with fewer slots divide them between priorities only.
_FEW: Final = 8


class Priority(enum.StrEnum):
    """How urgent a request is."""

    INTERACTIVE = "interactive"
    """A user waits for it."""
    BULK = "bulk"
    """One of many: it uses what interactive requests leave."""


# A lookup in the class takes longer than the comparison.
_INTERACTIVE: Final = Priority.INTERACTIVE


class Slots:
    """Connection slots of one client.

    Bulk work never holds all of them, so that interactive calls need not wait for its answers; nor
    does the bulk work of one route hold all that bulk work may.
    """

    __slots__ = ("_bulk", "_bulk_of", "_most_bulk", "_most_of_route", "free", "size")

    def __init__(self, size: int) -> None:
        """Start with all slots free.

        Args:
            size: requests that may be in flight at once.
        """
        self.size: Final = size
        self.free: int = size
        """Number of free slots."""
        self._most_bulk = size - max(size // _RESERVED, 1) if size > 1 else size
        self._most_of_route = self._most_bulk
        if size >= _FEW:
            self._most_of_route -= max(size // _OF_OTHERS, 1)
        self._bulk = 0
        self._bulk_of: dict[str, int] = {}

    @property
    def bulk(self) -> int:
        """Number of slots that the bulk work of one route may hold."""
        return self._most_of_route

    def has(self, priority: Priority, route: str) -> bool:
        """Return whether a slot is free for a priority of a route.

        Args:
            priority: the priority.
            route: the route's name.
        """
        if self.free <= 0:
            return False
        if priority is _INTERACTIVE:
            return True
        most = self._bulk_of.get(route, 0) < self._most_of_route
        return most and self._bulk < self._most_bulk

    def take(self, priority: Priority, route: str) -> None:
        """Take a slot, which must be free."""
        self.free -= 1
        if priority is not _INTERACTIVE:
            self._bulk += 1
            self._bulk_of[route] = self._bulk_of.get(route, 0) + 1

    def release(self, priority: Priority, route: str) -> None:
        """Free a slot that was taken."""
        self.free += 1
        if priority is not _INTERACTIVE:
            self._bulk -= 1
            self._bulk_of[route] -= 1


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
    slots: Slots | None = None
    """Connection slots of its client; None for no limit."""
    route: str = ""
    """Name of its route."""
    device: str = ""
    """The device that a soft limit may limit; empty for none."""
    parked: bool = False
    """Whether it is out of the queue until its device may send again."""
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

    __slots__ = ("_interactive", "_parked", "_route", "_runs", "_turns")

    def __init__(self, route: str = "") -> None:
        """Begin empty.

        Args:
            route: the route's name.
        """
        self._route = route
        self._interactive: dict[Slots | None, _Queue] = {}
        self._runs: dict[tuple[Slots | None, int], _Queue] = {}
        self._turns: deque[tuple[Slots | None, int]] = deque()
        self._parked: list[tuple[float, Waiter]] = []

    def join(self, waiter: Waiter) -> None:
        """Add a waiter."""
        if waiter.priority is _INTERACTIVE:
            calls = self._interactive.get(waiter.slots)
            if calls is None:
                calls = self._interactive[waiter.slots] = _Queue()
            calls.push(waiter)
            return
        key = waiter.slots, waiter.run
        queue = self._runs.get(key)
        if queue is None:
            queue = self._runs[key] = _Queue()
            self._turns.append(key)
        queue.push(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter that was withdrawn, unless its permit was issued."""
        if waiter.gone:
            return
        waiter.gone = True
        if waiter.parked:
            self._parked = [parked for parked in self._parked if parked[1] is not waiter]
            heapify(self._parked)
            return
        if waiter.priority is _INTERACTIVE:
            queue = self._interactive[waiter.slots]
            queue.withdraw()
            if not queue:
                del self._interactive[waiter.slots]
            return
        key = waiter.slots, waiter.run
        queue = self._runs[key]
        queue.withdraw()
        if not queue:
            del self._runs[key]
            self._turns.remove(key)

    def head(self, priority: Priority) -> Waiter | None:
        """Return the next waiter of a priority whose client has a slot for it."""
        if priority is _INTERACTIVE:
            if not self._interactive:
                return None
            if len(self._interactive) == 1:
                ((slots, calls),) = self._interactive.items()
                return calls.head() if slots is None or slots.free > 0 else None
            heads = [
                calls.head()
                for slots, calls in self._interactive.items()
                if slots is None or slots.free > 0
            ]
            return min((head for head in heads if head is not None), default=None)
        for key in self._turns:
            if key[0] is None or key[0].has(priority, self._route):
                return self._runs[key].head()
        return None

    def pop(self, priority: Priority) -> Waiter:
        """Remove and return the next waiter of a priority; `head` must have returned one."""
        waiter = self.head(priority)
        assert waiter is not None, "there is a waiter with a slot"
        self.remove(waiter)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Remove a waiter that `head` has just returned."""
        if waiter.priority is _INTERACTIVE:
            queue = self._interactive[waiter.slots]
            queue.pop().gone = True
            if not queue:
                del self._interactive[waiter.slots]
            return
        key = waiter.slots, waiter.run
        queue = self._runs[key]
        queue.pop().gone = True
        if not queue:
            del self._runs[key]
            self._turns.remove(key)
        elif len(self._turns) > 1:
            self._turns.remove(key)
            self._turns.append(key)

    def park(self, waiter: Waiter, until: float) -> None:
        """Take the waiter that `head` has just returned out of the queue for some time.

        Args:
            waiter: the waiter.
            until: when it joins again, with its ticket.
        """
        self.remove(waiter)
        waiter.gone, waiter.parked = False, True
        heappush(self._parked, (until, waiter))

    def unpark(self, now: float) -> None:
        """Let waiters join again whose time has come."""
        while self._parked and self._parked[0][0] <= now:
            _, waiter = heappop(self._parked)
            waiter.parked = False
            self.join(waiter)

    @property
    def unparks_at(self) -> float:
        """When the next waiter joins again; infinite if none will."""
        return self._parked[0][0] if self._parked else inf

    def waiting(self, priority: Priority) -> int:
        """Return how many requests of a priority wait."""
        queues = self._interactive if priority is _INTERACTIVE else self._runs
        parked = sum(waiter.priority is priority for _, waiter in self._parked)
        return sum(len(queue) for queue in queues.values()) + parked

    def __bool__(self) -> bool:
        return bool(self._interactive) or bool(self._turns) or bool(self._parked)
