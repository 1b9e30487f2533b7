"""The engine of a bulk run: workers, pauses, and the search for items whose answer was lost.

Workers read items one at a time and do them.
An item whose answer was lost stays in doubt if the run has a journal. After the other items it is
sent again if that is harmless, or else searched for on the service. A request that was cut off may
still be in transit, and a list may lag: the engine searches after a settle time, and again after
another one, before it sends the item again.

An error that every further item would get (`tagodev._bulk.circuit_breaker`) *stops* the run: items
in flight are finished, items that wait for a permit are reported as pending, and no further item is
read.

If an operation has phases, or items that work on one resource, an item starts only when those
before it are finished (`tagodev._bulk.precedence`).
A worker without an item to start waits for the items in work. If only items in doubt block the
next one, the workers end, and start again when the doubts are settled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tagodev._bulk.circuit_breaker import CircuitBreaker
from tagodev._bulk.not_done import ambiguous, failure, still_in_doubt, unsent
from tagodev._bulk.operations.identity import Ambiguous, Found
from tagodev._bulk.outcomes import Failed, InDoubt, Pending
from tagodev._bulk.precedence import Precedence
from tagodev._bulk.reorder_buffer import ReorderBuffer
from tagodev._limits.wait_queue import Priority
from tagodev._session import CallRecord
from tagodev.errors import ConnectError, JournalError, NoAnswerError, ServerError, TagoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev._bulk.input import RunInput
    from tagodev._bulk.journal.item_log import ItemLog
    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.options import RunOptions
    from tagodev._bulk.outcomes import Outcome
    from tagodev._bulk.work_item import WorkItem

__all__ = ["Engine"]

Item = TypeVar("Item")

#: After this many rounds of searching and sending again, an item stays in doubt.
_MAX_ROUNDS: Final = 20
#: With this many items in doubt, they are looked up before further items are read.
_MAX_DOUBTS: Final = 1000
#: Items read ahead of the first unfinished one, for each worker, in an ordered run.
_READ_AHEAD: Final = 8
#: Items that wait for another one of their resource, for each worker, before reading stops.
_MAX_WAITING: Final = 8
#: Finished items replayed before other tasks get a turn in the event loop.
_YIELD_EVERY: Final = 500


class Engine(Generic[Item]):
    """Does the items of one run."""

    def __init__(
        self,
        operation: Operation[Item],
        source: RunInput[Item],
        log: ItemLog[Item],
        outcomes: asyncio.Queue[Outcome | None],
        *,
        number: int,
        concurrency: int,
        options: RunOptions,
    ) -> None:
        """Initialize the engine.

        Args:
            operation: the operation to do with each item.
            source: the items.
            log: the log of items.
            outcomes: the queue for outcomes; it holds a few.
            number: the number of the run within this process.
            concurrency: items in work at once.
            options: the run's options.
        """
        self._operation = operation
        self._source = source
        self._log = log
        self._outcomes = outcomes
        self._number = number
        self._concurrency = concurrency
        self._options = options
        self._breaker = CircuitBreaker(concurrency=concurrency, max_paused=options.patience)
        self._failures = 0
        self._in_work: set[WorkItem[Item]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._queued: deque[WorkItem[Item]] = deque()
        self._doubts: list[WorkItem[Item]] = []
        self._paused_until = 0.0
        self._order = ReorderBuffer(_READ_AHEAD * concurrency) if options.ordered else None
        self._emitting = asyncio.Lock()
        self._precedence = Precedence(operation)
        self._held: deque[WorkItem[Item]] = deque()
        self._progressed = asyncio.Event()
        self.stopped: TagoError | None = None
        """The error that stopped the run early."""
        self.source_failed: BaseException | None = None
        """The exception that the caller's iterable raised."""

    async def work(self) -> None:
        """Do all items; when it returns, each outcome is in the queue."""
        try:
            await self._resume()
        except JournalError as error:
            self.stop(error)
        while True:
            if self._doubts and self.stopped is None:
                await self._settle_doubts()
            await self._run_workers()
            if not (self._doubts or self._held) or self.stopped is not None:
                break
        # The outcome of one item may release another one, to either of the two.
        while self._queued or self._doubts:
            if self._queued:
                work = self._queued.popleft()
                await self._emit(work, unsent(work, self.stopped))
            else:
                work = self._doubts.pop(0)
                await self._emit(work, still_in_doubt(work, self.stopped))
        for work in self._held:
            self._precedence.add(work)
            await self._emit(work, unsent(work, self.stopped))
        for ready in () if self._order is None else self._order.remaining():
            await self._outcomes.put(ready)

    async def _resume(self) -> None:
        """Load what earlier processes left: items in doubt, and what items have created."""
        doubts = self._log.doubts(self.new_record)
        if self._order is not None:
            self._order.expect(work.index for work in doubts)
        # Those that wait for another one in doubt are settled after it.
        self._doubts = [work for work in doubts if self._precedence.add(work)]
        if not self._operation.uses_history:
            return
        for work in doubts:
            self._operation.remember(work.index, work.item, None)
        for number, (index, item, result) in enumerate(self._log.finished()):
            self._operation.remember(index, item, result)
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def new_record(self, number: int | None = None) -> CallRecord:
        """Return the record of a call that belongs to this run.

        Args:
            number: the index of its item; None for a search.
        """
        return CallRecord(
            priority=Priority.BULK, run=self._number, observer=self._log.observer(number)
        )

    def record_answer(self) -> None:
        """Record that the service has answered, before any item was sent."""
        self._breaker.record_answer()

    def stop(self, reason: TagoError) -> None:
        """Stop the run early; see `BulkRun.stop`."""
        if self.stopped is not None:
            return
        self.stopped = reason
        for work in self._in_work:
            worker = work.worker
            if worker is not None and not work.record.sending and worker is not _this_task():
                work.withdrawn = True
                worker.cancel()
        for task in self._idle:
            task.cancel()

    # --- working -------------------------------------------------------------------------------

    async def _run_workers(self) -> None:
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._concurrency):
                workers.create_task(self._worker())

    async def _worker(self) -> None:
        task = _this_task()
        assert task is not None, "a worker is a task"
        while (work := await self._next_item(task)) is not None:
            work.worker = task
            self._in_work.add(work)
            outcome = await self._do(work)
            self._in_work.discard(work)
            if outcome is None:
                self._add_doubt(work)
            else:
                await self._emit(work, outcome)

    def _add_doubt(self, work: WorkItem[Item]) -> None:
        try:
            self._log.lost(work)
        except JournalError as error:
            self.stop(error)
        self._doubts.append(work)
        self._progressed.set()
        if self._order is not None:
            self._order.wake()

    async def _next_item(self, worker: asyncio.Task[None]) -> WorkItem[Item] | None:
        """Return the next item; None if there is nothing more for this worker."""
        if self.stopped is not None:
            return None
        self._idle.add(worker)
        try:
            return await self._pull()
        except asyncio.CancelledError as error:
            if not worker.cancelling():
                # This worker was not cancelled: something that the source waited for was.
                self.source_failed = error
            elif self.stopped is None or worker.uncancel() > 0:
                raise
        except JournalError as error:
            self.stop(error)
        except Exception as error:  # noqa: BLE001  (the caller's own iterable: its error is theirs)
            self.source_failed = error
        finally:
            self._idle.discard(worker)
        return None

    async def _pull(self) -> WorkItem[Item] | None:
        """Return the next item to do, once the run is not paused."""
        while True:
            await self._sleep_until(self._paused_until)
            if self._queued:
                return self._queued.popleft()
            if not self._must_wait():
                work = self._held.popleft() if self._held else await self._read()
                if work is None:
                    return None
                # Several workers may read at once: if one item is held, those after it are too.
                if self._held or not self._precedence.allows(work.item):
                    self._held.append(work)
                elif self._precedence.add(work):
                    return work
            elif self._in_work:
                self._progressed.clear()
                await self._progressed.wait()
            else:
                # Only items in doubt block the next one, and they wait until the workers have
                # ended.
                return None

    async def _read(self) -> WorkItem[Item] | None:
        """Return the next item of the input; None if there is none, or none that may start now."""
        if (
            self._options.settle_only
            or self.source_failed is not None
            or len(self._doubts) >= _MAX_DOUBTS
        ):
            return None
        if self._order is not None and not await self._order.wait_for_slot(self._doubts):
            return None
        pulled = await self._source.pull()
        if pulled is None:
            return None
        if self._order is not None:
            self._order.add(pulled[0])
        return self._log.work_item(*pulled, self.new_record)

    def _must_wait(self) -> bool:
        """Return whether another item must be finished before any further one starts."""
        if self._held:
            return not self._precedence.allows(self._held[0].item)
        return self._precedence.waiting >= _MAX_WAITING * self._concurrency

    def _end(self, work: WorkItem[Item]) -> None:
        """Remove a finished item, and release the one that waited for it."""
        freed = self._precedence.end(work)
        if freed is not None:
            (self._doubts if freed.in_doubt else self._queued).append(freed)
        self._progressed.set()
        if self._order is not None:
            self._order.wake()

    async def _sleep_until(self, until: float) -> None:
        """Wait until a time, and longer if the run is paused again meanwhile."""
        loop = asyncio.get_running_loop()
        wait = max(until, self._paused_until) - loop.time()
        while wait > 0:
            await asyncio.sleep(wait)
            wait = max(until, self._paused_until) - loop.time()

    async def _do(self, work: WorkItem[Item]) -> Outcome | None:
        """Do an item; return None if its answer was lost and it is to be looked up later."""
        try:
            while True:
                if self.stopped is not None:
                    return unsent(work, self.stopped)
                try:
                    done = await self._attempt(work)
                except ConnectError as error:
                    # It was not sent: the item has not failed, despite the connection.
                    self._count_failure(error)
                    if self.stopped is None and not work.in_doubt:
                        await self._sleep_until(self._paused_until)
                        continue
                    return self._failure(work, error)
                except TagoError as error:
                    self._count_failure(error)
                    return self._failure(work, error)
                self._breaker.succeed()
                return done
        except asyncio.CancelledError:
            worker = work.worker
            assert worker is not None, "a worker does the item"
            if self.stopped is None or not work.withdrawn or worker.uncancel() > 0:
                raise
            work.withdrawn = False
            return unsent(work, self.stopped)

    async def _attempt(self, work: WorkItem[Item]) -> Outcome:
        if work.found is not None:
            return await self._operation.adopt(work)
        self._operation.check(work.item)
        return await self._operation.do(work)

    def _count_failure(self, error: TagoError) -> None:
        now = asyncio.get_running_loop().time()
        verdict = self._breaker.fail(error, paused=now < self._paused_until)
        if verdict.stop or self._operation.stops(error):
            self.stop(error)
        elif verdict.pause:
            self._paused_until = now + verdict.pause

    def _failure(self, work: WorkItem[Item], error: TagoError) -> Outcome | None:
        return failure(work, error, durable=self._log.durable, stopped=self.stopped is not None)

    async def _emit(self, work: WorkItem[Item], outcome: Outcome) -> None:
        self._log.ended(work, outcome)
        self._end(work)
        if isinstance(outcome, (Failed, InDoubt)):
            self._failures += 1
            if self._failures > self._options.failures_allowed:
                self.stop(outcome.error)
        if self._order is None:
            await self._outcomes.put(outcome)
            return
        # One at a time: a queue with a free slot would serve new callers before waiting ones.
        async with self._emitting:
            for ready in self._order.release(outcome):
                await self._outcomes.put(ready)

    # --- rows whose answer was lost --------------------------------------------------------------

    async def _settle_doubts(self) -> None:
        """Look up the items in doubt, and queue what is left to do for them."""
        items, self._doubts = self._doubts, []
        for work in [work for work in items if work.rounds >= _MAX_ROUNDS]:
            items.remove(work)
            await self._emit(work, still_in_doubt(work, self.stopped))
        for work in items:
            work.rounds += 1
        try:
            if self._options.settle_only or not self._operation.resendable:
                await self._search(items)
        except asyncio.CancelledError:
            task = _this_task()
            if self.stopped is None or task is None or task.uncancel() > 0:
                raise
        except TagoError as error:
            self.stop(error)
        if self.stopped is not None:
            self._doubts = items + self._doubts
            return
        if self._options.settle_only:
            for work in [work for work in items if work.found is None]:
                items.remove(work)
                await self._emit(work, Pending(work.index, work.item))
        self._queued.extend(items)

    async def _search(self, items: list[WorkItem[Item]]) -> None:
        """Search twice, and keep the items that are to be adopted or sent again."""
        missing = [*items]
        for _ in range(2):
            if not missing or self.stopped is not None:
                return
            await self._pause(self._options.settle)
            findings = await self._search_once(missing)
            for work in missing:
                finding = findings.get(work.index)
                if isinstance(finding, Found):
                    work.found = finding
                elif isinstance(finding, Ambiguous):
                    items.remove(work)
                    await self._emit(work, ambiguous(work, finding))
            missing = [work for work in missing if findings.get(work.index) is None]
            if self._options.settle_only and not any(
                self._operation.can_find(work.item) for work in missing
            ):
                return
        if self._options.settle_only:
            return
        for work in missing:
            # It had no effect: the next attempt is the first that counts.
            work.record = self.new_record(work.index)

    async def _search_once(self, items: Sequence[WorkItem[Item]]) -> dict[int, Finding]:
        """Search, and repeat the search while the connection fails."""
        while True:
            try:
                return dict(await self._operation.find(items, self.new_record))
            except (NoAnswerError, ServerError) as error:
                self._count_failure(error)
                if self.stopped is not None:
                    raise
            await self._pause(0.0)

    async def _pause(self, seconds: float) -> None:
        """Wait for some seconds, or until a pause is over; a stop ends the wait."""
        task = _this_task()
        assert task is not None, "the engine works in a task"
        self._idle.add(task)
        try:
            await self._sleep_until(asyncio.get_running_loop().time() + seconds)
        finally:
            self._idle.discard(task)


def _this_task() -> asyncio.Task[None] | None:
    return asyncio.current_task()
