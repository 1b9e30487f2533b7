"""Latency of interactive calls during a bulk run, compared with an idle profile.

One process creates devices in bulk at the limit, and single ones now and then, on the same route
and with a reserve.
The service takes 50 ms to answer, so that waiting dominates, not this machine.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.emulated import CREATE, device_specs
from benchmarks.machine import describe
from tagodev import DeviceCreate, HardLimits, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT: Final = 500
_MINUTE: Final = 6.0
#: Seconds from one call to the next: 15 a window.
_EVERY: Final = 0.4
_RESERVE: Final = 20
_LATENCY: Final = 0.05


@attrs.frozen
class Waited:
    """Durations of calls, in seconds."""

    idle: float
    """All but one in a hundred of them, on an idle profile."""
    busy: float
    """The same during a bulk run."""
    rejected: int
    """Requests that were refused."""
    made_in_bulk: int
    """Devices that the bulk run made meanwhile."""

    @property
    def ratio(self) -> float:
        """Duration of a call during a bulk run, divided by that on an idle profile."""
        return self.busy / self.idle


async def measure(calls: int) -> Waited:
    """Make calls on an idle profile, and as many during a bulk run."""
    limits = HardLimits.for_plan("scale", _MINUTE).override(CREATE, _LIMIT)
    options = EmulatorOptions(
        minute=_MINUTE, limits={CREATE: _LIMIT}, latency=_LATENCY, max_devices=10**6
    )
    async with (
        EmulatorProcess(options) as emulator,
        Tago(emulator.token, api=emulator.url, plan=limits, reserve=_RESERVE) as tago,
    ):
        # The first request asks for the time, and connects.
        await tago.devices.create(DeviceCreate(name="first"))
        idle = await _calls(tago, calls)
        async with tago.devices.create_many(device_specs(10**6)) as run:
            bulk = asyncio.create_task(_count(run))
            busy = await _calls(tago, calls)
            bulk.cancel()
            with suppress(asyncio.CancelledError):
                await bulk
        stats = await asyncio.to_thread(emulator.stats)
    made = stats["created"] - 2 * calls - 1
    return Waited(_p99(idle), _p99(busy), stats["rejected"], made)


async def _count(run: object) -> None:
    async for _ in run:  # type: ignore[attr-defined]  # a run of any kind
        pass


async def _calls(tago: Tago, calls: int) -> list[float]:
    loop = asyncio.get_running_loop()
    began, waited = loop.time(), []
    for nth in range(calls):
        await asyncio.sleep(began + nth * _EVERY - loop.time())
        asked = loop.time()
        await tago.devices.create(DeviceCreate(name="call"))
        waited.append(loop.time() - asked)
    return waited


def _p99(waited: list[float]) -> float:
    return sorted(waited)[int(0.99 * (len(waited) - 1))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="latency", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="calls of each kind (default 100)")
    waited = asyncio.run(measure(parser.parse_args(arguments).calls))
    print(describe("aiohttp"))
    print(
        f"p99 {waited.idle * 1000:.1f} ms on an idle profile, {waited.busy * 1000:.1f} ms beside a "
        f"bulk run that made {waited.made_in_bulk} devices: {waited.ratio:.2f} times (1.5 wanted); "
        f"{waited.rejected} rejected"
    )


if __name__ == "__main__":
    main()
