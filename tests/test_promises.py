"""The promises of the package, each proved by a test that can fail.

What stands here is promised to users; the details are tested where they are made.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import stat
import tracemalloc
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    Created,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    HardLimits,
    RequestError,
    RetryPolicy,
    ServiceError,
    TagoError,
    TokenCreate,
)
from tagodev._bulk import engine
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._serialization.converter import from_json
from tagodev.emulator import Emulator, EmulatorOptions
from tests.support.answers import created, http, ok
from tests.support.clients import DEVICE_ID, TOKEN, client, value_or_error
from tests.support.leaks import assert_quiet
from tests.support.servers import Received, Reply, ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev import BulkRun, Tago


def rows(number: int) -> Iterator[DeviceCreate]:
    """Return devices to make."""
    return (DeviceCreate(name=f"sensor-{n}") for n in range(number))


# --- no throttling -----------------------------------------------------------------------------


@pytest.mark.parametrize(("clock_offset", "latency"), [(0.0, 0.05), (37.0, 0.0), (-90.4, 0.02)])
async def test_no_throttling(clock_offset: float, latency: float) -> None:
    """Not one 429 for a lone client, whatever the server's clock shows, from first to last."""
    limit = 10
    wanted = 2 * limit + limit // 2
    options = EmulatorOptions(
        plan="free", minute=2, clock_offset=clock_offset, latency=latency, max_devices=wanted
    )
    async with Emulator(options) as emulator:
        plan = HardLimits.for_plan("free", minute=2)
        async with client(emulator.url, token=emulator.token, plan=plan) as tago:
            report = await tago.devices.create_many(rows(wanted))
            (state,) = tago.limits.snapshot()
        stats = emulator.stats()

    assert wanted == report.done == stats["created"] == stats["accepted"]
    assert 0 == stats["rejected"] == state.rejected
    assert limit >= max(window["accepted"] for window in stats["routes"]["POST /device"]["windows"])


async def test_no_throttling_of_several_routes_at_once() -> None:
    """Every route is held to its own limit, whatever the others do."""
    plan = HardLimits.for_plan("free", minute=0.5)
    options = EmulatorOptions(plan="free", minute=0.5, max_devices=20)
    async with Emulator(options) as emulator:
        async with client(emulator.url, token=emulator.token, plan=plan) as tago:
            made: list[str] = []
            async with tago.devices.create_many(rows(15)) as run:
                async for outcome in run:
                    assert isinstance(outcome, Created)
                    made.append(outcome.result.device_id)
            reads = [tago.devices.info(made[n % 15]) for n in range(120)]
            edits = [tago.devices.edit(one, DeviceEdit(active=False)) for one in made]
            await asyncio.gather(*reads, *edits, tago.devices.delete_many([]))
            await tago.devices.delete_many(made)
        stats = emulator.stats()

    assert (15, 15, 0) == (stats["created"], stats["deleted"], stats["rejected"])


# --- exactly once ------------------------------------------------------------------------------


async def test_exactly_once(tmp_path: Path) -> None:
    """Ended again and again, and answers lost all the while: a device a row, its token known."""
    wanted = 120
    journal = tmp_path / "once.journal"
    options = EmulatorOptions(
        faults={
            "POST /device:reset-before": 0.1,
            "POST /device:reset-after-commit": 0.1,
            "POST /device:http-502-html": 0.05,
            "GET /device:http-502-html": 0.2,
            "GET /device/token/:device_id:reset-before": 0.2,
        }
    )
    quick = RetryPolicy(attempts=4, first_delay=0.01)
    async with Emulator(options) as emulator:
        for taken in (1, 10, 30, 60, wanted):
            async with client(emulator.url, token=emulator.token, retry=quick) as tago:
                run = tago.devices.create_many(rows(wanted), journal=journal, settle=0.1)
                await _taken(run, taken)
        stats = emulator.stats()
        held = {
            device.name: [device.id, *device.tokens]
            for device in emulator._service.store.devices.values()
        }

    assert wanted == stats["created"] == stats["devices"]
    assert {} == stats["duplicates"]
    assert 0 == stats["rejected"]
    assert stats["faults"]["reset-after-commit"]
    assert _written(journal) == held


