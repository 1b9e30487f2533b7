"""Parser of Excel sheets, with cells as Excel displays them.

Numbers are read without a trailing ``.0`` and with the leading zeros of their format, dates as
ISO 8601, formulas as their last saved value.
Empty rows, and rows with only a heading merged across columns, are skipped; the value of a cell
merged over several rows applies to each of them.
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
from tagodev.provision._read.formats.table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tagodev.provision._read.formats.table import Cell, Line
    from tagodev.provision._read.record import Found, Schema

__all__ = ["read_excel"]

#: Maximum number of rows of a sheet.
_MAX_ROWS: Final = 1_048_576
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s/>]")
_MERGED: Final = re.compile(rb"<(?:\w+:)?mergeCell[\s/>]")
_PIECE: Final = 1 << 20
#: Longer than any match of the patterns.
_OVERLAP: Final = 64
#: Excel rounds numbers with more digits.
_EXACT: Final = 10**15


def read_excel(file: IO[bytes], schema: Schema, sheet: str | None) -> Iterator[Found]:
    """Yield the records of a sheet, and its problems, in the order of its rows.

    Args:
        file: the workbook.
        schema: the allowed columns.
        sheet: its name; None for the first visible one.
    """
    try:
        lines = list(_Workbook(file, sheet).lines())
    except InputError as error:
        yield error
        return
    except Exception as error:  # noqa: BLE001  (a broken workbook breaks openpyxl anywhere)
        yield InputError(
            f"is a damaged Excel workbook ({type(error).__name__})",
            hint="Open it in a spreadsheet and save it as .xlsx or CSV UTF-8",
        )
        return
    yield from read_table(iter(lines), schema)


class _Workbook:
    def __init__(self, file: IO[bytes], sheet: str | None) -> None:
        self._file = file
        self._sheet = sheet

    def lines(self) -> Iterator[Line]:
        """Yield the rows that are not empty."""
        has = self._find_patterns(_FORMULA, _MERGED)
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
        """Return the sheet, with the values of formulas or the formulas themselves."""
        self._file.seek(0)
        with warnings.catch_warnings():
            # openpyxl warns of features that do not affect cell values.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(self._file, read_only=not whole, data_only=values)
        sheets = {one.title: one for one in book.worksheets}
        if self._sheet is None:
            shown = (one for one in sheets.values() if one.sheet_state == "visible")
            sheet = next(shown, None) or next(iter(sheets.values()), None)
        else:
            sheet = sheets.get(self._sheet)
        if sheet is None:
            named = f" named {self._sheet!r}" if self._sheet is not None else ""
            names = ", ".join(repr(name) for name in sheets)
            raise InputError(f"has no sheet{named}", hint=f"Sheets: {names}" if names else "")
        if not whole:
            # Some programs write wrong dimensions.
            sheet.reset_dimensions()
        return sheet

    def _find_patterns(self, *patterns: re.Pattern[bytes]) -> dict[re.Pattern[bytes], bool]:
        """Return which patterns occur in any sheet's XML; this is faster than parsing."""
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
    """Yield a file in overlapping pieces, so that no match is split."""
    rest = b""
    while read := part.read(_PIECE):
        yield rest + read
        rest = read[-_OVERLAP:]


class _Ranges:
    """The merged ranges of a sheet, for rows read from the top.

    Args:
        ranges: ranges from openpyxl.
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
        """Return the cells of a row with merged values; empty if the row has no values of its own.

        Args:
            number: number of the row.
            cells: its cells.
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
    """Return the text of a cell.

    Args:
        cell: the cell with the value of its formula.
        source: the cell with the formula itself; None if the workbook has no formulas.
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
        return InputError(f"contains the error {value}")
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
                "is a number of more than 15 digits, which Excel rounds",
                hint="Format the column as text and enter the value again",
            )
        if not value.is_integer():
            return f"{Decimal(f'{value:.15g}'):f}"
    zeros = len(number_format) if set(number_format) == {"0"} else 0
    return f"{int(value):0{zeros}d}" if zeros else str(int(value))


def _moment(value: datetime) -> str:
    # Excel stores a date without a time as midnight.
    if value.time() == time():
        return value.date().isoformat()
    return value.isoformat(timespec="seconds")


#: Text for values other than text and numbers; datetime first, since it is a subclass of date.
_TEXTS: Final[Sequence[tuple[type, Callable[[Any], str]]]] = (
    (bool, lambda value: "true" if value else "false"),
    (datetime, _moment),
    (date, date.isoformat),
    (time, lambda value: value.isoformat("seconds")),
)
