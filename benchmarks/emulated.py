"""What the programs that talk to the emulator share: devices to make, when to start, the ideal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tagodev import DeviceCreate, HardLimits, Tag, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.limits.forecast import forecast

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
    """Yield so many devices to be made, each with a name of its own and a tag."""
    for number in range(count):
        yield DeviceCreate(name=f"Sensor {number}", tags=[Tag("site", str(number % 40))])


async def unlimited_rate() -> float:
    """Return the creations a second that tagodev reaches here where nothing is limited.

    The fastest of three: whatever else this machine does makes it slower, never faster, and a
    higher rate only makes the ideal harder to reach.
    """
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
    """Return the seconds that a greedy client needs that knows everything.

    Each window completes min(limit, rate x time left in it).

    Args:
        count: devices to be made.
        limits: what the service accepts.
        rate: creations a second without limits.
        began: when it began, by the service's clock.
    """
    limit, minute = limits.limit(CREATE), limits.minute
    left = minute - began % minute
    return forecast(
        count, limit=limit, window_seconds=minute, free=limit, next_window_in=left, rate=rate
    )


async def wait_for_phase(minute: float, phase: float, clock_offset: float = 0.0) -> float:
    """Wait until the service's window has come so far, and return the service's time.

    Args:
        minute: a window's length in seconds.
        phase: which part of the window is to be over, from 0 to 1.
        clock_offset: seconds by which the service's clock runs ahead of this machine's.
    """
    now = time.time() + clock_offset
    await asyncio.sleep((phase * minute - now) % minute)
    return time.time() + clock_offset
