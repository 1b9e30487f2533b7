"""Reader of journals: facts, entries, and whether a journal can be resumed.

Values are checked like values from the network: a journal may be damaged, or come from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

from tagodev._address import Target
from tagodev._bulk.journal.entry import EntryState, JournalEntry, JournalInfo, damaged_entry
from tagodev._bulk.journal.file import (
    FORMAT,
    check_exists,
    connect_journal,
    has_frames,
    journal_errors,
    wal_path,
)
from tagodev._bulk.run_registry import RunLock, RunRecord
from tagodev.errors import JournalError
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["JournalReader"]

_SELECT: Final = (
    "SELECT number, state, payload, attempts, sent, ended, progress, result, error FROM rows"
)
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "options": dict,
    "keywords": dict,
    "began": (int, float),
}
_ENTRY_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "number": int,
    "payload": bytes,
    "attempts": int,
    "sent": (int, float, NoneType),
    "ended": (int, float, NoneType),
    "progress": (bytes, NoneType),
    "result": (bytes, NoneType),
    "error": (str, NoneType),
}


class JournalReader:
    """A journal to read; a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open file; use `read`.

        Args:
            path: the journal.
            connection: the open database.
        """
        self.path: Final = path
        self._connection = connection
        self._has_log = True
        try:
            self.info: JournalInfo = self._read_info()
        except BaseException:
            connection.close()
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to read it, also while another process uses it.

        Raises:
            JournalError: it does not exist, or is not a journal.
        """
        file = Path(path)
        check_exists(file)
        has_log = has_frames(wal_path(file))
        with journal_errors(file):
            journal = cls(file, connect_journal(file, read_only=True))
        journal._has_log = has_log
        return journal

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def whole(self) -> bool:
        """Whether every item of the input is in it."""
        return bool(self._fact("whole"))

    @property
    def serial(self) -> int:
        """How often it was opened for writing."""
        serial = self._fact("serial")
        if not isinstance(serial, int):
            raise self._unreadable("serial")
        return serial

    @property
    def closed(self) -> bool:
        """Whether the last process that wrote to it has closed it."""
        return self._fact("open") is False

    @property
    def reported(self) -> bool:
        """Whether the results of its run were written; see `Journal.mark_reported`."""
        return self._fact("reported") is True

    @property
    def target(self) -> Target:
        """The service and the profile that it belongs to."""
        info = self.info
        return Target(info.service, profile=info.profile, account=info.account)

    def counts(self) -> dict[EntryState, int]:
        """Return the number of entries in each state."""
        found = self.select("SELECT state, count(*), min(number) FROM rows GROUP BY state")
        return {self._state(state, number): count for state, count, number in found}

    def last_activity(self) -> float | None:
        """Return when an entry last changed, in seconds since the epoch; None if none has."""
        (found,) = self.select("SELECT max(sent), max(ended) FROM rows")
        return max((moment for moment in found if moment is not None), default=None)

    def rows(
        self,
        *states: EntryState,
        after: int = -1,
        on_unreadable: Callable[[JournalError], None] | None = None,
    ) -> Iterator[JournalEntry]:
        """Yield entries in order: all, or those in given states.

        Args:
            states: the states; none for all.
            after: only entries after this number.
            on_unreadable: called for each entry that can't be read, which is then skipped; None to
                raise the error.

        Raises:
            JournalError: the journal, or an entry, can't be read.
        """
        marks = ",".join(str(int(state)) for state in states)
        # Without a condition if all are requested: an entry in an unknown state is an error.
        condition = f"AND state IN ({marks})" if states else ""
        last = after
        while True:
            # In pages: the connection runs other statements in between.
            page = self.select(
                f"{_SELECT} WHERE number > ? {condition} ORDER BY number LIMIT 500", last
            )
            for row in page:
                try:
                    entry = self._entry(row)
                except JournalError as error:
                    if on_unreadable is None:
                        raise
                    on_unreadable(error)
                else:
                    yield entry
            if not page:
                return
            last = page[-1][0]

    def finished_since(self, moment: float) -> Iterator[JournalEntry]:
        """Yield entries that were finished after a time, in seconds since the epoch.

        Raises:
            JournalError: one of them can't be read.
        """
        yield from map(self._entry, self.select(f"{_SELECT} WHERE ended >= ?", moment))

    def hashes(self) -> Iterator[tuple[int, bytes, EntryState]]:
        """Yield number, hash and state of each entry, in order.

        Raises:
            JournalError: the journal can't be read.
        """
        last = -1
        while True:
            # In pages: the connection runs other statements in between.
            page = self.select(
                "SELECT number, hash, state FROM rows WHERE number > ? ORDER BY number LIMIT 1000",
                last,
            )
            for number, digest, state in page:
                yield number, digest, self._state(state, number)
            if not page:
                return
            last = page[-1][0]

    def sent(self, number: int) -> float | None:
        """Return when an entry was first about to be sent, in seconds since the epoch."""
        found = self.select("SELECT sent FROM rows WHERE number = ?", number)
        return found[0][0] if found else None

    def progress(self) -> list[tuple[int, bytes]]:
        """Return number and progress of each unfinished entry that was started."""
        return self.select(
            "SELECT number, progress FROM rows WHERE state = 0 AND progress IS NOT NULL"
        )

    def spent(self, minute: float, *, excluding: str = "") -> list[tuple[str, int, int]]:
        """Return route, window and number of charges, the earliest first.

        Args:
            minute: length of the windows, in seconds.
            excluding: a ledger whose charges are skipped.
        """
        return self.select(
            "SELECT route, number, sum(count) FROM spent WHERE minute = ? AND ledger != ?"
            " GROUP BY route, number ORDER BY number",
            *(minute, excluding),
        )

    def kept_limits(self) -> HardLimits | None:
        """Return the limits of its last run; None if no run has started."""
        kept = self._fact("limits")
        return None if kept is None else HardLimits(**kept)

    def select(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of an SQL query, each a tuple.

        Raises:
            JournalError: the journal can't be read.
        """
        with journal_errors(self.path):
            return self._connection.execute(statement, values).fetchall()

    # --- whether it can be resumed ---------------------------------------------------------------

    def problem(self) -> JournalError | None:
        """Return why it can't be resumed; None if it can."""
        return self._problem(RunLock.record_of(self.info.run))

    def _problem(self, record: RunRecord | None) -> JournalError | None:
        if not self.closed and not self._has_log:
            return _missing_log(self.path)
        if record is None:
            return None
        newest = Path(record.path)
        is_copy = not self.closed and not record.is_at(self.path) and _is_of(newest, self.info.run)
        if self.serial >= record.serial and not is_copy:
            return None
        return JournalError(
            "this is an older copy of its run's journal, and items that it shows as pending "
            f"may be done; the newest one is {newest}",
            journal=str(self.path),
            hint=f"Resume {newest}. If that is lost, pass incomplete=True: each item is looked up "
            "before it is sent",
        )

    def _moved_while_open(self, record: RunRecord | None) -> bool:
        """Return whether it may be a copy that was made while a process wrote to the original."""
        return record is not None and not self.closed and not record.is_at(self.path)

    # --- inside --------------------------------------------------------------------------------

    def _read_info(self) -> JournalInfo:
        if self._fact("format") != FORMAT:
            raise JournalError(
                "another version of tagodev wrote this journal",
                journal=str(self.path),
                hint="Resume it with that version",
            )
        facts = {field.name: self._fact(field.name) for field in attrs.fields(JournalInfo)}
        for name, fact in facts.items():
            if not isinstance(fact, _TYPES.get(name, str)):
                raise self._unreadable(name)
        return JournalInfo(**facts)

    def _update_info(self, **facts: Any) -> None:
        """Update the facts."""
        self.info = attrs.evolve(self.info, **facts)

    def _fact(self, key: str) -> Any:
        found = self.select("SELECT value FROM meta WHERE key = ?", key)
        try:
            return orjson.loads(found[0][0]) if found else None
        except orjson.JSONDecodeError:
            raise self._unreadable(key) from None

    def _unreadable(self, key: str) -> JournalError:
        return JournalError(
            f"the journal is damaged: its {key} can't be read",
            journal=str(self.path),
            hint="tagodev bulk export reads its entries",
        )

    def _state(self, state: Any, number: int) -> EntryState:
        try:
            return EntryState(state)
        except ValueError:
            raise damaged_entry(number, "its state is unknown", str(self.path)) from None

    def _entry(self, row: tuple[Any, ...]) -> JournalEntry:
        number, state, payload, attempts, sent, ended, progress, result, error = row
        entry = JournalEntry(
            number=number,
            state=self._state(state, number),
            payload=payload,
            attempts=attempts,
            sent=sent,
            ended=ended,
            progress=progress,
            result=result,
            error=error,
        )
        for field in attrs.fields(JournalEntry):
            types = _ENTRY_TYPES.get(field.name)
            if types is not None and not isinstance(getattr(entry, field.name), types):
                problem = f"its {field.name} has the wrong type"
                raise damaged_entry(number, problem, str(self.path))
        return entry


def _missing_log(path: Path) -> JournalError:
    log = wal_path(path)
    return JournalError(
        "the process that wrote it was killed, and its write-ahead log is missing: the last "
        f"requests are recorded in {log.name}",
        journal=str(path),
        hint=f"Move {log.name} from the journal's old folder to {log.parent}. If it is lost, pass "
        "incomplete=True: each item is looked up before it is sent",
    )


def _is_of(path: Path, run: str) -> bool:
    """Return whether there is a journal of a run at a path."""
    try:
        with JournalReader.read(path) as journal:
            return journal.info.run == run
    except JournalError:
        return False
