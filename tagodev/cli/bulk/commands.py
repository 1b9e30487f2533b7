"""``tagodev bulk create``, ``delete``, ``edit``, ``rotate``: something for each row of a file."""

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
from tagodev.cli.bulk.operations import create_job, delete_job, edit_job, rotate_job
from tagodev.cli.bulk.results import ResultsFile, check_new
from tagodev.cli.bulk.summary import RunSummary
from tagodev.cli.commands.tokens import ROTATION_WARNING
from tagodev.cli.options.confirmation import (
    ConfirmationOptions,
    DryRunOption,
    Preview,
    SaveFirstOption,
    SnapshotOptions,
    plural,
    saving_to,
)
from tagodev.cli.options.run import BulkRunOptions
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import complain, print_json, print_line, say
from tagodev.cli.output.progress import open_display
from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.provision.read.devices import read_device_ids, read_devices
from tagodev.provision.read.edit_rows import read_device_changes, read_rotations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tagodev.bulk.options import ResumeKeywords
    from tagodev.cli.bulk.operations import Entry, Job
    from tagodev.cli.exit_codes import Exit
    from tagodev.client import Tago
    from tagodev.provision.read.devices import RowFile

__all__ = ["create", "delete", "edit", "rotate"]

_SERVICE: Final = ServiceOptions()
_MANNER: Final = BulkRunOptions()
_CONFIRMATION: Final = ConfirmationOptions()
_SNAPSHOT: Final = SnapshotOptions()
_RESULTS: Final = ".results"
_FINISHED: Final = (EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED)

_JournalOption: TypeAlias = Annotated[
    Path | None,
    Parameter(
        help="File in which the run is written down, all rows before the first is sent; the same "
        "command, or tagodev bulk resume JOURNAL, goes on where it stopped."
    ),
]
_JsonOption: TypeAlias = Annotated[bool, Parameter(negative="", help="One JSON object as output.")]


