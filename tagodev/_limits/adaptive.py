"""Adaptive limit: measures what other clients of the profile use and leaves it to them.

The service counts requests per profile and does not report how many other clients have sent.
A 429 is the only evidence: the window was full, so other clients used ``limit - accepted`` of it.
The learner therefore evaluates whole windows: when a window with a 429 ends, it computes that
difference.

After that, three things change:

- The *budget* of the next windows is the limit less what others use, less a headroom.
- The budget is *spread* over the window instead of being sent when the window opens.
  A client that sends everything at once never meets a 429 and starves the others unnoticed.
- In the *tail* of each window, single probes exceed the budget, one at a time.
  By then the other clients have had most of the window. A refused probe costs one request and
  yields a new measurement. If no probe is refused, the next budget rises by the number of probes,
  then by two and four times as many, so that the end of a neighbour's traffic is noticed within a
  few windows.

If a window was full before its tail, another client was refused too, and the measurement is a lower
bound. The estimate then rises by the difference once more, and falls back halfway with each window
without a 429. This also finds a client that starts late in each window.

A window joined halfway shows that other clients exist, but not how much they use in a whole window
(the requests may be our own from before a restart). It starts the spreading and nothing else.

To detect a client that sends only after our burst, the last request of each window is held back
until the tail while more requests wait than it could serve. The delay costs no throughput, and the
request is refused if another client has sent in between.
A client that sends only in the tail can't be detected; ``share=`` leaves a fixed part free.
"""

from __future__ import annotations

from math import ceil
from typing import Final

__all__ = ["Learner", "tail"]

# First estimate of what others use, as a fraction of the limit.
_FIRST_GUESS: Final = 0.1
# An estimate expires after this many windows without a request.
_EXPIRES_AFTER: Final = 10
# Weight of a lower measurement; a higher one applies at once.
_SMOOTHING: Final = 0.5


def tail(window_seconds: float) -> float:
    """Return the length of a window's tail, in seconds.

    It starts late, so that other clients come first, and leaves time for about a dozen answers.
    """
    return max(window_seconds / 50, min(0.5, window_seconds / 10))


class Learner:
    """Estimates what other clients use of one route's limit, window by window."""

    def __init__(self, limit: int, *, share: float = 1.0, headroom: int | None = None) -> None:
        """Start with the whole limit available.

        Args:
            limit: requests the service accepts in one window.
            share: fraction of the limit to use, above 0 to 1.
            headroom: requests to leave free beside what others use;
                default: 1 % of the limit, at least 1.
        """
        self._limit = limit
        self._shared = share < 1
        self._headroom = max(ceil(limit / 100), 1) if headroom is None else headroom
        self.ceiling: int = max(int(limit * share), 1)
        """Maximum number of requests in one window: the limit, or our share of it."""
        self.others: float | None = None
        """Requests that others use in one window; None if no other client was detected."""
        self.window: int | None = None
        """Number of the current window."""
        self._joined_halfway = True
        self._accepted = 0
        self._rejected = False
        self._full_early = False
        self._lower_bound = 0.0
        self._boost = 1

    @property
    def spreads(self) -> bool:
        """Whether the budget is spread over the window."""
        return self.others is not None or self._shared

    @property
    def budget(self) -> int:
        """Requests to send in one window."""
        if self.others is None:
            return self.ceiling
        return min(max(self._limit - ceil(self.others) - self._headroom, 1), self.ceiling)

    @property
    def with_probes(self) -> int:
        """The budget plus the probes allowed beyond it in the window's tail."""
        if self.others is None:
            return self.ceiling
        return min(self.budget + max(self._limit // 50, 1), self.ceiling)

    def accept(self, window: int) -> None:
        """Count a request that the service accepted."""
        if window == self.window:
            self._accepted += 1

    def reject(self, window: int, *, in_tail: bool) -> None:
        """Record that the service refused a request of a window.

        Args:
            window: number of the window.
            in_tail: whether the request was sent in the window's tail.
        """
        if window == self.window:
            self._rejected = True
            self._full_early = self._full_early or not in_tail

    def roll(self, window: int) -> None:
        """Evaluate the window that ended and start a new one."""
        if self.window is not None:
            self._learn()
            self._joined_halfway = window != self.window + 1
            if window > self.window + _EXPIRES_AFTER:
                self.others = None
        self.window = window
        self._accepted = 0
        self._rejected = False
        self._full_early = False

    def take_over(self, other: Learner) -> None:
        """Copy the state of another learner of the same route; settings stay unchanged."""
        self.others, self.window = other.others, other.window
        self._joined_halfway = other._joined_halfway
        self._accepted, self._rejected = other._accepted, other._rejected
        self._full_early, self._lower_bound = other._full_early, other._lower_bound

    def _learn(self) -> None:
        if self._rejected:
            self._boost = 1
            self._measure(max(self._limit - self._accepted, 0))
        elif self.others is not None and self._accepted > self.budget:
            self._raise_budget(self._accepted - self.budget)
        elif self.others is not None and self._accepted == self.budget == self.ceiling:
            self.others = None

    def _raise_budget(self, probes: int) -> None:
        """Raise the budget after a window in which every probe was accepted."""
        assert self.others is not None, "without others there are no probes"
        if self.others > self._lower_bound:
            halfway = (self.others + self._lower_bound) / 2
            self.others = max(min(self.others - probes, halfway), self._lower_bound)
        else:
            self.others -= probes * self._boost
            self._boost *= 2

    def _measure(self, used_by_others: float) -> None:
        if self.others is None or self._joined_halfway:
            self.others = max(self.others or 0.0, _FIRST_GUESS * self._limit)
            if self._joined_halfway:
                return
        self._lower_bound = used_by_others
        if used_by_others > self.others:
            rose_by = used_by_others - max(self.others, 0.0) if self._full_early else 0.0
            self.others = min(used_by_others + rose_by, self._limit)
        else:
            self.others += _SMOOTHING * (used_by_others - self.others)
