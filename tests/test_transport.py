"""One attempt: what leaves, what comes back, and that it never leaves twice."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import Secret, TagoError
from tagodev._limits.routes import Route
from tagodev._retry import Safety
from tagodev._transport import Answer, Request, Transport
from tagodev.errors import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ResourceLimitError,
    ServerError,
    ServiceError,
)
from tests.support.answers import http, ok, refused, throttled
from tests.support.clients import DEVICE_ID, TOKEN
from tests.support.leaks import assert_quiet
from tests.support.leaks import shown as texts_shown
from tests.support.servers import (
    Received,
    Reply,
    ScriptedServer,
    in_turn,
    refused_port,
    silent_port,
)
from tests.support.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INFO = Request(
    route=Route("GET", "/device/:device_id"), path=f"/device/{DEVICE_ID}", safety=Safety.READ
)
CREATE = Request(
    route=Route("POST", "/device"), path="/device", safety=Safety.ONCE, body=b'{"name":"x"}'
)
EDIT = Request(
    route=Route("PUT", "/device/:device_id"),
    path=f"/device/{DEVICE_ID}",
    safety=Safety.IDEMPOTENT,
    body=b"{}",
)
DELETE = Request(
    route=Route("DELETE", "/device/:device_id"),
    path=f"/device/{DEVICE_ID}",
    safety=Safety.IDEMPOTENT,
)
EVERY = [INFO, CREATE, EDIT, DELETE]
BY_METHOD = {"argvalues": EVERY, "ids": lambda request: request.route.method}

every_request = pytest.mark.parametrize("request_", **BY_METHOD)  # type: ignore[arg-type]


@asynccontextmanager
async def transport(url: str, *, timeout: float = 10.0, **options: Any) -> AsyncIterator[Transport]:  # noqa: ASYNC109
    """Open a transport with a session of its own."""
    async with aiohttp.ClientSession() as session:
        yield Transport(session, url, Secret(TOKEN), timeout=timeout, **options)


def reader() -> Transport:
    """Return a transport that only reads answers."""
    return Transport.__new__(Transport)


def read(answer: Answer, request: Request = INFO) -> Any:
    """Return what an answer means."""
    parts = reader()
    parts._token = Secret(TOKEN)
    return parts.read(request, answer)


def meaning(answer: Answer) -> Any:
    """Return what an answer means, or the error that it stands for."""
    try:
        return read(answer)
    except RequestError as error:
        return error


def answer(status: int, body: object, **headers: str) -> Answer:
    """Return an answer with this body, as JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(status, raw, headers)


# --- what leaves -------------------------------------------------------------------------------


async def test_request_carries_token_agent_and_body() -> None:
    """The token goes in one header, the body as JSON, and the client says who it is."""
    async with ScriptedServer(in_turn(ok({}))) as server, transport(server.url) as sender:
        await sender.exchange(CREATE)
    (received,) = server.received

    assert "POST /device" == f"{received.method} {received.target}"
    assert b'{"name":"x"}' == received.body
    assert TOKEN == received.headers["authorization"]
    assert "application/json" == received.headers["content-type"]
    assert received.headers["user-agent"].startswith("tagodev/")
    assert 1 == str(received.headers).count(TOKEN)


async def test_request_without_body_names_no_type() -> None:
    """A read has no body and no content type."""
    async with ScriptedServer(in_turn(ok({}))) as server, transport(server.url) as sender:
        await sender.exchange(INFO)
    (received,) = server.received

    assert b"" == received.body
    assert "content-type" not in received.headers


async def test_path_is_sent_as_it_is() -> None:
    """What was quoted once is not quoted again, nor unquoted."""
    path = "/device?filter%5Bname%5D=a%20%2F%2Bb&fields%5B0%5D=id"
    request = Request(route=Route("GET", "/device"), path=path, safety=Safety.READ)
    async with ScriptedServer(in_turn(ok([]))) as server, transport(server.url) as sender:
        await sender.exchange(request)

    assert [f"GET {path}"] == server.seen()


async def test_a_path_prefix_of_the_address_is_kept() -> None:
    """A service behind a prefix is reached there."""
    async with ScriptedServer(in_turn(ok({}))) as server, transport(f"{server.url}/x/y") as sender:
        await sender.exchange(INFO)

    assert [f"GET /x/y/device/{DEVICE_ID}"] == server.seen()


# --- one request is one count ------------------------------------------------------------------


