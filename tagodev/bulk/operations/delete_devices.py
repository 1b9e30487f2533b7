"""Deleting devices: gone is gone, whoever did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

from tagodev.bulk.operations.base import Operation
from tagodev.bulk.outcomes import Deleted
from tagodev.errors import BadRequestError, NotFoundError
from tagodev.serialization.converter import from_json

if TYPE_CHECKING:
    from tagodev.bulk.work_item import WorkItem
    from tagodev.session import CallRecord

__all__ = ["DeleteCalls", "DeleteDevices", "delete_device"]


class DeleteCalls(Protocol):
    """What deleting devices needs of the service."""

    async def delete(self, device_id: str, record: CallRecord) -> None:
        """Delete a device."""
        ...

    async def exists(self, device_id: str, record: CallRecord) -> bool:
        """Return whether there is such a device."""
        ...


@attrs.frozen
class DeleteDevices(Operation[str]):
    """Delete the device that each row names."""

    calls: DeleteCalls
    """The way to the service."""
    kind: ClassVar[str] = "delete_devices"
    """Its name in journals."""

    def decode(self, payload: bytes) -> str:
        """Read an id."""
        return from_json(payload, str)

    async def do(self, row: WorkItem[str]) -> Deleted:
        """Delete the device."""
        await delete_device(self.calls, row.item, row.record)
        return Deleted(row.index, row.item, attempts=row.record.attempts)


async def delete_device(calls: DeleteCalls, device_id: str, record: CallRecord) -> None:
    """Delete a device; gone is gone, whoever did it.

    An unknown id may be answered with 400, and so may a device that a tag protects: which of
    the two it was, reading the device tells.
    """
    try:
        await calls.delete(device_id, record)
    except NotFoundError:
        return
    except BadRequestError as error:
        if error.status != 400 or await calls.exists(device_id, record):
            raise
