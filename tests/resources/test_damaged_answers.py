"""Damage in an answer stays where it is: what is beside it is read, and the damage is named.

Each field of each model that a call returns is damaged in turn, at every depth: null, absent, or of
every other type. Of a list of 1,000 items 999 come back as they are, and the damaged one with
whatever else it says.
"""

from __future__ import annotations

import collections.abc
import inspect
import sys
import types
from contextlib import AsyncExitStack, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_origin, get_type_hints

import attrs
import orjson
import pytest
from multidict import CIMultiDict

import tagodev
from tagodev import (
    ConfigurationParameter,
    ConnectorCreate,
    DataQuery,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    MalformedAnswerError,
    NetworkCreate,
    NetworkTokenCreate,
    ServiceTokenCreate,
    Tag,
    TagChanges,
    TagoDevice,
    TagoError,
    TokenCreate,
)
from tagodev import (
    _models as models,
)
from tagodev._models.fields import as_parameter_value
from tagodev._resources.listing import Listing
from tagodev._resources.requests.devices import DeviceRequests
from tagodev._retry import Safety
from tagodev._serialization.converter import StructureError, from_wire, to_wire
from tagodev._session import CallRecord
from tagodev._transport import Answer
from tagodev.events import Ended, Granted, Sent, Settled, WindowOpened
from tests.support.answers import http, ok
from tests.support.calls import CALLS, METHODS, Stock, acting, methods
from tests.support.clients import DEVICE_ID, NO_WAIT, PLENTY, TOKEN, client, value_or_error
from tests.support.damage import VALUES, Place, damaged, fits, good, places
from tests.support.exchanges import exchanging
from tests.support.servers import Received, ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagodev._transport import Request
    from tagodev.events import Event

ITEMS: Final = 1000
#: Which of them is damaged.
AT: Final = 500
URL: Final = "http://127.0.0.1:9"
#: What calls that read or create are given, by the names of their arguments, some of one call.
ARGUMENTS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("device_id", "network_id", "connector_id", "chunk_id"), DEVICE_ID),
    "comparison": "gt",
    "connector": ConnectorCreate(name="a"),
    "device": DeviceCreate(name="a"),
    "file_address": "/a",
    "function": "sum",
    "interval": "day",
    "network": NetworkCreate(name="a"),
    "query": DataQuery(variables="a", start_date="1 day"),
    "token": TokenCreate("a"),
    "tago.network_tokens.create token": NetworkTokenCreate("a"),
    "tago.service_tokens.create token": ServiceTokenCreate("a"),
    "value": 5,
}
#: Events that every request has.
TRAFFIC: Final = (Ended, Granted, Sent, Settled, WindowOpened)


# --- what calls return -------------------------------------------------------------------------


def returned(name: str) -> Any:
    """Return what a method's annotation says that it returns."""
    method = METHODS[name]
    holder = type("_", (), {"__annotations__": {"return": method.__annotations__["return"]}})
    known = {**vars(collections.abc), **vars(models), "Listing": Listing}
    return get_type_hints(holder, vars(sys.modules[method.__module__]), known)["return"]


#: Bulk runs, what asks several routes, and what selects from a list that is damaged itself.
NO_ANSWER: Final = ("tago.resume", "tago.settle", "tago.target", "tago.tokens.find")
RETURNED: Final = {
    name: returned(name)
    for name in methods()
    if not name.endswith("_many") and name not in NO_ANSWER
}
#: Calls that return many items, and what an item is.
MANY: Final = {
    name: get_args(kind)[0]
    for name, kind in RETURNED.items()
    if get_origin(kind) in (list, Listing, collections.abc.AsyncGenerator)
}
#: Calls that return one model, and what it is.
ONE: Final = {
    name: kind
    for name, kind in RETURNED.items()
    if inspect.isclass(kind) and kind.__module__.startswith("tagodev._models.")
}
#: Of the calls that return many of the same, or one, the first.
FIRST: Final = [
    *{kind: name for name, kind in reversed(MANY.items())}.values(),
    *{kind: name for name, kind in reversed(ONE.items())}.values(),
]


#: Calls that return nothing; a downlink reads the device and its network first.
SILENT: Final = [
    name
    for name, kind in RETURNED.items()
    if kind is types.NoneType and name != "tago.devices.send_downlink"
]


#: What is damaged in which call, and how.
Case: TypeAlias = "tuple[str, Place, str]"


