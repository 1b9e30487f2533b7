"""Outcomes in the order of their rows, in bounded memory.

Outcomes that come before their turn are held; so that they are not held without end, no further
row is pulled while too many are out.
Rows that an earlier process has left in doubt are done before any row is pulled, wherever they
stand in the input: their outcomes wait until the rows before them have been pulled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from tagodev.bulk.outcomes import Outcome

__all__ = ["ReorderBuffer"]


class ReorderBuffer:
    """Holds outcomes until those before them are out."""

    def __init__(self, span: int) -> None:
        """Begin with nothing out.

        Args:
            span: rows that may be out at once.
        """
        self._span = span
        self._turns: deque[int] = deque()
        self._earlier: deque[int] = deque()
        self._last = -1
        self._held: dict[int, Outcome] = {}
        self._moved = asyncio.Event()

    async def room(self, doubts: Sized) -> bool:
        """Wait until another row may be pulled.

        Args:
            doubts: rows that will not move before the workers have ended.

        Returns:
            Whether one may; False if only rows in doubt are in the way.
        """
        while len(self._turns) >= self._span:
            if doubts:
                self._moved.set()
                return False
            self._moved.clear()
            await self._moved.wait()
        return True

    def wake(self) -> None:
        """Let those who wait for room look again: a row has become one in doubt."""
        self._moved.set()

    def expect(self, indices: Iterable[int]) -> None:
        """Note rows that are done before any is pulled, in their order."""
        self._earlier.extend(indices)

    def add(self, index: int) -> None:
        """Note that a row was pulled."""
        self._turns.append(index)
        self._last = index

    def release(self, outcome: Outcome) -> list[Outcome]:
        """Take an outcome, and return those whose turn it is."""
        self._held[outcome.index] = outcome
        ready = []
        while (line := self._next_line()) and line[0] in self._held:
            ready.append(self._held.pop(line.popleft()))
        self._moved.set()
        return ready

    def rest(self) -> list[Outcome]:
        """Return what is held when no further row is pulled, in its order."""
        held, self._held = self._held, {}
        return [held[index] for index in sorted(held)]

    def _next_line(self) -> deque[int]:
        """Return the line whose first row comes next."""
        if not self._earlier or (self._turns and self._turns[0] < self._earlier[0]):
            return self._turns
        # As long as no later row was pulled, one that comes before it still may be.
        return self._earlier if self._earlier[0] < self._last else deque()
