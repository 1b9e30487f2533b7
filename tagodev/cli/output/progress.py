"""Progress of a bulk run on standard error: a live display on a terminal, otherwise lines.

The time left is computed from the rate limit, not extrapolated from the average, since a run stops
at the end of its quota and continues in the next window.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol, Self

import attrs

from tagodev.cli.output.console import print_message
from tagodev.cli.output.text import duration
from tagodev.limits.forecast import forecast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from tagodev.limits.snapshot import RouteState

__all__ = [
    "Display",
    "LineDisplay",
    "Progress",
    "ProgressMeter",
    "RouteProgress",
    "open_display",
]

#: Seconds before the first line without a terminal, and between lines at most.
_LINE_INTERVAL: Final = 5.0
_MAX_LINE_INTERVAL: Final = 60.0
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


class Display(Protocol):
    """Shows the progress of a run; a context manager."""

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        ...

    def print_message(self, text: str) -> None:
        """Print a message."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def open_display(title: str, total: int) -> Display:
    """Return a live display if standard error is a terminal, otherwise lines."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return LineDisplay(title, total)
    from tagodev.cli.output.progress_live import LiveDisplay

    return LiveDisplay(title, total)


class LineDisplay:
    """Prints lines of progress, less often the longer the run takes."""

    def __init__(self, title: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a display.

        Args:
            title: the status of finished rows.
            total: rows of the run.
            clock: a monotonic clock in seconds.
        """
        self._title = title
        self._total = total
        self._clock = clock
        self._interval = _LINE_INTERVAL
        self._next = clock() + _LINE_INTERVAL

    def show(self, progress: Progress) -> None:
        """Print the progress if the interval has passed."""
        now = self._clock()
        if now < self._next:
            return
        self._interval = min(2 * self._interval, _MAX_LINE_INTERVAL)
        self._next = now + self._interval
        failed = f"{progress.failed} failed" if progress.failed else ""
        facts = ", ".join(filter(None, (*progress.texts(), failed)))
        print_message(f"{self._title} {progress.done}/{self._total}, {facts}")

    def print_message(self, text: str) -> None:
        """Print a message."""
        print_message(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass
