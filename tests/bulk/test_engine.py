"""Workers, pauses, stops, and the rows whose answer was lost: in virtual time."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from tagodev import (
    AmbiguousMatchError,
    AuthenticationError,
    BadRequestError,
    BulkStoppedError,
    ConnectError,
    ConnectionLostError,
    Done,
    Failed,
    InDoubt,
    InputError,
    InterruptedRunError,
    JournalError,
    MalformedAnswerError,
    NotFoundError,
    Pending,
    RequestError,
    ServerError,
)
from tagodev._bulk import engine as engine_module
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.identity import Ambiguous, Found
from tests.bulk.journals import begun
from tests.bulk.virtual import EPOCH, run_virtually
from tests.bulk.working import (
    NO_PERMIT,
    FakeSession,
    Work,
    bulk,
    collected,
    drained,
    leave,
    settled,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tagodev import Outcome, TagoError
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.work_item import WorkItem
    from tagodev._session import CallRecord

SETTLE: Final = 10.0
LOST: Final = ConnectionLostError("lost", may_have_acted=True)
UNREACHABLE: Final = ConnectError("no connection")
DENIED: Final = AuthenticationError("no", status=401)


class Again(Work):
    """Work that may simply be done again."""

    resendable = True


@attrs.frozen
class End:
    """How a run has ended."""

    outcomes: list[Outcome]
    stopped: BulkStoppedError | None
    seconds: float

    def of(self, cls: type[Any]) -> list[int]:
        """Return which rows have come to such an end."""
        return sorted(outcome.index for outcome in self.outcomes if isinstance(outcome, cls))

    @property
    def reason(self) -> TagoError | None:
        """What stopped the run."""
        return None if self.stopped is None else self.stopped.reason


def ended(items: Any, work: Work, journal: Path | None = None, **options: Any) -> End:
    """Run to the end, in virtual time."""

    async def scenario() -> End:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcomes, stopped = await collected(bulk(items, work, journal=journal, **options))
        return End(outcomes, stopped, loop.time() - began)

    return run_virtually(scenario())


def states(path: Path) -> list[EntryState]:
    """Return what a journal knows of its rows."""
    with Journal.read(path) as journal:
        return [entry.state for entry in journal.rows()]


def losing(*items: Any, times: int = 1) -> Callable[[Any, CallRecord], Any]:
    """Return what to do with rows: these are lost so often, the others are done."""
    left = dict.fromkeys(items, times)

    async def do(item: Any, record: CallRecord) -> None:
        await leave(record)
        if left.get(item, 0):
            left[item] -= 1
            record.in_doubt = True
            raise LOST

    return do


def in_turn(
    *looks: Mapping[int, Finding],
) -> Callable[[Sequence[WorkItem[Any]]], Mapping[int, Finding]]:
    """Return what is found at one look after the other, and then nothing."""
    coming = list(looks)
    return lambda rows: coming.pop(0) if coming else {}


# --- rows whose answer was lost ----------------------------------------------------------------


def test_found_at_the_first_look(tmp_path: Path) -> None:
    """What was done is adopted, after the settle time, and not done again."""
    work = Work(losing(3), find=in_turn({3: Found("x")}))
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [[3]] == work.looked
    assert [3] == work.adopted
    assert list(range(6)) == sorted(work.begun)
    assert SETTLE <= end.seconds < SETTLE + 1
    assert [EntryState.DONE] * 6 == states(tmp_path / "x")


def test_lost_and_then_unreachable_is_looked_up(tmp_path: Path) -> None:
    """A row whose last attempt never left, and an earlier one may have, is not just done again."""
    lost = iter([True])

    async def do(item: int, record: CallRecord) -> None:
        await leave(record)
        if item == 3 and next(lost, False):
            record.in_doubt = True
            raise UNREACHABLE

    work = Work(do, find=in_turn({3: Found("x")}))
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done) == sorted(work.begun)
    assert [[3]] == work.looked
    assert [3] == work.adopted


def test_found_at_the_second_look(tmp_path: Path) -> None:
    """A list may lag, and a request that was cut off may come late: one look is not enough."""
    work = Work(losing(1, 3), find=in_turn({1: Found("x")}, {3: Found("y")}))
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    # Both were sent once, whichever look has found them.
    assert {1} == {one.attempts for one in end.outcomes if isinstance(one, Done)}
    assert [[1, 3], [3]] == [sorted(rows) for rows in work.looked]
    assert [1, 3] == sorted(work.adopted)
    assert 6 == len(work.begun)
    assert 2 * SETTLE <= end.seconds < 2 * SETTLE + 1


def test_not_found_is_sent_anew(tmp_path: Path) -> None:
    """Twice not there is not there: the row is done again, and its attempts are counted anew."""
    work = Work(losing(3))
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [[3], [3]] == work.looked
    assert [] == work.adopted
    assert [0, 1, 2, 3, 3, 4, 5] == sorted(work.begun)


def test_each_loss_is_looked_up(tmp_path: Path) -> None:
    """However often an answer is lost, the row is never sent without two looks before."""
    work = Work(losing(0, times=4))
    end = ended([0], work, tmp_path / "x")

    assert [0] == end.of(Done)
    assert 5 == len(work.begun)
    assert 8 == len(work.looked)
    assert 8 * SETTLE <= end.seconds < 8 * SETTLE + 1


def test_several_candidates_are_told_and_none_is_chosen(tmp_path: Path) -> None:
    """The row stays in doubt for good: the next run does not send it either."""
    path = tmp_path / "x"
    work = Work(losing(3), find=in_turn({3: Ambiguous(("a", "b"))}))
    end = ended(range(6), work, path)
    (doubt,) = (outcome for outcome in end.outcomes if isinstance(outcome, InDoubt))

    assert [3] == end.of(InDoubt)
    assert isinstance(doubt.error, AmbiguousMatchError)
    assert ("a", "b") == doubt.error.candidates
    assert 6 == len(work.begun)
    assert EntryState.UNSOLVED is states(path)[3]

    again = Work()
    assert [] == ended(range(6), again, path).outcomes
    assert [] == again.begun == again.looked


def test_what_is_harmless_is_done_again(tmp_path: Path) -> None:
    """Nothing is looked for and nothing is waited for."""
    work = Again(losing(1, 3, times=3))
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [] == work.looked
    assert 6 + 2 * 3 == len(work.begun)
    assert end.seconds < 1


@pytest.mark.parametrize("cls", [Work, Again])
def test_a_row_that_is_always_lost_stays_in_doubt(tmp_path: Path, cls: type[Work]) -> None:
    """After twenty rounds the run ends; the next run may try again."""
    path = tmp_path / "x"
    work = cls(losing(0, times=1000))
    end = ended([0, 1], work, path, settle=0)
    (doubt,) = (outcome for outcome in end.outcomes if isinstance(outcome, InDoubt))

    assert [0] == end.of(InDoubt)
    assert end.stopped is None
    assert isinstance(doubt.error, RequestError)
    assert doubt.error.may_have_acted
    assert 21 + 1 == len(work.begun)
    assert [EntryState.SENT, EntryState.DONE] == states(path)
    assert [0] == ended([0, 1], cls(), path).of(Done)


def test_without_a_journal_nothing_is_looked_up() -> None:
    """Without a journal an item can't be identified, so its outcome is reported at once."""
    work = Work(losing(3))
    end = ended(range(6), work)

    assert [3] == end.of(InDoubt)
    assert [] == work.looked
    assert end.seconds < 1


