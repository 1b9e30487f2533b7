"""The manager of a list that has no ``--name``: bound to its file, remembered on this machine.

Two files of the same name are two lists, so a file's name alone must not say which devices it
manages: ``north/devices.csv`` and ``south/devices.csv`` would delete each other's devices.
A file therefore gets the manager ``devices#3f9a2c``, whose last part is made at random when the
file is first used.
The state folder remembers which file has which; a file that was moved keeps its manager, and a copy
gets another one.

A file counts as moved only if nothing is at its old path any more and device, inode, size and
modification time are those of its last use: inodes are used again soon after a file is deleted.
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

from tagodev.bulk.operations.apply_steps import MANAGED_TAG
from tagodev.errors import ConfigurationError, InputError
from tagodev.filesystem.state_folder import private_folder
from tagodev.provision.read.formats.file_format import without_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tagodev.models import Device

__all__ = ["Binding", "ManagerRegistry", "check_owners", "stem_of"]

#: Seconds to wait for another process that binds a file just now.
_PATIENCE: Final = 10.0
_BOUND: Final = re.compile(r"(?P<stem>.+)#[0-9a-f]{6}")
_HINT: Final = "Name the list with --name NAME, or set TAGODEV_STATE to a folder you may write to"
#: Device names that a message lists.
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
        path: a file of devices.
    """
    return without_suffix(path.name.lstrip(".")) or path.name


def check_owners(
    manager: str, devices: Iterable[Device], owner_of: Callable[[str], Path | None]
) -> None:
    """Refuse a list whose devices another list of the same name manages.

    It is a copy, a checkout that was moved, or a list that was applied on another machine.

    Args:
        manager: of the list.
        devices: that the list names.
        owner_of: returns the file of a manager, where this machine knows it.

    Raises:
        InputError: with a count, up to three names, and the manager.
    """
    stem = _stem(manager)
    theirs: defaultdict[str, list[str]] = defaultdict(list)
    for device in devices:
        # Several tags of this key would count for each.
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
        "1 device that this file names is"
        if len(names) == 1
        else f"{len(names)} devices that this file names are"
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
    # Names come from the service: nothing in them may reach the terminal as a command.
    return "".join(one if one.isprintable() else "?" for one in text)


@attrs.frozen
class _Facts:
    """A file as the file system identifies it."""

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
        """Return whether two paths lead to one file, both looked at now."""
        # Some file systems have no inodes, and give 0.
        return self.inode != "0" and (self.dev, self.inode) == (other.dev, other.inode)

    def is_unchanged(self, other: _Facts) -> bool:
        """Return whether it is a file that was looked at earlier, unchanged since."""
        return self.is_same_file(other) and self == other


@attrs.frozen
class _Record:
    """A file that was used before."""

    path: Path
    stem: str
    id: str
    facts: _Facts

    @property
    def manager(self) -> str:
        return f"{self.stem}#{self.id}"


def _recognised(facts: _Facts, records: Iterable[_Record]) -> tuple[_Record | None, bool]:
    """Return the record of a file whose path is new, and whether the file was moved.

    Args:
        facts: of the file.
        records: of other paths with the same device and inode.
    """
    for record in records:
        try:
            present = _Facts.of(record.path)
        except OSError:
            # Nothing is there any more.
            if facts.is_unchanged(record.facts):
                return record, True
            continue
        # A hard link, or a path in other letter case: both lead to one file.
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
    """Where the file was when it was last used, if it was moved since."""


@attrs.frozen
class ManagerRegistry:
    """The files that this machine knows, and the managers of their devices."""

    path: Path
    """The database."""

    @classmethod
    def open(cls) -> ManagerRegistry:
        """Return the store in the state folder, made where there is none.

        Raises:
            ConfigurationError: the state folder can't be used.
        """
        try:
            path = private_folder("sources") / "sources.sqlite"
        except ConfigurationError as error:
            raise ConfigurationError(error.message, hint=_HINT) from None
        return cls(path)

    def bind(self, file: Path) -> Binding:
        """Return the manager of a file; the first time, one that no other file has.

        Args:
            file: an existing file.

        Raises:
            ConfigurationError: the store can't be used.
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
                # A tag is text: bytes of a name that are none are replaced.
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
        """Remember that a file was given a manager's name, and return others that have it.

        Args:
            manager: the name that was given.
            file: the file; None for what comes over a pipe.

        Raises:
            ConfigurationError: the store can't be used.
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
        """Return the file of a manager: one that exists, or else the last one known.

        Args:
            manager: a name that was given, or one that is bound to a file.

        Raises:
            ConfigurationError: the store can't be used.
        """
        with self._transaction() as connection:
            files = _files(connection, manager)
        return next((path for path in files if path.exists()), files[0] if files else None)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the database to one process at a time."""
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for table in _SCHEMA:
                    connection.execute(table)
                yield connection
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"The managers of files in {self.path} can't be read or written: {reason}",
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
    """Remember a file with what identifies it now."""
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
    """Return the files of a manager: the one it is bound to first, then those used last."""
    rows = connection.execute(
        """SELECT path FROM source WHERE stem || '#' || id = :manager
        UNION ALL
        SELECT path FROM (SELECT path FROM use WHERE manager = :manager ORDER BY since DESC)""",
        {"manager": manager},
    )
    return list(dict.fromkeys(Path(os.fsdecode(path)) for (path,) in rows.fetchall()))
