"""Processes of their own, one budget: the one witness in real time of what virtual time proves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from benchmarks.leasing_worker import Work, start
from tagodev._limits.ledger.lease_store import Exchange
from tagodev._limits.ledger.redis import RedisStore
from tagodev._limits.ledger.shared import profile_name
from tagodev._secrets import Secret
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.redis_server import RedisServer, redis_or_skip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROCESSES, LIMIT, MINUTE = 3, 60, 2.0


@pytest.fixture(params=["sqlite", "redis"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a ledger that processes can share."""
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.sqlite")
        return
    with RedisServer(redis_or_skip()) as server:
        yield server.url


def run(service: EmulatorProcess, ledger: str, rows: int, processes: int) -> list[dict[str, Any]]:
    """Let processes make devices at the same time, and return what came of each."""
    works = [
        Work(
            api=service.url,
            token=service.token,
            ledger=ledger,
            name=f"process {nth}",
            rows=rows,
            limit=LIMIT,
            minute=MINUTE,
        )
        for nth in range(processes)
    ]
    running = [start(work) for work in works]
    return [orjson.loads(process.communicate()[0]) for process in running]


async def come_first(service: EmulatorProcess, url: str) -> None:
    """Be who finds a Redis server empty: those who come after need not wait for what it forgot."""
    store = RedisStore(url, "tagodev")
    await store.exchange(
        Exchange(
            profile=profile_name(service.url, Secret(service.token)),
            holder="first",
            window_seconds=MINUTE,
            carried=1,
            epoch="",
            first_safe=0,
            requests=[],
        )
    )
    await store.close()


@pytest.mark.timeout(120)
def test_processes_are_never_rejected(ledger: str) -> None:
    """They use the limit together, over several windows, and every row is done once."""
    rows = 2 * LIMIT // PROCESSES
    options = EmulatorOptions(
        minute=MINUTE, clock_offset=37.0, limits={"POST /device": LIMIT}, max_devices=100_000
    )
    with EmulatorProcess(options) as service:
        if "://" in ledger:
            asyncio.run(come_first(service, ledger))
        done = run(service, ledger, rows, PROCESSES)
        stats = service.stats()

    assert [(rows, 0)] * PROCESSES == [(one["done"], one["failed"]) for one in done]
    assert (PROCESSES * rows, 0, {}) == (stats["created"], stats["rejected"], stats["duplicates"])
