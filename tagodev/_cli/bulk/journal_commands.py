"""The commands ``tagodev bulk status`` and ``tagodev bulk export``.

Both only read, so they work while another process uses a journal.
"""

from __future__ import annotations

import csv
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs
import orjson

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.schema import is_journal
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.registry import operation_of
from tagodev._bulk.run_registry import is_running
from tagodev._cli.apply.paths import apply_folders
from tagodev._cli.bulk.journal_status import JournalStatus
from tagodev._cli.bulk.results import COLUMNS, HOLDS_TOKENS, result_of
from tagodev._cli.bulk.summary import count_text
from tagodev._cli.exit_codes import Exit, exit_code
from tagodev._cli.output.console import (
    in_command_line_terms,
    print_error,
    print_first,
    print_json,
    print_line,
    print_message,
)
from tagodev._cli.output.streams import use_utf8
from tagodev._cli.output.table import JsonOption
from tagodev._filesystem.atomic_write import check_new, whole_text
from tagodev.errors import InputError, JournalError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["export", "status"]

#: Unreadable rows to list individually.
_SHOWN: Final = 3

_Format: TypeAlias = Literal["csv", "jsonl"]


# --- status --------------------------------------------------------------------------------------


def status(
    *journals: Path,
    json: JsonOption = False,
) -> int:
    """Show the status of journals, and how to resume them.

    Name journals or folders; default: the journals of the current folder and of tagodev apply. No
    token is needed, and a run may be in progress.
    """
    code = Exit.OK
    reports = []
    for path in _files(journals or (Path(), *apply_folders())):
        try:
            reports.append(_report(path))
        except TagoError as error:
            print_error(error)
            code = code or exit_code(error)
    if json:
        print_json({"journals": [report.as_json() for report in reports]})
    else:
        for report in reports:
            for line in report.lines():
                print_line(line)
    return code


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and the journals of the folders.

    Raises:
        InputError: the only folder has no journal, or a folder can't be read.
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
            raise InputError(f"{path.absolute()}: no journal in this folder", hint="Name a journal")
        yield from found


@attrs.frozen
class _JournalReport:
    """The status of a journal, as printed."""

    status: JournalStatus
    last_activity: float | None
    running: bool
    problem: JournalError | None = None

    @property
    def next(self) -> list[str]:
        """What to do next, with the command."""
        if self.running:
            return []
        if self.problem is not None:
            return [in_command_line_terms(self.problem.hint)]
        return [*self.status.next_steps()]

    @property
    def complete(self) -> bool:
        return self.status.whole and not self.status.left

    def as_json(self) -> dict[str, Any]:
        status, info = self.status, self.status.info
        states = {
            "in_doubt" if state is EntryState.SENT else state.name.casefold(): status.states.get(
                state, 0
            )
            for state in EntryState
        }
        return {
            "journal": str(status.path),
            "kind": info.kind,
            "service": info.service,
            "run": info.run,
            "file": info.keywords.get("file"),
            "out": info.keywords.get("out"),
            "began": _iso(info.began),
            "last_activity": _iso(self.last_activity),
            "running": self.running,
            "rows": status.rows,
            **states,
            "whole": status.whole,
            "complete": self.complete,
            "problem": None if self.problem is None else self.problem.message,
            "next": self.next,
        }

    def lines(self) -> Iterator[str]:
        status, info = self.status, self.status.info
        states = status.states
        yield f"{status.path}: {status.done_text()}"
        others = {
            "failed": states.get(EntryState.FAILED, 0),
            "in flight" if self.running else "in doubt": states.get(EntryState.SENT, 0),
            "ambiguous": states.get(EntryState.UNSOLVED, 0),
            "pending": states.get(EntryState.PENDING, 0),
        }
        if text := count_text(others):
            yield f"  {text}"
        source = info.keywords.get("file")
        yield f"  {f'from {source}, ' if source else ''}at {info.service}, run {info.run}"
        last = _iso(self.last_activity)
        yield f"  started {_iso(info.began)}, last activity {last or 'none'}"
        if self.running:
            yield "  Running in another process"
        elif self.problem is not None:
            yield f"  Can't be resumed: {self.problem.message}"
        elif self.complete:
            yield "  Complete"
        yield from (f"  {line}" for line in self.next)


def _report(path: Path) -> _JournalReport:
    with Journal.read(path) as journal:
        running = is_running(journal.info.run, path)
        problem = None if running else journal.problem()
        return _JournalReport(JournalStatus.of(journal), journal.last_activity(), running, problem)


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


# --- export --------------------------------------------------------------------------------------


def export(
    *journals: Path,
    format: _Format = "csv",
    out: Path | None = None,
) -> int:
    """Print every row of journals, including their tokens.

    The CSV columns are those of the results: row, name, device_id, token, status, error. JSON Lines
    also have the number of attempts and the times of the last request and of the end. With several
    journals, the first column is the journal. A folder means all journals in it.

    Args:
        format: Print csv (default) or jsonl.
        out: Write a new file that only you can read; default: standard output.
    """
    if not journals:
        raise InputError("name at least one journal or folder")
    with ExitStack() as opened:
        read = [opened.enter_context(Journal.read(path)) for path in _files(journals)]
        if any(operation_of(one.info.kind).has_tokens for one in read):
            print_message("The output contains device tokens: keep it private")
        bad: list[JournalError] = []
        if out is None:
            use_utf8()
            _write(read, sys.stdout, format, bad)
            return _export_code(bad)
        check_new(out, why=HOLDS_TOKENS)
        try:
            with whole_text(out) as file:
                _write(read, file, format, bad)
        except OSError as error:
            raise TagoError(f"{out}: {error.strerror}") from None
    return _export_code(bad)


def _export_code(bad: Sequence[JournalError]) -> Exit:
    """List the unreadable rows, and return the exit code."""
    lines = [f"Skipped: {error.journal}: {error.message}" for error in bad]
    print_first(lines, _SHOWN, "unreadable rows")
    return Exit.PARTIAL if bad else Exit.OK


def _write(
    journals: Sequence[Journal], file: IO[str], form: _Format, bad: list[JournalError]
) -> None:
    writer = csv.writer(file, lineterminator="\n")
    # The export of one journal has the columns of its results file.
    several = len(journals) > 1
    if form == "csv":
        writer.writerow(("journal", *COLUMNS) if several else COLUMNS)
    for journal in journals:
        operation = operation_of(journal.info.kind)
        for entry in journal.rows(on_unreadable=bad.append):
            try:
                cells = result_of(entry, operation).cells()
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
