"""Data, parameters and chunks over real HTTP, with a service that keeps what it is given."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    BadRequestError,
    ConfigurationParameter,
    DataCreate,
    DataEdit,
    DataQuery,
    DeviceCreate,
    DeviceEdit,
    HardLimits,
    InputError,
    Location,
    NotFoundError,
    TagoDevice,
)
from tagodev.emulator import Emulator, EmulatorOptions
from tests.limits.jumping import in_virtual_time
from tests.support.clients import PLENTY, client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tagodev import DataPoint, DeviceCreated, Tago

START = datetime(2026, 3, 1, tzinfo=UTC)
SINCE = DataQuery(start_date=START, end_date=START + timedelta(days=20), qty=10_000)


@asynccontextmanager
async def a_device(**fields: Any) -> AsyncIterator[tuple[Tago, DeviceCreated]]:
    """Give a client, and a device of its profile."""
    async with Emulator() as emulator, client(emulator.url, token=emulator.token) as tago:
        yield tago, await tago.devices.create(DeviceCreate(name="x", **fields))


def own_client(tago: Tago, device: DeviceCreated, **options: Any) -> TagoDevice:
    """Return the device's own client."""
    return TagoDevice(device.token, api=tago.base_url, **{"plan": PLENTY, **options})


def hourly(number: int, variable: str = "t") -> list[DataCreate]:
    """Return so many registers, one an hour."""
    return [DataCreate(variable, n, time=START + timedelta(hours=n)) for n in range(number)]


def values(points: list[DataPoint]) -> list[Any]:
    """Return the values of registers."""
    return [point.value for point in points]


async def test_what_is_sent_comes_back() -> None:
    """A register with all its fields is read as it was sent; the variable in lower case."""
    register = DataCreate(
        "Temperature",
        21.5,
        unit="°C",
        group="g1",
        time=START,
        location=Location(35.5, -78.25),
        metadata={"color": "blue", "n": [1, None]},
    )
    async with a_device() as (tago, device):
        assert 1 == await tago.data.send(device.device_id, register)
        (point,) = await tago.data.read(device.device_id, DataQuery(details=True))

    assert ("temperature", 21.5, "°C", "g1") == (
        point.variable,
        point.value,
        point.unit,
        point.group,
    )
    assert (START, Location(35.5, -78.25)) == (point.time, point.location)
    assert {"color": "blue", "n": [1, None]} == point.metadata
    assert device.device_id == point.device
    assert point.created_at is not None


async def test_reading() -> None:
    """Conditions, orders and modes mean on the service what they mean here."""
    async with a_device() as (tago, device):
        data, one = tago.data, device.device_id
        await data.send(one, [*hourly(48), *hourly(3, "h")])
        assert 15 == len(await data.read(one))
        assert 51 == len(await data.read(one, SINCE))
        up = DataQuery(variables="t", qty=3, skip=1, ordination="ascending")
        assert [1, 2, 3] == values(await data.read(one, up))
        assert [2, 47] == sorted(values(await data.read(one, mode="last_value")))
        assert [0] == values(await data.read(one, DataQuery(variables="t"), mode="first_item"))
        assert [47] == values(await data.read(one, DataQuery(variables="t"), mode="max"))
        assert [] == await data.read(one, mode="last_location")
        day = DataQuery(variables="t", end_date="2026-03-01", qty=100)
        assert 24 == len(await data.read(one, day))
        some = [point.id for point in await data.read(one, DataQuery(qty=20))]
        assert set(some) == {point.id for point in await data.read(one, DataQuery(ids=some))}


async def test_numbers_and_intervals() -> None:
    """What the service adds up is what was sent."""
    async with a_device() as (tago, device):
        data, one = tago.data, device.device_id
        await data.send(one, hourly(48))
        span = DataQuery(variables="t", start_date=START, end_date="2026-03-05", qty=100)
        assert 48 == await data.count(one)
        assert sum(range(48)) == await data.sum(one, span)
        assert 23.5 == await data.avg(one, span)
        assert [46, 47] == sorted(values(await data.conditional(one, "gt", 45, span)))
        days = await data.aggregate(one, "max", "day", span)

    assert {START: 23, START + timedelta(days=1): 47} == {day.time: day.value for day in days}


