"""The emulator's routes of a device's storage: amount, emptying, converting, statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.service import Service
from tagodev.emulator._model.time import ServerClock
from tests.emulator.support import create, refusal, result

if TYPE_CHECKING:
    from aiohttp import ClientSession

IMMUTABLE = {"type": "immutable", "chunk_period": "month", "chunk_retention": 2}
HYBRID = {**IMMUTABLE, "type": "hybrid", "mutable_variable_regex": "^set"}


async def send(http: ClientSession, created: dict[str, str], *variables: str) -> None:
    """Send a register of each of these variables."""
    points = [{"variable": variable} for variable in variables]
    await result(await http.post("/data", json=points, headers={"token": created["token"]}))


async def amount(http: ClientSession, created: dict[str, str]) -> int:
    """Return how many registers a device has."""
    found: int = await result(await http.get(f"/device/{created['device_id']}/data_amount"))
    return found


@pytest.mark.parametrize("path", ["data_amount", "empty", "convert", "statistics"])
async def test_unknown_device_has_no_storage(http: ClientSession, path: str) -> None:
    """Every route by id is 404 for an id that no device has."""
    method = "GET" if path in {"data_amount", "statistics"} else "POST"
    response = await http.request(method, f"/device/{'0' * 24}/{path}")

    assert (404, "Device Not Found") == await refusal(response)


@pytest.mark.parametrize("fields", [{}, IMMUTABLE, HYBRID])
async def test_device_is_emptied(http: ClientSession, fields: dict[str, Any]) -> None:
    """Whatever the type, an amount is told, and nothing is left."""
    created = await create(http, **fields)
    assert 0 == await amount(http, created)
    await send(http, created, "a", "setpoint", "a")
    assert 3 == await amount(http, created)

    answer = await http.post(f"/device/{created['device_id']}/empty")
    assert "Data Successfully Removed" == await result(answer)
    assert 0 == await amount(http, created)


@pytest.mark.parametrize(("side", "left"), [("mutable", 2), ("immutable", 1), (None, 0)])
async def test_one_side_of_a_hybrid_device_is_emptied(
    http: ClientSession, side: str | None, left: int
) -> None:
    """The other side stays as it is."""
    created = await create(http, **HYBRID)
    await send(http, created, "a", "setpoint", "b")
    path = f"/device/{created['device_id']}/empty"

    assert (400, "route must be one of mutable, immutable") == await refusal(
        await http.post(path, json={"route": "both"})
    )
    await result(await http.post(path, json={"route": side}))
    assert left == await amount(http, created)


async def test_other_devices_have_one_side(http: ClientSession) -> None:
    """A mutable device is emptied whichever side is named."""
    created = await create(http)
    await send(http, created, "a")
    await result(
        await http.post(f"/device/{created['device_id']}/empty", json={"route": "immutable"})
    )

    assert 0 == await amount(http, created)


async def test_device_is_converted_once_empty_and_inactive(http: ClientSession) -> None:
    """First it must be disabled, then empty; its token stays."""
    created = await create(http)
    await send(http, created, "a")
    path = f"/device/{created['device_id']}"
    body = {"type": "immutable", "chunk_period": "week", "chunk_retention": 4}

    assert (400, "The device must be disabled before being converted") == await refusal(
        await http.post(f"{path}/convert", json=body)
    )
    await http.put(path, json={"active": False})
    assert (400, "The device must be empty before being converted") == await refusal(
        await http.post(f"{path}/convert", json=body)
    )
    await http.post(f"{path}/empty")
    assert "Device type/chunk was converted" == await result(
        await http.post(f"{path}/convert", json=body)
    )
    info = await result(await http.get(path))
    assert body == {name: info[name] for name in body}
    assert info["updated_at"] > info["created_at"]
    await http.put(path, json={"active": True})
    await send(http, created, "a")


async def test_conversion_drops_what_the_new_type_has_not(http: ClientSession) -> None:
    """A mutable device has no chunks, and only a hybrid one an expression."""
    path = f"/device/{(await create(http, **HYBRID, active=False))['device_id']}"

    await result(await http.post(f"{path}/convert", json={**IMMUTABLE, "chunk_period": "day"}))
    info = await result(await http.get(path))
    assert ("immutable", "day") == (info["type"], info["chunk_period"])
    assert "mutable_variable_regex" not in info
    await result(await http.post(f"{path}/convert", json={"type": "mutable"}))
    info = await result(await http.get(path))
    assert "mutable" == info["type"]
    assert not {"chunk_period", "chunk_retention"} & set(info)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "type is required"),
        ({"type": "solid"}, "type must be one of mutable, immutable, hybrid, legacy"),
        ({"type": "legacy"}, "type legacy is only for a profile that still has a legacy device"),
        (
            {"type": "immutable", "chunk_period": "day"},
            "chunk_retention is required for type immutable",
        ),
        (
            {**IMMUTABLE, "chunk_retention": 37},
            "chunk_retention must be from 0 to 36 for a chunk_period of month",
        ),
        (
            {**HYBRID, "mutable_variable_regex": "("},
            "mutable_variable_regex must be a regular expression",
        ),
    ],
)
async def test_senseless_conversion_is_refused(
    http: ClientSession, body: dict[str, Any], message: str
) -> None:
    """The same holds as for a new device."""
    path = f"/device/{(await create(http, active=False))['device_id']}/convert"

    assert (400, message) == await refusal(await http.post(path, json=body))


async def test_expression_is_edited_while_there_is_no_data(http: ClientSession) -> None:
    """It decides where data lies; one that finds every variable would make no hybrid device."""
    created = await create(http, **HYBRID)
    path = f"/device/{created['device_id']}"

    for regex in ("", ".*", "x?"):
        assert (400, "mutable_variable_regex must not match every variable") == await refusal(
            await http.put(path, json={"mutable_variable_regex": regex})
        )
    await result(await http.put(path, json={"mutable_variable_regex": "^conf"}))
    await send(http, created, "a")
    await result(await http.put(path, json={"mutable_variable_regex": "^conf"}))
    assert (400, "mutable_variable_regex can't be edited while the device has data") == (
        await refusal(await http.put(path, json={"mutable_variable_regex": "^set"}))
    )
    assert "^conf" == (await result(await http.get(path)))["mutable_variable_regex"]


# --- statistics --------------------------------------------------------------------------------


class Life:
    """A device whose clock is set by hand.

    Args:
        born: when it was created.
    """

    def __init__(self, born: str) -> None:
        self.moment = 0.0
        self.set(born)
        self.service = Service(EmulatorOptions(), ServerClock(0.0, lambda: self.moment))
        created = self.ask("POST", "/device", {"name": "d"}, self.service.token)
        self.token, self.path = created["token"], f"/device/{created['device_id']}"

    def set(self, date: str) -> None:
        """Set the clock to a moment in UTC."""
        self.moment = datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()

    def ask(self, method: str, target: str, body: Any = None, token: str | None = None) -> Any:
        """Send a request and return its result."""
        admitted = self.service.admit(method, target, {"token": token or self.token})
        return self.service.answer(admitted, b"" if body is None else orjson.dumps(body))

    def send(self, count: int) -> None:
        """Send registers."""
        self.ask("POST", "/data", [{"variable": "x"}] * count)

    def statistics(self, query: str = "") -> list[tuple[str, int | None, int | None]]:
        """Return time, input and output of each item."""
        told = self.ask("GET", f"{self.path}/statistics?{query}", None, self.service.token)
        assert all({"time", "device_input", "device_output"} >= set(item) for item in told)
        return [
            (item["time"][:16], item.get("device_input"), item.get("device_output"))
            for item in told
        ]


def test_statistics_add_up_over_a_month() -> None:
    """Each hour tells what came and went since the month began; the first item is of now."""
    life = Life("2024-08-15T10:30:00")
    life.send(3)
    life.set("2024-08-15T11:10:00")
    life.ask("GET", "/data?qty=2")
    life.ask("GET", "/data?query=count")
    life.set("2024-08-15T12:45:00")
    life.send(1)

    assert [
        ("2024-08-15T12:45", 4, 2),
        ("2024-08-15T11:00", 3, 2),
        ("2024-08-15T10:00", 3, None),
    ] == life.statistics()
    assert [("2024-08-15T12:45", 4, 2)] == life.statistics("periodicity=day")
    assert [("2024-08-15T10:00", 3, None)] == life.statistics(
        "start_date=2024-08-15T10:00&end_date=2024-08-15T10:59"
    )
    assert [("2024-08-15T10:00", 3, None)] == life.statistics(
        "start_date=2024-08-15T12:00&end_date=2024-08-15T12:59&timezone=Europe/Berlin"
    )


def test_statistics_begin_anew_with_each_month() -> None:
    """A month tells what it came to; what is not over tells what it has come to."""
    life = Life("2024-07-30T10:00:00")
    life.send(5)
    life.set("2024-08-02T10:00:00")

    assert [("2024-08-02T10:00", None, None), ("2024-07-01T00:00", 5, None)] == life.statistics(
        "periodicity=month"
    )
    assert [None, None, 5, 5] == [sent for _, sent, _ in life.statistics("periodicity=day")]
    assert 24 + 1 == len(life.statistics())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("periodicity=week", "periodicity must be one of hour, day, month"),
        ("start_date=soon", "Invalid start date"),
        ("timezone=Mars/Olympus", "Invalid timezone"),
        (
            "start_date=2024-08-02&end_date=2024-08-01",
            "end_date must not be before start_date",
        ),
        (
            "start_date=2024-06-01&end_date=2024-07-15",
            "The maximum range for hour is 1 month between start_date and end_date",
        ),
        (
            "periodicity=day&start_date=2024-01-01&end_date=2024-07-15",
            "The maximum range for day is 3 months between start_date and end_date",
        ),
    ],
)
def test_senseless_statistics_are_refused(query: str, message: str) -> None:
    """How far statistics reach goes by how far apart they are."""
    with pytest.raises(RefusedError) as caught:
        Life("2024-08-15T10:30:00").statistics(query)

    assert (400, message) == (caught.value.status, caught.value.message)


def test_one_end_of_a_span_is_none() -> None:
    """With only one of its dates the usual span is told."""
    life = Life("2024-08-01T00:30:00")
    life.set("2024-08-15T12:45:00")

    assert 25 == len(life.statistics("start_date=2024-08-01"))
    assert 15 == len(life.statistics("start_date=2024-08-01&end_date=2024-08-15&periodicity=day"))
