"""Simulation of the scheduler's core against a model of the service, in virtual time.

The core is tagodev's own; everything else is a model: a service that counts requests in windows of
its own clock, a network that delays them, another client of the same profile.
An hour takes a second, and the result does not depend on the machine.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from itertools import count
from math import ceil, floor, inf, log
from typing import TYPE_CHECKING, Literal

import attrs

from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.routes import Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.route_limiter import Permit

CREATE = Route("POST", "/device")
EPOCH = 1.7e9


class Unpaced:
    """A pacer in virtual time: open, it never delays; spreading, it is a leaky bucket.

    `LimiterPacer` needs a running loop, and has its own tests.
    """

    def __init__(self) -> None:
        self._spread: tuple[float, float, int] | None = None
        self._level = 0.0
        self._as_of = 0.0

    def open(self, limit: int) -> None:
        """Delay nothing."""
        del limit
        self._spread = None

    def spread(self, budget: float, seconds: float, window: int = 0) -> None:
        """Let requests go at an even rate."""
        if self._spread != (budget, seconds, window):
            self._spread = budget, seconds, window
            self._level = float(window > 0)
            self._as_of = inf

    def delay(self, now: float) -> float:
        """Return how long until there is capacity."""
        if self._spread is None:
            return 0.0
        rate = self._spread[0] / self._spread[1]
        self._level = max(self._level - max(now - self._as_of, 0.0) * rate, 0.0)
        self._as_of = now
        return self._level / rate + 1e-9 if self._level > 1e-9 else 0.0

    def take(self) -> None:
        """Take the capacity of one request, if there is any."""
        self._level = 1.0


@attrs.define
class Service:
    """Counts requests in windows of its own clock, as documented for the real one."""

    limit: int
    """Requests it accepts in one window."""
    minute: float = 60.0
    """A window's length in seconds."""
    accepted: dict[int, int] = attrs.field(factory=dict)
    """Accepted requests by window."""
    ours: dict[int, int] = attrs.field(factory=dict)
    """Our own among them."""
    rejected: dict[int, int] = attrs.field(factory=dict)
    """Our own requests that were refused, by window."""
    neighbours: dict[int, int] = attrs.field(factory=dict)
    """The neighbour's accepted requests by window."""
    neighbour_asked: dict[int, int] = attrs.field(factory=dict)
    """The neighbour's requests by window, accepted or not."""

    def handle(self, server_time: float, *, ours: bool = True) -> bool:
        """Count a request that arrives, and return whether it is accepted."""
        number = floor(server_time / self.minute)
        if not ours:
            self.neighbour_asked[number] = self.neighbour_asked.get(number, 0) + 1
        if self.accepted.get(number, 0) >= self.limit:
            if ours:
                self.rejected[number] = self.rejected.get(number, 0) + 1
            return False
        self.accepted[number] = self.accepted.get(number, 0) + 1
        mine = self.ours if ours else self.neighbours
        mine[number] = mine.get(number, 0) + 1
        return True


def latency(rng: random.Random) -> float:
    """Return one way's delay: log-normal, 25 ms in the median, a tail of 0.75 s."""
    if rng.random() < 0.01:
        return rng.uniform(0.0, 0.75)
    return min(rng.lognormvariate(log(0.025), 0.6), 0.75)


@attrs.frozen
class Result:
    """Result of a simulated job."""

    rejected: int
    """Requests that the service refused."""
    makespan: float
    """Seconds from the start to the last answer."""
    ideal: float
    """Seconds that a greedy client takes that knows everything."""
    left_in_first_window: float
    """Seconds between the start and the next boundary."""

    @property
    def in_bounds(self) -> bool:
        """Whether the duration meets the target."""
        return self.makespan <= 1.02 * self.ideal + 1.5


def greedy_ideal(total: int, limit: int, minute: float, left: float, rate: float) -> float:
    """Return how long a client takes whose every window completes min(limit, rate x time left).

    Args:
        total: requests in all.
        limit: requests a window.
        minute: a window's length in seconds.
        left: seconds left in the first window.
        rate: requests a second that the machine reaches without limits.
    """
    elapsed = 0.0
    remaining = float(total)
    while True:
        done = min(limit, rate * left)
        if done >= remaining:
            return elapsed + remaining / rate
        remaining -= done
        elapsed += left
        left = minute


