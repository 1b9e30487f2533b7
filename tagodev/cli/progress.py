"""Progress of a bulk run, on standard error: a bar on a terminal, now and then a line elsewhere.

The time left is computed from the limit, not extrapolated from the average: a run that waits for
its next window is not getting slower, and one that has just begun will not stay that fast.
"""

from __future__ import annotations

import sys
import time
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol, Self

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tagodev.cli.common import say
from tagodev.limits.forecast import forecast

if TYPE_CHECKING:
    from types import TracebackType

    from tagodev.limits.snapshot import BucketState

__all__ = ["Display", "Meter", "Moment", "duration", "open_display"]

#: Seconds between two lines where there is no terminal.
_LINE_EVERY: Final = 5.0
#: What the latest tick weighs in the measured rate.
_WEIGHT: Final = 0.3


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

    def texts(self) -> tuple[str, str, str]:
        """Return rate, use of the window and time left, as a person reads them."""
        rate = "" if self.rate is None else f"{self.rate:.0f}/s"
        window = f"window {self.used}/{self.limit}" if self.limit else ""
        left = "" if self.left is None else f"{duration(self.left)} left"
        return rate, window, left


class Meter:
    """Measures a run by looking at it now and then."""

    def __init__(self, total: int, minute: float) -> None:
        """Begin at nothing done.

        Args:
            total: rows to be done.
            minute: a window's length in seconds.
        """
        self._total = total
        self._minute = minute
        self._rate: float | None = None
        self._last: tuple[float, int] | None = None

    def look(self, now: float, done: int, state: BucketState | None) -> Moment:
        """Return where the run stands.

        Args:
            now: a monotonic clock, in seconds.
            done: rows that are finished.
            state: what is known of the route, None before its first request.
        """
        if state is None:
            return Moment(done, None, 0, 0, None)
        if self._last is not None and state.free and done > self._last[1]:
            # Only where the window has room does the speed say how fast this machine is.
            speed = (done - self._last[1]) / max(now - self._last[0], 1e-3)
            known = speed if self._rate is None else self._rate
            self._rate = known + _WEIGHT * (speed - known)
        self._last = (now, done)
        left = None
        if self._rate is not None:
            left = forecast(
                self._total - done,
                limit=state.limit,
                minute=self._minute,
                free=state.free + state.in_flight,
                next_window_in=self._minute
                if state.next_window_in is None
                else state.next_window_in,
                rate=self._rate,
            )
        return Moment(done, self._rate, state.used, state.limit, left)


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
    return _Bar(title, total) if sys.stderr.isatty() else _Lines(title, total)


class _Bar:
    def __init__(self, title: str, total: int) -> None:
        columns = ("rate", "window", "left")
        # No thread of its own: it would draw while the event loop has requests to send.
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            *(TextColumn(f"{{task.fields[{column}]}}", style="dim") for column in columns),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._task = self._progress.add_task(title, total=total, rate="", window="", left="")

    def show(self, moment: Moment) -> None:
        rate, window, left = moment.texts()
        self._progress.update(
            self._task, completed=moment.done, rate=rate, window=window, left=left, refresh=True
        )

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()


class _Lines:
    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._next = time.monotonic() + _LINE_EVERY

    def show(self, moment: Moment) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LINE_EVERY
            facts = ", ".join(filter(None, moment.texts()))
            say(f"{self._title} {moment.done}/{self._total}, {facts}")

    def say(self, text: str) -> None:
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
