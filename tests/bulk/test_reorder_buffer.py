"""Outcomes in the order of their rows, in bounded memory, without a deadlock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import ConnectionLostError, Done
from tagodev._bulk.engine import Engine
from tagodev._bulk.input import RunInput
from tagodev._bulk.journal.item_log import ItemLog
from tagodev._bulk.operations.identity import Found
from tagodev._bulk.options import RunOptions
from tagodev._bulk.reorder_buffer import ReorderBuffer
from tagodev._bulk.work_item import WorkItem
from tests.bulk.virtual import run_virtually
from tests.bulk.working import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from tagodev import Outcome
    from tagodev._session import CallRecord

LOST = ConnectionLostError("lost", may_have_acted=True)


def done(index: int) -> Done:
    """Return an outcome."""
    return Done(index, None, attempts=1)


def indices(outcomes: Iterable[Outcome]) -> list[int]:
    """Return which rows these are of."""
    return [outcome.index for outcome in outcomes]


# --- turns -------------------------------------------------------------------------------------


@given(st.permutations(range(12)))
def test_whatever_the_order_of_completion(completed: list[int]) -> None:
    """Each outcome comes out once, as soon as all before it are out."""
    order = ReorderBuffer(100)
    for index in range(12):
        order.add(index)
    out: list[int] = []
    for seen, index in enumerate(completed):
        out += indices(order.release(done(index)))
        finished = set(completed[: seen + 1])
        assert next(n for n in range(13) if n not in finished) == len(out)

    assert list(range(12)) == out
    assert [] == order.remaining()


@given(
    doubts=st.sets(st.integers(0, 20), max_size=8),
    completed=st.permutations(range(21)),
)
def test_rows_of_an_earlier_process_come_in_their_order_too(
    doubts: set[int], completed: list[int]
) -> None:
    """They are done first, and reported where they stand in the input."""
    order = ReorderBuffer(100)
    order.expect(sorted(doubts))
    for index in range(21):
        if index not in doubts:
            order.add(index)
    out = [index for one in completed for index in indices(order.release(done(one)))]

    assert list(range(21)) == out + indices(order.remaining())


def test_an_earlier_row_waits_for_those_that_were_not_pulled_yet() -> None:
    """A row that comes before it in the input may yet be pulled."""
    order = ReorderBuffer(4)
    order.expect([5])
    assert [] == order.release(done(5))
    order.add(3)
    assert [3] == indices(order.release(done(3)))
    order.add(6)
    assert [5, 6] == indices(order.release(done(6)))


def test_what_nobody_comes_before_any_more_comes_at_the_end() -> None:
    """When no further row is pulled, what is held comes in its order."""
    order = ReorderBuffer(4)
    order.expect([7, 9])
    order.release(done(9))
    order.release(done(7))

    assert [7, 9] == indices(order.remaining())
    assert [] == order.remaining()


# --- room --------------------------------------------------------------------------------------


def test_room_ends_with_the_span() -> None:
    """No more rows than the span are out at once; the first to come out frees a slot."""

    async def scenario() -> list[bool]:
        order = ReorderBuffer(2)
        seen = []
        for index in range(2):
            seen.append(await order.wait_for_slot([]))
            order.add(index)
        waiting = asyncio.create_task(order.wait_for_slot([]))
        await asyncio.sleep(1)
        seen.append(waiting.done())
        order.release(done(1))
        await asyncio.sleep(1)
        seen.append(waiting.done())
        order.release(done(0))
        return [*seen, await waiting]

    assert [True, True, False, False, True] == run_virtually(scenario())


def test_no_room_behind_a_row_in_doubt() -> None:
    """It does not finish before the workers have ended: waiting workers end."""

    async def scenario() -> list[bool]:
        order = ReorderBuffer(1)
        doubts: list[int] = []
        order.add(0)
        waiting = [asyncio.create_task(order.wait_for_slot(doubts)) for _ in range(3)]
        await asyncio.sleep(1)
        assert not any(task.done() for task in waiting)
        doubts.append(0)
        order.wake()
        return await asyncio.gather(*waiting)

    assert [False, False, False] == run_virtually(scenario())


# --- whole runs --------------------------------------------------------------------------------


class Kept(ItemLog[Any]):
    """Notes that are kept, in memory: rows in doubt are looked up."""

    kept = True

    def __init__(self, earlier: Sequence[int] = ()) -> None:
        self._earlier = earlier

    def doubts(self, new_record: Callable[[int | None], CallRecord]) -> list[WorkItem[Any]]:
        """Return the rows of an earlier process."""
        rows = [WorkItem(index, index, record=new_record(index)) for index in self._earlier]
        for row in rows:
            row.record.in_doubt = True
        return rows


class Rest(RunInput[int]):
    """The rows that an earlier process has not sent."""

    def __init__(self, items: Any, earlier: Sequence[int]) -> None:
        super().__init__(items)
        self._earlier = earlier

    async def pull(self) -> tuple[int, int] | None:
        """Return the next of them."""
        while (pulled := await super().pull()) is not None:
            if pulled[0] not in self._earlier:
                return pulled
        return None


async def ordered_run(
    work: Work,
    rows: Any,
    *,
    concurrency: int,
    pause: float = 0.0,
    earlier: Sequence[int] = (),
) -> tuple[list[int], Engine[Any]]:
    """Do rows in order, with rows in doubt looked up, and return what came out."""
    outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(concurrency)
    engine = Engine(
        work,
        Rest(rows, earlier),
        Kept(earlier),
        outcomes,
        number=1,
        concurrency=concurrency,
        options=RunOptions(ordered=True),
    )

    async def working() -> None:
        await engine.work()
        await outcomes.put(None)

    task = asyncio.create_task(working())
    out = []
    while (outcome := await outcomes.get()) is not None:
        out.append(outcome.index)
        await asyncio.sleep(pause)
    await task
    return out, engine


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["new", "new", "new", "earlier"]),
            st.sampled_from([0.0, 0.1, 1.0, 7.0]),
        ),
        max_size=60,
    ),
    concurrency=st.integers(1, 5),
    pause=st.sampled_from([0.0, 0.5, 3.0]),
    found=st.booleans(),
)
def test_in_order_whatever_is_lost_and_however_slow(
    rows: list[tuple[int, str, float]], concurrency: int, pause: float, found: bool
) -> None:
    """A slow row, or one whose answer is lost, delays outcomes but blocks no worker."""
    left = [losses for losses, _, _ in rows]

    async def do(item: int, record: CallRecord) -> None:
        await asyncio.sleep(rows[item][2])
        if left[item]:
            left[item] -= 1
            record.in_doubt = True
            raise LOST

    def find(doubts: Sequence[WorkItem[Any]]) -> dict[int, Found]:
        return {row.index: Found("x") for row in doubts if found and not left[row.index]}

    earlier = [index for index, (_, whose, _) in enumerate(rows) if whose == "earlier"]
    out, _ = run_virtually(
        ordered_run(
            Work(do, find=find),
            range(len(rows)),
            concurrency=concurrency,
            pause=pause,
            earlier=earlier,
        )
    )

    assert list(range(len(rows))) == out


@pytest.mark.parametrize("concurrency", [1, 3])
def test_reading_waits_for_the_first_row(concurrency: int) -> None:
    """Behind a row that hangs, a fixed number of rows is done and held, and no more is read."""
    read = 0

    async def do(item: int, record: CallRecord) -> None:
        await asyncio.sleep(1000 if item == 0 else 0)

    def rows() -> Iterator[int]:
        nonlocal read
        for read in range(1, 1001):
            yield read - 1

    async def scenario() -> int:
        task = asyncio.create_task(ordered_run(Work(do), rows(), concurrency=concurrency))
        await asyncio.sleep(500)
        ahead = read
        out, _ = await task
        assert list(range(1000)) == out
        return ahead

    # With one worker no one reads while the first row is in work.
    assert (1 if concurrency == 1 else 8 * concurrency) <= run_virtually(scenario())
    assert run_virtually(scenario()) <= 9 * concurrency


def test_a_slow_reader_gets_them_in_order() -> None:
    """Several workers have outcomes ready when the reader comes back: none overtakes another."""

    async def do(item: int, record: CallRecord) -> None:
        # The first of each four comes last, and then all four are ready.
        await asyncio.sleep(1.0 if item % 4 == 0 else 0.0)

    out, _ = run_virtually(ordered_run(Work(do), range(80), concurrency=4, pause=0.3))

    assert list(range(80)) == out


def test_a_source_that_fails_ends_those_who_wait_for_room() -> None:
    """A broken source with the first row in doubt ends the workers that wait for a slot."""

    async def do(item: int, record: CallRecord) -> None:
        if item == 0:
            await asyncio.sleep(5)
            raise LOST

    async def rows() -> AsyncIterator[int]:
        for item in range(17):
            yield item
        await asyncio.sleep(3)
        raise LookupError("mine")

    async def scenario() -> tuple[list[int], Engine[Any]]:
        async with asyncio.timeout(1000):
            return await ordered_run(
                Work(do, find=lambda rows: {row.index: Found("x") for row in rows}),
                rows(),
                concurrency=2,
            )

    out, engine = run_virtually(scenario())

    assert list(range(17)) == out
    assert isinstance(engine.source_failed, LookupError)


def test_a_row_that_stays_in_doubt_comes_in_its_turn() -> None:
    """What can't be found out is reported too, and those behind it follow."""

    async def do(item: int, record: CallRecord) -> None:
        if item == 3:
            record.in_doubt = True
            raise LOST

    out, engine = run_virtually(ordered_run(Work(do), range(40), concurrency=2))

    assert list(range(40)) == out
    assert engine.stopped is None