@pytest.mark.parametrize("settle", [0.0, 2.5])
def test_the_settle_time_is_the_callers(tmp_path: Path, settle: float) -> None:
    """It may know better how long a request can be under way."""
    end = ended([0], Work(losing(0)), tmp_path / "x", settle=settle)

    assert [0] == end.of(Done)
    assert 2 * settle <= end.seconds < 2 * settle + 1


def test_so_many_doubts_are_looked_up_before_further_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that loses everything must not fill the memory with what is to be looked up."""
    monkeypatch.setattr(engine_module, "_MAX_DOUBTS", 5)
    work = Work(losing(*range(40)), find=lambda rows: {row.index: Found("x") for row in rows})
    end = ended(range(40), work, tmp_path / "x", concurrency=3)

    assert list(range(40)) == end.of(Done)
    assert max(map(len, work.looked)) < 5 + 3
    assert sorted(range(40)) == sorted(row for rows in work.looked for row in rows)


# --- adopting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        ServerError("down", status=502),
        # A list whose answer was lost changes nothing: in itself it leaves no doubt.
        ConnectionLostError("lost"),
        MalformedAnswerError("odd"),
        UNREACHABLE,
    ],
)
def test_what_was_found_is_never_done_again(tmp_path: Path, error: TagoError) -> None:
    """Listing its token may fail in passing: the row is adopted later."""
    fails = [error, error]

    async def adopt(item: Any, record: CallRecord) -> None:
        await leave(record)
        if fails:
            raise fails.pop()

    work = Work(losing(3), find=lambda rows: {row.index: Found("x") for row in rows}, adopt=adopt)
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [3, 3, 3] == work.adopted
    assert 6 == len(work.begun)
    assert [EntryState.DONE] * 6 == states(tmp_path / "x")


def test_what_was_found_and_can_not_be_adopted_is_in_doubt(tmp_path: Path) -> None:
    """It is there: to call it failed would be to have it made again."""
    path = tmp_path / "x"

    async def adopt(item: Any, record: CallRecord) -> None:
        await leave(record)
        raise NotFoundError("no token any more", status=404, may_have_acted=True)

    work = Work(losing(3), find=lambda rows: {3: Found("x")}, adopt=adopt)
    end = ended(range(6), work, path)

    assert [3] == end.of(InDoubt)
    assert [3] == work.adopted
    assert 6 == len(work.begun)
    assert EntryState.SENT is states(path)[3]
    assert end.seconds < 2 * SETTLE
    with Journal.open(path) as journal:
        assert 0 == journal.retry_failed()


def test_a_stop_while_adopting_leaves_doubt(tmp_path: Path) -> None:
    """The token that may not list tokens stops the run; the device is there all the same."""
    path = tmp_path / "x"

    async def adopt(item: Any, record: CallRecord) -> None:
        await leave(record)
        raise DENIED

    work = Work(losing(1, 3), find=lambda rows: {1: Found("x"), 3: Found("y")}, adopt=adopt)
    end = ended(range(6), work, path, concurrency=1)

    assert DENIED is end.reason
    assert [1, 3] == end.of(InDoubt)
    assert [1] == work.adopted
    assert [EntryState.SENT] * 2 == [states(path)[n] for n in (1, 3)]


# --- looking -----------------------------------------------------------------------------------


def test_looking_goes_on_when_the_connection_fails(tmp_path: Path) -> None:
    """A look that failed has found nothing out; it is not taken for not having found."""
    fails: list[TagoError] = [UNREACHABLE, LOST, ServerError("down", status=503), UNREACHABLE]

    def find(rows: Sequence[WorkItem[Any]]) -> Mapping[int, Finding]:
        if fails:
            raise fails.pop(0)
        return {3: Found("x")}

    work = Work(losing(3), find=find)
    end = ended(range(6), work, tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [[3]] * 5 == work.looked
    assert 6 == len(work.begun)
    # Pauses of one and two seconds, besides.
    assert SETTLE + 3 <= end.seconds < SETTLE + 4


@pytest.mark.parametrize("error", [DENIED, MalformedAnswerError("odd")])
def test_a_look_that_is_refused_stops(tmp_path: Path, error: TagoError) -> None:
    """A token that may not search leaves the rows in doubt, and nothing is sent again."""
    path = tmp_path / "x"

    def find(rows: Sequence[WorkItem[Any]]) -> Mapping[int, Finding]:
        raise error

    end = ended(range(6), Work(losing(3), find=find), path)

    assert error is end.reason
    assert [3] == end.of(InDoubt)
    assert [0, 1, 2, 4, 5] == end.of(Done)
    assert EntryState.SENT is states(path)[3]


def test_a_stop_ends_the_settle_time(tmp_path: Path) -> None:
    """Ctrl-C does not wait for it; each row is reported once, whatever was known of it before."""
    path = tmp_path / "x"
    reason = InterruptedRunError("enough")
    work = Work(losing(1, 2, 3), find=in_turn({1: Ambiguous(("a", "b")), 2: Found("x")}))

    async def scenario() -> End:
        run = bulk(range(6), work, journal=path)
        loop = asyncio.get_running_loop()
        # In the middle of the second wait.
        loop.call_later(1.5 * SETTLE, run.stop, reason)
        began = loop.time()
        outcomes, stopped = await collected(run)
        return End(outcomes, stopped, loop.time() - began)

    end = run_virtually(scenario())

    assert reason is end.reason
    assert [1, 2, 3] == end.of(InDoubt)
    assert [0, 4, 5] == end.of(Done)
    assert [] == work.adopted
    assert 1.5 * SETTLE <= end.seconds < 1.5 * SETTLE + 0.1
    assert [EntryState.UNSOLVED, EntryState.SENT, EntryState.SENT] == states(path)[1:4]


def test_failures_that_are_too_many_end_the_looking(tmp_path: Path) -> None:
    """A row that stays in doubt is a failure; when it ends the run, nothing is looked for any more.

    Neither is any row reported twice.
    """
    work = Work(losing(1, 3), find=in_turn({1: Ambiguous(("a", "b"))}))
    end = ended(range(6), work, tmp_path / "x", on_error="stop")

    assert isinstance(end.reason, AmbiguousMatchError)
    assert [1, 3] == end.of(InDoubt)
    assert 1 == len(work.looked)
    assert end.seconds < 2 * SETTLE


# --- rows of an earlier process ----------------------------------------------------------------


def test_earlier_rows_are_looked_up_before_anything_is_sent(tmp_path: Path) -> None:
    """Finished rows are passed over, those in doubt come first, then those that never left."""
    path = tmp_path / "x"
    known = [
        *(EntryState.DONE, EntryState.SENT, EntryState.PENDING, EntryState.FAILED, EntryState.SENT),
        *(EntryState.UNSOLVED, EntryState.UNSOLVED),
    ]
    begun(path, range(7), known).close()
    order: list[str] = []

    async def do(item: int, record: CallRecord) -> None:
        order.append(f"do {item}")
        await leave(record)

    def find(rows: Sequence[WorkItem[Any]]) -> Mapping[int, Finding]:
        assert all(row.in_doubt for row in rows)
        order.append("look")
        return {1: Found("x")}

    async def scenario() -> None:
        run = bulk(range(9), Work(do, find=find), journal=path, concurrency=1)
        outcomes, stopped = await collected(run)
        assert stopped is None
        assert [1, 2, 4, 7, 8] == sorted(outcome.index for outcome in outcomes)
        assert (5, 4) == (run.report.rows, run.report.skipped)

    run_virtually(scenario())

    assert ["look", "look", "do 4", "do 2", "do 7", "do 8"] == order
    done, unsolved = EntryState.DONE, EntryState.UNSOLVED
    expected = [*(done, done, done, EntryState.FAILED, done), *(unsolved, unsolved, done, done)]
    assert expected == states(path)


def test_earlier_rows_know_when_they_were_sent(tmp_path: Path) -> None:
    """A device that is older than its row, by the service's clock, is not adopted."""
    path = tmp_path / "x"
    begun(path, range(1), [EntryState.SENT]).close()
    seen: list[float | None] = []

    class Ahead(FakeSession):
        ahead = 37.0

        def clock_state(self) -> Any:
            return self

    def find(rows: Sequence[WorkItem[Any]]) -> Mapping[int, Finding]:
        seen.extend(row.since for row in rows)
        return {0: Found("x")}

    ended(range(1), Work(find=find), path, session=Ahead())

    assert [1000.0 + 37.0] == seen


