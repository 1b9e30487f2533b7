"""Cost of ``tagodev plan`` for a large profile: list requests, CPU and memory.

A file of 10,000 rows is planned against a profile of 10,000 devices with five tags each, once
without changes and once with a change in every row, with devices matched by name and by a tag.
Each plan is a separate process, as on the command line; its CPU time and peak memory are the
system's figures, including imports and reading the file.
The service is the emulator in a separate process, without limits.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from benchmarks.machine import describe
from benchmarks.process import run_measured
from tagodev import DeviceCreate, HardLimits, Tag, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIST: Final = "GET /device"
_PLENTY: Final = HardLimits("plenty", {}, default=1_000_000_000)


@attrs.frozen
class Took:
    """Cost of one plan."""

    steps: int
    """Devices that it would change."""
    lists: int
    """List requests."""
    others: int
    """Other requests."""
    cpu: float
    """Seconds of CPU, in user and in system mode."""
    wall: float
    """Seconds from beginning to end."""
    memory: float
    """Peak of resident memory, in MB."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--devices", type=int, default=10_000, help="number of devices and rows")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    given = parser.parse_args()
    options = EmulatorOptions(unlimited=True, max_devices=given.devices)
    with tempfile.TemporaryDirectory() as folder, EmulatorProcess(options) as emulator:
        asyncio.run(_fill(emulator, given.devices))
        rows = {}
        for differ in (False, True):
            path = Path(folder) / "site.csv"
            _write(path, given.devices, differ=differ)
            for known_by in ("name", "tag:serial"):
                what = f"{'all differ' if differ else 'none differs'}, known by {known_by}"
                rows[what] = _plan(emulator, path, known_by)
    if given.json:
        found = {what: attrs.asdict(took) for what, took in rows.items()}
        print(orjson.dumps({"devices": given.devices, "plans": found}).decode())
        return
    print(describe("aiohttp"))
    print(f"{given.devices} rows against {given.devices} devices with five tags each\n")
    for line in _table(rows):
        print(line)


def _table(rows: dict[str, Took]) -> Iterator[str]:
    width = max(map(len, rows))
    yield (
        f"{'':>{width}}  {'to change':>9}  {'lists':>5}  {'others':>6}  "
        f"{'CPU, s':>6}  {'wall, s':>7}  {'memory, MB':>10}"
    )
    for what, took in rows.items():
        yield (
            f"{what:>{width}}  {took.steps:>9}  {took.lists:>5}  {took.others:>6}  "
            f"{took.cpu:>6.2f}  {took.wall:>7.2f}  {took.memory:>10.0f}"
        )


async def _fill(emulator: EmulatorProcess, devices: int) -> None:
    """Create the devices."""
    async with Tago(emulator.token, api=emulator.url, plan=_PLENTY) as tago:
        await tago.devices.create_many(
            DeviceCreate(
                name=f"Cold room {number}",
                description=f"Shelf {number % 40}",
                tags=[
                    Tag("serial", f"{number:08}"),
                    Tag("site", "dairy"),
                    Tag("room", str(number % 500)),
                    Tag("floor", str(number % 7)),
                    Tag("tagodev_managed", "site"),
                ],
            )
            for number in range(devices)
        )


def _write(path: Path, devices: int, *, differ: bool) -> None:
    """Write the file, whose rows equal their devices or differ in one cell each."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("name", "active", "description", "tag.serial", "tag.site", "tag.room", "tag.floor")
        )
        for number in range(devices):
            where = (number % 500, number % 7 + 1 if differ else number % 7)
            shelf = f"Shelf {number % 40}"
            writer.writerow((f"Cold room {number}", "yes", shelf, f"{number:08}", "dairy", *where))


def _plan(emulator: EmulatorProcess, path: Path, known_by: str) -> Took:
    """Run a plan in a separate process."""
    before = _asked(emulator)
    began = time.monotonic()
    with (path.parent / "plan.json").open("wb") as out:
        used = run_measured(
            ["-m", "tagodev", "plan", str(path), "--by", known_by, "--json"],
            {**os.environ, "TAGOIO_API": emulator.url, "TAGOIO_TOKEN": emulator.token},
            out,
            Path.cwd(),
        )
    wall = time.monotonic() - began
    if used.code not in (0, 10):
        sys.exit(f"tagodev plan has ended with {used.code}")
    asked = {route: number - before.get(route, 0) for route, number in _asked(emulator).items()}
    lists = asked.pop(_LIST, 0)
    return Took(
        steps=len(orjson.loads((path.parent / "plan.json").read_bytes())["steps"]),
        lists=lists,
        others=sum(asked.values()),
        cpu=used.cpu,
        wall=wall,
        memory=used.memory,
    )


def _asked(emulator: EmulatorProcess) -> dict[str, int]:
    return {name: route["accepted"] for name, route in emulator.stats()["routes"].items()}


if __name__ == "__main__":
    main()
