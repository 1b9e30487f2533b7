"""No history of sends, delays, losses, cancellations and boundaries is ever rejected.

The reference server is independent of the code under test: it counts each request once, by the
clock of one of its two machines, at any moment that the assumptions allow, and knows nothing of
bounds or charges.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.simulation import CREATE, EPOCH, Unpaced
from tagodev.hard_limits import HardLimits
from tagodev.limits.clock import ServerClock
from tagodev.limits.core import Core
from tagodev.limits.lanes import Lane, Waiter
from tagodev.limits.routes import Route
from tagodev.limits.settings import TRANSIT_MAX, Settings

if TYPE_CHECKING:
    from tagodev.limits.bucket import Permit

MINUTE = 12.0
SLOTS = 8
#: Counted twice: by itself, and with CREATE.
SPECIAL = Route("POST", "/device", counted_as="POST /device?special", also=CREATE)


class Never:
    """A steady pacer that lets nothing go: steadiness has a promise of its own."""

    def delay(self) -> float:
        """Return longer than any history."""
        return 1e6

    def take(self) -> None:
        """Never called."""
        raise AssertionError


@attrs.define(eq=False)
class Travelling:
    """A request between its grant and its end."""

    permit: Permit
    machine: float
    counted: bool = False
    date: float | None = None


@attrs.define(eq=False)
class Ghost:
    """A request whose connection ended without an answer, before it was counted."""

    permit: Permit
    machine: float
    until: float


class LoneClient(RuleBasedStateMachine):
    """A core, and a server that counts as late or as early as it may."""

    @initialize(
        limit=st.integers(1, 5),
        offset=st.floats(-300, 300),
        spread=st.floats(0, 0.1),
        counts_at_end=st.booleans(),
    )
    def begin(self, limit: int, offset: float, spread: float, counts_at_end: bool) -> None:
        """Set the service's clocks, which nobody tells the client."""
        self.limit = limit
        self.limits = {CREATE.name: limit, SPECIAL.name: max(limit // 2, 1)}
        self.machines = (EPOCH + offset, EPOCH + offset + spread)
        self.counts_at_end = counts_at_end
        self.now = 1000.0
        self.counts: dict[tuple[str, int], int] = {}
        self.travelling: list[Travelling] = []
        self.ghosts: list[Ghost] = []
        self.waiters: list[tuple[Route, Waiter]] = []
        self.core = Core(
            Settings(HardLimits("reference", self.limits, minute=MINUTE), concurrency=SLOTS),
            make_pacer=lambda _: Unpaced(),
            make_steady_pacer=lambda _: Never(),
            clock=ServerClock(suspended=lambda: 0.0),
        )
        self.wake: float | None = None
        self.machine = 0

    # --- the client --------------------------------------------------------------------------

    @rule(
        lane=st.sampled_from(Lane),
        run=st.integers(1, 3),
        many=st.integers(1, 5),
        route=st.sampled_from([CREATE, CREATE, SPECIAL]),
    )
    def ask(self, lane: Lane, run: int, many: int, route: Route = CREATE) -> None:
        """Let requests come."""
        for _ in range(many):
            waiter = self.core.join(route, self.depart, self.now, lane=lane, run=run)
            self.waiters.append((route, waiter))
        self.dispatch()

    @precondition(lambda self: self.waiters)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Cancel a waiter, whether it was granted meanwhile or not."""
        route, waiter = data.draw(st.sampled_from(self.waiters))
        self.waiters.remove((route, waiter))
        self.core.withdraw(route, waiter)
        self.dispatch()

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        """Time passes, and the timer fires whenever it should."""
        end = self.now + seconds
        while self.wake is not None and self.wake <= end:
            self.now = max(self.wake, self.now + 1e-9)
            self.dispatch()
        self.now = max(self.now, end)
        self.dispatch()

    @rule(delta=st.floats(-0.4, 0.4), machine=st.integers(0, 1))
    def approach(self, delta: float, machine: int) -> None:
        """Let time pass until a machine's next boundary is as near as it gets."""
        server_time = self.now + self.machines[machine]
        boundary = (floor(server_time / MINUTE) + 1) * MINUTE
        self.wait(max(boundary + delta - server_time, 0.0))

    @rule(many=st.integers(6, 12))
    def flood(self, many: int) -> None:
        """Let more requests come than a window takes."""
        self.ask(Lane.INTERACTIVE, 0, many)

    @rule()
    def everything_arrives(self) -> None:
        """Let all that travels arrive and be counted, unless this server counts at the end."""
        for one in self.travelling:
            if not one.counted and not self.counts_at_end:
                one.counted = True
                self.count(one)

    @rule()
    def everything_is_answered(self) -> None:
        """Answer all that travels, and let what that sets free leave."""
        for one in self.travelling.copy():
            self.answer_one(one, dated=True)

    def dispatch(self) -> None:
        """Let the core give out what is free."""
        self.wake = self.core.dispatch(self.now)
        self.waiters = [one for one in self.waiters if not one[1].gone]

    def depart(self, permit: Permit) -> None:
        """Send a request, to one machine or the other."""
        self.machine = 1 - self.machine
        self.travelling.append(Travelling(permit, self.machines[self.machine]))

    # --- the server --------------------------------------------------------------------------

    def count(self, one: Travelling | Ghost) -> None:
        """Count one request now, by each counter of its route."""
        number = floor((self.now + one.machine) / MINUTE)
        for place in one.permit.places():
            key = place.bucket.route.name, number
            self.counts[key] = self.counts.get(key, 0) + 1

    @precondition(lambda self: any(not one.counted for one in self.travelling))
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        """Let a request arrive and be counted, unless this server counts at the end."""
        one = data.draw(st.sampled_from([one for one in self.travelling if not one.counted]))
        if not self.counts_at_end:
            one.counted = True
            self.count(one)

    @precondition(lambda self: self.travelling)
    @rule(data=st.data(), dated=st.booleans())
    def answer(self, data: st.DataObject, dated: bool) -> None:
        """Answer a request, with a date or without."""
        self.answer_one(data.draw(st.sampled_from(self.travelling)), dated=dated)

    def answer_one(self, one: Travelling, *, dated: bool) -> None:
        """Answer a request; if it was not counted before, it is now."""
        self.travelling.remove(one)
        if not one.counted:
            self.count(one)
        date = float(floor(self.now + one.machine)) if dated else None
        self.core.settle(one.permit, self.now, 200, date)
        self.dispatch()

    @precondition(lambda self: self.travelling)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """End a connection; the request may still be counted for a while."""
        one = self.take(data)
        if not one.counted:
            self.ghosts.append(Ghost(one.permit, one.machine, self.now + TRANSIT_MAX))
        self.core.lose(one.permit, self.now)
        self.dispatch()

    @precondition(lambda self: any(not one.counted for one in self.travelling))
    @rule(data=st.data())
    def never_left(self, data: st.DataObject) -> None:
        """No connection could be made."""
        one = data.draw(st.sampled_from([one for one in self.travelling if not one.counted]))
        self.travelling.remove(one)
        self.core.refund(one.permit, self.now)
        self.dispatch()

    @precondition(lambda self: any(ghost.until >= self.now for ghost in self.ghosts))
    @rule(data=st.data())
    def haunt(self, data: st.DataObject) -> None:
        """Count a lost request after all, within the time that is allowed for it."""
        alive = [ghost for ghost in self.ghosts if ghost.until >= self.now]
        ghost = data.draw(st.sampled_from(alive))
        self.ghosts.remove(ghost)
        self.count(ghost)

    def take(self, data: st.DataObject) -> Travelling:
        """Choose one of those that are on their way."""
        one = data.draw(st.sampled_from(self.travelling))
        self.travelling.remove(one)
        return one

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def nobody_is_rejected(self) -> None:
        """No window of the server is ever counted beyond its limit."""
        if hasattr(self, "counts"):
            for (name, _), count in self.counts.items():
                assert count <= self.limits[name]

    @invariant()
    def slots_are_kept(self) -> None:
        """There are never more requests in flight than connections."""
        if hasattr(self, "travelling"):
            assert len(self.travelling) <= SLOTS

    def teardown(self) -> None:
        """Budget is never lost: when all is settled, a later window gives its whole limit."""
        if not hasattr(self, "core"):
            return
        for route, waiter in self.waiters:
            self.core.withdraw(route, waiter)
        self.waiters.clear()
        for one in list(self.travelling):
            self.core.settle(one.permit, self.now, 200, float(floor(self.now + one.machine)))
        self.travelling.clear()
        if not self.core.clock.known or self.core.clock.width(self.now) > MINUTE / 4:
            return
        self.now += TRANSIT_MAX + 3 * MINUTE
        state = self.core.snapshot(self.now)
        for known in state:
            assert (self.limits[known.route], 0, 0) == (known.free, known.used, known.in_flight)
        for _ in range(self.limit):
            self.core.join(CREATE, self.depart, self.now, lane=Lane.INTERACTIVE)
        while len(self.travelling) < min(self.limit, SLOTS) and self.wake_up():
            pass
        assert min(self.limit, SLOTS) == len(self.travelling)

    def wake_up(self) -> bool:
        """Go to where the next grant may be."""
        self.dispatch()
        if self.wake is not None:
            self.now = max(self.wake, self.now + 1e-9)
        return self.wake is not None


TestLoneClient = LoneClient.TestCase
TestLoneClient.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
