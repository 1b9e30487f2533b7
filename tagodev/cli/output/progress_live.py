"""The live display of a run: its rows, the windows of its routes, its latest failures.

.. code-block:: text

    created               ━━━━━━━━━━━━╸━━━━━━━  3420/6000   412/s  1 min 5 s left
      POST /device        ━━━━━━━━━━━━━━━━━╸━━  4412/5000   431/s  new window in 23 s
    2 failed
      row 401: The service refused with 400: ...

The display is refreshed explicitly and has no thread of its own, which would slow the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import attrs
from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tagodev.cli.output.progress import Progress, duration
from tagodev.cli.output.table import clean

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

__all__ = ["Frame", "LiveDisplay"]

#: Widths of a bar, and of the columns beside it.
_NARROWEST: Final = 8
_WIDEST: Final = 48
_BESIDES: Final = 68
_NAME: Final = 30
_NOTHING: Final = Progress(0, None, 0, 0, None)


@attrs.frozen
class Frame:
    """The display at one moment."""

    title: str
    """The status of finished rows."""
    total: int
    """Rows of the run."""
    progress: Progress
    """The progress of the run."""
    ended: bool = False
    """Whether the run has ended; windows are hidden then."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts that rich renders."""
        progress, wide = self.progress, options.max_width
        bar = min(max(wide - _BESIDES, _NARROWEST), _WIDEST)
        table = Table.grid(padding=(0, 2, 0, 0))
        # The width is fixed, so that the columns stay in place when routes appear.
        name = min(max(wide - bar - 40, 10), _NAME)
        table.add_column(no_wrap=True, overflow="ellipsis", width=name)
        table.add_column(width=bar)
        for justify in ("right", "right", "left"):
            table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        rate, _, left = progress.texts()
        table.add_row(
            self.title,
            ProgressBar(self.total, progress.done, width=bar),
            f"{progress.done}/{self.total}",
            rate,
            "" if self.ended else left,
        )
        for one in () if self.ended else progress.routes:
            window = "" if one.next_window_in is None else f"new in {duration(one.next_window_in)}"
            table.add_row(
                Text(f"  {one.route}", style="dim"),
                ProgressBar(one.limit, one.used, width=bar, complete_style="cyan"),
                Text(f"{one.used}/{one.limit}", style="dim"),
                Text("" if one.rate is None else f"{one.rate:.0f}/s", style="dim"),
                Text(window, style="dim"),
            )
        yield table
        if progress.failed:
            yield Text(f"{progress.failed} failed or in doubt", style="red")
        for failure in progress.failures:
            yield Text(f"  {clean(failure)}", style="red dim", no_wrap=True, overflow="ellipsis")


class LiveDisplay:
    """Shows the progress of a run on a terminal, in place."""

    def __init__(self, title: str, total: int, console: Console | None = None) -> None:
        """Create a display.

        Args:
            title: the status of finished rows.
            total: rows of the run.
            console: the console; default: standard error.
        """
        self._frame = Frame(title, total, _NOTHING)
        self._live = RichLive(
            self._frame, console=console or Console(stderr=True), auto_refresh=False
        )

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        self._frame = attrs.evolve(self._frame, progress=progress)
        self._live.update(self._frame, refresh=True)

    def print_message(self, text: str) -> None:
        """Print a message above the display."""
        self._live.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(attrs.evolve(self._frame, ended=True))
        self._live.stop()
