"""CSV files of registers: exports to the profile's Files, and imports.

The service documents one column, ``variable``; the others are assumptions. An export can be
imported again.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._model.time import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev.emulator._model.data_store import Point, Value

__all__ = ["address_of", "billed", "from_csv", "to_csv"]

_COLUMNS: Final = ("variable", "value", "unit", "group", "time", "lat", "lng", "metadata")
#: What a value looks like that is not text.
_LITERAL: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?|true|false", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\$[A-Z_]+\$")
#: Exports are billed in steps of so many registers.
_STEP: Final = 10_000


def address_of(template: str, values: Mapping[str, str]) -> str:
    """Return the address of a file.

    Args:
        template: with placeholders such as ``$DEVICE$``; unknown ones stay unchanged.
        values: values of the placeholders.
    """
    address = _PLACEHOLDER.sub(lambda found: values.get(found[0], found[0]), template)
    return f"{address.removeprefix('/')}.csv"


def billed(registers: int) -> int:
    """Return how many registers an export is billed for: steps of ten thousand."""
    return -(-registers // _STEP) * _STEP


def to_csv(points: Iterable[Point], *, headers: bool) -> str:
    """Serialize registers as CSV.

    Args:
        points: the registers, in order.
        headers: whether the first row contains the column names.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    if headers:
        writer.writerow(_COLUMNS)
    for point in points:
        lng, lat = point.location or ("", "")
        writer.writerow(
            (
                point.variable,
                _written(point.value),
                point.unit,
                point.group,
                iso(point.time),
                lat,
                lng,
                "" if point.metadata is None else orjson.dumps(point.metadata).decode(),
            )
        )
    return file.getvalue()


def from_csv(text: str) -> Iterator[dict[str, Any]]:
    """Yield the registers of a file as a request would send them.

    Raises:
        RefusedError: there is no column ``variable``.
    """
    rows = csv.DictReader(io.StringIO(text))
    if "variable" not in (rows.fieldnames or ()):
        raise RefusedError(400, "The file must have a column named variable")
    for row in rows:
        fields: dict[str, Any] = {name: words for name in _COLUMNS if (words := row.get(name))}
        if "value" in fields:
            fields["value"] = _read(fields["value"])
        if "metadata" in fields:
            fields["metadata"] = _parsed(fields["metadata"])
        if "lat" in fields or "lng" in fields:
            place = {name: _parsed(fields.pop(name, "")) for name in ("lat", "lng")}
            fields["location"] = place
        yield fields


def _written(value: Value | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()


def _read(words: str) -> Value:
    # CSV has no types: a value that looks like a number is one.
    value: Value = orjson.loads(words) if _LITERAL.fullmatch(words) else words
    return value


def _parsed(words: str) -> Any:
    """Return a JSON value, or the text itself if it is not JSON."""
    try:
        return orjson.loads(words)
    except orjson.JSONDecodeError:
        return words
