"""Conversion of the values of a record to a device, or to a list of problems.

CSV, YAML and Excel contain text only, JSON has types; the same rules apply to all.
The models check what the service would refuse.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from tagodev._device_fields import COLUMNS, DEVICE_FIELDS, PREFIXES
from tagodev._models import ConfigurationParameter, DeviceCreate, Tag
from tagodev._secrets import redact
from tagodev.errors import InputError
from tagodev.provision._read.columns import likely_field

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = ["read_device", "read_device_id", "read_fields", "refuse_device_column"]

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
# Ids are 24 hex digits, but other deployments may differ. Characters that would change the route
# are refused.
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"must be text, not {_kind(value)}", hint="Put it in double quotes")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word not in _TRUE + _FALSE:
        raise InputError(
            f"must be true or false, not {_shown(value)}", hint="Also accepted: yes, no, 1, 0"
        )
    return word in _TRUE


def _whole_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
        return value
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9):
        raise InputError(f"must be a whole number, not {_shown(value)}")
    return int(value)


_READERS: Final[Mapping[type | None, Callable[[Any], Any]]] = {
    str: _text,
    bool: _boolean,
    int: _whole_number,
}
_NO_TAG: Final = Tag("-", "")
_NO_PARAMETER: Final = ConfigurationParameter("-", "")
#: Allowed columns of a device list, besides tags and parameters.
_KNOWN: Final = (*COLUMNS, "device_id")


def refuse_device_column(column: str, known: Collection[str] = _KNOWN) -> str:
    """Return the problem with a column name, or an empty string.

    Args:
        column: the name.
        known: allowed columns, besides tags and parameters.
    """
    if column in known or column in PREFIXES:
        return ""
    for prefix in PREFIXES.values():
        if column.startswith(prefix):
            return "" if column[len(prefix) :].strip() else f"a key must follow {prefix}"
    likely = likely_field(column, known)
    advice = f"did you mean {likely}?" if likely else f"known: {', '.join(known)},"
    return f"unknown column; {advice}" + ("" if likely else " tag.<key>, param.<key>")


def read_device(values: Mapping[str, Any]) -> tuple[DeviceCreate | None, list[InputError]]:
    """Return the device of a record, or all its problems."""
    fields, problems = read_fields(values)
    if "name" not in values:
        problems.append(InputError("is required", path="name"))
    for problem in problems:
        if problem.path.partition("[")[0] not in PREFIXES:
            _mend(fields, problem.path)
    while True:
        try:
            device = DeviceCreate(**fields)
        except InputError as error:
            error.message = _cut(redact(error.message))
            problems.append(error)
            if not _mend(fields, error.path):
                return None, problems
        else:
            return (None if problems else device), problems


def _mend(fields: dict[str, Any], path: str) -> bool:
    """Replace an invalid field, so that it hides no other problem; return whether it changed."""
    name = path.partition("[")[0]
    before = dict(fields)
    # Either one without the other would be another problem.
    both = ("network", "connector")
    for one in both if name in both else (name,):
        fields.pop(one, None)
        if one in DEVICE_FIELDS and DEVICE_FIELDS[one].placeholder is not None:
            fields[one] = DEVICE_FIELDS[one].placeholder
    return fields != before


def read_fields(
    values: Mapping[str, Any], columns: Collection[str] = COLUMNS
) -> tuple[dict[str, Any], list[InputError]]:
    """Return the device fields of a record, and their problems.

    Args:
        values: the record.
        columns: the columns to read, besides tags and parameters.
    """
    problems: list[InputError] = []

    def read(path: str, reader: Callable[[Any], Any], value: Any) -> Any:
        try:
            return reader(value)
        except InputError as error:
            problems.append(_under(path, error))
            return None

    fields = {
        column: read(column, _READERS[DEVICE_FIELDS[column].kind], values[column])
        for column in columns
        if column in values
    }
    for whole, reader, valid in (
        ("tags", _tag, _NO_TAG),
        ("configuration_params", _parameter, _NO_PARAMETER),
    ):
        # Invalid items count towards the maximum.
        items = [read(path, reader, pair) or valid for path, pair in _pairs(values, whole)]
        if items:
            fields[whole] = items
    return fields, problems


def read_device_id(values: Mapping[str, Any]) -> tuple[str | None, list[InputError]]:
    """Return the device id of a record, None if it is empty, and problems."""
    value = values.get("device_id", "")
    if value == "":
        return None, []
    if not isinstance(value, str) or not _DEVICE_ID.fullmatch(value):
        # The value is not shown: it may be a misplaced token.
        return None, [InputError("is not a device id", path="device_id")]
    return value, []


# --- tags and parameters -----------------------------------------------------------------------


def _pairs(values: Mapping[str, Any], whole: str) -> Iterator[tuple[str, Any]]:
    """Yield key-value objects from ``tag.<key>`` columns and from a list."""
    prefix, listed = PREFIXES[whole], values.get(whole, [])
    if not isinstance(listed, list):
        # The converter refuses it.
        yield whole, listed
        listed = []
    for index, item in enumerate(listed):
        yield f"{whole}[{index}]", item
    for column, value in values.items():
        if column.startswith(prefix):
            yield column, {"key": column[len(prefix) :], "value": value}


def _tag(pair: Any) -> Tag:
    _check_pair(pair, ("key", "value"))
    return Tag(_key(pair["key"]), _text(pair["value"]))


def _parameter(pair: Any) -> ConfigurationParameter:
    _check_pair(pair, ("key", "value", "sent"))
    value = pair["value"]
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    if not (is_number or isinstance(value, str)):
        raise InputError(f"must be text or a number, not {_kind(value)}")
    sent = _boolean(pair.get("sent", False))
    return ConfigurationParameter(_key(pair["key"]), value, sent=sent)


def _key(value: Any) -> str:
    key = _text(value)
    # The model would report the first blank key only.
    if not key.strip():
        raise InputError("must not be empty", path="key")
    return key


def _check_pair(pair: Any, known: tuple[str, ...]) -> None:
    if not isinstance(pair, dict) or not {"key", "value"} <= pair.keys() <= set(known):
        raise InputError(
            'must be an object like {"key": ..., "value": ...}',
            hint="Or use a column tag.<key> or param.<key> for each",
        )


def _under(path: str, error: InputError) -> InputError:
    # A model names its own field, which is part of the path inside ``tags[2]``.
    if not path or not error.path:
        error.path = error.path or path
    elif error.path != path and "[" in path:
        error.path = f"{path}.{error.path}"
    else:
        error.path = path
    return error


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object")


def _shown(value: Any) -> str:
    # A misplaced cell may contain a token.
    return _cut(redact(repr(value)), 40)


def _cut(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
