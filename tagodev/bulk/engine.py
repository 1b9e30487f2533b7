"""The engine of a bulk run: workers, pauses, and the search for items whose answer was lost.

Workers read items one at a time and do them.
An item whose answer was lost stays in doubt if the run has a journal. After the other items it is
sent again if that is harmless, or else searched for on the service. A request that was cut off may
still be in transit, and a list may lag: the engine searches after a settle time, and again after
another one, before it sends the item again.

An error that every further item would get (`tagodev.bulk.circuit_breaker`) *stops* the run: items
in flight are finished, items that wait for a permit are reported as pending, and no further item is
read.

If an operation has phases, or items that work on one resource, an item starts only when those
before it are finished (`tagodev.bulk.precedence`).
A worker without an item to start waits for the items in work. If only items in doubt block the
next one, the workers end, and start again when the doubts are settled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tagodev.bulk.circuit_breaker import CircuitBreaker
from tagodev.bulk.not_done import ambiguous, failure, still_in_doubt, unsent
from tagodev.bulk.operations.identity import Ambiguous, Found
from tagodev.bulk.outcomes import Failed, InDoubt, Pending
from tagodev.bulk.precedence import precedence_of
from tagodev.bulk.reorder_buffer import ReorderBuffer
from tagodev.errors import ConnectError, JournalError, NoAnswerError, ServerError, TagoError
from tagodev.limits.wait_queue import Priority
from tagodev.session import CallRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.bulk.input import RunInput
    from tagodev.bulk.journal.item_log import ItemLog
    from tagodev.bulk.operations.base import Operation
    from tagodev.bulk.operations.identity import Finding
    from tagodev.bulk.options import RunOptions
    from tagodev.bulk.outcomes import Outcome
    from tagodev.bulk.work_item import WorkItem

__all__ = ["Engine"]

Item = TypeVar("Item")

#: After this many rounds of searching and sending again, an item stays in doubt.
_ROUNDS: Final = 20
#: With this many items in doubt, they are looked up before further items are read.
_MOST_DOUBTS: Final = 1000
#: Items read ahead of the first unfinished one, for each worker, in an ordered run.
_AHEAD: Final = 8
#: Items that wait for another one of their resource, for each worker, before reading stops.
_WAITING: Final = 8
#: Finished items replayed before other tasks get a turn in the event loop.
_AT_ONCE: Final = 500


class Engine(Generic[Item]):
    """Does the items of one run."""

    def __init__(
        self,
        operation: Operation[Item],
        source: RunInput[Item],
        notes: ItemLog[Item],
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
            notes: the log of items.
            outcomes: the queue for outcomes; it holds a few.
            number: the number of the run within this process.
            concurrency: items in work at once.
            options: the run's options.
        """
        self._operation = operation
        self._source = source
        self._notes = notes
        self._outcomes = outcomes
        self._number = number
        self._concurrency = concurrency
        self._options = options
        self._breaker = CircuitBreaker(at_once=concurrency, patience=options.patience)
        self._failures = 0
        self._rows: set[WorkItem[Item]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._again: deque[WorkItem[Item]] = deque()
        self._doubts: list[WorkItem[Item]] = []
        self._paused_until = 0.0
        self._order = ReorderBuffer(_AHEAD * concurrency) if options.ordered else None
        self._turn = asyncio.Lock()
        self._precedence = precedence_of(operation)
        self._held: deque[WorkItem[Item]] = deque()
        self._moved = asyncio.Event()
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
        while self._again or self._doubts:
            if self._again:
                row = self._again.popleft()
                await self._give_out(row, unsent(row, self.stopped))
            else:
                row = self._doubts.pop(0)
                await self._give_out(row, still_in_doubt(row, self.stopped))
        for row in self._held:
            self._add(row)
            await self._give_out(row, unsent(row, self.stopped))
        for ready in () if self._order is None else self._order.rest():
            await self._outcomes.put(ready)

    async def _resume(self) -> None:
        """Load what earlier processes left: items in doubt, and what items have created."""
        doubts = self._notes.doubts(self.new_record)
        if self._order is not None:
            self._order.expect(row.index for row in doubts)
        # Those that wait for another one in doubt are settled after it.
        self._doubts = [row for row in doubts if self._add(row)]
        if not self._operation.uses_history:
            return
        for row in doubts:
            self._operation.remember(row.index, row.item, None)
        for number, (index, item, result) in enumerate(self._notes.finished()):
            self._operation.remember(index, item, result)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def new_record(self, number: int | None = None) -> CallRecord:
        """Return the record of a call that belongs to this run.

        Args:
            number: the index of its item; None for a search.
        """
        return CallRecord(
            priority=Priority.BULK, run=self._number, witness=self._notes.witness(number)
        )

    def hear(self) -> None:
        """Record that the service has answered, before any item was sent."""
        self._breaker.hear()

    def stop(self, reason: TagoError) -> None:
        """Stop the run early; see `BulkRun.stop`."""
        if self.stopped is not None:
            return
        self.stopped = reason
        for row in self._rows:
            worker = row.worker
            if worker is not None and not row.record.sending and worker is not _this_task():
                row.taken_back = True
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
        while (row := await self._next_row(task)) is not None:
            row.worker = task
            self._rows.add(row)
            outcome = await self._do(row)
            self._rows.discard(row)
            if outcome is None:
                self._keep_doubt(row)
            else:
                await self._give_out(row, outcome)

    def _keep_doubt(self, row: WorkItem[Item]) -> None:
        try:
            self._notes.lost(row)
        except JournalError as error:
            self.stop(error)
        self._doubts.append(row)
        self._moved.set()
        if self._order is not None:
            self._order.wake()

    async def _next_row(self, worker: asyncio.Task[None]) -> WorkItem[Item] | None:
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
            if self._again:
                return self._again.popleft()
            if not self._must_wait():
                row = self._held.popleft() if self._held else await self._read()
                if row is None:
                    return None
                # Several workers may read at once: if one item is held, those after it are too.
                if self._held or not self._allows(row):
                    self._held.append(row)
                elif self._add(row):
                    return row
            elif self._rows:
                self._moved.clear()
                await self._moved.wait()
            else:
                # Only items in doubt block the next one, and they wait until the workers have
                # ended.
                return None

    async def _read(self) -> WorkItem[Item] | None:
        """Return the next item of the input; None if there is none, or none that may start now."""
        if (
            self._options.settle_only
            or self.source_failed is not None
            or len(self._doubts) >= _MOST_DOUBTS
        ):
            return None
        if self._order is not None and not await self._order.room(self._doubts):
            return None
        pulled = await self._source.pull()
        if pulled is None:
            return None
        if self._order is not None:
            self._order.add(pulled[0])
        return self._notes.row(*pulled, self.new_record)

    def _must_wait(self) -> bool:
        """Return whether another item must be finished before any further one starts."""
        if self._precedence is None:
            return False
        if self._held:
            return not self._precedence.allows(self._held[0].item)
        return self._precedence.waiting >= _WAITING * self._concurrency

    def _allows(self, row: WorkItem[Item]) -> bool:
        return self._precedence is None or self._precedence.allows(row.item)

    def _add(self, row: WorkItem[Item]) -> bool:
        """Add an unfinished item, and return whether it may be in work."""
        return self._precedence is None or self._precedence.add(row)

    def _end(self, row: WorkItem[Item]) -> None:
        """Remove a finished item, and release the one that waited for it."""
        if self._precedence is None:
            return
        freed = self._precedence.end(row)
        if freed is not None:
            (self._doubts if freed.in_doubt else self._again).append(freed)
        self._moved.set()
        if self._order is not None:
            self._order.wake()

    async def _sleep_until(self, moment: float) -> None:
        """Wait until a time, and longer if the run is paused again meanwhile."""
        loop = asyncio.get_running_loop()
        wait = max(moment, self._paused_until) - loop.time()
        while wait > 0:
            await asyncio.sleep(wait)
            wait = max(moment, self._paused_until) - loop.time()

    async def _do(self, row: WorkItem[Item]) -> Outcome | None:
        """Do an item; return None if its answer was lost and it is to be looked up later."""
        try:
            while True:
                if self.stopped is not None:
                    return unsent(row, self.stopped)
                try:
                    done = await self._attempt(row)
                except ConnectError as error:
                    # It was not sent: the item has not failed, despite the connection.
                    self._judge(error)
                    if self.stopped is None and not row.in_doubt:
                        await self._sleep_until(self._paused_until)
                        continue
                    return self._failure(row, error)
                except TagoError as error:
                    self._judge(error)
                    return self._failure(row, error)
                self._breaker.succeed()
                return done
        except asyncio.CancelledError:
            worker = row.worker
            assert worker is not None, "a worker does the item"
            if self.stopped is None or not row.taken_back or worker.uncancel() > 0:
                raise
            row.taken_back = False
            return unsent(row, self.stopped)

    async def _attempt(self, row: WorkItem[Item]) -> Outcome:
        if row.found is not None:
            return await self._operation.adopt(row)
        return await self._operation.do(row)

    def _judge(self, error: TagoError) -> None:
        now = asyncio.get_running_loop().time()
        verdict = self._breaker.fail(error, paused=now < self._paused_until)
        if verdict.stop or self._operation.stops(error):
            self.stop(error)
        elif verdict.pause:
            self._paused_until = now + verdict.pause

    def _failure(self, row: WorkItem[Item], error: TagoError) -> Outcome | None:
        return failure(row, error, kept=self._notes.kept, stopped=self.stopped is not None)

    async def _give_out(self, row: WorkItem[Item], outcome: Outcome) -> None:
        self._notes.ended(row, outcome)
        self._end(row)
        if isinstance(outcome, (Failed, InDoubt)):
            self._failures += 1
            if self._failures > self._options.failures_allowed:
                self.stop(outcome.error)
        if self._order is None:
            await self._outcomes.put(outcome)
            return
        # One at a time: a queue with a free slot would serve new callers before waiting ones.
        async with self._turn:
            for ready in self._order.release(outcome):
                await self._outcomes.put(ready)

    # --- rows whose answer was lost --------------------------------------------------------------

    async def _settle_doubts(self) -> None:
        """Look up the items in doubt, and queue what is left to do for them."""
        rows, self._doubts = self._doubts, []
        for row in [row for row in rows if row.rounds >= _ROUNDS]:
            rows.remove(row)
            await self._give_out(row, still_in_doubt(row, self.stopped))
        for row in rows:
            row.rounds += 1
        try:
            if self._options.settle_only or not self._operation.resendable:
                await self._look_up(rows)
        except asyncio.CancelledError:
            task = _this_task()
            if self.stopped is None or task is None or task.uncancel() > 0:
                raise
        except TagoError as error:
            self.stop(error)
        if self.stopped is not None:
            self._doubts = rows + self._doubts
            return
        if self._options.settle_only:
            for row in [row for row in rows if row.found is None]:
                rows.remove(row)
                await self._give_out(row, Pending(row.index, row.item))
        self._again.extend(rows)

    async def _look_up(self, rows: list[WorkItem[Item]]) -> None:
        """Search twice, and keep the items that are to be adopted or sent again."""
        missing = [*rows]
        for _ in range(2):
            if not missing or self.stopped is not None:
                return
            await self._rest(self._options.settle)
            findings = await self._find(missing)
            for row in missing:
                finding = findings.get(row.index)
                if isinstance(finding, Found):
                    row.found = finding
                elif isinstance(finding, Ambiguous):
                    rows.remove(row)
                    await self._give_out(row, ambiguous(row, finding))
            missing = [row for row in missing if findings.get(row.index) is None]
            if self._options.settle_only and not any(
                self._operation.can_find(row.item) for row in missing
            ):
                return
        if self._options.settle_only:
            return
        for row in missing:
            # It had no effect: the next attempt is the first that counts.
            row.record = self.new_record(row.index)

    async def _find(self, rows: Sequence[WorkItem[Item]]) -> dict[int, Finding]:
        """Search, and repeat the search while the connection fails."""
        while True:
            try:
                return dict(await self._operation.find(rows, self.new_record))
            except (NoAnswerError, ServerError) as error:
                self._judge(error)
                if self.stopped is not None:
                    raise
            await self._rest(0.0)

    async def _rest(self, seconds: float) -> None:
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
