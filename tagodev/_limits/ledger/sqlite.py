"""SQLite lease store, for the processes of one machine and across restarts of a program.

Every exchange reads and replaces the profile's one value in an immediate transaction, in a separate
thread.
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

from tagodev._limits.ledger.lease_store import Profile, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev._limits.ledger.lease_store import Exchange, Reply

__all__ = ["SqliteStore"]

#: Identify the file format: "tago" in ASCII, and the version of the schema.
_APPLICATION: Final = 0x7461676F
_VERSION: Final = 2
#: Begins the epoch of a file of the first version.
_MIGRATED: Final = "migrated"
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS epoch (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS profiles (
    profile TEXT NOT NULL,
    minute REAL NOT NULL,
    value BLOB NOT NULL,
    ends REAL NOT NULL,
    PRIMARY KEY (profile, minute)
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
#: The leases of the first version, one row each, are given up: their profiles wait once.
_FROM_VERSION_1: Final = """
BEGIN IMMEDIATE;
DROP TABLE IF EXISTS holdings;
DROP TABLE IF EXISTS floors;
UPDATE epoch SET value = 'migrated ' || value;
PRAGMA user_version = 2;
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
        self._swept = 0

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
        key = (exchange.profile, exchange.window_seconds)
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = connection.execute(
                "SELECT value FROM profiles WHERE profile = ? AND minute = ?", key
            ).fetchone()
            profile = Profile(None if found is None else found[0], epoch=self._epoch)
            given_up = found is None and self._epoch.startswith(_MIGRATED)
            if given_up or exchange.epoch not in ("", self._epoch):
                # A process that used another file may hold leases which this file does not contain.
                profile.note_loss(exchange.first_safe)
            reply = profile.apply(exchange)
            ends = (profile.until + 1) * exchange.window_seconds
            connection.execute(
                "INSERT OR REPLACE INTO profiles VALUES (?, ?, ?, ?)", (*key, profile.dump(), ends)
            )
            self._sweep(connection, exchange)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return reply

    def _sweep(self, connection: sqlite3.Connection, exchange: Exchange) -> None:
        """Delete unused profiles, by the service's own clock; no other clock is trusted."""
        number = min((request.number for request in exchange.requests), default=0)
        if number > self._swept:
            self._swept = number
            long_ago = number * exchange.window_seconds - _EXPIRY
            connection.execute("DELETE FROM profiles WHERE ends < ?", (long_ago,))

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
        if (made_by, version) == (_APPLICATION, 1):
            connection.executescript(_FROM_VERSION_1)
        elif tables:
            raise StoreError("the file is not a ledger, or has another version", permanent=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "INSERT INTO epoch SELECT ? WHERE NOT EXISTS (SELECT 1 FROM epoch)", (uuid4().hex,)
    )
    epoch: str = connection.execute("SELECT value FROM epoch").fetchone()[0]
    return epoch


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
