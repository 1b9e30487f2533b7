"""Between many rows and one journal: what they have to say is gathered into few commits.

A commit waits for the disk, and so does every row that is about to leave.
While one commit is under way in its thread, whatever else comes is gathered, and goes into the
next: the more rows are in work, the more share a commit, and the rate stays what it would be
without a journal.

When the disk takes no more, nothing more may leave: every row that waits gets the error, and so
does every later one.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.journal.entry import Batch, EntryState
from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.bulk.journal.store import Journal
    from tagodev.limits.route_limiter import Permit
    from tagodev.target import Target

__all__ = ["ItemObserver", "JournalWriter"]

#: Seconds that what nobody waits for may lie, so that it shares a commit with what somebody does.
_SOON: Final = 0.05
#: A run of so many commits is likely to make many more.
_MANY_COMMITS: Final = 20


class JournalWriter:
    """Writes what happens in a run to its journal, in a thread of its own."""

    def __init__(
        self,
        journal: Journal,
        *,
        ledger: str,
        minute: float,
        on_failure: Callable[[JournalError], None],
    ) -> None:
        """Prepare to write; `serve` does.

        Args:
            journal: open for writing; nobody else may write to it.
            ledger: who counts the grants, so that they are not counted twice on resuming.
            minute: length of the service's windows, in seconds.
            on_failure: called once when the disk takes no more.
        """
        self.journal: Final = journal
        self._ledger = ledger
        self._minute = minute
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._batch = Batch()
        self._waiting: list[asyncio.Future[None]] = []
        self._something = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._ending = False
        self._commits = 0
        self._thread = ThreadPoolExecutor(1, "tagodev journal")
        self._last_window: dict[Permit, int] = {}
        self.failure: JournalError | None = None
        """Why nothing can be written any more."""

    # --- what rows say -------------------------------------------------------------------------

    def pulled(self, number: int, digest: bytes, payload: bytes) -> None:
        """Note a row of the input."""
        self._batch.pulled.append((number, digest, payload))
        self._write_soon()

    def whole(self) -> None:
        """Note that the input has no more rows."""
        self._batch.whole = True
        self._write_soon()

    async def sent(self, number: int | None, permit: Permit) -> None:
        """Note that a request is about to leave; durable on return.

        Args:
            number: the row it is for; None if it only looks.
            permit: what it was granted by.

        Raises:
            JournalError: it can't be noted, so it must not leave.
        """
        if number is not None:
            self._batch.sent.append((time.time(), number))
        self._count(permit)
        await self._durable()

    async def progress(self, number: int, progress: bytes) -> None:
        """Note a step; durable on return.

        Raises:
            JournalError: it can't be noted.
        """
        self._batch.progress.append((progress, number))
        await self._durable()

    def ended(
        self,
        number: int,
        state: EntryState,
        *,
        attempts: int,
        result: bytes | None = None,
        error: str | None = None,
    ) -> None:
        """Note what became of a row; written with the next commit, or soon."""
        when = None if state is EntryState.PENDING else time.time()
        self._batch.ended.append((int(state), attempts, when, result, error, number))
        self._write_soon()

    def settled(self, permit: Permit) -> None:
        """Note that a request has ended, so that it may have been counted until now."""
        self._count(permit)
        for place in permit.parts():
            self._last_window.pop(place, None)
            windows = place.windows(self._loop.time())
            # Where nothing is known of the service's clock, this machine's has to do.
            number = int(time.time() // self._minute) if windows is None else windows[0]
            key = (place.limiter.route.name, self._minute, number)
            self._batch.asked[key] = self._batch.asked.get(key, 0) + 1

    def bind(self, target: Target) -> None:
        """Note the service and the profile that the journal belongs to; written with the next."""
        self._batch.target = target
        self._write_soon()

    def _count(self, permit: Permit) -> None:
        """Count a request in each further window in which the service may have counted it."""
        for place in permit.parts():
            windows = place.windows(self._loop.time())
            if windows is None:
                continue
            first, last = windows
            counted = self._last_window.get(place, first - 1)
            for number in range(counted + 1, last + 1):
                key = (self._ledger, place.limiter.route.name, self._minute, number)
                self._batch.spent[key] = self._batch.spent.get(key, 0) + 1
            self._last_window[place] = max(last, counted)

    def _write_soon(self) -> None:
        """Make sure that a commit comes, also if nobody does who has to wait for it."""
        if self._soon is None:
            self._soon = self._loop.call_later(_SOON, self._something.set)

    async def _durable(self) -> None:
        if self.failure is not None:
            raise attrs.evolve(self.failure)
        written: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(written)
        self._something.set()
        await written

    # --- writing -------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Write until `end` is called and everything is written, or the disk takes no more."""
        while True:
            await self._something.wait()
            self._something.clear()
            if self._batch or self._waiting:
                await self._write_batch()
            if self._ending and not self._something.is_set():
                return

    async def _write_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        waiting, self._waiting = self._waiting, []
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        # Where nothing was counted yet there may be nothing to write, but somebody who waits.
        if batch and self.failure is None:
            writing = self._loop.run_in_executor(self._thread, self._write, batch)
            try:
                await asyncio.shield(writing)
            except JournalError as error:
                self._on_failure(error)
            except asyncio.CancelledError:
                # The thread goes on, and `close` waits for it.
                for written in waiting:
                    written.cancel()
                raise
        for written in waiting:
            if written.done():
                continue
            if self.failure is None:
                written.set_result(None)
            else:
                written.set_exception(attrs.evolve(self.failure))

    def _write(self, batch: Batch) -> None:
        try:
            self.journal.write(batch)
        except JournalError as error:
            # Noted in the thread: whoever was cancelled meanwhile would not hear of it, and nothing
            # may be written behind what is missing.
            self.failure = error
            raise
        self._commits += 1
        if self._commits == _MANY_COMMITS:
            self.journal.stretch()

    def end(self) -> None:
        """Let `serve` return once everything is written."""
        self._ending = True
        self._something.set()

    def close(self) -> None:
        """Write what is left, whatever became of `serve`, and close the journal.

        It blocks for one commit at most: whoever is cancelled must not lose what is known.
        """
        self._thread.shutdown()
        try:
            if self._batch and self.failure is None:
                self.journal.write(self._batch)
        except JournalError as error:
            self.failure = error
        finally:
            self.journal.close()


@attrs.frozen
class ItemObserver:
    """Tells the recorder of each request of a row, before it leaves and when it has ended."""

    recorder: JournalWriter
    """Where it is noted."""
    number: int | None
    """Which row; None for requests that only look."""

    async def granted(self, permit: Permit) -> None:
        """Note that a request is about to leave."""
        await self.recorder.sent(self.number, permit)

    def ended(self, permit: Permit) -> None:
        """Note that it has ended."""
        self.recorder.settled(permit)