@every_request
async def test_kept_connection_is_used_again(request_: Request) -> None:
    """Requests in a row share a connection."""
    async with ScriptedServer(in_turn(ok({}))) as server, transport(server.url) as sender:
        for _ in range(3):
            await sender.exchange(request_)

    assert 1 == server.connections
    assert 3 == len(server.received)


@every_request
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("answered", [1, 2])
async def test_dead_kept_connection_is_not_sent_over_again(
    request_: Request, end: Any, answered: int
) -> None:
    """A server that drops a kept-alive connection upon a request has seen it once, not twice."""
    replies = [ok({})] * answered
    script = in_turn(*replies, Reply(then=end))
    async with ScriptedServer(script) as server, transport(server.url) as sender:
        for _ in range(answered):
            await sender.exchange(request_)
        with pytest.raises(ConnectionLostError):
            await sender.exchange(request_)

    assert answered + 1 == len(server.received)


@every_request
async def test_connection_closed_between_requests(request_: Request) -> None:
    """If the server closes after each answer, each exchange is one request or one clear failure."""
    script = in_turn(Reply(ok({}), then="close"))
    outcomes = []
    async with ScriptedServer(script) as server, transport(server.url) as sender:
        for _ in range(5):
            try:
                outcomes.append((await sender.exchange(request_)).status)
            except ConnectionLostError:
                outcomes.append(0)

    assert 5 == len(outcomes)
    assert outcomes.count(200) == len(server.received)


@every_request
async def test_first_request_of_a_connection_is_not_sent_again(request_: Request) -> None:
    """The same holds for a connection that never answered anything."""
    async with (
        ScriptedServer(in_turn(Reply(then="reset"))) as server,
        transport(server.url) as sender,
    ):
        with pytest.raises(ConnectionLostError):
            await sender.exchange(request_)

    assert 1 == len(server.received)


@every_request
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(request_: Request, status: int) -> None:
    """The token goes to no other host, and nothing is sent twice to this one."""
    async with ScriptedServer(in_turn(ok({}))) as elsewhere:
        script = in_turn(http(status, location=f"{elsewhere.url}/device"))
        async with ScriptedServer(script) as server, transport(server.url) as sender:
            got = await sender.exchange(request_)
            with pytest.raises(RedirectError) as caught:
                sender.read(request_, got)

    assert status == caught.value.status
    assert [] == elsewhere.received
    assert 0 == elsewhere.connections
    assert 1 == len(server.received)


async def test_cookies_do_not_travel_in_the_clients_own_session() -> None:
    """A header that sets a cookie changes nothing about what is read."""
    script = in_turn(http(200, b'{"status":true,"result":1}', set_cookie="a=b"))
    async with ScriptedServer(script) as server, transport(server.url) as sender:
        got = await sender.exchange(INFO)

    assert 1 == sender.read(INFO, got)


# --- no answer ---------------------------------------------------------------------------------


@every_request
async def test_refused_connection_never_left(request_: Request) -> None:
    """No one listens: the error says where, and that nothing can have happened."""
    with refused_port() as port:
        async with transport(f"http://127.0.0.1:{port}") as sender:
            with pytest.raises(ConnectError, match=f"127.0.0.1:{port}") as caught:
                await sender.exchange(request_)

    assert_quiet(caught.value, TOKEN)


@pytest.mark.parametrize("host", ["a..b", ".a", "x" * 70, "1.2.3.4.5", "xn--a.invalid"])
async def test_host_that_can_not_be_one_never_left(host: str) -> None:
    """A name that no host can have is a connection that was not made."""
    async with transport(f"http://{host}") as sender:
        with pytest.raises(ConnectError) as caught:
            await sender.exchange(CREATE)

    assert_quiet(caught.value, TOKEN)


async def test_connection_that_is_never_made_never_left() -> None:
    """A connection that takes too long was not made: the create is not in doubt."""
    with silent_port() as port:
        # Connecting has three quarters of the time: half a second less, for a machine that is busy.
        async with transport(f"http://127.0.0.1:{port}", timeout=2) as sender:
            with pytest.raises(ConnectError):
                await sender.exchange(CREATE)


