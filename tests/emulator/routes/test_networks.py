"""The emulator's networks and connectors, public and of one's own."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.emulator._model.public_networks import PUBLIC_CONNECTORS, PUBLIC_NETWORKS, SerialNumber
from tests.emulator.support import CONNECTOR, DEVICE, NETWORK, create, refusal, result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NETWORKS, CONNECTORS = "/integration/network", "/integration/connector"
LORAWAN = {"network": "5fd117be93c6500029660b31", "connector": "5fdbe260ff09b30028a9f61c"}
EUI = "0123456789ABCDEF"
UNKNOWN = "0" * 24
REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "well-known-ids.md"


@pytest.fixture
async def free() -> AsyncIterator[ClientSession]:
    """Give a client of an emulator on the Free plan."""
    async with (
        Emulator(EmulatorOptions(plan="free")) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as session,
    ):
        yield session


async def names(http: ClientSession, path: str) -> list[str]:
    """Return the names in a listing."""
    return [record["name"] for record in await result(await http.get(path))]


def test_catalogue_has_the_well_known_ids() -> None:
    """Every pair of the reference is there, and the connector is of the network."""
    if not REFERENCE.is_file():
        pytest.skip("the reference is not beside the repository")
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in REFERENCE.read_text("utf-8").splitlines()
        if line.count("|") == 5
    ][2:]

    assert len(rows) == len(PUBLIC_NETWORKS) == len(PUBLIC_CONNECTORS)
    for _, network, connector, _ in rows:
        assert network in PUBLIC_NETWORKS
        assert [network] == PUBLIC_CONNECTORS[connector].networks


@pytest.mark.parametrize("path", [NETWORKS, CONNECTORS, f"{NETWORKS}/", f"{CONNECTORS}/"])
async def test_public_ones_are_listed_by_name(http: ClientSession, path: str) -> None:
    """Id and name are given unless other fields are asked for; lists have pages and an order."""
    everything = await result(await http.get(path))
    found = [record["name"] for record in everything]

    assert sorted(found) == found
    assert 9 == len(found)
    assert all({"id", "name"} == record.keys() for record in everything)
    assert found[2:4] == await names(http, f"{path}?page=2&amount=2")
    assert found[::-1] == await names(http, f"{path}?orderBy=name,desc")
    assert ["ChirpStack"] == [
        name.removeprefix("Custom ") for name in await names(http, f"{path}?filter[name]=*chirp*")
    ]
    assert (400, "Invalid filter: colour") == await refusal(
        await http.get(f"{path}?filter[colour]=red")
    )


async def test_connector_names_its_networks(http: ClientSession) -> None:
    """Whoever creates a device finds the network of its connector."""
    query = "fields[0]=networks&fields[1]=public"

    assert {"id": CONNECTOR, "networks": [NETWORK], "public": True} == await result(
        await http.get(f"{CONNECTORS}/{CONNECTOR}?{query}")
    )
    found = await result(await http.get(f"{CONNECTORS}?filter[id]={CONNECTOR}&fields=networks"))
    assert [{"id": CONNECTOR, "networks": [NETWORK]}] == found


async def test_info_tells_everything_unless_asked_for_less(http: ClientSession) -> None:
    """Without fields all of them are given, dates and the format of serial numbers too."""
    info = await result(await http.get(f"{NETWORKS}/{LORAWAN['network']}"))

    assert {
        "id": LORAWAN["network"],
        "name": "ChirpStack",
        "description": None,
        "logo_url": None,
        "icon_url": None,
        "banner_url": None,
        "public": True,
        "device_parameters": [],
        "middleware_endpoint": None,
        "documentation_url": None,
        "serial_number": {
            "mask": "FF-FF-FF-FF-FF-FF-FF-FF",
            "label": "Device EUI",
            "image": None,
            "case": None,
            "help": None,
            "required": True,
        },
        "require_devices_access": False,
        "payload_encoder": None,
        "payload_decoder": None,
        "created_at": "2020-12-09T18:30:22.000Z",
        "updated_at": "2020-12-09T18:30:22.000Z",
    } == info
    assert {"id": NETWORK, "name": "Custom HTTPS"} == await result(
        await http.get(f"{NETWORKS}/{NETWORK}?fields=name")
    )


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        (NETWORKS, {"middleware_endpoint": "https://example.com"}, "network"),
        (CONNECTORS, {"networks": [NETWORK], "install_text": "Press twice"}, "connector"),
    ],
)
async def test_ones_own_come_and_go(
    http: ClientSession, path: str, body: dict[str, Any], what: str
) -> None:
    """One's own are created, listed beside the public ones, edited and deleted."""
    created = await result(await http.post(f"{path}/", json={"name": "Our own", **body}))
    mine = f"{path}/{created[what]}"
    info = await result(await http.get(mine))
    texts = {
        "network": ("Successfully Updated", "Successfully Removed"),
        "connector": ("Connector Successfully Updated", "Connector Successfully Deleted"),
    }[what]

    assert {what} == created.keys()
    assert {"name": "Our own", "public": False, **body}.items() <= info.items()
    assert 10 == len(await names(http, path))
    edit = {"name": "Yours", "description": "d", "unknown": 1}
    assert texts[0] == await result(await http.put(mine, json=edit))
    edited = await result(await http.get(mine))
    assert {**info, "name": "Yours", "description": "d", "updated_at": None} == {
        **edited,
        "updated_at": None,
    }
    assert texts[1] == await result(await http.delete(mine))
    for response in (await http.get(mine), await http.put(mine), await http.delete(mine)):
        assert (404, f"{what.capitalize()} Not Found") == await refusal(response)


