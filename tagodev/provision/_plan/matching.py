"""Checks of the rows of a file, and the devices that match each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.operations.apply_steps import MANAGED_TAG, identity_of
from tagodev._models import UNSET
from tagodev.errors import InputError
from tagodev.provision._read.devices import MAX_PROBLEMS, InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tagodev._models import Device
    from tagodev.provision._plan.model import PlanSettings
    from tagodev.provision._read.devices import DeviceRow

__all__ = ["Match", "check_rows", "key_of", "name_file"]

_DIFFERENT: Final = "Identify devices by a value that is unique per row"


@attrs.frozen
class Match:
    """A row and the devices that match it."""

    row: DeviceRow
    """The desired state."""
    devices: tuple[Device, ...]
    """Devices with the same identity; empty if none exists."""
    problem: str = ""
    """Why the row can't be applied; empty if it can."""

    @property
    def device(self) -> Device | None:
        """The matching device, if there is exactly one."""
        return self.devices[0] if len(self.devices) == 1 else None


def key_of(row: DeviceRow, known_by: str) -> str | None:
    """Return the value that identifies a row's device; None if the row does not have it.

    Args:
        row: the desired state of the device.
        known_by: ``name``, ``serial`` or ``tag:KEY``.
    """
    if known_by == "serial":
        serial = row.device.serie_number
        return None if serial is UNSET else serial
    return identity_of(row.device, known_by)


def check_rows(rows: Iterable[DeviceRow], settings: PlanSettings) -> None:
    """Check that each row has its own identity and no tag that tagodev manages.

    Args:
        rows: the file's rows.
        settings: the plan settings.

    Raises:
        InputError: some rows are invalid; the error lists up to 1,000 of them.
    """
    problems: list[InputError] = []
    lines: dict[str, int] = {}
    for row in rows:
        problems += _problems(row, settings, lines)
        if len(problems) >= MAX_PROBLEMS:
            break
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InvalidFileError(f"{len(problems)} problems", problems=tuple(problems))


def name_file(error: InputError, path: Path) -> None:
    """Set the source of an error, and of each of its problems, to a file.

    Args:
        error: an error in a file.
        path: the file.
    """
    problems = error.problems if isinstance(error, InvalidFileError) else ()
    for one in (error, *problems):
        one.source = one.source or str(path)


def _problems(
    row: DeviceRow, settings: PlanSettings, lines: dict[str, int]
) -> Iterator[InputError]:
    tags = row.device.tags
    if not settings.restore and tags is not UNSET and any(tag.key == MANAGED_TAG for tag in tags):
        yield InputError(
            "is managed by tagodev",
            path=f"tag.{MANAGED_TAG}",
            line=row.line,
            hint="Remove it, and name the manager with --name",
        )
    if settings.known_by == "id":
        key, column = row.device_id, "id"
    else:
        key, column = key_of(row, settings.known_by) or "", _column(settings.known_by)
    if not key and settings.known_by != "id":
        yield InputError(
            "is missing, but devices are identified by it",
            path=column,
            line=row.line,
        )
    # A row without an id is a device to create, which is identified by another value.
    first = lines.setdefault(key, row.line) if key else row.line
    if first != row.line:
        yield InputError(
            f"{key!r} is also on line {first}, but devices are identified by it",
            path=column,
            line=row.line,
            hint=f"{_DIFFERENT} (--by)",
        )


def _column(known_by: str) -> str:
    if known_by == "serial":
        return "serie_number"
    return f"tag.{known_by[4:]}" if known_by.startswith("tag:") else known_by
