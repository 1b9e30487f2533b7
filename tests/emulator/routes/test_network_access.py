"""The emulator's routes for networks: how they find their devices and serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tests.emulator.support import CONNECTOR, DEVICE, NETWORK, create, refusal, result

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

BASE = "/integration/network"
ELSEWHERE = {"network": "5bbd0de44051a50034cd19fc", "connector": "5f5a8f3351d4db99c40dece6"}


@attrs.frozen
class Gateway:
    """A network's own client."""

    http: ClientSession
    headers: dict[str, str]
    authorization: str

    async def get(self, path: str) -> ClientResponse:
        """Ask with the network's token."""
        return await self.http.get(f"{BASE}/{path}", headers=self.headers)

    async def post(self, path: str, json: Any) -> ClientResponse:
        """Send with the network's token."""
        return await self.http.post(f"{BASE}/{path}", json=json, headers=self.headers)


@pytest.fixture
async def gateway(http: ClientSession) -> Gateway:
    """Give a client with the token of the network that `DEVICE` is in."""
    tokens = await (await http.get("/_emulator/tokens")).json()
    return Gateway(http, {"token": tokens["network"]}, tokens["authorization"])


async def test_serial_is_resolved_to_the_token(http: ClientSession, gateway: Gateway) -> None:
    """The device token that has the serial, with an authorization and without."""
    created = await create(http, serie_number="S1")

    for path in ("resolve/S1", "resolve/S1/", f"resolve/S1/{gateway.authorization}"):
        assert created["token"] == await result(await gateway.get(path))
    without_prefix = gateway.authorization.removeprefix("at")
    assert created["token"] == await result(await gateway.get(f"resolve/S1/{without_prefix}"))
    assert created["token"] == await result(await gateway.get("resolve/S1?details=true"))


async def test_authorization_that_was_used_is_remembered(
    http: ClientSession, gateway: Gateway
) -> None:
    """The token keeps which one it was, the authorization when it was."""
    created = await create(http, serie_number="S1")
    listed = f"/device/token/{created['device_id']}?fields=last_authorization"
    used = "/serviceauth?fields=last_authorization"
    await result(await gateway.get("resolve/S1"))
    assert [{"last_authorization": None}] == await result(await http.get(listed))
    assert [{"last_authorization": None}] == await result(await http.get(used))

    await result(await gateway.get(f"resolve/S1/{gateway.authorization}"))
    expected = [{"last_authorization": gateway.authorization}]
    assert expected == await result(await http.get(listed))
    ((moment,),) = [one.values() for one in await result(await http.get(used))]
    assert moment.endswith("Z")


@pytest.mark.parametrize("serial", ["S2", "S3", "S4", "s1"])
async def test_serial_that_the_network_has_not_is_not_found(
    http: ClientSession, gateway: Gateway, serial: str
) -> None:
    """Devices of other networks, expired tokens and other letter cases are none of it."""
    created = await create(http, serie_number="S1")
    await create(http, serie_number="S2", **ELSEWHERE)
    body = {
        "device": created["device_id"],
        "name": "t",
        "serie_number": "S3",
        "expire_time": "2020-01-01",
    }
    await result(await http.post("/device/token", json=body))

    assert (404, "Device Not Found") == await refusal(await gateway.get(f"resolve/{serial}"))


async def test_authorization_must_be_one(http: ClientSession, gateway: Gateway) -> None:
    """Neither an unknown text, nor another kind of token, nor an expired one is any."""
    await create(http, serie_number="S1")
    old = await result(
        await http.post("/serviceauth", json={"name": "old", "expire_time": "2020-01-01"})
    )
    for text in ("unknown", gateway.headers["token"], old["token"]):
        response = await gateway.get(f"resolve/S1/{text}")
        assert (401, "Authorization Denied") == await refusal(response)


async def test_network_lists_its_devices_with_their_tokens(
    http: ClientSession, gateway: Gateway
) -> None:
    """All of the network, or those of one connector; filtered, sorted and paged as ever."""
    made = {name: await create(http, name=name) for name in ("b", "a", "c")}
    await create(http, name="elsewhere", **ELSEWHERE)
    body = {"device": made["a"]["device_id"], "name": "second"}
    await result(await http.post("/device/token", json=body))
    await result(await http.delete(f"/device/token/{made['c']['token']}"))
    devices = await result(await gateway.get(f"{NETWORK}/devices"))

    assert [("a", made["a"]["token"]), ("b", made["b"]["token"]), ("c", None)] == [
        (device["name"], device["token"]) for device in devices
    ]
    assert {"id", "network", "connector", "tags", "active", "last_input"} <= devices[0].keys()
    assert devices == await result(await gateway.get(f"{CONNECTOR}/devices"))
    for query, names in (
        ("page=2&amount=2", ["c"]),
        ("orderBy=name,desc&amount=1", ["c"]),
        ("filter[name]=B", ["b"]),
    ):
        found = await result(await gateway.get(f"{NETWORK}/devices?{query}"))
        assert names == [device["name"] for device in found]
    assert [] == await result(await gateway.get(f"{ELSEWHERE['network']}/devices"))


