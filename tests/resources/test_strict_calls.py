"""Every public method refuses what it does not know, before anything is sent."""

from __future__ import annotations

import inspect
import sys
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import cached_property
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, get_type_hints
from unittest.mock import AsyncMock, create_autospec

import attrs
import orjson
import pytest

import tagodev
from tagodev import (
    DataCreate,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    DeviceStep,
    Failed,
    InputError,
    JournalError,
    Rotation,
    Tago,
    TagoDevice,
    TokenCreate,
    TokenOrder,
    resources,
)
from tagodev.bulk.options import RunKeywords, RunManner
from tagodev.resources.devices import Devices
from tagodev.resources.listing import Listing
from tagodev.session import CallOptions
from tests.support.answers import created, http
from tests.support.calls import CALLS, Stock, acting
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.calls import Actors

    #: Makes the call that is tested: of the real method and the arguments of a good call.
    Alter = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

#: Calls that are not in `CALLS`, since they send nothing by themselves.
OTHERS: Final[dict[str, Callable[[Any, Stock], Any]]] = {
    "tago.resume": lambda a, _: a.tago.resume("there-is-none.journal"),
    "tago.settle": lambda a, _: a.tago.settle("there-is-none.journal"),
    "tago.target": lambda a, _: a.tago.target(),
    "tago.limits.snapshot": lambda a, _: a.tago.limits.snapshot(),
    "tago.limits.clock": lambda a, _: a.tago.limits.clock(),
    "device.limits.snapshot": lambda a, _: a.device.limits.snapshot(),
    "device.limits.clock": lambda a, _: a.device.limits.clock(),
    "listing.first": lambda a, _: a.tago.devices.list().first(),
    "listing.collect": lambda a, _: a.tago.devices.list().collect(5),
    "listing.complete": lambda a, _: a.tago.devices.list().complete(),
    "listing.pages": lambda a, _: a.tago.devices.list().pages(),
}
#: What the annotation of ``**keywords`` stands for.
KEYWORDS: Final = {
    "Unpack[CallOptions]": CallOptions,
    "Unpack[RunKeywords]": RunKeywords,
    "Unpack[RunManner]": RunManner,
}
#: Not for programs, and so never proposed.
INTERNAL: Final = {"record"}
WRONG_ITEMS: Final = ({"name": "x"}, {"id": DEVICE_ID}, 5, None, object(), DeviceEdit(active=True))


def classes() -> dict[str, type]:
    """Return the clients and what they hand out, by the names that programs use."""
    found: dict[str, type] = {"tago": Tago, "device": TagoDevice, "listing": Listing}
    for name, kind in (("tago", Tago), ("device", TagoDevice)):
        for part, member in inspect.getmembers(kind):
            getter = getattr(member, "func" if isinstance(member, cached_property) else "fget", 0)
            if part.startswith("_") or not getter:
                continue
            handed_out = get_type_hints(getter, vars(sys.modules[getter.__module__]))["return"]
            if handed_out.__module__.startswith("tagodev."):
                found[f"{name}.{part}"] = handed_out
    return found


CLASSES: Final = classes()
METHODS: Final = {
    f"{name}.{method}": function
    for name, cls in CLASSES.items()
    for method, function in inspect.getmembers(cls, inspect.isfunction)
    if not method.startswith("_")
}
MANY: Final = sorted(name for name in METHODS if name.endswith("_many"))
EVERY = pytest.mark.parametrize("name", METHODS)


def keywords_of(name: str) -> list[str]:
    """Return every keyword that a method's signature names."""
    found: list[str] = []
    for one in list(inspect.signature(METHODS[name]).parameters.values())[1:]:
        if one.kind is one.VAR_KEYWORD:
            found += KEYWORDS[one.annotation].__annotations__
        else:
            found.append(one.name)
    return found


class Altering:
    """A client, or a part of one, whose one method is called in another way."""

    def __init__(self, target: Any, method: Any, alter: Alter) -> None:
        self._target, self._method, self._alter = target, method, alter

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if inspect.ismethod(member):
            if member.__func__ is self._method:
                return lambda *args, **keywords: self._alter(member, args, keywords)
            if name == "list":
                return lambda *args, **keywords: self._part(member(*args, **keywords))
            return member
        return self._part(member)

    def _part(self, member: Any) -> Altering:
        return Altering(member, self._method, self._alter)


