"""Parser of Excel sheets, with cells as Excel displays them.

Numbers are read without a trailing ``.0`` and with the leading zeros of their format, dates as
ISO 8601, formulas as their last saved value.
Empty rows, and rows with only a heading merged across columns, are skipped; the value of a cell
merged over several rows applies to each of them.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import attrs
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, WINDOWS_EPOCH, from_excel, from_ISO8601

from tagodev.errors import InputError
from tagodev.provision._read.formats.table import read_table
from tagodev.provision._read.formats.workbook import Handlers, Workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tagodev.provision._read.formats.table import Cell, Line
    from tagodev.provision._read.limits import FileLimits, MemoryBudget
    from tagodev.provision._read.record import Found, Schema

__all__ = ["read_excel"]

#: Excel rounds numbers with more digits.
_EXACT: Final = 10**15
#: Memory of a merged range.
_RANGE: Final = 1000
#: Cells that take as long as looking at a merged range.
_LOOK: Final = 8
_from_iso: Callable[[str], Any] = from_ISO8601
#: Maximum length of the name of a cell.
_NAME_LENGTH: Final = 16


def read_excel(
    file: BinaryIO, schema: Schema, sheet: str | None, budget: MemoryBudget
) -> Iterator[Found]:
    """Yield the records of a sheet, and its problems, in the order of its rows.

    Args:
        file: the workbook.
        schema: the allowed columns.
        sheet: its name; None for the first visible one.
        budget: the memory for its content.

    Raises:
        InputError: the rest of the workbook can't be read.
    """
    yield from read_table(_lines(file, sheet, budget), schema, budget.limits)


def _lines(file: BinaryIO, sheet: str | None, budget: MemoryBudget) -> Iterator[Line]:
    """Yield the rows that are not empty."""
    try:
        book = Workbook(file, budget)
        part = book.sheet(sheet).part
        ranges = _Ranges(list(_merged(book, part, budget)), budget.limits)
        rows = _Rows(book, budget.limits)
        for _ in book.parse(part, Handlers(rows.start, rows.end, rows.text)):
            for number, own in rows.take():
                cells = ranges.fill(number, own)
                if any(cells):
                    yield number, cells
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  (a broken workbook breaks its parsers anywhere)
        raise InputError(
            f"is a damaged Excel workbook ({type(error).__name__})",
            hint="Open it in a spreadsheet and save it as .xlsx or CSV UTF-8",
        ) from None


@attrs.frozen
class _Range:
    """A merged range; columns are counted from 0."""

    row: int
    column: int
    last_row: int
    last_column: int


def _merged(book: Workbook, part: str, budget: MemoryBudget) -> Iterator[_Range]:
    """Yield the merged ranges of a sheet; they follow its rows."""
    found: list[str] = []

    def start(element: str, values: dict[str, str]) -> None:
        if element == "mergeCell":
            found.append(values["ref"])

    for _ in book.parse(part, Handlers(start)):
        for ref in found:
            budget.take(_RANGE)
            first, _, last = ref.partition(":")
            column, row = _place(first)
            last_column, last_row = _place(last or first)
            yield _Range(row, column, last_row, last_column)
        found.clear()


class _Ranges:
    """The merged ranges of a sheet, for rows read from the top.

    Args:
        ranges: the ranges.
        limits: the most cells.
    """

    def __init__(self, ranges: list[_Range], limits: FileLimits) -> None:
        self._next = sorted(ranges, key=attrgetter("row"), reverse=True)
        self._open: list[tuple[_Range, Cell]] = []
        self._limits = limits
        self._cells = 0

    def fill(self, number: int, cells: list[Cell]) -> list[Cell]:
        """Return the cells of a row with merged values; empty if the row has no values of its own.

        Args:
            number: number of the row.
            cells: its cells.
        """
        while self._next and self._next[-1].row <= number:
            one = self._next.pop()
            is_first = one.row == number and one.column < len(cells)
            self._open.append((one, cells[one.column] if is_first else ""))
        self._open = [one for one in self._open if one[0].last_row >= number]
        headings: set[int] = set()
        for one, _ in self._open:
            # Only the first cell of a range counts; Excel hides the others.
            begin = one.column + (one.row == number)
            if one.last_column > one.column and one.row == number:
                headings.add(one.column)
            end = min(one.last_column + 1, len(cells))
            self._count(max(end - begin, 0) + _LOOK, number)
            cells[begin:end] = [""] * (end - begin)
        self._count(len(cells), number)
        if not any(cell and index not in headings for index, cell in enumerate(cells)):
            return []
        for one, value in self._open:
            if value and one.last_column == one.column:
                cells += [""] * (one.column + 1 - len(cells))
                cells[one.column] = value
        return cells

    def _count(self, cells: int, number: int) -> None:
        self._cells += cells
        if self._cells > self._limits.cells:
            raise self._limits.exceeded("cells", "has more than {} cells", line=number)


class _Rows:
    """Collects the rows of a sheet while it is parsed."""

    def __init__(self, book: Workbook, limits: FileLimits) -> None:
        self._book = book
        self._limits = limits
        self._epoch = CALENDAR_MAC_1904 if book.starts_1904 else WINDOWS_EPOCH
        self._found: list[tuple[int, dict[int, Cell]]] = []
        self._elements: list[str] = []
        self._rows = self._number = self._length = 0
        self._cells: dict[int, Cell] = {}
        self._column = -1
        self._attributes: dict[str, str] = {}
        self._value: list[str] = []
        self._has_formula = False
        #: Readers of the types of cells; the others are texts.
        self._readers: dict[str, Callable[[str], Cell]] = {
            "s": lambda text: book.texts[int(text)],
            "b": lambda text: "true" if int(text) else "false",
            "e": lambda text: InputError(f"contains the error {text}"),
            "d": lambda text: _text(_from_iso(text)),
            "n": self._number_text,
        }

    def take(self) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows since the last call, without empty cells at their end."""
        for number, cells in self._found:
            row: list[Cell] = [""] * (max(cells) + 1)
            for column, cell in cells.items():
                row[column] = cell
            yield number, row
        self._found.clear()

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self._elements.append(element)
        if element == "row":
            self._rows += 1
            self._number = int(float(attributes.get("r", self._number + 1)))
            if max(self._rows, self._number) > self._limits.rows:
                message = "has more than {} rows"
                raise self._limits.exceeded("rows", message, needed=self._number)
            self._cells, self._column, self._length = {}, -1, 0
        elif element == "c":
            name = attributes.get("r")
            self._column = _place(name)[0] if name else self._column + 1
            self._attributes, self._has_formula = attributes, False
            self._value.clear()
        elif element == "f":
            self._has_formula = True

    def text(self, text: str) -> None:
        """Take text."""
        element = self._elements[-1]
        is_inline = self._attributes.get("t") == "inlineStr"
        # Not the text that says how the other is pronounced.
        if element == ("t" if is_inline else "v") and "rPh" not in self._elements:
            self._length += len(text)
            if self._length > self._limits.row_length:
                message = "is a row of more than {} characters"
                raise self._limits.exceeded("row_length", message, line=self._number)
            self._value.append(text)

    def end(self, element: str) -> None:
        """Take the end of an element."""
        self._elements.pop()
        if element == "c" and (cell := self._cell()):
            if self._column >= self._limits.columns:
                message = "has more than {} columns"
                needed = self._column + 1
                raise self._limits.exceeded("columns", message, line=self._number, needed=needed)
            self._cells[self._column] = cell
        elif element == "row" and self._cells:
            self._found.append((self._number, self._cells))

    def _cell(self) -> Cell:
        """Return the text of the present cell."""
        text = "".join(self._value)
        if not text:
            if not self._has_formula:
                return ""
            return InputError(
                "is a formula without a value",
                hint="Open the workbook in a spreadsheet and save it there",
            )
        read = self._readers.get(self._attributes.get("t", "n"))
        return read(text) if read else text

    def _number_text(self, text: str) -> Cell:
        style = int(self._attributes.get("s", 0))
        formats = self._book.formats
        number_format = formats[style] if style < len(formats) else 0
        try:
            value = float(text) if "." in text or "e" in text.lower() else int(text)
        except ValueError:
            return InputError("is not a number")
        is_date, is_span, zeros = _read_format(number_format)
        if is_date:
            try:
                return _text(from_excel(value, self._epoch, timedelta=is_span))
            except (OverflowError, ValueError):
                return InputError("is not a date, although it has the format of one")
        return _number(value, zeros)


