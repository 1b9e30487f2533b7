"""``tagodev token``, ``param``, ``data``, ``network`` and ``connector``, against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev._cli.commands.data import _value

if TYPE_CHECKING:
    from tests.cli.support import Done, InProcess

HTTPS = "5bbd0d144051a50034cd19fb"


@pytest.fixture
def device(inside: InProcess) -> str:
    """Give the id of a new device."""
    made: str = inside("device", "create", "Cold room 3", "--json").json()["id"]
    return made


def listed(done: Done) -> list[dict[str, Any]]:
    """Return the array that standard output must be."""
    assert (0, "") == (done.code, done.err)
    found: list[dict[str, Any]] = orjson.loads(done.out)
    return found


# --- tokens ------------------------------------------------------------------------------------


def test_tokens(inside: InProcess, device: str) -> None:
    """A token is made, listed by how it begins or as a whole, and deleted by its name."""
    made = inside(
        *("token", "create", device, "gateway", "--permission", "write"),
        *("--expires", "30 days", "--serial", f"s-{device}", "--show-tokens", "--json"),
    ).json()
    assert ("gateway", "write", 36) == (made["name"], made["permission"], len(made["token"]))
    tokens = listed(inside("token", "list", device, "--json"))
    assert {"Default", "gateway"} == {one["name"] for one in tokens}
    shown = next(one for one in tokens if one["name"] == "gateway")
    assert (f"{made['token'][:4]}…", f"s-{device}") == (shown["token"], shown["serie_number"])
    assert shown["expire_time"] is not None
    assert made["token"] in inside("token", "list", device, "--show-tokens").out
    done = inside("token", "delete", device, "gateway", "--yes")
    assert f"deleted gateway {made['token'][:4]}…\n" == done.out
    assert ["Default"] == [one["name"] for one in listed(inside("token", "list", device, "--json"))]


def test_a_token_by_how_it_begins(inside: InProcess, device: str) -> None:
    """What a list shows will do to say which; what fits several or none will not."""
    made = inside("token", "create", device, "same", "--show-tokens", "--json").json()["token"]
    inside("token", "create", device, "same")
    ambiguous = inside("token", "delete", device, "same", "--yes")
    assert (2, True) == (ambiguous.code, "2 of the device's 3 tokens" in ambiguous.err)
    unknown = inside("token", "delete", device, "nonsense", "--yes")
    assert (2, True) == (unknown.code, "matches none of the device's 3 tokens" in unknown.err)
    assert made not in ambiguous.err + unknown.err
    assert 0 == inside("token", "delete", device, f"{made[:4]}…", "--yes", "--json").code
    assert made[:4] not in inside("token", "list", device).out


def test_what_the_accounts_token_is(inside: InProcess) -> None:
    """Its kind and its source are told; the token itself never is."""
    done = inside("token", "info", "--json")

    assert ("profile", "TAGOIO_TOKEN") == (done.json()["type"], done.json()["source"])


def test_tokens_are_not_deleted_unasked(inside: InProcess, device: str) -> None:
    """2: without a terminal it takes --yes."""
    assert 2 == inside("token", "delete", device, "Default").code
    assert 1 == len(listed(inside("token", "list", device, "--json")))


# --- parameters --------------------------------------------------------------------------------


def test_params(inside: InProcess, device: str) -> None:
    """Parameters are set, those with other keys stay; listed by whether they were read; deleted."""
    assert f"set {device}  Cold room 3\n" == inside("param", "set", device, "a=1", "b=x=y").out
    inside("param", "set", device, "b=2", "c=", "--sent")
    params = listed(inside("param", "list", device, "--json"))
    assert {"a": "1", "b": "2", "c": ""} == {one["key"]: one["value"] for one in params}
    unread = listed(inside("param", "list", device, "--not-sent", "--fields", "key", "--json"))
    assert [{"key": "a"}] == unread
    by_id = next(one["id"] for one in params if one["key"] == "a")
    done = inside("param", "delete", device, by_id, "b", "--yes", "--json")
    assert {"a", "b"} == {one["key"] for one in done.json()["deleted"]}
    assert ["c"] == [one["key"] for one in listed(inside("param", "list", device, "--json"))]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("set", "DEVICE"), "give at least one parameter"),
        (("set", "a=1"), "is missing: give ids, names or a filter"),
        (("set", "DEVICE", "=1"), "must be KEY=VALUE"),
        (("delete", "DEVICE", "--yes"), "give the keys"),
        (("delete", "DEVICE", "nonsense", "--yes"), "no parameter nonsense"),
        (("delete", "DEVICE", "a"), "--yes"),
    ],
)
def test_param_errors(
    inside: InProcess, device: str, arguments: tuple[str, ...], told: str
) -> None:
    """2: what can't be meant is told."""
    inside("param", "set", device, "a=1")
    done = inside("param", *(device if one == "DEVICE" else one for one in arguments))

    assert (2, "") == (done.code, done.out)
    assert told in done.err


