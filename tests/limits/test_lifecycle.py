"""Clients that come and go, with all settings, ledgers and services, in virtual time.

Each case of the matrix is five windows of one story, and what must hold of it.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from itertools import combinations
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args
from unittest.mock import patch

import attrs
import pytest

from tagodev import DeviceCreate, RetryPolicy, TagoError
from tagodev._limits.ledger.memory import MemoryLedger
from tagodev._limits.settings import ColdStart, Pacing
from tests.limits.jumping import run_virtually
from tests.limits.lifecycle import MINUTE, World, heavy_tailed, quick

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from tagodev import Tago
    from tagodev._limits.ledger.lease_store import Exchange, Reply
    from tagodev._session import CallOptions

T = TypeVar("T")

Story = Literal[
    "one client", "one after the other", "overlapping", "one a request", "closed early", "loops"
]
Kind = Literal["memory", "store", "sqlite"]

WINDOWS = 5
#: Seconds between two interactive calls: three a window.
BETWEEN_CALLS = 20.0
#: Seconds that the store is away, from the second window to the fourth.
OUTAGE = 150.0
#: Seconds that a request takes at most, where the service is quick.
TRIP = 1.6
#: The same, where it is not.
LONGEST = 14.6
#: For so many windows calls are remembered that were made in one.
REMEMBERED = 5


@attrs.frozen(kw_only=True)
class Case:
    """One story, and the settings of all its clients."""

    story: Story
    ledger: Kind
    outage: bool
    pacing: Pacing
    cold_start: ColdStart
    share: float
    reserve: int | None
    headroom: int | None
    concurrency: int
    takes: Literal["quick", "heavy-tailed"]
    limit: int

    @property
    def possible(self) -> bool:
        """Whether there is such a case, and it is none of those below that are known to fail."""
        if self.pacing == "steady":
            return self.story == "one client" and self.ledger == "memory" and not self.outage
        # Only a shared store can be away.
        return not self.outage or self.ledger != "memory"

    @property
    def budget(self) -> int:
        """Requests that may be used of a window."""
        return max(int(self.limit * self.share), 1)

    @property
    def options(self) -> dict[str, Any]:
        """What its clients are given."""
        names = ("pacing", "cold_start", "share", "reserve", "headroom", "concurrency")
        return {name: getattr(self, name) for name in names}

    @property
    def trip(self) -> float:
        """Seconds that a request takes at most, from its turn to its answer."""
        return LONGEST if self.takes == "heavy-tailed" else TRIP

    @property
    def longest_wait(self) -> float:
        """Seconds that a call waits for its turn at most where a window has room for it."""
        # A slot that is freed, and with a shared store the time that is asked for.
        wait = self.trip if self.ledger == "memory" else 2 * self.trip + 1.0
        if self.pacing == "steady" or self.share < 1:
            wait += 2 * MINUTE / self.budget
        return wait

    def __str__(self) -> str:
        return " ".join(f"{value}" for value in attrs.astuple(self))


VALUES: dict[str, tuple[Any, ...]] = {
    "story": get_args(Story),
    "ledger": get_args(Kind),
    "outage": (False, True),
    "pacing": get_args(Pacing),
    "cold_start": get_args(ColdStart),
    "share": (1.0, 0.5),
    "reserve": (None, 0, 3),
    "headroom": (None, 0, 5),
    "concurrency": (32, 4, 1),
    "takes": ("quick", "heavy-tailed"),
    "limit": (60, 10),
}


def cases() -> Iterator[Case]:
    """Return cases in which every pair of values of two settings meets."""
    rng = random.Random(1)
    drawn = [
        Case(**{name: rng.choice(values) for name, values in VALUES.items()}) for _ in range(400)
    ]
    drawn = [case for case in drawn if case.possible]
    pairs = {str(case): _pairs(case) for case in drawn}
    missing = set().union(*pairs.values())
    while missing:
        best = max(drawn, key=lambda case: len(missing & pairs[str(case)]))
        missing -= pairs[str(best)]
        yield best


def _pairs(case: Case) -> set[Any]:
    return set(combinations(attrs.asdict(case).items(), 2))


class Play:
    """A case while it runs."""

    def __init__(self, case: Case, seed: int, folder: Path) -> None:
        takes = heavy_tailed if case.takes == "heavy-tailed" else quick
        self.case = case
        self.folder = folder
        self.world = World(case.limit, seed, takes=takes)
        self.rng = random.Random(seed)
        self.ledger = self.world.ledger(case.ledger, folder)
        self.open: list[Tago] = []
        self.cut_short: list[tuple[float, float]] = []
        self.begin = self.world.clock.now

    def run(self) -> None:
        """Run it to its end."""
        world, case = self.world, self.case
        if case.outage:
            world.away_from = self.begin + world.left + 5.0
            world.away_until = world.away_from + OUTAGE
        loops = 3 if case.story == "loops" else 1
        with world.answering():
            for nth in range(loops):
                self.end = self.begin + WINDOWS * MINUTE * (nth + 1) / loops
                run_virtually(self.act(), world.clock)
                self.ledger = world.ledger(case.ledger, self.folder)
            self.windows = world.windows
            run_virtually(self.use_what_is_left(), world.clock)

    def disturbed(self, moment: float) -> bool:
        """Return whether the store was away then, or calls can't have been remembered since."""
        away = self.world.away_from, self.world.away_until + 2 * MINUTE
        return away[0] <= moment <= away[1]

    async def act(self) -> None:
        """Let everybody act until the end, and see that nothing is left behind."""
        self.calls: list[asyncio.Task[object]] = [asyncio.create_task(self.call())]
        async with asyncio.timeout(WINDOWS * MINUTE + 60):
            await getattr(self, self.case.story.replace(" ", "_"))()
            self.calls[0].cancel()
            await asyncio.gather(*self.calls, return_exceptions=True)
        await self.world.assert_nothing_is_left()

    async def use_what_is_left(self) -> None:
        """Let one more client take all that the next window has, with calls."""
        # Nothing that was lost can be counted there any more.
        await self.world.until_window(1, 10.0)
        async with self.world.client(self.ledger, **self.case.options) as tago:
            calls = [self.world.create(tago) for _ in range(self.case.limit)]
            work = asyncio.gather(*calls)
            await self.world.until_window(0, 58.0)
            self.last = self.world.windows[-1]
        await work
        await self.world.assert_nothing_is_left()

    async def call(self) -> object:
        """Make an interactive call now and then, of whoever is there."""
        while True:
            await asyncio.sleep(BETWEEN_CALLS)
            if self.open:
                self.calls.append(asyncio.create_task(self.call_once(self.rng.choice(self.open))))

    async def call_once(self, tago: Tago) -> None:
        """Make one interactive call; one that the end of its client cuts short has waited too."""
        asked = self.world.clock.now
        if not await self.world.create(tago):
            self.cut_short.append((asked, max(self.world.clock.now - self.case.trip, asked)))

    async def live(self, until: float, *, abruptly: bool = False) -> None:
        """Be a client that is busy until a moment."""
        world = self.world
        ledger = self.ledger
        if self.rng.random() < 0.5:
            # The next start of a program.
            ledger = world.ledger(self.case.ledger, self.folder)
        async with world.client(ledger, **self.case.options) as tago:
            self.open.append(tago)
            work = asyncio.create_task(world.bulk(tago, min(2 * self.case.concurrency, 48)))
            await asyncio.sleep(until - world.clock.now)
            if abruptly:
                work.cancel()
            self.open.remove(tago)
        await asyncio.gather(work, return_exceptions=True)

    async def one_client(self) -> None:
        """Be one client from the beginning to the end."""
        await self.live(self.end)

    async def loops(self) -> None:
        """Be the one client of this loop."""
        await self.live(self.end)

    async def one_after_the_other(self) -> None:
        """Be clients with pauses between them."""
        while self.world.clock.now < self.end:
            await self.live(min(self.world.clock.now + self.rng.uniform(1, 40), self.end))
            await asyncio.sleep(self.rng.uniform(0, 5))

    async def closed_early(self) -> None:
        """Be clients that are closed while much waits and is on its way."""
        while self.world.clock.now < self.end:
            await self.live(self.world.clock.now + self.rng.uniform(0, 20), abruptly=True)

    async def overlapping(self) -> None:
        """Be three clients at a time, each of which comes and goes."""

        async def lives() -> None:
            await asyncio.sleep(self.rng.uniform(0, 60))
            await self.one_after_the_other()

        await asyncio.gather(*(lives() for _ in range(3)))

    async def one_a_request(self) -> None:
        """Be a client for each of more requests than the limit lets through."""

        async def handle() -> None:
            async with self.world.client(self.ledger, **self.case.options) as tago:
                self.open.append(tago)
                await self.world.create(tago, "bulk")
                self.open.remove(tago)

        tasks = []
        while self.world.clock.now < self.end:
            tasks.append(asyncio.create_task(handle()))
            await asyncio.sleep(self.rng.expovariate(1.3 * self.case.limit / MINUTE))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def calls_in_time(play: Play) -> Iterator[bool]:
    """Return of each call whether it waited no longer than is promised, whatever bulk does."""
    world, case = play.world, play.case
    calls = [
        (granted - waited, granted)
        for granted, priority, waited in world.waits
        if priority != "bulk"
    ]
    granted_in = [world.window_at(granted) for _, granted in calls]
    for asked, granted in calls + play.cut_short:
        window = world.window_at(asked)
        before = [granted_in.count(window - ago) for ago in range(1, REMEMBERED + 1)]
        kept = max(before) if case.reserve is None else case.reserve
        room = sum(1 for _, other in calls if other < granted and world.window_at(other) == window)
        allowed = case.longest_wait
        if room >= kept or world.until_boundary(asked) < allowed or case.pacing == "steady":
            # The next window is theirs.
            allowed += world.until_boundary(asked)
        # Of the first window, and of those without a store, nothing is promised.
        settled = asked > play.begin + MINUTE and not play.disturbed(asked)
        yield not settled or granted - asked <= allowed


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_matrix(case: Case, tmp_path: Path) -> None:
    """Nothing is rejected, calls wait no longer than they must, and nothing is left behind."""
    play = Play(case, sum(map(ord, str(case))), tmp_path)
    play.run()
    world = play.world

    assert 0 == world.rejected
    assert max(world.windows) <= ceil(case.limit * case.share)
    assert all(calls_in_time(play))
    if case.pacing == "aligned":
        # Whoever waits for it uses up each window but the first and the last.
        assert case.outage or min(play.windows[1:-1]) >= 0.8 * case.budget - 1
        assert play.last >= case.budget - 1
    if case.outage and case.story in {"one client", "loops"}:
        back = world.away_until
        soon = sum(1 for moment in world.arrivals if back < moment <= back + 2)
        assert soon >= (min(0.7 * case.budget, case.concurrency) if case.share == 1 else 1)