def _place(name: str) -> tuple[int, int]:
    """Return the column, from 0, and the row of the name of a cell."""
    name = name[:_NAME_LENGTH].replace("$", "")
    letters = name.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter.upper()) + 1
    return column - 1, int(name[len(letters) :])


@cache
def _read_format(number_format: str | int) -> tuple[bool, bool, int]:
    """Return whether a format is a date or a span of time, and the digits that it fills."""
    code = number_format
    if isinstance(code, int):
        code = BUILTIN_FORMATS.get(code, "General")
    return is_date_format(code), is_timedelta_format(code), len(code) if set(code) == {"0"} else 0


def _number(value: float, zeros: int) -> Cell:
    if isinstance(value, float):
        if abs(value) >= _EXACT:
            return InputError(
                "is a number of more than 15 digits, which Excel rounds",
                hint="Format the column as text and enter the value again",
            )
        if not value.is_integer():
            return f"{Decimal(f'{value:.15g}'):f}"
    return f"{int(value):0{zeros}d}" if zeros else str(int(value))


def _text(value: Any) -> str:
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _moment(value: datetime) -> str:
    # Excel stores a date without a time as midnight.
    if value.time() == time():
        return value.date().isoformat()
    return value.isoformat(timespec="seconds")


#: Texts of points in time; datetime first, since it is a subclass of date.
_TEXTS: Final[Sequence[tuple[type, Callable[[Any], str]]]] = (
    (datetime, _moment),
    (date, date.isoformat),
    (time, lambda value: value.isoformat("seconds")),
)
