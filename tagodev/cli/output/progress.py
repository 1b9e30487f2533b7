"""Progress of a bulk run, on standard error: a live view on a terminal, else a line at times.

The time left is computed from the limit, not extrapolated from the average: a run that waits for
its next window is not getting slower, and one that has just begun will not stay that fast.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol, Self

import attrs

from tagodev.cli.output.console import say
from tagodev.limits.forecast import forecast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from tagodev.limits.snapshot import RouteState

__all__ = ["Display", "Lines", "Meter", "Moment", "RouteMoment", "duration", "open_display"]

#: Seconds to the first line where there is no terminal, and between two lines in the end.
_LINE_EVERY: Final = 5.0
_LINE_EVERY_AT_LAST: Final = 60.0
#: What nobody is held back by needs no bar.
_NO_LIMIT: Final = 10_000_000
#: Routes that are told of at once.
_ROUTES: Final = 4
#: What the latest tick weighs in the measured rate.
_WEIGHT: Final = 0.3


@attrs.frozen(kw_only=True)
class RouteMoment:
    """Where the window of a route stands."""

    route: str
    """Method and template."""
    used: int
    """Requests charged to the present window."""
    limit: int
    """Requests that a window accepts."""
    rate: float | None
    """Requests a second of late; None before that is known."""
    next_window_in: float | None
    """Seconds until the next window begins; None while the service's clock is not known."""


@attrs.frozen
class Moment:
    """Where a run stands."""

    done: int
    """Rows that are finished."""
    rate: float | None
    """Rows a second while nothing limits them; None before that is known."""
    used: int
    """Requests charged to the present window."""
    limit: int
    """Requests a window accepts; 0 before the first."""
    left: float | None
    """Seconds until the last row is done; None before that is known."""
    routes: tuple[RouteMoment, ...] = ()
    """Routes that are being asked, that of the rows first."""
    failed: int = 0
    """Rows that have failed, or are in doubt."""
    failures: tuple[str, ...] = ()
    """What the last of them failed for."""

    def texts(self) -> tuple[str, str, str]:
        """Return rate, use of the window and time left, as a person reads them."""
        rate = "" if self.rate is None else f"{self.rate:.0f}/s"
        window = f"window {self.used}/{self.limit}" if self.limit else ""
        left = "" if self.left is None else f"{duration(self.left)} left"
        return rate, window, left


class _Smooth:
    """A rate that does not jump about."""

    def __init__(self) -> None:
        self.rate: float | None = None

    def add(self, count: float, seconds: float) -> None:
        """Take in how much there was in how many seconds."""
        speed = count / max(seconds, 1e-3)
        known = speed if self.rate is None else self.rate
        self.rate = known + _WEIGHT * (speed - known)


class Meter:
    """Measures a run by looking at it now and then."""

    def __init__(self, total: int, minute: float, route: str) -> None:
        """Begin at nothing done.

        Args:
            total: rows to be done.
            minute: a window's length in seconds.
            route: the one that rows are done by.
        """
        self._total = total
        self._minute = minute
        self._route = route
        self._speed = _Smooth()
        self._last: tuple[float, int] | None = None
        self._used: dict[str, tuple[float, int]] = {}
        self._rates: defaultdict[str, _Smooth] = defaultdict(_Smooth)

    def look(
        self,
        now: float,
        done: int,
        states: Iterable[RouteState],
        *,
        failed: int = 0,
        failures: Iterable[str] = (),
    ) -> Moment:
        """Return where the run stands.

        Args:
            now: a monotonic clock, in seconds.
            done: rows that are finished.
            states: what is known of each route.
            failed: rows that have failed, or are in doubt.
            failures: what the last of them failed for.
        """
        known = {state.route: state for state in states}
        routes = tuple(self._look_at(now, state) for state in self._in_order(known))
        moment = Moment(
            done, None, 0, 0, None, routes=routes, failed=failed, failures=tuple(failures)
        )
        state = known.get(self._route)
        if state is None:
            return moment
        if self._last is not None and state.free and done > self._last[1]:
            # Only where the window has room does the speed say how fast this machine is.
            self._speed.add(done - self._last[1], now - self._last[0])
        self._last = (now, done)
        return attrs.evolve(
            moment,
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
        """Return the routes that are being asked: that of the rows, then the fullest ones."""
        asked = [
            one
            for one in known.values()
            if (one.used or one.in_flight or one.waiting) and one.limit < _NO_LIMIT
        ]
        asked.sort(key=lambda one: (one.route != self._route, -one.used / one.limit))
        return asked[:_ROUTES]

    def _look_at(self, now: float, state: RouteState) -> RouteMoment:
        smooth = self._rates[state.route]
        if (last := self._used.get(state.route)) is not None:
            # Where there are fewer than there were, a window has ended in between.
            more = state.used - last[1]
            smooth.add(state.used if more < 0 else more, now - last[0])
        self._used[state.route] = (now, state.used)
        return RouteMoment(
            route=state.route,
            used=state.used,
            limit=state.limit,
            rate=smooth.rate,
            next_window_in=state.next_window_in,
        )


class Display(Protocol):
    """Shows a run to a person; a context manager."""

    def show(self, moment: Moment) -> None:
        """Show where the run stands."""
        ...

    def say(self, text: str) -> None:
        """Tell something between."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def open_display(title: str, total: int) -> Display:
    """Return the display that fits standard error."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return Lines(title, total)
    from tagodev.cli.output.progress_live import Live

    return Live(title, total)


class Lines:
    """Says now and then in a line where a run stands, less often the longer it takes."""

    def __init__(self, title: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at nothing said.

        Args:
            title: what is done.
            total: rows to be done.
            clock: a monotonic clock, in seconds.
        """
        self._title = title
        self._total = total
        self._clock = clock
        self._every = _LINE_EVERY
        self._next = clock() + _LINE_EVERY

    def show(self, moment: Moment) -> None:
        """Say where the run stands, if it is time to."""
        now = self._clock()
        if now < self._next:
            return
        self._every = min(2 * self._every, _LINE_EVERY_AT_LAST)
        self._next = now + self._every
        failed = f"{moment.failed} failed" if moment.failed else ""
        facts = ", ".join(filter(None, (*moment.texts(), failed)))
        say(f"{self._title} {moment.done}/{self._total}, {facts}")

    def say(self, text: str) -> None:
        """Say something at once."""
        say(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def duration(seconds: float) -> str:
    """Return a time as a person reads it: ``2 min 5 s``."""
    whole = ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
