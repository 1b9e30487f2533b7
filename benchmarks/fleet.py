"""Simulates many full profiles in virtual time.

    python -m benchmarks.fleet --profiles 1000 --devices 10000

Each profile edits all of its devices, at the 2,000 a minute of the Scale plan, in two processes
that share its limits through a store.
Cores, lease clients and the leases are tagodev's own code; the service, the network and the
connection to the store are models (`benchmarks.simulation`).
All profiles simulated by one process of this machine share one virtual time.

It prints, for growing numbers of profiles: the CPU time per request, including the simulation,
which must not grow; the number of rejected requests; and the used part of the limit in the
windows in which every process of a profile had work from beginning to end.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from heapq import heappop, heappush
from itertools import count
from math import floor, inf
from multiprocessing import Pool
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.machine import describe
from benchmarks.rivals.job import peak_memory
from benchmarks.simulation import EPOCH, Service, Unpaced, latency
from tagodev import HardLimits
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.ledger.lease_client import LeaseClient
from tagodev._limits.routes import CLOCK_ROUTE, Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tests.limits.leasing import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagodev._limits.route_limiter import Permit

_EDIT: Final = Route("PUT", "/device/:device_id")
_INFO: Final = Route(*CLOCK_ROUTE.split())
_MINUTE: Final = 60.0
#: Processes that share a profile.
_PROCESSES: Final = 2
#: Seconds to the store and back.
_TO_THE_STORE: Final = 0.001
#: Seconds between two looks at what can be given back, as in the shell for asyncio.
_TICK: Final = 0.1


@attrs.frozen(kw_only=True)
class Figures:
    """Results of some profiles."""

    profiles: int
    """How many."""
    requests: int
    """Requests that the service accepted of them."""
    rejected: int
    """Requests that it refused."""
    full_windows: int
    """Windows in which every process of its profile had work from beginning to end."""
    used: int
    """Requests accepted in those."""
    limit: int
    """What each of them takes."""
    cpu: float
    """Seconds of CPU, the models included."""
    memory: float
    """The most that was resident of a simulating process, in MB."""

    @property
    def use(self) -> float:
        """Used part of the limit in full windows."""
        return self.used / (self.full_windows * self.limit) if self.full_windows else 0.0

    @property
    def cpu_us(self) -> float:
        """CPU of a request, in microseconds."""
        return self.cpu / self.requests * 1e6


class Time:
    """The virtual time of all simulations in a process."""

    def __init__(self) -> None:
        """Start at a thousand seconds."""
        self.now = 1000.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Schedule a call."""
        heappush(self._events, (when, next(self._order), what))

    def run(self) -> None:
        """Advance the time until no call is left."""
        while self._events:
            self.now, _, what = heappop(self._events)
            what()


