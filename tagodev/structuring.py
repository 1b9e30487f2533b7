"""From decoded JSON to a model, the quick way.

Structuring is what a client does to every answer, and most of it is to look whether text is text.
A hook made here goes over an answer once: it compares the types of plain values in place, calls a
converter's hook for the others, and sets apart what no field is for.
It says nothing of what is wrong: whoever gets an error asks a careful converter.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cattrs import Converter

__all__ = ["quick_list", "quick_model"]

Hook: TypeAlias = "Callable[[Any, Any], Any]"

_PLAIN: Final = (str, bool, int)


@attrs.frozen
class _Step:
    """How one field is read."""

    name: str
    """The field."""
    exact: type | None
    """What its value must be, where that is a plain value."""
    optional: bool
    """Whether null will do."""
    hook: Hook
    """Reads it otherwise."""
    kind: Any
    """The field's type."""


def quick_model(cls: type, converter: Converter, aliases: Mapping[str, str]) -> Hook:
    """Return the hook of an attrs class.

    Args:
        cls: the class; with a field ``extra`` it keeps what no field is for, and takes null for
            absent.
        converter: has the hooks of its fields' types.
        aliases: other names of fields, and the fields.
    """
    hints = get_type_hints(cls)
    fields = {field.name: hints[field.name] for field in attrs.fields(cls)}
    keeps = fields.pop("extra", None) is not None
    steps = {name: _step(name, kind, converter) for name, kind in fields.items()}
    structure = _keeping(cls, steps) if keeps else _strict(cls, steps)
    return _folding(structure, aliases) if aliases else structure


def _keeping(cls: type, steps: Mapping[str, _Step]) -> Hook:
    """Make a hook that sets apart what no field is for, and takes null for absent."""

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise TypeError
        extra: dict[str, Any] = {}
        given: dict[str, Any] = {"extra": extra}
        for key, item in value.items():
            step = steps.get(key)
            if step is None:
                extra[key] = item
            elif item is not None:
                if step.exact is None:
                    item = step.hook(item, step.kind)  # noqa: PLW2901  (it is the item, read)
                elif type(item) is not step.exact:
                    raise TypeError
                given[key] = item
        return cls(**given)

    return structure


def _strict(cls: type, steps: Mapping[str, _Step]) -> Hook:
    """Make a hook that passes over what no field is for."""

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise TypeError
        given: dict[str, Any] = {}
        for key, item in value.items():
            step = steps.get(key)
            if step is not None:
                if step.exact is None:
                    item = step.hook(item, step.kind)  # noqa: PLW2901  (it is the item, read)
                elif type(item) is not step.exact and not (item is None and step.optional):
                    raise TypeError
                given[key] = item
        return cls(**given)

    return structure


def _folding(structure: Hook, aliases: Mapping[str, str]) -> Hook:
    """Make a hook that gives each field its first name before another one reads it."""

    def fold(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise TypeError
        for other, name in aliases.items():
            if other in value:
                value = dict(value)
                value.setdefault(name, value.pop(other))
        return structure(value, kind)

    return fold


def quick_list(cls: Any, converter: Converter) -> Hook:
    """Return the hook of a list or a tuple of any length.

    Args:
        cls: ``list[X]`` or ``tuple[X, ...]``.
        converter: has the hook of its items' type.
    """
    build: Any = get_origin(cls)
    kind = get_args(cls)[0]
    step = _step("", kind, converter)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise TypeError
        if step.exact is not None:
            if not all(type(item) is step.exact for item in value):
                raise TypeError
            return build(value)
        hook = step.hook
        return build([hook(item, kind) for item in value])

    return structure


def _never(value: Any, _: Any) -> Any:
    """Read a plain value, which is compared in place instead."""
    return value


def _step(name: str, kind: Any, converter: Converter) -> _Step:
    inner, optional = kind, False
    if get_origin(kind) in (Union, UnionType):
        others = [arg for arg in get_args(kind) if arg is not NoneType]
        if len(others) == 1:
            inner, optional = others[0], len(get_args(kind)) == 2
    if inner in _PLAIN:
        return _Step(name, inner, optional, _never, kind)
    return _Step(name, None, False, converter.get_structure_hook(kind), kind)
