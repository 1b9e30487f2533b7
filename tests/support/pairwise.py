"""Few combinations of the levels of many factors, in which each pair of levels occurs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["pairs_of", "pairwise"]


def pairwise(factors: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield combinations, always the same, until every two levels of two factors have met.

    Args:
        factors: the levels of each, at least one.
    """
    open_pairs = {
        ((one, first), (other, second)): None
        for one, other in combinations(factors, 2)
        for first in factors[one]
        for second in factors[other]
    }
    while open_pairs:
        # Begun with a pair that is open, so that each combination closes at least one.
        row = dict(next(iter(open_pairs)))
        for factor, levels in factors.items():
            if factor not in row:
                rest = {level: pairs_of({**row, factor: level}, factors) for level in levels}
                row[factor] = max(levels, key=lambda level: len(rest[level] & open_pairs.keys()))
        for pair in pairs_of(row, factors):
            open_pairs.pop(pair, None)
        yield {factor: row[factor] for factor in factors}


def pairs_of(
    row: Mapping[str, str], factors: Mapping[str, Sequence[str]]
) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Return the pairs of levels in a combination, in the order of the factors.

    Args:
        row: the level of some or all factors.
        factors: the levels of each.
    """
    return set(combinations([(factor, row[factor]) for factor in factors if factor in row], 2))
