"""Execution of a bulk run in a command: progress, signals and results.

After a first SIGINT or SIGTERM the run reads no further rows, queued rows become ``pending``, and
the command waits for answers to requests in flight. After a second signal it stops waiting; rows
without an outcome are ``in_doubt``. Without a journal, unread rows are written as ``pending``, so
every row of the file is in the results.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tagodev._bulk.outcomes import Failed, InDoubt, Pending
from tagodev._bulk.report import BulkStoppedError
from tagodev._cli.bulk.operations import Feed
from tagodev._cli.exit_codes import Exit, exit_code
from tagodev._cli.output.display import open_display
from tagodev._cli.output.progress import ProgressMeter
from tagodev._cli.output.text import plural
from tagodev.errors import InputError, InterruptedRunError, TagoError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from tagodev._bulk.options import ResumeKeywords
    from tagodev._bulk.outcomes import Outcome
    from tagodev._bulk.run import BulkRun
    from tagodev._cli.bulk.journal_status import JournalStatus
    from tagodev._cli.bulk.operations import RunSpec
    from tagodev._cli.bulk.results import ResultsFile
    from tagodev._cli.output.display import Display
    from tagodev._client import Tago

__all__ = [
    "Interrupt",
    "RunView",
    "Summary",
    "carry_out",
    "follow",
    "follow_to_end",
    "run_until_interrupted",
]

T = TypeVar("T")

#: Seconds between two updates of the display.
_POLL_INTERVAL: Final = 0.25
#: Failures to show.
_LAST_FAILURES: Final = 3
#: Seconds to wait for answers after the first signal.
_GRACE_PERIOD: Final = 10.0


def run_until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that a signal may cancel before it sends rows.

    Raises:
        KeyboardInterrupt: a signal cancelled it.
    """
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop of uvloop if it is installed, which uses less CPU time."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = new_event_loop()
    return loop


class Interrupt:
    """Counts the signals that ask the command to stop.

    Before `count_only` is called, a signal cancels the task, since nothing was sent.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self._task: asyncio.Task[Any] | None = None

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM; call it in a running event loop."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        # Without signal handlers (Windows) Ctrl-C cancels the main task.
        with contextlib.suppress(NotImplementedError):
            for number in numbers:
                loop.add_signal_handler(number, self._add)
        try:
            yield
        finally:
            with contextlib.suppress(NotImplementedError):
                for number in numbers:
                    loop.remove_signal_handler(number)

    def count_only(self) -> None:
        """Only count signals from now on; don't cancel the task."""
        self._task = None

    def _add(self) -> None:
        self.count += 1
        if self._task is not None:
            self._task.cancel()


@attrs.frozen(kw_only=True)
class Summary:
    """The figures of a finished run."""

    throttled: int
    """Answers with status 429."""
    elapsed: float
    """Seconds from the first row to the last outcome."""
    adopted: int
    """Rows whose answer was lost and that were found done."""
    failures: int
    """Rows that failed or are in doubt."""
    stopped: TagoError | None
    """The error that stopped the run."""
    interrupted: bool
    """Whether a signal stopped the run."""

    def stop_reason(self, counts: Mapping[str, int]) -> str | None:
        """Return why the run ended early; None if it didn't.

        Args:
            counts: how many rows have each status.
        """
        if self.stopped is not None:
            return str(self.stopped)
        left = counts.get(Pending.status, 0) + counts.get(InDoubt.status, 0)
        return "interrupted" if self.interrupted and left else None

    def exit_code(self, counts: Mapping[str, int]) -> Exit | None:
        """Return the exit code of a run that ended early; None if it didn't.

        Args:
            counts: how many rows have each status.
        """
        if self.stopped is not None:
            return exit_code(self.stopped)
        return Exit.INTERRUPTED if self.stop_reason(counts) is not None else None


@attrs.frozen(kw_only=True)
class RunView:
    """What the display shows of a run."""

    display: Display
    """The display."""
    route: str
    """The route that limits the run."""
    rows: int
    """Rows of the run."""
    finished: int = 0
    """Rows that earlier runs finished."""


async def carry_out(
    tago: Tago,
    spec: RunSpec[Any],
    results: ResultsFile,
    display: Display,
    interrupt: Interrupt | None = None,
    *,
    run: ResumeKeywords | None = None,
) -> Summary:
    """Carry out a run without a journal, writing the result of every row.

    Args:
        tago: an open client.
        spec: the run.
        results: the results file.
        display: the progress display.
        interrupt: signals that stop the run.
        run: options of the run.
    """
    feed: Feed[Any] = Feed(spec.entries)

    def record(outcome: Outcome) -> None:
        results.write(feed.finish(outcome.index).result(outcome))

    view = RunView(display=display, route=spec.operation.route, rows=spec.rows)
    try:
        return await follow(tago, spec.begin(tago, feed, run or {}), view, interrupt, record)
    finally:
        if not results.broken:
            _write_unfinished(feed, results)


