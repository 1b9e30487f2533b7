"""The emulator's chunks, and data as files: list, delete, export, back up, restore."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import example, given
from hypothesis import strategies as st

from tagodev.emulator import Emulator
from tagodev.emulator._model.data_store import Point
from tagodev.emulator._model.files import address_of, billed, from_csv, to_csv
from tests.emulator.support import create, refusal, result

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAILY = {"type": "immutable", "chunk_period": "day", "chunk_retention": 5}


def day(back: int, **more: float) -> str:
    """Return a moment so many days back."""
    return (TODAY - timedelta(days=back) + timedelta(**more)).isoformat()


def chunk_id(back: int) -> str:
    """Return the id of the chunk of a day."""
    start = int((TODAY - timedelta(days=back)).timestamp())
    return f"{start}_{start + 86_399}"


async def filled(http: ClientSession, **fields: Any) -> dict[str, str]:
    """Create a device that keeps a chunk a day, and fill three of them."""
    created = await create(http, **{**DAILY, **fields})
    points = [
        {"variable": "a", "value": 1, "time": day(4)},
        {"variable": "a", "value": 2, "time": day(4, hours=23.9)},
        {"variable": "b", "value": 3, "time": day(4, hours=1)},
        {"variable": "a", "value": 4, "time": day(2)},
        {"variable": "b", "value": 5, "time": day(0)},
    ]
    headers = {"token": created["token"]}
    assert "5 Data Added" == await result(await http.post("/data", json=points, headers=headers))
    return created


async def values(http: ClientSession, created: dict[str, str]) -> list[int]:
    """Return the values of a device, the oldest first."""
    path = f"/device/{created['device_id']}/data?ordination=ascending&qty=100"
    return [point["value"] for point in await result(await http.get(path))]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "chunk"),
        ("DELETE", "chunk/1_2"),
        ("POST", "chunk/backup"),
        ("POST", "chunk/copy"),
        ("POST", "data/backup"),
        ("POST", "data/restore"),
    ],
)
async def test_unknown_device_has_no_chunks(http: ClientSession, method: str, path: str) -> None:
    """Every route by id is 404 for an id that no device has."""
    response = await http.request(method, f"/device/{'0' * 24}/{path}")

    assert (404, "Device Not Found") == await refusal(response)


async def test_chunks_are_listed_newest_first(http: ClientSession) -> None:
    """Each chunk has its span, its last moment included, and the amount over all variables."""
    created = await filled(http)
    chunks = await result(await http.get(f"/device/{created['device_id']}/chunk"))

    assert [(chunk_id(0), 1), (chunk_id(2), 1), (chunk_id(4), 3)] == [
        (chunk["id"], chunk["amount"]) for chunk in chunks
    ]
    date = day(0)[:10]
    assert {
        "id": chunk_id(0),
        "from": f"{date}T00:00:00.000+00:00",
        "to": f"{date}T23:59:59.999+00:00",
        "amount": 1,
    } == chunks[0]


async def test_only_what_cannot_be_edited_lies_in_chunks(http: ClientSession) -> None:
    """A mutable device has none, a hybrid one those of its other side."""
    mutable = await filled(http, type="mutable")
    hybrid = await filled(http, type="hybrid", mutable_variable_regex="b")

    assert [] == await result(await http.get(f"/device/{mutable['device_id']}/chunk"))
    chunks = await result(await http.get(f"/device/{hybrid['device_id']}/chunk"))
    assert [(chunk_id(2), 1), (chunk_id(4), 2)] == [
        (chunk["id"], chunk["amount"]) for chunk in chunks
    ]


async def test_chunk_is_deleted_as_a_whole(http: ClientSession) -> None:
    """The other chunks stay; it can't be deleted twice."""
    created = await filled(http)
    path = f"/device/{created['device_id']}/chunk/{chunk_id(4)}"

    assert f"Chunk {chunk_id(4)} deleted" == await result(await http.delete(path))
    assert [4, 5] == await values(http, created)
    assert (404, "Chunk Not Found") == await refusal(await http.delete(path))


@pytest.mark.parametrize("name", ["backup", "copy"])
async def test_chunk_is_exported(http: ClientSession, name: str) -> None:
    """The answer tells where it will be, with its placeholders filled in."""
    created = await filled(http)
    path = f"/device/{created['device_id']}/chunk/{name}"
    body = {
        "chunk_id": chunk_id(4),
        "file_address": "/device/$DEVICE$/$FROM$_$TO$",
        "headers": True,
    }
    date = day(4)[:10]

    assert {
        "chunk_id": chunk_id(4),
        "file_address": f"device/{created['device_id']}/{date}_{date}.csv",
        "status": "scheduled",
    } == await result(await http.post(path, json=body))
    assert (404, "Chunk Not Found") == await refusal(
        await http.post(path, json={**body, "chunk_id": chunk_id(3)})
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "file_address is required"),
        ({"file_address": "x", "headers": "yes"}, "headers must be true or false"),
    ],
)
async def test_senseless_exports_are_refused(
    http: ClientSession, body: dict[str, Any], message: str
) -> None:
    """An export needs an address."""
    created = await filled(http)
    path = f"/device/{created['device_id']}"

    assert (400, message) == await refusal(await http.post(f"{path}/data/backup", json=body))
    body = {**body, "chunk_id": chunk_id(4)}
    assert (400, message) == await refusal(await http.post(f"{path}/chunk/backup", json=body))


