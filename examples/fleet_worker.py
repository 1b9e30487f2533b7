"""Provision a fleet of many profiles with Dask: a shard is a profile.

The limits are a profile's, so profiles are what can be worked on at the same time: two workers on
one profile would get no further than one.
What is left to an engine is to spread the shards over machines, and to begin a shard again whose
machine died.

Dask (``distributed``) was chosen: it runs on a laptop by itself and on a cluster of any kind, needs
no broker, has the BSD licence, and is released every month or so.
arq, the other candidate, needs a Redis server, and has been in maintenance mode since October 2025
(python-arq/arq, issue 510).

A shard has a journal, on a disk that every worker sees.
So a shard that is begun again, or a fleet that is started twice, goes on where it ended: each
device is made once, and its token is in the journal (``tagodev bulk export``).
Tokens of profiles do not travel: a worker finds them in its own environment.

``fleet.json`` says which profiles there are, and which list of devices is each one's::

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
    """Read what is to be made, row by row."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield DeviceCreate(name=row["name"], tags=[Tag("site", row["site"])])


async def provision(shard: dict[str, Any]) -> str:
    """Make the devices of a profile, each of them once, however often this is tried."""
    plan = HardLimits.for_plan(shard["plan"], shard.get("minute", 60.0))
    token = os.environ[shard["token"]]
    async with Tago(token, api=shard.get("api"), plan=plan) as tago:
        report = await tago.devices.create_many(
            read_devices(shard["devices"]), journal=f"{shard['devices']}.journal"
        )
    return f"{report.done} made, {report.skipped} were there, {report.failed} failed"


def work(shard: dict[str, Any]) -> str:
    """Do a shard, within a thread of a worker."""
    try:
        return asyncio.run(provision(shard))
    except TagoError as error:
        reason = error.reason if isinstance(error, BulkStoppedError) else error
        # What a worker raises is sent to the client and shown on Dask's pages: as text only.
        raise RuntimeError(str(reason)) from None


def main(fleet: str, scheduler: str = "") -> int:
    """Do all shards, and return how many failed.

    Args:
        fleet: the file that lists them.
        scheduler: address of a cluster's scheduler; default: workers on this machine.
    """
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