def test_rows_of_this_process_know_it_too(tmp_path: Path) -> None:
    """A row is its own from the moment when it was first about to leave."""
    seen: list[float | None] = []

    class Known(FakeSession):
        ahead = 37.0

        def clock_state(self) -> Any:
            return self

    def find(rows: Sequence[WorkItem[Any]]) -> Mapping[int, Finding]:
        seen.extend(row.since for row in rows)
        return {0: Found("x")}

    async def do(item: int, record: CallRecord) -> None:
        await asyncio.sleep(5)
        await losing(0)(item, record)

    ended(range(1), Work(do, find=find), tmp_path / "x", session=Known())

    assert [EPOCH + 1000.0 + 5.0 + 37.0] == [round(moment or 0.0, 3) for moment in seen]


def test_what_earlier_processes_were_granted_is_charged(tmp_path: Path) -> None:
    """Before anything is sent: the route's windows, and the requests that have no end."""
    path = tmp_path / "x"
    with begun(path, range(3), [EntryState.SENT, EntryState.SENT]) as journal:
        journal.write(
            Batch(
                spent={
                    ("there", "POST /device", 60.0, 7): 5,
                    ("here", "POST /device", 60.0, 7): 9,
                    ("there", "POST /device", 2.0, 7): 1,
                }
            )
        )
    session = FakeSession()
    ended(range(3), Work(), path, session=session)

    assert ([("POST /device", 7, 5)], 2) == session.presumed


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_come_in_order_on_resuming_too(tmp_path: Path, ordered: bool) -> None:
    """Rows that failed are tried again beside rows in doubt that stand behind them."""
    path = tmp_path / "x"
    known = [
        EntryState.FAILED,
        EntryState.DONE,
        EntryState.PENDING,
        EntryState.SENT,
        EntryState.SENT,
    ]
    with begun(path, range(8), known) as journal:
        assert 1 == journal.retry_failed()
    work = Work(losing(3, 6), find=lambda rows: {})
    end = ended(None, work, path, ordered=ordered, concurrency=2)
    came = [outcome.index for outcome in end.outcomes]

    assert [0, 2, 3, 4, 5, 6, 7] == sorted(came)
    assert ordered == (came == sorted(came))


