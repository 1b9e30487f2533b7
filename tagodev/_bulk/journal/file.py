"""The file of a journal: its creation, and its connections.

It is created in one step, and only its owner may read it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from tagodev._bulk.journal.schema import APPLICATION_ID, SCHEMA, STATEMENTS, check_schema
from tagodev._bulk.run_registry import new_run
from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev._bulk.journal.entry import JournalInfo

__all__ = [
    "FORMAT",
    "check_exists",
    "connect_journal",
    "has_frames",
    "journal_errors",
    "make_journal",
    "run_of",
    "wal_path",
]

#: Version of the tables; a journal of another version is refused.
FORMAT: Final = 3
#: Bytes of a write-ahead log before its first frame (https://sqlite.org/fileformat.html#walformat).
_LOG_HEADER: Final = 32


def make_journal(path: Path, info: JournalInfo) -> None:
    """Create a journal's file in one step: a process that is killed meanwhile leaves none."""
    if path.exists():
        raise FileExistsError
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    facts = {
        "format": FORMAT,
        **attrs.asdict(info),
        "run": info.run or new_run(),
        "began": info.began or time.time(),
        "whole": False,
        "serial": 0,
        "open": False,
    }
    with closing(sqlite3.connect(draft)) as connection:
        # A draft is deleted after a crash, so it needs no rollback journal on disk.
        connection.execute("PRAGMA journal_mode = MEMORY")
        with connection:
            connection.executescript(f"BEGIN; {SCHEMA}")
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [(key, orjson.dumps(value).decode()) for key, value in facts.items()],
            )
        # Set here, since a read-only connection could not recover a rollback journal.
        connection.execute("PRAGMA journal_mode = WAL")
    draft.rename(path)


def connect_journal(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database of a journal.

    Args:
        path: the journal.
        read_only: whether to open it only to read.

    Raises:
        JournalError: it is not a journal.
        sqlite3.Error: it can't be opened.
    """
    # Used by one thread at a time, though not always the same one: `JournalWriter` ensures that. A
    # connection that may write moves the write-ahead log into the database and deletes it when it
    # is the last to close. A reader must not: the log of a killed process shows that its journal is
    # complete (`Journal.open`). If there is no log, a reader may write, and so deletes the files
    # that SQLite creates for it.
    writable = os.access(path, os.W_OK) and not wal_path(path).exists()
    mode = "ro" if read_only and not writable else "rw"
    address = f"{path.resolve().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        address, uri=True, check_same_thread=False, timeout=10, cached_statements=STATEMENTS
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        _check_identity(connection, path)
        check_schema(connection, path)
        if not read_only:
            _restrict_mode(path)
    except BaseException:
        connection.close()
        raise
    return connection


def wal_path(path: Path) -> Path:
    """Return the path of a journal's write-ahead log."""
    real = path.resolve()
    return real.with_name(f"{real.name}-wal")


def has_frames(log: Path) -> bool:
    """Return whether a write-ahead log holds anything.

    SQLite creates an empty one for each name by which a journal is opened, also for a hard link.
    """
    try:
        return log.stat().st_size > _LOG_HEADER
    except OSError:
        return False


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    if identity != APPLICATION_ID:
        raise JournalError("this is not a tagodev journal", journal=str(path))


def run_of(path: Path) -> str:
    """Return the run of a journal without a lock, and without a file beside it.

    This is safe only for facts that are written once.

    Raises:
        JournalError: it is not a journal.
        sqlite3.Error: it can't be read.
    """
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        _check_identity(connection, path)
        row = connection.execute("SELECT value FROM meta WHERE key = 'run'").fetchone()
    try:
        run = orjson.loads(row[0]) if row else None
    except orjson.JSONDecodeError:
        run = None
    return run if isinstance(run, str) else ""


def _restrict_mode(path: Path) -> None:
    # A copied file may have lost its mode, and so may the files beside it.
    real = path.resolve()
    for suffix in ("", "-wal", "-shm"):
        file = real.with_name(real.name + suffix)
        if file.exists():
            file.chmod(0o600)


def check_exists(path: Path) -> None:
    """Check that the file exists.

    Raises:
        JournalError: it does not exist.
    """
    if not path.is_file():
        raise JournalError("there is no such journal", journal=str(path))


@contextmanager
def journal_errors(path: Path, hint: str = "") -> Iterator[None]:
    """Convert errors of file and database into `JournalError`."""
    try:
        yield
    except FileExistsError:
        problem = "the file already exists"
    except OSError as error:
        problem = error.strerror or str(error)
    except sqlite3.Error as error:
        problem = str(error)
    else:
        return
    raise JournalError(problem, journal=str(path), hint=hint)
