"""A downlink goes to the middleware of the device's network, and no token of ours with it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

from tagodev import (
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    ConnectorCreate,
    DeviceCreate,
    InputError,
    NetworkCreate,
    NetworkEdit,
    NetworkTokenCreate,
    RedirectError,
    ServerError,
    Tago,
    TagoError,
)
from tagodev._resources.requests import downlink
from tagodev.emulator import Emulator
from tests.support.answers import http, refused
from tests.support.clients import client
from tests.support.leaks import assert_quiet
from tests.support.servers import Reply, ScriptedServer, in_turn, refused_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERIAL = "A1B2C3"


@attrs.frozen
class Site:
    """A device of a network whose middleware is a scripted server."""

    tago: Tago
    device: str
    network: str
    authorization: str
    profile_token: str
    middleware: ScriptedServer


@asynccontextmanager
async def site(*replies: Any, resolved: bool = True) -> AsyncIterator[Site]:
    """Give one whose device has had an uplink, unless it is not resolved."""
    async with (
        ScriptedServer(in_turn(*(replies or (http(200, b"Accepted"),)))) as middleware,
        Emulator() as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        endpoint = middleware.url.removeprefix("http://")
        spec = NetworkCreate(name="Ours", middleware_endpoint=endpoint)
        network = (await tago.networks.create(spec)).network
        connector = await tago.connectors.create(ConnectorCreate(name="Ours", networks=[network]))
        device = await tago.devices.create(
            DeviceCreate(
                name="Probe", network=network, connector=connector.connector, serie_number=SERIAL
            )
        )
        authorization = emulator.tokens_by_kind["authorization"]
        if resolved:
            token = await tago.network_tokens.create(network, NetworkTokenCreate("server"))
            async with client(emulator.url, token=token.token) as server:
                await server.tokens.resolve(SERIAL, authorization)
        yield Site(tago, device.device_id, network, authorization, emulator.token, middleware)


async def test_what_is_sent() -> None:
    """The middleware gets the message, with the authorization of the uplink as its only token."""
    async with site() as one:
        await one.tago.devices.send_downlink(one.device, "01A0", port=7, confirmed=True)
        await one.tago.devices.send_downlink(one.device, "02")
        parameters = await one.tago.parameters.list(one.device)

    first, second = one.middleware.received
    assert ["POST /downlink"] * 2 == one.middleware.seen()
    assert {
        "device": SERIAL,
        "authorization": one.authorization,
        "payload": "01A0",
        "port": 7,
        "confirmed": True,
    } == orjson.loads(first.body)
    message = orjson.loads(second.body)
    assert ("02", 1, False) == (message["payload"], message["port"], message["confirmed"])
    # Set once, and edited then.
    assert [("downlink", "02"), ("port", "1")] == [(one.key, one.value) for one in parameters]
    for request in (first, second):
        assert one.authorization == request.headers["authorization"]
        assert one.profile_token not in f"{request.headers} {request.target} {request.body!r}"


@pytest.mark.parametrize(
    ("reply", "error", "acted"),
    [
        (refused(400, "Authorization is missing"), BadRequestError, False),
        (http(302, b"", location="http://127.0.0.1:9/"), RedirectError, False),
        (refused(503, "overloaded"), ServerError, True),
        (Reply(then="reset"), ConnectionLostError, True),
    ],
)
async def test_a_failure_of_the_middleware(reply: Any, error: type[Any], acted: bool) -> None:
    """It is sent once; the error names the middleware and says whether it may have acted."""
    async with site(reply) as one:
        with pytest.raises(error) as caught:
            await one.tago.devices.send_downlink(one.device, "01")

    assert 1 == len(one.middleware.received)
    assert "POST /downlink" == caught.value.route
    assert acted == caught.value.may_have_acted
    if not isinstance(reply, Reply):
        assert "The middleware at http://127.0.0.1:" in caught.value.message
        assert "api=" not in caught.value.hint
    assert ("verification code" in caught.value.hint) == (error is BadRequestError)
    assert_quiet(caught.value, one.authorization, one.profile_token)


async def test_a_middleware_that_is_not_there() -> None:
    """Nothing was sent, and the error says so."""
    async with site() as one:
        with refused_port() as port:
            gone = NetworkEdit(middleware_endpoint=f"127.0.0.1:{port}")
            await one.tago.networks.edit(one.network, gone)
            with pytest.raises(ConnectError) as caught:
                await one.tago.devices.send_downlink(one.device, "01")

    assert not caught.value.may_have_acted
    assert_quiet(caught.value, one.authorization, one.profile_token)


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        (None, "no middleware endpoint"),
        ("", "no middleware endpoint"),
        ("https://lora.example.com", "invalid middleware endpoint"),
        ("user@lora.example.com", "invalid middleware endpoint"),
        ("lora.example.com?x=1", "invalid middleware endpoint"),
        ("lora.example.com#x", "invalid middleware endpoint"),
        ("lora.example.com\r\nx: y", "invalid middleware endpoint"),
        ("lora example.com", "invalid middleware endpoint"),
    ],
)
async def test_an_endpoint_that_leads_elsewhere(endpoint: Any, problem: str) -> None:
    """Nothing is set or sent for a network without a middleware, or with an odd address of it."""
    async with site() as one:
        await one.tago.networks.edit(one.network, NetworkEdit(middleware_endpoint=endpoint))
        with pytest.raises(InputError, match=problem) as caught:
            await one.tago.devices.send_downlink(one.device, "01")
        assert [] == await one.tago.parameters.list(one.device)

    assert "device_id" == caught.value.path
    assert [] == one.middleware.received


async def test_a_device_without_an_uplink() -> None:
    """Only an uplink says which authorization the middleware knows the device by."""
    async with site(resolved=False) as one:
        with pytest.raises(InputError, match="no token that its network has used") as caught:
            await one.tago.devices.send_downlink(one.device, "01")

    assert "uplink" in caught.value.hint
    assert [] == one.middleware.received


async def test_arguments_that_are_refused() -> None:
    """A payload that is empty, and a port that is none."""
    async with client("http://127.0.0.1:1") as tago:
        for payload, port, path in ((" ", 1, "payload"), ("01", -1, "port"), ("01", 256, "port")):
            with pytest.raises(InputError) as caught:
                await tago.devices.send_downlink("a", payload, port=port)
            assert path == caught.value.path


async def test_https_but_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is for an emulator and a middleware that are both on this machine."""
    addresses: list[str] = []

    async def note(_: object, __: object, address: str, *___: object) -> None:
        addresses.append(address)

    async with site() as one:
        monkeypatch.setattr("tagodev._session.Session.send_elsewhere", note)
        for endpoint in ("lora.example.com/api/", "127.0.0.1:5/x", "lora.example.com:444"):
            await one.tago.networks.edit(one.network, NetworkEdit(middleware_endpoint=endpoint))
            await one.tago.devices.send_downlink(one.device, "01")
        monkeypatch.setattr(downlink, "is_loopback", lambda address: "127" not in address[:12])
        await one.tago.devices.send_downlink(one.device, "01")

    expected = ["https://lora.example.com/api", "http://127.0.0.1:5/x"]
    assert [*expected, *["https://lora.example.com:444"] * 2] == addresses


async def test_a_closed_client_sends_none() -> None:
    """Not even to somebody else."""
    async with site() as one:
        pass
    with pytest.raises((ClosedError, TagoError)):
        await one.tago.devices.send_downlink(one.device, "01")
    assert [] == one.middleware.received