@asynccontextmanager
async def counted() -> AsyncIterator[tuple[Actors, ScriptedServer]]:
    """Open every kind of client for a server that counts."""
    tokens = dict.fromkeys(("profile", "analysis", "network", "device"), TOKEN)
    body = orjson.dumps({"status": True, "result": []})
    async with (
        ScriptedServer(in_turn(http(200, body, date=formatdate(usegmt=True)))) as server,
        acting(server.url, tokens) as actors,
    ):
        yield actors, server


def altered(actors: Actors, name: str, alter: Alter) -> Any:
    """Make a method's good call in another way, and return what it returns."""
    parts: dict[str, Any] = {
        field.name: Altering(getattr(actors, field.name), METHODS[name], alter)
        for field in attrs.fields(type(actors))
    }
    call = CALLS[name] if name in CALLS else OTHERS[name]
    return call(attrs.evolve(actors, **parts), Stock())


def replacing(keyword: str, value: object) -> Alter:
    """Return what calls a method with one argument replaced or added."""

    def alter(member: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        bound = inspect.signature(member).bind(*args, **keywords)
        if keyword in inspect.signature(member).parameters:
            bound.arguments[keyword] = value
            return member(*bound.args, **bound.kwargs)
        return member(*args, **{**keywords, keyword: value})

    return alter


def misspelt(word: str) -> Iterator[str]:
    """Yield a word with its last letter doubled, and a longer one with two letters swapped."""
    yield f"{word}{word[-1]}"
    if len(word) > 4 and word[1] != word[2]:
        yield f"{word[:1]}{word[2]}{word[1]}{word[3:]}"


def test_the_walk_finds_every_method() -> None:
    """Each class that calls itself a part of a client is walked; each method can be called."""
    written = {
        cls
        for module in iter_modules(resources.__path__, "tagodev.resources.")
        for cls in vars(__import__(module.name, fromlist=["x"])).values()
        if inspect.isclass(cls)
        and cls.__module__ == module.name
        and ("``tago." in (cls.__doc__ or "") or "``device." in (cls.__doc__ or ""))
    }

    assert written <= set(CLASSES.values())
    assert set(METHODS) == {name.split()[0] for name in CALLS} | set(OTHERS)
    assert len(CLASSES) >= 17
    assert len(METHODS) >= 73
    assert len(MANY) >= 8


@EVERY
async def test_an_unknown_keyword_is_refused(name: str) -> None:
    """The call itself raises, also that of a coroutine function, and says what would do."""

    def alter(member: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return member(*args, **keywords, qqqq=1)

    expected = rf"{name.rpartition('.')[2]}\(\) got an unexpected keyword argument 'qqqq'; it takes"
    async with counted() as (actors, server):
        with pytest.raises(TypeError, match=expected) as caught:
            altered(actors, name, alter)

    assert [] == server.received
    assert_quiet(caught.value, TOKEN)
    for word in set(keywords_of(name)) - INTERNAL:
        assert word in str(caught.value)


@EVERY
async def test_a_misspelt_keyword_is_named(name: str) -> None:
    """The message names the keyword that was meant."""
    async with counted() as (actors, server):
        for word in keywords_of(name):
            for wrong in () if word in INTERNAL else misspelt(word):
                with pytest.raises(TypeError) as caught:
                    altered(actors, name, replacing(wrong, 1))
                assert str(caught.value).endswith(f"{wrong!r}; did you mean {word!r}?")

    assert [] == server.received


@EVERY
async def test_a_value_of_no_known_type_is_refused(name: str) -> None:
    """Whichever argument or option it is given as."""
    async with counted() as (actors, server):
        for word in keywords_of(name):
            with pytest.raises((InputError, TypeError, JournalError)) as caught:
                await altered(actors, name, replacing(word, object()))
            if isinstance(caught.value, InputError):
                assert word == caught.value.path

    assert [] == server.received


@pytest.mark.parametrize("value", [5, None, b"67e1a2b3c4d5e6f708192a3b", ["a"], {"id": "a"}, True])
@EVERY
async def test_an_id_that_is_no_text_is_refused(name: str, value: Any) -> None:
    """No id is made of what is none."""
    ids = [word for word in keywords_of(name) if word.endswith("_id")]
    if not ids:
        return
    async with counted() as (actors, server):
        for word in ids:
            with pytest.raises(InputError) as caught:
                await altered(actors, name, replacing(word, value))
            assert word == caught.value.path

    assert [] == server.received


@pytest.mark.parametrize("value", ["x", {"name": "x"}, {}, [], 5, DataCreate("a", 1)])
@pytest.mark.parametrize(
    ("name", "word"),
    [
        (name, one.name)
        for name, method in METHODS.items()
        for one in inspect.signature(method).parameters.values()
        if inspect.isclass(getattr(tagodev, str(one.annotation).split(" ")[0], None))
        and "Many" not in str(one.annotation)
        and "Iterable" not in str(one.annotation)
    ],
)
async def test_what_is_no_model_is_refused(name: str, word: str, value: Any) -> None:
    """Neither a mapping nor a text stands for a model."""
    async with counted() as (actors, server):
        with pytest.raises(InputError, match=r"must be an? \w+") as caught:
            await altered(actors, name, replacing(word, value))

    assert [] == server.received
    assert word == caught.value.path


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("lane", "x"),
        ("lane", None),
        ("lane", 1),
        ("max_wait", "soon"),
        ("max_wait", -1),
        ("max_wait", float("nan")),
        ("max_wait", True),
        ("timeout", "1"),
        ("timeout", 0),
        ("timeout", -1.0),
        ("timeout", float("nan")),
        ("timeout", False),
    ],
)
async def test_a_wrong_value_of_an_option_is_refused(option: str, value: Any) -> None:
    """The error names the option; a list says so before it is iterated over."""
    async with counted() as (actors, server):
        with pytest.raises(InputError) as caught:
            await actors.tago.devices.info(DEVICE_ID, **{option: value})
        with pytest.raises(InputError):
            actors.tago.devices.list(**{option: value})
        with pytest.raises(InputError):
            actors.device.data.stream(**{option: value})

    assert [] == server.received
    assert option == caught.value.path


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda tago: tago.devices.list(tags=[]), "filter=DeviceFilter(tags=...)"),
        (lambda tago: tago.devices.list(name="x"), "filter=DeviceFilter(name=...)"),
        (lambda tago: tago.data.read("a", variables="x"), "query=DataQuery(variables=...)"),
        (lambda tago: tago.devices.create(name="x"), "device=DeviceCreate(name=...)"),
        (lambda tago: tago.devices.edit("a", active=True), "changes=DeviceEdit(active=...)"),
        (lambda tago: tago.tokens.list("a", permission="x"), "filter=TokenFilter(permission=...)"),
    ],
)
async def test_a_field_of_a_model_is_named(call: Any, meant: str) -> None:
    """A condition or a field that was given as a keyword is shown where it belongs."""
    async with counted() as (actors, server):
        with pytest.raises(TypeError) as caught:
            call(actors.tago)

    assert str(caught.value).endswith(f"; did you mean {meant}?")
    assert [] == server.received


