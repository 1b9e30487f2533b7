"""Damage in a row of a file stays in that row: the others are read, and it is named with its place.

A file of 1,000 devices is written in every format. In some of its rows one value is damaged: each
field in turn, and each part of its lists, by every kind of value that the format can hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from tagodev import InputError
from tagodev._device_fields import COLUMNS
from tagodev.provision import DeviceRow
from tagodev.provision._integrations import Resolver
from tagodev.provision._read.devices import _device_row, _read
from tagodev.provision._read.formats.file_format import format_of
from tagodev.provision._read.mapping_rules import make_mapping_rules
from tests.provision.files import FORMATS, KEYED, Written, problems_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS: Final = 1000
#: A device that gives every field.
FULL: Final[dict[str, Any]] = {
    "name": "Cold room",
    "type": "hybrid",
    "network": "5bbd0d144051a50034cd19fb",
    "connector": "5f5a8f3351d4db99c40dece5",
    "serie_number": "A1",
    "active": "yes",
    "visible": "no",
    "description": "Next to the door",
    "chunk_period": "month",
    "chunk_retention": "6",
    "mutable_variable_regex": "temp.*",
    "payload_decoder": "YQ==",
    "device_id": "67e1a2b3c4d5e6f708192a3b",
    "tag.site": "north",
    "param.rate": "60",
}
#: What only objects with keys have.
LISTS: Final[dict[str, Any]] = {
    "tags": [{"key": "room", "value": "7"}, {"key": "floor", "value": "2"}],
    "configuration_params": [{"key": "unit", "value": "C", "sent": False}],
}
#: What a cell may hold, and a key besides.
CELLS: Final[tuple[Any, ...]] = (None, " ", "perhaps", 5, 1.5, True)
OBJECTS: Final[tuple[Any, ...]] = ([], {}, ["a"], {"a": "b"})


@attrs.frozen
class Damage:
    """A damaged row."""

    field: str
    """Which field."""
    value: Any
    """What it says there, or in a part of it; None where it says nothing."""
    row: Any
    """The whole row."""

    def __str__(self) -> str:
        return f"{self.field}: {self.value!r} in {self.row!r}"


def damages(form: str) -> Iterator[Damage]:
    """Yield a full row with one thing wrong in it, for each thing that may be wrong."""
    if form not in KEYED:
        for field in FULL:
            yield from (Damage(field, value, {**FULL, field: value}) for value in CELLS)
        return
    full = {**FULL, **LISTS}
    for field in full:
        rest = {key: value for key, value in full.items() if key != field}
        yield Damage(field, None, rest)
        yield from (Damage(field, value, {**rest, field: value}) for value in (*CELLS, *OBJECTS))
    for field, items in LISTS.items():
        for index, item in enumerate(items):
            for value in (*CELLS, *OBJECTS):
                for damaged in (value, *({**item, key: value} for key in item)):
                    listed = [*items[:index], damaged, *items[index + 1 :]]
                    yield Damage(field, value, {**full, field: listed})
    if form != "yaml":
        yield from (Damage("", value, value) for value in (*CELLS, []))


def spread(form: str) -> tuple[dict[int, Damage], Written]:
    """Return the damaged rows of a long file by their indexes, and the file."""
    found = [*damages(form)]
    step = ROWS // len(found)
    damaged = {step * number + 1: one for number, one in enumerate(found)}
    others = ({"name": f"Device {index}"} for index in range(ROWS))
    rows = [damaged[n].row if n in damaged else other for n, other in enumerate(others)]
    return damaged, FORMATS[form](rows)


def stream(path: Path) -> tuple[dict[int, DeviceRow], list[InputError]]:
    """Return the rows of a file by their indexes, and what is wrong with it."""
    rules, _ = make_mapping_rules({}, {}, Resolver())
    found = list(_read(format_of(path), rules.schema, lambda one: _device_row(one, rules)))
    rows = {one.number - 1: one for one in found if isinstance(one, DeviceRow)}
    return rows, [one for one in found if isinstance(one, InputError)]


def texts(row: DeviceRow, field: str) -> set[str]:
    """Return what a row says in a field, in lower case."""
    device: Any = row.device
    said = [row.device_id if field == "device_id" else getattr(device, field, "")]
    if field.startswith("tag"):
        said = [text for tag in device.tags for text in (tag.key, tag.value)]
    if field.startswith(("param.", "configuration")):
        pairs = device.configuration_params
        said = [text for one in pairs for text in (one.key, one.value, one.sent)]
    return {str(one).casefold() for one in said}


def test_every_field_is_damaged() -> None:
    """A new column is put into the full row."""
    assert {*COLUMNS, "device_id", "tag.site", "param.rate"} == FULL.keys()


@pytest.mark.parametrize("form", FORMATS)
def test_damage_stays_in_its_row(form: str, tmp_path: Path) -> None:
    """Each row is read with what it says, or is named with its line, its column and its field."""
    damaged, written = spread(form)
    path = write(tmp_path, written.data, f"site.{written.suffix}")
    rows, problems = stream(path)
    ends = [*written.lines[1:], 10**9]

    assert [str(one) for one in problems] == [str(one) for one in problems_of(path)]
    for index in {*range(ROWS)} - damaged.keys():
        assert f"Device {index}" == rows.pop(index).device.name
    for index, damage in damaged.items():
        lines = range(written.lines[index], ends[index])
        named = [problem for problem in problems if problem.line in lines]
        problems = [problem for problem in problems if problem.line not in lines]
        assert (index in rows) is not bool(named), str(damage)
        for problem in named:
            place = problem.path.partition("[")[0]
            assert place == damage.field, f"{damage}: {problem}"
            assert written.columns.get(place, "") == problem.column, f"{damage}: {problem}"
        if index not in rows:
            continue
        for field, given in FULL.items():
            # Networks and connectors follow from each other.
            if field not in (damage.field, "network", "connector", "active", "visible"):
                assert given.casefold() in texts(rows[index], field), f"{damage}: {field} is lost"
        # What is taken is not lost.
        if damage.value not in (None, " ", [], {}):
            said = damage.value if isinstance(damage.value, dict) else [damage.value]
            assert {str(one).casefold() for one in said} <= texts(rows[index], damage.field), damage
    assert [] == problems


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "excel"])
def test_a_damaged_byte_stays_in_its_row(form: str, tmp_path: Path) -> None:
    """Of another encoding, or a zero; and a quote too many where rows have lines of their own."""
    written = FORMATS[form]([{"name": f"Device {index}"} for index in range(ROWS)])
    damages = [b"Dev\xffce 500", b"Dev\0ce 500"]
    if form not in ("json", "document", "yaml"):
        damages.append(b'Device" 500')
    for damage in damages:
        path = write(tmp_path, written.data.replace(b"Device 500", damage), f"a.{written.suffix}")
        rows, problems = stream(path)
        read = {row.device.name for row in rows.values()}
        assert {f"Device {index}" for index in range(ROWS)} - {"Device 500"} <= read, damage
        (problem,) = problems
        assert problem.line in range(written.lines[500], written.lines[501]), damage
