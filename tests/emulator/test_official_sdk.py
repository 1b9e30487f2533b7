"""The official Python SDK, unchanged, finds the service it knows."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
import warnings
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
import requests

from tagodev._session import Session
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.emulator.support import CONNECTOR, NETWORK
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterator

with warnings.catch_warnings():
    # Whatever the SDK and its dependencies deprecate while they are imported.
    warnings.simplefilter("ignore")
    from tagoio_sdk import Account, Device, Resources
    from tagoio_sdk.infrastructure.api_request import TagoIORequestError
    from tagoio_sdk.modules.Resources.Devices import Devices
    from tagoio_sdk.modules.Utils.getTokenByName import getTokenByName
    from tagoio_sdk.modules.Utils.sendDownlink import sendDownlink

UNKNOWN: Final = "0123456789abcdef01234567"

# The SDK opens a session for each request and leaves closing it to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    """Give an emulator in a process of its own, since the SDK blocks."""
    with EmulatorProcess(EmulatorOptions(plan="starter")) as process:
        yield process


@pytest.fixture(autouse=True)
def _led_to_the_emulator(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead the SDK to the emulator by its own environment variable."""
    monkeypatch.setenv("TAGOIO_API", emulator.url)


@pytest.fixture
def resources(emulator: EmulatorProcess) -> Any:
    """Give the SDK's entry point, with a profile's token."""
    return Resources({"token": emulator.token, "region": "env"})


@pytest.fixture
def analysis(emulator: EmulatorProcess) -> Any:
    """Give the SDK's entry point, with an analysis's token."""
    return Resources({"token": emulator.tokens_by_kind["analysis"], "region": "env"})


@pytest.fixture
def created(resources: Any) -> Iterator[dict[str, str]]:
    """Give a mutable device that no other test knows."""
    made = create(resources, "Sensor")
    yield made
    resources.devices.delete(made["device_id"])


@pytest.fixture
def device(created: dict[str, str]) -> Any:
    """Give the SDK's view of the device from within."""
    return Device({"token": created["token"], "region": "env"})


@pytest.fixture
def archive(resources: Any) -> Iterator[dict[str, str]]:
    """Give an immutable device that holds one value."""
    fields = {"type": "immutable", "chunk_period": "month", "chunk_retention": 6}
    made = create(resources, "Archive", **fields)
    inside: Any = Device({"token": made["token"], "region": "env"})
    inside.sendData({"variable": "t", "value": 1})
    yield made
    resources.devices.delete(made["device_id"])


def create(resources: Any, name: str, **fields: Any) -> dict[str, str]:
    """Create a device, a mutable one unless the fields say otherwise."""
    created: dict[str, str] = resources.devices.create(
        {"name": name, "type": "mutable", "network": NETWORK, "connector": CONNECTOR, **fields}
    )
    return created


def called() -> set[str]:
    """Return the methods of the SDK that the tests below call, such as ``devices.edit``."""
    names = set()
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[__name__]))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # What it is called on last: the first name is that of a fixture.
            names.add(".".join(ast.unparse(node.func).split(".")[-2:]))
    return names


def test_the_script_is_more_than_a_glance() -> None:
    """Every method of the SDK's device classes is called, and more than forty in all."""
    wanted = {
        f"{name}.{method}"
        for name, cls in (("device", Device), ("devices", Devices))
        for method in vars(cls)
        if not method.startswith("_")
    }
    others = ("integration.", "networks.", "connectors.", "profile.", "account.", "authorization.")
    assert wanted <= called()
    assert 40 <= len(wanted) + sum(name.startswith(others) for name in called())


# --- devices -------------------------------------------------------------------------------------


