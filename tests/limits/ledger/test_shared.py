"""The ledger that many processes share, in one process: what its task does, and what it says."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    BulkStoppedError,
    ConfigurationError,
    ConnectionLostError,
    DeviceCreate,
    HardLimits,
    LedgerError,
    RedisLedger,
    RequestError,
    RetryPolicy,
    SqliteLedger,
    Tago,
)
from tagodev._limits.clock import ServerClock
from tagodev._limits.ledger.lease_store import StoreError
from tagodev._limits.ledger.shared import SharedLedger, profile_name
from tagodev._limits.settings import Settings
from tagodev._secrets import Secret
from tagodev.emulator import Emulator, EmulatorOptions
from tests.limits.jumping import in_virtual_time, run_virtually
from tests.limits.leasing import MemoryStore
from tests.support import servers
from tests.support.answers import created, http
from tests.support.redis_server import RedisServer, redis_or_skip
from tests.support.servers import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tagodev._limits.ledger.lease_store import Exchange, LeaseStore, Reply
    from tagodev._limits.scheduler import Scheduler


class Fickle:
    """A store that can be made unavailable; several ledgers may share its data."""

    def __init__(self, memory: MemoryStore) -> None:
        self.memory = memory
        self.away = False
        self.asked = 0
        self.closed = False

    async def exchange(self, exchange: Exchange) -> Reply:
        """Answer, unless it is away."""
        self.asked += 1
        if self.away:
            raise StoreError("it is out")
        return self.memory.answer(exchange)

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class FickleLedger(SharedLedger):
    """A ledger on such a store."""

    def __init__(self, memory: MemoryStore, **options: Any) -> None:
        super().__init__("fickle", **options)
        self.store = Fickle(memory)

    def make_store(self) -> Fickle:
        """Return the one store."""
        return self.store


def rows(number: int, name: str = "d") -> Iterator[DeviceCreate]:
    """Return devices to make."""
    return (DeviceCreate(name=f"{name}{n}") for n in range(number))


def service(*, minute: float = 2, clock_offset: float = 0.0) -> Emulator:
    """Return a service with the limits of the Free plan, and a short minute."""
    return Emulator(
        EmulatorOptions(plan="free", minute=minute, max_devices=100, clock_offset=clock_offset)
    )


def client(emulator: Emulator, ledger: SharedLedger) -> Tago:
    """Return a client that counts there."""
    limits = HardLimits.for_plan("free", emulator.options.minute)
    return Tago(
        emulator.token, api=emulator.url, plan=limits, ledger=ledger, timeout=1.0, transit_max=0.5
    )


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    while not holds():  # noqa: ASYNC110  (what is looked at tells nobody)
        await asyncio.sleep(0.01)


class _SleepyClock(ServerClock):
    """A clock of a machine with a given suspended time."""

    slept = 0.0

    def __init__(self, *, fleet_slack: float) -> None:
        super().__init__(fleet_slack=fleet_slack, suspended=lambda: self.slept)


@in_virtual_time
async def test_two_ledgers_of_one_store_are_never_rejected() -> None:
    """Each counts by itself in one loop, as two processes would; what they do together fits."""
    memory = MemoryStore()
    async with service(clock_offset=37.0) as emulator:

        async def work(name: str) -> int:
            async with client(emulator, FickleLedger(memory)) as tago:
                return (await tago.devices.create_many(rows(8, name))).done

        done = await asyncio.gather(work("a"), work("b"))
        stats = emulator.stats()

    assert (16, 0) == (sum(done), stats["rejected"])


@in_virtual_time
async def test_the_next_start_goes_on_with_what_is_left(tmp_path: Path) -> None:
    """A program that is started twice within a window is not rejected in the second run."""
    async with service() as emulator:
        for name in ("first", "second", "third"):
            ledger = SqliteLedger(tmp_path / "ledger.sqlite")
            async with client(emulator, ledger) as tago:
                await tago.devices.create_many(rows(5, name))
        stats = emulator.stats()

    assert (15, 0) == (stats["created"], stats["rejected"])


@in_virtual_time
async def test_what_is_left_goes_back_at_the_end() -> None:
    """A client that closes returns its unused permits."""
    memory = MemoryStore()
    async with service() as emulator, client(emulator, FickleLedger(memory)) as tago:
        await tago.devices.create(DeviceCreate(name="x"))
    held = {
        one.number: one.held
        for (name, _, _), one in memory.holdings.items()
        if name == "POST /device"
    }

    assert 0 == held[max(held)]
    assert max(held.values()) <= 1


@in_virtual_time
async def test_an_idle_process_gives_back_soon() -> None:
    """Unused permits are returned after a moment, while the client is open."""
    memory = MemoryStore()
    ledger = FickleLedger(memory)
    async with service() as emulator, client(emulator, ledger) as tago:
        await tago.devices.create_many(rows(3))
        await until(lambda: all(one.held <= 3 for one in memory.holdings.values()))
        store = ledger.store
    assert store.closed


@in_virtual_time
async def test_the_time_is_asked_for_once() -> None:
    """Clients that come and go in one process learn the service's minute from the first."""
    ledger = FickleLedger(MemoryStore())
    async with service(minute=60) as emulator:
        for number in range(3):
            async with client(emulator, ledger) as tago:
                await tago.devices.create(DeviceCreate(name=f"d{number}"))
        stats = emulator.stats()

    assert 1 == stats["routes"]["GET /info"]["accepted"]


