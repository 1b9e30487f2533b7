"""Reading a file of defaults: one object, whose keys are those of a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tagodev.errors import InputError
from tagodev.provision.cells import refuse_device_column
from tagodev.provision.files import invalid_file
from tagodev.provision.formats import format_of
from tagodev.provision.records import Schema

if TYPE_CHECKING:
    import os

__all__ = ["read_defaults"]

_OBJECTS: Final = ("json", "json lines", "yaml")


def read_defaults(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what rows have that do not give it, as `read_devices` takes it.

    Args:
        path: JSON or YAML: one object with the keys that a device has in such a file.

    Raises:
        InvalidFileError: with every problem that was found.
    """
    place = Path(path)
    try:
        file = format_of(place)
        if file.name not in _OBJECTS:
            raise InputError("must be one object of JSON or YAML")
        found = list(file.records(Schema(refuse_device_column, ())))
        problems = [one for one in found if isinstance(one, InputError)]
        records = [one for one in found if not isinstance(one, InputError)]
        if len(records) != 1 and not problems:
            raise InputError(f"holds {len(records)} objects, but defaults are one")
    except InputError as error:
        problems, records = [error], []
    for problem in problems:
        problem.source = str(place)
    if problems:
        raise invalid_file(place, problems)
    return dict(records[0].values)
