"""Configuration parameters: each key once, whatever was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    ConfigurationParameter,
    InputError,
    MalformedAnswerError,
    NotFoundError,
    ServerError,
)
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, client
from tests.support.servers import Reply, ScriptedServer, in_turn

if TYPE_CHECKING:
    from tests.support.servers import Received

PATH = f"/device/{DEVICE_ID}/params"
PARAM_ID = "62ab8294c1ac39001361e11b"


def wire(number: int, key: str = "", **fields: Any) -> dict[str, Any]:
    """Return a parameter as the service gives it."""
    return {"id": f"p{number}", "key": key or f"k{number}", "value": "v", "sent": True, **fields}


def fresh(number: int) -> ConfigurationParameter:
    """Return a parameter to set."""
    return ConfigurationParameter(f"k{number}", "new")


def script(*there: dict[str, Any]) -> Any:
    """Return a service on whose device these parameters are."""
    return lambda request: ok(list(there) if request.method == "GET" else "Params Updated")


def sent(received: list[Received]) -> list[dict[str, Any]]:
    """Return the parameters that were written, by however many requests."""
    return [one for request in received if request.body for one in orjson.loads(request.body)]


# --- list --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "asked"), [("", None), ("?sent_status=true", True), ("?sent_status=false", False)]
)
async def test_list(query: str, asked: bool | None) -> None:
    """All, or those that the device has read, or has not."""
    there = (wire(1), wire(2, value=""))
    async with ScriptedServer(script(*there)) as server, client(server.url) as tago:
        first, second = await tago.parameters.list(DEVICE_ID, asked)

    assert [f"GET {PATH}{query}"] == server.seen()
    assert ConfigurationParameter("k1", "v", sent=True, id="p1") == first
    assert not second.value


@pytest.mark.parametrize("result", [{}, "", None])
async def test_list_that_is_none_is_malformed(result: object) -> None:
    """An answer that is no list is not taken for "there are none": twins would be added."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError):
            await tago.parameters.list(DEVICE_ID)
        with pytest.raises(MalformedAnswerError):
            await tago.parameters.set(DEVICE_ID, [fresh(1)])

    assert {"GET"} == {request.method for request in server.received}


# --- set ---------------------------------------------------------------------------------------


async def test_set_edits_what_is_there_and_adds_the_rest() -> None:
    """One request writes all: with the id of what is there, without one for what is new."""
    async with ScriptedServer(script(wire(1), wire(2))) as server, client(server.url) as tago:
        await tago.parameters.set(DEVICE_ID, [fresh(2), fresh(3)])

    assert [f"GET {PATH}", f"POST {PATH}"] == server.seen()
    expected = [
        {"id": "p2", "key": "k2", "value": "new", "sent": False},
        {"key": "k3", "value": "new", "sent": False},
    ]
    assert expected == orjson.loads(server.received[1].body)


async def test_set_keeps_an_id_that_is_given() -> None:
    """A parameter is given another key by its id."""
    changed = ConfigurationParameter("other", "new", id="p1", sent=True)
    async with ScriptedServer(script(wire(1))) as server, client(server.url) as tago:
        await tago.parameters.set(DEVICE_ID, [changed])

    expected = [{"id": "p1", "key": "other", "value": "new", "sent": True}]
    assert expected == sent(server.received)


async def test_set_edits_the_first_of_twins() -> None:
    """Where a key already stands twice, one of the two is edited, always the same."""
    there = (wire(1, "k"), wire(2, "k"))
    async with ScriptedServer(script(*there)) as server, client(server.url) as tago:
        await tago.parameters.set(DEVICE_ID, [ConfigurationParameter("k", "new")])

    assert ["p1"] == [one["id"] for one in sent(server.received)]


async def test_nothing_to_set_sends_nothing() -> None:
    """An empty list costs no request."""
    async with ScriptedServer(script()) as server, client(server.url) as tago:
        await tago.parameters.set(DEVICE_ID, [])

    assert [] == server.received


@given(
    there=st.lists(st.integers(0, 80), unique=True, max_size=60),
    given_=st.lists(st.integers(0, 80), unique=True, min_size=1, max_size=61),
)
async def test_set_never_makes_twins_nor_too_many(there: list[int], given_: list[int]) -> None:
    """Whatever is there: each key is written once, and the bound of sixty is kept."""
    async with (
        ScriptedServer(script(*(wire(n) for n in there))) as server,
        client(server.url) as tago,
    ):
        if len({*there, *given_}) > 60 and not set(given_) <= set(there):
            with pytest.raises(InputError, match="at most 60"):
                await tago.parameters.set(DEVICE_ID, map(fresh, given_))
            assert [] == sent(server.received)
            return
        await tago.parameters.set(DEVICE_ID, map(fresh, given_))

    written = {one["key"]: one.get("id") for one in sent(server.received)}
    assert {f"k{n}": f"p{n}" if n in there else None for n in given_} == written