@in_virtual_time
async def test_away_and_back(caplog: pytest.LogCaptureFixture) -> None:
    """An unavailable store is logged once; requests wait and resume by themselves."""
    ledger = FickleLedger(MemoryStore())
    ledger.store.away = True
    async with service() as emulator, client(emulator, ledger) as tago:
        working = asyncio.create_task(_made(tago, 3))
        await until(lambda: ledger.store.asked >= 4)
        assert not working.done()
        ledger.store.away = False
        assert 3 == await working
        stats = emulator.stats()
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]

    assert ["not available (it is out)", "available again"] == [
        part
        for message in told
        for part in ("not available (it is out)", "available again")
        if part in message
    ]
    assert (3, 0) == (stats["created"], stats["rejected"])


async def _made(tago: Tago, number: int) -> int:
    return (await tago.devices.create_many(rows(number))).done


@in_virtual_time
async def test_a_share_goes_while_the_store_is_away() -> None:
    """Each process goes on with its share of each window, and no more."""
    ledger = FickleLedger(MemoryStore(), away_share=0.2, processes=2)
    ledger.store.away = True
    async with service() as emulator:
        async with client(emulator, ledger) as tago:
            assert 3 == await _made(tago, 3)
        stats = emulator.stats()

    windows = [one["accepted"] for one in stats["routes"]["POST /device"]["windows"]]
    assert (0, 2) == (stats["rejected"], max(windows))


@in_virtual_time
async def test_a_store_that_is_away_for_too_long() -> None:
    """Requests that wait for it end with an error, and those that come later; nothing was sent."""
    ledger = FickleLedger(MemoryStore(), patience=0.0)
    ledger.store.away = True
    async with service() as emulator, client(emulator, ledger) as tago:
        for name in ("x", "y"):
            with pytest.raises(LedgerError, match="can't be used: it is out"):
                await tago.devices.create(DeviceCreate(name=name))
        ledger.store.away = False
        await tago.devices.create(DeviceCreate(name="z"))
        stats = emulator.stats()

    assert 1 == stats["created"]


