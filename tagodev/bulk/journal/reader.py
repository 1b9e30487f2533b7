"""Reading a journal: what it is about, its rows, and whether it can be resumed.

Values in it are checked like values from the network: a journal may be damaged, or come from
elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

from tagodev.bulk.journal.entry import EntryState, JournalEntry, JournalInfo
from tagodev.bulk.journal.file import (
    FORMAT,
    check_there,
    connect_journal,
    explained,
    has_frames,
    log_of,
)
from tagodev.bulk.run_registry import RunLock, RunRecord
from tagodev.errors import JournalError
from tagodev.hard_limits import HardLimits
from tagodev.target import Target

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

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
    """A journal that is read; a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open file; use `read`.

        Args:
            path: where it is.
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
        """Open a journal to read it, also while another process works with it.

        Raises:
            JournalError: there is none, or it is none.
        """
        place = Path(path)
        check_there(place)
        has_log = has_frames(log_of(place))
        with explained(place):
            journal = cls(place, connect_journal(place, read_only=True))
        journal._has_log = has_log
        return journal

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def whole(self) -> bool:
        """Whether every row of the input is in it."""
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
        """Whether the process that wrote to it last has closed it."""
        return self._fact("open") is False

    @property
    def reported(self) -> bool:
        """Whether the results of its run have been written; see `Journal.mark_reported`."""
        return self._fact("reported") is True

    @property
    def target(self) -> Target:
        """The service and the profile that it belongs to."""
        info = self.info
        return Target(info.service, profile=info.profile, account=info.account)

    def counts(self) -> dict[EntryState, int]:
        """Return how many rows are in each state."""
        with explained(self.path):
            found = self._connection.execute(
                "SELECT state, count(*), min(number) FROM rows GROUP BY state"
            ).fetchall()
        return {self._state(state, number): count for state, count, number in found}

    def last_activity(self) -> float | None:
        """Return when a row was last begun or finished, in seconds of the epoch; None if none."""
        with explained(self.path):
            found = self._connection.execute("SELECT max(sent), max(ended) FROM rows").fetchone()
        return max((moment for moment in found if moment is not None), default=None)

    def rows(
        self,
        *states: EntryState,
        after: int = -1,
        on_unreadable: Callable[[JournalError], None] | None = None,
    ) -> Iterator[JournalEntry]:
        """Yield rows in their order; all of them, or those in given states.

        Args:
            states: which; none for all.
            after: only rows behind this number.
            on_unreadable: called for each row that can't be read, which is then skipped; None to
                raise the error.

        Raises:
            JournalError: the journal, or a row in it, can't be read.
        """
        asked = ",".join(str(int(state)) for state in states)
        # Without a condition where all are asked for: a row in an unknown state is a fault.
        chosen = f"AND state IN ({asked})" if states else ""
        last = after
        while True:
            # Page by page: the connection serves other statements in between.
            with explained(self.path):
                page = self._connection.execute(
                    f"{_SELECT} WHERE number > ? {chosen} ORDER BY number LIMIT 500",
                    (last,),
                ).fetchall()
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
        """Yield rows that were finished after a moment, in seconds of the epoch.

        Raises:
            JournalError: one of them can't be read.
        """
        with explained(self.path):
            found = self._connection.execute(f"{_SELECT} WHERE ended >= ?", (moment,)).fetchall()
        yield from map(self._entry, found)

    def hashes(self, after: int, many: int) -> list[tuple[int, bytes, EntryState]]:
        """Return number, hash and state of the next rows behind a number."""
        with explained(self.path):
            found = self._connection.execute(
                "SELECT number, hash, state FROM rows WHERE number > ? ORDER BY number LIMIT ?",
                (after, many),
            )
            rows = found.fetchall()
        return [(number, digest, self._state(state, number)) for number, digest, state in rows]

    def sent(self, number: int) -> float | None:
        """Return when a row was about to leave first, in seconds of the epoch."""
        with explained(self.path):
            found = self._connection.execute("SELECT sent FROM rows WHERE number = ?", (number,))
            row = found.fetchone()
        return None if row is None else row[0]

    def progress(self) -> list[tuple[int, bytes]]:
        """Return number and progress of each row that is not finished and was begun."""
        with explained(self.path):
            found = self._connection.execute(
                "SELECT number, progress FROM rows WHERE state = 0 AND progress IS NOT NULL"
            )
            return found.fetchall()

    def spent(self, minute: float, *, besides: str = "") -> list[tuple[str, int, int]]:
        """Return route, window and number of what was granted, the earliest first.

        Args:
            minute: length of the windows, in seconds.
            besides: the ledger whose own grants are left out.
        """
        with explained(self.path):
            found = self._connection.execute(
                "SELECT route, number, sum(count) FROM spent WHERE minute = ? AND ledger != ?"
                " GROUP BY route, number ORDER BY number",
                (minute, besides),
            )
            return found.fetchall()

    def kept_limits(self) -> HardLimits | None:
        """Return the limits that its last run kept; None if no run has begun."""
        kept = self._fact("limits")
        return None if kept is None else HardLimits(**kept)

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what an SQL query finds, for reports."""
        with explained(self.path):
            return self._connection.execute(statement, values).fetchall()

    # --- whether it can be resumed ---------------------------------------------------------------

    def problem(self) -> JournalError | None:
        """Return why it can't be resumed as it is; None where nothing speaks against it."""
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
            "this is an older copy of the journal of its run, and rows that it shows as pending "
            f"may be done; the newest one is {newest}",
            journal=str(self.path),
            hint=f"Resume {newest}. If that is lost, pass incomplete=True: each row is looked up "
            "before it is sent",
        )

    def _moved_while_open(self, record: RunRecord | None) -> bool:
        """Return whether it may be a copy that was made while a process wrote to the original."""
        return record is not None and not self.closed and not record.is_at(self.path)

    # --- values ----------------------------------------------------------------------------------

    # --- inside --------------------------------------------------------------------------------

    def _read_info(self) -> JournalInfo:
        if self._fact("format") != FORMAT:
            raise JournalError(
                "this journal was written by another version of tagodev",
                journal=str(self.path),
                hint="Resume it with that version",
            )
        facts = {field.name: self._fact(field.name) for field in attrs.fields(JournalInfo)}
        for name, fact in facts.items():
            if not isinstance(fact, _TYPES.get(name, str)):
                raise self._unreadable(name)
        return JournalInfo(**facts)

    def _know(self, **facts: Any) -> None:
        """Take note of facts that were written."""
        self.info = attrs.evolve(self.info, **facts)

    def _fact(self, key: str) -> Any:
        with explained(self.path):
            found = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,))
            row = found.fetchone()
        try:
            return None if row is None else orjson.loads(row[0])
        except orjson.JSONDecodeError:
            raise self._unreadable(key) from None

    def _unreadable(self, key: str) -> JournalError:
        return JournalError(
            f"it is damaged: its {key} can't be read",
            journal=str(self.path),
            hint="tagodev bulk export reads the rows that it holds",
        )

    def _state(self, state: Any, number: int) -> EntryState:
        try:
            return EntryState(state)
        except ValueError:
            raise self._bad_row(number, "it is in no known state") from None

    def _bad_row(self, number: int, problem: str) -> JournalError:
        return JournalError(
            f"row {number + 1} is damaged: {problem}",
            journal=str(self.path),
            hint="tagodev bulk export reads the other rows",
        )

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
                raise self._bad_row(number, f"its {field.name} is of another type")
        return entry


def _missing_log(path: Path) -> JournalError:
    log = log_of(path)
    return JournalError(
        "the process that wrote it was killed, and its write-ahead log is missing: what was sent "
        f"last is written in {log.name}",
        journal=str(path),
        hint=f"Move {log.name} from where the journal was to {log.parent}. If it is lost, pass "
        "incomplete=True: each row is looked up before it is sent",
    )


def _is_of(path: Path, run: str) -> bool:
    """Return whether there is a journal of a run at a path."""
    try:
        with JournalReader.read(path) as journal:
            return journal.info.run == run
    except JournalError:
        return False
