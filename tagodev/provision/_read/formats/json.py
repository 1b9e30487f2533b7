"""Parser of JSON files: an array, one or several objects, or a document with devices.

JSON Lines are read line by line; other files are read into memory.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from tagodev.errors import InputError
from tagodev.provision._read.columns import shown_name
from tagodev.provision._read.formats.encoding import Lines
from tagodev.provision._read.formats.mapping import LIST_KEY, Keys, is_list_key, refuse_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.provision._read.record import Found, Schema

__all__ = ["is_json_line", "read_json", "read_json_lines"]

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_ONE_PER_LINE: Final = "Write one JSON object per line"


def is_json_line(line: str) -> bool:
    """Return whether a line is a complete object, as in JSON Lines.

    Args:
        line: first line of a file that is not blank.
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
    for line, text in enumerate(lines, 1):
        yield from lines.problems()
        if text.isspace():
            continue
        try:
            values, end = decoder.value(text, _skip(text, 0))
            if _skip(text, end) < len(text):
                raise InputError(f"is not JSON: more text at character {_skip(text, end) + 1}")
            if not isinstance(values, dict):
                raise InputError("must be a JSON object")
        except InputError as error:
            error.line, error.hint = line, _ONE_PER_LINE
            keys.number += 1
            yield error
            continue
        yield from decoder.problems(line)
        yield from keys.record(line, values)
    yield from lines.problems()
    yield from keys.unused()


def read_json(file: IO[str], schema: Schema) -> Iterator[Found]:
    """Yield the records of a JSON file, and its problems, in line order.

    Args:
        file: opened as `Lines` requires.
        schema: the allowed keys.

    Raises:
        InputError: the rest of the file can't be read.
    """
    lines = Lines(file)
    text = "".join(lines)
    yield from lines.problems()
    keys = Keys(schema)
    yield from _Reader(text, keys).read()
    yield from keys.unused()


def _skip(text: str, at: int) -> int:
    """Return the position after white space."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


class _Decoder:
    """Decodes values, and reports what Python's decoder accepts although it is not valid."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_no_number)
        self._problems: list[InputError] = []

    def value(self, text: str, at: int) -> tuple[Any, int]:
        """Return the value at a position, and its end.

        Raises:
            InputError: there is no valid value.
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
            self._problems.append(InputError("has an unpaired surrogate (\\uD...)"))
        return value, end

    def problems(self, line: int) -> Iterator[InputError]:
        """Yield the problems since the last call."""
        found, self._problems = self._problems, []
        for problem in found:
            problem.line = line
            yield problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            self._problems += [
                InputError("is a duplicate key", path=shown_name(key))
                for key, count in counts.items()
                if count > 1
            ]
        return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _has_half_characters(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


class _Reader:
    """Reads a text value by value."""

    def __init__(self, text: str, keys: Keys) -> None:
        self._text = text
        self._keys = keys
        self._at = 0
        self._decoder = _Decoder()
        self._line, self._counted = 1, 0

    def read(self) -> Iterator[Found]:
        """Yield records and problems.

        Raises:
            InputError: the rest of the text is not JSON.
        """
        first = self._peek()
        if not first:
            raise InputError("is empty", line=1, hint="Give a list of objects")
        if first == "[":
            yield from self._array()
        while self._peek() and first != "[":
            yield from self._object() if self._peek() == "{" else self._record()
        if self._peek():
            self._fail("more text after the list")

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
        yield from self._keys.record(line, values)

    def _object(self) -> Iterator[Found]:
        """Yield the devices of a document, or the object as one device."""
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
                    yield InputError("is a duplicate key", path=shown_name(key), line=line)
                values[key] = self._value()
                yield from self._decoder.problems(line)
                beside.append((key, line))
            more = self._more("}")
        if not is_document:
            yield from self._keys.record(begin, values)
            return
        yield from refuse_beside(beside)

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
        found = self._peek() == mark
        self._at += found
        return found

    def _more(self, end: str) -> bool:
        if self._take(","):
            if self._peek() == end:
                self._fail("a superfluous comma")
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
        position = self._at - self._text.rfind("\n", 0, self._at)
        end = ", at the end of the file" if not self._peek() else ""
        raise InputError(f"is not JSON: {what} at character {position}{end}", line=self._here())
