"""Lists: which records, in which order, which page of them, which fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from tagodev.emulator.http.errors import RefusedError
from tagodev.emulator.http.query import Decoded, text, texts, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["Listing", "filters", "matcher", "order_of", "ordered", "page_of", "paged"]

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
    # The official Python SDK puts a space behind the comma where it lists a profile's tokens.
    field, comma, direction = order_by.replace(" ", "").partition(",")
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
    """Return the page that a query asks for."""
    page, amount = page_of(query)
    start = (page - 1) * amount
    return records[start : start + amount]


def page_of(query: Mapping[str, Decoded]) -> tuple[int, int]:
    """Return which page a query asks for, from 1, and its size: 20 items, at most 10,000."""
    page = max(1, whole(query.get("page"), 1))
    return page, min(_MOST, max(0, whole(query.get("amount"), _USUAL) or _USUAL))


def order_of(query: Mapping[str, Decoded], default: str) -> str:
    """Return what a query wants its list sorted by."""
    return text(query.get("orderBy")) or default


@attrs.frozen(kw_only=True)
class Listing(Generic[_T]):
    """How the records of one noun are listed, where texts are all they are filtered by."""

    writers: Mapping[str, Callable[[_T], Any]]
    """How each field is written."""
    keys: Mapping[str, Callable[[_T], Any]]
    """What may be sorted by."""
    filters: Collection[str]
    """Fields that may be filtered by."""
    order: str
    """What it is sorted by unless the query says so: ``name,asc``."""
    usual: Collection[str]
    """Fields that are written unless the query names others."""
    always: Collection[str] = ()
    """Fields that are written in every case."""

    def page(
        self, records: Iterable[_T], query: Mapping[str, Decoded], applied: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Return the page of records that a query asks for.

        Args:
            records: what is listed.
            query: the decoded query.
            applied: names of further filters, which the records have passed already.

        Raises:
            RefusedError: the query filters or sorts by what there is not.
        """
        for name, value in filters(query, {*self.filters, *applied}).items():
            if name in applied:
                continue
            records = self._matching(records, name, texts(value))
        found = paged(ordered(records, order_of(query, self.order), self.keys), query)
        return [self.written(record, query) for record in found]

    def written(self, record: _T, query: Mapping[str, Decoded]) -> dict[str, Any]:
        """Return the fields of one record that a query asks for."""
        wanted = {*self.always, *(texts(query.get("fields")) or self.usual)}
        return {name: write(record) for name, write in self.writers.items() if name in wanted}

    def _matching(self, records: Iterable[_T], name: str, patterns: list[str]) -> Iterable[_T]:
        if not patterns:
            return records
        write = self.writers[name]
        matchers = [matcher(pattern) for pattern in patterns]
        return [
            record
            for record in records
            if (value := write(record)) is not None and any(test(value) for test in matchers)
        ]
