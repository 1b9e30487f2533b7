"""Rows that must follow others, and runs that only settle what was sent: in virtual time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagodev import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    Done,
    InDoubt,
    Pending,
)
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.identity import Ambiguous, Found
from tests.bulk.journals import a_place, begun
from tests.bulk.virtual import run_virtually
from tests.bulk.working import Work, bulk, collected, leave

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev import BulkStoppedError, Outcome
    from tagodev._session import CallRecord

LOST = ConnectionLostError("lost", may_have_acted=True)


class Steps(Work):
    """Rows are triples: a phase, a resource, and seconds that the row takes."""

    def __init__(self, *args: Any, losses: dict[int, int] | None = None, **options: Any) -> None:
        super().__init__(self._step, *args, **options)
        self.now: defaultdict[Any, int] = defaultdict(int)
        self.order: list[int] = []
        self.overlaps: list[Any] = []
        self._losses = dict(losses or {})

    def phase(self, item: Any) -> int:
        """Return the first."""
        phase: int = item[1]
        return phase

    def resource(self, item: Any) -> str | None:
        """Return the second."""
        resource: str | None = item[2]
        return resource

    async def _step(self, item: Any, record: CallRecord) -> None:
        number, _, resource, seconds = item
        if resource is not None and self.now[resource]:
            self.overlaps.append(item)
        self.now[resource] += 1
        try:
            await leave(record)
            await asyncio.sleep(seconds)
        finally:
            self.now[resource] -= 1
        if self._losses.get(number, 0):
            self._losses[number] -= 1
            record.in_doubt = True
            raise LOST
        self.order.append(number)


def items(*steps: tuple[int, str | None, float]) -> list[tuple[int, int, str | None, float]]:
    """Return these steps with their numbers."""
    return [(number, *step) for number, step in enumerate(steps)]


def done(rows: Any, work: Work, **options: Any) -> tuple[list[Outcome], BulkStoppedError | None]:
    """Do rows, in virtual time."""
    return run_virtually(collected(bulk(rows, work, **options)))


def seconds_of(rows: Any, work: Work, **options: Any) -> float:
    """Return how long a run takes whose rows are all done."""

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcomes, stopped = await collected(bulk(rows, work, **options))
        assert stopped is None
        assert {Done} == {type(outcome) for outcome in outcomes}
        assert len(rows) == len(outcomes)
        return loop.time() - began

    return run_virtually(scenario())


def states(path: Path) -> list[EntryState]:
    """Return what a journal knows of its rows."""
    with Journal.read(path) as journal:
        return [entry.state for entry in journal.rows()]


# --- rows of one resource ------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_of_one_resource_follow_each_other(ordered: bool) -> None:
    """The first takes longest, and is first all the same; others do not wait."""
    work = Steps()
    rows = items((0, "a", 5), (0, "a", 1), (0, "b", 1), (0, None, 0), (0, "a", 0), (0, None, 0))

    assert 6 <= seconds_of(rows, work, ordered=ordered) < 6.1
    assert [] == work.overlaps
    assert [0, 1, 4] == [number for number in work.order if number in (0, 1, 4)]
    assert [3, 5, 2] == work.order[:3]


@pytest.mark.parametrize("ordered", [False, True])
def test_a_row_waits_until_the_doubt_before_it_is_settled(tmp_path: Path, ordered: bool) -> None:
    """A row whose answer was lost is looked up before the next of its resource begins."""
    work = Steps(losses={0: 2})
    rows = items((0, "a", 0), (0, "a", 0), (0, "b", 0))
    outcomes, _ = done(rows, work, journal=tmp_path / "x", ordered=ordered)

    assert [2, 0, 1] == work.order
    assert {Done} == {type(outcome) for outcome in outcomes}
    if ordered:
        assert [0, 1, 2] == [outcome.index for outcome in outcomes]


def test_a_row_that_stays_in_doubt_does_not_block_for_ever(tmp_path: Path) -> None:
    """After the last round the next one of its resource has its turn."""
    work = Steps(losses={0: 1000})
    outcomes, stopped = done(
        items((0, "a", 0), (0, "a", 0), (1, "a", 0)), work, journal=tmp_path / "x"
    )

    assert stopped is None
    assert [InDoubt, Done, Done] == [
        type(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.index)
    ]


def test_waiting_rows_are_bounded() -> None:
    """A resource with many rows does not make the run read its whole input."""
    read = 0

    def reading() -> Iterator[Any]:
        nonlocal read
        for item in items(*[(0, "a", 1)] * 100, (0, None, 0)):
            read += 1
            most.append(read - len(work.order))
            yield item

    work = Steps()
    most: list[int] = []
    outcomes, _ = done(reading(), work, concurrency=2)

    assert 101 == len(outcomes)
    assert max(most) <= 2 * 8 + 2 + 1


def test_concurrency_survives_the_bound() -> None:
    """When a resource with many rows is done, the others are done side by side again."""
    rows = items(*[(0, "a", 1)] * 40, *[(0, None, 1)] * 40)

    assert seconds_of(rows, Steps(), concurrency=4) < 40 + 10


@pytest.mark.parametrize("ordered", [False, True])
def test_doubts_of_one_resource_are_settled_one_after_another(
    tmp_path: Path, ordered: bool
) -> None:
    """An earlier version may have sent both at once: the second is looked up after the first."""
    path = tmp_path / "x"
    rows = items((0, "a", 0), (0, "a", 0), (0, "b", 0))
    begun(path, rows, [EntryState.SENT] * 3, whole=True).close()
    work = Steps(find=lambda rows: {row.index: Found("x") for row in rows})
    outcomes, _ = done(rows, work, journal=path, ordered=ordered)

    assert [[0, 2], [1]] == work.looked
    assert [0, 1, 2] == sorted(outcome.index for outcome in outcomes)
    assert [] == work.order


# --- phases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("ordered", [False, True])
def test_a_phase_begins_when_the_earlier_ones_are_finished(
    tmp_path: Path, concurrency: int, ordered: bool
) -> None:
    """Rows in doubt are waited for too."""
    rows = items(*[(0, None, 3)] * 5, *[(1, None, 1)] * 5, *[(2, None, 0)] * 5)
    work = Steps(losses={1: 1, 7: 2})
    outcomes, _ = done(rows, work, journal=tmp_path / "x", concurrency=concurrency, ordered=ordered)

    assert [0, 1, 2] == [*dict.fromkeys(number // 5 for number in work.order)]
    assert {Done} == {type(outcome) for outcome in outcomes}
    assert list(range(15)) == sorted(outcome.index for outcome in outcomes)
    if ordered:
        assert list(range(15)) == [outcome.index for outcome in outcomes]


def test_concurrency_survives_a_phase() -> None:
    """The workers that wait at the boundary go on behind it."""
    rows = items(*[(0, None, number) for number in range(8)], *[(1, None, 1)] * 80)

    assert seconds_of(rows, Steps(), concurrency=8) < 7 + 10 + 1


def test_a_row_without_a_connection_is_waited_for() -> None:
    """While a row waits for the connection to come back, no later phase begins."""
    fails = [ConnectError("no connection")] * 3
    work = Steps()
    step = work._do
    assert step is not None

    async def do(item: Any, record: CallRecord) -> None:
        if item[0] == 1 and fails:
            await asyncio.sleep(1)
            raise fails.pop()
        await step(item, record)

    work._do = do
    outcomes, _ = done(items((0, None, 0), (0, None, 0), (1, None, 0)), work)

    assert [0, 1, 2] == work.order
    assert 3 == len(outcomes)


def test_a_stop_gives_out_what_waits(tmp_path: Path) -> None:
    """Rows that wait for another one, or for a phase, are pending when the run stops."""
    path = tmp_path / "x"
    rows = items((0, "a", 1), (0, "a", 0), (0, "a", 0), (1, None, 0), (1, "a", 0), (1, None, 0))
    reason = AuthenticationError("no", status=401)

    async def scenario() -> tuple[list[Outcome], BulkStoppedError | None]:
        run = bulk(rows, Steps(), journal=path, concurrency=8)
        asyncio.get_running_loop().call_later(0.5, run.stop, reason)
        return await collected(run)

    outcomes, stopped = run_virtually(scenario())
    assert stopped is not None
    assert reason is stopped.reason
    # Nothing is read behind the first row of a later phase.
    assert [0, 1, 2, 3] == sorted(outcome.index for outcome in outcomes)
    assert {Pending} == {type(outcome) for outcome in outcomes}
    again, _ = done(rows, Steps(), journal=path)
    assert [0, 1, 2, 3, 4, 5] == sorted(outcome.index for outcome in again)


def test_leaving_while_rows_wait(tmp_path: Path) -> None:
    """A run that is left does not hang."""

    async def scenario() -> None:
        rows = items((0, "a", 100), (0, "a", 0), (1, None, 0))
        async with bulk(rows, Steps(), journal=tmp_path / "x"):
            await asyncio.sleep(1)

    run_virtually(asyncio.wait_for(scenario(), 10))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["a", "b", None]), st.sampled_from([0, 0.5, 2])
        ),
        max_size=30,
    ),
    concurrency=st.integers(1, 5),
    ordered=st.booleans(),
    losses=st.dictionaries(st.integers(0, 29), st.integers(1, 2), max_size=5),
)
def test_every_row_is_done_in_its_turn(
    steps: list[tuple[int, str | None, float]],
    concurrency: int,
    ordered: bool,
    losses: dict[int, int],
) -> None:
    """Whatever the rows, their times and their losses: each is done, after those before it."""
    work = Steps(losses=losses)
    rows = items(*steps)
    with a_place() as path:
        outcomes, stopped = done(
            rows, work, journal=path, concurrency=concurrency, ordered=ordered, settle=0.1
        )

    assert stopped is None
    assert len(rows) == len(outcomes)
    assert {Done} >= {type(outcome) for outcome in outcomes}
    assert [] == work.overlaps
    place = {number: index for index, number in enumerate(work.order)}
    for number, phase, resource, _ in rows:
        for earlier, its_phase, its_resource, _ in rows[:number]:
            if its_phase < phase or (resource is not None and resource == its_resource):
                assert place[earlier] < place[number]
    if ordered:
        assert list(range(len(rows))) == [outcome.index for outcome in outcomes]


# --- runs that only settle -----------------------------------------------------------------------


class Partly(Work):
    """Only rows above 10 can be found."""

    def can_find(self, item: Any) -> bool:
        """Say so."""
        return int(item) > 10


def test_settling_only(tmp_path: Path) -> None:
    """What is found is adopted; what is not is pending, in the journal too; nothing is done."""
    path = tmp_path / "x"
    sent = [EntryState.SENT] * 4
    begun(path, range(8), [EntryState.DONE, *sent, EntryState.PENDING, EntryState.FAILED]).close()
    work = Work(find=lambda rows: {1: Found("x"), 3: Ambiguous(("a", "b"))})
    outcomes, stopped = done(None, work, journal=path, settle_only=True)

    assert stopped is None
    assert {1: Done, 2: Pending, 3: InDoubt, 4: Pending} == {
        outcome.index: type(outcome) for outcome in outcomes
    }
    assert [] == work.begun
    assert [1] == work.adopted
    assert [[1, 2, 3, 4], [2, 4]] == work.looked
    assert states(path) == [
        EntryState.DONE,
        EntryState.DONE,
        EntryState.PENDING,
        EntryState.UNSOLVED,
        EntryState.PENDING,
        EntryState.PENDING,
        EntryState.FAILED,
        EntryState.PENDING,
    ]


@pytest.mark.parametrize(("looks", "sent"), [(1, [3, 4]), (2, [3, 11])])
def test_settling_waits_once_where_nothing_can_be_found(
    tmp_path: Path, looks: int, sent: list[int]
) -> None:
    """Rows of which nothing can be found are pending after the first settle time."""
    path = tmp_path / "x"
    begun(path, sent, [EntryState.SENT] * 2).close()

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcomes, _ = await collected(bulk(None, Partly(), journal=path, settle_only=True))
        assert [Pending, Pending] == [type(outcome) for outcome in outcomes]
        return loop.time() - began

    assert looks * 10 <= run_virtually(scenario()) < looks * 10 + 1
    assert [EntryState.PENDING] * 2 == states(path)


def test_settling_adopts_in_several_attempts(tmp_path: Path) -> None:
    """What was found and could not be adopted for want of an answer is adopted later."""
    path = tmp_path / "x"
    begun(path, range(2), [EntryState.SENT, EntryState.PENDING]).close()
    fails = [LOST, LOST]

    async def adopt(item: Any, record: CallRecord) -> None:
        await leave(record)
        if fails:
            raise fails.pop()

    work = Work(find=lambda rows: {0: Found("x")}, adopt=adopt)
    outcomes, _ = done(None, work, journal=path, settle_only=True)

    assert [Done] == [type(outcome) for outcome in outcomes]
    assert [EntryState.DONE, EntryState.PENDING] == states(path)
    assert [] == work.begun


def test_settling_what_a_stop_interrupts_stays_in_doubt(tmp_path: Path) -> None:
    """What could not be looked up is not taken for not found."""
    path = tmp_path / "x"
    begun(path, range(2), [EntryState.SENT, EntryState.PENDING]).close()

    def find(rows: Any) -> Any:
        raise AuthenticationError("no", status=401)

    outcomes, stopped = done(None, Work(find=find), journal=path, settle_only=True)

    assert stopped is not None
    assert [InDoubt] == [type(outcome) for outcome in outcomes]
    assert [EntryState.SENT, EntryState.PENDING] == states(path)


def test_what_was_settled_is_done_afterwards(tmp_path: Path) -> None:
    """A later run does what was found to be missing."""
    path = tmp_path / "x"
    begun(path, range(3), [EntryState.SENT] * 2).close()
    done(None, Work(), journal=path, settle_only=True)
    work = Work()
    outcomes, _ = done(None, work, journal=path)

    assert [0, 1, 2] == sorted(outcome.index for outcome in outcomes)
    assert [] == work.looked
