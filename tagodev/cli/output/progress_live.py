"""The live view of a run, on a terminal: its rows, the windows of its routes, its last failures.

.. code-block:: text

    created               ━━━━━━━━━━━━╸━━━━━━━  3420/6000   412/s  1 min 5 s left
      POST /device        ━━━━━━━━━━━━━━━━━╸━━  4412/5000   431/s  new window in 23 s
    2 failed
      row 401: The service refused with 400: ...

It is drawn when it is told to, by nobody else: a thread that draws would do so while the event loop
has requests to send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import attrs
from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tagodev.cli.output.progress import Moment, duration
from tagodev.cli.output.table import clean

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import ConsoleOptions, RenderResult

__all__ = ["Frame", "Live"]

#: What a bar takes at least and at most, and what stands beside it.
_NARROWEST: Final = 8
_WIDEST: Final = 48
_BESIDES: Final = 68
_NAME: Final = 30
_NOTHING: Final = Moment(0, None, 0, 0, None)


@attrs.frozen
class Frame:
    """One picture of a run."""

    title: str
    """What is done."""
    total: int
    """Rows to be done."""
    moment: Moment
    """Where it stands."""
    ended: bool = False
    """Whether it stands there for good: windows are of no interest then."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich draws."""
        moment, wide = self.moment, options.max_width
        bar = min(max(wide - _BESIDES, _NARROWEST), _WIDEST)
        table = Table.grid(padding=(0, 2, 0, 0))
        # As wide at first as later, when routes stand there, or everything would jump.
        name = min(max(wide - bar - 40, 10), _NAME)
        table.add_column(no_wrap=True, overflow="ellipsis", width=name)
        table.add_column(width=bar)
        for justify in ("right", "right", "left"):
            table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        rate, _, left = moment.texts()
        table.add_row(
            self.title,
            ProgressBar(self.total, moment.done, width=bar),
            f"{moment.done}/{self.total}",
            rate,
            "" if self.ended else left,
        )
        for one in () if self.ended else moment.routes:
            window = "" if one.next_window_in is None else f"new in {duration(one.next_window_in)}"
            table.add_row(
                Text(f"  {one.route}", style="dim"),
                ProgressBar(one.limit, one.used, width=bar, complete_style="cyan"),
                Text(f"{one.used}/{one.limit}", style="dim"),
                Text("" if one.rate is None else f"{one.rate:.0f}/s", style="dim"),
                Text(window, style="dim"),
            )
        yield table
        if moment.failed:
            yield Text(f"{moment.failed} failed or in doubt", style="red")
        for failure in moment.failures:
            yield Text(f"  {clean(failure)}", style="red dim", no_wrap=True, overflow="ellipsis")


class Live:
    """Shows a run on a terminal, in place."""

    def __init__(self, title: str, total: int, console: Console | None = None) -> None:
        """Begin at nothing done.

        Args:
            title: what is done.
            total: rows to be done.
            console: where; default: standard error.
        """
        self._frame = Frame(title, total, _NOTHING)
        self._live = RichLive(
            self._frame, console=console or Console(stderr=True), auto_refresh=False
        )

    def show(self, moment: Moment) -> None:
        """Show where the run stands."""
        self._frame = attrs.evolve(self._frame, moment=moment)
        self._live.update(self._frame, refresh=True)

    def say(self, text: str) -> None:
        """Tell something above what is shown."""
        self._live.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.update(attrs.evolve(self._frame, ended=True))
        self._live.stop()
