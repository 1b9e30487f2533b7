"""The work of a bulk run: workers, pauses, and the rows whose answer was lost.

Workers pull rows one at a time and do them.
A row whose answer was lost stays open when the run has a journal: once the others are through, it
is done again where that is harmless, or looked up on the service where it is not.
To look once is not enough, because a request that was cut off may still be on its way and a list
may lag: the engine looks after a settle time, and once more after another before it sends anew.

When something goes wrong that would meet every further row (`tagodev.bulk.circuit_breaker`) the run
*stops*: rows in flight are let finish, rows that wait for their turn are taken back and reported
as pending, and no further row is read.

Where an operation has phases, or rows that work on one resource, a row begins only when those that
it must follow are finished (`tagodev.bulk.precedence`).
A worker that has nothing to begin waits for the rows in work; where only rows in doubt are left to
wait for, the workers end, and start again when the doubts are settled.
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

#: After so many rounds of looking up and sending anew, a row stays in doubt.
_ROUNDS: Final = 20
#: So many rows in doubt, and no further row is read before they have been looked up.
_MOST_DOUBTS: Final = 1000
#: Rows pulled ahead of the first whose outcome is not out, for each worker, in an ordered run.
_AHEAD: Final = 8
#: Rows that wait for another one of their resource, for each worker, before reading stops.
_WAITING: Final = 8
#: Earlier rows remembered before other tasks get a turn in the event loop.
_AT_ONCE: Final = 500


class Engine(Generic[Item]):
    """Does the rows of one run."""

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
        """Prepare to work.

        Args:
            operation: what to do with each row.
            source: where rows come from.
            notes: what is written down of each.
            outcomes: where outcomes go; it holds a few.
            number: tells the run from the others of this process.
            concurrency: rows in work at once.
            options: how to go about it.
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
        """What ended the run before its last row."""
        self.source_failed: BaseException | None = None
        """What the caller's own iterable raised."""

    async def work(self) -> None:
        """Do all rows; each outcome has been given out when it returns."""
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
        # The outcome of one row may release another one, to either of the two.
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
        """Take over what earlier processes have left: rows in doubt, and what rows have made."""
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
            number: the row that it is for; None if it only looks.
        """
        return CallRecord(
            priority=Priority.BULK, run=self._number, witness=self._notes.witness(number)
        )

    def hear(self) -> None:
        """Note that the service has answered, before any row was sent."""
        self._breaker.hear()

    def stop(self, reason: TagoError) -> None:
        """End the run before its last row; see `BulkRun.stop`."""
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
        """Pull a row, or return None when there is nothing more for this worker to do."""
        if self.stopped is not None:
            return None
        self._idle.add(worker)
        try:
            return await self._pull()
        except asyncio.CancelledError as error:
            if not worker.cancelling():
                # Nobody cancelled this worker: something that the source waited for was.
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
        """Return the next row to be done, once the run is not paused."""
        while True:
            await self._sleep_until(self._paused_until)
            if self._again:
                return self._again.popleft()
            if not self._must_wait():
                row = self._held.popleft() if self._held else await self._read()
                if row is None:
                    return None
                # Several workers may read at once: where one row is held, those behind it are too.
                if self._held or not self._allows(row):
                    self._held.append(row)
                elif self._add(row):
                    return row
            elif self._rows:
                self._moved.clear()
                await self._moved.wait()
            else:
                # Only rows in doubt are left to wait for, and they wait for the workers.
                return None

    async def _read(self) -> WorkItem[Item] | None:
        """Return the next row of the input; None if there is no more, or none for now."""
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
        """Return whether another row must be finished before any further one begins."""
        if self._precedence is None:
            return False
        if self._held:
            return not self._precedence.allows(self._held[0].item)
        return self._precedence.waiting >= _WAITING * self._concurrency

    def _allows(self, row: WorkItem[Item]) -> bool:
        return self._precedence is None or self._precedence.allows(row.item)

    def _add(self, row: WorkItem[Item]) -> bool:
        """Note an unfinished row, and return whether it may be in work."""
        return self._precedence is None or self._precedence.add(row)

    def _end(self, row: WorkItem[Item]) -> None:
        """Note that a row is finished, and let go on what waited for it."""
        if self._precedence is None:
            return
        freed = self._precedence.end(row)
        if freed is not None:
            (self._doubts if freed.in_doubt else self._again).append(freed)
        self._moved.set()
        if self._order is not None:
            self._order.wake()

    async def _sleep_until(self, moment: float) -> None:
        """Wait until a moment, and on while the run has been paused for longer meanwhile."""
        loop = asyncio.get_running_loop()
        wait = max(moment, self._paused_until) - loop.time()
        while wait > 0:
            await asyncio.sleep(wait)
            wait = max(moment, self._paused_until) - loop.time()

    async def _do(self, row: WorkItem[Item]) -> Outcome | None:
        """Do a row; None if its answer was lost, and it is to be looked at again later."""
        try:
            while True:
                if self.stopped is not None:
                    return unsent(row, self.stopped)
                try:
                    done = await self._attempt(row)
                except ConnectError as error:
                    # It never left: the row has not failed, whatever became of the network.
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
            assert worker is not None, "a row is done by a worker"
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
        # One after the other: a queue that has room again lets anybody in before those who wait.
        async with self._turn:
            for ready in self._order.release(outcome):
                await self._outcomes.put(ready)

    # --- rows whose answer was lost --------------------------------------------------------------

    async def _settle_doubts(self) -> None:
        """Find out what became of rows in doubt, and put to work what is left to do for them."""
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
        """Look twice, and leave the rows that are to be adopted or sent anew."""
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
            # Nothing of it is there: the next attempt is the first that counts.
            row.record = self.new_record(row.index)

    async def _find(self, rows: Sequence[WorkItem[Item]]) -> dict[int, Finding]:
        """Look, and look again while the connection fails."""
        while True:
            try:
                return dict(await self._operation.find(rows, self.new_record))
            except (NoAnswerError, ServerError) as error:
                self._judge(error)
                if self.stopped is not None:
                    raise
            await self._rest(0.0)

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until a pause is over; a stop ends it."""
        task = _this_task()
        assert task is not None, "the engine works in a task"
        self._idle.add(task)
        try:
            await self._sleep_until(asyncio.get_running_loop().time() + seconds)
        finally:
            self._idle.discard(task)


def _this_task() -> asyncio.Task[None] | None:
    return asyncio.current_task()