# --- data --------------------------------------------------------------------------------------


def test_data(inside: InProcess, device: str) -> None:
    """Data is sent with the kind that its text shows, listed, counted and deleted."""
    sent = inside(
        *("data", "send", device, "temperature=21.5", "code=007", "open=true", "count=-3"),
        *("--unit", "C", "--group", "g1", "--location", "35.77,-78.67"),
        *("--time", "2026-03-01T12:00:00Z"),
    )
    assert "accepted 4\n" == sent.out
    registers = listed(inside("data", "list", device, "--json"))
    assert {"temperature": 21.5, "code": "007", "open": True, "count": -3} == {
        one["variable"]: one["value"] for one in registers
    }
    first = registers[0]
    assert ("C", "g1", "2026-03-01T12:00:00Z") == (first["unit"], first["group"], first["time"])
    assert {"lat": 35.77, "lng": -78.67} == first["location"]
    inside("data", "send", device, "temperature=22", "--text", "--time", "2026-03-02T12:00:00Z")
    assert "5\n" == inside("data", "count", device).out
    assert {"count": 2} == inside("data", "count", device, "-v", "temperature", "--json").json()
    text = inside("data", "list", device, "-v", "open", "--fields", "variable,value").out
    assert [["variable", "value"], ["open", "true"]] == [line.split() for line in text.splitlines()]
    done = inside("data", "delete", device, "-v", "temperature", "-v", "code", "--yes", "--json")
    assert {"deleted": 3} == done.json()
    assert "2\n" == inside("data", "count", device).out
    assert "deleted 2\n" == inside("data", "delete", device, "--all", "--yes").out
    assert "deleted 0\n" == inside("data", "delete", device, "--all").out


def test_edited_data(inside: InProcess, device: str) -> None:
    """What is set changes, in each register that is named, and the rest stays."""
    inside("data", "send", device, "temperature=21.5", "door=open", "--unit", "C")
    first, second = listed(inside("data", "list", device, "--json"))
    done = inside(
        *("data", "edit", device, first["id"], second["id"], "--set", "value=22"),
        *("--set", "location=35.77,-78.67"),
    )
    assert (0, "edited 2\n") == (done.code, done.out)
    found = listed(inside("data", "list", device, "--json"))
    assert {("temperature", 22, "C"), ("door", 22, "C")} == {
        (one["variable"], one["value"], one["unit"]) for one in found
    }
    assert all(one["location"] for one in found)
    done = inside(*("data", "edit", device, first["id"], "--set", "value=007", "--text", "--json"))
    assert {"edited": 1} == done.json()
    values = [one["value"] for one in listed(inside("data", "list", device, "--json"))]
    assert [22, "007"] == sorted(values, key=str, reverse=True)


def test_which_data(inside: InProcess, device: str) -> None:
    """Time, group, number and order narrow the list; a mode gives one of each variable."""
    for day in range(1, 6):
        time = f"2026-03-0{day}T12:00:00Z"
        inside("data", "send", device, f"t={day}", "--group", f"g{day}", "--time", time)

    def values(*options: str) -> list[int]:
        found = listed(inside("data", "list", device, *options, "--json"))
        return [one["value"] for one in found]

    assert [5, 4, 3, 2, 1] == values()
    assert [1, 2] == values("--oldest-first", "--qty", "2")
    assert [4, 3] == values("--since", "2026-03-03", "--until", "2026-03-04")
    assert [4, 2] == values("--group", "g2", "--group", "g4")
    assert [5] == values("-v", "t", "--mode", "last_value")
    assert [1] == values("-v", "t", "--mode", "min")
    assert [5, 4] == values("-v", "t", "--qty", "2")


