"""Whether the devices of a list can be made, and be known again if the answer is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev.errors import InputError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE
from tagodev.models import UNSET
from tagodev.provision.read.devices import MAX_PROBLEMS, invalid_file

if TYPE_CHECKING:
    from tagodev.bulk.operations.identity import Identity
    from tagodev.models import DeviceCreate
    from tagodev.provision.read.devices import DeviceRow, RowFile

__all__ = ["check_new_devices"]


def check_new_devices(file: RowFile[DeviceRow], identity: Identity | None) -> None:
    """Make sure that each device of a file is a new one, and has what it is to be known by.

    Args:
        file: the devices.
        identity: by what they are known again; None if they are not to be.

    Raises:
        InvalidFileError: with every row that is not so.
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
    if row.device_id:
        return InputError(
            "names a device that exists, and this would make another",
            path="device_id",
            hint="Leave it away, or change the device: tagodev apply, tagodev bulk edit",
        )
    if identity is None:
        return None
    return _tag_problem(row.device) if identity == "tag" else _mark_problem(row, identity, lines)


def _tag_problem(device: DeviceCreate) -> InputError | None:
    if device.tags is UNSET or len(device.tags) < MAX_TAGS_PER_DEVICE:
        return None
    return InputError(
        f"{len(device.tags)} tags leave no place for the one that it is known by",
        path="tags",
        hint="Give --identity serial or name",
    )


def _mark_problem(row: DeviceRow, identity: Identity, lines: dict[str, int]) -> InputError | None:
    """Return what is wrong with a row's name or serial number; `lines` knows where each stood."""
    path = "serie_number" if identity == "serial" else "name"
    value = getattr(row.device, path)
    if value is UNSET:
        return InputError("is needed to know the device again", path=path)
    first = lines.setdefault(value, row.line)
    if first == row.line:
        return None
    return InputError(f"is that of line {first} too, and devices are known by it", path=path)
