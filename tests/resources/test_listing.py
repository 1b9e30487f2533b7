"""Lists that page by themselves."""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import InputError
from tagodev._resources.listing import MAX_PAGE_SIZE, Listing, check_fields, check_order


class Pages:
    """A service that gives pages of numbered items, and notes what it was asked for."""

    def __init__(self, items: list[int]) -> None:
        self.items = items
        self.asked: list[tuple[int, int]] = []

    async def __call__(self, number: int, size: int) -> list[dict[str, int]]:
        """Give one page."""
        self.asked.append((number, size))
        return [{"id": item} for item in self.items[(number - 1) * size : number * size]]


def listing(pages: Any, size: int) -> Listing[dict[str, int]]:
    """Return the list of what a service gives."""
    return Listing(pages, size, key=itemgetter("id"))


async def ids(pages: Any, size: int) -> list[int]:
    """Return every id of a list."""
    return [item["id"] async for item in listing(pages, size)]


@given(total=st.integers(0, 50), size=st.integers(1, 12))
async def test_every_item_is_given_once_in_order(total: int, size: int) -> None:
    """Whatever the sizes, nothing is left out or doubled, and no page too many is asked for."""
    pages = Pages(list(range(total)))

    assert list(range(total)) == await ids(pages, size)
    assert [(number, size) for number in range(1, total // size + 2)] == pages.asked


async def test_nothing_is_asked_for_before_iteration() -> None:
    """A list that no one reads costs nothing."""
    pages = Pages([1])
    listing(pages, 10)

    assert [] == pages.asked


async def test_the_next_page_waits_until_this_one_is_used_up() -> None:
    """A caller that stops early pays for what was read."""
    pages = Pages(list(range(10)))
    async for item in listing(pages, 3):
        if item["id"] == 2:
            break

    assert [(1, 3)] == pages.asked


async def test_item_that_moves_is_given_once() -> None:
    """A device made while the list is read pushes others to the next page: none comes twice."""
    pages = Pages([2, 3, 4, 5])
    seen = []
    async for item in listing(pages, 2):
        seen.append(item["id"])
        if item["id"] == 3:
            pages.items.insert(0, 1)

    assert [2, 3, 4, 5] == seen


async def test_item_of_any_earlier_page_is_given_once() -> None:
    """Not only the page before: what the first page held is known on the third and the fourth."""
    pages = Pages([1, 2, 3, 4, 1, 5, 2, 6])

    assert [1, 2, 3, 4, 5, 6] == await ids(pages, 2)


async def test_item_twice_on_a_page_is_given_once() -> None:
    """Nor does one come twice from one page."""
    assert [1, 2] == await ids(Pages([1, 1, 2]), 10)


async def test_service_that_repeats_itself_ends() -> None:
    """A service that ignores the page number does not make an endless list."""
    asked = []

    async def always_the_same(number: int, size: int) -> list[dict[str, int]]:
        asked.append(number)
        return [{"id": item} for item in range(size)]

    assert [0, 1, 2] == await ids(always_the_same, 3)
    assert [1, 2] == asked


async def test_service_that_gives_more_than_asked_for() -> None:
    """A page that is larger than asked for is taken whole."""
    given_: list[list[int]] = [[1, 2, 3, 4, 5], [6]]

    async def generous(number: int, size: int) -> list[dict[str, int]]:
        return [{"id": item} for item in given_[number - 1]]

    assert [1, 2, 3, 4, 5, 6] == await ids(generous, 3)


async def test_a_list_may_be_read_again() -> None:
    """Each reading begins at the first page, and gives everything."""
    pages = Pages([1, 2, 3])
    twice = listing(pages, 2)

    assert [1, 2, 3] == [item["id"] async for item in twice]
    assert [1, 2, 3] == [item["id"] for item in await twice.collect()]


async def test_pages_are_given_as_they_are() -> None:
    """Pages can be iterated, and none is empty."""
    pages = Pages([1, 2, 3, 4])

    assert [2, 2] == [len(page) async for page in listing(pages, 2).pages()]
    assert [] == [page async for page in listing(Pages([]), 2).pages()]


@pytest.mark.parametrize(("expected", "limit"), [(0, 0), (1, 1), (4, 4), (7, 7), (7, 8), (7, None)])
async def test_collect(expected: int, limit: int | None) -> None:
    """All items, or the first so many."""
    assert expected == len(await listing(Pages(list(range(7))), 3).collect(limit))


@pytest.mark.parametrize(
    ("asked", "limit"),
    [
        ([], 0),
        ([(1, 1)], 1),
        ([(1, 3)], 3),
        ([(1, 2), (2, 2)], 4),
        ([(1, 3), (2, 3)], 5),
        ([(1, 3), (2, 3), (3, 3)], 9),
    ],
)
async def test_collect_asks_for_no_more_than_it_needs(
    asked: list[tuple[int, int]], limit: int
) -> None:
    """What is not wanted is not fetched, and what is wanted comes in as few pages as hold it."""
    pages = Pages(list(range(20)))
    await listing(pages, 3).collect(limit)

    assert asked == pages.asked


async def test_collect_goes_on_where_an_item_came_twice() -> None:
    """So many items are so many different ones."""
    pages = Pages([1, 1, 2, 3])

    assert [1, 2] == [item["id"] for item in await listing(pages, 10).collect(2)]


async def test_collect_of_less_than_none_is_refused() -> None:
    """A limit below 0 is a mistake, not the end of the list."""
    with pytest.raises(InputError) as caught:
        await listing(Pages([1]), 3).collect(-1)

    assert "limit" == caught.value.path


@pytest.mark.parametrize("total", [999, 1000, 1001, 2000, 2500])
async def test_page_that_the_service_cuts_is_not_the_last(total: int) -> None:
    """Where the service gives no more than a thousand a page, nothing is left out."""
    pages = Pages(list(range(total)))

    async def cut(number: int, size: int) -> list[dict[str, int]]:
        return await pages(number, min(size, 1000))

    assert list(range(total)) == await ids(cut, 10_000)


@pytest.mark.parametrize(("asked", "total"), [(1, 999), (2, 1000), (1, 1001), (1, 4321), (2, 3000)])
async def test_large_page_that_is_not_cut_costs_one_request(asked: int, total: int) -> None:
    """Only a round thousand leaves a doubt."""
    pages = Pages(list(range(total)))

    assert list(range(total)) == await ids(pages, 10_000)
    assert asked == len(pages.asked)


async def test_first_asks_for_one() -> None:
    """The first item costs one small page; of none there is none."""
    pages = Pages([7, 8])

    assert {"id": 7} == await listing(pages, 1000).first()
    assert [(1, 1)] == pages.asked
    assert await listing(Pages([]), 1000).first() is None


@pytest.mark.parametrize("size", [0, -1, MAX_PAGE_SIZE + 1])
def test_odd_page_sizes_are_refused(size: int) -> None:
    """From one to ten thousand items a page."""
    with pytest.raises(InputError) as caught:
        listing(Pages([]), size)

    assert "page_size" == caught.value.path


@pytest.mark.parametrize("size", [1, MAX_PAGE_SIZE])
def test_page_sizes_at_the_bounds(size: int) -> None:
    """Both bounds are taken."""
    assert size == listing(Pages([]), size)._page_size


@pytest.mark.parametrize("order", ["name,asc", "created_at,desc"])
def test_orders(order: str) -> None:
    """A field and a direction."""
    assert order == check_order(order)


@pytest.mark.parametrize(
    "order", ["", "name", "name,", ",asc", "name,ASC", "Name,asc", "name asc", "name,asc,", None, 5]
)
def test_odd_orders_are_refused(order: Any) -> None:
    """The service reads lower case only, and a field alone not everywhere."""
    with pytest.raises(InputError) as caught:
        check_order(order)

    assert "order_by" == caught.value.path


def test_fields_are_named_once_the_needed_ones_first() -> None:
    """An item always has what makes it one."""
    assert ("id", "name", "tags") == check_fields(("id", "name"), ["tags", "name", "tags"])


@pytest.mark.parametrize("fields", ["name", [f"f{n}" for n in range(20)]])
def test_odd_fields_are_refused(fields: Any) -> None:
    """One text is no list, and a query holds twenty."""
    with pytest.raises(InputError) as caught:
        check_fields(("id",), fields)

    assert "fields" == caught.value.path


def test_twenty_fields_have_room() -> None:
    """The bound itself is taken."""
    assert 20 == len(check_fields(("id",), [f"f{n}" for n in range(19)]))


# --- complete readings ---------------------------------------------------------------------------


class Changing(Pages):
    """A service, oldest item first, on which items are deleted and created between two pages."""

    def __init__(self, total: int, changes: list[tuple[list[int], int]]) -> None:
        super().__init__(list(range(total)))
        self._changes = iter(changes)
        self._next = total
        self.throughout = set(self.items)

    async def __call__(self, number: int, size: int) -> list[dict[str, int]]:
        """Give one page; then something changes."""
        page = await super().__call__(number, size)
        deleted, created = next(self._changes, ([], 0))
        for place in deleted:
            if self.items:
                self.throughout.discard(self.items.pop(place % len(self.items)))
        self.items += range(self._next, self._next + created)
        self._next += created
        return page


_CHANGES = st.lists(
    st.tuples(st.lists(st.integers(0, 100), max_size=6), st.integers(0, 4)), max_size=30
)


@given(total=st.integers(0, 60), size=st.integers(1, 9), changes=_CHANGES)
async def test_complete_reading_hides_nothing(
    total: int, size: int, changes: list[tuple[list[int], int]]
) -> None:
    """Every item that existed throughout is returned, once, the oldest first."""
    # With a page of one item, creations could go on before the reading for ever.
    pages = Changing(total, [(deleted, min(created, size - 1)) for deleted, created in changes])
    found = [item["id"] for item in await listing(pages, size).complete()]

    assert sorted(pages.throughout) == [item for item in found if item in pages.throughout]
    assert len(set(found)) == len(found)
    forward = max(number for number, _ in pages.asked)
    assert max(2 * forward - 1, 1) == len(pages.asked)


def test_plain_reading_hides_an_item() -> None:
    """What the complete reading is for: an item moves to a page that was read already."""
    pages = Changing(6, [([0], 0)])

    assert [0, 1, 2, 4, 5] == asyncio.run(ids(pages, 3))


@pytest.mark.parametrize(
    ("asked", "total"),
    [([1], 0), ([1], 2), ([1, 2, 1], 3), ([1, 2, 1], 5), ([1, 2, 3, 4, 3, 2, 1], 10)],
)
async def test_complete_reading_asks_for_no_more_than_it_needs(
    asked: list[int], total: int
) -> None:
    """One page costs one request, n pages 2n - 1."""
    pages = Pages(list(range(total)))

    assert list(range(total)) == [item["id"] for item in await listing(pages, 3).complete()]
    assert asked == [number for number, _ in pages.asked]


async def test_complete_reading_keeps_the_newest_reading() -> None:
    """A device that was edited between two readings of its page is returned as it is now."""
    readings = 0

    async def editing(number: int, size: int) -> list[dict[str, int]]:
        nonlocal readings
        readings += 1
        items = [{"id": item, "reading": readings} for item in range(4)]
        return items[(number - 1) * size : number * size]

    found = await listing(editing, 3).complete()

    assert [(0, 3), (1, 3), (2, 3), (3, 2)] == [(one["id"], one["reading"]) for one in found]


async def test_complete_reading_drops_what_was_deleted() -> None:
    """An item of an earlier page that the second reading does not hold was deleted."""
    pages = Changing(7, [([], 0), ([1], 0), ([], 0)])

    assert [0, 2, 3, 4, 5, 6] == [item["id"] for item in await listing(pages, 3).complete()]


@pytest.mark.parametrize(("asked", "total"), [(5, 2500), (1, 999), (3, 1000)])
async def test_complete_reading_of_pages_that_the_service_cuts(asked: int, total: int) -> None:
    """The size to which the first page was cut is that of every page."""
    pages = Pages(list(range(total)))

    async def cut(number: int, size: int) -> list[dict[str, int]]:
        return await pages(number, min(size, 1000))

    assert list(range(total)) == [item["id"] for item in await listing(cut, 10_000).complete()]
    assert asked == len(pages.asked)


async def test_complete_reading_of_a_service_that_repeats_itself() -> None:
    """A service that ignores the page number does not make an endless list."""

    async def always_the_same(number: int, size: int) -> list[dict[str, int]]:
        return [{"id": item} for item in range(size)]

    found = await listing(always_the_same, 3).complete()

    assert [0, 1, 2] == [item["id"] for item in found]


async def test_complete_reading_reports_its_progress() -> None:
    """After each page the number of items that are known so far."""
    reported: list[int] = []
    await listing(Changing(7, [([0], 0)]), 3).complete(reported.append)

    assert [3, 6, 6, 6, 7] == reported
