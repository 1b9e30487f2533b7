"""SQLite lease store, for the processes of one machine and across restarts of a program.

Every exchange is one immediate transaction, in a separate thread.
Commits survive a crash of the process, not of the machine: leases expire within a minute, before a
machine has restarted.

A new file counts as never used: the first start of a program does not wait.
A process that finds its file missing or replaced records that in the new file: then all processes
wait.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tagodev._limits.ledger.lease_store import PEAK_WINDOWS, Holding, Reply, StoreError, permits_for
from tagodev._limits.ledger.leases import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev._limits.ledger.lease_store import Exchange
    from tagodev._limits.ledger.leases import LeaseRequest

__all__ = ["SqliteStore"]

#: Identify the file format: "tago" in ASCII, and the version of the schema.
_APPLICATION: Final = 0x7461676F
_VERSION: Final = 1
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS epoch (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS floors (
    profile TEXT NOT NULL,
    minute REAL NOT NULL,
    number INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    PRIMARY KEY (profile, minute)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holdings (
    profile TEXT NOT NULL,
    minute REAL NOT NULL,
    route TEXT NOT NULL,
    number INTEGER NOT NULL,
    holder TEXT NOT NULL,
    held INTEGER NOT NULL,
    loose INTEGER NOT NULL,
    until INTEGER NOT NULL,
    interactive INTEGER NOT NULL DEFAULT 0,
    filled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (profile, minute, route, number, holder)
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
#: Unused profiles are removed after this long, in seconds of the service's clock.
_EXPIRY: Final = 86400.0
#: Seconds to wait for a transaction of another process.
_TIMEOUT: Final = 2.0
#: Seconds between attempts to open a file that another process is creating.
_RETRY_INTERVAL: Final = 0.02


class SqliteStore:
    """Stores leases in a file, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        """Create a store that opens the file with its first exchange.

        Args:
            path: the file; its folder is created if missing.
        """
        self.path: Final = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "tagodev ledger")
        self._file = (0, 0)
        self._epoch = ""
        self._swept: dict[tuple[str, float], int] = {}

    async def exchange(self, exchange: Exchange) -> Reply:
        """Apply what a process reports, and lease what is available, in one transaction."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self.exchange_now, exchange)

    async def close(self) -> None:
        """Close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.disconnect)
        self._thread.shutdown()

    def check(self) -> None:
        """Check that the file can be used.

        Raises:
            StoreError: the file can't be used.
        """
        with _explained():
            try:
                self._connect()
            except sqlite3.OperationalError as error:
                # A locked file can be used by the process that locked it.
                if "locked" not in str(error):
                    raise
            self.disconnect()

    # --- in the thread -------------------------------------------------------------------------

    def exchange_now(self, exchange: Exchange) -> Reply:
        """Do what `exchange` does, in the calling thread.

        Raises:
            StoreError: the file can't be used.
        """
        with _explained():
            if self._connection is not None and _identity(self.path) != self._file:
                self.disconnect()
            connection = self._connection or self._connect()
            try:
                return self._transact(connection, exchange)
            except sqlite3.Error:
                # Opening it again may solve the problem.
                self.disconnect()
                raise

    def disconnect(self) -> None:
        """Close the file; the next exchange opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, connection: sqlite3.Connection, exchange: Exchange) -> Reply:
        connection.execute("BEGIN IMMEDIATE")
        try:
            first_free = self._first_free(connection, exchange)
            leases = [_give(connection, exchange, request) for request in exchange.requests]
            self._sweep(connection, exchange)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return Reply(self._epoch, first_free, leases)

    def _first_free(self, connection: sqlite3.Connection, exchange: Exchange) -> int:
        """Return the first window in which anything may be leased."""
        key = (exchange.profile, exchange.window_seconds)
        if exchange.epoch not in ("", self._epoch):
            # A process that used another file may hold leases which this file does not contain.
            connection.execute(
                "INSERT INTO floors VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET number = excluded.number, epoch = excluded.epoch"
                " WHERE epoch != excluded.epoch",
                (*key, exchange.first_safe, self._epoch),
            )
        found = connection.execute(
            "SELECT number FROM floors WHERE profile = ? AND minute = ?", key
        ).fetchone()
        return 0 if found is None else int(found[0])

    def _sweep(self, connection: sqlite3.Connection, exchange: Exchange) -> None:
        """Delete expired rows, by the service's own clock; no other clock is trusted."""
        key = (exchange.profile, exchange.window_seconds)
        number = min((request.number for request in exchange.requests), default=0)
        if number <= self._swept.get(key, 0):
            return
        self._swept[key] = number
        connection.execute(
            "DELETE FROM holdings WHERE profile = ? AND minute = ? AND until < ? AND number < ?",
            (*key, number - 1, number - 1 - PEAK_WINDOWS),
        )
        long_ago = number * exchange.window_seconds - _EXPIRY
        connection.execute("DELETE FROM holdings WHERE (until + 1) * minute < ?", (long_ago,))
        connection.execute("DELETE FROM floors WHERE number * minute < ?", (long_ago,))

    # --- opening -------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                return self._try_to_connect()
            except sqlite3.OperationalError as error:
                # SQLite does not wait for a process that switches the file to write-ahead logging,
                # as its first user does.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_INTERVAL)

    def _try_to_connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        file = _identity(self.path)
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_TIMEOUT, check_same_thread=False
        )
        try:
            self._epoch = f"{_prepare(connection)} {file}"
            if _identity(self.path) != file:
                raise StoreError("the file was replaced while it was opened")
        except BaseException:
            connection.close()
            raise
        self._file = file
        self._connection = connection
        return connection


