"""Leases in an SQLite file: for the processes of one machine, and the next start of a program.

Every exchange is one immediate transaction, in a thread of its own.
Its durability is that of the operating system, not of the disk: what a power cut forgets, a minute
has forgotten too before the machine is up again.

A file that was just made is taken as one that nobody used before: the first start of a program
does not wait.
Whoever finds that the file he knew is gone, or another, says so in the new one: then all wait.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tagodev.limits.ledger.lease_store import PEAK_WINDOWS, Holding, Reply, StoreError, places_for
from tagodev.limits.ledger.leases import LeaseGrant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev.limits.ledger.lease_store import Exchange
    from tagodev.limits.ledger.leases import LeaseRequest

__all__ = ["SqliteStore"]

#: Tells our files from others: "tago" in ASCII, and how the tables look.
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
#: Profiles that were not used for so long are forgotten, in seconds of the service's clock.
_KEPT: Final = 86400.0
#: Seconds that a transaction of another process is waited for.
_PATIENCE: Final = 2.0
#: Seconds between two tries to open a file that another process is just making.
_PAUSE: Final = 0.02


class SqliteStore:
    """Keeps leases in a file, for its owner's eyes only."""

    def __init__(self, path: Path) -> None:
        """Keep leases there; the file is opened with the first exchange.

        Args:
            path: the file; its folder is made if need be.
        """
        self.path: Final = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "tagodev ledger")
        self._file = (0, 0)
        self._epoch = ""
        self._swept: dict[tuple[str, float], int] = {}

    async def exchange(self, exchange: Exchange) -> Reply:
        """Take in what is told, and give what is asked for; one transaction."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self.exchange_now, exchange)

    async def close(self) -> None:
        """Close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.disconnect)
        self._thread.shutdown()

    def check(self) -> None:
        """Make sure that the file can be used.

        Raises:
            StoreError: it can't, for now.
        """
        with _explained():
            try:
                self._connect()
            except sqlite3.OperationalError as error:
                # Whoever has it locked can use it.
                if "locked" not in str(error):
                    raise
            self.disconnect()

    # --- in the thread -------------------------------------------------------------------------

    def exchange_now(self, exchange: Exchange) -> Reply:
        """Take in what is told, and give what is asked for, without a thread.

        Raises:
            StoreError: the file can't be used.
        """
        with _explained():
            if self._connection is not None and _identity(self.path) != self._file:
                self.disconnect()
            connection = self._connection or self._connect()
            try:
                return self._in_one_step(connection, exchange)
            except sqlite3.Error:
                # What is wrong with it may be gone when it is opened again.
                self.disconnect()
                raise

    def disconnect(self) -> None:
        """Close the file; the next exchange opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _in_one_step(self, connection: sqlite3.Connection, exchange: Exchange) -> Reply:
        connection.execute("BEGIN IMMEDIATE")
        try:
            first_free = self._floor(connection, exchange)
            given = [_give(connection, exchange, ask) for ask in exchange.asks]
            self._sweep(connection, exchange)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return Reply(self._epoch, first_free, given)

    def _floor(self, connection: sqlite3.Connection, exchange: Exchange) -> int:
        """Return the first window in which anything may be leased."""
        key = (exchange.profile, exchange.minute)
        if exchange.epoch not in ("", self._epoch):
            # Who has known another file may hold what this one does not know of.
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
        """Forget what is past, by the service's own clock; no other is trusted."""
        key = (exchange.profile, exchange.minute)
        number = min((ask.number for ask in exchange.asks), default=0)
        if number <= self._swept.get(key, 0):
            return
        self._swept[key] = number
        connection.execute(
            "DELETE FROM holdings WHERE profile = ? AND minute = ? AND until < ? AND number < ?",
            (*key, number - 1, number - 1 - PEAK_WINDOWS),
        )
        long_ago = number * exchange.minute - _KEPT
        connection.execute("DELETE FROM holdings WHERE (until + 1) * minute < ?", (long_ago,))
        connection.execute("DELETE FROM floors WHERE number * minute < ?", (long_ago,))

    # --- opening -------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._try_to_connect()
            except sqlite3.OperationalError as error:
                # Whoever turns a file to write-ahead logging, as its first user does, is not
                # waited for by SQLite itself.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)

    def _try_to_connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        file = _identity(self.path)
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
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
    """Make the tables where there are none, and return the file's epoch."""
    # Tables first: another process may be making it, and what they are is said together with them.
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    made_by = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (made_by, version) != (_APPLICATION, _VERSION):
        if tables:
            raise StoreError("the file is no ledger, or one of another version", lasting=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "INSERT INTO epoch SELECT ? WHERE NOT EXISTS (SELECT 1 FROM epoch)", (uuid4().hex,)
    )
    epoch: str = connection.execute("SELECT value FROM epoch").fetchone()[0]
    return epoch


def _give(connection: sqlite3.Connection, exchange: Exchange, ask: LeaseRequest) -> LeaseGrant:
    key = (exchange.profile, exchange.minute, ask.route)
    mine = (*key, ask.number, exchange.holder)
    connection.execute(
        "INSERT OR IGNORE INTO holdings (profile, minute, route, number, holder, held, loose,"
        " until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*mine, ask.carry, ask.loose, ask.number + exchange.carried),
    )
    _change(connection, mine, -ask.back, interactive=ask.interactive, full=ask.full)
    rows = connection.execute(
        "SELECT number, holder, held, loose, until, interactive, filled FROM holdings"
        " WHERE profile = ? AND minute = ? AND route = ? AND number <= ?"
        " AND (until >= ? OR number >= ?)",
        (*key, ask.number, ask.number, ask.number - PEAK_WINDOWS),
    )
    places, full = places_for(ask, [Holding(*row) for row in rows.fetchall()])
    if places:
        _change(connection, mine, places)
    return LeaseGrant(ask.route, ask.number, places, bool(full))


def _change(
    connection: sqlite3.Connection,
    mine: tuple[object, ...],
    places: int,
    *,
    interactive: int = 0,
    full: bool = False,
) -> None:
    connection.execute(
        "UPDATE holdings SET held = held + ?, interactive = interactive + ?,"
        " filled = filled OR ?"
        " WHERE profile = ? AND minute = ? AND route = ? AND number = ? AND holder = ?",
        (places, interactive, full, *mine),
    )


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another of the same name; nothing where there is none."""
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
        # A disk that is full and a file that is locked are of the former kind.
        passing = isinstance(error, (sqlite3.OperationalError, OSError))
    else:
        return
    raise StoreError(problem, lasting=not passing)
