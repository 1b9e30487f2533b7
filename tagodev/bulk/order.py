"""Outcomes in the order of their rows, in bounded memory.

Outcomes that come before their turn are held; so that they are not held without end, no further
row is pulled while too many are out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sized

    from tagodev.bulk.outcomes import Outcome

__all__ = ["Order"]


class Order:
    """Holds outcomes until those before them are out."""

    def __init__(self, span: int) -> None:
        """Begin with nothing out.

        Args:
            span: rows that may be out at once.
        """
        self._span = span
        self._turns: deque[int] = deque()
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

    def add(self, index: int) -> None:
        """Note that a row was pulled."""
        self._turns.append(index)

    def release(self, outcome: Outcome) -> list[Outcome]:
        """Take an outcome, and return those whose turn it is."""
        self._held[outcome.index] = outcome
        ready = []
        while self._turns and self._turns[0] in self._held:
            ready.append(self._held.pop(self._turns.popleft()))
        self._moved.set()
        return ready
