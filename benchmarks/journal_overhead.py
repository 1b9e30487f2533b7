"""Overhead of a journal: the same creations with one and without, in turn.

Measured with the limits of the Scale plan, where a run mostly waits for the next window, and
without limits, where waiting does not hide the journal's cost.
Each run has its own emulator; those with limits begin at the same phase of a window.
Runs with and without a journal take turns, and of several rounds the quickest of each counts: other
load on the machine only adds time.
*Kept* is the throughput with a journal divided by that without.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.emulated import device_specs, wait_for_phase
from benchmarks.machine import describe
from tagodev import HardLimits, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNLIMITED: Final = HardLimits("unlimited", {}, default=10**9)
#: Creations before the clock starts: connections are made, code is warm.
_WARM_UP: Final = 300
#: Windows that a run on the Scale plan takes, in limits of one.
_WINDOWS: Final = (0.5, 1.5, 2.5)
#: Creations without limits.
_LENGTHS: Final = (3000, 10_000)


@attrs.frozen
class Case:
    """What to run with a journal and without."""

    devices: int
    """Devices to make."""
    limits: HardLimits
    """What the service accepts."""
    phase: float | None = None
    """Part of a window that is over at the start; None where there are no windows."""


async def take_time(case: Case, journal: Path | None) -> float:
    """Return the duration of one run, in seconds."""
    unlimited = case.phase is None
    options = EmulatorOptions(
        minute=case.limits.minute, unlimited=unlimited, max_devices=_WARM_UP + case.devices
    )
    async with (
        EmulatorProcess(options) as emulator,
        Tago(emulator.token, api=emulator.url, plan=case.limits) as tago,
    ):
        if case.phase is None:
            await tago.devices.create_many(device_specs(_WARM_UP))
        else:
            await tago.tokens.info()
            await wait_for_phase(case.limits.minute, case.phase)
        began = time.perf_counter()
        report = await tago.devices.create_many(device_specs(case.devices), journal=journal)
        seconds = time.perf_counter() - began
    assert case.devices == report.done, report
    return seconds


async def compare(case: Case, rounds: int, directory: Path) -> tuple[float, float]:
    """Return the quickest durations without a journal and with one, in seconds."""
    quickest = {False: float("inf"), True: float("inf")}
    for number, with_journal in product(range(rounds), (False, True)):
        journal = directory / f"{case.devices}-{number}.journal" if with_journal else None
        seconds = await take_time(case, journal)
        quickest[with_journal] = min(quickest[with_journal], seconds)
    return quickest[False], quickest[True]


async def measure(options: argparse.Namespace, directory: Path) -> None:
    """Run all cases and print each result."""
    scale = HardLimits.for_plan("scale", options.minute)
    limit = scale.limit("POST /device")
    cases = {
        f"{limit} in {options.minute:g} s": [
            Case(int(windows * limit), scale, options.phase) for windows in _WINDOWS
        ],
        "none": [Case(devices, _UNLIMITED) for devices in _LENGTHS],
    }
    print(f"{'limit':>12} {'devices':>8} {'without, s':>11} {'with, s':>8} {'kept':>7}")
    for name, some in cases.items():
        for case in some:
            without, with_journal = await compare(case, options.rounds, directory)
            print(
                f"{name:>12} {case.devices:>8} {without:>11.2f} {with_journal:>8.2f} "
                f"{without / with_journal:>7.1%}",
                flush=True,
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements."""
    options = _parse(arguments)
    print(describe("aiohttp"), flush=True)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        asyncio.run(measure(options, Path(directory)))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="journal_overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds per case (default 3)")
    parser.add_argument(
        "--minute", type=float, default=6.0, help="a window's length in seconds (default 6)"
    )
    parser.add_argument(
        "--phase", type=float, default=0.2, help="elapsed part of a window at the start"
    )
    parser.add_argument("--directory", type=Path, help="folder of the journals")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
