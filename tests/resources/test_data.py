"""Data by a device's id: what each call sends, and what it makes of the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    AggregatePoint,
    BadRequestError,
    DataBackup,
    DataCreate,
    DataEdit,
    DataPoint,
    DataQuery,
    InputError,
    MalformedAnswerError,
    ServerError,
)
from tagodev._resources.device_data import DeviceData
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, client
from tests.support.servers import Received, Reply, ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tagodev._session import Session

BY_ID = f"/device/{DEVICE_ID}/data"
WIRE = {
    "id": "6143842f561c4e00199f517b",
    "variable": "temperature",
    "value": 21.5,
    "time": "2026-03-01T12:30:00.250Z",
}
DATED = DataQuery(start_date="1 day")


def query(target: str) -> dict[str, str]:
    """Return the parameters of a request's target."""
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


def path(target: str) -> str:
    """Return the path of a request's target."""
    return urlsplit(target).path


def registers(number: int, **fields: Any) -> Iterator[DataCreate]:
    """Yield so many registers to be sent."""
    return (DataCreate("n", n, **fields) for n in range(number))


def added(request: Received) -> bytes:
    """Say that everything was taken."""
    return ok(f"{len(orjson.loads(request.body))} Data Added")


# --- reading -----------------------------------------------------------------------------------


async def test_read() -> None:
    """Registers are asked for by the device's id, and understood."""
    async with ScriptedServer(in_turn(ok([WIRE]))) as server, client(server.url) as tago:
        points = await tago.data.read(DEVICE_ID)

    assert [f"GET {BY_ID}"] == server.seen()
    assert [21.5] == [point.value for point in points]


async def test_a_query_is_sent_as_the_service_reads_it() -> None:
    """Lists take an index, moments are ISO, flags are lower case."""
    wanted = DataQuery(
        variables=["temperature", "humidity"],
        values=[True, 5],
        qty=100,
        ordination="ascending",
        start_date=datetime(2026, 3, 1, tzinfo=UTC),
        end_date="2026-03-02",
        details=True,
    )
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        assert [] == await tago.data.read(DEVICE_ID, wanted)
    expected = {
        "variables[0]": "temperature",
        "variables[1]": "humidity",
        "values[0]": "true",
        "values[1]": "5",
        "qty": "100",
        "ordination": "ascending",
        "start_date": "2026-03-01T00:00:00.000Z",
        "end_date": "2026-03-02",
        "details": "true",
    }

    assert expected == query(server.received[0].target)


async def test_as_many_as_are_named_by_their_ids() -> None:
    """The service's default of 15 would cut off the rest."""
    ids = [f"{n:024x}" for n in range(20)]
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.data.read(DEVICE_ID, DataQuery(ids=ids))
        await tago.data.read(DEVICE_ID, DataQuery(ids=ids, qty=3))

    assert ["20", "3"] == [query(request.target)["qty"] for request in server.received]


async def test_too_many_items_are_refused() -> None:
    """The service's parser would misread a longer list."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.data.read(DEVICE_ID, DataQuery(variables=[f"v{n}" for n in range(21)]))

    assert "variables" == caught.value.path
    assert [] == server.received


async def test_one_register_of_each_variable() -> None:
    """A mode is the query's word for which."""
    async with ScriptedServer(in_turn(ok([WIRE]))) as server, client(server.url) as tago:
        await tago.data.read(DEVICE_ID, DataQuery(variables="t"), mode="last_value")
        await tago.data.read(DEVICE_ID, mode="max")

    assert {"query": "last_value", "variables[0]": "t"} == query(server.received[0].target)
    assert {"query": "max"} == query(server.received[1].target)


