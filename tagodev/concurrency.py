"""Looking at many things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

__all__ = ["Progress", "each"]

#: Is told what is read, how much of it by now, and how much there is; None if nobody knows.
Progress: TypeAlias = Callable[[str, int, int | None], None]

T = TypeVar("T")

#: Requests at once; the scheduler keeps the limits, whatever their number.
_AT_ONCE: Final = 16


async def each(look: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    """Look at everything, several at a time; the first error ends it.

    Args:
        look: looks at one thing.
        things: what to look at.

    Raises:
        TagoError: what a look ended in.
    """
    waiting = iter(things)

    async def worker() -> None:
        for thing in waiting:
            await look(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(worker())
    except ExceptionGroup as errors:
        # All of them met the same service: the first says it.
        first = errors.exceptions[0]
    else:
        return
    raise first
