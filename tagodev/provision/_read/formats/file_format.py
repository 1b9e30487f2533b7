"""Detection of a file's format, and the parser for it.

Workbooks are detected by their first bytes, text files by their suffix, or else by their first
line.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.formats.csv import read_csv
from tagodev.provision._read.formats.encoding import HEAD_SIZE, check_encoding
from tagodev.provision._read.formats.json import is_json_line, read_json, read_json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tagodev.provision._read.record import Found, Schema

__all__ = ["FileFormat", "Format", "format_of", "without_suffix"]

Format: TypeAlias = Literal["csv", "json", "json lines", "yaml", "excel"]

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_WORKBOOKS: Final = (".xlsx", ".xlsm")
_ZIP: Final = b"PK\x03\x04"
#: First bytes of old binary workbooks and of encrypted ones.
_OLD_WORKBOOK: Final = b"\xd0\xcf\x11\xe0"
_YAML_BEGINS: Final = re.compile(r"---(\s|$)|-\s|%YAML|devices\s*:", re.IGNORECASE)


@attrs.frozen
class FileFormat:
    """A file and its format."""

    path: Path
    """Path of the file."""
    name: Format
    """Its format."""
    sheet: str | None = None
    """Sheet of a workbook; None for the first visible one."""

    @property
    def in_memory(self) -> bool:
        """Whether the whole file is read into memory."""
        return self.name not in ("csv", "json lines")

    def records(self, schema: Schema) -> Iterator[Found]:
        """Yield the file's records, and its problems, in line order.

        Args:
            schema: the allowed columns.
        """
        try:
            if self.name == "excel":
                with self.path.open("rb") as book:
                    yield from _read_excel(book, schema, self.sheet)
                return
            # Line breaks inside a CSV cell are part of its value.
            newline = "" if self.name == "csv" else None
            # Bytes that are not UTF-8 become surrogates, which are reported with their line.
            with self.path.open(
                encoding="utf-8-sig", errors="surrogateescape", newline=newline
            ) as file:
                yield from _READERS[self.name](file, schema)
        except InputError as error:
            yield error
        except OSError as error:
            yield InputError(f"can't be read: {error.strerror or error}")


def format_of(path: Path, sheet: str | None = None) -> FileFormat:
    """Return the format of a file.

    Args:
        path: path of the file.
        sheet: sheet of a workbook; None for the first visible one.

    Raises:
        InputError: the file can't be read, or its format is not supported.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_SIZE)
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as text:
            first = next((line for line in text if not line.isspace()), "").lstrip()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}") from None
    if head.startswith(_OLD_WORKBOOK):
        raise InputError(
            "is an old Excel workbook (.xls), or protected by a password",
            hint="Save it as .xlsx without a password, or as CSV UTF-8",
        )
    if head.startswith(_ZIP):
        return FileFormat(path, "excel", sheet)
    if path.suffix.casefold() in _WORKBOOKS:
        raise InputError("is not an Excel workbook, despite its name")
    if sheet is not None:
        raise InputError(f"is not an Excel workbook, so it has no sheet {sheet!r}")
    check_encoding(head)
    name = _SUFFIXES.get(path.suffix.casefold())
    return FileFormat(path, name or _format_by_first_line(first))


def without_suffix(name: str) -> str:
    """Return a file name without the suffix of a supported format.

    Args:
        name: the file name, without its folder.
    """
    folded = name.casefold()
    for suffix in (*_SUFFIXES, *_WORKBOOKS):
        if folded.endswith(suffix):
            return name[: -len(suffix)]
    return name


def _format_by_first_line(line: str) -> Format:
    if line.startswith(("{", "[")):
        return "json lines" if is_json_line(line) else "json"
    return "yaml" if _YAML_BEGINS.match(line) else "csv"


def _read_yaml(file: IO[str], schema: Schema) -> Iterator[Found]:
    try:
        from tagodev.provision._read.formats.yaml import read_yaml  # noqa: PLC0415  (needs an extra)
    except ModuleNotFoundError:
        raise InputError(
            "PyYAML is required to read YAML", hint="pip install 'tagodev[yaml]'"
        ) from None
    return read_yaml(file, schema)


def _read_excel(file: IO[bytes], schema: Schema, sheet: str | None) -> Iterator[Found]:
    try:
        from tagodev.provision._read.formats.excel import read_excel  # noqa: PLC0415  (needs an extra)
    except ModuleNotFoundError:
        raise InputError(
            "openpyxl is required to read Excel", hint="pip install 'tagodev[excel]'"
        ) from None
    return read_excel(file, schema, sheet)


_READERS: Final[dict[Format, Callable[[IO[str], Schema], Iterator[Found]]]] = {
    "csv": read_csv,
    "json": read_json,
    "json lines": read_json_lines,
    "yaml": _read_yaml,
}
