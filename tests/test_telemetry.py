"""Spans and metrics: what they are called, what they say, whose they are, and what they hide."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import orjson
import pytest
from opentelemetry import context, trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tagodev import (
    DeviceCreate,
    HardLimits,
    MalformedAnswerError,
    RequestError,
    WaitTooLongError,
    telemetry,
)
from tagodev import (
    _session as session,
)
from tagodev._limits import core
from tagodev._limits.ledger.memory import MemoryLedger
from tagodev._limits.snapshot import RouteState
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.events import Ended, Sent
from tagodev.telemetry import OpenTelemetry
from tests.support.answers import created, http, ok, refused, throttled
from tests.support.clients import DEVICE_ID, TOKEN, client, value_or_error
from tests.support.processes import PYTHON, environment, run
from tests.support.servers import Received, Reply, ScriptedServer, in_turn, refused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from tagodev import Tago

GUIDE = Path(__file__).parent.parent / "docs" / "telemetry.md"
#: Half a second is the shortest window that there is.
HALF_SECOND = HardLimits("short", {"POST /device": 1}, default=1000, minute=0.5)
#: What the caller that scrapes does.
LOOK = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:9464").read().decode())
"""
DEVICE = {"id": DEVICE_ID, "name": "x"}
DOOMED = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"


class Heard:
    """A sink, with all that its spans and metrics have reported so far."""

    def __init__(self, **options: Any) -> None:
        """Listen in memory."""
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader])
        self.sink = self.another(**options)

    def another(self, **options: Any) -> OpenTelemetry:
        """Return another sink with the same providers."""
        return OpenTelemetry(tracer_provider=self.tracers, meter_provider=self._meters, **options)

    @property
    def tracer(self) -> trace.Tracer:
        """What the caller's own spans are made with."""
        return self.tracers.get_tracer("caller")

    def spans(self) -> list[ReadableSpan]:
        """Return what spans there are, but for the caller's own."""
        return [
            span
            for span in self.exporter.get_finished_spans()
            if span.instrumentation_scope is None or span.instrumentation_scope.name != "caller"
        ]

    def callers(self) -> list[int]:
        """Return the ids of the caller's own spans."""
        spans = set(self.exporter.get_finished_spans()) - set(self.spans())
        return sorted(span.context.span_id for span in spans if span.context is not None)

    def span(self) -> ReadableSpan:
        """Return the only one."""
        (span,) = self.spans()
        return span

    def points(self, name: str) -> list[Any]:
        """Return the points of a metric."""
        return [point for metric in self._metrics(name) for point in metric.data.data_points]

    def values(self, name: str, *keys: str) -> dict[Any, Any]:
        """Return the points of a counter or a gauge by some of their attributes."""
        return {
            tuple(point.attributes[key] for key in keys): point.value for point in self.points(name)
        }

    def unit(self, name: str) -> str:
        """Return the unit of a metric."""
        (metric,) = self._metrics(name)
        return str(metric.unit)

    def names(self) -> set[str]:
        """Return the names of all metrics."""
        return {metric.name for metric in self._metrics()}

    def everything(self) -> str:
        """Return all that was reported, as text."""
        data = self._reader.get_metrics_data()
        return "".join(span.to_json() for span in self.exporter.get_finished_spans()) + (
            "" if data is None else data.to_json()
        )

    def _metrics(self, name: str = "") -> Iterator[Any]:
        data = self._reader.get_metrics_data()
        assert data is not None
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                assert "tagodev" == scope.scope.name
                yield from (metric for metric in scope.metrics if name in ("", metric.name))


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Provide a sink with listeners, and forget the spans that a test doesn't end."""
    outside = context.attach(context.Context())
    yield Heard()
    context.detach(outside)


def sent(*, address: str = "http://127.0.0.1", **window: Any) -> Sent:
    """Return a request that leaves."""
    state = {"used": 3, "free": 7, "next_window_in": 20.0, **window}
    return Sent(
        "GET /info",
        1,
        number=1,
        address=address,
        method="GET",
        template="/info",
        priority="bulk",
        waited=0.5,
        resends=0,
        state=RouteState(
            route="GET /info",
            limit=12,
            budget=10,
            in_flight=1,
            waiting=0,
            others=None,
            rejected=0,
            **state,
        ),
    )


