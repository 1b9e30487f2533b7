"""Outcomes of a bulk run's items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

if TYPE_CHECKING:
    from tagodev.errors import TagoError
    from tagodev.models import DeviceCreate, DeviceCreated, TokenCreated

__all__ = [
    "Applied",
    "Created",
    "DataSent",
    "Deleted",
    "Done",
    "Edited",
    "Failed",
    "InDoubt",
    "Outcome",
    "ParametersSet",
    "Pending",
    "Rotated",
    "TokenIssued",
]


@attrs.frozen
class Done:
    """The item was done; each operation has its own subclass."""

    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for a permit do not count."""


@attrs.frozen
class Created(Done):
    """The device was created."""

    item: DeviceCreate
    """The item."""
    result: DeviceCreated = attrs.field(kw_only=True)
    """Its id and token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the device was found on the service afterwards."""


@attrs.frozen
class Edited(Done):
    """The device was edited."""


@attrs.frozen
class Deleted(Done):
    """The device was deleted."""

    item: str
    """The device's id."""


@attrs.frozen
class TokenIssued(Done):
    """A token was created."""

    result: TokenCreated = attrs.field(kw_only=True)
    """The token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the token was found on the service afterwards."""


@attrs.frozen
class Rotated(Done):
    """The device has a new token, and the old one was deleted."""

    result: TokenCreated = attrs.field(kw_only=True)
    """The new token."""


@attrs.frozen
class ParametersSet(Done):
    """The device's configuration parameters were set."""


@attrs.frozen
class DataSent(Done):
    """The data was sent."""


@attrs.frozen
class Applied(Done):
    """A step of an apply was done."""

    result: DeviceCreated | None = attrs.field(default=None, kw_only=True)
    """Id and token of the device, if it was created."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the device was found on the service afterwards."""


@attrs.frozen
class Failed:
    """The service refused the item, and changed nothing."""

    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    error: TagoError = attrs.field(kw_only=True)
    """The error."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for a permit do not count."""


@attrs.frozen
class InDoubt:
    """The item was sent and its answer was lost: the service may have acted on it."""

    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    error: TagoError = attrs.field(kw_only=True)
    """The error."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for a permit do not count."""


@attrs.frozen
class Pending:
    """The run stopped before the item was sent: the service has not acted on it."""

    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    attempts: int = attrs.field(default=0, kw_only=True)
    """Attempts that did not reach the service."""


Outcome: TypeAlias = Done | Failed | InDoubt | Pending