def test_device_lives_and_dies(resources: Any) -> None:
    """Create, info, edit and delete answer as the SDK expects."""
    device_id = create(resources, "Short-lived")["device_id"]

    assert "Successfully Updated" == resources.devices.edit(device_id, {"active": False})
    info = resources.devices.info(device_id)
    assert (False, "mutable", NETWORK) == (info["active"], info["type"], info["network"])
    assert isinstance(info["created_at"], datetime)

    assert "Successfully Removed" == resources.devices.delete(device_id)
    with pytest.raises(TagoIORequestError, match="Device Not Found"):
        resources.devices.info(device_id)


def test_list_filters_and_orders(resources: Any) -> None:
    """A list takes the SDK's way to write fields, filters and order."""
    ids = [
        create(resources, f"Listed {n}", tags=[{"key": "listed", "value": str(n)}])["device_id"]
        for n in range(3)
    ]

    found = resources.devices.listDevice(
        {
            "fields": ["id", "active", "created_at"],
            "filter": {"name": "Listed*", "active": True},
            "orderBy": ["created_at", "desc"],
            "amount": 2,
        }
    )
    assert ids[:0:-1] == [one["id"] for one in found]
    assert isinstance(found[0]["created_at"], datetime)
    tagged = {"filter": {"tags": [{"key": "listed", "value": "0"}]}, "page": 1}
    assert [(ids[0], "Listed 0")] == [
        (one["id"], one["name"]) for one in resources.devices.listDevice(tagged)
    ]
    by_id = {"filter": {"id": ids[1]}, "fields": ["bucket"], "resolveBucketName": True}
    assert [ids[1]] == [one["id"] for one in resources.devices.listDevice(by_id)]

    for device_id in ids:
        resources.devices.delete(device_id)


def test_tokens_come_and_go(resources: Any, created: dict[str, str]) -> None:
    """Token create, list and delete answer as the SDK expects."""
    token = resources.devices.tokenCreate(
        created["device_id"], {"name": "field", "permission": "read", "expire_time": "1 day"}
    )
    assert isinstance(token["expire_date"], datetime)

    listed = resources.devices.tokenList(created["device_id"])
    assert [("field", "read"), ("Default", "full")] == [
        (item["name"], item["permission"]) for item in listed
    ]
    filtered = resources.devices.tokenList(
        created["device_id"],
        {"filter": {"name": "field"}, "fields": ["created_at"], "orderBy": ["name", "asc"]},
    )
    assert [datetime] == [type(item["created_at"]) for item in filtered]

    assert "Token Successfully Removed" == resources.devices.tokenDelete(token["token"])
    assert ["Default"] == [
        item["name"] for item in resources.devices.tokenList(created["device_id"])
    ]


def test_parameters_are_set_and_removed(resources: Any, created: dict[str, str]) -> None:
    """One parameter, several, and one by its id: the profile's side of them."""
    device_id = created["device_id"]
    told = resources.devices.paramSet(device_id, {"key": "rate", "value": "600", "sent": False})
    assert "Params Successfully Updated" == told
    several = [{"key": "low", "value": "2"}, {"key": "high", "value": "8", "sent": True}]
    assert "Params Successfully Updated" == resources.devices.paramSet(device_id, several)

    rate, low, high = resources.devices.paramList(device_id)
    assert ["rate", "low", "high"] == [one["key"] for one in (rate, low, high)]
    assert [high] == resources.devices.paramList(device_id, sentStatus=True)
    assert [rate, low] == resources.devices.paramList(device_id, sentStatus=False)

    changed = {"key": "rate", "value": "60", "sent": False}
    resources.devices.paramSet(device_id, changed, rate["id"])
    assert {**changed, "id": rate["id"]} in resources.devices.paramList(device_id)
    assert "Successfully Removed" == resources.devices.paramRemove(device_id, low["id"])
    assert {rate["id"], high["id"]} == {one["id"] for one in resources.devices.paramList(device_id)}


# --- data ----------------------------------------------------------------------------------------


