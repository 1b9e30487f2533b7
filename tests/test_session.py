"""One call: attempts, waits for budget, and what is said of them at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import pytest
from hypothesis import given

from tagodev import (
    AnswerTimeoutError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    Device,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    HardLimits,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RequestError,
    ServerError,
    Tago,
    TagoError,
    TokenCreate,
)
from tagodev import _session as session_module
from tagodev._session import CallRecord
from tagodev.events import Event, InDoubtWrite, Sent
from tests.support.answers import created, http, ok, refused, throttled
from tests.support.clients import DEVICE_ID, PLENTY, TOKEN, client, value_or_error
from tests.support.leaks import assert_quiet
from tests.support.servers import Received, Reply, ScriptedServer, in_turn, refused_port
from tests.support.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Half a second is the shortest window that there is.
HALF_SECOND = HardLimits("short", {}, default=1000, minute=0.5)
DEVICE = {"id": DEVICE_ID, "name": "x"}
DOOMED = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"


async def info(tago: Tago) -> Any:
    """Read."""
    return await tago.devices.info(DEVICE_ID)


async def edit(tago: Tago) -> Any:
    """Write what may be written twice."""
    return await tago.devices.edit(DEVICE_ID, DeviceEdit(active=False))


async def delete(tago: Tago) -> Any:
    """Delete what may be deleted twice."""
    return await tago.devices.delete(DEVICE_ID)


async def delete_token(tago: Tago) -> Any:
    """Delete what stands in the path and is secret."""
    return await tago.tokens.delete(DOOMED)


async def create(tago: Tago) -> Any:
    """Make what must not be made twice."""
    return await tago.devices.create(DeviceCreate(name="x"))


async def create_token(tago: Tago) -> Any:
    """Make another thing that must not be made twice."""
    return await tago.tokens.create(DEVICE_ID, TokenCreate("x"))


async def first(tago: Tago) -> Any:
    """Read a list."""
    return await tago.devices.list().first()


Call: TypeAlias = "Callable[[Tago], Awaitable[Any]]"
READS = [info, first]
IDEMPOTENT = [edit, delete, delete_token]
ONCE = [create, create_token]
EVERY = [*READS, *IDEMPOTENT, *ONCE]
ROUTES: dict[Call, str] = {
    info: "GET /device/:device_id",
    first: "GET /device",
    edit: "PUT /device/:device_id",
    delete: "DELETE /device/:device_id",
    delete_token: "DELETE /device/token/:token",
    create: "POST /device",
    create_token: "POST /device/token",
}


async def failure(call: Call, script: Any, **options: Any) -> tuple[TagoError, list[Received]]:
    """Return the error that a call ends in, and what the server saw of it."""
    async with ScriptedServer(script) as server, client(server.url, **options) as tago:
        with pytest.raises(TagoError) as caught:
            await call(tago)
    assert_quiet(caught.value, TOKEN, DOOMED)
    return caught.value, server.received


# --- attempts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [*READS, *IDEMPOTENT])
@pytest.mark.parametrize(
    "lost", [Reply(then="reset"), Reply(then="close"), http(502, b"<html>"), http(503)]
)
async def test_lost_attempt_is_made_again(call: Call, lost: Any) -> None:
    """Where twice is once, a lost answer costs one more attempt and nothing else."""

    def script(request: Received) -> Any:
        if request.number == 1:
            return lost
        return ok([DEVICE]) if call is first else ok(DEVICE)

    async with ScriptedServer(script) as server, client(server.url) as tago:
        await call(tago)

    assert 2 == len(server.received)
    assert server.seen()[0] == server.seen()[1]


@pytest.mark.parametrize("call", [*READS, *IDEMPOTENT])
@pytest.mark.parametrize(
    ("cls", "lost"), [(ConnectionLostError, Reply(then="reset")), (ServerError, http(502))]
)
async def test_attempts_end(call: Call, cls: type[TagoError], lost: Any) -> None:
    """After the last attempt the error says how many there were, and whether it may have acted."""
    error, received = await failure(call, in_turn(lost))

    assert isinstance(error, cls)
    assert isinstance(error, RequestError)
    assert 3 == error.attempts == len(received)
    assert (call in IDEMPOTENT) == error.may_have_acted
    assert ROUTES[call] == error.route


@pytest.mark.parametrize("call", ONCE)
@pytest.mark.parametrize(
    ("cls", "lost"),
    [
        (ConnectionLostError, Reply(then="reset")),
        (ConnectionLostError, Reply(then="close")),
        (ConnectionLostError, Reply(b"HTTP/1.1 201 Cre", then="close")),
        (ConnectionLostError, Reply(created(1)[:-20], then="close")),
        (ServerError, http(502, b"<html>Bad Gateway</html>")),
        (ServerError, refused(500, "Oops")),
        (MalformedAnswerError, http(201, b"<html>")),
        (MalformedAnswerError, ok({})),
        (MalformedAnswerError, ok("Done")),
        (MalformedAnswerError, http(200)),
    ],
)
async def test_create_that_may_have_acted_is_never_sent_again(
    call: Call, cls: type[TagoError], lost: Any
) -> None:
    """A lost answer to a creation is not retried, and the error says so."""
    error, received = await failure(call, in_turn(lost))

    assert isinstance(error, cls)
    assert isinstance(error, RequestError)
    assert error.may_have_acted
    assert 1 == error.attempts == len(received)


@pytest.mark.parametrize("call", ONCE)
async def test_create_without_answer_is_never_sent_again(call: Call) -> None:
    """Nor after a silence."""
    error, received = await failure(call, in_turn(Reply(then="hang")), timeout=0.1)

    assert isinstance(error, AnswerTimeoutError)
    assert error.may_have_acted
    assert 1 == len(received)


@pytest.mark.parametrize("call", ONCE)
async def test_create_on_a_dead_kept_connection_is_never_sent_again(call: Call) -> None:
    """Nor when the connection turns out to be dead upon the second request."""
    script = in_turn(created(1), Reply(then="reset"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        await tago.devices.create(DeviceCreate(name="first"))
        with pytest.raises(ConnectionLostError) as caught:
            await call(tago)

    assert caught.value.may_have_acted
    assert 2 == len(server.received)


@pytest.mark.parametrize("call", EVERY)
async def test_refused_connection_is_tried_again(call: Call) -> None:
    """What never left is sent again, a create too, and is not in doubt."""
    with refused_port() as port:
        async with client(f"http://127.0.0.1:{port}") as tago:
            with pytest.raises(ConnectError) as caught:
                await call(tago)

    assert 3 == caught.value.attempts
    assert not caught.value.may_have_acted
    assert_quiet(caught.value, TOKEN, DOOMED)


@pytest.mark.parametrize("call", EVERY)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_refusal_is_final(call: Call, status: int) -> None:
    """The service's no is asked for once, and nothing is in doubt."""
    error, received = await failure(call, in_turn(refused(status, f"No: {TOKEN} {DOOMED}")))

    assert isinstance(error, RequestError)
    assert 1 == error.attempts == len(received)
    assert not error.may_have_acted
    assert ROUTES[call] == error.route