# --- single stories -------------------------------------------------------------------------------


def run_in(world: World, coroutine: Coroutine[object, object, T]) -> T:
    """Run clients of a world in virtual time."""
    with world.answering():
        return run_virtually(coroutine, world.clock)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_left_behind_at_a_boundary(kind: Kind, seed: int, tmp_path: Path) -> None:
    """Requests whose client ended just before a boundary may be counted behind it."""
    world = World(10, seed, travels=lambda _: 0.5)

    async def end_abruptly() -> None:
        async with world.client(world.ledger(kind, tmp_path)) as tago:
            await world.create(tago)
            await world.until_window(1, 57.0)
            calls = [asyncio.create_task(world.create(tago)) for _ in range(10)]
            await asyncio.sleep(0.45)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def go_on() -> None:
        async with world.client(world.ledger(kind, tmp_path)) as tago:
            await asyncio.gather(*(world.create(tago) for _ in range(12)))

    async def both() -> None:
        await end_abruptly()
        await go_on()

    run_in(world, both())
    assert 0 == world.rejected


@pytest.mark.parametrize("loops", [1, 10])
@pytest.mark.parametrize("limit", [10, 60])
def test_steady_over_a_sequence_of_clients(limit: int, loops: int) -> None:
    """Clients that come one after the other keep the limit together, as one would."""
    world = World(limit, seed=1)

    async def come_and_go() -> None:
        for _ in range(4 * limit // loops):
            async with world.client(pacing="steady") as tago:
                await world.create(tago)
            await asyncio.sleep(MINUTE / limit / 3)

    for _ in range(loops):
        run_in(world, come_and_go())
    assert 0 == world.rejected


@pytest.mark.parametrize("kind", get_args(Kind))
def test_calls_beside_slow_bulk(kind: Kind, tmp_path: Path) -> None:
    """A call waits no longer than a trip while slow bulk requests are under way."""
    world = World(250, seed=1, takes=lambda _: 13.0)

    async def both() -> None:
        async with world.client(world.ledger(kind, tmp_path), concurrency=64) as tago:
            work = asyncio.create_task(world.bulk(tago, 100))
            for _ in range(5):
                await asyncio.sleep(20)
                world.takes = quick
                await world.create(tago)
                world.takes = lambda _: 13.0
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    run_in(world, both())
    assert max(waited for _, priority, waited in world.waits if priority != "bulk") <= TRIP


def test_bulk_beside_a_flood_of_calls() -> None:
    """Bulk gets a twentieth of each window, however many calls are made."""
    world = World(60, seed=1)

    async def both() -> None:
        async with world.client() as tago:
            work = asyncio.create_task(world.bulk(tago, 10))
            await world.until_window(1)
            flood = [asyncio.create_task(world.create(tago)) for _ in range(500)]
            await world.until_window(5)
            for task in (work, *flood):
                task.cancel()
            await asyncio.gather(work, *flood, return_exceptions=True)

    run_in(world, both())
    windows = [
        world.window_at(granted) for granted, priority, _ in world.waits if priority == "bulk"
    ]
    assert all(windows.count(windows[0] + later) >= 3 for later in (2, 3))


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("concurrency", [1, 4])
def test_each_client_has_its_own_concurrency(kind: Kind, concurrency: int, tmp_path: Path) -> None:
    """No client has more requests under way than its own connections carry."""
    world = World(250, seed=1)
    ledger = world.ledger(kind, tmp_path)

    async def both() -> None:
        async with (
            world.client(ledger, concurrency=32) as wide,
            world.client(ledger, concurrency=concurrency) as narrow,
        ):
            calls = [world.create(tago) for tago in (wide, narrow) for _ in range(50)]
            await asyncio.gather(*calls)

    run_in(world, both())
    assert world.transports[1].most_under_way <= concurrency


@pytest.mark.parametrize("options", [{"max_wait": 1.0}, {"timeout": 1.0}])
@pytest.mark.parametrize("kind", ["store", "sqlite"])
def test_a_call_ends_in_time_while_the_time_is_asked_for(
    kind: Kind, options: CallOptions, tmp_path: Path
) -> None:
    """A call that has a second takes a second, also where it has to ask for the time first."""
    world = World(60, seed=1, takes=lambda _: 12.5)

    async def call() -> float:
        retry = RetryPolicy(attempts=1)
        async with world.client(world.ledger(kind, tmp_path), retry=retry) as tago:
            began = world.clock.now
            with suppress(TagoError):
                await tago.devices.create(DeviceCreate(name="x"), **options)
            return world.clock.now - began

    assert run_in(world, call()) <= 1.1


@pytest.mark.parametrize("wrong", [-120.0, 120.0, 86400.0])
def test_a_first_date_that_is_wrong(wrong: float) -> None:
    """After twenty right dates windows are used up again."""
    world = World(60, seed=1)
    world.false_dates = lambda answer: wrong if answer == 1 else 0.0

    async def work() -> None:
        async with world.client() as tago:
            bulk = asyncio.create_task(world.bulk(tago, 64))
            await world.until_window(6)
        await asyncio.gather(bulk, return_exceptions=True)

    run_in(world, work())
    assert min(world.windows[3:5]) >= 57


@pytest.mark.parametrize("limit", [60, 250])
def test_a_later_date_that_is_wrong(limit: int) -> None:
    """A wrong date after a window was used up brings no further burst."""
    world = World(limit, seed=1)
    world.false_dates = lambda answer: 7200.0 if answer == limit else 0.0

    async def work() -> None:
        await world.until_window(1, 1.0)
        async with world.client() as tago:
            bulk = asyncio.create_task(world.bulk(tago, 64))
            await world.until_window(2)
        await asyncio.gather(bulk, return_exceptions=True)

    run_in(world, work())
    assert 0 == world.rejected


@pytest.mark.parametrize("limit", [60, 120])
def test_clients_without_a_common_ledger(limit: int) -> None:
    """Three clients in three processes come to equal parts of the limit."""
    world = World(limit, seed=1)
    done = [0, 0, 0]

    async def process(nth: int) -> None:
        await world.until_window(3 * nth)
        async with world.client(MemoryLedger()) as tago:

            async def work() -> None:
                while await world.create(tago, "bulk"):
                    done[nth] += world.clock.now > settled

            tasks = [asyncio.create_task(work()) for _ in range(64)]
            await asyncio.sleep(end - world.clock.now)
        await asyncio.gather(*tasks)

    async def all_of_them() -> None:
        await asyncio.gather(*map(process, range(3)))

    settled = world.clock.now + 14 * MINUTE
    end = settled + 4 * MINUTE
    run_in(world, all_of_them())
    jain = sum(done) ** 2 / (3 * sum(one * one for one in done))
    assert jain >= 0.95


@pytest.mark.parametrize("calls", [5, 32])
def test_the_first_calls_of_a_process(calls: int) -> None:
    """As many as the limit go at once: all are answered within little more than one trip."""
    world = World(60, seed=1, takes=lambda _: 0.0, travels=lambda _: 0.025)

    async def start() -> float:
        async with world.client() as tago:
            began = world.clock.now
            await asyncio.gather(*(world.create(tago) for _ in range(calls)))
            return world.clock.now - began

    assert run_in(world, start()) <= 1.15 * 0.05


@pytest.mark.parametrize("given", [[], [None]])
def test_a_store_that_answers_oddly(given: list[Any]) -> None:
    """A store that gives something else than was asked for counts as away, and work goes on."""
    world = World(60, seed=1)
    answer = world.memory.answer
    odd = iter([given])

    def stumble(exchange: Exchange) -> Reply:
        reply = answer(exchange)
        return attrs.evolve(reply, leases=next(odd, reply.leases))

    world.memory.answer = stumble  # type: ignore[method-assign]  # stumbles once

    async def call() -> bool:
        async with world.client(world.ledger("store", Path())) as tago:
            return await asyncio.wait_for(world.create(tago), 2 * MINUTE)

    with patch.object(asyncio.SelectorEventLoop, "call_exception_handler"):
        assert run_in(world, call())