async def test_wrong_protocol_never_left() -> None:
    """TLS against a server that speaks none fails before the request."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with transport(f"https://127.0.0.1:{port}") as sender:
            with pytest.raises(ConnectError) as caught:
                await sender.exchange(CREATE)

    assert_quiet(caught.value, TOKEN)


def test_bad_certificate_never_left() -> None:
    """A certificate that does not hold is a connection that was not made."""
    from tagodev._transport import _no_answer  # noqa: PLC0415

    key = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)  # type: ignore[call-arg,arg-type,unused-ignore]
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error = _no_answer(aiohttp.ClientConnectorCertificateError(key, reason))

    assert isinstance(error, ConnectError)
    assert "h:443" in str(error)


@every_request
async def test_silence_times_out(request_: Request) -> None:
    """A request that is never answered ends in time, and may have been carried out."""
    async with (
        ScriptedServer(in_turn(Reply(then="hang"))) as server,
        transport(server.url, timeout=0.1) as sender,
    ):
        with pytest.raises(AnswerTimeoutError) as caught:
            await sender.exchange(request_)

    assert 1 == len(server.received)
    assert_quiet(caught.value, TOKEN)


HALF = b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status": true'
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BROKEN = {
    "nothing": b"",
    "no HTTP": b"hello\r\n\r\n",
    "half a status line": b"HTTP/1.1 2",
    "half the headers": b"HTTP/1.1 200 OK\r\ncontent-le",
    "half the body": HALF,
    "chunk size that is none": CHUNKED + b"zz\r\n",
    "chunk cut short": CHUNKED + b"ff\r\n{",
    "no last chunk": CHUNKED + b"1\r\n{\r\n",
    "length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n{}",
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
    "length too large": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
    "invalid gzip": http(200, b"no gzip", content_encoding="gzip"),
    "gzip cut short": http(200, gzip.compress(b"{}" * 99)[:-9], content_encoding="gzip"),
    "huge header": http(200, b"{}", x_large="x" * 100_000),
    "very many headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000 + b"\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zero bytes": b"\0" * 64,
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
async def test_broken_http_is_an_error_of_ours(raw: bytes) -> None:
    """Whatever the bytes are, a failure says so and no more than one request was sent."""
    async with (
        ScriptedServer(in_turn(Reply(raw, then="close"))) as server,
        transport(server.url) as sender,
    ):
        with pytest.raises(TagoError) as caught:
            sender.read(EDIT, await sender.exchange(EDIT))

    assert isinstance(caught.value, ConnectionLostError | MalformedAnswerError)
    assert 1 == len(server.received)
    assert_quiet(caught.value, TOKEN)


@given(raw=st.binary(max_size=200), envelope=st.booleans())
async def test_any_bytes_are_an_answer_or_an_error_of_ours(raw: bytes, envelope: bool) -> None:
    """No bytes, as an answer or as a body, escape as an error of another kind."""
    raw = http(200, raw) if envelope else b"HTTP/1.1 200 OK\r\n" + raw
    async with (
        ScriptedServer(in_turn(Reply(raw, then="close"))) as server,
        transport(server.url) as sender,
    ):
        try:
            sender.read(INFO, await sender.exchange(INFO))
        except RequestError as error:
            assert_quiet(error, TOKEN)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 101 Whatever\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["length", "chunks", "empty", "upgrade"],
)
async def test_every_answer_gives_its_connection_up(raw: bytes) -> None:
    """Whatever the answer, its connection is let go of, and not by the garbage collector."""
    asyncio.get_running_loop().set_debug(enabled=True)
    async with ScriptedServer(lambda _: raw) as server, transport(server.url) as sender:
        for _ in range(3):
            await sender.exchange(INFO)
    assert 3 == len(server.received)


async def test_half_an_answer_gives_its_connection_up() -> None:
    """What has not come to its end in time is not waited for: the next request can go at once."""
    asyncio.get_running_loop().set_debug(enabled=True)
    script = in_turn(Reply(HALF, then="hang"), ok({}))
    async with (
        ScriptedServer(script) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        sender = Transport(session, server.url, Secret(TOKEN), timeout=10)
        with pytest.raises(AnswerTimeoutError):
            await sender.exchange(INFO, 1)
        await sender.exchange(INFO)
    assert [1, 2] == [received.connection for received in server.received]


async def test_closed_session_is_said_so() -> None:
    """A session that its owner closed is no mystery."""
    async with ScriptedServer(in_turn(ok({}))) as server, transport(server.url) as sender:
        await sender._session.close()
        with pytest.raises(ClosedError):
            await sender.exchange(INFO)

    assert [] == server.received


async def test_address_of_a_proxy_that_is_none_never_left() -> None:
    """Nothing is sent through a proxy that can't be named."""
    async with (
        ScriptedServer(in_turn(ok({}))) as server,
        transport(server.url, proxy="http://user:hush-hush@[") as sender,
    ):
        with pytest.raises(ConnectError) as caught:
            await sender.exchange(CREATE)

    assert_quiet(caught.value, "hush-hush", TOKEN)


