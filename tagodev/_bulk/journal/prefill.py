"""Prefill of a journal: records a whole input before anything of it is sent.

A run records items as it reads them, because a source may be endless.
A file can be recorded as a whole first: then the journal is enough to resume, and a different input
is refused before any request is sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from tagodev._address import Target
from tagodev._bulk.input import digest_of, other_input
from tagodev._bulk.journal.store import Journal
from tagodev.errors import JournalError

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Iterator

    from tagodev._bulk.journal.entry import JournalInfo

__all__ = ["check_same", "fill_journal"]


def check_same(journal: Journal, info: JournalInfo, *, adjustable: Collection[str] = ()) -> None:
    """Refuse a journal of another operation.

    Args:
        journal: the journal.
        info: the expected facts.
        adjustable: options that may change from run to run: how items are done, not which.

    Raises:
        JournalError: it belongs to another operation, or has other options.
    """
    known = journal.info
    if known.kind != info.kind:
        raise JournalError(
            f"this journal belongs to the operation {known.kind}, not to {info.kind}",
            journal=str(journal.path),
            hint="Resume it with its own operation, or name another journal",
        )
    for name in sorted({*known.options, *info.options} - {*adjustable}):
        before, now = known.options.get(name), info.options.get(name)
        if before != now:
            raise JournalError(
                f"this journal was created with {name}={_shown(before)}, not {name}={_shown(now)}",
                journal=str(journal.path),
                hint="Resume it with its own options, or name another journal",
            )


def _shown(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def fill_journal(
    path: str | os.PathLike[str],
    info: JournalInfo,
    rows: Iterable[tuple[int, bytes]],
    *,
    adjustable: Collection[str] = (),
    incomplete: bool = False,
) -> None:
    """Record an input, or check that it matches the one that was recorded.

    Args:
        path: the journal; it is created if it does not exist.
        info: the facts about its run.
        rows: number, from 0 and growing, and payload of each item, as `Operation.encode` returns
            it.
        adjustable: options that may change from run to run.
        incomplete: accept a journal that is not the newest of its run; see `Journal.open`.

    Raises:
        JournalError: the journal belongs to another operation or input, or can't be written.
        LockedError: another process uses it.
    """
    file = Path(path)
    with (
        Journal.open(file, incomplete=incomplete) if file.exists() else Journal.create(file, info)
    ) as journal:
        check_same(journal, info, adjustable=adjustable)
        if journal.info.service != info.service and not journal.info.account:
            # Nothing was sent yet: the first run sets the target.
            journal.bind(Target(info.service))
        unknown = _new_items(journal, rows)
        if not journal.whole:
            journal.fill(unknown)
        elif (more := next(unknown, None)) is not None:
            raise other_input(journal, f"it ends before row {more[0] + 1}")


def _new_items(
    journal: Journal, rows: Iterable[tuple[int, bytes]]
) -> Iterator[tuple[int, bytes, bytes]]:
    """Compare known items, and yield the others: number, hash, payload."""
    known = journal.hashes()
    expected = next(known, None)
    for number, payload in rows:
        row = (number, digest_of(payload))
        if expected is None:
            yield *row, payload
        elif expected[:2] != row:
            raise other_input(journal, f"row {number + 1} is different")
        else:
            expected = next(known, None)
    if expected is not None:
        raise other_input(journal, f"the input ends before row {expected[0] + 1}")