def test_device_knows_itself(device: Any, created: dict[str, str]) -> None:
    """A device's token tells which device it is."""
    info = device.info()
    assert (created["device_id"], "Sensor", "mutable") == (info["id"], info["name"], info["type"])


def test_device_sends_and_reads(device: Any, created: dict[str, str]) -> None:
    """One value or several go in, and come out by every mode that the SDK can read."""
    now = datetime.now(UTC)
    values = [
        {
            "variable": "temperature",
            "value": value,
            "unit": "C",
            "time": (now - timedelta(seconds=10 - value)).isoformat(),
        }
        for value in (3, 5, 7)
    ]
    assert "3 Data Added" == device.sendData(values)
    door = {"variable": "Door", "value": "open", "location": {"lat": 42.3, "lng": -85.6}}
    assert "1 Data Added" == device.sendData(door)

    found = device.getData({"variables": "temperature", "qty": 2})
    assert [(7, "C"), (5, "C")] == [(one["value"], one["unit"]) for one in found]
    assert isinstance(found[0]["time"], datetime)
    assert {created["device_id"]} == {one["device"] for one in found}
    both = device.getData({"variables": ["temperature", "door"], "ordination": "ascending"})
    assert [3, 5, 7, "open"] == [one["value"] for one in both]

    def values_of(**query: Any) -> list[Any]:
        return [one["value"] for one in device.getData(query)]

    assert [7] == values_of(query="last_item", variables="temperature")
    assert [3] == values_of(query="first_value", variables="temperature")
    assert ["open"] == values_of(query="last_location")
    assert [5] == values_of(variables="temperature", values="5")
    assert [4] == values_of(query="count")
    start = (now - timedelta(hours=1)).isoformat()
    assert [3] == values_of(query="min", variables="temperature", start_date=start)
    assert [7] == values_of(query="max", variables="temperature", start_date=start)
    assert [7, 5] == values_of(
        query="conditional", variables="temperature", function="gt", value=4, start_date=start
    )


def test_device_edits_and_deletes(device: Any) -> None:
    """What a device sent it can correct and take back."""
    device.sendData([{"variable": "n", "value": value} for value in range(4)])
    first = device.getData({"variables": "n", "qty": 1})[0]

    assert "1 item(s) updated" == device.editData([{"id": first["id"], "value": 99}])
    assert [99] == [one["value"] for one in device.getData({"ids": first["id"]})]
    assert "1 Data Removed" == device.deleteData()
    assert "2 Data Removed" == device.deleteData({"variables": "n", "qty": 2})
    assert 1 == len(device.getData())


def test_device_reads_its_parameters(resources: Any, device: Any, created: dict[str, str]) -> None:
    """The device's side of configuration parameters."""
    resources.devices.paramSet(created["device_id"], [{"key": "a", "value": "1"}])
    (parameter,) = device.getParameters()
    assert ("a", "1", False) == (parameter["key"], parameter["value"], parameter["sent"])

    assert "Params Successfully Updated" == device.setParameterAsRead(parameter["id"])
    # The SDK asks for those that are read when told "only unread".
    assert [parameter["id"]] == [one["id"] for one in device.getParameters(onlyUnRead=True)]


def test_profile_handles_a_devices_data(
    resources: Any, analysis: Any, device: Any, created: dict[str, str]
) -> None:
    """Data by the device's id: an analysis sends, a profile reads, edits, deletes and empties."""
    device_id = created["device_id"]
    sent = analysis.devices.sendDeviceData(device_id, [{"variable": "lamp", "value": True}] * 3)
    assert "3 Data Added" == sent
    with pytest.raises(TagoIORequestError, match="Authorization Denied"):
        resources.devices.sendDeviceData(device_id, {"variable": "lamp", "value": True})

    found = resources.devices.getDeviceData(device_id, {"variables": "lamp", "details": True})
    assert [True] * 3 == [one["value"] for one in found]
    assert isinstance(found[0]["created_at"], datetime)
    assert 3 == resources.devices.amount(device_id)

    changed = {"id": found[0]["id"], "value": False}
    assert "1 item(s) updated" == resources.devices.editDeviceData(device_id, changed)
    assert "1 Data Removed" == resources.devices.deleteDeviceData(device_id, {"qty": 1})
    assert "Data Successfully Removed" == resources.devices.emptyDeviceData(device_id)
    assert 0 == resources.devices.amount(device_id)
    assert [] == device.getData()