def test_more_data_than_a_request_gives(
    inside: InProcess, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A larger number is read page by page, of each variable so many, and no more deleted."""
    monkeypatch.setattr("tagodev._cli.commands.data._BATCH", 2)
    for n in range(5):
        inside("data", "send", device, f"a={n}", f"b={n}", "--time", f"2026-03-01T12:00:0{n}Z")
    found = listed(inside("data", "list", device, "-v", "a", "-v", "b", "--qty", "4", "--json"))
    assert [("a", n) for n in (4, 3, 2, 1)] == [
        (one["variable"], one["value"]) for one in found[:4]
    ]
    assert 8 == len(found)
    assert 10 == len(listed(inside("data", "list", device, "--qty", "100", "--json")))
    assert "deleted 5\n" == inside("data", "delete", device, "-v", "a", "--yes").out
    assert "5\n" == inside("data", "count", device).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("send", "DEVICE"), "give at least one VARIABLE=VALUE"),
        (("send", "DEVICE", "temperature"), "must be VARIABLE=VALUE"),
        (("send", "DEVICE", "a b=1"), "not allowed in a variable name"),
        (("send", "DEVICE", "a=1", "--location", "35.77"), "must be LATITUDE,LONGITUDE"),
        (("send", "DEVICE", "a=1", "--location", "95,0"), "location.lat"),
        (("list", "DEVICE", "--qty", "0"), "--qty"),
        (("list", "DEVICE", "--mode", "middle"), "middle"),
        (("edit", "DEVICE"), "give at least one register id"),
        (("edit", "DEVICE", "a" * 24), "give at least one FIELD=VALUE"),
        (("edit", "DEVICE", "a" * 24, "--set", "colour=red"), "Fields: value, variable"),
        (("edit", "DEVICE", "a" * 24, "--set", "location=here"), "--set location: must be"),
        (("edit", "DEVICE", "a" * 24, "--set", "variable=a b"), "variable"),
        (("delete", "DEVICE", "--yes"), "give either a filter or --all"),
        (("delete", "DEVICE", "--all", "-v", "a", "--yes"), "give either a filter or --all"),
        (("delete", "DEVICE", "--all"), "--yes"),
    ],
)
def test_data_errors(inside: InProcess, device: str, arguments: tuple[str, ...], told: str) -> None:
    """2: what can't be meant is told, and nothing is sent or deleted."""
    inside("data", "send", device, "a=1")
    done = inside("data", *(device if one == "DEVICE" else one for one in arguments))

    assert (2, "") == (done.code, done.out)
    assert told in done.err
    assert "1\n" == inside("data", "count", device).out


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21.5", 21.5),
        ("-3", -3),
        ("0", 0),
        ("0.5", 0.5),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("+49", 49),
        ("00", "00"),
        ("true", True),
        ("True", "True"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("", ""),
        ("nan", "nan"),
        ("inf", "inf"),
    ],
)
def test_what_a_value_is(text: str, value: object) -> None:
    """What looks like a number is one, unless a code or a word may be meant."""
    assert (type(value), value) == (type(_value(text)), _value(text))


# --- networks and connectors -------------------------------------------------------------------


def test_networks(inside: InProcess) -> None:
    """The public catalogue is listed by name, and one is shown by its id."""
    found = listed(inside("network", "list", "--name", "custom *", "--json"))
    assert ["Custom HTTPS", "Custom MQTT"] == [one["name"] for one in found]
    assert HTTPS in inside("network", "list", "--limit", "3").out
    assert [] == listed(inside("network", "list", "--own", "--json"))
    info = inside("network", "info", HTTPS, "--json").json()
    assert ("Custom HTTPS", True) == (info["name"], info["public"])


def test_connectors(inside: InProcess) -> None:
    """Connectors are listed by name and by network."""
    found = listed(inside("connector", "list", "--network", HTTPS, "--json"))
    assert all(HTTPS in one["networks"] for one in found)
    everything = listed(inside("connector", "list", "--json"))
    assert len(found) < len(everything)
    assert everything[:2] == listed(inside("connector", "list", "--limit", "2", "--json"))
    info = inside("connector", "info", found[0]["id"])
    assert f"networks    {HTTPS}" in info.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("network", "info", "f" * 24), 4),
        (("connector", "info", "f" * 24), 4),
        (("network", "list", "--limit", "0"), 2),
        (("connector", "list", "--limit", "0"), 2),
        (("network", "list", "--fields", "tag.a"), 2),
    ],
)
def test_integration_errors(inside: InProcess, arguments: tuple[str, ...], code: int) -> None:
    """What there is not, and what can't be meant."""
    assert code == inside(*arguments).code
