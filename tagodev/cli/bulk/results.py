"""The results of a bulk run, on disk row by row.

A device's token comes back once, with its creation: whatever happens to this process afterwards,
it must be in the file.
So each row is flushed as it comes, nothing that exists is ever overwritten, and since the file
holds tokens nobody else may read it, from the moment it is there.

Runs with a journal have their rows there; `tagodev.cli.bulk.journal_results` writes the file at the
end.
"""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias

import attrs

from tagodev.cli.bulk.operation_names import DoneStatus
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import check_out, create_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from tagodev.secrets import Secret

__all__ = ["COLUMNS", "Counts", "Result", "ResultsFile", "Status", "check_new"]

COLUMNS: Final = ("row", "name", "device_id", "token", "status", "error")

Status: TypeAlias = DoneStatus | Literal["failed", "in_doubt", "pending"]
#: How many rows have each status.
Counts: TypeAlias = "Mapping[Status, int]"


@attrs.frozen
class Result:
    """What became of one row."""

    row: int
    """Which row of the file, from 1."""
    name: str
    """The device's name, where the row gives it."""
    status: Status = attrs.field(kw_only=True)
    """What became of it; ``pending`` if nothing was sent."""
    device_id: str = attrs.field(default="", kw_only=True)
    """The device's id, where there is a device."""
    token: Secret | None = attrs.field(default=None, kw_only=True)
    """The device's token, where it was made."""
    error: str = attrs.field(default="", kw_only=True)
    """Why it failed, or is in doubt."""

    def cells(self) -> tuple[object, ...]:
        """Return what stands in each of `COLUMNS`; the token is shown."""
        token = "" if self.token is None else self.token.reveal()
        return self.row, self.name, self.device_id, token, self.status, self.error


class ResultsFile:
    """A CSV file of results, for its owner's eyes only; a context manager."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Args:
            path: where; nothing may be there yet.

        Raises:
            InputError: something is, or the file can't be made.
            TagoError: the disk does not take it.
        """
        self.path: Final = path
        self.counts: Final[dict[Status, int]] = {}
        self.broken: bool = False
        check_new(path)
        try:
            descriptor = create_private(path)
        except FileExistsError:
            raise _is_there(path) from None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", path="--out") from None
        # Line buffered: every row is with the operating system when `write` returns.
        self._file = open(descriptor, "w", encoding="utf-8", newline="", buffering=1)  # noqa: SIM115, PTH123  (closed in __exit__; a descriptor, not a path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._put(0, COLUMNS)

    def write(self, result: Result) -> None:
        """Write a row.

        Raises:
            TagoError: the disk does not take it.
        """
        self.counts[result.status] = self.counts.get(result.status, 0) + 1
        self._put(result.row, result.cells())

    def _put(self, row: int, cells: tuple[object, ...]) -> None:
        try:
            self._writer.writerow(cells)
        except OSError as error:
            self.broken = True
            raise TagoError(
                f"{self.path}: {error.strerror}; rows are missing from row {row} on",
                hint="They may have been done all the same: list the devices to find out",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if not self.broken:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            try:
                self._file.close()
            except OSError:
                # What it still held is known to be lost.
                if not self.broken:
                    raise


def check_new(path: Path) -> None:
    """Make sure that a new results file can be made, before anything is sent.

    Args:
        path: where.

    Raises:
        InputError: a file is there already, or none can be made.
    """
    check_out(path)
    if path.exists():
        raise _is_there(path)


def _is_there(path: Path) -> InputError:
    return InputError(
        f"{path} is there already, and may hold tokens",
        path="--out",
        hint="Name another file, or move that one away",
    )
