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
    DeviceConvert,
    DeviceCreate,
    DeviceEdit,
    DeviceFilter,
    DeviceStatistic,
    InputError,
    MalformedAnswerError,
    NotFoundError,
    SoftLimits,
    Tag,
    TagFilter,
)
from tests.support.answers import created, ok, refused
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
    "rpm": {"data_input": 20},
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
    assert SoftLimits(data_input=20) == device.rpm
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


async def test_list_sends_every_filter() -> None:
    """Each condition is written as the service reads it, a tag's key alone too."""
    condition = DeviceFilter(
        id=DEVICE_ID,
        visible=False,
        type="mutable",
        network="n",
        connector="c",
        profile="p",
        tags=[TagFilter("site"), TagFilter(value="7"), Tag("room", "")],
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        updated_at="1 day",
        last_input="2 hours",
    )
    expected = {
        "id": DEVICE_ID,
        "visible": "false",
        "type": "mutable",
        "network": "n",
        "connector": "c",
        "profile": "p",
        "tags][0][key": "site",
        "tags][1][value": "7",
        "tags][2][key": "room",
        "tags][2][value": "",
        "created_at": "2026-03-01T00:00:00.000Z",
        "updated_at": "1 day",
        "last_input": "2 hours",
    }
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.devices.list(filter=condition).collect()
    asked = query(server.received[0].target)

    assert {f"filter[{name}]": value for name, value in expected.items()} == {
        name: value for name, value in asked.items() if name.startswith("filter")
    }


async def test_list_may_resolve_names_and_look_for_a_serial() -> None:
    """What stands beside the filter is sent where it is asked for, and gives names."""
    resolved = {
        **WIRE,
        "bucket": DEVICE_ID,
        "bucket_name": "B",
        "connector_name": "C",
        "network_name": "N",
    }
    async with (
        ScriptedServer(in_turn(ok([resolved]), ok([]))) as server,
        client(server.url) as tago,
    ):
        (device,) = await tago.devices.list(
            serial="0886AB56", resolve_bucket_name=True, resolve_connector_name=True
        ).collect()
        await tago.devices.list().collect()
    asked, plain = (query(request.target) for request in server.received)

    assert ("B", "C", "N") == (device.bucket_name, device.connector_name, device.network_name)
    assert Bucket(DEVICE_ID) == device.bucket
    assert ("0886AB56", "true", "true") == (
        asked["serial"],
        asked["resolveBucketName"],
        asked["resolveConnectorName"],
    )
    assert not {"serial", "resolveBucketName", "resolveConnectorName"} & plain.keys()


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("order_by", {"order_by": "name,ASC"}),
        ("fields", {"fields": "name"}),
        ("page_size", {"page_size": 0}),
    ],
)
async def test_list_that_would_be_misread_is_refused_at_once(
    path: str, options: dict[str, Any]
) -> None:
    """What is wrong with a list is reported where it is asked for, not where it is read."""
    async with client("http://127.0.0.1:1") as tago:
        with pytest.raises(InputError) as caught:
            tago.devices.list(**options)

    assert path == caught.value.path


async def test_list_survives_what_is_stored_wrongly() -> None:
    """A device with null for its tags, or a tag without a key, is listed with the others."""
    wrong = [{**WIRE, "tags": None}, {**WIRE, "id": "b", "tags": [{"key": "", "value": "x"}]}]
    async with ScriptedServer(in_turn(ok(wrong))) as server, client(server.url) as tago:
        devices = await tago.devices.list().collect()

    assert [(), (Tag("", "x"),)] == [device.tags for device in devices]


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


@pytest.mark.parametrize("result", [{}, "", None, 5, {"devices": []}])
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


async def test_amount() -> None:
    """How much a device keeps is a bare number."""
    async with ScriptedServer(in_turn(ok(529))) as server, client(server.url) as tago:
        assert 529 == await tago.devices.amount(DEVICE_ID)

    assert [f"GET /device/{DEVICE_ID}/data_amount"] == server.seen()


@pytest.mark.parametrize("result", ["many", None, [], {}, True, 5.5])
async def test_amount_that_is_none_is_malformed(result: object) -> None:
    """What does not say a whole number is not made into one."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError):
            await tago.devices.amount(DEVICE_ID)


async def test_empty() -> None:
    """Emptying a device has no body, and its result does not matter."""
    async with (
        ScriptedServer(in_turn(ok("Data Successfully Removed"))) as server,
        client(server.url) as tago,
    ):
        await tago.devices.empty(DEVICE_ID)

    assert [f"POST /device/{DEVICE_ID}/empty"] == server.seen()
    assert b"" == server.received[0].body


async def test_convert() -> None:
    """A conversion says what the device is to become."""
    conversion = DeviceConvert("immutable", chunk_period="quarter", chunk_retention=4)
    async with (
        ScriptedServer(in_turn(ok("Device type/chunk was converted"))) as server,
        client(server.url) as tago,
    ):
        await tago.devices.convert(DEVICE_ID, conversion)

    assert [f"POST /device/{DEVICE_ID}/convert"] == server.seen()
    assert {
        "type": "immutable",
        "chunk_period": "quarter",
        "chunk_retention": 4,
    } == orjson.loads(server.received[0].body)


async def test_statistics() -> None:
    """Traffic is asked for by span and period, and read as it is."""
    point = {"time": "2026-03-01T00:00:00.000Z", "device_input": 12, "mood": "good"}
    async with ScriptedServer(in_turn(ok([point]), ok([]))) as server, client(server.url) as tago:
        (read,) = await tago.devices.statistics(
            DEVICE_ID,
            start=datetime(2026, 3, 1, tzinfo=UTC),
            end="2026-03-02",
            periodicity="day",
            timezone="America/Sao_Paulo",
        )
        assert [] == await tago.devices.statistics(DEVICE_ID)

    assert read == DeviceStatistic(
        time=datetime(2026, 3, 1, tzinfo=UTC), device_input=12, extra={"mood": "good"}
    )
    assert {
        "start_date": "2026-03-01T00:00:00.000Z",
        "end_date": "2026-03-02",
        "periodicity": "day",
        "timezone": "America/Sao_Paulo",
    } == query(server.received[0].target)
    assert f"/device/{DEVICE_ID}/statistics" == server.received[1].target


async def test_what_is_asked_of_no_device() -> None:
    """A device that is not there is reported as such, whatever was asked of it."""
    script = in_turn(refused(404, "Device Not Found"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        for call in (
            tago.devices.amount(DEVICE_ID),
            tago.devices.empty(DEVICE_ID),
            tago.devices.convert(DEVICE_ID, DeviceConvert("mutable")),
            tago.devices.statistics(DEVICE_ID),
        ):
            with pytest.raises(NotFoundError):
                await call


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
            tago.devices.amount(device_id),
            tago.devices.empty(device_id),
            tago.devices.convert(device_id, DeviceConvert("mutable")),
            tago.devices.statistics(device_id),
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
