"""What holds across rooms: secrets in odd places, settings that can't work, doubts that stay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tagodev import (
    ConfigurationError,
    DeviceCreate,
    DeviceEdit,
    HardLimits,
    InputError,
    MalformedAnswerError,
    RetryPolicy,
    Tago,
    TagoError,
)
from tests.support.answers import http, ok, throttled
from tests.support.clients import DEVICE_ID, TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import Reply, ScriptedServer, in_turn

NEW = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"


@pytest.mark.parametrize("result", [{"token": NEW}, NEW])
async def test_malformed_result_is_not_shown(result: Any) -> None:
    """A token in an answer that does not fit is in no frame of ours."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError) as caught:
            await tago.devices.create(DeviceCreate(name="x"))
    assert_quiet(caught.value, NEW)


async def test_malformed_answer_tells_its_status() -> None:
    """The status is the answer's own, 201 for a create."""
    answer = http(201, b'{"status":true,"result":{}}')
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError) as caught:
            await tago.devices.create(DeviceCreate(name="x"))
    assert 201 == caught.value.status


@pytest.mark.parametrize(
    "wrong",
    [{"region": "mars"}, {"api": "http://x"}, {"plan": "x"}, {"concurrency": 0}, {"timeout": 0}],
)
def test_refused_setting_does_not_show_the_token(wrong: dict[str, Any]) -> None:
    """A setting that is refused does not show the token beside it."""
    with pytest.raises(ConfigurationError) as caught:
        Tago(TOKEN, **{"plan": "free", **wrong})
    assert_quiet(caught.value, TOKEN)


def test_refused_token_is_not_shown() -> None:
    """A token that is refused is not shown either."""
    odd = TOKEN + "\n"
    with pytest.raises(ConfigurationError) as caught:
        Tago(odd, plan="free")
    assert_quiet(caught.value, TOKEN)


def test_password_in_the_address_is_not_shown() -> None:
    """An address that holds a password is refused without repeating it."""
    api = "https://user:hush-hush@api.example"
    with pytest.raises(ConfigurationError) as caught:
        Tago(TOKEN, plan="free", api=api)
    assert "hush-hush" not in str(caught.value)


async def test_odd_token_of_a_deletion_is_not_shown() -> None:
    """What can't be a token is refused without repeating it."""
    odd = "hush hush/"
    async with client("http://127.0.0.1:1") as tago:
        with pytest.raises(InputError) as caught:
            await tago.tokens.delete(odd)
    assert_quiet(caught.value, odd)


@pytest.mark.parametrize(
    "api",
    [
        "https://api.example/#x",
        "https://a..b",
        "https://xn--a.invalid",
        "https://" + "x" * 70 + ".example",
    ],
)
def test_more_that_is_no_address(api: str) -> None:
    """Fragments and host names that can't be looked up are refused."""
    with pytest.raises(ConfigurationError):
        Tago(TOKEN, plan="free", api=api)


def test_endless_timeout_is_refused() -> None:
    """A timeout has an end."""
    with pytest.raises(ConfigurationError):
        Tago(TOKEN, plan="free", timeout=float("inf"))


@pytest.mark.parametrize("concurrency", [2.5, True])
def test_concurrency_is_a_whole_number(concurrency: Any) -> None:
    """Neither halves nor booleans are a number of connections."""
    with pytest.raises(ConfigurationError):
        Tago(TOKEN, plan="free", concurrency=concurrency)


def test_proxy_that_is_no_address() -> None:
    """A proxy's address is checked before anything is sent."""
    with pytest.raises(ConfigurationError):
        Tago(TOKEN, plan="free", proxy="http://[")


async def test_absurd_retry_after_does_not_close_a_route_for_years() -> None:
    """A wait beyond two windows is not believed."""
    limits = HardLimits("short", {}, default=1000, minute=0.5)
    script = in_turn(throttled(100_000_000), ok({"id": DEVICE_ID, "name": "x"}))
    async with ScriptedServer(script) as server, client(server.url, plan=limits) as tago:
        async with asyncio.timeout(3):
            await tago.devices.info(DEVICE_ID)


async def test_closing_keeps_the_doubt() -> None:
    """A write in doubt stays in doubt when the client is closed while it waits to try again."""
    first = asyncio.Event()

    def script(_: Any) -> Reply:
        first.set()
        return Reply(then="reset")

    slow = RetryPolicy(attempts=3, first_delay=0.2)
    async with ScriptedServer(script) as server:
        async with client(server.url, retry=slow) as tago:
            call = asyncio.create_task(tago.devices.edit(DEVICE_ID, DeviceEdit(active=True)))
            await first.wait()
            await asyncio.sleep(0.05)
        with pytest.raises(TagoError) as caught:
            await call
    assert getattr(caught.value, "may_have_acted", False)