@pytest.mark.parametrize("value", ["", "true", "false", "0", "whatever"])
async def test_public_filter_is_there_or_not(http: ClientSession, value: str) -> None:
    """The filter hides the public ones whatever its value."""
    await result(await http.post(NETWORKS, json={"name": "Our own", "public": True}))
    await result(await http.post(CONNECTORS, json={"name": "Our own"}))

    for path in (NETWORKS, CONNECTORS):
        assert 10 == len(await names(http, path))
        assert ["Our own"] == await names(http, f"{path}?filter[public]={value}")
        hidden = f"{path}?filter[public]={value}&filter[name]=other"
        assert [] == await names(http, hidden)


@pytest.mark.parametrize("path", [f"{NETWORKS}/{NETWORK}", f"{CONNECTORS}/{CONNECTOR}"])
async def test_public_ones_stay_as_they_are(http: ClientSession, path: str) -> None:
    """Nobody changes what everybody uses."""
    for response in (await http.put(path, json={"name": "x"}), await http.delete(path)):
        assert (401, "Authorization Denied") == await refusal(response)


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        (NETWORKS, {"name": None}, "name is required"),
        (NETWORKS, {"public": "yes"}, "public must be true or false"),
        (NETWORKS, {"serial_number": "F"}, "serial_number must be an object"),
        (NETWORKS, {"serial_number": {"mask": 1}}, "serial_number.mask must be a text"),
        (NETWORKS, {"device_parameters": {}}, "device_parameters must be an array"),
        (CONNECTORS, {"name": 1}, "name must be a text of 1 to 100 characters"),
        (CONNECTORS, {"networks": NETWORK}, "networks must be an array"),
        (CONNECTORS, {"networks": ["x"]}, "networks[0] must be an id of 24 hexadecimal digits"),
    ],
)
async def test_wrong_ones_are_refused(
    http: ClientSession, path: str, fields: dict[str, Any], message: str
) -> None:
    """Each fault is told, on creating and on editing, and changes nothing."""
    body = {"name": "Our own"}
    mine = f"{path}/{next(iter((await result(await http.post(path, json=body))).values()))}"
    before = await result(await http.get(mine))

    assert (400, message) == await refusal(await http.post(path, json={**body, **fields}))
    if fields != {"name": None}:
        assert (400, message) == await refusal(await http.put(mine, json=fields))
    assert before == await result(await http.get(mine))
    assert 10 == len(await names(http, path))