async def test_network_needs_access_to_its_devices(http: ClientSession) -> None:
    """A network lists its devices only if it was set up to."""
    network = (await result(await http.post(BASE, json={"name": "Our own"})))["network"]
    made = await result(
        await http.post(f"{BASE}/token", json={"network": network, "name": "uplink"})
    )
    headers = {"token": made["token"]}
    path = f"{BASE}/{network}/devices"

    assert (401, "Authorization Denied") == await refusal(await http.get(path, headers=headers))
    await result(await http.put(f"{BASE}/{network}", json={"require_devices_access": True}))
    assert [] == await result(await http.get(path, headers=headers))


async def test_network_writes_parameters(http: ClientSession, gateway: Gateway) -> None:
    """One parameter or several; an id changes one that is there."""
    device_id = (await create(http))["device_id"]
    text = "Device Configuration Parameter Updated"
    one = {"key": "downlink", "value": "https://example.com", "sent": False}

    assert text == await result(await gateway.post(f"{device_id}/params", one))
    (first,) = await result(await http.get(f"/device/{device_id}/params"))
    assert {**one, "id": first["id"]} == first
    both = [{"id": first["id"], "sent": True}, {"key": "port", "value": 5}]
    assert text == await result(await gateway.post(f"{device_id}/params", both))
    changed, new = await result(await http.get(f"/device/{device_id}/params"))
    assert {**first, "sent": True} == changed
    assert ("port", "5") == (new["key"], new["value"])


async def test_network_reaches_no_device_of_another(http: ClientSession, gateway: Gateway) -> None:
    """A device elsewhere is not found, and nothing is written to it."""
    device_id = (await create(http, **ELSEWHERE))["device_id"]
    response = await gateway.post(f"{device_id}/params", {"key": "k", "value": "v"})

    assert (404, "Device Not Found") == await refusal(response)
    assert [] == await result(await http.get(f"/device/{device_id}/params"))


async def test_data_goes_to_the_device_of_its_serial(http: ClientSession, gateway: Gateway) -> None:
    """The serial stands in the metadata of one of the registers."""
    created = await create(http, serie_number="S1")
    path = f"data?authorization_token={gateway.authorization}"
    payload = {"variable": "payload", "value": "41BC", "metadata": {"serial": "S1"}}

    assert "1 Data Added" == await result(await gateway.post(path, payload))
    both = [{"variable": "rssi", "value": -71}, payload]
    assert "2 Data Added" == await result(await gateway.post(path, both))
    data = await result(await http.get("/data", headers={"token": created["token"]}))
    assert ["payload", "payload", "rssi"] == sorted(point["variable"] for point in data)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"variable": "v", "value": 1}, 400, "metadata.serial is required"),
        ({"variable": "v", "metadata": {"serial": 5}}, 400, "metadata.serial is required"),
        ({"variable": "v", "metadata": "S1"}, 400, "metadata.serial is required"),
        ({"variable": "v", "metadata": {"serial": "S9"}}, 404, "Device Not Found"),
        ({"value": 1, "metadata": {"serial": "S1"}}, 400, "variable is required"),
        ("S1", 400, "Body must be an object or an array of objects"),
    ],
)
async def test_data_for_nobody_is_refused(
    http: ClientSession, gateway: Gateway, body: Any, status: int, message: str
) -> None:
    """Without a serial of the network nothing is kept."""
    created = await create(http, serie_number="S1")
    response = await gateway.post(f"data?authorization_token={gateway.authorization}", body)

    assert (status, message) == await refusal(response)
    assert [] == await result(await http.get("/data", headers={"token": created["token"]}))


async def test_data_needs_an_authorization_and_an_active_device(
    http: ClientSession, gateway: Gateway
) -> None:
    """A network speaks for a profile that allows it, and for devices that are switched on."""
    await create(http, serie_number="S1", active=False)
    body = {"variable": "v", "value": 1, "metadata": {"serial": "S1"}}

    for path, refused in (
        ("data", (400, "authorization_token is required")),
        ("data?authorization_token=x", (401, "Authorization Denied")),
        (
            f"data?authorization_token={gateway.authorization}",
            (400, "Device is deactivated"),
        ),
    ):
        assert refused == await refusal(await gateway.post(path, body))
    assert DEVICE["network"] == NETWORK


async def test_network_publishes_to_the_relay(http: ClientSession, gateway: Gateway) -> None:
    """A message needs a topic and a device of the network."""
    device = (await create(http))["device_id"]
    message = {"topic": "alarm", "message": "on", "qos": 1, "retain": False, "device": device}
    for body in (message, {"topic": "alarm", "device": device}):
        assert "Message Published" == await result(await gateway.post("publish", body))
    behind = (await create(http, **ELSEWHERE))["device_id"]
    for wrong, refused in (
        ({"topic": ""}, (400, "topic must be a text that is not empty")),
        ({"topic": None}, (400, "topic is required")),
        ({"device": None}, (400, "device is required")),
        ({"device": "x"}, (400, "device must be an id of 24 hexadecimal digits")),
        ({"device": behind}, (404, "Device Not Found")),
        ({"qos": 3}, (400, "qos must be 0, 1 or 2")),
        ({"qos": True}, (400, "qos must be 0, 1 or 2")),
        ({"retain": "no"}, (400, "retain must be true or false")),
    ):
        assert refused == await refusal(await gateway.post("publish", {**message, **wrong}))
