"""Listings: lists that request their pages on demand.

The service does not return the number of items: a page that is shorter than requested is the last.
The service may cut large pages: sources agree on 1,000 items per page and on no more, so if a first
page has exactly so many thousand items, and more were requested, the list continues with pages of
that size.

Pages are cut by position, not from a snapshot: if an item of an earlier page is deleted between two
requests, the first item of the next page moves to a page that was read already, and is missed.
`Listing.complete` avoids this by reading every page but the last a second time, from the last to
the first.
In the order of creation (``created_at,asc``) the position of an item never grows, since deletions
lower it and creations come at the end; so an item that leaves a page before that page is read the
second time is on one that is read later.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from tagodev._query import MAX_LIST_ITEMS, encode_query
from tagodev._retry import Safety
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev._transport import Request
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping

    from tagodev._limits.routes import Route
    from tagodev._session import CallOptions, Session

__all__ = [
    "MAX_PAGE_SIZE",
    "PAGE_SIZE",
    "Listing",
    "check_fields",
    "check_order",
    "field_names",
    "page_fetcher",
]

#: Items per page. The limit of lists is the lowest (50 to 500 requests a minute), so pages are as
#: large as every source agrees the service allows.
PAGE_SIZE: Final = 1000
#: The size to which the service cuts a page, by the official tools' use of it.
MAX_PAGE_SIZE: Final = 10_000
_ORDER: Final = re.compile(r"[a-z_]+,(?:asc|desc)")


T = TypeVar("T")


@strict
class Listing(Generic[T]):
    """All items of a list, page by page, each once.

    A page is requested when the one before it is used up.
    An item that moves to a later page while the list is read is not returned twice.

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
        """Initialize the listing.

        Args:
            fetch: returns a page by its number, from 1, and size.
            page_size: items per page.
            key: returns the identity of an item: its id.
        """
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InputError(
                f"must be from 1 to {MAX_PAGE_SIZE}, not {page_size}", path="page_size"
            )
        self._key = key
        self._fetch = fetch
        self._page_size = page_size

    async def pages(self) -> AsyncIterator[list[T]]:
        """Yield each page's items, without those of an earlier page.

        Example:
            ```python
            async for page in tago.devices.list().pages():
                print(len(page))
            ```
        """
        async for _, _, fresh in self._forward(self._page_size):
            if fresh:
                yield list(fresh.values())

    async def _forward(self, size: int) -> AsyncIterator[tuple[int, int, dict[Hashable, T]]]:
        """Yield number and size of each page, with its items that no earlier page had."""
        seen: set[Hashable] = set()
        number = 1
        while True:
            page = await self._fetch(number, size)
            fresh = {self._key(item): item for item in page}
            for key in seen & fresh.keys():
                del fresh[key]
            seen.update(fresh)
            yield number, size, fresh
            # A page without anything new means that the service repeats itself: there is no more.
            if not fresh:
                return
            if len(page) < size:
                if number > 1 or len(page) % PAGE_SIZE:
                    return
                size = len(page)
            number += 1

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page:
                yield item

    async def first(self) -> T | None:
        """Return the first item, or None if there is none.

        Example:
            ```python
            device = await tago.devices.list(order_by="created_at,desc").first()
            ```
        """
        page = await self._fetch(1, 1)
        return page[0] if page else None

    async def complete(self, on_items: Callable[[int], None] | None = None) -> list[T]:
        """Return all items; a deletion while the list is read makes it miss none of them.

        The list must be in the order of creation, the oldest item first
        (``order_by="created_at,asc"``).
        A list of one page takes one request, one of n pages 2n - 1.
        An item that was created or deleted while the list was read may be missing; every other
        item is returned once, as it was last read.

        Args:
            on_items: called after each page with the number of items known so far.

        Example:
            ```python
            devices = await tago.devices.list(order_by="created_at,asc").complete()
            ```
        """
        if on_items is not None and not callable(on_items):
            raise InputError("must be a function", path="on_items")
        known: set[Hashable] = set()
        number, size = 1, self._page_size
        items: dict[Hashable, T] = {}

        def report(keys: Iterable[Hashable]) -> None:
            known.update(keys)
            if on_items is not None:
                on_items(len(known))

        # Of the first reading only the last page is kept: items of an earlier page are either read
        # again below, or were deleted meanwhile.
        async for number, size, items in self._forward(self._page_size):  # noqa: B007 - used below
            report(items)
        pages = [items]
        for earlier in range(number - 1, 0, -1):
            page = {self._key(item): item for item in await self._fetch(earlier, size)}
            report(page)
            pages.append(page)
        # The oldest first; of an item on two pages, the lower page has the newer reading.
        items = {}
        for page in reversed(pages):
            for key, item in page.items():
                items.setdefault(key, item)
        return list(items.values())

    async def collect(self, limit: int | None = None) -> list[T]:
        """Return all items, or the first `limit`.

        Args:
            limit: the most items, 0 or more; None for all. No more than that are requested.

        Example:
            ```python
            devices = await tago.devices.list().collect(100)
            ```
        """
        if limit is None:
            return [item async for item in self]
        if limit < 0:
            raise InputError(f"must be 0 or more, not {limit}", path="limit")
        items: list[T] = []
        if limit > 0:
            pages = -(-limit // self._page_size)
            async for _, _, fresh in self._forward(-(-limit // pages)):
                items += fresh.values()
                if len(items) >= limit:
                    break
        return items[:limit]


def page_fetcher(
    session: Session,
    route: Route,
    page_type: type[list[T]],
    options: CallOptions,
    *,
    ids: tuple[str, ...] = (),
    parameters: Mapping[str, Any],
) -> Callable[[int, int], Awaitable[list[T]]]:
    """Return a function that requests one page for a `Listing`.

    Args:
        session: the session that sends requests.
        route: the route of the list.
        page_type: the type of a page: ``list[Device]``.
        options: the options of each page's call.
        ids: values of the route's placeholders.
        parameters: the query, without page and size.
    """
    path = route.path(*ids)

    async def fetch(number: int, size: int) -> list[T]:
        query = encode_query({"page": number, "amount": size, **parameters})
        request = Request(route=route, path=f"{path}?{query}", safety=Safety.READ)
        return await session.call(request, page_type, CallRecord.of(options))

    return fetch


def field_names(model: type, *without: str) -> tuple[str, ...]:
    """Return the names of a model's fields that a query can request, in their order.

    Args:
        model: the model.
        without: fields that no query requests.
    """
    return tuple(name for name in attrs.fields_dict(model) if name not in {"extra", *without})


def check_fields(always: Iterable[str], fields: Iterable[str]) -> tuple[str, ...]:
    """Return the fields to request, each once, with the required ones first.

    Raises:
        InputError: there are more than a query can hold, or the names are not a list.
    """
    if isinstance(fields, str):
        raise InputError("must be a list of names, not one text", path="fields")
    chosen = tuple(dict.fromkeys((*always, *fields)))
    if not all(isinstance(field, str) for field in chosen):
        # Bytes are iterable too: as numbers.
        raise InputError("must be a list of names, each text", path="fields")
    if len(chosen) > MAX_LIST_ITEMS:
        raise InputError(
            f"{len(chosen)} fields, but a query holds at most {MAX_LIST_ITEMS}", path="fields"
        )
    return chosen


def check_order(order_by: str) -> str:
    """Return an order in the service's format.

    Raises:
        InputError: it is not a field and a direction, in lower case.
    """
    if not isinstance(order_by, str) or not _ORDER.fullmatch(order_by):
        raise InputError(
            f"must be a field and asc or desc, in lower case, not {order_by!r}",
            path="order_by",
            hint='Write "name,asc"',
        )
    return order_by
