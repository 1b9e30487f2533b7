"""A work item: an item of a bulk run while it is in work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from tagodev._bulk.operations.identity import Found
    from tagodev._session import CallRecord

__all__ = ["WorkItem"]

Item = TypeVar("Item")


async def _discard(_: bytes) -> None:
    """Discard progress: without a journal the item can't be resumed."""


@attrs.define(eq=False)
class WorkItem(Generic[Item]):
    """An item, and its state so far."""

    index: int
    """The index of the item, from 0."""
    item: Item
    """The caller's item."""
    record: CallRecord = attrs.field(kw_only=True)
    """The record of its requests."""
    run: str = attrs.field(default="", kw_only=True)
    """The id of its journalled run; empty without a journal."""
    since: float | None = attrs.field(default=None, kw_only=True)
    """When its request was first about to be sent, in seconds of the service's clock; None if that
    is not known.
    """
    progress: bytes | None = attrs.field(default=None, kw_only=True)
    """The steps done so far of an operation with several, as JSON."""
    save_progress: Callable[[bytes], Awaitable[None]] = attrs.field(default=_discard, kw_only=True)
    """Stores progress; it is durable on return."""
    found: Found | None = attrs.field(default=None, kw_only=True)
    """The result of the search after a lost answer."""
    rounds: int = attrs.field(default=0, kw_only=True)
    """How often it was looked up."""
    worker: asyncio.Task[None] | None = attrs.field(default=None, kw_only=True)
    """The task that works on it."""
    withdrawn: bool = attrs.field(default=False, kw_only=True)
    """Whether a stop of the run ended its wait."""

    @property
    def in_doubt(self) -> bool:
        """Whether the service may have acted on an attempt whose answer is not known."""
        return self.record.in_doubt
