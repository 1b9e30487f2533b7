"""Registry of the managers of device lists that have no ``--name``.

The file name alone can't identify a list: ``north/devices.csv`` and ``south/devices.csv`` would
delete each other's devices. At its first use a file therefore gets a manager with a random suffix,
``devices#3f9a2c``, which is stored in the state folder. A moved file keeps its manager; a copy
gets a new one.

A file counts as moved only if its old path no longer exists and its device, inode, size and
modification time are those of its last use: inodes are reused soon after a file is deleted.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import sqlite3
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.operations.apply_steps import MANAGED_TAG
from tagodev._filesystem.state_folder import private_folder
from tagodev.errors import ConfigurationError, InputError
from tagodev.provision._read.formats.file_format import without_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tagodev._models import Device

__all__ = ["Binding", "ManagerRegistry", "check_owners", "stem_of"]

#: Seconds to wait for another process that uses the database.
_BUSY_TIMEOUT: Final = 10.0
_BOUND: Final = re.compile(r"(?P<stem>.+)#[0-9a-f]{6}")
_HINT: Final = "Name the list with --name NAME, or set TAGODEV_STATE to a writable folder"
#: Maximum number of device names in a message.
_SHOWN: Final = 3
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS source (
        path BLOB PRIMARY KEY, stem TEXT NOT NULL, id TEXT NOT NULL, since REAL NOT NULL,
        dev TEXT NOT NULL, inode TEXT NOT NULL, size TEXT NOT NULL, mtime TEXT NOT NULL,
        UNIQUE (stem, id)
    )""",
    """CREATE TABLE IF NOT EXISTS use (
        manager TEXT NOT NULL, path BLOB NOT NULL, since REAL NOT NULL,
        PRIMARY KEY (manager, path)
    )""",
)


# --- rules -------------------------------------------------------------------------------------


def stem_of(path: Path) -> str:
    """Return a file's name without the suffix of its format.

    Args:
        path: path of a device list.
    """
    return without_suffix(path.name.lstrip(".")) or path.name


def check_owners(
    manager: str, devices: Iterable[Device], owner_of: Callable[[str], Path | None]
) -> None:
    """Refuse a list whose devices another list of the same name manages.

    The list is then a copy, a checkout that was moved, or was applied on another machine.

    Args:
        manager: manager of the list.
        devices: devices that the list names.
        owner_of: returns the file of a manager; None if it is not known on this machine.

    Raises:
        InputError: another list manages some devices.
    """
    stem = _stem(manager)
    theirs: defaultdict[str, list[str]] = defaultdict(list)
    for device in devices:
        # A device may have several tags with this key.
        for other in {tag.value for tag in device.tags if tag.key == MANAGED_TAG}:
            if other != manager and _stem(other) == stem:
                theirs[other].append(device.name)
    if not theirs:
        return
    other = max(theirs, key=lambda one: len(theirs[one]))
    names = theirs.pop(other)
    shown = ", ".join(map(_printable, names[:_SHOWN]))
    if len(names) > _SHOWN:
        shown += f" and {len(names) - _SHOWN} more"
    counted = (
        "1 device of this file is" if len(names) == 1 else f"{len(names)} devices of this file are"
    )
    text = f"{counted} managed as {_printable(other)}, which belongs to {_owner(owner_of(other))}"
    more = sum(map(len, theirs.values()))
    also = f"; {more} more under other names" if more else ""
    raise InputError(
        f"{text}: {shown}{also}",
        hint=f"If this file replaces it, re-run with --name {shlex.quote(_printable(other))}",
    )


def _stem(manager: str) -> str:
    bound = _BOUND.fullmatch(manager)
    return manager if bound is None else bound["stem"]


def _owner(path: Path | None) -> str:
    if path is None:
        return "a file that is not known on this machine"
    return str(path) if path.exists() else f"{path}, which no longer exists"


def _printable(text: str) -> str:
    # Names come from the service: they may contain terminal escape sequences.
    return "".join(one if one.isprintable() else "?" for one in text)


@attrs.frozen
class _Facts:
    """The identity of a file in the file system."""

    # As text: inodes may be larger than SQLite's integers.
    dev: str
    inode: str
    size: str
    mtime: str

    @classmethod
    def of(cls, path: Path) -> _Facts:
        found = path.stat()
        return cls(str(found.st_dev), str(found.st_ino), str(found.st_size), str(found.st_mtime_ns))

    def is_same_file(self, other: _Facts) -> bool:
        """Return whether two current files are the same file."""
        # File systems without inodes report 0.
        return self.inode != "0" and (self.dev, self.inode) == (other.dev, other.inode)

    def is_unchanged(self, other: _Facts) -> bool:
        """Return whether it is the same file with the same content as earlier."""
        return self.is_same_file(other) and self == other


@attrs.frozen
class _Record:
    """A known file."""

    path: Path
    stem: str
    id: str
    facts: _Facts

    @property
    def manager(self) -> str:
        return f"{self.stem}#{self.id}"


