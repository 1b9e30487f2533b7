"""Readers for device lists: CSV, JSON Lines, JSON, YAML, Excel.

A file is read twice: first to check and count all rows, so that all problems are known before
anything is sent, then to iterate over them. Rows of CSV and JSON Lines files are never all in
memory; rows of the other formats are kept from the first pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

import attrs

from tagodev.errors import InputError
from tagodev.provision._integrations import Integrations, Resolver
from tagodev.provision._read.device_fields import read_device, read_device_id
from tagodev.provision._read.formats.file_format import FileFormat, format_of
from tagodev.provision._read.mapping_rules import (
    DEFAULTS_SCHEMA,
    MappingRules,
    default_problems,
    make_mapping_rules,
)
from tagodev.provision._read.record import Record, Schema, locate

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tagodev._models import DeviceCreate

__all__ = [
    "MAX_PROBLEMS",
    "Convert",
    "DeviceRow",
    "InvalidFileError",
    "Row",
    "RowFile",
    "RowT",
    "integration_names",
    "invalid_file",
    "open_rows",
    "read_defaults",
    "read_devices",
]

RowT = TypeVar("RowT")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

#: Suffixes of tables, which can't give defaults.
_TABLES: Final = (".csv", ".tsv")
#: Maximum number of problems per file; reading stops there.
MAX_PROBLEMS: Final = 1000


@attrs.define(slots=False, eq=False)
class InvalidFileError(InputError):
    """A file has problems; nothing was sent."""

    problems: tuple[InputError, ...] = attrs.field(default=(), kw_only=True)
    """The problems, each with line and column; at most 1,000."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@attrs.frozen
class Row:
    """A row of a file."""

    line: int
    """Line of the file, from 1."""
    number: int = attrs.field(kw_only=True)
    """Number of the row, from 1."""


@attrs.frozen
class DeviceRow(Row):
    """A row with a device to create."""

    device: DeviceCreate
    """The device to create."""
    given: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """Columns that the row gives; other fields of the device are defaults."""
    device_id: str = attrs.field(default="", kw_only=True)
    """Id of the device; empty if the row has none."""


#: Converts a record to a row; None without problems if the record is skipped.
Convert: TypeAlias = Callable[[Record], tuple[RowT | None, list[InputError]]]


@attrs.frozen(eq=False)
class RowFile(Generic[RowT]):
    """A checked file; iterating over it reads it again, row by row."""

    path: Path
    """Path of the file."""
    rows: int
    """Number of rows, without skipped ones."""
    skipped: int
    """Number of rows that are skipped."""
    _read: Callable[[], Iterator[RowT | InputError | None]] = attrs.field(repr=False)

    def __iter__(self) -> Iterator[RowT]:
        """Yield the rows in file order.

        Raises:
            InputError: the file was changed since it was checked.
        """
        for found in self._read():
            if isinstance(found, InputError):
                found.hint = "The file was changed while it was read: re-run the command"
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
    """Check a list of devices, and return its rows.

    Columns are the fields of `DeviceCreate`, ``tag.<key>``, ``param.<key>`` and ``device_id``; in
    JSON and YAML, ``tags`` and ``configuration_params`` may be given in the API's own form or as an
    object of keys and values.
    Letter case, spaces, underscores and dashes in the names of columns do not matter; ``id`` is
    ``device_id``, and ``serial`` or ``serial number`` is ``serie_number``.
    The column ``token`` of exports is ignored.

    A network or connector may be given by name; if only one of the two is given, the other follows
    from it.

    Args:
        path: CSV with a header (separated by commas, semicolons or tabs), JSON, JSON Lines, YAML
            or Excel.
        columns: field of each column with another name: ``{"EUI": "serie_number", "Site":
            "tag.site", "Notes": ""}``; an empty field ignores the column. A template instead of a
            column fills a field that rows do not give: ``{"sensor-{EUI}": "name"}``.
        defaults: values by field for rows that do not give them; names, descriptions and tags may
            be templates: ``{"name": "{tag.site}-{row:03d}"}``.
        sheet: sheet of a workbook; default: the first visible one.
        resolve: networks and connectors listed by the service (`resolve_integrations`); default:
            only the built-in names are known.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.

    Example:
        ``report = await tago.devices.create_many(row.device for row in read_devices("site.csv"))``
    """
    rules, problems = make_mapping_rules(columns, defaults, Resolver(resolve))

    def device_row(record: Record) -> tuple[DeviceRow | None, list[InputError]]:
        return _device_row(record, rules)

    return open_rows(Path(path), rules.schema, device_row, sheet=sheet, problems=problems)


def integration_names(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] = _NOTHING,
    defaults: Mapping[str, Any] = _NOTHING,
    sheet: str | None = None,
) -> frozenset[str]:
    """Return the networks and connectors of a device list that `resolve_integrations` must resolve.

    These are names, and ids without their counterpart that are not built in.
    Problems of the file are ignored here; `read_devices` reports them.

    Args:
        path: the file, as for `read_devices`.
        columns: field of each mapped column.
        defaults: default values by field.
        sheet: sheet of a workbook.
    """
    resolver = Resolver()
    rules, _ = make_mapping_rules(columns, _NOTHING, resolver)
    plain = {rules.naming.field_of(key): value for key, value in defaults.items()}
    names: set[str] = set()
    try:
        for found in format_of(Path(path), sheet).records(rules.schema):
            if isinstance(found, Record):
                given = {**plain, **found.values}
                names |= resolver.names_to_resolve(given.get("network"), given.get("connector"))
    except InputError:
        pass
    return frozenset(names)


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
        file = _defaults_format(file_path)
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


def _defaults_format(path: Path) -> FileFormat:
    file = format_of(path)
    if file.name == "excel" or path.suffix.casefold() in _TABLES:
        raise InputError("must be one JSON or YAML object")
    # A file that does not look like JSON is YAML here, never CSV.
    return attrs.evolve(file, name="json" if file.name.startswith("json") else "yaml")


def _device_row(record: Record, rules: MappingRules) -> tuple[DeviceRow | None, list[InputError]]:
    record, given, problems = rules.complete(record)
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


def open_rows(
    path: Path,
    schema: Schema,
    convert: Convert[RowT],
    *,
    sheet: str | None = None,
    problems: Iterable[InputError] = (),
) -> RowFile[RowT]:
    """Check a file, and return its rows.

    Args:
        path: the file.
        schema: the allowed columns.
        convert: converts a record to a row; the paths of its problems are fields, or parts of them.
        sheet: sheet of a workbook; default: the first visible one.
        problems: further problems to report.

    Raises:
        InvalidFileError: the file has problems; the error lists all of them.
    """
    if path.exists() and not path.is_file():
        # A pipe can't be read twice.
        raise invalid_file(path, [InputError("is not a regular file", source=str(path))])
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
    """Return the numbers of rows and of skipped rows; append rows to `kept` if it is a list."""
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
    """Return the error for a file with problems.

    Args:
        path: the file.
        problems: the problems, each with its line.
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
