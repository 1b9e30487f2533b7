"""Broken JSON and YAML: brackets, commas, types, nesting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.provision.faults import Broken, one, text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["broken_objects"]


def broken_objects() -> Iterator[Broken]:
    """Yield them all."""
    yield from _json_texts()
    yield from _yaml_texts()


def _json_texts() -> Iterator[Broken]:
    yield text("empty.json", " \n", one(1, "is empty"))
    yield text("cut off.json", '[\n{"name": "a"},\n{"name": "b"', one(3, "is not JSON"))
    yield text(
        "cut off between.json",
        '[\n{"active": "so"},\n{"name": "b"}\n',
        one(2, "true or false", "active"),
        one(2, "is required", "name"),
        one(4, "a comma or ] is expected"),
    )
    yield text(
        "cut off document.json",
        '{"devices": [\n{"name": "a"}]\n',
        one(3, "a comma or } is expected"),
    )
    yield text("comma too many.json", '[\n{"name": "a"},\n]', one(3, "a superfluous comma"))
    yield text(
        "no comma.json", '[\n{"name": "a"}\n{"name": "b"}\n]', one(3, "a comma or ] is expected")
    )
    yield text(
        "more behind.json", '[{"name": "a"}]\n[{"name": "b"}]', one(2, "more text after the list")
    )
    yield text("single quotes.json", "[\n{'name': 'a'}]", one(2, "is not JSON"))
    yield text(
        "scalars.json",
        '[\n1,\n"a",\nnull,\n[]\n]',
        *(one(line, "must be an object") for line in (2, 3, 4, 5)),
    )
    yield text("scalar.json", "7\n", one(1, "must be an object"))
    yield text(
        "not a number.json", '[\n{"name": "a", "param.x": NaN}\n]', one(2, "NaN is not a number")
    )
    yield text(
        "infinity.json",
        '[\n{"name": "a", "param.x": 1e999}\n]',
        one(2, "must be text or a number", "param.x"),
    )
    yield text(
        "long number.json",
        '[\n{"name": "a", "param.x": ' + "9" * 5000 + "}\n]",
        one(2, "is not JSON"),
    )
    yield text("deep.json", "[" * 100_000, one(1, "is nested too deeply"))
    yield text(
        "half a character.json", '[\n{"name": "\\ud83d"}\n]', one(2, "has an unpaired surrogate")
    )
    yield text(
        "key twice.json",
        '[\n{"name": "a", "name": "b", "active": "so"}\n]',
        one(2, "is a duplicate key", "name"),
        one(2, "true or false", "active"),
    )
    yield text(
        "key twice in a tag.json",
        '[\n{"name": "a", "tags": [{"key": "a", "key": "b", "value": ""}]}\n]',
        one(2, "is a duplicate key", "key"),
    )
    yield text(
        "devices are no list.json",
        '{\n"devices": {"name": "a"}\n}',
        one(2, "must be a list", "devices"),
    )
    yield text(
        "more beside.json",
        '{\n"status": true,\n"devices": [{"active": "so"}]\n}',
        one(2, "is an unknown key beside devices", "status"),
        one(3, "true or false", "active"),
        one(3, "is required", "name"),
    )
    yield text(
        "an answer of the API.json",
        '{\n"status": true,\n"result": []\n}',
        one(1, "unknown column", "status"),
        one(1, "unknown column", "result"),
        one(1, "is required", "name"),
    )
    yield text(
        "broken lines.jsonl",
        '{"name": "a"}\n{nope\n\n[1]\n{"name": "b"} x\n{"name": 5}\n',
        one(2, "is not JSON"),
        one(4, "must be a JSON object"),
        one(5, "more text at character 15"),
        one(6, "must be text, not a number", "name"),
    )
    yield text(
        "zero byte.jsonl",
        b'{"name": "a\0"}\n{"name": "b", "active": "so"}\n',
        one(1, "contains a zero byte"),
        one(2, "true or false", "active"),
    )


def _yaml_texts() -> Iterator[Broken]:
    yield text("empty.yaml", "# nothing\n", one(1, "is empty"))
    yield text("tab.yaml", "- name: a\n-\tname: b\n\tactive: yes\n", one(2, "is not YAML"))
    yield text(
        "indented.yaml",
        "- name: a\n  active: so\n- name: b\n   active: yes\n",
        one(2, "true or false", "active"),
        one(4, "is not YAML"),
    )
    yield text("colon.yaml", "- name: a: b\n", one(1, "is not YAML"))
    yield text("never closed.yaml", "- name: 'a\n- name: b\n", one(3, "is not YAML"))
    yield text("bracket.yaml", "- name: a\n- tags: [a, b\n- name: c\n", one(3, "is not YAML"))
    yield text(
        "key twice.yaml",
        "- name: a\n  name: b\n  active: so\n",
        one(2, "is a duplicate key", "name"),
        one(3, "true or false", "active"),
    )
    yield text(
        "two spellings.yaml",
        "- name: a\n  Serial: 1\n  serial_number: 2\n",
        one(3, "is the same field (serie_number) as Serial", "serial_number"),
    )
    yield text(
        "lists.yaml",
        "- name: [a]\n- active: {}\n- tags: 7\n  name: c\n",
        one(1, "must be text, not a list", "name"),
        one(2, "true or false", "active"),
        one(2, "is required", "name"),
        one(3, "must be an object like", "tags"),
    )
    yield text(
        "items.yaml",
        "- name: a\n  tags:\n  - key: b\n    value: c\n  - key: d\n  - e\n",
        one(5, "must be an object like", "tags[1]"),
        one(6, "must be an object like", "tags[2]"),
    )
    yield text(
        "python.yaml",
        "- name: !!python/object/apply:os.system [id]\n",
        one(1, "is an unknown type"),
        one(1, "must be text, not a list", "name"),
    )
    yield text(
        "no anchor.yaml",
        "- name: *a\n- name: &a b\n- name: *a\n",
        one(1, "*a is not defined"),
        one(1, "is required", "name"),
    )
    yield text(
        "itself.yaml",
        "- name: a\n  tags: &a [*a]\n",
        one(2, "*a is not defined"),
        one(2, "must be an object like", "tags[0]"),
    )
    yield text(
        "laughs.yaml",
        "- name: a\n"
        + "".join(
            f"  k{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(9)
        ),
        one(6, "too large with its aliases"),
    )
    yield text("deep.yaml", "- " * 5000, one(1, "is nested too deeply"))
    yield text("deeper.yaml", "{a: " * 100_000, one(1, "is nested too deeply"))
    yield text("bell.yaml", "- name: a\n- name: b\a\n", one(2, "control character at character 10"))
    yield text("keys of lists.yaml", "- name: a\n  ? [b]\n  : c\n", one(2, "a key must be text"))
    yield text(
        "merge of nothing.yaml",
        "- <<: a\n  name: b\n",
        one(1, "must be a mapping or a list of mappings", "<<"),
    )
    yield text("scalar.yaml", "just a text\n", one(1, "must be a list of devices"))
    yield text(
        "devices are no list.yaml", "devices:\n  name: a\n", one(1, "must be a list", "devices")
    )
    yield text(
        "more beside.yaml",
        "x-mine: 1\nnetwork: mqtt\ndevices:\n- nmae: a\n",
        one(2, "is an unknown key beside devices", "network"),
        one(4, "unknown column", "nmae"),
        one(4, "is required", "name"),
    )
