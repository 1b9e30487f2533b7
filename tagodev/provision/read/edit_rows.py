"""Readers for lists of changes to devices and of tokens to rotate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tagodev.errors import InputError
from tagodev.models import DeviceChange, DeviceEdit, Rotation
from tagodev.models.device_fields import COLUMNS, EDIT_COLUMNS
from tagodev.provision.read.device_fields import read_device_id, read_fields, refuse_device_column
from tagodev.provision.read.devices import (
    ID_COLUMNS,
    Row,
    RowFile,
    name_of,
    open_rows,
    refuse_repeats,
)
from tagodev.provision.read.record import Record, Schema

if TYPE_CHECKING:
    import os

__all__ = ["DeviceChangeRow", "RotationRow", "read_device_changes", "read_rotations"]


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
    convert = refuse_repeats(
        _device_change_row,
        lambda row: row.change.device_id,
        path="device_id",
        hint="Give all changes to a device in one row",
    )
    return open_rows(Path(path), Schema(_refuse_column, ID_COLUMNS), convert)


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
    convert = refuse_repeats(
        _rotation_row,
        _token_of,
        path="token",
        hint="Remove one of the rows: a token can be replaced only once",
    )
    return open_rows(Path(path), Schema(lambda _: "", ID_COLUMNS, needs=("token",)), convert)


def _token_of(row: RotationRow) -> str | None:
    token = row.rotation.token
    return None if token is None else f"{row.rotation.device_id} {token.reveal()}"


def _refuse_column(column: str) -> str:
    if column in COLUMNS and column not in EDIT_COLUMNS:
        return "can't be changed on an existing device"
    return refuse_device_column(column, (*ID_COLUMNS, *EDIT_COLUMNS))


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
    return RotationRow(record.line, rotation, number=record.number, name=name_of(record)), []
