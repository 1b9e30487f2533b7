"""``tagodev demo``: thousands of devices made and deleted on an emulated service.

The demonstration measures itself against an ideal: what a greedy client that knew everything
would need, at the speed that this machine reaches without limits.
That speed is taken in the same run, from an emulator that refuses nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from tagodev.cli.bulk.execution import Summary, carry_out
from tagodev.cli.bulk.operations import RunSpec, create_spec, delete_spec
from tagodev.cli.bulk.results import ResultsFile
from tagodev.cli.commands.demo_site import write_sites
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.service import hard_limits
from tagodev.cli.output.console import print_json, say
from tagodev.cli.output.progress import open_display
from tagodev.client import Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.errors import InputError
from tagodev.hard_limits import HardLimits, Plan
from tagodev.limits.forecast import forecast
from tagodev.provision.read.devices import read_device_ids, read_devices

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["demo"]

#: Rows that measure this machine, after some that only warm it up.
_MEASURED: Final = 1200
_WARM_UP: Final = 200
#: Where so many seconds decide about a whole window, the start is put off.
_KNIFE_EDGE: Final = 0.5
_DEVICE_CAP: Final = 1_000_000
_UNLIMITED: Final = HardLimits("unlimited", {}, default=10**9)


@attrs.frozen(kw_only=True)
class _Both:
    """A figure of the creation, and the same of the deletion."""

    create: float
    delete: float


@attrs.frozen(kw_only=True)
class _Pass:
    """Devices made and deleted again."""

    created: int
    deleted: int
    began: float
    """When the creation began, in seconds of the epoch."""
    elapsed: _Both


@attrs.frozen(kw_only=True)
class _Outcome:
    """What the demonstration has shown."""

    devices: int
    done: _Pass
    ideal: float
    stats: Mapping[str, Any] = attrs.field(repr=False)
    """What the emulator counted."""

    @property
    def elapsed(self) -> float:
        return self.done.elapsed.create + self.done.elapsed.delete

    @property
    def throttled(self) -> int:
        rejected: int = self.stats["rejected"]
        return rejected

    def windows(self) -> list[dict[str, Any]]:
        """Return what each window of each route accepted."""
        return [
            {"route": route, "window_start": window["start"], "accepted": window["accepted"]}
            for route, counts in self.stats["routes"].items()
            for window in counts["windows"]
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "devices": self.devices,
            "created": self.done.created,
            "deleted": self.done.deleted,
            "throttled": self.throttled,
            "elapsed_s": round(self.elapsed, 3),
            "ideal_s": round(self.ideal, 3),
            "ratio": round(self.elapsed / self.ideal, 3),
            "requests_per_window": self.windows(),
        }


def demo(
    *,
    devices: Annotated[int, Parameter(help="How many devices.")] = 6000,
    plan: Annotated[Plan, Parameter(help="Whose limits.")] = "scale",
    minute: Annotated[float, Parameter(help="Seconds of a window; 60 on TagoIO.")] = 10.0,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Make thousands of devices, delete them, and show what happened."""
    if not 1 <= devices <= _DEVICE_CAP:
        raise InputError(f"must be from 1 to {_DEVICE_CAP}, not {devices}", path="--devices")
    limits = hard_limits(plan, minute)
    say(
        f"An emulated TagoIO on this machine, with the limits of {plan}: "
        f"{limits.limit('POST /device')} creations a minute, as many deletions.\n"
        f"The minute is shortened to {minute:g} s."
    )
    with tempfile.TemporaryDirectory(prefix="tagodev-demo-") as folder:
        outcome = asyncio.run(_show(devices, plan, limits, Path(folder)))
    if json:
        print_json(outcome.as_json())
    else:
        _print(outcome)
    complete = outcome.done.created == outcome.done.deleted == devices
    return Exit.OK if complete else Exit.PARTIAL


async def _show(devices: int, plan: Plan, limits: HardLimits, folder: Path) -> _Outcome:
    say("First, how fast this machine is where nothing is limited:")
    rates = await _measure(folder)
    say(f"{rates.create:.0f} creations a second, {rates.delete:.0f} deletions. Now with limits:")
    options = EmulatorOptions(plan=plan, minute=limits.minute, max_devices=devices)
    async with EmulatorProcess(options) as emulator:
        sites = folder / "sites.csv"
        write_sites(sites, devices)
        await _avoid_knife_edge(devices, limits, rates)
        # No ledger that outlives it: this service is nobody else's, and is gone in a moment.
        async with Tago(emulator.token, api=emulator.url, plan=limits) as tago:
            done = await _there_and_back(tago, sites, folder / "results.csv")
        stats = await asyncio.to_thread(emulator.stats)
    ideal = _ideal(devices, limits, rates, done.began)
    return _Outcome(devices=devices, done=done, ideal=ideal, stats=stats)


