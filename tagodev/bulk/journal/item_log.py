"""Item logs: record the items of a run in a journal, or nowhere."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from tagodev.bulk.input import read_row
from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.writer import ItemObserver
from tagodev.bulk.outcomes import Done, Failed, InDoubt, Pending
from tagodev.bulk.work_item import WorkItem
from tagodev.errors import AmbiguousMatchError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tagodev.bulk.journal.store import Journal
    from tagodev.bulk.journal.writer import JournalWriter
    from tagodev.bulk.operations.base import Operation
    from tagodev.bulk.outcomes import Outcome
    from tagodev.session import CallRecord, RequestObserver

__all__ = ["ItemLog", "JournalItemLog", "NullItemLog"]

Item = TypeVar("Item")

_NewRecord: TypeAlias = "Callable[[int | None], CallRecord]"


class ItemLog(Protocol[Item]):
    """Records the items of a run, and returns what was recorded."""

    @property
    def kept(self) -> bool:
        """Whether items are recorded."""
        ...

    def witness(self, number: int | None) -> RequestObserver | None:
        """Return the observer of an item's requests; `number` is the item's index."""
        ...

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return the work item of an item."""
        ...

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the items that an earlier process may have sent without a known answer."""
        ...

    def finished(self) -> Iterable[tuple[int, Item, bytes | None]]:
        """Yield index, item and result of each item that earlier processes have finished."""
        ...

    def lost(self, row: WorkItem[Item]) -> None:
        """Add to an item whose answer was lost when it was sent."""
        ...

    def ended(self, row: WorkItem[Item], outcome: Outcome) -> None:
        """Record the outcome of an item."""
        ...


class NullItemLog(Generic[Item]):
    """Records nothing."""

    kept = False

    def witness(self, number: int | None) -> None:
        """Return None."""

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return the work item of an item."""
        return WorkItem(index, item, record=new_record(index))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return no items."""
        del new_record
        return []

    def finished(self) -> Iterable[tuple[int, Item, bytes | None]]:
        """Return no items."""
        return ()

    def lost(self, row: WorkItem[Item]) -> None:
        """Do nothing."""

    def ended(self, row: WorkItem[Item], outcome: Outcome) -> None:
        """Do nothing."""


class JournalItemLog(Generic[Item]):
    """Records all items in a journal."""

    kept = True

    def __init__(
        self,
        operation: Operation[Item],
        journal: Journal,
        recorder: JournalWriter,
        *,
        clock_offset: Callable[[], float | None],
    ) -> None:
        """Initialize the log.

        Args:
            operation: encodes items and results.
            journal: open for reading.
            recorder: the journal's writer.
            clock_offset: returns the seconds by which the service's clock is ahead of this
                machine's; None if that is not known.
        """
        self._operation = operation
        self._journal = journal
        self._recorder = recorder
        self._clock_offset = clock_offset
        self._run = journal.info.run
        self._progress = dict(journal.progress())

    def witness(self, number: int | None) -> RequestObserver:
        """Return the observer that records an item's requests before they are sent."""
        return ItemObserver(self._recorder, number)

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return the work item of an item, with its progress."""
        return self._row(index, item, new_record(index), self._progress.pop(index, None))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the items that were sent and are not finished."""
        rows = []
        for entry in self._journal.rows(EntryState.SENT):
            record = new_record(entry.number)
            record.in_doubt = True
            item = read_row(self._operation, self._journal, entry)
            row = self._row(entry.number, item, record, entry.progress)
            self._tell_since(row, entry.sent)
            rows.append(row)
        return rows

    def finished(self) -> Iterator[tuple[int, Item, bytes | None]]:
        """Yield index, item and result of each item that earlier processes have finished."""
        for entry in self._journal.rows(EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED):
            # An item that can't be read was refused before, and has created nothing.
            with suppress(JournalError):
                yield entry.number, read_row(self._operation, self._journal, entry), entry.result

    def lost(self, row: WorkItem[Item]) -> None:
        """Add to an item when it was first about to be sent."""
        self._tell_since(row, self._journal.sent(row.index))

    def _tell_since(self, row: WorkItem[Item], sent: float | None) -> None:
        offset = self._clock_offset()
        if sent is not None and offset is not None:
            row.since = sent + offset

    def _row(
        self, index: int, item: Item, record: CallRecord, progress: bytes | None
    ) -> WorkItem[Item]:
        keep = partial(self._recorder.progress, index)
        return WorkItem(index, item, record=record, run=self._run, progress=progress, keep=keep)

    def ended(self, row: WorkItem[Item], outcome: Outcome) -> None:
        """Record the outcome of an item; an item in doubt stays as it is."""
        end = partial(self._recorder.ended, row.index, attempts=row.record.attempts)
        match outcome:
            case Done():
                end(EntryState.DONE, result=self._operation.result(outcome))
            case Failed(error=error) if self._operation.stops(error):
                # The item itself is valid: the next process tries it again.
                end(EntryState.PENDING)
            case Failed(error=error):
                end(EntryState.FAILED, error=str(error))
            case InDoubt(error=AmbiguousMatchError() as error):
                end(EntryState.UNSOLVED, error=str(error))
            case Pending() if row.record.attempts or row.in_doubt:
                end(EntryState.PENDING)
