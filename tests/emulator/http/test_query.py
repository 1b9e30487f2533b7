"""The emulator's decoding: query strings, paths, dates, options."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import Decoded, decode, flag, text, texts, whole
from tagodev.emulator._http.routing import Call, Route, Router
from tagodev.emulator._model.time import ServerClock, iso, parse_moment


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("", {}),
        ("page=2&amount=5", {"page": "2", "amount": "5"}),
        ("fields=id&fields=name", {"fields": ["id", "name"]}),
        ("fields[]=id&fields[]=name", {"fields": ["id", "name"]}),
        ("fields%5B0%5D=id&fields%5B1%5D=name", {"fields": ["id", "name"]}),
        ("fields[10]=b&fields[9]=a", {"fields": ["a", "b"]}),
        ("fields=id", {"fields": "id"}),
        ("fields[]=id", {"fields": ["id"]}),
        ("filter[name]=*x+y%20z*", {"filter": {"name": "*x y z*"}}),
        (
            "filter[tags][0][key]=k&filter[tags][0][value]=v&filter[tags][1][key]=w",
            {"filter": {"tags": [{"key": "k", "value": "v"}, {"key": "w"}]}},
        ),
        ("filter[id][]=a&filter[id][]=b", {"filter": {"id": ["a", "b"]}}),
        ("filter=x&filter[name]=y", {"filter": {"name": "y"}}),
        ("filter[name]=y&filter=x", {"filter": {"name": "y"}}),
        ("key=", {"key": ""}),
        ("orderBy=name%2Casc", {"orderBy": "name,asc"}),
    ],
)
def test_every_encoding_of_the_clients_is_decoded(query: str, tree: dict[str, Decoded]) -> None:
    """Repeated, bracketed, numbered and nested names give the same tree."""
    assert tree == decode(query)


def test_nesting_without_end_is_cut_off() -> None:
    """A name may have more brackets than there is room for on the stack."""
    tree: object = decode(f"filter{'[a]' * 2000}=x")
    depth = 0
    while isinstance(tree, dict):
        ((_, tree),) = tree.items()
        depth += 1

    assert (6, "x") == (depth, tree)


def test_readers_take_a_scalar_for_a_list_and_a_list_for_a_scalar() -> None:
    """What is read decides the shape, not what was sent."""
    assert ["id"] == texts("id")
    assert ["a", "b"] == texts(["a", "b"])
    assert [] == texts(None)
    assert "b" == text(["a", "b"])
    assert text("") is None
    assert text({"a": "b"}) is None


@pytest.mark.parametrize(("word", "number"), [("7", 7), ("-1", -1), ("x", 5), ("", 5), (None, 5)])
def test_numbers_fall_back_to_the_default(word: str | None, number: int) -> None:
    """What is no number reads as the default."""
    assert number == whole(word, 5)


def test_booleans_are_read_in_any_case() -> None:
    """The Python SDK's True and False are booleans; other words are refused."""
    assert [True, True, True] == [flag(word, "f") for word in ("true", "True", "1")]
    assert [False, False, False] == [flag(word, "f") for word in ("false", "False", "0")]
    assert flag(None, "f") is None
    with pytest.raises(RefusedError, match=r"^f must be true or false$"):
        flag("maybe", "f")


def nothing(_: Call) -> None:
    """Stand in for a handler."""


ROUTER = Router(
    [
        Route("GET", "/device", nothing),
        Route("GET", "/device/:device_id", nothing),
        Route("GET", "/device/:device_id/params", nothing),
        Route("GET", "/device/token/:device_id", nothing),
        Route("DELETE", "/device/token/:token", nothing),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "key", "values"),
    [
        ("GET", "/device", "GET /device", ()),
        ("GET", "/device/", "GET /device", ()),
        ("GET", "/device/abc", "GET /device/:device_id", ("abc",)),
        ("GET", "/device/abc/params/", "GET /device/:device_id/params", ("abc",)),
        ("GET", "/device/token/abc", "GET /device/token/:device_id", ("abc",)),
        ("DELETE", "/device/token/a%2Fb", "DELETE /device/token/:token", ("a/b",)),
        # A literal that leads nowhere falls back to the parameter.
        ("GET", "/device/token", "GET /device/:device_id", ("token",)),
        ("GET", "/device/token/params", "GET /device/token/:device_id", ("params",)),
    ],
)
def test_routes_are_found(method: str, path: str, key: str, values: tuple[str, ...]) -> None:
    """Literals win over parameters, trailing slashes mean nothing."""
    found = ROUTER.find(method, path)

    assert found is not None
    assert (key, values) == (found[0].key, found[1])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nope"), ("PATCH", "/device"), ("GET", "/device/a/b"), ("GET", "//")],
)
def test_unknown_routes_are_not_found(method: str, path: str) -> None:
    """Neither an unknown path nor an unknown method of a known one has a route."""
    assert ROUTER.find(method, path) is None


