"""Parser of YAML files: a list of mappings, a document with devices, or one mapping per document.

Scalars are read as text: ``0042`` stays a serial number, ``12:30`` a text, and ``yes`` is a boolean
only in boolean fields.

The file is parsed by events, since PyYAML's own composer has no limit on nesting and its C version
crashes the process on deep nesting.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any, Final

import attrs
import yaml

from tagodev.errors import InputError
from tagodev.provision._read.columns import shown_name
from tagodev.provision._read.formats.encoding import Lines
from tagodev.provision._read.formats.mapping import LIST_KEY, Keys, is_list_key, refuse_beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev.provision._read.record import Found, Schema

__all__ = ["read_yaml"]

#: Characters that the YAML specification does not allow.
_FOREIGN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULLS: Final = ("", "~", "null", "Null", "NULL")
#: Tags of standard types; custom types are refused.
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
) | {"!"}
_MERGE: Final = "<<"
#: Maximum nesting; a device needs four levels.
_MAX_DEPTH: Final = 32
#: Maximum number of scalars of a device, with its aliases expanded.
_MAX_SIZE: Final = 100_000


def read_yaml(file: IO[str], schema: Schema) -> Iterator[Found]:
    """Yield the records of a YAML file, and its problems, in line order.

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
    try:
        _check_characters(text)
        # The parser in C is many times faster; not every build has it.
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        yield from _Reader(yaml.parse(text, Loader=loader), keys).read()
        yield from keys.unused()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f" at character {mark.column + 1}"
        yield InputError(
            f"is not YAML: {error.problem or error.context}{where}",
            line=None if mark is None else mark.line + 1,
        )


def _check_characters(text: str) -> None:
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        at = foreign.start()
        raise InputError(
            f"is not YAML: control character at character {at - text.rfind(chr(10), 0, at)}",
            line=text.count("\n", 0, at) + 1,
        )


@attrs.frozen
class _Node:
    """A value and its position."""

    value: Any
    line: int
    size: int = 1
    """Number of scalars, with aliases expanded."""
    items: tuple[int, ...] = ()
    """Lines of its items."""
    lines: Mapping[str, int] = attrs.field(factory=dict)
    """Lines of its keys, and of the items of their lists."""


class _Mapping:
    """A mapping that is being read."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._values: dict[str, Any] = {}
        self._lines: dict[str, int] = {}
        self._merged: list[_Node] = []
        self._size = 1

    def add(self, key: str, line: int, node: _Node) -> Iterator[InputError]:
        """Add a value under a key; yield problems."""
        self._size += node.size
        if key == _MERGE:
            merged = node.value if isinstance(node.value, list) else [node.value]
            if not all(isinstance(one, dict) for one in merged):
                yield InputError("must be a mapping or a list of mappings", path=_MERGE, line=line)
            elif node.lines:
                self._merged.append(node)
            else:
                self._merged += [_Node(one, line) for one in merged]
            return
        if key in self._values:
            yield InputError("is a duplicate key", path=shown_name(key), line=line)
        self._put(key, line, node)

    def node(self) -> _Node:
        """Return the complete mapping; its own keys take precedence over merged ones."""
        for node in self._merged:
            for key, value in node.value.items():
                if key not in self._values:
                    self._put(key, node.lines.get(key, node.line), _Node(value, node.line))
        return _Node(self._values, self._line, self._size, lines=self._lines)

    def _put(self, key: str, line: int, node: _Node) -> None:
        self._values[key] = node.value
        self._lines[key] = line
        for index, at in enumerate(node.items):
            self._lines[f"{key}[{index}]"] = at


class _Builder:
    """Builds values from events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, _Node] = {}
        self._problems: list[InputError] = []

    def problems(self) -> Iterable[InputError]:
        """Return the problems since the last call."""
        found, self._problems = self._problems, []
        return found

    def forget(self) -> None:
        """Forget anchors, which are valid within one document."""
        self._anchors.clear()

    def node(self, event: yaml.Event, depth: int = 1) -> _Node:
        """Return the value that starts with an event.

        Raises:
            InputError: it is nested too deeply or too large.
        """
        line = _line(event)
        if depth > _MAX_DEPTH:
            raise InputError("is nested too deeply", line=line)
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                self._report(f"*{shown_name(event.anchor or '')} is not defined", line)
                return _Node(None, line)
            return attrs.evolve(known, line=line)
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)), "starts a value"
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            self._report(f"{shown_name(event.tag)} is an unknown type", line)
        node = self._new(event, line, depth)
        if node.size > _MAX_SIZE:
            raise InputError("is too large with its aliases expanded", line=line)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def mapping(self, line: int, depth: int = 1) -> _Mapping:
        """Return the mapping that starts with the next event."""
        mapping = _Mapping(line)
        for key, at, event in self.pairs():
            self._problems += mapping.add(key, at, self.node(event, depth + 1))
        return mapping

    def pairs(self) -> Iterator[tuple[str, int, yaml.Event]]:
        """Yield the keys of a mapping, their lines, and the first event of each value."""
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self.node(event)
            if isinstance(key.value, (dict, list)):
                self._report("a key must be text", key.line)
                self.node(next(self._events))
            else:
                yield key.value or "", key.line, next(self._events)

    def _new(self, event: yaml.Event, line: int, depth: int) -> _Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(line, depth).node()
        if isinstance(event, yaml.ScalarEvent):
            nothing = event.implicit[0] and event.value in _NULLS
            return _Node(None if nothing else event.value, line)
        nodes = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            nodes.append(self.node(event, depth + 1))
        return _Node(
            [node.value for node in nodes],
            line,
            1 + sum(node.size for node in nodes),
            tuple(node.line for node in nodes),
        )

    def _report(self, message: str, line: int) -> None:
        self._problems.append(InputError(message, line=line))


class _Reader:
    """Reads a file device by device."""

    def __init__(self, events: Iterable[yaml.Event], keys: Keys) -> None:
        self._events = iter(events)
        self._builder = _Builder(self._events)
        self._keys = keys

    def read(self) -> Iterator[Found]:
        """Yield records and problems.

        Raises:
            InputError: the rest of the file can't be read.
        """
        empty = True
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._builder.forget()
            elif isinstance(event, yaml.SequenceStartEvent):
                empty = False
                yield from self._list()
            elif isinstance(event, yaml.MappingStartEvent):
                empty = False
                yield from self._mapping(_line(event))
            elif isinstance(event, yaml.NodeEvent) and self._builder.node(event).value is not None:
                empty = False
                yield InputError("must be a list of devices", line=_line(event))
        if empty:
            yield InputError("is empty", line=1, hint="Give a list of devices")

    def _list(self) -> Iterator[Found]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield from self._record(self._builder.node(event))

    def _record(self, node: _Node) -> Iterator[Found]:
        yield from self._builder.problems()
        yield from self._keys.record(node.line, node.value, node.lines)

    def _mapping(self, line: int) -> Iterator[Found]:
        """Yield the devices of a document, or the mapping as one device."""
        mapping = _Mapping(line)
        is_document = False
        for key, at, event in self._builder.pairs():
            if not is_list_key(key):
                yield from mapping.add(key, at, self._builder.node(event))
                continue
            is_document = True
            if isinstance(event, yaml.SequenceStartEvent):
                yield from self._list()
            else:
                self._builder.node(event)
                yield InputError("must be a list", path=LIST_KEY, line=at)
        node = mapping.node()
        if not is_document:
            yield from self._record(node)
            return
        yield from self._builder.problems()
        yield from refuse_beside((key, node.lines[key]) for key in node.value)


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None, "set by the parser"
    return event.start_mark.line + 1
