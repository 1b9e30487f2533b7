"""Changing devices: an edit states the result, so it may be sent again.

Of several changes to one device the last one of the input decides: they are made in its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

from tagodev.bulk.operations import Operation
from tagodev.bulk.outcomes import Edited
from tagodev.models.changes import DeviceChange
from tagodev.serde import from_json

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tagodev.bulk.rows import Row
    from tagodev.models import DeviceEdit
    from tagodev.session import CallRecord

__all__ = ["EditCalls", "EditDevices"]


class EditCalls(Protocol):
    """What changing devices needs of the service."""

    async def edit(self, device_id: str, changes: DeviceEdit, record: CallRecord) -> None:
        """Change a device."""
        ...


@attrs.frozen
class EditDevices(Operation[DeviceChange]):
    """Change the device that each row names."""

    calls: EditCalls
    """The way to the service."""
    kind: ClassVar[str] = "edit_devices"
    """Its name in journals."""

    def decode(self, payload: bytes) -> DeviceChange:
        """Read a change."""
        return from_json(payload, DeviceChange)

    def resource(self, item: DeviceChange) -> Hashable:
        """Return the device: its changes are made in the order of the input."""
        return item.device_id

    async def do(self, row: Row[DeviceChange]) -> Edited:
        """Change the device."""
        await self.calls.edit(row.item.device_id, row.item.changes, row.record)
        return Edited(row.index, row.item, attempts=row.record.attempts)