def create(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    identity: Annotated[
        Identity | None,
        Parameter(
            help="With a journal: by what a device whose answer was lost is known again: a tag "
            "made for it (default), its serial number or its name."
        ),
    ] = None,
    keywords: BulkRunOptions = _MANNER,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .results.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Make a device of every row, as fast as the limits allow."""
    if identity is not None and journal is None:
        raise InputError("is for runs with --journal", path="--identity")
    identity = identity or "tag"
    rows = read_devices(file)
    check_new_devices(rows, None if journal is None else identity)
    run = _Run(
        make_job=lambda: create_job(rows, identity=identity),
        file=file,
        service=service,
        keywords=keywords,
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
    keywords: BulkRunOptions = _MANNER,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    saving: SnapshotOptions = _SNAPSHOT,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .deleted.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Delete the devices that a file names, with all their data."""
    rows = read_device_ids(file)
    _say_skipped(rows, "without a device id")
    run = _Run(
        make_job=lambda: delete_job(rows),
        file=file,
        service=service,
        keywords=keywords,
        journal=journal,
        out=out or _beside(file, "deleted"),
        json=json,
    )
    check = _Check(
        verb="delete", remain=False, options=confirmation, saving=saving, warning=saving.warning
    )
    return run.carry_out(check)


def edit(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    keywords: BulkRunOptions = _MANNER,
    dry_run: DryRunOption = False,
    snapshot: SaveFirstOption = None,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .edited.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Change the devices that a file names."""
    rows = read_device_changes(file)
    _say_skipped(rows, "that change nothing")
    run = _Run(
        make_job=lambda: edit_job(rows),
        file=file,
        service=service,
        keywords=keywords,
        journal=journal,
        out=out or _beside(file, "edited"),
        json=json,
    )
    check = _Check(
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
            help="File in which the run is written down, the new tokens too; default: FILE's name "
            "with .rotation.journal, here. The same command goes on where it stopped."
        ),
    ] = None,
    allow_gap: Annotated[
        bool,
        Parameter(
            negative="",
            help="Delete a token with a serial number before its successor is made: two can't "
            "carry it at once, so the device can't speak in between.",
        ),
    ] = False,
    keywords: BulkRunOptions = _MANNER,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .rotated.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Replace the tokens that a file names by new ones of the same name and permission."""
    rows = read_rotations(file)
    _say_skipped(rows, "without a device and a token")
    run = _Run(
        make_job=lambda: rotate_job(rows, allow_gap=allow_gap),
        file=file,
        service=service,
        keywords=keywords,
        journal=journal or _beside(file, "rotation").with_suffix(".journal"),
        out=out or _beside(file, "rotated"),
        json=json,
    )
    check = _Check(
        verb="rotate",
        options=confirmation,
        saving=saving_to(None),
        warning=ROTATION_WARNING,
        noun="token",
    )
    return run.carry_out(check)


def _beside(file: Path, what: str) -> Path:
    """Return where something of a file goes unless it is said: in the present folder."""
    return Path(f"{file.stem.removesuffix(_RESULTS)}.{what}.csv")


def _say_skipped(rows: RowFile[Any], which: str) -> None:
    if rows.skipped:
        say(f"Rows {which}, skipped: {rows.skipped}")


@attrs.frozen(kw_only=True)
class _Check:
    """What is shown, confirmed and saved before a run."""

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

    make_job: Callable[[], Job[Any]]
    """Returns the job; the rows of each are used up once."""
    file: Path
    service: ServiceOptions
    keywords: BulkRunOptions
    journal: Path | None
    out: Path
    json: bool

    def carry_out(self, check: _Check | None = None) -> int:
        """Show, confirm and save what is to be changed, and do it."""
        run = self.keywords.keywords()
        if self.journal is None and self.keywords.settle is not None:
            raise InputError("is for runs with --journal", path="--settle")
        if self.journal is not None:
            check_out(self.journal, "--journal")
        snapshot = None
        if check is not None:
            check.saving.check()
            if not check.options.dry_run:
                # Refused before anybody is asked.
                (check_new if self.journal is None else check_out)(self.out)
            finished = self._finished()
            code = self._confirm(check, finished)
            if code is not None:
                return code
            ids = (one.device_id for one in self._left(finished))
            if self.make_job().rows > len(finished):
                snapshot = check.saving.save(
                    self.service, ids, f"bulk-{check.verb}", remain=check.remain
                )
        tago = self.service.client()
        if self.journal is None:
            return _run_unwritten(self.make_job(), tago, run, self.out, json=self.json)
        remember = {**self.service.remember(), "file": str(self.file.absolute())}
        if snapshot is not None:
            remember["snapshot"] = str(snapshot.absolute())
        return journalled_run.begin(
            self.make_job(),
            self.journal,
            tago,
            self.out,
            run=run,
            remember=remember,
            json=self.json,
        )

    def _confirm(self, check: _Check, finished: Collection[int]) -> Exit | None:
        """Have the rows that are left confirmed; return the exit code if the command ends here."""
        if finished:
            say(f"{plural(len(finished), 'row')} finished before, by {self.journal}")
        count = self.make_job().rows - len(finished)
        preview = Preview(
            verb=check.verb,
            count=count,
            items=((one.device_id, one.name) for one in self._left(finished)),
            noun=check.noun,
            warning=check.warning,
        )
        return preview.confirm(check.options, json=self.json, ask=check.ask and count > 0)

    def _finished(self) -> frozenset[int]:
        """Return the numbers of the rows that an earlier run with the journal has finished."""
        if self.journal is None or not self.journal.exists():
            return frozenset()
        with Journal.read(self.journal) as journal:
            return frozenset(entry.number + 1 for entry in journal.rows(*_FINISHED))

    def _left(self, finished: Collection[int]) -> Iterator[Entry[Any]]:
        return (one for one in self.make_job().entries if one.number not in finished)


def _run_unwritten(job: Job[Any], tago: Tago, run: ResumeKeywords, out: Path, *, json: bool) -> int:
    with ResultsFile(out) as results:
        summary = run_until_interrupted(_carry_out(job, tago, run, results))
    ended = RunSummary(
        kind=job.kind,
        rows=job.rows,
        counts=results.counts,
        summary=summary,
        out=out,
        failures_allowed=RunOptions(**run).failures_allowed,
    )
    if json:
        print_json(ended.as_json())
    else:
        for line in ended.lines():
            print_line(line)
    if summary.stopped is not None:
        complain(summary.stopped)
    return ended.code()


async def _carry_out(
    job: Job[Any], tago: Tago, run: ResumeKeywords, results: ResultsFile
) -> Summary:
    interrupt = Interrupt()
    with interrupt.watching(), open_display(job.done, job.rows) as display:
        async with tago:
            return await carry_out(tago, job, results, display, interrupt, run=run)
