"""Detection of a file's format, and the parser for it.

Workbooks are detected by their first bytes, text files by their suffix, or else by their first
line.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.formats.csv import read_csv
from tagodev.provision._read.formats.encoding import HEAD_SIZE, check_encoding
from tagodev.provision._read.formats.json import is_json_line, read_json, read_json_lines
from tagodev.provision._read.formats.regular_file import Version, open_file, open_text, version_of
from tagodev.provision._read.limits import FileLimits, MemoryBudget, weight_of
from tagodev.provision._read.record import Record

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
#: Maximum number of blank lines before the line that shows the format.
_BLANK_LINES: Final = 1000
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
    limits: FileLimits = attrs.field(factory=FileLimits, kw_only=True)
    """The largest file that is read."""
    version: Version = attrs.field(kw_only=True)
    """Version of the file whose format was detected; another one is not read."""

    @property
    def in_memory(self) -> bool:
        """Whether its rows are kept in memory."""
        return self.name not in ("csv", "json lines")

    def records(self, schema: Schema) -> Iterator[Found]:
        """Yield the file's records, and its problems, in line order.

        Args:
            schema: the allowed columns.
        """
        budget = MemoryBudget(self.limits)
        try:
            with open_file(self.path) as file:
                self._check_version(file)
                if self.name == "excel":
                    found = _read_excel(file, schema, self.sheet, budget)
                else:
                    # Line breaks inside a CSV cell are part of its value.
                    text = open_text(file, "" if self.name == "csv" else None)
                    found = _READERS[self.name](text, schema, self.limits)
                for one in found:
                    if self.in_memory and isinstance(one, Record):
                        budget.take(weight_of(one.values), one.line)
                    yield one
                self._check_version(file)
        except InputError as error:
            yield error
        except OSError as error:
            yield InputError(f"can't be read: {error.strerror or error}")

    def _check_version(self, file: BinaryIO) -> None:
        if version_of(file) != self.version:
            raise InputError("was changed while it was read", hint="Re-run the command")


def format_of(path: Path, sheet: str | None = None, limits: FileLimits | None = None) -> FileFormat:
    """Return the format of a file.

    Args:
        path: path of the file.
        sheet: sheet of a workbook; None for the first visible one.
        limits: the largest file to read; default: `FileLimits()`.

    Raises:
        InputError: the file is too large, can't be read, or its format is not supported.
    """
    limits = limits or FileLimits()
    try:
        with open_file(path) as file:
            version = version_of(file)
            if version[0] > limits.file_bytes:
                raise limits.exceeded("file_bytes", "has more than {} bytes", needed=version[0])
            head = file.read(HEAD_SIZE)
            file.seek(0)
            first = _first_line(open_text(file), limits.row_length)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}") from None
    if head.startswith(_OLD_WORKBOOK):
        raise InputError(
            "is an old Excel workbook (.xls), or protected by a password",
            hint="Save it as .xlsx without a password, or as CSV UTF-8",
        )
    if head.startswith(_ZIP):
        return FileFormat(path, "excel", sheet, limits=limits, version=version)
    if path.suffix.casefold() in _WORKBOOKS:
        raise InputError("is not an Excel workbook, despite its name")
    if sheet is not None:
        raise InputError(f"is not an Excel workbook, so it has no sheet {sheet!r}")
    check_encoding(head)
    name = _SUFFIXES.get(path.suffix.casefold())
    name = name or _format_by_first_line(first)
    return FileFormat(path, name, limits=limits, version=version)


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


def _first_line(text: IO[str], longest: int) -> str:
    """Return the first line that is not blank, without white space before it."""
    lines = islice(iter(lambda: text.readline(longest), ""), _BLANK_LINES)
    return next((line for line in lines if not line.isspace()), "").lstrip()


def _format_by_first_line(line: str) -> Format:
    if line.startswith(("{", "[")):
        return "json lines" if is_json_line(line) else "json"
    return "yaml" if _YAML_BEGINS.match(line) else "csv"


def _read_yaml(file: IO[str], schema: Schema, limits: FileLimits) -> Iterator[Found]:
    try:
        from tagodev.provision._read.formats.yaml import read_yaml  # noqa: PLC0415  (needs an extra)
    except ModuleNotFoundError:
        raise InputError(
            "PyYAML is required to read YAML", hint="pip install 'tagodev[yaml]'"
        ) from None
    return read_yaml(file, schema, limits)


def _read_excel(
    file: BinaryIO, schema: Schema, sheet: str | None, budget: MemoryBudget
) -> Iterator[Found]:
    try:
        from tagodev.provision._read.formats.excel import read_excel  # noqa: PLC0415  (needs an extra)
    except ModuleNotFoundError:
        raise InputError(
            "openpyxl is required to read Excel", hint="pip install 'tagodev[excel]'"
        ) from None
    return read_excel(file, schema, sheet, budget)


_READERS: Final[dict[Format, Callable[[IO[str], Schema, FileLimits], Iterator[Found]]]] = {
    "csv": read_csv,
    "json": read_json,
    "json lines": read_json_lines,
    "yaml": _read_yaml,
}
