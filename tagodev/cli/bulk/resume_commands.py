"""``tagodev bulk resume``, ``retry-failed`` and ``untag``: going on from a journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from tagodev.bulk.journal.store import Journal
from tagodev.cli.bulk import journalled_run
from tagodev.cli.bulk.by_filter import YesOption, confirmed
from tagodev.cli.bulk.execution import run_until_interrupted
from tagodev.cli.bulk.untag import check_untag, remove_tags
from tagodev.cli.options.run import BulkRunOptions
from tagodev.cli.options.service import RememberedOptions
from tagodev.cli.output.console import complain, print_json, print_line, say
from tagodev.cli.output.table import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev.bulk.journal.entry import JournalInfo
    from tagodev.client import Tago

__all__ = ["resume", "retry_failed", "untag"]

_SERVICE: Final = RememberedOptions()
_MANNER: Final = BulkRunOptions()

_OutOption: TypeAlias = Annotated[
    Path | None, Parameter(help="Where results go; default: where they were to go at first.")
]
_JsonOption: TypeAlias = Annotated[bool, Parameter(negative="", help="One JSON object as output.")]


def resume(
    journal: Path,
    /,
    *,
    service: RememberedOptions = _SERVICE,
    keywords: BulkRunOptions = _MANNER,
    out: _OutOption = None,
    yes: YesOption = False,
    json: _JsonOption = False,
) -> int:
    """Go on with a run from its journal alone, whatever it did and whatever has ended it."""
    with Journal.read(journal) as opened:
        info = opened.info
    tago = _client(info, service)
    run = keywords.keywords(info.keywords)
    _agreed(journal, info, ledger=service.ledger is not None, out=out is not None, yes=yes)
    out = out or _out(journal, info.keywords.get("out"))
    return journalled_run.go_on(journal, tago, out, run=run, json=json)


def retry_failed(
    journal: Path,
    /,
    *,
    service: RememberedOptions = _SERVICE,
    keywords: BulkRunOptions = _MANNER,
    out: _OutOption = None,
    yes: YesOption = False,
    json: _JsonOption = False,
) -> int:
    """Try the rows of a journal again that the service has refused, and do what else is left."""
    with Journal.read(journal) as opened:
        info = opened.info
    tago = _client(info, service)
    run = keywords.keywords(info.keywords)
    _agreed(journal, info, ledger=service.ledger is not None, out=out is not None, yes=yes)
    with Journal.open(journal, incomplete=run.get("incomplete", False)) as opened:
        if not opened.retry_failed():
            say("No row has failed")
    out = out or _out(journal, info.keywords.get("out"))
    return journalled_run.go_on(journal, tago, out, run=run, json=json)


def untag(
    journal: Path,
    /,
    *,
    service: RememberedOptions = _SERVICE,
    json: _JsonOption = False,
) -> int:
    """Remove the tags by which a run's devices were to be known again; their other tags stay."""
    with Journal.open(journal) as opened:
        # Open until the end: nobody may make more of these devices meanwhile.
        check_untag(opened)
        tago = _client(opened.info, service)
        untagged = run_until_interrupted(remove_tags(tago, opened.info.run))
    if json:
        print_json({"journal": str(journal), **untagged.as_json()})
    else:
        for line in untagged.lines():
            print_line(line)
    if untagged.summary.stopped is not None:
        complain(untagged.summary.stopped)
    return untagged.code()


def _client(info: JournalInfo, service: RememberedOptions) -> Tago:
    tago = service.client(info)
    if tago.base_url != info.service:
        say(f"The journal was begun at {info.service}; resuming at {tago.base_url}")
    return tago


def _out(journal: Path, known: object) -> Path:
    return Path(known if isinstance(known, str) else f"{journal.stem}.results.csv")


def _agreed(journal: Path, info: JournalInfo, *, ledger: bool, out: bool, yes: bool) -> None:
    """Ask before files are written that the journal names and that lie outside its folder.

    Args:
        journal: where it is.
        info: what it is about.
        ledger: whether the command names the ledger itself.
        out: whether the command names the results itself.
        yes: whether not to ask.

    Raises:
        InputError: it can't be asked, or it is not wanted.
    """
    named = {"--out": None if out else info.keywords.get("out")}
    named["--ledger"] = None if ledger else info.keywords.get("ledger")
    folder = journal.resolve().parent
    outside = {
        option: path
        for option, path in named.items()
        if isinstance(path, str) and not Path(path).resolve().is_relative_to(folder)
    }
    if not outside:
        return
    for option, path in outside.items():
        say(f"The journal names a file outside its folder: {option} {clean(path)}")
    if yes:
        return
    try:
        agreed = confirmed("Type yes to write there:", "yes")
    except InputError:
        raise InputError(
            "confirmation is required but stdin is not a terminal",
            path="--yes",
            hint=f"Re-run with --yes, or name the file: {' '.join(outside)}",
        ) from None
    if not agreed:
        raise InputError("not confirmed", hint=f"Name the file: {' '.join(outside)}")