NOW = datetime(2025, 1, 9, 13, 44, 33, 120_000, UTC).timestamp()


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("2025-01-09T13:44:33.120Z", NOW),
        ("2025-01-09T14:44:33.120+01:00", NOW),
        ("2025-01-09 13:44:33.120", NOW),
        ("1 day", NOW - 86_400),
        ("3 hours", NOW - 10_800),
        ("5 m", NOW - 300),
        ("1 M", NOW - 30 * 86_400),
        ("2 Years", NOW - 730 * 86_400),
    ],
)
def test_moments_are_read(words: str, moment: float) -> None:
    """ISO dates, with or without zone, and relative times are moments."""
    assert moment == pytest.approx(parse_moment(words, now=NOW, ahead=False))


def test_relative_times_may_lie_ahead() -> None:
    """An expiry lies in the future."""
    assert NOW + 3600 == parse_moment("1 hour", now=NOW, ahead=True)


@pytest.mark.parametrize("words", ["", "soon", "3 fortnights", "1 hour 5", "999999999 years"])
def test_other_words_are_no_moments(words: str) -> None:
    """What is neither a date nor a relative time is refused."""
    with pytest.raises(ValueError):
        parse_moment(words, now=NOW, ahead=True)


def test_moments_are_written_with_milliseconds() -> None:
    """Dates go out in UTC, with milliseconds and a Z."""
    assert "2025-01-09T13:44:33.120Z" == iso(NOW)


def test_date_header_follows_the_clock() -> None:
    """The header's text changes with the second of the offset clock."""
    now = [NOW - 60]
    clock = ServerClock(60.0, lambda: now[0])

    assert "Thu, 09 Jan 2025 13:44:33 GMT" == clock.http_date()
    now[0] += 0.5
    assert "Thu, 09 Jan 2025 13:44:33 GMT" == clock.http_date()
    now[0] += 0.5
    assert "Thu, 09 Jan 2025 13:44:34 GMT" == clock.http_date()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("plan", "gold", "plan must be free, starter or scale, not 'gold'"),
        ("minute", 0.1, "minute must be a number of seconds from 0.5 to 3600, not 0.1"),
        ("minute", "60", "minute must be a number of seconds"),
        ("minute", float("nan"), "minute must be a number of seconds"),
        ("port", 65_536, "port must be a whole number from 0 to 65535, not 65536"),
        ("port", True, "port must be a whole number"),
        ("latency", -1, "latency must be a number of seconds"),
        ("clock_offset", float("inf"), "clock_offset must be a number of seconds"),
        ("max_devices", -1, "max_devices must be a whole number"),
        ("unlimited", 1, "unlimited must be True or False, not 1"),
        ("unlimited", None, "unlimited must be True or False"),
        ("seed", 1.5, "seed must be a whole number"),
        ("seed", 2**63, "seed must be a whole number from 0 to 9223372036854775807"),
        ("token", "", "token must be printable ASCII without spaces"),
        ("token", "a b", "token must be printable ASCII without spaces"),
        ("token", 5, "token must be printable ASCII without spaces"),
    ],
)
def test_options_out_of_bounds_are_refused(option: str, value: object, message: str) -> None:
    """Each option is checked, and the message names it."""
    options: dict[str, object] = {option: value}
    with pytest.raises(ValueError, match=f"^{message}"):
        EmulatorOptions(**options)  # type: ignore[arg-type]


def test_options_survive_a_command_line() -> None:
    """What goes out as JSON comes back equal."""
    options = EmulatorOptions(plan="free", minute=2.5, seed=7, token="p-x", max_devices=3)

    assert options == EmulatorOptions.from_json(options.to_json())


def test_token_is_not_in_the_repr() -> None:
    """Options may be printed."""
    assert "hush" not in repr(EmulatorOptions(token="hush"))


def test_cap_follows_the_plan_unless_given() -> None:
    """The documented caps hold, an option replaces them."""
    assert [5, 100, 10_000] == [
        EmulatorOptions(plan=plan).device_cap for plan in ("free", "starter", "scale")
    ]
    assert 0 == EmulatorOptions(max_devices=0).device_cap
