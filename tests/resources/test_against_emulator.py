"""The same calls against the emulator: what is asked for is what the service understands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from tagodev import (
    BadRequestError,
    DeviceConvert,
    DeviceCreate,
    DeviceEdit,
    DeviceFilter,
    InputError,
    IntegrationFilter,
    NotFoundError,
    Tag,
    TagFilter,
    Tago,
    TokenCreate,
    TokenFilter,
)
from tagodev.emulator import Emulator
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: The well-known public network that wants an EUI of its devices, and its connector.
LORAWAN, LORAWAN_CONNECTOR = "5fd117be93c6500029660b31", "5fdbe260ff09b30028a9f61c"
EUI = "0886AB56826CF2EE"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Give a fresh emulator on the Scale plan."""
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def tago(emulator: Emulator) -> AsyncIterator[Tago]:
    """Give a client of the emulator."""
    async with client(emulator.url, token=emulator.token) as tago:
        yield tago


async def names(tago: Tago, **options: Any) -> list[str]:
    """Return the names of the devices that a list gives."""
    return [device.name async for device in tago.devices.list(**options)]


async def stock(tago: Tago) -> dict[str, str]:
    """Make three devices, and return their ids by name."""
    specs = [
        DeviceCreate(name="attic", tags=[Tag("site", "7"), Tag("room", "3")]),
        DeviceCreate(name="barn", tags=[Tag("site", "8")], active=False),
        DeviceCreate(
            name="cellar",
            network=LORAWAN,
            connector=LORAWAN_CONNECTOR,
            serie_number=EUI,
            type="immutable",
            chunk_period="day",
            chunk_retention=31,
        ),
    ]
    return {spec.name: (await tago.devices.create(spec)).device_id for spec in specs}


@pytest.mark.parametrize(
    ("expected", "condition"),
    [
        ("attic barn cellar", {}),
        ("attic", {"name": "att*"}),
        ("attic cellar", {"active": True}),
        ("barn", {"active": False}),
        ("attic barn cellar", {"visible": True}),
        ("", {"visible": False}),
        ("", {"profile": "0123456789abcdef01234567"}),
        ("", {"id": "0123456789abcdef01234567"}),
        ("cellar", {"type": "immutable"}),
        ("cellar", {"network": LORAWAN}),
        ("cellar", {"connector": LORAWAN_CONNECTOR}),
        ("attic barn", {"tags": [TagFilter("site")]}),
        ("attic", {"tags": [TagFilter(value="7")]}),
        ("attic", {"tags": [Tag("site", "7"), TagFilter("room")]}),
        ("", {"tags": [Tag("site", "3")]}),
        ("attic barn cellar", {"created_at": "1 day"}),
        ("attic barn cellar", {"created_at": datetime(2000, 1, 1, tzinfo=UTC)}),
        ("", {"created_at": datetime.now(UTC) + timedelta(days=1)}),
        ("attic barn cellar", {"updated_at": "1 day"}),
        ("", {"last_input": "1 day"}),
    ],
)
async def test_filters(tago: Tago, expected: str, condition: dict[str, Any]) -> None:
    """Each condition, alone and with others, finds its devices and no other."""
    await stock(tago)

    assert expected.split() == await names(tago, filter=DeviceFilter(**condition))


async def test_lists(tago: Tago) -> None:
    """Order, serial number and page size are understood, and names resolved."""
    ids = await stock(tago)

    assert ["cellar", "barn", "attic"] == await names(tago, order_by="name,desc", page_size=2)
    assert ["cellar"] == await names(tago, serial=EUI)
    (device,) = await tago.devices.list(
        filter=DeviceFilter(id=ids["cellar"]),
        fields=["bucket", "chunk_period", "chunk_retention", "rpm"],
        resolve_connector_name=True,
    ).collect()
    assert ("day", 31, None) == (device.chunk_period, device.chunk_retention, device.rpm)
    assert device.bucket is not None
    assert ids["cellar"] == device.bucket.id
    connector = await tago.connectors.info(LORAWAN_CONNECTOR)
    assert connector.name == device.connector_name


