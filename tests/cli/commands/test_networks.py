"""Networks, connectors, their tokens and service authorizations are changed by commands."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev._cli.options.service import ServiceOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.support import Done, InProcess

HTTPS = "5bbd0d144051a50034cd19fb"
UNKNOWN = "f" * 24


def listed(done: Done) -> list[dict[str, Any]]:
    """Return the array that standard output must be."""
    assert (0, "") == (done.code, done.err)
    found: list[dict[str, Any]] = orjson.loads(done.out)
    return found


@pytest.fixture(autouse=True)
def cleared(inside: InProcess) -> Iterator[None]:
    """Leave no networks and connectors of the profile's own."""
    yield
    for noun in ("network", "connector"):
        for one in listed(inside(noun, "list", "--own", "--json")):
            assert 0 == inside(noun, "delete", one["id"], "--yes").code


@pytest.fixture
def network(inside: InProcess) -> str:
    """Give the id of a new network."""
    made: str = inside("network", "create", "Ours", "--serial-mask", "FF-FF", "--json").json()["id"]
    return made


def test_a_network(inside: InProcess, network: str, tmp_path: Path) -> None:
    """It is made, edited by name, where what is not given stays, and deleted by id."""
    source = tmp_path / "parser.js"
    source.write_text("payload = [];")
    done = inside(
        *("network", "edit", "Ours", "--name", "Yours", "--description", "in the cellar"),
        *("--serial-case", "upper", "--serial-required", "--devices-access"),
        *("--middleware-endpoint", "lora.example.com", "--payload-decoder", str(source)),
    )
    assert (0, f"edited {network}  Ours\n") == (done.code, done.out)
    info = inside("network", "info", network, "--json").json()
    assert ("Yours", "in the cellar", "lora.example.com", True) == (
        info["name"],
        info["description"],
        info["middleware_endpoint"],
        info["require_devices_access"],
    )
    serial = info["serial_number"]
    assert ("FF-FF", "upper", True) == (serial["mask"], serial["case"], serial["required"])
    assert [network] == [one["id"] for one in listed(inside("network", "list", "--own", "--json"))]
    inside("network", "edit", network, "--serial-optional", "--no-devices-access", "--json")
    info = inside("network", "info", network, "--json").json()
    serial = info["serial_number"]
    assert (False, "FF-FF", False) == (
        info["require_devices_access"],
        serial["mask"],
        serial["required"],
    )
    assert {"deleted": {"id": network, "name": "Yours"}} == inside(
        "network", "delete", network, "--yes", "--json"
    ).json()
    assert [] == listed(inside("network", "list", "--own", "--json"))