def _prepare(connection: sqlite3.Connection) -> str:
    """Create the tables if missing, and return the file's epoch."""
    # Read the tables first: another process may be creating them, in one transaction with the ids.
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    made_by = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (made_by, version) != (_APPLICATION, _VERSION):
        if tables:
            raise StoreError("the file is not a ledger, or has another version", permanent=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "INSERT INTO epoch SELECT ? WHERE NOT EXISTS (SELECT 1 FROM epoch)", (uuid4().hex,)
    )
    epoch: str = connection.execute("SELECT value FROM epoch").fetchone()[0]
    return epoch


def _give(connection: sqlite3.Connection, exchange: Exchange, request: LeaseRequest) -> Lease:
    key = (exchange.profile, exchange.window_seconds, request.route)
    mine = (*key, request.number, exchange.holder)
    connection.execute(
        "INSERT OR IGNORE INTO holdings (profile, minute, route, number, holder, held, loose,"
        " until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*mine, request.carry, request.loose, request.number + exchange.carried),
    )
    _change(connection, mine, -request.back, interactive=request.interactive, full=request.full)
    rows = connection.execute(
        "SELECT number, holder, held, loose, until, interactive, filled FROM holdings"
        " WHERE profile = ? AND minute = ? AND route = ? AND number <= ?"
        " AND (until >= ? OR number >= ?)",
        (*key, request.number, request.number, request.number - PEAK_WINDOWS),
    )
    permits, full = permits_for(request, [Holding(*row) for row in rows.fetchall()])
    if permits:
        _change(connection, mine, permits)
    return Lease(request.route, request.number, permits, bool(full))


def _change(
    connection: sqlite3.Connection,
    mine: tuple[object, ...],
    permits: int,
    *,
    interactive: int = 0,
    full: bool = False,
) -> None:
    connection.execute(
        "UPDATE holdings SET held = held + ?, interactive = interactive + ?,"
        " filled = filled OR ?"
        " WHERE profile = ? AND minute = ? AND route = ? AND number = ? AND holder = ?",
        (permits, interactive, full, *mine),
    )


def _identity(path: Path) -> tuple[int, int]:
    """Return device and inode of a file; zeros if it does not exist."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_dev, found.st_ino


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        problem = str(error)
        # A full disk and a locked file are operational errors.
        temporary = isinstance(error, (sqlite3.OperationalError, OSError))
    else:
        return
    raise StoreError(problem, permanent=not temporary)
