"""Measures every promised figure in one run.

    python -m benchmarks.design_table
    python -m benchmarks.design_table --quick --only grant start

It runs the other programs and reports which targets their figures meet.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from benchmarks import grant_cost, hot_path, journal_memory, latency, many_processes, start_up
from benchmarks.machine import describe
from benchmarks.virtual_time import Job
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.wait_queue import Priority
from tests.support.redis_server import RedisServer, find_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Figure", "measure"]

_LIMITS: Final = (10, 250, 5000)
_WINDOWS: Final = (2, 4, 40)
_WAITERS: Final = 100_000


@attrs.frozen(kw_only=True)
class Figure:
    """One figure: target and result."""

    what: str
    """What was measured."""
    wanted: str
    """What it is to be."""
    found: str
    """What it is."""
    met: bool
    """Whether that will do."""
    program: str
    """Which program measured it."""


@attrs.frozen(kw_only=True)
class Size:
    """Sizes of the measurements."""

    seeds: int
    """Jobs in virtual time, for each limit and length."""
    rounds: int
    """Rounds of what is timed."""
    grants: int
    """Grants timed in each round."""
    rows: int
    """Rows of a large run."""
    calls: int
    """Calls of a person."""
    minute: float
    """Length of a window, in seconds, where many processes share one."""


_FULL: Final = Size(seeds=20, rounds=60, grants=10_000, rows=1_000_000, calls=125, minute=6.0)
_QUICK: Final = Size(seeds=1, rounds=10, grants=1000, rows=30_000, calls=20, minute=3.0)


def _at_most(what: str, program: str, limit: float, found: float) -> Figure:
    return Figure(
        what=what,
        wanted=f"<= {limit:.2f}",
        found=f"{found:.2f}",
        met=found <= limit,
        program=program,
    )


# --- the figures -------------------------------------------------------------------------------


def _makespans(size: Size) -> Iterator[Figure]:
    jobs = [Job(windows, limit) for limit in _LIMITS for windows in _WINDOWS]
    with Pool() as pool:
        for job in jobs:
            results = pool.map(job.run, range(size.seeds))
            beyond = max(one.makespan - 1.02 * one.ideal for one in results)
            rejected = sum(one.rejected for one in results)
            late = [one.left_in_first_window for one in results if not one.in_bounds]
            begun = f"; {len(late)} over, begun {max(late):.2f} s before a boundary" if late else ""
            yield Figure(
                what=(
                    f"makespan beyond 1.02 x ideal at {job.limit} a window, {job.windows}½ "
                    f"windows, {size.seeds} jobs from any phase, at worst"
                ),
                wanted="<= 1.5 s, 0 rejected",
                found=f"{beyond:.2f} s, {rejected} rejected{begun}",
                met=not late and not rejected,
                program="virtual_time",
            )


def _hot_path(size: Size) -> Iterator[Figure]:
    costs = hot_path.measure(size.rounds)
    for name, by in costs.items():
        call = f"CPU of `devices.{name}`"
        ours = by["tagodev"]
        yield _at_most(f"{call} / aiohttp + orjson + hook", "hot_path", 1.1, ours / by["hook"])
        yield _at_most(f"{call} / aiohttp + orjson", "hot_path", 1.2, ours / by["bare"])
        times = by["official SDK"] / ours
        yield Figure(
            what=f"{call} / official Python SDK",
            wanted="<= 1/7",
            found=f"1/{times:.1f}",
            met=times >= 7,
            program="hot_path",
        )


def _grants(size: Size) -> Iterator[Figure]:
    for priority in Priority:
        cost = min(
            asyncio.run(
                grant_cost.time_grants(_WAITERS, priority, LimiterPacer, size.grants)
            ).median
            for _ in range(3)
        )
        yield Figure(
            what=f"one permit with {_WAITERS:,} waiters queued, {priority.value} priority, median",
            wanted="<= 5 us",
            found=f"{cost:.2f} us",
            met=cost <= 5,
            program="grant_cost",
        )
    waiting, bare = asyncio.run(grant_cost.memory_a_waiter(_WAITERS))
    yield Figure(
        what="memory a waiter, besides the caller's own task",
        wanted="<= 1024 bytes",
        found=f"{waiting - bare:.0f} bytes",
        met=waiting - bare <= 1024,
        program="grant_cost",
    )


def _memory(size: Size) -> Iterator[Figure]:
    few = min(size.rows // 3, 10_000)
    with tempfile.TemporaryDirectory() as folder:
        for journalled in (False, True):
            least, most = (
                journal_memory.resident(rows, journalled=journalled, directory=Path(folder))
                for rows in (few, size.rows)
            )
            yield Figure(
                what=(
                    f"resident memory, {size.rows:,} rows against {few:,}, "
                    f"{'with' if journalled else 'without'} a journal"
                ),
                wanted="+ 20 MB at most",
                found=f"{most - least:+.1f} MB",
                met=most - least <= 20,
                program="journal_memory",
            )


def _latency(size: Size) -> Iterator[Figure]:
    waited = asyncio.run(latency.measure(size.calls))
    yield Figure(
        what="interactive p99 during a bulk run with a reserve / idle p99",
        wanted="<= 1.5",
        found=(
            f"{waited.ratio:.2f} ({waited.busy * 1000:.0f} ms / {waited.idle * 1000:.0f} ms), "
            f"{waited.rejected} rejected"
        ),
        met=waited.ratio <= 1.5 and not waited.rejected,
        program="latency",
    )


def _processes(size: Size) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield _shared("in a file", str(Path(folder) / "ledger.sqlite"), size)
    program = find_redis()
    if program is not None:
        with RedisServer(program) as redis:
            yield _shared("in Redis", redis.url, size)


def _shared(where: str, ledger: str, size: Size) -> Figure:
    one = many_processes.undisturbed(ledger, 1000, size.minute)
    return Figure(
        what=f"8 processes on one ledger {where}, undisturbed: part of the limit; rejected",
        wanted=">= 0.98; 0",
        found=f"{one.use:.3f}; {one.rejected}",
        met=one.use >= 0.98 and not one.rejected,
        program="many_processes",
    )


def _start(size: Size) -> Iterator[Figure]:
    found = start_up.measure(min(size.rounds, 21))
    aiohttp = found.imports["aiohttp"]
    yield _at_most(
        "`import tagodev` / `import aiohttp`", "start_up", 1.3, found.imports["tagodev"] / aiohttp
    )
    yield _at_most(
        "`from tagodev import Tago` / `import aiohttp`",
        "start_up",
        1.3,
        found.imports["tagodev.Tago"] / aiohttp,
    )
    yield Figure(
        what="`tagodev --help`",
        wanted="< 0.3 s",
        found=f"{found.help:.2f} s",
        met=found.help < 0.3,
        program="start_up",
    )


#: What measures, by name; the quick and quiet first.
_PARTS: Final[dict[str, Callable[[Size], Iterator[Figure]]]] = {
    "hot-path": _hot_path,
    "grants": _grants,
    "start": _start,
    "latency": _latency,
    "processes": _processes,
    "makespans": _makespans,
    "memory": _memory,
}


def measure(*, quick: bool, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Measure and print each figure, and return all as JSON objects."""
    size = _QUICK if quick else _FULL
    figures = []
    for name, part in _PARTS.items():
        if only and not name.startswith(tuple(only)):
            continue
        for figure in _with_errors(name, part(size)):
            print(
                f"{'met' if figure.met else 'NOT':>3}  {figure.what}: {figure.found} "
                f"({figure.wanted})",
                flush=True,
            )
            figures.append(attrs.asdict(figure))
    return figures


def _with_errors(name: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    """Yield figures; an error in one part counts as a missed target, and the others continue."""
    try:
        yield from figures
    except (Exception, SystemExit) as error:  # noqa: BLE001  (an hour's run must not be lost)
        yield Figure(
            what=f"{name}: the rest",
            wanted="to be measured",
            found=f"{type(error).__name__}: {error}",
            met=False,
            program="design_table",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="design_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="use small sizes")
    parser.add_argument("--only", nargs="+", default=(), help=f"parts to run: {', '.join(_PARTS)}")
    options = parser.parse_args(arguments)
    print(describe("aiohttp", "aiolimiter", "tagoio-sdk"), flush=True)
    measure(quick=options.quick, only=options.only)


if __name__ == "__main__":
    main()
