"""``tagodev demo``: create and delete thousands of devices on an emulator.

The demo compares its time with an ideal: a client that knows the state of every window, at the
speed that this machine reaches without limits.
That speed is measured in the same run, on an emulator without limits.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
import time
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
from cyclopts import App

from tagodev._cli.bulk.execution import Summary, carry_out
from tagodev._cli.bulk.operations import RunSpec, create_spec, delete_spec
from tagodev._cli.bulk.results import ResultsFile
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.service import hard_limits
from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.display import open_display
from tagodev._cli.output.table import JsonOption, OutputOptions, show_rows
from tagodev._client import Tago
from tagodev._limits.forecast import forecast
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.errors import InputError
from tagodev.hard_limits import HardLimits, Plan
from tagodev.provision._read.devices import read_devices
from tagodev.provision._read.existing_devices import read_device_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["app", "demo", "write_sites"]

app: Final = App(
    name="demo", help_epilogue="Example: tagodev demo --devices 6000 --plan scale --minute 10"
)


#: Rows that measure this machine's speed, after a warm-up.
_MEASURED: Final = 1200
_WARM_UP: Final = 200
#: The start is delayed to the next window when so many seconds would cost the ideal one more.
_START_MARGIN: Final = 0.5
#: The first is the town of data/site.csv.
_TOWNS: Final = (
    "Leeuwarden",
    "Zwolle",
    "Arnhem",
    "Breda",
    "Almere",
    "Deventer",
    "Gouda",
    "Venlo",
    "Hoorn",
    "Assen",
    "Tilburg",
    "Zutphen",
)
_DEVICE_CAP: Final = 1_000_000
_UNLIMITED: Final = HardLimits("unlimited", {}, default=10**9)


@attrs.frozen(kw_only=True)
class _Phases:
    """One figure for creation and one for deletion."""

    create: float
    delete: float


@attrs.frozen(kw_only=True)
class _Cycle:
    """The result of creating devices and deleting them."""

    created: int
    deleted: int
    began: float
    """When the creation began, in seconds since the epoch."""
    elapsed: _Phases


@attrs.frozen(kw_only=True)
class _Outcome:
    """The result of the demo."""

    devices: int
    cycle: _Cycle
    ideal: float
    stats: Mapping[str, Any] = attrs.field(repr=False)
    """The emulator's counters."""

    @property
    def elapsed(self) -> float:
        return self.cycle.elapsed.create + self.cycle.elapsed.delete

    @property
    def throttled(self) -> int:
        rejected: int = self.stats["rejected"]
        return rejected

    def windows(self) -> list[dict[str, Any]]:
        """Return the accepted requests of each window of each route."""
        return [
            {"route": route, "window_start": window["start"], "accepted": window["accepted"]}
            for route, counts in self.stats["routes"].items()
            for window in counts["windows"]
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "devices": self.devices,
            "created": self.cycle.created,
            "deleted": self.cycle.deleted,
            "throttled": self.throttled,
            "elapsed_s": round(self.elapsed, 3),
            "ideal_s": round(self.ideal, 3),
            "ratio": round(self.elapsed / self.ideal, 3),
            "requests_per_window": self.windows(),
        }


@app.default
def demo(
    *,
    devices: int = 6000,
    plan: Plan = "scale",
    minute: float = 10.0,
    json: JsonOption = False,
) -> int:
    """Create and delete thousands of devices on an emulator.

    The emulator runs on this machine, in its own process, with the plan's limits: nothing is sent
    to TagoIO and no account is needed. Its minute is shortened to save time.

    Args:
        devices: Number of devices.
        plan: Rate plan to emulate.
        minute: Seconds per window; 60 on TagoIO.
    """
    if not 1 <= devices <= _DEVICE_CAP:
        raise InputError(f"must be from 1 to {_DEVICE_CAP}, not {devices}", path="--devices")
    limits = hard_limits(plan, minute)
    print_message(
        f"Emulator on this machine with the limits of the rate plan {plan}: "
        f"{limits.limit('POST /device')} creations and as many deletions a minute.\n"
        f"The minute is shortened to {minute:g} s."
    )
    with tempfile.TemporaryDirectory(prefix="tagodev-demo-") as folder:
        outcome = asyncio.run(_run_demo(devices, plan, limits, Path(folder)))
    if json:
        print_json(outcome.as_json())
    else:
        _print(outcome)
    complete = outcome.cycle.created == outcome.cycle.deleted == devices
    return Exit.OK if complete else Exit.PARTIAL


async def _run_demo(devices: int, plan: Plan, limits: HardLimits, folder: Path) -> _Outcome:
    print_message("Measuring this machine without limits:")
    rates = await _measure(folder)
    print_message(
        f"{rates.create:.0f} creations and {rates.delete:.0f} deletions a second. "
        "Running with limits:"
    )
    options = EmulatorOptions(plan=plan, minute=limits.minute, max_devices=devices)
    async with EmulatorProcess(options) as emulator:
        sites = folder / "sites.csv"
        write_sites(sites, devices)
        await _wait_for_start(devices, limits, rates)
        # In memory: no other process uses this emulator.
        async with Tago(emulator.token, api=emulator.url, plan=limits) as tago:
            cycle = await _run_cycle(tago, sites, folder / "results.csv")
        stats = await asyncio.to_thread(emulator.stats)
    ideal = _ideal(devices, limits, rates, cycle.began)
    return _Outcome(devices=devices, cycle=cycle, ideal=ideal, stats=stats)


