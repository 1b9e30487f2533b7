"""Learning what others take, and leaving it to them.

The counters belong to the profile, and nobody tells how much of them the others use.
A 429 does: the window was full, and what we did not get of it, they did.
So the unit of learning is the window, never the single answer: when a window in which we met a 429
is over, the others had exactly ``limit - accepted`` of it.

From then on three things change:

- The *budget* of the next windows is what they left, less a headroom.
- It is *spread* over the window instead of being fired at its opening.
  One who blasts gets all there is before the neighbour has asked, never meets a 429, and starves
  him unseen.
- In the *tail* of each window single probes go beyond the budget, one at a time.
  They ask for what is left when the neighbour has had nearly all his time; the one that is refused
  measures his part anew, and costs one rejection.
  When none is refused the next budget is higher by as many, and then by twice, four times as many,
  so that a neighbour's end is noticed within a few windows.

A window that was full before its tail left somebody short, so its measure is only the least that
the others want: the estimate goes on by as much as the measure rose, and comes back half the way
with each window that is clean.
One who comes late in each window gets his part within a few windows that way too.

A window that we joined halfway tells that there are others, but not how much they take in a whole
one (it may have been ourselves, before a restart): it starts the spreading and no more.

To see a neighbour who asks only after our blast, the last place of each window is held back to its
tail while more wait than it could serve: that costs nobody any time, and it is refused if someone
came in between.
Who asks only in the tail itself can't be seen; ``share=`` leaves him his part without looking.
"""

from __future__ import annotations

from math import ceil
from typing import Final

__all__ = ["Learner", "tail"]

# What is left to others that were only just noticed, as a part of the limit.
_FIRST_GUESS: Final = 0.1
# After so many windows in which nobody looked, what was learned is void.
_FORGOTTEN_AFTER: Final = 10
# How fast a lower measure is believed; a higher one is believed at once.
_SMOOTHING: Final = 0.5


def tail(minute: float) -> float:
    """Return how long before a window's end the probing begins, in seconds.

    Late, so that the neighbour has had his time; early enough for an answer or a dozen.
    """
    return max(minute / 50, min(0.5, minute / 10))


class Learner:
    """What one route's others take, as learned window by window."""

    def __init__(self, limit: int, *, share: float = 1.0, headroom: int | None = None) -> None:
        """Take the whole limit as ours.

        Args:
            limit: requests the service accepts in one window.
            share: the part of it that we may use, above 0 to 1.
            headroom: requests to leave free beside what others take;
                default: one in a hundred, at least 1.
        """
        self._limit = limit
        self._shared = share < 1
        self._headroom = max(ceil(limit / 100), 1) if headroom is None else headroom
        self.ceiling: int = max(int(limit * share), 1)
        """What we never exceed in one window: the limit, or our share of it."""
        self.others: float | None = None
        """What others take of a window; None while nobody was seen."""
        self.window: int | None = None
        """The window that is being watched."""
        self._joined_halfway = True
        self._accepted = 0
        self._rejected = False
        self._full_early = False
        self._least = 0.0
        self._boost = 1

    @property
    def spreads(self) -> bool:
        """Whether the budget is spread over the window."""
        return self.others is not None or self._shared

    @property
    def budget(self) -> int:
        """What we mean to send in one window."""
        if self.others is None:
            return self.ceiling
        return min(max(self._limit - ceil(self.others) - self._headroom, 1), self.ceiling)

    @property
    def with_probes(self) -> int:
        """The budget and the probes that may go beyond it in the window's tail."""
        if self.others is None:
            return self.ceiling
        return min(self.budget + max(self._limit // 50, 1), self.ceiling)

    def accept(self, window: int) -> None:
        """Count a request that the service took."""
        if window == self.window:
            self._accepted += 1

    def reject(self, window: int, *, in_tail: bool) -> None:
        """Note that the service refused a request of a window.

        Args:
            window: which window was full.
            in_tail: whether it was so only in its tail.
        """
        if window == self.window:
            self._rejected = True
            self._full_early = self._full_early or not in_tail

    def roll(self, window: int) -> None:
        """Go on to a new window, and learn from the one that is over."""
        if self.window is not None:
            self._learn()
            # Windows that nobody watched tell nothing.
            self._joined_halfway = window != self.window + 1
            if window > self.window + _FORGOTTEN_AFTER:
                self.others = None
        self.window = window
        self._accepted = 0
        self._rejected = False
        self._full_early = False

    def take_over(self, other: Learner) -> None:
        """Go on with what another learner of the same route knows; its settings stay its own."""
        self.others, self.window = other.others, other.window
        self._joined_halfway = other._joined_halfway
        self._accepted, self._rejected = other._accepted, other._rejected
        self._full_early, self._least = other._full_early, other._least

    def _learn(self) -> None:
        if self._rejected:
            self._boost = 1
            self._measure(max(self._limit - self._accepted, 0))
        elif self.others is not None and self._accepted > self.budget:
            self._give_less(self._accepted - self.budget)
        elif self.others is not None and self._accepted == self.budget == self.ceiling:
            self.others = None

    def _give_less(self, probes: int) -> None:
        """Take more after a window in which every probe was accepted."""
        assert self.others is not None, "without others there are no probes"
        if self.others > self._least:
            halfway = (self.others + self._least) / 2
            self.others = max(min(self.others - probes, halfway), self._least)
        else:
            self.others -= probes * self._boost
            self._boost *= 2

    def _measure(self, taken: float) -> None:
        if self.others is None or self._joined_halfway:
            self.others = max(self.others or 0.0, _FIRST_GUESS * self._limit)
            if self._joined_halfway:
                return
        self._least = taken
        if taken > self.others:
            rose_by = taken - max(self.others, 0.0) if self._full_early else 0.0
            self.others = min(taken + rose_by, self._limit)
        else:
            self.others += _SMOOTHING * (taken - self.others)
