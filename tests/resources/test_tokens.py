"""Tokens of devices: what each call sends, and that no token is shown on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from tagodev import (
    AuthenticationError,
    ConnectError,
    InputError,
    MalformedAnswerError,
    NotFoundError,
    Secret,
    TagoError,
    TokenCreate,
    TokenFilter,
    TokenInfo,
)
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import Reply, ScriptedServer, in_turn, refused_port

DOOMED = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"
#: A token in no form that is known: only the caller that sent it can recognise it.
ODD = "hush_hush-without-any-known-form"


async def test_create() -> None:
    """A creation names the device and gives the token."""
    answer = ok({"token": DOOMED, "expire_date": "2030-01-01T00:00:00.000Z", "permission": "read"})
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        token = await tago.tokens.create(
            DEVICE_ID, TokenCreate("field", "read", expire_time="1 year")
        )

    assert ["POST /device/token"] == server.seen()
    assert {
        "device": DEVICE_ID,
        "name": "field",
        "permission": "read",
        "expire_time": "1 year",
    } == orjson.loads(server.received[0].body)
    assert DOOMED == token.token.reveal()
    assert datetime(2030, 1, 1, tzinfo=UTC) == token.expire_time
    assert DOOMED not in repr(token)


async def test_list() -> None:
    """A device's tokens are paged like everything else."""
    wire = {"token": DOOMED, "name": "Default", "expire_time": "never", "ref_id": "x"}
    async with ScriptedServer(in_turn(ok([wire]))) as server, client(server.url) as tago:
        (token,) = await tago.tokens.list(DEVICE_ID).collect()
    target = urlsplit(server.received[0].target)
    asked = dict(parse_qsl(target.query))

    assert f"/device/token/{DEVICE_ID}" == target.path
    assert ("1", "1000", "token") == (asked["page"], asked["amount"], asked["fields[0]"])
    assert (DOOMED, "Default", None) == (token.token.reveal(), token.name, token.expire_time)
    assert {"ref_id": "x"} == token.extra
    assert DOOMED not in repr(token)


async def test_list_sends_what_it_asks_for() -> None:
    """Filter, fields and order are the caller's; the token itself is always asked for."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.tokens.list(
            DEVICE_ID,
            filter=TokenFilter(permission="write", serie_number="A1"),
            fields=["name", "last_authorization"],
            order_by="name,asc",
        ).collect()

    assert {
        "page": "1",
        "amount": "1000",
        "fields[0]": "token",
        "fields[1]": "name",
        "fields[2]": "last_authorization",
        "filter[permission]": "write",
        "filter[serie_number]": "A1",
        "orderBy": "name,asc",
    } == dict(parse_qsl(urlsplit(server.received[0].target).query))


async def test_list_gives_the_newest_first() -> None:
    """By default, tokens come in the service's own order."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await tago.tokens.list(DEVICE_ID).collect()
        with pytest.raises(InputError, match="order_by"):
            tago.tokens.list(DEVICE_ID, order_by="name")

    assert "orderBy=created_at%2Cdesc" in server.received[0].target


async def test_info() -> None:
    """What the client's own token is depends on its kind; whatever it is, it is read."""
    script = in_turn(
        ok({"name": "Default Token", "type": "profile"}),
        ok({"id": DEVICE_ID, "name": "Cold room 3", "type": "mutable", "tags": []}),
    )
    async with ScriptedServer(script) as server, client(server.url) as tago:
        profile, device = await tago.tokens.info(), await tago.tokens.info()

    assert ["GET /info"] * 2 == server.seen()
    assert TokenInfo(name="Default Token", type="profile") == profile
    assert (DEVICE_ID, {"tags": []}) == (device.id, device.extra)


@pytest.mark.parametrize("authorization", [None, "at0123", Secret("at0123")])
async def test_resolve(authorization: str | Secret | None) -> None:
    """A serial number, with an authorization or without, leads to a device's token."""
    async with ScriptedServer(in_turn(ok(DOOMED))) as server, client(server.url) as tago:
        token = await tago.tokens.resolve("0886AB56", authorization)

    expected = "/integration/network/resolve/0886AB56" + (
        "" if authorization is None else "/at0123"
    )
    assert [f"GET {expected}"] == server.seen()
    assert Secret(DOOMED) == token


async def test_resolve_counts_as_one_route() -> None:
    """Whether the two ways share a limit is not documented: together they keep one."""
    async with ScriptedServer(in_turn(ok(DOOMED))) as server, client(server.url) as tago:
        await tago.tokens.resolve("A1")
        await tago.tokens.resolve("A1", "at0123")
        (counter,) = tago.limits.snapshot()

    assert ("GET /integration/network/resolve/:serial", 2) == (counter.route, counter.used)


