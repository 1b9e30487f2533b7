"""The operation that deletes devices; a device that is already gone counts as deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from tagodev._bulk.operations.base import Operation
from tagodev._bulk.outcomes import Deleted
from tagodev.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._session import CallRecord

__all__ = ["DeleteCalls", "DeleteDevices", "delete_device"]


class DeleteCalls(Protocol):
    """The requests that delete devices."""

    async def delete(self, device_id: str, record: CallRecord) -> None:
        """Delete a device."""
        ...

    async def exists(self, device_id: str, record: CallRecord) -> bool:
        """Return whether a device exists."""
        ...


@attrs.frozen
class DeleteDevices(Operation[str]):
    """Deletes the device of each item."""

    calls: DeleteCalls
    """The requests."""
    kind = "delete_devices"
    method = "devices.delete_many"
    item_type = str
    outcome = Deleted
    noun = "devices"
    route = "DELETE /device/:device_id"

    async def do(self, work: WorkItem[str]) -> Done:
        """Delete the device."""
        await delete_device(self.calls, work.item, work.record)
        return self.done(work)


async def delete_device(calls: DeleteCalls, device_id: str, record: CallRecord) -> None:
    """Delete a device; one that is already gone counts as deleted.

    The service may answer 400 for an unknown id, and also for a device that a tag protects: reading
    the
    device shows which.
    """
    try:
        await calls.delete(device_id, record)
    except NotFoundError:
        return
    except BadRequestError as error:
        if error.status != 400 or await calls.exists(device_id, record):
            raise
