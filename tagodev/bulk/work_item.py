"""A row of a bulk run, while it is in work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from tagodev.bulk.operations.identity import Found
    from tagodev.session import CallRecord

__all__ = ["WorkItem"]

Item = TypeVar("Item")


async def _keep_nothing(_: bytes) -> None:
    """Keep no progress: without a journal nobody could go on from there."""


@attrs.define(eq=False)
class WorkItem(Generic[Item]):
    """A row, and what has become of it so far."""

    index: int
    """Which row, from 0."""
    item: Item
    """What the caller gave."""
    record: CallRecord = attrs.field(kw_only=True)
    """How its requests go, and how often they went."""
    run: str = attrs.field(default="", kw_only=True)
    """Name of its journalled run; empty without a journal."""
    since: float | None = attrs.field(default=None, kw_only=True)
    """When its request was first about to leave, in seconds of the service's clock; None if that
    is not known."""
    progress: bytes | None = attrs.field(default=None, kw_only=True)
    """What an operation of several steps has done so far, as JSON."""
    keep: Callable[[bytes], Awaitable[None]] = attrs.field(default=_keep_nothing, kw_only=True)
    """Keeps progress; it is durable when that returns."""
    found: Found | None = attrs.field(default=None, kw_only=True)
    """What a lost answer was about, once it has been looked up."""
    rounds: int = attrs.field(default=0, kw_only=True)
    """How often it was looked up."""
    worker: asyncio.Task[None] | None = attrs.field(default=None, kw_only=True)
    """Who works on it."""
    taken_back: bool = attrs.field(default=False, kw_only=True)
    """Whether a stop of the run has ended its wait."""

    @property
    def in_doubt(self) -> bool:
        """Whether the service may have acted on an attempt whose answer is not known."""
        return self.record.in_doubt