# --- journals ----------------------------------------------------------------------------------


def test_nothing_leaves_that_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk takes no more the run stops; what never left is pending, and can be resumed."""
    path = tmp_path / "x"
    left = 5
    write = Journal.write
    sent: list[int] = []

    def failing(journal: Journal, batch: Batch) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise JournalError("the disk is full", journal=str(path))
        write(journal, batch)

    async def do(item: int, record: CallRecord) -> None:
        record.attempts += 1
        assert record.observer is not None
        await record.observer.granted(NO_PERMIT)
        sent.append(item)
        await asyncio.sleep(1)

    monkeypatch.setattr(Journal, "write", failing)
    end = ended(range(100), Work(do), path)
    monkeypatch.undo()

    assert isinstance(end.reason, JournalError)
    assert "full" in end.reason.message
    assert sent == end.of(Done)
    assert end.of(Pending)
    assert [] == end.of(Failed) == end.of(InDoubt)
    assert sorted(end.of(Pending) + sent) == list(range(len(end.outcomes)))
    # Ends that could not be written are looked up by the next process.
    known = states(path)
    assert all(known[n] in {EntryState.SENT, EntryState.DONE} for n in sent)
    assert EntryState.DONE not in known[len(sent) :]
    again = ended(range(100), Work(find=lambda rows: {n: Found("x") for n in sent}), path)
    assert again.stopped is None
    assert [EntryState.DONE] * 100 == states(path)


def test_a_stop_while_a_row_is_written_down_takes_it_back(tmp_path: Path) -> None:
    """It has not left: it is pending, and the journal says so."""
    path = tmp_path / "x"

    async def do(item: str, record: CallRecord) -> None:
        if item == "stops":
            await asyncio.sleep(1)
            raise DENIED
        record.attempts += 1
        assert record.observer is not None
        await record.observer.granted(NO_PERMIT)
        await asyncio.Event().wait()

    end = ended(["waits", "stops"], Work(do), path)

    assert [0] == end.of(Pending)
    assert [1] == end.of(Failed)
    # What ended the run is not the row's own fault: the next process tries it again.
    assert [EntryState.PENDING, EntryState.PENDING] == states(path)


def test_a_run_that_was_left_can_be_gone_on_with(tmp_path: Path) -> None:
    """At any moment, the very first included: the journal is closed and free."""
    path = tmp_path / "x"

    async def scenario() -> list[int]:
        async with bulk(range(20), Work(), journal=path):
            pass
        for steps in (0, 1, 2, 5, 10, 20):
            async with bulk(range(20), Work(losing()), journal=path):
                for _ in range(steps):
                    await asyncio.sleep(0)
        report = await bulk(range(20), Work(find=lambda rows: {}), journal=path)
        return [report.done + report.skipped]

    assert [20] == run_virtually(scenario())
    assert [EntryState.DONE] * 20 == states(path)


def test_a_run_whose_task_was_cancelled_can_be_gone_on_with(tmp_path: Path) -> None:
    """What was on its way is in doubt; the rest is as if it had not been begun."""
    path = tmp_path / "x"

    async def do(item: int, record: CallRecord) -> None:
        await leave(record)
        if item >= 4:
            record.sending = True
            await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.create_task(collected(bulk(range(20), Work(do), journal=path)))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert [EntryState.DONE] * 4 + [EntryState.SENT] * 4 == states(path)
        work = Work(find=lambda rows: {row.index: Found("x") for row in rows})
        outcomes, _ = await collected(bulk(range(20), work, journal=path))
        assert list(range(4, 20)) == sorted(outcome.index for outcome in outcomes)
        assert [4, 5, 6, 7] == sorted(work.adopted)

    run_virtually(scenario())


def test_a_journal_of_another_job_is_refused(tmp_path: Path) -> None:
    """Before anything is read or sent, and it stays free for its own job."""
    path = tmp_path / "x"
    begun(path, range(3)).close()

    class Other(Work):
        kind = "other"

    with pytest.raises(JournalError, match="to the operation work, not to other"):
        ended(range(3), Other(), path)
    assert [0, 1, 2] == ended(range(3), Work(), path).of(Done)


def test_another_input_stops_the_run_at_its_first_other_row(tmp_path: Path) -> None:
    """What comes before it is done; of what comes behind nothing is read."""
    path = tmp_path / "x"
    begun(path, range(5)).close()
    work = Work()
    read: list[int] = []

    def rows() -> Iterator[int]:
        for item in (0, 1, 99, 3, 4):
            read.append(item)
            yield item

    end = ended(rows(), work, path, concurrency=2)

    assert isinstance(end.reason, JournalError)
    assert "row 3 is different" in end.reason.message
    assert [0, 1] == end.of(Done) + end.of(Pending)
    assert [0] == end.of(Done)
    assert [0, 1, 99] == read
    assert [EntryState.DONE] + [EntryState.PENDING] * 4 == states(path)


def test_a_row_that_can_not_be_written_down_fails_alone(tmp_path: Path) -> None:
    """It will be refused when it is done: that is no reason to end the run."""
    path = tmp_path / "x"
    odd = object()

    async def do(item: Any, record: CallRecord) -> None:
        if item is odd:
            raise InputError("can't be written as JSON")
        await leave(record)

    end = ended([0, odd, 2], Work(do), path)

    assert end.stopped is None
    assert [0, 2] == end.of(Done)
    assert [1] == end.of(Failed)
    assert [EntryState.DONE, EntryState.FAILED, EntryState.DONE] == states(path)


@pytest.mark.parametrize("state", [EntryState.PENDING, EntryState.SENT])
def test_a_row_that_can_not_be_read_stops_the_run(tmp_path: Path, state: EntryState) -> None:
    """The error names the journal and the row."""
    path = tmp_path / "x"
    begun(path, range(3), [EntryState.DONE, state]).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE rows SET payload = 'no JSON' WHERE number = 1")
    end = ended(None, Work(), path)

    assert isinstance(end.reason, JournalError)
    assert "entry 2 " in end.reason.message
    assert str(path) == end.reason.journal


# --- connections that fail ---------------------------------------------------------------------


def down(until: float) -> Callable[[Any, CallRecord], Any]:
    """Return what to do with rows: after the first, there is no connection for some seconds."""

    async def do(item: Any, record: CallRecord) -> None:
        record.attempts += 1
        await asyncio.sleep(0.1)
        if item > 0 and asyncio.get_running_loop().time() < 1000 + until:
            raise UNREACHABLE

    return do


@pytest.mark.parametrize("journalled", [False, True])
def test_the_run_waits_for_the_network(tmp_path: Path, journalled: bool) -> None:
    """No row fails because of it, and while it is away few try."""
    work = Work(down(until=100.0))
    end = ended(range(50), work, tmp_path / "x" if journalled else None, concurrency=8)

    assert end.stopped is None
    assert list(range(50)) == end.of(Done)
    assert 100 <= end.seconds < 140
    # Pauses of 1, 2, 4, 8, 16, 32 and 60 seconds, and each worker tries once behind each.
    assert len(work.begun) <= 50 + 8 * 8


def test_patience_ends(tmp_path: Path) -> None:
    """Rows that never left are pending, here and in the journal."""
    path = tmp_path / "x"
    end = ended(range(50), Work(down(until=1e6)), path, concurrency=4, patience=100.0)

    assert end.reason is UNREACHABLE
    assert [0] == end.of(Done)
    assert [1, 2, 3, 4] == end.of(Pending)
    assert 100 <= end.seconds < 130
    assert [EntryState.DONE] + [EntryState.PENDING] * 4 == states(path)
    assert list(range(1, 50)) == ended(range(50), Work(), path).of(Done)


def test_a_pause_is_everybodys() -> None:
    """While one row has no connection, no other is begun."""
    begun_at: list[float] = []

    async def do(item: int, record: CallRecord) -> None:
        now = asyncio.get_running_loop().time() - 1000
        begun_at.append(now)
        await asyncio.sleep(0.25)
        if item == 5 and now < 1.5:
            raise UNREACHABLE

    end = ended(range(40), Work(do), concurrency=4)

    assert list(range(40)) == end.of(Done)
    # The row fails at 0.5 s.
    assert not [moment for moment in begun_at if 0.51 < moment < 1.49]
    assert [moment for moment in begun_at if 1.49 <= moment < 1.51]


def test_an_address_that_never_answered_ends_the_run_at_once() -> None:
    """It is more likely wrong than down."""
    work = Work(down(until=1e6))
    end = ended(range(1, 50), work)

    assert end.reason is UNREACHABLE
    assert end.of(Pending) == list(range(len(end.outcomes)))
    assert end.seconds < 1


def test_a_first_contact_shows_that_the_address_is_right(tmp_path: Path) -> None:
    """With a journal the service is asked for its clock: a failure from then on is waited for."""
    end = ended(range(1, 20), Work(down(until=10.0)), tmp_path / "x")

    assert end.stopped is None
    assert list(range(19)) == end.of(Done)
    assert 10 <= end.seconds < 20


@pytest.mark.parametrize("error", [UNREACHABLE, DENIED, LOST])
def test_a_first_contact_that_fails_ends_the_run(tmp_path: Path, error: TagoError) -> None:
    """With a journal the service's clock is asked for first; nothing is read before it is known."""
    path = tmp_path / "x"
    begun(path, range(3), [EntryState.DONE, EntryState.SENT]).close()
    work = Work()
    read: list[int] = []

    def rows() -> Iterator[int]:
        for item in range(3):
            read.append(item)
            yield item

    end = ended(rows(), work, path, session=FakeSession(first=error))

    assert error is end.reason
    assert [] == read == work.begun == work.looked
    assert [1] == end.of(InDoubt)
    assert [EntryState.DONE, EntryState.SENT, EntryState.PENDING] == states(path)
    assert end.seconds < 1


