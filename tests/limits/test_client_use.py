"""How a client meets the scheduler where something is unusual: loops, values, answers, ends."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from math import nan
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import aiohttp
import pytest

from tagodev import ClosedError, DeviceCreate, InputError, RetryPolicy, Tago, TagoDevice
from tagodev._limits.ledger.shared import SharedLedger
from tagodev._retry import Safety
from tagodev._transport import Answer
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.errors import ServerError
from tests.limits.jumping import in_virtual_time, run_virtually
from tests.limits.leasing import MemoryStore
from tests.limits.ledger.test_shared import FickleLedger
from tests.limits.lifecycle import World

if TYPE_CHECKING:
    from pathlib import Path

DATE = "Tue, 24 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize("option", ["max_wait", "timeout"])
@pytest.mark.parametrize("seconds", [nan, -1.0])
def test_a_time_that_is_none_is_refused(option: str, seconds: float) -> None:
    """It is an error of the caller that says which value is wrong; nothing is sent."""
    world = World(10, seed=1)
    options: Any = {option: seconds}

    async def call() -> None:
        async with world.client() as tago:
            with pytest.raises(InputError, match="must be seconds"):
                await tago.devices.info("a" * 24, **options)

    with world.answering():
        run_virtually(call(), world.clock)
    assert not world.services


def test_another_loop_is_refused() -> None:
    """A client that another thread's loop uses raises an error that says what to do."""

    async def both() -> BaseException | None:
        caught: list[BaseException] = []
        async with (
            Emulator(EmulatorOptions()) as emulator,
            Tago(emulator.token, api=emulator.url, plan="scale") as tago,
        ):

            async def call() -> None:
                await tago.devices.info("a" * 24)

            def use() -> None:
                try:
                    asyncio.run(call())
                except BaseException as error:  # noqa: BLE001  (handed to the test)
                    caught.append(error)

            thread = threading.Thread(target=use)
            thread.start()
            await asyncio.to_thread(thread.join)
        return caught[0]

    error = asyncio.run(both())
    assert isinstance(error, ClosedError)
    assert "another event loop" in str(error)
    assert "Open a client in each loop" in error.hint


@in_virtual_time
async def test_the_time_is_not_asked_for_twice() -> None:
    """A request that is the one that asks for the time needs no other before it."""
    options = EmulatorOptions(plan="free", max_devices=50)
    async with Emulator(options) as emulator:
        async with Tago(emulator.token, api=emulator.url, plan="free") as tago:
            created = await tago.devices.create(DeviceCreate(name="x"))
        ledger = FickleLedger(MemoryStore())
        async with TagoDevice(created.token, api=emulator.url, plan="free", ledger=ledger) as one:
            await one.info()
        stats = emulator.stats()
    assert 1 == stats["routes"]["GET /info"]["accepted"]


@in_virtual_time
async def test_a_client_that_is_cancelled_while_it_closes() -> None:
    """Session and ledger are closed all the same."""
    ledger = FickleLedger(MemoryStore())
    async with Emulator(EmulatorOptions(plan="free")) as emulator:
        tago = Tago(emulator.token, api=emulator.url, plan="free", ledger=ledger)
        await tago.__aenter__()
        closing = aiohttp.ClientSession.close

        async def hang(session: aiohttp.ClientSession) -> None:
            await closing(session)
            await asyncio.sleep(60)

        with patch.object(aiohttp.ClientSession, "close", hang):
            leaving = asyncio.create_task(tago.__aexit__(None, None, None))
            await asyncio.sleep(1.0)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        assert leaving.cancelled()
        assert not ledger._open
        assert tago._own_session is not None
        assert tago._own_session.closed


@in_virtual_time
async def test_no_more_at_once_than_a_given_session_has_connections() -> None:
    """A connector that is smaller than `concurrency` bounds what is in flight."""
    for connector, expected in (
        (partial(aiohttp.TCPConnector, limit=2), 2),
        (partial(aiohttp.TCPConnector, limit=50, limit_per_host=3), 3),
        (partial(aiohttp.TCPConnector, limit=0), 32),
    ):
        async with aiohttp.ClientSession(connector=connector()) as session:
            tago = Tago("p-x", plan="free", session=session)
            assert expected == tago._concurrency


def test_a_failing_lease_task_begins_again() -> None:
    """Whatever goes wrong in it, requests get an error or a permit, and never wait for ever."""
    world = World(60, seed=1)

    async def calls() -> list[bool]:
        async with world.client(world.ledger("store", _NOWHERE)) as tago:
            (shared,) = _opened(tago)._open
            client = shared._lease_client
            take, fails = client.take, iter([True])

            def fail_once(*args: Any) -> float:
                if next(fails, False):
                    msg = "oops"
                    raise RuntimeError(msg)
                return take(*args)

            cast("Any", client).take = fail_once
            return [await asyncio.wait_for(world.create(tago), 120) for _ in range(2)]

    with world.answering():
        assert run_virtually(calls(), world.clock)[1]


def _opened(tago: Tago) -> SharedLedger:
    ledger = tago._ledger
    assert isinstance(ledger, SharedLedger)
    return ledger


_NOWHERE: Path = None  # type: ignore[assignment]  # a store in memory needs no folder


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 0.25, 0.5), (0.0, 0.25, 0.5), (30.0, 30.0, 30.5)]
)
def test_a_503_says_when_to_try_again(asked: float | None, least: float, most: float) -> None:
    """It is tried no earlier than the service asks, and not long after."""
    error = ServerError("down", status=503)
    error.retry_after = asked
    delay = RetryPolicy().delay(error, Safety.READ, 1)
    assert delay is not None
    assert least <= delay <= most


def test_a_503_that_asks_for_an_hour_is_final() -> None:
    """Nobody waits that long for one request."""
    error = ServerError("down", status=503)
    error.retry_after = 3600.0
    assert RetryPolicy().delay(error, Safety.READ, 1) is None


@pytest.mark.parametrize(
    ("body", "headers", "evidence"),
    [
        (b'{"status":true}', {}, True),
        (b"[]", {}, True),
        (b'{"status":true}', {"Age": "0"}, False),
        (b"<html>", {}, False),
        (b"", {}, False),
    ],
)
def test_only_the_service_shows_its_time(
    body: bytes, headers: dict[str, str], evidence: bool
) -> None:
    """A date of a cache, with an Age, or of a proxy's page is no evidence."""
    answer = Answer(200, body, {"Date": DATE, **headers})
    assert evidence == (answer.date() is not None)