def _recognised(facts: _Facts, records: Iterable[_Record]) -> tuple[_Record | None, bool]:
    """Return the record of a file with a new path, and whether the file was moved.

    Args:
        facts: identity of the file.
        records: records of other paths with the same device and inode.
    """
    for record in records:
        try:
            present = _Facts.of(record.path)
        except OSError:
            # The old path no longer exists.
            if facts.is_unchanged(record.facts):
                return record, True
            continue
        # A hard link, or the same path in another letter case.
        if facts.is_same_file(present):
            return record, False
    return None, False


# --- the store ---------------------------------------------------------------------------------


@attrs.frozen
class Binding:
    """The manager of a file."""

    manager: str
    """``STEM#ID``."""
    moved_from: Path | None = None
    """Path of the file at its last use, if it was moved since."""


@attrs.frozen
class ManagerRegistry:
    """Database of known files and their managers."""

    path: Path
    """Path of the database."""

    @classmethod
    def open(cls) -> ManagerRegistry:
        """Open the database in the state folder; create it if it does not exist.

        Raises:
            ConfigurationError: the state folder can't be used.
        """
        try:
            path = private_folder("sources") / "sources.sqlite"
        except ConfigurationError as error:
            raise ConfigurationError(error.message, hint=_HINT) from None
        return cls(path)

    def bind(self, file: Path) -> Binding:
        """Return the manager of a file; assign a new one at the first use.

        Args:
            file: an existing file.

        Raises:
            ConfigurationError: the database can't be used.
        """
        with self._transaction() as connection:
            real = file.resolve()
            facts = _Facts.of(real)
            known = _records(connection, "path = ?", os.fsencode(real))
            if known:
                _keep(connection, known[0], facts)
                return Binding(known[0].manager)
            same = _records(connection, "dev = ? AND inode = ?", facts.dev, facts.inode)
            record, moved = _recognised(facts, same)
            if record is None:
                # Bytes of the name that are not UTF-8 are replaced: a tag is text.
                stem = stem_of(file).encode(errors="replace").decode()
                record = _Record(real, stem, _new_id(connection, stem), facts)
                _keep(connection, record, facts)
                return Binding(record.manager)
            if not moved:
                return Binding(record.manager)
            connection.execute("DELETE FROM source WHERE path = ?", (os.fsencode(record.path),))
            _keep(connection, attrs.evolve(record, path=real), facts)
            return Binding(record.manager, moved_from=record.path)

    def use(self, manager: str, file: Path | None) -> tuple[Path, ...]:
        """Record that a file uses a manager, and return other files that use it.

        Args:
            manager: the manager given with ``--name``.
            file: the file; None for standard input.

        Raises:
            ConfigurationError: the database can't be used.
        """
        with self._transaction() as connection:
            mine = None if file is None else file.resolve()
            others = [path for path in _files(connection, manager) if path.exists()]
            if mine is not None:
                others = [path for path in others if not path.samefile(mine)]
                connection.execute(
                    "INSERT OR REPLACE INTO use VALUES (?, ?, ?)",
                    (manager, os.fsencode(mine), time.time()),
                )
        return tuple(others)

    def owner(self, manager: str) -> Path | None:
        """Return the file of a manager: an existing one, or else the last known one.

        Args:
            manager: the manager.

        Raises:
            ConfigurationError: the database can't be used.
        """
        with self._transaction() as connection:
            files = _files(connection, manager)
        return next((path for path in files if path.exists()), files[0] if files else None)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that excludes other processes."""
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for table in _SCHEMA:
                    connection.execute(table)
                yield connection
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"The database {self.path} can't be used: {reason}",
                hint=_HINT,
            ) from None


def _records(connection: sqlite3.Connection, where: str, *values: object) -> list[_Record]:
    rows = connection.execute(
        f"SELECT path, stem, id, dev, inode, size, mtime FROM source WHERE {where}",  # noqa: S608  (the conditions of this module)
        values,
    )
    return [
        _Record(Path(os.fsdecode(path)), stem, number, _Facts(*facts))
        for path, stem, number, *facts in rows.fetchall()
    ]


def _keep(connection: sqlite3.Connection, record: _Record, facts: _Facts) -> None:
    """Insert a record, or update the identity of its file."""
    connection.execute(
        """INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (path) DO UPDATE SET
            dev = excluded.dev, inode = excluded.inode, size = excluded.size,
            mtime = excluded.mtime""",
        (os.fsencode(record.path), record.stem, record.id, time.time(), *attrs.astuple(facts)),
    )


def _new_id(connection: sqlite3.Connection, stem: str) -> str:
    while True:
        number = secrets.token_hex(3)
        if not _records(connection, "stem = ? AND id = ?", stem, number):
            return number


def _files(connection: sqlite3.Connection, manager: str) -> list[Path]:
    """Return the files of a manager: the bound file first, then the others by last use."""
    rows = connection.execute(
        """SELECT path FROM source WHERE stem || '#' || id = :manager
        UNION ALL
        SELECT path FROM (SELECT path FROM use WHERE manager = :manager ORDER BY since DESC)""",
        {"manager": manager},
    )
    return list(dict.fromkeys(Path(os.fsdecode(path)) for (path,) in rows.fetchall()))