async def test_proxy_is_spoken_to_instead() -> None:
    """With a proxy the request goes there, with the whole address."""

    def script(request: Received) -> bytes:
        return ok(request.target)

    async with (
        ScriptedServer(script) as proxy,
        transport("http://api.example", proxy=proxy.url) as sender,
    ):
        assert "http://api.example/device" == sender.read(CREATE, await sender.exchange(CREATE))


# --- what an answer means ----------------------------------------------------------------------


@pytest.mark.parametrize("result", [{"a": 1}, [], [1], "Successfully Removed", 5, True, None])
def test_result_of_the_envelope(result: object) -> None:
    """Success is whatever stands in ``result``."""
    assert result == read(answer(200, {"status": True, "result": result}))
    assert result == read(answer(201, {"status": True, "result": result, "message": "note"}))


@pytest.mark.parametrize("body", [[], [1], {"id": "x"}, "text", 5])
def test_some_routes_have_no_envelope(body: object) -> None:
    """An answer without ``status`` is the result itself."""
    assert body == read(answer(200, body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"<html><body>All is well</body></html>",
        b'{"status": true, "result": ',
        b"\xff\xfe\x00",
        b"{'status': True}",
        b"[" * 100_000,
        b"NaN",
        b'"\xed\xa0\x80"',
        {"status": True},
        {"status": None, "result": {}},
        {"status": "true", "result": {}},
        {"status": 1, "result": {}},
        {"status": "error", "result": {}},
        {"status": {}},
    ],
)
def test_success_that_can_not_be_understood(body: object) -> None:
    """A status of success with another body is malformed, and a write may have been done."""
    with pytest.raises(MalformedAnswerError) as caught:
        read(answer(200, body))

    assert 200 == caught.value.status
    assert caught.value.problems
    assert caught.value.may_have_acted


@pytest.mark.parametrize(
    ("cls", "status"),
    [
        (BadRequestError, 200),
        (BadRequestError, 201),
        (RedirectError, 301),
        (RedirectError, 304),
        (RedirectError, 308),
        (BadRequestError, 400),
        (AuthenticationError, 401),
        (PermissionDeniedError, 402),
        (PermissionDeniedError, 403),
        (NotFoundError, 404),
        (BadRequestError, 405),
        (BadRequestError, 413),
        (BadRequestError, 422),
        (RateLimitedError, 429),
        (ServerError, 500),
        (ServerError, 502),
        (ServerError, 503),
        (ServerError, 504),
        (ServerError, 599),
        (ServerError, 999),
    ],
)
def test_status_decides_the_kind(cls: type[ServiceError], status: int) -> None:
    """Each status has its error, which says the status and the service's words."""
    with pytest.raises(ServiceError) as caught:
        read(answer(status, {"status": False, "message": "Not today"}))

    assert cls is type(caught.value)
    assert status == caught.value.status
    assert "Not today" == caught.value.service_message
    assert f"refused with {status}: Not today" in str(caught.value)


def test_an_error_status_is_an_error_whatever_the_body_says() -> None:
    """``"status": true`` under a 404 is still a 404."""
    with pytest.raises(NotFoundError):
        read(answer(404, {"status": True, "result": {}}))


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        ("said", {"status": False, "message": "said"}),
        ("said", {"status": False, "result": "said"}),
        ("said", {"status": False, "result": {"message": "said"}}),
        ("said", {"status": False, "result": {"server_response": "said"}}),
        ("said", {"status": False, "error": "said"}),
        ("said", {"status": False, "message": "said", "result": "not said"}),
        ("said", {"status": False, "message": "", "result": "said"}),
        ("said", {"status": False, "message": {"a": 1}, "result": "said"}),
        ('said {"name":["empty"]}', {"message": "said", "field_errors": {"name": ["empty"]}}),
        ('{"name":["empty"]}', {"status": False, "field_errors": {"name": ["empty"]}}),
        # orjson reads what is nested deeper than it writes.
        ("said", b'{"message": "said", "field_errors": ' + b'{"a": ' * 500 + b"1" + b"}" * 501),
        ("no message", {"status": False}),
        ("no message", {"status": False, "message": 5, "result": [1]}),
        ("no message", []),
        ("no message", "text"),
        ("no message", b"<html>502 Bad Gateway</html>"),
        ("no message", b""),
        ("no message", b"\xff"),
    ],
)
def test_message_is_found_wherever_it_is(expected: str, body: object) -> None:
    """Sources keep the message in different places; the first that is text counts."""
    with pytest.raises(ServiceError) as caught:
        read(answer(400, body))

    assert expected == caught.value.service_message


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ("Device", "You have exceeded the maximum limit of Device (5)"),
        ("Devices", "You have exceeded the maximum limit of Devices"),
        ("File Storage", "You have exceeded the maximum limit of File Storage (200 MB)"),
    ],
)
def test_full_plan_is_told_apart(resource: str, message: str) -> None:
    """That the plan holds no more is not any bad request."""
    with pytest.raises(ResourceLimitError) as caught:
        read(answer(400, {"status": False, "message": message}))

    assert resource == caught.value.resource


