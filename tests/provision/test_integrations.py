"""Networks and connectors by name: the well-known ones, and those that the service lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagodev import Connector, Network
from tagodev.emulator._model.public_networks import PUBLIC_CONNECTORS, PUBLIC_NETWORKS
from tagodev.provision import (
    Integrations,
    integration_names,
    read_devices,
    resolve_integrations,
)
from tagodev.provision._integrations import Resolver
from tagodev.provision._public_networks import WELL_KNOWN, PublicNetwork
from tests.provision.files import problems_in, write
from tests.support.answers import ok, refused
from tests.support.clients import client
from tests.support.servers import ScriptedServer, in_turn

if TYPE_CHECKING:
    from tagodev import Tago
    from tagodev.emulator import Emulator

REFERENCE = Path(__file__).parents[3] / "shared/reference/well-known-ids.md"
CHIRPSTACK = ("5fd117be93c6500029660b31", "5fdbe260ff09b30028a9f61c")
PROBE = "4" * 24
A, B, C = (letter * 24 for letter in "abc")
LIVE = Integrations(
    networks=(
        Network(id=A, name="Our LoRaWAN"),
        Network(id=B, name="ChirpStack"),
        Network(id=C, name="Twin"),
        Network(id="d" * 24, name="twin"),
    ),
    connectors=(
        Connector(id="1" * 24, name="EM300", networks=(A,)),
        Connector(id="2" * 24, name="Custom ChirpStack", networks=(B,)),
        Connector(id="3" * 24, name="Meter", networks=(A, C)),
        Connector(id="4" * 24, name="Probe", networks=(A,)),
        Connector(id="5" * 24, name="Probe", networks=(C,)),
        Connector(id="6" * 24, name="Probe", networks=(C,)),
    ),
)


def pair_in(path: Path, resolve: Integrations | None = None) -> tuple[str, str]:
    """Return network and connector of a file's only device."""
    (row,) = read_devices(path, resolve=resolve)
    return row.device.network, row.device.connector


# --- well known --------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", WELL_KNOWN, ids=lambda entry: entry.name)
def test_either_name_gives_both_ids(tmp_path: Path, entry: PublicNetwork) -> None:
    """A network's name gives the connector, a connector's the network; spelling does not matter."""
    for name in (
        entry.name,
        *entry.aliases,
        entry.name.upper().replace(" ", "_"),
        f" {entry.name}",
    ):
        for column in ("network", "connector"):
            path = write(tmp_path, f"name,{column}\na,{name}\n")
            assert (entry.network, entry.connector) == pair_in(path)


@pytest.mark.parametrize(
    "name",
    ["chirpstack", "custom https", "custom mqtt", "storage", "ttn", "the things industries v3"],
)
def test_names_that_people_use(tmp_path: Path, name: str) -> None:
    """These are promised."""
    assert 1 == read_devices(write(tmp_path, f"name,network\na,{name}\n")).rows


def test_one_id_of_a_well_known_pair_gives_the_other(tmp_path: Path) -> None:
    """Whoever copied one id need not look for the other; but the row gives one only."""
    for column, given in zip(("network", "connector"), CHIRPSTACK, strict=True):
        (row,) = read_devices(write(tmp_path, f"name,{column}\na,{given}\n"))
        assert CHIRPSTACK == (row.device.network, row.device.connector)
        assert {"name", column} == row.given


def test_ids_are_taken_as_they_are(tmp_path: Path) -> None:
    """A pair of one's own is nobody's to judge."""
    assert (A, B) == pair_in(write(tmp_path, f"name,network,connector\na,{A},{B}\n"))


def test_names_that_are_not_known(tmp_path: Path) -> None:
    """Each is told with the likeliest, or with what there is."""
    path = write(tmp_path, "name,network,connector\na,chirpstak,\nb,,mqqt\nc,zzz,\nd,mqtt,zzz\n")
    known = (
        "Custom HTTPS, Custom MQTT, Storage, The Things Industries v3, ChirpStack, Everynet, "
        "Helium, Loriot, Sigfox"
    )

    assert problems_in(path) == [
        "2: network (column B): no network is named 'chirpstak'; did you mean ChirpStack?",
        "3: connector (column C): no connector is named 'mqqt'; did you mean Custom MQTT?",
        f"4: network (column B): no network is named 'zzz'. Use its id, or one of: {known}",
        f"5: connector (column C): no connector is named 'zzz'. Use its id, or one of: {known}",
    ]


def test_the_table_is_what_was_published() -> None:
    """The ids are those of the reference, and those that the emulator has."""
    for entry in WELL_KNOWN:
        assert entry.network in PUBLIC_NETWORKS
        assert [entry.network] == list(PUBLIC_CONNECTORS[entry.connector].networks)
    if not REFERENCE.exists():
        pytest.skip("the reference is not here")
    rows = re.findall(r"\| ([0-9a-f]{24}) \| ([0-9a-f]{24}) \|", REFERENCE.read_text("utf-8"))
    assert rows == [(entry.network, entry.connector) for entry in WELL_KNOWN]


