"""Adaptive share: our part of a limit that other clients use too, and what bulk work may use of it.

The service counts requests per profile and does not report how many other clients have sent.
A 429 is the only evidence: the window was full.
Alone, a client uses the whole limit and never gets one. From the first 429 on it uses its *part*,
spread over the window, and adjusts that by additive increase and multiplicative decrease:

- The first 429 reduces the part from the limit to `FIRST_PART` of it, since what a burst got is no
  measure of what others need. Any further one reduces it to what was accepted in the window, at
  most by half.
- Every `TRIAL_EVERY` windows is a *trial*. A client sends half of its part in the first half of the
  window. In the second half it adds further requests at a pace that depends on the limit only,
  until it gets a 429 or the window ends. What was accepted is the new part.

Why equals converge
-------------------
Let clients i = 1 ... N have the parts x[i], which together are the limit L. All trials are in the
windows whose number is a multiple of `TRIAL_EVERY`: the number is the service's, so that clients
who do not know each other try in the same windows.
There each sends x[i] / 2, which leaves L / 2, and then all add requests at the same pace until the
window is full, so each adds L / 2N:

    x[i]  <-  x[i] / 2 + L / 2N

The sum remains L, and the distance of each part from L / N is halved: after four trials it is a
sixteenth. This is the argument of Chiu and Jain (1989) with the additive increase within one
window, so that nothing of the limit is unused. With a multiplicative increase, or with parts that
are computed from the difference of limit and accepted requests, every division is a fixed point.
N is not needed, and a client that leaves is replaced by the others in the next trial.

Between trials no client exceeds its part, so each gets about one 429 in `TRIAL_EVERY` windows.

A neighbour that is no such client and sends at a fixed rate loses what it would have sent after
a trial window is full, a small part of one window in `TRIAL_EVERY`.

A trial that ends without a 429 is repeated in the next window, until the part is the whole limit.
After a whole window of that, spread and without a 429, the client is alone again.

To detect a client that sends only after our burst, the last request of each window is held back
until its tail while more requests wait than it could serve. The delay costs no throughput, and the
request is refused if another client has sent in between.
A client that sends only in the tail can't be detected; ``share=`` leaves a fixed part free.

Limit, share, headroom, reserve, budget
---------------------------------------
=========  =================================================  =====================================
word       what it is, in requests a window                   who sets it
=========  =================================================  =====================================
limit      what the service accepts of all clients            the rate plan, or ``plan=HardLimits``
share      the most that we use: this fraction of the limit   ``share=``; default: all of it
part       what we use at present beside others               learned from 429s, at most the share
headroom   what we leave free of our part beside others       ``headroom=``; default: 1 % of it
budget     the part less the headroom: what goes in a window  computed for each window
reserve    what bulk leaves of the budget to interactive      ``reserve=``; default: recent peak
           calls
=========  =================================================  =====================================
"""

from __future__ import annotations

from math import ceil, inf
from typing import Final

__all__ = ["ADDS_FROM", "FIRST_PART", "TRIAL_EVERY", "AdaptiveShare", "Reserve", "tail"]

#: One window in so many is a trial.
TRIAL_EVERY: Final = 5
#: The part after the first 429, as a part of the limit.
FIRST_PART: Final = 0.85
# What remains of the part after another 429 at least, and at the beginning of a trial.
_DECREASE: Final = 0.5
# What one client may add in a trial, as a part of the limit.
_INCREASE: Final = 0.6
#: The part of a trial's window after which requests are added.
ADDS_FROM: Final = 0.5
# The part expires after this many windows without a request.
_EXPIRES_AFTER: Final = 10
# Number of windows over which the peak of interactive requests is measured.
_PEAK_WINDOWS: Final = 5


def tail(window_seconds: float) -> float:
    """Return the length of a window's tail, in seconds.

    It starts late, so that other clients come first, and leaves time for about a dozen answers.
    """
    return max(window_seconds / 50, min(0.5, window_seconds / 10))


