"""The status of a journal, and the commands that continue it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import attrs

from tagodev._bulk.journal.entry import EntryState, JournalInfo
from tagodev._bulk.operations.registry import operation_of
from tagodev._cli.output.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagodev._bulk.journal.store import Journal
    from tagodev._bulk.operations.base import Operation

__all__ = ["JournalStatus", "resume_command"]


def resume_command(path: Path) -> str:
    """Return the command that resumes a journal."""
    return f"tagodev bulk resume {shlex.quote(str(path))}"


@attrs.frozen(kw_only=True)
class JournalStatus:
    """The status of a journal."""

    path: Path
    """The journal."""
    info: JournalInfo
    """Its description."""
    whole: bool
    """Whether it contains every row of the input."""
    states: Mapping[EntryState, int]
    """How many rows are in each state."""

    @classmethod
    def of(cls, journal: Journal) -> JournalStatus:
        """Return the status of an open journal."""
        return cls(
            path=journal.path, info=journal.info, whole=journal.whole, states=journal.counts()
        )

    @property
    def operation(self) -> type[Operation[Any]]:
        """Its operation."""
        return operation_of(self.info.kind)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """How many rows are done."""
        return self.states.get(EntryState.DONE, 0)

    @property
    def left(self) -> int:
        """How many rows are pending or in doubt."""
        return self.states.get(EntryState.PENDING, 0) + self.states.get(EntryState.SENT, 0)

    def done_text(self) -> str:
        """Return how many rows are done: ``3 of 5 devices created``."""
        operation = self.operation
        return f"{self.done} of {self.rows} {operation.noun} {operation.outcome.status}"

    def next_steps(self) -> Iterator[str]:
        """Yield what to do next, with the command; nothing if every row is done."""
        if self.left:
            yield f"To resume: {resume_command(self.path)}"
        failed = self.states.get(EntryState.FAILED, 0)
        if failed:
            retry = f"tagodev bulk retry-failed {shlex.quote(str(self.path))}"
            yield f"To retry {plural(failed, 'failed row')}: {retry}"
        unsolved = self.states.get(EntryState.UNSOLVED, 0)
        if unsolved:
            yield f"{plural(unsolved, 'row')} matched several devices or tokens: check the results"
        if not self.whole:
            yield "The journal is incomplete: run the original command again with this journal"
