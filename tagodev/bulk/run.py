"""A bulk run as its caller sees it: awaited for a report, or entered and iterated over.

The work itself is the engine's (`tagodev.bulk.engine`).
Outcomes come through a queue that holds a few: a consumer that stops reading stops the workers, and
they stop the source.
When the caller leaves or is cancelled, the run is *cancelled*: nothing more is reported, and a
journal shows what was on its way as in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator  # noqa: TC003  (see `tagodev.bulk.options`)
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

import attrs

from tagodev.bulk.engine import Engine
from tagodev.bulk.input import JournalInput, Many, RunInput
from tagodev.bulk.journal.entry import EntryState, JournalInfo
from tagodev.bulk.journal.item_log import JournalItemLog, NullItemLog
from tagodev.bulk.journal.prefill import check_same
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.journal.writer import JournalWriter
from tagodev.bulk.options import RunOptions
from tagodev.bulk.report import BulkReport, Tally
from tagodev.errors import BulkStoppedError, ClosedError, InputError, JournalError, TagoError
from tagodev.target import Target

if TYPE_CHECKING:
    from types import TracebackType

    from tagodev.bulk.journal.item_log import ItemLog
    from tagodev.bulk.operations.base import Operation
    from tagodev.bulk.outcomes import Outcome
    from tagodev.session import Session

__all__ = ["BulkRun", "Many"]

Item = TypeVar("Item")

# Runs of one process share a priority fairly: each is told from the others by its number.
_numbers: Final = count(1)
_DEFAULTS: Final = RunOptions()
#: States in which nothing is left to do for a row.
_FINISHED: Final = (EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED)


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
        """Prepare a run; nothing is read or sent before it is entered.

        Args:
            operation: what to do with each row.
            items: the rows; None for those that the journal holds.
            session: the door to the service.
            concurrency: rows in work at once.
            running: where the client keeps its runs, so that closing it ends them.
            options: how to go about it.

        Raises:
            InputError: no rows, and no journal to take them from.
        """
        if items is None and options.journal is None:
            raise InputError("no rows", hint="Give some, or the journal that holds them")
        self._number = next(_numbers)
        self._operation = operation
        # Made here, so that what can't be iterated over is refused where it was given.
        self._source: RunInput[Item] = RunInput(() if items is None else items)
        self._items = items
        self._session = session
        self._concurrency = concurrency
        self._running = running
        self._options = options
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(concurrency)
        self._recorder: JournalWriter | None = None
        self._looking: Journal | None = None
        self._engine: Engine[Item] | None = None
        self._tally: Tally | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def report(self) -> BulkReport:
        """What was done so far; complete when the iteration has ended.

        Raises:
            ClosedError: the run was not entered yet.
        """
        if self._tally is None or self._engine is None:
            raise ClosedError("The run has not begun: use it with `async with`, or await it")
        return self._tally.report(self._engine.stopped)

    def settle_only(self) -> Self:
        """Look up what an earlier process has sent, and send nothing else; before it is entered.

        Returns:
            The run itself.
        """
        self._options = attrs.evolve(self._options, settle_only=True)
        return self

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
        if self._session.closed:
            # Before a journal is made that nothing would be written to.
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
        # A task that was cancelled before its first step has not done so.
        self._close_journal()
        self._running.discard(self._task)
        if exc is None and not self._task.cancelled():
            self._task.result()

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        if self._task is None or self._tally is None or self._engine is None:
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
        if self._engine.source_failed is not None:
            raise self._engine.source_failed
        if self._engine.stopped is not None:
            raise BulkStoppedError(
                f"The run stopped after {self.report.done} rows: {self._engine.stopped}",
                reason=self._engine.stopped,
                report=self.report,
            )

    def stop(self, reason: TagoError) -> None:
        """End the run before its last row; iterate on for the outcomes of all that was read.

        Rows in flight are let finish, rows that wait for their turn are taken back and reported as
        pending, and no further row is read.

        Args:
            reason: why; `BulkStoppedError` will carry it.
        """
        if self._engine is not None:
            self._engine.stop(reason)

    # --- inside ------------------------------------------------------------------------------

    def _make_engine(self) -> Engine[Item]:
        notes: ItemLog[Item] = NullItemLog()
        if self._options.journal is not None:
            notes = self._open_journal(Path(self._options.journal))
        return Engine(
            self._operation,
            self._source,
            notes,
            self._outcomes,
            number=self._number,
            concurrency=self._concurrency,
            options=self._options,
        )

    def _open_journal(self, path: Path) -> ItemLog[Item]:
        """Begin a journal, or open one to go on with."""
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
            journal.keep_limits(session.scheduler.limits)
            looking = self._looking = Journal.read(path)
        except BaseException:
            journal.close()
            raise
        counts = journal.counts()
        self._tally.skipped = sum(counts.get(state, 0) for state in _FINISHED)
        recorder = self._recorder = JournalWriter(
            journal,
            ledger=session.scheduler.ledger,
            minute=session.scheduler.window_seconds,
            on_failure=self.stop,
        )
        self._source = JournalInput(self._items, self._operation, looking, recorder)
        return JournalItemLog(
            self._operation, looking, recorder, clock_offset=lambda: _offset(session)
        )

    async def _work(self, engine: Engine[Item]) -> None:
        try:
            if self._recorder is None:
                await engine.work()
            else:
                await self._work_with_journal(engine, self._recorder)
            await self._outcomes.put(None)
        except BaseException:
            # Cancelled: whoever may still wait for outcomes must learn that there are no more.
            while not self._outcomes.empty():
                self._outcomes.get_nowait()
            self._outcomes.put_nowait(None)
            raise

    async def _work_with_journal(self, engine: Engine[Item], recorder: JournalWriter) -> None:
        looking = self._looking
        assert looking is not None, "opened together with the journal"
        try:
            refused: JournalError | None = None
            async with asyncio.TaskGroup() as group:
                group.create_task(recorder.serve())
                try:
                    await self._bind(engine, looking)
                    await self._remember_spent(engine, looking)
                except JournalError as error:
                    refused = error
                except TagoError as error:
                    engine.stop(error)
                if refused is None:
                    await engine.work()
                recorder.end()
            if refused is not None:
                raise refused
        finally:
            self._close_journal()

    async def _bind(self, engine: Engine[Item], journal: Journal) -> None:
        """Make sure that the journal is of the profile that requests go to, and note it.

        Raises:
            JournalError: it is of another profile, or may be.
            RequestError: the service was not reached.
        """
        session = self._session
        known, present = journal.target, Target(session.base_url, account=session.account)
        if known == attrs.evolve(present, profile=known.profile):
            return
        present = await session.find_target(engine.new_record())
        engine.hear()
        # A wrong token may have been tried before: until a row was sent, any profile is right.
        unused = not known.profile and {*journal.counts()} <= {EntryState.PENDING}
        other = known.is_other_profile(present)
        if unused and known.service == present.service:
            other = False
        if other or (other is None and not self._options.same_profile):
            raise _other_profile(journal, known, present)
        assert self._recorder is not None, "opened together with the journal"
        self._recorder.bind(present)

    def _close_journal(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.close()
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()

    async def _remember_spent(self, engine: Engine[Item], journal: Journal) -> None:
        """Charge what earlier processes sent in the windows that are still open."""
        session, scheduler = self._session, self._session.scheduler
        # Whoever knows the service's clock knows which window a request is of, also afterwards.
        await session.learn_clock(engine.new_record())
        engine.hear()
        spent = journal.spent(scheduler.window_seconds, besides=scheduler.ledger)
        scheduler.charge_prior(spent, journal.counts().get(EntryState.SENT, 0))


def _other_profile(journal: Journal, known: Target, present: Target) -> JournalError:
    where, here = (
        f"{f'the profile {one.profile}' if one.profile else 'an unknown profile'} at {one.service}"
        for one in (known, present)
    )
    if known.profile and present.profile:
        hint = f"Use a token of the profile {known.profile}"
    else:
        hint = (
            "Use the token that it was begun with; pass same_profile=True if the profile is the "
            "same"
        )
    return JournalError(
        f"this journal belongs to {where}, and the token to {here}; no row was sent",
        journal=str(journal.path),
        hint=hint,
    )


def _offset(session: Session) -> float | None:
    state = session.scheduler.clock_state()
    return None if state is None else state.ahead
