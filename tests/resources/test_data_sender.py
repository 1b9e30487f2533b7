"""Sending without a token of the device: the way is found once, and no token is shown on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import orjson
import pytest

from tagodev import (
    AuthenticationError,
    BadRequestError,
    DataCreate,
    InputError,
    PermissionDeniedError,
    Secret,
)
from tagodev._resources import data_sender
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, TOKEN, client, value_or_error
from tests.support.leaks import assert_quiet
from tests.support.servers import ScriptedServer

if TYPE_CHECKING:
    from tests.support.servers import Received

OTHER_ID = "67e1a2b3c4d5e6f708192a3c"
FIRST = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
SECOND = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"
#: A token in no form that is known: only the caller that sent it can recognise it.
ODD = "hush_hush-without-any-known-form"
BY_ID = f"POST /device/{DEVICE_ID}/data"
TOKENS = f"GET /device/token/{DEVICE_ID}"
OWN = "POST /data"
REGISTER = DataCreate("t", 1)


def token(value: str, permission: str | None = "full", **fields: Any) -> dict[str, Any]:
    """Return a token as a list shows it."""
    return {"token": value, "permission": permission, **fields}


@attrs.define
class Service:
    """What may be done with which token, on two devices."""

    tokens: dict[str, list[dict[str, Any]]] = attrs.field(factory=dict)
    """By device; one that is not there may not be listed."""
    open_by_id: tuple[str, ...] = ()
    """Devices whose route by id is open."""
    closed: tuple[str, ...] = ()
    """Tokens that are refused."""
    refusal: bytes = refused(401, "Authorization Denied")

    def __call__(self, request: Received) -> bytes:
        """Answer one request."""
        path = urlsplit(request.target).path.split("/")[1:]
        if path[:2] == ["device", "token"]:
            found = self.tokens.get(path[2])
            return self.refusal if found is None else ok(found)
        if path == ["data"]:
            known = request.headers["authorization"] not in {TOKEN, *self.closed}
        else:
            known = path[1] in self.open_by_id
        return ok(f"{len(orjson.loads(request.body))} Data Added") if known else self.refusal


def seen(server: ScriptedServer) -> list[str]:
    """Return method and path of each request."""
    return [f"{one.method} {urlsplit(one.target).path}" for one in server.received]


async def test_where_the_route_by_id_is_open_nothing_else_is_asked() -> None:
    """An analysis that may write needs no token of the device."""
    async with (
        ScriptedServer(Service(open_by_id=(DEVICE_ID,))) as server,
        client(server.url) as tago,
    ):
        assert 1 == await tago.data.send(DEVICE_ID, REGISTER)
        assert 1 == await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, BY_ID] == seen(server)


@pytest.mark.parametrize("status", [401, 403])
async def test_where_it_is_refused_a_token_is_found_once(status: int) -> None:
    """The refused body goes out again with the device's token, and the next ones at once."""
    service = Service({DEVICE_ID: [token(FIRST)]}, refusal=refused(status, "Authorization Denied"))
    points = [DataCreate("t", n) for n in range(2500)]
    async with ScriptedServer(service) as server, client(server.url) as tago:
        assert 2500 == await tago.data.send(DEVICE_ID, points)
        assert 1 == await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, TOKENS, OWN, OWN, OWN, OWN] == seen(server)
    tokens = [request.headers["authorization"] for request in server.received]
    assert [TOKEN, TOKEN, FIRST, FIRST, FIRST, FIRST] == tokens
    assert server.received[0].body == server.received[2].body


async def test_further_devices_are_not_tried_by_id() -> None:
    """Each refusal would be counted, and a run over ten thousand devices has no use for them."""
    service = Service({DEVICE_ID: [token(FIRST)], OTHER_ID: [token(SECOND)]})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, REGISTER)
        await tago.data.send(OTHER_ID, REGISTER)

    assert [BY_ID, TOKENS, OWN, f"GET /device/token/{OTHER_ID}", OWN] == seen(server)
    assert SECOND == server.received[-1].headers["authorization"]


async def test_a_device_without_tokens_may_be_open_by_id_all_the_same() -> None:
    """What one device refuses another may allow: policies name devices."""
    service = Service({DEVICE_ID: [token(FIRST)], OTHER_ID: []}, open_by_id=(OTHER_ID,))
    async with ScriptedServer(service) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, REGISTER)
        assert 1 == await tago.data.send(OTHER_ID, REGISTER)

    assert f"POST /device/{OTHER_ID}/data" == seen(server)[-1]


async def test_so_many_tokens_are_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the number of devices: the one that came first goes first."""
    monkeypatch.setattr(data_sender, "_MAX_CACHED", 2)
    devices = [f"{n:024x}" for n in range(3)]
    service = Service({device: [token(FIRST)] for device in devices})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        for device in (*devices, *reversed(devices)):
            await tago.data.send(device, REGISTER)
    listed = [target[-1] for target in seen(server) if target.startswith("GET")]

    assert ["0", "1", "2", "0"] == listed


@pytest.mark.parametrize("permission", ["full", "write"])
async def test_the_token_that_is_chosen_may_write(permission: str) -> None:
    """Tokens that may only read, of which nothing is known, or that have ended are passed over."""
    listed = [
        token("reads-only", "read"),
        token("says-nothing", None),
        token("has-ended", expire_time="2020-01-01T00:00:00.000Z"),
        token(FIRST, permission, expire_time="2190-01-01T00:00:00.000Z"),
        token(SECOND),
    ]
    async with ScriptedServer(Service({DEVICE_ID: listed})) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, REGISTER)

    assert FIRST == server.received[-1].headers["authorization"]


async def test_a_device_whose_tokens_only_read() -> None:
    """The service's refusal comes through, with what to do about it."""
    service = Service({DEVICE_ID: [token(FIRST, "read")]})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(AuthenticationError) as caught:
            await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, TOKENS] == seen(server)
    assert "none with write permission" in caught.value.hint
    assert not caught.value.may_have_acted
    assert_quiet(caught.value, FIRST, TOKEN)


