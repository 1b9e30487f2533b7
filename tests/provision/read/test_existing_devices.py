"""Reading what is to be changed: every column in its place, every problem with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    ConfigurationParameter,
    DeviceChange,
    DeviceEdit,
    InputError,
    Rotation,
    Tag,
)
from tagodev.provision import (
    InvalidFileError,
    read_device_changes,
    read_device_ids,
    read_rotations,
)

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"


def write(folder: Path, text: str, name: str = "changes.csv") -> Path:
    """Write a file."""
    path = folder / name
    path.write_text(text)
    return path


def problems_of(read: Any, path: Path) -> list[tuple[int | None, str, str]]:
    """Return line, column and text of everything that is wrong with a file."""
    with pytest.raises(InvalidFileError) as raised:
        read(path)
    return [(one.line, one.path, one.message) for one in raised.value.problems]


# --- changes -------------------------------------------------------------------------------------


def test_every_column_that_may_change(tmp_path: Path) -> None:
    """Each becomes its field; an empty cell changes nothing."""
    path = write(
        tmp_path,
        "device_id,name,network,connector,active,visible,description,chunk_retention,"
        "tag.site,param.rate\n"
        "d1,a,n,c,no,1,text,3,dairy,60\n"
        "d2,,,,yes,,,,,\n",
    )
    full, sparse = read_device_changes(path)
    assert (full.number, full.line, full.change) == (
        1,
        2,
        DeviceChange(
            "d1",
            DeviceEdit(
                name="a",
                network="n",
                connector="c",
                active=False,
                visible=True,
                description="text",
                chunk_retention=3,
                tags=[Tag("site", "dairy")],
                configuration_params=[ConfigurationParameter("rate", "60")],
            ),
        ),
    )
    assert DeviceChange("d2", DeviceEdit(active=True)) == sparse.change


def test_json_lines(tmp_path: Path) -> None:
    """Rows may stand as the API has them."""
    row = {"id": "d1", "tags": [{"key": "site", "value": "7"}], "active": False}
    path = write(tmp_path, orjson.dumps(row).decode(), "changes.jsonl")
    (read,) = read_device_changes(path)
    assert DeviceChange("d1", DeviceEdit(active=False, tags=[Tag("site", "7")])) == read.change


def test_rows_that_change_nothing(tmp_path: Path) -> None:
    """They are skipped and counted, and keep the numbers of the others as they are."""
    path = write(tmp_path, "device_id,name\nd1,\nd2,b\n")
    file = read_device_changes(path)
    assert (file.rows, file.skipped) == (1, 1)
    assert [2] == [row.number for row in file]


def test_what_is_wrong_with_changes(tmp_path: Path) -> None:
    """Columns that can't change, rows that name no device, and values that can't be."""
    path = write(
        tmp_path,
        "device_id,type,nmae,name,network,active\n,mutable,x,a,,\nd1,,,b,n,\nd/2,,,c,,perhaps\n",
    )
    told = problems_of(read_device_changes, path)
    assert [
        (1, "type", "can't be changed on an existing device"),
        (1, "nmae", "unknown column; did you mean name?"),
        (2, "device_id", "is required"),
        (3, "connector", "network and connector must be changed together"),
        (4, "device_id", "is not a device id"),
        (4, "active", "must be true or false, not 'perhaps'"),
    ] == told


def test_no_column_that_names_a_device(tmp_path: Path) -> None:
    """Without an id nothing can be changed."""
    path = write(tmp_path, "name\na\n")
    assert [(1, "", "no column device_id or id")] == problems_of(read_device_changes, path)


# --- rotations -----------------------------------------------------------------------------------


def test_rotations(tmp_path: Path) -> None:
    """The results of a creation will do: other columns do not matter, nor devices not made."""
    path = write(
        tmp_path,
        "row,name,device_id,token,status,error\n"
        f"1,a,d1,{TOKEN},created,\n"
        "2,b,,,failed,no\n"
        f"3,c,d3, {TOKEN} ,created,\n",
    )
    file = read_rotations(path)
    assert (file.rows, file.skipped) == (2, 1)
    assert [(1, "a", Rotation("d1", TOKEN)), (3, "c", Rotation("d3", TOKEN))] == [
        (row.number, row.name, row.rotation) for row in file
    ]


@pytest.mark.parametrize("cell", ["", " ", '"\t"'])
def test_an_empty_cell_is_never_a_rotation(tmp_path: Path, cell: str) -> None:
    """It must be said which token: the only one that there is may be one that is in use."""
    path = write(tmp_path, f"device_id,token\nd1,{cell}\n")
    told = problems_of(read_rotations, path)
    assert [(2, "token", "is empty; give the token to replace")] == told


def test_what_is_wrong_with_rotations(tmp_path: Path) -> None:
    """A token without a device; and a token that strayed into the id is not repeated."""
    path = write(tmp_path, f'id,token\n,{TOKEN}\n"{TOKEN} ",{TOKEN}\n')
    told = problems_of(read_rotations, path)
    assert [(2, "id", "is required"), (3, "id", "is not a device id")] == told
    path = write(tmp_path, '{"id": "d1", "token": 7}\n{"id": "d1"}\n', "rotations.jsonl")
    assert [
        (1, "token", "must be text"),
        (2, "token", "is empty; give the token to replace"),
    ] == problems_of(read_rotations, path)


def test_no_column_for_the_token(tmp_path: Path) -> None:
    """It is said once, not for every row."""
    path = write(tmp_path, "device_id\nd1\nd2\n")
    assert [(1, "", "no column token")] == problems_of(read_rotations, path)


# --- rows that repeat an earlier one -------------------------------------------------------------


def test_a_device_is_changed_by_one_row(tmp_path: Path) -> None:
    """Two changes to one device are refused, with both lines; rows that change nothing are none."""
    path = write(tmp_path, "device_id,name\nd1,a\nd2,b\nd1,\nd1,c\nd2,b\n")
    assert [
        (5, "device_id", "is also on line 2"),
        (6, "device_id", "is also on line 3"),
    ] == problems_of(read_device_changes, path)


def test_a_token_is_replaced_by_one_row(tmp_path: Path) -> None:
    """It is refused a second time, without being repeated; another token of the device is not."""
    other = TOKEN.replace("8", "9")
    path = write(tmp_path, f"id,token\nd1,{TOKEN}\nd1,{other}\nd1, {TOKEN}\n")
    with pytest.raises(InvalidFileError) as raised:
        read_rotations(path)
    assert TOKEN not in str(raised.value)
    assert [(4, "token", "is also on line 2")] == problems_of(read_rotations, path)


@pytest.mark.parametrize("read", [read_device_changes, read_device_ids])
def test_rows_on_one_line_are_told_by_their_numbers(tmp_path: Path, read: Any) -> None:
    """A JSON document may stand on one line."""
    if read is read_device_changes:
        text = '{"id": "d1", "name": "a"}\n{"id": "d1", "name": "a"}\n'
        told = [(2, "id", "is also on line 1")]
        path = write(tmp_path, text, "changes.jsonl")
    else:
        path = write(tmp_path, '[{"id": "d1"}, {"id": "d1"}]', "ids.json")
        told = [(1, "id", "is also on row 1")]
    assert told == problems_of(read, path)


def test_a_file_without_repeats_is_read_twice(tmp_path: Path) -> None:
    """The second reading does not take a row for the repeat of itself."""
    path = write(tmp_path, f"id,token,name\nd1,{TOKEN},a\nd2,x,b\n")
    for read in (read_device_changes, read_rotations, read_device_ids):
        if read is read_device_changes:
            path = write(tmp_path, "id,name\nd1,a\nd2,b\n")
        file = read(path)
        assert 2 == len(list(file)) == len(list(file))
        path = write(tmp_path, f"id,token,name\nd1,{TOKEN},a\nd2,x,b\n")


@given(
    st.text(max_size=60),
    st.sampled_from(["device_id,name\n", "id,token\n", '{"id": "d1", "token": "', "id\n", ""]),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_text_is_read_or_complained_about(
    tmp_path_factory: pytest.TempPathFactory, text: str, begins: str, suffix: str
) -> None:
    """Whatever a file holds, nothing but `InputError` comes out of reading it."""
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_bytes((begins + text).encode("utf-8", "replace"))
    for read in (read_device_changes, read_rotations):
        try:
            file = read(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017  (not every example is refused)
        else:
            assert file.rows == len(list(file))
