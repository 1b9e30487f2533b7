"""Carrying out a job: rows in, results on disk, progress shown, and an end that loses nothing.

When a signal asks it to stop, no further row is read, rows that wait for their turn are taken back
as ``pending``, and answers that are on their way are waited for, unless a second signal comes: what
then has no outcome is ``in_doubt``.
Rows that were never read follow as ``pending``: in the end every row of the file is in the results.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.cli.jobs import Feed
from tagodev.cli.progress import Meter
from tagodev.errors import BulkStoppedError, InputError, InterruptedRunError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.bulk.runner import BulkRun
    from tagodev.cli.jobs import Entry, Job
    from tagodev.cli.progress import Display
    from tagodev.cli.results import ResultsFile
    from tagodev.client import Tago
    from tagodev.limits.snapshot import BucketState

__all__ = ["Interrupt", "Summary", "carry_out"]

#: Seconds between two looks at the run.
_TICK: Final = 0.25
#: Seconds that answers on their way get after the first signal.
_PATIENCE: Final = 10.0


class Interrupt:
    """Counts the signals that ask to stop: the first asks kindly, the second means it."""

    def __init__(self) -> None:
        self.count = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM, within a running event loop."""
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

    def _add(self) -> None:
        self.count += 1


@attrs.frozen(kw_only=True)
class Summary:
    """What became of a job."""

    throttled: int
    """429s met."""
    elapsed: float
    """Seconds from the first row to the last outcome."""
    stopped: TagoError | None
    """What ended it early."""
    interrupted: bool
    """Whether a signal did."""


async def carry_out(
    tago: Tago,
    job: Job[Any],
    results: ResultsFile,
    display: Display,
    interrupt: Interrupt | None = None,
) -> Summary:
    """Carry out a job, to its end or to an early one; every row is in the results then.

    Args:
        tago: an open client.
        job: what to do.
        results: where results go, row by row.
        display: where progress is shown.
        interrupt: what may ask it to stop.
    """
    return await _Execution(tago, job, results, display, interrupt or Interrupt()).carry_out()


class _Execution:
    def __init__(
        self,
        tago: Tago,
        job: Job[Any],
        results: ResultsFile,
        display: Display,
        interrupt: Interrupt,
    ) -> None:
        self._tago = tago
        self._job = job
        self._results = results
        self._display = display
        self._interrupt = interrupt
        self._feed = Feed(job.entries)
        self._meter = Meter(job.rows, tago.limits.documented.minute)
        self._loop = asyncio.get_running_loop()
        self._leave_at: float | None = None

    async def carry_out(self) -> Summary:
        began = self._loop.time()
        stopped: TagoError | None = None
        try:
            async with self._job.begin(self._tago, self._feed) as run:
                recording = asyncio.create_task(self._record(run))
                try:
                    await self._watch(run, recording)
                finally:
                    recording.cancel()
            stopped = await _error_of(recording)
        finally:
            elapsed = self._loop.time() - began
            if not self._results.broken:
                self._write_unfinished()
        return Summary(
            throttled=sum(state.rejected for state in self._tago.limits.snapshot()),
            elapsed=elapsed,
            stopped=None if isinstance(stopped, InterruptedRunError) else stopped,
            interrupted=self._leave_at is not None,
        )

    async def _record(self, run: BulkRun[Any]) -> None:
        async for outcome in run:
            self._results.write(self._feed.take_back(outcome.index).result(outcome))

    async def _watch(self, run: BulkRun[Any], recording: asyncio.Task[None]) -> None:
        """Show progress until everything is recorded, or it is time to leave."""
        while not recording.done():
            await asyncio.wait([recording], timeout=_TICK)
            state, done = self._state(), self._results.written
            self._display.show(self._meter.look(self._loop.time(), done, state))
            if not self._interrupt.count or recording.done():
                continue
            if self._leave_at is None:
                self._leave_at = self._loop.time() + _PATIENCE
                run.stop(InterruptedRunError("Interrupted"))
                in_flight = 0 if state is None else state.in_flight
                waits = f": waiting for {in_flight} answers" if in_flight else ""
                self._display.say(f"Stopping{waits}")
            elif self._interrupt.count > 1 or self._loop.time() >= self._leave_at:
                return

    def _state(self) -> BucketState | None:
        states = self._tago.limits.snapshot()
        return next((state for state in states if state.route == self._job.route), None)

    def _write_unfinished(self) -> None:
        # Rows that only waited came back as pending; what is still out was on its way.
        for entry in self._feed.out.values():
            self._results.write(entry.unfinished("in_doubt", "Interrupted before the answer came"))
        for entry in _until_unreadable(self._feed.rest()):
            self._results.write(entry.unfinished("pending"))


async def _error_of(recording: asyncio.Task[None]) -> TagoError | None:
    """Return what ended the recording early, if that is an error of ours."""
    await asyncio.wait([recording])
    if recording.cancelled():
        return None
    error = recording.exception()
    if error is None or isinstance(error, TagoError):
        return error.reason if isinstance(error, BulkStoppedError) else error
    raise error


def _until_unreadable(entries: Iterator[Entry[Any]]) -> Iterator[Entry[Any]]:
    # A file that was changed meanwhile has been complained about already, or the run was stopped
    # for another reason, which must not be hidden by this one.
    with contextlib.suppress(InputError):
        yield from entries
