"""Following a run: progress shown, signals heeded, and an end that loses nothing.

When a signal asks it to stop, no further row is read, rows that wait for their turn are taken back
as ``pending``, and answers that are on their way are waited for, unless a second signal comes: what
then has no outcome is ``in_doubt``.
Without a journal, rows that were never read follow as ``pending``: in the end every row of the file
is in the results.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tagodev.bulk.outcomes import Failed, InDoubt
from tagodev.cli.bulk.operations import Feed
from tagodev.cli.output.progress import Meter
from tagodev.errors import BulkStoppedError, InputError, InterruptedRunError, TagoError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from tagodev.bulk.options import ResumeKeywords
    from tagodev.bulk.outcomes import Outcome
    from tagodev.bulk.run import BulkRun
    from tagodev.cli.bulk.operations import Entry, Job
    from tagodev.cli.bulk.results import ResultsFile
    from tagodev.cli.output.progress import Display
    from tagodev.client import Tago
    from tagodev.limits.snapshot import RouteState

__all__ = [
    "Interrupt",
    "RunView",
    "Summary",
    "carry_out",
    "follow",
    "run_until_interrupted",
]

T = TypeVar("T")

#: Seconds between two looks at the run.
_TICK: Final = 0.25
#: Failures that are shown at once.
_LAST_FAILURES: Final = 3
#: Seconds that answers on their way get after the first signal.
_PATIENCE: Final = 10.0


def run_until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run something that may be interrupted before it has begun to send rows.

    Raises:
        KeyboardInterrupt: it was, by whatever signal.
    """
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for a long run: uvloop's, which takes less of the CPU, where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = new_event_loop()
    return loop


