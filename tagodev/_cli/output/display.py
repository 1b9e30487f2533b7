"""Progress of a bulk run on standard error: a live display on a terminal, otherwise lines."""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol

from tagodev._cli.output.console import print_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._cli.output.progress import Progress

__all__ = ["Display", "LineDisplay", "open_display"]

#: Seconds before the first line without a terminal, and between lines at most.
_LINE_INTERVAL: Final = 5.0
_MAX_LINE_INTERVAL: Final = 60.0


class Display(AbstractContextManager["Display", None], Protocol):
    """Shows the progress of a run; a context manager."""

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        ...

    def print_message(self, text: str) -> None:
        """Print a message."""
        ...


def open_display(title: str, total: int) -> Display:
    """Return a live display if standard error is a terminal, otherwise lines."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return LineDisplay(title, total)
    from tagodev._cli.output.progress_live import LiveDisplay

    return LiveDisplay(title, total)


class LineDisplay(Display):
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

    def __exit__(self, *_: object) -> None:
        """End the display; the lines stay."""
