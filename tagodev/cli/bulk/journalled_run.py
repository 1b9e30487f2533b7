"""Runs with a journal: begun, gone on with, and told of in the end.

Whatever ends such a run, the journal knows each row's state, and it is said how to go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev.bulk.journal.entry import JournalInfo
from tagodev.bulk.journal.prefill import fill_journal
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.options import RunOptions
from tagodev.cli.bulk.execution import Interrupt, RunView, follow, run_until_interrupted
from tagodev.cli.bulk.journal_results import check_out, check_replaceable, write_results
from tagodev.cli.bulk.journal_status import JournalStatus, resume_command
from tagodev.cli.bulk.summary import RunSummary
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.options.run import CONSENT
from tagodev.cli.output.console import complain, print_json, print_line, say
from tagodev.cli.output.progress import open_display
from tagodev.errors import RequestError, TagoError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagodev.bulk.options import ResumeKeywords
    from tagodev.cli.bulk.execution import Summary
    from tagodev.cli.bulk.operations import Job
    from tagodev.client import Tago

__all__ = ["begin", "finish", "go_on"]


def begin(
    job: Job[Any],
    path: Path,
    tago: Tago,
    out: Path,
    *,
    run: ResumeKeywords,
    remember: Mapping[str, Any],
    json: bool,
) -> int:
    """Write a job down, all of it, and carry it out; or go on, if it was written down before.

    Args:
        job: what to do.
        path: the journal.
        tago: the client, not opened yet.
        out: where the results go.
        run: how to go about it.
        remember: what else whoever goes on should know.
        json: whether to print one JSON object.
    """
    check_out(out)
    info = JournalInfo(
        run="",
        kind=job.kind.name,
        options=dict(job.options),
        service=tago.base_url,
        keywords={
            **remember,
            **{name: value for name, value in run.items() if name not in CONSENT},
            "out": str(out.absolute()),
        },
    )
    fill_journal(
        path,
        info,
        job.payloads(),
        adjustable=job.operation.adjustable,
        incomplete=run.get("incomplete", False),
    )
    with Journal.open(path) as journal:
        if dict(journal.info.options) != dict(info.options):
            journal.set_options(info.options)
            # What was refused under the other option may be right under this one.
            if again := journal.retry_failed():
                say(f"Rows that failed before, and are tried again with other options: {again}")
    return go_on(path, tago, out, run=run, json=json)


def go_on(path: Path, tago: Tago, out: Path, *, run: ResumeKeywords, json: bool) -> int:
    """Do what is left to do of a journal, and write the results of all its rows.

    Args:
        path: the journal.
        tago: the client, not opened yet.
        out: where the results go.
        run: how to go about it.
        json: whether to print one JSON object.
    """
    check_out(out)
    with Journal.read(path) as journal:
        before = JournalStatus.of(journal)
        check_replaceable(journal, out)
    try:
        summary = run_until_interrupted(_follow(tago, before, run))
    except (RequestError, KeyboardInterrupt) as error:
        # It has not even begun, but everything is written down.
        if isinstance(error, RequestError):
            complain(error)
        say(f"To go on: {resume_command(path)}")
        return exit_code(error) if isinstance(error, RequestError) else Exit.INTERRUPTED
    return finish(before, summary, out, run=run, json=json)


async def _follow(tago: Tago, before: JournalStatus, run: ResumeKeywords) -> Summary:
    interrupt = Interrupt()
    with (
        interrupt.watching(),
        open_display(before.kind.done, before.rows) as display,
    ):
        sight = RunView(
            display=display,
            route=before.kind.route,
            rows=before.rows,
            finished=before.rows - before.left,
        )
        async with tago:
            return await follow(tago, tago.resume(before.path, **run), sight, interrupt)


def finish(
    before: JournalStatus, summary: Summary, out: Path, *, run: ResumeKeywords, json: bool
) -> int:
    """Write the results of all rows, and tell what became of a run and how to go on.

    Args:
        before: where the journal stood when the run began.
        summary: what became of it.
        out: where the results go.
        run: how it went about it.
        json: whether to print one JSON object.
    """
    with Journal.read(before.path) as journal:
        after = JournalStatus.of(journal)
        try:
            counts = write_results(journal, out)
        except TagoError:
            if summary.stopped is not None:
                complain(summary.stopped)
            raise
    ended = RunSummary(
        kind=before.kind,
        rows=after.rows,
        counts=counts,
        summary=summary,
        out=out,
        failures_allowed=RunOptions(**run).failures_allowed,
        earlier=before.done,
    )
    if json:
        more = {
            "journal": str(before.path),
            "skipped": before.rows - before.left,
            "adopted": summary.adopted,
        }
        print_json(ended.as_json() | more)
    else:
        for line in ended.lines():
            print_line(line)
    if summary.stopped is not None:
        complain(summary.stopped)
    for line in after.how_to_go_on():
        say(line)
    code = ended.code()
    return Exit.PARTIAL if code is Exit.OK and not after.whole else code
