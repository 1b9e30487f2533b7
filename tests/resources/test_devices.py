"""Devices: what each call sends, and what it makes of the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tagodev import (
    Bucket,
    ConfigurationParameter,
    DeviceCreate,
    DeviceEdit,
    DeviceFilter,
    InputError,
    MalformedAnswerError,
    Tag,
)
from tests.support.answers import created, ok
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import ScriptedServer, in_turn

WIRE = {
    "id": DEVICE_ID,
    "name": "Cold room 3",
    "profile": "5bbd0d144051a50034cd19aa",
    "tags": [{"key": "site", "value": "7"}],
    "bucket": {"id": DEVICE_ID, "name": "Cold room 3"},
    "active": True,
    "visible": False,
    "created_at": "2026-03-01T12:30:00.250Z",
    "last_input": "never",
    "chunk_retention": None,
    "rssi": -71,
}


def query(target: str) -> dict[str, str]:
    """Return the parameters of a request's target."""
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


async def test_create() -> None:
    """A creation sends what was given and gives id, bucket and token."""
    device = DeviceCreate(
        name="Käse",
        tags=[Tag("site", "7")],
        configuration_params=[ConfigurationParameter("rate", 600)],
        active=False,
    )
    async with (
        ScriptedServer(in_turn(created(7, TOKEN))) as server,
        client(server.url) as tago,
    ):
        result = await tago.devices.create(device)

    assert ["POST /device"] == server.seen()
    assert {
        "name": "Käse",
        "network": "5bbd0d144051a50034cd19fb",
        "connector": "5f5a8f3351d4db99c40dece5",
        "type": "mutable",
        "active": False,
        "tags": [{"key": "site", "value": "7"}],
        "configuration_params": [{"key": "rate", "value": "600", "sent": False}],
    } == orjson.loads(server.received[0].body)
    assert (f"{7:024x}", f"{7:024x}") == (result.device_id, result.bucket_id)
    assert TOKEN == result.token.reveal()


async def test_info() -> None:
    """A device is read with everything that the service says of it."""
    async with ScriptedServer(in_turn(ok(WIRE))) as server, client(server.url) as tago:
        device = await tago.devices.info(DEVICE_ID)

    assert [f"GET /device/{DEVICE_ID}"] == server.seen()
    assert (DEVICE_ID, "Cold room 3") == (device.id, device.name)
    assert (True, False, None) == (device.active, device.visible, device.description)
    assert (Tag("site", "7"),) == device.tags
    assert Bucket(DEVICE_ID, "Cold room 3") == device.bucket
    assert datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC) == device.created_at
    assert device.last_input is None
    assert {"rssi": -71} == device.extra


async def test_list_sends_what_it_asks_for() -> None:
    """Page, size, fields, order and filter go into the query as the service reads them."""
    condition = DeviceFilter(name="Cold*", active=True, tags=[Tag("site", "7")])
    async with ScriptedServer(in_turn(ok([WIRE]))) as server, client(server.url) as tago:
        devices = await tago.devices.list(
            filter=condition, fields=["id", "name", "tags"], order_by="created_at,desc"
        ).collect()
    expected = {
        "page": "1",
        "amount": "1000",
        "fields[0]": "id",
        "fields[1]": "name",
        "fields[2]": "tags",
        "filter[name]": "Cold*",
        "filter[active]": "true",
        "filter[tags][0][key]": "site",
        "filter[tags][0][value]": "7",
        "orderBy": "created_at,desc",
    }

    assert [DEVICE_ID] == [device.id for device in devices]
    assert expected == query(server.received[0].target)


async def test_list_without_a_filter_has_none() -> None:
    """Nothing is asked for that was not said."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        assert [] == [device async for device in tago.devices.list()]

    assert not any("filter" in name for name in query(server.received[0].target))


async def test_list_always_asks_for_id_and_name() -> None:
    """A device without them is none, so a list of tags alone names them too, and once."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.devices.list(fields=["tags", "name"]).collect()
    asked = query(server.received[0].target)

    assert ["id", "name", "tags"] == [asked[f"fields[{n}]"] for n in range(3)]
    assert "fields[3]" not in asked


async def test_list_pages() -> None:
    """A full page is followed by the next one, a short one is the last."""

    def script(request: Any) -> bytes:
        page = int(query(request.target)["page"])
        return ok([{"id": f"{page}{n}", "name": "x"} for n in range(2 if page < 3 else 1)])

    async with ScriptedServer(script) as server, client(server.url) as tago:
        devices = await tago.devices.list(page_size=2).collect()

    assert ["10", "11", "20", "21", "30"] == [device.id for device in devices]
    assert ["1", "2", "3"] == [query(request.target)["page"] for request in server.received]


async def test_list_of_too_many_fields_is_refused() -> None:
    """More than the service reads is refused before anything is sent."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.devices.list(fields=[f"f{n}" for n in range(21)]).collect()

    assert "fields" == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize("result", [{}, "", None, 5, {"devices": []}, [5], [{}], [None]])
async def test_list_that_is_none_is_malformed(result: object) -> None:
    """An answer that is no list of devices is not taken for "there are none"."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError) as caught:
            await tago.devices.list().collect()

    assert "GET /device" == caught.value.route


async def test_edit_sends_only_what_changes() -> None:
    """Fields that were not given stay out of the body; None is null."""
    async with (
        ScriptedServer(in_turn(ok("Successfully Updated"))) as server,
        client(server.url) as tago,
    ):
        await tago.devices.edit(DEVICE_ID, DeviceEdit(active=False, description=None))

    assert [f"PUT /device/{DEVICE_ID}"] == server.seen()
    assert {"active": False, "description": None} == orjson.loads(server.received[0].body)


async def test_delete() -> None:
    """A deletion has no body, and its result does not matter."""
    async with (
        ScriptedServer(in_turn(ok("Successfully Removed"))) as server,
        client(server.url) as tago,
    ):
        await tago.devices.delete(DEVICE_ID)

    assert [f"DELETE /device/{DEVICE_ID}"] == server.seen()
    assert b"" == server.received[0].body


@pytest.mark.parametrize(
    "device_id", ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a b", "ä", "x" * 129, None, 5]
)
async def test_id_that_would_lead_elsewhere_is_refused(device_id: Any) -> None:
    """No id makes another route of it, and it is not repeated: it may be a stray token."""
    async with ScriptedServer(in_turn(ok({}))) as server, client(server.url) as tago:
        for call in (
            tago.devices.info(device_id),
            tago.devices.delete(device_id),
            tago.devices.edit(device_id, DeviceEdit(active=True)),
        ):
            with pytest.raises(InputError) as caught:
                await call
            assert "device_id" == caught.value.path

    assert [] == server.received


async def test_device_that_json_can_not_say_is_refused() -> None:
    """What has no form in JSON is refused before anything is sent."""
    async with ScriptedServer(in_turn(created(1))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.devices.create(DeviceCreate(name="half \ud800"))
        with pytest.raises(InputError):
            await tago.devices.list(filter=DeviceFilter(name="half \ud800")).collect()

    assert_quiet(caught.value, TOKEN)
    assert [] == server.received
