"""Runs one client: ``python -m benchmarks.rivals NAME``; see `benchmarks.rivals`."""

from __future__ import annotations

import asyncio
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

import orjson

from benchmarks.rivals.catalogue import PYTHON
from benchmarks.rivals.job import Job, Tally

if TYPE_CHECKING:
    from benchmarks.rivals.job import Rival


async def _run(rival: Rival, job: Job, tally: Tally) -> None:
    async def start() -> None:
        print("ready", flush=True)
        begin = float(sys.stdin.readline())
        await asyncio.sleep(max(begin - time.time(), 0))
        tally.begin()

    await rival(job, tally, start)


def main() -> None:
    """Run the job in the first line of standard input."""
    entry = PYTHON[sys.argv[1]]
    rival: Rival = getattr(import_module(f"benchmarks.rivals.{entry.module}"), entry.function)
    job = Job(**orjson.loads(sys.stdin.readline()))
    tally = Tally()
    new_loop = import_module("uvloop").new_event_loop if entry.uvloop else None
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_run(rival, job, tally))
    print(orjson.dumps(tally.to_json()).decode(), flush=True)


if __name__ == "__main__":
    main()
