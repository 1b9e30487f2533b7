"""The commands ``tagodev bulk create``, ``delete``, ``edit`` and ``rotate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import attrs
from cyclopts import Parameter

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.operations.identity import Identity  # noqa: TC001  (cyclopts reads annotations at run time)
from tagodev.bulk.options import RunOptions
from tagodev.cli.bulk import journalled_run
from tagodev.cli.bulk.execution import Interrupt, Summary, carry_out, run_until_interrupted
from tagodev.cli.bulk.new_devices import check_new_devices
from tagodev.cli.bulk.operations import create_spec, delete_spec, edit_spec, rotate_spec
from tagodev.cli.bulk.results import ResultsFile, check_new
from tagodev.cli.bulk.summary import RunSummary
from tagodev.cli.commands.tokens import ROTATION_WARNING
from tagodev.cli.options.confirmation import (
    ConfirmationOptions,
    DryRunOption,
    Preview,
    SaveFirstOption,
    SnapshotOptions,
    saving_to,
)
from tagodev.cli.options.file_limits import (
    FileLimitOption,
    file_limits,
)
from tagodev.cli.options.run import BulkRunOptions
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_error, print_json, print_line, print_message
from tagodev.cli.output.display import open_display
from tagodev.cli.output.text import plural
from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.provision.read.devices import read_devices
from tagodev.provision.read.existing_devices import (
    read_device_changes,
    read_device_ids,
    read_rotations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tagodev.bulk.options import ResumeKeywords
    from tagodev.cli.bulk.operations import RunRow, RunSpec
    from tagodev.cli.exit_codes import Exit
    from tagodev.client import Tago
    from tagodev.provision.read.devices import RowFile

__all__ = ["create", "delete", "edit", "rotate"]

_SERVICE: Final = ServiceOptions()
_RUN_OPTIONS: Final = BulkRunOptions()
_CONFIRMATION: Final = ConfirmationOptions()
_SNAPSHOT: Final = SnapshotOptions()
_RESULTS: Final = ".results"
_FINISHED: Final = (EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED)

_JournalOption: TypeAlias = Annotated[
    Path | None,
    Parameter(
        help="Store the run in this file, so that the same command, or tagodev bulk resume "
        "JOURNAL, resumes it after an interruption."
    ),
]
_JsonOption: TypeAlias = Annotated[bool, Parameter(negative="", help="Print one JSON object.")]


def create(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    identity: Annotated[
        Identity | None,
        Parameter(
            help="With --journal: find a device whose answer was lost by a tag created for it "
            "(default), its serial number or its name."
        ),
    ] = None,
    run_options: BulkRunOptions = _RUN_OPTIONS,
    out: Annotated[
        Path | None,
        Parameter(help="Write the results here; default: FILE's name with .results.csv."),
    ] = None,
    file_limit: FileLimitOption = None,
    json: _JsonOption = False,
) -> int:
    """Create a device for every row, as fast as the rate limits allow."""
    if identity is not None and journal is None:
        raise InputError("requires --journal", path="--identity")
    identity = identity or "tag"
    rows = read_devices(file, limits=file_limits(file_limit))
    check_new_devices(rows, None if journal is None else identity)
    run = _Run(
        make_spec=lambda: create_spec(rows, identity=identity),
        file=file,
        service=service,
        run_options=run_options,
        journal=journal,
        out=out or Path(f"{file.stem}{_RESULTS}.csv"),
        json=json,
    )
    return run.carry_out()


def delete(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    run_options: BulkRunOptions = _RUN_OPTIONS,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    saving: SnapshotOptions = _SNAPSHOT,
    out: Annotated[
        Path | None,
        Parameter(help="Write the results here; default: FILE's name with .deleted.csv."),
    ] = None,
    file_limit: FileLimitOption = None,
    json: _JsonOption = False,
) -> int:
    """Delete the devices of a file, with all their data."""
    rows = read_device_ids(file, limits=file_limits(file_limit))
    _print_skipped(rows, "without a device id")
    run = _Run(
        make_spec=lambda: delete_spec(rows),
        file=file,
        service=service,
        run_options=run_options,
        journal=journal,
        out=out or _default_path(file, "deleted"),
        json=json,
    )
    check = _Confirmation(
        verb="delete", remain=False, options=confirmation, saving=saving, warning=saving.warning
    )
    return run.carry_out(check)


def edit(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    run_options: BulkRunOptions = _RUN_OPTIONS,
    dry_run: DryRunOption = False,
    snapshot: SaveFirstOption = None,
    out: Annotated[
        Path | None,
        Parameter(help="Write the results here; default: FILE's name with .edited.csv."),
    ] = None,
    file_limit: FileLimitOption = None,
    json: _JsonOption = False,
) -> int:
    """Edit the devices of a file."""
    rows = read_device_changes(file, limits=file_limits(file_limit))
    _print_skipped(rows, "without changes")
    run = _Run(
        make_spec=lambda: edit_spec(rows),
        file=file,
        service=service,
        run_options=run_options,
        journal=journal,
        out=out or _default_path(file, "edited"),
        json=json,
    )
    check = _Confirmation(
        verb="edit",
        options=ConfirmationOptions(dry_run=dry_run),
        saving=saving_to(snapshot),
        ask=False,
    )
    return run.carry_out(check)


def rotate(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: Annotated[
        Path | None,
        Parameter(
            help="Store the run and the new tokens in this file, so that the same command "
            "resumes it; default: FILE's name with .rotation.journal."
        ),
    ] = None,
    allow_gap: Annotated[
        bool,
        Parameter(
            negative="",
            help="Delete a token with a serial number before creating its replacement, since "
            "two can't have the same number; the device has no token in between.",
        ),
    ] = False,
    run_options: BulkRunOptions = _RUN_OPTIONS,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    out: Annotated[
        Path | None,
        Parameter(help="Write the results here; default: FILE's name with .rotated.csv."),
    ] = None,
    file_limit: FileLimitOption = None,
    json: _JsonOption = False,
) -> int:
    """Replace the tokens of a file with new ones of the same name and permission."""
    rows = read_rotations(file, limits=file_limits(file_limit))
    _print_skipped(rows, "without a device and a token")
    run = _Run(
        make_spec=lambda: rotate_spec(rows, allow_gap=allow_gap),
        file=file,
        service=service,
        run_options=run_options,
        journal=journal or _default_path(file, "rotation").with_suffix(".journal"),
        out=out or _default_path(file, "rotated"),
        json=json,
    )
    check = _Confirmation(
        verb="rotate",
        options=confirmation,
        saving=saving_to(None),
        warning=ROTATION_WARNING,
        noun="token",
    )
    return run.carry_out(check)


def _default_path(file: Path, suffix: str) -> Path:
    """Return the default path of an output file: in the current folder."""
    return Path(f"{file.stem.removesuffix(_RESULTS)}.{suffix}.csv")


def _print_skipped(rows: RowFile[Any], reason: str) -> None:
    if rows.skipped:
        print_message(f"Skipped {plural(rows.skipped, 'row')} {reason}")


@attrs.frozen(kw_only=True)
class _Confirmation:
    """Preview, confirmation and snapshot before a run."""

    verb: str
    options: ConfirmationOptions
    saving: SnapshotOptions
    warning: str = ""
    noun: str = "device"
    ask: bool = True
    remain: bool = True


@attrs.frozen(kw_only=True)
class _Run:
    """A run over the rows of a file."""

    make_spec: Callable[[], RunSpec[Any]]
    """Creates the run; each can be iterated over once."""
    file: Path
    service: ServiceOptions
    run_options: BulkRunOptions
    journal: Path | None
    out: Path
    json: bool

    def carry_out(self, check: _Confirmation | None = None) -> int:
        """Preview, confirm, take a snapshot, and run."""
        run = self.run_options.keywords()
        if self.journal is None and self.run_options.settle is not None:
            raise InputError("requires --journal", path="--settle")
        if self.journal is not None:
            check_out(self.journal, "--journal")
        snapshot = None
        if check is not None:
            check.saving.check()
            if not check.options.dry_run:
                # Fail before asking for confirmation.
                (check_new if self.journal is None else check_out)(self.out)
            finished = self._finished()
            code = self._confirm(check, finished)
            if code is not None:
                return code
            ids = (one.device_id for one in self._left(finished))
            if self.make_spec().rows > len(finished):
                snapshot = check.saving.save(
                    self.service, ids, f"bulk-{check.verb}", remain=check.remain
                )
        tago = self.service.client()
        if self.journal is None:
            return _run_without_journal(self.make_spec(), tago, run, self.out, json=self.json)
        remember = {**self.service.remember(), "file": str(self.file.absolute())}
        if snapshot is not None:
            remember["snapshot"] = str(snapshot.absolute())
        return journalled_run.start(
            self.make_spec(),
            self.journal,
            tago,
            self.out,
            run=run,
            remember=remember,
            json=self.json,
        )

    def _confirm(self, check: _Confirmation, finished: Collection[int]) -> Exit | None:
        """Confirm the unfinished rows; return the exit code if the command ends here."""
        if finished:
            print_message(
                f"{plural(len(finished), 'row')} finished before (journal: {self.journal})"
            )
        count = self.make_spec().rows - len(finished)
        preview = Preview(
            verb=check.verb,
            count=count,
            items=((one.device_id, one.name) for one in self._left(finished)),
            noun=check.noun,
            warning=check.warning,
        )
        return preview.confirm(check.options, json=self.json, ask=check.ask and count > 0)

    def _finished(self) -> frozenset[int]:
        """Return the numbers of the rows that are finished in the journal."""
        if self.journal is None or not self.journal.exists():
            return frozenset()
        with Journal.read(self.journal) as journal:
            return frozenset(entry.number + 1 for entry in journal.rows(*_FINISHED))

    def _left(self, finished: Collection[int]) -> Iterator[RunRow[Any]]:
        return (one for one in self.make_spec().entries if one.number not in finished)


def _run_without_journal(
    spec: RunSpec[Any], tago: Tago, run: ResumeKeywords, out: Path, *, json: bool
) -> int:
    with ResultsFile(out) as results:
        summary = run_until_interrupted(_carry_out(spec, tago, run, results))
    report = RunSummary(
        names=spec.names,
        rows=spec.rows,
        counts=results.counts,
        summary=summary,
        out=out,
        failures_allowed=RunOptions(**run).failures_allowed,
    )
    if json:
        print_json(report.as_json())
    else:
        for line in report.lines():
            print_line(line)
    if summary.stopped is not None:
        print_error(summary.stopped)
    return report.code()


async def _carry_out(
    spec: RunSpec[Any], tago: Tago, run: ResumeKeywords, results: ResultsFile
) -> Summary:
    interrupt = Interrupt()
    with interrupt.handle_signals(), open_display(spec.names.done, spec.rows) as display:
        async with tago:
            return await carry_out(tago, spec, results, display, interrupt, run=run)
