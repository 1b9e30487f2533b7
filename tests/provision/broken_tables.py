"""Broken tables: quotes, separators, encodings, workbooks."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, Final

import openpyxl

from tests.provision.faults import Broken, Expected, one, text
from tests.provision.files import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["broken_tables"]

_HUGE: Final = "x" * 200_000
_QUOTE: Final = "a double quote is not closed"


def broken_tables() -> Iterator[Broken]:
    """Yield them all."""
    yield from _csv_texts()
    yield from _encodings()
    yield from _workbooks()


def _csv_texts() -> Iterator[Broken]:
    yield text("empty.csv", "", one(1, "is empty"))
    yield text("blank.csv", "\n\n  \n", one(3, "no column name"))
    yield text(
        "no name at all.csv",
        "type,active\nmutable,so\n",
        one(1, "no column name"),
        one(2, "true or false", "active", "B"),
    )
    yield text(
        "bars.csv",
        "name|type\na|b\n",
        one(1, "separated by commas, semicolons", "name|type", "A"),
        one(1, "no column name"),
    )
    yield text("never closed.csv", 'name\na\n"b\nc\n', one(3, _QUOTE))
    yield text("header never closed.csv", 'name,"type\na\nb\n', one(1, _QUOTE))
    yield text(
        "quote inside.csv",
        'name,active\n"a"b,yes\n"c" ,yes\nd,so\n',
        one(2, "after a closing double quote"),
        one(3, "after a closing double quote"),
        one(4, "true or false", "active", "B"),
    )
    yield text(
        "huge cell.csv",
        f"name,active\n{_HUGE},yes\nb,so\n",
        one(2, "more than 131,072 characters"),
        one(3, "true or false", "active", "B"),
    )
    yield text(
        "huge and never closed.csv",
        'name\n"a\n' + "b\n" * 100_000,
        one(2, "more than 131,072 characters"),
    )
    yield text(
        "too many cells.csv",
        "name,active\na,yes,x\nb,so\nc,no,,\n",
        one(2, "3 cells, but the header has 2"),
        one(3, "true or false", "active", "B"),
    )
    yield text(
        "too few cells.csv",
        "name;active\na\nb;so\n",
        one(2, "1 cell, but the header has 2"),
        one(3, "true or false", "active", "B"),
    )
    yield text(
        "another separator below.csv", "name;active\na,yes\n", one(2, "separated by semicolons")
    )
    yield text(
        "zeros.csv",
        b"name,active\na\0b,so\nc\0,yes\n",
        one(2, "contains a zero byte"),
        one(2, "true or false", "active", "B"),
    )
    yield text(
        "lines.csv",
        'name,active\r\n"a\r\nb",yes\r\n\r\n"c\nd",so\r\n',
        one(5, "true or false", "active", "B"),
    )
    yield text(
        "no header.csv",
        "Cold room,mutable,yes\nWarm room,mutable,yes\n",
        one(1, "unknown column", "Cold room", "A"),
        one(1, "unknown column", "mutable", "B"),
        one(1, "unknown column", "yes", "C"),
        one(1, "no column name"),
    )


def _encodings() -> Iterator[Broken]:
    rows = "name,active\nKühlraum,so\n"
    for encoding, words in (
        ("utf-16", "is UTF-16"),
        ("utf-16-le", "probably UTF-16"),
        ("utf-16-be", "probably UTF-16"),
        ("utf-32", "is UTF-32"),
    ):
        yield text(f"{encoding}.csv", rows.encode(encoding), one(None, words))
    yield text(
        "Windows-1252.csv",
        rows.encode("cp1252"),
        one(2, "probably Windows-1252: 'ü' at character 2"),
        one(2, "true or false", "active", "B"),
    )
    yield text(
        "mixed.csv", "name\nKühlraum ".encode() + b"\xfc\n", one(2, "is not UTF-8 at character 10")
    )
    yield text("undefined byte.csv", b"name\na\x81\n", one(2, "is not UTF-8 at character 2"))
    yield text(
        "latin-1.jsonl",
        '{"name": "ü"}\n{"nmae": "b"}\n'.encode("latin-1"),
        one(1, "probably Windows-1252"),
        one(2, "unknown column", "nmae"),
        one(2, "is required", "name"),
    )
    yield text(
        "latin-1.json", '[\n{"name": "ü"}\n]'.encode("latin-1"), one(2, "probably Windows-1252")
    )
    yield text(
        "latin-1.yaml",
        "- name: a\n- name: ü\n".encode("latin-1"),
        one(2, "probably Windows-1252"),
    )
    yield text(
        "picture.csv",
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0\0\0\0\1" * 20,
        one(None, "is not a text file"),
    )
    yield text(
        "old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9, one(None, "is an old Excel workbook")
    )


# --- workbooks ---------------------------------------------------------------------------------


def _workbooks() -> Iterator[Broken]:
    good = FORMATS["excel"]([{"name": "a"}, {"name": "b"}]).data
    yield text("a text.xlsx", "name\na\n", one(None, "is not an Excel workbook"))
    yield text("nothing.xlsx", "", one(None, "is not an Excel workbook"))
    yield text("cut off.xlsx", good[: len(good) // 2], one(None, "is a damaged Excel workbook"))
    yield text(
        "only a zip.xlsx", _zipped({"a.txt": b"a"}), one(None, "is a damaged Excel workbook")
    )
    yield text(
        "broken sheet.xlsx",
        _rezipped(good, "xl/worksheets/sheet1.xml", b"<worksheet"),
        one(None, "is a damaged Excel workbook"),
    )
    yield text(
        "no sheet.xlsx",
        _rezipped(good, "xl/worksheets/sheet1.xml", None),
        one(None, "has no sheet"),
    )
    yield _cells("empty.xlsx", [], one(1, "is empty"))
    yield _cells(
        "formula.xlsx",
        [["name", "active"], ["=1+1", "so"], ["b", "=TRUE()"]],
        one(2, "is a formula without a value", "name", "A"),
        one(2, "true or false", "active", "B"),
        one(3, "is a formula without a value", "active", "B"),
    )
    yield _cells(
        "errors.xlsx",
        [["name", "tag.a"], ["#REF!", "#DIV/0!"], ["b", "c"]],
        one(2, "contains the error #REF!", "name", "A"),
        one(2, "contains the error #DIV/0!", "tag.a", "B"),
    )
    yield _cells(
        "long serial.xlsx",
        [["name", "Serial number"], ["a", 1234567890123456e3]],
        one(2, "more than 15 digits", "Serial number", "B"),
    )
    yield _cells(
        "half a number.xlsx",
        [["name", "chunk_retention"], ["a", 1.5]],
        one(2, "must be a whole number", "chunk_retention", "B"),
    )
    yield _cells(
        "gaps.xlsx",
        [[], [None, "name", "active"], [], [None, "a", "so"], [], [None, None, "no"]],
        one(4, "true or false", "active", "C"),
        one(6, "is required", "name", "B"),
    )
    yield _cells(
        "far right.xlsx",
        [["name"], ["a"] + [None] * 26 + ["x"]],
        one(2, "column has no name in the header", "", "AB"),
    )


def _cells(name: str, rows: Sequence[Sequence[Any]], *expected: Expected) -> Broken:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    data = io.BytesIO()
    book.save(data)
    return Broken(name, data.getvalue(), expected)


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return data.getvalue()


def _rezipped(data: bytes, name: str, part: bytes | None) -> bytes:
    """Return an archive with one part replaced, or taken out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {one: archive.read(one) for one in archive.namelist() if one != name}
    return _zipped(parts if part is None else {**parts, name: part})
