"""The journal of a bulk run on disk, open for writing.

It is one SQLite file with an entry for each item of the input.
Before a request is sent, its entry is marked as sent and committed (`EntryState.SENT`): after a
crash the journal shows each request that may have reached the service.
The answer is recorded afterwards, with the token that the service shows only once.

`tagodev._bulk.journal.entry` describes the states; only items in ``SENT`` are looked up.

The journal also counts the charges of each route in each of the server's minutes, so that a program
that is restarted within the minute knows what it has used: a request that may count in either of
two minutes is there twice. For statistics, each request is counted once more, in one of them.

This module is synchronous and used by one thread at a time; `tagodev._bulk.journal.writer` groups
the writes of many items into few commits.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.file import (
    check_exists,
    connect_journal,
    journal_errors,
    make_journal,
    run_of,
)
from tagodev._bulk.journal.reader import JournalReader
from tagodev._bulk.journal.schema import stretch, write_batch
from tagodev._bulk.operations.registry import operation_of
from tagodev._bulk.run_registry import RunLock, RunRecord, lock_beside
from tagodev._filesystem.process_lock import ProcessLock
from tagodev.errors import JournalError, LockedError, TagoError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from tagodev._address import Target
    from tagodev.hard_limits import HardLimits

__all__ = ["Journal"]

_RESUME: Final = "Free some disk space, then resume with the same journal"
_RESUME_LATER: Final = (
    "Nothing more was sent. Free some disk space, then resume with the same journal, which "
    "looks up requests in flight first"
)


class Journal(JournalReader):
    """A journal, open for writing or reading; a context manager.

    Open for writing it is locked, by its run and by its path: a second process would send the same
    items. While it is open for writing, its main file is marked as open: a journal that is found
    open, and without its write-ahead log, has lost its last commits and is refused.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap an open file; use `open`, `create` or `read`.

        Args:
            path: the journal.
            connection: the open database.
        """
        super().__init__(path, connection)
        self._beside: ProcessLock | None = None
        self._run: RunLock | None = None

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | os.PathLike[str], info: JournalInfo) -> Self:
        """Create a journal, readable by its owner only, and open it for writing.

        Args:
            path: the file; it must not exist.
            info: the facts about its run; an empty run and time are filled in.

        Raises:
            JournalError: the file exists, or can't be created.
            LockedError: another process creates it.
        """
        file = Path(path)
        with journal_errors(file):
            beside = _lock_beside(file)
            try:
                make_journal(file, info)
            except BaseException:
                beside.release()
                raise
        return cls._opened(file, beside, incomplete=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, incomplete: bool = False) -> Self:
        """Open a journal for writing, to resume its run.

        Args:
            path: the journal.
            incomplete: accept a journal that is not the newest state of its run: an older copy, or
                one
                that has lost its write-ahead log. Each item that it shows as pending is looked up
                before it is sent.

        Raises:
            JournalError: it does not exist, is not a journal, or is incomplete.
            LockedError: another process has it open, by whatever path.
        """
        file = Path(path)
        check_exists(file)
        return cls._opened(file, _lock_beside(file), incomplete=incomplete)

    @classmethod
    def _opened(cls, file: Path, beside: ProcessLock, *, incomplete: bool) -> Self:
        """Open a journal whose path is locked, after locking its run."""
        run, journal = None, None
        try:
            with journal_errors(file):
                run_id = run_of(file)
            run = RunLock.take(run_id, file)
            # Only now, since another process may have written to it by another path until here. And
            # read only: closing a connection that may write would delete a refused journal's log.
            with cls.read(file) as read:
                problem = read._problem(run.record)  # noqa: SLF001  (its own)
                doubtful = problem is not None or read._moved_while_open(run.record)  # noqa: SLF001  (its own)
            if problem is not None and not incomplete:
                raise problem
            with journal_errors(file):
                journal = cls(file, connect_journal(file))
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
        """Mark it as open, and register the file as the newest journal of its run."""
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
        """Mark the main file, not only its log, as open for writing."""
        with journal_errors(self.path, _RESUME):
            with self._connection:
                self._put("serial", value=serial)
                self._put("open", value=True)
            # Into the main file. The log keeps a copy: that of an open journal is never empty.
            self._connection.execute("PRAGMA wal_checkpoint(FULL)")

    def _check_lookup(self) -> None:
        """Refuse a run whose items can't be looked up without the newest journal."""
        needed = operation_of(self.info.kind).needs_progress
        if needed and self.counts().get(EntryState.PENDING):
            raise JournalError(
                "tokens that were created since can't be identified: this run can't be resumed "
                "from an incomplete journal",
                journal=str(self.path),
                hint="List the devices' tokens, and start a new run for devices without one",
            )

    def _doubt_pending(self) -> None:
        """Mark every pending entry as one that may have been sent."""
        with journal_errors(self.path, _RESUME), self._connection:
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
        """Mark it as closed; return whether the disk accepted that."""
        for _ in range(2):
            with suppress(sqlite3.Error):
                with self._connection:
                    self._put("open", value=False)
                return True
            # On a full disk: the log is reused once it is in the main file.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(FULL)")
        return False

    def _close_with_log(self) -> None:
        """Close it, and leave its log: an open journal without one counts as incomplete."""
        with suppress(JournalError, sqlite3.Error):
            # SQLite deletes the log with the last connection, unless that is read-only.
            reader = connect_journal(self.path, read_only=True)
            reader.execute("SELECT count(*) FROM meta").fetchone()
            self._connection.close()
            reader.close()
        self._connection.close()

    # --- writing -------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write a batch in one commit; durable on return.

        Raises:
            JournalError: the disk failed; nothing of it was written.
        """
        with journal_errors(self.path, _RESUME_LATER), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            write_batch(connection, batch)
            if batch.whole:
                self._put("whole", value=True)
            if batch.target is not None:
                self._put_target(batch.target)

    def stretch(self) -> None:
        """Prepare for many more commits; takes about as long as some of them."""
        # If there is no space for this, the next commit fails and reports it.
        with suppress(sqlite3.Error):
            stretch(self._connection)

    def fill(self, rows: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Write all items of the input at once: number, hash and payload of each.

        Raises:
            JournalError: the disk failed; nothing of it was written.
        """
        with journal_errors(self.path), self._connection as connection:
            connection.executemany(
                "INSERT INTO rows (number, hash, payload) VALUES (?, ?, ?)", rows
            )
            self._put("whole", value=True)

    def retry_failed(self) -> int:
        """Make failed entries pending again, and return how many."""
        with journal_errors(self.path), self._connection as connection:
            changed = connection.execute(
                "UPDATE rows SET state = 0, error = NULL, ended = NULL WHERE state = 3"
            )
            return changed.rowcount

    def bind(self, target: Target) -> None:
        """Record the service, the profile and the account that it belongs to."""
        with journal_errors(self.path), self._connection:
            self._put_target(target)

    def _put_target(self, target: Target) -> None:
        facts: dict[str, Any] = {"service": target.service, "account": target.account}
        if target.profile:
            facts["profile"] = target.profile
        for name, value in facts.items():
            self._put(name, value=value)
        self._update_info(**facts)

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Record the operation's options."""
        if dict(self.info.options) != dict(options):
            with journal_errors(self.path), self._connection:
                self._put("options", value=dict(options))
            self._update_info(options=dict(options))

    def record_limits(self, limits: HardLimits) -> None:
        """Record the limits of the run.

        Args:
            limits: the limits of each route.
        """
        facts = {name: getattr(limits, name) for name in ("name", "default", "minute")}
        with journal_errors(self.path), self._connection:
            self._put("limits", value={**facts, "per_route": dict(limits.per_route)})

    def mark_reported(self) -> None:
        """Record that the results of its run were written, so that nothing is left to do."""
        with journal_errors(self.path), self._connection:
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