@pytest.mark.parametrize("ordination", ["ascending", "descending"])
async def test_streams(ordination: str) -> None:
    """Every register once, though the service counts a page's registers for each variable."""
    registers = [
        DataCreate(name, n, time=START + timedelta(minutes=n // 7))
        for name, number in (("a", 90), ("b", 3), ("c", 20))
        for n in range(number)
    ]
    async with a_device() as (tago, device):
        await tago.data.send(device.device_id, registers)
        for variables in (["a", "b", "c"], ["a"], None):
            query = DataQuery(ordination=ordination)
            if variables is not None:
                query = DataQuery(ordination=ordination, variables=variables)
            stream = tago.data.stream(device.device_id, query, page_size=10)
            points = [point async for point in stream]
            wanted = [one for one in registers if variables is None or one.variable in variables]
            assert len(wanted) == len(points) == len({point.id for point in points})


async def test_edit_and_delete() -> None:
    """What is changed is read changed, and what is deleted is gone."""
    async with a_device() as (tago, device):
        data, one = tago.data, device.device_id
        await data.send(one, hourly(60))
        points = await data.read(one, SINCE)
        changes = [DataEdit(point.id, "new", unit="m") for point in points]
        assert 60 == await data.edit(one, changes)
        assert {("new", "m")} == {(point.value, point.unit) for point in await data.read(one)}
        assert 1 == await data.delete(one, DataQuery(variables="t"), mode="last_item")
        assert 20 == await data.delete(one, DataQuery(ids=[point.id for point in points[30:50]]))
        assert 30 == await data.delete(one, DataQuery(qty=30))
        assert 9 == await data.count(one)


async def test_sending_with_a_profiles_token_finds_its_way() -> None:
    """The service refuses it by id; of the device's tokens one is found, by one listing."""
    async with Emulator() as emulator, client(emulator.url, token=emulator.token) as tago:
        devices = [await tago.devices.create(DeviceCreate(name=f"{n}")) for n in range(3)]
        for device in devices:
            assert 2500 == await tago.data.send(device.device_id, hourly(2500))
            assert 2500 == await tago.data.count(device.device_id)
        assert 1 == await tago.data.send(
            devices[0].device_id, DataCreate("t"), token=devices[0].token
        )
        used = {state.route: state.used for state in tago.limits.snapshot()}

    # One refusal in all, three requests a device, and one with the token that was given.
    assert (1 + 3 * 3 + 1, 3) == (used["POST /data"], used["GET /device/token/:device_id"])


async def test_an_analysis_may_send_by_id() -> None:
    """Where the route by id is open, no token of the device is asked for."""
    async with Emulator() as emulator, client(emulator.url, token=emulator.token) as tago:
        device = await tago.devices.create(DeviceCreate(name="x"))
        analysis = emulator.tokens_by_kind["analysis"]
        async with client(emulator.url, token=analysis) as analyst:
            assert 3 == await analyst.data.send(device.device_id, hourly(3))
            used = {state.route: state.used for state in analyst.limits.snapshot()}

    assert {"POST /data": 1} == used


@pytest.mark.parametrize(
    ("side", "left"), [(None, []), ("mutable", ["t"]), ("immutable", ["cfg_rate"])]
)
async def test_a_hybrid_device_is_emptied_by_its_sides(side: Any, left: list[str]) -> None:
    """What can be changed goes, or what lies in chunks, or both."""
    hybrid = {"type": "hybrid", "chunk_period": "day", "chunk_retention": 3}
    async with a_device(**hybrid, mutable_variable_regex="^cfg_") as (tago, device):
        both = [DataCreate("t", 1), DataCreate("cfg_rate", 2)]
        await tago.data.send(device.device_id, both, token=device.token)
        await tago.devices.empty(device.device_id, side=side)

        assert left == [point.variable for point in await tago.data.read(device.device_id)]
        with pytest.raises(InputError, match="must be one of mutable, immutable"):
            await tago.devices.empty(device.device_id, side="hybrid")  # type: ignore[arg-type]


async def test_a_devices_own_client() -> None:
    """With its own token a device sends, reads, and marks its parameters."""
    async with a_device() as (tago, device), own_client(tago, device) as own:
        assert device.device_id == (await own.info()).id
        assert 3 == await own.data.send(hourly(3))
        assert 3 == await own.data.count()
        assert [2, 1, 0] == values([point async for point in own.data.stream(page_size=2)])
        assert 2 == await own.data.delete(DataQuery(qty=2))
        await tago.parameters.set(device.device_id, [ConfigurationParameter("rate", 600)])
        (parameter,) = await own.parameters.list(sent=False)
        assert isinstance(parameter.id, str)
        await own.parameters.mark_read(parameter.id)
        assert [] == await own.parameters.list(sent=False)
        assert ["600"] == [one.value for one in await tago.parameters.list(device.device_id, True)]


async def test_a_device_that_is_not_active() -> None:
    """The service's refusal comes through whichever way data was to be sent."""
    async with a_device() as (tago, device), own_client(tago, device) as own:
        await tago.devices.edit(device.device_id, DeviceEdit(active=False))
        with pytest.raises(BadRequestError, match="deactivated"):
            await own.data.send(hourly(1))
        with pytest.raises(BadRequestError, match="deactivated"):
            await tago.data.send(device.device_id, hourly(1))


async def test_parameters() -> None:
    """Set twice, a key stands there once, with its last value and its first id."""
    async with a_device() as (tago, device):
        parameters, one = tago.parameters, device.device_id
        await parameters.set(one, [ConfigurationParameter(f"k{n}", n) for n in range(60)])
        before = {item.key: item.id for item in await parameters.list(one)}
        await parameters.set(one, [ConfigurationParameter(f"k{n}", -n) for n in range(60)])
        after = await parameters.list(one)
        assert before == {item.key: item.id for item in after}
        assert {f"k{n}": str(-n) for n in range(60)} == {item.key: item.value for item in after}
        first = before["k0"]
        assert isinstance(first, str)
        await parameters.remove(one, first)
        assert 59 == len(await parameters.list(one))
        with pytest.raises(NotFoundError):
            await parameters.remove(one, first)


async def test_chunks() -> None:
    """An immutable device's data lies in chunks, which are exported and deleted whole."""
    now = datetime.now(UTC)
    fields = {"type": "immutable", "chunk_period": "day", "chunk_retention": 5}
    async with a_device(**fields) as (tago, device):
        one = device.device_id
        await tago.data.send(
            one, [DataCreate("t", n, time=now - timedelta(days=n)) for n in range(3)]
        )
        chunks = await tago.chunks.list(one)
        assert 3 == len(chunks)
        assert all(chunk.from_date < chunk.to_date for chunk in chunks)
        oldest = min(chunks, key=lambda chunk: chunk.from_date)
        backup = await tago.chunks.backup(one, oldest.id, "/device/$DEVICE$/$FROM$_$TO$")
        assert f"device/{one}/" in backup.file_address
        await tago.chunks.delete(one, oldest.id)
        assert 2 == len(await tago.chunks.list(one)) == await tago.data.count(one)
        with pytest.raises(BadRequestError):
            await tago.data.edit(one, DataEdit("a" * 24, 1))


async def test_exports() -> None:
    """An export is scheduled, and its path is returned."""
    async with a_device() as (tago, device):
        await tago.data.send(device.device_id, hourly(3))
        backup = await tago.data.backup(device.device_id, "/device/$DEVICE$")

    assert f"device/{device.device_id}.csv" == backup.file_address


@in_virtual_time
async def test_intervals_keep_both_of_their_limits() -> None:
    """They take from their own counter and from that of reading, and neither is exceeded."""
    options = EmulatorOptions(plan="free")
    plan = HardLimits.for_plan("free")
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token, plan=plan) as tago,
    ):
        device = await tago.devices.create(DeviceCreate(name="x"))
        async with own_client(tago, device, plan=plan) as own:
            for _ in range(12):
                await own.data.aggregate("avg", "day")
        routes = emulator.stats()["routes"]

    for name in ("GET /data?query=aggregate", "GET /data"):
        assert (12, 0) == (routes[name]["accepted"], routes[name]["rejected"])