def test_the_source_of_a_parser(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored in Base64; a file that is too large or not there is refused."""
    source = tmp_path / "parser.js"
    source.write_text("payload = [];")
    made = inside("connector", "create", "Probe", "--payload-decoder", str(source), "--json").json()
    assert 0 == inside("connector", "edit", made["id"], "--payload-decoder", str(source)).code
    stored = ServiceOptions().run(lambda tago: tago.connectors.info(made["id"]))
    assert base64.b64encode(source.read_bytes()).decode() == stored.payload_decoder
    missing = inside("connector", "create", "Probe", "--payload-decoder", str(tmp_path / "x"))
    assert (2, True) == (missing.code, "--payload-decoder: can't read" in missing.err)
    monkeypatch.setattr("tagodev._cli.options.integrations._MAX_SOURCE", 3)
    large = inside("connector", "create", "Probe", "--payload-decoder", str(source))
    assert (2, True) == (large.code, "is larger than 3 bytes" in large.err)


def test_a_connector(inside: InProcess, network: str) -> None:
    """It is made for networks, edited, and deleted after it was shown."""
    made = inside(
        *("connector", "create", "Probe", "--network", HTTPS, "--network", network),
        *("--install-text", "Switch it on", "--json"),
    ).json()
    edited = inside("connector", "edit", "Probe", "--network", HTTPS, "--json").json()
    assert {"edited": {"id": made["id"], "name": "Probe"}} == edited
    info = inside("connector", "info", made["id"], "--json").json()
    assert ([HTTPS], "Switch it on") == (info["networks"], info["install_text"])
    shown = inside("connector", "delete", "Probe", "--dry-run", "--json").json()
    assert ("delete", [{"id": made["id"], "name": "Probe"}]) == (
        shown["operation"],
        shown["items"],
    )
    assert f"deleted {made['id']}  Probe\n" == inside("connector", "delete", "Probe", "--yes").out
    assert 4 == inside("connector", "info", made["id"]).code


def test_tokens_of_a_network(inside: InProcess, network: str) -> None:
    """They are masked unless they are asked for, and deleted by name or by how they begin."""
    made = inside(
        *("network", "token", "create", "Ours", "server", "--expires", "30 days"),
        *("--permission", "read", "--show-tokens", "--json"),
    ).json()
    assert ("server", network, "n-") == (made["name"], made["network"], made["token"][:2])
    other = inside("network", "token", "create", network, "other")
    assert f"tagodev network token list {network} --show-tokens" in other.err
    tokens = listed(inside("network", "token", "list", "Ours", "--json"))
    assert {"server", "other"} == {one["name"] for one in tokens}
    assert made["token"] not in f"{tokens}{other.out}"
    assert made["token"] in inside("network", "token", "list", "Ours", "--show-tokens").out
    unknown = inside("network", "token", "delete", "Ours", "nonsense", "--yes")
    assert (2, True) == (unknown.code, "matches none of the network's 2 tokens" in unknown.err)
    assert 2 == inside("network", "token", "delete", "Ours", "server").code
    done = inside("network", "token", "delete", "Ours", "server", "--yes")
    assert f"deleted server {made['token'][:4]}…\n" == done.out
    assert {"deleted": {"name": "other", "token": tokens[0]["token"]}} == inside(
        "network", "token", "delete", "Ours", "other", "--yes", "--json"
    ).json()
    assert "No tokens" in inside("network", "token", "list", "Ours").err


def test_service_authorizations(inside: InProcess) -> None:
    """Token and verification code are masked unless they are asked for."""
    made = inside(
        *("service-token", "create", "LoRa server", "--verification-code", "hush-hush-4711"),
        *("--show-tokens", "--json"),
    ).json()
    assert ("LoRa server", "at", 34) == (made["name"], made["token"][:2], len(made["token"]))
    done = inside("service-token", "list", "--json")
    assert "LoRa server" in [one["name"] for one in listed(done)]
    assert not any(one in done.out for one in (made["token"], "hush-hush-4711"))
    whole = inside("service-token", "list", "--show-tokens", "--csv").out
    assert all(one in whole for one in (made["token"], "hush-hush-4711"))
    assert "service-token list --show-tokens" in inside("service-token", "create", "more").err
    assert "more" in inside("service-token", "delete", "more", "--dry-run").err
    assert 0 == inside("service-token", "delete", "more", "--yes").code
    assert 0 == inside("service-token", "delete", made["token"][:12], "--yes", "--json").code
    names = [one["name"] for one in listed(inside("service-token", "list", "--json"))]
    assert not {"more", "LoRa server"} & {*names}


def test_profiles(inside: InProcess) -> None:
    """The profiles of the account are listed, that of the token among them."""
    (one,) = listed(inside("profile", "list", "--json"))

    assert 24 == len(one["id"])
    assert one["id"] in inside("profile", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("network", "edit", "Ours"), 2, "give at least one field"),
        (("connector", "edit", "Probe"), 2, "give at least one field"),
        (("network", "edit", "Nonsense", "--name", "x"), 4, "no network with the id or name"),
        (("connector", "delete", "Nonsense", "--yes"), 4, "no connector with the id or name"),
        (("network", "delete", UNKNOWN, "--yes"), 4, "404"),
        (("network", "delete", HTTPS, "--yes"), 5, "401"),
        (("network", "delete", "Ours"), 2, "--yes"),
        (("network", "edit", "Twice", "--name", "x"), 2, "2 networks have the name"),
        (("network", "create", " "), 2, "must not be empty"),
        (("network", "token", "create", "Ours", "x", "--expires", "soon"), 2, "expire"),
        (("service-token", "delete", "nonsense", "--yes"), 2, "of the profile's"),
    ],
)
@pytest.mark.usefixtures("network")
def test_errors(inside: InProcess, arguments: tuple[str, ...], code: int, told: str) -> None:
    """What is not there, what is not the profile's own, and what can't be meant."""
    for _ in range(2 if "Twice" in arguments else 0):
        inside("network", "create", "Twice")
    done = inside(*arguments)

    assert (code, "") == (done.code, done.out)
    assert told in done.err
