"""The client: what it refuses, opens, hands out and closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tagodev import (
    ClosedError,
    ConfigurationError,
    ConnectError,
    DeviceCreate,
    HardLimits,
    JournalError,
    RetryPolicy,
    Secret,
    Tago,
)
from tagodev._address import REGIONS
from tagodev._bulk.journal.entry import JournalInfo
from tagodev._bulk.journal.store import Journal
from tests.support.answers import created, ok
from tests.support.clients import DEVICE_ID, PLENTY, TOKEN, client
from tests.support.servers import Received, Reply, ScriptedServer, in_turn, refused_port

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = {"id": DEVICE_ID, "name": "x"}


def made(token: Any = TOKEN, **options: Any) -> Tago:
    """Return a client with these settings, which is not opened."""
    return Tago(token, **{"plan": "free", **options})


def refusal(*args: Any, **options: Any) -> ConfigurationError:
    """Return the error that a client with these settings ends in."""
    with pytest.raises(ConfigurationError) as caught:
        made(*args, **options)
    assert TOKEN not in str(caught.value)
    return caught.value


# --- the token ---------------------------------------------------------------------------------


async def test_token_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument it is ``TAGOIO_TOKEN``."""
    monkeypatch.setenv("TAGOIO_TOKEN", "from-outside")
    async with (
        ScriptedServer(in_turn(ok(DEVICE))) as server,
        client(server.url, token=None) as tago,
    ):
        await tago.devices.info(DEVICE_ID)

    assert "from-outside" == server.received[0].headers["authorization"]


@pytest.mark.parametrize("token", [TOKEN, Secret(TOKEN)])
async def test_token_of_an_argument_goes_first(
    monkeypatch: pytest.MonkeyPatch, token: str | Secret
) -> None:
    """An argument, text or `Secret`, counts more than the environment."""
    monkeypatch.setenv("TAGOIO_TOKEN", "from-outside")
    async with (
        ScriptedServer(in_turn(ok(DEVICE))) as server,
        client(server.url, token=token) as tago,
    ):
        await tago.devices.info(DEVICE_ID)

    assert TOKEN == server.received[0].headers["authorization"]


def test_no_token_is_refused() -> None:
    """Without a token the error says where one may come from."""
    assert "TAGOIO_TOKEN" in str(refusal(None))


@pytest.mark.parametrize("token", ["", Secret("")])
def test_empty_token_is_refused(monkeypatch: pytest.MonkeyPatch, token: str | Secret) -> None:
    """An explicit nothing is not replaced by the environment's."""
    monkeypatch.setenv("TAGOIO_TOKEN", TOKEN)
    refusal(token)


@pytest.mark.parametrize(
    "token", ["a b", "a\n", "a\r\nX-Evil: 1", "tökén", "\t", "a\0b", "\x7f", "a\u2028b", "\ud800"]
)
def test_token_with_odd_characters_is_refused(token: str) -> None:
    """What could end a header, or be lost on the way, is no token, and is not repeated."""
    error = refusal(token)

    assert token not in str(error)
    assert repr(token)[1:-1] not in str(error)


# --- the address -------------------------------------------------------------------------------


def test_default_is_the_us_region() -> None:
    """Nothing said is ``us-e1``."""
    assert "https://api.us-e1.tago.io" == made().base_url


@pytest.mark.parametrize("region", REGIONS)
def test_regions(region: str) -> None:
    """Each region has its address, over https."""
    assert REGIONS[region] == made(region=region).base_url
    assert made(region=region).base_url.startswith("https://api.")


def test_old_name_of_a_region() -> None:
    """``usa-1`` is what ``us-e1`` was called."""
    assert made(region="us-e1").base_url == made(region="usa-1").base_url


@pytest.mark.parametrize("region", ["", "mars", "US-E1", "eu"])
def test_unknown_region_is_refused(region: str) -> None:
    """The error names those there are."""
    assert "eu-w1" in refusal(region=region).hint


