"""The live display of a run: its rows, the windows of its routes, its latest failures.

.. code-block:: text

    created               ━━━━━━━━━━━━╸━━━━━━━  3420/6000   412/s  1 min 5 s left
      POST /device        ━━━━━━━━━━━━━━━━━╸━━  4412/5000   431/s  new in 23 s
    2 failed or in doubt
      row 401: The service refused with 400: ...

The display is refreshed explicitly and has no thread of its own, which would slow the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from tagodev._cli.output.progress import Progress
from tagodev._cli.output.text import clean, duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from rich.console import RenderableType

__all__ = ["LiveDisplay"]

#: Widths of a bar and of the name beside it, on a wide terminal.
_BAR: Final = 48
_NAME: Final = 30


class LiveDisplay(RichProgress):
    """Shows the progress of a run on a terminal, in place."""

    def __init__(self, title: str, total: int, console: Console | None = None) -> None:
        """Create a display.

        Args:
            title: the status of finished rows.
            total: rows of the run.
            console: the console; default: standard error.
        """
        console = console or Console(stderr=True)
        bar = min(max(console.width - 68, 8), _BAR)
        # The width is fixed, so that the columns stay in place when routes appear.
        name = min(max(console.width - bar - 40, 10), _NAME)
        columns = (
            ("{task.description}", Column(width=name, no_wrap=True)),
            (" {task.completed:.0f}/{task.total:.0f}", Column(justify="right", no_wrap=True)),
            (" {task.fields[rate]}", Column(justify="right", no_wrap=True)),
            (" {task.fields[left]}", Column(no_wrap=True)),
        )
        first, *others = (
            TextColumn(text, markup=False, table_column=column) for text, column in columns
        )
        self._progress = Progress(0, None, 0, 0, None)
        super().__init__(first, BarColumn(bar), *others, console=console, auto_refresh=False)
        self._rows = self.add_task(title, total=total, rate="", left="")

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        self._progress = progress
        rate, _, left = progress.texts()
        self.update(self._rows, completed=progress.done, rate=rate, left=left)
        self._remove_routes()
        for one in progress.routes:
            self.add_task(
                f"  {one.route}",
                total=one.limit,
                completed=one.used,
                rate="" if one.rate is None else f"{one.rate:.0f}/s",
                left="" if one.next_window_in is None else f"new in {duration(one.next_window_in)}",
            )
        self.refresh()

    def print_message(self, text: str) -> None:
        """Print a message above the display."""
        self.console.print(text, markup=False, highlight=False)

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the table of the rows and routes, then the failures."""
        yield from super().get_renderables()
        if self._progress.failed:
            yield Text(f"{self._progress.failed} failed or in doubt", style="red")
        for failure in self._progress.failures:
            yield Text(f"  {clean(failure)}", style="red dim", no_wrap=True, overflow="ellipsis")

    def _remove_routes(self) -> None:
        for task in self.task_ids:
            if task != self._rows:
                self.remove_task(task)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Windows don't matter once the run has ended.
        self._remove_routes()
        self.update(self._rows, left="")
        super().__exit__(exc_type, exc, traceback)
