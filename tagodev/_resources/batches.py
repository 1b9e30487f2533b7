"""Batches of items: request bodies within the service's limits."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from tagodev._serialization.converter import to_json
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from tagodev._bulk.run import Many

__all__ = ["MAX_BODY", "Batches", "one_body"]

T = TypeVar("T")

#: Bytes of a request's body (docs.tago.io: Sending data, "200 kB").
MAX_BODY: Final = 200_000


class Batches(Generic[T]):
    """Request bodies and the number of items in each, created on demand.

    Example:
        ``async for body, number in Batches(points, DataCreate, most=1000): ...``
    """

    def __init__(self, items: T | Many[T], cls: type[T], *, most: int) -> None:
        """Initialize the batches.

        Args:
            items: one item, or any iterable or async iterable, read on demand.
            cls: the type of an item.
            most: the most items in a body.
        """
        self._items = (items,) if isinstance(items, cls) else cast("Many[T]", items)
        self._cls = cls
        self._most = most

    async def __aiter__(self) -> AsyncGenerator[tuple[bytes, int], None]:
        parts: list[bytes] = []
        size = index = 0
        async with aclosing(_each(self._items)) as items:
            async for item in items:
                part = _encoded(item, self._cls, f"[{index}]")
                index += 1
                # Each item needs a comma or bracket besides itself, and the end one more bracket.
                if len(parts) == self._most or (parts and size + len(part) + 2 > MAX_BODY):
                    yield _joined(parts), len(parts)
                    parts, size = [], 0
                parts.append(part)
                size += len(part) + 1
        if parts:
            yield _joined(parts), len(parts)


def one_body(items: T | Iterable[T], cls: type[T], *, most: int, path: str) -> tuple[bytes, int]:
    """Return the one body that holds all items, and their number.

    Args:
        items: one item, or any iterable.
        cls: the type of an item.
        most: the most items in the body.
        path: the argument's name, for messages.

    Raises:
        InputError: there are none, or more than one request holds.
    """
    listed = (items,) if isinstance(items, cls) else cast("Iterable[T]", items)
    parts = [_encoded(item, cls, f"{path}[{index}]") for index, item in enumerate(listed)]
    if not 1 <= len(parts) <= most:
        raise InputError(f"{len(parts):,} items, but a request holds 1 to {most:,}", path=path)
    body = _joined(parts)
    if len(body) > MAX_BODY:
        raise InputError(
            f"{len(body):,} bytes, but a request holds at most {MAX_BODY:,}", path=path
        )
    return body, len(parts)


def _encoded(item: object, cls: type, path: str) -> bytes:
    if not isinstance(item, cls):
        raise InputError(f"must be a {cls.__name__}, not {type(item).__name__}", path=path)
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