async def test_odd_choices_are_refused() -> None:
    """A word that the service does not know costs no request, nor does skipping where none is."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        data: Any = tago.data
        for name, call in (
            ("mode", data.read(DEVICE_ID, mode="aggregate")),
            ("mode", data.delete(DEVICE_ID, DataQuery(qty=1), mode="count")),
            ("skip", data.read(DEVICE_ID, DataQuery(skip=1), mode="last_item")),
            ("skip", data.count(DEVICE_ID, DataQuery(skip=1))),
            ("function", data.aggregate(DEVICE_ID, "median", "day")),
            ("interval", data.aggregate(DEVICE_ID, "avg", "week")),
            ("comparison", data.conditional(DEVICE_ID, ">", 5, DATED)),
        ):
            with pytest.raises(InputError) as caught:
                await call
            assert name == caught.value.path

    assert [] == server.received


async def test_conditional() -> None:
    """A comparison is sent with the query."""
    async with ScriptedServer(in_turn(ok([WIRE]))) as server, client(server.url) as tago:
        points = await tago.data.conditional(DEVICE_ID, "gte", 20.5, DATED)
    expected = {
        "query": "conditional",
        "function": "gte",
        "value": "20.5",
        "start_date": "1 day",
    }

    assert expected == query(server.received[0].target)
    assert [WIRE["id"]] == [point.id for point in points]


async def test_aggregate() -> None:
    """Intervals are asked for by function and length."""
    answer = [{"time": "2026-03-01T00:00:00.000Z", "value": 21.25}]
    async with ScriptedServer(in_turn(ok(answer))) as server, client(server.url) as tago:
        intervals = await tago.data.aggregate(DEVICE_ID, "avg", "day", DataQuery(variables="t"))
    expected = {
        "query": "aggregate",
        "function": "avg",
        "interval": "day",
        "variables[0]": "t",
    }

    assert expected == query(server.received[0].target)
    assert [AggregatePoint(datetime(2026, 3, 1, tzinfo=UTC), 21.25)] == intervals


async def test_numbers() -> None:
    """Count, average and sum are numbers, whatever the service wraps them in."""
    answers = in_turn(ok(7), ok(1.5), ok([{"id": "none", "value": 12}]), ok(None), ok(None))
    async with ScriptedServer(answers) as server, client(server.url) as tago:
        assert 7 == await tago.data.count(DEVICE_ID)
        assert 1.5 == await tago.data.avg(DEVICE_ID, DATED)
        assert 12 == await tago.data.sum(DEVICE_ID, DATED)
        assert await tago.data.avg(DEVICE_ID, DATED) is None
        assert 0 == await tago.data.sum(DEVICE_ID, DATED)

    assert ["count", "avg", "sum"] == [query(one.target)["query"] for one in server.received[:3]]


@pytest.mark.parametrize("mode", ["avg", "sum"])
async def test_more_than_a_month_is_refused(mode: str) -> None:
    """An average or a sum spans a month, as far as both of its ends are known here."""
    end = datetime(2026, 5, 1, tzinfo=UTC)
    async with ScriptedServer(in_turn(ok(1))) as server, client(server.url) as tago:
        ask = getattr(tago.data, mode)
        start = end - timedelta(days=35)
        with pytest.raises(InputError) as caught:
            await ask(DEVICE_ID, DataQuery(start_date=start, end_date=end))
        assert "start_date" == caught.value.path
        assert [] == server.received

        start = end - timedelta(days=34)
        assert 1 == await ask(DEVICE_ID, DataQuery(start_date=start, end_date=end))
        assert 1 == await ask(DEVICE_ID, DataQuery(start_date="2 years"))


async def test_what_needs_a_start_is_refused_without() -> None:
    """The service asks for a start date where it would have to go through everything."""
    async with ScriptedServer(in_turn(ok(1))) as server, client(server.url) as tago:
        for call in (
            tago.data.avg(DEVICE_ID, DataQuery()),
            tago.data.sum(DEVICE_ID, DataQuery(end_date="1 day")),
            tago.data.conditional(DEVICE_ID, "gt", 5, DataQuery()),
        ):
            with pytest.raises(InputError) as caught:
                await call
            assert "start_date" == caught.value.path

    assert [] == server.received


@pytest.mark.parametrize("result", [{}, "", None, 5, [5], [{}], [{"id": "a"}]])
async def test_answers_that_are_no_registers(result: object) -> None:
    """What is no list of registers is not taken for "there are none"."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError):
            await tago.data.read(DEVICE_ID)


async def test_routes_by_id_are_counted_as_those_of_the_device() -> None:
    """Whether the service counts them apart is not known: as one, neither can be exceeded."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.data.read(DEVICE_ID)
        await tago.data.aggregate(DEVICE_ID, "avg", "day")
        used = {state.route: state.used for state in tago.limits.snapshot()}

    assert {"GET /data": 2, "GET /data?query=aggregate": 1} == used


@pytest.mark.parametrize("device_id", ["", "..", "a/b", "a?b", None])
async def test_id_that_would_lead_elsewhere_is_refused(device_id: Any) -> None:
    """No id makes another route of it."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        for call in (
            tago.data.read(device_id),
            tago.data.delete(device_id, DataQuery(qty=1)),
            tago.data.edit(device_id, DataEdit("a", 1)),
            tago.data.send(device_id, DataCreate("a", 1)),
            tago.data.backup(device_id, "x"),
        ):
            with pytest.raises(InputError) as caught:
                await call
            assert "device_id" == caught.value.path

    assert [] == server.received


