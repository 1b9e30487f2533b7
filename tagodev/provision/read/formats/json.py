"""JSON: an array of objects, one object, objects one after the other, or a document with devices.

A file of JSON Lines is read line by line; any other is held in memory while it is read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from tagodev.errors import InputError
from tagodev.provision.read.columns import shown_name
from tagodev.provision.read.formats.encoding import Lines
from tagodev.provision.read.formats.mapping import LIST_KEY, Keys, is_list_key, refuse_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.provision.read.record import Found, Schema

__all__ = ["is_json_line", "read_json", "read_json_lines"]

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_ONE_A_LINE: Final = "Give one JSON object a line"


def is_json_line(line: str) -> bool:
    """Tell whether a line is an object in itself, as it is in JSON Lines.

    Args:
        line: the first of a file that is not blank.
    """
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def read_json_lines(file: IO[str], schema: Schema) -> Iterator[Found]:
    """Yield the records of a file of JSON Lines, and its problems, in line order.

    Args:
        file: opened as `Lines` requires.
        schema: the allowed keys.
    """
    lines, keys, decoder = Lines(file), Keys(schema), _Decoder()
    number = 0
    for line, text in enumerate(lines, 1):
        yield from lines.problems()
        if text.isspace():
            continue
        number += 1
        try:
            values, end = decoder.value(text, _skip(text, 0))
            if _skip(text, end) < len(text):
                raise InputError(f"is not JSON: more text at character {_skip(text, end) + 1}")
            if not isinstance(values, dict):
                raise InputError("must be a JSON object")
        except InputError as error:
            error.line, error.hint = line, _ONE_A_LINE
            yield error
            continue
        yield from decoder.problems(line)
        yield from keys.record(number, line, values)
    yield from lines.problems()
    yield from keys.unused()


def read_json(file: IO[str], schema: Schema) -> Iterator[Found]:
    """Yield the records of a JSON file, and its problems, in line order.

    Args:
        file: opened as `Lines` requires.
        schema: the allowed keys.
    """
    lines = Lines(file)
    text = "".join(lines)
    yield from lines.problems()
    keys = Keys(schema)
    try:
        yield from _Reader(text, keys).read()
        yield from keys.unused()
    except InputError as error:
        yield error


def _skip(text: str, at: int) -> int:
    """Return where the white space ends that begins somewhere."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


class _Decoder:
    """Reads values, and minds what Python's own decoder lets pass."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_no_number)
        self._problems: list[InputError] = []

    def value(self, text: str, at: int) -> tuple[Any, int]:
        """Return the value that begins somewhere, and where it ends.

        Raises:
            InputError: there is none.
        """
        try:
            value, end = self._decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            what = f"is not JSON: {error.msg.removesuffix(' at')} at character {error.colno}"
            raise InputError(what, line=error.lineno) from None
        except RecursionError:
            raise InputError("is nested too deeply") from None
        except ValueError as error:
            raise InputError(f"is not JSON: {error}") from None
        if text.find("\\u", at, end) >= 0 and _has_half_characters(value):
            self._problems.append(InputError("holds half of a character: \\uD... without its pair"))
        return value, end

    def problems(self, line: int) -> Iterator[InputError]:
        """Yield what else is wrong with the values since this was last called."""
        found, self._problems = self._problems, []
        for problem in found:
            problem.line = line
            yield problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            self._problems += [
                InputError("this key is there twice", path=shown_name(key))
                for key, count in counts.items()
                if count > 1
            ]
        return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _has_half_characters(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


class _Reader:
    """Goes through a text, value by value."""

    def __init__(self, text: str, keys: Keys) -> None:
        self._text = text
        self._keys = keys
        self._at = 0
        self._decoder = _Decoder()
        self._number = 0
        self._line, self._counted = 1, 0

    def read(self) -> Iterator[Found]:
        """Yield all there is.

        Raises:
            InputError: the text is no JSON from somewhere on.
        """
        first = self._peek()
        if not first:
            raise InputError("is empty", line=1, hint="Give a list of objects")
        if first == "[":
            yield from self._array()
        while self._peek() and first != "[":
            yield from self._object() if self._peek() == "{" else self._record()
        if self._peek():
            self._fail("more text behind the list")

    def _array(self) -> Iterator[Found]:
        self._at += 1
        more = not self._take("]")
        while more:
            yield from self._record()
            more = self._more("]")

    def _record(self) -> Iterator[Found]:
        line = self._here()
        values = self._value()
        yield from self._decoder.problems(line)
        self._number += 1
        yield from self._keys.record(self._number, line, values)

    def _object(self) -> Iterator[Found]:
        """Yield the devices of a document, or the one that the object is itself."""
        begin = self._here()
        self._at += 1
        values: dict[str, Any] = {}
        beside: list[tuple[str, int]] = []
        is_document = False
        more = not self._take("}")
        while more:
            line = self._here()
            if self._peek() != '"':
                self._fail("a key in double quotes is expected")
            key = self._value()
            if not self._take(":"):
                self._fail("a colon is expected")
            if is_list_key(key):
                is_document = True
                yield from self._devices()
            else:
                if key in values:
                    yield InputError("this key is there twice", path=shown_name(key), line=line)
                values[key] = self._value()
                yield from self._decoder.problems(line)
                beside.append((key, line))
            more = self._more("}")
        if not is_document:
            self._number += 1
            yield from self._keys.record(self._number, begin, values)
            return
        for key, line in beside:
            problem = refuse_beside(key)
            if problem:
                yield InputError(problem, path=shown_name(key), line=line)

    def _devices(self) -> Iterator[Found]:
        line = self._here()
        if self._peek() == "[":
            yield from self._array()
        else:
            self._value()
            yield InputError("must be a list", path=LIST_KEY, line=line)

    # --- characters ----------------------------------------------------------------------------

    def _peek(self) -> str:
        self._at = _skip(self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _take(self, mark: str) -> bool:
        there = self._peek() == mark
        self._at += there
        return there

    def _more(self, end: str) -> bool:
        if self._take(","):
            if self._peek() == end:
                self._fail("a comma too many")
            return True
        if not self._take(end):
            self._fail(f"a comma or {end} is expected")
        return False

    def _value(self) -> Any:
        line = self._here()
        try:
            value, self._at = self._decoder.value(self._text, self._at)
        except InputError as error:
            error.line = error.line or line
            raise
        return value

    def _here(self) -> int:
        self._peek()
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _fail(self, what: str) -> NoReturn:
        place = self._at - self._text.rfind("\n", 0, self._at)
        end = ", and the file ends" if not self._peek() else ""
        raise InputError(f"is not JSON: {what} at character {place}{end}", line=self._here())
