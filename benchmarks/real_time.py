"""Creations over HTTP, in real time, on a service with a different clock.

For each clock offset the same job starts at several phases of the service's window.
The table shows rejected requests, the job's duration, and that of a greedy client with complete
knowledge that starts at the same moment; the target is 1.05 times that plus 1.5 s.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

import attrs

from benchmarks.emulated import (
    CREATE,
    device_specs,
    ideal_makespan,
    unlimited_rate,
    wait_for_phase,
)
from benchmarks.machine import describe
from tagodev import HardLimits, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen(kw_only=True)
class Outcome:
    """Result of one job."""

    created: int
    """Devices made."""
    rejected: int
    """Requests that the service answered with 429."""
    most: int
    """Requests that the service accepted in its fullest window."""
    makespan: float
    """Seconds from the start to the last answer."""
    ideal: float
    """Seconds that a greedy client needs from the same start."""

    @property
    def ratio(self) -> float:
        """Duration divided by the ideal."""
        return self.makespan / self.ideal

    @property
    def in_bounds(self) -> bool:
        """Whether the duration meets the target."""
        return self.makespan <= 1.05 * self.ideal + 1.5


async def measure(options: argparse.Namespace) -> None:
    """Run every job and print each result."""
    rate = await unlimited_rate()
    print(
        f"{options.devices} devices, limit {options.limit} a window of {options.minute:g} s; "
        f"{rate:.0f} a second without limits\n"
    )
    print(
        f"{'clock offset, s':>15} {'begun at':>9} {'created':>8} {'rejected':>9} "
        f"{'most a window':>14} {'makespan, s':>12} {'ideal, s':>9} {'ratio':>6} {'in bounds':>10}"
    )
    for clock_offset in options.clock_offset:
        for nth in range(options.starts):
            phase = (nth + 0.5) / options.starts
            outcome = await run_job(options, rate, clock_offset, phase)
            _print(clock_offset, phase, outcome)


async def run_job(
    options: argparse.Namespace, rate: float, clock_offset: float, phase: float
) -> Outcome:
    """Create the devices on a new emulator."""
    limits = HardLimits.for_plan("scale", options.minute).override(CREATE, options.limit)
    emulated = EmulatorOptions(
        minute=options.minute,
        clock_offset=clock_offset,
        max_devices=options.devices,
        limits={CREATE: options.limit},
    )
    async with (
        EmulatorProcess(emulated) as emulator,
        Tago(emulator.token, api=emulator.url, plan=limits) as tago,
    ):
        began = await wait_for_phase(options.minute, phase, clock_offset)
        report = await tago.devices.create_many(device_specs(options.devices))
        stats = await asyncio.to_thread(emulator.stats)
    return Outcome(
        created=report.done,
        rejected=stats["rejected"],
        most=max(window["accepted"] for window in stats["routes"][CREATE]["windows"]),
        makespan=report.elapsed,
        ideal=ideal_makespan(options.devices, limits, rate, began),
    )


def _print(clock_offset: float, phase: float, outcome: Outcome) -> None:
    print(
        f"{clock_offset:>15g} {phase:>9.0%} {outcome.created:>8} {outcome.rejected:>9} "
        f"{outcome.most:>14} {outcome.makespan:>12.2f} {outcome.ideal:>9.2f} {outcome.ratio:>6.3f} "
        f"{'yes' if outcome.in_bounds else 'NO':>10}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all jobs."""
    options = _parse(arguments)
    print(describe("aiohttp", "aiolimiter"), flush=True)
    asyncio.run(measure(options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="real_time",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--devices", type=int, default=4500, help="number of devices (default 4500)"
    )
    parser.add_argument(
        "--limit", type=int, default=1000, help="creations per window (default 1000)"
    )
    parser.add_argument(
        "--minute", type=float, default=6.0, help="a window's length in seconds (default 6)"
    )
    parser.add_argument(
        "--clock-offset",
        type=float,
        nargs="+",
        default=[37.0, -90.4],
        help="seconds by which the service's clock is ahead (default 37 -90.4)",
    )
    parser.add_argument("--starts", type=int, default=5, help="number of start phases (default 5)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
