"""The results of an apply: each step, what became of it, and the tokens of new devices."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.store import Journal
from tagodev.cli.output.console import in_options
from tagodev.cli.output.table import clean
from tagodev.errors import TagoError
from tagodev.filesystem.atomic_write import whole_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev.bulk.journal.entry import JournalEntry
    from tagodev.provision.plan.model import Plan

__all__ = ["ApplyResults", "StepStatus"]

StepStatus: TypeAlias = Literal[
    "created", "changed", "deleted", "failed", "in_doubt", "pending", "blocked"
]

_COLUMNS: Final = ("step", "action", "name", "device_id", "token", "status", "error")
_DONE: Final[dict[str, StepStatus]] = {
    "create": "created",
    "change": "changed",
    "delete": "deleted",
}
_UNDONE: Final[dict[EntryState, StepStatus]] = {
    EntryState.PENDING: "pending",
    EntryState.SENT: "in_doubt",
    EntryState.FAILED: "failed",
    EntryState.UNSOLVED: "in_doubt",
}
_LOST: Final = "Its answer was lost, or has not come yet: apply again finds out whether it was done"

_Cells: TypeAlias = tuple[str, str, str, str, StepStatus, str]


@attrs.define
class ApplyResults:
    """Collects what one command has done, in as many runs as it took, and writes it down."""

    path: Path
    """Where."""
    _runs: list[list[_Cells]] = attrs.field(factory=list, repr=False)
    _blocked: list[_Cells] = attrs.field(factory=list, repr=False)

    def add(self, journal: Path) -> Counter[StepStatus]:
        """Add all steps of a run, and return how many have which status.

        Args:
            journal: of the run.
        """
        with Journal.read(journal) as read:
            cells = [_cells(entry) for entry in read.rows()]
        self._runs.append(cells)
        return Counter(status for *_, status, _ in cells)

    def drop_pending(self) -> None:
        """Leave out steps that were not begun: a plan that is made now has those still wanted."""
        self._runs = [[cells for cells in run if cells[4] != "pending"] for run in self._runs]

    def failed(self) -> list[str]:
        """Return what has failed, a line each, with the reason."""
        return [
            f"{action} {clean(name)}: {error}"
            for action, name, _, _, status, error in self._all()
            if status == "failed"
        ]

    def block(self, plan: Plan) -> None:
        """Add the steps of a plan that can't be done."""
        self._blocked = [
            (step.action, step.name, step.device_id, "", "blocked", step.reason)
            for step in plan.steps
            if step.step is None
        ]

    def write(self) -> None:
        """Write all that was added, for its owner's eyes only, in place of what was there.

        Raises:
            TagoError: the disk does not take it.
        """
        try:
            with whole_text(self.path) as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(_COLUMNS)
                writer.writerows((number, *cells) for number, cells in enumerate(self._all(), 1))
        except OSError as error:
            raise TagoError(
                f"{self.path}: {error.strerror}",
                hint="Everything is in the journal: tagodev bulk export gets it out",
            ) from None

    def _all(self) -> Iterator[_Cells]:
        for cells in self._runs:
            yield from cells
        yield from self._blocked


def _cells(entry: JournalEntry) -> _Cells:
    item, made = entry.item(), entry.given()
    step: dict[str, Any] = item if isinstance(item, dict) else {}
    action = "create" if step.get("create") else "delete" if step.get("delete") else "change"
    status = _DONE[action] if entry.state is EntryState.DONE else _UNDONE[entry.state]
    return (
        action,
        step.get("name") or "",
        made.get("device_id") or step.get("device_id") or "",
        made.get("token") or "",
        status,
        _LOST if entry.state is EntryState.SENT else in_options(entry.error or ""),
    )
