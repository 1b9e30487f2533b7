"""The journal: what a bulk run means to do, is doing and has done, on disk.

One SQLite file, one row for each row of the input.
Before a request leaves, its row says so, durably (`EntryState.SENT`): whatever becomes of this
process, whoever opens the journal afterwards knows each request that can have reached the service.
What the service answered is written behind it, with the token that it gives only once.

The states of a row are told in `tagodev.bulk.journal.entry`; only ``SENT`` needs looking up.

Beside the rows stands what was granted for each route in each of the server's minutes, so that a
program that is started again within the minute knows what it has spent: a request that may be
counted in either of two minutes is there twice.
For whoever tells of the run afterwards each stands once more, in one of them.

This module is synchronous and belongs to one thread at a time; `tagodev.bulk.journal.writer`
groups what many items write into few commits.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from tagodev.bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev.bulk.journal.file import check_there, connect_journal, explained, make_journal, run_of
from tagodev.bulk.journal.reader import JournalReader
from tagodev.bulk.journal.schema import stretch, write_batch
from tagodev.bulk.run_registry import RunLock, RunRecord, lock_beside
from tagodev.errors import JournalError, LockedError, TagoError
from tagodev.filesystem.process_lock import ProcessLock

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from tagodev.hard_limits import HardLimits
    from tagodev.target import Target

__all__ = ["Journal"]

_RESUME: Final = "Make room on the disk, then resume with the same journal"
#: Runs whose rows are known again by what a journal holds of them, and by nothing on the service.
_BY_PROGRESS: Final = ("create_tokens", "rotate_tokens")
_GO_ON: Final = (
    "Nothing more was sent; make room and go on with the same journal, which looks up first what "
    "was on its way"
)


class Journal(JournalReader):
    """A journal, open for writing or reading; a context manager.

    Open for writing it is locked, by its run and by its place: a second process would send the same
    rows. While it is open for writing, its main file says so: one that is found open, and without
    its write-ahead log, has lost what was committed last, and is refused.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open file; use `open`, `create` or `read`.

        Args:
            path: where it is.
            connection: the open database.
        """
        super().__init__(path, connection)
        self._beside: ProcessLock | None = None
        self._run: RunLock | None = None

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
            with explained(place):
                run_id = run_of(place)
            run = RunLock.take(run_id, place)
            # Only now, since another process may have written to it by another path until here. And
            # only read: closing a connection that may write would remove a refused journal's log.
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

    def _take_over(self, run: RunLock, *, doubtful: bool) -> None:
        """Mark it as open, and the file as the newest journal of its run."""
        if doubtful:
            self._check_lookup()
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

    def _mark_open(self, serial: int) -> None:
        """Say in the main file, not only in its log, that it is open for writing."""
        with explained(self.path, _RESUME):
            with self._connection:
                self._put("serial", value=serial)
                self._put("open", value=True)
            # Into the main file. The log keeps a copy: that of an open journal is never empty.
            self._connection.execute("PRAGMA wal_checkpoint(FULL)")

    def _check_lookup(self) -> None:
        """Refuse a run whose rows can't be looked up without the newest journal."""
        if self.info.kind in _BY_PROGRESS and self.counts().get(EntryState.PENDING):
            raise JournalError(
                "tokens that were made since can't be told from others: this run can't be resumed "
                "from an incomplete journal",
                journal=str(self.path),
                hint="List the devices' tokens, and begin a new run for those that lack one",
            )

    def _doubt_pending(self) -> None:
        """Take every pending row for one that may have been sent."""
        with explained(self.path, _RESUME), self._connection:
            self._connection.execute("UPDATE rows SET state = 1 WHERE state = 0")

    def close(self) -> None:
        """Close it; what was committed stays."""
        try:
            if self._run is None or self._mark_closed():
                self._connection.close()
            else:
                self._close_with_log()
        finally:
            for lock in (self._run, self._beside):
                if lock is not None:
                    lock.release()

    def _mark_closed(self) -> bool:
        """Say that it is closed; return whether the disk took it."""
        for _ in range(2):
            with suppress(sqlite3.Error):
                with self._connection:
                    self._put("open", value=False)
                return True
            # On a full disk: the log is used over again once it is in the main file.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(FULL)")
        return False

    def _close_with_log(self) -> None:
        """Close it, and leave its log: an open journal without one counts as incomplete."""
        with suppress(JournalError, sqlite3.Error):
            # SQLite removes the log with the last connection, unless that may only read.
            reader = connect_journal(self.path, read_only=True)
            reader.execute("SELECT count(*) FROM meta").fetchone()
            self._connection.close()
            reader.close()
        self._connection.close()

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
        self._know(**facts)

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Note how the operation is done from now on."""
        if dict(self.info.options) != dict(options):
            with explained(self.path), self._connection:
                self._put("options", value=dict(options))
            self._know(options=dict(options))

    def keep_limits(self, limits: HardLimits) -> None:
        """Note what requests are held to from now on.

        Args:
            limits: of each route.
        """
        facts = {name: getattr(limits, name) for name in ("name", "default", "minute")}
        with explained(self.path), self._connection:
            self._put("limits", value={**facts, "per_route": dict(limits.per_route)})

    def mark_reported(self) -> None:
        """Note that the results of its run have been written, so that nothing is left to do."""
        with explained(self.path), self._connection:
            self._put("reported", value=True)

    def _put(self, key: str, *, value: Any) -> None:
        self._connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, orjson.dumps(value).decode()),
        )


def _lock_beside(path: Path) -> ProcessLock:
    try:
        return ProcessLock.acquire(lock_beside(path), f"{path}: the journal")
    except LockedError:
        raise
    except TagoError as error:
        raise JournalError(str(error), journal=str(path)) from None
