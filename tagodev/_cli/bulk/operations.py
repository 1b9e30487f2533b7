"""Specifications of bulk runs: the operation, the rows of a file and their results."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._bulk.operations.edit_devices import EditDevices
from tagodev._bulk.operations.tokens import RotateTokens
from tagodev._cli.bulk.results import Result
from tagodev._cli.output.console import in_command_line_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.operations.identity import Identity
    from tagodev._bulk.options import ResumeKeywords
    from tagodev._bulk.outcomes import Outcome
    from tagodev._bulk.run import BulkRun
    from tagodev._client import Tago
    from tagodev._models import DeviceChange, DeviceCreate, Rotation
    from tagodev.provision._read.devices import DeviceRow, RowFile
    from tagodev.provision._read.existing_devices import DeviceChangeRow, DeviceIdRow, RotationRow

__all__ = [
    "Feed",
    "RunRow",
    "RunSpec",
    "create_spec",
    "delete_spec",
    "edit_spec",
    "rotate_spec",
]

Item = TypeVar("Item")


# --- rows ----------------------------------------------------------------------------------------


@attrs.frozen
class RunRow(Generic[Item]):
    """One row of a run."""

    number: int
    """The number of the row in the file, from 1."""
    name: str
    """The device's name."""
    item: Item
    """The item that the operation takes."""
    device_id: str = ""
    """The device's id; empty if it doesn't exist yet."""

    def unfinished(self, status: str, *, error: str = "") -> Result:
        """Return the result of a row without an outcome."""
        return Result(self.number, self.name, status=status, device_id=self.device_id, error=error)

    def result(self, outcome: Outcome) -> Result:
        """Return the result of an outcome."""
        made, error = getattr(outcome, "result", None), getattr(outcome, "error", None)
        return Result(
            self.number,
            self.name,
            status=outcome.status,
            device_id=getattr(made, "device_id", self.device_id),
            token=getattr(made, "token", None),
            error="" if error is None else in_command_line_terms(str(error)),
        )


class Feed(Generic[Item]):
    """An iterator over the items of a run that tracks the rows in progress."""

    def __init__(self, rows: Iterable[RunRow[Item]]) -> None:
        """Create the iterator.

        Args:
            rows: the rows of the run.
        """
        self._rows = enumerate(rows)
        self.in_progress: dict[int, RunRow[Any]] = {}

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        index, row = next(self._rows)
        self.in_progress[index] = row
        return row.item

    def finish(self, index: int) -> RunRow[Any]:
        """Return the row of an outcome, which is no longer in progress."""
        return self.in_progress.pop(index)

    def unread(self) -> Iterator[RunRow[Any]]:
        """Yield the rows that the run has not read."""
        return (row for _, row in self._rows)


# --- run specifications --------------------------------------------------------------------------


@attrs.frozen(eq=False)
class RunSpec(Generic[Item]):
    """The operation, rows and options of a bulk run."""

    operation: type[Operation[Item]]
    """The operation."""
    rows: int
    """The number of rows."""
    entries: Iterable[RunRow[Item]]
    """The rows, read as they are needed."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the operation, as stored in a journal."""

    def begin(self, tago: Tago, items: Iterable[Item], run: ResumeKeywords) -> BulkRun[Item]:
        """Return the run without a journal, which reads items as it needs them."""
        method: Callable[..., BulkRun[Item]] = attrgetter(self.operation.method)(tago)
        return method(items, **self.options, **run)

    def payloads(self) -> Iterator[tuple[int, bytes]]:
        """Yield each row's number from 0 and encoded item, consuming the rows."""
        return ((row.number - 1, self.operation.encode(row.item)) for row in self.entries)


def create_spec(file: RowFile[DeviceRow], *, identity: Identity = "tag") -> RunSpec[DeviceCreate]:
    """Return a run that creates the devices of a file.

    Args:
        file: the devices.
        identity: what identifies a device whose answer was lost, in a run with a journal.
    """
    rows = (RunRow(row.number, row.device.name, row.device) for row in file)
    return RunSpec(CreateDevices, file.rows, rows, {"identity": identity})


def delete_spec(file: RowFile[DeviceIdRow]) -> RunSpec[str]:
    """Return a run that deletes the devices of a file."""
    rows = (RunRow(row.number, row.name, row.device_id, row.device_id) for row in file)
    return RunSpec(DeleteDevices, file.rows, rows)


def edit_spec(file: RowFile[DeviceChangeRow]) -> RunSpec[DeviceChange]:
    """Return a run that edits the devices of a file."""
    return RunSpec(EditDevices, file.rows, map(_change_row, file))


def _change_row(row: DeviceChangeRow) -> RunRow[DeviceChange]:
    name = row.change.changes.name
    device_id = row.change.device_id
    return RunRow(row.number, name if isinstance(name, str) else "", row.change, device_id)


def rotate_spec(file: RowFile[RotationRow], *, allow_gap: bool) -> RunSpec[Rotation]:
    """Return a run that rotates the tokens of a file; it requires a journal.

    Args:
        file: the tokens.
        allow_gap: whether a token with a serial number may be deleted before its replacement
            exists.
    """
    rows = (RunRow(row.number, row.name, row.rotation, row.rotation.device_id) for row in file)
    return RunSpec(RotateTokens, file.rows, rows, {"allow_gap": allow_gap})
