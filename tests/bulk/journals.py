"""Journals as an earlier process may have left them."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev._address import Target
from tagodev._bulk.input import digest_of
from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.store import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Where files are kept in memory, on Linux: what a disk takes for each commit is not tested here.
MEMORY: Final = Path("/dev/shm")

__all__ = ["MEMORY", "a_place", "about", "begun", "pulled"]


@contextmanager
def a_place() -> Iterator[Path]:
    """Give the path of a journal that is not there yet, one for each example of Hypothesis."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder) / "run.journal"


def about(kind: str = "work", **facts: Any) -> JournalInfo:
    """Return what a journal is about."""
    return JournalInfo(
        **{"run": secrets.token_hex(4), "kind": kind, "service": "http://127.0.0.1:1", **facts}
    )


def pulled(items: Sequence[Any], first: int = 0) -> list[tuple[int, bytes, bytes]]:
    """Return number, hash and payload of rows."""
    payloads = map(orjson.dumps, items)
    return [(number, digest_of(each), each) for number, each in enumerate(payloads, first)]


def begun(
    path: Path, items: Sequence[Any], states: Sequence[EntryState] = (), *, whole: bool = False
) -> Journal:
    """Return a journal, open for writing, that knows these rows.

    Args:
        path: where to make it.
        items: the rows.
        states: what is known of each; all are pending where none are given.
        whole: whether the input has no more rows.
    """
    journal = Journal.create(path, about())
    if states:
        # What was sent was sent to a profile: that of `tests.bulk.working.FakeSession`.
        journal.bind(Target("http://127.0.0.1:1", profile="p1", account="somebody"))
    batch = Batch(pulled=pulled(items), whole=whole)
    for number, state in enumerate(states):
        if state is not EntryState.PENDING:
            batch.sent.append((1000.0 + number, number))
        if state in {EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED}:
            batch.ended.append((int(state), 1, 2000.0 + number, None, None, number))
    journal.write(batch)
    return journal
