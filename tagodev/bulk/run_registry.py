"""The runs of this user: who works with each, and which file holds its newest journal.

A run is known by its id, not by a path: links, copies and moved files are all of one run.
Its lock lies in the user's state folder, so that whatever path leads to a journal finds it.
A second lock lies beside the journal itself, where processes with another state folder (other
users, containers) find it.

With the lock the registry keeps what was last known of the run's journal: its path, its inode and
its serial, a number that grows each time the journal is opened for writing.
A journal with a smaller serial is an older copy: rows that it shows as pending may be done.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from tagodev.errors import ConfigurationError, JournalError
from tagodev.filesystem.process_lock import ProcessLock
from tagodev.filesystem.state_folder import private_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RunLock", "RunRecord", "is_running", "known_runs", "lock_beside", "new_run"]

_FOLDER: Final = "runs"
_RUN: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_log: Final = logging.getLogger("tagodev.bulk")


@attrs.frozen(kw_only=True)
class RunRecord:
    """What is known of a run's journal."""

    path: str
    """Where it was when it was last opened for writing."""
    serial: int
    """How often it had been opened for writing then."""
    device: int
    """Number of its file system."""
    inode: int
    """Number of its file there."""
    service: str
    """Address of the service."""

    def is_at(self, path: Path) -> bool:
        """Return whether a path leads to the very file that was recorded."""
        try:
            found = path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.device, self.inode)


def new_run() -> str:
    """Return an id for a run that this user has not used before."""
    while True:
        run = secrets.token_hex(4)
        file = _lock_file(run)
        if file is None or not file.exists():
            return run


def lock_beside(path: Path) -> Path:
    """Return where the lock beside a journal is."""
    real = path.resolve()
    return real.with_name(f"{real.name}.lock")


def is_running(run: str, path: Path) -> bool:
    """Return whether a process works with a run, or with the journal at a path."""
    registry = _lock_file(run) if _RUN.fullmatch(run) else None
    in_registry = registry is not None and ProcessLock.is_held(registry)
    return in_registry or ProcessLock.is_held(lock_beside(path))


def known_runs(since: float) -> Iterator[RunRecord]:
    """Yield what is known of the runs of this user that were going on lately.

    Args:
        since: seconds of the epoch; runs that ended before are left out.
    """
    try:
        files = sorted((state_folder() / _FOLDER).glob("*.lock"))
        # A file's time is that of the run's begin or end; one that is held is going on.
        lately = [
            file for file in files if file.stat().st_mtime >= since or ProcessLock.is_held(file)
        ]
    except (OSError, RuntimeError):
        return
    for file in lately:
        record = _record(ProcessLock.facts_of(file))
        if record is not None:
            yield record


@attrs.frozen(eq=False)
class RunLock:
    """The lock on a run."""

    record: RunRecord | None
    """What was known of the run's journal before; None of a new run."""
    _registry: ProcessLock | None = attrs.field(repr=False)

    @classmethod
    def take(cls, run: str, path: Path) -> Self:
        """Lock a run.

        Args:
            run: its id.
            path: the journal, for messages.

        Raises:
            LockedError: another process works with it.
            JournalError: the journal names something that is no id.
        """
        if not _RUN.fullmatch(run):
            raise JournalError("its run has no usable id", journal=str(path))
        try:
            folder = private_folder(_FOLDER)
        except ConfigurationError as error:
            # A library in a container may have no home: the lock beside the journal still holds.
            _log.warning("%s: the run is only locked beside its journal: %s", path, error)
            return cls(None, None)
        registry = ProcessLock.acquire(folder / f"{run}.lock", f"{path}: run {run}")
        return cls(_record(registry.facts), registry)

    @staticmethod
    def record_of(run: str) -> RunRecord | None:
        """Return what is known of a run's journal, also while a process works with it."""
        file = _lock_file(run) if _RUN.fullmatch(run) else None
        return _record(ProcessLock.facts_of(file)) if file is not None and file.exists() else None

    def keep(self, record: RunRecord) -> None:
        """Write down what is known of the journal now, also for after a crash."""
        if self._registry is not None:
            self._registry.store_facts(attrs.asdict(record))

    def release(self) -> None:
        """Let other processes work with the run."""
        if self._registry is not None:
            # So that the file's time says when the run ended (`known_runs`).
            with suppress(OSError):
                os.utime(self._registry.path)
            self._registry.release()


def _lock_file(run: str) -> Path | None:
    """Return the lock of a run; None where there is no home folder, so that there are no locks."""
    try:
        return state_folder() / _FOLDER / f"{run}.lock"
    except RuntimeError:
        return None


def _record(facts: Any) -> RunRecord | None:
    try:
        record = RunRecord(**facts)
    except TypeError:
        # Of a run that was locked and never opened, or of another version.
        return None
    return record if isinstance(record.path, str) and isinstance(record.serial, int) else None
