"""Results of bulk runs: one row for each row of the input, in a file that only the user can read.

Without a journal, results are written row by row. The service returns a device's token only once,
when the device is created, so each row is flushed as it arrives, and an existing file is never
overwritten.

A journal holds the results of its run, and those of earlier runs. The results file is a copy that
is written when a run ends, to a temporary file that then replaces the old one. An existing file is
replaced only if nothing is lost: it must be a results file, and the journal must hold every device
and token in it.
"""

from __future__ import annotations

import csv
import os
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.operations.registry import operation_of
from tagodev._bulk.outcomes import Failed, InDoubt, Pending
from tagodev._cli.output.console import in_command_line_terms
from tagodev._filesystem.atomic_write import check_new, create_private, existing_file, whole_text
from tagodev._secrets import Secret
from tagodev.errors import InputError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tagodev._bulk.journal.entry import JournalEntry
    from tagodev._bulk.journal.store import Journal
    from tagodev._bulk.operations.base import Operation

__all__ = [
    "COLUMNS",
    "HOLDS_TOKENS",
    "Result",
    "ResultsFile",
    "check_replaceable",
    "name_of",
    "result_of",
    "write_csv",
    "write_results",
]

COLUMNS: Final = ("row", "name", "device_id", "token", "status", "error")

#: Why existing results are not replaced.
HOLDS_TOKENS: Final = "may contain tokens"
_STATUSES: Final = {
    EntryState.PENDING: Pending.status,
    EntryState.SENT: InDoubt.status,
    EntryState.FAILED: Failed.status,
    EntryState.UNSOLVED: InDoubt.status,
}


# --- rows ----------------------------------------------------------------------------------------


@attrs.frozen
class Result:
    """The result of one row."""

    row: int
    """The number of the row in the file, from 1."""
    name: str
    """The device's name, if the row has it."""
    status: str = attrs.field(kw_only=True)
    """The status of its outcome; ``pending`` if nothing was sent."""
    device_id: str = attrs.field(default="", kw_only=True)
    """The device's id, if the device exists."""
    token: Secret | None = attrs.field(default=None, kw_only=True)
    """The device's token, if it was created."""
    error: str = attrs.field(default="", kw_only=True)
    """Why the row failed or is in doubt."""

    def cells(self) -> tuple[object, ...]:
        """Return the values of `COLUMNS`, with the whole token."""
        token = "" if self.token is None else self.token.reveal()
        return self.row, self.name, self.device_id, token, self.status, self.error


def result_of(
    entry: JournalEntry, operation: type[Operation[Any]], next_step: str = "resume the run"
) -> Result:
    """Return the result of a journal entry.

    Args:
        entry: the entry.
        operation: the operation of its run.
        next_step: how to find out whether a row without an answer was done.
    """
    item, given = entry.item(), entry.given()
    token, device_id = given.get("token"), given.get("device_id")
    if entry.state is EntryState.SENT:
        error = f"No answer has arrived; {next_step} to find out whether it was done"
    else:
        error = in_command_line_terms(entry.error or "")
    done = entry.state is EntryState.DONE
    return Result(
        entry.number + 1,
        name_of(item),
        status=operation.outcome.status if done else _STATUSES[entry.state],
        device_id=device_id if isinstance(device_id, str) else _device_id_of(item),
        token=Secret(token) if isinstance(token, str) and token else None,
        error=error,
    )


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


# --- files written row by row --------------------------------------------------------------------


class ResultsFile:
    """A CSV file of results that only the user can read; a context manager."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Args:
            path: a path that does not exist.

        Raises:
            InputError: the path exists, or the file can't be created.
            TagoError: the file can't be written.
        """
        self.path: Final = path
        self.counts: Final = Counter[str]()
        self.broken: bool = False
        check_new(path, why=HOLDS_TOKENS)
        try:
            descriptor = create_private(path)
        except FileExistsError:
            raise existing_file(path, why=HOLDS_TOKENS) from None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", path="--out") from None
        # Line buffered: the operating system has every row when `write` returns.
        self._file = open(descriptor, "w", encoding="utf-8", newline="", buffering=1)  # noqa: SIM115, PTH123  (closed in __exit__; a descriptor, not a path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._put(0, COLUMNS)

    def write(self, result: Result) -> None:
        """Write a row.

        Raises:
            TagoError: the file can't be written.
        """
        self.counts[result.status] += 1
        self._put(result.row, result.cells())

    def _put(self, row: int, cells: tuple[object, ...]) -> None:
        try:
            self._writer.writerow(cells)
        except OSError as error:
            self.broken = True
            raise TagoError(
                f"{self.path}: {error.strerror}; rows from {row} on are missing",
                hint="They may be done; list the devices to find out: tagodev device list",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.broken:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            try:
                self._file.close()
            except OSError:
                # The failed write was reported already.
                if not self.broken:
                    raise


# --- files written from a journal ----------------------------------------------------------------


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
    raise existing_file(path, why="is not an earlier results file of this journal")


def _is_known(journal: Journal, path: Path) -> bool:
    """Return whether a file holds results, all of which are in the journal."""
    operation = operation_of(journal.info.kind)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                return False
            # Both are in the order of the rows; the file may lack rows at the end.
            known = journal.rows()
            for cells in rows:
                entry = next(known, None)
                if entry is None or not _is_covered(cells, result_of(entry, operation)):
                    return False
    except (csv.Error, UnicodeDecodeError):
        return False
    return True


def _is_covered(cells: list[str], result: Result) -> bool:
    if len(cells) != len(COLUMNS):
        return False
    row, _, device_id, token, *_ = map(str, result.cells())
    return cells[0] == row and cells[2] in ("", device_id) and cells[3] in ("", token)


def write_results(journal: Journal, path: Path) -> Counter[str]:
    """Write the result of every row, and return how many have each status.

    Args:
        journal: a journal that is open for reading.
        path: the results file, which passed `check_replaceable`.

    Raises:
        TagoError: the file can't be written.
    """
    operation = operation_of(journal.info.kind)
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Sequence[object]]:
        for entry in journal.rows():
            result = result_of(entry, operation)
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
