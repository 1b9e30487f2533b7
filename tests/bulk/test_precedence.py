"""Which items may be in work beside which others."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tagodev._bulk.precedence import Precedence
from tagodev._bulk.work_item import WorkItem
from tagodev._session import CallRecord
from tests.bulk.working import Work


class Steps(Work):
    """Items are pairs of a phase and a resource."""

    def phase(self, item: Any) -> int:
        """Return the first."""
        phase: int = item[0]
        return phase

    def resource(self, item: Any) -> str | None:
        """Return the second."""
        resource: str | None = item[1]
        return resource


def steps(*items: tuple[int, str | None]) -> list[WorkItem[Any]]:
    """Return rows of these items."""
    return [WorkItem(index, item, record=CallRecord()) for index, item in enumerate(items)]


def test_items_of_one_resource_follow_each_other() -> None:
    """Others do not wait for them."""
    precedence = Precedence(Steps())
    rows = steps((0, "a"), (0, "a"), (0, "b"), (0, "a"), (0, None), (0, None))

    assert [True, False, True, False, True, True] == [precedence.add(row) for row in rows]
    assert 2 == precedence.waiting
    assert precedence.end(rows[2]) is None
    assert precedence.end(rows[0]) is rows[1]
    assert precedence.end(rows[1]) is rows[3]
    assert precedence.end(rows[3]) is None
    assert 0 == precedence.waiting
    assert precedence.add(rows[0])


def test_a_later_phase_waits_for_the_earlier_ones() -> None:
    """An earlier phase does not wait for a later one."""
    precedence = Precedence(Steps())
    rows = steps((1, None), (0, None), (0, "a"), (2, None))

    assert precedence.allows(rows[0].item)
    for row in rows[:3]:
        assert precedence.add(row)
    assert not precedence.allows(rows[3].item)
    assert not precedence.allows(rows[0].item)
    assert precedence.allows(rows[1].item)
    precedence.end(rows[1])
    assert not precedence.allows(rows[0].item)
    precedence.end(rows[2])
    assert precedence.allows(rows[0].item)
    assert not precedence.allows(rows[3].item)
    precedence.end(rows[0])
    assert precedence.allows(rows[3].item)


@given(st.lists(st.tuples(st.just(0), st.sampled_from("abc") | st.none())), st.randoms())
def test_every_item_has_its_turn(items: list[tuple[int, str | None]], random: Any) -> None:
    """Whatever ends first, each item is in work once, beside none of its resource."""
    precedence = Precedence(Steps())
    working = [row for row in steps(*items) if precedence.add(row)]
    done: list[WorkItem[Any]] = []
    while working:
        resources = [row.item[1] for row in working if row.item[1] is not None]
        assert len(set(resources)) == len(resources)
        row = working.pop(random.randrange(len(working)))
        done.append(row)
        released = precedence.end(row)
        if released is not None:
            working.append(released)

    assert len(items) == len(done)
    assert 0 == precedence.waiting
    for resource in "abc":
        indices = [row.index for row in done if row.item[1] == resource]
        assert sorted(indices) == indices
