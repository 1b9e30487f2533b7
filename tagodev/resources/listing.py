"""Lists that page by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

__all__ = ["MAX_PAGE_SIZE", "PAGE_SIZE", "Listing"]

#: Items a page. Listing is the tightest of the limits (50 to 500 requests a minute), so pages are
#: as large as every source agrees the service allows.
PAGE_SIZE: Final = 1000
#: What the service cuts a page to, by the official tools' own use of it.
MAX_PAGE_SIZE: Final = 10_000


T = TypeVar("T")


class Listing(Generic[T]):
    """All items of a list, page by page, each once.

    A page is asked for when the one before it is used up, from page 1 to the first short one.
    An item that moves to a later page while the list is read is not given twice.

    Example:
        ``async for device in tago.devices.list(): ...``
    """

    def __init__(
        self,
        fetch: Callable[[int, int], Awaitable[list[T]]],
        page_size: int,
        *,
        key: Callable[[T], Hashable],
    ) -> None:
        """Wrap a way to get one page.

        Args:
            fetch: gets a page by its number, from 1, and size.
            page_size: items a page.
            key: what makes an item itself: its id.
        """
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InputError(
                f"must be from 1 to {MAX_PAGE_SIZE}, not {page_size}", path="page_size"
            )
        self._key = key
        self._fetch = fetch
        self._page_size = page_size

    async def pages(self) -> AsyncIterator[list[T]]:
        """Yield each page's items, without those that an earlier page held."""
        seen: set[Hashable] = set()
        number = 1
        while True:
            page = await self._fetch(number, self._page_size)
            fresh = {self._key(item): item for item in page}
            for key in seen & fresh.keys():
                del fresh[key]
            seen.update(fresh)
            if fresh:
                yield list(fresh.values())
            # A page without anything new is the service repeating itself: there is no more.
            if len(page) < self._page_size or not fresh:
                return
            number += 1

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page:
                yield item

    async def first(self) -> T | None:
        """Return the first item, or None if there is none."""
        page = await self._fetch(1, 1)
        return page[0] if page else None

    async def collect(self, limit: int | None = None) -> list[T]:
        """Return all items, or the first so many.

        Args:
            limit: how many at most; None for all.
        """
        items: list[T] = []
        async for page in self.pages():
            items += page
            if limit is not None and len(items) >= limit:
                return items[:limit]
        return items
