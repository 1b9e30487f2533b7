"""The emulator's data routes: send and read."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.emulator.support import refusal, result

if TYPE_CHECKING:
    from tests.emulator.bench import Bench

MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def ago(**span: float) -> str:
    """Return a moment in the past as the service writes it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


async def test_what_is_sent_is_read_back(bench: Bench) -> None:
    """A register has an id, its device and a group; its variable is in lower case."""
    sent = {
        "variable": "Temperature",
        "value": -12.67,
        "unit": "°C",
        "time": "2021-09-16T17:51:43.672Z",
        "location": {"lat": 35.77, "lng": -78.67},
        "metadata": {"color": "blue"},
    }
    before = time.time()
    (found,) = await bench.send(sent)

    assert re.fullmatch(r"[0-9a-f]{24}", found["id"])
    assert re.fullmatch(r"[0-9a-f]{24}", found["group"])
    assert {
        "id": found["id"],
        "device": bench.id,
        "variable": "temperature",
        "value": -12.67,
        "unit": "°C",
        "group": found["group"],
        "time": "2021-09-16T17:51:43.672Z",
        "location": {"type": "Point", "coordinates": [-78.67, 35.77]},
        "metadata": {"color": "blue"},
    } == found
    (detailed,) = await bench.read("details=true")
    created_at = datetime.fromisoformat(detailed.pop("created_at")).timestamp()
    assert found == detailed
    assert before - 0.01 <= created_at <= time.time() + 0.01


async def test_what_is_missing_is_not_there(bench: Bench) -> None:
    """Null is as good as nothing; the time is that of receiving."""
    before = time.time()
    (found,) = await bench.send(
        {"variable": "x", "value": None, "unit": None, "location": None, "metadata": None}
    )

    assert {"id", "device", "variable", "group", "time"} == set(found)
    assert re.fullmatch(MILLISECONDS, found["time"])
    assert before - 0.01 <= datetime.fromisoformat(found["time"]).timestamp() <= time.time() + 0.01


async def test_one_object_is_as_good_as_an_array(bench: Bench) -> None:
    """Both are sent; what is sent together and names no group has one of its own."""
    assert "1 Data Added" == await result(
        await bench.device.post("/data", json={"variable": "a", "value": 1})
    )
    found = await bench.send(
        {"variable": "b"},
        {"variable": "c"},
        {"variable": "d", "group": "mine"},
        {"variable": "e", "serie": "older"},
        {"variable": "f", "serie": "older", "group": "newer"},
    )

    groups = {point["variable"]: point["group"] for point in found}
    assert groups["b"] == groups["c"]
    assert groups["a"] != groups["b"]
    assert ("mine", "older", "newer") == (groups["d"], groups["e"], groups["f"])


async def test_text_that_is_json_is_read_as_json(bench: Bench) -> None:
    """What counts is what it is, not what it is called; anything else would need a parser."""
    plain = {"Content-Type": "text/plain"}
    assert "1 Data Added" == await result(
        await bench.device.post("/data", data=b'[{"variable": "a"}]', headers=plain)
    )
    for raw in (b"temperature:23.5", b"41BC7E1F2A", b"{"):
        assert (400, "Malformed request syntax") == await refusal(
            await bench.device.post("/data", data=raw, headers=plain)
        )
    assert 1 == len(await bench.read())


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2021-09-16T17:51:43.672Z", "2021-09-16T17:51:43.672Z"),
        ("2021-09-16T17:51:43+02:00", "2021-09-16T15:51:43.000Z"),
        ("2021-09-16 17:51:43", "2021-09-16T17:51:43.000Z"),
        ("2021-09-16", "2021-09-16T00:00:00.000Z"),
        ("Thu, 16 Sep 2021 17:51:43 GMT", "2021-09-16T17:51:43.000Z"),
        (1631814703, "2021-09-16T17:51:43.000Z"),
        (1631814703.5, "2021-09-16T17:51:43.500Z"),
        (1631814703672, "2021-09-16T17:51:43.672Z"),
    ],
)
async def test_time_is_taken_in_every_form(bench: Bench, sent: Any, told: str) -> None:
    """Dates as the service and JavaScript write them, and timestamps in seconds or less."""
    (found,) = await bench.send({"variable": "x", "time": sent})

    assert told == found["time"]


