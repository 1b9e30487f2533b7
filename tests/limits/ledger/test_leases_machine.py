"""No history of several processes, their store and the service is ever rejected.

Each process is a core and a lessee of its own, as in the shell for asyncio, driven in one virtual
time; all use one store.
Processes start, end and are killed; the store is away, comes back empty, answers late, or what it
answers is lost; an exchange that was given up on may still reach it.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from benchmarks.simulation import CREATE
from tagodev._limits.ledger.lease_client import LeaseClient
from tagodev._limits.routes import CLOCK_ROUTE, Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev.hard_limits import HardLimits
from tests.limits.leasing import MemoryStore
from tests.limits.reference import MINUTE, SPECIAL, Client, ReferenceServer, Travelling, new_core

if TYPE_CHECKING:
    from tagodev._limits.ledger.lease_store import Exchange, Reply

TIMEOUT = 16.0
INFO = Route("GET", "/info")
#: Processes alive at once, and in all.
ALIVE, STARTED = 3, 6


@attrs.define(eq=False)
class Process(Client):
    """One process: its core, what it asks of the store, and who waits in it."""

    lessee: LeaseClient = attrs.field(kw_only=True)
    asked: Exchange | None = None
    reply: Reply | None = None


class ManyProcesses(ReferenceServer):
    """Several cores, one store, one server."""

    @initialize(
        limit=st.integers(1, 7),
        slots=st.sampled_from([1, 2, 8]),
        offset=st.floats(-300, 300),
        spread=st.floats(0, 0.1),
        at_end=st.booleans(),
        away_share=st.sampled_from([0.0, 0.0, 0.15]),
    )
    def begin(  # noqa: PLR0917  (given by name, by Hypothesis)
        self,
        limit: int,
        slots: int,
        offset: float,
        spread: float,
        at_end: bool,
        away_share: float,
    ) -> None:
        """Set the service's clocks, which nobody tells the processes."""
        limits = {CREATE.name: limit, SPECIAL.name: max(limit // 2, 1), CLOCK_ROUTE: 1000}
        self.open(limits, offset, spread, at_end)
        self.settings = Settings(
            HardLimits("reference", limits, minute=MINUTE), concurrency=slots, timeout=TIMEOUT
        )
        self.away_share = away_share
        self.processes: list[Process] = []
        self.started = 0
        self.store = MemoryStore()
        self.away = False
        self.refused = False
        self.given_up: list[Exchange] = []
        self.start(learns=True)
        self.start(learns=True)

    # --- processes -----------------------------------------------------------------------------

    @precondition(lambda self: len(self.processes) < ALIVE and self.started < STARTED)
    @rule(learns=st.booleans())
    def start(self, learns: bool) -> None:
        """Start a process; its first request asks for the time."""
        core = new_core(self.settings, lambda: None)
        lessee = LeaseClient(core, "garden", away_share=self.away_share, processes=STARTED)
        process = Process(core, lessee=lessee)
        self.processes.append(process)
        self.started += 1
        self.join(process, INFO, Priority.INTERACTIVE, 0, 1)
        for one in [one for one in self.travelling if one.client is process and learns]:
            self.answer_one(one, dated=True)

    @precondition(lambda self: len(self.processes) > 1)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """End a process without a word; what it sent may still be counted for a while."""
        self.end(self.choose(data))

    @precondition(lambda self: len(self.processes) > 1)
    @rule(data=st.data(), heard=st.booleans())
    def leave(self, data: st.DataObject, heard: bool) -> None:
        """End a process in good order: what it has left goes back, unless the store is away."""
        process = self.choose(data)
        for route, waiter in process.waiters:
            process.core.withdraw(route, waiter)
        for one in [one for one in self.travelling if one.client is process]:
            self.lose_one(one)
        if process.asked is not None:
            self.give_up_exchange(process)
        last = process.lessee.last_exchange(self.now)
        self.end(process)
        if last is not None and heard and not self.away:
            self.store.answer(last)

    def end(self, process: Process) -> None:
        """Take a process out, with the connections that it had."""
        self.processes.remove(process)
        for one in [one for one in self.travelling if one.client is process]:
            self.leave_behind(one)
        if process.asked is not None and process.reply is None:
            self.given_up.append(process.asked)

    def choose(self, data: st.DataObject) -> Process:
        """Choose a process."""
        return data.draw(st.sampled_from(self.processes))

    @rule(
        data=st.data(),
        priority=st.sampled_from(Priority),
        many=st.integers(1, 5),
        route=st.sampled_from([CREATE, CREATE, SPECIAL]),
    )
    def ask(self, data: st.DataObject, priority: Priority, many: int, route: Route) -> None:
        """Let requests come."""
        self.join(self.choose(data), route, priority, 1, many)

    @rule(priority=st.sampled_from(Priority))
    def flood(self, priority: Priority) -> None:
        """Let more requests come to each process than a window takes."""
        for process in self.processes:
            self.join(process, CREATE, priority, 1, 14)

    @precondition(lambda self: any(process.waiters for process in self.processes))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Cancel all that wait in a process; what it holds falls idle."""
        process = self.choose(data)
        for route, waiter in process.waiters:
            process.core.withdraw(route, waiter)
        self.dispatch(process)

    # --- time ----------------------------------------------------------------------------------

    @rule(seconds=st.floats(0, 5), talking=st.booleans())
    def wait(self, seconds: float, talking: bool) -> None:
        """Time passes, and timers fire whenever they should; perhaps the store is asked, too."""
        end = self.now + seconds
        while True:
            wakes = [one.wake for one in self.processes if one.wake is not None]
            ends = [one.permit.granted + TIMEOUT for one in self.travelling]
            following = min([*wakes, *ends, end])
            if talking:
                following = min(following, self.now + 1.0)
            self.now = min(max(following, self.now + 1e-9), max(end, self.now))
            for one in [one for one in self.travelling if one.permit.granted + TIMEOUT <= self.now]:
                self.lose_one(one)
            for process in self.processes:
                self.dispatch(process)
            if talking:
                self.everybody_talks()
            if self.now >= end:
                return

    @rule(delta=st.floats(-0.4, 0.4), machine=st.integers(0, 1), talking=st.booleans())
    def approach(self, delta: float, machine: int, talking: bool) -> None:
        """Let time pass until a machine's next boundary is as near as it gets."""
        self.wait(self.until_boundary(machine, delta), talking)

    # --- the store -----------------------------------------------------------------------------

    @rule()
    def everybody_talks(self) -> None:
        """Let each process ask the store what it has to ask, and get its answer."""
        for process in self.processes:
            self.talk(process)

    def talk(self, process: Process) -> None:
        """Let a process ask until it has nothing more to ask."""
        for _ in range(3):
            self.send(process)
            self.reach(process)
            if process.reply is None:
                break
            self.hear(process)

    @rule(data=st.data())
    def one_talks(self, data: st.DataObject) -> None:
        """Let one process ask the store what it has to ask, and get its answer."""
        self.talk(self.choose(data))

    @rule(data=st.data())
    def ask_store(self, data: st.DataObject) -> None:
        """Let a process send what it has to ask."""
        self.send(self.choose(data))

    @rule(data=st.data())
    def reach_store(self, data: st.DataObject) -> None:
        """Let what a process asks reach the store, and its answer be on the way."""
        self.reach(self.choose(data))

    @rule(data=st.data())
    def hear_store(self, data: st.DataObject) -> None:
        """Let an answer arrive."""
        self.hear(self.choose(data))

    @rule(data=st.data())
    def give_up_on_store(self, data: st.DataObject) -> None:
        """Let a process wait for an answer no longer, whether the store was reached or not."""
        process = self.choose(data)
        if process.asked is not None:
            self.give_up_exchange(process)

    @precondition(lambda self: self.given_up and not self.away)
    @rule(data=st.data())
    def reach_after_all(self, data: st.DataObject) -> None:
        """Let what was given up on reach the store after all."""
        exchange = data.draw(st.sampled_from(self.given_up))
        self.given_up.remove(exchange)
        self.store.answer(exchange)

    @rule(away=st.booleans())
    def come_and_go(self, away: bool) -> None:
        """Let the store be away, or be back."""
        self.away = away

    @precondition(lambda self: self.away)
    @rule()
    def forget(self) -> None:
        """Let the store be back, empty."""
        self.store.forget()
        self.away = False
        # Connections end with the server.
        self.given_up.clear()
        for process in self.processes:
            if process.asked is not None:
                self.give_up_exchange(process)
        self.given_up.clear()

    def send(self, process: Process) -> None:
        """Send what a process has to ask, if nothing of its is on the way."""
        if process.asked is None:
            process.asked = process.lessee.next_exchange(self.now)

    def reach(self, process: Process) -> None:
        """Have the store answer, if it is there."""
        if process.asked is None or process.reply is not None:
            return
        if self.away:
            self.give_up_exchange(process)
        else:
            process.reply = self.store.answer(process.asked)

    def hear(self, process: Process) -> None:
        """Give a process its answer."""
        if process.asked is None or process.reply is None:
            return
        asked, reply = process.asked, process.reply
        process.asked = process.reply = None
        process.lessee.take(asked, reply, self.now)
        self.dispatch(process)

    def give_up_exchange(self, process: Process) -> None:
        """Let a process wait for its answer no longer."""
        assert process.asked is not None
        asked, reply = process.asked, process.reply
        process.asked = process.reply = None
        process.lessee.fail(asked, self.now)
        if reply is None:
            self.given_up.append(asked)
        self.dispatch(process)

    # --- the server ----------------------------------------------------------------------------

    @rule()
    def everything_is_lost(self) -> None:
        """End all connections, and let what that sets free leave."""
        for one in self.travelling.copy():
            self.lose_one(one)

    @rule(data=st.data())
    def one_works(self, data: st.DataObject) -> None:
        """Let one process alone send what it may, and all of that be counted and answered."""
        self.work(self.choose(data))

    def work(self, process: Process) -> None:
        """Let a process send what it may, and all of that be counted and answered."""
        self.join(process, CREATE, Priority.INTERACTIVE, 1, 8)
        for _ in range(8):
            self.talk(process)
            for one in [one for one in self.travelling if one.client is process]:
                self.answer_one(one, dated=True)

    @precondition(lambda self: len(self.processes) > 1)
    @rule(
        data=st.data(),
        fate=st.sampled_from(["travels", "loses", "dies"]),
        windows=st.integers(0, 2),
        past=st.floats(0, 4),
    )
    def straddle(self, data: st.DataObject, fate: str, windows: int, past: float) -> None:
        """Let one send before a boundary what is counted behind it, where others are at work."""
        process = self.choose(data)
        self.approach(-0.3, 0, talking=True)
        self.join(process, CREATE, Priority.BULK, 1, 8)
        self.talk(process)
        for _ in range(3 * (fate == "loses")):
            for one in [one for one in self.travelling if one.client is process]:
                self.lose_one(one)
        if fate == "dies":
            self.end(process)
        self.approach(past, 0, talking=False)
        self.wait(windows * MINUTE, talking=False)
        for other in self.processes:
            if other is not process:
                self.work(other)
        self.everything_arrives()
        self.haunt()

    def answer_one(self, one: Travelling, *, dated: bool) -> None:
        """Answer a request; if it was not counted before, it is now."""
        # A route that tells no time goes without windows, which is not what is looked at here.
        super().answer_one(one, dated=dated or not one.client.core.clock.known)

    @precondition(lambda self: any(not one.counted for one in self.travelling))
    @rule(data=st.data(), tells=st.booleans())
    def refuse(self, data: st.DataObject, tells: bool) -> None:
        """Answer with a 429, as if somebody else had filled the window."""
        self.refused = True
        one = data.draw(st.sampled_from([one for one in self.travelling if not one.counted]))
        self.travelling.remove(one)
        moment = self.now + one.machine
        left = float(floor(MINUTE - moment % MINUTE)) if tells else None
        one.client.core.throttle(one.permit, self.now, left, float(floor(moment)))
        self.dispatch(one.client)

    # --- what must hold ------------------------------------------------------------------------

    def teardown(self) -> None:
        """Budget is never lost: when all is settled, a later window gives all that is leased."""
        if not hasattr(self, "processes"):
            return
        self.away = False
        for process in self.processes:
            for route, waiter in process.waiters:
                process.core.withdraw(route, waiter)
        self.everything_is_answered()
        clocks = [one.core.clock for one in self.processes]
        # Whoever was refused leaves some to others; whoever knows too little has no windows.
        if self.refused or any(not one.known or one.width(self.now) > MINUTE / 4 for one in clocks):
            return
        # Whoever finds the store empty has to wait, and finds it when he wants something.
        for process in self.processes:
            self.join(process, CREATE, Priority.BULK, 0, 1)
        self.everybody_talks()
        for _ in range(12):
            self.wait(MINUTE, talking=False)
            self.everybody_talks()
            self.everything_is_answered()
        # Into the middle of a window.
        server_time = self.now + self.machines[0]
        self.wait(1.5 * MINUTE - server_time % MINUTE, talking=True)
        number = floor((self.now + self.machines[0]) / MINUTE)
        wanted = int(self.limits[CREATE.name] * (1 - self.away_share * STARTED))
        for process in self.processes:
            self.join(process, CREATE, Priority.INTERACTIVE, 0, 14)
        for _ in range(40):
            self.everything_is_answered()
            self.wait(0.02, talking=True)
        assert wanted == self.counts.get((CREATE.name, number), 0)


TestManyProcesses = ManyProcesses.TestCase
TestManyProcesses.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
