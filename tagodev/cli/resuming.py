"""``tagodev bulk resume``, ``retry-failed`` and ``untag``: going on from a journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from tagodev.bulk.journal import Journal
from tagodev.cli import journalled
from tagodev.cli.common import complain, print_json, print_line, say
from tagodev.cli.execution import run_until_interrupted
from tagodev.cli.manner import MannerOptions
from tagodev.cli.service import RememberedOptions
from tagodev.cli.untagging import check_untag, remove_tags

if TYPE_CHECKING:
    from tagodev.client import Tago

__all__ = ["resume", "retry_failed", "untag"]

_SERVICE: Final = RememberedOptions()
_MANNER: Final = MannerOptions()

_OutOption: TypeAlias = Annotated[
    Path | None, Parameter(help="Where results go; default: where they were to go at first.")
]
_JsonOption: TypeAlias = Annotated[bool, Parameter(negative="", help="One JSON object as output.")]


def resume(
    journal: Path,
    /,
    *,
    service: RememberedOptions = _SERVICE,
    manner: MannerOptions = _MANNER,
    out: _OutOption = None,
    json: _JsonOption = False,
) -> int:
    """Go on with a run from its journal alone, whatever it did and whatever has ended it."""
    with Journal.open(journal) as opened:
        tago = _client(opened, service)
        known = opened.info.manner
    run = manner.manner(known)
    out = out or _out(journal, known.get("out"))
    return journalled.go_on(journal, tago, out, run=run, json=json)


def retry_failed(
    journal: Path,
    /,
    *,
    service: RememberedOptions = _SERVICE,
    manner: MannerOptions = _MANNER,
    out: _OutOption = None,
    json: _JsonOption = False,
) -> int:
    """Try the rows of a journal again that the service has refused, and do what else is left."""
    with Journal.open(journal) as opened:
        tago = _client(opened, service)
        known = opened.info.manner
        run = manner.manner(known)
        if not opened.retry_failed():
            say("No row has failed")
    out = out or _out(journal, known.get("out"))
    return journalled.go_on(journal, tago, out, run=run, json=json)


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
        tago = _client(opened, service)
        untagged = run_until_interrupted(remove_tags(tago, opened.info.run))
    if json:
        print_json({"journal": str(journal), **untagged.as_json()})
    else:
        for line in untagged.lines():
            print_line(line)
    if untagged.summary.stopped is not None:
        complain(untagged.summary.stopped)
    return untagged.code()


def _client(journal: Journal, service: RememberedOptions) -> Tago:
    """Return the client to go on with; a service that has moved is noted in the journal."""
    tago = service.client(journal.info)
    if tago.base_url != journal.info.service:
        say(f"The journal was begun at {journal.info.service}; going on at {tago.base_url}")
        journal.move(tago.base_url)
    return tago


def _out(journal: Path, known: str | None) -> Path:
    return Path(known or f"{journal.stem}.results.csv")
