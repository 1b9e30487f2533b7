"""Decorator that checks calls of public methods against their signatures.

``**options: Unpack[CallOptions]`` is only checked by type checkers: at run time such a method
accepts any keyword. Public methods of a class decorated with `strict` refuse

- an unknown keyword, with a `TypeError` that suggests the nearest known one;
- a value of the wrong type, with an `InputError` that names the argument.

Nothing is sent before the check. The call itself raises the `TypeError`, also for a coroutine
function, as Python does for a missing argument. The `InputError` depends on data: a coroutine
raises it when awaited.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import partial, wraps
from types import FunctionType, NoneType
from typing import Any, Final, NoReturn, TypeVar

import attrs

from tagodev import _models as models
from tagodev._bulk.options import ResumeKeywords, RunKeywords
from tagodev._limits.wait_queue import Priority
from tagodev._secrets import Secret
from tagodev._session import CallOptions, CallRecord
from tagodev.errors import InputError

__all__ = ["strict"]

C = TypeVar("C", bound=type)

_Types = tuple[type, ...]

#: Types that annotations name; annotations with other types are not checked.
_TYPES: Final[Mapping[str, _Types]] = {
    "None": (NoneType,),
    "bool": (bool,),
    "datetime": (datetime,),
    "float": (int, float),
    "int": (int,),
    "os.PathLike[str]": (os.PathLike,),
    "Secret": (Secret,),
    "str": (str,),
}
#: Descriptions of types for messages.
_DESCRIPTIONS: Final[Mapping[type, str]] = {
    bool: "true or false",
    datetime: "a datetime",
    float: "a number",
    int: "a whole number",
    NoneType: "None",
    os.PathLike: "a path",
    str: "text",
}
#: Supported annotations of ``**keywords``.
_KEYWORDS: Final[Mapping[str, type]] = {
    "Unpack[CallOptions]": CallOptions,
    "Unpack[RunKeywords]": RunKeywords,
    "Unpack[ResumeKeywords]": ResumeKeywords,
}
_PRIORITIES: Final = tuple(priority.value for priority in Priority)
#: Keywords for internal use, which messages do not list.
_INTERNAL: Final = frozenset({"record"})
#: Minimum similarity of an unknown keyword and a suggestion.
_SIMILARITY: Final = 0.6
_UNION: Final = re.compile(r" *\| *(?![^\[]*\])")


def strict(cls: C) -> C:
    """Check calls of the public methods of a class against their signatures.

    The constructor only refuses unknown keywords; it checks values itself.
    Methods of a subclass are checked only if it is decorated too.

    Raises:
        TypeError: a method has ``**keywords`` with an unsupported annotation.

    Examples:
        >>> @strict
        ... class Lamps:
        ...     def list(self, *, colour: str = "red") -> list[str]:
        ...         return [colour]
        >>> Lamps().list(color="red")
        Traceback (most recent call last):
        ...
        TypeError: list() got an unexpected keyword argument 'color'; did you mean 'colour'?
    """
    for name, member in list(vars(cls).items()):
        if isinstance(member, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, _checked(member, _signature(member)))
    return cls


@attrs.frozen
class _Signature:
    """Parameters of a method."""

    name: str
    """Name of the method."""
    accepted: frozenset[str]
    """Accepted keywords."""
    types: Mapping[str, _Types]
    """Types of the parameters that are checked."""
    positional: tuple[tuple[str, _Types | None], ...]
    """Name and types of each positional parameter."""
    has_options: bool
    """Whether the method accepts `CallOptions`."""

    def problem(
        self, cls: type, values: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Exception | None:
        """Return the problem with a call; None if it is valid.

        The exception is returned, not raised, since the frames of a traceback would show the
        values, which may include a token.
        """
        for name in keywords:
            if name not in self.accepted:
                return TypeError(self._unknown(cls, name))
        for (name, types), value in zip(self.positional, values, strict=False):
            # Fast path: the class itself is usually one of the types.
            if types and value.__class__ not in types and not _is_of(value, types):
                return _wrong_type(name, value, types)
        for name, value in keywords.items():
            types = self.types.get(name)
            if types is not None and not _is_of(value, types):
                return _wrong_type(name, value, types)
            if self.has_options and name in _OPTIONS:
                is_valid, description = _OPTIONS[name]
                if not is_valid(value):
                    return InputError(f"must be {description}, not {value!r}", path=name)
        return None

    def _unknown(self, cls: type, keyword: str) -> str:
        function = cls.__name__ if self.name == "__init__" else self.name
        text = f"{function}() got an unexpected keyword argument {keyword!r}"
        for name, types in self.types.items():
            for model in types:
                if attrs.has(model) and keyword in attrs.fields_dict(model):
                    field = f"{model.__name__}({keyword}=...)"
                    return f"{text}; did you mean {name}={field}?"
        known = sorted(self.accepted - _INTERNAL)
        near = get_close_matches(keyword, known, n=1, cutoff=_SIMILARITY)
        if near:
            return f"{text}; did you mean {near[0]!r}?"
        return f"{text}; accepted: {', '.join(known) or 'none'}"


def _signature(method: FunctionType) -> _Signature:
    # `inspect.signature` would be slow at import.
    code, annotations = method.__code__, method.__annotations__
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[1:count]
    accepted = frozenset(names)
    has_options = False
    if code.co_flags & inspect.CO_VARKEYWORDS:
        after = count + bool(code.co_flags & inspect.CO_VARARGS)
        annotation = annotations.get(code.co_varnames[after], "")
        if annotation not in _KEYWORDS:
            msg = f"{method.__qualname__}: no run-time check for **keywords of {annotation!r}"
            raise TypeError(msg)
        has_options = _KEYWORDS[annotation] is CallOptions
        accepted |= _KEYWORDS[annotation].__annotations__.keys()
    types: dict[str, _Types | None] = dict.fromkeys(names)
    if method.__name__ != "__init__":
        types = {name: _types(annotations.get(name, "")) for name in names}
    return _Signature(
        name=method.__name__,
        accepted=accepted,
        types={name: known for name, known in types.items() if known is not None},
        positional=tuple((name, types[name]) for name in code.co_varnames[1 : code.co_argcount]),
        has_options=has_options,
    )


def _types(annotation: str) -> _Types | None:
    """Return the types of an annotation; None if one of them is not supported."""
    found: list[type] = []
    for part in _UNION.split(annotation):
        model = getattr(models, part, None)
        if isinstance(model, type):
            found.append(model)
        elif part in _TYPES:
            found += _TYPES[part]
        else:
            return None
    return tuple(found)


def _is_of(value: object, types: _Types) -> bool:
    # In Python, bool is a subclass of int.
    return isinstance(value, types) and (value.__class__ is not bool or bool in types)


def _wrong_type(name: str, value: object, types: _Types) -> InputError:
    # The value is not shown: it may be a token passed as the wrong argument.
    expected = [_describe(one) for one in types if not (one is int and float in types)]
    model = next((one for one in types if attrs.has(one)), None)
    return InputError(
        f"must be {' or '.join(expected)}, not {type(value).__name__}",
        path=name,
        hint=f"Write {model.__name__}(...)" if model and isinstance(value, Mapping) else "",
    )


def _describe(cls: type) -> str:
    article = "an" if cls.__name__[0] in "AEIOU" else "a"
    return _DESCRIPTIONS.get(cls, f"{article} {cls.__name__}")


def _is_seconds(value: Any, *, zero: bool) -> bool:
    # All comparisons with NaN are false, so it is refused.
    return value is None or (_is_of(value, (int, float)) and (value > 0 or (zero and value == 0)))


#: Check of the value of each of `CallOptions`, and its description.
_OPTIONS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "priority": (_PRIORITIES.__contains__, " or ".join(_PRIORITIES)),
    "max_wait": (partial(_is_seconds, zero=True), "seconds, 0 or more, or None"),
    "timeout": (partial(_is_seconds, zero=False), "seconds, more than 0, or None"),
    "record": (lambda value: isinstance(value, CallRecord), "a CallRecord"),
}


def _checked(method: FunctionType, signature: _Signature) -> Callable[..., Any]:
    """Wrap a method with a check of its arguments.

    The wrapper of a coroutine function is a plain function: the check runs at the call, and no
    second coroutine is created per request.
    """
    find_problem = signature.problem
    is_coroutine = inspect.iscoroutinefunction(method)

    @wraps(method)
    def checked(self: object, /, *values: Any, **keywords: Any) -> Any:
        problem = find_problem(type(self), values, keywords)
        if problem is not None:
            del values, keywords
            if is_coroutine and isinstance(problem, InputError):
                return _failing(problem)
            raise problem
        # A traceback of an error in the constructor includes this frame: it must not show a token.
        given: list[Any] = [keywords, values]
        del values, keywords
        return method(self, *given.pop(), **given.pop())

    if is_coroutine:
        _mark_coroutine(checked)
    return checked


async def _failing(problem: InputError) -> NoReturn:
    raise problem


def _mark_coroutine(function: Callable[..., Any]) -> None:
    """Mark a plain function as a coroutine function for `inspect` and `unittest.mock`."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    else:
        # Python 3.11 has no public function; its `asyncio.iscoroutinefunction` checks this.
        vars(function)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]
