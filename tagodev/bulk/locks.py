"""A lock on a file, which ends with its process, however that ends."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from tagodev.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileLock"]

#: How often a lock is tried for, and after what waits, in seconds.
_TRIES: Final = 3
_MOMENT: Final = 0.02


class FileLock:
    """Keeps other processes, and other runs of this one, away from a journal.

    It is held on a file of its own beside it: closing any descriptor of a database gives up the
    locks that SQLite itself holds on it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a lock that is held; use `take`.

        Args:
            path: the lock's own file.
            descriptor: open, and locked.
        """
        self._path: Final = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, journal: Path) -> Self:
        """Lock a journal, at once or not at all.

        Raises:
            JournalError: somebody else has it.
        """
        path = journal.with_name(f"{journal.name}.lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(error.strerror or str(error), journal=str(path)) from None
        for _ in range(_TRIES):
            try:
                _lock(descriptor)
            except OSError:
                # Whoever only looks (`is_held`) is gone in a moment.
                time.sleep(_MOMENT)
            else:
                return cls(path, descriptor)
        os.close(descriptor)
        raise JournalError(
            "another process works with this journal",
            journal=str(journal),
            hint="Wait for it, or stop it first: both would send the same rows",
        )

    @classmethod
    def is_held(cls, journal: Path) -> bool:
        """Return whether somebody has a journal locked."""
        try:
            descriptor = os.open(journal.with_name(f"{journal.name}.lock"), os.O_RDWR)
        except OSError:
            # Never locked, or not ours to lock.
            return False
        try:
            _lock(descriptor)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock up."""
        # The file stays: whoever removes one may remove that of the next holder.
        os.close(self._descriptor)


if sys.platform == "win32":  # pragma: no cover  (the tests run elsewhere)
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
