"""Whatever a service sends, a call ends in a value or a `TagoError`, in bounded time and memory.

A server on raw sockets answers each kind of call with bodies, headers, encodings and lengths that
no service should send, breaks connections at each byte, and replaces each field of its answers.
After each case the same client makes a good call, which must get its own answer.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import struct
import sys
import zlib
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import aiohttp
import attrs
import orjson
import pytest

from tagodev import (
    ConnectError,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    HardLimits,
    MalformedAnswerError,
    NoAnswerError,
    RateLimitedError,
    RequestError,
    RetryPolicy,
    ServerError,
    Tago,
    TagoError,
    TokenCreate,
    TokenCreated,
)
from tests.support.answers import http, ok
from tests.support.clients import DEVICE_ID, TOKEN, client, value_or_error
from tests.support.leaks import assert_quiet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from types import TracebackType

#: The token in the answers to creations.
NEW: Final = "5d0e0f5e-3f0c-4f3c-8a3f-6b7d1c2e9a10"
#: The token that is deleted.
DOOMED: Final = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"
SECRETS: Final = (TOKEN, NEW, DOOMED)
BUCKET: Final = "77e1a2b3c4d5e6f708192a3c"
#: The size of the largest answer that the clients read.
LARGEST: Final = 200_000
#: The longest that one call may take; it is never reached.
LONGEST: Final = 30.0
DEVICE: Final[Mapping[str, Any]] = {
    "id": DEVICE_ID,
    "name": "Cold room 3",
    "type": "mutable",
    "active": True,
    "visible": True,
    "description": "text",
    "connector": BUCKET,
    "network": BUCKET,
    "bucket": {"id": BUCKET, "name": "b"},
    "tags": [{"key": "site", "value": "7"}],
    "created_at": "2026-01-31T12:00:00.000Z",
    "updated_at": "2026-01-31T12:00:00.000Z",
    "last_input": "2026-01-31T12:00:00.000Z",
    "payload_decoder": None,
    "rpm": {"data_input": 5},
}
CREATED: Final = {"device_id": DEVICE_ID, "bucket_id": BUCKET, "token": NEW}
ISSUED: Final = {"token": NEW, "expire_time": "2026-01-31T12:00:00.000Z", "permission": "full"}


# --- calls -------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Kind:
    """A kind of call."""

    name: str
    call: Callable[[Tago], Awaitable[Any]] = attrs.field(repr=False)
    result: Any
    """What a good answer says."""
    reads: bool = False


async def _list(tago: Tago) -> Any:
    return [device async for device in tago.devices.list(page_size=100)]


KINDS: Final = (
    Kind("read", lambda tago: tago.devices.info(DEVICE_ID), DEVICE, reads=True),
    Kind("list", _list, [DEVICE, {**DEVICE, "id": BUCKET}], reads=True),
    Kind("create", lambda tago: tago.devices.create(DeviceCreate(name="x")), CREATED),
    Kind("edit", lambda tago: tago.devices.edit(DEVICE_ID, DeviceEdit(active=True)), "Updated"),
    Kind("delete", lambda tago: tago.devices.delete(DEVICE_ID), "Removed"),
    Kind("token", lambda tago: tago.tokens.create(DEVICE_ID, TokenCreate("x")), ISSUED),
    Kind("delete token", lambda tago: tago.tokens.delete(DOOMED), "Removed"),
)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


# --- the server --------------------------------------------------------------------------------


async def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    """End a connection."""
    writer.close()


async def _hang(_: asyncio.StreamWriter) -> None:
    """Send nothing more."""
    await asyncio.Event().wait()


async def _drip(writer: asyncio.StreamWriter) -> None:
    """Send one byte after the other, for ever."""
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.01)


def endlessly(piece: bytes) -> Step:
    """Return the step that sends a piece again and again, for ever."""

    async def send(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()

    return send


async def _pause(_: asyncio.StreamWriter) -> None:
    """Let the client take what was sent for the whole answer."""
    await asyncio.sleep(0.002)


Step: TypeAlias = "bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]"


class Server:
    """Answers each request with the present steps, or ends the connection."""

    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()
        self.queue: list[tuple[Step, ...]] = []
        self.requests = 0
        self.busy: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or b"0"))
                self.requests += 1
                self.busy.add(writer)
                for step in self.queue.pop(0) if self.queue else self.steps:
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                    else:
                        await step(writer)
                self.busy.discard(writer)
        self.busy.discard(writer)
        writer.close()

    async def quiet(self) -> None:
        """Wait until everything is sent, and received or refused."""
        while self.busy:  # noqa: ASYNC110  (of several tasks)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)


# --- cases -------------------------------------------------------------------------------------

#: Answers by name: for a kind of call, the steps that follow its request.
Cases: TypeAlias = "Iterator[tuple[str, tuple[Step, ...]]]"


def _enveloped(result: Any) -> bytes:
    return orjson.dumps({"status": True, "result": result})


def _raw(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def bodies(kind: Kind) -> Cases:
    """Yield bodies that are no JSON, no envelope, or an odd one."""
    good = _enveloped(kind.result)
    envelopes: list[Any] = [True, False, None, 1, "true", [], {}, TOKEN]
    odd: list[bytes] = [
        *(b"", b" ", b"null", b"true", b"5", b'"text"', b"[]", b"{}", b"[null]", b"[[]]"),
        *(b"<html>Sign in</html>", b"\x00" * 50, b"\xff\xfe" + "{}".encode("utf-16-le")),
        *(b"NaN", b"[" * 100_000, b'{"a":' * 5000, b"]", good + b"x", good * 2, good[:-1]),
        *(b"\xef\xbb\xbf" + good, b" " * 100_000 + good, good.decode().encode("utf-16")),
        b'{"status": true, "result": ' + b"9" * 5000 + b"}",
        b'{"status": true, "result": "\\ud800"}',
        b'{"status": true, "result": [NaN, -Infinity, 1e999]}',
        b'{"status": true, "status": false, "result": {}}',
        orjson.dumps({"status": True, "result": {str(n): n for n in range(10_000)}}),
        orjson.dumps({"status": True, "result": TOKEN}),
        orjson.dumps({"status": True, "result": {"token": {NEW: NEW}, NEW: NEW}}),
        f"token {TOKEN} {DOOMED[:20]}".encode(),
        *(orjson.dumps({"status": one}) for one in envelopes),
        *(orjson.dumps({"status": one, "result": kind.result}) for one in (1, "true", None)),
        *(good[: len(good) * part // 8] for part in range(1, 8)),
    ]
    for number, body in enumerate(odd):
        yield f"body {number}: {body[:30]!r}", (http(200, body),)
    messages: list[Any] = [TOKEN, DOOMED[:25], NEW * 10_000, " " * 50_000, "\x1b[2J\n", 5, [], {}]
    for number, message in enumerate([*messages, "exceeded the maximum limit of " + " " * 50_000]):
        for status in (200, 400, 502):
            body = orjson.dumps({"status": False, "message": message, "field_errors": {"a": TOKEN}})
            yield f"message {number} with {status}", (http(status, body),)


def statuses(kind: Kind) -> Cases:
    """Yield statuses that exist and that do not exist, with a good body and with none."""
    good = _enveloped(kind.result)
    texts = ["000", "001", "099", "100", "101", "102", "103", "199", "201", "204", "205", "206"]
    texts += ["300", "301", "304", "307", "399", "400", "401", "402", "403", "404", "418", "499"]
    texts += ["500", "503", "599", "600", "999", "1000", "20", "-1", "2OO", "", "200 " + TOKEN]
    for text in texts:
        for body in (good, b""):
            head = f"HTTP/1.1 {text} X\nContent-Length: {len(body)}\nConnection: close"
            yield f"status {text!r} with {len(body)} bytes", (_raw(head, body), _close)


def heads(kind: Kind) -> Cases:
    """Yield odd status lines and headers around a good body."""
    body = _enveloped(kind.result)
    length = f"Content-Length: {len(body)}"
    for line in (
        "",
        "HTTP/1.1",
        "HTTP/0.9 200 OK",
        "HTTP/2.0 200 OK",
        "ICY 200 OK",
        "\0",
        "200 OK",
    ):
        yield f"line {line!r}", (_raw(f"{line}\n{length}", body), _close)
    for line in ("http/1.1 200 ok", "HTTP/1.0 200", "HTTP/1.1  200  OK", "\n\nHTTP/1.1 200 OK"):
        yield f"line {line!r}", (_raw(f"{line}\n{length}", body), _close)
    headers = [
        *(
            f"Date: {date}"
            for date in ("", "x", "0", "-1", "9" * 5000, "Mon, 99 Foo 0000 99:99:99")
        ),
        *(
            f"Date: {date}"
            for date in ("Thu, 01 Jan 1970 00:00:00 GMT", "\xff", "1e999", "," * 5000)
        ),
        *("Date: Fri, 31 Dec 9999 23:59:59 GMT\nDate: x", "Age: 5", "Age: x", "Retry-After: x"),
        *("Content-Type: text/html", "Content-Type: ", "Content-Type: a/b; charset=\xff", ": x"),
        *("X", "X Y: z", " folded", "X: \0", "X: " + "a" * 20_000, "\n".join(["X: y"] * 500)),
        *(
            f"Set-Cookie: a={TOKEN}",
            f"X-{TOKEN}: {NEW}",
            "Set-Cookie: " + ";" * 5000,
            "Location: /x",
        ),
        *(
            "Connection: close",
            "Connection: upgrade\nUpgrade: websocket",
            "Upgrade: h2c",
            "Trailer: x",
        ),
        *(f"Content-Length: {size}" for size in ("-1", "x", "", "1", "0", "1e3", "9" * 30, "+5")),
        *(f"{length}\n{length}", f"{length}\nContent-Length: 1", "Transfer-Encoding: x"),
        *(f"{length}\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked"),
    ]
    for number, header in enumerate(headers):
        own = "" if header.lower().startswith(("content-length", "transfer")) else f"\n{length}"
        steps = (_raw(f"HTTP/1.1 200 OK\n{header}{own}", body), _close)
        yield f"header {number}: {header[:30]!r}", steps
        if header.isascii() and "\0" not in header:
            yield f"502, header {number}", (_raw(f"HTTP/1.1 502 X\n{header}{own}", body), _close)
    for status in (301, 302, 303, 307, 308):
        for where in (
            "",
            "/",
            "//",
            "http://[",
            f"http://127.0.0.1:1/{DOOMED}",
            "file:///",
            "a" * 5000,
        ):
            yield f"{status} to {where[:20]!r}", (http(status, b"", location=where),)


def encodings(kind: Kind) -> Cases:
    """Yield compressed and chunked bodies: good, broken and huge ones."""
    good = _enveloped(kind.result)
    zipped = gzip.compress(good)
    raw = zlib.compressobj(wbits=-15)
    deflated = raw.compress(good) + raw.flush()
    huge = good[:-1] + b" " * 2_000_000 + b"}"
    for name, encoding, body in (
        ("gzip", "gzip", zipped),
        ("members", "gzip", gzip.compress(good[:9]) + gzip.compress(good[9:])),
        ("zlib", "deflate", zlib.compress(good)),
        ("raw deflate", "deflate", deflated),
        ("cut", "gzip", zipped[:-9]),
        ("wrong sum", "gzip", zipped[:-8] + b"12345678"),
        ("plain", "gzip", good),
        ("plain", "deflate", good),
        ("trailing", "gzip", zipped + b"xyz"),
        ("header only", "gzip", zipped[:10]),
        ("nothing", "gzip", b""),
        ("twice", "gzip, gzip", gzip.compress(zipped)),
        ("other", "br", b"abcde"),
        ("other", "zstd", b"abcde"),
        ("none", "identity", good),
        ("unknown", TOKEN, good),
        ("bomb", "gzip", gzip.compress(huge)),
        ("bomb", "deflate", zlib.compress(huge)),
        ("bomb of bombs", "gzip", gzip.compress(gzip.compress(huge))),
    ):
        yield f"{encoding}: {name}", (http(200, body, content_encoding=encoding),)
    head = _raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked")
    size = f"{len(good):x}".encode()
    chunk = size + b"\r\n" + good + b"\r\n"
    for number, chunks in enumerate((
        chunk + b"0\r\n\r\n",
        b"".join(b"1\r\n%c\r\n" % byte for byte in good) + b"0\r\n\r\n",
        chunk + b"0\r\nX: y\r\n\r\n",
        size + b";" + b"x" * 5000 + b"\r\n" + good + b"\r\n0\r\n\r\n",
        chunk + b"x\r\n\r\n",
        b"-1\r\n\r\n",
        b"f" * 30 + b"\r\n" + good,
        b"\r\n",
        b"1\r\n" + good,
        good,
        b"0\r\n\r\n",
    )):  # fmt: skip
        yield f"chunks {number}", (head, chunks, _close)
    yield "endless chunks", (head, endlessly(b"4000\r\n" + b" " * 0x4000 + b"\r\n"))
    yield "endless body", (_raw("HTTP/1.1 200 OK"), endlessly(b" " * 0x4000))
    yield "endless headers", (b"HTTP/1.1 200 OK\r\n", endlessly(b"X: y\r\n" * 100))
    yield "endless line", (b"HTTP/1.1 200 ", endlessly(b"x" * 0x1000))
    yield "too large", (http(200, huge),)
    yield "too large a refusal", (http(400, huge),)


def lengths(kind: Kind) -> Cases:
    """Yield answers that break off at each byte, and answers with bytes too few or too many."""
    good = ok(kind.result)
    step = 1 if kind.name == "create" else 23
    for at in range(0, len(good), step):
        yield f"reset at byte {at}", (good[:at], _pause, _reset)
    for at in range(0, len(good), 5 * step):
        yield f"end at byte {at}", (good[:at], _close)
    body = _enveloped(kind.result)
    for more in (-len(body), -1, 1, 100_000_000):
        head = f"HTTP/1.1 200 OK\nContent-Length: {len(body) + more}"
        yield f"{more} bytes too many", (_raw(head, body), _close)
    yield "no length", (_raw("HTTP/1.0 200 OK", body), _close)
    # A second answer, which nobody has asked for.
    other = ok({**DEVICE, "id": "0" * 24} if kind.name == "read" else [])
    yield "two at once", (good + other,)
    yield "two at once, and an end", (good + other, _close)
    yield "half of another", (good + other[:20],)
    yield "one and later another", (good, _pause, other)
    yield "one and later half of another", (good, _pause, other[:90])
    yield "one and later something", (good, _pause, b"HTTP/1.1 408 Timeout\r\n\r\n")
    yield "one and later nonsense", (good, _pause, b"\0")
    yield "an information first", (_raw("HTTP/1.1 103 Early Hints") + good,)


VALUES: Final[tuple[Any, ...]] = (
    None,
    5,
    -1.5,
    "text",
    "",
    True,
    [],
    [None],
    {},
    {"a": None},
    "9" * 5000,
    10**400,
)


def fields(kind: Kind) -> Cases:
    """Yield answers in which each field in turn is absent or of another type."""
    listed = isinstance(kind.result, list)
    item = kind.result[0] if listed else kind.result
    if not isinstance(item, dict):
        for value in VALUES:
            yield f"result {str(value)[:10]!r}", (http(200, _json(value)),)
        return
    for name in item:
        rest = {key: value for key, value in item.items() if key != name}
        damaged = [rest, *({**rest, name: value} for value in VALUES)]
        for number, one in enumerate(damaged):
            result = [kind.result[0], one] if listed else one
            yield f"{name} {number}", (http(201, _json(result)),)


def _json(result: Any) -> bytes:
    # orjson writes no integers beyond 64 bits.
    return json.dumps({"status": True, "result": result}).encode()


GROUPS: Final = (bodies, statuses, heads, encodings, lengths, fields)


@cache
def cases_of(cases: Callable[[Kind], Cases], kind: Kind) -> list[tuple[str, tuple[Step, ...]]]:
    """Return the cases of a group for a kind of call."""
    return [*cases(kind)]


# --- tests -------------------------------------------------------------------------------------


def hostile_client(url: str, **options: Any) -> Tago:
    """Return a client that reads small answers only, and does not wait."""
    retry = RetryPolicy(attempts=2, first_delay=0.0)
    return client(url, max_answer_bytes=LARGEST, retry=retry, **options)


async def outcome_of(kind: Kind, tago: Tago) -> Any:
    """Return the value of a call, or the `TagoError`; anything else fails."""
    async with asyncio.timeout(LONGEST):
        return await value_or_error(kind.call(tago))


def check(kind: Kind, outcome: Any) -> None:
    """Check what an outcome shows, and what it says of the service's state."""
    if not isinstance(outcome, TagoError):
        assert not any(secret in repr(outcome) for secret in SECRETS)
        return
    assert_quiet(outcome, *SECRETS, DOOMED[:20])
    assert len(str(outcome)) < 2000
    assert isinstance(outcome, RequestError)
    if kind.reads:
        assert not outcome.may_have_acted
    elif isinstance(outcome, ConnectError):
        assert outcome.attempts > 1 or not outcome.may_have_acted
    elif isinstance(outcome, (NoAnswerError, MalformedAnswerError, ServerError)):
        assert outcome.may_have_acted


