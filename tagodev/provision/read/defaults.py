"""Reader for files of default values: one object with keys of a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.provision.read.devices import invalid_file
from tagodev.provision.read.formats.file_format import format_of
from tagodev.provision.read.mapping_rules import DEFAULTS_SCHEMA, default_problems
from tagodev.provision.read.record import Record, locate

if TYPE_CHECKING:
    import os

    from tagodev.provision.read.formats.file_format import FileFormat

__all__ = ["read_defaults"]

_TABLES: Final = (".csv", ".tsv")


def read_defaults(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return default values for `read_devices`.

    Args:
        path: a JSON or YAML file with one object, with the keys of a device.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.

    Example:
        ``rows = read_devices("site.csv", defaults=read_defaults("site.yaml"))``
    """
    file_path = Path(path)
    values: dict[str, Any] = {}
    try:
        file = _format(file_path)
        records = list(file.records(DEFAULTS_SCHEMA))
    except InputError as error:
        records, problems = [], [error]
    else:
        problems = [one for one in records if isinstance(one, InputError)]
        if len(records) != 1 and not problems:
            problems.append(InputError(f"must be one object, not {len(records)}"))
    for record in records:
        if isinstance(record, Record):
            values |= record.values
            problems += [one for one in default_problems(record.values) if locate(one, record)]
    for problem in problems:
        problem.source = str(file_path)
    if problems:
        raise invalid_file(file_path, problems)
    return values


def _format(path: Path) -> FileFormat:
    file = format_of(path)
    if file.name == "excel" or path.suffix.casefold() in _TABLES:
        raise InputError("must be one JSON or YAML object")
    # A file that does not look like JSON is YAML here, never CSV.
    return attrs.evolve(file, name="json" if file.name.startswith("json") else "yaml")
