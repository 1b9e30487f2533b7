"""A command that runs a bulk operation: preview, confirmation, snapshot, run and summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from cyclopts import Parameter

from tagodev._bulk.journal.entry import FINISHED
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.options import RunOptions
from tagodev._cli.bulk import journalled_run
from tagodev._cli.bulk.execution import Interrupt, Summary, carry_out, run_until_interrupted
from tagodev._cli.bulk.results import HOLDS_TOKENS, ResultsFile
from tagodev._cli.bulk.summary import RunSummary
from tagodev._cli.options.confirmation import (
    ConfirmationOptions,
    Preview,
    SnapshotOptions,
    saving_to,
)
from tagodev._cli.options.run import BulkRunOptions
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_message
from tagodev._cli.output.display import open_display
from tagodev._cli.output.table import JsonOption
from tagodev._cli.output.text import plural
from tagodev._filesystem.atomic_write import check_new, check_out
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tagodev._bulk.options import ResumeKeywords
    from tagodev._cli.bulk.operations import RunRow, RunSpec

__all__ = ["RunCommand", "RunCommandOptions"]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class RunCommandOptions:
    """Options of every command that runs a bulk operation."""

    service: ServiceOptions = attrs.field(factory=ServiceOptions)
    run_options: BulkRunOptions = attrs.field(factory=BulkRunOptions)
    json: JsonOption = False


@attrs.frozen(kw_only=True)
class RunCommand:
    """A command that runs a bulk operation."""

    make_spec: Callable[[], RunSpec[Any]]
    """Creates the run; each can be iterated over once."""
    options: RunCommandOptions
    """The options of the command."""
    journal: Path | None
    """The journal; None for a run without one."""
    out: Path
    """The results file."""
    file: Path | None = None
    """The input file, which may have been run before; None for devices of a filter."""
    verb: str = ""
    """The operation as a verb: ``delete``."""
    confirmation: ConfirmationOptions | None = None
    """Whether to ask, or only to preview; None to do neither."""
    ask: bool = True
    """Whether the operation requires confirmation."""
    noun: str = "device"
    """What each row is, in the singular."""
    warning: str = ""
    """A warning to show with the preview."""
    saving: SnapshotOptions = attrs.field(factory=lambda: saving_to(None))
    """The snapshot of the devices."""
    remain: bool = True
    """Whether the devices exist after the run."""

    def carry_out(self) -> int:
        """Preview, confirm, take a snapshot, run, and return the exit code."""
        options = self.options
        if self.journal is None and options.run_options.settle is not None:
            raise InputError("requires --journal", path="--settle")
        if self.journal is not None:
            check_out(self.journal, "--journal")
        snapshot = None
        if self.confirmation is not None:
            self.saving.check()
            if self.file is None or not self.confirmation.dry_run:
                # Fail before asking for confirmation.
                if self.journal is None:
                    check_new(self.out, why=HOLDS_TOKENS)
                else:
                    check_out(self.out)
            finished = self._finished()
            if finished:
                rows = plural(len(finished), "row")
                print_message(f"{rows} finished before (journal: {self.journal})")
            preview = self.preview(finished)
            ask = self.ask and preview.count > 0
            code = preview.confirm(self.confirmation, json=options.json, ask=ask)
            if code is not None:
                return code
            if preview.count > 0:
                ids = (one.device_id for one in self._left(finished))
                name = f"{'device' if self.file is None else 'bulk'}-{self.verb}"
                snapshot = self.saving.save(options.service, ids, name, remain=self.remain)
        return self._run(snapshot)

    def preview(self, finished: Collection[int] = ()) -> Preview:
        """Return the preview of the unfinished rows.

        Args:
            finished: the numbers of the finished rows.
        """
        return Preview(
            verb=self.verb,
            count=self.make_spec().rows - len(finished),
            items=((one.device_id, one.name) for one in self._left(finished)),
            noun=self.noun,
            warning=self.warning,
        )

    def _finished(self) -> frozenset[int]:
        """Return the numbers of the rows that are finished in the journal."""
        if self.file is None or self.journal is None or not self.journal.exists():
            return frozenset()
        with Journal.read(self.journal) as journal:
            return frozenset(entry.number + 1 for entry in journal.rows(*FINISHED))

    def _left(self, finished: Collection[int]) -> Iterator[RunRow[Any]]:
        return (one for one in self.make_spec().entries if one.number not in finished)

    def _run(self, snapshot: Path | None) -> int:
        spec, options = self.make_spec(), self.options
        run = options.run_options.keywords()
        if self.journal is None:
            return self._run_without_journal(spec, run)
        remember = options.service.remember()
        if self.file is None:
            print_message(f"Journal: {self.journal}")
        else:
            remember["file"] = str(self.file.absolute())
        if snapshot is not None:
            remember["snapshot"] = str(snapshot.absolute())
        return journalled_run.start(
            spec,
            self.journal,
            options.service.client(),
            self.out,
            run=run,
            remember=remember,
            json=options.json,
        )

    def _run_without_journal(self, spec: RunSpec[Any], run: ResumeKeywords) -> int:
        tago = self.options.service.client()

        async def execute() -> Summary:
            interrupt, title = Interrupt(), spec.operation.outcome.status
            with interrupt.handle_signals(), open_display(title, spec.rows) as display:
                async with tago:
                    return await carry_out(tago, spec, results, display, interrupt, run=run)

        with ResultsFile(self.out) as results:
            summary = run_until_interrupted(execute())
        report = RunSummary(
            operation=spec.operation,
            rows=spec.rows,
            counts=results.counts,
            summary=summary,
            out=self.out,
            failures_allowed=RunOptions(**run).failures_allowed,
        )
        report.print(summary.stopped, json=self.options.json)
        return report.code()
