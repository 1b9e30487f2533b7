"""Excel: a sheet of a workbook, its cells read as people see them.

A number is the text that stands in the cell, without ``.0`` behind it and with the zeros that a
format of zeros puts before it; a date is ISO 8601; a formula is what it came to when the workbook
was last saved.
Rows that hold nothing, or nothing but a heading merged across columns, are left out; a cell merged
over several rows counts in each of them.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final

import openpyxl

from tagodev.errors import InputError
from tagodev.provision.read.formats.table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tagodev.provision.read.formats.table import Cell, Line
    from tagodev.provision.read.record import Found, Schema

__all__ = ["read_excel"]

#: Rows that a sheet can have.
_MAX_ROWS: Final = 1_048_576
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s/>]")
_MERGED: Final = re.compile(rb"<(?:\w+:)?mergeCell[\s/>]")
_PIECE: Final = 1 << 20
#: What is searched for is shorter.
_OVERLAP: Final = 64
#: Beyond that many digits a number in Excel is no longer the one that was typed.
_EXACT: Final = 10**15


def read_excel(file: IO[bytes], schema: Schema, sheet: str | None) -> Iterator[Found]:
    """Yield the records of a sheet, and its problems, in the order of its rows.

    Args:
        file: the workbook.
        schema: the allowed columns.
        sheet: its name; None for the first that is shown.
    """
    try:
        lines = list(_Workbook(file, sheet).lines())
    except InputError as error:
        yield error
        return
    except Exception as error:  # noqa: BLE001  (a broken workbook breaks openpyxl anywhere)
        yield InputError(
            f"is no workbook that can be read ({type(error).__name__})",
            hint="Open it in a spreadsheet, and save it as .xlsx or CSV UTF-8",
        )
        return
    yield from read_table(iter(lines), schema)


class _Workbook:
    def __init__(self, file: IO[bytes], sheet: str | None) -> None:
        self._file = file
        self._sheet = sheet

    def lines(self) -> Iterator[Line]:
        """Yield the rows that hold something."""
        has = self._look_for(_FORMULA, _MERGED)
        merged = self._open(values=True, whole=True) if has[_MERGED] else None
        rows = self._open(values=True) if merged is None else merged
        formulas = self._open(values=False).iter_rows() if has[_FORMULA] else None
        ranges = _Ranges(() if merged is None else merged.merged_cells.ranges)
        for number, row in enumerate(islice(rows.iter_rows(), _MAX_ROWS), 1):
            sources = next(formulas, ()) if formulas is not None else ()
            cells = [
                _cell(one, sources[index] if index < len(sources) else None)
                for index, one in enumerate(row)
            ]
            cells = ranges.fill(number, cells)
            if any(cells):
                yield number, cells

    def _open(self, *, values: bool, whole: bool = False) -> Any:
        """Return the sheet; formulas as what they came to, or as what they are."""
        self._file.seek(0)
        with warnings.catch_warnings():
            # What it does not support is nothing that cells are made of.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(self._file, read_only=not whole, data_only=values)
        sheets = {one.title: one for one in book.worksheets}
        if self._sheet is None:
            shown = (one for one in sheets.values() if one.sheet_state == "visible")
            sheet = next(shown, None) or next(iter(sheets.values()), None)
        else:
            sheet = sheets.get(self._sheet)
        if sheet is None:
            named = f" called {self._sheet!r}" if self._sheet is not None else ""
            names = ", ".join(repr(name) for name in sheets)
            raise InputError(f"has no sheet{named}", hint=f"There are {names}" if names else "")
        if not whole:
            # They are written by other programs, and wrong at times.
            sheet.reset_dimensions()
        return sheet

    def _look_for(self, *patterns: re.Pattern[bytes]) -> dict[re.Pattern[bytes], bool]:
        """Tell which patterns occur in any sheet's XML: to look is cheaper than to parse."""
        found = dict.fromkeys(patterns, False)
        self._file.seek(0)
        with zipfile.ZipFile(self._file) as archive:
            for name in archive.namelist():
                if name.startswith("xl/worksheets/"):
                    with archive.open(name) as part:
                        for piece in _pieces(part):
                            for pattern in patterns:
                                found[pattern] = found[pattern] or bool(pattern.search(piece))
        return found


def _pieces(part: IO[bytes]) -> Iterator[bytes]:
    """Yield a file in pieces that overlap, so that nothing is cut in two."""
    rest = b""
    while read := part.read(_PIECE):
        yield rest + read
        rest = read[-_OVERLAP:]


class _Ranges:
    """The merged ranges of a sheet, whose rows are gone through from the top.

    Args:
        ranges: as openpyxl gives them.
    """

    def __init__(self, ranges: Iterable[Any]) -> None:
        self._headings: dict[int, set[int]] = {}
        self._tall: dict[int, list[tuple[int, int]]] = {}
        self._open: dict[int, tuple[int, Cell]] = {}
        for one in ranges:
            column = one.min_col - 1
            if one.max_col > one.min_col:
                self._headings.setdefault(one.min_row, set()).add(column)
            else:
                self._tall.setdefault(one.min_row, []).append((column, one.max_row))

    def fill(self, number: int, cells: list[Cell]) -> list[Cell]:
        """Return the cells of a row with what is merged into them; none if it has none of its own.

        Args:
            number: which row.
            cells: as they stand there.
        """
        headings = self._headings.get(number, ())
        if not any(cell and index not in headings for index, cell in enumerate(cells)):
            return []
        for column, last in self._tall.get(number, ()):
            self._open[column] = (last, cells[column])
        for column, (last, value) in self._open.items():
            if number <= last and column < len(cells):
                cells[column] = cells[column] or value
        return cells


def _cell(cell: Any, source: Any) -> Cell:
    """Return what stands in a cell.

    Args:
        cell: with a formula as what it came to.
        source: the same with a formula as what it is; None where the book has none.
    """
    value = cell.value
    if value is None:
        if source is None or source.data_type != "f":
            return ""
        return InputError(
            "is a formula without a value",
            hint="Open the workbook in a spreadsheet and save it there",
        )
    if cell.data_type == "e":
        return InputError(f"holds the error {value}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value, cell.number_format)
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _number(value: float, number_format: str) -> Cell:
    if isinstance(value, float):
        if abs(value) >= _EXACT:
            return InputError(
                "is a number of more than 15 digits, and Excel keeps no more",
                hint="Format the column as text, and type it anew",
            )
        if not value.is_integer():
            return f"{Decimal(f'{value:.15g}'):f}"
    zeros = len(number_format) if set(number_format) == {"0"} else 0
    return f"{int(value):0{zeros}d}" if zeros else str(int(value))


def _moment(value: datetime) -> str:
    # A date without a time is midnight to Excel.
    if value.time() == time():
        return value.date().isoformat()
    return value.isoformat(timespec="seconds")


#: How values are written that are neither text nor number; a datetime is a date, too.
_TEXTS: Final[Sequence[tuple[type, Callable[[Any], str]]]] = (
    (bool, lambda value: "true" if value else "false"),
    (datetime, _moment),
    (date, date.isoformat),
    (time, lambda value: value.isoformat("seconds")),
)
