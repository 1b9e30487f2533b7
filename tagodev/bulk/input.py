"""Where the rows of a run come from: the caller's iterable, a journal, or both.

A journal knows its rows by their hashes.
When a run goes on with the same input, rows that it knows are compared and, if nothing is left to
do for them, passed over before they cost anything; an input that differs is refused at its first
other row, before anything of it was sent.
Without an input the journal's own rows are used: it holds what was read from a source that can't be
read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

import orjson

from tagodev.bulk.journal.entry import EntryState
from tagodev.errors import InputError, JournalError
from tagodev.serialization.converter import StructureError, to_json

if TYPE_CHECKING:
    from tagodev.bulk.journal.entry import JournalEntry
    from tagodev.bulk.journal.store import Journal
    from tagodev.bulk.journal.writer import JournalWriter
    from tagodev.bulk.operations.base import Operation

__all__ = ["JournalInput", "Many", "RunInput", "digest_of", "other_input", "read_row"]

Item = TypeVar("Item")

#: Any source of rows.
Many: TypeAlias = Iterable[Item] | AsyncIterable[Item]

#: Rows passed over before others get a turn in the event loop.
_AT_ONCE: Final = 1000


def digest_of(payload: bytes) -> bytes:
    """Return what a journal knows a row by."""
    return blake2b(payload, digest_size=12).digest()


def other_input(journal: Journal, how: str) -> JournalError:
    """Return the error of an input that is not the one that a journal was begun with.

    Args:
        journal: which.
        how: where they differ.
    """
    return JournalError(
        f"the journal is of another input: {how}",
        journal=str(journal.path),
        hint="Give the input that it was begun with, or another journal",
    )


def read_row(operation: Operation[Item], journal: Journal, entry: JournalEntry) -> Item:
    """Return a row as a journal holds it.

    Raises:
        JournalError: it can't be read.
    """
    try:
        return operation.decode(entry.payload)
    except (StructureError, orjson.JSONDecodeError) as error:
        problem = str(error)
    raise JournalError(
        f"row {entry.number + 1} can't be read: {problem}",
        journal=str(journal.path),
        hint="Give the input too",
    )


class RunInput(Generic[Item]):
    """Hands out the rows of any iterable, one at a time, to many workers."""

    def __init__(self, items: Many[Item]) -> None:
        """Begin before the first row.

        Args:
            items: any iterable or async iterable.
        """
        self._lock = asyncio.Lock()
        self._index = -1
        self._ended = False
        self._failed = False
        self._sync: Iterator[Item] | None = None
        self._async: AsyncIterator[Item] | None = None
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
        else:
            self._sync = iter(items)

    async def pull(self) -> tuple[int, Item] | None:
        """Return the next row and its index, or None at the end."""
        async with self._lock:
            return await self._next()

    async def _next(self) -> tuple[int, Item] | None:
        if self._ended:
            return None
        # It has ended unless it gives an item: one that raised is not asked again.
        self._ended = self._failed = True
        try:
            item = next(self._sync) if self._sync is not None else await self._pull_async()
        except (StopIteration, StopAsyncIteration):
            self._failed = False
            return None
        self._ended = self._failed = False
        self._index += 1
        return self._index, item

    async def _pull_async(self) -> Item:
        assert self._async is not None, "a source is one or the other"
        return await anext(self._async)


class JournalInput(RunInput[Item]):
    """Hands out the rows of a source that a journal has not finished."""

    def __init__(
        self,
        items: Many[Item] | None,
        operation: Operation[Item],
        journal: Journal,
        recorder: JournalWriter,
    ) -> None:
        """Begin before the first row.

        Args:
            items: the input; None for the rows that the journal holds.
            operation: says how rows are written down.
            journal: open for looking.
            recorder: takes down rows that the journal does not know yet.
        """
        super().__init__(() if items is None else items)
        self._from_journal = items is None
        self._operation = operation
        self._journal = journal
        self._recorder = recorder
        self._pending = journal.rows(EntryState.PENDING)
        self._known: list[tuple[int, bytes, EntryState]] = []
        self._last_known = -1
        self._knows_all = False
        # Once for all: to ask for each row takes as long as all the rest that is done for it.
        self._was_whole = journal.whole
        self.skipped: int = 0
        """Rows passed over, because nothing is left to do for them."""

    async def pull(self) -> tuple[int, Item] | None:
        """Return the next row with something left to do, or None at the end.

        Raises:
            JournalError: the input is not the one that the journal is about.
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
            payload = self._written(item)
            digest = digest_of(payload)
            state = self._compare(index, digest)
            if state is None:
                self._recorder.pulled(index, digest, payload)
                return pulled
            if state is EntryState.PENDING:
                return pulled
            self.skipped += 1
            if self.skipped % _AT_ONCE == 0:
                await asyncio.sleep(0)
        if not self._failed:
            self._finish()
        return None

    def _written(self, item: Item) -> bytes:
        try:
            return self._operation.encode(item)
        except InputError:
            # It will be refused when it is done, as a row of its own; it is not the others' affair.
            return to_json(ascii(item))

    def _compare(self, index: int, digest: bytes) -> EntryState | None:
        """Return a row's state, or None if the journal does not know it yet."""
        known = self._next_known()
        if known is None:
            if self._was_whole:
                raise other_input(self._journal, f"it has {index} rows, and the input has more")
            return None
        number, expected, state = known
        if number != index or expected != digest:
            raise other_input(self._journal, f"row {index + 1} is another")
        return state

    def _next_known(self) -> tuple[int, bytes, EntryState] | None:
        if not self._known and not self._knows_all:
            self._known = self._journal.hashes(self._last_known, _AT_ONCE)[::-1]
            self._knows_all = not self._known
        if not self._known:
            return None
        known = self._known.pop()
        self._last_known = known[0]
        return known

    def _finish(self) -> None:
        if self._next_known() is not None:
            raise other_input(self._journal, "the input ends before it")
        self._recorder.whole()