async def test_storage(tago: Tago) -> None:
    """A device is counted, emptied and converted as the service wants it."""
    device_id = (await stock(tago))["attic"]
    conversion = DeviceConvert("immutable", chunk_period="month", chunk_retention=6)

    assert 0 == await tago.devices.amount(device_id)
    await tago.devices.empty(device_id)
    with pytest.raises(BadRequestError, match="disabled"):
        await tago.devices.convert(device_id, conversion)
    await tago.devices.edit(device_id, DeviceEdit(active=False))
    await tago.devices.convert(device_id, conversion)
    device = await tago.devices.info(device_id)
    assert ("immutable", "month", 6) == (device.type, device.chunk_period, device.chunk_retention)
    for point in await tago.devices.statistics(device_id, periodicity="hour"):
        assert (None, None) == (point.device_input or None, point.device_output or None)


async def test_tokens(tago: Tago) -> None:
    """Tokens are filtered and ordered, and end when they were asked to."""
    device_id = (await stock(tago))["attic"]
    end = datetime(2099, 1, 31, 12, tzinfo=UTC)
    await tago.tokens.create(device_id, TokenCreate("gateway", "write", expire_time=end))
    await tago.tokens.create(device_id, TokenCreate("spare", "read", expire_time="never"))
    (gateway,) = await tago.tokens.list(device_id, filter=TokenFilter(permission="write")).collect()
    by_name = await tago.tokens.list(device_id, order_by="name,asc").collect()

    assert ("gateway", end) == (gateway.name, gateway.expire_time)
    assert ["Default", "gateway", "spare"] == [token.name for token in by_name]
    assert [None, end, None] == [token.expire_time for token in by_name]


async def test_token_info(emulator: Emulator, tago: Tago) -> None:
    """Each kind of token says what it is."""
    created = await tago.devices.create(DeviceCreate(name="attic"))
    async with client(emulator.url, token=created.token.reveal()) as device:
        own = await device.tokens.info()

    assert "profile" == (await tago.tokens.info()).type
    assert (created.device_id, "attic", "mutable") == (own.id, own.name, own.type)


async def test_resolving(emulator: Emulator, tago: Tago) -> None:
    """A network finds its device's token by the serial number, and no other's."""
    async with ClientSession(emulator.url, headers={"token": emulator.token}) as http:
        answer = await http.post("/integration/network", json={"name": "Ours"})
        network = (await answer.json())["result"]["network"]
        body = {"name": "gateway", "network": network}
        answer = await http.post("/integration/network/token", json=body)
        token = (await answer.json())["result"]["token"]
    spec = DeviceCreate(name="x", network=network, connector="f" * 24, serie_number="A-1")
    created = await tago.devices.create(spec)
    async with client(emulator.url, token=token) as ours:
        assert created.token == await ours.tokens.resolve("A-1")
        with pytest.raises(NotFoundError):
            await ours.tokens.resolve("A-2")


async def test_catalogue(tago: Tago) -> None:
    """The public catalogue is there unless it is not wanted, and says what devices need."""
    network = await tago.networks.info(LORAWAN)
    connector = await tago.connectors.info(LORAWAN_CONNECTOR)
    spec = DeviceCreate(name="x", network=LORAWAN, connector=LORAWAN_CONNECTOR, serie_number=EUI)

    assert LORAWAN in [one.id async for one in tago.networks.list()]
    assert [] == await tago.networks.list(include_public=False).collect()
    assert [] == await tago.connectors.list(include_public=False).collect()
    named = IntegrationFilter(name=str(connector.name))
    assert [connector.id] == [one.id async for one in tago.connectors.list(filter=named)]
    network.check(spec)
    connector.check(spec)
    with pytest.raises(InputError, match="is required by"):
        network.check(DeviceCreate(name="x", network=LORAWAN, connector=LORAWAN_CONNECTOR))


async def test_profile_and_account(tago: Tago) -> None:
    """The plan is the same wherever it is asked for, and devices are counted."""
    await stock(tago)
    profile = await tago.profile.info()

    assert "scale" == profile.plan
    assert profile == await tago.profile.info(profile.info.id)
    assert ["scale", "scale"] == [
        (await tago.account.info()).plan,
        (await tago.account.plan()).plan,
    ]
    assert 3 == (await tago.profile.summary()).devices
    assert 3 == (await tago.profile.summary(only_amount=True)).devices


async def test_tag_keys(tago: Tago) -> None:
    """The keys in use are those of the devices."""
    await stock(tago)

    assert {"site", "room"} == set(await tago.tags.keys())
