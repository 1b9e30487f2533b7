"""What became of one row of a bulk run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

if TYPE_CHECKING:
    from tagodev.errors import TagoError
    from tagodev.models import DeviceCreate, DeviceCreated

__all__ = ["Created", "Deleted", "Failed", "InDoubt", "Outcome", "Pending"]


@attrs.frozen
class Created:
    """The device was made."""

    index: int
    """Which row, from 0."""
    item: DeviceCreate
    """The row itself."""
    result: DeviceCreated = attrs.field(kw_only=True)
    """Its id and token."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for budget do not count."""


@attrs.frozen
class Deleted:
    """The device is gone."""

    index: int
    """Which row, from 0."""
    item: str
    """The device's id."""
    attempts: int = attrs.field(kw_only=True)
    """How often it was sent; waits for budget do not count."""


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


Outcome: TypeAlias = Created | Deleted | Failed | InDoubt | Pending