async def _measure(folder: Path) -> _Both:
    """Return this machine's rates, in rows a second, where nothing is limited."""
    options = EmulatorOptions(unlimited=True, max_devices=_WARM_UP + _MEASURED)
    elapsed = _Both(create=1, delete=1)
    async with (
        EmulatorProcess(options) as emulator,
        Tago(emulator.token, api=emulator.url, plan=_UNLIMITED) as tago,
    ):
        for rows in (_WARM_UP, _MEASURED):
            sites = folder / f"measured-{rows}.csv"
            write_sites(sites, rows)
            done = await _there_and_back(tago, sites, sites.with_suffix(".results.csv"))
            elapsed = done.elapsed
    return _Both(create=_MEASURED / elapsed.create, delete=_MEASURED / elapsed.delete)


async def _there_and_back(tago: Tago, sites: Path, out: Path) -> _Pass:
    """Make the devices of a file and delete those that were made."""
    spec = create_spec(read_devices(sites))
    began = time.time()
    created, creation = await _run(tago, spec, out)
    deletion_spec = delete_spec(read_device_ids(out))
    deleted, deletion = await _run(tago, deletion_spec, out.with_suffix(".deleted.csv"))
    elapsed = _Both(create=creation.elapsed, delete=deletion.elapsed)
    return _Pass(created=created, deleted=deleted, began=began, elapsed=elapsed)


async def _run(tago: Tago, spec: RunSpec[Any], out: Path) -> tuple[int, Summary]:
    with ResultsFile(out) as results, open_display(f"{spec.names.done:>7}", spec.rows) as display:
        summary = await carry_out(tago, spec, results, display)
    if summary.stopped is not None:
        raise summary.stopped
    return results.counts.get(spec.names.done, 0), summary


# --- the ideal ---------------------------------------------------------------------------------


def _ideal(devices: int, limits: HardLimits, rates: _Both, began: float) -> float:
    """Return the seconds a greedy client needs: all creations, then all deletions."""
    minute = limits.minute

    def phase(route: str, rate: float, start: float) -> float:
        # The two routes have counters of their own: each begins unused.
        limit = limits.limit(route)
        to_next = minute - start % minute
        return forecast(
            devices, limit=limit, minute=minute, free=limit, next_window_in=to_next, rate=rate
        )

    create = phase("POST /device", rates.create, began)
    return create + phase("DELETE /device/:device_id", rates.delete, began + create)


async def _avoid_knife_edge(devices: int, limits: HardLimits, rates: _Both) -> None:
    """Wait for the next window where half a second now would decide about a whole one later.

    Just before a boundary any client that is careful about it may lose a window to the ideal,
    which would say nothing about the client.
    """
    now = time.time()
    at_once = _ideal(devices, limits, rates, now)
    later = _KNIFE_EDGE + _ideal(devices, limits, rates, now + _KNIFE_EDGE)
    if later - at_once > 2 * _KNIFE_EDGE:
        wait = limits.minute - now % limits.minute
        say(f"The window is about to end: waiting {wait:.1f} s for the next")
        await asyncio.sleep(wait)


# --- what is printed ---------------------------------------------------------------------------


def _print(outcome: _Outcome) -> None:
    console = Console(highlight=False)
    done = outcome.done
    table = Table(title="Requests that the service counted, window by window")
    table.add_column("window")
    table.add_column("route")
    table.add_column("accepted", justify="right")
    table.add_column("limit", justify="right")
    for window in sorted(outcome.windows(), key=lambda window: float(window["window_start"])):
        route, start = window["route"], time.gmtime(window["window_start"])
        limit = outcome.stats["routes"][route]["limit"]
        table.add_row(time.strftime("%H:%M:%S", start), route, str(window["accepted"]), str(limit))
    console.print(table)
    console.print(
        f"{done.created} devices created in {done.elapsed.create:.1f} s, {done.deleted} deleted "
        f"in {done.elapsed.delete:.1f} s; {outcome.throttled} requests throttled.\n"
        f"{outcome.elapsed:.1f} s in all; the ideal from the same start: {outcome.ideal:.1f} s."
    )
    if sys.stdout.isatty():
        console.print(
            "\nNow with a list of your own, and a service that stays:\n"
            "  tagodev emulator --plan scale\n"
            "  tagodev bulk create site.csv --plan scale      (in another terminal)"
        )
