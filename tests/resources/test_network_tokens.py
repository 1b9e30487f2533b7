"""What a network's own token does for its devices: list them, set parameters, send their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tagodev import (
    UNSET,
    AuthenticationError,
    ConfigurationParameter,
    ConnectionLostError,
    DataCreate,
    DeviceCreate,
    DeviceFilter,
    InputError,
    NotFoundError,
    Secret,
    Tago,
    TagoError,
)
from tagodev.emulator import Emulator
from tests.support.answers import ok, refused
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import Reply, ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NETWORK_ID = "5bbd0d144051a50034cd19fb"
KEY = "at72fb69a8dc714059b6cebee41693eb0"
SERIAL = "A1B2C3"
UPLINK = DataCreate("payload", "0A1F", metadata={"serial": SERIAL})
RATE = ConfigurationParameter("rate", 60)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Give an emulator."""
    async with Emulator() as running:
        yield running


def opened(emulator: Emulator, kind: Any) -> Tago:
    """Return a client with a token of a kind."""
    return client(emulator.url, token=emulator.tokens_by_kind[kind])


async def test_a_network_serves_its_devices(emulator: Emulator) -> None:
    """It sees each with its token, sends what came from it, and sets its parameters."""
    async with opened(emulator, "profile") as tago, opened(emulator, "network") as network:
        made = await tago.devices.create(DeviceCreate(name="Probe", serie_number=SERIAL))
        await tago.devices.create(DeviceCreate(name="Other"))

        only = DeviceFilter(name="Pro*")
        (device,) = await network.networks.devices(NETWORK_ID, filter=only).collect()
        assert (made.device_id, made.token) == (device.id, device.token)
        assert made.token.reveal() not in repr(device)

        key = emulator.tokens_by_kind["authorization"]
        more = [UPLINK, DataCreate("rssi", -71)]
        assert (1, 2) == (
            await network.networks.send(key, UPLINK),
            await network.networks.send(Secret(key), more),
        )
        assert 3 == await tago.data.count(made.device_id)

        await network.networks.set_parameters(made.device_id, [RATE])
        (kept,) = await tago.parameters.list(made.device_id)
        changed = ConfigurationParameter("rate", 5, id=kept.id)
        await network.networks.set_parameters(made.device_id, [changed])
        assert [changed] == await tago.parameters.list(made.device_id)


async def test_a_list_for_a_profile_has_no_tokens(emulator: Emulator) -> None:
    """The token of a device stands in the lists of its network only."""
    async with opened(emulator, "profile") as tago:
        await tago.devices.create(DeviceCreate(name="Probe"))
        (device,) = await tago.devices.list().collect()

    assert device.token is None


async def test_devices_are_paged() -> None:
    """The list goes by pages, in the order that was asked for."""
    item = {"id": "a", "name": "x", "tags": [], "token": TOKEN}
    async with ScriptedServer(in_turn(ok([item]))) as server, client(server.url) as tago:
        listing = tago.networks.devices(NETWORK_ID, order_by="created_at,desc", page_size=50)
        assert "x" == (await listing.collect())[0].name
    target = urlsplit(server.received[0].target)

    assert f"/integration/network/{NETWORK_ID}/devices" == target.path
    assert {"page": "1", "amount": "50", "orderBy": "created_at,desc"} == dict(
        parse_qsl(target.query)
    )


async def test_send_is_one_request() -> None:
    """All that belongs together goes in one body; the authorization stands in the query."""
    async with (
        ScriptedServer(in_turn(ok("3 Data Added"))) as server,
        client(server.url) as tago,
    ):
        assert 3 == await tago.networks.send(KEY, (UPLINK, DataCreate("x", True)))

    assert [f"POST /integration/network/data?authorization_token={KEY}"] == server.seen()
    assert [
        {"variable": "payload", "value": "0A1F", "metadata": {"serial": SERIAL}},
        {"variable": "x", "value": True},
    ] == orjson.loads(server.received[0].body)


