"""Validation of request bodies.

A body is read field by field with a table of readers, and all its problems are reported at once.
Fields that the table does not contain are ignored, as the service's own clients send back what they
read (``created_at``, ``bucket``) when they edit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeGuard

import orjson

from tagodev.emulator._http.errors import RefusedError, check_cap
from tagodev.emulator._model.public_networks import SerialNumber
from tagodev.emulator._model.store import Parameter, Tag
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE, MAX_TAGS_PER_DEVICE

__all__ = [
    "ACCESS_TOKEN_READERS",
    "CONNECTOR_READERS",
    "DEVICE_READERS",
    "NAME",
    "NETWORK_READERS",
    "PARAMETER_READERS",
    "RELAY_READERS",
    "SERIAL_NUMBER_READERS",
    "TOKEN_READERS",
    "VALUE",
    "FieldError",
    "Reader",
    "form",
    "is_number",
    "or_null",
    "parse_object",
    "parse_objects",
    "read",
    "read_new",
    "refuse_if",
    "retention_problem",
]

#: Returns the value to store, or raises FieldError with the expected form.
Reader: TypeAlias = Callable[[Any], Any]


class FieldError(Exception):
    """The expected form of a field, worded to follow its name."""


_ID: Final = re.compile(r"[0-9a-f]{24}", re.IGNORECASE | re.ASCII)

#: Maximum nesting depth that needs no further check.
_DEEP: Final = 200
#: Maximum retention in periods, by chunk period.
_RETENTION: Final[Mapping[str, int]] = {"day": 31, "week": 26, "month": 36, "quarter": 36}


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object; an empty body is an empty object.

    Raises:
        RefusedError: it is not JSON, or not an object.
    """
    body = _parsed(raw)
    if not isinstance(body, dict):
        raise RefusedError(400, "Body must be an object")
    return body


def _parsed(raw: bytes) -> Any:
    """Return a parsed body; an empty body is an empty object."""
    # Only a body with this many brackets can be nested too deeply to be written back.
    deep = raw.count(b"{") + raw.count(b"[") > _DEEP
    try:
        body = orjson.loads(raw or b"{}")
        if deep:
            orjson.dumps({"status": True, "result": [{"field": [body]}]})
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        raise RefusedError(400, "Malformed request syntax") from None
    return body


