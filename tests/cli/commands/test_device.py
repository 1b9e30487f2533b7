"""``tagodev device``: one device at a time, against the emulator."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from tests.cli.support import Done, InProcess


@pytest.fixture
def site(request: pytest.FixtureRequest) -> str:
    """Give a value for a tag that no other test uses."""
    name: str = request.node.name
    return name


def make(inside: InProcess, name: str, *options: str) -> str:
    """Make a device and return its id."""
    done = inside("device", "create", name, *options, "--json")
    assert done.code == 0, done.err
    device_id: str = done.json()["id"]
    return device_id


def listed(done: Done) -> list[dict[str, Any]]:
    """Return the array that standard output must be."""
    assert (0, "") == (done.code, done.err)
    found: list[dict[str, Any]] = orjson.loads(done.out)
    return found


def test_create_and_info(inside: InProcess, site: str) -> None:
    """What is given is what the device has; its token is shown by how it begins."""
    made = inside(
        *("device", "create", "Cold room 3", "--tag", f"site={site}", "--tag", "note=a=b"),
        *("--param", "check_rate=600", "--description", "By the door", "--inactive", "--hidden"),
        *("--type", "immutable", "--chunk-period", "day", "--chunk-retention", "7"),
        "--json",
    ).json()
    info = inside("device", "info", made["id"], "--tokens", "--json").json()

    assert ["id", "name", "token"] == list(made)
    assert made["token"].endswith("…")
    expected = {
        "id": made["id"],
        "name": "Cold room 3",
        "description": "By the door",
        "active": False,
        "visible": False,
        "type": "immutable",
        "chunk_period": "day",
        "chunk_retention": 7,
        "tags": [{"key": "site", "value": site}, {"key": "note", "value": "a=b"}],
    }
    assert expected == {key: info[key] for key in expected}
    assert [("check_rate", "600", False)] == [
        (one["key"], one["value"], one["sent"]) for one in info["params"]
    ]
    assert [("Default", made["token"])] == [(one["name"], one["token"]) for one in info["tokens"]]


def test_whole_tokens_for_whom_asks(inside: InProcess) -> None:
    """--show-tokens is made for just that; without it, it is told where to find the whole."""
    quiet = inside("device", "create", "quiet")
    assert f"tagodev token list {quiet.out.split()[1]} --show-tokens" in quiet.err
    made = inside("device", "create", "loud", "--show-tokens", "--json").json()
    token = made["token"]
    assert 36 == len(token)
    shown = inside("device", "info", made["id"], "--show-tokens").out
    hidden = inside("device", "info", made["id"], "--tokens").out
    without = inside("device", "info", made["id"]).out

    assert token in shown
    assert token not in hidden
    assert f"{token[:4]}…" in hidden
    assert f"{token[:4]}…" not in without


def test_list_as_text(inside: InProcess, site: str) -> None:
    """A person sees id, name, state, last input and tags, by name."""
    second = make(inside, "b", "--tag", f"site={site}", "--inactive")
    first = make(inside, "a", "--tag", f"site={site}")
    done = inside("device", "list", "--tag", f"site={site}")

    assert [
        ["id", "name", "active", "last_input", "tags"],
        [first, "a", "yes", "-", f"site={site}"],
        [second, "b", "no", "-", f"site={site}"],
    ] == [line.split() for line in done.out.splitlines()]
    assert "" == done.err


def test_list_for_programs(inside: InProcess, site: str) -> None:
    """JSON and CSV hold what a list gives, or what was asked for."""
    device_id = make(inside, "a, b", "--tag", f"site={site}", "--tag", "room=3")
    mine = ("device", "list", "--tag", f"site={site}")
    everything = listed(inside(*mine, "--json"))
    rows = list(csv.DictReader(io.StringIO(inside(*mine, "--csv").out)))

    assert ["id", "name", "tags"] == list(everything[0])[:3]
    assert (device_id, "a, b", "3", "true") == (
        rows[0]["id"],
        rows[0]["name"],
        rows[0]["tag.room"],
        rows[0]["active"],
    )
    chosen = ("--fields", "tag.room,network_name,id")
    assert [{"tag.room": "3", "network_name": "Custom HTTPS", "id": device_id}] == listed(
        inside(*mine, *chosen, "--json")
    )
    assert (
        f"tag.room,network_name,id\n3,Custom HTTPS,{device_id}\n"
        == inside(*mine, *chosen, "--csv").out
    )


def test_filters(inside: InProcess, site: str) -> None:
    """Each filter narrows the list, and several do so together."""
    tag = ("--tag", f"site={site}")
    for name, *options in (
        ("warm 1",),
        ("warm 2", "--inactive"),
        ("cold 1", "--tag", "room=1"),
        ("cold 2", "--tag", "room=2", "--type", "immutable", "--chunk-period", "day"),
    ):
        if "immutable" in options:
            options += ["--chunk-retention", "1"]
        make(inside, name, *tag, *options)

    def names(*filters: str) -> list[str]:
        return [one["name"] for one in listed(inside("device", "list", *tag, *filters, "--json"))]

    assert ["cold 1", "cold 2", "warm 1", "warm 2"] == names()
    assert ["cold 1", "cold 2"] == names("--tag", "room")
    assert ["cold 2"] == names("--tag", "room=2")
    assert ["warm 1", "warm 2"] == names("--name", "*arm*")
    assert ["warm 2"] == names("--inactive")
    assert ["cold 1", "cold 2", "warm 1"] == names("--active")
    assert ["cold 2"] == names("--type", "immutable")
    assert ["cold 1", "cold 2"] == names("--limit", "2")
    assert 4 == len(names("--network", "5bbd0d144051a50034cd19fb"))
    assert [] == names("--connector", "5f5a8f3351d4db99c40dece6")
    assert [] == names("--tag", "nobody")


def test_serials(inside: InProcess, site: str) -> None:
    """A serial number, which lists do not show, finds its device."""
    device_id = make(inside, "with serial", "--serial", f"serial-{site}")
    found = listed(inside("device", "list", "--serial", f"serial-{site}", "--json"))

    assert [device_id] == [one["id"] for one in found]


def test_edit(inside: InProcess, site: str) -> None:
    """Fields and tags become what --set says; other tags stay, unless they are to be replaced."""
    device_id = make(inside, "old", "--tag", f"site={site}", "--tag", "room=1")
    done = inside(
        *("device", "edit", device_id, "--set", "name=new", "--set", "active=false"),
        *("--set", "tag.room=2", "--set", "tag.floor=1"),
    )
    assert (0, f"edited {device_id}  old\n") == (done.code, done.out)
    info = inside("device", "info", device_id, "--json").json()
    assert ("new", False) == (info["name"], info["active"])
    assert {"site": site, "room": "2", "floor": "1"} == {
        tag["key"]: tag["value"] for tag in info["tags"]
    }
    inside("device", "edit", device_id, "--unset", "tag.floor")
    again = inside("device", "edit", device_id, "--set", "tag.room=2", "--json").json()
    assert [device_id] == [one["id"] for one in again["unchanged"]]
    inside("device", "edit", device_id, "--set", "tag.room=3", "--replace-tags")
    info = inside("device", "info", device_id, "--json").json()
    assert [{"key": "room", "value": "3"}] == info["tags"]


def test_edit_several_by_name(inside: InProcess, site: str) -> None:
    """Several devices that are named are changed one by one, without a journal."""
    names = [f"{site}-{n}" for n in range(3)]
    ids = [make(inside, name) for name in names]
    done = inside("device", "edit", *names, "--set", "description=together", "--json")

    assert ids == [one["id"] for one in done.json()["edited"]]


def test_delete(inside: InProcess, site: str) -> None:
    """A device that is named is gone with --yes."""
    device_id = make(inside, site)
    done = inside("device", "delete", site, "--yes")

    assert (0, f"deleted {device_id}  {site}\n") == (done.code, done.out)
    assert inside("device", "info", device_id).code == 4


def test_one_of_several_fails(inside: InProcess, site: str) -> None:
    """6: the others are done, and each failure is told with its reason."""
    good = make(inside, "good")
    protected = make(inside, "protected", "--tag", "_delete_protection_=")
    done = inside("device", "delete", protected, good, "--yes", "--json")

    assert done.code == 6
    answer = done.json()
    assert [good] == [one["id"] for one in answer["deleted"]]
    assert [protected] == [one["id"] for one in answer["failed"]]
    assert answer["failed"][0]["error"] in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("info", "f" * 24), 4, "404"),
        (("info", "Nobody at all"), 4, "no device with the id or name 'Nobody at all'"),
        (("delete",), 2, "is missing: give ids, names or a filter"),
        (("delete", "--limit", "5", "--yes"), 2, "is missing: give ids, names or a filter"),
        (("delete", "f" * 24, "--tag", "a=b", "--yes"), 2, "can't be combined with a filter"),
        (("edit", "f" * 24), 2, "give at least one"),
        (("edit", "--set", "active=no"), 2, "is missing: give ids, names or a filter"),
        (("edit", "--tag", "a", "--set", "name=x"), 2, "needs DEVICES"),
        (("create", " "), 2, "name"),
        (("create", "x", "--tag", "=7"), 2, "--tag"),
        (("create", "x", "--type", "immutable"), 2, "chunk_period"),
        (("create", "x", "--network", "f" * 24), 2, "must be given together"),
        (("list", "--fields", "nonsense"), 2, "unknown field"),
        (("list", "--limit", "0"), 2, "--limit"),
        (("list", "--type", "solid"), 2, "solid"),
        (("list", "--nonsense"), 2, "nonsense"),
    ],
)
def test_errors(inside: InProcess, arguments: tuple[str, ...], code: int, told: str) -> None:
    """What can't be done is told in a line, with the exit code that says why."""
    done = inside("device", *arguments)

    assert (code, "") == (done.code, done.out)
    assert told in done.err


def test_a_wrong_token(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """5: the token is not taken, and not shown."""
    monkeypatch.setenv("TAGOIO_TOKEN", "p-00000000-0000-0000-0000-000000000000")
    done = inside("device", "list", "--plan", "scale")

    assert done.code == 5
    assert "p-00000000-0000-0000-0000-000000000000" not in done.err


def test_nobody_is_asked_where_nobody_is(inside: InProcess, site: str) -> None:
    """2: without a terminal a deletion needs --yes, and nothing is done."""
    device_id = make(inside, site)
    done = inside("device", "delete", device_id)

    assert done.code == 2
    assert "--yes" in done.err
    assert inside("device", "info", device_id).code == 0
