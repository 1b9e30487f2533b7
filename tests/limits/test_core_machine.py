"""No history of sends, delays, losses, cancellations and boundaries is ever rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from benchmarks.simulation import CREATE
from tagodev._limits.settings import TRANSIT_MAX, Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits
from tests.limits.reference import MINUTE, SPECIAL, Client, ReferenceServer, new_core

if TYPE_CHECKING:
    from tagodev._limits.routes import Route
    from tagodev._limits.settings import Pacing

SLOTS = 8


class LoneClient(ReferenceServer):
    """One core, all alone at the server."""

    @initialize(
        pacing=st.sampled_from(["aligned", "aligned", "steady"]),
        limit=st.integers(1, 5),
        offset=st.floats(-300, 300),
        spread=st.floats(0, 0.1),
        at_end=st.booleans(),
    )
    def begin(self, pacing: Pacing, limit: int, offset: float, spread: float, at_end: bool) -> None:
        """Set the service's clocks, and begin with nothing known of them."""
        self.limit = limit
        self.open({CREATE.name: limit, SPECIAL.name: max(limit // 2, 1)}, offset, spread, at_end)
        self.hard_limits = HardLimits("reference", self.limits, minute=MINUTE)
        settings = Settings(self.hard_limits, concurrency=SLOTS, pacing=pacing)
        self.client = Client(new_core(settings))

    @rule(pacing=st.sampled_from(["aligned", "steady"]))
    def next_client(self, pacing: Pacing) -> None:
        """End the client with all its connections, and let another one of the process begin."""
        core = self.client.core
        for one in self.travelling.copy():
            self.leave_behind(one)
        self.client.waiters.clear()
        core.restart(Settings(self.hard_limits, concurrency=SLOTS, pacing=pacing), self.now)
        self.dispatch(self.client)

    # --- the client --------------------------------------------------------------------------

    @rule(
        priority=st.sampled_from(Priority),
        run=st.integers(1, 3),
        many=st.integers(1, 5),
        route=st.sampled_from([CREATE, CREATE, SPECIAL]),
    )
    def ask(self, priority: Priority, run: int, many: int, route: Route) -> None:
        """Let requests come."""
        self.join(self.client, route, priority, run, many)

    @precondition(lambda self: self.client.waiters)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Cancel a waiter, whether it was granted meanwhile or not."""
        route, waiter = data.draw(st.sampled_from(self.client.waiters))
        self.client.core.withdraw(route, waiter)
        self.client.waiters.remove((route, waiter))
        self.dispatch(self.client)

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        """Time passes, and the timer fires whenever it should."""
        end = self.now + seconds
        while self.client.wake is not None and self.client.wake <= end:
            self.wake_up()
        self.now = max(self.now, end)
        self.dispatch(self.client)

    @rule(delta=st.floats(-0.4, 0.4), machine=st.integers(0, 1))
    def approach(self, delta: float, machine: int) -> None:
        """Let time pass until a machine's next boundary is as near as it gets."""
        self.wait(self.until_boundary(machine, delta))

    @rule(many=st.integers(6, 12))
    def flood(self, many: int) -> None:
        """Let more requests come than a window takes."""
        self.join(self.client, CREATE, Priority.INTERACTIVE, 0, many)

    # --- the server --------------------------------------------------------------------------

    @precondition(lambda self: any(not one.counted for one in self.travelling))
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        """Let a request arrive and be counted, unless this server counts at the end."""
        one = data.draw(st.sampled_from([one for one in self.travelling if not one.counted]))
        if not self.counts_at_end:
            one.counted = True
            self.count(one)

    @precondition(lambda self: any(ghost.until >= self.now for ghost in self.ghosts))
    @rule(data=st.data())
    def haunt_once(self, data: st.DataObject) -> None:
        """Count one lost request after all, within the time that is allowed for it."""
        alive = [ghost for ghost in self.ghosts if ghost.until >= self.now]
        ghost = data.draw(st.sampled_from(alive))
        self.ghosts.remove(ghost)
        self.count(ghost)

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def slots_are_kept(self) -> None:
        """There are never more requests in flight than connections."""
        if hasattr(self, "travelling"):
            assert len(self.travelling) <= SLOTS

    def teardown(self) -> None:
        """Budget is never lost: when all is settled, a later window gives its whole limit."""
        if not hasattr(self, "client"):
            return
        core = self.client.core
        for route, waiter in self.client.waiters:
            core.withdraw(route, waiter)
        self.client.waiters.clear()
        self.everything_is_answered()
        steady = core.settings.pacing == "steady"
        if steady or not core.clock.known or core.clock.width(self.now) > MINUTE / 4:
            return
        self.now += TRANSIT_MAX + 3 * MINUTE
        for known in core.snapshot(self.now):
            assert (self.limits[known.route], 0, 0) == (known.free, known.used, known.in_flight)
        self.join(self.client, CREATE, Priority.INTERACTIVE, 0, self.limit)
        while len(self.travelling) < self.limit and self.client.wake is not None:
            self.wake_up()
        assert self.limit == len(self.travelling)

    def wake_up(self) -> None:
        """Go to where the next grant may be."""
        assert self.client.wake is not None
        self.now = max(self.client.wake, self.now + 1e-9)
        self.dispatch(self.client)


TestLoneClient = LoneClient.TestCase
TestLoneClient.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