class Interrupt:
    """Counts the signals that ask to stop: the first asks kindly, the second means it.

    Until somebody attends to them, there is nothing to lose yet: the first cancels the task.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self._task: asyncio.Task[Any] | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM, within a running event loop."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        # Where a loop has no signal handlers (Windows), Ctrl-C cancels the main task instead.
        with contextlib.suppress(NotImplementedError):
            for number in numbers:
                loop.add_signal_handler(number, self._add)
        try:
            yield
        finally:
            with contextlib.suppress(NotImplementedError):
                for number in numbers:
                    loop.remove_signal_handler(number)

    def attend(self) -> None:
        """Look at `count` from now on."""
        self._task = None

    def _add(self) -> None:
        self.count += 1
        if self._task is not None:
            self._task.cancel()


@attrs.frozen(kw_only=True)
class Summary:
    """What became of a run."""

    throttled: int
    """429s met."""
    elapsed: float
    """Seconds from the first row to the last outcome."""
    adopted: int
    """Rows whose answer was lost, and that were found done afterwards."""
    failures: int
    """Rows that have failed, or are in doubt."""
    stopped: TagoError | None
    """What ended it early."""
    interrupted: bool
    """Whether a signal did."""


@attrs.frozen(kw_only=True)
class RunView:
    """What is shown of a run."""

    display: Display
    """Where."""
    route: str
    """The route that its limit is counted on."""
    rows: int
    """How many rows there are."""
    finished: int = 0
    """How many of them an earlier run has finished."""


async def carry_out(
    tago: Tago,
    job: Job[Any],
    results: ResultsFile,
    display: Display,
    interrupt: Interrupt | None = None,
    *,
    run: ResumeKeywords | None = None,
) -> Summary:
    """Carry out a job without a journal; every row is in the results when it has ended.

    Args:
        tago: an open client.
        job: what to do.
        results: where results go, row by row.
        display: where progress is shown.
        interrupt: what may ask it to stop.
        run: how to go about it.
    """
    assert job.begin is not None, "this kind of job takes a journal"
    feed: Feed[Any] = Feed(job.entries)

    def take(outcome: Outcome) -> None:
        results.write(feed.take_back(outcome.index).result(outcome))

    sight = RunView(display=display, route=job.kind.route, rows=job.rows)
    try:
        return await follow(tago, job.begin(tago, feed, run or {}), sight, interrupt, take)
    finally:
        if not results.broken:
            _write_unfinished(feed, results)


async def follow(
    tago: Tago,
    run: BulkRun[Any],
    sight: RunView,
    interrupt: Interrupt | None = None,
    take: Callable[[Outcome], None] = lambda _: None,
) -> Summary:
    """Follow a run to its end, or to an early one.

    Args:
        tago: an open client.
        run: not entered yet.
        sight: what is shown of it.
        interrupt: what may ask it to stop.
        take: is given each outcome.

    Raises:
        JournalError: the run's journal can't be used.
    """
    return await _Following(tago, run, sight, interrupt or Interrupt(), take).to_the_end()


class _Following:
    def __init__(
        self,
        tago: Tago,
        run: BulkRun[Any],
        sight: RunView,
        interrupt: Interrupt,
        take: Callable[[Outcome], None],
    ) -> None:
        self._tago = tago
        self._run = run
        self._sight = sight
        self._interrupt = interrupt
        self._take = take
        self._taken = 0
        self._adopted = 0
        self._failures = 0
        self._meter = Meter(sight.rows, tago.limits.documented.minute, sight.route)
        self._last_failures: deque[str] = deque(maxlen=_LAST_FAILURES)
        self._loop = asyncio.get_running_loop()
        self._leave_at: float | None = None
        self._rejected_before = self._rejected()

    async def to_the_end(self) -> Summary:
        began = self._loop.time()
        self._interrupt.attend()
        async with self._run as run:
            recording = asyncio.create_task(self._record(run))
            try:
                await self._watch(run, recording)
            finally:
                recording.cancel()
        stopped = await _error_of(recording)
        return Summary(
            throttled=self._rejected() - self._rejected_before,
            elapsed=self._loop.time() - began,
            adopted=self._adopted,
            failures=self._failures,
            stopped=None if isinstance(stopped, InterruptedRunError) else stopped,
            interrupted=self._leave_at is not None,
        )

    async def _record(self, run: BulkRun[Any]) -> None:
        async for outcome in run:
            self._take(outcome)
            self._taken += 1
            self._adopted += getattr(outcome, "adopted", False)
            if isinstance(outcome, (Failed, InDoubt)):
                self._failures += 1
                self._last_failures.append(f"row {outcome.index + 1}: {outcome.error}")

    async def _watch(self, run: BulkRun[Any], recording: asyncio.Task[None]) -> None:
        """Show progress until everything is recorded, or it is time to leave."""
        while not recording.done():
            self._show()
            await asyncio.wait([recording], timeout=_TICK)
            if not self._interrupt.count or recording.done():
                continue
            if self._leave_at is None:
                self._leave_at = self._loop.time() + _PATIENCE
                run.stop(InterruptedRunError("Interrupted"))
                state = self._state()
                in_flight = 0 if state is None else state.in_flight
                waits = f": waiting for {in_flight} answers" if in_flight else ""
                self._sight.display.say(f"Stopping{waits}")
            elif self._interrupt.count > 1 or self._loop.time() >= self._leave_at:
                return
        self._show()

    def _show(self) -> None:
        done = self._sight.finished + self._taken
        moment = self._meter.look(
            self._loop.time(),
            done,
            self._tago.limits.snapshot(),
            failed=self._failures,
            failures=self._last_failures,
        )
        self._sight.display.show(moment)

    def _rejected(self) -> int:
        # Clients of one process may share the count, also with those that are closed.
        return sum(state.rejected for state in self._tago.limits.snapshot())

    def _state(self) -> RouteState | None:
        states = self._tago.limits.snapshot()
        return next((state for state in states if state.route == self._sight.route), None)


async def _error_of(recording: asyncio.Task[None]) -> TagoError | None:
    """Return what ended the recording early, if that is an error of ours."""
    await asyncio.wait([recording])
    if recording.cancelled():
        return None
    error = recording.exception()
    if error is None or isinstance(error, TagoError):
        return error.reason if isinstance(error, BulkStoppedError) else error
    raise error


def _write_unfinished(feed: Feed[Any], results: ResultsFile) -> None:
    # Rows that only waited came back as pending; what is still out was on its way.
    for entry in feed.out.values():
        results.write(entry.unfinished("in_doubt", "Interrupted before the answer came"))
    for entry in _until_unreadable(feed.rest()):
        results.write(entry.unfinished("pending"))


def _until_unreadable(entries: Iterator[Entry[Any]]) -> Iterator[Entry[Any]]:
    # A file that was changed meanwhile has been complained about already, or the run was stopped
    # for another reason, which must not be hidden by this one.
    with contextlib.suppress(InputError):
        yield from entries