class World:
    """The virtual time of a core, a service and a neighbour."""

    def __init__(
        self,
        limit: int,
        seed: int,
        *,
        minute: float = 60.0,
        concurrency: int = 32,
        node_spread: float = 0.0,
        count_at_end: bool = False,
    ) -> None:
        """Set up a world; equal seeds give equal histories.

        Args:
            limit: requests a window.
            seed: decides the service's clock, the starting phase and all delays.
            minute: a window's length in seconds.
            concurrency: requests in flight at once.
            node_spread: how far apart the clocks of the service's two machines are, in seconds.
            count_at_end: count a request when its handling ends instead of when it arrives.
        """
        self.slept = 0.0
        self.rng = random.Random(seed)
        self.minute = minute
        self.offset = EPOCH + self.rng.uniform(-300.0, 300.0)
        self.now = 1000.0 + self.rng.uniform(0.0, minute)
        self.service = Service(limit, minute)
        settings = Settings(
            HardLimits("simulated", {CREATE.name: limit}, minute=minute), concurrency=concurrency
        )
        self.core = Core(
            settings,
            make_pacer=Unpaced,
            clock=ServerClock(suspended=lambda: self.slept),
        )
        self.date_error: Callable[[int], float | None] = lambda _: 0.0
        self.in_flight_seconds = 0.0
        self.answers = 0
        self._nodes = (0.0, node_spread)
        self._count_at_end = count_at_end
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._wake: float | None = None

    @property
    def server_time(self) -> float:
        """What the service's first machine's clock shows."""
        return self.now + self.offset

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Schedule a call."""
        heappush(self._events, (when, next(self._order), what))

    def ask(self, done: Callable[[], None], ticket: int | None = None) -> None:
        """Send one request when it gets a permit, and answer it."""

        def deliver(permit: Permit) -> None:
            self._send(permit, done)

        self.core.join(CREATE, deliver, self.now, priority=Priority.BULK, ticket=ticket)

    def sleep(self, seconds: float) -> None:
        """Suspend this machine: the service's clock goes on, and this machine's stops."""
        self.slept += seconds
        self.offset += seconds

    def dispatch(self) -> None:
        """Let the core issue the free permits."""
        self._wake = self.core.dispatch(self.now)

    def run(self, until: Callable[[], bool]) -> None:
        """Advance the time until a condition holds."""
        while not until():
            if self._wake is not None and (not self._events or self._wake < self._events[0][0]):
                self.now = max(self._wake, self.now + 1e-9)
                self.dispatch()
                continue
            self.now, _, what = heappop(self._events)
            what()

    def _send(self, permit: Permit, done: Callable[[], None]) -> None:
        there, back = latency(self.rng), latency(self.rng)
        node = self.rng.choice(self._nodes)
        handling = self.rng.uniform(0.0, 0.02)

        def arrive() -> None:
            moment = self.server_time + node
            if self._count_at_end:
                moment += handling
            accepted = self.service.handle(moment)
            date = float(floor(self.server_time + node + handling))
            self.at(self.now + handling + back, lambda: answer(accepted, date))

        def answer(accepted: bool, date: float | None) -> None:
            self.in_flight_seconds += self.now - permit.granted
            self.answers += 1
            error = self.date_error(self.answers)
            date = None if error is None or date is None else date + error
            if accepted:
                self.core.settle(permit, self.now, 200, date)
                done()
            else:
                left = self.minute - (self.server_time % self.minute)
                self.core.throttle(permit, self.now, float(ceil(left)), date)
                self.ask(done, permit.ticket)
            self.dispatch()

        self.at(self.now + there, arrive)


def simulate_job(
    limit: int,
    total: int,
    seed: int,
    *,
    concurrency: int = 32,
    node_spread: float = 0.0,
    count_at_end: bool = False,
) -> Result:
    """Run a job of a single client."""
    world = World(
        limit, seed, concurrency=concurrency, node_spread=node_spread, count_at_end=count_at_end
    )
    start = world.now
    left = world.minute - world.server_time % world.minute
    progress = {"asked": 0, "done": 0}

    def ask_next() -> None:
        if progress["asked"] < total:
            progress["asked"] += 1
            world.ask(done)

    def done() -> None:
        progress["done"] += 1
        ask_next()

    for _ in range(2 * concurrency):
        ask_next()
    world.dispatch()
    world.run(lambda: progress["done"] >= total)
    rate = concurrency / (world.in_flight_seconds / world.answers)
    return Result(
        sum(world.service.rejected.values()),
        world.now - start,
        greedy_ideal(total, limit, world.minute, left, rate),
        left,
    )


Behaviour = Literal["steady", "burst", "wandering burst"]


@attrs.frozen
class Neighbourhood:
    """Result of a client and its neighbour, from the third window on."""

    ours: float
    """What we got, as a part of what the neighbour leaves."""
    rejected: float
    """Our refused requests, as a part of all that we sent."""
    rejected_a_window: int
    """The most that were refused in one window."""
    neighbour: float
    """What the neighbour got, as a part of what he asked for."""


def simulate_neighbour(
    limit: int, behaviour: Behaviour, seed: int, *, part: float = 0.3, windows: int = 14
) -> Neighbourhood:
    """Run a client with endless work beside a neighbour that uses a part of each window."""
    world = World(limit, seed)
    first = floor(world.server_time / world.minute)
    _place_neighbour(world, behaviour, round(limit * part), range(first - 1, first + windows))
    start = world.now
    world.now -= 2 * world.minute

    def begin() -> None:
        for _ in range(64):
            world.ask(again)
        world.dispatch()

    def again() -> None:
        world.ask(again)

    world.at(start, begin)
    world.run(lambda: world.server_time >= (first + windows) * world.minute)
    service = world.service
    numbers = range(first + 2, first + windows)
    accepted = sum(service.ours.get(number, 0) for number in numbers)
    rejected = [service.rejected.get(number, 0) for number in numbers]
    asked = sum(service.neighbour_asked.get(number, 0) for number in numbers)
    got = sum(service.neighbours.get(number, 0) for number in numbers)
    return Neighbourhood(
        accepted / (len(numbers) * (limit - round(limit * part))),
        sum(rejected) / (accepted + sum(rejected)),
        max(rejected),
        got / asked,
    )


def _place_neighbour(world: World, behaviour: Behaviour, asks: int, numbers: range) -> None:
    phase = world.rng.random()

    def knock() -> None:
        world.service.handle(world.server_time, ours=False)

    for number in numbers:
        if behaviour == "wandering burst":
            phase = world.rng.random()
        for nth in range(asks):
            if behaviour == "steady":
                moment = (nth + phase) / asks
            else:
                moment = min(phase + 0.01 * nth / asks, 0.999)
            world.at((number + moment) * world.minute - world.offset, knock)
