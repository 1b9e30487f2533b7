"""The SQLite schema of a journal, and its statements.

Items wait for each commit, so commits are kept short in two ways.

A batch is written with few statements, however many items it holds.
Around each statement the thread releases the interpreter lock and has to wait for it again, which
takes longer than the statement itself.

The write-ahead log is extended once, and reused from then on (`stretch`).
A commit that extends a file waits for the file system's own journal too, and takes many times as
long.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from tagodev.errors import JournalError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from tagodev._bulk.journal.entry import Batch

__all__ = [
    "APPLICATION_ID",
    "SCHEMA",
    "STATEMENTS",
    "check_schema",
    "is_journal",
    "stretch",
    "write_batch",
]

#: Application id of a journal ("tgdj"), to recognise the file.
APPLICATION_ID: Final = 0x7467646A

SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (
    number INTEGER PRIMARY KEY,
    state INTEGER NOT NULL DEFAULT 0,
    hash BLOB NOT NULL,
    payload BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent REAL,
    ended REAL,
    progress BLOB,
    result BLOB,
    error TEXT
);
CREATE INDEX unfinished ON rows (state) WHERE state IN (0, 1);
CREATE TABLE spent (
    ledger TEXT NOT NULL,
    route TEXT NOT NULL,
    minute REAL NOT NULL,
    number INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (ledger, route, minute, number)
) WITHOUT ROWID;
CREATE TABLE asked (
    route TEXT NOT NULL,
    minute REAL NOT NULL,
    number INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (route, minute, number)
) WITHOUT ROWID;
"""

#: The most items that one statement writes.
_TOGETHER: Final = 64
#: Prepared statements to cache: one for each number of items, of three kinds, and some others.
STATEMENTS: Final = 4 * _TOGETHER
#: Pages of the log before it is reused: 1 MB.
_LOG_PAGES: Final = 256
_PAGE: Final = 4096

_PULLED: Final = "INSERT INTO rows (number, hash, payload, state, sent) VALUES {}"
# The next two change existing entries; hash and payload only satisfy SQLite's checks.
_SENT: Final = """
INSERT INTO rows (number, sent, state, hash, payload) VALUES {}
ON CONFLICT (number) DO UPDATE SET state = excluded.state, sent = coalesce(sent, excluded.sent)
"""
_ENDED: Final = """
INSERT INTO rows (state, attempts, ended, result, error, number, hash, payload) VALUES {}
ON CONFLICT (number) DO UPDATE SET
    state = excluded.state,
    attempts = attempts + excluded.attempts,
    ended = excluded.ended,
    result = excluded.result,
    error = excluded.error
"""
_PROGRESS: Final = "UPDATE rows SET progress = ? WHERE number = ?"
_SPENT: Final = """
INSERT INTO spent VALUES (?, ?, ?, ?, ?)
ON CONFLICT (ledger, route, minute, number) DO UPDATE SET count = count + excluded.count
"""
_ASKED: Final = """
INSERT INTO asked VALUES (?, ?, ?, ?)
ON CONFLICT (route, minute, number) DO UPDATE SET count = count + excluded.count
"""


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Check that a database has the tables of a journal, and no view or trigger.

    A view in place of a table, or a trigger, could make reading endless or change what is written.

    Raises:
        JournalError: the tables differ.
    """
    found = {
        name: (kind, _squeezed(sql or ""))
        for name, kind, sql in connection.execute("SELECT name, type, sql FROM sqlite_master")
        # SQLite's own indexes have no statement, and the padding is temporary (`stretch`).
        if not name.startswith("sqlite_") and name != "padding"
    }
    if found != _OBJECTS:
        raise JournalError(
            "its tables do not match this version",
            journal=str(path),
            hint="Restore the file from a copy, or resume it with the version that wrote it",
        )


def _squeezed(sql: str) -> str:
    return " ".join(sql.split())


_OBJECTS: Final = {
    match["name"]: (match["kind"].lower(), _squeezed(match[0]))
    for match in re.finditer(r"CREATE (?P<kind>TABLE|INDEX) (?P<name>\w+)[^;]*", SCHEMA)
}


def is_journal(path: Path) -> bool:
    """Return whether a file, of any kind, is a journal, by its first bytes.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        head = file.read(72)
    # https://sqlite.org/fileformat.html#database_header
    return head.startswith(b"SQLite format 3\0") and head[68:] == APPLICATION_ID.to_bytes(4)


def write_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch; the caller commits.

    Args:
        connection: within a transaction.
        batch: the writes.
    """
    # The first time counts.
    sent = {number: when for when, number in reversed(batch.sent)}
    # Most items are about to be sent when they are first written.
    pulled = [
        (*row, 1, sent.pop(row[0])) if row[0] in sent else (*row, 0, None) for row in batch.pulled
    ]
    _together(connection, _PULLED, "(?, ?, ?, ?, ?)", pulled)
    _together(connection, _SENT, "(?, ?, 1, '', '')", [*sent.items()])
    connection.executemany(_PROGRESS, batch.progress)
    _together(connection, _ENDED, "(?, ?, ?, ?, ?, ?, '', '')", batch.ended)
    connection.executemany(_SPENT, [(*key, count) for key, count in batch.spent.items()])
    connection.executemany(_ASKED, [(*key, count) for key, count in batch.asked.items()])


def _together(
    connection: sqlite3.Connection,
    statement: str,
    marks: str,
    rows: Sequence[tuple[Any, ...]],
) -> None:
    for first in range(0, len(rows), _TOGETHER):
        part = rows[first : first + _TOGETHER]
        values = ", ".join([marks] * len(part))
        connection.execute(statement.format(values), [*chain.from_iterable(part)])


def stretch(connection: sqlite3.Connection) -> None:
    """Extend the log to its full length.

    Args:
        connection: outside of any transaction.
    """
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute("CREATE TABLE IF NOT EXISTS padding (zeros BLOB)")
    # A separate transaction: what a transaction adds and drops again is never logged.
    with connection:
        connection.execute("INSERT INTO padding VALUES (zeroblob(?))", (_LOG_PAGES * _PAGE,))
    connection.execute("DROP TABLE padding")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
