"""Reading lists of devices: CSV, JSON Lines, JSON, YAML, Excel.

A file is read twice.
The first time everything in it is checked and counted, so that all that is wrong is known before
anything is sent; the second time rows are handed out as they are needed.
Of CSV and JSON Lines neither keeps the rows, whatever their number; files of the other formats are
held in memory anyway, so their rows are kept from the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

import attrs

from tagodev.errors import InputError
from tagodev.provision.integrations import Integrations, Resolver
from tagodev.provision.plan.duplicate_rows import DuplicateRows
from tagodev.provision.read.device_fields import read_device, read_device_id
from tagodev.provision.read.formats.file_format import FileFormat, format_of
from tagodev.provision.read.mapping_rules import MappingRules, make_recipe
from tagodev.provision.read.record import Record, Schema, locate

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tagodev.models import DeviceCreate

__all__ = [
    "MAX_PROBLEMS",
    "Convert",
    "DeviceIdRow",
    "DeviceRow",
    "InvalidFileError",
    "RowFile",
    "integration_names",
    "invalid_file",
    "open_rows",
    "read_device_ids",
    "read_devices",
]

RowT = TypeVar("RowT")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

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


def read_devices(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = _NOTHING,
    defaults: Mapping[str, Any] = _NOTHING,
    sheet: str | None = None,
    resolve: Integrations | None = None,
) -> RowFile[DeviceRow]:
    """Check a list of devices as they are to be.

    The fields are ``name``, ``type``, ``network``, ``connector``, ``serie_number``, ``active``,
    ``visible``, ``description``, ``chunk_period``, ``chunk_retention``, ``mutable_variable_regex``,
    ``payload_decoder``, ``tag.<key>``, ``param.<key>`` and ``device_id``; as JSON and YAML also
    ``tags`` and ``configuration_params``, in the API's own form or as an object of keys and values.
    Letter case, spaces, underscores and dashes in the names of columns do not matter; ``id`` is
    ``device_id``, and ``serial`` or ``serial number`` is ``serie_number``.
    A column ``token``, which exports have, is left out.

    A network or connector may be given by its name; where only one of the two is given, the other
    follows from it.

    Args:
        path: CSV with a header (cells between commas, semicolons or tabs), JSON, JSON Lines, YAML
            or Excel.
        columns: what columns mean whose names do not say so: ``{"EUI": "serie_number", "Site":
            "tag.site", "Notes": ""}``, nothing for one that is left out. A template in place of a
            column makes a field that rows do not give: ``{"sensor-{EUI}": "name"}``.
        defaults: what rows have that do not give it, by field; names, descriptions and tags may be
            templates: ``{"name": "{tag.site}-{row:03d}"}``.
        sheet: of a workbook, which sheet; default: the first that is shown.
        resolve: the networks and connectors that the service lists (`resolve_integrations`);
            default: names are those of the well-known ones.

    Raises:
        InvalidFileError: with every problem that was found.

    Example:
        ``report = await tago.devices.create_many(row.device for row in read_devices("site.csv"))``
    """
    recipe, problems = make_recipe(columns, defaults, Resolver(resolve))

    def device_row(record: Record) -> tuple[DeviceRow | None, list[InputError]]:
        return _device_row(record, recipe)

    return open_rows(Path(path), recipe.schema, device_row, sheet=sheet, problems=problems)


def integration_names(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = _NOTHING,
    defaults: Mapping[str, Any] = _NOTHING,
    sheet: str | None = None,
) -> frozenset[str]:
    """Return what a list of devices says of networks and connectors that the service knows better.

    These are names, and ids of one of the two whose other is not well known: what to ask
    `resolve_integrations` for, before the file is checked.
    Whatever is wrong with the file is left to `read_devices`.

    Args:
        path: as `read_devices` takes it, and the others too.
        columns: what columns mean.
        defaults: what rows have that do not give it.
        sheet: of a workbook, which sheet.
    """
    resolver = Resolver()
    recipe, _ = make_recipe(columns, _NOTHING, resolver)
    plain = {recipe.naming.field_of(key): value for key, value in defaults.items()}
    names: set[str] = set()
    try:
        for found in format_of(Path(path), sheet).records(recipe.schema):
            if isinstance(found, Record):
                given = {**plain, **found.values}
                names |= resolver.questions(given.get("network"), given.get("connector"))
    except InputError:
        pass
    return frozenset(names)


def read_device_ids(path: str | os.PathLike[str]) -> RowFile[DeviceIdRow]:
    """Check a list of devices that exist: a file with ``device_id`` or ``id``.

    Other columns do not matter, so the results of a creation will do; rows without an id, which
    are the devices that were not made, are skipped and counted.
    A device that an earlier row names already is a problem.

    Args:
        path: the file, in any of the formats that `read_devices` takes.

    Raises:
        InvalidFileError: with every problem that was found.
    """
    repeats = DuplicateRows()

    def convert(record: Record) -> tuple[DeviceIdRow | None, list[InputError]]:
        row, problems = _device_id_row(record)
        if row is None:
            return None, problems
        column = "id" if "id" in record.values else "device_id"
        repeated = repeats.problem(
            record, row.device_id, path=column, hint="Name each device once: remove one row"
        )
        return (row, []) if repeated is None else (None, [repeated])

    return open_rows(Path(path), Schema(lambda _: "", ("device_id", "id")), convert)


def _device_row(record: Record, recipe: MappingRules) -> tuple[DeviceRow | None, list[InputError]]:
    record, given, problems = recipe.complete(record)
    device_id, more = read_device_id(record.values)
    problems += more
    device, more = read_device(record.values)
    problems += more
    problems = [one for one in problems if one.line is not None or locate(one, record)]
    if device is None or problems:
        return None, problems
    row = DeviceRow(
        record.line, device, number=record.number, given=given, device_id=device_id or ""
    )
    return row, problems


def _device_id_row(record: Record) -> tuple[DeviceIdRow | None, list[InputError]]:
    device_id, problems = read_device_id(record.values)
    if device_id is None:
        return None, problems
    name = record.values.get("name", "")
    name = name if isinstance(name, str) else ""
    return DeviceIdRow(record.line, device_id, number=record.number, name=name), problems


def open_rows(
    path: Path,
    schema: Schema,
    convert: Convert[RowT],
    *,
    sheet: str | None = None,
    problems: Iterable[InputError] = (),
) -> RowFile[RowT]:
    """Check a file of rows.

    Args:
        path: the file.
        schema: what its columns may be.
        convert: turns a record into a row; the paths of its problems are fields, or parts of them.
        sheet: of a workbook, which sheet; default: the first that is shown.
        problems: what is wrong besides.

    Raises:
        InvalidFileError: with every problem that was found.
    """
    if path.exists() and not path.is_file():
        # It is read twice, which a pipe is not.
        raise invalid_file(path, [InputError("is no regular file", source=str(path))])
    try:
        file = format_of(path, sheet)
    except InputError as error:
        error.source = str(path)
        raise invalid_file(path, [error]) from None

    def read() -> Iterator[RowT | InputError | None]:
        return _read(file, schema, convert)

    kept: list[RowT] | None = [] if file.in_memory else None
    rows, skipped = _check(path, chain(problems, read()), kept)
    return RowFile(path, rows, skipped, read if kept is None else kept.__iter__)


def _check(
    path: Path, found: Iterable[RowT | InputError | None], kept: list[RowT] | None
) -> tuple[int, int]:
    """Count rows and those that were skipped; keep rows if there is a list to keep them in."""
    problems: list[InputError] = []
    rows = skipped = 0
    for row in found:
        if isinstance(row, InputError):
            row.source = str(path)
            problems.append(row)
            if len(problems) == MAX_PROBLEMS:
                break
        elif row is None:
            skipped += 1
        else:
            rows += 1
            if kept is not None:
                kept.append(row)
    if problems:
        raise invalid_file(path, problems)
    return rows, skipped


def invalid_file(path: Path, problems: list[InputError]) -> InvalidFileError:
    """Return the error of a file with problems.

    Args:
        path: the file.
        problems: each with its line.
    """
    return InvalidFileError(f"{len(problems)} problems", source=str(path), problems=tuple(problems))


def _read(
    file: FileFormat, schema: Schema, convert: Convert[RowT]
) -> Iterator[RowT | InputError | None]:
    for found in file.records(schema):
        if isinstance(found, InputError):
            found.source = str(file.path)
            yield found
            continue
        row, problems = convert(found)
        if not problems:
            yield row
        for problem in problems:
            if problem.line is not None or locate(problem, found):
                problem.source = str(file.path)
                yield problem
