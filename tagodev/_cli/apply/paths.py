"""Paths of the lock, journals, results and snapshots of an apply.

A list is identified by its profile and manager, not by the path of its file. The lock and the
journals are in the state folder, so an apply of the same list from another folder finds them.
Results go to the working folder.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.journal.store import Journal
from tagodev._filesystem.atomic_write import check_new, unused_path
from tagodev._filesystem.process_lock import ProcessLock
from tagodev._filesystem.state_folder import private_folder, state_folder
from tagodev.errors import TagoError
from tagodev.provision._managers import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from tagodev._address import Target

__all__ = ["ListState", "OutputPaths", "apply_folders"]

_FOLDER: Final = "apply"
#: Journals of a list to keep after their results are written.
_MAX_JOURNALS: Final = 20
_UNSAFE: Final = re.compile(r"[^0-9A-Za-z._-]+")


def apply_folders() -> Iterator[Path]:
    """Yield the folders that hold journals of applies."""
    with suppress(OSError, RuntimeError):
        for folder in sorted((state_folder() / _FOLDER).iterdir()):
            if any(folder.glob("*.journal")):
                yield folder


@attrs.frozen
class ListState:
    """The state folder of a list: its lock, journals and snapshots."""

    manager: str
    """The list's manager."""
    folder: Path
    """The folder, private to the user."""

    @classmethod
    def of(cls, target: Target, manager: str) -> Self:
        """Return the state of a list, creating its folder.

        Args:
            target: the profile.
            manager: the list's manager.

        Raises:
            ConfigurationError: the state folder can't be used.
        """
        identity = f"{target.service}\0{target.key}\0{manager}".encode()
        readable = _UNSAFE.sub("-", manager)[:40]
        name = f"{readable}-{blake2b(identity, digest_size=6).hexdigest()}"
        return cls(manager, private_folder(_FOLDER, name))

    def lock(self) -> ProcessLock:
        """Lock the list against other processes.

        Raises:
            LockedError: another process is applying it.
        """
        return ProcessLock.acquire(
            self.folder / "list.lock", f"the list {self.manager} of this profile"
        )

    def journals(self) -> list[Path]:
        """Return the journals of the list, oldest first."""
        # Of two journals of one second the later one has the longer name.
        return sorted(self.folder.glob("*.journal"), key=lambda path: path.stem)

    def unreported(self) -> Iterator[Path]:
        """Yield the journals of interrupted applies.

        Raises:
            JournalError: a journal can't be read.
        """
        for path in self.journals():
            with Journal.read(path) as journal:
                if not journal.reported:
                    yield path

    def new_path(self, suffix: str) -> Path:
        """Return the path of a new file, named after the time.

        Args:
            suffix: the end of the name.
        """
        return unused_path(self.folder / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}", suffix)

    def remove_old(self) -> None:
        """Remove old journals whose results are written."""
        for path in self.journals()[:-_MAX_JOURNALS]:
            with suppress(TagoError, OSError):
                with Journal.read(path) as journal:
                    if not journal.reported:
                        continue
                for suffix in ("", "-wal", "-shm", ".lock"):
                    path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


@attrs.frozen(kw_only=True)
class OutputPaths:
    """The files that an apply writes."""

    results: Path
    """The results file."""
    snapshot: Path | None
    """The snapshot; None for a new file in the state folder."""

    @classmethod
    def of(cls, file: Path, out: Path | None, snapshot: Path | None) -> Self:
        """Return the output paths of an apply.

        Args:
            file: the file to apply.
            out: the results file; None for the default.
            snapshot: the snapshot; None for the default.

        Raises:
            InputError: a file already exists, or can't be created.
        """
        for path, option in ((out, "--out"), (snapshot, "--snapshot")):
            if path is not None:
                check_new(path, option)
        stem = f"{stem_of(file)}.apply-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        return cls(results=out or unused_path(Path(stem), ".csv"), snapshot=snapshot)
