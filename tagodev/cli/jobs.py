"""Jobs: what ``bulk create`` and ``bulk delete`` have different, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs

from tagodev.bulk.outcomes import Created, Deleted, Failed, InDoubt
from tagodev.cli.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tagodev.bulk.outcomes import Outcome
    from tagodev.bulk.runner import BulkRun
    from tagodev.client import Tago
    from tagodev.models import DeviceCreate
    from tagodev.provision.files import DeviceIdRow, DeviceRow, RowFile

__all__ = ["Entry", "Feed", "Job", "create_job", "delete_job"]

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
            case Failed(error=error):
                return Result(row, name, status="failed", device_id=known, error=str(error))
            case InDoubt(error=error):
                return self.unfinished("in_doubt", str(error))
        return self.unfinished("pending")


@attrs.frozen(eq=False)
class Job(Generic[Item]):
    """A bulk run to be made."""

    done: Literal["created", "deleted"]
    """What a row is when it is done."""
    route: str
    """The route that its limit is counted on."""
    rows: int
    """How many rows there are."""
    entries: Iterable[Entry[Item]]
    """The rows, read as they are needed."""
    begin: Callable[[Tago, Iterable[Item]], BulkRun[Item]]
    """Makes the run."""


def create_job(file: RowFile[DeviceRow]) -> Job[DeviceCreate]:
    """Return the job that makes the devices of a file."""
    entries = (Entry(row.number, row.device.name, row.device) for row in file)
    return Job(
        "created",
        "POST /device",
        file.rows,
        entries,
        lambda tago, devices: tago.devices.create_many(devices),
    )


def delete_job(file: RowFile[DeviceIdRow]) -> Job[str]:
    """Return the job that deletes the devices of a file."""
    entries = (Entry(row.number, row.name, row.device_id, row.device_id) for row in file)
    return Job(
        "deleted",
        "DELETE /device/:device_id",
        file.rows,
        entries,
        lambda tago, device_ids: tago.devices.delete_many(device_ids),
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
