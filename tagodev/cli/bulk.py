"""``tagodev bulk``: many devices from a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from tagodev.cli.common import (
    Exit,
    complain,
    exit_code,
    print_json,
    print_line,
    say,
)
from tagodev.cli.execution import Interrupt, Summary, carry_out
from tagodev.cli.jobs import Job, create_job, delete_job
from tagodev.cli.progress import open_display
from tagodev.cli.results import ResultsFile
from tagodev.cli.service import ServiceOptions
from tagodev.provision.files import read_device_ids, read_devices

if TYPE_CHECKING:
    from tagodev.client import Tago

__all__ = ["app"]

_DEFAULTS: Final = ServiceOptions()
_RESULTS: Final = ".results"

app: Final = App(name="bulk", help="Create or delete many devices from a file.")


@app.command(help_epilogue="Example: tagodev bulk create site.csv --plan scale --out results.csv")
def create(
    file: Path,
    /,
    *,
    service: ServiceOptions = _DEFAULTS,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .results.csv, here."),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Make a device of every row, as fast as the limits allow.

    FILE is CSV with a header, or JSON Lines. Columns: name, type, network, connector,
    serie_number, active, visible, description, chunk_period, chunk_retention, tag.KEY, param.KEY;
    an empty cell is not sent. The whole file is checked before anything is sent.

    The results (row, name, device_id, token, status, error) are written row by row and hold the
    devices' tokens: only you may read the file, and an existing one is never overwritten.
    """
    job = create_job(read_devices(file))
    return _run(job, service.client(), out or Path(f"{file.stem}{_RESULTS}.csv"), json=json)


@app.command(help_epilogue="Example: tagodev bulk delete site.results.csv --plan scale")
def delete(
    file: Path,
    /,
    *,
    service: ServiceOptions = _DEFAULTS,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .deleted.csv, here."),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Delete the devices that a file names, with all their data.

    FILE is CSV with a header, or JSON Lines, with a column device_id or id: the results of bulk
    create will do. Rows without an id are skipped. A device that is gone already counts as
    deleted.
    """
    rows = read_device_ids(file)
    if rows.skipped:
        say(f"Rows without a device id, skipped: {rows.skipped}")
    stem = file.stem.removesuffix(_RESULTS)
    return _run(delete_job(rows), service.client(), out or Path(f"{stem}.deleted.csv"), json=json)


def _run(job: Job[Any], tago: Tago, out: Path, *, json: bool) -> int:
    with ResultsFile(out) as results:
        summary = asyncio.run(_carry_out(job, tago, results))
    if json:
        print_json(_as_json(job, results, summary))
    else:
        _print_summary(job, results, summary)
    if summary.stopped is not None:
        complain(summary.stopped)
    return _exit_code(results, summary)


async def _carry_out(job: Job[Any], tago: Tago, results: ResultsFile) -> Summary:
    interrupt = Interrupt()
    with interrupt.watching(), open_display(job.done, job.rows) as display:
        async with tago:
            return await carry_out(tago, job, results, display, interrupt)


def _as_json(job: Job[Any], results: ResultsFile, summary: Summary) -> dict[str, Any]:
    counts = results.counts
    stopped = "interrupted" if _was_cut_short(results, summary) else None
    return {
        "rows": job.rows,
        job.done: counts.get(job.done, 0),
        "failed": counts.get("failed", 0),
        "in_doubt": counts.get("in_doubt", 0),
        "pending": counts.get("pending", 0),
        "throttled": summary.throttled,
        "elapsed_s": round(summary.elapsed, 3),
        "out": str(results.path),
        "stopped": stopped if summary.stopped is None else str(summary.stopped),
    }


def _print_summary(job: Job[Any], results: ResultsFile, summary: Summary) -> None:
    counts = results.counts
    print_line(
        f"{counts.get(job.done, 0)} of {job.rows} devices {job.done} in {summary.elapsed:.1f} s, "
        f"{summary.throttled} requests throttled"
    )
    others = {
        "failed": counts.get("failed", 0),
        "in doubt": counts.get("in_doubt", 0),
        "pending": counts.get("pending", 0),
    }
    if any(others.values()):
        print_line(", ".join(f"{count} {status}" for status, count in others.items() if count))
    tokens = ", with their tokens" if counts.get("created") else ""
    print_line(f"Results of all rows{tokens}: {results.path}")


def _was_cut_short(results: ResultsFile, summary: Summary) -> bool:
    left_over = results.counts.get("pending", 0) + results.counts.get("in_doubt", 0)
    return summary.interrupted and left_over > 0


def _exit_code(results: ResultsFile, summary: Summary) -> Exit:
    if summary.stopped is not None:
        return exit_code(summary.stopped)
    if _was_cut_short(results, summary):
        return Exit.INTERRUPTED
    if results.counts.get("failed") or results.counts.get("in_doubt"):
        return Exit.PARTIAL
    return Exit.OK
