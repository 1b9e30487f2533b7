"""Records: rows of a file in any format, with the positions of their values.

Readers yield problems in the stream of records, so that the caller can collect all of them, and
continue after a problem if possible.

Lines are numbered as in an editor, including line breaks in quotes and blank lines; in a workbook
they are the rows of the sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.columns import ColumnNames

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Found", "Record", "Schema", "SourcePosition", "locate"]


@attrs.frozen
class SourcePosition:
    """Position of a value in a file."""

    name: str
    """Name in the file: a column or a key."""
    column: str = attrs.field(default="", kw_only=True)
    """Column letter, in a table."""
    line: int = attrs.field(default=0, kw_only=True)
    """Line of the value; 0 if it is that of the record."""


@attrs.frozen
class Record:
    """One row of a file."""

    number: int
    """Number of the row, from 1; header and blank lines do not count."""
    line: int
    """First line, from 1."""
    values: Mapping[str, Any]
    """Values by field, without empty cells and nulls."""
    positions: Mapping[str, SourcePosition] = attrs.field(factory=dict, kw_only=True)
    """Positions by field, if they differ from field name and line."""
    reported: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """Fields with a reported problem; further problems with them are suppressed."""


#: A record, or a problem in its position.
Found: TypeAlias = Record | InputError


@attrs.frozen
class Schema:
    """Allowed and required columns of a file."""

    refuse: Callable[[str], str]
    """Returns the problem with the field of a column, or an empty string."""
    one_of: tuple[str, ...]
    """Fields of which a table must have one."""
    needs: tuple[str, ...] = ()
    """Fields that a table must have."""
    naming: ColumnNames = attrs.field(factory=ColumnNames, kw_only=True)
    """Fields of the column names."""
    made_of: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, kw_only=True)
    """Fields that are not required because they are made from other fields."""

    def missing(self, header: Collection[str]) -> list[str]:
        """Return the required columns that a header does not have.

        Args:
            header: fields of its columns.
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
        """Return the problem with the field of a column, or an empty string.

        Args:
            field: the field.
        """
        return "" if field in self.naming.helpers else self.refuse(field)


def locate(problem: InputError, record: Record) -> bool:
    """Set the position of a problem in the file.

    Args:
        problem: a problem with a field, or a part of it.
        record: the record.

    Returns:
        Whether to report it; False if its field already has a reported problem.
    """
    problem.line = record.line
    head = problem.path
    while head:
        position = record.positions.get(head)
        if position is not None:
            problem.path = position.name + problem.path[len(head) :]
            problem.column = position.column
            problem.line = position.line or record.line
            break
        if head in record.reported:
            break
        cut = max(head.rfind("["), head.rfind("."))
        head = head[: max(cut, 0)]
    return head not in record.reported