async def good_call(server: Server, tago: Tago) -> None:
    """Make a call that must get its own answer; one that meets a dead connection is repeated."""
    await server.quiet()
    own = {**DEVICE, "id": f"{server.requests:024x}"}
    server.steps = (ok(own),)
    got = await tago.devices.info(own["id"])
    assert own["id"] == got.id


@every_kind
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: cases.__name__)
async def test_every_case_ends_in_a_value_or_an_error(
    cases: Callable[[Kind], Cases], kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong, the next call is not harmed, and no token is shown."""
    caplog.set_level(logging.DEBUG)
    problems: dict[str, str] = {}
    async with Server() as server, hostile_client(server.url) as tago:
        for name, steps in cases_of(cases, kind):
            server.steps = steps
            try:
                check(kind, await outcome_of(kind, tago))
                await good_call(server, tago)
            except Exception as error:  # noqa: BLE001  (all cases are reported)
                problems[name] = f"{type(error).__name__}: {error}"[:500]
    assert {} == problems
    assert not any(secret in caplog.text for secret in SECRETS)


def test_there_are_enough_cases() -> None:
    """Each kind of call meets more than 150 cases."""
    for kind in KINDS:
        assert sum(len(cases_of(cases, kind)) for cases in GROUPS) > 150


async def test_silence_and_endless_answers_end_in_time() -> None:
    """The timeout counts from the connection to the last byte."""
    head = _raw("HTTP/1.1 200 OK\nContent-Length: 1000000")
    silences: list[tuple[Step, ...]]
    silences = [(_hang,), (b"HTTP", _hang), (head, _hang), (head, _drip), (_drip,)]

    async def fail(kind: Kind, steps: tuple[Step, ...]) -> None:
        async with Server() as server, hostile_client(server.url, timeout=0.2) as tago:
            server.steps = steps
            outcome = await outcome_of(kind, tago)
            assert isinstance(outcome, NoAnswerError)
            check(kind, outcome)

    await asyncio.gather(*(fail(kind, steps) for kind in KINDS for steps in silences))


async def test_connections_with_an_answer_before_the_request_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If all connections are like that, nothing is sent."""
    closed = []

    async def connect(*_: object) -> object:
        protocol = SimpleNamespace(should_close=True)
        return SimpleNamespace(protocol=protocol, close=lambda: closed.append(protocol))

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)
    async with client("http://127.0.0.1:9", concurrency=2) as tago:
        outcome = await outcome_of(KINDS[2], tago)
    assert isinstance(outcome, ConnectError)
    assert 9 == len(closed)


