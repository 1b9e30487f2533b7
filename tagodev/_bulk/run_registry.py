"""The registry of this user's runs: a lock for each, and the file of its newest journal.

A run has an id, so links, copies and moved files of a journal belong to one run.
Its lock is in the user's state folder, the same for every path to the journal.
A second lock is beside the journal, for processes with another state folder (other users,
containers).

The lock's file stores facts about the run's journal: its path, its inode and its serial, a number
that grows each time the journal is opened for writing.
A journal with a smaller serial is an older copy: items that it shows as pending may be done.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from tagodev._filesystem.process_lock import ProcessLock
from tagodev._filesystem.state_folder import private_folder, state_folder
from tagodev.errors import ConfigurationError, JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RunLock", "RunRecord", "is_running", "known_runs", "lock_beside", "new_run"]

_FOLDER: Final = "runs"
_RUN: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_log: Final = logging.getLogger("tagodev.bulk")


@attrs.frozen(kw_only=True)
class RunRecord:
    """Facts about a run's journal."""

    path: str
    """Its path when it was last opened for writing."""
    serial: int
    """How often it had been opened for writing by then."""
    device: int
    """The number of its file system."""
    inode: int
    """The number of its file there."""
    service: str
    """The service's address."""

    def is_at(self, path: Path) -> bool:
        """Return whether a path refers to the recorded file."""
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
    """Return the path of the lock beside a journal."""
    real = path.resolve()
    return real.with_name(f"{real.name}.lock")


def is_running(run: str, path: Path) -> bool:
    """Return whether a process uses a run, or the journal at a path."""
    registry = _lock_file(run)
    in_registry = registry is not None and ProcessLock.is_held(registry)
    return in_registry or ProcessLock.is_held(lock_beside(path))


def known_runs(since: float) -> Iterator[RunRecord]:
    """Yield the records of this user's recent runs.

    Args:
        since: seconds since the epoch; runs that ended before are skipped.
    """
    try:
        files = sorted((state_folder() / _FOLDER).glob("*.lock"))
        # A file's time is that of the run's start or end; the run of a held lock is in progress.
        recent = [
            file for file in files if file.stat().st_mtime >= since or ProcessLock.is_held(file)
        ]
    except (OSError, RuntimeError):
        return
    for file in recent:
        record = _record(ProcessLock.facts_of(file))
        if record is not None:
            yield record


@attrs.frozen(eq=False)
class RunLock:
    """The lock on a run."""

    record: RunRecord | None
    """The previous record of the run's journal; None for a new run."""
    _registry: ProcessLock | None = attrs.field(repr=False)

    @classmethod
    def take(cls, run: str, path: Path) -> Self:
        """Lock a run.

        Args:
            run: its id.
            path: the journal, for messages.

        Raises:
            LockedError: another process uses it.
            JournalError: the journal has no valid id.
        """
        if not _RUN.fullmatch(run):
            raise JournalError("the id of its run is invalid", journal=str(path))
        try:
            folder = private_folder(_FOLDER)
        except ConfigurationError as error:
            # A container may have no home folder: the lock beside the journal is enough then.
            _log.warning("%s: the run is locked only beside its journal: %s", path, error)
            return cls(None, None)
        registry = ProcessLock.acquire(folder / f"{run}.lock", f"{path}: run {run}")
        return cls(_record(registry.facts), registry)

    @staticmethod
    def record_of(run: str) -> RunRecord | None:
        """Return the record of a run's journal, also while a process uses it."""
        file = _lock_file(run)
        return _record(ProcessLock.facts_of(file)) if file is not None and file.exists() else None

    def keep(self, record: RunRecord) -> None:
        """Store the record of the journal, to survive a crash."""
        if self._registry is not None:
            self._registry.store_facts(attrs.asdict(record))

    def release(self) -> None:
        """Release the lock."""
        if self._registry is not None:
            # The file's time then shows when the run ended (`known_runs`).
            with suppress(OSError):
                os.utime(self._registry.path)
            self._registry.release()


def _lock_file(run: str) -> Path | None:
    """Return the path of a run's lock; None for an invalid id, and without a home folder."""
    if not _RUN.fullmatch(run):
        return None
    try:
        return state_folder() / _FOLDER / f"{run}.lock"
    except RuntimeError:
        return None


def _record(facts: Any) -> RunRecord | None:
    try:
        record = RunRecord(**facts)
    except TypeError:
        # From a run that was locked and never opened, or from another version.
        return None
    return record if isinstance(record.path, str) and isinstance(record.serial, int) else None