@pytest.mark.parametrize(
    ("path", "cap", "what"), [(NETWORKS, 1, "Custom Network"), (CONNECTORS, 3, "Custom Connector")]
)
async def test_plan_caps_ones_own(free: ClientSession, path: str, cap: int, what: str) -> None:
    """The plan decides how many a profile may have besides the public ones."""
    for number in range(cap):
        await result(await free.post(path, json={"name": f"n{number}"}))
    response = await free.post(path, json={"name": "one too many"})

    message = f"You have exceeded the maximum limit of {what} ({cap})"
    assert (400, message) == await refusal(response)


async def test_tokens_of_a_network_come_and_go(http: ClientSession) -> None:
    """One's own network gets tokens; they are gone with it."""
    network = (await result(await http.post(NETWORKS, json={"name": "Our own"})))["network"]
    path = f"{NETWORKS}/token"
    bodies = [{"network": network, "name": name} for name in ("first", "second")]
    first, second = [await result(await http.post(path, json=body)) for body in bodies]
    listed = f"{path}/{network}?orderBy=name,asc"

    assert {"token": first["token"], "name": "first", "network": network} == first
    assert first["token"].startswith("n-")
    assert [
        {"name": made["name"], "token": made["token"], "permission": "full"}
        for made in (first, second)
    ] == await result(await http.get(listed))
    info = await result(await http.get("/info", headers={"token": second["token"]}))
    assert network == info["id"]
    gone = f"{path}/{first['token']}"
    assert "Token Successfully Removed" == await result(await http.delete(gone))
    assert ["second"] == await names(http, listed)
    await result(await http.delete(f"{NETWORKS}/{network}"))
    assert 401 == (await http.get("/info", headers={"token": second["token"]})).status
    assert (404, "Network Not Found") == await refusal(await http.get(listed))


async def test_public_networks_give_no_tokens(http: ClientSession) -> None:
    """Tokens of a network are its owner's affair."""
    tokens = await (await http.get("/_emulator/tokens")).json()
    for response in (
        await http.post(f"{NETWORKS}/token", json={"network": NETWORK, "name": "mine"}),
        await http.get(f"{NETWORKS}/token/{NETWORK}"),
        await http.delete(f"{NETWORKS}/token/{tokens['network']}"),
    ):
        assert (401, "Authorization Denied") == await refusal(response)
    response = await http.post(f"{NETWORKS}/token", json={})
    assert (400, "network is required; name is required") == await refusal(response)


async def test_device_is_in_a_network_of_its_connector(http: ClientSession) -> None:
    """A known pair must go together, on creating and on moving; unknown ids are believed."""
    wrong = {"network": LORAWAN["network"], "connector": CONNECTOR, "serie_number": EUI}
    message = "network must be one of the connector's networks"
    assert (400, message) == await refusal(await http.post("/device", json={**DEVICE, **wrong}))
    for pair in (
        {"network": UNKNOWN},
        {"connector": UNKNOWN},
        {"network": UNKNOWN, "connector": UNKNOWN},
    ):
        await create(http, **pair)
    created = await create(http)
    path = f"/device/{created['device_id']}"
    await result(await http.delete(f"/device/token/{created['token']}"))
    assert (400, message) == await refusal(await http.put(path, json=wrong))
    assert "Successfully Updated" == await result(await http.put(path, json=LORAWAN))


async def test_device_stays_where_its_connector_left_it(http: ClientSession) -> None:
    """A pair that is only sent back is not looked at again."""
    connector = await result(
        await http.post(CONNECTORS, json={"name": "Our own", "networks": [NETWORK]})
    )
    path = f"/device/{(await create(http, **connector))['device_id']}"
    mine = f"{CONNECTORS}/{connector['connector']}"
    await result(await http.put(mine, json={"networks": []}))

    same = {"network": NETWORK, **connector, "name": "renamed"}
    assert "Successfully Updated" == await result(await http.put(path, json=same))


