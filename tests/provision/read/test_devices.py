"""Reading lists of devices: what is in a file comes out of it, or is complained about."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import UNSET, ConfigurationParameter, DeviceCreate, InputError, Tag
from tagodev.provision import InvalidFileError, read_device_ids, read_devices
from tagodev.provision._read.devices import MAX_PROBLEMS

# Text that CSV can hold: a lone carriage return is a line break there, and a zero byte is no text.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = texts.filter(str.strip)
keys = names.map(str.strip)
devices = st.builds(
    DeviceCreate,
    name=names,
    description=st.just(UNSET) | texts.filter(bool),
    active=st.just(UNSET) | st.booleans(),
    tags=st.dictionaries(keys, texts.filter(bool), max_size=3).map(
        lambda pairs: [Tag(key, value) for key, value in pairs.items()] or UNSET
    ),
    configuration_params=st.dictionaries(keys, texts.filter(bool), max_size=3).map(
        lambda pairs: [ConfigurationParameter(*pair) for pair in pairs.items()] or UNSET
    ),
)


NETWORK = "5bbd0de44051a50034cd19fc"
CONNECTOR = "5f5a8f3351d4db99c40dece6"

HEADER = "Add it to the first line, or map a column to it"


def problems_of(path: Path) -> list[str]:
    """Return what is wrong with a list of devices, without the file's name."""
    with pytest.raises(InvalidFileError) as raised:
        read_devices(path)
    assert all(problem.source == str(path) for problem in raised.value.problems)
    return [str(problem).removeprefix(f"{path}:") for problem in raised.value.problems]


def write(folder: Path, text: str | bytes, name: str = "site.csv") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def flat(device: DeviceCreate) -> dict[str, Any]:
    """Return the columns that describe a device."""
    columns: dict[str, Any] = {"name": device.name}
    if device.description is not UNSET:
        columns["description"] = device.description
    if device.active is not UNSET:
        columns["active"] = str(device.active)
    tags = () if device.tags is UNSET else device.tags
    params = () if device.configuration_params is UNSET else device.configuration_params
    columns |= {f"tag.{tag.key}": tag.value for tag in tags}
    return columns | {f"param.{param.key}": param.value for param in params}


def same(left: DeviceCreate, right: DeviceCreate) -> bool:
    """Return whether two devices are the same but for the order of their lists."""
    return flat(left) == flat(right)