def odd_fields() -> Iterator[tuple[str, bytes]]:
    """Yield answers to a creation that name the device and its token, beside odd values."""
    whole = {**CREATED, "expire_time": None}
    for name in ("bucket_id", "expire_time", "expire_date", "permission", "extra", "name", "tags"):
        for number, value in enumerate((*VALUES, "1 month", "never", "\ud800")):
            yield f"{name} {number}", _json({**whole, name: value})


def odd_forms() -> Iterator[tuple[str, bytes]]:
    """Yield answers to a creation that name the device and its token, in an odd form."""
    good = _enveloped(CREATED)
    yield "surrogate", good[:-2] + b',"x":"\\ud800"}}'
    yield "long number", good[:-2] + b',"x":' + b"9" * 5000 + b"}}"
    yield "not UTF-8", good[:-2] + b',"x":"\xff"}}'
    yield "byte order mark", b"\xef\xbb\xbf" + good
    yield "no envelope", orjson.dumps(CREATED)
    yield "in the envelope", orjson.dumps({"status": True, "message": "Created", **CREATED})
    yield (
        "deviceID",
        orjson.dumps({"status": True, "result": {"deviceID": DEVICE_ID, "token": NEW}}),
    )


@pytest.mark.parametrize("kind", [KINDS[2], KINDS[5]], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "answers",
    [
        odd_forms,
        odd_fields,
    ],
)
async def test_what_was_created_is_not_lost(
    answers: Callable[[], Iterator[tuple[str, bytes]]], kind: Kind
) -> None:
    """An answer that names the new device and its token gives both, whatever else it says."""
    lost = []
    async with Server() as server, hostile_client(server.url) as tago:
        for name, body in answers():
            server.steps = (http(201, body),)
            outcome = await outcome_of(kind, tago)
            if not isinstance(outcome, (DeviceCreated, TokenCreated)):
                lost.append(name)
            else:
                assert NEW == outcome.token.reveal()
    assert [] == lost


