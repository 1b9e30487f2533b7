"""Results of a run with a journal, including the rows of earlier runs.

The journal holds the results; the results file is a copy that is written when a run ends, to a
temporary file that then replaces the old one.

An existing file is replaced only if nothing is lost: it must be a results file, and the journal
must hold every device and token in it.
"""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

from tagodev.bulk.journal.entry import EntryState
from tagodev.cli.bulk.operations import operation_names
from tagodev.cli.bulk.results import COLUMNS, Result
from tagodev.cli.output.console import in_command_line_terms
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import whole_text
from tagodev.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tagodev.bulk.journal.entry import JournalEntry
    from tagodev.bulk.journal.store import Journal
    from tagodev.cli.bulk.results import Counts, DoneStatus, Status

__all__ = [
    "check_replaceable",
    "error_text",
    "name_of",
    "result_of",
    "write_csv",
    "write_results",
]


# --- rows ----------------------------------------------------------------------------------------


def result_of(entry: JournalEntry, done: DoneStatus) -> Result:
    """Return the result of a journal entry.

    Args:
        entry: the entry.
        done: the status of rows that are done.
    """
    item, given = entry.item(), entry.given()
    token, device_id = given.get("token"), given.get("device_id")
    return Result(
        entry.number + 1,
        name_of(item),
        status=_status(entry.state, done),
        device_id=device_id if isinstance(device_id, str) else _device_id_of(item),
        token=Secret(token) if isinstance(token, str) and token else None,
        error=error_text(entry, "resume the run"),
    )


def error_text(entry: JournalEntry, next_step: str) -> str:
    """Return why a row failed or is in doubt; empty if neither.

    Args:
        entry: the row's journal entry.
        next_step: how to find out whether a row without an answer was done.
    """
    if entry.state is EntryState.SENT:
        return f"No answer has arrived; {next_step} to find out whether it was done"
    return in_command_line_terms(entry.error or "")


def _status(state: EntryState, done: DoneStatus) -> Status:
    match state:
        case EntryState.DONE:
            return done
        case EntryState.FAILED:
            return "failed"
        case EntryState.PENDING:
            return "pending"
    return "in_doubt"


def name_of(item: Any) -> str:
    """Return the name in an item of any operation; empty if it has none."""
    if not isinstance(item, dict):
        return ""
    inner = item.get("create") or item.get("changes") or item.get("edit") or item
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _device_id_of(item: Any) -> str:
    if isinstance(item, dict):
        device_id = item.get("device_id")
        return device_id if isinstance(device_id, str) else ""
    # The item of a deletion is the device id alone.
    return item if isinstance(item, str) else ""


# --- files ---------------------------------------------------------------------------------------


def check_replaceable(journal: Journal, path: Path) -> None:
    """Check that writing results to a path loses nothing.

    Raises:
        InputError: the path is a file other than earlier results of this journal.
    """
    try:
        if not path.exists() or _is_known(journal, path):
            return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path="--out") from None
    raise InputError(
        f"{path} already exists and is not an earlier results file of this journal",
        path="--out",
        hint="Name another file, or move the existing one",
    )


def _is_known(journal: Journal, path: Path) -> bool:
    """Return whether a file holds results, all of which are in the journal."""
    done = operation_names(journal.info.kind).done
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                return False
            # Both are in the order of the rows; the file may lack rows at the end.
            known = journal.rows()
            for cells in rows:
                entry = next(known, None)
                if entry is None or not _is_covered(cells, result_of(entry, done)):
                    return False
    except (csv.Error, UnicodeDecodeError):
        return False
    return True


def _is_covered(cells: list[str], result: Result) -> bool:
    if len(cells) != len(COLUMNS):
        return False
    row, _, device_id, token, *_ = map(str, result.cells())
    return cells[0] == row and cells[2] in ("", device_id) and cells[3] in ("", token)


def write_results(journal: Journal, path: Path) -> Counts:
    """Write the result of every row, and return how many have each status.

    Args:
        journal: a journal that is open for reading.
        path: the results file, which passed `check_replaceable`.

    Raises:
        TagoError: the file can't be written.
    """
    done = operation_names(journal.info.kind).done
    counts: Counter[Status] = Counter()

    def rows() -> Iterator[Sequence[object]]:
        for entry in journal.rows():
            result = result_of(entry, done)
            counts[result.status] += 1
            yield result.cells()

    write_csv(path, COLUMNS, rows(), journals=[journal.path])
    return counts


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    journals: Iterable[Path],
) -> None:
    """Write a CSV file that only the user can read, replacing an earlier one as a whole.

    Args:
        path: the file.
        columns: its header.
        rows: its rows.
        journals: the journals that hold the same results.

    Raises:
        TagoError: the file can't be written.
    """
    names = shlex.join(map(str, journals))
    try:
        with whole_text(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as error:
        raise TagoError(
            f"{path}: {error.strerror}",
            hint=f"The journal has the results: tagodev bulk export {names}",
        ) from None