async def _measure(folder: Path) -> _Phases:
    """Return this machine's rates without limits, in rows per second."""
    options = EmulatorOptions(unlimited=True, max_devices=_WARM_UP + _MEASURED)
    elapsed = _Phases(create=1, delete=1)
    async with (
        EmulatorProcess(options) as emulator,
        Tago(emulator.token, api=emulator.url, plan=_UNLIMITED) as tago,
    ):
        for rows in (_WARM_UP, _MEASURED):
            sites = folder / f"measured-{rows}.csv"
            write_sites(sites, rows)
            cycle = await _run_cycle(tago, sites, sites.with_suffix(".results.csv"))
            elapsed = cycle.elapsed
    return _Phases(create=_MEASURED / elapsed.create, delete=_MEASURED / elapsed.delete)


async def _run_cycle(tago: Tago, sites: Path, out: Path) -> _Cycle:
    """Create the devices of a file and delete them."""
    spec = create_spec(read_devices(sites))
    began = time.time()
    created, creation = await _run(tago, spec, out)
    deletion_spec = delete_spec(read_device_ids(out))
    deleted, deletion = await _run(tago, deletion_spec, out.with_suffix(".deleted.csv"))
    elapsed = _Phases(create=creation.elapsed, delete=deletion.elapsed)
    return _Cycle(created=created, deleted=deleted, began=began, elapsed=elapsed)


async def _run(tago: Tago, spec: RunSpec[Any], out: Path) -> tuple[int, Summary]:
    status = spec.operation.outcome.status
    with ResultsFile(out) as results, open_display(f"{status:>7}", spec.rows) as display:
        summary = await carry_out(tago, spec, results, display)
    if summary.stopped is not None:
        raise summary.stopped
    return results.counts[status], summary


# --- device list -------------------------------------------------------------------------------


def write_sites(path: Path, devices: int) -> None:
    """Write a CSV list of sample devices.

    Args:
        path: the file to write.
        devices: the number of rows.
    """
    text = files("tagodev").joinpath("data/site.csv").read_text(encoding="utf-8")
    shipped = list(csv.DictReader(text.splitlines()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(shipped[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(islice(_sites(shipped), devices))


def _sites(shipped: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the rows of the shipped site, then of similar sites without end."""
    for number in count():
        lap, index = divmod(number, len(_TOWNS))
        town = _TOWNS[index] if not lap else f"{_TOWNS[index]} {lap + 1}"
        site = town.casefold().replace(" ", "-")
        for row in shipped:
            yield {**row, "name": row["name"].replace(_TOWNS[0], town), "tag.site": site}


# --- ideal time --------------------------------------------------------------------------------


def _ideal(devices: int, limits: HardLimits, rates: _Phases, began: float) -> float:
    """Return the seconds that an ideal client needs: all creations, then all deletions."""
    minute = limits.minute

    def phase(route: str, rate: float, start: float) -> float:
        # Each route has its own counter, so both start unused.
        limit = limits.limit(route)
        to_next = minute - start % minute
        return forecast(
            devices,
            limit=limit,
            window_seconds=minute,
            free=limit,
            next_window_in=to_next,
            rate=rate,
        )

    create = phase("POST /device", rates.create, began)
    return create + phase("DELETE /device/:device_id", rates.delete, began + create)


async def _wait_for_start(devices: int, limits: HardLimits, rates: _Phases) -> None:
    """Wait for the next window if starting half a second later would cost a whole window.

    Just before a boundary, a client that waits for it loses a window that the ideal still uses, so
    the comparison would be meaningless.
    """
    now = time.time()
    at_once = _ideal(devices, limits, rates, now)
    later = _START_MARGIN + _ideal(devices, limits, rates, now + _START_MARGIN)
    if later - at_once > 2 * _START_MARGIN:
        wait = limits.minute - now % limits.minute
        print_message(f"The window is about to end: waiting {wait:.1f} s for the next one")
        await asyncio.sleep(wait)


# --- output ------------------------------------------------------------------------------------


def _print(outcome: _Outcome) -> None:
    cycle, routes = outcome.cycle, outcome.stats["routes"]
    print_line("Requests accepted by the emulator, by window:")
    rows = [
        {
            "window": time.strftime("%H:%M:%S", time.gmtime(window["window_start"])),
            "route": window["route"],
            "accepted": window["accepted"],
            "limit": routes[window["route"]]["limit"],
        }
        for window in sorted(outcome.windows(), key=lambda one: float(one["window_start"]))
    ]
    show_rows(rows, ("window", "route", "accepted", "limit"), OutputOptions(), noun="windows")
    print_line(
        f"{cycle.created} devices created in {cycle.elapsed.create:.1f} s, {cycle.deleted} deleted "
        f"in {cycle.elapsed.delete:.1f} s; {outcome.throttled} requests throttled.\n"
        f"{outcome.elapsed:.1f} s in total; ideal from the same start: {outcome.ideal:.1f} s."
    )
    if sys.stdout.isatty():
        print_line(
            "\nTry your own list, on an emulator that keeps running:\n"
            "  tagodev emulator --plan scale\n"
            "  tagodev bulk create site.csv --plan scale      (in another terminal)"
        )
