"""The results of a run with a journal: every row of it, also those of earlier runs.

The journal is where results are; a results file is a copy, made when a run ends.
It is written beside its place and moved there when it is whole, so that no reader finds half of it.

What lies there already is replaced only if that loses nothing: it must be a results file, and each
device and token in it must be in the journal too, as they are in this journal's earlier results.
"""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tagodev.bulk.journal.entry import EntryState
from tagodev.cli.bulk.operation_names import kind_of
from tagodev.cli.bulk.results import COLUMNS, Result
from tagodev.cli.output.console import in_options
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import check_out, whole_text
from tagodev.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev.bulk.journal.entry import JournalEntry
    from tagodev.bulk.journal.store import Journal
    from tagodev.cli.bulk.operation_names import DoneStatus
    from tagodev.cli.bulk.results import Counts, Status

__all__ = [
    "check_out",
    "check_replaceable",
    "name_of",
    "result_of",
    "write_results",
]

_LOST: Final = "Its answer was lost, or has not come yet: resuming finds out whether it was done"


# --- rows ----------------------------------------------------------------------------------------


def result_of(entry: JournalEntry, done: DoneStatus) -> Result:
    """Return what a journal knows of a row.

    Args:
        entry: the row.
        done: what rows of this kind are when they are done.
    """
    item, given = entry.item(), entry.given()
    token, device_id = given.get("token"), given.get("device_id")
    return Result(
        entry.number + 1,
        name_of(item),
        status=_status(entry.state, done),
        device_id=device_id if isinstance(device_id, str) else _device_id_of(item),
        token=Secret(token) if isinstance(token, str) and token else None,
        error=_LOST if entry.state is EntryState.SENT else in_options(entry.error or ""),
    )


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
    """Return the name in a row, wherever rows of its kind have it; empty where there is none."""
    if not isinstance(item, dict):
        return ""
    inner = item.get("create") or item.get("changes") or item.get("edit") or item
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _device_id_of(item: Any) -> str:
    if isinstance(item, dict):
        device_id = item.get("device_id")
        return device_id if isinstance(device_id, str) else ""
    # Of a device to be deleted a journal keeps nothing but its id.
    return item if isinstance(item, str) else ""


# --- files ---------------------------------------------------------------------------------------


def check_replaceable(journal: Journal, path: Path) -> None:
    """Make sure that results can take their place without anything being lost.

    `check_out` has let the path through.

    Raises:
        InputError: something else lies there.
    """
    try:
        if not path.exists() or _is_known(journal, path):
            return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path="--out") from None
    raise InputError(
        f"{path} is there already, and is not an earlier result of this journal",
        path="--out",
        hint="Name another file, or move that one away",
    )


def _is_known(journal: Journal, path: Path) -> bool:
    """Return whether a file holds results, and none that the journal does not know."""
    done = kind_of(journal.info.kind).done
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                return False
            # Both are in the order of the rows; the file may be cut short, but has no other rows.
            known = journal.rows()
            for cells in rows:
                entry = next(known, None)
                if entry is None or not _says_no_more(cells, result_of(entry, done)):
                    return False
    except (csv.Error, UnicodeDecodeError):
        return False
    return True


def _says_no_more(cells: list[str], result: Result) -> bool:
    if len(cells) != len(COLUMNS):
        return False
    row, _, device_id, token, *_ = map(str, result.cells())
    return cells[0] == row and cells[2] in ("", device_id) and cells[3] in ("", token)


def write_results(journal: Journal, path: Path) -> Counts:
    """Write every row of a journal, and return how many have which status.

    Args:
        journal: open for reading.
        path: where; `check_replaceable` has let it through.

    Raises:
        TagoError: the disk does not take it.
    """
    done = kind_of(journal.info.kind).done
    counts: Counter[Status] = Counter()
    try:
        with whole_text(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for entry in journal.rows():
                result = result_of(entry, done)
                counts[result.status] += 1
                writer.writerow(result.cells())
    except OSError as error:
        raise TagoError(
            f"{path}: {error.strerror}",
            hint=f"Everything is in {journal.path}: tagodev bulk export gets it out",
        ) from None
    return counts