@pytest.mark.parametrize("result", [None, {}, {"token": DOOMED}, 5, [DOOMED]])
async def test_resolved_token_that_is_none_is_malformed(result: object) -> None:
    """The answer must be a token; another answer is not shown."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError) as caught:
            await tago.tokens.resolve("A1")

    assert_quiet(caught.value, DOOMED, TOKEN)


@pytest.mark.parametrize(("path", "values"), [("serial", ("a/b",)), ("authorization", ("A1", ""))])
async def test_serial_that_would_lead_elsewhere_is_refused(
    path: str, values: tuple[str, ...]
) -> None:
    """Neither part makes another route of it."""
    async with ScriptedServer(in_turn(ok(DOOMED))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.tokens.resolve(*values)

    assert path == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize(
    "reply",
    [
        Reply(then="reset"),
        Reply(refused(404, f"no {ODD} for {DOOMED}")),
        Reply(refused(500, f"no {ODD} for {DOOMED}")),
        Reply(http(200, f"/resolve/{ODD}/{DOOMED}".encode())),
        Reply(http(307, location=f"http://127.0.0.1:1/resolve/{ODD}/{DOOMED}")),
    ],
)
async def test_serial_in_the_url_is_never_shown(reply: Reply) -> None:
    """Whatever goes wrong, neither serial number nor authorization is reported."""
    async with ScriptedServer(in_turn(reply)) as server, client(server.url) as tago:
        with pytest.raises(TagoError) as caught:
            await tago.tokens.resolve(ODD, DOOMED)

    assert_quiet(caught.value, ODD, DOOMED, TOKEN)


@pytest.mark.parametrize("token", [DOOMED, Secret(DOOMED)])
async def test_delete(token: str | Secret) -> None:
    """A token is deleted by itself, as text or as a `Secret`."""
    async with (
        ScriptedServer(in_turn(ok("Successfully Removed"))) as server,
        client(server.url) as tago,
    ):
        await tago.tokens.delete(token)

    assert [f"DELETE /device/token/{DOOMED}"] == server.seen()


@pytest.mark.parametrize("token", ["", "a/b", "..", "a b", "a?b"])
async def test_token_that_would_lead_elsewhere_is_refused(token: str) -> None:
    """No token makes another route of it."""
    async with ScriptedServer(in_turn(ok("Done"))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.tokens.delete(token)

    assert "token" == caught.value.path
    assert [] == server.received


@pytest.mark.parametrize("token", [DOOMED, ODD])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(then="reset"),
        Reply(then="close"),
        Reply(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", then="close"),
        "refused 401",
        "refused 404",
        "refused 500",
        "refused 200",
        "refused 302",
        "malformed",
        "header",
        "status line",
    ],
)
async def test_token_in_the_url_is_never_shown(token: str, reply: Reply | str) -> None:
    """Whatever goes wrong with a deletion, its error and all that hangs on it is quiet."""
    if not isinstance(reply, str):
        said = reply
    elif reply.startswith("refused"):
        said = Reply(refused(int(reply.split()[1]), f"Invalid token: {token} ({TOKEN})"))
    elif reply == "malformed":
        said = Reply(http(200, f"/device/token/{token}".encode()))
    elif reply == "header":
        said = Reply(http(307, location=f"http://127.0.0.1:1/device/token/{token}"))
    else:
        said = Reply(f"HTTP/1.1 OK {token}\r\n\r\n".encode(), then="close")
    async with ScriptedServer(in_turn(said)) as server, client(server.url) as tago:
        with pytest.raises(TagoError) as caught:
            await tago.tokens.delete(token)

    assert_quiet(caught.value, token, TOKEN)


async def test_token_is_not_shown_without_a_connection() -> None:
    """Nor when no one listens, nor when the answer does not come in time."""
    with refused_port() as port:
        async with client(f"http://127.0.0.1:{port}") as tago:
            with pytest.raises(ConnectError) as caught:
                await tago.tokens.delete(ODD)
    assert_quiet(caught.value, ODD, TOKEN)

    async with (
        ScriptedServer(in_turn(Reply(then="hang"))) as server,
        client(server.url, timeout=0.05) as tago,
    ):
        with pytest.raises(TagoError) as timeout:
            await tago.tokens.delete(ODD)
    assert_quiet(timeout.value, ODD, TOKEN)


async def test_listing_the_tokens_of_a_token_is_quiet() -> None:
    """The service repeats what it was asked for: that may be a token by mistake."""
    script = in_turn(refused(404, f"Device {DOOMED} Not Found"), refused(401, f"<{TOKEN}>"))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        with pytest.raises(NotFoundError) as missing:
            await tago.tokens.list(DEVICE_ID).collect()
        with pytest.raises(AuthenticationError) as denied:
            await tago.tokens.list(DEVICE_ID).collect()

    assert_quiet(missing.value, DOOMED, TOKEN)
    assert_quiet(denied.value, DOOMED, TOKEN)
