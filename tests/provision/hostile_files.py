"""Files made to take memory or time, in each format, and what is said of each."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Hostile", "hostile_files"]

MIB: Final = 2**20
#: More than the longest row.
LONG: Final = 3 * MIB // 2
#: More rows than are read where there are fewer than by default.
MANY: Final = 50_010
FEWER: Final = {"rows": 50_000}
Parts: TypeAlias = "Mapping[str, bytes]"

MAIN: Final = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TYPES: Final = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
GOOD: Final = b'<row r="1"><c t="inlineStr"><is><t>name</t></is></c></row>'


@attrs.frozen
class Hostile:
    """A hostile file."""

    name: str
    """What it is; its suffix is the file's."""
    data: bytes
    """Its content."""
    words: str = ""
    """A part of what is said of it; empty if it only must be read or refused."""
    size: int = 0
    """Its size, if it is filled up with zeros."""
    limits: Mapping[str, int] = attrs.field(factory=dict)
    """Limits to read it with, besides the defaults."""

    @property
    def suffix(self) -> str:
        """Return the suffix, empty if there is none."""
        return self.name.rpartition(".")[2] if "." in self.name else ""


def hostile_files() -> Iterator[Hostile]:
    """Yield the files."""
    for suffix in ("csv", "tsv", "json", "jsonl", "yaml", "xlsx", "txt"):
        begin = b"PK\x03\x04" if suffix == "xlsx" else b"name\n"
        words = "has more than 268,435,456 bytes"
        yield Hostile(f"sparse.{suffix}", begin, words, size=10 * 2**30)
        yield Hostile(f"zeros.{suffix}", b"", "", size=LONG)
        yield Hostile(f"noise.{suffix}", zlib.compress(bytes(range(256)) * 64) * 20)
    yield from _tables()
    yield from _json()
    yield from _json_lines()
    yield from _yaml()
    yield from _workbooks()


# --- text --------------------------------------------------------------------------------------


def _tables() -> Iterator[Hostile]:
    line = "line of more than 1,048,576 characters"
    yield Hostile("endless line.csv", b"name\n" + b"a" * LONG, line)
    yield Hostile("endless first line.csv", b"a" * LONG, line)
    yield Hostile("endless line without suffix", b"a" * LONG, line)
    yield Hostile("endless blanks.csv", b" " * LONG, line)
    yield Hostile("endless faces.csv", b"name\n" + "\U0001f600".encode() * 2 * MIB, line)
    yield Hostile("bytes.csv", b"name\n" + b"\xff" * LONG, line)
    yield Hostile("long cell.csv", b'name\n"' + b"a" * 500_000 + b'"\n', "131,072 characters")
    yield Hostile("quotes.csv", b"name\n" + b'"' * 2 * 500_000 + b"\n", "131,072 characters")
    yield Hostile("unclosed.csv", b'name\n"' + b"a,b\n" * 500_000, "131,072 characters")
    rows = "is a row of more than 1,048,576 characters"
    yield Hostile("endless row.csv", b"name\n" + b'"\n",' * 500_000, rows)
    yield Hostile("endless header.csv", b'"a\n",' * 500_000, rows)
    columns = "has more than 1,000 columns"
    yield Hostile("commas.csv", b"," * MIB + b"name\n", line)
    yield Hostile("many columns.csv", b"name" + b",a" * 100_000 + b"\n", columns)
    unknown = b",".join(b"column %d" % n for n in range(60_000))
    yield Hostile("unknown columns.csv", unknown[:100_000], columns)
    yield Hostile("thousand.csv", unknown[:8000], "unknown column")
    yield Hostile(
        "wide rows.csv", b"name\n" + (b"a" + b",b" * 500_000 + b"\n") * 4, "cells, but the"
    )
    yield Hostile(
        "blank lines.csv", b"name\n" + b"\n" * MANY, "has more than 50,000 rows", limits=FEWER
    )
    rows = "has more than 50,000 rows"
    yield Hostile("returns.csv", b"name\r" + b"\r" * MANY, rows, limits=FEWER)
    yield Hostile("bad rows.csv", b"name\n" + b"a,b\n" * 100_000, "2 cells, but the header has 1")
    yield Hostile("long word.csv", b"a" * 1_000_000 + b"\nb\n", "")
    yield Hostile("long separator.csv", b"sep=," + b" " * 1_000_000 + b"\nname\na\n", "")