async def test_odd_refusals_for_the_rate_limit() -> None:
    """A 429 that says nonsense of the time closes its route for no longer than another one."""
    limits = HardLimits("short", {}, default=1000, minute=0.5)
    messages = ("Too many", f"(Retry-After: {'9' * 500}) {TOKEN}", " " * 50_000)
    headers = ("x", "-1", "9" * 500, "Mon, 30 Nov 2026 02:36:20 GMT", "nan")

    async def fail(message: str, header: str) -> None:
        async with Server() as server, hostile_client(server.url, plan=limits) as tago:
            body = orjson.dumps({"status": False, "message": message})
            server.steps = (http(429, body, retry_after=header),)
            outcome = await outcome_of(KINDS[2], tago)
        assert isinstance(outcome, RateLimitedError)
        check(KINDS[2], outcome)

    await asyncio.gather(*(fail(message, header) for message in messages for header in headers))


@every_kind
@pytest.mark.parametrize("at", [0, 3, 60])
async def test_a_cancelled_call_shows_nothing(kind: Kind, at: int) -> None:
    """Neither the timeout around a call, nor its cause, nor a frame holds a token or a path."""
    async with Server() as server, client(server.url) as tago:
        server.steps = (ok(kind.result)[:at], _hang)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await kind.call(tago)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert_quiet(caught.value, *SECRETS)
    for error in (caught.value, caught.value.__cause__):
        frames = error.__traceback__
        while frames is not None:
            assert "aiohttp" not in frames.tb_frame.f_code.co_filename
            for value in frames.tb_frame.f_locals.values():
                assert DOOMED not in repr(getattr(value, "path", ""))
            frames = frames.tb_next