# --- many ------------------------------------------------------------------------------------


def run_of(tago: Tago, name: str, items: Any, **run: Any) -> Any:
    """Begin a bulk run."""
    _, noun, method = name.split(".")
    return getattr(getattr(tago, noun), method)(items, **run)


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("name", MANY)
async def test_items_of_the_wrong_type_fail(name: str, journalled: bool, tmp_path: Path) -> None:
    """Each is an outcome of its own; nothing is sent for it, and the run goes on."""
    items = [*WRONG_ITEMS, *(() if name == "tago.devices.delete_many" else ("x",))]
    journal = tmp_path / "run.journal" if journalled else None
    async with counted() as (actors, server):
        async with run_of(actors.tago, name, items, journal=journal) as run:
            outcomes = [outcome async for outcome in run]
        report = run.report

    assert {*range(len(items))} == {outcome.index for outcome in outcomes}
    for outcome in outcomes:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, InputError)
        assert 0 == outcome.attempts
    assert (0, len(items)) == (report.done, report.failed)
    # With a journal the profile is asked for before the first row.
    assert {"GET /info", "GET /profile/current"} >= set(server.seen())


async def test_items_beside_a_wrong_one_are_done() -> None:
    """A wrong item costs itself only."""
    items: Any = [DeviceCreate(name="a"), {"name": "b"}, DeviceCreate(name="c")]
    async with (
        ScriptedServer(lambda request: created(request.number)) as server,
        client(server.url) as tago,
    ):
        report = await tago.devices.create_many(items)

    assert (2, 1) == (report.done, report.failed)
    assert ["POST /device"] * 2 == server.seen()


