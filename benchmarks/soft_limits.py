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
from tagodev.hard_limits import HardLimits
from tagodev.limits.clock import ServerClock
from tagodev.limits.core import Core
from tagodev.limits.routes import Route
from tagodev.limits.settings import Settings
from tagodev.limits.wait_queue import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagodev.limits.route_limiter import Permit

__all__ = ["simulate"]

_MINUTE: Final = 60.0
_DATA: Final = Route("POST", "/device/:device_id/data", counted_as="POST /data")


def simulate(
    *, devices: int = 100, limit: int = 15_000, soft: int = 30, windows: int = 6, seed: int = 1
) -> tuple[list[int], list[int], int]:
    """Return what the others and the limited device got in each whole window, and all 429s.

    Args:
        devices: how many.
        limit: requests a window that the service accepts on the route.
        soft: requests a window that it accepts of the first device.
        windows: how many windows to measure.
        seed: decides the clock and all delays.
    """
    rng = random.Random(seed)
    offset = EPOCH + rng.uniform(-300.0, 300.0)
    now = 1000.0
    core = Core(
        Settings(HardLimits("simulated", {_DATA.name: limit}), concurrency=128),
        make_pacer=Unpaced,
        clock=ServerClock(suspended=lambda: 0.0),
    )
    accepted: dict[tuple[bool, int], int] = {}
    refused = 0
    events: list[tuple[float, int, Callable[[], None]]] = []
    order = count()

    def at(when: float, what: Callable[[], None]) -> None:
        heappush(events, (when, next(order), what))

    def ask(device: int, ticket: int | None = None) -> None:
        def send(permit: Permit) -> None:
            at(now + latency(rng), lambda: arrive(device, permit))

        core.join(
            _DATA, send, now, priority=Priority.INTERACTIVE, ticket=ticket, device=str(device)
        )

    def arrive(device: int, permit: Permit) -> None:
        nonlocal refused
        number = floor((now + offset) / _MINUTE)
        mine, all_of_it = (device == 0, number), [(True, number), (False, number)]
        full = sum(accepted.get(key, 0) for key in all_of_it) >= limit
        allowed = not full and (device or accepted.get(mine, 0) < soft)
        if allowed:
            accepted[mine] = accepted.get(mine, 0) + 1
        else:
            refused += 1
        date = float(floor(now + offset))

        def answer() -> None:
            if allowed:
                core.settle(permit, now, 200, date)
                ask(device)
            else:
                left = float(ceil(_MINUTE - (now + offset) % _MINUTE))
                core.throttle(permit, now, left, date)
                ask(device, permit.ticket)
            dispatch()

        at(now + latency(rng), answer)

    wake: float | None = None

    def dispatch() -> None:
        nonlocal wake
        wake = core.dispatch(now)

    for device in range(devices):
        for _ in range(8):
            ask(device)
    dispatch()
    first = floor((now + offset) / _MINUTE) + 1
    while now + offset < (first + windows) * _MINUTE:
        if wake is not None and (not events or wake < events[0][0]):
            now = max(wake, now + 1e-9)
            dispatch()
        else:
            now, _, what = heappop(events)
            what()
    numbers = range(first, first + windows)
    others = [accepted.get((False, number), 0) for number in numbers]
    return others, [accepted.get((True, number), 0) for number in numbers], refused


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