@in_virtual_time
async def test_a_file_that_is_no_ledger(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A permanent error fails at once; a corrected file works."""
    path = tmp_path / "ledger.sqlite"
    path.write_text("something else altogether")
    async with service() as emulator, client(emulator, SqliteLedger(path)) as tago:
        with pytest.raises(LedgerError, match="not a database"):
            await tago.devices.create(DeviceCreate(name="x"))
        path.unlink()
        await tago.devices.create(DeviceCreate(name="y"))

    assert "requests wait for it" in caplog.text


@in_virtual_time
async def test_a_run_that_the_store_ends(tmp_path: Path) -> None:
    """Its rows are pending, and a journal goes on with all of them."""
    memory = MemoryStore()
    ledger = FickleLedger(memory, patience=0.0)
    ledger.store.away = True
    async with service() as emulator:
        async with client(emulator, ledger) as tago:
            run = tago.devices.create_many(rows(3), journal=tmp_path / "journal")
            with pytest.raises(BulkStoppedError) as caught:
                await run
        async with client(emulator, FickleLedger(memory)) as tago:
            report = await tago.devices.create_many(rows(3), journal=tmp_path / "journal")
        stats = emulator.stats()

    assert isinstance(caught.value.reason, LedgerError)
    assert (0, 0) == (caught.value.report.failed, caught.value.report.in_doubt)
    assert (3, 3) == (report.done, stats["created"])


@in_virtual_time
async def test_a_share_goes_on_however_long_the_store_is_away() -> None:
    """Where there is something to go on with, patience does not end."""
    ledger = FickleLedger(MemoryStore(), away_share=0.2, processes=2, patience=0.0)
    ledger.store.away = True
    async with service() as emulator, client(emulator, ledger) as tago:
        assert 2 == await _made(tago, 2)


@in_virtual_time
async def test_a_store_that_has_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and nothing is sent before earlier leases expire."""
    memory = MemoryStore()
    async with service() as emulator:
        async with client(emulator, FickleLedger(memory)) as tago:
            assert 5 == await _made(tago, 5)
            memory.forget()
            assert 10 == await _made(tago, 10)
        stats = emulator.stats()

    assert "has lost its data" in caplog.text
    assert (15, 0) == (stats["created"], stats["rejected"])


@in_virtual_time
async def test_one_that_raises_what_it_should_not(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception of a store counts as unavailable."""
    ledger = FickleLedger(MemoryStore())
    answer = ledger.store.memory.answer
    mistakes = iter([KeyError("oops")])

    def stumble(exchange: Exchange) -> Reply:
        for mistake in mistakes:
            raise mistake
        return answer(exchange)

    ledger.store.memory.answer = stumble  # type: ignore[method-assign]  # stumbles once
    async with service() as emulator, client(emulator, ledger) as tago:
        assert 3 == await _made(tago, 3)
    assert "oops" in caplog.text


@in_virtual_time
async def test_a_refusal_tells_the_time_too() -> None:
    """A service that does not know the route that is asked for the time still tells it."""
    async with ScriptedServer(
        lambda one: (
            created(1)
            if one.method == "POST"
            else http(404, b'{"status":false,"message":"no"}', Date=_DATE)
        )
    ) as server:
        async with Tago(
            "p-x", api=server.url, plan="free", ledger=FickleLedger(MemoryStore())
        ) as tago:
            await tago.devices.create(DeviceCreate(name="x"))
        assert ["GET /info", "POST /device"] == server.seen()


_DATE = "Tue, 24 Nov 2026 00:00:00 GMT"


async def test_a_lost_answer_about_the_time() -> None:
    """It is tried as often as one request is, for all who wait; what waited has never left."""
    async with ScriptedServer(lambda _: servers.Reply(then="reset")) as server:
        ledger = FickleLedger(MemoryStore())
        retry = RetryPolicy(attempts=3, first_delay=0.0)
        async with Tago("p-x", api=server.url, plan="free", ledger=ledger, retry=retry) as tago:
            calls = [tago.devices.create(DeviceCreate(name=name)) for name in "abcd"]
            errors = await asyncio.gather(*calls, return_exceptions=True)

    assert [ConnectionLostError] * 4 == [type(error) for error in errors]
    assert {(3, False)} == {
        (error.attempts, error.may_have_acted)
        for error in errors
        if isinstance(error, RequestError)
    }
    assert {"GET /info"} == set(server.seen())
    assert 3 <= len(server.received) <= 6


@in_virtual_time
async def test_a_service_that_tells_no_time_is_used_steadily() -> None:
    """Without windows each process keeps to its part of the limit."""
    async with ScriptedServer(
        lambda one: (
            created(1) if one.method == "POST" else http(200, b'{"status":true,"result":{}}')
        )
    ) as server:
        ledger = FickleLedger(MemoryStore())
        async with Tago("p-x", api=server.url, plan="scale", ledger=ledger) as tago:
            assert 3 == await _made(tago, 3)
        assert 0 == ledger.store.asked
        assert ["GET /info", *["POST /device"] * 3] == server.seen()


@in_virtual_time
async def test_a_machine_that_slept_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that wait when the clock is lost send for the time, instead of waiting for ever."""
    monkeypatch.setattr("tagodev._limits.ledger.shared.ServerClock", _SleepyClock)
    async with service() as emulator:
        async with client(emulator, FickleLedger(MemoryStore())) as tago:
            working = asyncio.create_task(_made(tago, 15))
            await until(lambda: bool(emulator.stats()["created"]))
            before = emulator.stats()["routes"]["GET /info"]["accepted"]
            monkeypatch.setattr(_SleepyClock, "slept", 1000.0)
            assert 15 == await working
        stats = emulator.stats()

    assert before < stats["routes"]["GET /info"]["accepted"]
    assert 0 == stats["rejected"]


class _Noted:
    """A store that says when it has been asked."""

    def __init__(self, store: LeaseStore) -> None:
        self.store = store
        self.asked = asyncio.Event()

    async def exchange(self, exchange: Exchange) -> Reply:
        """Ask the store."""
        reply = await self.store.exchange(exchange)
        self.asked.set()
        return reply

    async def close(self) -> None:
        """Close the store."""
        await self.store.close()


async def test_no_token_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a server ever holds the token, nor the address with it."""
    async with service() as emulator:
        with RedisServer(redis_or_skip()) as server:
            for ledger in (SqliteLedger(tmp_path / "ledger.sqlite"), RedisLedger(server.url)):
                store = _Noted(ledger.make_store())
                monkeypatch.setattr(ledger, "make_store", lambda store=store: store)
                async with client(emulator, ledger) as tago:
                    # An empty server makes it wait; what is kept is there before that.
                    creating = asyncio.create_task(tago.devices.create(DeviceCreate(name="x")))
                    await store.asked.wait()
                    creating.cancel()
            (key,) = [line for line in server.ask("KEYS", "*").split(b"\r\n") if b"tagodev" in line]
            kept = key + server.ask("HGETALL", key.decode())
        kept += b"".join(_contents(tmp_path))
        token = emulator.token

    assert b"POST /device" in kept
    assert token.encode() not in kept
    assert token.removeprefix("p-").encode() not in kept


def _contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


def test_profiles_are_named_by_what_they_are() -> None:
    """Address and token name a profile; neither comes back from the name."""
    name = profile_name("https://a", Secret("token-one"))

    assert name == profile_name("https://a", Secret("token-one"))
    assert name != profile_name("https://a", Secret("token-two"))
    assert name != profile_name("https://b", Secret("token-one"))
    assert "token" not in name


@pytest.mark.parametrize(
    "options",
    [
        {"processes": 0},
        {"processes": 10_001},
        {"away_share": -0.1},
        {"away_share": 0.2},
        {"patience": -1.0},
    ],
)
def test_odd_options_are_refused(tmp_path: Path, options: dict[str, float]) -> None:
    """Shares that don't fit, and numbers of processes that can't be."""
    with pytest.raises(ConfigurationError):
        SqliteLedger(tmp_path / "x", **options)  # type: ignore[arg-type]  # odd on purpose


@pytest.mark.parametrize("away", [1.0, 60.0, 1800.0])
def test_work_goes_on_soon_after_the_store_is_back(away: float) -> None:
    """However long it was away, what waited has gone two seconds after its return."""

    async def made_in() -> float:
        loop = asyncio.get_running_loop()
        ledger = FickleLedger(MemoryStore())
        async with service(minute=60) as emulator, client(emulator, ledger) as tago:
            assert 1 == await _made(tago, 1)
            ledger.store.away = True
            working = asyncio.create_task(_made(tago, 5))
            await asyncio.sleep(away)
            ledger.store.away = False
            back = loop.time()
            await working
            return loop.time() - back

    assert run_virtually(made_in()) <= 2.0


def test_each_loop_has_a_scheduler_and_a_clock_of_its_own() -> None:
    """Loops count time from moments of their own: what one has learnt says nothing in the next."""
    ledger = FickleLedger(MemoryStore())
    settings = Settings(HardLimits.for_plan("free"))

    async def opened() -> Scheduler:
        scheduler = ledger.open(settings, None, "garden")
        assert scheduler.clock_state() is None
        scheduler.core.clock.observe(0.0, 0.1, 1e9)
        # Another client of this loop finds both; both are left behind, unclosed.
        again = ledger.open(settings, None, "garden")
        assert again is scheduler
        return scheduler

    assert run_virtually(opened()) is not run_virtually(opened())


def test_a_clock_is_of_its_loop_and_of_its_slack() -> None:
    """Clients that come and go find what was learnt, unless they judge it otherwise."""
    ledger = FickleLedger(MemoryStore())

    async def known(*slacks: float) -> list[bool]:
        found = []
        for slack in slacks:
            settings = Settings(HardLimits.for_plan("free"), fleet_slack=slack)
            scheduler = ledger.open(settings, None, "garden")
            found.append(scheduler.core.clock.known)
            scheduler.core.clock.observe(0.0, 0.1, 1e9)
            await ledger.leave(scheduler, None)
        return found

    assert [False, True, False] == run_virtually(known(0.1, 0.1, 0.2))
    assert [False, True, False] == run_virtually(known(0.2, 0.2, 0.1))
