"""Parser of CSV files, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import re
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Final

from tagodev.errors import InputError
from tagodev.provision._read.formats.encoding import Lines
from tagodev.provision._read.formats.table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tagodev.provision._read.formats.table import Line
    from tagodev.provision._read.record import Found, Schema

__all__ = ["read_csv"]

#: Separators, the most likely first.
_SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab"}
#: A first line that declares the separator, as some spreadsheets write it.
_DECLARED: Final = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
#: Maximum number of lines of the header.
_HEADER_LINES: Final = 32


def read_csv(file: IO[str], schema: Schema) -> Iterator[Found]:
    """Yield the records of a CSV file, and its problems, in line order.

    Args:
        file: opened as `Lines` asks for it, without translation of line breaks.
        schema: the allowed columns.
    """
    lines = Lines(file)
    reading = iter(lines)
    first = list(islice(reading, _HEADER_LINES))
    declared = _DECLARED.fullmatch(first[0]) if first else None
    separator = declared[1] if declared else _separator(first, schema)
    if declared:
        first[0] = "\n"
    rows = _rows(chain(first, reading), lines, separator)
    name = _SEPARATORS[separator]
    yield from read_table(
        rows,
        schema,
        advice=f"Cells are separated by {name}s: quote values that contain a {name}",
    )


def _separator(lines: list[str], schema: Schema) -> str:
    """Return the separator that yields the most known columns in the header."""

    def known(separator: str) -> tuple[int, int]:
        try:
            rows = csv.reader(lines, delimiter=separator, strict=True)
            header = next((cells for cells in rows if any(cells)), [])
        except csv.Error:
            header = next((line for line in lines if not line.isspace()), "").split(separator)
        fields = [schema.naming.field_of(cell) for cell in header if cell.strip()]
        good = sum(not field or not schema.problem_of(field) for field in fields)
        return good, good - len(header) if good else len(header)

    return max(_SEPARATORS, key=known)


def _rows(texts: Iterable[str], lines: Lines, separator: str) -> Iterator[Line]:
    """Yield each row that is not empty, with its first line."""
    # Strict: otherwise an unclosed quote would silently include the rest of the file.
    reader = csv.reader(texts, delimiter=separator, strict=True)
    line, header = 1, True
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield from lines.problems()
            yield _quote_problem(error, line)
            # After a value of several lines, or without a header, the rest can't be parsed.
            if header or reader.line_num > line:
                return
            cells = []
        yield from lines.problems()
        if cells is None:
            return
        if any(cells):
            yield line, cells
            header = False
        line = reader.line_num + 1


def _quote_problem(error: csv.Error, line: int) -> InputError:
    text = str(error)
    if "end of data" in text:
        return InputError("a double quote is not closed", line=line)
    if "field limit" in text:
        return InputError(
            f"a cell has more than {csv.field_size_limit():,} characters",
            line=line,
            hint="Check for a double quote that is not closed",
        )
    return InputError(
        "text after a closing double quote",
        line=line,
        hint='Write a double quote inside a value as ""',
    )