# --- streaming ---------------------------------------------------------------------------------

START = datetime(2026, 3, 1, tzinfo=UTC)


@attrs.define
class Shelf:
    """A session behind which lies data, given as the service gives it, page by page."""

    points: list[DataPoint]
    asked: list[dict[str, str]] = attrs.field(factory=list)

    async def call(self, request: Any, _: Any, __: Any, /) -> list[DataPoint]:
        """Give the page that is asked for."""
        asked = query(request.path)
        self.asked.append(asked)
        up = asked.get("ordination") == "ascending"
        start = datetime.fromisoformat(asked.get("start_date", "1970-01-01T00:00:00Z"))
        end = datetime.fromisoformat(asked.get("end_date", "2100-01-01T00:00:00Z"))
        variable = asked.get("variables[0]")
        found = [
            point
            for point in sorted(self.points, key=lambda one: (one.time, one.id), reverse=not up)
            if start <= point.time <= end and variable in {None, point.variable}
        ]
        skip = int(asked.get("skip", "0"))
        return found[skip : skip + int(asked["qty"])]

    @property
    def data(self) -> DeviceData:
        """The data as a client has it."""
        return DeviceData(cast("Session", self))


def register(number: int, minute: int, variable: str = "t") -> DataPoint:
    """Return a register of some minute."""
    time = START + timedelta(minutes=minute)
    return DataPoint(id=f"{number:05}", variable=variable, time=time)


async def ids(points: AsyncIterator[DataPoint]) -> list[str]:
    """Return the ids of a stream."""
    return [point.id async for point in points]


@given(
    minutes=st.lists(st.integers(0, 6), max_size=40),
    size=st.integers(1, 9),
    ordination=st.sampled_from(["ascending", "descending"]),
)
async def test_a_stream_gives_every_register_once_in_order(
    minutes: list[int], size: int, ordination: str
) -> None:
    """However many share a moment and however small the pages, nothing is missed or doubled."""
    points = [register(n, minute) for n, minute in enumerate(sorted(minutes))]
    shelf = Shelf(points)
    stream = shelf.data.stream(DataQuery(ordination=ordination), page_size=size)
    expected = [point.id for point in points]

    assert (expected if ordination == "ascending" else expected[::-1]) == await ids(stream)


@given(
    minutes=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    later=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=10),
    size=st.integers(2, 9),
    ordination=st.sampled_from(["ascending", "descending"]),
)
async def test_what_comes_meanwhile_makes_nothing_else_be_missed(
    minutes: list[int], later: list[tuple[int, int]], size: int, ordination: str
) -> None:
    """Registers that arrive between the pages, late ones too, do not push others out."""
    points = [register(n, minute) for n, minute in enumerate(sorted(set(minutes)))]
    shelf = Shelf(list(points))
    seen: list[str] = []
    async for point in shelf.data.stream(DataQuery(ordination=ordination), page_size=size):
        seen.append(point.id)
        for when, minute in later:
            if when == len(seen):
                shelf.points.append(register(1000 + len(shelf.points), minute))

    assert len(set(seen)) == len(seen)
    assert {point.id for point in points} <= set(seen)


async def test_a_deletion_meanwhile_makes_nothing_else_be_missed() -> None:
    """Paging by number would pass over as many as were deleted."""
    shelf = Shelf([register(n, n) for n in range(10)])
    seen = []
    async for point in shelf.data.stream(DataQuery(ordination="ascending"), page_size=3):
        seen.append(point.id)
        shelf.points = [one for one in shelf.points if one.id != point.id]

    assert [f"{n:05}" for n in range(10)] == seen


async def test_a_stream_asks_for_few_pages() -> None:
    """One request a page, of ten thousand; the next one begins where the last one ended."""
    shelf = Shelf([register(n, n) for n in range(25_000)])
    await ids(shelf.data.stream())
    small = Shelf([register(0, 0)])
    await ids(small.data.stream())

    assert ["10000"] * 3 == [asked["qty"] for asked in shelf.asked]
    moments = [asked.get("end_date") for asked in shelf.asked]
    assert [None, "2026-03-11T10:00:00.000Z", "2026-03-04T11:21:00.000Z"] == moments
    assert not any("skip" in asked for asked in shelf.asked)
    assert [{"qty": "10000"}] == small.asked