async def create(tago: Tago, **options: Any) -> Any:
    """Make a device, or find out why not."""
    return await value_or_error(tago.devices.create(DeviceCreate(name="x"), **options))


# --- one span ----------------------------------------------------------------------------------


async def test_span_of_a_request(heard: Heard) -> None:
    """A request is a client's span, named and reported by method and template."""
    async with (
        ScriptedServer(in_turn(ok(DEVICE))) as server,
        client(server.url, on_event=heard.sink) as tago,
    ):
        await tago.devices.info(DEVICE_ID)
        port = server.port

    span = heard.span()
    reported = dict(span.attributes or {})
    waited = reported.pop("tagodev.wait_time")
    assert "GET /device/:device_id" == span.name
    assert trace.SpanKind.CLIENT == span.kind
    assert trace.StatusCode.UNSET == span.status.status_code
    assert isinstance(waited, float)
    assert 0 <= waited < 30
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": port,
        "tagodev.priority": "interactive",
        "tagodev.route": "GET /device/:device_id",
        "tagodev.window.budget": 1_000_000,
        "tagodev.window.used": 1,
        "url.template": "/device/:device_id",
    } == reported


@pytest.mark.parametrize(
    ("address", "host", "port", "template"),
    [
        ("https://api.eu-w1.tago.io", "api.eu-w1.tago.io", 443, "/info"),
        ("https://tago.example:8443/api", "tago.example", 8443, "/api/info"),
        ("http://[::1]/api", "::1", 80, "/api/info"),
    ],
)
def test_address_is_told(heard: Heard, address: str, host: str, port: int, template: str) -> None:
    """Host and port of any address are reported, and its path precedes the template."""
    leaving = sent(address=address)
    heard.sink(leaving)
    heard.sink(Ended(leaving, 200, None, 0.1))

    reported = heard.span().attributes or {}
    assert (host, port, template) == (
        reported["server.address"],
        reported["server.port"],
        reported["url.template"],
    )


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_refusal_is_an_error(heard: Heard, status: int) -> None:
    """A status that says no is what went wrong; nothing of the service's text is repeated."""
    async with (
        ScriptedServer(in_turn(refused(status, f"Invalid token: {DOOMED}"))) as server,
        client(server.url, on_event=heard.sink) as tago,
    ):
        assert isinstance(await create(tago), RequestError)

    span = heard.span()
    reported = span.attributes or {}
    assert trace.StatusCode.ERROR == span.status.status_code
    assert span.status.description is None
    assert (status, str(status)) == (reported["http.response.status_code"], reported["error.type"])
    assert not span.events


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(then="reset"), "tagodev.errors.ConnectionLostError"),
        (Reply(then="hang"), "tagodev.errors.AnswerTimeoutError"),
    ],
)
async def test_missing_answer_is_an_error(heard: Heard, reply: Reply, error: str) -> None:
    """Without an answer there is no status, and the error's class says why."""
    async with (
        ScriptedServer(in_turn(reply)) as server,
        client(server.url, on_event=heard.sink, timeout=0.2) as tago,
    ):
        await create(tago)

    span = heard.span()
    reported = span.attributes or {}
    assert trace.StatusCode.ERROR == span.status.status_code
    assert error == reported["error.type"]
    assert "http.response.status_code" not in reported


async def test_missing_connection_is_an_error(heard: Heard) -> None:
    """A request without a connection is reported as well, at each of its attempts."""
    with refused_port() as port:
        async with client(f"http://127.0.0.1:{port}", on_event=heard.sink) as tago:
            await create(tago)

    reported = [span.attributes or {} for span in heard.spans()]
    assert ["tagodev.errors.ConnectError"] * 3 == [one["error.type"] for one in reported]


