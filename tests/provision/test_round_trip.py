"""Devices written in any format are read as they were; whatever a file holds, nothing breaks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagodev import UNSET, ConfigurationParameter, DeviceCreate, InputError, Tag
from tagodev.provision import read_defaults, read_device_ids, read_devices
from tests.provision.files import FORMATS, TABLES, write

# What every format can hold: a workbook has no control characters, and in its XML, as in YAML, a
# carriage return is a line break. OpenPyXL reads _x0041_ as an escape, as Excel does.
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="_"),
    max_size=12,
).filter(bool)
names = texts.filter(str.strip)
keys = names.map(str.strip)
words = st.text(st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x24F), min_size=1)
ids = st.sampled_from(["5bbd0de44051a50034cd19fc", "0123456789abcdef01234567"])


def settable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return the values of a field that may be left out."""
    return st.just(UNSET) | strategy


def tags(values: dict[str, str]) -> Any:
    """Return tags by key, or nothing."""
    return [Tag(key, value) for key, value in values.items()] or UNSET


def parameters(values: dict[str, str]) -> Any:
    """Return parameters by key, or nothing."""
    return [ConfigurationParameter(key, value) for key, value in values.items()] or UNSET


anything = st.dictionaries(keys, texts, max_size=3)
fields = {
    "name": names,
    "network": ids,
    "connector": ids,
    "serie_number": settable(names),
    "active": settable(st.booleans()),
    "visible": settable(st.booleans()),
    "description": settable(texts),
    "tags": anything.map(tags),
    "configuration_params": anything.map(parameters),
    "payload_decoder": settable(words),
}
devices = st.builds(DeviceCreate, **fields) | st.builds(
    DeviceCreate,
    type=st.just("hybrid"),
    chunk_period=st.sampled_from(["day", "week", "month", "quarter"]),
    chunk_retention=st.integers(0, 26),
    mutable_variable_regex=names,
    **fields,
)


def record_of(device: DeviceCreate) -> dict[str, Any]:
    """Return a device as a record with a key for each field, tag and parameter."""
    record = {
        name: value
        for name in (*fields, "type", "chunk_period", "chunk_retention", "mutable_variable_regex")
        if name not in ("tags", "configuration_params")
        and (value := getattr(device, name)) is not UNSET
    }
    listed = () if device.tags is UNSET else device.tags
    params = () if device.configuration_params is UNSET else device.configuration_params
    record |= {f"tag.{tag.key}": tag.value for tag in listed}
    return record | {f"param.{one.key}": one.value for one in params}


@pytest.mark.parametrize("name", FORMATS)
@given(specs=st.lists(devices, max_size=4))
@example(specs=[])
def test_devices_come_back(name: str, specs: list[DeviceCreate]) -> None:
    """What is written is what is read, on the lines where it was written."""
    records = [record_of(device) for device in specs]
    if name in TABLES:
        # A number in a cell is a matter of its own.
        records = [
            {key: value if isinstance(value, str) else str(value) for key, value in one.items()}
            for one in records
        ]
    written = FORMATS[name](records)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(read_devices(write(Path(folder), written.data, f"devices.{written.suffix}")))

    assert [record_of(device) for device in specs] == [record_of(row.device) for row in rows]
    assert list(written.lines) == [row.line for row in rows]
    assert [set(record) for record in records] == [set(row.given) for row in rows]


BEGINNINGS = (
    b"",
    b"name\n",
    b"name;tag.a\n",
    b"sep=;\nname;",
    b'{"name": "',
    b'{"devices": [',
    b'[{"name": "a"},',
    b"- name: ",
    b"devices:\n- &a {name: b}\n- ",
    b"PK\x03\x04",
    b"\xef\xbb\xbfname,",
    b"\xff\xfe",
    b"id\n",
)


@given(
    data=st.binary(max_size=60)
    | st.text(max_size=60).map(lambda one: one.encode("utf-8", "replace")),
    begins=st.sampled_from(BEGINNINGS),
    suffix=st.sampled_from(["csv", "tsv", "json", "jsonl", "yaml", "xlsx", "txt"]),
)
def test_any_bytes_are_read_or_complained_about(data: bytes, begins: bytes, suffix: str) -> None:
    """Whatever a file holds, nothing but `InputError` comes out of reading it."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), begins + data, f"devices.{suffix}")
        for read in (read_devices, read_device_ids):
            try:
                file = read(path)
            except InputError as error:
                assert str(path) in str(error)  # noqa: PT017  (not every example is refused)
            else:
                assert file.rows == len(list(file))
        try:
            read_defaults(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017  (not every example is refused)


#: A good file of each format; a workbook holds the time when it was written.
GOOD = {
    name: written([{"name": "a", "tag.b": "c"}, {"name": "d"}]) for name, written in FORMATS.items()
}


@pytest.mark.parametrize("name", FORMATS)
@given(st.data())
def test_damaged_files_are_read_or_complained_about(name: str, data: st.DataObject) -> None:
    """A file that was good but for some bytes breaks nothing either."""
    damaged = bytearray(GOOD[name].data)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), bytes(damaged), f"devices.{GOOD[name].suffix}")
        try:
            file = read_devices(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017  (not every example is refused)
        else:
            assert file.rows == len(list(file))
