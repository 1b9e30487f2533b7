"""Cells: from the values of one record to a device, or to everything that is wrong with them.

CSV, YAML and Excel give text only, JSON gives its own types; all are read by the same rules.
What the service would refuse is left to the models, whose errors name the field.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from tagodev.errors import InputError
from tagodev.models import UNSET, ConfigurationParameter, DeviceCreate, Tag
from tagodev.models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK
from tagodev.provision.read.columns import PARAM, TAG, likely_field
from tagodev.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = ["DEVICE_COLUMNS", "read_device", "read_device_id", "read_fields", "refuse_device_column"]

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
# Ids are 24 hex digits, but a deployment of one's own may differ; what must not pass is anything
# that would lead to another route.
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
        raise InputError(f"must be true or false, not {_shown(value)}", hint="yes, no, 1, 0 do too")
    return word in _TRUE


def _whole_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
        return value
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9):
        raise InputError(f"must be a whole number, not {_shown(value)}")
    return int(value)


#: The columns that are a field of a device, and how each is read.
DEVICE_COLUMNS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _text,
    "type": _text,
    "network": _text,
    "connector": _text,
    "serie_number": _text,
    "active": _boolean,
    "visible": _boolean,
    "description": _text,
    "chunk_period": _text,
    "chunk_retention": _whole_number,
    "mutable_variable_regex": _text,
    "payload_decoder": _text,
}
#: Values that no rule objects to, for fields with a problem: they let the rest be checked.
_HARMLESS: Final[Mapping[str, Any]] = {
    "name": "-",
    "type": "mutable",
    "serie_number": UNSET,
    "active": UNSET,
    "visible": UNSET,
    "description": UNSET,
    "chunk_period": "quarter",
    "chunk_retention": 0,
    "mutable_variable_regex": "-",
    "payload_decoder": UNSET,
    "network": CUSTOM_HTTPS_NETWORK,
    "connector": CUSTOM_HTTPS_CONNECTOR,
}
_NO_TAG: Final = Tag("-", "")
_NO_PARAMETER: Final = ConfigurationParameter("-", "")
_LISTS: Final = ("tags", "configuration_params")
#: The columns that may stand in a list of devices, besides those of tags and parameters.
_KNOWN: Final = (*DEVICE_COLUMNS, "device_id")


def refuse_device_column(column: str, known: Collection[str] = _KNOWN) -> str:
    """Return what is wrong with the name of a column, or nothing.

    Args:
        column: its name.
        known: the columns that there may be, besides those of tags and parameters.
    """
    if column in known or column in ("tags", "configuration_params"):
        return ""
    for prefix in (TAG, PARAM):
        if column.startswith(prefix):
            return "" if column[len(prefix) :].strip() else f"a key must follow {prefix}"
    likely = likely_field(column, known)
    advice = f"did you mean {likely}?" if likely else f"known: {', '.join(known)},"
    return f"unknown column; {advice}" + ("" if likely else " tag.<key>, param.<key>")


def read_device(values: Mapping[str, Any]) -> tuple[DeviceCreate | None, list[InputError]]:
    """Return the device that a record describes, or all that keeps it from being one."""
    fields, problems = read_fields(values)
    if "name" not in values:
        problems.append(InputError("a device needs a name", path="name"))
    for problem in problems:
        if problem.path.partition("[")[0] not in _LISTS:
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
    """Replace a field that has a problem, so that it hides no other; tell whether it was there."""
    field = path.partition("[")[0]
    # One of these without the other would be a problem in itself.
    both = ("network", "connector")
    before = dict(fields)
    if field in _LISTS:
        fields.pop(field, None)
    for one in both if field in both else (field,):
        if one in _HARMLESS:
            fields[one] = _HARMLESS[one]
    return fields != before


def read_fields(
    values: Mapping[str, Any], columns: Collection[str] = DEVICE_COLUMNS
) -> tuple[dict[str, Any], list[InputError]]:
    """Return the fields of a device that a record gives, and what is wrong with them.

    Args:
        values: the record.
        columns: the columns to read, of `DEVICE_COLUMNS`, besides those of tags and parameters.
    """
    problems: list[InputError] = []

    def read(path: str, reader: Callable[[Any], Any], value: Any) -> Any:
        try:
            return reader(value)
        except InputError as error:
            problems.append(_under(path, error))
            return None

    fields = {
        column: read(column, DEVICE_COLUMNS[column], values[column])
        for column in columns
        if column in values
    }
    # What could not be read is counted all the same: there may be too many.
    tags = [read(path, _tag, pair) or _NO_TAG for path, pair in _pairs(values, TAG, "tags")]
    params = [
        read(path, _parameter, pair) or _NO_PARAMETER
        for path, pair in _pairs(values, PARAM, "configuration_params")
    ]
    if tags:
        fields["tags"] = tags
    if params:
        fields["configuration_params"] = params
    return fields, problems


def read_device_id(values: Mapping[str, Any]) -> tuple[str | None, list[InputError]]:
    """Return the id that a record names, None where it is empty, or what is wrong with it."""
    column = "device_id" if "device_id" in values else "id"
    value = values.get(column, "")
    if value == "":
        return None, []
    if not isinstance(value, str) or not _DEVICE_ID.fullmatch(value):
        # The value itself may be a token that went astray: it is not repeated.
        return None, [InputError("is no device id", path=column)]
    return value, []


# --- tags and parameters -----------------------------------------------------------------------


def _pairs(values: Mapping[str, Any], prefix: str, whole: str) -> Iterator[tuple[str, Any]]:
    """Yield key-value objects, from ``tag.<key>`` columns and from the API's own list."""
    listed = values.get(whole, [])
    if not isinstance(listed, list):
        # Given to the reader as it is, which refuses it.
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
    # A device would say so of its first tag only, and not beside what else is wrong with the row.
    if not key.strip():
        raise InputError("must not be empty", path="key")
    return key


def _check_pair(pair: Any, known: tuple[str, ...]) -> None:
    if not isinstance(pair, dict) or not {"key", "value"} <= pair.keys() <= set(known):
        raise InputError(
            'must be an object like {"key": ..., "value": ...}',
            hint="A column tag.<key> or param.<key> for each does too",
        )


def _under(path: str, error: InputError) -> InputError:
    # A model names its own field; inside ``tags[2]`` that is a part of the path.
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
    # A cell that went astray may hold anything, a token too.
    return _cut(redact(repr(value)), 40)


def _cut(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
