"""Item logs: record the items of a run in a journal, or nowhere."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from tagodev._bulk.input import read_row
from tagodev._bulk.journal.entry import FINISHED, EntryState
from tagodev._bulk.journal.writer import ItemObserver
from tagodev._bulk.outcomes import Done, Failed, InDoubt, Pending
from tagodev._bulk.work_item import WorkItem
from tagodev.errors import AmbiguousMatchError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tagodev._bulk.journal.store import Journal
    from tagodev._bulk.journal.writer import JournalWriter
    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.outcomes import Outcome
    from tagodev._session import CallRecord, RequestObserver

__all__ = ["ItemLog", "JournalItemLog"]

Item = TypeVar("Item")

_NewRecord: TypeAlias = "Callable[[int | None], CallRecord]"


class ItemLog(Generic[Item]):
    """Records nothing: the log of a run without a journal."""

    durable = False
    """Whether items are recorded."""

    def observer(self, number: int | None) -> RequestObserver | None:
        """Return the observer of an item's requests; `number` is the item's index."""
        del number
        return None

    def work_item(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return the work item of an item."""
        return WorkItem(index, item, record=new_record(index))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the items that an earlier process may have sent without a known answer."""
        del new_record
        return []

    def finished(self) -> Iterable[tuple[int, Item, bytes | None]]:
        """Return index, item and result of each item that earlier processes have finished."""
        return ()

    def lost(self, work: WorkItem[Item]) -> None:
        """Add to an item whose answer was lost when it was sent."""

    def ended(self, work: WorkItem[Item], outcome: Outcome) -> None:
        """Record the outcome of an item."""


class JournalItemLog(ItemLog[Item]):
    """Records all items in a journal."""

    durable = True

    def __init__(
        self,
        operation: Operation[Item],
        journal: Journal,
        writer: JournalWriter,
        *,
        clock_offset: Callable[[], float | None],
    ) -> None:
        """Initialize the log.

        Args:
            operation: encodes items and results.
            journal: open for reading.
            writer: the journal's writer.
            clock_offset: returns the seconds by which the service's clock is ahead of this
                machine's; None if that is not known.
        """
        self._operation = operation
        self._journal = journal
        self._writer = writer
        self._clock_offset = clock_offset
        self._run = journal.info.run
        self._progress = dict(journal.progress())

    def observer(self, number: int | None) -> RequestObserver:
        """Return the observer that records an item's requests before they are sent."""
        return ItemObserver(self._writer, number)

    def work_item(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return the work item of an item, with its progress."""
        return self._work_item(index, item, new_record(index), self._progress.pop(index, None))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the items that were sent and are not finished."""
        items = []
        for entry in self._journal.rows(EntryState.SENT):
            record = new_record(entry.number)
            record.in_doubt = True
            item = read_row(self._operation, self._journal, entry)
            work = self._work_item(entry.number, item, record, entry.progress)
            self._set_since(work, entry.sent)
            items.append(work)
        return items

    def finished(self) -> Iterator[tuple[int, Item, bytes | None]]:
        """Yield index, item and result of each item that earlier processes have finished."""
        for entry in self._journal.rows(*FINISHED):
            # An item that can't be read was refused before, and has created nothing.
            with suppress(JournalError):
                yield entry.number, read_row(self._operation, self._journal, entry), entry.result

    def lost(self, work: WorkItem[Item]) -> None:
        """Add to an item when it was first about to be sent."""
        self._set_since(work, self._journal.sent(work.index))

    def _set_since(self, work: WorkItem[Item], sent: float | None) -> None:
        offset = self._clock_offset()
        if sent is not None and offset is not None:
            work.since = sent + offset

    def _work_item(
        self, index: int, item: Item, record: CallRecord, progress: bytes | None
    ) -> WorkItem[Item]:
        save_progress = partial(self._writer.progress, index)
        return WorkItem(
            index,
            item,
            record=record,
            run=self._run,
            progress=progress,
            save_progress=save_progress,
        )

    def ended(self, work: WorkItem[Item], outcome: Outcome) -> None:
        """Record the outcome of an item; an item in doubt stays as it is."""
        end = partial(self._writer.ended, work.index, attempts=work.record.attempts)
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
            case Pending() if work.record.attempts or work.in_doubt:
                end(EntryState.PENDING)
