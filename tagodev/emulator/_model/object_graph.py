"""Serialization of an object graph to JSON values, and back.

Objects are written by their own fields rather than by a fixed list of names, so that new fields are
included automatically.
Objects may refer to each other: a mutable one is written at its first occurrence, with a number,
and referred to by that number elsewhere.

Values without a JSON type are objects with ``$is``:

- ``{"$is": "store.Tag", ...}`` is a value, ``{"$is": "store.Device", "$id": 3, ...}`` an object
  with an identity, and ``{"$ref": 3}`` a reference to it;
- ``tuple``, ``set``, ``frozenset``, and a ``dict`` with keys that are not plain texts, have
  ``$items``;
- a random sequence has its current state.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["read", "write"]

_PACKAGE: Final = "tagodev.emulator."
_PLAIN: Final = (bool, int, float, str, type(None))


def write(root: object, leave_out: frozenset[str] = frozenset()) -> Any:
    """Return a graph of the emulator's objects as JSON values.

    Args:
        root: the root object.
        leave_out: fields of the root that are omitted.

    Raises:
        TypeError: it contains an unsupported type.
    """
    return _Writer().record(root, leave_out)


def read(content: Any) -> Any:
    """Return the graph that `write` has written.

    The names of fields are checked, their types are not.

    Raises:
        AttributeError: it names a class that the emulator does not have.
        KeyError: as above, or something is missing.
        TypeError: its structure is invalid.
        ValueError: an object has other fields than its class.
    """
    return _Reader().read(content)


def _fields_of(cls: type, record: object) -> list[str]:
    return [field.name for field in attrs.fields(cls)] if attrs.has(cls) else list(vars(record))


def _kind_of(cls: type) -> str:
    if not cls.__module__.startswith(_PACKAGE):
        raise TypeError(f"a state can't hold a {cls.__qualname__}")
    return f"{cls.__module__.removeprefix(_PACKAGE)}.{cls.__qualname__}"


def _class_of(kind: str) -> type:
    module, _, name = kind.rpartition(".")
    # Only loaded modules: a file can name the emulator's classes and nothing else.
    cls = getattr(sys.modules[_PACKAGE + module], name)
    if not isinstance(cls, type) or _kind_of(cls) != kind:
        raise TypeError(kind)
    return cls


class _Writer:
    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def write(self, value: Any) -> Any:
        cls = type(value)
        if cls in _PLAIN:
            return value
        if cls is list:
            return [self.write(item) for item in value]
        if cls is dict:
            if all(type(key) is str and not key.startswith("$") for key in value):
                return {key: self.write(item) for key, item in value.items()}
            items = map(list, value.items())
        elif cls in (tuple, set, frozenset):
            items = value
        elif cls is random.Random:
            items = value.getstate()
        else:
            return self.record(value)
        return {"$is": cls.__name__, "$items": [self.write(item) for item in items]}

    def record(self, value: object, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
        known = self._numbers.get(id(value))
        if known is not None:
            return {"$ref": known}
        cls = type(value)
        written: dict[str, Any] = {"$is": _kind_of(cls)}
        # Immutable objects may be duplicated without effect.
        if cls.__hash__ is None or cls.__hash__ is object.__hash__:
            written["$id"] = self._numbers[id(value)] = len(self._numbers)
        for name in _fields_of(cls, value):
            if name not in leave_out:
                written[name] = self.write(getattr(value, name))
        return written


class _Reader:
    def __init__(self) -> None:
        self._records: dict[int, object] = {}

    def read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return self._records[value["$ref"]]
        if "$items" in value:
            return _MAKERS[value["$is"]](self.read(value["$items"]))
        if "$is" in value:
            return self._record(_class_of(value["$is"]), value)
        return {key: self.read(item) for key, item in value.items()}

    def _record(self, cls: type, value: dict[str, Any]) -> object:
        record: object = object.__new__(cls)
        if "$id" in value:
            # Before its fields are read, since they may refer to it.
            self._records[value["$id"]] = record
        names = [name for name in value if not name.startswith("$")]
        if attrs.has(cls) and names != [field.name for field in attrs.fields(cls)]:
            raise ValueError(f"a {cls.__name__} has other fields")
        for name in names:
            # An immutable value is created here.
            object.__setattr__(record, name, self.read(value[name]))
        return record


def _sequence(reached: Any) -> random.Random:
    sequence = random.Random()  # noqa: S311 - unlike and repeatable, not secret
    sequence.setstate(reached)
    return sequence


#: How what has ``$items`` is made of them.
_MAKERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "Random": _sequence,
}
