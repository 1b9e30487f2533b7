"""Readers for lists of existing devices: ids, changes to devices, and tokens to rotate."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._device_fields import COLUMNS, EDIT_COLUMNS
from tagodev._models import DeviceChange, DeviceEdit, Rotation
from tagodev.errors import InputError
from tagodev.provision._read.device_fields import read_device_id, read_fields, refuse_device_column
from tagodev.provision._read.devices import Row, RowFile, open_rows
from tagodev.provision._read.record import Record, Schema

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from tagodev.provision._read.devices import Convert, RowT

__all__ = [
    "DeviceChangeRow",
    "DeviceIdRow",
    "RotationRow",
    "read_device_changes",
    "read_device_ids",
    "read_rotations",
]

#: Names of the column of a device id.
_ID_COLUMNS: Final = ("device_id", "id")


@attrs.frozen
class DeviceIdRow(Row):
    """A row with an existing device."""

    device_id: str
    """Id of the device."""
    name: str = attrs.field(default="", kw_only=True)
    """Its name; empty if the file has none."""


@attrs.frozen
class DeviceChangeRow(Row):
    """A row with changes to a device."""

    change: DeviceChange
    """The device and its changes."""


@attrs.frozen
class RotationRow(Row):
    """A row with a token to rotate."""

    rotation: Rotation
    """The device and its token."""
    name: str = attrs.field(default="", kw_only=True)
    """Name of the device; empty if the file has none."""


def read_device_ids(path: str | os.PathLike[str]) -> RowFile[DeviceIdRow]:
    """Check a list of existing devices: a file with ``device_id`` or ``id``.

    Other columns are ignored, so the results of a create can be used. Rows without an id, such as
    devices that were not created, are skipped and counted.
    A repeated device is a problem.

    Args:
        path: the file, in any format that `read_devices` accepts.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.
    """
    convert = _refuse_repeats(
        _device_id_row, lambda row: row.device_id, path="device_id", hint="Remove one of the rows"
    )
    return open_rows(Path(path), Schema(lambda _: "", _ID_COLUMNS), convert)


def read_device_changes(path: str | os.PathLike[str]) -> RowFile[DeviceChangeRow]:
    """Check a list of changes to devices.

    Empty cells change nothing; rows without changes are skipped and counted.
    A repeated device is a problem.

    Args:
        path: a file as for `read_devices`, with ``device_id`` (or ``id``) and the fields of
            `DeviceEdit`. Tags and parameters replace all that the device has.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.
    """
    convert = _refuse_repeats(
        _device_change_row,
        lambda row: row.change.device_id,
        path="device_id",
        hint="Give all changes to a device in one row",
    )
    return open_rows(Path(path), Schema(_refuse_column, _ID_COLUMNS), convert)


def read_rotations(path: str | os.PathLike[str]) -> RowFile[RotationRow]:
    """Check a list of tokens to rotate: a CSV file or JSON Lines.

    Other columns are ignored, so the results of a create can be used. Rows without id and token,
    such as devices that were not created, are skipped and counted.
    An id without a token is a problem, since an empty cell must not rotate a live token; so is a
    repeated token.

    Args:
        path: the file, with ``device_id`` (or ``id``) and ``token``.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.
    """
    convert = _refuse_repeats(
        _rotation_row,
        _token_of,
        path="token",
        hint="Remove one of the rows: a token can be replaced only once",
    )
    return open_rows(Path(path), Schema(lambda _: "", _ID_COLUMNS, needs=("token",)), convert)


def _token_of(row: RotationRow) -> str | None:
    token = row.rotation.token
    return None if token is None else f"{row.rotation.device_id} {token.reveal()}"


def _refuse_repeats(
    convert: Convert[RowT], value_of: Callable[[RowT], str | None], *, path: str, hint: str
) -> Convert[RowT]:
    """Return a conversion that also refuses a row that repeats the value of an earlier one.

    Two rows for one device would depend on their order, and a token can be replaced only once. Only
    digests are stored, since values may be tokens. The file may be read several times.

    Args:
        convert: converts a record to a row.
        value_of: returns the value of a row: a device id or a token; None if it may be repeated.
        path: field of the value.
        hint: hint for the problem.
    """
    firsts: dict[bytes, tuple[int, int]] = {}

    def convert_once(record: Record) -> tuple[RowT | None, list[InputError]]:
        row, problems = convert(record)
        value = None if row is None else value_of(row)
        if value is None:
            return row, problems
        digest = blake2b(value.encode(errors="surrogatepass"), digest_size=12).digest()
        number, line = firsts.setdefault(digest, (record.number, record.line))
        if number == record.number:
            return row, problems
        first = f"line {line}" if line != record.line else f"row {number}"
        return None, [InputError(f"is also on {first}", path=path, hint=hint)]

    return convert_once


def _device_id_row(record: Record) -> tuple[DeviceIdRow | None, list[InputError]]:
    device_id, problems = read_device_id(record.values)
    if device_id is None:
        return None, problems
    row = DeviceIdRow(record.line, device_id, number=record.number, name=_name_of(record))
    return row, problems


def _name_of(record: Record) -> str:
    """Return the device's name in a record; empty if it has none."""
    name = record.values.get("name")
    return name if isinstance(name, str) else ""


def _refuse_column(column: str) -> str:
    if column in COLUMNS and column not in EDIT_COLUMNS:
        return "can't be changed on an existing device"
    return refuse_device_column(column, (*_ID_COLUMNS, *EDIT_COLUMNS))


def _device_change_row(record: Record) -> tuple[DeviceChangeRow | None, list[InputError]]:
    device_id, problems = read_device_id(record.values)
    fields, more = read_fields(record.values, EDIT_COLUMNS)
    problems += more
    if device_id is None and not problems and fields:
        problems.append(InputError("is required", path="device_id"))
    if device_id is None or problems or not fields:
        return None, problems
    try:
        change = DeviceChange(device_id, DeviceEdit(**fields))
    except InputError as error:
        return None, [error]
    return DeviceChangeRow(record.line, change, number=record.number), []


def _rotation_row(record: Record) -> tuple[RotationRow | None, list[InputError]]:
    values = record.values
    device_id, problems = read_device_id(values)
    token = values.get("token", "")
    if not isinstance(token, str):
        problems.append(InputError("must be text", path="token"))
    elif device_id is not None and not token.strip():
        problems.append(InputError("is empty; give the token to replace", path="token"))
    elif device_id is None and not problems and token.strip():
        problems.append(InputError("is required", path="device_id"))
    if device_id is None or problems:
        return None, problems
    rotation = Rotation(device_id, token.strip())
    return RotationRow(record.line, rotation, number=record.number, name=_name_of(record)), []
