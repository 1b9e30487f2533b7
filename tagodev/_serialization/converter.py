"""Converters between JSON and models.

A cattrs converter structures each answer with fast hooks, which stop at the first problem. Only
then, the reader of `serialization.tolerant` reads the same answer again, reports the path of each
wrong field, and returns what can be read.

Answers are read tolerantly, requests are written strictly:

- a field that is `UNSET` is left out, None is written as null;
- different names for the same field are mapped to one (`_ALIASES`);
- unknown fields are stored in ``extra`` if a model has it, and null then counts as left out, so
  that a device with null for tags does not make its whole page fail;
- null, ``""`` and ``"never"`` mean no date; dates have the UTC time zone.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial, reduce
from operator import or_
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from tagodev._models.access_tokens import NetworkToken, ServiceToken, ServiceTokenCreated
from tagodev._models.data import Affected, Chunk, DataPoint, DataValue, Location, Total
from tagodev._models.devices import Bucket, DeviceCreated
from tagodev._models.fields import boolean, text
from tagodev._models.tokens import DeviceToken, TokenCreated, TokenInfo
from tagodev._models.unset import UNSET, Unset
from tagodev._secrets import Secret
from tagodev._serialization.structuring import Hook, quick_list, quick_model
from tagodev._serialization.tolerant import Reader, Reading
from tagodev.errors import InputError

__all__ = ["StructureError", "from_json", "from_wire", "to_json", "to_wire"]

T = TypeVar("T")

#: Other names of fields, by class.
_ALIASES: Final[Mapping[type, Mapping[str, str]]] = {
    Chunk: {"from": "from_date", "to": "to_date"},
    DataPoint: {"serie": "group"},
    DeviceCreated: {"deviceID": "device_id", "device": "device_id"},
    DeviceToken: {"expire_date": "expire_time"},
    TokenCreated: {"expire_date": "expire_time"},
    TokenInfo: {"expire_date": "expire_time"},
    NetworkToken: {"expire_date": "expire_time"},
    ServiceToken: {"expire_date": "expire_time"},
    ServiceTokenCreated: {"additional_parameters": "verification_code"},
}
#: Validators that check only a type, and that type.
_TYPE_VALIDATORS: Final = {text: str, boolean: bool}
_DATA_VALUES: Final = (DataValue, DataValue | None)
_NO_DATE: Final = (None, "", "never")
_DATE_LENGTH: Final = len("2026-01-31T12:00:00.000Z")
_WRITTEN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


class StructureError(Exception):
    """An answer does not match its model."""

    def __init__(self, problems: tuple[str, ...], reading: Reading | None = None) -> None:
        """Initialize the error.

        Args:
            problems: the problems, with the path of each wrong field.
            reading: what can be read of the answer; None if it is nothing.
        """
        super().__init__("; ".join(problems))
        self.problems = problems
        self.reading = reading


def to_wire(value: Any) -> Any:
    """Convert a model to lists and dicts for a request."""
    return _fast.unstructure(value)


def to_json(value: Any) -> bytes:
    """Convert a model to the body of a request.

    Raises:
        InputError: a value can't be represented in JSON.
    """
    try:
        return orjson.dumps(_fast.unstructure(value))
    except orjson.JSONEncodeError as error:
        problem = str(error)
    raise InputError(f"can't be converted to JSON: {problem}")


def from_json(text: bytes, cls: type[T]) -> T:
    """Convert the output of `to_json` to a model.

    Raises:
        StructureError: the text does not match the model.
        orjson.JSONDecodeError: the text is not JSON.
    """
    return from_wire(orjson.loads(text), cls)


def from_wire(value: Any, cls: type[T]) -> T:
    """Convert decoded JSON to a model; ``object`` accepts any value.

    Raises:
        StructureError: the value does not match the model. It contains what can be read of it.
    """
    if cls is object:
        return cast("T", value)
    hook = _hooks.get(cls) or _hook_of(cls)
    try:
        structured: T = hook(value, cls)
    except Exception:  # noqa: BLE001  (the reader reports any problem)
        reader = Reader(_hook_of, _ALIASES)
        reading = reader.read(value, cls)
    else:
        return structured
    more = (f"and {reader.others} more",) if reader.others else ()
    raise StructureError((*reader.problems, *more), reading)


def _hook_of(kind: Any) -> Hook:
    hook = _hooks.get(kind)
    if hook is None:
        hook = _hooks[kind] = _fast.get_structure_hook(kind)
    return hook


# --- hooks -------------------------------------------------------------------------------------


def _expected(what: str, value: Any) -> TypeError:
    return TypeError(f"expected {what}, got {type(value).__name__}")


def _text(value: Any, _: type) -> str:
    if not isinstance(value, str):
        raise _expected("text", value)
    return value


def _boolean(value: Any, _: type) -> bool:
    if not isinstance(value, bool):
        raise _expected("true or false", value)
    return value


def _integer(value: Any, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _expected("a whole number", value)
    return value


def _number(value: Any, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _expected("a number", value)
    return value


def _data_value(value: Any, _: type) -> DataValue | None:
    if value is not None and not isinstance(value, (str, int, float)):
        raise _expected("text, a number, true or false", value)
    return value


def _location(value: Any, _: type) -> Location:
    """Read ``lat`` and ``lng``, or a GeoJSON point, which has the longitude first."""
    if not isinstance(value, Mapping):
        raise _expected("an object", value)
    if "coordinates" not in value:
        return Location(_number(value.get("lat"), float), _number(value.get("lng"), float))
    if _text(value.get("type", "Point"), str).casefold() != "point":
        raise ValueError("expected a GeoJSON point, got another type")
    lng, lat, *_height = value["coordinates"]
    return Location(_number(lat, float), _number(lng, float))


def _total(value: Any, _: type) -> Total:
    """Read a number, or a list of one register with it as its value."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = value[0].get("value")
    return Total(None if value is None else _number(value, float))


