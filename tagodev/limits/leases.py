"""Leases: one budget for many processes.

The counters belong to the profile, whoever sends.
So that several processes together never exceed them, a process grants a request only out of places
that a store, which all of them share, has leased to it: so many of one route in one of the
*server's* windows.

Why that can't be rejected
--------------------------
Each process charges a request to every window in which the server may count it (see
`tagodev.limits.window`), and grants it only while, in each of these windows, its charges stay
within what it holds there.
What it holds is what it has leased, and the *carry*: charges of its own from earlier windows that
may fall into this one, as it has told the store before it leased anything there.
The store leases no more than the limit less everything held: leases, carries, and, for a process
that has told no carry yet, all that it leased in the windows before.
So at most the limit is charged to any window by all of them together, and the server counts at
most what is charged.

A process that dies holds what it held, in that window and in those into which its last requests may
still fall; then nothing of it is left.
A store that comes back empty has forgotten what is held: nobody may lease before a window that
begins after everything that was held is past.

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

if TYPE_CHECKING:
    from tagodev.limits.window import Windows

__all__ = ["Ask", "Given", "LeaseBook", "carried_windows"]

#: Places that are asked for beyond what waits, for bulk work: more of its rows are to come.
_AHEAD: Final = 100_000
#: After so long without anybody waiting, in seconds, places are given back.
_IDLE: Final = 0.1


def carried_windows(transit_max: float, minute: float) -> int:
    """Return into how many further windows a request may fall.

    Args:
        transit_max: seconds that a request without an answer may still be under way.
        minute: length of a window, in seconds.
    """
    return max(ceil(transit_max / minute), 1)


@attrs.frozen(kw_only=True)
class Ask:
    """What a process asks of the store, for one route in one window."""

    route: str
    """Method and template."""
    number: int
    """Which window."""
    limit: int
    """Requests that the window takes."""
    carry: int
    """Charges of earlier windows that may fall into this one."""
    want: int = 0
    """Places wanted for bulk work or interactive calls."""
    urgent: int = 0
    """Of these, places that interactive calls wait for: no reserve is kept from them."""
    back: int = 0
    """Places given back."""
    interactive: int = 0
    """Interactive grants in this window since the last time."""
    reserve: int | None = None
    """Places that bulk work leaves to interactive calls; None for their recent peak."""
    full: bool = False
    """Whether the service itself has said that the window is full."""


@attrs.frozen
class Given:
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

    def __init__(self, windows: Windows, limit: int, *, reserve: int | None, carried: int) -> None:
        """Begin with nothing held.

        Args:
            windows: the charges of the route.
            limit: requests the service accepts in one window.
            reserve: what bulk leaves to interactive calls; None for their recent peak.
            carried: into how many further windows a charge may fall.
        """
        self._windows = windows
        self._limit = limit
        self._reserve = reserve
        self._carried = carried
        self._places: dict[int, int] = {}
        self._carry: dict[int, int] = {}
        self._interactive: dict[int, int] = {}
        self._told: dict[int, tuple[int, bool]] = {}
        self._empty_until: dict[int, float] = {}
        self._idle_since: float | None = None
        self._away_after: int | None = None
        self._alone = 0
        self.first_free = 0
        """The first window in which anything may be leased."""

    def held(self, number: int) -> int:
        """Return how many charges a window may have from this process."""
        alone = 0
        if self._away_after is not None and number > self._away_after:
            alone = self._alone
        return self._places.get(number, 0) + self._carry.get(number, 0) + alone

    def go_alone(self, now: float, places: int) -> None:
        """Note that the store is away, and what may be sent without it in each later window."""
        if self._away_after is None:
            self._away_after = self._windows.bounds(now)[1]
            self._alone = places

    def wait(self, now: float) -> float:
        """Return in how many seconds a request may go as far as leases go; 0 for now.

        Infinite where only an answer of the store can tell.
        """
        first, last = self._windows.bounds(now)
        wait = 0.0
        for number in range(first, last + 1):
            if number < self.first_free:
                return max(self._windows.opens_in(self.first_free, now), 0.0)
            if self._windows.used(number) < self.held(number):
                continue
            empty = self._empty_until.get(number, 0.0)
            wait = max(wait, empty - now if now < empty else inf)
        return wait

    def note_interactive(self, now: float) -> None:
        """Note a grant of the interactive lane."""
        number = self._windows.bounds(now)[1]
        self._interactive[number] = self._interactive.get(number, 0) + 1

    def asks(self, route: str, now: float, bulk: int, interactive: int) -> list[Ask]:
        """Return what is to be asked of the store now; nothing if nothing is needed.

        Args:
            route: its name.
            now: the time.
            bulk: bulk requests that wait.
            interactive: interactive requests that wait.
        """
        first, last = self._windows.bounds(now)
        self._forget_before(first - self._carried)
        waiting = bulk + interactive
        if waiting:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        found = []
        for number in range(first, last + 1):
            if number >= self.first_free:
                ask = self._ask(route, number, now, bulk, interactive)
                if ask is not None:
                    found.append(ask)
        return found

    def _ask(self, route: str, number: int, now: float, bulk: int, interactive: int) -> Ask | None:
        used = self._windows.used(number)
        missing = self.held(number) - used
        want = 0
        if now >= self._empty_until.get(number, 0.0) and missing < bulk + interactive:
            # What waits and has no place, and for bulk work what will wait next.
            want = _AHEAD if bulk and missing <= bulk // 2 else 0
            want = max(want, interactive - missing, 0)
        back = 0
        if self._idle_since is not None and now - self._idle_since >= _IDLE:
            back = min(max(missing, 0), self._places.get(number, 0))
        full = number <= self._windows.exhausted
        told = self._told.get(number)
        fresh = self._interactive.pop(number, 0)
        needed = want or back or fresh or (full and (told is None or not told[1]))
        # Whoever leased in the windows before is taken to hold it all, until he says otherwise.
        owes = told is None and (used or any(self._places.get(number - k) for k in self._back()))
        if not needed and not owes:
            if fresh:
                self._interactive[number] = fresh
            return None
        carry = self._carry.setdefault(number, used) if told is None else self._carry[number]
        return Ask(
            route=route,
            number=number,
            limit=self._limit,
            carry=carry,
            want=want,
            urgent=min(want, max(interactive - max(missing, 0), 0)),
            back=back,
            interactive=fresh,
            reserve=self._reserve,
            full=full,
        )

    def _back(self) -> range:
        return range(1, self._carried + 1)

    def last_asks(self, route: str, now: float) -> list[Ask]:
        """Return what is to be told when nothing more will be sent: what is left, and what is due.

        Args:
            route: its name.
            now: the time.
        """
        first, last = self._windows.bounds(now)
        found = []
        for number in range(max(first, self.first_free), last + self._carried + 1):
            used = self._windows.used(number)
            left = min(max(self.held(number) - used, 0), self._places.get(number, 0))
            told = self._told.get(number)
            carry = used if told is None else told[0]
            if left or told is None:
                ask = Ask(route=route, number=number, limit=self._limit, carry=carry, back=left)
                found.append(ask)
        return found

    def sent(self, ask: Ask) -> None:
        """Note that an ask is on its way: what it gives back is not used any more."""
        if ask.back:
            self._places[ask.number] = self._places.get(ask.number, 0) - ask.back
        self._told[ask.number] = (ask.carry, ask.full)

    def failed(self, ask: Ask) -> None:
        """Note that an ask may not have reached the store: what was given back stays unused."""
        self._told.pop(ask.number, None)
        if ask.interactive:
            known = self._interactive.get(ask.number, 0)
            self._interactive[ask.number] = known + ask.interactive

    def receive(self, given: Given, now: float, *, wanted: bool, poll: float) -> None:
        """Take what the store gave.

        Args:
            given: what it gave.
            now: the time.
            wanted: whether places were asked for.
            poll: seconds after which to ask again where none was left.
        """
        number = given.number
        self._places[number] = self._places.get(number, 0) + given.places
        if given.full and number > self._windows.exhausted:
            self._windows.exhausted = number
        if wanted and not given.places:
            # Others may give some back before the window ends.
            self._empty_until[number] = now + poll

    def forget(self, first_free: int) -> None:
        """Hold nothing any more, since the store has forgotten; wait for a later window.

        Args:
            first_free: the first window in which anything may be leased.
        """
        self._places.clear()
        self._told.clear()
        self._carry.clear()
        self.first_free = max(self.first_free, first_free)

    def _forget_before(self, number: int) -> None:
        for kept in (self._places, self._carry, self._interactive, self._told, self._empty_until):
            for old in [key for key in kept if key < number]:
                del kept[old]
