"""Setting configuration parameters and sending data, for many devices.

Setting parameters reads the device's own first, so doing it again finds what is there and adds
nothing twice, once what was cut off has had its time to arrive.

Sending data adds it each time.
Data is known again by its group: where a row's registers have none of their own, they get one that
names run and row, and a look at the group tells whether they arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

from tagodev.bulk.operations.base import Operation
from tagodev.bulk.operations.identity import Ambiguous, Found
from tagodev.bulk.outcomes import DataSent, ParametersSet
from tagodev.models import UNSET
from tagodev.models.changes import DataBatch, ParameterChange
from tagodev.serialization.converter import from_json

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tagodev.bulk.operations.base import MakeRecord
    from tagodev.bulk.operations.identity import Finding
    from tagodev.bulk.work_item import WorkItem
    from tagodev.models import ConfigurationParameter, DataCreate
    from tagodev.session import CallRecord

__all__ = ["DataCalls", "ParameterCalls", "SendData", "SetParameters"]


class ParameterCalls(Protocol):
    """What setting parameters needs of the service."""

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, reading first what is there."""
        ...


class DataCalls(Protocol):
    """What sending data needs of the service."""

    async def send_data(
        self, device_id: str, points: Sequence[DataCreate], record: CallRecord
    ) -> None:
        """Send data in one request."""
        ...

    async def has_group(self, device_id: str, group: str, record: CallRecord) -> bool:
        """Return whether a device has data of a group."""
        ...


@attrs.frozen
class SetParameters(Operation[ParameterChange]):
    """Set the parameters of the device that each row names."""

    calls: ParameterCalls
    """The way to the service."""
    kind: ClassVar[str] = "set_parameters"
    """Its name in journals."""
    # Only after the settle time: what is still on its way is not among what is read.
    resendable: ClassVar[bool] = False
    """Whether a row in doubt may simply be done again."""

    def resource(self, item: ParameterChange) -> Hashable:
        """Return the device: two that read at once would both add a missing parameter."""
        return item.device_id

    def decode(self, payload: bytes) -> ParameterChange:
        """Read a row that was written down."""
        return from_json(payload, ParameterChange)

    async def do(self, row: WorkItem[ParameterChange]) -> ParametersSet:
        """Set the parameters."""
        change = row.item
        await self.calls.set_parameters(change.device_id, change.parameters, row.record)
        return ParametersSet(row.index, change, attempts=row.record.attempts)


@attrs.frozen
class SendData(Operation[DataBatch]):
    """Send the data that each row holds."""

    calls: DataCalls
    """The way to the service."""
    kind: ClassVar[str] = "send_data"
    """Its name in journals."""
    resendable: ClassVar[bool] = False
    """Whether a row in doubt may simply be done again."""

    def decode(self, payload: bytes) -> DataBatch:
        """Read a row that was written down."""
        return from_json(payload, DataBatch)

    async def do(self, row: WorkItem[DataBatch]) -> DataSent:
        """Send the data, with a group to know it by where the run is journalled."""
        points: Sequence[DataCreate] = row.item.points
        if row.run and not _grouped(row.item):
            points = [attrs.evolve(point, group=_group(row)) for point in points]
        await self.calls.send_data(row.item.device_id, points, row.record)
        return DataSent(row.index, row.item, attempts=row.record.attempts)

    async def find(
        self, rows: Sequence[WorkItem[DataBatch]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Look for the rows' groups; what has a group of its own can't be told from other data."""
        found: dict[int, Finding] = {}
        for row in rows:
            if _grouped(row.item):
                found[row.index] = Ambiguous(())
            elif await self.calls.has_group(row.item.device_id, _group(row), record()):
                found[row.index] = Found(row.item.device_id)
        return found

    async def adopt(self, row: WorkItem[DataBatch]) -> DataSent:
        """Leave what has arrived."""
        return DataSent(row.index, row.item, attempts=row.record.attempts)


def _grouped(batch: DataBatch) -> bool:
    return any(point.group is not UNSET for point in batch.points)


def _group(row: WorkItem[DataBatch]) -> str:
    # 24 characters are safe whatever the source: eight of the run's, and the row's number.
    return f"{row.run}{row.index:016d}"
