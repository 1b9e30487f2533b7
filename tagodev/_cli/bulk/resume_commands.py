"""The commands ``tagodev bulk resume``, ``retry-failed`` and ``untag``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cyclopts import Parameter

from tagodev._bulk.journal.store import Journal
from tagodev._cli.bulk import journalled_run
from tagodev._cli.bulk.execution import run_until_interrupted
from tagodev._cli.bulk.untag import check_untag, remove_tags
from tagodev._cli.options.confirmation import YesOption, confirmed
from tagodev._cli.options.run import BulkRunOptions
from tagodev._cli.options.service import RememberedOptions
from tagodev._cli.output.console import print_message
from tagodev._cli.output.table import JsonOption
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev._bulk.journal.entry import JournalInfo
    from tagodev._client import Tago

__all__ = ["ResumeOptions", "resume", "retry_failed", "untag"]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ResumeOptions:
    """Options of a command that resumes a run."""

    service: RememberedOptions = attrs.field(factory=RememberedOptions)
    run_options: BulkRunOptions = attrs.field(factory=BulkRunOptions)
    out: Path | None = None
    """Write the results here; default: the file that the journal names."""
    yes: YesOption = False
    json: JsonOption = False


def resume(journal: Path, /, *, options: ResumeOptions = ResumeOptions()) -> int:
    """Resume an interrupted run from its journal.

    Finished rows send no requests; rows whose answer was lost are looked up before anything is sent
    again. Options that you don't give are read from the journal, except the account's token, which
    is not stored in it.
    """
    return _resume(journal, options)


def retry_failed(journal: Path, /, *, options: ResumeOptions = ResumeOptions()) -> int:
    """Retry the failed rows of a journal, and resume the run.

    A row fails when the service refuses it without doing anything, so nothing is done twice.
    """
    return _resume(journal, options, retry=True)


def _resume(journal: Path, options: ResumeOptions, *, retry: bool = False) -> int:
    with Journal.read(journal) as opened:
        info = opened.info
    tago = _client(info, options.service)
    run = options.run_options.keywords(info.keywords)
    _confirm_outside_files(journal, info, options)
    if retry:
        with Journal.open(journal, incomplete=run.get("incomplete", False)) as opened:
            if not opened.retry_failed():
                print_message("No row failed")
    stored = info.keywords.get("out")
    out = options.out or Path(stored if isinstance(stored, str) else f"{journal.stem}.results.csv")
    return journalled_run.resume(journal, tago, out, run=run, json=options.json)


def untag(
    journal: Path,
    /,
    *,
    service: RememberedOptions = RememberedOptions(),
    json: JsonOption = False,
) -> int:
    """Remove the tags that identify the devices of a run.

    The command lists the devices with the tag and replaces the tags of each with the others, so a
    tag added at the same moment may be lost. It is safe to repeat.
    """
    with Journal.open(journal) as opened:
        # The open journal keeps other processes from creating more of these devices.
        check_untag(opened)
        tago = _client(opened.info, service)
        untagged = run_until_interrupted(remove_tags(tago, opened))
    untagged.print(untagged.summary.stopped, json=json)
    return untagged.code()


def _client(info: JournalInfo, service: RememberedOptions) -> Tago:
    tago = service.client(info)
    if tago.base_url != info.service:
        print_message(f"The run was started at {info.service}; resuming at {tago.base_url}")
    return tago


def _confirm_outside_files(journal: Path, info: JournalInfo, options: ResumeOptions) -> None:
    """Ask before writing to files that the journal names outside its folder.

    Raises:
        InputError: the user declines, or standard input is not a terminal.
    """
    given = {"out": options.out, "ledger": options.service.ledger}
    named = {f"--{key}": info.keywords.get(key) for key in given if given[key] is None}
    folder = journal.resolve().parent
    outside = {
        option: path
        for option, path in named.items()
        if isinstance(path, str) and not Path(path).resolve().is_relative_to(folder)
    }
    if not outside:
        return
    for option, path in outside.items():
        print_message(f"The journal names a file outside its folder: {option} {clean(path)}")
    if options.yes:
        return
    try:
        answer = confirmed("Type yes to write there:", "yes")
    except InputError:
        raise InputError(
            "confirmation is required but stdin is not a terminal",
            path="--yes",
            hint=f"Re-run with --yes, or give {' '.join(outside)}",
        ) from None
    if not answer:
        raise InputError("not confirmed", hint=f"Give {' '.join(outside)}")
