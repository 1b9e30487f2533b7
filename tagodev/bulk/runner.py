"""Running many rows at once, in bounded memory, with every row's fate known.

Workers pull rows from the source one at a time, do them, and put the outcomes into a queue that
holds a few: a consumer that stops reading stops the workers, and they stop the source.

When something goes wrong that would meet every further row (the token, the device cap, no
connection) the run *stops*: rows in flight are let finish, rows that wait for their turn are taken
back and reported as pending, and no further row is read.
When the caller leaves or is cancelled, the run is *cancelled*: nothing more is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Final, Generic, Self, TypeAlias, TypeVar

import attrs

from tagodev.bulk.outcomes import Failed, InDoubt, Outcome, Pending
from tagodev.bulk.report import BulkReport, Tally
from tagodev.errors import BulkStoppedError, ClosedError, RequestError, TagoError
from tagodev.limits.lanes import Lane
from tagodev.session import CallRecord

if TYPE_CHECKING:
    from types import TracebackType

    from tagodev.bulk.operations import Operation

__all__ = ["BulkRun", "Many"]

Item = TypeVar("Item")

#: Any source of rows.
Many: TypeAlias = Iterable[Item] | AsyncIterable[Item]


@attrs.define(eq=False)
class _Row(Generic[Item]):
    """A row in a worker's hands."""

    index: int
    item: Item
    record: CallRecord
    worker: asyncio.Task[None]
    taken_back: bool = False


# Runs of one process share a lane fairly: each is told from the others by its number.
_numbers: Final = count(1)


