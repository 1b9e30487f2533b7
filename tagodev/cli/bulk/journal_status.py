"""Where a journal stands, and by which command one goes on with it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import attrs

from tagodev.bulk.journal.entry import EntryState, JournalInfo
from tagodev.cli.bulk.operation_names import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagodev.bulk.journal.store import Journal
    from tagodev.cli.bulk.operation_names import OperationNames

__all__ = ["JournalStatus", "resume_command"]


def resume_command(path: Path) -> str:
    """Return the command that goes on with a journal."""
    return f"tagodev bulk resume {shlex.quote(str(path))}"


@attrs.frozen(kw_only=True)
class JournalStatus:
    """Where a journal stands."""

    path: Path
    """The journal."""
    info: JournalInfo
    """What it is about."""
    whole: bool
    """Whether every row of the input is in it."""
    states: Mapping[EntryState, int]
    """How many rows are in each state."""

    @classmethod
    def of(cls, journal: Journal) -> JournalStatus:
        """Return where an open journal stands."""
        return cls(
            path=journal.path, info=journal.info, whole=journal.whole, states=journal.counts()
        )

    @property
    def kind(self) -> OperationNames:
        """What people call what is done."""
        return kind_of(self.info.kind)

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
        """How many rows a run would still have something to do for: pending and in doubt."""
        return self.states.get(EntryState.PENDING, 0) + self.states.get(EntryState.SENT, 0)

    def how_to_go_on(self) -> Iterator[str]:
        """Yield what somebody may do now, and by which command; nothing if all is done."""
        if self.left:
            yield f"To go on: {resume_command(self.path)}"
        failed = self.states.get(EntryState.FAILED, 0)
        if failed:
            again = f"tagodev bulk retry-failed {shlex.quote(str(self.path))}"
            yield f"To try what failed again ({failed}): {again}"
        unsolved = self.states.get(EntryState.UNSOLVED, 0)
        if unsolved:
            yield f"Several things could be what {unsolved} rows have made: look at the results"
        if not self.whole:
            yield "Rows are missing in the journal: give the input again, with this journal"
