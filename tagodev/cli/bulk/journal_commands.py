"""``tagodev bulk status`` and ``tagodev bulk export``: looking into journals.

Both only read, so they may look while another process works with a journal.
"""

from __future__ import annotations

import csv
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import attrs
import orjson
from cyclopts import Parameter

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.schema import is_journal
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.run_registry import is_running
from tagodev.cli.apply.places import apply_folders
from tagodev.cli.bulk.journal_results import check_out, result_of
from tagodev.cli.bulk.journal_status import JournalStatus
from tagodev.cli.bulk.operation_names import kind_of
from tagodev.cli.bulk.results import COLUMNS
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.output.console import complain, in_options, print_json, print_line, say
from tagodev.cli.output.streams import in_utf8
from tagodev.errors import InputError, JournalError, TagoError
from tagodev.filesystem.atomic_write import whole_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["export", "status"]

#: Rows that can't be read and are listed one by one.
_SHOWN: Final = 3

_Format: TypeAlias = Literal["csv", "jsonl"]


# --- status --------------------------------------------------------------------------------------


def status(
    *journals: Path,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Tell where journals stand, and how to go on; also while a run is going on."""
    code = Exit.OK
    looks = []
    for path in _files(journals or (Path(), *apply_folders())):
        try:
            looks.append(_look(path))
        except TagoError as error:
            complain(error)
            code = code or exit_code(error)
    if json:
        print_json({"journals": [look.as_json() for look in looks]})
    else:
        for look in looks:
            for line in look.lines():
                print_line(line)
    return code


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield each file that is named, and of each folder its journals.

    Raises:
        InputError: there is none in a folder, or it can't be read.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            found = sorted(file for file in path.iterdir() if file.is_file() and is_journal(file))
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None
        if not found and len(paths) == 1:
            raise InputError(f"{path.absolute()}: no journal in this folder", hint="Name one")
        yield from found


@attrs.frozen
class _JournalView:
    """What is seen of a journal from outside."""

    standing: JournalStatus
    last_activity: float | None
    running: bool
    problem: JournalError | None = None

    @property
    def next(self) -> list[str]:
        """What to do now, and by which command."""
        if self.running:
            return []
        if self.problem is not None:
            return [in_options(self.problem.hint)]
        return [*self.standing.how_to_go_on()]

    @property
    def complete(self) -> bool:
        return self.standing.whole and not self.standing.left

    def as_json(self) -> dict[str, Any]:
        standing, info = self.standing, self.standing.info
        states = {
            "in_doubt" if state is EntryState.SENT else state.name.casefold(): standing.states.get(
                state, 0
            )
            for state in EntryState
        }
        return {
            "journal": str(standing.path),
            "kind": info.kind,
            "service": info.service,
            "run": info.run,
            "file": info.keywords.get("file"),
            "out": info.keywords.get("out"),
            "began": _iso(info.began),
            "last_activity": _iso(self.last_activity),
            "running": self.running,
            "rows": standing.rows,
            **states,
            "whole": standing.whole,
            "complete": self.complete,
            "problem": None if self.problem is None else self.problem.message,
            "next": self.next,
        }

    def lines(self) -> Iterator[str]:
        standing, info = self.standing, self.standing.info
        kind, states = standing.kind, standing.states
        yield f"{standing.path}: {standing.done} of {standing.rows} {kind.noun} {kind.done}"
        others = {
            "failed": states.get(EntryState.FAILED, 0),
            "on their way" if self.running else "in doubt": states.get(EntryState.SENT, 0),
            "not clear": states.get(EntryState.UNSOLVED, 0),
            "pending": states.get(EntryState.PENDING, 0),
        }
        if any(others.values()):
            yield "  " + ", ".join(f"{count} {what}" for what, count in others.items() if count)
        source = info.keywords.get("file")
        yield f"  {f'from {source}, ' if source else ''}at {info.service}, run {info.run}"
        last = _iso(self.last_activity)
        yield f"  begun {_iso(info.began)}, last activity {last or 'none'}"
        if self.running:
            yield "  A process works with it now"
        elif self.problem is not None:
            yield f"  It can't be resumed as it is: {self.problem.message}"
        elif self.complete:
            yield "  Complete"
        yield from (f"  {line}" for line in self.next)


def _look(path: Path) -> _JournalView:
    with Journal.read(path) as journal:
        running = is_running(journal.info.run, path)
        problem = None if running else journal.problem()
        return _JournalView(JournalStatus.of(journal), journal.last_activity(), running, problem)


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


# --- export --------------------------------------------------------------------------------------


def export(
    *journals: Path,
    format: Annotated[_Format, Parameter(help="csv (default) or jsonl.")] = "csv",  # noqa: A002  (the option's name)
    out: Annotated[
        Path | None,
        Parameter(help="A new file, which only you may read; default: standard output."),
    ] = None,
) -> int:
    """Print every row of journals, with the tokens that they hold."""
    if not journals:
        raise InputError("name at least one journal, or a folder of them")
    with ExitStack() as opened:
        read = [opened.enter_context(Journal.read(path)) for path in _files(journals)]
        if any(kind_of(one.info.kind).tokens for one in read):
            say("This holds tokens of devices: keep it where only you can read it")
        bad: list[JournalError] = []
        if out is None:
            in_utf8()
            _write(read, sys.stdout, format, bad)
            return _export_code(bad)
        check_out(out)
        if out.exists():
            raise InputError(
                f"{out} is there already, and may hold tokens",
                path="--out",
                hint="Name another file, or move that one away",
            )
        try:
            with whole_text(out) as file:
                _write(read, file, format, bad)
        except OSError as error:
            raise TagoError(f"{out}: {error.strerror}") from None
    return _export_code(bad)


def _export_code(bad: Sequence[JournalError]) -> Exit:
    """List the rows that could not be read, and return the exit code."""
    for error in bad[:_SHOWN]:
        say(f"Skipped: {error.journal}: {error.message}")
    if len(bad) > _SHOWN:
        say(f"... and {len(bad) - _SHOWN} more rows that can't be read")
    return Exit.PARTIAL if bad else Exit.OK


def _write(
    journals: Sequence[Journal], file: IO[str], form: _Format, bad: list[JournalError]
) -> None:
    writer = csv.writer(file, lineterminator="\n")
    # Rows of several say which they are of; those of one are what its results file is.
    several = len(journals) > 1
    if form == "csv":
        writer.writerow(("journal", *COLUMNS) if several else COLUMNS)
    for journal in journals:
        done = kind_of(journal.info.kind).done
        for entry in journal.rows(on_unreadable=bad.append):
            try:
                cells = result_of(entry, done).cells()
            except JournalError as error:
                bad.append(JournalError(error.message, journal=str(journal.path)))
                continue
            if form == "csv":
                writer.writerow((journal.path, *cells) if several else cells)
                continue
            row: dict[str, object] = {"journal": str(journal.path)} if several else {}
            row |= {name: cell or None for name, cell in zip(COLUMNS, cells, strict=True)}
            row |= {
                "attempts": entry.attempts,
                "sent": _iso(entry.sent),
                "ended": _iso(entry.ended),
            }
            file.write(f"{orjson.dumps(row).decode()}\n")