class AdaptiveShare:
    """Our part of one route's limit, window by window."""

    def __init__(self, limit: int, *, share: float = 1.0, headroom: int | None = None) -> None:
        """Start with the whole limit available.

        Args:
            limit: requests the service accepts in one window.
            share: fraction of the limit to use, above 0 to 1.
            headroom: requests to leave free of our part beside others; default: 1 % of it.
        """
        self._limit = limit
        self._shared = share < 1
        self._headroom = headroom
        self.ceiling: int = max(int(limit * share), 1)
        """Maximum number of requests in one window: the limit, or our share of it."""
        self.part: float | None = None
        """Our part of the limit beside others; None if no other client was detected."""
        self.spreads: bool = self._shared
        """Whether the budget is spread over the window."""
        self.window: int | None = None
        """Number of the current window."""
        self.budget: int = self.ceiling
        """Requests to send in the current window."""
        self.trial: bool = False
        """Whether the current window is a trial."""
        self.held: bool = False
        """Whether a request has waited in the current window because of the budget."""
        self._began = -inf
        self._accepted = 0
        self._rejected = False
        self._repeats = False
        self._owed = 0.0

    @property
    def others(self) -> int | None:
        """Requests that others use in one window; None if no other client was detected."""
        return None if self.part is None else max(ceil(self._limit - self.part), 0)

    def rate(self, elapsed: float) -> float:
        """Return the requests per window to send at, while they are spread.

        Args:
            elapsed: the part of the window that is over, 0 to 1.
        """
        if not self.trial:
            return self.budget
        if elapsed < ADDS_FROM:
            return self.budget / ADDS_FROM
        return self._limit * _INCREASE / (1 - ADDS_FROM)

    def allowed(self, elapsed: float) -> int:
        """Return how many requests may have been sent in the window.

        Args:
            elapsed: the part of the window that is over, 0 to 1.
        """
        return self.ceiling if self.trial and elapsed >= ADDS_FROM else self.budget

    def accept(self, sent: float) -> None:
        """Count a request that the service accepted, by when it was sent."""
        if sent >= self._began:
            self._accepted += 1

    def reject(self, sent: float) -> None:
        """Record that the service refused a request, by when it was sent."""
        if sent >= self._began:
            self._rejected = True

    def roll(self, window: int, now: float) -> None:
        """Evaluate the window that ended and start a new one."""
        if self.window is not None:
            self._learn()
            if abs(window - self.window) > _EXPIRES_AFTER:
                self.part = None
        self.window = window
        self._began = now
        self._accepted = 0
        self._rejected = self.held = False
        self._plan(window)

    def take_over(self, other: AdaptiveShare) -> None:
        """Copy the state of another share of the same route; settings stay unchanged."""
        self.part, self.window, self._began = other.part, other.window, other._began
        self._accepted, self._rejected = other._accepted, other._rejected
        self.trial, self._repeats, self._owed = other.trial, other._repeats, other._owed
        self.budget = min(other.budget, self.ceiling) if self.part is not None else self.ceiling
        self.spreads = self._shared or self.part is not None

    def _learn(self) -> None:
        accepted, part = self._accepted, self.part
        self._repeats = False
        if self._rejected:
            if part is None:
                part = FIRST_PART * self.ceiling
            elif self.trial:
                part = accepted
            else:
                part = max(accepted, _DECREASE * part)
            self.part = min(max(part, 1.0), self.ceiling)
        elif part is None:
            return
        elif self.trial:
            # One that did not need its part has tried nothing.
            if self.held and accepted >= self.budget:
                self.part = min(max(part, accepted), self.ceiling)
                self._repeats = self.part < self.ceiling
        elif accepted >= self.budget == self.ceiling:
            self.part = None

    def _plan(self, window: int) -> None:
        """Decide how many requests go in a window."""
        self.spreads = self._shared or self.part is not None
        if self.part is None:
            self.trial, self.budget = False, self.ceiling
            return
        self.trial = self._repeats or (window % TRIAL_EVERY == 0 and self.part < self.ceiling)
        part = self.part * _DECREASE if self.trial else self.part
        headroom = part // 100 if self._headroom is None else self._headroom
        if self.part < self.ceiling:
            part -= headroom
        # What is less than a request goes with a later window.
        self._owed += part
        self.budget = min(max(int(self._owed), 1), self.ceiling)
        self._owed = min(max(self._owed - self.budget, 0.0), 1.0)


class Reserve:
    """Requests of each window that bulk work leaves to the interactive priority.

    Priority alone does not help once a window is used up. So as many requests as the interactive
    priority sent at its recent peak are kept free, less those it has already sent in this window.
    """

    def __init__(self, fixed: int | None) -> None:
        """Start without a peak.

        Args:
            fixed: requests per window to keep free; None for the recent peak.
        """
        self._fixed = fixed
        self._window = 0
        self._used = 0
        self._peaks: list[int] = []
        self._size = fixed or 0

    def roll(self, window: int) -> None:
        """Start a new window."""
        self._peaks = [*self._peaks[1 - _PEAK_WINDOWS :], self._used]
        if window > self._window + _PEAK_WINDOWS:
            self._peaks.clear()
        self._window = window
        self._used = 0
        if self._fixed is None:
            self._size = max(self._peaks, default=0)

    def take_over(self, other: Reserve) -> None:
        """Copy the state of another reserve of the same route."""
        self._window, self._used, self._peaks = other._window, other._used, other._peaks
        if self._fixed is None:
            self._size = max(self._peaks, default=0)

    def count(self) -> None:
        """Count an interactive request."""
        self._used += 1

    def left(self) -> int:
        """Return how many requests of this window are still reserved."""
        return max(self._size - self._used, 0)
