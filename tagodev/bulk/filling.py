"""Writing a whole input down before anything of it is sent.

A run takes rows down as it reads them, because a source may be endless.
Where the input is at hand as a whole, as a file is, all of it can stand in the journal first: then
whoever goes on needs nothing but the journal, and an input that is another one is refused before
any request leaves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tagodev.bulk.journal import Journal
from tagodev.bulk.source import digest_of, other_input
from tagodev.errors import JournalError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from tagodev.bulk.journal_rows import JournalInfo

__all__ = ["check_same", "fill_journal"]

#: Rows compared before the next are looked up.
_AT_ONCE: Final = 1000


def check_same(journal: Journal, info: JournalInfo) -> None:
    """Refuse a journal of something else.

    Args:
        journal: the one that is there.
        info: what it should be about.

    Raises:
        JournalError: it is about another job.
    """
    for name in ("kind", "options", "service"):
        known, wanted = getattr(journal.info, name), getattr(info, name)
        if known != wanted:
            raise JournalError(
                f"the journal is of another job: its {name} is {known!r}, not {wanted!r}",
                journal=str(journal.path),
                hint="Go on as it was begun, or take another journal",
            )


def fill_journal(
    path: str | os.PathLike[str], info: JournalInfo, rows: Iterable[tuple[int, bytes]]
) -> None:
    """Write an input down, or make sure that it is the one that was written down before.

    Args:
        path: the journal; it is made where there is none.
        info: what it is about.
        rows: number, from 0 and growing, and payload of each row, as `Operation.encode` gives it.

    Raises:
        JournalError: the journal is of another job or another input, or is in use, or the disk
            does not take it.
    """
    place = Path(path)
    with Journal.open(place) if place.exists() else Journal.create(place, info) as journal:
        check_same(journal, info)
        unknown = _behind_known(journal, rows)
        if not journal.whole:
            journal.fill(unknown)
        elif (more := next(unknown, None)) is not None:
            raise other_input(journal, f"it ends before row {more[0] + 1}")


def _behind_known(
    journal: Journal, rows: Iterable[tuple[int, bytes]]
) -> Iterator[tuple[int, bytes, bytes]]:
    """Compare rows that a journal knows, and yield the others: number, hash, payload."""
    known = _known(journal)
    expected = next(known, None)
    for number, payload in rows:
        row = (number, digest_of(payload))
        if expected is None:
            yield *row, payload
        elif expected != row:
            raise other_input(journal, f"row {number + 1} is another")
        else:
            expected = next(known, None)
    if expected is not None:
        raise other_input(journal, f"the input ends before row {expected[0] + 1}")


def _known(journal: Journal) -> Iterator[tuple[int, bytes]]:
    last = -1
    while page := journal.hashes(last, _AT_ONCE):
        for number, digest, _ in page:
            yield number, digest
        last = page[-1][0]
