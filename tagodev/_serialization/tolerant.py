"""Tolerant reading: what can be read of an answer that does not match its model.

The policy, for every model:

- a field with a default is degradable: a value that can't be read is left out, and stored in
  ``extra`` if the model has it, unless it could be a secret;
- a field without a default is indispensable, but for those in `_SPARE`: without it the item can't
  be read. Of a new device these are its id and its token, of a new token the token;
- a scalar of another type that says the same is converted: 5 to ``"5"``, ``"5"`` to 5, ``"true"``
  and 1 to true;
- an item of a list that can't be read is skipped; the others are read.

Each value that is left out, and each item of an answer that is skipped, is an event.
The reader is slow: it reads only what the fast hooks refuse.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from tagodev._models.data import Affected, Location, Total
from tagodev._models.devices import Device
from tagodev._models.fields import ConfigurationParameter, Tag, as_parameter_value
from tagodev._models.unset import Unset
from tagodev._secrets import Secret, redact
from tagodev._serialization.structuring import Hook, fold_aliases
from tagodev.errors import InputError
from tagodev.events import UnreadableItem, UnreadableValue

__all__ = ["PartialList", "Reader", "Reading", "Unreadable", "skipped_in", "unreadable_in"]

Unreadable: TypeAlias = UnreadableValue | UnreadableItem

#: Fields without a default that an item can be without, and what stands for them.
_SPARE: Final[Mapping[Any, Mapping[str, Any]]] = {
    ConfigurationParameter: {"value": ""},
    Device: {"name": ""},
    Tag: {"value": ""},
}
#: Results without which a change has succeeded all the same.
_SPARE_RESULTS: Final[Mapping[Any, Any]] = {Affected: Affected(None)}
#: Fields with an item's id or its name; a token is neither. In a list, only ``id`` is the item's.
_IDS: Final = ("id", "device_id", "chunk_id")
_NAMES: Final = ("name", "key", "variable")
#: Most values and items of an answer that are left out, and most problems of one item. An answer
#: with more is not read at all, so that what is collected of it is bounded.
_MAX_UNREADABLE: Final = 50_000
_MAX_MISMATCHES: Final = 10_000
#: Problems of an answer that are listed; the others are counted.
_LISTED: Final = 10
#: Length of ids and names in events.
_MAX_LABEL: Final = 100
#: Marks an item that can't be read.
_ABSENT: Final = object()
_NOTHING: Final = "nothing"
_MISSING: Final = "required field missing"
_EXPECTED: Final[Mapping[Any, str]] = {
    str: "text",
    Secret: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date",
    Location: "a location",
    Total: "a number",
    Affected: "a number",
}
_FOUND: Final[Mapping[type, str]] = {
    type(None): "null",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class PartialList(list[Any]):
    """A list of an answer in which something could not be read."""

    __slots__ = ("skipped", "unreadable")

    def __init__(
        self,
        items: Iterable[Any],
        unreadable: Iterable[Unreadable],
        skipped: Iterable[str | int],
    ) -> None:
        """Initialize the list.

        Args:
            items: the items that were read.
            unreadable: what was left out.
            skipped: the ids of the items that were skipped; hashes of those without an id.
        """
        super().__init__(items)
        self.unreadable = tuple(unreadable)
        self.skipped = tuple(skipped)


def skipped_in(items: list[Any]) -> tuple[str | int, ...]:
    """Return the ids or hashes of the items that were skipped in a list of an answer."""
    return items.skipped if isinstance(items, PartialList) else ()


def unreadable_in(items: list[Any]) -> tuple[Unreadable, ...]:
    """Return what was left out of a list of an answer."""
    return items.unreadable if isinstance(items, PartialList) else ()


@attrs.frozen
class Reading:
    """What was read of an answer."""

    value: Any
    """The value."""
    unreadable: tuple[Unreadable, ...]
    """What was left out of it."""


@attrs.frozen
class _Problem:
    """A value that does not match its model."""

    path: str
    """Path of the value in its item."""
    expected: str
    """What the model expects there."""
    found: str
    """What is there."""

    def at(self, start: str) -> str:
        """Return the problem with its path from the start of the answer."""
        dot = "." if self.path else ""
        missing = self.found == _NOTHING
        text = _MISSING if missing else f"expected {self.expected}, got {self.found}"
        return f"{text} @ {start}{dot}{self.path}"


class _UnreadableError(Exception):
    """A value can't be read."""

    def __init__(self, problem: _Problem) -> None:
        super().__init__()
        self.problem = problem


class _TooManyError(Exception):
    """An answer has too many problems to be read."""