async def test_cancelled_request_is_an_error(heard: Heard) -> None:
    """A request that its caller gave up has ended without an answer, and its span ends then."""
    arrived = asyncio.Event()

    def script(_request: Received) -> Reply:
        arrived.set()
        return Reply(then="hang")

    async with (
        ScriptedServer(script) as server,
        client(server.url, on_event=heard.sink) as tago,
    ):
        call = asyncio.create_task(create(tago))
        await arrived.wait()
        assert not heard.spans()
        call.cancel()
        await asyncio.wait([call])

    assert "asyncio.exceptions.CancelledError" == (heard.span().attributes or {})["error.type"]


async def test_misunderstood_answer_is_an_answer(heard: Heard) -> None:
    """What a body holds is no affair of HTTP's: the exchange went well."""
    async with (
        ScriptedServer(in_turn(http(200, b"{"))) as server,
        client(server.url, on_event=heard.sink) as tago,
    ):
        assert isinstance(await create(tago), MalformedAnswerError)

    assert trace.StatusCode.UNSET == heard.span().status.status_code


async def test_each_attempt_is_a_span(heard: Heard) -> None:
    """What is sent again says how often it was sent before, and is counted."""
    async with (
        ScriptedServer(in_turn(http(503), Reply(then="reset"), ok(DEVICE))) as server,
        client(server.url, on_event=heard.sink) as tago,
    ):
        await tago.devices.info(DEVICE_ID)
        await tago.devices.info(DEVICE_ID)

    reported = [span.attributes or {} for span in heard.spans()]
    assert [None, 1, 2, None] == [one.get("http.request.resend_count") for one in reported]
    assert {("/device/:device_id",): 2} == heard.values(
        "tagodev.client.request.resends", "url.template"
    )
    assert {("/device/:device_id",): 0} == heard.values(
        "tagodev.client.request.rejections", "url.template"
    )


# --- whose they are ------------------------------------------------------------------------------


async def test_parent_is_the_caller_s_span(heard: Heard) -> None:
    """Tasks that ask at the same time each have their own requests below their own span."""
    together = asyncio.Barrier(5)

    async def script(request: Received) -> bytes:
        # The first of all goes alone.
        if request.number > 1:
            await together.wait()
        return ok(DEVICE)

    async def page(tago: Tago, number: int) -> None:
        with heard.tracer.start_as_current_span(f"page {number}") as span:
            await tago.devices.info(DEVICE_ID)
            assert trace.get_current_span() is span

    async with ScriptedServer(script) as server, client(server.url, on_event=heard.sink) as tago:
        await tago.devices.info(DEVICE_ID)
        await asyncio.gather(*(page(tago, number) for number in range(5)))

    first, *others = heard.spans()
    assert first.parent is None
    assert heard.callers() == sorted(parent_of(span) for span in others)


async def test_rows_of_a_run_are_children_of_its_caller(heard: Heard) -> None:
    """The requests of a bulk run are reported by their priority, below the span it was begun in."""

    def script(request: Received) -> bytes:
        return created(request.number)

    specs = [DeviceCreate(name=f"sensor-{number}") for number in range(20)]
    async with ScriptedServer(script) as server, client(server.url, on_event=heard.sink) as tago:
        with heard.tracer.start_as_current_span("import"):
            await tago.devices.create_many(specs)

    (caller,) = heard.callers()
    assert [caller] * 20 == [parent_of(span) for span in heard.spans()]
    assert ["bulk"] * 20 == [(span.attributes or {})["tagodev.priority"] for span in heard.spans()]


def parent_of(span: ReadableSpan) -> int:
    """Return the id of a span's parent."""
    assert span.parent is not None
    return span.parent.span_id


# --- secrets -----------------------------------------------------------------------------------


async def test_no_token_is_told(heard: Heard) -> None:
    """Tokens in paths, headers, answers and refusals stay out of all that is reported."""
    script = in_turn(
        ok("Token successfully removed"),
        refused(401, f"Invalid token: {DOOMED}"),
        created(1, DOOMED),
        refused(404, f"Unknown serial {DOOMED}"),
    )
    async with ScriptedServer(script) as server, client(server.url, on_event=heard.sink) as tago:
        await tago.tokens.delete(DOOMED)
        await value_or_error(tago.tokens.delete(DOOMED))
        await create(tago)
        await value_or_error(tago.tokens.resolve(f"serial-{DOOMED}", DOOMED))

    assert f"DELETE /device/token/{DOOMED}" == server.seen()[0]
    reported = heard.everything()
    assert "/device/token/:token" in reported
    for hidden in (TOKEN, DOOMED, "url.full", "url.path", "url.query"):
        assert hidden not in reported


