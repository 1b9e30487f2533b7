"""Where an apply writes: its journal, its results, and what it would take to put things back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tagodev.bulk.journal import Journal
from tagodev.cli.journal_results import check_out
from tagodev.errors import InputError
from tagodev.provision.sources import stem_of

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Places"]


@attrs.frozen(kw_only=True)
class Places:
    """Where an apply writes, in the present folder unless it is said."""

    journal: Path
    """The journal, while it lasts: of the file's name, so that the same command finds it again."""
    results: Path
    """The results."""
    snapshot: Path
    """How what is changed or deleted was before."""
    stem: str
    """How the names of what is kept begin."""

    @classmethod
    def of(cls, file: Path, out: Path | None, snapshot: Path | None) -> Self:
        """Return where an apply of a file writes.

        Args:
            file: what is applied.
            out: where the results are to go; None for the usual place.
            snapshot: where the snapshot is to go; None for the usual place.

        Raises:
            InputError: something is there already, or nothing can be written there.
        """
        stem = f"{stem_of(file)}.apply"
        kept = _unused(f"{stem}-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
        for path, option in ((out, "--out"), (snapshot, "--snapshot")):
            if path is not None:
                if path.exists():
                    raise InputError(
                        f"{path} is there already",
                        path=option,
                        hint="Name another file, or move that one away",
                    )
                check_out(path)
        return cls(
            journal=Path(f"{stem}.journal"),
            results=out or Path(f"{kept}.csv"),
            snapshot=snapshot or Path(f"{kept}.snapshot.json"),
            stem=kept,
        )

    def put_away(self) -> Path:
        """Give a journal that is over the name under which it is kept, and return that.

        Raises:
            JournalError: another process works with it.
        """
        # Closing it brings home what SQLite keeps in files beside it, which are not moved.
        Journal.open(self.journal).close()
        kept = Path(f"{_unused(self.stem, '.journal')}.journal")
        self.journal.rename(kept)
        return kept


def _unused(stem: str, *suffixes: str) -> str:
    """Return a stem of which there is no file yet."""
    wanted = suffixes or (".csv", ".snapshot.json", ".journal")
    number, found = 1, stem
    while any(Path(f"{found}{suffix}").exists() for suffix in wanted):
        number += 1
        found = f"{stem}-{number}"
    return found
