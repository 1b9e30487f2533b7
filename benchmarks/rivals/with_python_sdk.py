"""The official Python SDK, unchanged: in a loop, as in its examples, and in sixteen threads."""

from __future__ import annotations

import asyncio
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

with warnings.catch_warnings():
    # Whatever the SDK and its dependencies deprecate while they are imported.
    warnings.simplefilter("ignore")
    from tagoio_sdk import Resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rivals.job import Job, Start, Tally

__all__ = ["in_threads", "one_by_one"]

_THREADS: Final = 16


async def one_by_one(job: Job, tally: Tally, start: Start) -> None:
    """Process one row after the other."""
    await _run(job, tally, start, 1)


async def in_threads(job: Job, tally: Tally, start: Start) -> None:
    """Process rows in sixteen threads."""
    await _run(job, tally, start, _THREADS)


async def _run(job: Job, tally: Tally, start: Start, threads: int) -> None:
    os.environ["TAGOIO_API"] = job.url
    resources: Any = Resources({"token": job.token, "region": "env"})
    rows, lock = job.bodies(), Lock()
    with ThreadPoolExecutor(threads) as pool:
        await start()
        loop = asyncio.get_running_loop()
        work = (
            loop.run_in_executor(pool, _work, job, tally, resources, rows, lock)
            for _ in range(threads)
        )
        await asyncio.gather(*work)


def _work(
    job: Job, tally: Tally, resources: Any, rows: Iterator[dict[str, Any]], lock: Lock
) -> None:
    while True:
        with lock:
            body = next(rows, None)
        if body is None:
            return
        try:
            device_id = resources.devices.create(body)["device_id"]
            with lock:
                tally.known.append(device_id)
            if job.mixed:
                resources.devices.info(device_id)
                resources.devices.edit(device_id, {"active": False})
            with lock:
                tally.done += 1
        except Exception as error:  # noqa: BLE001  (whatever it raises costs this row, no more)
            with lock:
                tally.fail(error)
