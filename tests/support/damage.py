"""Damage to answers: each place of a model, and what may be there that does not belong there."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

import attrs
import orjson

import tagodev
from tagodev import Secret, Unset

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["VALUES", "Place", "damaged", "fits", "good", "places", "small"]

#: A value of every type that JSON has, and two numbers.
VALUES: Final[tuple[Any, ...]] = (5, 1.5, "text", True, [], {})
#: What a good answer says where a value of this type is expected.
GOOD: Final[Mapping[Any, Any]] = {
    str: "text",
    int: 5,
    float: 1.5,
    bool: True,
    datetime: "2026-01-31T12:00:00.000Z",
    Secret: "8be70d95-0dbc-4e16-89b6-b23b077d05e5",
    Any: {"a": 1},
}


def parts(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union besides null, or the type itself."""
    if get_origin(kind) not in (Union, types.UnionType):
        return (kind,)
    return tuple(one for one in get_args(kind) if one not in (types.NoneType, Unset))


def fields_of(cls: type) -> dict[str, Any]:
    """Return the types of a model's fields, but for that of what it does not know."""
    return {name: kind for name, kind in get_type_hints(cls).items() if name != "extra"}


@cache
def good(kind: Any) -> Any:
    """Return what a full answer says of a type."""
    first = parts(kind)[0]
    if first in GOOD:
        return GOOD[first]
    if attrs.has(first):
        return {name: good(field) for name, field in fields_of(first).items()}
    return {"a": 1} if get_origin(first) is Mapping else [good(get_args(first)[0])] * 2


@cache
def small(kind: Any) -> Any:
    """Return what the smallest answer says of a type."""
    first = parts(kind)[0]
    if not attrs.has(first):
        return good(first)
    needed = [one.name for one in attrs.fields(first) if one.default is attrs.NOTHING]
    return {name: small(fields_of(first)[name]) for name in needed}


def lacks_nothing(cls: type) -> bool:
    """Return whether a model has a default for every field."""
    return all(field.default is not attrs.NOTHING for field in attrs.fields(cls))


def fits(kind: Any, value: Any) -> bool:
    """Return whether a value of JSON is one of a type."""
    if isinstance(value, dict):
        return any(
            one is Any or get_origin(one) is Mapping or (attrs.has(one) and lacks_nothing(one))
            for one in parts(kind)
        )
    if isinstance(value, list):
        return any(one is Any or get_origin(one) in (list, tuple) for one in parts(kind))
    takes = {str: (str, Secret), int: (int, float), float: (float,), bool: (bool,)}[type(value)]
    # The bucket of a device is an object, or its id.
    takes += (tagodev.Bucket,) if isinstance(value, str) else ()
    return any(one is Any or one in takes for one in parts(kind))


@attrs.frozen
class Place:
    """A place in an item."""

    path: tuple[str | int, ...]
    """The keys and indexes that lead to it; none to the item itself."""
    kind: Any
    """The type of what is expected there."""
    needed: bool
    """Whether the model around it has no default for it."""
    spare: bool
    """Whether an item is one without it, or without the part that it is in."""

    def __str__(self) -> str:
        return ".".join(map(str, self.path)) or "item"


def places(
    kind: Any, path: tuple[str | int, ...] = (), *, needed: bool = True, spare: bool = False
) -> Iterator[Place]:
    """Yield every place in an item, the item itself first."""
    yield Place(path, kind, needed, spare)
    one = parts(kind)[0]
    if attrs.has(one):
        attributes = attrs.fields_dict(one)
        for name, field in fields_of(one).items():
            lacks = attributes[name].default is attrs.NOTHING
            yield from places(field, (*path, name), needed=lacks, spare=spare or not lacks)
    elif get_origin(one) in (list, tuple):
        yield from places(get_args(one)[0], (*path, 0), needed=True, spare=True)


def damaged(item: Any, place: Place, damage: str) -> Iterator[tuple[Any, Any]]:
    """Yield an item with another value in one place, or with none, and the value."""
    values: tuple[Any, ...] = (None,)
    if damage == "wrong":
        values = tuple(one for one in VALUES if not fits(place.kind, one))
    for value in values:
        whole = orjson.loads(orjson.dumps([item]))
        inner, (*way, last) = whole, (0, *place.path)
        for key in way:
            inner = inner[key]
        if damage == "absent":
            del inner[last]
        else:
            inner[last] = value
        yield whole[0], value
