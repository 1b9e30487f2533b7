"""The service of the state machines: one server, whatever its clients are.

It is independent of the code under test: it counts each request once, by the clock of one of its
two machines, at any moment that the assumptions allow, and knows nothing of bounds or charges.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from benchmarks.simulation import CREATE, EPOCH, Unpaced
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.routes import Route
from tagodev._limits.settings import TRANSIT_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.route_limiter import Permit
    from tagodev._limits.settings import Settings
    from tagodev._limits.wait_queue import Priority, Waiter

__all__ = ["MINUTE", "SPECIAL", "Client", "Ghost", "ReferenceServer", "Travelling", "new_core"]

MINUTE = 12.0
#: Counted twice: by itself, and with CREATE.
SPECIAL = Route("POST", "/device", counted_as="POST /device?special", also=CREATE)


def new_core(settings: Settings, on_lease_needed: Callable[[], None] | None = None) -> Core:
    """Return a core that no pacing slows."""
    return Core(
        settings,
        make_pacer=Unpaced,
        clock=ServerClock(suspended=lambda: 0.0),
        on_lease_needed=on_lease_needed,
    )


@attrs.define(eq=False)
class Client:
    """Who sends requests: a core, and who waits in it."""

    core: Core
    waiters: list[tuple[Route, Waiter]] = attrs.field(factory=list)
    wake: float | None = None


@attrs.define(eq=False)
class Travelling:
    """A request between its grant and its end."""

    client: Client
    permit: Permit
    machine: float
    counted: bool = False


@attrs.define(eq=False)
class Ghost:
    """A request whose connection ended without an answer, before it was counted."""

    permit: Permit
    machine: float
    until: float


class ReferenceServer(RuleBasedStateMachine):
    """A server that counts as late or as early as it may, and what its clients have sent."""

    def open(self, limits: dict[str, int], offset: float, spread: float, at_end: bool) -> None:
        """Set the service's clocks, which nobody tells the clients.

        Args:
            limits: requests a window, by route.
            offset: how far its clock is ahead.
            spread: how far its second machine is ahead of the first.
            at_end: whether requests are counted when they are answered.
        """
        self.limits = limits
        self.machines = (EPOCH + offset, EPOCH + offset + spread)
        self.counts_at_end = at_end
        self.now = 1000.0
        self.machine = 0
        self.counts: dict[tuple[str, int], int] = {}
        self.travelling: list[Travelling] = []
        self.ghosts: list[Ghost] = []

    # --- clients -------------------------------------------------------------------------------

    def join(self, client: Client, route: Route, priority: Priority, run: int, many: int) -> None:
        """Put requests in the line of a client; they go to one machine or the other."""

        def depart(permit: Permit) -> None:
            self.machine = 1 - self.machine
            self.travelling.append(Travelling(client, permit, self.machines[self.machine]))

        for _ in range(many):
            waiter = client.core.join(route, depart, self.now, priority=priority, run=run)
            client.waiters.append((route, waiter))
        self.dispatch(client)

    def dispatch(self, client: Client) -> None:
        """Let a core give out what is free."""
        client.wake = client.core.dispatch(self.now)
        client.waiters = [one for one in client.waiters if not one[1].gone]

    def until_boundary(self, machine: int, delta: float) -> float:
        """Return the seconds until a machine's next boundary is as near as it gets."""
        server_time = self.now + self.machines[machine]
        boundary = (floor(server_time / MINUTE) + 1) * MINUTE
        return max(boundary + delta - server_time, 0.0)

    # --- requests ------------------------------------------------------------------------------

    def count(self, one: Travelling | Ghost) -> None:
        """Count one request now, by each counter of its route."""
        number = floor((self.now + one.machine) / MINUTE)
        for part in one.permit.parts():
            key = part.limiter.route.name, number
            self.counts[key] = self.counts.get(key, 0) + 1

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
        one.client.core.settle(one.permit, self.now, 200, date)
        self.dispatch(one.client)

    @precondition(lambda self: self.travelling)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """End a connection; the request may still be counted for a while."""
        self.lose_one(data.draw(st.sampled_from(self.travelling)))

    def lose_one(self, one: Travelling) -> None:
        """End one connection."""
        self.leave_behind(one)
        one.client.core.lose(one.permit, self.now)
        self.dispatch(one.client)

    def leave_behind(self, one: Travelling) -> None:
        """Take out a request whose client knows no more of it; it may be counted for a while."""
        self.travelling.remove(one)
        if not one.counted:
            self.ghosts.append(Ghost(one.permit, one.machine, self.now + TRANSIT_MAX))

    @precondition(lambda self: any(not one.counted for one in self.travelling))
    @rule(data=st.data())
    def never_left(self, data: st.DataObject) -> None:
        """No connection could be made."""
        one = data.draw(st.sampled_from([one for one in self.travelling if not one.counted]))
        self.travelling.remove(one)
        one.client.core.refund(one.permit, self.now)
        self.dispatch(one.client)

    @precondition(lambda self: any(ghost.until >= self.now for ghost in self.ghosts))
    @rule()
    def haunt(self) -> None:
        """Count all lost requests after all, within the time that is allowed for it."""
        for ghost in self.ghosts:
            if ghost.until >= self.now:
                self.count(ghost)
        self.ghosts.clear()

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def nobody_is_rejected(self) -> None:
        """No window of the server is ever counted beyond its limit."""
        if hasattr(self, "counts"):
            for (name, _), count in self.counts.items():
                assert count <= self.limits[name]