def _json() -> Iterator[Hostile]:
    value = "is a value of more than 1,048,576 characters"
    deep = "is nested too deeply"
    yield Hostile("brackets.json", b"[" * MIB, deep)
    yield Hostile("braces.json", b'[{"a":' * MIB, deep)
    yield Hostile("deep key.json", b'[{"name": ' + b"[" * 300_000 + b"]" * 300_000 + b"}]", deep)
    for depth in range(300, 1000, 100):
        nested = b"[" * depth + b'"\\u00e9"' + b"]" * depth
        yield Hostile(f"nested {depth}.json", b'[{"name": "a", "tag.b": ' + nested + b"}]")
    yield Hostile("long text.json", b'[{"name": "' + b"a" * LONG + b'"}]', value)
    yield Hostile("unended text.json", b'[{"name": "' + b"a" * LONG, value)
    yield Hostile("long faces.json", b'["' + "\U0001f600".encode() * 2 * MIB + b'"]', value)
    yield Hostile("lists.json", b'[{"name": [' + b"[]," * MIB + b"[]]}]", value)
    yield Hostile("objects.json", b'[{"tags": [' + b"{}," * 300_000 + b"{}]}]")
    yield Hostile("digits.json", b'[{"name": ' + b"9" * 1_000_000 + b"}]", "is not JSON")
    yield Hostile("all digits.json", b"9" * LONG, "is not JSON")
    yield Hostile("exponent.json", b'[{"name": "a", "param.b": 1e999999999}]', "must be")
    yield Hostile("blanks.json", b" " * 20 * MIB, "is empty")
    yield Hostile("blanks within.json", b"[" + b" \n" * 5 * MIB + b'{"name": 1}]', "must be text")
    keys = b",".join(b'"key %d": 1' % n for n in range(50_000))
    yield Hostile("unknown keys.json", b"[{" + keys + b"}]", "has more than 1,000 keys")
    distinct = b",".join(b'"x-%d": 1' % n for n in range(30_000))
    data = b"{" + distinct + b', "devices": []}'
    words = "is a value of more than 99,999 characters"
    yield Hostile("all beside.json", data, words, limits={"row_length": 99_999})
    yield Hostile("one object.json", b"{" + (keys + b",") * 2, "duplicate key")
    yield Hostile("beside.json", b"{" + b'"x-a": 1,' * MIB + b'"devices": []}', "duplicate key")
    yield Hostile("same keys.json", b"[{" + b'"a":1,' * 90_000 + b'"a":1}]', "duplicate key")
    yield Hostile("escapes.json", b'[{"name": "' + b"\\ud800" * 150_000 + b'"}]', "surrogate")
    yield Hostile("nulls.json", b"[" + b"null," * MIB + b"null]", "must be an object")
    yield Hostile("empty.json", b"[" + b"{}," * MIB + b"{}]", "is required")
    yield Hostile("lines.json", b"[\n" + b"{}\n" * MIB, "is not JSON")
    yield Hostile("commas.json", b"[" + b"," * LONG, "is not JSON")
    yield Hostile("json without suffix", b"[" * LONG, deep)
    flag = b'{"name": "a", "active": [' + b"0," * 100_000 + b"0]},"
    yield Hostile("shown.json", b"[" + flag * 5 + b"{}]", "must be true or false")


def _json_lines() -> Iterator[Hostile]:
    line = "line of more than 1,048,576 characters"
    yield Hostile("endless line.jsonl", b'{"name": "' + b"a" * LONG, line)
    yield Hostile("endless blanks.jsonl", b" " * LONG, line)
    lines = "has more than 50,000 lines"
    yield Hostile("blank lines.jsonl", b"\n" * MANY, lines, limits=FEWER)
    yield Hostile("brackets.jsonl", b"[" * 500_000, "is nested too deeply")
    yield Hostile("digits.jsonl", b"9" * 500_000, "is not JSON")
    yield Hostile("bad rows.jsonl", b"{\n" * 300_000, "is not JSON")
    yield Hostile(
        "lists.jsonl", b'{"tags": [' + b"[]," * 300_000 + b"[]]}\n", "more than 1,000 items"
    )