def _affected(value: Any, _: type) -> Affected:
    """Read a number, or text that may start with it: ``3 Data Added``; it may be absent."""
    if value is None:
        return Affected(None)
    if not isinstance(value, str):
        return Affected(_integer(value, int))
    number = re.match(r"[0-9]{1,18}", value)
    return Affected(None if number is None else int(number[0]))


def _secret(value: Any, _: type) -> Secret:
    return Secret(_text(value, str))


def _date(value: Any, _: type) -> datetime:
    moment = datetime.fromisoformat(_text(value, str))
    if moment.tzinfo is UTC:
        return moment
    # The service writes UTC, sometimes without a zone.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _optional_date(value: Any, _: type) -> datetime | None:
    if type(value) is str and len(value) == _DATE_LENGTH:
        # Fast path: most values of an answer are such dates.
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:
            return moment
    return None if value in _NO_DATE else _date(value, datetime)


def _date_or_text(value: Any, _: type) -> datetime | str:
    """Read a date in the form that `_write_date` writes; return other text unchanged."""
    return _date(value, datetime) if _WRITTEN.fullmatch(_text(value, str)) else value


def _write_date(value: datetime) -> str:
    # A datetime without a zone is taken as UTC.
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise InputError("contains a time that is out of range in UTC") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _structure_bucket(_: Any, converter: Converter) -> Hook:
    """Make a hook for a device's bucket: an object, or in lists only its id."""
    structure: Callable[[Any, Any], Bucket] = converter.get_structure_hook(Bucket)

    def bucket(value: Any, _: Any) -> Bucket | None:
        if value is None:
            return None
        if isinstance(value, Mapping):
            return structure(value, Bucket)
        return Bucket(_text(value, str))

    return bucket


def _is_union_with_unset(cls: Any) -> bool:
    return get_origin(cls) in (Union, types.UnionType) and Unset in get_args(cls)


def _structure_settable(cls: Any, converter: Converter) -> Hook:
    """Make a hook for ``X | Unset``: a value in JSON is always an X."""
    inner = reduce(or_, (arg for arg in get_args(cls) if arg is not Unset))
    return lambda value, _: converter.structure(value, inner)


def _is_list(cls: Any) -> bool:
    return get_origin(cls) in (list, tuple)


def _quick_model(cls: type, converter: Converter) -> Hook:
    return quick_model(cls, converter, _ALIASES, _TYPE_VALIDATORS)


def _unstructure_model(cls: type, converter: Converter) -> Callable[[Any], Any]:
    """Make a hook for an attrs class: leave out unset fields, merge ``extra``."""
    settable: dict[str, Any] = {
        field.name: override(omit_if_default=True)
        for field in attrs.fields(cls)
        if field.default is UNSET
    }
    plain: Callable[[Any], dict[str, Any]]
    plain = make_dict_unstructure_fn(cls, converter, **settable)
    if not any(field.name == "extra" for field in attrs.fields(cls)):
        return plain

    def unstructure(value: Any) -> dict[str, Any]:
        wire = plain(value)
        return {**wire.pop("extra"), **wire}

    return unstructure


def _build() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook_factory(attrs.has, partial(_quick_model, converter=converter))
    converter.register_unstructure_hook_factory(
        attrs.has, partial(_unstructure_model, converter=converter)
    )
    converter.register_structure_hook_factory(
        _is_union_with_unset, partial(_structure_settable, converter=converter)
    )
    converter.register_structure_hook_factory(_is_list, partial(quick_list, converter=converter))
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(lambda cls: cls in _DATA_VALUES, _data_value)
    converter.register_structure_hook(Location, _location)
    converter.register_structure_hook(Total, _total)
    converter.register_structure_hook(Affected, _affected)
    converter.register_structure_hook(Secret, _secret)
    converter.register_structure_hook(datetime, _date)
    converter.register_structure_hook_func(lambda cls: cls == datetime | None, _optional_date)
    converter.register_structure_hook_func(lambda cls: cls == datetime | str, _date_or_text)
    converter.register_structure_hook_factory(
        lambda cls: cls == Bucket | None, partial(_structure_bucket, converter=converter)
    )
    converter.register_unstructure_hook(Secret, Secret.reveal)
    converter.register_unstructure_hook(datetime, _write_date)
    return converter


_fast: Final = _build()
#: Hooks of the fast converter by class: its own lookup is slower than many hooks.
_hooks: Final[dict[Any, Callable[[Any, Any], Any]]] = {}
