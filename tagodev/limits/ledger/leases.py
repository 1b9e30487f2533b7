"""Leases: one budget for many processes.

The counters belong to the profile, whoever sends.
So that several processes together never exceed them, a process grants a request only out of places
that a store, which all of them share, has leased to it: so many of one route in one of the
*server's* windows.

Why that can't be rejected
--------------------------
Each process charges a request to every window in which the server may count it (see
`tagodev.limits.window`).
It grants one only while, in each of these windows and in each that it has asked the store about,
its charges stay within what it *holds* there: the places leased to it, and the *carry*, charges of
its own from earlier windows that may fall into this one, as it has told the store when it first
asked about it.
Of its charges no more than a stated number, the *loose* ones, may at any time fall into windows
that it has not asked about yet: those in flight, and those whose answer was lost a moment ago.

The store leases no more than the limit less everything held.
Of a process that has asked about the window that is what it holds there.
Of one that has not it is what it held in the last window that it asked about, or its loose ones
where these are fewer: whatever may fall into the window was charged to that one too.
After so many windows as a request may last, nothing of it can be left.
So at most the limit is charged to any window by all of them together, and the server counts at
most what is charged.

A process that dies thus holds what it held in its window, and its loose ones in the next few.
A store that comes back empty has forgotten what is held: nobody may lease before a window that
begins after everything is past.

What it costs
-------------
A round trip to the store for each block.
Blocks are a share of what is left of the window, so they are large while there is much, and near
its end single places: little is stranded, and a place that is not used is given back.
"""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.limits.wait_queue import Priority

if TYPE_CHECKING:
    from tagodev.limits.window import Windows

__all__ = ["LeaseBook", "LeaseGrant", "LeaseRequest", "carried_windows"]

#: Places that are asked for beyond what waits, for bulk work: more of its rows are to come.
_AHEAD: Final = 100_000
#: Places that are asked for at most beyond what waits of interactive calls.
_AHEAD_OF_CALLS: Final = 32
#: After so long without anybody waiting or on his way, in seconds, places are given back.
_IDLE: Final = 0.1
#: Where none was left, the next look is after this part of a window, and then after so many times
#: as long each time, up to a part of it: sooner where somebody waits for a call.
_FIRST_LOOK: Final = 1 / 200
_LATER_LOOKS: Final = {Priority.INTERACTIVE: (2, 1 / 10), Priority.BULK: (3, 1 / 5)}


def carried_windows(longest: float, minute: float) -> int:
    """Return into how many further windows a request may fall.

    Args:
        longest: seconds from its grant until it can't be counted any more.
        minute: length of a window, in seconds.
    """
    return max(ceil(longest / minute), 1)


@attrs.frozen(kw_only=True)
class LeaseRequest:
    """What a process asks of the store, for one route in one window."""

    route: str
    """Method and template."""
    number: int
    """Which window."""
    limit: int
    """Requests that the window takes."""
    carry: int
    """Charges of earlier windows that may fall into this one; only what is said first counts."""
    loose: int
    """The most charges that may fall into windows not asked about yet."""
    want: int = 0
    """Places wanted for bulk work or interactive calls."""
    urgent: int = 0
    """Of these, places that interactive calls wait for: no reserve is kept from them."""
    back: int = 0
    """Places given back."""
    interactive: int = 0
    """Interactive grants in this window since the last time."""
    reserve: int | None = None
    """Places that bulk work leaves to interactive calls; None for what they needed of late."""
    left: float = 0.0
    """Which part of the window is left, 0 to 1, by the service's clock as this process knows it."""
    full: bool = False
    """Whether the service itself has said that the window is full."""


@attrs.frozen
class LeaseGrant:
    """What the store gave."""

    route: str
    """Method and template."""
    number: int
    """Which window."""
    places: int
    """Places leased, beside those that were held."""
    full: bool = False
    """Whether somebody was told by the service that the window is full."""


