"""A buffer that puts outcomes into the order of the input, in bounded memory.

An outcome is held until those before it are out; while too many items are out, no further item is
read.
Items that an earlier process left in doubt are done before any item is read, wherever they are in
the input: their outcomes wait until the items before them have been read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from tagodev._bulk.outcomes import Outcome

__all__ = ["ReorderBuffer"]


class ReorderBuffer:
    """Holds outcomes until those before them are out."""

    def __init__(self, span: int) -> None:
        """Initialize an empty buffer.

        Args:
            span: items that may be out at once.
        """
        self._span = span
        self._turns: deque[int] = deque()
        self._earlier: deque[int] = deque()
        self._last = -1
        self._held: dict[int, Outcome] = {}
        self._progressed = asyncio.Event()

    async def wait_for_slot(self, doubts: Sized) -> bool:
        """Wait until another item may be read.

        Args:
            doubts: items that can't finish before the workers have ended.

        Returns:
            Whether one may; False if only items in doubt block it.
        """
        while len(self._turns) >= self._span:
            if doubts:
                self._progressed.set()
                return False
            self._progressed.clear()
            await self._progressed.wait()
        return True

    def wake(self) -> None:
        """Wake the waiting workers: an item is in doubt now."""
        self._progressed.set()

    def expect(self, indices: Iterable[int]) -> None:
        """Add items that are done before any is read, in their order."""
        self._earlier.extend(indices)

    def add(self, index: int) -> None:
        """Add an item that was read."""
        self._turns.append(index)
        self._last = index

    def release(self, outcome: Outcome) -> list[Outcome]:
        """Add an outcome, and return those that are next."""
        self._held[outcome.index] = outcome
        ready = []
        while (queue := self._next_queue()) and queue[0] in self._held:
            ready.append(self._held.pop(queue.popleft()))
        self._progressed.set()
        return ready

    def remaining(self) -> list[Outcome]:
        """Return the held outcomes in their order, when no further item is read."""
        held, self._held = self._held, {}
        return [held[index] for index in sorted(held)]

    def _next_queue(self) -> deque[int]:
        """Return the queue whose first item is next."""
        if not self._earlier or (self._turns and self._turns[0] < self._earlier[0]):
            return self._turns
        # As long as no later item was read, an earlier one may still be.
        return self._earlier if self._earlier[0] < self._last else deque()
