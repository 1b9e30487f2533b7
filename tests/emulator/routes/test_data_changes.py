"""The emulator's data routes: edit and delete, storage types, and who may do what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.bench import of_type
from tests.emulator.support import create, refusal, result

if TYPE_CHECKING:
    from tests.emulator.bench import Bench


def ago(**span: float) -> str:
    """Return a moment in the past as the service writes it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


# --- editing and deleting ----------------------------------------------------------------------


async def test_editing_changes_what_is_sent(bench: Bench) -> None:
    """Null takes away; what is not named stays; what is unknown is not counted."""
    kept, changed = await bench.send(
        {"variable": "a", "value": 1, "time": "2024-01-01"},
        {"variable": "a", "value": 2, "time": "2024-01-02", "unit": "C", "metadata": {"x": 1}},
    )
    edits = [
        {"id": changed["id"], "value": "3", "unit": None, "time": "2023-01-01", "serie": "new"},
        {"id": "unknown", "value": 4},
    ]
    assert "1 item(s) updated" == await result(await bench.device.put("/data", json=edits))

    after = {**changed, "value": "3", "time": "2023-01-01T00:00:00.000Z", "group": "new"}
    del after["unit"]
    assert [after, kept] == await bench.read("ordination=ascending")
    one = {"id": kept["id"], "variable": "B"}
    assert "1 item(s) updated" == await result(await bench.device.put("/data", json=one))
    assert ["b"] == [point["variable"] for point in await bench.read(f"ids={kept['id']}")]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"value": 1}, "id is required"),
        ({"id": 5, "value": 1}, "id is required"),
        ([{"id": "x"}, {"id": "y", "time": None}], "[1].time must be a date or a Unix timestamp"),
        ({"id": "x", "variable": None}, "variable must be a text of 1 to 100 characters"),
        (
            [{"id": "x"}] * 26,
            "You have exceeded the maximum number of 25 items in a single request",
        ),
    ],
)
async def test_senseless_edits_are_refused(bench: Bench, edits: Any, message: str) -> None:
    """An edit needs an id, and a register its variable and its time."""
    assert (400, message) == await refusal(await bench.device.put("/data", json=edits))


async def test_deleting_takes_what_a_query_means(bench: Bench) -> None:
    """Without a query it takes the latest fifteen; the answer says how many there were."""
    sent = [{"variable": "ab"[n % 2], "value": n, "time": 1_700_000_000 + n} for n in range(20)]
    points = await bench.send(*sent)

    async def delete(query: str) -> str:
        answer: str = await result(await bench.device.delete(f"/data?{query}"))
        return answer

    assert "1 Data Removed" == await delete("query=last_item&variable=b")
    assert "1 Data Removed" == await delete("variables=a&values=2")
    assert "2 Data Removed" == await delete(f"ids[]={points[0]['id']}&ids[]={points[1]['id']}")
    assert "0 Data Removed" == await delete(f"ids={points[0]['id']}")
    assert "15 Data Removed" == await delete("")
    assert [3] == [point["value"] for point in await bench.read()]
    assert (400, "Invalid query") == await refusal(await bench.device.delete("/data?query=count"))
    assert (400, "Invalid query") == await refusal(
        await bench.device.delete("/data?query=aggregate&function=sum&interval=day")
    )


# --- storage types -----------------------------------------------------------------------------


@of_type("immutable")
async def test_immutable_data_stays_as_it_is(bench: Bench) -> None:
    """It is neither edited, nor deleted, nor found by id."""
    (point,) = await bench.send({"variable": "x"})

    assert (400, "You cannot edit data on immutable device") == await refusal(
        await bench.device.put("/data", json={"id": point["id"], "value": 1})
    )
    assert (400, "Data in immutable devices cannot be deleted") == await refusal(
        await bench.device.delete("/data")
    )
    assert (400, "Filter using ID(s) is not supported on Immutable Storage Type") == await refusal(
        await bench.device.get(f"/data?ids={point['id']}")
    )
    assert [point] == await bench.read()