class LeaseBook:
    """What one process holds of one route; synchronous, with the time as an argument."""

    def __init__(
        self, windows: Windows, limit: int, *, reserve: int | None, carried: int, loose: int
    ) -> None:
        """Begin with nothing held.

        Args:
            windows: the charges of the route.
            limit: requests the service accepts in one window.
            reserve: what bulk leaves to interactive calls; None for their recent peak.
            carried: into how many further windows a charge may fall.
            loose: how many charges may fall into windows that were not asked about, at least 1.
        """
        self._windows = windows
        self._limit = limit
        self._reserve = reserve
        self._carried = carried
        self._loose = loose
        self._places: dict[int, int] = {}
        self._carry: dict[int, int] = {}
        self._asked: dict[int, bool] = {}
        self._interactive: dict[int, int] = {}
        self._looks: dict[tuple[int, Priority], tuple[float, float]] = {}
        self._idle_since: float | None = None
        self._away_after: int | None = None
        self._alone = 0
        self.first_free = 0
        """The first window in which anything may be leased."""

    # --- granting ------------------------------------------------------------------------------

    def held(self, number: int) -> int:
        """Return how many charges a window may have from this process."""
        held = self._places.get(number, 0) + self._carry.get(number, 0)
        if self._away_after is not None and number > self._away_after:
            held += self._alone
        return held

    def wait(self, now: float, priority: Priority) -> float:
        """Return in how many seconds a request may go as far as leases go; 0 for now.

        Infinite where only an answer of the store can tell.

        Args:
            now: the time.
            priority: how urgent it is.
        """
        windows = self._windows
        first, last = windows.bounds(now)
        if first < self.first_free:
            return max(windows.opens_in(self.first_free, now), 0.0)
        # What was said of a window holds, also where the clock turns out not to be there yet.
        last = max(last, max(self._asked, default=last))
        wait = 0.0
        for number in range(first, last + 1):
            if windows.used(number) >= self.held(number):
                look = self._look(number, priority)
                if now >= look:
                    return inf
                wait = max(wait, min(look - now, windows.opens_in(number + 1, now)))
        if not wait and windows.used(last + 1) >= self._loose:
            return max(windows.opens_in(last + 1, now), 0.0)
        return wait

    def note_interactive(self, now: float) -> None:
        """Note a grant of the interactive priority."""
        number = self._windows.bounds(now)[1]
        self._interactive[number] = self._interactive.get(number, 0) + 1

    # --- asking --------------------------------------------------------------------------------

    def asks(self, route: str, now: float, bulk: int, interactive: int) -> list[LeaseRequest]:
        """Return what is to be asked of the store now; nothing if nothing is needed.

        Args:
            route: its name.
            now: the time.
            bulk: bulk requests that wait.
            interactive: interactive requests that wait.
        """
        first, last = self._windows.bounds(now)
        self._forget_before(first - self._carried)
        # After what is on its way the next may come.
        if bulk or interactive or self._windows.in_flight:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        last = max(last, max(self._asked, default=last))
        found = []
        for number in range(max(first, self.first_free), last + 1):
            ask = self._ask(route, number, now, bulk, interactive)
            if ask is not None:
                found.append(ask)
        return found

    @property
    def restless(self) -> bool:
        """Whether time alone may give a reason to ask: something is held, or was."""
        return bool(self._asked) and self._owes(max(self._asked) + 1)

    def _ask(
        self, route: str, number: int, now: float, bulk: int, interactive: int
    ) -> LeaseRequest | None:
        used = self._windows.used(number)
        missing = max(self.held(number) - used, 0)
        fresh = self._interactive.get(number, 0)
        want = urgent = back = 0
        if interactive > missing and now >= self._look(number, Priority.INTERACTIVE):
            want = urgent = interactive - missing + min(fresh, _AHEAD_OF_CALLS)
        # What waits and has no place, and of bulk work what will wait next.
        if bulk and missing <= interactive + bulk // 2 and now >= self._look(number, Priority.BULK):
            want = _AHEAD
        idle = self._idle_since is not None and now - self._idle_since >= _IDLE
        if idle:
            back = min(missing, self._places.get(number, 0))
        full = number <= self._windows.exhausted
        news = full and not self._asked.get(number, False)
        if not (want or back or news or (idle and fresh) or self._owes(number)):
            return None
        self._interactive.pop(number, None)
        return LeaseRequest(
            route=route,
            number=number,
            limit=self._limit,
            carry=self._carry.get(number, used),
            loose=self._loose,
            want=want,
            urgent=urgent,
            back=back,
            interactive=fresh,
            reserve=self._reserve,
            left=min(max(self._windows.opens_in(number + 1, now) / self._windows.minute, 0.0), 1.0),
            full=full,
        )

    def _owes(self, number: int) -> bool:
        """Return whether the store must be told what of earlier windows may fall into this one.

        Until it is told, it takes it to be all that it can be.
        """
        if number in self._carry:
            return False
        if self._windows.used(number):
            return True
        before = [old for old in self._asked if number - self._carried <= old < number]
        latest = max(before, default=None)
        return latest is not None and (latest not in self._carry or self.held(latest) > 0)

    def last_asks(self, route: str, now: float) -> list[LeaseRequest]:
        """Return what is to be told when nothing more will be sent: what is left, and what is due.

        Args:
            route: its name.
            now: the time.
        """
        first, last = self._windows.bounds(now)
        last = max(last, max(self._asked, default=last))
        found = []
        for number in range(max(first, self.first_free), last + self._carried + 1):
            used = self._windows.used(number)
            back = min(max(self.held(number) - used, 0), self._places.get(number, 0))
            told = number in self._carry
            if told and not back:
                continue
            ask = LeaseRequest(
                route=route,
                number=number,
                limit=self._limit,
                carry=self._carry[number] if told else used,
                loose=self._loose,
                back=back,
                interactive=self._interactive.pop(number, 0),
            )
            found.append(ask)
            if number > last and not used:
                break
        # Who never asked has nothing to tell, unless something of his went all the same.
        return found if self._asked or any(ask.carry for ask in found) else []

    # --- what becomes of it --------------------------------------------------------------------

    def sent(self, ask: LeaseRequest) -> None:
        """Note that an ask is on its way: what it gives back is not used any more."""
        if ask.back:
            self._places[ask.number] -= ask.back
        self._asked.setdefault(ask.number, False)

    def failed(self, ask: LeaseRequest) -> None:
        """Note that an ask may not have reached the store: what was given back stays unused."""
        if ask.interactive:
            known = self._interactive.get(ask.number, 0)
            self._interactive[ask.number] = known + ask.interactive

    def receive(self, ask: LeaseRequest, given: LeaseGrant, now: float) -> None:
        """Take what the store gave.

        Args:
            ask: what it was asked.
            given: what it gave.
            now: the time.
        """
        number = ask.number
        self._carry.setdefault(number, ask.carry)
        self._asked[number] = self._asked.get(number, False) or ask.full
        self._places[number] = self._places.get(number, 0) + given.places
        if given.full and number > self._windows.exhausted:
            self._windows.exhausted = number
        # A reserve is kept from bulk work only.
        for priority in (Priority.INTERACTIVE, Priority.BULK) if ask.urgent else (Priority.BULK,):
            if given.places:
                self._looks.pop((number, priority), None)
            elif ask.want:
                self._look_later(number, priority, now)

    def _look_later(self, number: int, priority: Priority, now: float) -> None:
        """Put off the next ask: others may give some back before the window ends."""
        minute = self._windows.minute
        _, waited = self._looks.get((number, priority), (0.0, 0.0))
        times, most = _LATER_LOOKS[priority]
        wait = min(max(times * waited, _FIRST_LOOK * minute), most * minute)
        self._looks[number, priority] = now + wait, wait

    def _look(self, number: int, priority: Priority) -> float:
        """Return when the store may be asked again for places of a window that had none left."""
        return self._looks.get((number, priority), (0.0, 0.0))[0]

    def go_alone(self, now: float, places: int) -> None:
        """Note that the store is away, and what may be sent without it in each later window."""
        if self._away_after is None:
            self._away_after = self._windows.bounds(now)[1]
            self._alone = places

    def come_back(self) -> None:
        """Note that the store is there again."""
        self._away_after = None

    def forget(self) -> None:
        """Hold nothing any more, since the store has forgotten."""
        for kept in (self._places, self._carry, self._asked):
            kept.clear()
        self._looks.clear()

    def _forget_before(self, number: int) -> None:
        for kept in (self._places, self._carry, self._asked, self._interactive):
            for old in [key for key in kept if key < number]:
                del kept[old]
        for look in [key for key in self._looks if key[0] < number]:
            del self._looks[look]