@given(st.lists(devices, max_size=5))
def test_csv_round_trip(specs: list[DeviceCreate]) -> None:
    """Devices written as CSV are read as they were."""
    rows = [flat(spec) for spec in specs]
    columns = dict.fromkeys(column for row in [{"name": ""}, *rows] for column in row)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "devices.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            # All quoted, since the writer leaves a lone carriage return unquoted.
            writer = csv.DictWriter(file, list(columns), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
        read = [row.device for row in read_devices(path)]
    assert len(specs) == len(read)
    assert all(same(spec, device) for spec, device in zip(specs, read, strict=True))


@given(st.lists(devices, max_size=5), st.booleans())
def test_json_lines_round_trip(specs: list[DeviceCreate], blank: bool) -> None:
    """Devices written as JSON Lines are read as they were, blank lines or not."""
    separator = b"\n\n" if blank else b"\n"
    with tempfile.TemporaryDirectory() as folder:
        lines = separator.join(orjson.dumps(flat(spec)) for spec in specs)
        rows = list(read_devices(write(Path(folder), lines, "devices.jsonl")))
    assert [n * (2 if blank else 1) + 1 for n in range(len(specs))] == [row.line for row in rows]
    assert all(same(spec, row.device) for spec, row in zip(specs, rows, strict=True))


def test_every_column(tmp_path: Path) -> None:
    """Each column becomes its field; an empty cell is not given."""
    path = write(
        tmp_path,
        "name,type,network,connector,serie_number,active,visible,description,tag.site,param.rate\n"
        f"a,mutable,{NETWORK},{CONNECTOR},0042,YES,0,text,dairy,60\n"
        "b,,,,,,,,,\n",
    )
    full, sparse = (row.device for row in read_devices(path))
    assert full == DeviceCreate(
        name="a",
        type="mutable",
        network=NETWORK,
        connector=CONNECTOR,
        serie_number="0042",
        active=True,
        visible=False,
        description="text",
        tags=[Tag("site", "dairy")],
        configuration_params=[ConfigurationParameter("rate", "60")],
    )
    assert sparse == DeviceCreate(name="b")


def test_immutable_devices(tmp_path: Path) -> None:
    """The columns that an immutable device needs are there."""
    path = write(tmp_path, "name,type,chunk_period,chunk_retention\na,immutable,month,6\n")
    (row,) = read_devices(path)
    assert (row.device.chunk_period, row.device.chunk_retention) == ("month", 6)


def test_json_takes_the_lists_of_the_api(tmp_path: Path) -> None:
    """Tags and parameters may stand as the API has them, and beside flat keys."""
    line = {
        "name": "a",
        "tags": [{"key": "site", "value": "dairy"}],
        "configuration_params": [{"key": "rate", "value": 60, "sent": True}],
        "tag.room": "7",
        "param.on": True,
        "description": None,
    }
    (row,) = read_devices(write(tmp_path, orjson.dumps(line), "site.ndjson"))
    assert row.device.tags == (Tag("site", "dairy"), Tag("room", "7"))
    assert row.device.configuration_params == (
        ConfigurationParameter("rate", "60", sent=True),
        ConfigurationParameter("on", "true"),
    )
    assert row.device.description is UNSET


def test_lines_are_physical(tmp_path: Path) -> None:
    """Quoted line breaks and blank lines count, so that an editor finds the line."""
    path = write(tmp_path, 'name,active\r\n"two\nlines",\r\n\r\n,\r\nbad,maybe\r\n')
    assert problems_of(path) == [
        "6: active (column B): must be true or false, not 'maybe'. Also accepted: yes, no, 1, 0"
    ]
    path = write(tmp_path, 'name,active\r\n"two\nlines",\r\n\r\n,\r\nc,no\r\n')
    assert [(row.number, row.line) for row in read_devices(path)] == [(1, 2), (2, 6)]


def test_byte_order_mark(tmp_path: Path) -> None:
    """The mark that spreadsheets write is no part of the first column's name."""
    path = write(tmp_path, "\ufeffname\nKühlraum\n")
    assert [row.device.name for row in read_devices(path)] == ["Kühlraum"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: is empty. The first line must name the columns"]),
        ("name,Actve\n", ["1: Actve (column B): unknown column; did you mean active?"]),
        ("name,name\n", ["1: name (column B): is a duplicate column"]),
        ("Name,NAME\n", ["1: NAME (column B): is the same field (name) as Name (column A)"]),
        (
            "name,\na,\nb,c\n",
            ["3: column B: has a value, but the column has no name in the header"],
        ),
        ("name,tag.\n", ["1: tag. (column B): a key must follow tag."]),
        ("type\nmutable\n", [f"1: no column name. {HEADER}"]),
        (
            "name|type\na|b\n",
            [
                (
                    "1: name|type (column A): unknown column; did you mean type? "
                    "Columns are separated by commas, semicolons or tabs"
                ),
                f"1: no column name. {HEADER}",
            ],
        ),
        (
            "name,type\na,b,c\nd\n",
            [
                (
                    "2: 3 cells, but the header has 2. Cells are separated by commas: "
                    "quote values that contain a comma"
                ),
                (
                    "3: 1 cell, but the header has 2. Cells are separated by commas: "
                    "quote values that contain a comma"
                ),
            ],
        ),
        ('name\na\n"never closed\nb\n', ["3: a double quote is not closed"]),
        (
            "name,network\na,5bbd0de44051a50034cd19fd\n",
            [
                (
                    "2: connector: network and connector must be given together. "
                    "Give both, or neither for the public Custom HTTPS"
                )
            ],
        ),
        (
            "name,tags\na,b\n",
            [
                (
                    '2: tags (column B): must be an object like {"key": ..., "value": ...}. '
                    "Or use a column tag.<key> or param.<key> for each"
                )
            ],
        ),
        ("name\n \n", ["2: name (column A): must not be empty"]),
        (
            "name,chunk_retention\na,many\n",
            ["2: chunk_retention (column B): must be a whole number, not 'many'"],
        ),
    ],
)
def test_csv_problems(tmp_path: Path, text: str, expected: list[str]) -> None:
    """What is wrong with a CSV file is said with its line and its column."""
    assert problems_of(write(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{nope", "is not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"name": 5}', "name: must be text, not a number"),
        ('{"name": "a", "tag.x": 7}', "tag.x: must be text, not a number"),
        ('{"name": "a", "tags": [{"key": " ", "value": "b"}]}', "tags[0].key: must not be empty"),
        ('{"name": "a", "tags": "b"}', "tags: must be an object"),
        ('{"name": "a", "tags": [{"key": "b"}]}', "tags[0]: must be an object"),
        ('{"name": "a", "param.x": [1]}', "param.x: must be text or a number, not a list"),
        ('{"type": "mutable"}', "name: is required"),
        ('{"name": "a", "nmae": "b"}', "nmae: unknown column; did you mean name?"),
        ('{"name": "a", "color": "b"}', "color: unknown column; known: name, serie_number, type"),
    ],
)
def test_json_problems(tmp_path: Path, text: str, expected: str) -> None:
    """What is wrong with a line of JSON is said with its line and its key."""
    (problem,) = problems_of(write(tmp_path, f'{{"name": "fine"}}\n{text}\n', "site.jsonl"))
    assert problem.startswith(f"2: {expected}")


