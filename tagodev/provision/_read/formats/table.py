"""Conversion of tables (CSV and Excel) to records.

Problems with a column are reported once, for the header, and its cells are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.columns import shown_name
from tagodev.provision._read.record import Record, SourcePosition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagodev.provision._read.record import Found, Schema

__all__ = ["Cell", "Line", "column_letter", "read_table"]

#: The text of a cell, or the problem with it.
Cell: TypeAlias = str | InputError
#: A line number and its cells, or a problem in their position.
Line: TypeAlias = tuple[int, "Sequence[Cell]"] | InputError

_HEADER: Final = "Add it to the first line, or map a column to it"
_SEPARATE: Final = "Columns are separated by commas, semicolons or tabs"


@attrs.frozen
class _Column:
    """A column of the header."""

    title: str
    letter: str
    field: str = ""
    """Its field; empty if it is ignored."""
    problem: str = ""


def read_table(lines: Iterator[Line], schema: Schema, *, advice: str = "") -> Iterator[Found]:
    """Yield the records of a table, and its problems, in line order.

    Args:
        lines: the header and the rows, without empty ones.
        schema: the allowed columns.
        advice: hint for rows with more or fewer cells than the header; if empty, missing cells
            count as empty.
    """
    header: Line | None = None
    for header in lines:
        if not isinstance(header, InputError):
            break
        yield header
    if header is None:
        yield InputError("is empty", line=1, hint="The first line must name the columns")
    if header is None or isinstance(header, InputError):
        return
    line, titles = header
    table = _Table(titles, schema, advice)
    for problem in table.problems():
        problem.line = line
        yield problem
    number = 0
    for one in lines:
        if isinstance(one, InputError):
            yield one
            continue
        number += 1
        yield from table.read(number, *one)


def column_letter(index: int) -> str:
    """Return the letters of a column in a spreadsheet.

    Args:
        index: index of the column, from 0.

    Examples:
        >>> column_letter(0), column_letter(27)
        ('A', 'AB')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


class _Table:
    def __init__(self, header: Sequence[Cell], schema: Schema, advice: str) -> None:
        self._schema = schema
        self._advice = advice
        self._columns = list(_columns(header, schema))
        self._read = [
            (index, column.field)
            for index, column in enumerate(self._columns)
            if column.field and not column.problem
        ]
        self._unnamed = [index for index, one in enumerate(self._columns) if not one.title]
        self._missing = schema.missing([column.field for column in self._columns])
        self._positions = {
            self._columns[index].field: SourcePosition(
                self._columns[index].title, column=self._columns[index].letter
            )
            for index, _ in self._read
        }
        # These fields are reported for the header, not for each row.
        fields = {column.field for column in self._columns}
        self._reported = frozenset({*schema.needs, *schema.one_of} - fields)
        if not self._missing:
            self._reported = frozenset()

    def problems(self) -> Iterator[InputError]:
        """Yield problems with the header."""
        for column in self._columns:
            if column.problem:
                yield InputError(
                    column.problem,
                    path=shown_name(column.title),
                    column=column.letter,
                    # A single column may mean another separator.
                    hint=_SEPARATE if self._advice and len(self._columns) == 1 else "",
                )
        for field in self._missing:
            yield InputError(f"no column {shown_name(field.strip('{}'))}", hint=_HEADER)
        titles = [column.title for column in self._columns]
        naming = self._schema.naming
        found = {naming.choice(title) for title in titles}
        for chosen in naming.chosen:
            if chosen not in found:
                yield InputError(f"no column {shown_name(chosen)}, which is mapped to a field")

    def read(self, number: int, line: int, cells: Sequence[Cell]) -> Iterator[Found]:
        """Yield a row's record, and problems with its cells."""
        width = len(self._columns)
        if len(cells) != width:
            if self._advice and (len(cells) < width or any(cells[width:])):
                count = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
                yield InputError(
                    f"{count}, but the header has {width}", line=line, hint=self._advice
                )
                return
            cells = [*cells, *[""] * (width - len(cells))]
        reported = self._reported
        for index in self._strays(cells):
            yield InputError(
                "has a value, but the column has no name in the header",
                line=line,
                column=column_letter(index),
            )
        values = {field: cells[index] for index, field in self._read if cells[index]}
        for field, cell in tuple(values.items()):
            if isinstance(cell, InputError):
                position = self._positions[field]
                cell.path, cell.column, cell.line = position.name, position.column, line
                yield cell
                del values[field]
                reported |= {field}
        yield Record(number, line, values, positions=self._positions, reported=reported)

    def _strays(self, cells: Sequence[Cell]) -> Iterable[int]:
        width = len(self._columns)
        beyond = range(width, len(cells)) if len(cells) > width else ()
        return [index for index in (*self._unnamed, *beyond) if cells[index]]


def _columns(header: Sequence[Cell], schema: Schema) -> Iterator[_Column]:
    taken: dict[str, _Column] = {}
    for index, cell in enumerate(header):
        letter = column_letter(index)
        if isinstance(cell, InputError):
            yield _Column("?", letter, problem=cell.message)
            continue
        title = cell.strip()
        field = schema.naming.field_of(title)
        problem = schema.problem_of(field) if field else ""
        first = taken.get(field)
        if first is not None and not problem:
            problem = (
                f"is the same field ({field}) as {shown_name(first.title)} (column {first.letter})"
            )
            if first.title == title:
                problem = "is a duplicate column"
        column = _Column(title, letter, field, problem)
        if field:
            taken.setdefault(field, column)
        yield column