def test_a_failing_server_has_no_full_plan() -> None:
    """Under 5xx the words mean nothing: it may have acted."""
    message = "You have exceeded the maximum limit of Device (5)"
    with pytest.raises(ServerError):
        read(answer(500, {"status": False, "message": message}))


@given(status=st.integers(100, 999), body=json_values)
def test_any_json_is_a_value_or_an_error_of_ours(status: int, body: object) -> None:
    """No status with no JSON escapes as an error of another kind."""
    outcome = meaning(answer(status, body))

    if isinstance(outcome, RequestError):
        assert isinstance(outcome, ServiceError | MalformedAnswerError)
        assert status == outcome.status
        assert str(outcome)
    else:
        assert status < 300


@given(status=st.sampled_from([200, 400, 401, 500]), inner=json_values, place=st.text(max_size=5))
def test_any_envelope_is_a_value_or_an_error_of_ours(
    status: int, inner: object, place: str
) -> None:
    """Nor does any JSON in any place of the envelope."""
    for name in ("status", "result", "message", "error", "field_errors", place):
        body = {"status": False, name: inner}
        for envelope in (body, {"status": False, "result": body}, {"status": True, name: inner}):
            outcome = meaning(answer(status, envelope))
            assert isinstance(outcome, RequestError) or status == 200


# --- when to come back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "header", "message"),
    [
        (8.0, None, "Too many requests (Retry-After: 8)"),
        (8.0, None, "Too many requests, Retry-After 8"),
        (8.0, None, "retry-after:8"),
        (3.0, "3", "Too many requests (Retry-After: 8)"),
        (3.0, " 3 ", ""),
        (0.0, "0", ""),
        (8.0, "soon", "Too many requests (Retry-After: 8)"),
        (8.0, "-1", "Too many requests (Retry-After: 8)"),
        (8.0, "1.5", "Too many requests (Retry-After: 8)"),
        (8.0, "²", "Too many requests (Retry-After: 8)"),
        (8.0, "9" * 400, "Too many requests (Retry-After: 8)"),
        (None, "Wed, 21 Oct 2026 07:28:00 GMT", "Too many requests"),
        (None, None, "Too many requests"),
        (None, None, ""),
        (None, "", "Retry-After: soon"),
        (None, None, "Retry-After: " + "9" * 400),
    ],
)
def test_retry_after(expected: float | None, header: str | None, message: str) -> None:
    """The seconds are in the header, else in the text, else unknown; what is absurd is unknown."""
    headers = {} if header is None else {"Retry-After": header}

    assert expected == Answer(429, orjson.dumps({"message": message}), headers).retry_after()


@given(st.binary(max_size=60), st.text(max_size=20))
def test_retry_after_takes_anything(body: bytes, header: str) -> None:
    """No body and no header breaks it, and what it gives can be waited for."""
    seconds = Answer(429, b"retry-after" + body, {"Retry-After": header}).retry_after()

    assert seconds is None or 0 <= seconds < 1e9


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (1_736_430_273.0, "Thu, 09 Jan 2025 13:44:33 GMT"),
        (1_736_430_273.0, "Thu, 09 Jan 2025 13:44:33 -0000"),
        (0.0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (None, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (None, "Mon, 01 Jan 1900 00:00:00 +2359"),
        (None, "Thu, 99 Jan 2025 13:44:33 GMT"),
        (None, "today"),
        (None, ""),
    ],
)
def test_date(expected: float | None, header: str) -> None:
    """A date that can't be read, or that lies before all windows, is none."""
    assert expected == Answer(200, b"{}", {"Date": header}).date()


