"""Sources of a run's items: the caller's iterable, a journal, or both.

A journal identifies its entries by hash.
If a run is resumed with the same input, known items are compared and, if they are finished,
skipped; a different input is refused at its first different item, before anything of it is sent.
Without an input the entries of the journal are used: an input that can't be read again is stored
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

import orjson

from tagodev._bulk.journal.entry import EntryState
from tagodev._serialization.converter import StructureError, to_json
from tagodev.errors import InputError, JournalError

if TYPE_CHECKING:
    from tagodev._bulk.journal.entry import JournalEntry
    from tagodev._bulk.journal.store import Journal
    from tagodev._bulk.journal.writer import JournalWriter
    from tagodev._bulk.operations.base import Operation

__all__ = ["JournalInput", "Many", "RunInput", "digest_of", "other_input", "read_row"]

Item = TypeVar("Item")

#: Any source of items.
Many: TypeAlias = Iterable[Item] | AsyncIterable[Item]

#: Items skipped before other tasks get a turn in the event loop.
_YIELD_EVERY: Final = 1000


def digest_of(payload: bytes) -> bytes:
    """Return the hash by which a journal identifies an item."""
    return blake2b(payload, digest_size=12).digest()


def other_input(journal: Journal, how: str) -> JournalError:
    """Return the error for an input that does not match the journal.

    Args:
        journal: the journal.
        how: the difference.
    """
    return JournalError(
        f"the journal belongs to another input: {how}",
        journal=str(journal.path),
        hint="Pass the input that the journal was created for, or another journal",
    )


def read_row(operation: Operation[Item], journal: Journal, entry: JournalEntry) -> Item:
    """Return the item of a journal entry.

    Raises:
        JournalError: it can't be read.
    """
    try:
        return operation.decode(entry.payload)
    except (StructureError, orjson.JSONDecodeError) as error:
        problem = str(error)
    raise JournalError(
        f"entry {entry.number + 1} can't be read: {problem}",
        journal=str(journal.path),
        hint="Pass the input as well",
    )


class RunInput(Generic[Item]):
    """Returns the items of any iterable, one at a time, to several workers."""

    def __init__(self, items: Many[Item]) -> None:
        """Initialize the source.

        Args:
            items: any iterable or async iterable.
        """
        self._lock = asyncio.Lock()
        self._index = -1
        self._ended = False
        self._failed = False
        self._items: Iterator[Item] | AsyncIterator[Item] = (
            aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        )

    async def pull(self) -> tuple[int, Item] | None:
        """Return the next item and its index, or None at the end."""
        async with self._lock:
            return await self._next()

    async def _next(self) -> tuple[int, Item] | None:
        if self._ended:
            return None
        # It has ended unless it returns an item: after an exception it is not called again.
        self._ended = self._failed = True
        try:
            items = self._items
            item = await anext(items) if isinstance(items, AsyncIterator) else next(items)
        except (StopIteration, StopAsyncIteration):
            self._failed = False
            return None
        self._ended = self._failed = False
        self._index += 1
        return self._index, item


class JournalInput(RunInput[Item]):
    """Returns the items of a source that the journal does not show as finished."""

    def __init__(
        self,
        items: Many[Item] | None,
        operation: Operation[Item],
        journal: Journal,
        writer: JournalWriter,
    ) -> None:
        """Initialize the source.

        Args:
            items: the input; None for the entries of the journal.
            operation: encodes and decodes items.
            journal: open for reading.
            writer: the journal's writer, for items that the journal does not know yet.
        """
        super().__init__(() if items is None else items)
        self._from_journal = items is None
        self._operation = operation
        self._journal = journal
        self._writer = writer
        self._pending = journal.rows(EntryState.PENDING)
        self._known = journal.hashes()
        # Checked once: a check for each item would double the time of this loop.
        self._was_complete = journal.whole
        self.skipped: int = 0
        """Items skipped because they are finished."""

    async def pull(self) -> tuple[int, Item] | None:
        """Return the next unfinished item, or None at the end.

        Raises:
            JournalError: the input does not match the journal.
        """
        async with self._lock:
            if self._from_journal:
                entry = next(self._pending, None)
                if entry is None:
                    return None
                return entry.number, read_row(self._operation, self._journal, entry)
            return await self._next_unfinished()

    async def _next_unfinished(self) -> tuple[int, Item] | None:
        while (pulled := await self._next()) is not None:
            index, item = pulled
            payload = self._encoded(item)
            digest = digest_of(payload)
            state = self._compare(index, digest)
            if state is None:
                self._writer.pulled(index, digest, payload)
                return pulled
            if state is EntryState.PENDING:
                return pulled
            self.skipped += 1
            if self.skipped % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if not self._failed:
            self._finish()
        return None

    def _encoded(self, item: Item) -> bytes:
        try:
            return self._operation.encode(item)
        except InputError:
            # The operation refuses this item when it is done; the others are not affected.
            return to_json(ascii(item))

    def _compare(self, index: int, digest: bytes) -> EntryState | None:
        """Return an entry's state, or None if the journal does not have it yet."""
        known = next(self._known, None)
        if known is None:
            if self._was_complete:
                raise other_input(self._journal, f"it has {index} rows, and the input has more")
            return None
        number, expected, state = known
        if number != index or expected != digest:
            raise other_input(self._journal, f"row {index + 1} is different")
        return state

    def _finish(self) -> None:
        if next(self._known, None) is not None:
            raise other_input(self._journal, "the input has fewer rows")
        self._writer.whole()