class Reader:
    """Reads one answer, and collects what does not match."""

    def __init__(
        self, hook_of: Callable[[Any], Hook], aliases: Mapping[type, Mapping[str, str]]
    ) -> None:
        """Initialize the reader.

        Args:
            hook_of: returns the fast hook of a type.
            aliases: fields by their other names, by class.
        """
        self._hook_of = hook_of
        self._aliases = aliases
        self.problems: list[str] = []
        """The first values that do not match their models, also if they were converted."""
        self.others = 0
        """The number of the other values that do not match."""
        self._unreadable: list[Unreadable] = []
        # Of the item that is being read:
        self._mismatches: list[_Problem] = []
        self._left_out: list[_Problem] = []

    def read(self, value: Any, cls: Any) -> Reading | None:
        """Return what can be read of an answer; None if it is nothing."""
        try:
            if get_origin(cls) is list:
                read = self._page(value, *get_args(cls))
            else:
                read = self._item(value, cls, None)
        except _TooManyError:
            # Those of the item that is being read are not counted yet.
            self._list_problems("result")
            return None
        return None if read is _ABSENT else Reading(read, tuple(self._unreadable))

    def _page(self, value: Any, kind: Any) -> Any:
        """Read the items of a list, and skip those that can't be read."""
        if type(value) is not list:
            self.problems.append(_Problem("", "a list", _found(value)).at("result"))
            return _ABSENT
        hook = self._hook_of(kind)
        items, skipped = [], []
        for position, one in enumerate(value):
            try:
                read = hook(one, kind)
            except Exception:  # noqa: BLE001  (whatever it is, it is read again, tolerantly)
                read = self._item(one, kind, position)
            if read is not _ABSENT:
                items.append(read)
            else:
                skipped.append(self._unreadable[-1].id or hash(repr(one)))
        return PartialList(items, self._unreadable, skipped) if self._unreadable else items

    def _item(self, value: Any, kind: Any, position: int | None) -> Any:
        """Read an item, and report what was left out of it, or that it was skipped."""
        self._mismatches, self._left_out = [], []
        skipped: _Problem | None = None
        try:
            read = self._value(value, kind, "")
        except _UnreadableError as error:
            skipped = error.problem
            read = _SPARE_RESULTS.get(kind, _ABSENT)
        start = "result" if position is None else f"result[{position}]"
        self._list_problems(start)
        if skipped is None:
            for problem in self._left_out:
                self._unreadable.append(
                    self._event(UnreadableValue, problem, value, kind, position)
                )
        elif position is not None or read is not _ABSENT:
            cls = UnreadableItem if read is _ABSENT else UnreadableValue
            self._unreadable.append(self._event(cls, skipped, value, kind, position))
        if len(self._unreadable) > _MAX_UNREADABLE:
            raise _TooManyError
        return read

    def _list_problems(self, start: str) -> None:
        listed = self._mismatches[: _LISTED - len(self.problems)]
        self.problems += [one.at(start) for one in listed]
        self.others += len(self._mismatches) - len(listed)
        self._mismatches = []

    def _note(self, problem: _Problem) -> None:
        self._mismatches.append(problem)
        if len(self._mismatches) > _MAX_MISMATCHES:
            raise _TooManyError

    def _event(
        self, cls: type[Any], problem: _Problem, value: Any, kind: Any, position: int | None
    ) -> Any:
        if isinstance(value, dict):
            value = fold_aliases(value, self._aliases.get(kind, {}))
        return cls(
            model=kind.__name__.lstrip("_") if attrs.has(kind) else "item",
            id=_label(value, _IDS if position is None else _IDS[:1]),
            name=_label(value, _NAMES),
            position=position,
            field=problem.path,
            expected=problem.expected,
            found=problem.found,
        )

    def _value(self, value: Any, kind: Any, path: str) -> Any:
        """Read a value of any type."""
        hook, inner = self._hook_of(kind), _without_null(kind)
        try:
            return hook(value, kind)
        except Exception:  # noqa: BLE001  (the same)
            mismatch = _Problem(path, _expected(inner), _found(value))
        if isinstance(value, dict) and attrs.has(inner) and inner is not Location:
            return self._model(value, inner, path)
        if isinstance(value, list) and get_origin(inner) in (list, tuple):
            return self._list(value, inner, path)
        self._note(mismatch)
        with suppress(Exception):
            return hook(_converted(value, inner), kind)
        # Not in a variable: it would keep this frame alive, and the answer with it.
        raise _UnreadableError(mismatch)

    def _list(self, value: list[Any], kind: Any, path: str) -> Any:
        """Read the items of a list in a model, and leave out those that can't be read."""
        items = []
        for index, one in enumerate(value):
            try:
                items.append(self._value(one, get_args(kind)[0], f"{path}[{index}]"))
            except _UnreadableError as error:
                self._left_out.append(error.problem)
        return get_origin(kind)(items)

    def _model(self, value: dict[str, Any], cls: Any, path: str) -> Any:
        """Read the fields of a model, and leave out those that can't be read."""
        value = dict(fold_aliases(value, self._aliases.get(cls, {})))
        fields = attrs.fields_dict(cls)
        known = [name for name in fields if name != "extra"]
        extra = {key: one for key, one in value.items() if key not in known}
        given: dict[str, Any] = {"extra": extra} if "extra" in fields else {}
        # Null is no value where a model has extra, as for the fast hooks.
        absent = {
            name for name in known if value.get(name) is None and (given or name not in value)
        }
        lost: list[_Problem] = []
        for name in known:
            try:
                read = self._field(value, cls, name, path, extra, is_absent=name in absent)
            except _UnreadableError as error:
                lost.append(error.problem)
            else:
                given |= {} if read is _ABSENT else {name: read}
        if not lost:
            try:
                return cls(**given)
            except Exception as error:  # noqa: BLE001  (a validator's)
                why = f" ({error})" if isinstance(error, InputError) else ""
                lost = [_Problem(path, _expected(cls), f"an invalid one{why}")]
                self._mismatches += lost
        raise _UnreadableError(lost[0])

    def _field(
        self,
        value: dict[str, Any],
        cls: Any,
        name: str,
        path: str,
        extra: dict[str, Any],
        *,
        is_absent: bool,
    ) -> Any:
        """Read a field of a model; return what stands for it if it can be done without."""
        field, kind = attrs.fields_dict(cls)[name], _hints(cls)[name]
        at = f"{path}.{name}" if path else name
        has_default, spare = field.default is not attrs.NOTHING, _SPARE.get(cls, {})
        if is_absent and has_default:
            return _ABSENT
        if is_absent:
            problem = _Problem(at, _expected(_without_null(kind)), _NOTHING)
            self._note(problem)
        else:
            try:
                return self._value(value[name], kind, at)
            except _UnreadableError as error:
                problem = error.problem
            if _without_null(kind) is not Secret:
                extra[name] = value[name]
        if not has_default and name not in spare:
            raise _UnreadableError(problem)
        self._left_out.append(problem)
        return spare.get(name, _ABSENT)