def test_losses_in_a_row_pause_the_run(tmp_path: Path) -> None:
    """When nothing but lost answers comes back, something is down."""
    end = ended(range(60), Again(losing(*range(10, 20))), tmp_path / "x", concurrency=1)

    assert list(range(60)) == end.of(Done)
    assert 1 <= end.seconds < 1.1


def test_ten_equal_refusals_stop() -> None:
    """The eleventh row would meet the same."""
    error = BadRequestError("no", status=400, service_message="contract ended")

    async def do(item: int, record: CallRecord) -> None:
        record.attempts += 1
        await asyncio.sleep(0.1)
        if item >= 5:
            raise error

    end = ended(range(1000), Work(do), concurrency=3)

    assert error is end.reason
    assert list(range(5)) == end.of(Done)
    assert 10 <= len(end.of(Failed)) <= 12


# --- failures that end a run -------------------------------------------------------------------


def failing(*items: int) -> Callable[[Any, CallRecord], Any]:
    """Return what to do with rows: these are refused."""

    async def do(item: int, record: CallRecord) -> None:
        await leave(record)
        await asyncio.sleep(0.1)
        if item in items:
            raise BadRequestError("no", status=400, service_message=f"no {item}")

    return do


@pytest.mark.parametrize(
    ("options", "failed", "stopped"),
    [
        ({}, [3, 5, 7, 9], False),
        ({"on_error": "continue"}, [3, 5, 7, 9], False),
        ({"on_error": "stop"}, [3], True),
        ({"max_failures": 0}, [3], True),
        ({"max_failures": 2}, [3, 5, 7], True),
        ({"max_failures": 4}, [3, 5, 7, 9], False),
        ({"on_error": "stop", "max_failures": 4}, [3], True),
    ],
)
def test_as_many_failures_as_allowed(
    options: dict[str, Any], failed: list[int], stopped: bool
) -> None:
    """One more ends the run, with the error of that row as its reason."""
    end = ended(range(20), Work(failing(3, 5, 7, 9)), concurrency=1, **options)

    assert failed == end.of(Failed)
    assert stopped == (end.stopped is not None)
    if stopped:
        assert f"no {failed[-1]}" == getattr(end.reason, "service_message", "")
        assert failed[-1] + 1 == len(end.outcomes)
    else:
        assert 20 == len(end.outcomes)