@pytest.mark.parametrize(
    "location",
    [
        {"lat": 1.5, "lng": -2},
        {"type": "Point", "coordinates": [-2, 1.5]},
        {"type": "point", "coordinates": [-2, 1.5]},
        {"coordinates": [-2, 1.5]},
    ],
)
async def test_location_is_given_as_geojson(bench: Bench, location: dict[str, Any]) -> None:
    """However it was sent, longitude comes first."""
    (found,) = await bench.send({"variable": "x", "location": location})

    assert {"type": "Point", "coordinates": [-2, 1.5]} == found["location"]


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({}, "variable is required"),
        ({"variable": None}, "variable is required"),
        ({"variable": 5}, "variable must be a text of 1 to 100 characters"),
        ({"variable": "x" * 101}, "variable must be a text of 1 to 100 characters"),
        ({"variable": "a-b"}, "variable must hold no space and none of * ? ! < > . - = $"),
        ({"variable": "a b"}, "variable must hold no space and none of * ? ! < > . - = $"),
        ({"value": [1]}, "value must be a text, a number or a boolean"),
        ({"value": "ü" * 3073}, "value must have at most 6 kB"),
        ({"unit": "x" * 26}, "unit must be a text of at most 25 characters"),
        ({"unit": 1}, "unit must be a text of at most 25 characters"),
        ({"group": "x" * 101}, "group must be a text of 1 to 100 characters"),
        ({"group": ""}, "group must be a text of 1 to 100 characters"),
        ({"serie": 5}, "serie must be a text of 1 to 100 characters"),
        ({"time": "soon"}, "time must be a date or a Unix timestamp"),
        ({"time": True}, "time must be a date or a Unix timestamp"),
        ({"time": -1}, "time must be a date or a Unix timestamp"),
        ({"time": 1e30}, "time must be a date or a Unix timestamp"),
        ({"location": "here"}, "location must be an object with lat and lng, or a GeoJSON Point"),
        ({"location": {"lat": 1}}, "location must have two numbers of degrees"),
        ({"location": {"lat": True, "lng": 1}}, "location must have two numbers of degrees"),
        ({"location": {"coordinates": [1]}}, "location must have two numbers of degrees"),
        (
            {"location": {"lat": 91, "lng": 1}},
            "location must have lat from -90 to 90 and lng from -180 to 180",
        ),
        ({"location": {"type": "Line", "coordinates": [1, 2]}}, "location.type must be Point"),
        ({"metadata": "x"}, "metadata must be an object"),
        ({"metadata": {"x": "y" * 10_240}}, "metadata must have at most 10 kB"),
    ],
)
async def test_what_is_wrong_is_refused_as_a_whole(
    bench: Bench, point: dict[str, Any], message: str
) -> None:
    """One fault keeps out everything that was sent with it, and is told with its place."""
    faulty = {"variable": "x", **point} if point else point

    assert (400, message) == await refusal(await bench.device.post("/data", json=faulty))
    assert (400, f"[1].{message}") == await refusal(
        await bench.device.post("/data", json=[{"variable": "ok"}, faulty])
    )
    assert [] == await bench.read()


async def test_all_faults_are_told_at_once(bench: Bench) -> None:
    """Whoever sends a thousand registers mends them once."""
    sent = [{"value": []}, {"variable": "ok"}, {"variable": "x", "metadata": 1}]
    status, message = await refusal(await bench.device.post("/data", json=sent))

    assert 400 == status
    assert [
        "[0].value must be a text, a number or a boolean",
        "[0].variable is required",
        "[2].metadata must be an object",
    ] == message.split("; ")


async def test_longest_texts_are_taken(bench: Bench) -> None:
    """Each text may be as long as the documentation says."""
    (found,) = await bench.send(
        {"variable": "x" * 100, "value": "v" * 6144, "unit": "u" * 25, "group": "g" * 100}
    )

    assert (100, 6144, 25, 100) == tuple(
        len(found[name]) for name in ("variable", "value", "unit", "group")
    )


async def test_body_has_a_longest_length(bench: Bench) -> None:
    """A body of more than 200 kB is refused before it is read."""
    fitting = orjson.dumps([{"variable": "x", "value": "y" * 90}] * 1700)
    assert 200_000 < len(fitting) < 204_800
    assert "1700 Data Added" == await result(await bench.device.post("/data", data=fitting))
    assert (400, "You have exceeded the maximum limit of Payload (200 kB)") == await refusal(
        await bench.device.post("/data", data=fitting + b" " * 5000)
    )


@pytest.mark.parametrize("raw", [b"5", b"[[]]", b'["x"]', b"null"])
async def test_body_of_another_shape_is_refused(bench: Bench, raw: bytes) -> None:
    """A body is an object or an array of them."""
    for send in (bench.device.post, bench.device.put):
        assert (400, "Body must be an object or an array of objects") == await refusal(
            await send("/data", data=raw)
        )


async def test_mutable_device_holds_fifty_thousand_registers(bench: Bench) -> None:
    """The last request that doesn't fit as a whole is refused as a whole; then comes room again."""
    batch = orjson.dumps([{"variable": "x"}] * 10_000)
    for _ in range(4):
        await bench.device.post("/data", data=batch)
    await bench.device.post("/data", data=orjson.dumps([{"variable": "x"}] * 9_999))
    full = (400, "The device has reached the limit of 50000 data registers")

    assert full == await refusal(
        await bench.device.post("/data", json=[{"variable": "x"}, {"variable": "y"}])
    )
    await result(await bench.device.post("/data", json={"variable": "x"}))
    assert full == await refusal(await bench.device.post("/data", json={"variable": "x"}))
    assert 50_000 == await bench.read("query=count")
    assert "10000 Data Removed" == await result(await bench.device.delete("/data?qty=10000"))
    assert "10000 Data Added" == await result(await bench.device.post("/data", data=batch))


async def test_queries_answer_over_http(bench: Bench) -> None:
    """Registers, a number or intervals come in the envelope; a refusal is one too."""
    await bench.send(
        {"variable": "t", "value": 20, "time": ago(hours=2)},
        {"variable": "t", "value": 30, "time": ago(hours=1)},
    )

    assert 2 == await bench.read("query=count")
    assert 25 == await bench.read("query=avg&start_date=1%20day")
    assert [30] == [point["value"] for point in await bench.read("query=last_item")]
    told = await bench.read("query=aggregate&function=sum&interval=year")
    assert 50 == sum(item["value"] for item in told)
    assert (400, "Invalid query") == await refusal(await bench.device.get("/data?query=mode"))


async def test_sending_is_noted_once_a_minute(bench: Bench) -> None:
    """The first data is the last input; data in the same minute leave it as it is."""
    assert None is (await result(await bench.http.get(f"/device/{bench.id}")))["last_input"]
    await bench.send({"variable": "x"})
    first = (await result(await bench.http.get(f"/device/{bench.id}")))["last_input"]
    await bench.send({"variable": "x"})
    again = (await result(await bench.http.get(f"/device/{bench.id}")))["last_input"]

    assert re.fullmatch(MILLISECONDS, first)
    assert first == again