@pytest.mark.parametrize(
    ("serial", "message"),
    [
        (None, "serie_number is required in this network"),
        (EUI[1:], "serie_number must match FF-FF-FF-FF-FF-FF-FF-FF, the network's mask"),
        (EUI[1:] + "G", "serie_number must match FF-FF-FF-FF-FF-FF-FF-FF, the network's mask"),
    ],
)
async def test_lorawan_device_needs_its_eui(
    http: ClientSession, serial: str | None, message: str
) -> None:
    """A network that knows its devices by their serials takes none without."""
    body = {**DEVICE, **LORAWAN, "serie_number": serial}

    assert (400, message) == await refusal(await http.post("/device", json=body))
    assert [] == await result(await http.get("/device"))


async def test_serial_is_stored_without_hyphens(http: ClientSession) -> None:
    """They are for the eye; the mask holds for further tokens too."""
    hyphens = "01-23-45-67-89-AB-CD-EF"
    created = await create(http, **LORAWAN, serie_number=hyphens)

    assert ["My first device"] == await names(http, f"/device?serial={EUI}")
    body = {"device": created["device_id"], "name": "t"}
    path = "/device/token"
    for serial, message in (
        (EUI, f"serie_number {EUI} is already in use in this profile"),
        ("short", "serie_number must match FF-FF-FF-FF-FF-FF-FF-FF, the network's mask"),
    ):
        response = await http.post(path, json={**body, "serie_number": serial})
        assert (400, message) == await refusal(response)
    await result(await http.post(path, json={**body, "serie_number": "f" * 16}))


async def test_network_of_ones_own_says_what_serials_it_wants(http: ClientSession) -> None:
    """The format is the network's to choose."""
    serial_number = {"mask": "A-00", "required": True, "label": None}
    made = await result(
        await http.post(NETWORKS, json={"name": "Our own", "serial_number": serial_number})
    )
    body = {**DEVICE, **made, "connector": UNKNOWN}
    response = await http.post("/device", json={**body, "serie_number": "123"})

    assert (400, "serie_number must match A-00, the network's mask") == await refusal(response)
    await create(http, **body, serie_number="x-12")
    assert 1 == len(await result(await http.get("/device?serial=x12")))


@pytest.mark.parametrize(
    ("mask", "serial", "stored"),
    [
        (None, "any-thing", "any-thing"),
        ("", "any", "any"),
        ("FF", "aF", "aF"),
        ("FF", "aG", None),
        ("FF", "a", None),
        ("FF", "aaa", None),
        ("FF", "a-F", None),
        ("F-F", "a-F", "aF"),
        ("F-F", "aF", "aF"),
        ("PP", "z9", "z9"),
        ("PP", "z_", None),
        ("PP", "é9", None),
        ("00", "19", "19"),
        ("00", "1a", None),
        ("00", "\u0661\u0662", None),
        ("AA", "zQ", "zQ"),
        ("AA", "z1", None),
        ("x0.", "x1.", "x1."),
        ("x0.", "x1y", None),
    ],
)
def test_masks_let_through_what_they_say(mask: str | None, serial: str, stored: str | None) -> None:
    """Each symbol is one character of its class; other characters stand for themselves."""
    assert stored == SerialNumber(mask=mask).stored(serial)


SYMBOLS = {
    "F": string.hexdigits,
    "P": string.ascii_letters + string.digits,
    "0": string.digits,
    "A": string.ascii_letters,
    "-": "-",
}


@given(st.data(), st.text(alphabet="FP0A-", min_size=1, max_size=20))
def test_what_a_mask_describes_is_stored_without_hyphens(data: st.DataObject, mask: str) -> None:
    """A text made after a mask passes, with its hyphens and without."""
    text = "".join(data.draw(st.sampled_from(SYMBOLS[symbol])) for symbol in mask)
    bare = text.replace("-", "")

    assert [bare, bare] == [SerialNumber(mask=mask).stored(form) for form in (text, bare)]
