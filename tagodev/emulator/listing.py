"""Lists: which records, in which order, which page of them, which fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tagodev.emulator.query import Decoded, text, whole
from tagodev.emulator.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["filters", "matcher", "order_of", "ordered", "paged"]

_MOST: Final = 10_000
_USUAL: Final = 20

_T = TypeVar("_T")


def filters(query: Mapping[str, Decoded], known: Collection[str]) -> dict[str, Decoded]:
    """Return the filters of a query.

    Args:
        query: the decoded query.
        known: the names that may be filtered by.

    Raises:
        RefusedError: the filter is no object, or names something else.
    """
    chosen = query.get("filter")
    if chosen is None or chosen == "":
        return {}
    if not isinstance(chosen, dict):
        raise RefusedError(400, "Filter must be an object")
    for name in chosen:
        if name not in known:
            raise RefusedError(400, f"Invalid filter: {name}")
    return chosen


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a test for a text: equal in any letter case, ``*`` standing for any run."""
    if "*" not in pattern:
        wanted = pattern.casefold()
        return lambda candidate: candidate.casefold() == wanted
    parts = (re.escape(part) for part in re.split(r"\*+", pattern))
    compiled = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda candidate: compiled.fullmatch(candidate) is not None


def ordered(
    records: Iterable[_T],
    order_by: str,
    keys: Mapping[str, Callable[[_T], Any]],
) -> list[_T]:
    """Sort records; those without a value stand last in either direction.

    Args:
        records: what is sorted; equals keep their order.
        order_by: ``field``, ``field,asc`` or ``field,desc``.
        keys: what may be sorted by.

    Raises:
        RefusedError: the field or the direction is not one of these.
    """
    field, comma, direction = order_by.partition(",")
    key = keys.get(field)
    if key is None or (comma and direction not in {"asc", "desc"}):
        raise RefusedError(400, "Invalid orderBy parameter")
    valued: list[_T] = []
    empty: list[_T] = []
    for record in records:
        (empty if key(record) is None else valued).append(record)
    valued.sort(key=key, reverse=direction == "desc")
    return valued + empty


def paged(records: list[_T], query: Mapping[str, Decoded]) -> list[_T]:
    """Return the page that a query asks for: ``page`` from 1, ``amount`` 20, at most 10,000."""
    page = max(1, whole(query.get("page"), 1))
    amount = min(_MOST, max(0, whole(query.get("amount"), _USUAL) or _USUAL))
    start = (page - 1) * amount
    return records[start : start + amount]


def order_of(query: Mapping[str, Decoded], default: str) -> str:
    """Return what a query wants its list sorted by."""
    return text(query.get("orderBy")) or default
