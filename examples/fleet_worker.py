"""Provision many profiles with Dask: one shard per profile.

The rate limits apply per profile, so profiles can be processed in parallel; two workers on the same
profile would not be faster than one.
Dask distributes the shards over machines, and restarts a shard whose machine failed.

Dask (``distributed``) was chosen because it runs on a laptop and on any cluster, needs no broker,
has the BSD licence, and is released about every month.
arq, the alternative, needs a Redis server, and has been in maintenance mode since October 2025
(python-arq/arq, issue 510).

Each shard has a journal, on a disk that all workers share.
So a restarted shard, or a fleet that is started twice, resumes where it ended: each
device is created once, and its token is in the journal (``tagodev bulk export``).
Profile tokens are not transmitted: a worker reads them from its own environment.

``fleet.json`` lists the profiles, each with its list of devices::

    [{"profile": "north", "token": "TOKEN_NORTH", "devices": "north.csv", "plan": "scale"}, ...]

Run it on this machine, or on a cluster by its scheduler's address::

    python examples/fleet_worker.py fleet.json
    python examples/fleet_worker.py fleet.json tcp://10.0.0.5:8786
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Client, as_completed

from tagodev import BulkStoppedError, DeviceCreate, HardLimits, Tag, Tago, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Workers on this machine. A shard mostly waits for its next window, so many share a process.
HERE = {"n_workers": 2, "threads_per_worker": 8, "dashboard_address": None}


def read_devices(path: str) -> Iterator[DeviceCreate]:
    """Read the devices to create, row by row."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield DeviceCreate(name=row["name"], tags=[Tag("site", row["site"])])


async def provision(shard: dict[str, Any]) -> str:
    """Create the devices of a profile, each of them once, however often this runs."""
    plan = HardLimits.for_plan(shard["plan"], shard.get("minute", 60.0))
    token = os.environ[shard["token"]]
    async with Tago(token, api=shard.get("api"), plan=plan) as tago:
        report = await tago.devices.create_many(
            read_devices(shard["devices"]), journal=f"{shard['devices']}.journal"
        )
    return f"{report.done} made, {report.skipped} were there, {report.failed} failed"


def work(shard: dict[str, Any]) -> str:
    """Process a shard, within a thread of a worker."""
    try:
        return asyncio.run(provision(shard))
    except TagoError as error:
        reason = error.reason if isinstance(error, BulkStoppedError) else error
        # What a worker raises is sent to the client and shown on Dask's pages: as text only.
        raise RuntimeError(str(reason)) from None


def main(fleet: str, scheduler: str = "") -> int:
    """Process all shards, and return the number of failed ones."""
    shards = json.loads(Path(fleet).read_text("utf-8"))
    failed = 0
    with Client(scheduler) if scheduler else Client(**HERE) as client:
        futures = client.map(work, shards, pure=False)
        profiles = {
            future.key: shard["profile"] for future, shard in zip(futures, shards, strict=True)
        }
        for future in as_completed(futures):
            failed += future.status == "error"
            print(f"{profiles[future.key]}: {future.exception() or future.result()}")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
