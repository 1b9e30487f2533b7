"""Changing devices: an edit says what shall be, so it may be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

from tagodev.bulk.operations import Operation
from tagodev.bulk.outcomes import Edited
from tagodev.models.changes import DeviceChange
from tagodev.serde import from_json

if TYPE_CHECKING:
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

    async def do(self, row: Row[DeviceChange]) -> Edited:
        """Change the device."""
        await self.calls.edit(row.item.device_id, row.item.changes, row.record)
        return Edited(row.index, row.item, attempts=row.record.attempts)
