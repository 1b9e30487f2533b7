"""What rows of a run own: the first that claims a thing keeps it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagodev._bulk.claims import Claims

things = st.sampled_from(["", "a", "b", "é", "\udcff"])
indices = st.integers(0, 3)


@given(st.lists(st.tuples(things, indices), max_size=12))
def test_a_thing_is_of_the_first_row_that_claims_it(claimed: list[tuple[str, int]]) -> None:
    """A claim is free for its owner only; without an owner it is free for all."""
    claims = Claims()
    owners: dict[str, int] = {}
    for thing, index in claimed:
        assert owners.setdefault(thing, index) == claims.take(thing, index)

    for thing in ("", "a", "b", "é", "\udcff", "ab"):
        for index in range(4):
            assert (owners.get(thing, index) == index) == claims.is_free(thing, index)
