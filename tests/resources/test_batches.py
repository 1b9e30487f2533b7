"""Many items in few requests: nothing is lost, nothing too large, nothing wasted."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import DataCreate, InputError
from tagodev._resources import batches
from tagodev._resources.batches import MAX_BODY, Batches, one_body
from tagodev._serialization.converter import from_json

#: What a register takes besides its value.
AROUND = len(b'{"variable":"v","value":""}')


def sized(size: int) -> DataCreate:
    """Return a register of so many bytes."""
    return DataCreate("v", "x" * (size - AROUND))


async def packed(items: Any, most: int = 1000) -> list[tuple[bytes, int]]:
    """Return all bodies, each with its number of items."""
    return [batch async for batch in Batches(items, DataCreate, most=most)]


@given(
    sizes=st.lists(st.integers(AROUND, 120), max_size=30),
    bound=st.integers(122, 200),
    most=st.integers(1, 6),
)
async def test_bodies_are_as_full_as_they_may_be(sizes: list[int], bound: int, most: int) -> None:
    """All items in their order; no body beyond either bound; none that could take one more."""
    items = [sized(size) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MAX_BODY", bound)
        found = await packed(items, most)
    bodies = [orjson.loads(body) for body, _ in found]

    assert [item.value for item in items] == [one["value"] for body in bodies for one in body]
    assert [len(body) for body in bodies] == [number for _, number in found]
    assert all(len(body) <= bound and number <= most for body, number in found)
    for (body, number), following in zip(found, bodies[1:], strict=False):
        assert number == most or len(body) + 1 + len(orjson.dumps(following[0])) > bound


async def test_a_body_that_is_exactly_full() -> None:
    """The bound itself is taken, a byte more makes two."""
    ((body, number),) = await packed([sized(1000)] * 199 + [sized(799)])

    assert (MAX_BODY, 200) == (len(body), number)
    assert [199, 1] == [number for _, number in await packed([sized(1000)] * 199 + [sized(800)])]


def test_one_body_that_is_exactly_full() -> None:
    """As many items and bytes as a request holds are taken; one more of either is refused."""
    full = [sized(1000)] * 199 + [sized(799)]
    body, number = one_body(full, DataCreate, most=200, path="points")

    assert (MAX_BODY, 200) == (len(body), number)
    assert full == from_json(body, list[DataCreate])
    with pytest.raises(InputError, match="200,001 bytes") as caught:
        one_body([*full[:-1], sized(800)], DataCreate, most=200, path="points")
    assert "points" == caught.value.path
    with pytest.raises(InputError, match="200 items"):
        one_body(full, DataCreate, most=199, path="points")


async def test_an_item_by_itself() -> None:
    """One is as good as a list of it."""
    assert await packed(sized(50)) == await packed([sized(50)])
    assert [] == await packed([])


async def test_batches_may_be_read_again() -> None:
    """A list gives the same bodies each time."""
    twice = Batches([sized(50)], DataCreate, most=1)

    assert [1] == [number async for _, number in twice]
    assert [1] == [number async for _, number in twice]


async def test_items_of_another_kind_are_told_by_their_place() -> None:
    """Whatever has no place in a body is not sent in one."""
    with pytest.raises(InputError) as caught:
        await packed([sized(50), sized(50), 5])

    assert "[2]" == caught.value.path