def test_statistics_have_dates(resources: Any, device: Any, created: dict[str, str]) -> None:
    """What a device sent and was asked for, by time."""
    device.sendData({"variable": "n", "value": 1})
    statistics = resources.devices.statistics(created["device_id"], {"periodicity": "hour"})
    # The newest comes first, and counts from the beginning of the month.
    assert 1 == statistics[0]["device_input"]
    assert all(isinstance(one["time"], datetime) for one in statistics)


def test_backup_and_restore(resources: Any, device: Any, created: dict[str, str]) -> None:
    """A device's data goes to a file and comes back from one."""
    device_id = created["device_id"]
    device.sendData([{"variable": "n", "value": value} for value in range(4)])
    backup = resources.devices.dataBackup(
        {"deviceID": device_id, "file_address": "/all/$DEVICE$", "headers": True}
    )
    assert f"all/{device_id}.csv" == backup["file_address"]

    device.deleteData({"qty": 4})
    address = {"deviceID": device_id, "file_address": backup["file_address"]}
    told = resources.devices.dataRestore(address)
    assert "Data import added to the queue successfully!" == told
    assert {0, 1, 2, 3} == {one["value"] for one in device.getData()}


def test_chunks(resources: Any, archive: dict[str, str]) -> None:
    """An immutable device's chunks are listed, copied to a file and deleted."""
    device_id = archive["device_id"]
    (chunk,) = resources.devices.getChunk(device_id)
    assert 1 == chunk["amount"]

    where = {"deviceID": device_id, "file_address": "/$CHUNK$", "headers": False}
    backup = resources.devices.dataBackup(where, chunk["id"])
    assert (chunk["id"], f"{chunk['id']}.csv") == (backup["chunk_id"], backup["file_address"])
    told = resources.devices.deleteChunk(device_id, chunk["id"])
    assert f"Chunk {chunk['id']} deleted" == told
    assert 0 == resources.devices.amount(device_id)


def test_immutable_data_stays(resources: Any, archive: dict[str, str]) -> None:
    """What was sent to an immutable device can't be changed."""
    with pytest.raises(TagoIORequestError, match="immutable"):
        resources.devices.editDeviceData(archive["device_id"], {"id": UNKNOWN, "value": 1})
    with pytest.raises(TagoIORequestError, match="immutable"):
        resources.devices.deleteDeviceData(archive["device_id"])


# --- networks and connectors ---------------------------------------------------------------------


def test_public_networks_and_connectors_are_there(resources: Any) -> None:
    """The ones that the documentation's examples use are listed, and tell about themselves."""
    integration = resources.integration
    every = {"amount": 100, "fields": ["id", "name", "public"], "orderBy": ["name", "desc"]}
    networks = integration.networks.listNetwork(every)
    assert NETWORK in {one["id"] for one in networks}
    names = [one["name"] for one in networks]
    assert sorted(names, key=str.casefold, reverse=True) == names

    assert {"id", "name"} == integration.networks.info(NETWORK).keys()
    assert CONNECTOR in {one["id"] for one in integration.connectors.list({"amount": 100})}
    connector = integration.connectors.info(CONNECTOR, ["id", "name", "networks", "created_at"])
    assert NETWORK in connector["networks"]
    assert isinstance(connector["created_at"], datetime)