@of_type("immutable", "day", 3)
async def test_immutable_data_lies_within_the_chunks_kept(bench: Bench) -> None:
    """From the beginning of the oldest chunk to the end of tomorrow; anything else is refused."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = today - timedelta(days=3), today + timedelta(days=2, milliseconds=-1)
    message = f"Time must be between {first.date()} and {last.date()}"

    await bench.send(
        {"variable": "x", "time": first.isoformat()}, {"variable": "x", "time": last.isoformat()}
    )
    for moment in (first - timedelta(milliseconds=1), last + timedelta(milliseconds=1)):
        answer = await bench.device.post(
            "/data", json=[{"variable": "x"}, {"variable": "x", "time": moment.isoformat()}]
        )
        assert (400, message) == await refusal(answer)
    assert 2 == await bench.read("query=count")


@of_type("hybrid", mutable_variable_regex="^set")
async def test_hybrid_device_has_both_sides(bench: Bench) -> None:
    """What its expression finds can be edited and deleted; the rest is in chunks."""
    setpoint, measured = await bench.send(
        {"variable": "setpoint", "value": 1, "time": ago(days=900)},
        {"variable": "measured", "value": 2},
    )
    edit, remove = bench.device.put, bench.device.delete

    assert "1 item(s) updated" == await result(
        await edit("/data", json={"id": setpoint["id"], "value": 5})
    )
    for change in (
        {"id": measured["id"], "value": 5},
        {"id": setpoint["id"], "variable": "measured"},
    ):
        assert (400, "You cannot edit data on immutable device") == await refusal(
            await edit("/data", json=change)
        )
    assert (400, "Data in immutable devices cannot be deleted") == await refusal(
        await remove("/data?variables=measured&variables=setpoint")
    )
    status, message = await refusal(
        await bench.device.post("/data", json={"variable": "other", "time": ago(days=900)})
    )
    assert (400, "Time must be") == (status, message[:12])
    assert "1 Data Removed" == await result(await remove("/data"))
    assert [measured] == await bench.read(f"ids={measured['id']}&ids={setpoint['id']}")


# --- who may -----------------------------------------------------------------------------------


async def test_profile_reads_edits_and_deletes_by_id(bench: Bench) -> None:
    """By its id a device's data is the same as by its token."""
    path = f"/device/{bench.id}/data"
    (point,) = await bench.send({"variable": "x", "value": 1})

    assert [point] == await result(await bench.http.get(path))
    assert "1 item(s) updated" == await result(
        await bench.http.put(path, json=[{"id": point["id"], "value": 2}])
    )
    assert "1 Data Removed" == await result(await bench.http.delete(path))
    assert 0 == await result(await bench.http.get(f"{path}?query=count"))


async def test_only_an_analysis_sends_by_id(bench: Bench) -> None:
    """A profile token is denied to send, an analysis token is not."""
    path = f"/device/{bench.id}/data"

    assert (401, "Authorization Denied") == await refusal(
        await bench.http.post(path, json={"variable": "x"})
    )
    assert "1 Data Added" == await result(
        await bench.http.post(path, json={"variable": "x"}, headers=bench.analysis)
    )
    assert 1 == len(await result(await bench.http.get(path, headers=bench.analysis)))


async def test_tokens_of_a_profile_have_no_data_of_their_own(bench: Bench) -> None:
    """The short route is a device's, the one with an id is not."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert (401, "Authorization Denied") == await refusal(
            await bench.http.request(method, "/data", json={})
        )
        assert (401, "Authorization Denied") == await refusal(
            await bench.device.request(method, f"/device/{bench.id}/data", json={})
        )


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("full", {"GET", "POST", "PUT", "DELETE"}),
        ("read", {"GET"}),
        ("write", {"POST", "PUT", "DELETE"}),
    ],
)
async def test_permission_goes_by_the_method(
    bench: Bench, permission: str, allowed: set[str]
) -> None:
    """To read is to get, to write is everything else."""
    body = {"device": bench.id, "name": "t", "permission": permission}
    made = await result(await bench.http.post("/device/token", json=body))
    bodies = {"POST": {"variable": "x"}, "PUT": {"id": "x"}}
    passed = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = await bench.device.request(
            method, "/data", json=bodies.get(method), headers={"token": made["token"]}
        )
        if answer.status == 200:
            passed.add(method)
        else:
            assert (401, "Authorization Denied") == await refusal(answer)

    assert allowed == passed


async def test_deactivated_device_is_turned_away(bench: Bench) -> None:
    """Its token opens none of its data; its profile still reads what there is."""
    await bench.send({"variable": "x"})
    await bench.http.put(f"/device/{bench.id}", json={"active": False})

    for method in ("GET", "POST", "PUT", "DELETE"):
        assert (400, "Device is deactivated") == await refusal(
            await bench.device.request(method, "/data", json={})
        )
    path = f"/device/{bench.id}/data"
    assert (400, "Device is deactivated") == await refusal(
        await bench.http.post(path, json={"variable": "x"}, headers=bench.analysis)
    )
    assert 1 == len(await result(await bench.http.get(path)))


async def test_data_is_of_one_device(bench: Bench) -> None:
    """Devices don't see each other's data, and an unknown one has none."""
    other = await create(bench.http)
    await bench.send({"variable": "x"})

    headers = {"token": other["token"]}
    assert [] == await result(await bench.device.get("/data", headers=headers))
    for method in ("GET", "PUT", "DELETE"):
        assert (404, "Device Not Found") == await refusal(
            await bench.http.request(method, f"/device/{'0' * 24}/data", json={})
        )
