"""The journal: what a bulk run means to do, is doing and has done, on disk.

One SQLite file, one row for each row of the input.
Before a request leaves, its row says so, durably (`RowState.SENT`): whatever becomes of this
process, whoever opens the journal afterwards knows each request that can have reached the service.
What the service answered is written behind it, with the token that it gives only once.

The states of a row are told in `tagodev.bulk.journal_rows`; only ``SENT`` needs looking up.

Beside the rows stands what was granted for each route in each of the server's minutes, so that a
program that is started again within the minute knows what it has spent: a request that may be
counted in either of two minutes is there twice.
For whoever tells of the run afterwards each stands once more, in one of them.

This module is synchronous and belongs to one thread at a time; `tagodev.bulk.recorder` gathers what
many rows have to say into few commits.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

from tagodev.bulk.journal_files import (
    FORMAT,
    check_there,
    connect_journal,
    explained,
    log_of,
    make_journal,
)
from tagodev.bulk.journal_rows import Batch, Entry, JournalInfo, RowState
from tagodev.bulk.journal_sql import stretch, write_batch
from tagodev.bulk.run_registry import RunLock, RunRecord, lock_beside
from tagodev.errors import JournalError, LockedError, TagoError
from tagodev.hard_limits import HardLimits
from tagodev.process_lock import ProcessLock
from tagodev.target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

__all__ = ["Journal"]

_SELECT: Final = (
    "SELECT number, state, payload, attempts, sent, ended, progress, result, error FROM rows"
)
_RESUME: Final = "Make room on the disk, then resume with the same journal"
#: Runs whose rows are known again by what a journal holds of them, and by nothing on the service.
_BY_PROGRESS: Final = ("create_tokens", "rotate_tokens")
_GO_ON: Final = (
    "Nothing more was sent; make room and go on with the same journal, which looks up first what "
    "was on its way"
)


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "options": dict,
    "manner": dict,
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


class Journal:
    """An open journal; a context manager.

    Opened for writing it is locked, by its run and by its place: a second process would send the
    same rows. While it is open for writing, its main file says so: one that is found open, and
    without its write-ahead log, has lost what was committed last, and is refused.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open file; use `open`, `create` or `read`.

        Args:
            path: where it is.
            connection: the open database.
        """
        self.path: Final = path
        self._connection = connection
        self._has_log = True
        self._beside: ProcessLock | None = None
        self._run: RunLock | None = None
        try:
            self.info: JournalInfo = self._read_info()
        except BaseException:
            connection.close()
            raise

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | os.PathLike[str], info: JournalInfo) -> Self:
        """Make a journal, readable by its owner only, and open it for writing.

        Args:
            path: where; nothing may be there yet.
            info: what it is about; run and time are made up where they are empty.

        Raises:
            JournalError: something is there, or the file can't be made.
            LockedError: another process makes it.
        """
        place = Path(path)
        with explained(place):
            beside = _lock_beside(place)
            try:
                make_journal(place, info)
            except BaseException:
                beside.release()
                raise
        return cls._opened(place, beside, incomplete=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, incomplete: bool = False) -> Self:
        """Open a journal for writing, to resume its run.

        Args:
            path: where it is.
            incomplete: accept one that is not the newest state of its run: an older copy, or one
                that has lost its write-ahead log. Each row that it shows as pending is looked up
                before it is sent.

        Raises:
            JournalError: there is none, it is none, or it is incomplete.
            LockedError: another process has it open, by whatever path.
        """
        place = Path(path)
        check_there(place)
        return cls._opened(place, _lock_beside(place), incomplete=incomplete)

    @classmethod
    def _opened(cls, place: Path, beside: ProcessLock, *, incomplete: bool) -> Self:
        """Open a journal whose place is locked, once its run is locked too."""
        run, journal = None, None
        try:
            with cls.read(place) as read:
                run = RunLock.take(read.info.run, place)
            # Read again: another process may have written to it, by another path, until here. Only
            # read: closing a connection that may write would remove the log of what is refused.
            with cls.read(place) as read:
                problem = read._problem(run.record)  # noqa: SLF001  (its own)
                doubtful = problem is not None or read._moved_while_open(run.record)  # noqa: SLF001  (its own)
            if problem is not None and not incomplete:
                raise problem
            with explained(place):
                journal = cls(place, connect_journal(place))
            journal._take_over(run, doubtful=doubtful)
        except BaseException:
            if journal is not None:
                journal._connection.close()
            if run is not None:
                run.release()
            beside.release()
            raise
        journal._beside, journal._run = beside, run
        return journal

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to read it, also while another process works with it.

        Raises:
            JournalError: there is none, or it is none.
        """
        place = Path(path)
        check_there(place)
        has_log = log_of(place).exists()
        with explained(place):
            journal = cls(place, connect_journal(place, read_only=True))
        journal._has_log = has_log
        return journal

    def _take_over(self, run: RunLock, *, doubtful: bool) -> None:
        """Mark it as open, and the file as the newest journal of its run."""
        self._mark_open(max(self.serial, 0 if run.record is None else run.record.serial) + 1)
        if doubtful:
            self._doubt_pending()
        found = self.path.stat()
        run.keep(
            RunRecord(
                path=str(self.path.resolve()),
                serial=self.serial,
                device=found.st_dev,
                inode=found.st_ino,
                service=self.info.service,
            )
        )

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

    def _mark_open(self, serial: int) -> None:
        """Say in the main file, not only in its log, that it is open for writing."""
        with explained(self.path, _RESUME):
            with self._connection:
                self._put("serial", value=serial)
                self._put("open", value=True)
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _doubt_pending(self) -> None:
        """Take every pending row for one that may have been sent."""
        if self.info.kind in _BY_PROGRESS and self.counts().get(RowState.PENDING):
            raise JournalError(
                "tokens that were made since can't be told from others: this run can't be resumed "
                "from an incomplete journal",
                journal=str(self.path),
                hint="List the devices' tokens, and begin a new run for those that lack one",
            )
        with explained(self.path, _RESUME), self._connection:
            self._connection.execute("UPDATE rows SET state = 1 WHERE state = 0")

    def close(self) -> None:
        """Close it; what was committed stays."""
        try:
            if self._run is not None:
                # A full disk: it stays marked as open, and its log beside it.
                with suppress(sqlite3.Error), self._connection:
                    self._put("open", value=False)
            self._connection.close()
        finally:
            for lock in (self._run, self._beside):
                if lock is not None:
                    lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- looking -------------------------------------------------------------------------------

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
        """Whether the results of its run have been written; see `mark_reported`."""
        return self._fact("reported") is True

    def mark_reported(self) -> None:
        """Note that the results of its run have been written, so that nothing is left to do."""
        with explained(self.path), self._connection:
            self._put("reported", value=True)

    @property
    def target(self) -> Target:
        """The service and the profile that it belongs to."""
        info = self.info
        return Target(info.service, profile=info.profile, account=info.account)

    def counts(self) -> dict[RowState, int]:
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
        *states: RowState,
        after: int = -1,
        on_unreadable: Callable[[JournalError], None] | None = None,
    ) -> Iterator[Entry]:
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

    def finished_since(self, moment: float) -> Iterator[Entry]:
        """Yield rows that were finished after a moment, in seconds of the epoch.

        Raises:
            JournalError: one of them can't be read.
        """
        with explained(self.path):
            found = self._connection.execute(f"{_SELECT} WHERE ended >= ?", (moment,)).fetchall()
        yield from map(self._entry, found)

    def hashes(self, after: int, many: int) -> list[tuple[int, bytes, RowState]]:
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
        """Return the limits that its requests were last held to; None if it was never told."""
        kept = self._fact("limits")
        return None if kept is None else HardLimits(**kept)

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a statement of one's own finds, for whoever tells of the run."""
        with explained(self.path):
            return self._connection.execute(statement, values).fetchall()

    # --- writing -------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write what many rows have to say, in one commit; durable when it returns.

        Raises:
            JournalError: the disk does not take it; nothing of it was written.
        """
        with explained(self.path, _GO_ON), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            write_batch(connection, batch)
            if batch.whole:
                self._put("whole", value=True)
            if batch.target is not None:
                self._put_target(batch.target)

    def stretch(self) -> None:
        """Prepare for many more commits; it takes about as long as some of them."""
        # Where there is no room even for this, the next commit will say so.
        with suppress(sqlite3.Error):
            stretch(self._connection)

    def fill(self, rows: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Write all rows of the input at once: number, hash and payload of each.

        Raises:
            JournalError: the disk does not take it; nothing of it was written.
        """
        with explained(self.path), self._connection as connection:
            connection.executemany(
                "INSERT INTO rows (number, hash, payload) VALUES (?, ?, ?)", rows
            )
            self._put("whole", value=True)

    def retry_failed(self) -> int:
        """Make rows that failed pending again, and return how many."""
        with explained(self.path), self._connection as connection:
            changed = connection.execute(
                "UPDATE rows SET state = 0, error = NULL, ended = NULL WHERE state = 3"
            )
            return changed.rowcount

    def bind(self, target: Target) -> None:
        """Note the service, the profile and the account that it belongs to from now on."""
        with explained(self.path), self._connection:
            self._put_target(target)

    def _put_target(self, target: Target) -> None:
        facts: dict[str, Any] = {"service": target.service, "account": target.account}
        if target.profile:
            facts["profile"] = target.profile
        for name, value in facts.items():
            self._put(name, value=value)
        self.info = attrs.evolve(self.info, **facts)

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Note how the operation is done from now on."""
        if dict(self.info.options) != dict(options):
            with explained(self.path), self._connection:
                self._put("options", value=dict(options))
            self.info = attrs.evolve(self.info, options=dict(options))

    def keep_limits(self, limits: HardLimits) -> None:
        """Note what requests are held to from now on.

        Args:
            limits: of each route.
        """
        facts = {name: getattr(limits, name) for name in ("name", "default", "minute")}
        with explained(self.path), self._connection:
            self._put("limits", value={**facts, "per_route": dict(limits.per_route)})

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

    def _put(self, key: str, *, value: Any) -> None:
        self._connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, orjson.dumps(value).decode()),
        )

    def _state(self, state: Any, number: int) -> RowState:
        try:
            return RowState(state)
        except ValueError:
            raise self._bad_row(number, "it is in no known state") from None

    def _bad_row(self, number: int, problem: str) -> JournalError:
        return JournalError(
            f"row {number + 1} is damaged: {problem}",
            journal=str(self.path),
            hint="tagodev bulk export reads the other rows",
        )

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        number, state, payload, attempts, sent, ended, progress, result, error = row
        entry = Entry(
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
        for field in attrs.fields(Entry):
            types = _ENTRY_TYPES.get(field.name)
            if types is not None and not isinstance(getattr(entry, field.name), types):
                raise self._bad_row(number, f"its {field.name} is of another type")
        return entry


def _lock_beside(path: Path) -> ProcessLock:
    try:
        return ProcessLock.take(lock_beside(path), f"{path}: the journal")
    except LockedError:
        raise
    except TagoError as error:
        raise JournalError(str(error), journal=str(path)) from None


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
        with Journal.read(path) as journal:
            return journal.info.run == run
    except JournalError:
        return False
