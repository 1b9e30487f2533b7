"""`BulkRun`: awaited for a report, or entered and iterated over.

The engine does the items (`tagodev._bulk.engine`).
Outcomes go through a queue that holds a few: if the caller stops reading, the workers wait, and no
more items are read.
When the caller leaves or is cancelled, the run is *cancelled*: nothing more is reported, and a
journal shows requests in flight as in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator  # noqa: TC003  (see `tagodev._bulk.options`)
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

import attrs

from tagodev._address import Target
from tagodev._bulk.engine import Engine
from tagodev._bulk.input import JournalInput, Many, RunInput
from tagodev._bulk.journal.entry import FINISHED, EntryState, JournalInfo
from tagodev._bulk.journal.item_log import ItemLog, JournalItemLog
from tagodev._bulk.journal.prefill import check_same
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.journal.writer import JournalWriter
from tagodev._bulk.options import RunOptions
from tagodev._bulk.report import BulkReport, BulkStoppedError, Tally
from tagodev.errors import ClosedError, InputError, JournalError, TagoError

if TYPE_CHECKING:
    from types import TracebackType

    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.outcomes import Outcome
    from tagodev._session import Session

__all__ = ["BulkRun", "Many"]

Item = TypeVar("Item")

# Runs of one process share a priority fairly: each has its own number.
_numbers: Final = count(1)
_DEFAULTS: Final = RunOptions()


class BulkRun(Generic[Item]):
    """A bulk run: await it for its report, or enter it and iterate over its outcomes.

    Examples:
        >>> async def watch(tago, specs):
        ...     async with tago.devices.create_many(specs) as run:
        ...         async for outcome in run:
        ...             print(outcome.index, type(outcome).__name__)
        ...     return run.report
    """

    def __init__(
        self,
        operation: Operation[Item],
        items: Many[Item] | None,
        *,
        session: Session,
        concurrency: int,
        running: set[asyncio.Task[None]],
        options: RunOptions = _DEFAULTS,
    ) -> None:
        """Initialize a run; nothing is read or sent before it is entered.

        Args:
            operation: the operation to do with each item.
            items: the items; None for those of the journal.
            session: the session that sends requests.
            concurrency: items in work at once.
            running: the client's set of runs, so that closing the client ends them.
            options: the run's options.

        Raises:
            InputError: there are neither items nor a journal.
        """
        if items is None and options.journal is None:
            raise InputError("no rows", hint="Pass items, or the journal that holds them")
        self._number = next(_numbers)
        self._operation = operation
        # Created here, so that an invalid iterable is refused where it is passed.
        self._source: RunInput[Item] = RunInput(() if items is None else items)
        self._items = items
        self._session = session
        self._concurrency = concurrency
        self._running = running
        self._options = options
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(concurrency)
        self._writer: JournalWriter | None = None
        self._reader: Journal | None = None
        self._engine: Engine[Item] | None = None
        self._tally: Tally | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def report(self) -> BulkReport:
        """The report so far; complete when the iteration has ended.

        Raises:
            ClosedError: the run is not entered yet.
        """
        tally, engine = self._started()
        return tally.report(engine.stopped)

    def settle_only(self) -> Self:
        """Make the run look up what an earlier process has sent, and send nothing else.

        Call it before the run is entered.

        Returns:
            The run itself.
        """
        self._options = attrs.evolve(self._options, settle_only=True)
        return self

    def __await__(self) -> Generator[None, None, BulkReport]:
        return self._run_to_end().__await__()

    async def _run_to_end(self) -> BulkReport:
        async with self:
            async for _ in self:
                pass
        return self.report

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ClosedError("A run can be entered only once; create another")
        if self._session.closed:
            # Before an empty journal is created.
            raise ClosedError("The client is closed")
        loop = asyncio.get_running_loop()
        self._tally = Tally(loop.time)
        self._engine = self._make_engine()
        self._task = loop.create_task(self._work(self._engine), name="tagodev bulk run")
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
        # A task that was cancelled before its first step has not sent the end.
        self._close_journal()
        self._running.discard(self._task)
        if exc is None and not self._task.cancelled():
            self._task.result()

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        tally, engine = self._started()
        assert self._task is not None, "started together with the engine"
        while (outcome := await self._outcomes.get()) is not None:
            tally.count(outcome)
            yield outcome
        # A second iteration ends too.
        self._outcomes.put_nowait(None)
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise ClosedError("The client was closed during the run")
        self._task.result()
        if engine.source_failed is not None:
            raise engine.source_failed
        if engine.stopped is not None:
            raise BulkStoppedError(
                f"The run stopped after {self.report.done} items: {engine.stopped}",
                reason=engine.stopped,
                report=self.report,
            )

    def stop(self, reason: TagoError) -> None:
        """Stop the run early; continue to iterate for the outcomes of all items that were read.

        Items in flight are finished, items that wait for a permit are reported as pending, and no
        further item is read.

        Args:
            reason: the reason; `BulkStoppedError` carries it.
        """
        if self._engine is not None:
            self._engine.stop(reason)

    # --- inside ------------------------------------------------------------------------------

    def _started(self) -> tuple[Tally, Engine[Item]]:
        if self._tally is None or self._engine is None:
            raise ClosedError("The run has not started: use it with `async with`, or await it")
        return self._tally, self._engine

    def _make_engine(self) -> Engine[Item]:
        log: ItemLog[Item] = ItemLog()
        if self._options.journal is not None:
            log = self._open_journal(Path(self._options.journal))
        return Engine(
            self._operation,
            self._source,
            log,
            self._outcomes,
            number=self._number,
            concurrency=self._concurrency,
            options=self._options,
        )

    def _open_journal(self, path: Path) -> ItemLog[Item]:
        """Create the journal, or open it to resume."""
        assert self._tally is not None, "a run is entered before it opens its journal"
        session = self._session
        info = JournalInfo(
            run="",
            kind=self._operation.kind,
            options=dict(self._operation.options()),
            service=session.base_url,
        )
        if path.exists() or self._items is None:
            journal = Journal.open(path, incomplete=self._options.incomplete)
        else:
            journal = Journal.create(path, info)
        try:
            check_same(journal, info, adjustable=self._operation.adjustable)
            journal.set_options(info.options)
            journal.record_limits(session.scheduler.limits)
            reader = self._reader = Journal.read(path)
        except BaseException:
            journal.close()
            raise
        counts = journal.counts()
        self._tally.skipped = sum(counts.get(state, 0) for state in FINISHED)
        writer = self._writer = JournalWriter(
            journal,
            ledger=session.scheduler.ledger,
            minute=session.scheduler.window_seconds,
            on_failure=self.stop,
        )
        self._source = JournalInput(self._items, self._operation, reader, writer)
        return JournalItemLog(
            self._operation, reader, writer, clock_offset=lambda: _offset(session)
        )

    async def _work(self, engine: Engine[Item]) -> None:
        try:
            if self._writer is None:
                await engine.work()
            else:
                await self._work_with_journal(engine, self._writer)
            await self._outcomes.put(None)
        except BaseException:
            # Cancelled: a waiting reader of outcomes must get the end.
            while not self._outcomes.empty():
                self._outcomes.get_nowait()
            self._outcomes.put_nowait(None)
            raise

    async def _work_with_journal(self, engine: Engine[Item], writer: JournalWriter) -> None:
        reader = self._reader
        assert reader is not None, "opened together with the journal"
        try:
            failure: JournalError | None = None
            async with asyncio.TaskGroup() as group:
                group.create_task(writer.serve())
                try:
                    await self._bind(engine, reader)
                    await self._charge_earlier(engine, reader)
                except JournalError as error:
                    failure = error
                except TagoError as error:
                    engine.stop(error)
                if failure is None:
                    await engine.work()
                writer.end()
            if failure is not None:
                raise failure
        finally:
            self._close_journal()

    async def _bind(self, engine: Engine[Item], journal: Journal) -> None:
        """Check that the journal belongs to the profile of the token, and record the profile.

        Raises:
            JournalError: it belongs to another profile, or may do so.
            RequestError: the service could not be reached.
        """
        session = self._session
        known, current = journal.target, Target(session.base_url, account=session.account)
        if known == attrs.evolve(current, profile=known.profile):
            return
        current = await session.find_target(engine.new_record())
        engine.record_answer()
        # A wrong token may have been used before: until an item was sent, any profile is right.
        unused = not known.profile and {*journal.counts()} <= {EntryState.PENDING}
        other = known.is_other_profile(current)
        if unused and known.service == current.service:
            other = False
        if other or (other is None and not self._options.same_profile):
            raise _other_profile(journal, known, current)
        assert self._writer is not None, "opened together with the journal"
        self._writer.bind(current)

    def _close_journal(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    async def _charge_earlier(self, engine: Engine[Item], journal: Journal) -> None:
        """Charge requests of earlier processes to the windows that are still open."""
        session, scheduler = self._session, self._session.scheduler
        # The service's clock shows which window a request of an earlier process belongs to.
        await session.learn_clock(engine.new_record())
        engine.record_answer()
        spent = journal.spent(scheduler.window_seconds, excluding=scheduler.ledger)
        scheduler.charge_prior(spent, journal.counts().get(EntryState.SENT, 0))


def _other_profile(journal: Journal, known: Target, current: Target) -> JournalError:
    where, here = (
        f"{f'the profile {one.profile}' if one.profile else 'an unknown profile'} at {one.service}"
        for one in (known, current)
    )
    if known.profile and current.profile:
        hint = f"Use a token of the profile {known.profile}"
    else:
        hint = (
            "Use the token of the first run, or pass same_profile=True if the profile is the same"
        )
    return JournalError(
        f"this journal belongs to {where}, but the token to {here}; nothing was sent",
        journal=str(journal.path),
        hint=hint,
    )


def _offset(session: Session) -> float | None:
    state = session.scheduler.clock_state()
    return None if state is None else state.ahead
