"""Records: the rows of a CSV or JSON Lines file, one at a time, each with its place.

Nothing here knows what a device is.
A problem is yielded in the stream, where the record would have stood, so that whoever reads can
collect all of them; the stream goes on behind it wherever that makes sense.

Lines are numbered as an editor numbers them, also behind quoted line breaks and blank lines.
"""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import attrs
import orjson

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Found", "Record", "Schema", "read_records"]


@attrs.frozen
class Record:
    """One row of a file."""

    number: int
    """Which row, from 1; a header and blank lines do not count."""
    line: int
    """The line it begins on, from 1."""
    values: Mapping[str, Any]
    """What it gives; an empty CSV cell, or a null, gives nothing."""


#: A record, or what is wrong where one was expected.
Found: TypeAlias = Record | InputError


@attrs.frozen
class Schema:
    """What the columns of a file may be."""

    refuse: Callable[[str], str]
    """Returns what is wrong with a column's name; empty if nothing is."""
    one_of: tuple[str, ...]
    """Columns of which a CSV file must have one."""
    needs: tuple[str, ...] = ()
    """Columns of which it must have each."""

    def missing(self, header: list[str]) -> list[str]:
        """Return the columns that a header would have to have besides."""
        missing = [column for column in self.needs if column not in header]
        if not any(column in header for column in self.one_of):
            missing.append(" or ".join(self.one_of))
        return missing


def read_records(path: Path, schema: Schema) -> Iterator[Found]:
    """Yield the records of a file, and its problems, in the order of its lines.

    The format follows from the suffix (``.csv``, ``.jsonl``, ``.ndjson``); without one of these,
    from the first character.

    Args:
        path: the file, UTF-8, with or without a byte order mark.
        schema: what its columns may be.
    """
    try:
        # Bytes that are no UTF-8 become lone surrogates here, and are found with their line below.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            read = _read_json_lines if _is_json(path, file) else _read_csv
            yield from read(file, schema)
    except OSError as error:
        yield InputError(f"can't be read: {error.strerror or error}")


def _is_json(path: Path, file: IO[str]) -> bool:
    suffix = path.suffix.casefold()
    if suffix in (".csv", ".jsonl", ".ndjson"):
        return suffix != ".csv"
    first = next((line.lstrip()[0] for line in file if not line.isspace()), "")
    file.seek(0)
    return first in ("{", "[")


def _checked(lines: Iterable[str]) -> Iterator[str]:
    """Pass lines on, and stop at the first that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:
                raise InputError(
                    "is not UTF-8", line=number, hint='Save the file as "CSV UTF-8"'
                ) from None
        yield line


# --- CSV ---------------------------------------------------------------------------------------


def _read_csv(file: IO[str], schema: Schema) -> Iterator[Found]:
    rows = _csv_rows(file)
    try:
        line, header = next(rows, (1, []))
        if not header:
            yield InputError("is empty", line=1, hint="The first line must name the columns")
            return
        header = [column.strip() for column in header]
        problems = list(_header_problems(header, schema, line))
        yield from problems
        if not schema.missing(header):
            yield from _csv_records(rows, header, {problem.path for problem in problems})
    except InputError as error:
        yield error


def _csv_rows(file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty, and the line it begins on."""
    # Strict, or a quote that is never closed would swallow the rest of the file in silence.
    reader = csv.reader(_checked(file), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(str(error), line=line, hint="Check its quotes") from None


def _header_problems(header: list[str], schema: Schema, line: int) -> Iterator[InputError]:
    if len(header) == 1 and ";" in header[0]:
        yield InputError("columns are separated by commas, not semicolons", line=line)
        return
    for place, column in enumerate(header):
        problem = schema.refuse(column) if column else f"column {place + 1} has no name"
        if column and column in header[:place]:
            problem = "this column is there twice"
        if problem:
            yield InputError(problem, path=column, line=line)
    for column in schema.missing(header):
        yield InputError(f"no column {column}", line=line)


def _csv_records(
    rows: Iterator[tuple[int, list[str]]], header: list[str], refused: set[str]
) -> Iterator[Found]:
    for number, (line, cells) in enumerate(rows, 1):
        if len(cells) != len(header):
            yield InputError(
                f"{len(cells)} cells, but the header has {len(header)}",
                line=line,
                hint="Put a value that holds a comma in double quotes",
            )
            continue
        pairs = zip(header, cells, strict=True)
        given = {column: cell for column, cell in pairs if cell and column not in refused}
        yield Record(number, line, given)


# --- JSON Lines --------------------------------------------------------------------------------


def _read_json_lines(file: IO[str], schema: Schema) -> Iterator[Found]:
    number = 0
    try:
        for line, text in enumerate(_checked(file), 1):
            if text.isspace():
                continue
            number += 1
            yield from _json_record(text, number, line, schema)
    except InputError as error:
        yield error


def _json_record(text: str, number: int, line: int, schema: Schema) -> Iterator[Found]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        yield InputError(
            f"is not JSON: {error.msg} at character {error.pos + 1}",
            line=line,
            hint="Give one JSON object a line",
        )
        return
    if not isinstance(values, dict):
        yield InputError("must be a JSON object", line=line, hint="Give one JSON object a line")
        return
    refused = {key: problem for key in values if (problem := schema.refuse(key))}
    for key, problem in refused.items():
        yield InputError(problem, path=key, line=line)
    given = {
        key: value for key, value in values.items() if key not in refused and value is not None
    }
    yield Record(number, line, given)
