"""Writers of records as CSV, JSON Lines and YAML."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev._device_fields import COLUMNS, LONG, PARAM, PREFIXES
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["csv_file", "json_line_pieces", "yaml_pieces"]

#: Columns before those of tags and parameters.
_FIRST: Final = tuple(one for one in COLUMNS if one not in LONG)
#: Columns after those of tags and parameters.
_LAST: Final = (*LONG, "token")


def json_line_pieces(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield JSON Lines: one object per device."""
    for record in records:
        yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def yaml_pieces(records: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a YAML file in pieces: a list with a mapping per device.

    Raises:
        InputError: PyYAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415  (an extra)
    except ImportError:
        raise InputError(
            "PyYAML is required to write YAML", hint="pip install 'tagodev[yaml]'"
        ) from None
    if not records:
        return iter((b"[]\n",))
    return (
        yaml.safe_dump([record], allow_unicode=True, sort_keys=False).encode() for record in records
    )


def csv_file(records: Sequence[dict[str, Any]]) -> bytes:
    """Return a CSV file, with a column for each field, tag and parameter.

    Raises:
        InputError: a device can't be written as CSV.
    """
    rows = [_cells(record) for record in records]
    keys = dict.fromkeys(column for row in rows for column in row)
    middle = sorted(key for key in keys if key not in (*_FIRST, *_LAST))
    # Tags before parameters, each in the order of their keys.
    middle.sort(key=lambda column: column.startswith(PARAM))
    columns = [
        *(column for column in _FIRST if column in keys or column == "name"),
        *middle,
        *(column for column in _LAST if column in keys),
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _cells(record: dict[str, Any]) -> dict[str, str]:
    cells = {name: _cell(value) for name, value in record.items() if name not in PREFIXES}
    for items, prefix in PREFIXES.items():
        for item in record.get(items, ()):
            key, value = item["key"], item["value"]
            column = prefix + key
            problem = ""
            if column in cells:
                problem = f"has {column} twice"
            elif not value:
                problem = f"has an empty {column}"
            elif key != key.strip():
                problem = f"has a key that begins or ends with a space: {column!r}"
            if problem:
                raise InputError(
                    f"device {record['name']!r} can't be written as CSV: it {problem}",
                    hint="Use --format json",
                )
            cells[column] = value
    return cells


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
