"""Cells: from the values of one record to a device, or to everything that is wrong with them.

CSV gives text only, JSON gives its own types; both are read by the same rules.
What the service would refuse is left to the models, whose errors name the field.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from tagodev.errors import InputError
from tagodev.models import ConfigurationParameter, DeviceCreate, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = ["DEVICE_COLUMNS", "read_device", "read_device_id", "read_fields", "refuse_device_column"]

_TAG: Final = "tag."
_PARAM: Final = "param."
_TRUE: Final = ("true", "yes", "1")
_FALSE: Final = ("false", "no", "0")
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
    if isinstance(value, int) and not isinstance(value, bool):
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
}


def refuse_device_column(column: str, known: Collection[str] = DEVICE_COLUMNS) -> str:
    """Return what is wrong with the name of a column, or nothing.

    Args:
        column: its name.
        known: the columns that there may be, besides those of tags and parameters.
    """
    if column in known or column in ("tags", "configuration_params"):
        return ""
    for prefix in (_TAG, _PARAM):
        if column.startswith(prefix):
            return "" if column[len(prefix) :].strip() else f"a key must follow {prefix}"
    likely = get_close_matches(column.casefold(), known, n=1)
    advice = f"did you mean {likely[0]}?" if likely else f"known: {', '.join(known)},"
    return f"unknown column; {advice}" + ("" if likely else " tag.<key>, param.<key>")


def read_device(values: Mapping[str, Any]) -> tuple[DeviceCreate | None, list[InputError]]:
    """Return the device that a record describes, or the problems that keep it from being one."""
    fields, problems = read_fields(values)
    if "name" not in values:
        problems.append(InputError("a device needs a name", path="name"))
    if problems:
        return None, problems
    try:
        return DeviceCreate(**fields), []
    except InputError as error:
        return None, [error]


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
    tags = [read(path, _tag, pair) for path, pair in _pairs(values, _TAG, "tags")]
    params = [
        read(path, _parameter, pair)
        for path, pair in _pairs(values, _PARAM, "configuration_params")
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
    if not isinstance(value, (str, int, float)):
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
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