async def test_instrumentation_of_aiohttp_is_kept_quiet(heard: Heard) -> None:
    """An instrumentation of aiohttp reports the program's URLs, but none of tagodev's."""
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=heard.tracers)
    try:
        async with ScriptedServer(in_turn(ok("removed"))) as server:
            async with client(server.url, on_event=heard.sink) as tago:
                await tago.tokens.delete(DOOMED)
            quiet = heard.everything()
            async with aiohttp.ClientSession() as session, session.get(f"{server.url}/mine"):
                pass
    finally:
        instrumentor.uninstrument()

    assert DOOMED not in quiet
    assert 2 == len(heard.spans())
    assert "/mine" in heard.everything()


# --- metrics -----------------------------------------------------------------------------------


async def test_metrics_of_requests(heard: Heard) -> None:
    """Durations are counted by outcome; what is in flight is reported while it is."""
    in_flight: list[dict[Any, Any]] = []

    def script(request: Received) -> bytes:
        in_flight.append(heard.values("http.client.active_requests", "url.template"))
        return ok(DEVICE) if request.number > 1 else refused(404, "Device not found")

    async with ScriptedServer(script) as server, client(server.url, on_event=heard.sink) as tago:
        for _ in range(3):
            await value_or_error(tago.devices.info(DEVICE_ID))
        port = server.port

    place = {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.template": "/device/:device_id",
    }
    points = heard.points("http.client.request.duration")
    assert "s" == heard.unit("http.client.request.duration")
    assert [
        (1, {**place, "http.response.status_code": 404, "error.type": "404"}),
        (2, {**place, "http.response.status_code": 200}),
    ] == [(point.count, dict(point.attributes)) for point in points]
    assert (0.005, 10) == (points[0].explicit_bounds[0], points[0].explicit_bounds[-1])
    assert [{("/device/:device_id",): 1}] * 3 == in_flight
    (active,) = heard.points("http.client.active_requests")
    assert (0, place) == (active.value, dict(active.attributes))


async def test_duration_is_the_span_s(heard: Heard) -> None:
    """Span and metric report the same time, which the wait for a turn is no part of."""

    async def script(_request: Received) -> bytes:
        await asyncio.sleep(0.05)
        return ok(DEVICE)

    async with ScriptedServer(script) as server, client(server.url, on_event=heard.sink) as tago:
        await tago.devices.info(DEVICE_ID)

    span = heard.span()
    assert span.start_time is not None
    assert span.end_time is not None
    (point,) = heard.points("http.client.request.duration")
    assert 0.05 <= point.sum
    assert pytest.approx((span.end_time - span.start_time) / 1e9, abs=0.02) == point.sum


async def test_rejections_are_counted(heard: Heard) -> None:
    """A 429 is a failed request of its own, counted by priority; the wait after it is reported."""
    script = in_turn(throttled(), ok(DEVICE))
    async with (
        ScriptedServer(script) as server,
        client(server.url, plan=HALF_SECOND, on_event=heard.sink) as tago,
    ):
        await tago.devices.info(DEVICE_ID, priority="bulk")

    first, second = (span.attributes or {} for span in heard.spans())
    assert (429, "429") == (first["http.response.status_code"], first["error.type"])
    assert 1 == second["http.request.resend_count"]
    assert float(str(second["tagodev.wait_time"])) > 0.1
    assert {("/device/:device_id", "bulk"): 1} == heard.values(
        "tagodev.client.request.rejections", "url.template", "tagodev.priority"
    )
    (waits,) = heard.points("tagodev.client.request.wait_time")
    assert 2 == waits.count
    assert waits.sum > 0.1