async def _taken(run: BulkRun[DeviceCreate], outcomes: int) -> None:
    """Take so many outcomes of a run and leave it, with whatever is on its way."""
    async with run:
        async for outcome in run:
            assert isinstance(outcome, Created)
            outcomes -= 1
            if not outcomes:
                break


def _written(journal: Path) -> dict[str, list[str]]:
    """Return name, id and token of each device as a journal has them."""
    with Journal.read(journal) as read:
        entries = list(read.rows(EntryState.DONE))
    made = [
        (from_json(entry.payload, DeviceCreate), from_json(entry.result or b"", DeviceCreated))
        for entry in entries
    ]
    return {spec.name: [result.device_id, result.token.reveal()] for spec, result in made}


# --- bounded -----------------------------------------------------------------------------------


@pytest.mark.parametrize("journalled", [False, True])
async def test_bounded(journalled: bool, tmp_path: Path) -> None:
    """Twenty times the rows take no more memory: what a run holds does not grow with them."""
    tracemalloc.start()
    try:
        peaks = []
        for turn, number in enumerate((100, 100, 2000)):
            gc.collect()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            await _create(number, tmp_path / f"{turn}" if journalled else None)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    # The first run fills caches.
    _, few, many = peaks

    assert many < few + 100_000


async def _create(number: int, journal: Path | None) -> None:
    async with ScriptedServer(lambda request: created(1)) as server:
        # The server's own notes are no part of what is measured.
        server.received = _Forgetful()
        async with client(server.url, concurrency=8) as tago:
            report = await tago.devices.create_many(rows(number), journal=journal)
    assert number == report.done


class _Forgetful(list[Any]):
    """A list that stays empty."""

    def append(self, _: Any) -> None:
        """Forget it."""


