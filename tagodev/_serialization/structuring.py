"""Fast structuring hooks: from decoded JSON to models.

A hook is generated as source code for its class, as attrs and cattrs do: it reads each field by
name, compares the types of plain values inline, calls a converter's hook for the others, and
stores unknown fields in ``extra``. Its errors have no details; the caller gets them from the
careful converter.

Setting the fields of a frozen object is slow. If a class has no converters and no other checks, the
hook therefore creates an object of a draft class, a subclass that is not frozen, sets its fields
and then changes its class to the model.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cattrs import Converter

__all__ = ["Hook", "fold_aliases", "quick_list", "quick_model"]

Hook: TypeAlias = "Callable[[Any, Any], Any]"

_PLAIN: Final = (str, bool, int)
# attrs declares it as a function to type checkers.
_FACTORY: Final = cast("type[Any]", attrs.Factory)
#: Marks a field that is missing in an answer.
_ABSENT: Final = object()


@attrs.frozen
class _Step:
    """How a field is read."""

    name: str
    """Name of the field."""
    exact: type | None
    """Type of a plain value; None for other types."""
    optional: bool
    """Whether null is allowed."""
    hook: Hook
    """Hook for other types."""
    kind: Any
    """Type of the field."""


def quick_model(
    cls: type,
    converter: Converter,
    aliases: Mapping[type, Mapping[str, str]],
    type_validators: Mapping[Callable[..., None], type],
) -> Hook:
    """Return the hook of an attrs class.

    Args:
        cls: the class; with a field ``extra``, it stores unknown fields and treats null as missing.
        converter: converter with the hooks of its fields' types.
        aliases: fields by their other names, by class.
        type_validators: validators that check only a type, and that type; they are skipped after
            the hook has compared the type.
    """
    hints = get_type_hints(cls)
    fields = {field.name: field for field in attrs.fields(cls)}
    keeps = fields.pop("extra", None) is not None
    lines = ["def structure(value, _):", " if type(value) is not dict: raise TypeError"]
    lines.append(" get = value.get")
    names: dict[str, Any] = {
        "cls": cls,
        "absent": None if keeps else _ABSENT,
        "known": frozenset(fields),
    }
    steps = {name: _step(name, hints[name], converter) for name in fields}
    for name, step in steps.items():
        lines += _lines_of(step, fields[name].default, names, keeps=keeps)
    given = {name: f"{name}_" for name in fields}
    if keeps:
        lines.append(" extra = {}")
        lines.append(" if not known.issuperset(value):")
        lines.append("  extra = {key: value[key] for key in value if key not in known}")
        given["extra"] = "extra"
    names["draft"], names["new"] = _draft(cls), object.__new__
    if not _needs_no_init(cls, steps, type_validators):
        lines.append(f" return cls({', '.join(f'{name}={read}' for name, read in given.items())})")
    else:
        lines.append(" made = new(draft)")
        lines += [f" made.{name} = {read}" for name, read in given.items()]
        lines += [" made.__class__ = cls", " return made"]
    exec("\n".join(lines), names)  # noqa: S102  (the names of our own classes' fields, no more)
    structure: Hook = names["structure"]
    return _folding(structure, aliases[cls]) if cls in aliases else structure


def _lines_of(step: _Step, default: Any, names: dict[str, Any], *, keeps: bool) -> Iterator[str]:
    """Yield source lines that read one field into a variable.

    Args:
        step: how the field is read.
        default: default of the field.
        names: namespace of the lines.
        keeps: whether null counts as missing.
    """
    name = step.name
    yield f" {name}_ = get({name!r}, absent)"
    names[f"{name}_default"] = default
    absent = f"{name}_ = {name}_default"
    if default is attrs.NOTHING:
        absent = "raise TypeError"
    elif isinstance(default, _FACTORY):
        names[f"{name}_default"] = default.factory
        absent += "()"
    yield f" if {name}_ is absent: {absent}"
    if step.exact is None:
        names[f"{name}_hook"], names[f"{name}_kind"] = step.hook, step.kind
        yield f" else: {name}_ = {name}_hook({name}_, {name}_kind)"
        return
    null = f" and {name}_ is not None" if step.optional and not keeps else ""
    yield f" elif type({name}_) is not {step.exact.__name__}{null}: raise TypeError"


def _needs_no_init(
    cls: type, steps: Mapping[str, _Step], type_validators: Mapping[Callable[..., None], type]
) -> bool:
    """Return whether ``__init__`` only sets the fields, without further checks."""
    if hasattr(cls, "__attrs_post_init__"):
        return False
    for field in attrs.fields(cls):
        if field.converter is not None:
            return False
        if field.validator is not None:
            step = steps.get(field.name)
            if step is None or step.optional or field.default is not attrs.NOTHING:
                return False
            if step.exact is None or step.exact is not type_validators.get(field.validator):
                return False
    return True


def _draft(cls: type) -> type:
    """Return a subclass that is not frozen."""
    thawed = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Draft{cls.__name__}", (cls,), {"__slots__": (), **thawed})


def fold_aliases(value: Mapping[str, Any], aliases: Mapping[str, str]) -> Mapping[str, Any]:
    """Return an object with aliases replaced by field names."""
    for other, name in aliases.items():
        if other in value:
            folded = dict(value)
            item = folded.pop(other)
            # Both names may be present, one of them null.
            if folded.get(name) is None:
                folded[name] = item
            value = folded
    return value


def _folding(structure: Hook, aliases: Mapping[str, str]) -> Hook:
    """Make a hook that replaces aliases by field names before another hook."""

    def fold(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise TypeError
        return structure(fold_aliases(value, aliases), kind)

    return fold


def quick_list(cls: Any, converter: Converter) -> Hook:
    """Return the hook of a list or a tuple of any length.

    Args:
        cls: ``list[X]`` or ``tuple[X, ...]``.
        converter: converter with the hook of the items' type.
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
    """Return a plain value; never called, since the hook compares its type inline."""
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