# --- types -------------------------------------------------------------------------------------


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _without_null(kind: Any) -> Any:
    """Return the type besides null and `UNSET`; a union of others is returned as it is."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    others = [one for one in get_args(kind) if one not in (types.NoneType, Unset)]
    return others[0] if len(others) == 1 else kind


def _expected(kind: Any) -> str:
    """Return what a type expects, in words."""
    if get_origin(kind) in (list, tuple):
        return "a list"
    if attrs.has(kind) or get_origin(kind) is Mapping:
        return _EXPECTED.get(kind, "an object")
    return _EXPECTED.get(kind, "text, a number, true or false")


def _found(value: Any) -> str:
    """Return what a value is, in words."""
    return _FOUND.get(type(value), "another value")


def _label(value: Any, names: tuple[str, ...]) -> str:
    """Return the text or number of the first of an item's fields that has one."""
    if isinstance(value, dict):
        for name in names:
            one = value.get(name)
            if one and isinstance(one, (str, int)) and not isinstance(one, bool):
                label = redact(str(one)[: 2 * _MAX_LABEL])
                return label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"
    return ""


def _converted(value: Any, kind: Any) -> Any:
    """Return a scalar as another type, if it says the same there.

    Raises:
        LookupError, TypeError, ValueError: it does not.
    """
    return _CONVERSIONS[kind, type(value)](value)


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError
    return int(value)


def _written(form: re.Pattern[str], kind: type[Any]) -> Callable[[str], Any]:
    """Return a function that reads a number in a form."""

    def read(value: str) -> Any:
        if form.fullmatch(value) is None:
            raise ValueError
        return kind(value)

    return read


def _degrees(value: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a location with numbers for text."""
    return {name: _decimal(str(value[name])) for name in ("lat", "lng")}


_decimal: Final = _written(
    re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?"), float
)
#: Scalars that say the same as another type, by that type and their own.
_CONVERSIONS: Final[Mapping[tuple[Any, type], Callable[[Any], Any]]] = {
    **dict.fromkeys(((str, bool), (str, int), (str, float)), as_parameter_value),
    (bool, str): lambda value: {"true": True, "false": False}[value.casefold()],
    (bool, int): {1: True, 0: False}.__getitem__,
    (int, float): _whole,
    (int, str): _written(re.compile(r"-?[0-9]{1,18}"), int),
    (float, str): _decimal,
    (Total, str): _decimal,
    (Location, dict): _degrees,
}
