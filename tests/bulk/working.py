"""Runs without a network: an operation that does as configured, and a fake session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import orjson

from tagodev import BulkRun, BulkStoppedError, Done, HardLimits
from tagodev._address import Target
from tagodev._bulk.operations.base import Operation
from tagodev._bulk.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

    from tagodev import Outcome, TagoError
    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.work_item import WorkItem
    from tagodev._limits.route_limiter import Permit
    from tagodev._session import CallRecord, Session

__all__ = [
    "NO_PERMIT",
    "FakeSession",
    "Work",
    "bulk",
    "collected",
    "drained",
    "leave",
    "settled",
    "ticking",
]


class _NoPermit:
    """A permit that is counted nowhere."""

    def parts(self) -> tuple[()]:
        """Return no bucket."""
        return ()


NO_PERMIT: Final = cast("Permit", _NoPermit())


class Work(Operation[Any]):
    """An operation without a network: each row does as configured, and is counted."""

    kind: ClassVar = "work"
    item_type: ClassVar = object
    resendable: ClassVar = False

    def __init__(
        self,
        do: Callable[[Any, CallRecord], Awaitable[None]] | None = None,
        *,
        find: Callable[[Sequence[WorkItem[Any]]], Mapping[int, Finding]] | None = None,
        adopt: Callable[[Any, CallRecord], Awaitable[None]] | None = None,
    ) -> None:
        self._do = do
        self._find = find
        self._adopt = adopt
        self.begun: list[Any] = []
        self.looked: list[list[int]] = []
        self.adopted: list[Any] = []
        self.at_once = 0
        self.most_at_once = 0

    def decode(self, payload: bytes) -> Any:
        """Read a row."""
        return orjson.loads(payload)

    async def do(self, work: WorkItem[Any]) -> Done:
        """Do one work."""
        self.begun.append(work.item)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self._do is not None:
                await self._do(work.item, work.record)
            else:
                await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        return Done(work.index, work.item, attempts=1)

    async def find(
        self, items: Sequence[WorkItem[Any]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Look for what lost attempts have left."""
        self.looked.append([one.index for one in items])
        return {} if self._find is None else self._find(items)

    async def adopt(self, work: WorkItem[Any]) -> Done:
        """Take what was found."""
        self.adopted.append(work.item)
        if self._adopt is not None:
            await self._adopt(work.item, work.record)
        return Done(work.index, work.item, attempts=work.record.attempts)


async def leave(record: CallRecord) -> None:
    """Do for a row what a session does when its request leaves and is answered."""
    record.in_doubt = False
    record.attempts += 1
    if record.observer is not None:
        await record.observer.granted(NO_PERMIT)
    record.sending = True
    try:
        await asyncio.sleep(0)
    finally:
        record.sending = False
        if record.observer is not None:
            record.observer.ended(NO_PERMIT)


class FakeSession:
    """What a run asks of its session, besides what its operation does."""

    base_url = "http://127.0.0.1:1"
    account = "somebody"
    limits = HardLimits.for_plan("scale")
    ledger = "here"
    window_seconds = 60.0
    closed = False

    def __init__(self, *, first: TagoError | None = None) -> None:
        self._first = first
        self.scheduler = self
        self.presumed: tuple[Any, int] | None = None

    async def find_target(self, record: CallRecord) -> Target:
        """Return the one profile there is; fail on first contact, if so asked."""
        await self.learn_clock(record)
        return Target(self.base_url, profile="p1", account=self.account)

    async def learn_clock(self, record: CallRecord) -> None:
        """Fail as configured, on first contact."""
        if self._first is not None:
            raise self._first

    def charge_prior(self, spent: Any, open_requests: int) -> None:
        """Store the charges of an earlier process."""
        self.presumed = spent, open_requests

    def clock_state(self) -> None:
        """Know nothing of the service's clock."""


def bulk(
    items: Any,
    work: Operation[Any] | None = None,
    *,
    concurrency: int = 4,
    running: Any = None,
    session: FakeSession | None = None,
    **options: Any,
) -> BulkRun[Any]:
    """Return a run."""
    return BulkRun(
        work or Work(),
        items,
        session=cast("Session", session or FakeSession()),
        concurrency=concurrency,
        running=set() if running is None else running,
        options=RunOptions(**options),
    )


async def drained(run: BulkRun[Any], outcomes: list[Outcome]) -> None:
    """Take every outcome of a run that was entered."""
    async for outcome in run:
        outcomes.append(outcome)  # noqa: PERF401  (what came before an error is kept)


async def collected(run: BulkRun[Any]) -> tuple[list[Outcome], BulkStoppedError | None]:
    """Return every outcome of a run, and what stopped it."""
    outcomes: list[Outcome] = []
    try:
        async with run:
            await drained(run, outcomes)
    except BulkStoppedError as error:
        return outcomes, error
    return outcomes, None


async def ticking(items: Iterable[Any]) -> AsyncIterator[Any]:
    """Give items as an async iterable that lets others run in between."""
    for item in items:
        await asyncio.sleep(0)
        yield item


async def settled() -> None:
    """Let everything that can go on without us go on."""
    for _ in range(50):
        await asyncio.sleep(0)