def cases() -> Iterator[Case]:
    """Yield every damage to items of every kind, and to what calls return of one kind.

    A single answer without what makes it one is left out: there is nothing beside it.
    """
    for name in FIRST:
        for place in places({**MANY, **ONE}[name]):
            if name in ONE and not place.spare:
                continue
            is_item = isinstance((0, *place.path)[-1], int)
            yield name, place, "null"
            if not is_item:
                yield name, place, "absent"
            if not all(fits(place.kind, value) for value in VALUES):
                yield name, place, "wrong"


def is_lost(place: Place, damage: str) -> bool:
    """Return whether a damage takes the whole answer with it.

    It does so unless what has a default is null or absent. To be removed when it is mended.
    """
    return damage == "wrong" or place.needed


LOST: Final = [case for case in cases() if is_lost(*case[1:])]
CONTAINED: Final = [case for case in cases() if not is_lost(*case[1:])]


# --- reading -----------------------------------------------------------------------------------


@attrs.frozen
class Reading:
    """What came of an answer."""

    values: list[Any]
    """Everything that the call returned."""
    said: str
    """What events say besides that there was traffic."""


async def read(name: str, url: str = URL) -> Reading:
    """Make a call."""
    events: list[Event] = []
    options: dict[str, Any] = {"plan": PLENTY, "retry": NO_WAIT, "on_event": events.append}
    async with AsyncExitStack() as stack:
        if name.startswith("tago."):
            actor: Any = await stack.enter_async_context(client(url, **options))
        else:
            actor = await stack.enter_async_context(TagoDevice(TOKEN, api=url, **options))
        for part in name.split(".")[1:]:
            actor = getattr(actor, part)
        needed = inspect.signature(actor).parameters.values()
        arguments = [
            ARGUMENTS.get(f"{name} {one.name}", ARGUMENTS.get(one.name))
            for one in needed
            if one.default is one.empty and one.kind is not one.VAR_KEYWORD
        ]
        result = actor(*arguments)
        if inspect.isawaitable(result):
            value: Any = await result
            values = value if isinstance(value, list) else [value]
        else:
            values = [item async for item in result]
    said = "\n".join(str(event) for event in events if not isinstance(event, TRAFFIC))
    return Reading(values, said)


def answering(*bodies: bytes) -> Any:
    """Let every transport bring one body after the other, and then the last for ever."""
    left = [*bodies]

    async def exchange(_: Request) -> Answer:
        return Answer(200, left.pop(0) if len(left) > 1 else left[0], CIMultiDict())

    return exchanging(exchange)


def enveloped(result: bytes) -> bytes:
    """Return the body of a good answer."""
    return b'{"status":true,"result":' + result + b"}"


def numbered(item: Any, number: int) -> Any:
    """Return an item that is like no other."""
    if isinstance(item, str):
        return f"{number:024x}"
    return item | dict.fromkeys(("id", "token") & item.keys(), f"{number:024x}")


def inside(wire: Any, key: str | int) -> Any:
    """Return a part of an object or a list; None if it has none."""
    with suppress(LookupError, TypeError):
        return wire[key]
    return None


