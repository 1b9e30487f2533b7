"""Outcomes of a bulk run's items; each has a status, which results and summaries show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import attrs

if TYPE_CHECKING:
    from tagodev._models import DeviceCreate, DeviceCreated, TokenCreated
    from tagodev.errors import TagoError

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

    status: ClassVar[str] = "done"
    """The status of the item: a word for results and summaries."""
    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for a permit do not count."""


@attrs.frozen
class Created(Done):
    """The device was created."""

    status: ClassVar[str] = "created"
    """The status of the item."""
    item: DeviceCreate
    """The item."""
    result: DeviceCreated = attrs.field(kw_only=True)
    """Its id and token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the device was found on the service afterwards."""


@attrs.frozen
class Edited(Done):
    """The device was edited."""

    status: ClassVar[str] = "edited"
    """The status of the item."""


@attrs.frozen
class Deleted(Done):
    """The device was deleted."""

    status: ClassVar[str] = "deleted"
    """The status of the item."""
    item: str
    """The device's id."""


@attrs.frozen
class TokenIssued(Done):
    """A token was created."""

    status: ClassVar[str] = "issued"
    """The status of the item."""
    result: TokenCreated = attrs.field(kw_only=True)
    """The token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the token was found on the service afterwards."""


@attrs.frozen
class Rotated(Done):
    """The device has a new token, and the old one was deleted."""

    status: ClassVar[str] = "rotated"
    """The status of the item."""
    result: TokenCreated = attrs.field(kw_only=True)
    """The new token."""


@attrs.frozen
class ParametersSet(Done):
    """The device's configuration parameters were set."""

    status: ClassVar[str] = "set"
    """The status of the item."""


@attrs.frozen
class DataSent(Done):
    """The data was sent."""

    status: ClassVar[str] = "sent"
    """The status of the item."""


@attrs.frozen
class Applied(Done):
    """A step of an apply was done."""

    status: ClassVar[str] = "applied"
    """The status of the item."""
    result: DeviceCreated | None = attrs.field(default=None, kw_only=True)
    """Id and token of the device, if it was created."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and the device was found on the service afterwards."""


@attrs.frozen
class _NotDone:
    """The item was not done, because of an error."""

    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    error: TagoError = attrs.field(kw_only=True)
    """The error."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for a permit do not count."""


@attrs.frozen
class Failed(_NotDone):
    """The service refused the item, and changed nothing."""

    status: ClassVar[str] = "failed"
    """The status of the item."""


@attrs.frozen
class InDoubt(_NotDone):
    """The item was sent and its answer was lost: the service may have acted on it."""

    status: ClassVar[str] = "in_doubt"
    """The status of the item."""


@attrs.frozen
class Pending:
    """The run stopped before the item was sent: the service has not acted on it."""

    status: ClassVar[str] = "pending"
    """The status of the item."""
    index: int
    """The index of the item, from 0."""
    item: Any
    """The item."""
    attempts: int = attrs.field(default=0, kw_only=True)
    """Attempts that did not reach the service."""


Outcome: TypeAlias = Done | Failed | InDoubt | Pending
