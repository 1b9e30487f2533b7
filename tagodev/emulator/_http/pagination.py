"""Lists: filtering, sorting, pagination and selection of fields."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import Decoded, text, texts, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["Listing", "filters", "getters", "matcher", "ordered", "page_in_order", "page_of"]

_MAX_AMOUNT: Final = 10_000
_DEFAULT_AMOUNT: Final = 20

_T = TypeVar("_T")


def filters(query: Mapping[str, Decoded], known: Collection[str]) -> dict[str, Decoded]:
    """Return the filters of a query.

    Args:
        query: the decoded query.
        known: the supported filters.

    Raises:
        RefusedError: the filter is not an object, or names an unsupported one.
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
    """Return a test for a text: equal in any letter case, ``*`` matching any characters."""
    if "*" not in pattern:
        folded = pattern.casefold()
        return lambda candidate: candidate.casefold() == folded
    parts = (re.escape(part) for part in re.split(r"\*+", pattern))
    compiled = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda candidate: compiled.fullmatch(candidate) is not None


def ordered(
    records: Iterable[_T],
    order_by: str,
    keys: Mapping[str, Callable[[_T], Any]],
) -> list[_T]:
    """Sort records; those without a value are last in either direction.

    Args:
        records: the records; equal ones keep their order.
        order_by: ``field``, ``field,asc`` or ``field,desc``.
        keys: the supported fields.

    Raises:
        RefusedError: the field or the direction is unknown.
    """
    # The official Python SDK sends a space after the comma when it lists a profile's tokens.
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


def getters(*names: str) -> dict[str, Callable[[Any], Any]]:
    """Return a function for each name that returns the attribute of that name."""
    return {name: attrgetter(name) for name in names}


def page_in_order(
    records: Iterable[_T],
    query: Mapping[str, Decoded],
    order: str,
    keys: Mapping[str, Callable[[_T], Any]],
) -> list[_T]:
    """Return the page that a query requests, in the order that it requests.

    Args:
        records: all records.
        query: the decoded query.
        order: the default order: ``name,asc``.
        keys: the supported fields.

    Raises:
        RefusedError: the order is invalid.
    """
    page, amount = page_of(query)
    start = (page - 1) * amount
    return ordered(records, text(query.get("orderBy")) or order, keys)[start : start + amount]


def page_of(query: Mapping[str, Decoded]) -> tuple[int, int]:
    """Return the page number of a query, from 1, and its size: 20 items, at most 10,000."""
    page = max(1, whole(query.get("page"), 1))
    return page, min(
        _MAX_AMOUNT, max(0, whole(query.get("amount"), _DEFAULT_AMOUNT) or _DEFAULT_AMOUNT)
    )


@attrs.frozen(kw_only=True)
class Listing(Generic[_T]):
    """Listing rules of one resource whose filters are all texts."""

    writers: Mapping[str, Callable[[_T], Any]]
    """Serializers by field."""
    keys: Mapping[str, Callable[[_T], Any]]
    """Sort keys by field."""
    filters: Collection[str]
    """Fields that support filtering."""
    order: str
    """Default order: ``name,asc``."""
    usual: Collection[str]
    """Fields returned by default."""
    always: Collection[str] = ()
    """Fields that are always returned."""

    def page(
        self, records: Iterable[_T], query: Mapping[str, Decoded], applied: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Return the page of records that a query requests.

        Args:
            records: all records.
            query: the decoded query.
            applied: names of further filters, already applied to the records.

        Raises:
            RefusedError: the query filters or sorts by an unsupported field.
        """
        for name, value in filters(query, {*self.filters, *applied}).items():
            if name in applied:
                continue
            records = self._matching(records, name, texts(value))
        found = page_in_order(records, query, self.order, self.keys)
        return [self.written(record, query) for record in found]

    def written(self, record: _T, query: Mapping[str, Decoded]) -> dict[str, Any]:
        """Return the fields of one record that a query requests."""
        chosen = {*self.always, *(texts(query.get("fields")) or self.usual)}
        return {name: write(record) for name, write in self.writers.items() if name in chosen}

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