class Answers:
    """Answers that are good but for one item of many, or for the one thing that a call returns."""

    def __init__(self, kind: Any, *, is_list: bool) -> None:
        self.kind: Final = kind
        self.is_list: Final = is_list
        full = good(self.kind)
        self.item: Final = numbered(full, AT)
        """What is damaged, while it is whole."""
        # The others are as small as can be, since only one is of interest.
        needed = {one.path[0] for one in places(self.kind) if one.path and not one.spare}
        small = {key: full[key] for key in needed} if needed else full
        items = [numbered(small, number) for number in range(ITEMS if self.is_list else 0)]
        page: Any = types.GenericAlias(list, self.kind)
        self.before: Final = from_wire(items[:AT], page)
        self.after: Final = from_wire(items[AT + 1 :], page)
        self._around = [
            b"".join(orjson.dumps(item) + b"," for item in items[:AT]),
            b"".join(b"," + orjson.dumps(item) for item in items[AT + 1 :]),
        ]

    def body(self, item: Any) -> bytes:
        """Return an answer with an item in its place."""
        text = orjson.dumps(item).join(self._around)
        return enveloped(b"[" + text + b"]" if self.is_list else text)

    def problem(self, reading: Reading, place: Place, damage: str, value: Any) -> str:
        """Return what a damage has done beyond its place, or that nothing names it."""
        values, end = reading.values, len(reading.values) - len(self.after)
        survivors = values[len(self.before) : end]
        if [*self.before, *survivors, *self.after] != values or len(survivors) > 1:
            return f"{len(values)} items came back, and not the others as they are"
        # How events name it is theirs to say: the item by its id or number, the field by its name.
        # A single answer needs no number, and a token is no id.
        names = (f"{AT:024x}", str(AT)) if self.is_list else ("",), tuple(map(str, place.path[:1]))
        is_named = all(any(name in reading.said for name in either) for either in names if either)
        is_named = is_named and bool(reading.said)
        if not survivors:
            return "" if is_named else "an item was lost, and no event names it"
        wire = to_wire(survivors[0])
        if not place.path:
            return "" if wire == as_parameter_value(value) else "an item is not what was sent"
        beside = {key: value for key, value in self.item.items() if key != place.path[0]}
        if beside != {key: wire.get(key) for key in beside}:
            return "fields beside it were lost with it"
        for key in place.path:
            wire = inside(wire, key)
        # Nothing is lost where there is nothing, or where the value is kept as it is or as text.
        is_kept = wire in (value, as_parameter_value(value))
        if is_named or is_kept or (damage != "wrong" and not place.needed):
            return ""
        return "a value was lost, and no event names it"


_answers: Final = cache(Answers)


def answers_to(name: str) -> Answers:
    """Return the answers to a call."""
    kind: Any = MANY.get(name) or ONE[name]
    return _answers(kind, is_list=name in MANY)


async def problems(name: str, some: list[Case]) -> list[str]:
    """Return each case of a call in which a damage does more than it must."""
    answers = answers_to(name)
    found = []
    for place, damage in [case[1:] for case in some if case[0] == name]:
        for item, value in damaged(answers.item, place, damage):
            with answering(answers.body(item), enveloped(b"[]")):
                try:
                    problem = answers.problem(await read(name), place, damage, value)
                except TagoError as error:
                    problem = str(error)
            if problem:
                found.append(f"{place}, {damage} ({value!r}): {problem}")
                break
    return found


def test_every_list_is_damaged() -> None:
    """Every call that returns a list of models, or a model, and every kind of model."""
    assert {*MANY.values()} >= {str, tagodev.Device, tagodev.DataPoint, tagodev.DeviceToken}
    assert len(MANY) >= 16
    assert len(ONE) >= 13
    assert len(LOST) + len(CONTAINED) >= 800
    # Not more than are known: a model that takes less than before would lose more.
    assert len(LOST) <= 390


@pytest.mark.parametrize("name", [*MANY, *ONE])
async def test_a_good_answer_is_read_whole(name: str) -> None:
    """Every field of it is written again as it came, and no event says otherwise."""
    answers = answers_to(name)
    with answering(answers.body(answers.item), enveloped(b"[]")):
        reading = await read(name)

    assert "" == reading.said
    assert len(answers.before) + 1 + len(answers.after) == len(reading.values)
    assert answers.item == to_wire(reading.values[len(answers.before)])


@pytest.mark.parametrize("name", FIRST)
async def test_what_has_a_default_may_be_null_or_absent(name: str) -> None:
    """Nothing else is lost, of this item or of another."""
    assert [] == await problems(name, CONTAINED)


@pytest.mark.parametrize("name", [name for name in FIRST if name in {case[0] for case in LOST}])
async def test_any_damage_is_contained(name: str) -> None:
    """An item that can't be read is left out; what can be done without is left out of its item."""
    assert [] == await problems(name, LOST)


@pytest.mark.parametrize("kind", dict.fromkeys(MANY.values()), ids=lambda kind: kind.__name__)
def test_what_makes_an_answer_unreadable_is_named(kind: Any) -> None:
    """Each problem has the number of the item and the path of the field."""
    for place in places(kind):
        for damage in ("null", "wrong"):
            for item, _ in damaged(good(kind), place, damage):
                try:
                    from_wire([good(kind), item], list[kind])
                except StructureError as error:
                    for problem in error.problems:
                        assert "result[1]" in problem
                        assert str((*place.path, "result")[0]) in problem


