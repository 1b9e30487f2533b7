"""Results of an apply: the outcome of each step, and the tokens of new devices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._bulk.outcomes import Failed, Pending
from tagodev._cli.bulk.results import COLUMNS, Result, result_of, write_csv
from tagodev._cli.output.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev._bulk.journal.entry import JournalEntry
    from tagodev.provision._plan.model import Plan

__all__ = ["BLOCKED", "DONE", "ApplyResults"]

_COLUMNS: Final = ("step", "action", *COLUMNS[1:])
#: The status of a step that is done, by its action.
DONE: Final = {"create": "created", "change": "changed", "delete": "deleted"}
BLOCKED: Final = "blocked"


@attrs.frozen
class _Step:
    """A step and its result."""

    action: str
    result: Result


@attrs.define
class ApplyResults:
    """The results of one command, which may finish an interrupted run before its own."""

    path: Path
    """The results file."""
    _journals: list[Path] = attrs.field(factory=list, repr=False)
    _steps: list[_Step] = attrs.field(factory=list, repr=False)
    _blocked: list[_Step] = attrs.field(factory=list, repr=False)

    def add(self, journal: Path) -> Counter[str]:
        """Add the steps of a run, and return how many have each status.

        Args:
            journal: the journal of the run.
        """
        with Journal.read(journal) as opened:
            steps = [_step_of(entry) for entry in opened.rows()]
        self._journals.append(journal)
        self._steps += steps
        return Counter(step.result.status for step in steps)

    def drop_pending(self) -> None:
        """Remove steps that were not sent: the next plan includes them again."""
        self._steps = [step for step in self._steps if step.result.status != Pending.status]

    def failed(self) -> list[str]:
        """Return a line for each failed step, with the reason."""
        return [
            f"{step.action} {clean(step.result.name)}: {step.result.error}"
            for step in self._steps
            if step.result.status == Failed.status
        ]

    def block(self, plan: Plan) -> None:
        """Add the blocked steps of a plan, to follow those of its run."""
        self._blocked = [
            _Step(
                step.action,
                Result(0, step.name, status=BLOCKED, device_id=step.device_id, error=step.reason),
            )
            for step in plan.steps
            if step.step is None
        ]

    def write(self) -> None:
        """Write the results so that only the user can read them, replacing the file.

        Raises:
            TagoError: the file can't be written.
        """
        rows = (
            (number, step.action, *step.result.cells()[1:])
            for number, step in enumerate((*self._steps, *self._blocked), 1)
        )
        write_csv(self.path, _COLUMNS, rows, journals=self._journals)


def _step_of(entry: JournalEntry) -> _Step:
    item = entry.item()
    step: dict[str, Any] = item if isinstance(item, dict) else {}
    action = "create" if step.get("create") else "delete" if step.get("delete") else "change"
    result = result_of(entry, ApplySteps, "re-run tagodev apply")
    status = DONE[action] if entry.state is EntryState.DONE else result.status
    return _Step(action, attrs.evolve(result, name=step.get("name") or "", status=status))
