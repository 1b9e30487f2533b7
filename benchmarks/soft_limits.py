"""A soft limit of one device among many, in virtual time.

    python -m benchmarks.soft_limits

A hundred devices share a route with 15,000 requests a window; the service accepts 30 a window of
one of them. Each device has endless work of its own.
The table shows what the other 99 got in each window, and how much of it they lost.
"""

from __future__ import annotations

import argparse
import random
from heapq import heappop, heappush
from itertools import count
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from benchmarks.machine import describe
from benchmarks.simulation import EPOCH, Unpaced, latency
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.routes import Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagodev._limits.route_limiter import Permit

__all__ = ["simulate"]

_MINUTE: Final = 60.0
_DATA: Final = Route("POST", "/device/:device_id/data", counted_as="POST /data")


class World:
    """Devices that send, and a service with a soft limit, in virtual time."""

    def __init__(self, *, devices: int, limit: int, soft: int, seed: int = 1) -> None:
        """Set up a world.

        Args:
            devices: how many.
            limit: requests a window that the service accepts on the route.
            soft: requests a window that it accepts of the first device.
            seed: decides the clock and all delays.
        """
        self.limit, self.soft = limit, soft
        self.rng = random.Random(seed)
        self.offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self.now = 1000.0
        self.core = Core(
            Settings(HardLimits("simulated", {_DATA.name: limit}), concurrency=128),
            make_pacer=Unpaced,
            clock=ServerClock(suspended=lambda: 0.0),
        )
        self.limited: dict[int, int] = {}
        self.others: dict[int, int] = {}
        self.refused = 0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.wake: float | None = None
        for device in range(devices):
            for _ in range(8):
                self.ask(device)
        self.wake = self.core.dispatch(self.now)

    @property
    def window(self) -> int:
        """The service's window."""
        return floor((self.now + self.offset) / _MINUTE)

    def run_until(self, window: int) -> None:
        """Let time pass until a window begins."""
        while self.window < window:
            if self.wake is not None and (not self.events or self.wake < self.events[0][0]):
                self.now = max(self.wake, self.now + 1e-9)
                self.wake = self.core.dispatch(self.now)
            else:
                self.now, _, what = heappop(self.events)
                what()

    def ask(self, device: int, ticket: int | None = None) -> None:
        """Let a request of a device wait for its permit."""

        def send(permit: Permit) -> None:
            self.later(lambda: self.arrive(device, permit))

        priority = Priority.INTERACTIVE
        self.core.join(_DATA, send, self.now, priority=priority, ticket=ticket, device=str(device))

    def later(self, what: Callable[[], None]) -> None:
        """Call something after one way through the network."""
        heappush(self.events, (self.now + latency(self.rng), next(self.order), what))

    def arrive(self, device: int, permit: Permit) -> None:
        """Count a request, and answer it."""
        number = self.window
        mine = self.others if device else self.limited
        accepted = self.others.get(number, 0) + self.limited.get(number, 0) < self.limit
        if not device and mine.get(number, 0) >= self.soft:
            accepted = False
        if accepted:
            mine[number] = mine.get(number, 0) + 1
        else:
            self.refused += 1
        date = float(floor(self.now + self.offset))
        self.later(lambda: self.answer(device, permit, date, accepted=accepted))

    def answer(self, device: int, permit: Permit, date: float, *, accepted: bool) -> None:
        """Settle a request, and let the device's next one wait."""
        if accepted:
            self.core.settle(permit, self.now, 200, date)
            self.ask(device)
        else:
            left = float(ceil(_MINUTE - (self.now + self.offset) % _MINUTE))
            self.core.throttle(permit, self.now, left, date)
            self.ask(device, permit.ticket)
        self.wake = self.core.dispatch(self.now)


def simulate(
    *, devices: int = 100, limit: int = 15_000, soft: int = 30, windows: int = 6
) -> tuple[list[int], list[int], int]:
    """Return what the others and the limited device got in each whole window, and all 429s.

    Args:
        devices: how many.
        limit: requests a window that the service accepts on the route.
        soft: requests a window that it accepts of the first device.
        windows: how many windows to measure.
    """
    world = World(devices=devices, limit=limit, soft=soft)
    numbers = range(world.window + 1, world.window + 1 + windows)
    world.run_until(numbers.stop)
    others = [world.others.get(number, 0) for number in numbers]
    return others, [world.limited.get(number, 0) for number in numbers], world.refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it with and without the soft limit."""
    parser = argparse.ArgumentParser(prog="soft_limits", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--limit", type=int, default=15_000)
    parser.add_argument("--soft", type=int, default=30)
    options = parser.parse_args(arguments)
    print(describe(), flush=True)
    for soft in (options.limit, options.soft):
        others, limited, refused = simulate(devices=options.devices, limit=options.limit, soft=soft)
        print(
            f"one device may send {soft:>6}: it got {limited}, the others {others}, 429s {refused}"
        )


if __name__ == "__main__":
    main()
