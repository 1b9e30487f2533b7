"""The rows of a file as a plan sees them: what each is known by, and which devices it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.operations.apply_steps import MANAGED_TAG, identity_of
from tagodev.errors import InputError
from tagodev.models import UNSET
from tagodev.provision.read.devices import MAX_PROBLEMS, InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tagodev.models import Device
    from tagodev.provision.plan.settings import PlanSettings
    from tagodev.provision.read.devices import DeviceRow

__all__ = ["Match", "check_rows", "key_of", "name_file"]

_DIFFERENT: Final = "Know devices by something that is different in every row"


@attrs.frozen
class Match:
    """A row, and the devices that it may be about."""

    row: DeviceRow
    """What the file says."""
    devices: tuple[Device, ...]
    """Those that are known by the same; none where there is none yet."""
    problem: str = ""
    """Why nothing can be done for it; empty where something can."""

    @property
    def device(self) -> Device | None:
        """The device that it is about, if it is one."""
        return self.devices[0] if len(self.devices) == 1 else None


def key_of(row: DeviceRow, known_by: str) -> str | None:
    """Return what a row's device is known by; None if the row does not say it.

    Args:
        row: what the file says.
        known_by: ``name``, ``serial`` or ``tag:KEY``.
    """
    if known_by == "serial":
        serial = row.device.serie_number
        return None if serial is UNSET else serial
    return identity_of(row.device, known_by)


def check_rows(rows: Iterable[DeviceRow], intent: PlanSettings) -> None:
    """Make sure that the rows can be told apart, and don't speak of what tagodev writes.

    Args:
        rows: the file's rows.
        intent: what the file stands for.

    Raises:
        InputError: with every row that can't; at most 1,000.
    """
    problems: list[InputError] = []
    lines: dict[str, int] = {}
    for row in rows:
        problems += _problems(row, intent, lines)
        if len(problems) >= MAX_PROBLEMS:
            break
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InvalidFileError(f"{len(problems)} problems", problems=tuple(problems))


def name_file(error: InputError, path: Path) -> None:
    """Say in an error, and in each problem that it holds, which file it is about.

    Args:
        error: about a file, or about several of its rows.
        path: the file.
    """
    problems = error.problems if isinstance(error, InvalidFileError) else ()
    for one in (error, *problems):
        one.source = one.source or str(path)


def _problems(row: DeviceRow, intent: PlanSettings, lines: dict[str, int]) -> Iterator[InputError]:
    tags = row.device.tags
    if not intent.restore and tags is not UNSET and any(tag.key == MANAGED_TAG for tag in tags):
        yield InputError(
            "is written by tagodev itself",
            path=f"tag.{MANAGED_TAG}",
            line=row.line,
            hint="Leave it out, and say --name",
        )
    if intent.known_by == "id":
        key, column = row.device_id, "id"
    else:
        key, column = key_of(row, intent.known_by) or "", _column(intent.known_by)
    if not key and intent.known_by != "id":
        yield InputError(
            "is what devices are known by, and the row does not give it",
            path=column,
            line=row.line,
        )
    # A row without an id is about a device to be made: it is told from others by something else.
    first = lines.setdefault(key, row.line) if key else row.line
    if first != row.line:
        yield InputError(
            f"{key!r} is that of line {first} too, and devices are known by it",
            path=column,
            line=row.line,
            hint=f"{_DIFFERENT} (--by)",
        )


def _column(known_by: str) -> str:
    if known_by == "serial":
        return "serie_number"
    return f"tag.{known_by[4:]}" if known_by.startswith("tag:") else known_by
