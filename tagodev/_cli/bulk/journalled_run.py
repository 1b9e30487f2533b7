"""Bulk runs with a journal: start, resume and finish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev._bulk.journal.entry import JournalInfo
from tagodev._bulk.journal.prefill import fill_journal
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.options import RunOptions
from tagodev._cli.bulk.execution import follow_to_end, run_until_interrupted
from tagodev._cli.bulk.journal_status import JournalStatus, resume_command
from tagodev._cli.bulk.results import check_replaceable, write_results
from tagodev._cli.bulk.summary import RunSummary
from tagodev._cli.exit_codes import Exit, exit_code
from tagodev._cli.options.run import CONSENT
from tagodev._cli.output.console import print_error, print_message
from tagodev._cli.output.text import plural
from tagodev._filesystem.atomic_write import check_out
from tagodev.errors import RequestError, TagoError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagodev._bulk.options import ResumeKeywords
    from tagodev._cli.bulk.execution import Summary
    from tagodev._cli.bulk.operations import RunSpec
    from tagodev._client import Tago

__all__ = ["resume", "start"]


def start(
    spec: RunSpec[Any],
    path: Path,
    tago: Tago,
    out: Path,
    *,
    run: ResumeKeywords,
    remember: Mapping[str, Any],
    json: bool,
) -> int:
    """Write all rows to a journal and run them, or resume if they were written before.

    Args:
        spec: the run.
        path: the journal.
        tago: a client that is not open yet.
        out: the results file.
        run: options of the run.
        remember: more values to store for resuming.
        json: whether to print one JSON object.
    """
    check_out(out)
    info = JournalInfo(
        run="",
        kind=spec.operation.kind,
        options=dict(spec.options),
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
        spec.payloads(),
        adjustable=spec.operation.adjustable,
        incomplete=run.get("incomplete", False),
    )
    with Journal.open(path) as journal:
        if dict(journal.info.options) != dict(info.options):
            journal.set_options(info.options)
            # Rows that failed under the old options may succeed under the new ones.
            if retried := journal.retry_failed():
                print_message(f"Retrying {plural(retried, 'failed row')} with other options")
    return resume(path, tago, out, run=run, json=json)


def resume(path: Path, tago: Tago, out: Path, *, run: ResumeKeywords, json: bool) -> int:
    """Run the unfinished rows of a journal, and write the results of all its rows.

    Args:
        path: the journal.
        tago: a client that is not open yet.
        out: the results file.
        run: options of the run.
        json: whether to print one JSON object.
    """
    check_out(out)
    with Journal.read(path) as journal:
        before = JournalStatus.of(journal)
        check_replaceable(journal, out)
    try:
        summary = run_until_interrupted(
            follow_to_end(tago, lambda: tago.resume(path, **run), before)
        )
    except (RequestError, KeyboardInterrupt) as error:
        if isinstance(error, RequestError):
            print_error(error)
        print_message(f"To resume: {resume_command(path)}")
        return exit_code(error) if isinstance(error, RequestError) else Exit.INTERRUPTED
    return _finish(before, summary, out, run=run, json=json)


def _finish(
    before: JournalStatus, summary: Summary, out: Path, *, run: ResumeKeywords, json: bool
) -> int:
    """Write the results of all rows, print the summary, and return the exit code."""
    with Journal.read(before.path) as journal:
        after = JournalStatus.of(journal)
        try:
            counts = write_results(journal, out)
        except TagoError:
            if summary.stopped is not None:
                print_error(summary.stopped)
            raise
    report = RunSummary(
        operation=before.operation,
        rows=after.rows,
        counts=counts,
        summary=summary,
        out=out,
        failures_allowed=RunOptions(**run).failures_allowed,
        before=before,
    )
    report.print(summary.stopped, json=json)
    for line in after.next_steps():
        print_message(line)
    code = report.code()
    return Exit.PARTIAL if code is Exit.OK and not after.whole else code
