"""Limits on files, so that reading a damaged or hostile one takes bounded memory and time."""

from __future__ import annotations

from sys import getsizeof
from typing import Any, Final

import attrs

from tagodev.errors import InputError

__all__ = ["FileLimits", "MemoryBudget", "weight_of"]

#: Memory of a row and of one of its values, without its text; measured, rounded up.
_ROW: Final = 600
_VALUE: Final = 180


def _check(_: FileLimits, field: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError("must be a whole number above 0", path=field.name)


def _limit(default: int) -> int:
    return attrs.field(default=default, validator=_check)


@attrs.frozen(kw_only=True)
class FileLimits:
    """The largest file that `read_devices` and its relatives read.

    The defaults allow every list for a profile of 10,000 devices, and keep memory below 300 MB.
    A file beyond a limit is refused with a message that names the limit.

    Example:
        ``read_devices("large.json", limits=FileLimits(memory_bytes=2**30))``
    """

    file_bytes: int = _limit(256 * 2**20)
    """Bytes of the file; for a workbook, also of its unpacked content."""
    memory_bytes: int = _limit(192 * 2**20)
    """Memory for the rows of a JSON, YAML or Excel file, which are kept; those of CSV and JSON
    Lines are not."""
    rows: int = _limit(2**20)
    """Rows, blank ones included."""
    columns: int = _limit(1000)
    """Columns of a table, or keys of an object."""
    row_length: int = _limit(2**20)
    """Characters of one row, with all its values and with YAML aliases expanded."""
    cells: int = _limit(5_000_000)
    """Cells of a sheet, with the empty and merged ones before the last value of each row."""
    expansion: int = _limit(200)
    """Ratio of the unpacked size of a part of a workbook to its size in the file."""
    advice: str = attrs.field(default="limits=FileLimits({name}={value})", repr=False)
    """How to raise a limit, for messages."""

    def exceeded(
        self, name: str, message: str, *, line: int | None = None, needed: int = 0
    ) -> InputError:
        """Return the error for a file beyond a limit.

        Args:
            name: name of the limit.
            message: what is too large; the limit replaces ``{}``.
            line: the line of the file.
            needed: the value that the file needs, if it is known.
        """
        limit: int = getattr(self, name)
        advice = self.advice.format(name=name, value=max(needed, 2 * limit))
        return InputError(
            message.format(f"{limit:,}"), line=line, hint=f"To read it all the same: {advice}"
        )


class MemoryBudget:
    """The memory that the content of one file may still take.

    Args:
        limits: the limits.
    """

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._left = limits.memory_bytes

    def take(self, size: int, line: int | None = None) -> None:
        """Take memory.

        Args:
            size: bytes.
            line: the line of the file that needs it.

        Raises:
            InputError: less is left.
        """
        self._left -= size
        if self._left < 0:
            error = self.limits.exceeded("memory_bytes", "takes more than {} bytes of memory")
            error.line = line
            error.hint = f"Save it as CSV, which is read row by row. {error.hint}"
            raise error


def weight_of(values: Any) -> int:
    """Return about how much memory the row of a record takes.

    Args:
        values: the values of the record.
    """
    weight, rest = _ROW, [values]
    while rest:
        value = rest.pop()
        weight += _VALUE
        if isinstance(value, str):
            weight += getsizeof(value)
        elif isinstance(value, dict):
            rest += value.values()
            weight += sum(map(len, value))
        elif isinstance(value, list):
            rest += value
    return weight