@pytest.mark.parametrize(
    ("expected", "api"),
    [
        ("https://api.0123456789ab.tagoio.net", "https://api.0123456789ab.tagoio.net"),
        ("https://api.example", "https://api.example/"),
        ("https://api.example:8443", "https://api.example:8443"),
        ("https://api.example/prefix", "https://api.example/prefix/"),
        ("http://127.0.0.1:8899", "http://127.0.0.1:8899"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("http://127.9.9.9:1", "http://127.9.9.9:1"),
    ],
)
def test_address_by_argument(expected: str, api: str) -> None:
    """Any https address, and plain http to this machine."""
    assert expected == made(api=api).base_url


@pytest.mark.parametrize(
    "api",
    [
        "",
        "api.tago.io",
        "//api.tago.io",
        "ftp://api.tago.io",
        "https://",
        "https:///device",
        "https://user@api.tago.io",
        "https://user:word@api.tago.io",
        "https://api.tago.io?x=1",
        "https://[",
        "https://api.tago.io:99999",
        "https://api.tago.io:x",
    ],
)
def test_what_is_no_address_is_refused(api: str) -> None:
    """An address is a scheme and a host; what is more or less is refused."""
    refusal(api=api)


@pytest.mark.parametrize(
    "api",
    [
        "http://api.us-e1.tago.io",
        "http://192.168.1.7:8899",
        "http://0.0.0.0:1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://[2001:db8::1]:1",
        "HTTP://API.TAGO.IO",
    ],
)
def test_plain_http_is_refused_off_this_machine(api: str) -> None:
    """Over plain http everyone on the way reads the token."""
    assert "token" in str(refusal(api=api))


def test_plain_http_may_be_asked_for() -> None:
    """Plain http to another machine needs allow_http=True."""
    tago = made(api="http://192.168.1.7:8899", allow_http=True)

    assert "http://192.168.1.7:8899" == tago.base_url


def test_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TAGOIO_API`` is the address, unless an address or a region was given."""
    monkeypatch.setenv("TAGOIO_API", "https://api.example/")

    assert "https://api.example" == made().base_url
    assert "https://other.example" == made(api="https://other.example").base_url
    assert REGIONS["eu-w1"] == made(region="eu-w1").base_url


def test_empty_address_of_the_environment_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing is not set."""
    monkeypatch.setenv("TAGOIO_API", "")

    assert REGIONS["us-e1"] == made().base_url


def test_address_of_the_environment_is_held_to_the_same_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Plain http from outside is refused like any other."""
    monkeypatch.setenv("TAGOIO_API", "http://api.example")
    refusal()


def test_address_goes_before_the_region() -> None:
    """An explicit address counts more than an explicit region."""
    assert "https://a.example" == made(api="https://a.example", region="eu-w1").base_url


# --- limits and the rest -----------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["enterprise", "", "Scale", None, 5])
def test_unknown_plan_is_refused(plan: object) -> None:
    """The error names the plans there are, and the way out."""
    error = refusal(plan=plan)

    assert "scale" in error.hint
    assert "HardLimits" in error.hint


async def test_a_plans_limits_are_in_force() -> None:
    """What was chosen is what ``limits`` reports."""
    async with client("http://127.0.0.1:9", plan="scale") as tago:
        assert HardLimits.for_plan("scale") == tago.limits.documented
        assert () == tago.limits.snapshot()


@pytest.mark.parametrize("api", ["https://api.tago.io", "http://192.168.1.7"])
def test_short_minute_is_refused_off_this_machine(api: str) -> None:
    """TagoIO's minute has sixty seconds: another one is for an emulator here."""
    plan = HardLimits.for_plan("free", minute=6)
    error = refusal(api=api, plan=plan, allow_http=True)

    assert "minute=6" in str(error)


@pytest.mark.parametrize("minute", [0.5, 6, 120])
def test_short_minute_is_taken_on_this_machine(minute: float) -> None:
    """On loopback any window goes."""
    tago = made(api="http://127.0.0.1:1", plan=HardLimits.for_plan("free", minute=minute))

    assert "http://127.0.0.1:1" == tago.base_url


@pytest.mark.parametrize("concurrency", [0, -1, 1001])
def test_odd_concurrency_is_refused(concurrency: int) -> None:
    """From one to a thousand requests at once."""
    assert "concurrency" in str(refusal(concurrency=concurrency))


@pytest.mark.parametrize("minute", [0, -1.0, float("nan")])
def test_odd_minute_is_refused(minute: float) -> None:
    """A window has a length in seconds."""
    assert "minute" in str(refusal(minute=minute, api="http://127.0.0.1:9"))


@pytest.mark.parametrize("option", ["pacing", "cold_start"])
def test_odd_choice_is_refused(option: str) -> None:
    """The error names what there is to choose from."""
    error = str(refusal(**{option: "fast"}))

    assert f"{option} is one of " in error
    assert "not 'fast'" in error


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_odd_timeout_is_refused(timeout: float) -> None:
    """A timeout is a number of seconds."""
    assert "timeout" in str(refusal(timeout=timeout))


# --- open, closed ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["devices", "tokens", "limits"])
def test_not_open(part: str) -> None:
    """Before it is entered, a client hands out nothing and says how to use it."""
    with pytest.raises(ClosedError, match="async with"):
        getattr(made(), part)


async def test_entered_once() -> None:
    """A client is used once, also after it was closed."""
    tago = made()
    async with tago:
        with pytest.raises(ClosedError):
            await tago.__aenter__()
    with pytest.raises(ClosedError):
        async with tago:
            pass


async def test_left_before_entered() -> None:
    """Leaving a client that was never entered does nothing."""
    await made().__aexit__(None, None, None)


async def test_own_session_is_closed() -> None:
    """The session that a client opened it closes, and its connections with it."""
    async with ScriptedServer(in_turn(ok(DEVICE))) as server:
        async with client(server.url) as tago:
            await tago.devices.info(DEVICE_ID)
            session = tago._own_session
            assert session is not None
            assert not session.closed

        assert session.closed


async def test_given_session_stays_open() -> None:
    """A session that its owner gave is used, and left open."""
    async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
        async with (
            ScriptedServer(in_turn(ok(DEVICE))) as server,
            client(server.url, session=session) as tago,
        ):
            await tago.devices.info(DEVICE_ID)

        assert not session.closed
        assert "yes" == server.received[0].headers["x-mine"]


async def test_given_session_stays_open_where_opening_fails() -> None:
    """A client that can't be opened leaves a session alone that it did not open."""
    async with aiohttp.ClientSession() as session:
        with refused_port() as port, pytest.raises(ConnectError):
            async with client(f"http://127.0.0.1:{port}", plan="auto", session=session):
                pass

        assert not session.closed


async def test_given_session_that_is_closed() -> None:
    """A session that its owner closed is an error of ours."""
    session = aiohttp.ClientSession()
    await session.close()
    async with client("http://127.0.0.1:9", session=session) as tago:
        with pytest.raises(ClosedError):
            await tago.devices.info(DEVICE_ID)


async def test_given_session_that_resends_does_not() -> None:
    """The rule of one count holds in a session of another's making too."""
    script = in_turn(ok(DEVICE), Reply(then="reset"))
    async with ScriptedServer(script) as server, aiohttp.ClientSession() as session:
        policy = RetryPolicy(attempts=1)
        async with client(server.url, session=session, retry=policy) as tago:
            await tago.devices.info(DEVICE_ID)
            with pytest.raises(Exception, match="connection ended"):
                await tago.devices.info(DEVICE_ID)

    assert 2 == len(server.received)


async def test_closing_wakes_those_who_wait_for_their_turn() -> None:
    """A caller that waits for budget when the client is closed gets an error at once."""
    limits = HardLimits("one", {}, default=1, minute=3600)
    async with ScriptedServer(in_turn(ok(DEVICE))) as server:
        async with client(server.url, plan=limits) as tago:
            await tago.devices.info(DEVICE_ID)
            waiting = [asyncio.create_task(tago.devices.info(DEVICE_ID)) for _ in range(3)]
            await asyncio.sleep(0)
        results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [ClosedError] * 3 == [type(result) for result in results]
    assert 1 == len(server.received)


async def test_closing_ends_runs() -> None:
    """A bulk run that is going on when its client is closed ends, and its reader gets an error."""
    arrived = asyncio.Event()

    async def script(request: Received) -> Reply:
        if request.number == 3:
            arrived.set()
            return Reply(then="hang")
        return Reply(created(request.number))

    watched: list[object] = []

    async def watch(run: Any) -> None:
        async with run:
            async for outcome in run:
                watched.append(outcome)  # noqa: PERF401  (what came before the error is kept)

    async with ScriptedServer(script) as server:
        async with client(server.url, concurrency=1) as tago:
            run = tago.devices.create_many(DeviceCreate(name=f"{n}") for n in range(100))
            watcher = asyncio.create_task(watch(run))
            await arrived.wait()
        with pytest.raises(ClosedError, match="closed"):
            await watcher

    assert 2 == len(watched)
    assert 3 == len(server.received)
    assert not tago._running


async def test_a_journal_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A journal of work that this version does not know is named, and nothing is sent."""
    path = tmp_path / "site.journal"
    async with ScriptedServer(in_turn(ok(DEVICE))) as server, client(server.url) as tago:
        info = JournalInfo(run="", kind="paint_devices", options={}, service=server.url)
        Journal.create(path, info).close()
        with pytest.raises(JournalError, match="unknown operation paint_devices") as caught:
            await tago.resume(path)

    assert str(path) == caught.value.journal
    assert [] == server.received


async def test_closing_an_idle_client_is_enough() -> None:
    """Leaving ends everything: no task of the client is left behind."""
    async with ScriptedServer(in_turn(created(1))) as server:
        before = asyncio.all_tasks()
        async with (
            client(server.url, plan=PLENTY) as tago,
            tago.devices.create_many([DeviceCreate(name="x")] * 5) as run,
        ):
            async for _ in run:
                break
        left = {task for task in asyncio.all_tasks() - before if "bulk" in task.get_name()}

    assert set() == left


@pytest.mark.parametrize("value", ["p-not-shown", TOKEN])
def test_client_does_not_show_its_token(value: str) -> None:
    """Printing a client, or what it holds, shows no token."""
    tago = made(value)

    assert value not in repr(tago)
    assert value not in repr(vars(tago))