@pytest.mark.parametrize("items", [DEVICE_ID, b"a"])
@pytest.mark.parametrize("name", MANY)
async def test_a_text_is_no_list_of_items(name: str, items: Any) -> None:
    """Its letters are not taken for ids."""
    async with counted() as (actors, server):
        with pytest.raises(InputError, match="into a list"):
            run_of(actors.tago, name, items)

    assert [] == server.received


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: DeviceChange(DEVICE_ID, {"active": False}), "changes"),  # type: ignore[arg-type]
        (lambda: TokenOrder(DEVICE_ID, {"name": "a"}), "token"),  # type: ignore[arg-type]
        (lambda: TokenOrder(5, TokenCreate("a")), "device_id"),  # type: ignore[arg-type]
        (lambda: Rotation(DEVICE_ID, 5), "token"),  # type: ignore[arg-type]
        (lambda: DeviceStep(create={"name": "a"}), "create"),  # type: ignore[arg-type]
        (lambda: DeviceStep(device_id=5, delete=True), "device_id"),  # type: ignore[arg-type]
        (lambda: DeviceStep(device_id="a", edit={"name": "a"}), "edit"),  # type: ignore[arg-type]
        (lambda: DeviceStep(device_id="a", delete="no"), "delete"),  # type: ignore[arg-type]
        (lambda: DeviceStep(device_id="a", parameters=["x"]), "parameters[0]"),  # type: ignore[list-item]
    ],
)
def test_an_item_holds_models(make: Any, path: str) -> None:
    """What is to be sent for a device is no mapping, which nobody would have checked."""
    with pytest.raises(InputError) as caught:
        make()

    assert path == caught.value.path


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("tago.devices.create_many", "identity", "tga"),
        ("tago.devices.apply_many", "known_by", "nmae"),
        ("tago.devices.apply_many", "known_by", "tag:"),
        ("tago.tokens.rotate_many", "allow_gap", "no"),
        ("tago.devices.edit_many", "journal", ""),
        ("tago.devices.edit_many", "journal", 5),
        ("tago.devices.edit_many", "on_error", "ignore"),
        ("tago.devices.edit_many", "max_failures", "5"),
        ("tago.devices.edit_many", "max_failures", True),
        ("tago.devices.edit_many", "max_failures", 0.5),
        ("tago.devices.edit_many", "ordered", "no"),
        ("tago.devices.edit_many", "settle", "1"),
        ("tago.devices.edit_many", "settle", float("nan")),
        ("tago.devices.edit_many", "patience", None),
    ],
)
async def test_a_wrong_option_of_a_run_is_refused(name: str, option: str, value: Any) -> None:
    """The error names the option, and the run does not begin."""
    async with counted() as (actors, server):
        with pytest.raises(InputError) as caught:
            run_of(actors.tago, name, [], **{option: value})

    assert option == caught.value.path
    assert [] == server.received


# --- everything else -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in tagodev.__all__
        if inspect.isclass(getattr(tagodev, name)) or inspect.isfunction(getattr(tagodev, name))
    ],
)
def test_whatever_is_exported_refuses_unknown_keywords(name: str) -> None:
    """Constructors and functions, too."""
    with pytest.raises(TypeError):
        getattr(tagodev, name)(qqqq=1)


@pytest.mark.parametrize("cls", [Tago, TagoDevice])
def test_a_client_names_the_option_that_was_meant(cls: Any) -> None:
    """Its constructor has many options; the token is in no frame of the traceback."""
    with pytest.raises(
        TypeError, match=rf"^{cls.__name__}\(\) .* did you mean 'plan'\?$"
    ) as caught:
        cls(TOKEN, plam="free")

    assert_quiet(caught.value, TOKEN)


async def test_a_refused_call_keeps_its_token_out_of_the_traceback() -> None:
    """The frames of the check hold the arguments no longer."""
    async with counted() as (actors, _):
        with pytest.raises(TypeError) as caught:
            await actors.tago.tokens.delete(TOKEN, max_wiat=1)  # type: ignore[call-arg]
        with pytest.raises(InputError) as wrong:
            await actors.tago.networks.send(TOKEN, [], lane="x")  # type: ignore[arg-type]

    assert_quiet(caught.value, TOKEN)
    assert_quiet(wrong.value, TOKEN)


async def test_methods_of_a_programs_own_subclass_are_its_own() -> None:
    """They may take what they like."""

    class Ours(Tago):
        def __init__(self, *, site: str) -> None:
            super().__init__(TOKEN, plan="free")
            self.site = site

        def greet(self, device_id: str, **words: int) -> tuple[object, dict[str, int]]:
            return device_id, words

    assert (5, {"a": 1}) == Ours(site="x").greet(5, a=1)  # type: ignore[arg-type]


def test_coroutine_functions_are_known_as_such() -> None:
    """Mocks made from a class rely on it."""
    mock = create_autospec(Devices)

    assert isinstance(mock.info, AsyncMock)
    assert not isinstance(mock.list, AsyncMock)