async def test_wait_given_up_is_told(heard: Heard) -> None:
    """A request whose turn would come too late has no span, but is among the waits."""
    with EmulatorProcess(EmulatorOptions(limits={"POST /device": 2}, minute=30)) as emulator:
        limits = HardLimits("two", {"POST /device": 2}, minute=30)
        async with client(
            emulator.url, token=emulator.token, plan=limits, on_event=heard.sink
        ) as tago:
            for _ in range(2):
                await tago.devices.create(DeviceCreate(name="x"))
            with pytest.raises(WaitTooLongError):
                await tago.devices.create(DeviceCreate(name="x"), max_wait=0.01)

    assert 2 == len(heard.spans())
    waits = {
        point.attributes.get("error.type"): (point.count, point.attributes["tagodev.priority"])
        for point in heard.points("tagodev.client.request.wait_time")
    }
    assert {
        None: (2, "interactive"),
        "tagodev.errors.WaitTooLongError": (1, "interactive"),
    } == waits


async def test_window_use_is_told(heard: Heard) -> None:
    """Used, budget and limit of each route are those that the client itself shows."""
    limits = HardLimits("ten", {"POST /device": 10, "GET /device": 20}, minute=30)
    with EmulatorProcess(EmulatorOptions(limits=dict(limits.per_route), minute=30)) as emulator:
        async with client(
            emulator.url, token=emulator.token, plan=limits, share=0.5, on_event=heard.sink
        ) as tago:
            await tago.devices.create(DeviceCreate(name="x"))
            await tago.devices.create(DeviceCreate(name="y"))
            assert [2] == [len([one async for one in tago.devices.list()])]
            shown = {
                state.route: (state.used, state.budget, state.limit)
                for state in tago.limits.snapshot()
            }

    reported = [
        heard.values(f"tagodev.client.window.{name}", "tagodev.route")
        for name in ("used", "budget", "limit")
    ]
    assert {"POST /device": (2, 5, 10), "GET /device": (1, 10, 20)} == shown
    assert {(route,): figures for route, figures in shown.items()} == {
        route: tuple(one[route] for one in reported) for route in reported[0]
    }


@pytest.mark.parametrize(
    ("next_window_in", "passed", "used"),
    [(20.0, 19.9, 3), (20.0, 20.1, 0), (None, 59.9, 3), (None, 60.1, 0)],
)
def test_window_use_ends_with_the_window(
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
    next_window_in: float | None,
    passed: float,
    used: int,
) -> None:
    """Without requests in the next window its use is 0; the limit stays."""
    monkeypatch.setattr(telemetry, "monotonic", lambda: 1000.0)
    heard.sink(sent(next_window_in=next_window_in))
    monkeypatch.setattr(telemetry, "monotonic", lambda: 1000.0 + passed)

    assert {("GET /info",): used} == heard.values("tagodev.client.window.used", "tagodev.route")
    assert {("GET /info",): 12} == heard.values("tagodev.client.window.limit", "tagodev.route")


def test_every_metric_is_documented(heard: Heard) -> None:
    """The guide names all metrics, and no others."""
    leaving = sent()
    heard.sink(attrs.evolve(leaving, resends=1))
    heard.sink(Ended(leaving, 429, None, 0.1))

    guide = GUIDE.read_text("utf-8")
    reported = set(re.findall(r"`((?:http\.client|tagodev\.client)\.[a-z_.]+)`", guide))
    assert heard.names() == reported


async def test_attributes_of_one_s_own(heard: Heard) -> None:
    """An attribute distinguishes clients in all spans and metrics."""
    sinks = [heard.another(attributes={"site": site}) for site in ("north", "south")]
    async with ScriptedServer(in_turn(ok(DEVICE))) as server:
        for number, sink in enumerate(sinks, 1):
            async with client(server.url, ledger=MemoryLedger(), on_event=sink) as tago:
                for _ in range(number):
                    await tago.devices.info(DEVICE_ID)

    assert ["north", "south", "south"] == [
        (span.attributes or {})["site"] for span in heard.spans()
    ]
    for name in heard.names() - {"http.client.request.duration"}:
        assert {("north",), ("south",)} == {
            (point.attributes["site"],) for point in heard.points(name)
        }
    assert {("north",): 1, ("south",): 2} == heard.values("tagodev.client.window.used", "site")


