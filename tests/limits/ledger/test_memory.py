"""One ledger for all clients of a process that share a profile."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from tagodev import DeviceCreate, HardLimits, Tago
from tagodev._limits.ledger.memory import MemoryLedger, known_plan, remember_plan, shared_ledger
from tagodev._limits.settings import Settings
from tagodev._secrets import Secret
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.events import Event, Granted, Sent, Settled
from tests.limits.jumping import VirtualClock, in_virtual_time, run_virtually

if TYPE_CHECKING:
    import pytest

    from tagodev._limits.scheduler import Scheduler

LIMITS = HardLimits("small", {}, default=3, minute=2.0)


def test_same_profile_same_ledger() -> None:
    """Address, token and limits name a ledger; the token itself is not kept."""
    first = shared_ledger("https://a", Secret("token-one"), LIMITS)
    assert first is shared_ledger("https://a", Secret("token-one"), LIMITS)
    assert first is not shared_ledger("https://a", Secret("token-two"), LIMITS)
    assert first is not shared_ledger("https://b", Secret("token-one"), LIMITS)
    assert first is not shared_ledger("https://a", Secret("token-one"), LIMITS.override("x", 1))


@in_virtual_time
async def test_a_client_per_web_request_is_harmless() -> None:
    """Clients that come and go, one after the other and at once, are never rejected together."""
    options = EmulatorOptions(plan="free", max_devices=50)
    limits = HardLimits.for_plan("free")
    async with Emulator(options) as emulator:

        async def handle_one(number: int) -> None:
            async with Tago(emulator.token, api=emulator.url, plan=limits) as tago:
                await tago.devices.create(DeviceCreate(name=f"d{number}"))

        for number in range(5):
            await handle_one(number)
        await asyncio.gather(*(handle_one(number) for number in range(5, 25)))
        stats = emulator.stats()
    assert (25, 0) == (stats["created"], stats["rejected"])


def test_a_second_loop_takes_over_what_was_counted() -> None:
    """A program that calls `asyncio.run` twice within a window is not rejected in the second."""
    clock, ledger = VirtualClock(), MemoryLedger()
    emulators: list[Emulator] = []

    async def make(many: int) -> tuple[int, int]:
        if not emulators:
            emulators.append(Emulator(EmulatorOptions(plan="free", max_devices=50)))
        async with (
            emulators[0] as emulator,
            Tago(emulator.token, api=emulator.url, plan="free", ledger=ledger) as tago,
        ):
            await tago.devices.create_many(DeviceCreate(name=f"d{n}") for n in range(many))
            stats = emulator.stats()
        return stats["created"], stats["rejected"]

    assert [(9, 0), (18, 0)] == [run_virtually(make(9), clock) for _ in range(2)]


def test_two_loops_at_once_count_apart_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    """A loop in another thread can't share the ledger; it gets one of its own, with a warning."""
    ledger = MemoryLedger()
    settings = Settings(LIMITS)
    opened, release = threading.Event(), threading.Event()

    async def hold() -> None:
        scheduler = ledger.open(settings, None)
        opened.set()
        await asyncio.to_thread(release.wait)
        ledger.close(scheduler, None)

    async def intrude() -> bool:
        scheduler = ledger.open(settings, None)
        ledger.close(scheduler, None)
        return scheduler.core is ledger._core

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    opened.wait()
    try:
        assert not asyncio.run(intrude())
    finally:
        release.set()
        thread.join()
    assert "another event loop" in caplog.text


async def test_every_client_hears_its_profile() -> None:
    """Events go to each client that asked for them, until it is closed."""
    heard: list[Event] = []
    async with Emulator(EmulatorOptions()) as emulator:
        async with Tago(
            emulator.token, api=emulator.url, plan="scale", on_event=heard.append
        ) as tago:
            created = await tago.devices.create(DeviceCreate(name="x"))
        before = len(heard)
        async with Tago(emulator.token, api=emulator.url, plan="scale") as tago:
            await tago.devices.delete(created.device_id)
    kinds = [type(event) for event in heard]
    assert [Granted, Sent, Settled] == [k for k in kinds if k in (Granted, Sent, Settled)]
    assert before == len(heard)


async def test_watching_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A failing observer is logged, and the call continues."""

    def broken(_: Event) -> None:
        raise RuntimeError("no")

    async with (
        Emulator(EmulatorOptions()) as emulator,
        Tago(emulator.token, api=emulator.url, plan="scale", on_event=broken) as tago,
    ):
        created = await tago.devices.create(DeviceCreate(name="x"))
    assert created.device_id
    assert "on_event failed" in caplog.text


async def test_many_profiles_are_forgotten() -> None:
    """A process that serves thousands of profiles keeps the ledgers of the last ones only."""
    ledgers = [shared_ledger("https://many", Secret(f"t{n}"), LIMITS) for n in range(1500)]
    assert ledgers[0] is not shared_ledger("https://many", Secret("t0"), LIMITS)
    assert ledgers[-1] is shared_ledger("https://many", Secret("t1499"), LIMITS)


def test_a_loop_that_was_closed_over_its_clients_is_no_rival(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Clients that a loop took with it unclosed do not keep the next loop from counting on."""
    ledger, settings = MemoryLedger(), Settings(LIMITS)
    heard: list[Event] = []

    async def opened() -> Scheduler:
        return ledger.open(settings, heard.append)

    left = asyncio.run(opened())
    again = asyncio.run(opened())

    assert left is not again
    assert left.core is again.core
    assert 1 == ledger.users
    assert "another event loop" not in caplog.text


async def test_settings_of_the_first_client_hold(caplog: pytest.LogCaptureFixture) -> None:
    """Different settings of a later client are ignored with a log message."""
    ledger = MemoryLedger()
    caplog.set_level("INFO", "tagodev.limits")
    first = ledger.open(Settings(LIMITS), None)
    assert "" == caplog.text
    second = ledger.open(Settings(LIMITS, share=0.5), None)

    assert first is second
    assert 1.0 == second.core.settings.share
    assert "settings that differ" in caplog.text


def test_plans_of_many_profiles_are_forgotten() -> None:
    """A service for very many profiles keeps the plans of those that were seen last."""
    for number in range(1200):
        remember_plan("https://a", Secret(f"token-{number}"), "starter")

    assert known_plan("https://a", Secret("token-0")) is None
    assert "starter" == known_plan("https://a", Secret("token-1199"))
