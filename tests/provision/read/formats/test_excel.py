"""Excel: cells are read as people see them."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from tagodev import UNSET
from tagodev.provision import read_devices
from tests.provision.files import problems_in

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet


@pytest.fixture
def sheet() -> Worksheet:
    """Give an empty sheet."""
    return openpyxl.Workbook().worksheets[0]


def saved(sheet: Worksheet, folder: Path, name: str = "site.xlsx") -> Path:
    """Save a sheet's workbook."""
    path = folder / name
    assert sheet.parent is not None
    sheet.parent.save(path)
    return path


def tags_of(path: Path) -> list[dict[str, str]]:
    """Return each device's tags."""
    listed = [row.device.tags for row in read_devices(path)]
    return [{} if tags is UNSET else {tag.key: tag.value for tag in tags} for tags in listed]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (42.0, "General", "42"),
        (42, "General", "42"),
        (-7, "General", "-7"),
        (42, "00000", "00042"),
        (0.1 + 0.2, "General", "0.3"),
        (1e-7, "General", "0.0000001"),
        (12.50, "0.00", "12.5"),
        (123456789012345, "0", "123456789012345"),
        (True, "General", "true"),
        (False, "General", "false"),
        ("0042", "@", "0042"),
        (datetime(2026, 1, 31), "yyyy-mm-dd", "2026-01-31"),  # noqa: DTZ001  (Excel has no zones)
        (datetime(2026, 1, 31, 12, 30), "yyyy-mm-dd hh:mm", "2026-01-31T12:30:00"),  # noqa: DTZ001
        (date(2026, 1, 31), "yyyy-mm-dd", "2026-01-31"),
        (time(12, 30), "hh:mm", "12:30:00"),
        (CellRichText("a ", TextBlock(InlineFont(b=True), "b")), "General", "a b"),
    ],
)
def test_values(
    sheet: Worksheet, tmp_path: Path, value: Any, number_format: str, shown: str
) -> None:
    """Numbers without what a computer adds, dates as ISO 8601 has them."""
    sheet.append(["name", "tag.x"])
    sheet.append(["a", value])
    sheet["B2"].number_format = number_format

    assert [{"x": shown}] == tags_of(saved(sheet, tmp_path))


def test_fields_of_other_types(sheet: Worksheet, tmp_path: Path) -> None:
    """Numbers and booleans reach the fields that are of their kind."""
    sheet.append(["Name", "Type", "Chunk period", "Chunk retention", "Active", "Serial number"])
    sheet.append([7, "immutable", "month", 6.0, True, 4711])
    (row,) = read_devices(saved(sheet, tmp_path))

    assert ("7", 6, True, "4711") == (
        row.device.name,
        row.device.chunk_retention,
        row.device.active,
        row.device.serie_number,
    )


def test_rows_that_hold_no_device(sheet: Worksheet, tmp_path: Path) -> None:
    """Titles, headings merged across columns and empty rows are left out; lines are rows."""
    for row in (["Our devices"], [], ["name", "tag.x"], ["Hall one"], ["a", 1], [], ["b", 2]):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("A4:B4")
    rows = read_devices(saved(sheet, tmp_path))

    assert [(5, 1, "a"), (7, 2, "b")] == [(row.line, row.number, row.device.name) for row in rows]


def test_a_cell_merged_over_rows_counts_in_each(sheet: Worksheet, tmp_path: Path) -> None:
    """As whoever merged it means it; a row that is nothing else is none."""
    for row in (["name", "tag.x"], ["a", "north"], ["b"], ["c"], [], ["d"]):
        sheet.append(row)
    sheet.merge_cells("B2:B5")
    path = saved(sheet, tmp_path)

    assert [{"x": "north"}] * 3 + [{}] == tags_of(path)


def test_formulas_are_what_they_came_to(sheet: Worksheet, tmp_path: Path) -> None:
    """A workbook that a spreadsheet has saved holds their values; another says what to do."""
    for row in (["name", "tag.x", "tag.y"], ["a", "=1+1", 3]):
        sheet.append(row)
    path = saved(sheet, tmp_path)
    (problem,) = problems_in(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, re.sub(rb"<f>1\+1</f><v ?/>", b"<f>1+1</f><v>2</v>", part))

    assert problem == (
        "2: tag.x (column B): is a formula without a value. "
        "Open the workbook in a spreadsheet and save it there"
    )
    assert [{"x": "2", "y": "3"}] == tags_of(path)


def test_which_sheet(sheet: Worksheet, tmp_path: Path) -> None:
    """The first that is shown, or the one that is named."""
    assert sheet.parent is not None
    sheet.append(["hidden"])
    sheet.sheet_state = "hidden"
    for name in ("North", "South"):
        other = sheet.parent.create_sheet(name)
        other.append(["name"])
        other.append([name])
    path = saved(sheet, tmp_path)

    assert ["North"] == [row.device.name for row in read_devices(path)]
    assert ["South"] == [row.device.name for row in read_devices(path, sheet="South")]
    assert ["has no sheet named 'West'. Sheets: 'Sheet', 'North', 'South'"] == problems_in(
        path, sheet="West"
    )


def test_a_sheet_of_a_text_is_refused(tmp_path: Path) -> None:
    """Whoever asks for one means another file."""
    path = tmp_path / "site.csv"
    path.write_text("name\na\n")

    assert ["is not an Excel workbook, so it has no sheet 'North'"] == problems_in(
        path, sheet="North"
    )


def test_a_workbook_by_another_name(sheet: Worksheet, tmp_path: Path) -> None:
    """Its content tells, not its suffix."""
    sheet.append(["name"])
    sheet.append(["a"])

    assert ["a"] == [row.device.name for row in read_devices(saved(sheet, tmp_path, "site.csv"))]
