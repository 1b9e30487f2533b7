"""The progress of a bulk run, computed from regular measurements.

The time left is computed from the rate limit, not extrapolated from the average, since a run stops
at the end of its quota and continues in the next window.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._cli.output.text import duration
from tagodev._limits.forecast import forecast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tagodev._limits.snapshot import RouteState

__all__ = ["Progress", "ProgressMeter", "RouteProgress"]

#: Limits from here on are not shown.
_NO_LIMIT: Final = 10_000_000
#: Routes to show.
_ROUTES: Final = 4
#: Weight of the latest measurement in a rate.
_WEIGHT: Final = 0.3


@attrs.frozen(kw_only=True)
class RouteProgress:
    """The use of a route's window."""

    route: str
    """Method and path template."""
    used: int
    """Requests charged to the current window."""
    limit: int
    """Requests that a window allows."""
    rate: float | None
    """Current requests per second; None until it is known."""
    next_window_in: float | None
    """Seconds until the next window; None while the service's clock is unknown."""


@attrs.frozen
class Progress:
    """The progress of a run."""

    done: int
    """Finished rows."""
    rate: float | None
    """Rows per second without waiting for the limit; None until it is known."""
    used: int
    """Requests charged to the current window."""
    limit: int
    """Requests that a window allows; 0 before the first."""
    left: float | None
    """Seconds until the last row is done; None until it is known."""
    routes: tuple[RouteProgress, ...] = ()
    """Routes in use, the route of the rows first."""
    failed: int = 0
    """Rows that failed or are in doubt."""
    failures: tuple[str, ...] = ()
    """The latest errors."""

    def texts(self) -> tuple[str, str, str]:
        """Return the rate, the use of the window and the time left as text."""
        rate = "" if self.rate is None else f"{self.rate:.0f}/s"
        window = f"window {self.used}/{self.limit}" if self.limit else ""
        left = "" if self.left is None else f"{duration(self.left)} left"
        return rate, window, left


class _SmoothedRate:
    """A moving average of a rate."""

    def __init__(self) -> None:
        self.rate: float | None = None

    def add(self, count: float, seconds: float) -> None:
        """Add a measurement."""
        speed = count / max(seconds, 1e-3)
        known = speed if self.rate is None else self.rate
        self.rate = known + _WEIGHT * (speed - known)


class ProgressMeter:
    """Computes the progress of a run from regular measurements."""

    def __init__(self, total: int, minute: float, route: str) -> None:
        """Create a meter.

        Args:
            total: rows of the run.
            minute: length of a window in seconds.
            route: the route that limits the run.
        """
        self._total = total
        self._minute = minute
        self._route = route
        self._speed = _SmoothedRate()
        self._last: tuple[float, int] | None = None
        self._used: dict[str, tuple[float, int]] = {}
        self._rates: defaultdict[str, _SmoothedRate] = defaultdict(_SmoothedRate)

    def measure(
        self,
        now: float,
        done: int,
        states: Iterable[RouteState],
        *,
        failed: int = 0,
        failures: Iterable[str] = (),
    ) -> Progress:
        """Return the progress of the run.

        Args:
            now: a monotonic time in seconds.
            done: finished rows.
            states: the state of each route.
            failed: rows that failed or are in doubt.
            failures: the latest errors.
        """
        known = {state.route: state for state in states}
        routes = tuple(self._measure_route(now, state) for state in self._in_order(known))
        progress = Progress(
            done, None, 0, 0, None, routes=routes, failed=failed, failures=tuple(failures)
        )
        state = known.get(self._route)
        if state is None:
            return progress
        if self._last is not None and state.free and done > self._last[1]:
            # While the window is full, the speed is that of the limit.
            self._speed.add(done - self._last[1], now - self._last[0])
        self._last = (now, done)
        return attrs.evolve(
            progress,
            rate=self._speed.rate,
            used=state.used,
            limit=state.limit,
            left=self._left(done, state),
        )

    def _left(self, done: int, state: RouteState) -> float | None:
        if self._speed.rate is None:
            return None
        return forecast(
            self._total - done,
            limit=state.limit,
            window_seconds=self._minute,
            free=state.free + state.in_flight,
            next_window_in=self._minute if state.next_window_in is None else state.next_window_in,
            rate=self._speed.rate,
        )

    def _in_order(self, known: Mapping[str, RouteState]) -> list[RouteState]:
        """Return the routes in use: the route of the rows, then by the use of their windows."""
        asked = [
            one
            for one in known.values()
            if (one.used or one.in_flight or one.waiting) and one.limit < _NO_LIMIT
        ]
        asked.sort(key=lambda one: (one.route != self._route, -one.used / one.limit))
        return asked[:_ROUTES]

    def _measure_route(self, now: float, state: RouteState) -> RouteProgress:
        measured = self._rates[state.route]
        if (last := self._used.get(state.route)) is not None:
            # The count drops when a new window begins.
            added = state.used - last[1]
            measured.add(state.used if added < 0 else added, now - last[0])
        self._used[state.route] = (now, state.used)
        return RouteProgress(
            route=state.route,
            used=state.used,
            limit=state.limit,
            rate=measured.rate,
            next_window_in=state.next_window_in,
        )
