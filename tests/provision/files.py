"""Files of devices as the tests of reading need them: written in any format, read, complained of.

Each writer also tells where it has put what: the line of a record, or of one of its keys, and the
column of a field.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import openpyxl
import orjson
import pytest
import yaml

from tagodev.provision import InvalidFileError, read_devices
from tagodev.provision._read.formats.table import column_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tagodev import InputError

__all__ = ["FORMATS", "KEYED", "TABLES", "Written", "problems_in", "problems_of", "write"]

Record: TypeAlias = "Mapping[str, Any]"

#: The quick one, where there is a library for it.
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@attrs.frozen
class Written:
    """A file, and where in it things are."""

    data: bytes
    """The file."""
    suffix: str
    """What its name ends in."""
    lines: tuple[int, ...]
    """The line on which each record begins."""
    key_lines: tuple[Mapping[str, int], ...] = ()
    """The lines of its keys, where they have lines of their own."""
    columns: Mapping[str, str] = attrs.field(factory=dict)
    """The letter of each column; empty where there are none."""

    def line(self, index: int, key: str = "") -> int:
        """Return where a record, or one of its keys, stands."""
        own = self.key_lines[index].get(key) if self.key_lines else None
        return own or self.lines[index]


def write(folder: Path, text: str | bytes, name: str = "site.csv") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems_of(path: Path, **options: Any) -> tuple[InputError, ...]:
    """Return what is wrong with a list of devices; each problem names the file."""
    with pytest.raises(InvalidFileError) as raised:
        read_devices(path, **options)
    assert all(problem.source == str(path) for problem in raised.value.problems)
    return raised.value.problems


def problems_in(path: Path, **options: Any) -> list[str]:
    """Return what is wrong with a list of devices as lines of text, without the file's name."""
    found = problems_of(path, **options)
    return [str(problem).removeprefix(f"{path}:").strip() for problem in found]


# --- tables ------------------------------------------------------------------------------------


def _header(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(["name", *(key for record in records for key in record)]))


def _letters(header: Sequence[str]) -> dict[str, str]:
    return {title: column_letter(index) for index, title in enumerate(header)}


def _csv(
    separator: str, mark: bytes = b"", suffix: str = "csv"
) -> Callable[[Sequence[Record]], Written]:
    def written(records: Sequence[Record]) -> Written:
        header = _header(records)
        lines, text = [], io.StringIO(newline="")
        # All quoted, since the writer leaves a lone carriage return unquoted.
        writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        for record in records:
            lines.append(len(_physical(text.getvalue())) + 1)
            writer.writerow(["" if (cell := record.get(key)) is None else cell for key in header])
        data = mark + text.getvalue().encode()
        return Written(data, suffix, tuple(lines), columns=_letters(header))

    return written


def _physical(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


def _excel(records: Sequence[Record]) -> Written:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    header = _header(records)
    rows: list[list[Any]] = [list(header), *([one.get(key) for key in header] for one in records)]
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(line, column, value)
            if isinstance(value, str):
                # It would take what begins with = for a formula.
                cell.data_type = "s"
    data = io.BytesIO()
    book.save(data)
    lines = tuple(range(2, len(records) + 2))
    return Written(data.getvalue(), "xlsx", lines, columns=_letters(header))


# --- objects -----------------------------------------------------------------------------------


def _json_lines(records: Sequence[Record]) -> Written:
    text = b"".join(orjson.dumps(record) + b"\n" for record in records)
    return Written(text, "jsonl", tuple(range(1, len(records) + 1)))


def _json(records: Sequence[Record]) -> Written:
    lines, text = [], "["
    for index, record in enumerate(records):
        text += ",\n" if index else "\n"
        lines.append(text.count("\n") + 1)
        text += orjson.dumps(record, option=orjson.OPT_INDENT_2).decode()
    return Written(f"{text}\n]\n".encode(), "json", tuple(lines))


def _document(records: Sequence[Record]) -> Written:
    lines = tuple(range(3, len(records) + 3))
    rows = ",\n".join(orjson.dumps(record).decode() for record in records)
    facts = '"format": 1, "kind": "export", "service": "", "intent": {"manager": "site"}'
    head = f'{{"tagodev": {{{facts}}},\n"devices": [\n'
    return Written(f"{head}{rows}\n]}}\n".encode(), "json", lines)


def _yaml(records: Sequence[Record]) -> Written:
    lines: list[int] = []
    keys: list[dict[str, int]] = []
    text = "# Devices.\n---\n"
    for record in records:
        lines.append(text.count("\n") + 1)
        keys.append({})
        text += "- " if record else "- {}\n"
        for index, (key, value) in enumerate(record.items()):
            keys[-1][key] = text.count("\n") + 1
            pair = yaml.dump({key: value}, Dumper=_DUMPER, allow_unicode=True, width=10_000)
            text += ("  " if index else "") + pair.replace("\n", "\n  ").removesuffix("  ")
    if not records:
        text += "[]\n"
    return Written(text.encode(), "yaml", tuple(lines), tuple(keys))


#: Tables; their cells are text.
TABLES: Final[Mapping[str, Callable[[Sequence[Record]], Written]]] = {
    "comma": _csv(","),
    "semicolon": _csv(";", mark=b"\xef\xbb\xbf"),
    "tab": _csv("\t", suffix="tsv"),
    "excel": _excel,
}
#: Objects with keys.
KEYED: Final[Mapping[str, Callable[[Sequence[Record]], Written]]] = {
    "json lines": _json_lines,
    "json": _json,
    "document": _document,
    "yaml": _yaml,
}
FORMATS: Final = {**TABLES, **KEYED}