async def test_a_token_that_may_not_even_list() -> None:
    """Likely the client's own token is wrong: the first refusal says so, with its own hint."""
    async with ScriptedServer(Service()) as server, client(server.url) as tago:
        with pytest.raises(AuthenticationError) as caught:
            await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, TOKENS] == seen(server)
    assert "region" in caught.value.hint
    assert "POST /data" == caught.value.route


async def test_a_token_that_ended_meanwhile_is_replaced() -> None:
    """What was kept in mind is forgotten when it is refused, and another is found."""
    service = Service({DEVICE_ID: [token(FIRST)]})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, REGISTER)
        service.closed, service.tokens = (FIRST,), {DEVICE_ID: [token(SECOND)]}
        assert 1 == await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, TOKENS, OWN, OWN, TOKENS, OWN] == seen(server)
    assert SECOND == server.received[-1].headers["authorization"]


async def test_a_token_that_ended_without_another_is_forgotten() -> None:
    """It is tried once more, when it has just ended, and never again."""
    service = Service({DEVICE_ID: [token(FIRST)]})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        await tago.data.send(DEVICE_ID, REGISTER)
        service.closed, service.tokens = (FIRST,), {DEVICE_ID: []}
        for _ in range(3):
            with pytest.raises(AuthenticationError):
                await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID, TOKENS, OWN, OWN, *[TOKENS, BY_ID] * 3] == seen(server)


async def test_a_found_token_that_is_refused_is_not_kept() -> None:
    """A refusal of the device's own token is reported, and not remembered as a way."""
    service = Service({DEVICE_ID: [token(FIRST)]}, closed=(FIRST,))
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(AuthenticationError) as caught:
            await tago.data.send(DEVICE_ID, REGISTER)
        await value_or_error(tago.data.send(DEVICE_ID, REGISTER))

    assert [BY_ID, TOKENS, OWN] * 2 == seen(server)
    assert_quiet(caught.value, FIRST, TOKEN)


@pytest.mark.parametrize("answer", [refused(400, "Device is deactivated"), http(502), ok([])])
async def test_other_failures_end_it(answer: bytes) -> None:
    """Only a refusal says that nothing was taken: nothing else is sent in another way."""
    async with ScriptedServer(lambda _: answer) as server, client(server.url) as tago:
        with pytest.raises(Exception, match="POST /data"):
            await tago.data.send(DEVICE_ID, REGISTER)

    assert [BY_ID] == seen(server)


# --- a token that is given ---------------------------------------------------------------------


@pytest.mark.parametrize("given", [FIRST, Secret(FIRST)])
async def test_a_given_token_is_used(given: str | Secret) -> None:
    """A caller that has the device's token needs one request."""
    async with ScriptedServer(Service()) as server, client(server.url) as tago:
        assert 1 == await tago.data.send(DEVICE_ID, REGISTER, token=given)

    assert [OWN] == seen(server)
    assert FIRST == server.received[0].headers["authorization"]


async def test_a_given_token_that_is_refused_is_not_shown() -> None:
    """The service repeats it; the error does not, and no other way is tried."""
    service = Service(
        {DEVICE_ID: [token(SECOND)]}, closed=(ODD,), refusal=refused(401, f"No: {ODD}")
    )
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(AuthenticationError) as caught:
            await tago.data.send(DEVICE_ID, REGISTER, token=ODD)

    assert [OWN] == seen(server)
    assert_quiet(caught.value, ODD)


@pytest.mark.parametrize("given", ["", "a b", "a\nX-Evil: 1", "tökén"])
async def test_what_can_be_no_token_is_refused(given: str) -> None:
    """What could end a header is not sent, and not repeated."""
    async with ScriptedServer(Service()) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.data.send(DEVICE_ID, REGISTER, token=given)

    assert "token" == caught.value.path
    assert [] == server.received
    if given:
        assert_quiet(caught.value, given)


async def test_a_plan_that_does_not_include_it() -> None:
    """A refusal that is not about the token is reported as it is."""
    service = Service({DEVICE_ID: [token(FIRST, "read")]}, refusal=refused(403, "Not on this plan"))
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(PermissionDeniedError, match="Not on this plan"):
            await tago.data.send(DEVICE_ID, REGISTER)


async def test_a_deactivated_device() -> None:
    """The service's word for it comes through from the device's own route too."""

    def script(request: Received) -> bytes:
        if request.headers["authorization"] == FIRST:
            return refused(400, "Device is deactivated")
        return Service({DEVICE_ID: [token(FIRST)]})(request)

    async with ScriptedServer(script) as server, client(server.url) as tago:
        with pytest.raises(BadRequestError, match="deactivated"):
            await tago.data.send(DEVICE_ID, REGISTER)