@pytest.mark.parametrize("name", [name for name, kind in MANY.items() if kind is not str])
async def test_a_long_answer_over_http(name: str) -> None:
    """1,000 items come back over a connection, one of them with nothing but what it needs."""
    answers = answers_to(name)
    item = {
        place.path[0]: None if place.spare else answers.item[place.path[0]]
        for place in places(answers.kind)
        if len(place.path) == 1
    }
    bodies = answers.body(item), enveloped(b"[]")
    async with ScriptedServer(in_turn(*(http(200, body) for body in bodies))) as server:
        reading = await read(name, server.url)

    assert ITEMS == len(reading.values)


@pytest.mark.parametrize("name", MANY)
async def test_an_answer_that_is_no_list_is_an_error(name: str) -> None:
    """Null, an object, a text, a number, or no result at all: none stands for an empty list."""
    bodies = [enveloped(one) for one in (b"null", b"{}", b'"text"', b"5", b"true")]
    for body in (*bodies, b'{"status":true}', b"null", b"[]x", b""):
        with answering(body), pytest.raises(MalformedAnswerError) as caught:
            await read(name)
        assert caught.value.problems, body


#: Lists from which it can't be known that something does not exist, and those from which it can.
HIDING: Final = ([{"id": "a", "name": {}}], [{"name": "a"}], [5], [{"id": "a", "tags": 5}])
KNOWN: Final = ([{"id": "a", "name": None}], [None], [{"id": "a", "tags": [None]}], [{"id": 5}])


@pytest.mark.parametrize("devices", [*HIDING, *KNOWN])
async def test_a_device_that_can_not_be_read_is_not_taken_for_absent(devices: list[Any]) -> None:
    """A run that looks for what it may have created would create it a second time."""
    with answering(enveloped(orjson.dumps(devices))):
        async with client(URL, plan=PLENTY, retry=NO_WAIT) as tago:
            requests = DeviceRequests(tago._session)
            found = await value_or_error(requests.by_name("b", CallRecord))

    assert isinstance(found, MalformedAnswerError) == (devices in HIDING), found


#: Tags of which one would be lost if the others were sent, and tags that say nothing else.
UNREADABLE_TAGS: Final = ([5], [{"key": "a", "value": {}}], [{"key": [], "value": "1"}], ["a"])
READABLE_TAGS: Final = ([None], [{"key": "a", "value": None}], [{"key": "a", "value": 5}], None)


@pytest.mark.parametrize("tags", [*UNREADABLE_TAGS, *READABLE_TAGS])
async def test_no_tag_is_lost_by_a_change_of_another(tags: Any) -> None:
    """The request replaces the whole list: it is not sent if a tag can't be read."""
    sent: list[str] = []

    def answer(request: Received) -> bytes:
        sent.append(request.method)
        return ok({"id": DEVICE_ID, "tags": tags} if request.method == "GET" else "done")

    change = DeviceChange(DEVICE_ID, DeviceEdit(), tags=TagChanges(set=[Tag("b", "2")]))
    async with ScriptedServer(answer) as server, client(server.url, retry=NO_WAIT) as tago:
        report = await tago.devices.edit_many([change])

    lost = tags in UNREADABLE_TAGS
    assert (int(not lost), int(lost)) == (report.done, report.failed), report.failures
    assert lost == ("PUT" not in sent)


@pytest.mark.parametrize("answer", [[{"key": {}, "value": "1"}], [{"key": "a", "id": []}], ["a"]])
async def test_no_parameter_is_added_twice(answer: list[Any]) -> None:
    """A parameter that can't be read may be the one to set: nothing is sent."""
    with answering(enveloped(orjson.dumps(answer))):
        async with client(URL, plan=PLENTY, retry=NO_WAIT) as tago:
            with pytest.raises(MalformedAnswerError):
                await tago.parameters.set(DEVICE_ID, [ConfigurationParameter("a", "2")])


@pytest.mark.parametrize("name", SILENT)
async def test_a_result_that_nobody_reads_may_be_absent(name: str) -> None:
    """What was edited or deleted is so, whatever the service says besides."""

    async def exchange(request: Request) -> Answer:
        body = enveloped(b"[]") if request.safety is Safety.READ else b'{"status":true}'
        return Answer(200, body, CIMultiDict())

    tokens = dict.fromkeys(("profile", "analysis", "network", "device"), TOKEN)
    with exchanging(exchange):
        async with acting(URL, tokens) as actors:
            given = await value_or_error(CALLS[name](actors, Stock()))

    assert not isinstance(given, TagoError), str(given)
