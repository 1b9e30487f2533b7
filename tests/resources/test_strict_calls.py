"""Every public method refuses what it can't do, before anything is sent, written or begun."""

from __future__ import annotations

import asyncio
import inspect
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from functools import cache
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import AsyncMock, create_autospec

import aiohttp
import attrs
import orjson
import pytest
from multidict import CIMultiDict

import tagodev
from tagodev import (
    ApplyStep,
    ClosedError,
    DataCreate,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    DeviceTokenCreate,
    Failed,
    InputError,
    Rotation,
    Secret,
    Tago,
    TagoDevice,
    TagoError,
    TokenCreate,
)
from tagodev import (
    _resources as resources,
)
from tagodev._resources.devices import Devices
from tagodev._signatures import _INTERNAL, _KEYWORDS
from tagodev._transport import Answer
from tests.support.calls import CALLS, CLASSES, METHODS, Actors, Stock, acting
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.exchanges import exchanging
from tests.support.leaks import assert_quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tagodev._transport import Request

    #: Makes the call that is tested: of the real method and the arguments of a good call.
    Alter = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

#: Calls that are not in `CALLS`, since they send nothing by themselves.
OTHERS: Final[dict[str, Callable[[Any, Stock], Any]]] = {
    "tago.resume": lambda a, _: a.tago.resume("run.journal"),
    "tago.settle": lambda a, _: a.tago.settle("run.journal"),
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
WRONG_ITEMS: Final = ({"name": "x"}, {"id": DEVICE_ID}, 5, None, object(), DeviceEdit(active=True))
#: A value of each type, under its name in annotations.
VALUES: Final[dict[str, Any]] = {
    "None": None,
    "bool": True,
    "int": 5,
    "float": 1.5,
    "str": "text",
    "bytes": b"67e1a2b3c4d5e6f708192a3b",
    "list": ["a"],
    "dict": {"a": 1},
    "datetime": datetime(2026, 1, 31, tzinfo=UTC),
    "Secret": Secret("a"),
    "DataCreate": DataCreate("a", 1),
    "object": object(),
}
#: What needs no service and so goes on after its client is closed.
SILENT: Final = {name for name in OTHERS if ".limits." in name}
URL: Final = "http://127.0.0.1:9"
signature = cache(inspect.signature)
#: Sessions are opened through `Watch.session` while one watches.
_SESSION: Final = aiohttp.ClientSession
MANY: Final = sorted(name for name in METHODS if name.endswith("_many"))
EVERY = pytest.mark.parametrize("name", METHODS)


def arguments(name: str) -> dict[str, str]:
    """Return every keyword that a method takes, and what it is to be."""
    found: dict[str, str] = {}
    for one in list(signature(METHODS[name]).parameters.values())[1:]:
        if one.kind is one.VAR_KEYWORD:
            of_options = _KEYWORDS[one.annotation].__annotations__
            found |= {key: value.__forward_arg__ for key, value in of_options.items()}
        else:
            found[one.name] = one.annotation
    return found


def wrong_values(name: str, annotation: str) -> Iterator[Any]:
    """Yield values of every type that an argument does not take."""
    parts = re.split(r" *\| *(?![^\[]*\])", annotation)
    is_iterable = "Iterable[" in annotation or "Many[" in annotation
    for kind, value in VALUES.items():
        fits = kind in parts or (kind == "int" and "float" in parts)
        if is_iterable and kind in ("list", "dict"):
            # Each item of a bulk run is judged on its own.
            fits = name in MANY or "Iterable[str]" in parts
        if not fits:
            yield value
    if is_iterable and name not in MANY:
        yield [object()]


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
        function = member.__func__
        bound = signature(function).bind(member.__self__, *args, **keywords)
        if keyword in signature(function).parameters:
            bound.arguments[keyword] = value
            return function(*bound.args, **bound.kwargs)
        return member(*args, **{**keywords, keyword: value})

    return alter


def misspelt(word: str) -> Iterator[str]:
    """Yield a word with its last letter doubled, and a longer one with two letters swapped."""
    yield f"{word}{word[-1]}"
    if len(word) > 4 and word[1] != word[2]:
        yield f"{word[:1]}{word[2]}{word[1]}{word[3:]}"


def as_it_is(member: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Make a good call."""
    return member(*args, **keywords)


async def refusal(case: str, call: Callable[[], Any]) -> TagoError | TypeError:
    """Return the error that a call raises, at once or when it is finished."""
    try:
        returned = call()
        if hasattr(returned, "__aiter__") and not inspect.isawaitable(returned):
            await anext(aiter(returned))
        elif inspect.isawaitable(returned):
            await returned
    except (TagoError, TypeError) as error:
        return error
    pytest.fail(f"{case}: was not refused")


class Watch:
    """What calls send, write and begin, in place of a service."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tasks: set[Any] = set()
        self._files: set[Path] = set()
        self._open: list[aiohttp.ClientSession] = []
        self.sent: list[str] = []
        self._sessions: list[aiohttp.ClientSession] = []
        self.result: Any = []

    async def answer(self, request: Request) -> Answer:
        """Note a request, and answer it with the result that is set."""
        self.sent.append(f"{request.route.method} {request.path}")
        body = orjson.dumps({"status": True, "result": self.result})
        return Answer(200, body, CIMultiDict({"Date": formatdate(usegmt=True)}))

    def session(self, *args: Any, **options: Any) -> aiohttp.ClientSession:
        """Open a session, and note it."""
        self._sessions.append(_SESSION(*args, **options))
        return self._sessions[-1]

    def begin(self) -> None:
        """Take whatever is there now for given."""
        self._tasks = asyncio.all_tasks()
        self._files = {*self._folder.rglob("*")}
        self._open = self._open_sessions()

    def assert_idle(self, case: str) -> None:
        """Fail if a case has sent, written or begun anything."""
        assert [] == self.sent, case
        assert set() == {*self._folder.rglob("*")} - self._files, case
        assert set() == asyncio.all_tasks() - self._tasks, case
        assert self._open == self._open_sessions(), case

    def _open_sessions(self) -> list[aiohttp.ClientSession]:
        return [one for one in self._sessions if not one.closed]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Give what stands between every client and the network."""
    watch = Watch(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path))
    monkeypatch.setattr(aiohttp, "ClientSession", watch.session)
    with exchanging(watch.answer):
        yield watch


@asynccontextmanager
async def opened(watch: Watch) -> AsyncIterator[Actors]:
    """Open every kind of client."""
    tokens = dict.fromkeys(("profile", "analysis", "network", "device"), TOKEN)
    async with acting(URL, tokens) as actors:
        watch.begin()
        yield actors


def test_the_walk_finds_every_method() -> None:
    """Each class that calls itself a part of a client is walked; each method can be called."""
    written = {
        cls
        for module in iter_modules(resources.__path__, "tagodev._resources.")
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
async def test_unknown_and_misspelt_keywords_are_refused(name: str, watch: Watch) -> None:
    """The call itself raises, also that of a coroutine function, and says what would do."""
    known = [word for word in arguments(name) if word not in _INTERNAL]
    method = name.rpartition(".")[2]
    async with opened(watch) as actors:
        with pytest.raises(TypeError) as caught:
            altered(actors, name, replacing("qqqq", 1))
        expected = f"{method}() got an unexpected keyword argument 'qqqq'; accepted: "
        assert f"{expected}{', '.join(sorted(known)) or 'none'}" == str(caught.value)
        assert_quiet(caught.value, TOKEN)
        for word in known:
            for wrong in misspelt(word):
                with pytest.raises(TypeError) as caught:
                    altered(actors, name, replacing(wrong, 1))
                assert str(caught.value).endswith(f"{wrong!r}; did you mean {word!r}?")
        watch.assert_idle(name)


@EVERY
async def test_a_value_of_a_wrong_type_is_refused(name: str, watch: Watch) -> None:
    """Whichever argument or option it is given as; an `InputError` names the argument."""
    async with opened(watch) as actors:
        for word, annotation in arguments(name).items():
            for value in wrong_values(name, annotation):
                case = f"{name}({word}={value!r})"
                error = await refusal(case, lambda: altered(actors, name, replacing(word, value)))  # noqa: B023  (called at once)
                if isinstance(error, InputError):
                    # Items are numbered where there are many.
                    assert error.path.partition("[")[0] in (word, "", "items"), case
                watch.assert_idle(case)


@EVERY
async def test_a_client_that_is_not_open_does_nothing(name: str, watch: Watch) -> None:
    """Not before it is entered, and not after it is closed; nor does what it handed out before."""
    keywords = replacing("journal", "new.journal") if name in MANY else as_it_is
    if name in ("tago.resume", "tago.settle"):
        async with opened(watch) as actors:
            await actors.tago.devices.create_many([], journal="run.journal")
        watch.sent.clear()
    unopened = Actors(client(URL), client(URL), client(URL), TagoDevice(TOKEN, api=URL))
    watch.begin()
    errors = [await refusal(f"{name} before", lambda: altered(unopened, name, keywords))]
    watch.assert_idle(f"{name} before")
    async with opened(watch) as actors:
        if name in SILENT:
            return
        begun = altered(actors, name, keywords)
    watch.begin()
    errors.append(await refusal(f"{name} begun before", lambda: begun))
    errors.append(await refusal(f"{name} after", lambda: altered(actors, name, keywords)))
    watch.assert_idle(f"{name} after")
    assert [ClosedError] * 3 == [type(error) for error in errors]


async def test_what_goes_on_ends_with_its_client(watch: Watch) -> None:
    """A list and a stream of which one item was read, and a run in the middle."""
    watch.result = [
        {"id": f"{n}", "name": "a", "variable": "a", "time": "2026-01-31"} for n in "ab"
    ]
    async with opened(watch) as actors:
        going_on: list[Any] = [
            aiter(actors.tago.devices.list(page_size=2)),
            aiter(actors.tago.data.stream("a", page_size=2)),
            aiter(actors.device.data.stream(page_size=2)),
        ]
        for one in going_on:
            assert "a" == (await anext(one)).id
    watch.sent.clear()
    watch.begin()
    for one in going_on:
        assert "b" == (await anext(one)).id
        await refusal("the next page", lambda: anext(one))  # noqa: B023  (called at once)
    watch.assert_idle("what goes on")


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("tago.devices.list", "priority", ["x"]),
        ("tago.devices.list", "max_wait", [-1, float("nan")]),
        ("device.data.stream", "timeout", [0, -1.0, float("nan")]),
        ("tago.devices.create_many", "identity", ["tga"]),
        ("tago.devices.apply_many", "known_by", ["nmae", "tag:"]),
        ("tago.devices.edit_many", "journal", [""]),
        ("tago.devices.edit_many", "max_failures", [-1]),
        ("tago.devices.edit_many", "settle", [-1, 601, float("nan")]),
        ("tago.devices.edit_many", "patience", [-1, float("nan")]),
    ],
)
async def test_a_value_out_of_bounds_is_refused(
    name: str, option: str, values: list[Any], watch: Watch
) -> None:
    """The error names the option; a list, a stream and a run raise it before anything is read."""
    async with opened(watch) as actors:
        for value in values:
            with pytest.raises(InputError) as caught:
                altered(actors, name, replacing(option, value))
            assert option == caught.value.path
            watch.assert_idle(f"{name}({option}={value!r})")


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
async def test_a_field_of_a_model_is_named(call: Any, meant: str, watch: Watch) -> None:
    """A condition or a field that was given as a keyword is shown where it belongs."""
    async with opened(watch) as actors:
        with pytest.raises(TypeError) as caught:
            call(actors.tago)
        watch.assert_idle(meant)

    assert str(caught.value).endswith(f"; did you mean {meant}?")


# --- many ------------------------------------------------------------------------------------


def run_of(tago: Tago, name: str, items: Any, **run: Any) -> Any:
    """Begin a bulk run."""
    _, noun, method = name.split(".")
    return getattr(getattr(tago, noun), method)(items, **run)


@pytest.mark.parametrize("journal", [None, "run.journal"])
@pytest.mark.parametrize("name", MANY)
async def test_items_of_the_wrong_type_fail(name: str, journal: str | None, watch: Watch) -> None:
    """Each is an outcome of its own; nothing is sent for it, and the run goes on."""
    items = [*WRONG_ITEMS, *(() if name == "tago.devices.delete_many" else ("x",))]
    async with opened(watch) as actors:
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
    assert {"GET /info", "GET /profile/current"} >= set(watch.sent)


async def test_items_beside_a_wrong_one_are_done(watch: Watch) -> None:
    """A wrong item costs itself only."""
    items: Any = [DeviceCreate(name="a"), {"name": "b"}, DeviceCreate(name="c")]
    watch.result = {"device_id": DEVICE_ID, "token": "a"}
    async with opened(watch) as actors:
        report = await actors.tago.devices.create_many(items)

    assert (2, 1) == (report.done, report.failed)
    assert ["POST /device"] * 2 == watch.sent


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: DeviceChange(DEVICE_ID, {"active": False}), "changes"),  # type: ignore[arg-type]
        (lambda: DeviceTokenCreate(DEVICE_ID, {"name": "a"}), "token"),  # type: ignore[arg-type]
        (lambda: DeviceTokenCreate(5, TokenCreate("a")), "device_id"),  # type: ignore[arg-type]
        (lambda: Rotation(DEVICE_ID, 5), "token"),  # type: ignore[arg-type]
        (lambda: ApplyStep(create={"name": "a"}), "create"),  # type: ignore[arg-type]
        (lambda: ApplyStep(device_id=5, delete=True), "device_id"),  # type: ignore[arg-type]
        (lambda: ApplyStep(device_id="a", edit={"name": "a"}), "edit"),  # type: ignore[arg-type]
        (lambda: ApplyStep(device_id="a", delete="no"), "delete"),  # type: ignore[arg-type]
        (lambda: ApplyStep(device_id="a", parameters=["x"]), "parameters[0]"),  # type: ignore[list-item]
    ],
)
def test_an_item_holds_models(make: Any, path: str) -> None:
    """A mapping is refused in place of a model."""
    with pytest.raises(InputError) as caught:
        make()

    assert path == caught.value.path


# --- everything else -------------------------------------------------------------------------


def test_whatever_is_exported_refuses_unknown_keywords() -> None:
    """Constructors and functions, too."""
    exported = [getattr(tagodev, name) for name in tagodev.__all__]
    callables: list[Any] = [
        one for one in exported if inspect.isroutine(one) or inspect.isclass(one)
    ]
    for one in callables:
        with pytest.raises(TypeError):
            pytest.fail(f"{one} gave {one(qqqq=1)!r}")


@pytest.mark.parametrize("cls", [Tago, TagoDevice])
def test_a_client_names_the_option_that_was_meant(cls: Any) -> None:
    """Its constructor has many options; the token is in no frame of the traceback."""
    with pytest.raises(
        TypeError, match=rf"^{cls.__name__}\(\) .* did you mean 'plan'\?$"
    ) as caught:
        cls(TOKEN, plam="free")

    assert_quiet(caught.value, TOKEN)


async def test_a_refused_call_keeps_its_token_out_of_the_traceback(watch: Watch) -> None:
    """The frames of the check hold the arguments no longer."""
    async with opened(watch) as actors:
        with pytest.raises(TypeError) as caught:
            await actors.tago.tokens.delete(TOKEN, max_wiat=1)  # type: ignore[call-arg]
        with pytest.raises(InputError) as wrong:
            await actors.tago.networks.send(TOKEN, [], priority="x")  # type: ignore[arg-type]

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