def test_networks_of_ones_own(resources: Any) -> None:
    """A network and its token are made, used, edited and deleted; so is a connector on it."""
    integration = resources.integration
    network = integration.networks.create({"name": "Ours", "description": "in the cellar"})[
        "network"
    ]
    told = integration.networks.edit(network, {"name": "Yours"})
    assert "Successfully Updated" == told
    info = integration.networks.info(network, ["id", "name", "description"])
    assert ("Yours", "in the cellar") == (info["name"], info["description"])

    token = integration.networks.tokenCreate(
        network, {"name": "uplink", "permission": "full", "expire_time": "never"}
    )
    assert ["uplink"] == [one["name"] for one in integration.networks.tokenList(network)]
    stranger = Device({"token": token["token"], "region": "env"})
    assert network == stranger.info()["id"]

    connector = integration.connectors.create({"name": "Probe", "networks": [network]})["connector"]
    told = integration.connectors.edit(connector, {"name": "Probe 2"})
    assert "Connector Successfully Updated" == told
    assert "Probe 2" == integration.connectors.info(connector)["name"]

    assert "Connector Successfully Deleted" == integration.connectors.delete(connector)
    integration.networks.tokenDelete(token["token"])
    assert [] == integration.networks.tokenList(network)
    assert "Successfully Removed" == integration.networks.delete(network)
    with pytest.raises(TagoIORequestError):
        integration.networks.info(network)


