"""Worker process of a shared limit: creates devices in bulk, or single ones now and then.

A program for `benchmarks.many_processes` and for tests: its one argument is the job as JSON, and
the result is a line of JSON on standard output.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from tagodev import DeviceCreate, HardLimits, RedisLedger, SqliteLedger, Tago

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev._limits.ledger.lease_store import Exchange, LeaseStore, Reply
    from tagodev._limits.ledger.shared import SharedLedger

__all__ = ["Work", "start"]

_ROOT = Path(__file__).parent.parent


@attrs.frozen(kw_only=True)
class Work:
    """Job of one process."""

    api: str
    """Address of the service."""
    token: str
    """Token of the profile."""
    ledger: str
    """A file, or the address of a Redis server."""
    name: str
    """Prefix of its devices."""
    rows: int
    """How many devices it makes."""
    limit: int
    """Creations in one window."""
    minute: float
    """A window's length in seconds."""
    journal: str | None = None
    """Journal, so that a restarted process resumes."""
    every: float = 0.0
    """Seconds from one device to the next; 0 for a bulk run."""
    reserve: int | None = None
    """Creations a window left to others' calls."""
    until: float = 0.0
    """When it begins no more devices, in seconds of the epoch; 0 for never."""
    timeout: float = 3.0
    """Seconds for one attempt."""


class _Counting:
    """A store that counts its exchanges."""

    def __init__(self, store: LeaseStore) -> None:
        self._store = store
        self.exchanges = 0

    async def exchange(self, exchange: Exchange) -> Reply:
        self.exchanges += 1
        return await self._store.exchange(exchange)

    async def close(self) -> None:
        await self._store.close()


def start(work: Work) -> subprocess.Popen[bytes]:
    """Start a process with a job."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.leasing_worker", orjson.dumps(attrs.asdict(work))],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    )


async def do(work: Work) -> dict[str, Any]:
    """Run the job, and return the result."""
    ledger: SharedLedger
    ledger = RedisLedger(work.ledger) if "://" in work.ledger else SqliteLedger(work.ledger)
    stores: list[_Counting] = []
    make_store = ledger.make_store

    def make_counting() -> _Counting:
        stores.append(_Counting(make_store()))
        return stores[-1]

    ledger.make_store = make_counting  # type: ignore[method-assign]  # counted, not changed
    limits = HardLimits.for_plan("scale", work.minute).override("POST /device", work.limit)
    async with Tago(
        work.token,
        api=work.api,
        plan=limits,
        ledger=ledger,
        reserve=work.reserve,
        timeout=work.timeout,
        transit_max=min(work.minute / 4, 5.0),
    ) as tago:
        # From now on it is at work: what came before is no matter of the limit.
        began = time.time()
        done = await (_now_and_then(tago, work) if work.every else _in_bulk(tago, work))
        ended = time.time()
    exchanges = sum(store.exchanges for store in stores)
    return {**done, "exchanges": exchanges, "began": began, "ended": ended}


async def _in_bulk(tago: Tago, work: Work) -> dict[str, Any]:
    report = await tago.devices.create_many(_specs(work), journal=work.journal, settle=1.0)
    return {"done": report.done, "failed": report.failed, "elapsed": report.elapsed}


async def _now_and_then(tago: Tago, work: Work) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    began, waited = loop.time(), []
    for nth, spec in enumerate(_specs(work)):
        await asyncio.sleep(began + nth * work.every - loop.time())
        asked = loop.time()
        await tago.devices.create(spec)
        waited.append(loop.time() - asked)
    return {"done": len(waited), "failed": 0, "elapsed": loop.time() - began, "waited": waited}


def _specs(work: Work) -> Iterator[DeviceCreate]:
    for nth in range(work.rows):
        if work.until and time.time() >= work.until:
            return
        yield DeviceCreate(name=f"{work.name} {nth}")


def main() -> None:
    """Run the job in the argument."""
    done = asyncio.run(do(Work(**orjson.loads(sys.argv[1]))))
    print(orjson.dumps(done).decode(), flush=True)


if __name__ == "__main__":
    main()