def test_all_problems_at_once(tmp_path: Path) -> None:
    """One reading finds them all, several in one row too."""
    path = write(tmp_path, "name,active,visible,oops\n,perhaps,never,x\nb,so,yes,x\n")
    assert [problem.split(":")[:2] for problem in problems_of(path)] == [
        ["1", " oops (column D)"],
        ["2", " active (column B)"],
        ["2", " visible (column C)"],
        ["2", " name (column A)"],
        ["3", " active (column B)"],
    ]


def test_problems_are_bounded(tmp_path: Path) -> None:
    """A file that is wrong everywhere fills neither memory nor screen."""
    path = write(tmp_path, "name,active\n" + "a,so\n" * (MAX_PROBLEMS + 500))
    assert len(problems_of(path)) == MAX_PROBLEMS


def test_other_encodings_are_refused_with_their_line(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused rather than guessed at."""
    path = write(tmp_path, "name\nfine\nKühlraum\n".encode("latin-1"))
    (problem,) = problems_of(path)
    assert problem == (
        "3: is not UTF-8, but probably Windows-1252: 'ü' at character 2. "
        'Save it as UTF-8 (in a spreadsheet: "CSV UTF-8")'
    )


def test_what_is_no_file(tmp_path: Path) -> None:
    """A missing file, and a folder, are complained about by name."""
    with pytest.raises(InvalidFileError, match=r"missing\.csv: can't be read: No such file"):
        read_devices(tmp_path / "missing.csv")
    with pytest.raises(InvalidFileError, match="is not a regular file"):
        read_devices(tmp_path)


def test_file_changed_between_the_readings(tmp_path: Path) -> None:
    """A file that was right when it was checked and is not any more says so."""
    path = write(tmp_path, "name\na\n")
    file = read_devices(path)
    write(tmp_path, "name\n \n")
    with pytest.raises(InputError, match="changed while it was read"):
        list(file)


def test_format_by_first_character(tmp_path: Path) -> None:
    """Where the suffix does not tell, the first character does."""
    for text in ('\n {"name": "a"}\n', "name\na\n"):
        assert [row.device.name for row in read_devices(write(tmp_path, text, "list"))] == ["a"]


def test_ids_from_results(tmp_path: Path) -> None:
    """The results of a creation name the devices to delete; rows without an id are skipped."""
    path = write(
        tmp_path,
        "row,name,device_id,token,status,error\n1,a,5f5a,t,created,\n2,b,,,failed,no\n",
    )
    file = read_device_ids(path)
    assert (file.rows, file.skipped) == (1, 1)
    assert [(row.number, row.device_id, row.name) for row in file] == [(1, "5f5a", "a")]


@pytest.mark.parametrize(
    ("name", "text"),
    [("ids.csv", "id\n5f5a\n"), ("ids.jsonl", '{"id": "5f5a"}\n'), ("x", '{"device_id": "5f5a"}')],
)
def test_ids_by_either_name(tmp_path: Path, name: str, text: str) -> None:
    """``id`` does as well as ``device_id``, in both formats."""
    assert [row.device_id for row in read_device_ids(write(tmp_path, text, name))] == ["5f5a"]


def test_ids_that_are_none(tmp_path: Path) -> None:
    """What can't be an id is refused, and not repeated: it may be a token."""
    path = write(tmp_path, "device_id\n../secret\n")
    with pytest.raises(InvalidFileError) as raised:
        read_device_ids(path)
    assert str(raised.value) == f"{path}:2: device_id (column A): is not a device id"
    with pytest.raises(InvalidFileError, match="no column device_id or id"):
        read_device_ids(write(tmp_path, "name\na\n"))
