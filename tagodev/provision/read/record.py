"""Records: the rows of a file, whatever its format, one at a time, each with its place.

Nothing here knows what a device is.
A problem is yielded in the stream, where the record would have stood, so that whoever reads can
collect all of them; the stream goes on behind it wherever that makes sense.

Lines are numbered as an editor numbers them, also behind quoted line breaks and blank lines; those
of a workbook are the rows of its sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.provision.read.columns import ColumnNames

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Found", "Record", "Schema", "SourcePosition", "locate"]


@attrs.frozen
class SourcePosition:
    """Where a value stands."""

    name: str
    """What the file calls it: the name of a column, or a key."""
    column: str = attrs.field(default="", kw_only=True)
    """Which column of a table, as spreadsheets name it."""
    line: int = attrs.field(default=0, kw_only=True)
    """Its line, where that is not the record's."""


@attrs.frozen
class Record:
    """One row of a file."""

    number: int
    """Which row, from 1; a header and blank lines do not count."""
    line: int
    """The line it begins on, from 1."""
    values: Mapping[str, Any]
    """What it gives, by field; an empty cell, or a null, gives nothing."""
    places: Mapping[str, SourcePosition] = attrs.field(factory=dict, kw_only=True)
    """Where values stand, by field, as far as that tells more than the field and the line."""
    excused: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """Fields about which something was said already, so that their lack is no more news."""


#: A record, or what is wrong where one was expected.
Found: TypeAlias = Record | InputError


@attrs.frozen
class Schema:
    """What the columns of a file may be."""

    refuse: Callable[[str], str]
    """Returns what is wrong with a field that a column means; empty if nothing is."""
    one_of: tuple[str, ...]
    """Fields of which a table must have one."""
    needs: tuple[str, ...] = ()
    """Fields of which it must have each."""
    naming: ColumnNames = attrs.field(factory=ColumnNames, kw_only=True)
    """What the names of columns mean."""
    made_of: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, kw_only=True)
    """Fields that are not missed, because they are made of others."""

    def missing(self, header: Collection[str]) -> list[str]:
        """Return the columns that a header would have to have besides.

        Args:
            header: the fields that its columns mean.
        """
        missing = [field for field in self.needs if field not in header]
        if not any(field in header for field in self.one_of):
            made = next((self.made_of[one] for one in self.one_of if one in self.made_of), None)
            if made is None:
                missing.append(" or ".join(self.one_of))
            else:
                missing += [field for field in made if field not in header]
        return missing

    def problem_of(self, field: str) -> str:
        """Return what is wrong with a field that a column means; empty if nothing is.

        Args:
            field: as the naming gives it.
        """
        return "" if field in self.naming.helpers else self.refuse(field)


def locate(problem: InputError, record: Record) -> bool:
    """Say in a problem of a record where in the file it is.

    Args:
        problem: names a field, or a part of one.
        record: the record.

    Returns:
        Whether that is news.
    """
    problem.line = record.line
    head = problem.path
    while head:
        place = record.places.get(head)
        if place is not None:
            problem.path = place.name + problem.path[len(head) :]
            problem.column = place.column
            problem.line = place.line or record.line
            break
        if head in record.excused:
            break
        cut = max(head.rfind("["), head.rfind("."))
        head = head[: max(cut, 0)]
    return head not in record.excused
