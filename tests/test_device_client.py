"""The client of a device's own token: what it sends, and what it makes of the answer."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tagodev import (
    ConfigurationError,
    ConfigurationParameter,
    DataCreate,
    DataEdit,
    DataQuery,
    MalformedAnswerError,
    PermissionDeniedError,
    ServerError,
    TagoDevice,
)
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, NO_WAIT, PLENTY
from tests.support.leaks import assert_quiet
from tests.support.servers import Received, ScriptedServer, in_turn

TOKEN = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
PARAM_ID = "62ab8294c1ac39001361e11b"
INFO = {
    "id": DEVICE_ID,
    "name": "Cold room 3",
    "active": True,
    "tags": [{"key": "site", "value": "7"}],
    "bucket": {"id": DEVICE_ID, "name": "Cold room 3"},
    "created_at": "2026-03-01T12:30:00.250Z",
    "last_input": None,
    "firmware": "1.2",
}
POINT = {"id": "a", "variable": "t", "time": "2026-03-01T12:30:00.250Z"}


def device_client(url: str, **options: Any) -> TagoDevice:
    """Return a device's client that is not slowed by limits or by waits."""
    token = options.pop("token", TOKEN)
    return TagoDevice(token, api=url, **{"plan": PLENTY, "retry": NO_WAIT, **options})


def seen(server: ScriptedServer) -> list[str]:
    """Return method and path of each request."""
    return [f"{one.method} {urlsplit(one.target).path}" for one in server.received]


async def test_info() -> None:
    """A device's own token returns its device."""
    async with ScriptedServer(in_turn(ok(INFO))) as server, device_client(server.url) as device:
        info = await device.info()

    assert ["GET /info"] == server.seen()
    assert TOKEN == server.received[0].headers["authorization"]
    assert (DEVICE_ID, "Cold room 3", True) == (info.id, info.name, info.active)
    assert datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC) == info.created_at
    assert {"firmware": "1.2"} == info.extra


async def test_info_of_another_kind_of_token() -> None:
    """A profile's token is not a device's."""
    async with (
        ScriptedServer(in_turn(ok({"name": "x", "type": "profile"}))) as server,
        device_client(server.url) as device,
    ):
        with pytest.raises(MalformedAnswerError, match="id"):
            await device.info()


async def test_data_is_reached_by_the_devices_own_routes() -> None:
    """The same calls as by id, without the id."""

    def script(request: Received) -> bytes:
        target = request.target
        if "aggregate" in target:
            return ok([{"time": POINT["time"], "value": 5}])
        if any(mode in target for mode in ("count", "avg", "sum")):
            return ok(5)
        return ok([POINT] if request.method == "GET" else "1 Data Added")

    dated = DataQuery(start_date="1 day")
    async with ScriptedServer(script) as server, device_client(server.url) as device:
        data = device.data
        assert ["a"] == [point.id for point in await data.read(DataQuery(qty=1))]
        assert ["a"] == [point.id for point in await data.read(mode="last_item")]
        assert ["a"] == [point.id for point in await data.conditional("gt", 5, dated)]
        assert ["a"] == [point.id async for point in data.stream()]
        assert [5] == [point.value for point in await data.aggregate("max", "hour")]
        assert 5 == await data.count()
        assert 5 == await data.avg(dated)
        assert 5 == await data.sum(dated)
        assert 1 == await data.send(DataCreate("t", 1))
        assert 1 == await data.edit(DataEdit("a", 1))
        assert 1 == await data.delete(DataQuery(ids="a"))
        used = {state.route: state.used for state in device.limits.snapshot()}

    assert ["GET /data"] * 8 + ["POST /data", "PUT /data", "DELETE /data"] == seen(server)
    assert {TOKEN} == {request.headers["authorization"] for request in server.received}
    expected = {"GET /data": 8, "GET /data?query=aggregate": 1}
    assert {**expected, "POST /data": 1, "PUT /data": 1, "DELETE /data": 1} == used


async def test_a_token_that_may_not_write() -> None:
    """A device's client knows no other token: the refusal is reported, once."""
    refusal = refused(403, f"Not with {TOKEN}")
    async with ScriptedServer(in_turn(refusal)) as server, device_client(server.url) as device:
        with pytest.raises(PermissionDeniedError) as caught:
            await device.data.send(DataCreate("t", 1))

    assert ["POST /data"] == server.seen()
    assert_quiet(caught.value, TOKEN)


async def test_sending_is_never_repeated() -> None:
    """A lost answer leaves the registers in doubt: sent again, they might be kept twice."""
    async with ScriptedServer(in_turn(http(502))) as server, device_client(server.url) as device:
        with pytest.raises(ServerError) as caught:
            await device.data.send(DataCreate("t", 1))

    assert 1 == len(server.received)
    assert caught.value.may_have_acted


@pytest.mark.parametrize(
    ("query", "sent"), [("", None), ("?sent_status=true", True), ("?sent_status=false", False)]
)
async def test_parameters(query: str, sent: bool | None) -> None:
    """All, or those that are marked as read, or are not."""
    answer = ok([{"id": PARAM_ID, "key": "rate", "value": "600", "sent": False}])
    async with ScriptedServer(in_turn(answer)) as server, device_client(server.url) as device:
        parameters = await device.parameters.list(sent)

    assert [f"GET /device/params{query}"] == server.seen()
    assert [ConfigurationParameter("rate", "600", id=PARAM_ID)] == parameters


async def test_mark_read() -> None:
    """A parameter is marked by its id; what the service says to it does not matter."""
    answer = ok("Params Successfully Updated")
    async with ScriptedServer(in_turn(answer)) as server, device_client(server.url) as device:
        await device.parameters.mark_read(PARAM_ID)

    assert [f"PUT /device/params/{PARAM_ID}"] == server.seen()
    assert {"sent": True} == orjson.loads(server.received[0].body)


async def test_the_plan_is_not_asked_for() -> None:
    """A device's token may not: without a name the narrowest limits hold, with a warning."""
    async with ScriptedServer(in_turn(ok(INFO))) as server:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            async with device_client(server.url, plan="auto") as device:
                await device.info()
                assert "free" == device.limits.documented.name
    (warning,) = caught

    assert "set plan=" in str(warning.message)
    assert ["GET /info"] == server.seen()


def test_a_device_needs_a_token() -> None:
    """Without one it says where one may come from."""
    with pytest.raises(ConfigurationError, match="TAGOIO_TOKEN"):
        TagoDevice(plan="free")
