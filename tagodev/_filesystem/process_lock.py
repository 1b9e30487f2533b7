"""Lock between processes that is released when its process ends.

The lock is an open transaction (``BEGIN IMMEDIATE``) on a small SQLite database. SQLite locks the
inode, so every path to the file is the same lock; the kernel releases it when the process ends;
and other processes can read who holds it.

A lock stores facts for its next holder.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

from tagodev.errors import LockedError, TagoError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ProcessLock"]

#: Seconds to wait for a process that only checks whether the lock is held.
_BUSY_TIMEOUT: Final = 0.3


@attrs.frozen(eq=False)
class ProcessLock:
    """A held lock; release it with `release`, or by ending the process."""

    path: Path
    """The lock's file."""
    facts: Mapping[str, Any]
    """Facts stored by the previous holder; empty for the first."""
    _connection: sqlite3.Connection = attrs.field(repr=False)

    @classmethod
    def acquire(cls, path: Path, what: str) -> Self:
        """Acquire the lock without waiting.

        Args:
            path: the lock's file, created if missing; its folder must exist.
            what: what the lock protects, for the message: ``"the journal site.journal"``.

        Raises:
            LockedError: another process, or another holder in this process, has the lock.
            TagoError: the file can't be used.
        """
        try:
            if not path.exists():
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from None
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS lock (key TEXT PRIMARY KEY, value TEXT)")
            facts = _read(connection, "facts")
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
            _write(connection, "holder", holder)
            # Committed, so that others can read the holder; the lock is then acquired again.
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            if _read(connection, "holder") != holder:
                raise sqlite3.OperationalError("database is locked")
        except sqlite3.Error as error:
            connection.close()
            if not _is_busy(error):
                raise _unusable(path, error) from None
            raise LockedError(
                f"{what} is in use by another process{cls._holder_text(path)}",
                hint="Wait until it ends, or stop it",
            ) from None
        return cls(path, facts, connection)

    @classmethod
    def is_held(cls, path: Path) -> bool:
        """Return whether a process holds the lock."""
        if not path.exists():
            return False
        try:
            with closing(_connect(path, timeout=0)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            return _is_busy(error)
        return False

    @staticmethod
    def facts_of(path: Path) -> Mapping[str, Any]:
        """Return the stored facts, even while the lock is held; empty if there are none."""
        with suppress(sqlite3.Error), closing(_connect(path)) as connection:
            return _read(connection, "facts")
        return {}

    def release(self, facts: Mapping[str, Any] | None = None) -> None:
        """Release the lock; the file is kept.

        Args:
            facts: facts to store for the next holder; None keeps the stored ones.
        """
        with closing(self._connection) as connection, suppress(sqlite3.Error):
            if facts is not None:
                _write(connection, "facts", facts)
            connection.execute("COMMIT")

    def store_facts(self, facts: Mapping[str, Any]) -> None:
        """Store facts for the next holder, and keep the lock.

        Args:
            facts: the facts; they remain if this process is killed.

        Raises:
            LockedError: another process acquired the lock in between.
            TagoError: the facts can't be written.
        """
        try:
            _write(self._connection, "facts", facts)
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if _is_busy(error):
                raise LockedError(
                    f"{self.path.name} was taken by another process", hint="Try again"
                ) from None
            raise _unusable(self.path, error) from None

    @staticmethod
    def _holder_text(path: Path) -> str:
        with suppress(sqlite3.Error), closing(_connect(path)) as connection:
            holder = _read(connection, "holder")
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
            return f" (process {holder['pid']} on {holder['host']}, since {since})"
        return ""


def _connect(path: Path, timeout: float = _BUSY_TIMEOUT) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )


def _read(connection: sqlite3.Connection, key: str) -> Mapping[str, Any]:
    try:
        row = connection.execute("SELECT value FROM lock WHERE key = ?", (key,)).fetchone()
        found = {} if row is None else orjson.loads(row[0])
    except (sqlite3.OperationalError, orjson.JSONDecodeError):
        # The lock has never been held, or its file is damaged.
        return {}
    return found if isinstance(found, dict) else {}


def _write(connection: sqlite3.Connection, key: str, value: Mapping[str, Any]) -> None:
    connection.execute(
        "INSERT INTO lock VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, orjson.dumps(value).decode()),
    )


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _unusable(path: Path, error: Exception) -> TagoError:
    reason = getattr(error, "strerror", None) or str(error)
    return TagoError(
        f"The lock {path} can't be used: {reason}", hint="If the file is damaged, delete it"
    )
