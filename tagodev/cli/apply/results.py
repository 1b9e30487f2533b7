"""Results of an apply: the outcome of each step, and the tokens of new devices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.store import Journal
from tagodev.cli.bulk.journal_results import error_text, write_csv
from tagodev.cli.output.text import clean

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

_Cells: TypeAlias = tuple[str, str, str, str, StepStatus, str]


@attrs.define
class ApplyResults:
    """The results of one command, which may finish an interrupted run before its own."""

    path: Path
    """The results file."""
    _journals: list[Path] = attrs.field(factory=list, repr=False)
    _runs: list[list[_Cells]] = attrs.field(factory=list, repr=False)
    _blocked: list[_Cells] = attrs.field(factory=list, repr=False)

    def add(self, journal: Path) -> Counter[StepStatus]:
        """Add the steps of a run, and return how many have each status.

        Args:
            journal: the journal of the run.
        """
        with Journal.read(journal) as opened:
            cells = [_cells(entry) for entry in opened.rows()]
        self._journals.append(journal)
        self._runs.append(cells)
        return Counter(status for *_, status, _ in cells)

    def drop_pending(self) -> None:
        """Remove steps that were not sent: the next plan includes them again."""
        self._runs = [[cells for cells in run if cells[4] != "pending"] for run in self._runs]

    def failed(self) -> list[str]:
        """Return a line for each failed step, with the reason."""
        return [
            f"{action} {clean(name)}: {error}"
            for action, name, _, _, status, error in self._all()
            if status == "failed"
        ]

    def block(self, plan: Plan) -> None:
        """Add the blocked steps of a plan."""
        self._blocked = [
            (step.action, step.name, step.device_id, "", "blocked", step.reason)
            for step in plan.steps
            if step.step is None
        ]

    def write(self) -> None:
        """Write the results so that only the user can read them, replacing the file.

        Raises:
            TagoError: the file can't be written.
        """
        rows = ((number, *cells) for number, cells in enumerate(self._all(), 1))
        write_csv(self.path, _COLUMNS, rows, journals=self._journals)

    def _all(self) -> Iterator[_Cells]:
        for cells in self._runs:
            yield from cells
        yield from self._blocked


def _cells(entry: JournalEntry) -> _Cells:
    item, result = entry.item(), entry.given()
    step: dict[str, Any] = item if isinstance(item, dict) else {}
    action = "create" if step.get("create") else "delete" if step.get("delete") else "change"
    status = _DONE[action] if entry.state is EntryState.DONE else _UNDONE[entry.state]
    return (
        action,
        step.get("name") or "",
        result.get("device_id") or step.get("device_id") or "",
        result.get("token") or "",
        status,
        error_text(entry, "re-run tagodev apply"),
    )
