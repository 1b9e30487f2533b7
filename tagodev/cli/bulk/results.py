"""Results of a bulk run without a journal, written row by row.

The service returns a device's token only once, when the device is created. So each row is flushed
as it arrives, an existing file is never overwritten, and only the user can read the file.

The results of a run with a journal are written at its end (`tagodev.cli.bulk.journal_results`).
"""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias

import attrs

from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import check_out, create_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from tagodev.secrets import Secret

__all__ = ["COLUMNS", "Counts", "DoneStatus", "Result", "ResultsFile", "Status", "check_new"]

COLUMNS: Final = ("row", "name", "device_id", "token", "status", "error")

#: The status of a row that is done, by operation.
DoneStatus: TypeAlias = Literal[
    "created", "edited", "deleted", "issued", "rotated", "set", "sent", "applied", "done"
]
Status: TypeAlias = DoneStatus | Literal["failed", "in_doubt", "pending"]
#: How many rows have each status.
Counts: TypeAlias = "Mapping[Status, int]"


@attrs.frozen
class Result:
    """The result of one row."""

    row: int
    """The number of the row in the file, from 1."""
    name: str
    """The device's name, if the row has it."""
    status: Status = attrs.field(kw_only=True)
    """The status; ``pending`` if nothing was sent."""
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
        self.counts: Final[dict[Status, int]] = {}
        self.broken: bool = False
        check_new(path)
        try:
            descriptor = create_private(path)
        except FileExistsError:
            raise _exists(path) from None
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
        self.counts[result.status] = self.counts.get(result.status, 0) + 1
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
                # The failed write was reported already.
                if not self.broken:
                    raise


def check_new(path: Path) -> None:
    """Check that a new results file can be created.

    Args:
        path: the results file.

    Raises:
        InputError: the path exists, or the file can't be created.
    """
    check_out(path)
    if path.exists():
        raise _exists(path)


def _exists(path: Path) -> InputError:
    return InputError(
        f"{path} already exists and may contain tokens",
        path="--out",
        hint="Name another file, or move the existing one",
    )
