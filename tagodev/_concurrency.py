"""Helper for concurrent requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

__all__ = ["Progress", "for_each"]

#: Called with the name of what is read, the number read so far, and the total; None if unknown.
Progress: TypeAlias = Callable[[str, int, int | None], None]

T = TypeVar("T")

#: Number of concurrent calls; the scheduler enforces the rate limits in any case.
_WORKERS: Final = 16


async def for_each(function: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Call a function for each item, several concurrently; the first error cancels the rest.

    Args:
        function: called with each item.
        items: the items.

    Raises:
        TagoError: the first error of a call.
    """
    remaining = iter(items)

    async def worker() -> None:
        for item in remaining:
            await function(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(worker())
    except ExceptionGroup as errors:
        # All calls use the same service; the first error is representative.
        first = errors.exceptions[0]
    else:
        return
    raise first