async def test_retry_after_of_a_real_answer() -> None:
    """It is read from what came over the wire, whatever the header's case."""
    script = in_turn(throttled(8), http(429, b"", RETRY_AFTER="5"))
    async with ScriptedServer(script) as server, transport(server.url) as sender:
        assert 8.0 == (await sender.exchange(INFO)).retry_after()
        assert 5.0 == (await sender.exchange(INFO)).retry_after()


# --- quiet -------------------------------------------------------------------------------------


def test_request_and_answer_show_no_path_and_no_body() -> None:
    """What stands in a path, a body or a header is not in a repr."""
    request = Request(
        route=Route("DELETE", "/device/token/:token"),
        path=f"/device/token/{TOKEN}",
        safety=Safety.IDEMPOTENT,
        secrets=(Secret(TOKEN),),
        body=TOKEN.encode(),
    )

    assert TOKEN not in repr(request)
    assert TOKEN not in repr(answer(200, TOKEN, token=TOKEN))


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("token", [TOKEN, "a token of no known form"])
def test_echoed_token_is_cut_short(status: int, token: str) -> None:
    """The service's own words are shown without the token that they repeat."""
    parts = reader()
    parts._token = Secret(token)
    bodies = [
        {"status": False, "message": f"Invalid token: {token}"},
        {"status": False, "result": {"message": f"<{token}>"}},
        {"status": False, "message": "x", "field_errors": {token: [token]}},
        {"status": False, "message": f"exceeded the maximum limit of {token} (1)"},
    ]
    for body in bodies:
        with pytest.raises(ServiceError) as caught:
            parts.read(INFO, answer(status, body))
        assert_quiet(caught.value, token)


@pytest.mark.parametrize(
    "body",
    [
        f"Not JSON: {TOKEN}".encode(),
        {"status": True, "token": TOKEN},
        {"status": TOKEN, "result": {"token": TOKEN}},
    ],
)
def test_malformed_answer_does_not_show_what_it_held(body: object) -> None:
    """An answer that can't be understood may hold a token all the same."""
    with pytest.raises(MalformedAnswerError) as caught:
        read(answer(200, body))

    assert_quiet(caught.value, TOKEN)


async def test_token_in_the_path_is_not_shown_when_the_connection_ends() -> None:
    """The URL of a token's deletion is in no error, nor in the frames that it passed."""
    doomed = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"
    request = Request(
        route=Route("DELETE", "/device/token/:token"),
        path=f"/device/token/{doomed}",
        safety=Safety.IDEMPOTENT,
        secrets=(Secret(doomed),),
    )
    for reply in (Reply(then="reset"), Reply(HALF, then="close"), Reply(then="hang")):
        async with (
            ScriptedServer(in_turn(reply)) as server,
            transport(server.url, timeout=0.1) as sender,
        ):
            with pytest.raises(RequestError) as caught:
                await sender.exchange(request)
        assert_quiet(caught.value, doomed, TOKEN)
    with refused_port() as port:
        async with transport(f"http://127.0.0.1:{port}") as sender:
            with pytest.raises(ConnectError) as caught:
                await sender.exchange(request)
    assert_quiet(caught.value, doomed, TOKEN)


async def test_cancellation_does_not_show_the_clients_token() -> None:
    """A cancellation passes through the layers below: what they show of the headers is short."""
    arrived = asyncio.Event()

    def script(request: Received) -> Reply:
        arrived.set()
        return Reply(then="hang")

    async with ScriptedServer(script) as server, transport(server.url) as sender:
        call = asyncio.create_task(sender.exchange(INFO))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call

    shown = list(texts_shown(caught.value))
    assert any("Authorization" in text for text in shown)
    assert_quiet(caught.value, TOKEN)


async def test_refused_status_line_is_not_repeated() -> None:
    """A server that puts a token into its status line or a header finds no echo."""
    raw = f"HTTP/1.1 999999 {TOKEN}\r\n{TOKEN}\r\n\r\n".encode()
    async with (
        ScriptedServer(in_turn(Reply(raw, then="close"))) as server,
        transport(server.url) as sender,
    ):
        with pytest.raises(RequestError) as caught:
            await sender.exchange(INFO)

    assert_quiet(caught.value, TOKEN)


async def test_refusal_over_the_wire() -> None:
    """A refusal is read from real bytes as from made-up ones."""
    async with (
        ScriptedServer(in_turn(refused(404, "Device Not Found"))) as server,
        transport(server.url) as sender,
    ):
        with pytest.raises(NotFoundError, match="Device Not Found"):
            sender.read(INFO, await sender.exchange(INFO))
