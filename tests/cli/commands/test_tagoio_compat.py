"""The flat commands of TagoIO's own tool, as its users type them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev._cli.aliases import as_grouped

if TYPE_CHECKING:
    from tests.cli.support import Done, InProcess


@pytest.fixture
def site(request: pytest.FixtureRequest) -> str:
    """Give a value for a tag that no other test uses."""
    name: str = request.node.name
    return name


@pytest.fixture
def device(inside: InProcess, site: str) -> str:
    """Give the id of a new device."""
    made: str = inside("device-create", "Cold room 3", "-k", "site", "-v", site, "--json").json()[
        "id"
    ]
    return made


def parsed(done: Done) -> Any:
    """Return what standard output holds."""
    assert done.code == 0, done.err
    return orjson.loads(done.out)


def test_list(inside: InProcess, device: str, site: str) -> None:
    """A part of a name, tags by key and value, and each way to ask for JSON."""
    mine = ("-k", "site", "-v", site)
    text = inside("device-list", *mine).out
    assert ["id", "name", "active", "last_input"] == text.splitlines()[0].split()
    assert f"site={site}" in inside("device-list", *mine, "--tags").out
    for form in ("--json", "--raw", "-s", "--stringify"):
        assert [device] == [one["id"] for one in parsed(inside("dl", *mine, "-n", "oom", form))]
    assert [] == parsed(inside("dl", *mine, "--name", "kitchen", "--json"))
    assert [device] == [
        one["id"] for one in parsed(inside("dl", *mine, "--tagkey", "site", "--json"))
    ]
    assert 2 == inside("dl", "-v", "alone").code


def test_info(inside: InProcess, device: str) -> None:
    """With -t tokens are shown, too: by how they begin, also to whoever wants JSON."""
    info = parsed(inside("device-info", device, "--json"))
    assert ("Cold room 3", True) == (info["name"], "tokens" not in info)
    tokens = parsed(inside("info", device, "-t", "--raw"))["tokens"]
    assert ["…"] == [one["token"][-1] for one in tokens]


def test_edit(inside: InProcess, device: str, site: str) -> None:
    """Tags go unless they are to be merged, as the official tool has it."""
    inside("device-edit", device, "-n", "Cold room 4", "--inactive", "--description", "new")
    inside("dv-ed", device, "-k", "room", "-v", "4", "--merge-tags")
    info = parsed(inside("info", device, "--json"))
    assert ("Cold room 4", False, "new") == (info["name"], info["active"], info["description"])
    assert {"site": site, "room": "4"} == {one["key"]: one["value"] for one in info["tags"]}
    inside("device-edit", device, "-k", "room", "--active")
    info = parsed(inside("info", device, "--json"))
    assert (True, [{"key": "room", "value": ""}]) == (info["active"], info["tags"])


def test_network(inside: InProcess, device: str) -> None:
    """Network and connector are changed together, once the device has no token."""
    inside("token", "delete", device, "Default", "--yes")
    mqtt = ("5bbd0de44051a50034cd19fc", "5f5a8f3351d4db99c40dece6")
    assert 0 == inside("device-network", device, "-n", mqtt[0], "-c", mqtt[1]).code
    info = parsed(inside("info", device, "--json"))
    assert mqtt == (info["network"], info["connector"])


def test_tokens(inside: InProcess, device: str) -> None:
    """Tokens are made, listed and deleted by one command."""
    made = parsed(
        inside("device-token", device, "--create", "field", "--permission", "write", "--json")
    )
    assert ("field", "write") == (made["name"], made["permission"])
    assert 2 == len(parsed(inside("dv-tkn", device, "--list", "--json")))
    assert 2 == inside("device-token", device, "--list", "--create", "x").code
    assert 0 == inside("device-token", device, "--delete", "field", "-y").code
    assert 1 == len(parsed(inside("device-token", device, "--json")))


def test_params(inside: InProcess, device: str) -> None:
    """Parameters are set, marked as read, listed and deleted by one command."""
    assert 0 == inside("device-param", device, "--set", "a=1", "--set", "b=x=y", "--sent").code
    params = parsed(inside("dv-prm", device, "--list", "--json"))
    assert [("a", "1", True), ("b", "x=y", True)] == [
        (one["key"], one["value"], one["sent"]) for one in params
    ]
    assert 2 == inside("device-param", device, "--set", "a=1", "--delete", "b").code
    assert 0 == inside("device-param", device, "--delete", params[0]["id"], "--silent").code
    assert ["b"] == [one["key"] for one in parsed(inside("device-param", device, "--json"))]


def test_data(inside: InProcess, device: str) -> None:
    """``data ID`` reads and, with --post, sends, beside the group of the same name."""
    post = '[{"variable": "t", "value": 1}, {"variable": "t", "value": 2, "unit": "C"}]'
    assert "accepted 2\n" == inside("data-post", device, post).out
    assert "accepted 1\n" == inside("data", device, "--post", '{"variable": "x"}').out
    assert 3 == len(parsed(inside("data", device, "--json")))
    assert 1 == len(parsed(inside("data-get", device, "-v", "t", "--qty", "1", "--stringify")))
    assert "3\n" == inside("data", device, "-q", "count").out
    assert [1] == [
        one["value"] for one in parsed(inside("data", device, "-v", "t", "-q", "min", "--json"))
    ]
    assert [] == parsed(inside("data", device, "--end-date", "2020-01-01", "-g", "g", "--json"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("5", "must be an object"),
        ('[{"variable": "t"}, 5]', "must be an object"),
        ('{"variable": "t", "serie": "x"}', "[0].serie: is not a field of a register"),
        ('{"value": 1}', "variable"),
        ('{"variable": "a b"}', "not allowed in a variable name"),
    ],
)
def test_data_that_is_none(inside: InProcess, device: str, text: str, told: str) -> None:
    """2: what can't be sent is told, and nothing is sent."""
    done = inside("data-post", device, text)

    assert (2, "") == (done.code, done.out)
    assert told in done.err
    assert "0\n" == inside("data", "count", device).out


def test_delete(inside: InProcess, device: str) -> None:
    """With -y or --silent nothing is asked."""
    assert 2 == inside("device-delete", device).code
    assert 0 == inside("dv-dlt", device, "--silent").code
    assert 4 == inside("device-info", device).code


def test_they_are_hidden(inside: InProcess) -> None:
    """The help shows one way to do each thing."""
    help_text = inside("--help").out

    assert "device-list" not in help_text
    assert " dl " not in help_text


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["data", "f" * 24, "-v", "t"], ["data-get", "f" * 24, "-v", "t"]),
        (["data", "list", "f" * 24], ["data", "list", "f" * 24]),
        (["data"], ["data"]),
        (["data", "--help"], ["data", "--help"]),
        (["device", "f" * 24], ["device", "f" * 24]),
        ([], []),
    ],
)
def test_data_by_an_id(arguments: list[str], meant: list[str]) -> None:
    """Only ``data`` with an id behind it is the official tool's command."""
    assert meant == as_grouped(arguments)