async def test_bounded_whatever_is_cancelled() -> None:
    """Cancelling callers at every moment leaks no place: all of them are free at the end."""
    async with (
        ScriptedServer(lambda request: created(1)) as server,
        client(server.url, concurrency=4) as tago,
    ):
        for steps in range(40):
            calls = [asyncio.create_task(tago.devices.create(row)) for row in rows(8)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        (state,) = tago.limits.snapshot()
        assert (0, 0) == (state.in_flight, state.waiting)
        async with asyncio.timeout(10):
            assert 20 == (await tago.devices.create_many(rows(20))).done


# --- quiet about secrets -----------------------------------------------------------------------

DOOMED = "0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"


async def everything(tago: Tago) -> list[TagoError]:
    """Make every call that there is, and return how each failed."""
    calls = [
        tago.devices.create(DeviceCreate(name="x")),
        tago.devices.info(DEVICE_ID),
        tago.devices.list().collect(),
        tago.devices.edit(DEVICE_ID, DeviceEdit(active=True)),
        tago.devices.delete(DEVICE_ID),
        tago.tokens.create(DEVICE_ID, TokenCreate("x")),
        tago.tokens.list(DEVICE_ID).collect(),
        tago.tokens.delete(DOOMED),
        tago.devices.create_many(rows(3)).__await__(),
        tago.devices.delete_many([DEVICE_ID] * 3).__await__(),
    ]
    outcomes = await asyncio.gather(*map(_awaited, calls), return_exceptions=True)
    return [outcome for outcome in outcomes if isinstance(outcome, TagoError)]


async def _awaited(call: Any) -> Any:
    return await (_Iterated(call) if not hasattr(call, "__await__") else call)


class _Iterated:
    """Something to await, from the iterator that awaiting it goes through."""

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def __await__(self) -> Any:
        return self._steps


ECHO = f"Invalid token: {TOKEN}; {DOOMED}".encode()
TROUBLES = {
    "lost": Reply(then="reset"),
    "cut short": Reply(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" + ECHO, then="close"),
    "no HTTP": Reply(ECHO + b"\r\n\r\n", then="close"),
    "odd header": Reply(b"HTTP/1.1 200 OK\r\n" + ECHO + b"\0: x\r\n\r\n", then="close"),
    "silent": Reply(then="hang"),
    **{
        f"refused {status}": Reply(
            http(status, b'{"status": false, "message": "' + ECHO + b'"}', x_echo=TOKEN)
        )
        for status in (200, 400, 401, 403, 404, 500, 502)
    },
    "redirected": Reply(http(302, ECHO, location=f"http://127.0.0.1:1/{TOKEN}/{DOOMED}")),
    "malformed": Reply(http(200, ECHO)),
    "no result": Reply(http(200, b'{"status": true, "token": "' + ECHO + b'"}')),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_quiet_about_secrets(trouble: Reply, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails, no error, cause, traceback with variables or log line shows a token."""
    caplog.set_level(logging.DEBUG)
    once = RetryPolicy(attempts=2, first_delay=0.0)
    async with (
        ScriptedServer(in_turn(trouble)) as server,
        client(server.url, retry=once, timeout=0.1) as tago,
    ):
        errors = await everything(tago)

    assert errors
    for error in errors:
        assert_quiet(error, TOKEN, DOOMED)
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.args!r}"
        assert TOKEN not in shown
        assert DOOMED not in shown


@pytest.mark.parametrize("trouble", [created(7), *TROUBLES.values()], ids=["none", *TROUBLES])
async def test_quiet_about_secrets_in_journals(
    trouble: Reply | bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever fails, no file of a journalled run holds the token, nor may others read them."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(engine, "_MAX_ROUNDS", 2)
    shown: list[bytes] = []

    def script(request: Received) -> Reply | bytes:
        shown.extend(_private_contents(tmp_path))
        if request.method == "POST":
            return trouble
        return ok([] if request.target.startswith("/device") else {"id": "x"})

    once = RetryPolicy(attempts=1)
    path = tmp_path / "quiet.journal"
    async with (
        ScriptedServer(script) as server,
        client(server.url, retry=once, timeout=0.1, concurrency=3) as tago,
    ):
        run = tago.devices.create_many(rows(3), journal=path, settle=0.0)
        failure = await value_or_error(run)
    # The write-ahead log is gone by now; while it was there it was looked at.
    shown += _private_contents(tmp_path)

    if isinstance(failure, TagoError):
        assert_quiet(failure, TOKEN, DOOMED)
    assert any(b"sensor-0" in content for content in shown)
    for content in shown:
        assert TOKEN.encode() not in content
        assert DOOMED.encode() not in content
    for record in caplog.records:
        assert TOKEN not in f"{record.getMessage()} {record.args!r}"
    with Journal.read(path) as journal:
        known = b"".join(entry.result or b"" for entry in journal.rows())
    assert (trouble == created(7)) == (b"00000007-0000-4000" in known)


def _private_contents(folder: Path) -> list[bytes]:
    """Return what stands in the files of a folder, none of which others may read."""
    files = list(folder.iterdir())
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
    return [file.read_bytes() for file in files]


# --- typed and honest --------------------------------------------------------------------------

bodies = st.binary(max_size=40) | st.sampled_from(
    [
        b'{"status": true, "result": {"device_id": "x", "token": "t"}}',
        b'{"status": true, "result": []}',
        b'{"status": false}',
        b"<html>502 Bad Gateway</html>",
        orjson.dumps({"status": True, "result": {"id": 5, "name": None, "tags": "x"}}),
    ]
)


@given(
    # A 429 is no answer to the caller: it waits.
    status=st.integers(200, 599).filter(lambda status: status != 429),
    body=bodies,
    cut=st.none() | st.integers(0, 60),
    end=st.sampled_from(["keep", "close", "reset"]),
)
async def test_typed_and_honest(status: int, body: bytes, cut: int | None, end: Any) -> None:
    """Any answer, whole or in part, gives a value or a `TagoError` that is right about it."""
    reply = Reply(http(status, body)[:cut], then="close" if cut is not None else end)
    once = RetryPolicy(attempts=1)
    async with (
        ScriptedServer(in_turn(reply)) as server,
        client(server.url, retry=once) as tago,
    ):
        outcome = await value_or_error(tago.devices.create(DeviceCreate(name="x")))

    assert 1 == len(server.received)
    assert isinstance(outcome, DeviceCreated | RequestError)
    if isinstance(outcome, RequestError):
        refused = isinstance(outcome, ServiceError) and outcome.status < 500
        assert (not refused) == outcome.may_have_acted
        assert (1, "POST /device") == (outcome.attempts, outcome.route)
    if isinstance(outcome, ServiceError):
        assert status == outcome.status
