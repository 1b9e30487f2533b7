"""The core, driven by hand."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE, EPOCH, Unpaced
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.routes import Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.events import ClockRestarted, Event, Granted, Settled, Throttled, WindowOpened
from tagodev.hard_limits import HardLimits

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit

INFO = Route("GET", "/device/:device_id")
#: Counted by itself and with INFO.
RARE = Route("GET", "/device/:device_id", counted_as="GET /device/:device_id?rare", also=INFO)
START = EPOCH - EPOCH % 60


class Bench:
    """A core with a known clock (server time is START + now), and what it granted."""

    def __init__(self, limit: int = 5, *, known: bool = True, **settings: object) -> None:
        """Make a core whose window begins at each multiple of 60 s."""
        self.events: list[Event] = []
        self.granted: list[Permit] = []
        self.slept = 0.0
        limits = HardLimits(
            "bench", {CREATE.name: limit, INFO.name: limit, RARE.name: 2, DATA.name: limit}
        )
        self.core = Core(
            Settings(limits, **settings),  # type: ignore[arg-type]  # checked by Settings
            make_pacer=Unpaced,
            clock=ServerClock(fleet_slack=0.0, suspended=lambda: self.slept),
            emit=self.events.append,
        )
        if known:
            self.core.clock.observe(0.994, 0.996, START)
            self.core.clock.observe(1.004, 1.006, START + 1)

    def ask(
        self,
        now: float,
        many: int = 1,
        priority: Priority = Priority.INTERACTIVE,
        run: int = 1,
        route: Route = CREATE,
    ) -> list[Permit]:
        """Let so many requests wait, and return those that are granted at once."""
        for _ in range(many):
            self.core.join(route, self.granted.append, now, priority=priority, run=run)
        return self.dispatch(now)

    def ask_for(self, device: str, now: float) -> Permit:
        """Let a request of a device go."""
        permit = self.core.try_grant(DATA, Priority.INTERACTIVE, now, device=device)
        assert permit is not None
        return permit

    def dispatch(self, now: float) -> list[Permit]:
        """Let the core grant what is free, and return it."""
        self.granted.clear()
        self.core.dispatch(now)
        return list(self.granted)

    def answer(self, permit: Permit, now: float) -> None:
        """Answer a request with 200 and the right date."""
        self.core.settle(permit, now, 200, float(floor(START + now)))

    def drain(self, now: float, many: int) -> None:
        """Use up so many places at a time of an earlier window."""
        for permit in self.ask(now, many, Priority.INTERACTIVE):
            self.answer(permit, now + 0.01)


def test_a_window_is_granted_once() -> None:
    """So many as the limit go at once, the next when the next window has surely begun."""
    bench = Bench(limit=5)
    assert len(bench.ask(10.0, 8)) == 5
    for permit in bench.core._out.copy():
        bench.answer(permit, 10.1)
    assert not bench.dispatch(59.98)
    assert len(bench.dispatch(60.02)) == 3


def test_a_route_counted_twice_takes_from_both() -> None:
    """A request needs a free permit in its own window and in the shared one."""
    bench = Bench(limit=5)
    assert len(bench.ask(10.0, 3, route=RARE)) == 2
    assert len(bench.ask(10.0, 5, route=INFO)) == 3
    for permit in bench.core._out.copy():
        bench.answer(permit, 10.1)
    assert [RARE.name, INFO.name, INFO.name] == [
        permit.limiter.route.name for permit in bench.dispatch(60.1)
    ]


def test_a_route_counted_twice_waits_for_the_shared_window() -> None:
    """If the shared window is used up, a request waits, and the wait is reported."""
    bench = Bench(limit=5)
    for permit in bench.ask(10.0, 5, route=INFO):
        bench.answer(permit, 10.1)
    assert bench.core.least_wait(RARE, Priority.INTERACTIVE, 10.2) > 40
    assert not bench.ask(10.2, 1, route=RARE)
    assert len(bench.dispatch(60.1)) == 1


@pytest.mark.parametrize("end", ["lose", "refund"])
def test_a_route_counted_twice_ends_in_both(end: str) -> None:
    """What was lost stays counted in both windows for a while; what never left, in neither."""
    bench = Bench(limit=5)
    (permit,) = bench.ask(10.0, 1, route=RARE)
    getattr(bench.core, end)(permit, 10.1)
    used = {state.route: state.used for state in bench.core.snapshot(10.2)}
    assert {RARE.name: int(end == "lose"), INFO.name: int(end == "lose")} == used


def test_slots_bound_what_is_in_flight() -> None:
    """No more than `concurrency` requests travel at once, over all routes."""
    bench = Bench(limit=50, concurrency=3)
    bench.ask(10.0, 5)
    assert not bench.ask(10.0, 5, route=INFO)
    assert len(bench.core._out) == 3


def test_a_freed_slot_goes_to_an_interactive_call_first() -> None:
    """Where calls have taken all slots, the next goes to a call, on whatever route, before bulk."""
    bench = Bench(limit=50, concurrency=4)
    first = bench.ask(10.0, 4, Priority.INTERACTIVE)
    bench.ask(10.0, 3, Priority.BULK)
    bench.ask(10.0, 1, Priority.INTERACTIVE, route=INFO)
    bench.answer(first[0], 10.1)
    assert [INFO.name] == [permit.limiter.route.name for permit in bench.dispatch(10.1)]


@pytest.mark.parametrize("route", [CREATE, INFO])
@pytest.mark.parametrize("concurrency", [2, 8, 32])
def test_bulk_leaves_slots_to_interactive_calls(concurrency: int, route: Route) -> None:
    """A call goes at once on any route, however many slow bulk requests are under way."""
    bench = Bench(limit=500, concurrency=concurrency)
    bench.ask(10.0, 200, Priority.BULK)
    assert 1 == len(bench.ask(10.1, 1, Priority.INTERACTIVE, route=route))


def test_interactive_calls_leave_bulk_a_floor() -> None:
    """Beside more calls than there are slots, bulk gets a part of what is granted."""
    bench = Bench(limit=500, concurrency=4)
    under_way = bench.ask(10.0, 8, Priority.INTERACTIVE) + bench.ask(10.0, 20, Priority.BULK)
    for _ in range(200):
        bench.answer(under_way.pop(0), 10.1)
        under_way += bench.ask(10.1, 1, Priority.INTERACTIVE)
    assert "bulk" in {event.priority for event in bench.events if isinstance(event, Granted)}


def test_newcomers_do_not_overtake_their_lane() -> None:
    """A free grant is refused to a newcomer while one of its priority, or above it, waits."""
    bench = Bench(limit=1)
    bench.ask(10.0, 2, Priority.BULK)
    bench.answer(next(iter(bench.core._out)), 10.1)
    assert bench.core.try_grant(CREATE, Priority.BULK, 70.0) is None
    urgent = bench.core.try_grant(CREATE, Priority.INTERACTIVE, 70.0)
    assert urgent is not None


def test_reserve_is_what_bulk_leaves() -> None:
    """Bulk leaves as many places as were asked for; interactive requests get them."""
    bench = Bench(limit=10, reserve=3)
    assert len(bench.ask(10.0, 20, Priority.BULK)) == 7
    assert len(bench.ask(10.1, 5, Priority.INTERACTIVE)) == 3


def test_reserve_follows_the_recent_peak() -> None:
    """Once interactive requests were seen, bulk leaves as many in the next windows."""
    bench = Bench(limit=10)
    bench.drain(10.0, 4)
    assert len(bench.ask(70.0, 20, Priority.BULK)) == 6


def test_no_reserve_where_nobody_was_seen() -> None:
    """Bulk alone gets the whole limit, but for the place that is held back to the tail."""
    bench = Bench(limit=10)
    assert len(bench.ask(10.0, 20, Priority.BULK)) == 9
    assert len(bench.dispatch(59.0)) == 1


def test_the_last_place_is_not_held_back_from_the_last_row() -> None:
    """Who is alone in the line gets the last place at once."""
    assert len(Bench(limit=10).ask(10.0, 10, Priority.BULK)) == 10


def test_a_refund_frees_at_once() -> None:
    """A request that never left gives its place and its slot to the next."""
    bench = Bench(limit=2)
    first = bench.ask(10.0, 3)
    assert len(first) == 2
    bench.core.refund(first[0], 10.1)
    assert len(bench.dispatch(10.1)) == 1


def test_a_lost_request_is_charged_while_it_may_arrive() -> None:
    """Without an answer, a request is charged to the window in which `transit_max` ends."""
    bench = Bench(limit=5, transit_max=5.0)
    for permit in bench.ask(50.0, 5):
        bench.core.lose(permit, 56.0)
    assert not bench.ask(61.0, 1, Priority.INTERACTIVE)
    assert len(bench.dispatch(121.0)) == 1


def test_sleep_restarts_the_clock() -> None:
    """After the machine has slept, requests are counted by age until the clock is known again."""
    bench = Bench(limit=10)
    bench.drain(10.0, 4)
    bench.slept = 1000.0
    assert len(bench.ask(20.0, 8)) == 6
    assert ClockRestarted() in bench.events
    assert not bench.core.clock.known


@pytest.mark.parametrize("in_flight", [1, 8])
def test_answers_from_before_a_sleep_are_no_evidence(in_flight: int) -> None:
    """Their dates contain an unknown part of the sleep; the first later one shows the time."""
    bench = Bench(limit=20)
    under_way = bench.ask(10.0, in_flight)
    bench.slept = 30.0
    for permit in under_way:
        bench.core.settle(permit, 10.5, 200, START + 40)
    assert not bench.core.clock.known
    (later,) = bench.ask(10.6)
    bench.core.settle(later, 10.7, 200, START + 40)
    assert bench.core.clock.earliest(10.7) <= START + 40.7 <= bench.core.clock.latest(10.7)


def test_the_first_requests_go_at_once() -> None:
    """Before the first answer as many go as the limit allows, and no more."""
    bench = Bench(limit=10, known=False)
    first = bench.ask(10.0, 12)
    assert len(first) == 10
    bench.answer(first[0], 10.6)
    for permit in first[1:]:
        bench.answer(permit, 40.0)
    assert not bench.dispatch(58.0)
    assert len(bench.dispatch(61.5)) == 2


@pytest.mark.parametrize("cold_start", ["adaptive", "next-window"])
def test_the_first_request_goes_alone(cold_start: str) -> None:
    """If the first window is not taken as unused, the others wait for the first answer."""
    bench = Bench(limit=10, known=False, cold_start=cold_start)
    first = bench.ask(0.5, 5)
    assert len(first) == 1
    assert not bench.dispatch(1.0)
    bench.answer(first[0], 1.1)
    assert len(bench.dispatch(1.1)) == (4 if cold_start == "adaptive" else 0)


def test_the_first_request_goes_alone_over_all_routes() -> None:
    """Whatever routes are asked for, one request finds out what time it is there."""
    bench = Bench(limit=10, known=False, cold_start="adaptive")
    for route in (CREATE, INFO):
        bench.core.join(route, bench.granted.append, 10.0, priority=Priority.BULK)
    bench.core.dispatch(10.0)
    assert len(bench.granted) == 1


def test_a_lost_first_request_does_not_block() -> None:
    """While the first answer does not come, one more goes each second, up to the limit."""
    bench = Bench(limit=3, known=False, cold_start="adaptive")
    moments = [10.0 + 0.5 * step for step in range(20)]
    assert sum(len(bench.ask(now)) for now in moments) == 3


def test_a_route_without_dates_runs_steadily() -> None:
    """Without usable dates bulk is spread, and no minute has more than the limit."""
    bench = Bench(limit=10, known=False)
    first = bench.ask(10.0, 1, Priority.BULK)
    bench.core.settle(first[0], 10.1, 200, None)
    times = [10.0]
    bench.ask(10.2, 100, Priority.BULK)
    for tenth in range(102, 1802):
        for permit in bench.dispatch(tenth / 10):
            times.append(tenth / 10)
            bench.core.settle(permit, tenth / 10 + 0.05, 200, None)
    assert 27 <= len(times)
    assert all(later - earlier > 60.0 for earlier, later in zip(times, times[10:], strict=False))
    assert all(later - earlier > 5.0 for earlier, later in pairwise(times[1:]))


@pytest.mark.parametrize(
    ("cold_start", "granted"), [("full", 10), ("adaptive", 5), ("next-window", 0)]
)
def test_cold_start(cold_start: str, granted: int) -> None:
    """The window that we come into is taken as unused, used in step with time, or used up."""
    bench = Bench(limit=10, cold_start=cold_start)
    permits = bench.ask(30.0, 10)
    assert granted == len(permits)
    for permit in permits:
        bench.answer(permit, 30.1)
    assert 10 - granted == len(bench.dispatch(60.1))


def test_share_is_never_exceeded() -> None:
    """With a share of 0.5, half of the limit goes, spread over the window."""
    bench = Bench(limit=10, share=0.5)
    bench.core.join(CREATE, bench.granted.append, 0.1, priority=Priority.BULK)
    total = 0
    for step in range(1, 600):
        bench.core.join(CREATE, bench.granted.append, step / 10, priority=Priority.BULK)
        for permit in bench.dispatch(step / 10):
            total += 1
            bench.answer(permit, step / 10 + 0.01)
        if step == 100:
            assert total <= 2
    assert total == 5


# --- 429 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [None, 0.0, -3.0, 30.0, 29.0, 31.0])
def test_a_429_closes_its_route_until_the_boundary(said: float | None) -> None:
    """Whatever the service says of the wait, or nothing: the route opens at the boundary."""
    bench = Bench(limit=10)
    permit = bench.ask(30.0, 1)[0]
    bench.core.throttle(permit, 30.1, said, START + 30)
    assert not bench.ask(59.9, 1)
    assert len(bench.ask(59.9, 1, route=INFO)) == 1
    assert len(bench.dispatch(60.02)) == 1


def test_a_late_429_does_not_close_the_new_window() -> None:
    """A late 429 of an old window closes nothing, with Retry-After or without."""
    for said in (None, 1.0):
        bench = Bench(limit=10)
        permit = bench.ask(59.0, 1)[0]
        bench.core.throttle(permit, 62.5, said, START + 59)
        assert len(bench.ask(62.6, 1)) == 1


def test_a_wait_beyond_the_minute_is_believed() -> None:
    """If the service names a later time than its windows explain, it is waited for."""
    bench = Bench(limit=10)
    permit = bench.ask(30.0, 1)[0]
    bench.core.throttle(permit, 30.1, 95.0, START + 30)
    assert not bench.ask(119.9, 1)
    assert len(bench.dispatch(180.1)) == 1


@pytest.mark.parametrize("said", [1.0, 17.0, 29.0, 30.0, 60.0, 3600.0])
def test_a_wait_is_no_evidence_of_the_time(said: float) -> None:
    """What a 429 says of the wait may be about something else than a window."""
    bench = Bench(limit=10)
    now = 60_000.0 + 30.0
    before = bench.core.clock.bounds(now)
    permit = bench.ask(now, 1)[0]
    bench.core.throttle(permit, now + 0.1, said, None)
    assert before == bench.core.clock.bounds(now)


def test_deadlines_merge_with_the_later_one() -> None:
    """A second 429 never opens the gate earlier."""
    bench = Bench(limit=10)
    first, second = bench.ask(58.0, 2)
    bench.core.throttle(first, 60.5, 60.0, START + 60)
    bench.core.throttle(second, 60.6, 1.0, START + 59)
    assert not bench.ask(119.9, 1)
    assert len(bench.dispatch(120.1)) == 1


def test_three_barren_windows_are_hopeless() -> None:
    """Only when three windows in a row accepted nothing at all is waiting given up."""
    bench = Bench(limit=10)
    verdicts = []
    for minute in range(3):
        now = minute * 60 + 30.0
        permit = bench.ask(now, 1)[0]
        verdicts.append(bench.core.throttle(permit, now + 0.1, None, START + now))
    assert verdicts == [False, False, True]


def test_an_acceptance_ends_the_barren_time() -> None:
    """One request that was accepted shows that the limit does open."""
    bench = Bench(limit=10)
    for minute in range(9):
        now = minute * 60 + 30.0
        if minute % 3 == 2:
            bench.answer(bench.ask(now, 1)[0], now + 0.1)
        else:
            permit = bench.ask(now, 1)[0]
            assert not bench.core.throttle(permit, now + 0.2, None, START + now)


# --- soft limits -------------------------------------------------------------------------------


DATA = Route("POST", "/device/:device_id/data", counted_as="POST /data")


def test_a_soft_limit_closes_its_device_only() -> None:
    """Its requests wait, in their order; those of others go on, and nothing is learned."""
    bench = Bench(limit=50)
    one = bench.ask_for("a", 10.0)
    bench.core.throttle(one, 10.1, None, START + 10)
    bench.core.join(DATA, bench.granted.append, 10.2, device="a")
    assert not bench.dispatch(10.2)
    assert bench.core.try_grant(DATA, Priority.INTERACTIVE, 10.3, device="a") is None
    bench.answer(bench.ask_for("b", 10.4), 10.5)
    assert None is bench.core._limiters[DATA.name].share.part
    wake = bench.core.dispatch(10.6)
    assert wake == pytest.approx(60.0, abs=0.1)
    assert wake is not None
    assert ["a"] == [permit.device for permit in bench.dispatch(wake)]


def test_a_second_device_that_is_refused_closes_the_route() -> None:
    """Then it is the route that is full, and other clients use it."""
    bench = Bench(limit=50)
    permits = [bench.ask_for(device, 10.0) for device in "ab"]
    for permit in permits:
        bench.core.throttle(permit, 10.1, None, START + 10)
    bench.core.join(DATA, bench.granted.append, 10.2, device="c")
    assert not bench.dispatch(59.5)
    assert ["c"] == [permit.device for permit in bench.dispatch(60.2)]
    assert bench.core._limiters[DATA.name].share.part is not None


def test_a_device_that_is_refused_for_three_windows_is_hopeless() -> None:
    """Its requests fail; an acceptance begins anew, and many refusals of a window are one."""
    bench = Bench(limit=50)
    hopeless = []
    for window in range(4):
        now = 60.0 * window + 10.0
        permits = [bench.ask_for("a", now) for _ in range(3)]
        if window == 0:
            bench.answer(permits.pop(), now + 0.05)
        hopeless.append([bench.core.throttle(one, now + 0.1, None, None) for one in permits])
    assert [False, False, True, True] == [all(window) for window in hopeless]


def test_who_gave_up_while_its_device_was_closed() -> None:
    """A waiter that is withdrawn leaves nothing behind."""
    bench = Bench(limit=50)
    bench.core.throttle(bench.ask_for("a", 10.0), 10.1, None, START + 10)
    waiter = bench.core.join(DATA, bench.granted.append, 10.2, device="a")
    bench.dispatch(10.2)
    assert 1 == bench.core.snapshot(10.2)[0].waiting
    bench.core.withdraw(DATA, waiter)
    assert ({}, None) == (bench.core._waiting, bench.core.dispatch(10.3))
    assert not bench.dispatch(61.0)


def test_a_429_of_two_counters_teaches_neither() -> None:
    """Either may be the full one: the rarer route closes, and nothing is learned."""
    bench = Bench(limit=5)
    (permit,) = bench.ask(10.0, 1, route=RARE)
    bench.core.throttle(permit, 10.1, None, START + 10)
    assert not bench.ask(10.2, 1, route=RARE)
    assert 1 == len(bench.ask(10.2, 1, route=INFO))
    bench.dispatch(60.2)
    assert {None} == {limiter.share.part for limiter in bench.core._limiters.values()}


# --- looking ahead and looking on ----------------------------------------------------------------


def test_least_wait_counts_who_goes_first() -> None:
    """The reported minimum wait is never longer than the actual wait."""
    bench = Bench(limit=5)
    assert bench.core.least_wait(CREATE, Priority.BULK, 10.0) == 0
    for permit in bench.ask(10.0, 9):
        bench.answer(permit, 10.1)
    bench.core.join(CREATE, bench.granted.append, 10.1, priority=Priority.BULK)
    waits = [
        bench.core.least_wait(CREATE, priority, 10.2)
        for priority in (Priority.INTERACTIVE, Priority.BULK)
    ]
    assert [pytest.approx(wait, abs=0.05) for wait in waits] == [49.8, 109.8]


def test_snapshot_says_what_is_known() -> None:
    """The snapshot contains limit, used, free, waiting and next window of each route."""
    bench = Bench(limit=5)
    permits = bench.ask(10.0, 8, Priority.BULK)
    bench.answer(permits[0], 10.1)
    (state,) = bench.core.snapshot(10.2)
    assert (CREATE.name, 5, 5, 4, 1) == (
        state.route,
        state.limit,
        state.budget,
        state.used,
        state.free,
    )
    assert (state.in_flight, state.waiting, state.rejected, state.others) == (3, 4, 0, None)
    assert state.next_window_in == pytest.approx(49.8, abs=0.05)


def test_events_tell_the_story() -> None:
    """Permits, settlements, windows and 429s emit events."""
    bench = Bench(limit=5)
    one, two = bench.ask(10.0, 2, Priority.BULK)
    bench.answer(one, 10.25)
    bench.core.throttle(two, 10.5, None, None)
    number = ceil(START / 60)
    assert [
        WindowOpened(CREATE.name, number, 5),
        Granted(CREATE.name, "bulk", 0.0),
        Granted(CREATE.name, "bulk", 0.0),
        Settled(CREATE.name, 200, 0.25),
        Settled(CREATE.name, 429, 0.5),
    ] == bench.events[:5]
    throttled = bench.events[5]
    assert isinstance(throttled, Throttled)
    assert throttled.closed_for == pytest.approx(49.5, abs=0.05)


def test_restart_keeps_what_was_counted() -> None:
    """New callers of the same profile find the window as used as it is."""
    bench = Bench(limit=5)
    assert len(bench.ask(10.0, 5)) == 5
    bench.core.restart(bench.core.settings, 11.0)
    assert not bench.ask(12.0, 1)
    assert bench.core.snapshot(12.0)[0].in_flight == 0
    assert len(bench.dispatch(60.1)) == 1


def test_a_burst_of_refusals_is_one_window() -> None:
    """Requests that left together and are all refused close one window, not one each."""
    bench = Bench(limit=5, known=False, pacing="steady")
    permits = bench.ask(10.0, 5)
    hopeless = [bench.core.throttle(permit, 10.1, None, None) for permit in permits]
    assert [False] * 5 == hopeless