def test_doubts_are_failures_too() -> None:
    """Without a journal they are reported at once, and end the run where failures do."""
    end = ended(range(20), Work(losing(3)), concurrency=1, on_error="stop")

    assert LOST is end.reason
    assert [3] == end.of(InDoubt)
    assert [0, 1, 2] == end.of(Done)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"on_error": "ignore"}, "on_error"),
        ({"max_failures": -1}, "max_failures"),
        ({"settle": -1.0}, "settle"),
        ({"settle": 601.0}, "settle"),
        ({"settle": float("nan")}, "settle"),
        ({"patience": -1.0}, "patience"),
        ({"patience": float("nan")}, "patience"),
    ],
)
def test_options_out_of_bounds(options: dict[str, Any], path: str) -> None:
    """They are refused where they are given."""
    with pytest.raises(InputError) as caught:
        _ = bulk([1], **options)

    assert path == caught.value.path


# --- rows that were to be done again -----------------------------------------------------------


def test_a_stop_leaves_no_row_untold(tmp_path: Path) -> None:
    """Rows in doubt that wait for a worker when the run ends are reported as well."""
    path = tmp_path / "x"

    async def do(item: int, record: CallRecord) -> None:
        await leave(record)
        if work.looked:
            raise DENIED
        record.in_doubt = True
        raise LOST

    work = Work(do)
    end = ended(range(9), work, path, concurrency=2)

    assert DENIED is end.reason
    assert list(range(9)) == sorted(outcome.index for outcome in end.outcomes)
    # Looked for twice and not there: of these nothing has happened.
    assert 2 >= len(end.of(Failed)) >= 1
    assert 9 - len(end.of(Failed)) == len(end.of(Pending))


