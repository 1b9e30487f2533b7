"""``tagodev bulk create``, ``delete``, ``edit``, ``rotate``: something for each row of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from cyclopts import Parameter

from tagodev.bulk.finding import Identity  # noqa: TC001  (cyclopts reads annotations at run time)
from tagodev.bulk.options import RunOptions
from tagodev.cli import journalled
from tagodev.cli.common import complain, print_json, print_line, say
from tagodev.cli.execution import Interrupt, Summary, carry_out, run_until_interrupted
from tagodev.cli.jobs import create_job, delete_job, edit_job, rotate_job
from tagodev.cli.manner import MannerOptions
from tagodev.cli.new_devices import check_new_devices
from tagodev.cli.progress import open_display
from tagodev.cli.results import ResultsFile
from tagodev.cli.service import ServiceOptions
from tagodev.cli.telling import Ended
from tagodev.errors import InputError
from tagodev.provision.changes import read_device_changes, read_rotations
from tagodev.provision.files import read_device_ids, read_devices

if TYPE_CHECKING:
    from tagodev.bulk.options import RunManner
    from tagodev.cli.jobs import Job
    from tagodev.client import Tago
    from tagodev.provision.files import RowFile

__all__ = ["create", "delete", "edit", "rotate"]

_SERVICE: Final = ServiceOptions()
_MANNER: Final = MannerOptions()
_RESULTS: Final = ".results"

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
    manner: MannerOptions = _MANNER,
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
    job = create_job(rows, identity=identity)
    out = out or Path(f"{file.stem}{_RESULTS}.csv")
    return _run(job, file, service, manner, journal=journal, out=out, json=json)


def delete(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    manner: MannerOptions = _MANNER,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .deleted.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Delete the devices that a file names, with all their data."""
    rows = read_device_ids(file)
    _say_skipped(rows, "without a device id")
    out = out or _beside(file, "deleted")
    return _run(delete_job(rows), file, service, manner, journal=journal, out=out, json=json)


def edit(
    file: Path,
    /,
    *,
    service: ServiceOptions = _SERVICE,
    journal: _JournalOption = None,
    manner: MannerOptions = _MANNER,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .edited.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Change the devices that a file names."""
    rows = read_device_changes(file)
    _say_skipped(rows, "that change nothing")
    out = out or _beside(file, "edited")
    return _run(edit_job(rows), file, service, manner, journal=journal, out=out, json=json)


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
    manner: MannerOptions = _MANNER,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .rotated.csv, here."),
    ] = None,
    json: _JsonOption = False,
) -> int:
    """Replace the tokens that a file names by new ones of the same name and permission."""
    rows = read_rotations(file)
    _say_skipped(rows, "without a device and a token")
    job = rotate_job(rows, allow_gap=allow_gap)
    journal = journal or _beside(file, "rotation").with_suffix(".journal")
    out = out or _beside(file, "rotated")
    return _run(job, file, service, manner, journal=journal, out=out, json=json)


def _beside(file: Path, what: str) -> Path:
    """Return where something of a file goes unless it is said: in the present folder."""
    return Path(f"{file.stem.removesuffix(_RESULTS)}.{what}.csv")


def _say_skipped(rows: RowFile[Any], which: str) -> None:
    if rows.skipped:
        say(f"Rows {which}, skipped: {rows.skipped}")


def _run(
    job: Job[Any],
    file: Path,
    service: ServiceOptions,
    manner: MannerOptions,
    *,
    journal: Path | None,
    out: Path,
    json: bool,
) -> int:
    run = manner.manner()
    if journal is not None:
        remember = {**service.remember(), "file": str(file.absolute())}
        tago = service.client()
        return journalled.begin(job, journal, tago, out, run=run, remember=remember, json=json)
    if manner.settle is not None:
        raise InputError("is for runs with --journal", path="--settle")
    return _run_unwritten(job, service.client(), run, out, json=json)


def _run_unwritten(job: Job[Any], tago: Tago, run: RunManner, out: Path, *, json: bool) -> int:
    with ResultsFile(out) as results:
        summary = run_until_interrupted(_carry_out(job, tago, run, results))
    ended = Ended(
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


async def _carry_out(job: Job[Any], tago: Tago, run: RunManner, results: ResultsFile) -> Summary:
    interrupt = Interrupt()
    with interrupt.watching(), open_display(job.done, job.rows) as display:
        async with tago:
            return await carry_out(tago, job, results, display, interrupt, run=run)
