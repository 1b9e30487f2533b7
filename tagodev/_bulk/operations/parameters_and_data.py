"""The operations that set configuration parameters and send data of many devices.

Setting parameters reads the device's own first, so doing it again adds nothing twice, once a
request that was cut off has had time to arrive.

Sending data adds it each time.
Data is identified by its group: points without one get a group that names run and item, and a
search for the group shows whether they arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from tagodev._bulk.operations.base import Operation
from tagodev._bulk.operations.identity import Ambiguous, Found
from tagodev._bulk.outcomes import DataSent, ParametersSet
from tagodev._models import UNSET
from tagodev._models.changes import DataBatch, ParameterChange

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._models import ConfigurationParameter, DataCreate
    from tagodev._session import CallRecord

__all__ = ["DataCalls", "ParameterCalls", "SendData", "SetParameters"]


class ParameterCalls(Protocol):
    """The requests that set parameters."""

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, after reading the existing ones."""
        ...


class DataCalls(Protocol):
    """The requests that send data."""

    async def send_data(
        self, device_id: str, points: Sequence[DataCreate], record: CallRecord
    ) -> None:
        """Send data in one request."""
        ...

    async def has_group(self, device_id: str, group: str, record: CallRecord) -> bool:
        """Return whether a device has data with a group."""
        ...


@attrs.frozen
class SetParameters(Operation[ParameterChange]):
    """Sets the parameters of each item's device."""

    calls: ParameterCalls
    """The requests."""
    kind = "set_parameters"
    method = "parameters.set_many"
    item_type = ParameterChange
    outcome = ParametersSet
    noun = "devices' parameters"
    route = "POST /device/:device_id/params"
    # Only after the settle time: a request in transit has not changed what is read.
    resendable = False

    def resource(self, item: ParameterChange) -> Hashable:
        """Return the device: two reads at once would both add a missing parameter."""
        return item.device_id

    async def do(self, work: WorkItem[ParameterChange]) -> Done:
        """Set the parameters."""
        change = work.item
        await self.calls.set_parameters(change.device_id, change.parameters, work.record)
        return self.done(work)


@attrs.frozen
class SendData(Operation[DataBatch]):
    """Sends the data of each item."""

    calls: DataCalls
    """The requests."""
    kind = "send_data"
    method = "data.send_many"
    item_type = DataBatch
    outcome = DataSent
    noun = "batches of data"
    route = "POST /data"
    resendable = False

    async def do(self, work: WorkItem[DataBatch]) -> Done:
        """Send the data, with a group that identifies it if the run is journalled."""
        points: Sequence[DataCreate] = work.item.points
        if work.run and not _grouped(work.item):
            points = [attrs.evolve(point, group=_group(work)) for point in points]
        await self.calls.send_data(work.item.device_id, points, work.record)
        return self.done(work)

    async def find(
        self, items: Sequence[WorkItem[DataBatch]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Search for the items' groups; data with its own group can't be identified."""
        found: dict[int, Finding] = {}
        for work in items:
            if _grouped(work.item):
                found[work.index] = Ambiguous(())
            elif await self.calls.has_group(work.item.device_id, _group(work), record()):
                found[work.index] = Found(work.item.device_id)
        return found

    async def adopt(self, work: WorkItem[DataBatch]) -> Done:
        """Do nothing: the data has arrived."""
        return self.done(work)


def _grouped(batch: DataBatch) -> bool:
    return any(point.group is not UNSET for point in batch.points)


def _group(work: WorkItem[DataBatch]) -> str:
    # 24 characters are valid for every source: eight of the run's, and the item's index.
    return f"{work.run}{work.index:016d}"