def test_a_source_that_fails_does_not_take_rows_in_doubt_along(tmp_path: Path) -> None:
    """Rows that were read are done; then the source's own error comes through."""
    path = tmp_path / "x"

    async def rows() -> AsyncIterator[int]:
        for item in range(9):
            yield item
        raise LookupError("mine")

    outcomes: list[Outcome] = []

    async def scenario() -> None:
        work = Work(losing(*range(9)), find=in_turn({4: Found("x")}))
        async with bulk(rows(), work, journal=path, concurrency=2) as run:
            with pytest.raises(LookupError, match="mine"):
                await drained(run, outcomes)

    run_virtually(scenario())

    assert list(range(9)) == sorted(outcome.index for outcome in outcomes)
    assert {Done} == {type(outcome) for outcome in outcomes}
    assert [EntryState.DONE] * 9 == states(path)


def test_leaving_in_the_middle_of_the_settle_time(tmp_path: Path) -> None:
    """Leaving the run does not wait for a pause to end."""

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with bulk([0, 1], Work(losing(1)), journal=tmp_path / "x") as run:
            async for _ in run:
                break
            await settled()
        return loop.time() - began

    assert run_virtually(scenario()) < 1
    assert [EntryState.DONE, EntryState.SENT] == states(tmp_path / "x")