def _yaml() -> Iterator[Hostile]:
    aliases = "is too large with its aliases expanded"
    value = "is a value or comment of more than 1,048,576 characters"
    deep = "is nested too deeply"
    laughs = b"x-a: &a [" + b"b," * 9 + b"b]\n"
    for before, name in zip(b"abcdefgh", b"bcdefghi", strict=True):
        items = b",".join([b"*%c" % before] * 10)
        laughs += b"x-%c: &%c [%s]\n" % (name, name, items)
    yield Hostile("laughs.yaml", laughs + b"devices: [{name: *i}]\n", aliases)
    big = b"x-a: &a {" + b",".join(b"tag.t%d: v" % n for n in range(10_000)) + b"}\n"
    yield Hostile(
        "aliases.yaml", big + b"devices: [" + b"*a," * 300_000 + b"]\n", "more than 1,000 keys"
    )
    ninety = b"x-a: &a {name: a" + b"".join(b", param.p%d: v" % n for n in range(50)) + b"}\n"
    merged = b"- <<: *a\n  name: a\n" * 50_000
    data = ninety + b"devices:\n" + merged
    yield Hostile("merged.yaml", data, "bytes of memory", limits={"memory_bytes": 10 * MIB})
    text = b"x-a: &a " + b"t" * 500_000 + b"\n"
    shown = b"devices: [{name: a, active: [" + b"*a," * 100_000 + b"]}]\n"
    yield Hostile("long alias.yaml", text + shown, aliases)
    yield Hostile("merges.yaml", b"- &a {name: a}\n- {<<: [" + b"*a," * 100_000 + b"]}\n", aliases)
    yield Hostile("brackets.yaml", b"[" * MIB, "nest")
    yield Hostile("braces.yaml", b"{a: " * MIB, "nest")
    yield Hostile("dashes.yaml", b"- " * 300_000, deep)
    yield Hostile("questions.yaml", b"? " * 300_000, deep)
    yield Hostile("keys.yaml", b"{? " * 300_000, deep)
    yield Hostile("scalars.yaml", b"- name: [" + b"a," * 100_000 + b"]\n", aliases)
    yield Hostile("not devices.yaml", b"devices: {" + b"a: b, " * 100_000 + b"}\n", aliases)
    yield Hostile("beside.yaml", b"x-a: b\n" * 20_000 + b"devices: []\n", "duplicate key")
    documents = "has more than 50,000 documents"
    yield Hostile("documents.yaml", b"---\n" * MANY, documents, limits=FEWER)
    yield Hostile("plain.yaml", b"- name: " + b"a" * LONG, value)
    yield Hostile("words.yaml", b"- name: " + b"a " * LONG, value)
    yield Hostile("quoted.yaml", b'- name: "' + b"a" * LONG, value)
    yield Hostile("block.yaml", b"- name: |\n" + b"    a\n" * MIB, value)
    yield Hostile("anchor.yaml", b"- &" + b"a" * LONG + b" b\n", value)
    yield Hostile("type.yaml", b"- !" + b"a" * LONG + b" b\n", value)
    yield Hostile("comment.yaml", b"#" * LONG, value)
    yield Hostile("blanks.yaml", b"\n" * LONG, value)
    yield Hostile("types.yaml", b"- name: [" + b"!a b, " * 15_000 + b"]\n", "is an unknown type")
    yield Hostile("missing.yaml", b"- name: [" + b"*a, " * 15_000 + b"]\n", "is not defined")
    yield Hostile("nulls.yaml", b"-\n" * 300_000, "must be an object")
    yield Hostile("same keys.yaml", b"- {" + b"a: b, " * 15_000 + b"}\n", "is a duplicate key")


# --- workbooks ---------------------------------------------------------------------------------


