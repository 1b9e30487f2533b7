"""Many items in few requests: packed into bodies that the service takes."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from tagodev.errors import InputError
from tagodev.serde import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tagodev.bulk.runner import Many

__all__ = ["MAX_BODY", "Batches"]

T = TypeVar("T")

#: Bytes of a request's body (docs.tago.io: Sending data, "200 kB").
MAX_BODY: Final = 200_000


class Batches(Generic[T]):
    """Bodies and how many items each holds, packed as they are asked for.

    Example:
        ``async for body, number in Batches(points, DataCreate, most=1000): ...``
    """

    def __init__(self, items: T | Many[T], cls: type[T], *, most: int) -> None:
        """Wrap the items.

        Args:
            items: one, or any iterable or async iterable, read as it is needed.
            cls: what an item is.
            most: items a body holds at most.
        """
        self._items = (items,) if isinstance(items, cls) else cast("Many[T]", items)
        self._cls = cls
        self._most = most

    async def __aiter__(self) -> AsyncGenerator[tuple[bytes, int], None]:
        parts: list[bytes] = []
        size = index = 0
        async with aclosing(_each(self._items)) as items:
            async for item in items:
                part = self._encoded(item, index)
                index += 1
                # Each part takes a comma or a bracket besides itself, and the end a bracket more.
                if len(parts) == self._most or (parts and size + len(part) + 2 > MAX_BODY):
                    yield _joined(parts), len(parts)
                    parts, size = [], 0
                parts.append(part)
                size += len(part) + 1
        if parts:
            yield _joined(parts), len(parts)

    def _encoded(self, item: object, index: int) -> bytes:
        if not isinstance(item, self._cls):
            raise InputError(
                f"must be a {self._cls.__name__}, not {type(item).__name__}", path=f"[{index}]"
            )
        return to_json(item)


async def _each(items: Many[T]) -> AsyncGenerator[T, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _joined(parts: list[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