# --- what the service lists --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "connector", "expected"),
    [
        ("our lorawan", "em300", (A, "1" * 24)),
        ("", "EM300", (A, "1" * 24)),
        ("chirpstack", "", (B, "2" * 24)),
        ("Our LoRaWAN", "probe", (A, "4" * 24)),
        (C, "Meter", (C, "3" * 24)),
        ("", "1" * 24, (A, "1" * 24)),
    ],
)
def test_names_of_ones_own(
    tmp_path: Path, network: str, connector: str, expected: tuple[str, str]
) -> None:
    """The service's own names go before the well-known ones; one gives the other if it can."""
    path = write(tmp_path, f"name,network,connector\na,{network},{connector}\n")

    assert expected == pair_in(path, LIVE)


@pytest.mark.parametrize(
    ("network", "connector", "expected"),
    [
        (
            "twin",
            "",
            f"network (column B): 2 networks are named 'twin'. Use an id instead: {C}, ",
        ),
        (
            "",
            "Probe",
            f"connector (column C): 3 connectors are named 'Probe'. Use an id instead: {PROBE}",
        ),
        (C, "Probe", "connector (column C): 2 connectors are named 'Probe'. Use an id instead"),
        (
            "our lorawan",
            "",
            "network (column B): has 3 connectors; the row must name one. Use one of: EM300, ",
        ),
        (
            "",
            "meter",
            "connector (column C): has 2 networks; the row must name one. Use one of: Our L",
        ),
        ("chirpstack", "em300", "connector (column C): does not belong to this network"),
        (
            "",
            "EM3000",
            "connector (column C): no connector is named 'EM3000'; did you mean EM300?",
        ),
        # The service lists networks, and this one is not among them.
        ("mqtt", "", "network (column B): no network is named 'mqtt'. Use its id, or one of: "),
    ],
)
def test_names_that_the_service_does_not_settle(
    tmp_path: Path, network: str, connector: str, expected: str
) -> None:
    """What is ambiguous is told with what there is to choose from."""
    path = write(tmp_path, f"name,network,connector\na,{network},{connector}\n")
    (problem,) = problems_in(path, resolve=LIVE)

    assert problem.startswith(f"2: {expected}")


@pytest.mark.parametrize("count", [2, 5, 6, 7])
def test_as_many_names_as_a_message_lists(count: int) -> None:
    """Five are listed, and of further ones how many there are, if there are any."""
    listed = [Connector(id=f"{n:024x}", name=f"c{n}", networks=(A,)) for n in range(count)]
    live = Integrations((Network(id=A, name="mine"),), tuple(listed))
    found, (problem,) = Resolver(live).resolve("mine", None)

    names = ", ".join(f"c{n}" for n in range(min(count, 5)))
    assert {"network": A} == found
    assert f"Use one of: {names}{f' and {count - 5} more' if count > 5 else ''}" == problem.hint


def test_what_the_service_is_asked_for(tmp_path: Path) -> None:
    """Names, and ids whose other half is not well known: of rows and of defaults."""
    path = write(
        tmp_path,
        "name,Net,connector\n"
        f"a,chirpstack,\nb,{A},{B}\nc,,{B}\nd,,{CHIRPSTACK[1]}\ne,,\nf,mine,yours\n,,\n",
    )
    columns = {"net": "network"}

    assert {"chirpstack", B, "mine", "yours"} == integration_names(path, columns=columns)
    # The default gives that connector its network.
    assert {"chirpstack", "mine", "yours", "Helium"} == integration_names(
        path, columns=columns, defaults={"Network": "Helium"}
    )
    assert frozenset() == integration_names(tmp_path / "missing.csv")


async def test_names_are_looked_up(emulator: Emulator, tago: Tago, tmp_path: Path) -> None:
    """Two requests find them all, and the devices that follow can be made."""
    path = write(tmp_path, "name,network,connector\na,,Custom ChirpStack\nb,tagoio storage,\n")
    names = integration_names(path)
    found = await resolve_integrations(tago, names)
    requests = emulator.stats()["routes"]
    devices = [row.device for row in read_devices(path, resolve=found)]

    assert {"Custom ChirpStack", "tagoio storage"} == names
    assert [CHIRPSTACK, ("62336c32ab6e0d0012e06c04", "62333bd36977fc001a2990c8")] == [
        (device.network, device.connector) for device in devices
    ]
    assert {"GET /integration/network", "GET /integration/connector"} == set(requests)


async def test_nothing_is_asked_for_nothing() -> None:
    """A file with ids costs no request."""
    async with ScriptedServer(in_turn()) as server, client(server.url) as tago:
        assert not await resolve_integrations(tago, frozenset())
    assert [] == server.received


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_token_that_may_not_ask(tmp_path: Path, status: int) -> None:
    """The well-known names remain."""
    path = write(tmp_path, "name,network\na,chirpstack\n")
    script = in_turn(refused(status, "Authorization denied"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        found = await resolve_integrations(tago, {"chirpstack"})

    assert CHIRPSTACK == pair_in(path, found)


async def test_lists_are_read_lean() -> None:
    """No logos, and no payload parsers of hundreds of connectors."""
    answers = (ok([{"id": A, "name": "x"}]), ok([{"id": B, "name": "y", "networks": [A]}]))
    async with ScriptedServer(in_turn(*answers)) as server, client(server.url) as tago:
        found = await resolve_integrations(tago, {"x"})

    assert (A, (A,)) == (found.networks[0].id, found.connectors[0].networks)
    assert not any("logo" in one.target or "payload" in one.target for one in server.received)