def workbook(parts: Parts | None = None, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a workbook with some parts in place of its own."""
    relation = b'<Relationship Id="%s" Type="' + TYPES + b'/%s" Target="%s"/>'
    related = b"".join(
        relation % one
        for one in (
            (b"r1", b"worksheet", b"worksheets/sheet1.xml"),
            (b"r2", b"sharedStrings", b"sharedStrings.xml"),
            (b"r3", b"styles", b"styles.xml"),
        )
    )
    book = b'<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>'
    whole = {
        "_rels/.rels": b"<r>" + relation % (b"r1", b"officeDocument", b"xl/workbook.xml") + b"</r>",
        "xl/workbook.xml": b'<workbook %s xmlns:r="%s">%s</workbook>' % (MAIN, TYPES, book),
        "xl/_rels/workbook.xml.rels": b"<r>%s</r>" % related,
        "xl/sharedStrings.xml": b"<sst><si><t>a</t></si></sst>",
        "xl/styles.xml": b'<styleSheet><cellXfs><xf numFmtId="0"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": sheet(b'<row><c t="s"><v>0</v></c></row>'),
        **(parts or {}),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method, compresslevel=6) as archive:
        for name, part in whole.items():
            archive.writestr(name, part)
    return data.getvalue()


def sheet(rows: bytes, after: bytes = b"") -> bytes:
    """Return a sheet with a header and rows."""
    return b"<worksheet><sheetData>%s%s</sheetData>%s</worksheet>" % (GOOD, rows, after)


def _merged(*ranges: bytes) -> bytes:
    return b"<mergeCells>%s</mergeCells>" % b"".join(b'<mergeCell ref="%s"/>' % r for r in ranges)


def _sheets() -> Iterator[tuple[str, bytes, str]]:
    """Yield the sheets of hostile workbooks: name, content, what is said."""
    row = b"<row>%s</row>"
    named = row % b'<c t="s"><v>0</v></c>'
    cell = b'<c r="%s" t="s"><v>0</v></c>'
    everything = _merged(b"A3:XFD1048576")
    long = "is a row of more than 1,048,576 characters"
    tag = "has a cell or tag of more than 1,048,576 characters"
    cells = "has more than 5,000,000 cells"
    yield "merged", sheet(named, everything), ""
    yield "merged wide", sheet(named, _merged(b"A2:XFD2", b"B3:XFD900000")), ""
    yield "merged often", sheet(named * 2000, _merged(*[b"B2:B1048576"] * 9000)), cells
    yield "merged backwards", sheet(named, _merged(b"XFD1048576:A1", b"A1:")), ""
    yield "merged nowhere", sheet(named, _merged(b"?", b"A1")), "is a damaged Excel workbook"
    yield "merges", sheet(named, _merged(*[b"A9:B9"] * 205_000)), "bytes of memory"
    yield "far column", sheet(row % (cell % b"XFD2")), "has more than 1,000 columns"
    yield "farther column", sheet(row % (cell % b"ZZZZZZZZZZZZ2")), "has more than 1,000 columns"
    yield "far empty", sheet(row % b'<c r="XFD2"/>' * 50_000 + named), ""
    yield "far cells", sheet(row % (cell % b"ALL2") * 6000), "has a value, but the column has no"
    yield "far row", sheet(b'<row r="9999999999">%s</row>' % (cell % b"A9")), "1,048,576 rows"
    yield "empty rows", sheet(b"<row/>" * MANY), "has more than 50,000 rows"
    yield "no number", sheet(b'<row r="x"/>'), "is a damaged Excel workbook"
    yield "infinite row", sheet(b'<row r="1e999"/>'), "is a damaged Excel workbook"
    yield "cells of a row", sheet(row % (b"<c/>" * 50_000)), ""
    text = b'<c t="inlineStr"><is><t>%s</t></is></c>'
    yield "blanks", sheet(row % (text % (b" " * LONG))), tag
    yield "newlines", sheet(row % (text % (b"\n" * LONG))), tag
    yield "pieces", sheet(row % (text % (b"aaaaaaaaaaaaa</t><t>" * 100_000))), long
    yield "letters", sheet(row % (text % (b"a" * 700_000) * 2)), long
    yield "blanks between", sheet(b" " * LONG), tag
    yield "comment", sheet(b"<!--%s-->" % (b"a" * LONG)), tag
    yield "instruction", sheet(b"<?a %s?>" % (b"a" * LONG)), tag
    yield "attribute", sheet(b'<row a="%s"/>' % (b"a" * LONG)), tag
    attributes = b" ".join(b'a%d=""' % n for n in range(300_000))
    yield "attributes", sheet(b"<row %s/>" % attributes), tag
    yield "deep", sheet(b"<row>" * 300_000), "its XML is nested too deeply"
    yield "elements", sheet(b"<a/>" * 100_000), ""
    digits = b"<c><v>%s</v></c>" % (b"9" * 5000)
    yield "digits", sheet(row % digits), "is not a number"
    yield "text number", sheet(row % b"<c><v>nan</v></c>"), "is not a number"
    yield "large number", sheet(row % b"<c><v>1e999</v></c>"), "more than 15 digits"
    yield "no text", sheet(row % b'<c t="s"><v>99</v></c>'), "is a damaged Excel workbook"
    yield "no style", sheet(row % b'<c s="99999999"><v>1</v></c>'), ""
    yield "formula", sheet(row % b"<c><f>%s</f><v>1</v></c>" % (b"(" * 900_000)), ""
    yield "nothing", b"", "is a damaged Excel workbook"
    yield "cut", sheet(named)[:-20], "is a damaged Excel workbook"
    entity = b'<!DOCTYPE a [<!ENTITY a "%s"><!ENTITY b "%s">]>' % (b"a" * 9999, b"&a;" * 999)
    yield "entities", entity + sheet(row % (text % b"&b;")), "its XML has a document type"
    two_bytes = ('<?xml version="1.0" encoding="UTF-16"?>' + entity.decode()).encode("utf-16")
    yield "entities of two bytes", two_bytes, "its XML has a document type"


def _workbooks() -> Iterator[Hostile]:
    part = "xl/worksheets/sheet1.xml"
    for name, content, words in _sheets():
        data = workbook({part: content}, method=zipfile.ZIP_STORED)
        limits = FEWER if name == "empty rows" else {}
        yield Hostile(f"{name}.xlsx", data, words, limits=limits)
    bomb = "unpacks to more than 200 times its size"
    for name in ("sharedStrings", "worksheets/sheet1", "other"):
        yield Hostile(f"bomb {name[-5:]}.xlsx", workbook({f"xl/{name}.xml": b" " * 9 * MIB}), bomb)
    strings = b"<sst>" + b"<si><t/></si>" * 30_000 + b"</sst>"
    stored = zipfile.ZIP_STORED
    yield Hostile("texts.xlsx", workbook({"xl/sharedStrings.xml": strings}, method=stored), "")
    faces = "<sst>{}</sst>".format("<si><t>{}</t></si>".format("a" * 60_000 + "\U0001f600") * 900)
    data = workbook({"xl/sharedStrings.xml": faces.encode()}, method=stored)
    yield Hostile("faces.xlsx", data, "bytes of memory")
    styles = b"<s>" + b'<numFmt numFmtId="164" formatCode="%s"/>' % (b"[" * 900_000)
    styles += b"<cellXfs>%s</cellXfs></s>" % (b'<xf numFmtId="164"/>' * 70_000)
    dated = sheet(b'<row><c s="9"><v>1</v></c></row>' * 10)
    data = workbook({"xl/styles.xml": styles, part: dated}, method=stored)
    yield Hostile("styles.xlsx", data, "")
    codes = b"".join(
        b'<numFmt numFmtId="%d" formatCode="%s%d"/>' % (n, b"[" * 250, n) for n in range(9000)
    )
    xfs = b"".join(b'<xf numFmtId="%d"/>' % n for n in range(9000))
    styled = sheet(b"".join(b'<row><c s="%d"><v>1</v></c></row>' % n for n in range(1000)))
    styles = b"<s>%s<cellXfs>%s</cellXfs></s>" % (codes, xfs)
    yield Hostile("formats.xlsx", workbook({"xl/styles.xml": styles, part: styled}), "")
    book = b'<workbook xmlns:r="r">%s</workbook>' % (b'<sheet name="a" r:id="r1"/>' * 20_000)
    yield Hostile("sheets.xlsx", workbook({"xl/workbook.xml": book}), "more than 10,000 sheets")
    relations = b"".join(b'<Relationship Id="%d" Type="a" Target="b"/>' % n for n in range(20_000))
    data = workbook({"xl/_rels/workbook.xml.rels": b"<r>%s</r>" % relations})
    yield Hostile("relations.xlsx", data, "too many relationships")
    directory = b"PK\x01\x02" + bytes(42)
    yield Hostile("parts.xlsx", b"PK\x03\x04" + directory * 20_000, "more than 10,000 parts")
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        data = workbook(method=method)
        yield Hostile(f"method {method}.xlsx", data, "is compressed in another way")
    good = workbook()
    # The size after unpacking, in the directory.
    for size in (0, 1, 2**31, 2**32 - 2):
        changed = bytearray(good)
        for at in _entries(good):
            changed[at + 24 : at + 28] = size.to_bytes(4, "little")
        yield Hostile(f"said {size}.xlsx", bytes(changed), "workbook" if size < 2 else "than")
    changed = bytearray(good)
    for at in _entries(good):
        changed[at + 8] |= 1
    yield Hostile("encrypted.xlsx", bytes(changed), "is a damaged Excel workbook")
    for cut in range(len(good) // 8, len(good), len(good) // 8):
        yield Hostile(f"cut {cut}.xlsx", good[:cut], "is a damaged Excel workbook")


def _entries(data: bytes) -> Iterator[int]:
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        yield at
