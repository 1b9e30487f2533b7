"""The operation that edits devices; an edit sets values, so it may be sent again.

Changes of single tags are merged with the device's tags when the item is done.
Several edits of one device are made in the order of the input, so the last one wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from tagodev._bulk.operations.base import Operation
from tagodev._bulk.outcomes import Edited
from tagodev._models import DeviceEdit
from tagodev._models.changes import DeviceChange

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._models import Tag, TagChanges
    from tagodev._session import CallRecord

__all__ = ["EditCalls", "EditDevices", "edit_device"]


class EditCalls(Protocol):
    """The requests that edit devices."""

    async def edit(self, device_id: str, changes: DeviceEdit, record: CallRecord) -> None:
        """Edit a device."""
        ...

    async def tags(self, device_id: str, record: CallRecord) -> tuple[Tag, ...]:
        """Return the tags of a device."""
        ...


async def edit_device(
    calls: EditCalls,
    device_id: str,
    edit: DeviceEdit,
    tags: TagChanges | None,
    record: CallRecord,
) -> None:
    """Edit a device in one request; changes of tags take another one, which reads them first.

    Nothing is sent if the tags already match and nothing else changes.

    Args:
        calls: the requests to the service.
        device_id: the device.
        edit: changes of its fields.
        tags: changes of its tags.
        record: of the calls.

    Raises:
        InputError: the device would have more tags than it holds.
        RequestError: the request failed.
    """
    if tags is not None:
        # Read now and not when the run was planned: the request replaces the whole list.
        present = await calls.tags(device_id, record)
        merged = tags.merged(present)
        if merged != present:
            edit = attrs.evolve(edit, tags=merged)
        elif edit == DeviceEdit():
            return
    await calls.edit(device_id, edit, record)


@attrs.frozen
class EditDevices(Operation[DeviceChange]):
    """Edits the device of each item."""

    calls: EditCalls
    """The requests."""
    kind = "edit_devices"
    method = "devices.edit_many"
    item_type = DeviceChange
    outcome = Edited
    noun = "devices"
    route = "PUT /device/:device_id"

    def resource(self, item: DeviceChange) -> Hashable:
        """Return the device: its edits are made in the order of the input."""
        return item.device_id

    async def do(self, work: WorkItem[DeviceChange]) -> Done:
        """Edit the device."""
        change = work.item
        await edit_device(self.calls, change.device_id, change.changes, change.tags, work.record)
        return self.done(work)
