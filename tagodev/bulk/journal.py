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
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

from tagodev.bulk.journal_files import (
    FORMAT,
    check_there,
    connect_journal,
    explained,
    make_journal,
)
from tagodev.bulk.journal_rows import Batch, Entry, JournalInfo, RowState
from tagodev.bulk.journal_sql import stretch, write_batch
from tagodev.bulk.locks import FileLock
from tagodev.errors import JournalError
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from types import TracebackType

__all__ = ["Journal"]

_GO_ON: Final = (
    "Nothing more was sent; make room and go on with the same journal, which looks up first what "
    "was on its way"
)


class Journal:
    """An open journal; a context manager.

    Opened for writing it is locked: a second process is refused, since both would send the rows.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        """Take over an open file; use `open`, `create` or `read`.

        Args:
            path: where it is.
            connection: the open database.
            lock: what keeps others out; None for a reader.
        """
        self.path: Final = path
        self._connection = connection
        self._lock = lock
        try:
            self.info: Final = self._read_info()
        except BaseException:
            connection.close()
            raise

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | os.PathLike[str], info: JournalInfo) -> Self:
        """Make a journal, for its owner's eyes only.

        Args:
            path: where; nothing may be there yet.
            info: what it is about; run and time are made up where they are empty.

        Raises:
            JournalError: something is there, or the file can't be made.
        """
        place = Path(path)
        lock = FileLock.take(place)
        try:
            with explained(place):
                make_journal(place, info)
                return cls(place, connect_journal(place), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to go on with it.

        Raises:
            JournalError: there is none, it is none, or another process has it open.
        """
        place = Path(path)
        check_there(place)
        lock = FileLock.take(place)
        try:
            with explained(place):
                return cls(place, connect_journal(place), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to look at it, also while another process works with it.

        Raises:
            JournalError: there is none, or it is none.
        """
        place = Path(path)
        check_there(place)
        with explained(place):
            return cls(place, connect_journal(place, read_only=True), None)

    def close(self) -> None:
        """Close it; what was committed stays."""
        try:
            self._connection.close()
        finally:
            if self._lock is not None:
                self._lock.release()

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

    def counts(self) -> dict[RowState, int]:
        """Return how many rows are in each state."""
        with explained(self.path):
            found = self._connection.execute("SELECT state, count(*) FROM rows GROUP BY state")
            return {RowState(state): count for state, count in found}

    def last_activity(self) -> float | None:
        """Return when a row was last begun or finished, in seconds of the epoch; None if none."""
        with explained(self.path):
            found = self._connection.execute("SELECT max(sent), max(ended) FROM rows").fetchone()
        return max((moment for moment in found if moment is not None), default=None)

    def rows(self, *states: RowState, after: int = -1) -> Iterator[Entry]:
        """Yield rows in their order; all of them, or those in given states.

        Args:
            states: which; none for all.
            after: only rows behind this number.
        """
        asked = ",".join(str(int(state)) for state in states or RowState)
        last = after
        while True:
            # Page by page: the connection serves other statements in between.
            with explained(self.path):
                page = self._connection.execute(
                    "SELECT number, state, payload, attempts, sent, ended, progress, result, error"  # noqa: S608  (the states are whole numbers of our own)
                    f" FROM rows WHERE number > ? AND state IN ({asked})"
                    " ORDER BY number LIMIT 500",
                    (last,),
                ).fetchall()
            for row in page:
                yield _entry(row)
            if not page:
                return
            last = page[-1][0]

    def hashes(self, after: int, many: int) -> list[tuple[int, bytes, RowState]]:
        """Return number, hash and state of the next rows behind a number."""
        with explained(self.path):
            found = self._connection.execute(
                "SELECT number, hash, state FROM rows WHERE number > ? ORDER BY number LIMIT ?",
                (after, many),
            )
            return [(number, digest, RowState(state)) for number, digest, state in found]

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

    def note_account(self, account: str) -> bool:
        """Note as whom it is gone on with, and return whether that was somebody else before.

        Args:
            account: a digest of the account's token.
        """
        before = self._fact("account")
        if before != account:
            with explained(self.path), self._connection:
                self._put("account", value=account)
        return before not in (None, account)

    def move(self, service: str) -> None:
        """Note that the service is reached at another address from now on.

        Args:
            service: the address.
        """
        with explained(self.path), self._connection:
            self._put("service", value=service)

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
                "this journal was written by another version of tagodev", journal=str(self.path)
            )
        return JournalInfo(
            **{field.name: self._fact(field.name) for field in attrs.fields(JournalInfo)}
        )

    def _fact(self, key: str) -> Any:
        with explained(self.path):
            found = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,))
            row = found.fetchone()
        return None if row is None else orjson.loads(row[0])

    def _put(self, key: str, *, value: Any) -> None:
        self._connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, orjson.dumps(value).decode()),
        )


def _entry(row: tuple[Any, ...]) -> Entry:
    number, state, payload, attempts, sent, ended, progress, result, error = row
    return Entry(
        number=number,
        state=RowState(state),
        payload=payload,
        attempts=attempts,
        sent=sent,
        ended=ended,
        progress=progress,
        result=result,
        error=error,
    )