async def test_backup_is_restored(http: ClientSession) -> None:
    """What was backed up is there again after emptying, in another device too."""
    created = await filled(http)
    path = f"/device/{created['device_id']}"
    body = {"file_address": "/backup/$TIMESTAMP$", "headers": True}
    told = await result(await http.post(f"{path}/data/backup", json=body))
    assert {"file_address", "status"} == set(told)
    assert re.fullmatch(r"backup/\d{13}\.csv", told["file_address"])
    before = await result(await http.get(f"{path}/data?qty=100"))
    await http.post(f"{path}/empty")

    for address in (told["file_address"], f"/{told['file_address']}"):
        assert "Data import added to the queue successfully!" == await result(
            await http.post(f"{path}/data/restore", json={"file_address": address})
        )
    after = await result(await http.get(f"{path}/data?qty=100"))
    assert 2 * len(before) == len(after)
    kept = ("variable", "value", "time", "group")
    assert [[point[name] for name in kept] for point in before] == [
        [point[name] for name in kept] for point in after[::2]
    ]


async def test_chunk_is_restored_where_it_fits(http: ClientSession) -> None:
    """An import obeys the limits of the device, as a whole."""
    created = await filled(http)
    body = {"chunk_id": chunk_id(4), "file_address": "c", "headers": True}
    path = f"/device/{created['device_id']}/chunk/backup"
    told = await result(await http.post(path, json=body))
    address = {"file_address": told["file_address"]}

    mutable = await create(http)
    await result(await http.post(f"/device/{mutable['device_id']}/data/restore", json=address))
    assert [1, 3, 2] == await values(http, mutable)
    younger = await create(http, **{**DAILY, "chunk_retention": 1})
    status, message = await refusal(
        await http.post(f"/device/{younger['device_id']}/data/restore", json=address)
    )
    assert (400, "Time must be between") == (status, message[:20])
    assert [] == await values(http, younger)


async def test_only_a_file_with_headers_is_restored(http: ClientSession) -> None:
    """A file that is not there, or has no column for the variable, restores nothing."""
    created = await filled(http)
    path = f"/device/{created['device_id']}/data"
    told = await result(await http.post(f"{path}/backup", json={"file_address": "x"}))

    for body, refused in (
        ({"file_address": told["file_address"]}, "The file must have a column named variable"),
        ({"file_address": 5}, "file_address is required"),
        ({}, "file_address is required"),
    ):
        assert (400, refused) == await refusal(await http.post(f"{path}/restore", json=body))
    assert (404, "File Not Found") == await refusal(
        await http.post(f"{path}/restore", json={"file_address": "nowhere.csv"})
    )
    assert 5 == len(await values(http, created))


async def test_faulty_row_is_told_by_its_number() -> None:
    """Nothing of a file is kept if one of its rows is wrong."""
    async with (
        Emulator() as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        created = await create(http)
        emulator._service.store.files["x.csv"] = "variable,value\nok,1\nnot ok,2\n"
        path = f"/device/{created['device_id']}/data/restore"
        message = "row 2: variable must hold no space and none of * ? ! < > . - = $"

        assert (400, message) == await refusal(
            await http.post(path, json={"file_address": "x.csv"})
        )
        assert [] == await values(http, created)


# --- files -------------------------------------------------------------------------------------


def test_addresses_are_filled_in() -> None:
    """What stands for nothing that is known stays as it is."""
    known = {"$DEVICE$": "d1", "$FROM$": "2022-07-11", "$CHUNK_START$": "s"}

    assert "device/d1/2022-07-11_$TO$.csv" == address_of("/device/$DEVICE$/$FROM$_$TO$", known)
    assert "s/$DEVICES$.csv" == address_of("$CHUNK_START$/$DEVICES$", known)


@pytest.mark.parametrize(
    ("registers", "counted"), [(0, 0), (1, 10_000), (10_000, 10_000), (10_001, 20_000)]
)
def test_exports_are_billed_in_steps(registers: int, counted: int) -> None:
    """Every ten thousand that an export begins counts."""
    assert counted == billed(registers)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
registers = st.builds(
    Point,
    id=st.just("i"),
    variable=texts.filter(str.strip),
    time=st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000),
    created_at=st.just(0.0),
    group=texts,
    value=st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | texts,
    unit=st.none() | texts,
    location=st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
    metadata=st.none() | st.dictionaries(texts, st.none() | st.integers(-5, 5) | texts, max_size=3),
)


@given(st.lists(registers, max_size=5))
@example([Point(id="i", variable="v", time=0.0, created_at=0.0, group="g", value="true")])
def test_files_are_read_as_they_were_written(points: list[Point]) -> None:
    """Every field comes back; text that looks like a number, true or false has become one."""
    rows = list(from_csv(to_csv(points, headers=True)))

    assert len(points) == len(rows)
    for point, row in zip(points, rows, strict=True):
        assert (point.variable, point.group) == (row["variable"], row["group"])
        assert point.unit == row.get("unit")
        assert point.metadata == row.get("metadata")
        place = row.get("location")
        assert point.location == (place and (place["lng"], place["lat"]))
        if isinstance(point.value, str) and not isinstance(row["value"], str):
            assert json.loads(point.value) == row["value"]
        else:
            assert point.value == row.get("value")


def test_columns_are_found_by_their_names() -> None:
    """Their order is free, unknown ones are passed over, empty fields are none."""
    rows = from_csv('colour,value,variable,lat\nred,007,a,\n,true,b,1\n,"x,y",c\n')

    assert [
        {"variable": "a", "value": "007"},
        {"variable": "b", "value": True, "location": {"lat": 1, "lng": ""}},
        {"variable": "c", "value": "x,y"},
    ] == list(rows)