class Profile:
    """A profile: its limits on the service, its store, its processes."""

    def __init__(self, clock: Time, devices: int, seed: int) -> None:
        """Create the profile and its processes, which start at different times."""
        self.time = clock
        self.rng = random.Random(seed)
        self.offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self.limits = HardLimits.for_plan("scale")
        self.service = Service(self.limits.limit(_EDIT.name), _MINUTE)
        self.store = MemoryStore()
        start = clock.now + self.rng.uniform(0.0, _MINUTE)
        rows = [devices // _PROCESSES] * _PROCESSES
        rows[0] += devices % _PROCESSES
        self.processes = [Process(self, many, start) for many in rows]

    @property
    def server_time(self) -> float:
        """What the service's clock shows."""
        return self.time.now + self.offset

    def full_windows(self) -> range:
        """Return the windows in which all of its processes had work from beginning to end."""
        began = max(process.began for process in self.processes)
        ended = min(process.ended for process in self.processes)
        return range(floor(began / _MINUTE) + 1, floor(ended / _MINUTE))


class Process:
    """One of the processes that share a profile: a core and its lease client."""

    def __init__(self, profile: Profile, rows: int, start: float) -> None:
        """Start at a time."""
        self.began = self.ended = 0.0
        self._profile = profile
        self._time = profile.time
        self._rows = rows
        self._asked = self._done = 0
        self._asking = False
        self._wanted = False
        self._wakes_at = inf
        self.core = Core(
            Settings(profile.limits),
            make_pacer=Unpaced,
            clock=ServerClock(suspended=lambda: 0.0),
            on_lease_needed=self._want,
        )
        self._lease_client = LeaseClient(self.core, "simulated", processes=_PROCESSES)
        self._time.at(start, self._begin)

    # --- rows ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.began = self._profile.server_time
        self.core.join(_INFO, lambda permit: self._send(permit, self._go_on), self._time.now)
        self._dispatch()

    def _go_on(self) -> None:
        for _ in range(2 * self.core.settings.concurrency):
            self._ask_next()

    def _ask_next(self) -> None:
        if self._asked < self._rows:
            self._asked += 1
            self._join(None)

    def _join(self, ticket: int | None) -> None:
        self.core.join(
            _EDIT, self._edit, self._time.now, priority=Priority.BULK, run=1, ticket=ticket
        )

    def _edit(self, permit: Permit) -> None:
        self._send(permit, self._finish_row)

    def _finish_row(self) -> None:
        self._done += 1
        self.ended = self._profile.server_time
        self._ask_next()

    def _send(self, permit: Permit, done: Callable[[], None]) -> None:
        profile = self._profile
        there, back = latency(profile.rng), latency(profile.rng)

        def arrive() -> None:
            # Requests for the time are of another route, which nothing here exhausts.
            asks = permit.limiter.route.name == CLOCK_ROUTE
            accepted = asks or profile.service.handle(profile.server_time)
            date = float(floor(profile.server_time))
            self._time.at(self._time.now + back, lambda: answer(accepted, date))

        def answer(accepted: bool, date: float) -> None:
            if accepted:
                self.core.settle(permit, self._time.now, 200, date)
                done()
            else:
                left = _MINUTE - profile.server_time % _MINUTE
                self.core.throttle(permit, self._time.now, left, date)
                self._join(permit.ticket)
            self._dispatch()

        self._time.at(self._time.now + there, arrive)

    # --- turns ---------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        wake = self.core.dispatch(self._time.now)
        if wake is not None and wake < self._wakes_at:
            self._wakes_at = wake
            self._time.at(wake + 1e-9, self._wake)
        if self._wanted:
            self._exchange()

    def _wake(self) -> None:
        # One that was set for later has nothing to do any more.
        if self._time.now >= self._wakes_at:
            self._wakes_at = inf
            self._dispatch()

    # --- the store -----------------------------------------------------------------------------

    def _want(self) -> None:
        self._wanted = True

    def _exchange(self) -> None:
        """Exchange with the store, one round trip at a time."""
        self._wanted = False
        if self._asking:
            return
        exchange = self._lease_client.next_exchange(self._time.now)
        if exchange is None:
            if self._lease_client.needs_polling and self._done < self._rows:
                self._asking = True
                self._time.at(self._time.now + _TICK, self._look_again)
            return
        self._asking = True
        reply = self._profile.store.answer(exchange)

        def take() -> None:
            self._asking = False
            self._lease_client.take(exchange, reply, self._time.now)
            self._wanted = True
            self._dispatch()

        self._time.at(self._time.now + _TO_THE_STORE, take)

    def _look_again(self) -> None:
        self._asking = False
        self._wanted = True
        self._dispatch()


def simulate(profiles: int, devices: int, first_seed: int) -> Figures:
    """Simulate some profiles in one virtual time."""
    began = time.process_time()
    clock = Time()
    all_of_them = [Profile(clock, devices, first_seed + nth) for nth in range(profiles)]
    clock.run()
    cpu = time.process_time() - began
    totals: Counter[str] = Counter()
    for profile in all_of_them:
        accepted = profile.service.accepted
        numbers = profile.full_windows()
        totals["requests"] += sum(accepted.values())
        totals["rejected"] += sum(profile.service.rejected.values())
        totals["full_windows"] += len(numbers)
        totals["used"] += sum(accepted.get(number, 0) for number in numbers)
    assert totals["requests"] == profiles * devices, "every device is edited once"
    return Figures(
        profiles=profiles,
        limit=all_of_them[0].service.limit,
        cpu=cpu,
        memory=peak_memory(),
        **totals,
    )


def simulate_in_processes(profiles: int, devices: int, processes: int) -> Figures:
    """Simulate some profiles, distributed over the processes of this machine."""
    parts = [profiles // processes + (nth < profiles % processes) for nth in range(processes)]
    jobs = [(part, devices, sum(parts[:nth])) for nth, part in enumerate(parts) if part]
    # A separate process even for one part, to measure its memory.
    with Pool(len(jobs)) as pool:
        figures = pool.starmap(simulate, jobs)
    return Figures(
        profiles=profiles,
        requests=sum(one.requests for one in figures),
        rejected=sum(one.rejected for one in figures),
        full_windows=sum(one.full_windows for one in figures),
        used=sum(one.used for one in figures),
        limit=figures[0].limit,
        cpu=sum(one.cpu for one in figures),
        memory=max(one.memory for one in figures),
    )


def sizes(profiles: int) -> list[int]:
    """Return the numbers of profiles to simulate: each ten times the one before."""
    found = [profiles]
    while found[0] >= 20:
        found.insert(0, found[0] // 10)
    return found


HEAD: Final = (
    f"{'profiles':>8} {'devices':>10} {'rejected':>9} {'full windows':>13} {'budget use':>11} "
    f"{'CPU a request, us':>18} {'MB a process':>13}"
)


def line(one: Figures) -> str:
    """Return a row of the table."""
    return (
        f"{one.profiles:>8} {one.requests:>10} {one.rejected:>9} {one.full_windows:>13} "
        f"{one.use:>11.2%} {one.cpu_us:>18.1f} {one.memory:>13.0f}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulation for growing numbers of profiles."""
    options = _parse(arguments)
    print(describe())
    print(f"\n{options.devices} devices a profile, edited by {_PROCESSES} processes\n{HEAD}")
    for profiles in sizes(options.profiles):
        print(line(simulate_in_processes(profiles, options.devices, options.processes)), flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--profiles", type=int, default=1000, help="number of profiles (default 1000)"
    )
    parser.add_argument(
        "--devices", type=int, default=10_000, help="devices per profile (default 10000)"
    )
    parser.add_argument("--processes", type=int, default=2, help="parallel processes (default 2)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
