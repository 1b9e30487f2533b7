"""Clients of one profile without a common ledger, in virtual time, and their parts of a limit.

    python -m benchmarks.equals
    python -m benchmarks.equals --limits 250 --clients 3 8 --seeds 5

Each client is a scheduler core with endless bulk work; none knows of the others.
They begin together, or one after the other every three windows.
The table shows, from twenty windows after the last of them began: Jain's index of what they got in
twenty windows, the part of the limit that was used, and the refused requests, as a part of all and
per client and window; and over how many windows a client that leaves is made up for.
"""

from __future__ import annotations

import argparse
import random
from heapq import heappop, heappush
from itertools import count
from math import ceil, floor
from statistics import fmean
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.machine import describe
from benchmarks.simulation import CREATE, EPOCH, Unpaced, latency
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagodev._limits.route_limiter import Permit

__all__ = ["Equals", "Fairness"]

_MINUTE: Final = 60.0
_SETTLES: Final = 20
_MEASURED: Final = 20
_STAGGER: Final = 3
_AFTER: Final = 12


@attrs.frozen
class Fairness:
    """What was seen of some clients."""

    jain: float
    """Jain's index of what each got: 1 if all got the same."""
    used: float
    """Accepted requests, as a part of the limit."""
    rejected: float
    """Refused requests, as a part of all."""
    rejected_overall: float
    """The same from the first window on."""
    rejected_a_window: float
    """Refused requests a client and window."""
    made_up_in: int
    """Windows until the limit was used again after a client had left."""


class _Client:
    """A core with endless bulk work."""

    def __init__(self, world: Equals) -> None:
        self.world = world
        limits = HardLimits("simulated", {CREATE.name: world.limit}, minute=_MINUTE)
        self.core = Core(
            Settings(limits), make_pacer=Unpaced, clock=ServerClock(suspended=lambda: 0.0)
        )
        self.accepted: dict[int, int] = {}
        self.rejected: dict[int, int] = {}
        self.gone = False
        self.wake: float | None = None

    def begin(self) -> None:
        """Let its work begin."""
        for _ in range(64):
            self.ask(None)
        self.dispatch()

    def ask(self, ticket: int | None) -> None:
        """Let one more request wait."""
        if not self.gone:
            now = self.world.now
            self.core.join(CREATE, self.send, now, priority=Priority.BULK, ticket=ticket)

    def dispatch(self) -> None:
        """Issue what is free, and come back when more may be."""
        wake = None if self.gone else self.core.dispatch(self.world.now)
        if wake is not None and (self.wake is None or wake < self.wake):
            self.wake = wake
            self.world.at(wake, self.on_wake)

    def on_wake(self) -> None:
        """Dispatch, unless an earlier timer did."""
        if self.wake is not None and self.world.now >= self.wake:
            self.wake = None
            self.dispatch()

    def send(self, permit: Permit) -> None:
        """Let a request travel to the service and back."""
        world = self.world
        there, back = latency(world.rng), latency(world.rng)

        def arrive() -> None:
            accepted = world.handle(self)
            date = float(floor(world.server_time))
            world.at(world.now + back, lambda: answer(accepted, date))

        def answer(accepted: bool, date: float) -> None:
            if accepted:
                self.core.settle(permit, world.now, 200, date)
                self.ask(None)
            else:
                left = _MINUTE - world.server_time % _MINUTE
                self.core.throttle(permit, world.now, float(ceil(left)), date)
                self.ask(permit.ticket)
            self.dispatch()

        world.at(world.now + there, arrive)


class Equals:
    """Clients of one profile, and the service, in virtual time."""

    def __init__(self, limit: int, clients: int, seed: int, *, together: bool) -> None:
        """Set up a world; equal seeds give equal histories.

        Args:
            limit: requests a window.
            clients: how many.
            seed: decides the service's clock, the starting phase and all delays.
            together: whether all begin at once, or one every three windows.
        """
        self.limit = limit
        self.rng = random.Random(seed)
        self.offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self.now = 1000.0 + self.rng.uniform(0.0, _MINUTE)
        self.counts: dict[int, int] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.clients = [_Client(self) for _ in range(clients)]
        first = floor(self.server_time / _MINUTE)
        for nth, client in enumerate(self.clients):
            later = self.rng.uniform(0, 1) if together else _STAGGER * nth * _MINUTE
            self.at(self.now + later, client.begin)
        self.settled = first + 1 + _SETTLES + (0 if together else _STAGGER * (clients - 1))
        self.first = first

    @property
    def server_time(self) -> float:
        """What the service's clock shows."""
        return self.now + self.offset

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Schedule a call."""
        heappush(self._events, (when, next(self._order), what))

    def handle(self, client: _Client) -> bool:
        """Count a request that arrives, and return whether it is accepted."""
        number = floor(self.server_time / _MINUTE)
        accepted = self.counts.get(number, 0) < self.limit
        table = client.accepted if accepted else client.rejected
        table[number] = table.get(number, 0) + 1
        if accepted:
            self.counts[number] = self.counts.get(number, 0) + 1
        return accepted

    def run_until(self, window: int) -> None:
        """Let time pass until a window begins."""
        while self.server_time < window * _MINUTE:
            when, _, what = heappop(self._events)
            self.now = max(when, self.now)
            what()

    def run(self) -> Fairness:
        """Run until the parts have been measured and one client has left."""
        end = self.settled + _MEASURED
        self.run_until(end)
        measured = range(self.settled, end)
        got = [sum(one.accepted.get(n, 0) for n in measured) for one in self.clients]
        refused = sum(one.rejected.get(n, 0) for one in self.clients for n in measured)
        overall = sum(sum(one.rejected.values()) for one in self.clients)
        self.clients[0].gone = True
        self.run_until(end + _AFTER)
        used = [self.counts.get(end + later, 0) for later in range(_AFTER)]
        made_up = next((n for n, one in enumerate(used) if one >= 0.95 * self.limit), _AFTER)
        return Fairness(
            jain=sum(got) ** 2 / (len(got) * sum(one * one for one in got)),
            used=sum(got) / (_MEASURED * self.limit),
            rejected=refused / (sum(got) + refused),
            rejected_overall=overall / (sum(self.counts.values()) + overall),
            rejected_a_window=refused / (_MEASURED * len(self.clients)),
            made_up_in=made_up,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(prog="equals", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--limits", type=int, nargs="+", default=[10, 250, 5000])
    parser.add_argument("--clients", type=int, nargs="+", default=[3, 4, 8])
    parser.add_argument("--seeds", type=int, default=5, help="runs a row (default 5)")
    options = parser.parse_args(arguments)
    print(describe(), flush=True)
    print(
        f"{'limit':>6} {'clients':>8} {'begin':>10} {'Jain, least':>12} {'used, least':>12} "
        f"{'429s, %':>8} {'overall, %':>11} {'a client, window':>17} {'made up in':>11}"
    )
    for limit in options.limits:
        for clients in options.clients:
            for together in (True, False):
                runs = [
                    Equals(limit, clients, seed, together=together).run()
                    for seed in range(options.seeds)
                ]
                print(
                    f"{limit:>6} {clients:>8} {'together' if together else 'staggered':>10} "
                    f"{min(run.jain for run in runs):>12.3f} {min(run.used for run in runs):>12.3f}"
                    f" {100 * fmean(run.rejected for run in runs):>8.2f} "
                    f"{100 * fmean(run.rejected_overall for run in runs):>11.2f} "
                    f"{fmean(run.rejected_a_window for run in runs):>17.2f} "
                    f"{max(run.made_up_in for run in runs):>11}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