def parse_objects(raw: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Parse a body that must be a JSON object or an array of them; an empty body is an object.

    Returns:
        Each object, with the prefix of its problems: ``[2].`` in an array.

    Raises:
        RefusedError: it is not JSON, or neither of the two.
    """
    body = _parsed(raw)
    if isinstance(body, dict):
        return [("", body)]
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise RefusedError(400, "Body must be an object or an array of objects")
    return [(f"[{index}].", item) for index, item in enumerate(body)]


def read(
    body: Mapping[str, Any], readers: Mapping[str, Reader]
) -> tuple[dict[str, Any], list[str]]:
    """Read the fields of a body.

    Args:
        body: the request's object.
        readers: readers by field.

    Returns:
        The valid values of the fields that were sent, and a sentence for each invalid one.

    Raises:
        RefusedError: a list exceeds its cap, which has its own message.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, reader in readers.items():
        if name in body:
            try:
                values[name] = reader(body[name])
            except FieldError as error:
                problems.append(f"{name}{error}")
    return values, problems


def read_new(
    body: Mapping[str, Any], readers: Mapping[str, Reader], *required: str
) -> tuple[dict[str, Any], list[str]]:
    """Read the fields of a body that creates something; null means absent.

    Args:
        body: the request's object.
        readers: readers by field.
        required: fields that must be there.

    Returns:
        As `read` does, and a sentence for each missing field.
    """
    given = {name: value for name, value in body.items() if value is not None}
    values, problems = read(given, readers)
    return values, [*(f"{name} is required" for name in required if name not in given), *problems]


def refuse_if(problems: list[str]) -> None:
    """Refuse the request if there are problems.

    Raises:
        RefusedError: there is at least one problem.
    """
    if problems:
        raise RefusedError(400, "; ".join(problems))


def retention_problem(period: str, retention: int) -> str | None:
    """Return what is wrong with a chunk retention, None if nothing is."""
    most = _RETENTION[period]
    if 0 <= retention <= most:
        return None
    return f"chunk_retention must be from 0 to {most} for a chunk_period of {period}"


def form(words: str, test: Callable[[Any], object]) -> Reader:
    """Return a reader that stores what it gets, if a test passes.

    Args:
        words: the expected form: ``a text``.
        test: whether a value has it.
    """

    def reader(value: Any) -> Any:
        if not test(value):
            raise FieldError(f" must be {words}")
        return value

    return reader


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number; in JSON, true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def or_null(reader: Reader) -> Reader:
    """Return a reader that accepts null besides."""
    return lambda value: None if value is None else reader(value)


def _one_of(*words: str) -> Reader:
    return form(f"one of {', '.join(words)}", words.__contains__)


_TEXT: Final = form("a text", lambda value: isinstance(value, str))
NAME: Final = form(
    "a text of 1 to 100 characters",
    lambda value: isinstance(value, str) and 1 <= len(value) <= 100,
)
VALUE: Final = form(
    "a text, a number or a boolean", lambda value: isinstance(value, str | int | float)
)
_BOOLEAN: Final = form("true or false", lambda value: isinstance(value, bool))
_WHOLE: Final = form("a whole number", lambda value: isinstance(value, int) and is_number(value))
_TEXT_OR_NULL: Final = or_null(_TEXT)
_SERIAL: Final = or_null(
    form("a text that is not empty", lambda value: isinstance(value, str) and value)
)
_ID_TEXT: Final = form(
    "an id of 24 hexadecimal digits",
    lambda value: isinstance(value, str) and _ID.fullmatch(value),
)


def _identifier(value: Any) -> str:
    identifier: str = _ID_TEXT(value)
    return identifier.lower()


def _objects(value: Any, most: int, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise FieldError(" must be an array")
    check_cap(len(value), most, what)
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise FieldError(f"[{index}] must be an object")
    return value


def _tags(value: Any) -> list[Tag]:
    tags = []
    for index, item in enumerate(_objects(value, MAX_TAGS_PER_DEVICE, "Tags")):
        key, tag_value = item.get("key"), item.get("value")
        if not isinstance(key, str) or not isinstance(tag_value, str):
            raise FieldError(f"[{index}] must have a key and a value, both texts")
        tags.append(Tag(key, tag_value))
    return tags


def _parameters(value: Any) -> list[Parameter]:
    items = _objects(value, MAX_PARAMETERS_PER_DEVICE, "Configuration Parameters")
    return [_parameter(index, item) for index, item in enumerate(items)]


def _parameter(index: int, item: dict[str, Any]) -> Parameter:
    values, problems = read({"key": None, "value": None, **item}, PARAMETER_READERS)
    if problems:
        raise FieldError(f"[{index}].{problems[0]}")
    identifier = item.get("id")
    return Parameter(
        identifier if isinstance(identifier, str) else "",
        values["key"],
        values["value"],
        values.get("sent", False),
    )


def _stringified(value: Any) -> str:
    value = VALUE(value)
    # The service accepts a number and returns a text.
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _regex_or_null(value: Any) -> str | None:
    if value is None:
        return None
    try:
        expression: re.Pattern[str] = re.compile(_TEXT(value))
    except re.error:
        raise FieldError(" must be a regular expression") from None
    if expression.search(""):
        raise FieldError(" must not match every variable")
    return expression.pattern


def _identifiers(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise FieldError(" must be an array")
    identifiers = []
    for index, item in enumerate(value):
        try:
            identifiers.append(_identifier(item))
        except FieldError as error:
            raise FieldError(f"[{index}]{error}") from None
    return identifiers


def _device_parameters(value: Any) -> list[dict[str, Any]]:
    return _objects(value, MAX_PARAMETERS_PER_DEVICE, "Device Parameters")


def _serial_number(value: Any) -> SerialNumber:
    if not isinstance(value, dict):
        raise FieldError(" must be an object")
    values, problems = read(
        {name: item for name, item in value.items() if item is not None}, SERIAL_NUMBER_READERS
    )
    if problems:
        raise FieldError(f".{problems[0]}")
    return SerialNumber(**values)


#: Fields of a configuration parameter that may be sent.
PARAMETER_READERS: Final[Mapping[str, Reader]] = {
    "key": _TEXT,
    "value": _stringified,
    "sent": _BOOLEAN,
}


#: Fields of a device that may be sent, by their name in the body.
DEVICE_READERS: Final[Mapping[str, Reader]] = {
    "name": NAME,
    "network": _identifier,
    "connector": _identifier,
    "type": _one_of("mutable", "immutable", "hybrid", "legacy"),
    "chunk_period": _one_of(*_RETENTION),
    "chunk_retention": _WHOLE,
    "mutable_variable_regex": _regex_or_null,
    "serie_number": _SERIAL,
    "active": _BOOLEAN,
    "visible": _BOOLEAN,
    "description": _TEXT_OR_NULL,
    "tags": _tags,
    "configuration_params": _parameters,
    # The older name first: if both are sent the newer one wins.
    "parse_function": _TEXT_OR_NULL,
    "payload_decoder": _TEXT_OR_NULL,
}

#: Fields of a token that may be sent.
TOKEN_READERS: Final[Mapping[str, Reader]] = {
    "device": _identifier,
    "name": NAME,
    "permission": _one_of("full", "read", "write"),
    "serie_number": _SERIAL,
    "expire_time": _TEXT_OR_NULL,
    "verification_code": _TEXT_OR_NULL,
    "middleware": _TEXT_OR_NULL,
}

#: Fields of a token that is not a device token.
ACCESS_TOKEN_READERS: Final[Mapping[str, Reader]] = {
    "network": _identifier,
    "name": NAME,
    "permission": _one_of("full", "read", "write"),
    "expire_time": _TEXT_OR_NULL,
    "verification_code": _TEXT_OR_NULL,
}

#: Fields of a message that a network publishes to the MQTT relay.
RELAY_READERS: Final[Mapping[str, Reader]] = {
    "topic": form("a text that is not empty", lambda value: isinstance(value, str) and value),
    "message": _TEXT,
    "qos": form("0, 1 or 2", lambda value: is_number(value) and value in (0, 1, 2)),
    "retain": _BOOLEAN,
    "device": _identifier,
}

#: Fields of a network's serial number settings.
SERIAL_NUMBER_READERS: Final[Mapping[str, Reader]] = {
    "mask": _TEXT,
    "label": _TEXT,
    "image": _TEXT,
    "case": _TEXT,
    "help": _TEXT,
    "required": _BOOLEAN,
}

_SHOWN_READERS: Final[Mapping[str, Reader]] = {
    "name": NAME,
    "description": _TEXT_OR_NULL,
    "logo_url": _TEXT_OR_NULL,
    "device_parameters": _device_parameters,
    "payload_encoder": _TEXT_OR_NULL,
    "payload_decoder": _TEXT_OR_NULL,
}

#: Fields of a network that may be sent.
NETWORK_READERS: Final[Mapping[str, Reader]] = {
    **_SHOWN_READERS,
    "icon_url": _TEXT_OR_NULL,
    "banner_url": _TEXT_OR_NULL,
    "public": _BOOLEAN,
    "middleware_endpoint": _TEXT_OR_NULL,
    "documentation_url": _TEXT_OR_NULL,
    "serial_number": _serial_number,
    "require_devices_access": _BOOLEAN,
}

#: Fields of a connector that may be sent.
CONNECTOR_READERS: Final[Mapping[str, Reader]] = {
    **_SHOWN_READERS,
    "networks": _identifiers,
    "install_text": _TEXT_OR_NULL,
    "install_end_text": _TEXT_OR_NULL,
    "device_annotation": _TEXT_OR_NULL,
}