def test_downlinks(
    resources: Any, emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK and our client send the same message to the middleware, by the same address."""
    integration = resources.integration
    endpoint = "lora.example.com/v1"
    spec = {"name": "Ours", "middleware_endpoint": endpoint}
    network = integration.networks.create(spec)["network"]
    connector = integration.connectors.create({"name": "Probe", "networks": [network]})["connector"]
    place = {"network": network, "connector": connector}
    device_id = create(resources, "Probe", serie_number="D0WN", **place)["device_id"]
    token = integration.networks.tokenCreate(network, {"name": "uplink", "permission": "full"})
    authorization = emulator.tokens_by_kind["authorization"]
    sent: list[tuple[str, Any]] = []

    def post(url: str, data: str, **_: Any) -> Any:
        sent.append((url, orjson.loads(data)))
        return SimpleNamespace(status_code=200, text="")

    async def note(_: object, request: Any, address: str, *__: object) -> None:
        sent.append((f"{address}{request.path}", orjson.loads(request.body)))

    async def send() -> None:
        async with client(emulator.url, token=token["token"]) as server:
            await server.tokens.resolve("D0WN", authorization)
        async with client(emulator.url, token=emulator.token) as tago:
            await tago.devices.send_downlink(device_id, "01A0", port=7, confirmed=True)

    monkeypatch.setattr(Session, "send_elsewhere", note)
    monkeypatch.setattr(requests, "post", post)
    asyncio.run(send())
    options: Any = {"payload": "01A0", "port": 7, "confirmed": True}
    told = sendDownlink(resources, device_id, options)

    assert "Downlink accepted with status code - 200" == told
    ours, theirs = sent
    assert theirs == ours
    assert f"https://{endpoint}/downlink" == ours[0]
    assert authorization == ours[1]["authorization"]
    params = {one["key"]: one["value"] for one in resources.devices.paramList(device_id)}
    assert {"downlink": "01A0", "port": "7"} == params
    resources.devices.delete(device_id)
    integration.connectors.delete(connector)
    integration.networks.delete(network)


def test_downlink(
    emulator: EmulatorProcess, resources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK finds serial, authorization and middleware of a device, and sets its parameter."""
    integration = resources.integration
    endpoint = "middleware.example"
    network = integration.networks.create({"name": "LoRa", "middleware_endpoint": endpoint})
    place = {
        **network,
        **integration.connectors.create({"name": "Probe", "networks": [network["network"]]}),
    }
    device = create(resources, "Valve", serie_number="0A0B", **place)["device_id"]
    authorization = resources.serviceAuthorization.tokenCreate({"name": "ns"})["token"]
    token = integration.networks.tokenCreate(network["network"], {"name": "uplink"})["token"]
    requests.get(
        f"{emulator.url}/integration/network/resolve/0A0B/{authorization}", headers={"token": token}
    ).raise_for_status()
    sent = []

    def post(**request: Any) -> requests.Response:
        sent.append((request["url"], json.loads(request["data"])))
        response = requests.Response()
        response.status_code = 202
        return response

    monkeypatch.setattr(requests, "post", post)
    options: Any = {"payload": "0a", "port": 5, "confirmed": False}
    told = sendDownlink(resources, device, options)

    assert "Downlink accepted with status code - 202" == told
    body = {"device": "0A0B", "authorization": authorization, "payload": "0a", "port": 5}
    assert [(f"https://{endpoint}/downlink", {**body, "confirmed": False})] == sent
    (parameter,) = resources.devices.paramList(device)
    assert ("downlink", "0a") == (parameter["key"], parameter["value"])
    resources.devices.delete(device)


def test_tokens_by_name(emulator: EmulatorProcess, created: dict[str, str]) -> None:
    """The SDK's helper finds the tokens; it returns the oldest one, whatever name it is given."""
    account: Any = Account({"token": emulator.token, "region": "env"})
    field = {"name": "Field", "permission": "read", "expire_time": "never"}
    account.devices.tokenCreate(created["device_id"], field)

    for name in ("Default", "Field"):
        assert created["token"] == getTokenByName(account, created["device_id"], [name])


# --- who asks ------------------------------------------------------------------------------------


def test_plan_is_found(resources: Any) -> None:
    """Profile and account tell the plan where the SDK's users look for it."""
    current = resources.profile.info("current")
    assert "starter" == current["account_plan"]
    assert isinstance(current["info"]["created_at"], datetime)
    (listed,) = resources.profile.list()
    assert current["info"]["id"] == listed["id"]
    account = resources.account.info()
    assert ("starter", datetime) == (account["plan"], type(account["created_at"]))


def test_tokens_of_the_profile(resources: Any) -> None:
    """A profile's tokens and its authorizations are made, listed and deleted."""
    profile = resources.profile.list()[0]["id"]
    token = resources.profile.tokenCreate(profile, {"name": "laptop", "permission": "read"})
    assert "laptop" in [one["name"] for one in resources.profile.tokenList(profile)]
    assert [] != Resources({"token": token["token"], "region": "env"}).profile.list()
    assert "Token Successfully Removed" == resources.profile.tokenDelete(profile, token["token"])

    authorization = resources.serviceAuthorization
    made = authorization.tokenCreate({"name": "gateway", "permission": "full"})["token"]
    told = authorization.tokenEdit(made, "code")
    assert "Authorization Code Successfully Updated" == told
    query = {"filter": {"name": "gateway"}, "fields": ["verification_code", "created_at"]}
    (listed,) = authorization.tokenList(query)
    assert ("code", datetime) == (listed["verification_code"], type(listed["created_at"]))
    assert "Token Successfully Removed" == authorization.tokenDelete(made)


def test_summary_counts_devices(resources: Any, created: dict[str, str]) -> None:
    """The summary tells how many devices there are."""
    profile = resources.profile.list()[0]["id"]
    counted = resources.profile.summary(profile)["amount"]["device"]
    assert len(resources.devices.listDevice({"amount": 100})) == counted


def test_refusals_reach_the_caller(resources: Any) -> None:
    """The SDK raises its own error with the service's message."""
    with pytest.raises(TagoIORequestError, match="name is required"):
        resources.devices.create({"type": "mutable"})
    with pytest.raises(TagoIORequestError, match="Device Not Found"):
        resources.devices.edit(UNKNOWN, {"active": False})
    stranger = Resources({"token": "unknown", "region": "env"})
    with pytest.raises(TagoIORequestError, match="Invalid token"):
        stranger.devices.listDevice()
