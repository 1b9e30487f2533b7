"""Leases in an SQLite file: for the processes of one machine, and the next start of a program.

Every exchange is one immediate transaction, in a thread of its own.
Its durability is that of the operating system, not of the disk: what a power cut forgets, a minute
has forgotten too before the machine is up again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tagodev.limits.leases import Given
from tagodev.limits.stores import PEAK_WINDOWS, Reply, StoreError, share_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev.limits.leases import Ask
    from tagodev.limits.stores import Exchange

__all__ = ["SqliteStore"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    profile TEXT NOT NULL,
    route TEXT NOT NULL,
    minute REAL NOT NULL,
    number INTEGER NOT NULL,
    holder TEXT NOT NULL,
    places INTEGER NOT NULL DEFAULT 0,
    carry INTEGER,
    interactive INTEGER NOT NULL DEFAULT 0,
    filled INTEGER NOT NULL DEFAULT 0,
    written REAL NOT NULL,
    PRIMARY KEY (profile, route, minute, number, holder)
) WITHOUT ROWID;
"""
#: Seconds after which rows of past windows are removed.
_KEPT: Final = 7200.0
#: Seconds that a transaction of another process is waited for.
_PATIENCE: Final = 5.0


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
        self._epoch = ""
        self._swept = 0.0

    async def exchange(self, exchange: Exchange) -> Reply:
        """Take in what is told, and give what is asked for; one transaction."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._exchange, exchange)

    async def close(self) -> None:
        """Close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    # --- in the thread -------------------------------------------------------------------------

    def _exchange(self, exchange: Exchange) -> Reply:
        with _explained():
            connection = self._connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                given = [self._give(connection, exchange, ask) for ask in exchange.asks]
                self._sweep(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        return Reply(self._epoch, 0, given)

    def _give(self, connection: sqlite3.Connection, exchange: Exchange, ask: Ask) -> Given:
        key = (exchange.profile, ask.route, exchange.minute)
        connection.execute(
            "INSERT INTO leases (profile, route, minute, number, holder, carry, written)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " carry = coalesce(carry, excluded.carry), written = excluded.written",
            (*key, ask.number, exchange.holder, ask.carry, time.time()),
        )
        oldest = ask.number - max(exchange.carried, PEAK_WINDOWS)
        rows = connection.execute(
            "SELECT number, holder, places, carry, interactive, filled FROM leases"
            " WHERE profile = ? AND route = ? AND minute = ? AND number BETWEEN ? AND ?",
            (*key, oldest, ask.number),
        ).fetchall()
        held = _held(rows, ask.number, exchange.carried) - ask.back
        full = ask.full or any(row[5] for row in rows if row[0] == ask.number)
        peaks: dict[int, int] = {}
        for row in rows:
            peaks[row[0]] = peaks.get(row[0], 0) + row[4]
        present = peaks.pop(ask.number, 0) + ask.interactive
        free = 0 if full else ask.limit - held
        peak = max(peaks.values(), default=0)
        places = share_of(ask, free, peak=peak, interactive=present) if ask.want else 0
        connection.execute(
            "UPDATE leases SET places = places + ?, interactive = interactive + ?, filled = ?"
            " WHERE profile = ? AND route = ? AND minute = ? AND number = ? AND holder = ?",
            (
                places - ask.back,
                ask.interactive,
                full,
                *key,
                ask.number,
                exchange.holder,
            ),
        )
        return Given(ask.route, ask.number, places, full)

    def _sweep(self, connection: sqlite3.Connection) -> None:
        now = time.time()
        if now - self._swept > _KEPT / 10:
            self._swept = now
            connection.execute("DELETE FROM leases WHERE written < ?", (now - _KEPT,))

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (uuid4().hex,))
            found = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        except BaseException:
            connection.close()
            raise
        self._epoch = found[0]
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _held(rows: list[tuple[int, str, int, int | None, int, int]], number: int, carried: int) -> int:
    """Return what all processes hold of a window."""
    told = {row[1] for row in rows if row[0] == number and row[3] is not None}
    held = 0
    for window, holder, places, carry, _, _ in rows:
        if window == number:
            held += places + (carry or 0)
        elif number - carried <= window < number and holder not in told:
            # Until he tells how many of them are past, any of them may fall into this window.
            held += places
    return held


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        problem = str(error)
    else:
        return
    raise StoreError(problem)