# --- answers that were lost and leave no doubt --------------------------------------------------


def listing_fails(*items: int, times: int) -> Callable[[Any, CallRecord], Any]:
    """Return what to do with rows: these only get to read, so often, and get no answer."""
    left = dict.fromkeys(items, times)

    async def do(item: int, record: CallRecord) -> None:
        await leave(record)
        if left.get(item, 0):
            left[item] -= 1
            raise ConnectionLostError("lost")

    return do


def test_what_was_not_done_for_want_of_an_answer_is_done_later(tmp_path: Path) -> None:
    """A row that has changed nothing yet has not failed either."""
    end = ended(range(6), Work(listing_fails(3, times=2)), tmp_path / "x")

    assert list(range(6)) == end.of(Done)
    assert [EntryState.DONE] * 6 == states(tmp_path / "x")


def test_what_was_not_done_when_the_run_ends_is_pending(tmp_path: Path) -> None:
    """The item stays in doubt for the next run."""
    path = tmp_path / "x"
    work = Work(listing_fails(*range(1, 30), times=100))
    end = ended(range(30), work, path, concurrency=1, patience=0.0)

    assert isinstance(end.reason, ConnectionLostError)
    assert [0] == end.of(Done)
    assert [] == end.of(Failed)
    assert 10 in end.of(Pending)
    assert list(range(1, 30)) == ended(range(30), Work(), path).of(Done)