async def follow_to_end(
    tago: Tago, begin: Callable[[], BulkRun[Any]], status: JournalStatus, *, route: str = ""
) -> Summary:
    """Open a client and follow a run with a journal, with a progress display.

    Args:
        tago: a client that is not open yet.
        begin: creates the run.
        status: the status of the journal.
        route: the route that limits the run; default: that of its operation.
    """
    interrupt = Interrupt()
    with interrupt.handle_signals():
        async with tago:
            with open_display(status.operation.outcome.status, status.rows) as display:
                view = RunView(
                    display=display,
                    route=route or status.operation.route,
                    rows=status.rows,
                    finished=status.rows - status.left,
                )
                return await follow(tago, begin(), view, interrupt)


async def follow(
    tago: Tago,
    run: BulkRun[Any],
    view: RunView,
    interrupt: Interrupt | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> Summary:
    """Enter a run, show its progress, and return when it ends.

    Args:
        tago: an open client.
        run: a run that is not entered yet.
        view: what the display shows.
        interrupt: signals that stop the run.
        on_outcome: called with each outcome.

    Raises:
        JournalError: the run's journal can't be used.
    """
    return await _Follower(tago, run, view, interrupt or Interrupt(), on_outcome).run_to_end()


@attrs.define(eq=False)
class _Follower:
    _tago: Tago
    _run: BulkRun[Any]
    _view: RunView
    _interrupt: Interrupt
    _on_outcome: Callable[[Outcome], None]
    _finished: int = attrs.field(default=0, init=False)
    _adopted: int = attrs.field(default=0, init=False)
    _failures: int = attrs.field(default=0, init=False)
    _deadline: float | None = attrs.field(default=None, init=False)
    _meter: ProgressMeter = attrs.field(init=False)
    _rejected_before: int = attrs.field(init=False)
    _last_failures: deque[str] = attrs.field(
        factory=lambda: deque(maxlen=_LAST_FAILURES), init=False
    )
    _loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)

    def __attrs_post_init__(self) -> None:
        minute = self._tago.limits.documented.minute
        self._meter = ProgressMeter(self._view.rows, minute, self._view.route)
        self._rejected_before = self._rejected()

    async def run_to_end(self) -> Summary:
        started = self._loop.time()
        self._interrupt.count_only()
        async with self._run as run:
            consumer = asyncio.create_task(self._consume(run))
            try:
                await self._show_progress(run, consumer)
            finally:
                consumer.cancel()
        stopped = await _error_of(consumer)
        return Summary(
            throttled=self._rejected() - self._rejected_before,
            elapsed=self._loop.time() - started,
            adopted=self._adopted,
            failures=self._failures,
            stopped=None if isinstance(stopped, InterruptedRunError) else stopped,
            interrupted=self._deadline is not None,
        )

    async def _consume(self, run: BulkRun[Any]) -> None:
        async for outcome in run:
            self._on_outcome(outcome)
            self._finished += 1
            self._adopted += getattr(outcome, "adopted", False)
            if isinstance(outcome, (Failed, InDoubt)):
                self._failures += 1
                self._last_failures.append(f"row {outcome.index + 1}: {outcome.error}")

    async def _show_progress(self, run: BulkRun[Any], consumer: asyncio.Task[None]) -> None:
        """Show progress until every outcome is consumed or the grace period ends."""
        while not consumer.done():
            self._show()
            await asyncio.wait([consumer], timeout=_POLL_INTERVAL)
            if not self._interrupt.count or consumer.done():
                continue
            if self._deadline is None:
                self._deadline = self._loop.time() + _GRACE_PERIOD
                run.stop(InterruptedRunError("Interrupted"))
                states = self._tago.limits.snapshot()
                in_flight = sum(s.in_flight for s in states if s.route == self._view.route)
                waits = f": waiting for {plural(in_flight, 'answer')}" if in_flight else ""
                self._view.display.print_message(f"Stopping{waits}")
            elif self._interrupt.count > 1 or self._loop.time() >= self._deadline:
                return
        self._show()

    def _show(self) -> None:
        done = self._view.finished + self._finished
        progress = self._meter.measure(
            self._loop.time(),
            done,
            self._tago.limits.snapshot(),
            failed=self._failures,
            failures=self._last_failures,
        )
        self._view.display.show(progress)

    def _rejected(self) -> int:
        # Clients of one process share this count, closed ones included.
        return sum(state.rejected for state in self._tago.limits.snapshot())


async def _error_of(consumer: asyncio.Task[None]) -> TagoError | None:
    """Return the library error that ended the consumer, if any."""
    await asyncio.wait([consumer])
    if consumer.cancelled():
        return None
    error = consumer.exception()
    if error is None or isinstance(error, TagoError):
        return error.reason if isinstance(error, BulkStoppedError) else error
    raise error


def _write_unfinished(feed: Feed[Any], results: ResultsFile) -> None:
    # Queued rows have the outcome pending; the others were sent.
    for row in feed.in_progress.values():
        results.write(row.unfinished(InDoubt.status, error="Interrupted before the answer arrived"))
    # Ignore a changed file: it was reported already, or must not hide why the run stopped.
    with contextlib.suppress(InputError):
        for row in feed.unread():
            results.write(row.unfinished(Pending.status))