async def test_send_counts_what_it_sent_where_nothing_is_said() -> None:
    """A text without a number is taken for all of them."""
    async with ScriptedServer(in_turn(ok("Inserted"))) as server, client(server.url) as tago:
        assert 2 == await tago.networks.send(KEY, [UPLINK] * 2)


@pytest.mark.parametrize(
    ("key", "points", "path"),
    [
        ("", UPLINK, "authorization"),
        ("a b", UPLINK, "authorization"),
        (KEY, [], "points"),
        (KEY, [UPLINK] * 1001, "points"),
        (KEY, [DataCreate("x", "y" * 6000)] * 40, "points"),
        (KEY, [UPLINK, "x"], "points[1]"),
    ],
)
async def test_send_refuses(key: str, points: Any, path: str) -> None:
    """What the service would not take is not sent."""
    async with ScriptedServer(in_turn(ok("Done"))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.networks.send(key, points)

    assert path == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize(
    "reply",
    [
        Reply(then="reset"),
        Reply(refused(401, f"Invalid token: {KEY}")),
        Reply(refused(500, f"{KEY} failed")),
    ],
)
async def test_authorization_is_never_shown(reply: Reply) -> None:
    """Whatever goes wrong, the authorization in the query is not reported."""
    async with ScriptedServer(in_turn(reply)) as server, client(server.url) as tago:
        with pytest.raises(TagoError) as caught:
            await tago.networks.send(KEY, UPLINK)

    assert 1 == len(server.received)
    assert_quiet(caught.value, KEY, TOKEN)


async def test_set_parameters_sends_a_list() -> None:
    """An id edits; nothing is asked for before, and nothing is sent for nothing."""
    given = [ConfigurationParameter("rate", 60, id="p1"), ConfigurationParameter("new", "x")]
    async with ScriptedServer(in_turn(ok("Updated"))) as server, client(server.url) as tago:
        await tago.networks.set_parameters(DEVICE_ID, [])
        await tago.networks.set_parameters(DEVICE_ID, given)

    assert [f"POST /integration/network/{DEVICE_ID}/params"] == server.seen()
    assert [
        {"id": "p1", "key": "rate", "value": "60", "sent": False},
        {"key": "new", "value": "x", "sent": False},
    ] == orjson.loads(server.received[0].body)


@pytest.mark.parametrize(
    ("requests", "ids"),
    [
        (2, ["p1"]),
        (1, [UNSET]),
        (2, ["p1", "p2", "p3"]),
        (1, ["p1", UNSET]),
        (1, [UNSET, "p1"]),
        (1, ["p1", "p2", UNSET]),
    ],
)
async def test_what_may_add_is_not_sent_again(requests: int, ids: list[Any]) -> None:
    """Editing by id can be repeated; where one of several would be added, nothing is."""
    given = [ConfigurationParameter(f"key {n}", 60, id=one) for n, one in enumerate(ids)]
    script = in_turn(Reply(then="reset"), ok("Updated"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        if UNSET not in ids:
            await tago.networks.set_parameters(DEVICE_ID, given)
        else:
            with pytest.raises(ConnectionLostError) as caught:
                await tago.networks.set_parameters(DEVICE_ID, given)
            assert caught.value.may_have_acted

    assert requests == len(server.received)


async def test_what_a_network_may_not(emulator: Emulator) -> None:
    """A network can't read another network's device; without access it gets an error."""
    async with opened(emulator, "profile") as tago, opened(emulator, "network") as network:
        made = await tago.devices.create(
            DeviceCreate(
                name="Elsewhere",
                network="62336c32ab6e0d0012e06c04",
                connector="62333bd36977fc001a2990c8",
                serie_number=SERIAL,
            )
        )
        with pytest.raises(NotFoundError):
            await network.networks.set_parameters(made.device_id, [RATE])
        with pytest.raises(NotFoundError):
            await network.networks.send(emulator.tokens_by_kind["authorization"], UPLINK)
        with pytest.raises(AuthenticationError):
            await tago.networks.devices(NETWORK_ID).collect()
