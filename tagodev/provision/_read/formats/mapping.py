"""Conversion of JSON and YAML objects to records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev._device_fields import PREFIXES
from tagodev.errors import InputError
from tagodev.provision._read.columns import fold, shown_name
from tagodev.provision._read.record import Record, SourcePosition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev.provision._read.record import Found, Schema

__all__ = ["LIST_KEY", "Keys", "is_list_key", "refuse_beside"]

#: The key of the devices in a document.
LIST_KEY: Final = "devices"
#: The key of the header of tagodev's own documents.
_HEAD_KEY: Final = "tagodev"
_PAIR: Final = frozenset({"key", "value"})
#: Maximum number of keys whose field is cached.
_REMEMBERED: Final = 1000


def refuse_beside(keys: Iterable[tuple[str, int]]) -> Iterator[InputError]:
    """Yield the problems with the top-level keys of a document.

    Args:
        keys: the keys in the file, except that of the devices, and their lines.
    """
    for key, line in keys:
        if key != _HEAD_KEY and not key.startswith("x-"):
            yield InputError(
                f"is an unknown key beside {LIST_KEY}; keys that begin with x- are ignored",
                path=shown_name(key),
                line=line,
            )


class Keys:
    """Converter of a file's objects to records.

    Args:
        schema: the allowed keys.

    Attributes:
        number: number of the last record, from 1.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._meanings: dict[str, tuple[str, str]] = {}
        self._chosen: set[str] = set()
        self.number = 0

    def record(
        self, line: int, values: Any, lines: Mapping[str, int] | None = None
    ) -> Iterator[Found]:
        """Yield the record of an object, and problems with its keys.

        Args:
            line: first line of the object.
            values: the object.
            lines: lines of its keys and of the items of their lists, if known.
        """
        self.number += 1
        if not isinstance(values, dict):
            yield InputError(
                "must be an object", line=line, hint="Each device is an object with keys"
            )
            return
        given: dict[str, Any] = {}
        positions: dict[str, SourcePosition] = {}
        for key, value in values.items():
            field, problem = self._meaning(key)
            at = lines.get(key, 0) if lines else 0
            if field in given and value is not None and not problem:
                first = positions[field].name if field in positions else field
                problem = f"is the same field ({field}) as {shown_name(first)}"
            if problem:
                yield InputError(problem, path=shown_name(key), line=at or line)
            elif field and value is not None:
                if at or key != field:
                    positions[field] = SourcePosition(shown_name(key), line=at)
                _give(given, positions, field, value)
                if lines:
                    _item_positions(positions, field, key, lines)
        yield Record(self.number, line, given, positions=positions)

    def unused(self) -> Iterator[InputError]:
        """Yield a problem for each mapped key that no object has."""
        for chosen in self._schema.naming.chosen:
            if chosen not in self._chosen:
                yield InputError(f"no object has the mapped key {shown_name(chosen)}")

    def _meaning(self, key: str) -> tuple[str, str]:
        """Return the field of a key, and its problem."""
        found = self._meanings.get(key)
        if found is None:
            naming = self._schema.naming
            field = naming.field_of(key)
            problem = self._schema.problem_of(field) if field else ""
            found = field, problem if key.strip() else "a key without a name"
            choice = naming.choice(key.strip())
            if choice is not None:
                self._chosen.add(choice)
            if len(self._meanings) < _REMEMBERED:
                self._meanings[key] = found
        return found


def is_list_key(key: str) -> bool:
    """Return whether a key is the one of a document's devices.

    Args:
        key: the key in the file.
    """
    return fold(key) == LIST_KEY


def _give(
    given: dict[str, Any], positions: dict[str, SourcePosition], field: str, value: Any
) -> None:
    prefix = PREFIXES.get(field)
    if prefix is None or not isinstance(value, dict):
        given[field] = value
    elif value.keys() >= _PAIR:
        # A list with one item, written without brackets.
        given[field] = [value]
    else:
        name = positions[field].name if field in positions else field
        for key, item in value.items():
            if item is not None:
                given[prefix + key] = item
                positions[prefix + key] = SourcePosition(
                    f"{name}.{shown_name(key)}", line=_line(positions, field)
                )


def _line(positions: Mapping[str, SourcePosition], field: str) -> int:
    return positions[field].line if field in positions else 0


def _item_positions(
    positions: dict[str, SourcePosition], field: str, key: str, lines: Mapping[str, int]
) -> None:
    index = 0
    while (at := lines.get(f"{key}[{index}]")) is not None:
        positions[f"{field}[{index}]"] = SourcePosition(f"{shown_name(key)}[{index}]", line=at)
        index += 1