# --- memory ------------------------------------------------------------------------------------

#: 4 GB of blanks: a block that deflate has finished may be repeated.
_COMPRESS: Final = zlib.compressobj(9, zlib.DEFLATED, -15)
_BLOCK: Final = _COMPRESS.compress(b" " * 2**20) + _COMPRESS.flush(zlib.Z_FULL_FLUSH)
_GZIP: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def bombs() -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Yield answers that need gigabytes, or more than ten times their size, and what is raised."""
    malformed = "MalformedAnswerError"
    yield malformed, (http(200, _GZIP + _BLOCK * 4096, content_encoding="gzip"),)
    yield malformed, (http(200, b"\x78\x9c" + _BLOCK * 4096, content_encoding="deflate"),)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    yield malformed, (_raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked"), endlessly(chunk))
    yield malformed, (http(200, b"[" + b"[]," * 10_000_000 + b"0]"),)
    yield malformed, (http(200, b"[" + b'{"a":1},' * 690_000 + b"0]"),)
    yield malformed, (http(200, b'{"status":true,"result":"' + b"ab " * 5_000_000 + b'\\ud800"}'),)
    yield (
        "BadRequestError",
        (http(400, b'{"status":false,"message":"' + b"a " * 30_000_000 + b'"}'),),
    )


_CHILD: Final = """
import asyncio, sys
from tests.support.clients import DEVICE_ID, client
from tagodev import DeviceCreate, RetryPolicy, TagoError

async def main():
    async with client(sys.argv[1], retry=RetryPolicy(attempts=1), timeout=60.0) as tago:
        for _ in range(int(sys.argv[2])):
            try:
                await tago.devices.create(DeviceCreate(name="x"))
            except TagoError as error:
                assert len(str(error)) < 2000
                print(type(error).__name__)

asyncio.run(main())
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process from /proc")
async def test_memory_is_bounded() -> None:
    """Answers that would need gigabytes are refused below 300 MB."""
    expected, answers = zip(*bombs(), strict=True)
    async with Server() as server:
        server.queue = [*answers]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _CHILD, server.url, str(len(answers))),
            stdout=asyncio.subprocess.PIPE,
        )
        written, _ = await child.communicate()
    *errors, kilobytes = written.decode().split()
    assert [*expected] == errors
    assert int(kilobytes) < 300_000
