"""Reading lists of devices: CSV with a header, and JSON Lines.

A file is read twice.
The first time everything in it is checked and counted, so that all that is wrong is known before
anything is sent; the second time rows are handed out as they are needed.
Neither keeps the rows, whatever their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

import attrs

from tagodev.errors import InputError
from tagodev.provision.cells import read_device, read_device_id, refuse_device_column
from tagodev.provision.records import Record, Schema, read_records

if TYPE_CHECKING:
    import os

    from tagodev.models import DeviceCreate

__all__ = [
    "MAX_PROBLEMS",
    "Convert",
    "DeviceIdRow",
    "DeviceRow",
    "InvalidFileError",
    "RowFile",
    "invalid_file",
    "open_rows",
    "read_device_ids",
    "read_devices",
]

RowT = TypeVar("RowT")

#: How many problems of one file are kept; reading ends there.
MAX_PROBLEMS: Final = 1000


@attrs.define(slots=False, eq=False)
class InvalidFileError(InputError):
    """A file with problems; nothing of it was sent."""

    problems: tuple[InputError, ...] = attrs.field(default=(), kw_only=True)
    """Each with its line and column; at most 1,000."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@attrs.frozen
class DeviceRow:
    """A device to be made, and where it stands."""

    line: int
    """The line of the file that it begins on, from 1."""
    device: DeviceCreate
    """What to make."""
    number: int = attrs.field(kw_only=True)
    """Which row of the file, from 1."""
    given: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """The columns that the row gives; the device's other fields are defaults."""
    device_id: str = attrs.field(default="", kw_only=True)
    """The device's id, where the row names one that may exist."""


@attrs.frozen
class DeviceIdRow:
    """A device that exists, and where it stands."""

    line: int
    """The line of the file that it begins on, from 1."""
    device_id: str
    """The device's id."""
    number: int = attrs.field(kw_only=True)
    """Which row of the file, from 1."""
    name: str = attrs.field(default="", kw_only=True)
    """Its name, if the file gives one."""


#: Turns a record into a row; None and no problems where there is nothing to do.
Convert: TypeAlias = Callable[[Record], tuple[RowT | None, list[InputError]]]


@attrs.frozen(eq=False)
class RowFile(Generic[RowT]):
    """A file that was checked; iterating over it reads it again, row by row."""

    path: Path
    """Where it lies."""
    rows: int
    """How many rows it has, skipped ones not counted."""
    skipped: int
    """How many rows there was nothing to do for."""
    _read: Callable[[], Iterator[RowT | InputError | None]] = attrs.field(repr=False)

    def __iter__(self) -> Iterator[RowT]:
        """Yield the rows, in the order of the file.

        Raises:
            InputError: the file was changed since it was checked.
        """
        for found in self._read():
            if isinstance(found, InputError):
                found.hint = "The file was changed while it was read"
                raise found
            if found is not None:
                yield found


def read_devices(path: str | os.PathLike[str]) -> RowFile[DeviceRow]:
    """Check a list of devices to be made.

    Args:
        path: a CSV file with a header, or JSON Lines. Columns, or keys: ``name``, ``type``,
            ``network``, ``connector``, ``serie_number``, ``active``, ``visible``,
            ``description``, ``chunk_period``, ``chunk_retention``, ``tag.<key>``,
            ``param.<key>``; as JSON also the API's own ``tags`` and ``configuration_params``.

    Raises:
        InvalidFileError: with every problem that was found.

    Example:
        ``report = await tago.devices.create_many(row.device for row in read_devices("site.csv"))``
    """
    return open_rows(Path(path), Schema(refuse_device_column, ("name",)), _device_row)


def read_device_ids(path: str | os.PathLike[str]) -> RowFile[DeviceIdRow]:
    """Check a list of devices that exist: a CSV file or JSON Lines with ``device_id`` or ``id``.

    Other columns do not matter, so the results of a creation will do; rows without an id, which
    are the devices that were not made, are skipped and counted.

    Args:
        path: the file.

    Raises:
        InvalidFileError: with every problem that was found.
    """
    return open_rows(Path(path), Schema(lambda _: "", ("device_id", "id")), _device_id_row)


def _device_row(record: Record) -> tuple[DeviceRow | None, list[InputError]]:
    device, problems = read_device(record.values)
    if device is None:
        return None, problems
    row = DeviceRow(record.line, device, number=record.number, given=frozenset(record.values))
    return row, problems


def _device_id_row(record: Record) -> tuple[DeviceIdRow | None, list[InputError]]:
    device_id, problems = read_device_id(record.values)
    if device_id is None:
        return None, problems
    name = record.values.get("name", "")
    name = name if isinstance(name, str) else ""
    return DeviceIdRow(record.line, device_id, number=record.number, name=name), problems


def open_rows(path: Path, schema: Schema, convert: Convert[RowT]) -> RowFile[RowT]:
    """Check a file of rows.

    Args:
        path: the file.
        schema: what its columns may be.
        convert: turns a record into a row.

    Raises:
        InvalidFileError: with every problem that was found.
    """

    def read() -> Iterator[RowT | InputError | None]:
        return _read(path, schema, convert)

    if path.exists() and not path.is_file():
        # It is read twice, which a pipe is not.
        raise invalid_file(path, [InputError("is no regular file", source=str(path))])
    rows = skipped = 0
    problems: list[InputError] = []
    for found in read():
        if isinstance(found, InputError):
            problems.append(found)
            if len(problems) == MAX_PROBLEMS:
                break
        elif found is None:
            skipped += 1
        else:
            rows += 1
    if problems:
        raise invalid_file(path, problems)
    return RowFile(path, rows, skipped, read)


def invalid_file(path: Path, problems: list[InputError]) -> InvalidFileError:
    """Return the error of a file with problems.

    Args:
        path: the file.
        problems: each with its line.
    """
    return InvalidFileError(f"{len(problems)} problems", source=str(path), problems=tuple(problems))


def _read(path: Path, schema: Schema, convert: Convert[RowT]) -> Iterator[RowT | InputError | None]:
    for found in read_records(path, schema):
        if isinstance(found, InputError):
            row, problems, line = None, [found], found.line
        else:
            (row, problems), line = convert(found), found.line
        if not problems:
            yield row
        for problem in problems:
            problem.source, problem.line = str(path), line
            yield problem
