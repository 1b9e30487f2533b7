"""Where apply keeps its lock and journals, and where it writes results and snapshots.

A list is known by the profile and its manager, not by the path of its file: the lock and the
journals of its applies lie in the state folder, so that an apply begun in another folder, or by
another path, finds them.
Results go to the working folder, since they are what was asked for.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.journal.store import Journal
from tagodev.cli.bulk.journal_results import check_out
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.process_lock import ProcessLock
from tagodev.filesystem.state_folder import private_folder, state_folder
from tagodev.provision.managers import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from tagodev.target import Target

__all__ = ["ListState", "OutputPaths", "apply_folders"]

_FOLDER: Final = "apply"
#: Journals that are kept of a list after their results were written.
_KEPT: Final = 20
_UNSAFE: Final = re.compile(r"[^0-9A-Za-z._-]+")


def apply_folders() -> Iterator[Path]:
    """Yield the folders that hold journals of applies."""
    with suppress(OSError, RuntimeError):
        for folder in sorted((state_folder() / _FOLDER).iterdir()):
            if any(folder.glob("*.journal")):
                yield folder


@attrs.frozen
class ListState:
    """What is kept of a list between commands: its lock, its journals, its snapshots."""

    manager: str
    """The list's manager."""
    folder: Path
    """Where it is kept."""

    @classmethod
    def of(cls, target: Target, manager: str) -> Self:
        """Return what is kept of a list.

        Args:
            target: the profile that it describes.
            manager: the name under which it manages devices there.

        Raises:
            ConfigurationError: the state folder can't be used.
        """
        identity = f"{target.service}\0{target.key}\0{manager}".encode()
        readable = _UNSAFE.sub("-", manager)[:40]
        name = f"{readable}-{blake2b(identity, digest_size=6).hexdigest()}"
        return cls(manager, private_folder(_FOLDER, name))

    def lock(self) -> ProcessLock:
        """Keep other processes from applying the list.

        Raises:
            LockedError: another process applies it.
        """
        return ProcessLock.acquire(
            self.folder / "list.lock", f"the list {self.manager} of this profile"
        )

    def journals(self) -> list[Path]:
        """Return the journals of its applies, the oldest first."""
        return sorted(self.folder.glob("*.journal"))

    def unreported(self) -> Iterator[Path]:
        """Yield the journals of applies that were interrupted before they wrote their results.

        Raises:
            JournalError: one can't be read.
        """
        for path in self.journals():
            with Journal.read(path) as journal:
                if not journal.reported:
                    yield path

    def unused(self, suffix: str) -> Path:
        """Return the path of a new file, named by the time.

        Args:
            suffix: the end of its name.
        """
        return _unused(self.folder / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}", suffix)

    def forget_old(self) -> None:
        """Remove journals whose results were written, but for the newest of them."""
        for path in self.journals()[:-_KEPT]:
            with suppress(TagoError, OSError):
                with Journal.read(path) as journal:
                    if not journal.reported:
                        continue
                for suffix in ("", "-wal", "-shm", ".lock"):
                    path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


@attrs.frozen(kw_only=True)
class OutputPaths:
    """Where an apply writes."""

    results: Path
    """The results, in the working folder unless the command says otherwise."""
    snapshot: Path | None
    """Where the command wants the snapshot; None for the state folder."""

    @classmethod
    def of(cls, file: Path, out: Path | None, snapshot: Path | None) -> Self:
        """Return where an apply of a file writes.

        Args:
            file: what is applied.
            out: where the results are to go; None for the usual place.
            snapshot: where the snapshot is to go; None for the usual place.

        Raises:
            InputError: a file is there already, or can't be made there.
        """
        for path, option in ((out, "--out"), (snapshot, "--snapshot")):
            if path is not None:
                if path.exists():
                    raise InputError(
                        f"{path} exists already",
                        path=option,
                        hint="Name another file, or move that one away",
                    )
                check_out(path, option)
        stem = f"{stem_of(file)}.apply-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        return cls(results=out or _unused(Path(stem), ".csv"), snapshot=snapshot)


def _unused(stem: Path, suffix: str) -> Path:
    """Return a path that is not in use: the stem, with a number where that is needed.

    Args:
        stem: how its name begins.
        suffix: how it ends.
    """
    number, found = 1, Path(f"{stem}{suffix}")
    while found.exists():
        number += 1
        found = Path(f"{stem}-{number}{suffix}")
    return found