@pytest.mark.parametrize("ordination", ["ascending", "descending"])
async def test_a_page_that_is_out_of_order_ends_at_its_end(ordination: str) -> None:
    """The next page starts at the latest moment, not at the last register."""

    class Untidy(Shelf):
        async def call(self, *args: Any) -> list[DataPoint]:
            return (await super().call(*args))[::-1]

    shelf = Untidy([register(n, n) for n in range(10)])
    found = await ids(shelf.data.stream(DataQuery(ordination=ordination), page_size=4))

    assert [f"{n:05}" for n in range(10)] == sorted(found)


async def test_a_stream_keeps_the_ids_of_one_moment_in_mind() -> None:
    """However long it is, its memory does not grow."""
    shelf = Shelf([register(n, n // 3) for n in range(1000)])
    pages: Any = shelf.data._pages(DataQuery(qty=10), 10, {})
    kept = [len(pages.ag_frame.f_locals["seen"]) async for _ in pages]

    assert 100 < len(kept)
    assert max(kept) <= 3


async def test_several_variables_follow_one_another() -> None:
    """The service counts a page's registers for each variable: a page might end anywhere."""
    points = [register(n, n, "ab"[n % 2]) for n in range(10)]
    shelf = Shelf(points)
    wanted = DataQuery(variables=["b", "a", "b"], ordination="ascending", details=True)

    assert [point.id for point in [*points[1::2], *points[::2]]] == await ids(
        shelf.data.stream(wanted, page_size=3)
    )
    assert {"true"} == {asked["details"] for asked in shelf.asked}


async def test_nothing_is_asked_for_before_a_stream_is_read() -> None:
    """A caller that stops early pays for what was read."""
    shelf = Shelf([register(n, n) for n in range(10)])
    stream = shelf.data.stream(page_size=3)
    assert [] == shelf.asked
    await anext(stream)
    await stream.aclose()

    assert 1 == len(shelf.asked)


async def test_a_service_that_repeats_itself_ends_a_stream() -> None:
    """A service that ignores the query does not make an endless stream."""
    page = [WIRE, {**WIRE, "id": "b"}]
    async with ScriptedServer(in_turn(ok(page))) as server, client(server.url) as tago:
        found = await ids(tago.data.stream(DEVICE_ID, page_size=2))

    assert [WIRE["id"], "b"] == found
    assert 3 == len(server.received)


@pytest.mark.parametrize(
    ("name", "wanted", "size"),
    [
        ("qty", DataQuery(qty=5), 10),
        ("skip", DataQuery(skip=5), 10),
        ("page_size", None, 0),
        ("page_size", None, 10_001),
    ],
)
async def test_a_stream_pages_by_itself(name: str, wanted: DataQuery | None, size: int) -> None:
    """What the stream decides can't be asked for."""
    shelf = Shelf([])
    with pytest.raises(InputError) as caught:
        await ids(shelf.data.stream(wanted, page_size=size))

    assert name == caught.value.path
    assert [] == shelf.asked


# --- sending -----------------------------------------------------------------------------------


async def test_send() -> None:
    """One register or several are an array, and the service says how many it took."""
    async with ScriptedServer(added) as server, client(server.url) as tago:
        assert 1 == await tago.data.send(DEVICE_ID, DataCreate("t", 21.5, unit="°C"))
        assert 2 == await tago.data.send(DEVICE_ID, [DataCreate("t", "on"), DataCreate("h")])

    assert [f"POST {BY_ID}"] * 2 == server.seen()
    assert [{"variable": "t", "value": 21.5, "unit": "°C"}] == orjson.loads(server.received[0].body)
    expected = [{"variable": "t", "value": "on"}, {"variable": "h"}]
    assert expected == orjson.loads(server.received[1].body)


async def test_sending_is_chunked() -> None:
    """A thousand registers a request, in their order, from whatever gives them."""

    async def later() -> AsyncIterator[DataCreate]:
        for one in registers(2001):
            yield one

    for points in (registers(2001), list(registers(2001)), later()):
        async with ScriptedServer(added) as server, client(server.url) as tago:
            assert 2001 == await tago.data.send(DEVICE_ID, points)
        bodies = [orjson.loads(request.body) for request in server.received]
        assert [1000, 1000, 1] == [len(body) for body in bodies]
        assert list(range(2001)) == [one["value"] for body in bodies for one in body]


async def test_bodies_are_bounded() -> None:
    """No body is larger than the service takes, and none is much smaller for nothing."""
    async with ScriptedServer(added) as server, client(server.url) as tago:
        points = registers(300, metadata={"text": "é" * 1000})
        assert 300 == await tago.data.send(DEVICE_ID, points)
    sizes = [len(request.body) for request in server.received]

    assert max(sizes) <= 200_000
    assert min(sizes[:-1]) > 197_000
    assert 4 == len(sizes)


async def test_nothing_to_send_sends_nothing() -> None:
    """An empty list costs no request."""
    async with ScriptedServer(added) as server, client(server.url) as tago:
        assert 0 == await tago.data.send(DEVICE_ID, [])
        assert 0 == await tago.data.edit(DEVICE_ID, [])

    assert [] == server.received


async def test_registers_are_read_as_they_are_needed() -> None:
    """The next thousand are not made while the first are on their way."""
    made: list[DataCreate] = []
    made_so_far: list[int] = []

    def counted() -> Iterator[DataCreate]:
        for one in registers(5000):
            made.append(one)
            yield one

    def script(request: Received) -> bytes:
        made_so_far.append(len(made))
        return added(request)

    async with ScriptedServer(script) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, counted())

    # Each time one more, which no longer fitted.
    assert [1001, 2001, 3001, 4001, 5000] == made_so_far


@pytest.mark.parametrize(
    ("expected", "said"), [(3, "Successfully Inserted"), (2, "2 Data Added"), (9, "9 Data Added")]
)
async def test_what_the_service_says_it_took_counts(expected: int, said: str) -> None:
    """A payload parser may make more or fewer of them; no number is all of them."""
    async with ScriptedServer(in_turn(ok(said))) as server, client(server.url) as tago:
        assert expected == await tago.data.send(DEVICE_ID, registers(3))


async def test_a_failure_says_what_was_taken_before() -> None:
    """Of many requests the error reports how many registers are safe, and sends no more."""
    answers = in_turn(ok("1000 Data Added"), ok("1000 Data Added"), refused(400, "No more"))
    async with ScriptedServer(answers) as server, client(server.url) as tago:
        with pytest.raises(BadRequestError) as caught:
            await tago.data.send(DEVICE_ID, registers(5000))

    assert 3 == len(server.received)
    assert 2000 == caught.value.accepted
    assert "2000 before it were accepted" in str(caught.value)
    assert not caught.value.may_have_acted


async def test_sending_is_never_repeated() -> None:
    """A lost answer leaves the registers in doubt: sent again, they might be kept twice."""
    for lost in (http(502, b"<html>"), Reply(then="reset")):
        async with ScriptedServer(in_turn(lost)) as server, client(server.url) as tago:
            with pytest.raises(Exception, match="may have acted") as caught:
                await tago.data.send(DEVICE_ID, registers(3))
        assert 1 == len(server.received)
        assert 0 == cast("Any", caught.value).accepted


@pytest.mark.parametrize("wrong", [{"variable": "t"}, "t", None, DataEdit("a", 1)])
async def test_what_is_no_register_is_told_by_its_place(wrong: Any) -> None:
    """A wrong item ends it there; what was sent before is reported."""
    points = [*registers(1500), wrong]
    async with ScriptedServer(added) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.data.send(DEVICE_ID, points)

    assert ("[1500]", 1000) == (caught.value.path, caught.value.accepted)


# --- changing and deleting ---------------------------------------------------------------------


async def test_edit() -> None:
    """Changes are sent in twenty-fives, each with its id and what changes."""
    changes = [DataEdit(f"{n}", n, metadata={"color": "blue"}) for n in range(51)]

    def script(request: Received) -> bytes:
        return ok(f"{len(orjson.loads(request.body))} item(s) updated")

    async with ScriptedServer(script) as server, client(server.url) as tago:
        assert 51 == await tago.data.edit(DEVICE_ID, changes)
        assert 1 == await tago.data.edit(DEVICE_ID, DataEdit("a", 1, location=None))

    assert [f"PUT {BY_ID}"] * 4 == server.seen()
    bodies = [orjson.loads(request.body) for request in server.received]
    assert [25, 25, 1, 1] == [len(body) for body in bodies]
    assert {"id": "0", "value": 0, "metadata": {"color": "blue"}} == bodies[0][0]
    assert [{"id": "a", "value": 1, "location": None}] == bodies[3]


async def test_edits_are_repeated_where_the_answer_was_lost() -> None:
    """The same change twice is the same change."""
    answers = in_turn(http(502), ok("1 item(s) updated"))
    async with ScriptedServer(answers) as server, client(server.url) as tago:
        assert 1 == await tago.data.edit(DEVICE_ID, DataEdit("a", 1))

    assert 2 == len(server.received)


@pytest.mark.parametrize(
    ("expected", "said"), [(3, "3 Data Removed"), (3, "3 Data removed"), (3, 3)]
)
async def test_delete(expected: int, said: object) -> None:
    """A deletion takes the query of reading, and reports how many it took."""
    async with ScriptedServer(in_turn(ok(said))) as server, client(server.url) as tago:
        assert expected == await tago.data.delete(DEVICE_ID, DataQuery(variables="t", qty=99))
        await tago.data.delete(DEVICE_ID, DataQuery(variables="t"), mode="last_item")

    assert ["DELETE"] * 2 == [request.method for request in server.received]
    assert BY_ID == path(server.received[0].target)
    assert {"variables[0]": "t", "qty": "99"} == query(server.received[0].target)
    assert {"query": "last_item", "variables[0]": "t"} == query(server.received[1].target)


@pytest.mark.parametrize("wanted", [DataQuery(), DataQuery(variables="t"), DATED])
async def test_a_deletion_says_how_many(wanted: DataQuery) -> None:
    """Without a number the service would delete fifteen, so it is refused."""
    async with ScriptedServer(in_turn(ok(3))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.data.delete(DEVICE_ID, wanted)

    assert "qty" == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize(
    ("sent", "wanted", "mode"),
    [
        (2, DataQuery(ids=["a", "b"]), None),
        (1, DataQuery(variables="t", qty=99), None),
        (1, DataQuery(ids=["a"]), "last_item"),
    ],
)
async def test_only_a_deletion_by_ids_is_repeated(sent: int, wanted: DataQuery, mode: Any) -> None:
    """Whatever else it says, the next ones would be deleted too."""
    async with (
        ScriptedServer(in_turn(http(502), ok("0 Data Removed"))) as server,
        client(server.url) as tago,
    ):
        try:
            await tago.data.delete(DEVICE_ID, wanted, mode=mode)
        except ServerError as error:
            doubt = error.may_have_acted
        else:
            doubt = False

    assert sent == len(server.received)
    assert (sent == 1) == doubt


async def test_a_deletion_that_tells_no_number() -> None:
    """An answer without a number is an error that says that registers may be deleted."""
    async with ScriptedServer(in_turn(ok("Done"))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError) as caught:
            await tago.data.delete(DEVICE_ID, DataQuery(qty=5))

    assert caught.value.may_have_acted


# --- export and import -------------------------------------------------------------------------


async def test_backup() -> None:
    """An export names its file, and comes with headers by default."""
    answer = ok({"file_address": "device/x.csv", "status": "scheduled"})
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        backup = await tago.data.backup(DEVICE_ID, "/device/$DEVICE$")
        await tago.data.backup(DEVICE_ID, "/x", headers=False)

    assert DataBackup(file_address="device/x.csv", status="scheduled") == backup
    assert [f"POST {BY_ID}/backup"] * 2 == server.seen()
    bodies = [orjson.loads(request.body) for request in server.received]
    expected = {"file_address": "/device/$DEVICE$", "headers": True}
    assert [expected, {"file_address": "/x", "headers": False}] == bodies


async def test_restore() -> None:
    """An import names its file; what the service says to it does not matter."""
    answer = ok("Data import added to the queue successfully!")
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        await tago.data.restore(DEVICE_ID, "/x.csv")

    assert [f"POST {BY_ID}/restore"] == server.seen()
    assert {"file_address": "/x.csv"} == orjson.loads(server.received[0].body)


@pytest.mark.parametrize("name", ["backup", "restore"])
async def test_exports_and_imports_are_not_repeated(name: str) -> None:
    """A second import would keep everything twice."""
    async with ScriptedServer(in_turn(http(502))) as server, client(server.url) as tago:
        with pytest.raises(ServerError) as caught:
            await getattr(tago.data, name)(DEVICE_ID, "/x.csv")

    assert 1 == len(server.received)
    assert caught.value.may_have_acted


@pytest.mark.parametrize("name", ["backup", "restore"])
@pytest.mark.parametrize("address", ["", " ", None, 5])
async def test_a_file_has_an_address(name: str, address: Any) -> None:
    """Without one nothing is sent."""
    async with ScriptedServer(in_turn(ok({}))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await getattr(tago.data, name)(DEVICE_ID, address)

    assert "file_address" == caught.value.path
    assert [] == server.received
