"""The writer of a journal: groups the writes of many items into few commits.

A commit waits for the disk, and so does every item that is about to be sent.
While one commit is in progress in its thread, further writes are collected for the next: the more
items are in work, the more share a commit, and the rate is that of a run without a journal.

After a failed commit nothing more may be sent: every waiting item gets the error, and so does every
later one.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._address import Target
    from tagodev._bulk.journal.store import Journal
    from tagodev._limits.route_limiter import Permit

__all__ = ["ItemObserver", "JournalWriter"]

#: Seconds that a write without a waiter may be delayed, so that it shares a commit with others.
_DELAY: Final = 0.05
#: A run with this many commits is likely to make many more.
_MANY_COMMITS: Final = 20


class JournalWriter:
    """Writes the events of a run to its journal, in a separate thread."""

    def __init__(
        self,
        journal: Journal,
        *,
        ledger: str,
        minute: float,
        on_failure: Callable[[JournalError], None],
    ) -> None:
        """Initialize the writer; `serve` writes.

        Args:
            journal: open for writing, with no other writer.
            ledger: the ledger that counts the charges, so that they are not counted twice on
                resuming.
            minute: length of the service's windows, in seconds.
            on_failure: called once when a commit fails.
        """
        self.journal: Final = journal
        self._ledger = ledger
        self._minute = minute
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._batch = Batch()
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False
        self._commits = 0
        self._thread = ThreadPoolExecutor(1, "tagodev journal")
        self._last_window: dict[Permit, int] = {}
        self.failure: JournalError | None = None
        """Why nothing can be written any more."""

    # --- what rows say -------------------------------------------------------------------------

    def pulled(self, number: int, digest: bytes, payload: bytes) -> None:
        """Record an item of the input."""
        self._batch.pulled.append((number, digest, payload))
        self._schedule_write()

    def whole(self) -> None:
        """Record that the input has no more items."""
        self._batch.whole = True
        self._schedule_write()

    async def sent(self, number: int | None, permit: Permit) -> None:
        """Record that a request is about to be sent; durable on return.

        Args:
            number: the index of its item; None for a search.
            permit: the permit of the request.

        Raises:
            JournalError: it can't be recorded, so it must not be sent.
        """
        if number is not None:
            self._batch.sent.append((time.time(), number))
        self._count(permit)
        await self._wait_durable()

    async def progress(self, number: int, progress: bytes) -> None:
        """Record a step; durable on return.

        Raises:
            JournalError: it can't be recorded.
        """
        self._batch.progress.append((progress, number))
        await self._wait_durable()

    def ended(
        self,
        number: int,
        state: EntryState,
        *,
        attempts: int,
        result: bytes | None = None,
        error: str | None = None,
    ) -> None:
        """Record the outcome of an item; written with the next commit."""
        when = None if state is EntryState.PENDING else time.time()
        self._batch.ended.append((int(state), attempts, when, result, error, number))
        self._schedule_write()

    def settled(self, permit: Permit) -> None:
        """Record that a request has ended, so that it may have been counted until now."""
        self._count(permit)
        for part in permit.parts():
            self._last_window.pop(part, None)
            windows = part.windows(self._loop.time())
            # If the offset of the service's clock is not known, this machine's clock is used.
            number = int(time.time() // self._minute) if windows is None else windows[0]
            key = (part.limiter.route.name, self._minute, number)
            self._batch.asked[key] = self._batch.asked.get(key, 0) + 1

    def bind(self, target: Target) -> None:
        """Record the service and the profile of the journal; written with the next commit."""
        self._batch.target = target
        self._schedule_write()

    def _count(self, permit: Permit) -> None:
        """Count a request in each further window in which the service may have counted it."""
        for part in permit.parts():
            windows = part.windows(self._loop.time())
            if windows is None:
                continue
            first, last = windows
            counted = self._last_window.get(part, first - 1)
            for number in range(counted + 1, last + 1):
                key = (self._ledger, part.limiter.route.name, self._minute, number)
                self._batch.spent[key] = self._batch.spent.get(key, 0) + 1
            self._last_window[part] = max(last, counted)

    def _schedule_write(self) -> None:
        """Schedule a commit, also if no item waits for it."""
        if self._timer is None:
            self._timer = self._loop.call_later(_DELAY, self._wake.set)

    async def _wait_durable(self) -> None:
        if self.failure is not None:
            raise attrs.evolve(self.failure)
        written: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(written)
        self._wake.set()
        await written

    # --- writing -------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Write until `end` is called and everything is written, or a commit fails."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._batch or self._waiting:
                await self._write_batch()
            if self._ending and not self._wake.is_set():
                return

    async def _write_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        waiting, self._waiting = self._waiting, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # A request without a charge may leave nothing to write, but its item waits.
        if batch and self.failure is None:
            writing = self._loop.run_in_executor(self._thread, self._write, batch)
            try:
                await asyncio.shield(writing)
            except JournalError as error:
                self._on_failure(error)
            except asyncio.CancelledError:
                # The thread continues, and `close` waits for it.
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
            # Recorded in the thread: a cancelled task would not get the error, and nothing may be
            # written after what is missing.
            self.failure = error
            raise
        self._commits += 1
        if self._commits == _MANY_COMMITS:
            self.journal.stretch()

    def end(self) -> None:
        """Make `serve` return once everything is written."""
        self._ending = True
        self._wake.set()

    def close(self) -> None:
        """Write what is left, also if `serve` failed, and close the journal.

        It blocks for one commit at most: a cancelled caller must not lose what is known.
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
    """Records each request of an item, before it is sent and when it has ended."""

    writer: JournalWriter
    """The journal's writer."""
    number: int | None
    """The index of the item; None for requests of a search."""

    async def granted(self, permit: Permit) -> None:
        """Record that a request is about to be sent."""
        await self.writer.sent(self.number, permit)

    def ended(self, permit: Permit) -> None:
        """Record that it has ended."""
        self.writer.settled(permit)