async def test_doubt_outlives_a_later_refusal() -> None:
    """If the first attempt may have acted, a later no does not undo that."""
    error, _ = await failure(edit, in_turn(http(502), refused(400, "No")))

    assert isinstance(error, BadRequestError)
    assert error.may_have_acted
    assert 2 == error.attempts


async def test_doubt_is_not_of_the_reads() -> None:
    """A read that is lost and then refused has done nothing."""
    error, _ = await failure(info, in_turn(http(502), refused(404, "Not Found")))

    assert isinstance(error, NotFoundError)
    assert not error.may_have_acted


@pytest.mark.parametrize("call", [delete, delete_token])
async def test_gone_after_a_lost_delete_is_deleted(call: Call) -> None:
    """The second attempt finds done what the first one did."""
    script = in_turn(Reply(then="reset"), refused(404, "Not Found"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        await call(tago)

    assert 2 == len(server.received)


@pytest.mark.parametrize("call", [delete, delete_token])
async def test_gone_at_once_is_not_found(call: Call) -> None:
    """If nothing was lost, what is not there was not there."""
    error, _ = await failure(call, in_turn(refused(404, "Not Found")))

    assert isinstance(error, NotFoundError)


# --- records -----------------------------------------------------------------------------------


async def test_record_counts_attempts() -> None:
    """A call's record shows its attempts, and nothing in flight at the end."""
    record = CallRecord()
    script = in_turn(Reply(then="reset"), Reply(then="reset"), ok("Done"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        await tago.devices.delete(DEVICE_ID, record=record)

    assert (3, False, True) == (record.attempts, record.sending, record.in_doubt)


async def test_calls_of_one_record_have_their_own_attempts() -> None:
    """A row of a bulk run takes several calls: each may be attempted as often as any other."""
    record = CallRecord()
    lost = Reply(then="reset")
    script = in_turn(lost, lost, ok("Done"), lost, lost, ok("Done"), lost)
    async with ScriptedServer(script) as server, client(server.url) as tago:
        for _ in range(2):
            await tago.devices.delete(DEVICE_ID, record=record)
        with pytest.raises(ConnectionLostError) as caught:
            await tago.devices.delete(DEVICE_ID, record=record)

    assert 9 == len(server.received) == record.attempts
    assert 3 == caught.value.attempts


async def test_a_call_begins_without_the_doubts_of_the_one_before() -> None:
    """Lost answers and repeated requests of one call say nothing of the next on its record."""
    record = CallRecord()
    events: list[Event] = []
    script = in_turn(Reply(then="reset"), ok("Done"), refused(400, "No"))
    async with (
        ScriptedServer(script) as server,
        client(server.url, on_event=events.append) as tago,
    ):
        await tago.devices.delete(DEVICE_ID, record=record)
        assert record.in_doubt
        with pytest.raises(BadRequestError) as caught:
            await tago.devices.delete(DEVICE_ID, record=record)

    assert not record.in_doubt
    assert not caught.value.may_have_acted
    assert [0, 1, 0] == [event.resends for event in events if isinstance(event, Sent)]


async def test_record_says_when_a_request_is_on_its_way() -> None:
    """``sending`` holds from the grant to the answer."""
    record = CallRecord()
    seen: list[bool] = []

    def script(request: Received) -> bytes:
        seen.append(record.sending)
        return created(1)

    async with ScriptedServer(script) as server, client(server.url) as tago:
        await tago.devices.create(DeviceCreate(name="x"), record=record)

    assert [True] == seen
    assert (1, False, False) == (record.attempts, record.sending, record.in_doubt)


@pytest.mark.parametrize("call", EVERY)
async def test_cancelled_write_is_in_doubt_and_a_read_is_not(call: Call) -> None:
    """What was on its way when its call was cancelled may be done, unless it only reads."""
    arrived = asyncio.Event()
    events: list[Event] = []

    def script(_: Received) -> Reply:
        arrived.set()
        return Reply(then="hang")

    async with (
        ScriptedServer(script) as server,
        client(server.url, on_event=events.append) as tago,
    ):
        waiting = asyncio.ensure_future(call(tago))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    doubtful = [event.route for event in events if isinstance(event, InDoubtWrite)]
    assert ([] if call in READS else [ROUTES[call]]) == doubtful


async def test_cancelled_call_ends_and_gives_its_place_back() -> None:
    """A call that is cancelled while it is on its way takes no connection with it."""
    arrived = asyncio.Event()

    async def script(request: Received) -> Reply:
        if request.number == 1:
            arrived.set()
            return Reply(then="hang")
        return Reply(ok(DEVICE))

    async with ScriptedServer(script) as server, client(server.url, concurrency=1) as tago:
        call = asyncio.create_task(tago.devices.info(DEVICE_ID))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert "x" == (await tago.devices.info(DEVICE_ID)).name


# --- 429 ---------------------------------------------------------------------------------------


async def test_a_429_waits_and_goes_again() -> None:
    """It costs a wait, no error: what was turned away is accepted in the next window."""
    turned_away: set[str] = set()

    def script(request: Received) -> Any:
        asked = f"{request.method} {request.target}"
        if asked not in turned_away:
            turned_away.add(asked)
            return throttled()
        if request.method == "POST":
            return created(1)
        return ok([DEVICE]) if "amount" in asked else ok(DEVICE)

    async with ScriptedServer(script) as server, client(server.url, plan=HALF_SECOND) as tago:
        await asyncio.gather(*(call(tago) for call in EVERY))
        rejected = {state.route: state.rejected for state in tago.limits.snapshot()}

    assert 2 * len(EVERY) == len(server.received)
    assert dict.fromkeys(ROUTES.values(), 1) == rejected


async def test_a_429_is_no_attempt() -> None:
    """However often a request was turned away, it was attempted once."""
    record = CallRecord()
    script = in_turn(throttled(), created(1))
    async with ScriptedServer(script) as server, client(server.url, plan=HALF_SECOND) as tago:
        await tago.devices.create(DeviceCreate(name="x"), record=record)

    assert 2 == len(server.received)
    assert (1, False) == (record.attempts, record.in_doubt)


async def test_a_429_does_not_cost_one_of_the_attempts() -> None:
    """The attempts are there for failures: a 429 in between leaves them as they were."""
    script = in_turn(http(502), throttled(), http(502), ok(DEVICE))
    async with ScriptedServer(script) as server, client(server.url, plan=HALF_SECOND) as tago:
        assert "x" == (await tago.devices.info(DEVICE_ID)).name

    assert 4 == len(server.received)


async def test_a_429_closes_its_route_only() -> None:
    """While one route waits for its window, another one goes."""
    turned_away = asyncio.Event()
    edited = asyncio.Event()
    order = []

    async def script(request: Received) -> bytes:
        if request.method == "GET" and not turned_away.is_set():
            turned_away.set()
            return throttled(30)
        order.append(request.method)
        return ok(DEVICE)

    long = HardLimits("long", {}, default=1000, minute=3600)
    async with ScriptedServer(script) as server, client(server.url, plan=long) as tago:
        reading = asyncio.create_task(tago.devices.info(DEVICE_ID))
        await turned_away.wait()
        await tago.devices.edit(DEVICE_ID, DeviceEdit(active=True))
        edited.set()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    assert edited.is_set()
    assert ["PUT"] == order


async def test_closed_route_holds_newcomers_too() -> None:
    """No request is sent in a window that is known to be full."""
    plan = HardLimits("long", {}, default=1000, minute=3600)
    async with ScriptedServer(in_turn(throttled(30))) as server:
        async with client(server.url, plan=plan) as tago:
            calls = [asyncio.create_task(info(tago))]
            # No event reports that the answer was read.
            while not any(state.rejected for state in tago.limits.snapshot()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            calls += [asyncio.create_task(info(tago)) for _ in range(5)]
            await asyncio.sleep(0)
            (state,) = tago.limits.snapshot()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert (6, 0, 0) == (state.waiting, state.free, state.in_flight)
    assert [ClosedError] * 6 == [type(result) for result in results]
    assert 1 == len(server.received)


async def test_nothing_but_429_ends() -> None:
    """Three windows in which nothing was accepted are an error that says what is likely."""
    error, received = await failure(create, in_turn(throttled()), plan=HALF_SECOND)

    assert isinstance(error, RateLimitedError)
    assert 429 == error.status
    assert 1 == error.attempts
    assert not error.may_have_acted
    assert "POST /device" == error.route
    assert "Too many requests (Retry-After: 1)" == error.service_message
    assert "plan" in error.hint
    assert 3 == len(received)


# --- any answer --------------------------------------------------------------------------------


@given(body=json_values)
async def test_any_result_is_a_value_or_an_error_of_ours(body: object) -> None:
    """Whatever JSON a read gets as its result, it ends in a device or in an error that says so."""
    async with ScriptedServer(in_turn(ok(body))) as server, client(server.url) as tago:
        outcome = await value_or_error(tago.devices.info(DEVICE_ID))

    assert isinstance(outcome, Device | MalformedAnswerError)
    if isinstance(outcome, MalformedAnswerError):
        assert outcome.problems
        assert not outcome.may_have_acted


@given(body=json_values)
async def test_any_answer_to_a_create_is_a_value_or_in_doubt(body: object) -> None:
    """A create whose answer can't be understood may have made a device."""
    script = in_turn(http(201, orjson.dumps(body)))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        outcome = await value_or_error(tago.devices.create(DeviceCreate(name="x")))

    assert isinstance(outcome, DeviceCreated | RequestError)
    if isinstance(outcome, RequestError):
        assert isinstance(outcome, MalformedAnswerError) == outcome.may_have_acted
    assert 1 == len(server.received)


@pytest.mark.parametrize(
    ("problem", "result"),
    [
        ("required field missing @ result.name", {"id": "a"}),
        ("result.active", {**DEVICE, "active": "yes"}),
        ("result.tags[0].value", {**DEVICE, "tags": [{"key": "k", "value": None}]}),
        ("result.created_at", {**DEVICE, "created_at": "soon"}),
        ("result", None),
        ("result", "x"),
        ("result", [DEVICE]),
    ],
)
async def test_malformed_answer_names_the_field(problem: str, result: object) -> None:
    """What is wrong with an answer is reported with its path, route and status."""
    error, received = await failure(info, in_turn(ok(result)))

    assert isinstance(error, MalformedAnswerError)
    assert problem in str(error)
    assert (200, "GET /device/:device_id") == (error.status, error.route)
    assert not error.may_have_acted
    assert 1 == len(received)


# --- quiet -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [TOKEN, "hush-no-known-form-at-all"])
async def test_logs_never_show_a_token(token: str, caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative level, with every kind of trouble, no line shows a token."""
    echo = f"Invalid token: {token}, {DOOMED}"
    troubles = [Reply(then="reset"), refused(502, echo), throttled(), refused(401, echo)]
    met: dict[str, int] = {}

    def script(request: Received) -> Any:
        asked = f"{request.method} {request.target}"
        met[asked] = met.get(asked, 0) + 1
        return troubles[met[asked] - 1]

    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with (
        ScriptedServer(script) as server,
        client(server.url, plan=HALF_SECOND, token=token) as tago,
    ):
        errors = await asyncio.gather(*(call(tago) for call in EVERY), return_exceptions=True)

    assert caplog.records
    for error in errors:
        assert isinstance(error, RequestError)
        assert_quiet(error, token, DOOMED)
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.args!r} {record.exc_info!r}"
        assert token not in shown
        assert DOOMED not in shown


async def test_limits_are_asked_for_each_attempt() -> None:
    """Every attempt is granted anew and counted: two lost ones and an answer are three."""
    script = in_turn(Reply(then="reset"), http(502), ok(DEVICE))
    async with ScriptedServer(script) as server, client(server.url, plan=PLENTY) as tago:
        await info(tago)
        (state,) = tago.limits.snapshot()

    assert 3 == state.used
    assert 0 == state.in_flight


@pytest.mark.parametrize(
    ("answer", "profile"),
    [
        ({"info": {"id": "p1"}}, "p1"),
        ({"info": {"id": 5}}, ""),
        ({"info": {"id": ""}}, ""),
        ({"info": None}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
async def test_the_profile_is_read_tolerantly(answer: object, profile: str) -> None:
    """Whatever the service says of its profile, it is its id or nothing."""
    async with client("http://127.0.0.1:9") as tago:
        tago._session.set_profile(answer)
        found = session_module._profiles.get((tago.base_url, tago._session.account), "")

    assert profile == found
