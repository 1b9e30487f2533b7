"""Jobs: what the commands that do something with each row of a file have different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs

from tagodev.bulk.operations.create_devices import CreateDevices
from tagodev.bulk.operations.delete_devices import DeleteDevices
from tagodev.bulk.operations.edit_devices import EditDevices
from tagodev.bulk.operations.tokens import RotateTokens
from tagodev.bulk.outcomes import Created, Deleted, Edited, Failed, InDoubt
from tagodev.cli.bulk.operation_names import kind_of
from tagodev.cli.bulk.results import Result
from tagodev.cli.output.console import in_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev.bulk.operations.base import Operation
    from tagodev.bulk.operations.identity import Identity
    from tagodev.bulk.options import ResumeKeywords
    from tagodev.bulk.outcomes import Outcome
    from tagodev.bulk.run import BulkRun
    from tagodev.cli.bulk.operation_names import DoneStatus, OperationNames
    from tagodev.client import Tago
    from tagodev.models import DeviceChange, DeviceCreate, Rotation
    from tagodev.provision.read.devices import DeviceIdRow, DeviceRow, RowFile
    from tagodev.provision.read.edit_rows import DeviceChangeRow, RotationRow

__all__ = [
    "Entry",
    "Feed",
    "Job",
    "create_job",
    "delete_job",
    "edit_job",
    "rotate_job",
]

Item = TypeVar("Item")


@attrs.frozen
class Entry(Generic[Item]):
    """One row of a job."""

    number: int
    """Which row of the file, from 1."""
    name: str
    """The device's name."""
    item: Item
    """What the run is given."""
    device_id: str = ""
    """The device's id, where it has one already."""

    def unfinished(self, status: Literal["in_doubt", "pending"], error: str = "") -> Result:
        """Return the result of a row that no outcome came for."""
        return Result(self.number, self.name, status=status, device_id=self.device_id, error=error)

    def result(self, outcome: Outcome) -> Result:
        """Return what an outcome says of this row."""
        row, name, known = self.number, self.name, self.device_id
        match outcome:
            case Created(result=made):
                return Result(
                    row, name, status="created", device_id=made.device_id, token=made.token
                )
            case Deleted():
                return Result(row, name, status="deleted", device_id=known)
            case Edited():
                return Result(row, name, status="edited", device_id=known)
            case Failed(error=error):
                return Result(
                    row, name, status="failed", device_id=known, error=in_options(str(error))
                )
            case InDoubt(error=error):
                return self.unfinished("in_doubt", in_options(str(error)))
        return self.unfinished("pending")


@attrs.frozen(eq=False, kw_only=True)
class Job(Generic[Item]):
    """A bulk run to be made."""

    operation: type[Operation[Item]]
    """What is done with each row."""
    rows: int
    """How many rows there are."""
    entries: Iterable[Entry[Item]]
    """The rows, read as they are needed."""
    begin: Callable[[Tago, Iterable[Item], ResumeKeywords], BulkRun[Item]] | None = None
    """Makes the run where it has no journal; None if it always has one."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """How it is done, as a journal keeps it."""

    @property
    def kind(self) -> OperationNames:
        """What people call it."""
        return kind_of(self.operation.kind)

    @property
    def done(self) -> DoneStatus:
        """What a row is when it is done."""
        return self.kind.done

    def payloads(self) -> Iterator[tuple[int, bytes]]:
        """Yield each row as a journal keeps it, by its number from 0; the rows are used up then."""
        return ((entry.number - 1, self.operation.encode(entry.item)) for entry in self.entries)


def create_job(file: RowFile[DeviceRow], *, identity: Identity = "tag") -> Job[DeviceCreate]:
    """Return the job that makes the devices of a file.

    Args:
        file: the devices.
        identity: by what a device is known again, where the run has a journal.
    """
    return Job(
        operation=CreateDevices,
        rows=file.rows,
        entries=(Entry(row.number, row.device.name, row.device) for row in file),
        begin=lambda tago, devices, run: tago.devices.create_many(devices, **run),
        options={"identity": identity},
    )


def delete_job(file: RowFile[DeviceIdRow]) -> Job[str]:
    """Return the job that deletes the devices of a file."""
    return Job(
        operation=DeleteDevices,
        rows=file.rows,
        entries=(Entry(row.number, row.name, row.device_id, row.device_id) for row in file),
        begin=lambda tago, device_ids, run: tago.devices.delete_many(device_ids, **run),
    )


def edit_job(file: RowFile[DeviceChangeRow]) -> Job[DeviceChange]:
    """Return the job that changes devices as a file says."""
    return Job(
        operation=EditDevices,
        rows=file.rows,
        entries=(_change_entry(row) for row in file),
        begin=lambda tago, changes, run: tago.devices.edit_many(changes, **run),
    )


def _change_entry(row: DeviceChangeRow) -> Entry[DeviceChange]:
    name = row.change.changes.name
    device_id = row.change.device_id
    return Entry(row.number, name if isinstance(name, str) else "", row.change, device_id)


def rotate_job(file: RowFile[RotationRow], *, allow_gap: bool) -> Job[Rotation]:
    """Return the job that replaces the tokens of a file, which takes a journal.

    Args:
        file: the tokens.
        allow_gap: whether a token with a serial number may go before its successor is there.
    """
    return Job(
        operation=RotateTokens,
        rows=file.rows,
        entries=(Entry(row.number, row.name, row.rotation, row.rotation.device_id) for row in file),
        options={"allow_gap": allow_gap},
    )


class Feed(Generic[Item]):
    """Hands the rows of a job to its run, and knows which are out; an iterator."""

    def __init__(self, entries: Iterable[Entry[Item]]) -> None:
        """Begin before the first row.

        Args:
            entries: the rows.
        """
        self._entries = iter(entries)
        self._handed_out = 0
        self.out: dict[int, Entry[Any]] = {}

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        entry = next(self._entries)
        self.out[self._handed_out] = entry
        self._handed_out += 1
        return entry.item

    def take_back(self, index: int) -> Entry[Any]:
        """Return the row that an outcome is of; it is out no longer."""
        return self.out.pop(index)

    def rest(self) -> Iterator[Entry[Any]]:
        """Yield the rows that were never handed out."""
        return self._entries
