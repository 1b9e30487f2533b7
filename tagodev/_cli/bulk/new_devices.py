"""Checks of a file of devices to create."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev._models import UNSET
from tagodev.errors import InputError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE
from tagodev.provision._read.devices import MAX_PROBLEMS, invalid_file

if TYPE_CHECKING:
    from tagodev._bulk.operations.identity import Identity
    from tagodev.provision._read.devices import DeviceRow, RowFile

__all__ = ["check_new_devices"]


def check_new_devices(file: RowFile[DeviceRow], identity: Identity | None) -> None:
    """Check that each device of a file is new and can be identified.

    Args:
        file: the devices.
        identity: what identifies a device whose answer was lost; None without a journal.

    Raises:
        InvalidFileError: rows are invalid; it lists them.
    """
    problems: list[InputError] = []
    lines: dict[str, int] = {}
    for row in file:
        problem = _problem(row, identity, lines)
        if problem is not None:
            problem.source, problem.line = str(file.path), row.line
            problems.append(problem)
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise invalid_file(file.path, problems)


def _problem(row: DeviceRow, identity: Identity | None, lines: dict[str, int]) -> InputError | None:
    """Return what is wrong with a row; `lines` maps each name or number to its first line."""
    if row.device_id:
        return InputError(
            "is the id of an existing device, but bulk create creates new ones",
            path="device_id",
            hint="Remove the column, or edit the devices: tagodev bulk edit FILE",
        )
    if identity is None:
        return None
    device = row.device
    if identity == "tag":
        tags = 0 if device.tags is UNSET else len(device.tags)
        problem = InputError(
            f"{tags} tags leave none for the tag that identifies the device",
            path="tags",
            hint="Use --identity serial or --identity name",
        )
        return problem if tags >= MAX_TAGS_PER_DEVICE else None
    path = "serie_number" if identity == "serial" else "name"
    value = getattr(device, path)
    if value is UNSET:
        return InputError("is required to identify the device", path=path)
    first = lines.setdefault(value, row.line)
    if first == row.line:
        return None
    return InputError(f"must be unique, but line {first} has the same", path=path)
