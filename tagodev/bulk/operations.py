"""What a bulk run does with one row."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import attrs

from tagodev.bulk.outcomes import Created, Deleted
from tagodev.errors import (
    AuthenticationError,
    ClosedError,
    ConnectError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ResourceLimitError,
    TagoError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tagodev.bulk.outcomes import Outcome
    from tagodev.models import DeviceCreate, DeviceCreated
    from tagodev.session import CallRecord

__all__ = ["CreateDevice", "DeleteDevice", "Operation"]

Item_contra = TypeVar("Item_contra", contravariant=True)

# What would meet every further row in the same way.
_STOPS_ANY_RUN: Final = (
    AuthenticationError,
    ClosedError,
    ConnectError,
    PermissionDeniedError,
    RateLimitedError,
)


class Operation(Protocol[Item_contra]):
    """One kind of bulk work."""

    async def do(self, index: int, item: Item_contra, record: CallRecord) -> Outcome:
        """Do one row.

        Raises:
            TagoError: the row failed.
        """
        ...

    def stops(self, error: TagoError) -> bool:
        """Return whether an error would meet every further row too."""
        ...


@attrs.frozen
class CreateDevice:
    """Make a device from each row."""

    create: Callable[[DeviceCreate, CallRecord], Awaitable[DeviceCreated]]
    """Makes one device."""

    async def do(self, index: int, item: DeviceCreate, record: CallRecord) -> Outcome:
        """Make the device."""
        created = await self.create(item, record)
        return Created(index, item, result=created, attempts=record.attempts)

    def stops(self, error: TagoError) -> bool:
        """Stop at the device cap; a full tag list is the row's own affair."""
        if isinstance(error, ResourceLimitError):
            return error.resource.casefold() in ("device", "devices")
        return isinstance(error, _STOPS_ANY_RUN)


@attrs.frozen
class DeleteDevice:
    """Delete the device that each row names."""

    delete: Callable[[str, CallRecord], Awaitable[None]]
    """Deletes one device."""

    async def do(self, index: int, item: str, record: CallRecord) -> Outcome:
        """Delete the device; gone is gone, whoever did it."""
        with suppress(NotFoundError):
            await self.delete(item, record)
        return Deleted(index, item, attempts=record.attempts)

    def stops(self, error: TagoError) -> bool:
        """Stop at what would meet every row."""
        return isinstance(error, _STOPS_ANY_RUN)
