"""Helpers of the programs that use the emulator: devices, phases, the ideal duration."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tagodev import DeviceCreate, HardLimits, Tag, Tago
from tagodev._limits.forecast import forecast
from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CREATE", "device_specs", "ideal_makespan", "unlimited_rate", "wait_for_phase"]

#: The route that the programs measure, as the table of limits names it.
CREATE: Final = "POST /device"

_UNLIMITED: Final = HardLimits("unlimited", {}, default=10**9)
_WARM_UP: Final = 300
_MEASURED: Final = 1500
_REPEATS: Final = 3


def device_specs(count: int) -> Iterator[DeviceCreate]:
    """Yield devices to create, each with a unique name and a tag."""
    for number in range(count):
        yield DeviceCreate(name=f"Sensor {number}", tags=[Tag("site", str(number % 40))])


async def unlimited_rate() -> float:
    """Return the creations per second that tagodev reaches without limits."""
    devices = _WARM_UP + _REPEATS * _MEASURED
    options = EmulatorOptions(unlimited=True, max_devices=devices)
    fastest = 0.0
    async with (
        EmulatorProcess(options) as emulator,
        Tago(emulator.token, api=emulator.url, plan=_UNLIMITED) as tago,
    ):
        await tago.devices.create_many(device_specs(_WARM_UP))
        for _ in range(_REPEATS):
            report = await tago.devices.create_many(device_specs(_MEASURED))
            fastest = max(fastest, report.done / report.elapsed)
    return fastest


def ideal_makespan(count: int, limits: HardLimits, rate: float, began: float) -> float:
    """Return the duration for a greedy client with complete knowledge, in seconds."""
    limit, minute = limits.limit(CREATE), limits.minute
    left = minute - began % minute
    return forecast(
        count, limit=limit, window_seconds=minute, free=limit, next_window_in=left, rate=rate
    )


async def wait_for_phase(minute: float, phase: float, clock_offset: float = 0.0) -> float:
    """Wait for a phase of the service's window, and return the service's time.

    Args:
        minute: a window's length in seconds.
        phase: elapsed part of the window, 0 to 1.
        clock_offset: seconds by which the service's clock is ahead.
    """
    now = time.time() + clock_offset
    await asyncio.sleep((phase * minute - now) % minute)
    return time.time() + clock_offset