class BulkRun(Generic[Item]):
    """A bulk run: await it for its report, or enter it and iterate over its outcomes.

    Example:
        >>> async def watch(tago, specs):
        ...     async with tago.devices.create_many(specs) as run:
        ...         async for outcome in run:
        ...             print(outcome.index, type(outcome).__name__)
        ...     return run.report
    """

    def __init__(
        self,
        operation: Operation[Item],
        items: Many[Item],
        *,
        concurrency: int,
        running: set[asyncio.Task[None]],
    ) -> None:
        """Prepare a run; nothing is read or sent before it is entered.

        Args:
            operation: what to do with each row.
            items: the rows.
            concurrency: rows in work at once.
            running: where the client keeps its runs, so that closing it ends them.
        """
        self._number = next(_numbers)
        self._operation = operation
        self._source = _Source(items)
        self._concurrency = concurrency
        self._running = running
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(concurrency)
        self._rows: set[_Row[Item]] = set()
        self._pulling: set[asyncio.Task[None]] = set()
        self._stopped: TagoError | None = None
        self._source_failed: BaseException | None = None
        self._tally: Tally | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def report(self) -> BulkReport:
        """What was done so far; complete when the iteration has ended.

        Raises:
            ClosedError: the run was not entered yet.
        """
        if self._tally is None:
            raise ClosedError("The run has not begun: use it with `async with`, or await it")
        return self._tally.report(self._stopped)

    def __await__(self) -> Generator[None, None, BulkReport]:
        return self._to_the_end().__await__()

    async def _to_the_end(self) -> BulkReport:
        async with self:
            async for _ in self:
                pass
        return self.report

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ClosedError("A run is entered once; ask for another")
        loop = asyncio.get_running_loop()
        self._tally = Tally(loop.time)
        self._task = loop.create_task(self._work(), name="tagodev bulk run")
        self._running.add(self._task)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None, "entered before it is left"
        self._task.cancel()
        await asyncio.wait([self._task])
        self._running.discard(self._task)
        if exc is None and not self._task.cancelled():
            self._task.result()

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        if self._task is None or self._tally is None:
            raise ClosedError("The run has not begun: use it with `async with`, or await it")
        while (outcome := await self._outcomes.get()) is not None:
            self._tally.count(outcome)
            yield outcome
        # Whoever iterates once more finds the end too.
        self._outcomes.put_nowait(None)
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise ClosedError("The client was closed while the run was going on")
        self._task.result()
        if self._source_failed is not None:
            raise self._source_failed
        if self._stopped is not None:
            raise BulkStoppedError(
                f"The run stopped after {self.report.done} rows",
                reason=self._stopped,
                report=self.report,
            )

    # --- inside ------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._concurrency):
                    workers.create_task(self._worker())
            await self._outcomes.put(None)
        except BaseException:
            # Cancelled: whoever may still wait for outcomes must learn that there are no more.
            while not self._outcomes.empty():
                self._outcomes.get_nowait()
            self._outcomes.put_nowait(None)
            raise

    async def _worker(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a worker is a task"
        while (row := await self._next_row(task)) is not None:
            self._rows.add(row)
            outcome = await self._do(row)
            self._rows.discard(row)
            await self._outcomes.put(outcome)

    async def _next_row(self, worker: asyncio.Task[None]) -> _Row[Item] | None:
        """Pull a row, or return None when there is nothing more for this worker to do."""
        if self._stopped is not None or self._source_failed is not None:
            return None
        self._pulling.add(worker)
        try:
            pulled = await self._source.pull()
        except asyncio.CancelledError as error:
            if not worker.cancelling():
                # Nobody cancelled this worker: something that the source waited for was.
                self._source_failed = error
            elif self._stopped is None or worker.uncancel() > 0:
                raise
            return None
        except Exception as error:  # noqa: BLE001  (the caller's own iterable: its error is theirs)
            self._source_failed = error
            return None
        finally:
            self._pulling.discard(worker)
        if pulled is None:
            return None
        return _Row(*pulled, CallRecord(lane=Lane.BULK, run=self._number), worker)

    async def _do(self, row: _Row[Item]) -> Outcome:
        if self._stopped is not None:
            return Pending(row.index, row.item)
        try:
            return await self._operation.do(row.index, row.item, row.record)
        except TagoError as error:
            if self._operation.stops(error):
                self.stop(error)
            return _failure(row, error)
        except asyncio.CancelledError:
            if self._stopped is None or not row.taken_back or row.worker.uncancel() > 0:
                raise
            return _taken_back(row, self._stopped)

    def stop(self, reason: TagoError) -> None:
        """End the run before its last row; iterate on for the outcomes of all that was read.

        Rows in flight are let finish, rows that wait for their turn are taken back and reported as
        pending, and no further row is read.

        Args:
            reason: why; `BulkStoppedError` will carry it.
        """
        if self._stopped is not None:
            return
        self._stopped = reason
        for row in self._rows:
            if not row.record.sending and row.worker is not asyncio.current_task():
                row.taken_back = True
                row.worker.cancel()
        for worker in self._pulling:
            worker.cancel()


def _failure(row: _Row[Item], error: TagoError) -> Failed | InDoubt:
    doubtful = row.record.in_doubt or (isinstance(error, RequestError) and error.may_have_acted)
    cls = InDoubt if doubtful else Failed
    return cls(row.index, row.item, error=error, attempts=row.record.attempts)


def _taken_back(row: _Row[Item], reason: TagoError) -> InDoubt | Pending:
    """Say what a row is whose wait for its turn was ended by a stop."""
    if row.record.in_doubt:
        return InDoubt(row.index, row.item, error=reason, attempts=row.record.attempts)
    return Pending(row.index, row.item, attempts=row.record.attempts)


class _Source(Generic[Item]):
    """Hands out the rows of any iterable, one at a time, to many workers."""

    def __init__(self, items: Many[Item]) -> None:
        self._lock = asyncio.Lock()
        self._index = -1
        self._ended = False
        self._sync: Iterator[Item] | None = None
        self._async: AsyncIterator[Item] | None = None
        if isinstance(items, AsyncIterable):
            self._async = aiter(items)
        else:
            self._sync = iter(items)

    async def pull(self) -> tuple[int, Item] | None:
        """Return the next row and its index, or None at the end."""
        async with self._lock:
            if self._ended:
                return None
            # It has ended unless it gives an item: one that raised is not asked again.
            self._ended = True
            try:
                item = next(self._sync) if self._sync is not None else await self._pull_async()
            except (StopIteration, StopAsyncIteration):
                return None
            self._ended = False
            self._index += 1
            return self._index, item

    async def _pull_async(self) -> Item:
        assert self._async is not None, "a source is one or the other"
        return await anext(self._async)