@pytest.mark.parametrize(("there", "edited", "new"), [(40, 40, 20), (59, 1, 1), (60, 60, 0)])
async def test_a_device_that_is_just_full(there: int, edited: int, new: int) -> None:
    """Those that are edited take no space: sixty in the end are taken, one more is not."""
    keys = [*range(edited), *range(100, 100 + new)]
    async with (
        ScriptedServer(script(*map(wire, range(there)))) as server,
        client(server.url) as tago,
    ):
        await tago.parameters.set(DEVICE_ID, map(fresh, keys))
        assert len(keys) == len(sent(server.received))
        with pytest.raises(InputError, match=f"{there} existing and {new + 1} new"):
            await tago.parameters.set(DEVICE_ID, map(fresh, [*keys, 200]))


async def test_more_than_there_should_be_can_be_edited() -> None:
    """A device that holds more than it should is no reason not to edit what it holds."""
    there = [wire(n) for n in range(70)]
    async with ScriptedServer(script(*there)) as server, client(server.url) as tago:
        await tago.parameters.set(DEVICE_ID, [fresh(1)])

    assert ["p1"] == [one["id"] for one in sent(server.received)]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("parameters[1].key", ConfigurationParameter("k1", "other")),
        ("parameters[1].key", ConfigurationParameter(" ", "v")),
        ("parameters[1]", {"key": "k", "value": "v"}),
    ],
)
async def test_odd_parameters_are_refused(path: str, wrong: Any) -> None:
    """A key twice, an empty one, and what is no parameter cost no request."""
    async with ScriptedServer(script()) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.parameters.set(DEVICE_ID, [fresh(1), wrong])

    assert path == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize(("sent_times", "key"), [(1, "new"), (3, "k1")])
async def test_only_edits_are_repeated(sent_times: int, key: str) -> None:
    """An addition whose answer was lost might be doubled; an edit is the same twice."""

    def failing(request: Received) -> bytes:
        return ok([wire(1)]) if request.method == "GET" else http(502)

    async with ScriptedServer(failing) as server, client(server.url) as tago:
        with pytest.raises(ServerError) as caught:
            await tago.parameters.set(DEVICE_ID, [ConfigurationParameter(key, "v")])

    assert sent_times == [request.method for request in server.received].count("POST")
    assert caught.value.may_have_acted


# --- remove ------------------------------------------------------------------------------------


async def test_remove() -> None:
    """A parameter is removed by its id."""
    async with ScriptedServer(in_turn(ok("Removed"))) as server, client(server.url) as tago:
        await tago.parameters.remove(DEVICE_ID, PARAM_ID)

    assert [f"DELETE {PATH}/{PARAM_ID}"] == server.seen()


async def test_remove_what_is_not_there() -> None:
    """What was never there is an error; what an earlier attempt removed is not."""
    gone = refused(404, "Param Not Found")
    async with ScriptedServer(in_turn(gone)) as server, client(server.url) as tago:
        with pytest.raises(NotFoundError):
            await tago.parameters.remove(DEVICE_ID, PARAM_ID)
    async with (
        ScriptedServer(in_turn(Reply(then="reset"), gone)) as server,
        client(server.url) as tago,
    ):
        await tago.parameters.remove(DEVICE_ID, PARAM_ID)

    assert 2 == len(server.received)


@pytest.mark.parametrize("odd", ["", "..", "a/b", None])
async def test_ids_that_would_lead_elsewhere_are_refused(odd: Any) -> None:
    """No id makes another route of it."""
    async with ScriptedServer(script()) as server, client(server.url) as tago:
        for path, call in (
            ("device_id", tago.parameters.list(odd)),
            ("device_id", tago.parameters.set(odd, [fresh(1)])),
            ("device_id", tago.parameters.remove(odd, PARAM_ID)),
            ("param_id", tago.parameters.remove(DEVICE_ID, odd)),
        ):
            with pytest.raises(InputError) as caught:
                await call
            assert path == caught.value.path

    assert [] == server.received