async def test_clients_that_count_together_are_told_once(heard: Heard) -> None:
    """A request is one span and one count, however many clients of its profile listen."""
    async with (
        ScriptedServer(in_turn(ok(DEVICE))) as server,
        client(server.url, on_event=heard.sink) as one,
        client(server.url, on_event=heard.another()) as other,
    ):
        await one.devices.info(DEVICE_ID)
        await other.devices.info(DEVICE_ID)

    assert 2 == len(heard.spans())
    assert [2] == [point.count for point in heard.points("http.client.request.duration")]
    assert {("GET /device/:device_id",): 2} == heard.values(
        "tagodev.client.window.used", "tagodev.route"
    )


# --- where no one listens ------------------------------------------------------------------------


async def test_nothing_is_made_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sink no request makes an event, whatever becomes of it."""

    def made(*_: Any, **__: Any) -> Any:
        raise AssertionError("an event was made")

    for room in (session, core):
        for name in ("Granted", "Sent", "Ended", "GaveUp", "Settled", "InDoubtWrite"):
            monkeypatch.setattr(room, name, made, raising=False)
    script = in_turn(throttled(), http(503), Reply(then="reset"), ok(DEVICE), Reply(then="hang"))
    async with ScriptedServer(script) as server, client(server.url, plan=HALF_SECOND) as tago:
        await tago.devices.info(DEVICE_ID)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(tago.devices.delete(DEVICE_ID), 0.2)
        calls = [create(tago, max_wait=0.0, timeout=0.1) for _ in range(2)]
        errors = [type(await call).__name__ for call in calls]
    assert ["AnswerTimeoutError", "WaitTooLongError"] == errors


def test_without_the_extra() -> None:
    """The client works without OpenTelemetry; the module says what it needs."""
    program = """
import sys
sys.modules["opentelemetry"] = None
from tagodev import Tago
try:
    import tagodev.telemetry
except ModuleNotFoundError as error:
    print(error)
"""
    done = run(PYTHON, "-c", program)

    assert (0, "") == (done.code, done.err)
    assert "pip install 'tagodev[otel]'" in done.out


def test_sdk_may_be_set_up_later() -> None:
    """Sinks made before the program has chosen its SDK, and after, report their windows alike."""
    program = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tagodev.telemetry import OpenTelemetry
from tests.test_telemetry import sent

early, reader = OpenTelemetry(attributes={"site": "early"}), InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
late = OpenTelemetry(attributes={"site": "late"})
for sink in (early, late):
    sink(sent())
print(reader.get_metrics_data().to_json())
"""
    done = run(PYTHON, "-c", program)

    assert (0, "") == (done.code, done.err)
    (scope,) = orjson.loads(done.out)["resource_metrics"][0]["scope_metrics"]
    sites = {
        metric["name"]: sorted(
            point["attributes"]["site"] for point in metric["data"]["data_points"]
        )
        for metric in scope["metrics"]
    }
    assert ["early", "late"] == sites["tagodev.client.window.used"]
    assert ["early", "late"] == sites["tagodev.client.request.wait_time"]


def test_the_guide_s_program_runs() -> None:
    """What the guide shows for Prometheus serves every metric that its queries ask for."""
    guide = GUIDE.read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (queries,) = re.findall(r"```promql\n(.*?)```", guide, re.DOTALL)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    with EmulatorProcess(EmulatorOptions(plan="starter")) as emulator:
        service = environment(TAGOIO_API=emulator.url, TAGOIO_TOKEN=emulator.token)
        done = run(PYTHON, "-c", (program + LOOK).replace("9464", port), env=service)

    assert (0, "") == (done.code, done.err)
    wanted = set(re.findall(r"\b(?:http|tagodev)_client_[a-z_]+", queries))
    assert 6 == len(wanted)
    assert wanted <= set(re.findall(r"^[a-z_]+", done.out, re.MULTILINE))
    used = r'^tagodev_client_window_used\{.*"POST /device"\} 20\.0$'
    assert re.search(used, done.out, re.MULTILINE)
    assert emulator.token not in done.out
