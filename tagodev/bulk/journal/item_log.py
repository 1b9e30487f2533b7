"""What a run writes down of its rows: nothing, or everything in a journal."""

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
    """Knows what was written down of a row, and writes down what becomes of it."""

    @property
    def kept(self) -> bool:
        """Whether anything is."""
        ...

    def witness(self, number: int | None) -> RequestObserver | None:
        """Return who is told of a request before it leaves; `number` is its row."""
        ...

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return a row to be done."""
        ...

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the rows that an earlier process may have sent, and whose end is not known."""
        ...

    def finished(self) -> Iterable[tuple[int, Item, bytes | None]]:
        """Yield number, row and result of what earlier processes have finished."""
        ...

    def lost(self, row: WorkItem[Item]) -> None:
        """Tell a row whose answer was lost what is known of its sending."""
        ...

    def ended(self, row: WorkItem[Item], outcome: Outcome) -> None:
        """Write down what became of a row."""
        ...


class NullItemLog(Generic[Item]):
    """Writes nothing down."""

    kept = False

    def witness(self, number: int | None) -> None:
        """Return nobody."""

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return a row as it was read."""
        return WorkItem(index, item, record=new_record(index))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return none: nobody knows of any."""
        del new_record
        return []

    def finished(self) -> Iterable[tuple[int, Item, bytes | None]]:
        """Return none."""
        return ()

    def lost(self, row: WorkItem[Item]) -> None:
        """Tell it nothing."""

    def ended(self, row: WorkItem[Item], outcome: Outcome) -> None:
        """Forget it."""


class JournalItemLog(Generic[Item]):
    """Writes everything down in a journal."""

    kept = True

    def __init__(
        self,
        operation: Operation[Item],
        journal: Journal,
        recorder: JournalWriter,
        *,
        clock_offset: Callable[[], float | None],
    ) -> None:
        """Go on where a journal stands.

        Args:
            operation: says how rows and results are written down.
            journal: open for looking.
            recorder: writes.
            clock_offset: returns the seconds by which the service's clock runs ahead of this
                machine's; None if they are not known.
        """
        self._operation = operation
        self._journal = journal
        self._recorder = recorder
        self._clock_offset = clock_offset
        self._run = journal.info.run
        self._progress = dict(journal.progress())

    def witness(self, number: int | None) -> RequestObserver:
        """Return who writes a request down before it leaves."""
        return ItemObserver(self._recorder, number)

    def row(self, index: int, item: Item, new_record: _NewRecord) -> WorkItem[Item]:
        """Return a row, with the steps that were done of it."""
        return self._row(index, item, new_record(index), self._progress.pop(index, None))

    def doubts(self, new_record: _NewRecord) -> list[WorkItem[Item]]:
        """Return the rows that were sent, and have no end."""
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
        """Yield number, row and result of what earlier processes have finished."""
        for entry in self._journal.rows(EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED):
            # What can't be read was refused when it was done, and has made nothing.
            with suppress(JournalError):
                yield entry.number, read_row(self._operation, self._journal, entry), entry.result

    def lost(self, row: WorkItem[Item]) -> None:
        """Tell a row when it was first about to leave."""
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
        """Write down what became of a row; what is in doubt stays as it is."""
        end = partial(self._recorder.ended, row.index, attempts=row.record.attempts)
        match outcome:
            case Done():
                end(EntryState.DONE, result=self._operation.result(outcome))
            case Failed(error=error) if self._operation.stops(error):
                # It is not the row's own fault: the next process tries it again.
                end(EntryState.PENDING)
            case Failed(error=error):
                end(EntryState.FAILED, error=str(error))
            case InDoubt(error=AmbiguousMatchError() as error):
                end(EntryState.UNSOLVED, error=str(error))
            case Pending() if row.record.attempts or row.in_doubt:
                end(EntryState.PENDING)
