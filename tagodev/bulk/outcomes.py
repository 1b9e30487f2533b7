"""What became of one row of a bulk run."""

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
    """The row was done; each operation has its own kind."""

    index: int
    """Which row, from 0."""
    item: Any
    """The row itself."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for budget do not count."""


@attrs.frozen
class Created(Done):
    """The device was made."""

    item: DeviceCreate
    """The row itself."""
    result: DeviceCreated = attrs.field(kw_only=True)
    """Its id and token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and it was found on the service afterwards."""


@attrs.frozen
class Edited(Done):
    """The device was changed."""


@attrs.frozen
class Deleted(Done):
    """The device is gone."""

    item: str
    """The device's id."""


@attrs.frozen
class TokenIssued(Done):
    """A token was made."""

    result: TokenCreated = attrs.field(kw_only=True)
    """The token."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and it was found on the service afterwards."""


@attrs.frozen
class Rotated(Done):
    """The device has a new token, and the old one is gone."""

    result: TokenCreated = attrs.field(kw_only=True)
    """The new token."""


@attrs.frozen
class ParametersSet(Done):
    """The device's configuration parameters are as asked for."""


@attrs.frozen
class DataSent(Done):
    """The data was sent."""


@attrs.frozen
class Applied(Done):
    """A step towards what a file says was done."""

    result: DeviceCreated | None = attrs.field(default=None, kw_only=True)
    """Id and token of the device, where it was made."""
    adopted: bool = attrs.field(default=False, kw_only=True)
    """Whether its answer was lost, and it was found on the service afterwards."""


@attrs.frozen
class Failed:
    """The service refused the row, and did nothing."""

    index: int
    """Which row, from 0."""
    item: Any
    """The row itself."""
    error: TagoError = attrs.field(kw_only=True)
    """Why."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for budget do not count."""


@attrs.frozen
class InDoubt:
    """The row was sent and its answer never came: the service may have acted on it or not."""

    index: int
    """Which row, from 0."""
    item: Any
    """The row itself."""
    error: TagoError = attrs.field(kw_only=True)
    """What happened."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for budget do not count."""


@attrs.frozen
class Pending:
    """The run stopped before the row was sent: nothing happened to it."""

    index: int
    """Which row, from 0."""
    item: Any
    """The row itself."""
    attempts: int = attrs.field(default=0, kw_only=True)
    """Attempts that provably never reached the service."""


Outcome: TypeAlias = Done | Failed | InDoubt | Pending
