"""Operations of bulk runs in the command line: their terms, rows and run specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import attrs

from tagodev.bulk.operations.create_devices import CreateDevices
from tagodev.bulk.operations.delete_devices import DeleteDevices
from tagodev.bulk.operations.edit_devices import EditDevices
from tagodev.bulk.operations.tokens import RotateTokens
from tagodev.bulk.outcomes import Created, Deleted, Edited, Failed, InDoubt
from tagodev.cli.bulk.results import DoneStatus, Result
from tagodev.cli.output.console import in_command_line_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev.bulk.operations.base import Operation
    from tagodev.bulk.operations.identity import Identity
    from tagodev.bulk.options import ResumeKeywords
    from tagodev.bulk.outcomes import Outcome
    from tagodev.bulk.run import BulkRun
    from tagodev.client import Tago
    from tagodev.models import DeviceChange, DeviceCreate, Rotation
    from tagodev.provision.read.devices import DeviceRow, RowFile
    from tagodev.provision.read.existing_devices import DeviceChangeRow, DeviceIdRow, RotationRow

__all__ = [
    "Feed",
    "OperationNames",
    "RunRow",
    "RunSpec",
    "create_spec",
    "delete_spec",
    "edit_spec",
    "operation_names",
    "rotate_spec",
]

Item = TypeVar("Item")


# --- terms ---------------------------------------------------------------------------------------


@attrs.frozen
class OperationNames:
    """The terms of an operation."""

    name: str
    """Its name in journals: ``create_devices``."""
    done: DoneStatus
    """The status of a row that is done."""
    noun: str
    """What the rows are, in the plural."""
    route: str = ""
    """The route that limits the operation."""
    tokens: bool = False
    """Whether results contain tokens."""


_OPERATIONS: Final[Mapping[str, OperationNames]] = {
    names.name: names
    for names in (
        OperationNames("create_devices", "created", "devices", "POST /device", tokens=True),
        OperationNames("edit_devices", "edited", "devices", "PUT /device/:device_id"),
        OperationNames("delete_devices", "deleted", "devices", "DELETE /device/:device_id"),
        OperationNames("create_tokens", "issued", "tokens", "POST /device/token", tokens=True),
        OperationNames("rotate_tokens", "rotated", "tokens", "POST /device/token", tokens=True),
        OperationNames(
            "set_parameters", "set", "devices' parameters", "POST /device/:device_id/params"
        ),
        OperationNames("send_data", "sent", "batches of data", "POST /data"),
        OperationNames("apply_devices", "applied", "steps", "POST /device", tokens=True),
    )
}


def operation_names(name: str) -> OperationNames:
    """Return the terms of an operation.

    Args:
        name: its name in journals.
    """
    return _OPERATIONS.get(name) or OperationNames(name, "done", "rows")


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

    def unfinished(self, status: Literal["in_doubt", "pending"], error: str = "") -> Result:
        """Return the result of a row without an outcome."""
        return Result(self.number, self.name, status=status, device_id=self.device_id, error=error)

    def result(self, outcome: Outcome) -> Result:
        """Return the result of an outcome."""
        row, name, known = self.number, self.name, self.device_id
        match outcome:
            case Created(result=created):
                return Result(
                    row, name, status="created", device_id=created.device_id, token=created.token
                )
            case Deleted():
                return Result(row, name, status="deleted", device_id=known)
            case Edited():
                return Result(row, name, status="edited", device_id=known)
            case Failed(error=error):
                return Result(
                    row,
                    name,
                    status="failed",
                    device_id=known,
                    error=in_command_line_terms(str(error)),
                )
            case InDoubt(error=error):
                return self.unfinished("in_doubt", in_command_line_terms(str(error)))
        return self.unfinished("pending")


class Feed(Generic[Item]):
    """An iterator over the items of a run that tracks the rows in progress."""

    def __init__(self, rows: Iterable[RunRow[Item]]) -> None:
        """Create the iterator.

        Args:
            rows: the rows of the run.
        """
        self._rows = iter(rows)
        self._read = 0
        self.in_progress: dict[int, RunRow[Any]] = {}

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        row = next(self._rows)
        self.in_progress[self._read] = row
        self._read += 1
        return row.item

    def finish(self, index: int) -> RunRow[Any]:
        """Return the row of an outcome, which is no longer in progress."""
        return self.in_progress.pop(index)

    def unread(self) -> Iterator[RunRow[Any]]:
        """Yield the rows that the run has not read."""
        return self._rows


# --- run specifications --------------------------------------------------------------------------


@attrs.frozen(eq=False, kw_only=True)
class RunSpec(Generic[Item]):
    """The operation, rows and options of a bulk run."""

    operation: type[Operation[Item]]
    """The operation."""
    rows: int
    """The number of rows."""
    entries: Iterable[RunRow[Item]]
    """The rows, read as they are needed."""
    begin: Callable[[Tago, Iterable[Item], ResumeKeywords], BulkRun[Item]] | None = None
    """Creates the run without a journal; None if it requires one."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the operation, as stored in a journal."""

    @property
    def names(self) -> OperationNames:
        """The terms of the operation."""
        return operation_names(self.operation.kind)

    def payloads(self) -> Iterator[tuple[int, bytes]]:
        """Yield each row's number from 0 and encoded item, consuming the rows."""
        return ((row.number - 1, self.operation.encode(row.item)) for row in self.entries)


def create_spec(file: RowFile[DeviceRow], *, identity: Identity = "tag") -> RunSpec[DeviceCreate]:
    """Return a run that creates the devices of a file.

    Args:
        file: the devices.
        identity: what identifies a device whose answer was lost, in a run with a journal.
    """
    return RunSpec(
        operation=CreateDevices,
        rows=file.rows,
        entries=(RunRow(row.number, row.device.name, row.device) for row in file),
        begin=lambda tago, devices, run: tago.devices.create_many(devices, **run),
        options={"identity": identity},
    )


def delete_spec(file: RowFile[DeviceIdRow]) -> RunSpec[str]:
    """Return a run that deletes the devices of a file."""
    return RunSpec(
        operation=DeleteDevices,
        rows=file.rows,
        entries=(RunRow(row.number, row.name, row.device_id, row.device_id) for row in file),
        begin=lambda tago, device_ids, run: tago.devices.delete_many(device_ids, **run),
    )


def edit_spec(file: RowFile[DeviceChangeRow]) -> RunSpec[DeviceChange]:
    """Return a run that edits the devices of a file."""
    return RunSpec(
        operation=EditDevices,
        rows=file.rows,
        entries=(_change_row(row) for row in file),
        begin=lambda tago, changes, run: tago.devices.edit_many(changes, **run),
    )


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
    return RunSpec(
        operation=RotateTokens,
        rows=file.rows,
        entries=(
            RunRow(row.number, row.name, row.rotation, row.rotation.device_id) for row in file
        ),
        options={"allow_gap": allow_gap},
    )
