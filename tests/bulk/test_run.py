"""Running many rows: lazily, in bounded memory, with every row's state known."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    AuthenticationError,
    BadRequestError,
    BulkStoppedError,
    ClosedError,
    ConnectionLostError,
    Created,
    DeviceCreate,
    Done,
    Failed,
    InDoubt,
    InputError,
    JournalError,
    Outcome,
    Pending,
    TagoError,
)
from tagodev._address import Target
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import a_place, begun
from tests.bulk.working import FakeSession, Work, bulk, collected, drained, settled, ticking
from tests.support.answers import created, ok, refused
from tests.support.clients import TOKEN, client
from tests.support.leaks import assert_quiet
from tests.support.servers import Received, Reply, ScriptedServer, refused_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tagodev import BulkRun
    from tagodev._bulk.work_item import WorkItem
    from tagodev._session import CallRecord

STOPPING = AuthenticationError("no", status=401)


# --- sources -----------------------------------------------------------------------------------

SOURCES: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "generator": lambda items: (item for item in items),
    "dict keys": lambda items: dict.fromkeys(items).keys(),
    "async generator": ticking,
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("rows", [0, 1, 3, 50])
async def test_every_row_of_any_source(make: Callable[[list[int]], Any], rows: int) -> None:
    """Each row is done once and reported once, with its index and itself."""
    work = Work()
    outcomes, stopped = await collected(bulk(make(list(range(100, 100 + rows))), work))

    assert stopped is None
    assert {n: 100 + n for n in range(rows)} == {o.index: o.item for o in outcomes}
    assert rows == len(outcomes) == len(work.begun)


@given(rows=st.integers(0, 40), concurrency=st.integers(1, 50), asynchronous=st.booleans())
async def test_every_row_at_any_concurrency(
    rows: int, concurrency: int, asynchronous: bool
) -> None:
    """Neither more workers than rows nor the other way round loses one."""
    work = Work()
    source: Any = ticking(range(rows)) if asynchronous else iter(range(rows))
    report = await bulk(source, work, concurrency=concurrency)

    assert rows == report.done == report.rows
    assert sorted(work.begun) == list(range(rows))
    assert concurrency >= work.most_at_once


async def test_rows_are_worked_on_at_once() -> None:
    """As many rows as the concurrency allows are in work at the same time."""
    work = Work()
    await bulk(range(40), work, concurrency=7)

    assert 7 == work.most_at_once


async def test_nothing_is_read_before_the_run_is_entered() -> None:
    """Asking for a run costs nothing."""
    read: list[int] = []

    def rows() -> Iterator[int]:
        read.append(1)
        yield 1

    run = bulk(rows())
    await settled()
    assert [] == read

    await run
    assert [1] == read


@pytest.mark.parametrize("concurrency", [1, 3, 8])
async def test_reading_waits_for_the_consumer(concurrency: int) -> None:
    """A consumer that stops reading stops the source, a fixed number of rows ahead."""
    read = 0

    def rows() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    async with bulk(rows(), concurrency=concurrency) as run:
        taken = 0
        await settled()
        assert read <= 2 * concurrency
        async for _ in run:
            taken += 1
            await settled()
            assert read <= taken + 2 * concurrency
            if taken == 30:
                break


async def test_ten_thousand_rows_in_flat_memory() -> None:
    """Of all the rows only those in work and those not yet taken are alive at once."""

    class Thing:
        pass

    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[Thing]:
        nonlocal most
        for _ in range(10_000):
            row = Thing()
            alive.add(row)
            most = max(most, len(alive))
            yield row
            del row

    class Forgetful(Work):
        async def do(self, work: WorkItem[Any]) -> Done:
            await asyncio.sleep(0)
            if work.index % 3 == 0:
                raise BadRequestError("no", status=400)
            return Done(work.index, work.item, attempts=1)

    done, kept = await _counted(bulk(rows(), Forgetful(), concurrency=8))
    gc.collect()

    assert (6666, 1000) == (done, kept)
    # Two for each worker, and the failures that the report keeps.
    assert most <= 2 * 8 + 2 + kept
    assert 0 == len(alive)


async def _counted(run: BulkRun[Any]) -> tuple[int, int]:
    """Return how many rows were done and how many failures were kept, and nothing of them."""
    done = 0
    async with run:
        async for outcome in run:
            done += isinstance(outcome, Done)
    return done, len(run.report.failures)


# --- failures of rows --------------------------------------------------------------------------


async def test_a_row_that_fails_does_not_stop_the_others() -> None:
    """Its error is in its outcome; the rest goes on."""

    async def do(item: int, record: CallRecord) -> None:
        record.attempts += 1
        if item % 5 == 0:
            raise BadRequestError(f"no {item}", status=400)

    outcomes, stopped = await collected(bulk(range(20), Work(do)))
    failed = {o.index: o for o in outcomes if isinstance(o, Failed)}

    assert stopped is None
    assert {0, 5, 10, 15} == set(failed)
    assert "no 10" == failed[10].error.message
    assert 1 == failed[10].attempts
    assert 16 == sum(isinstance(o, Done) for o in outcomes)


@pytest.mark.parametrize(
    ("kind", "error", "in_doubt"),
    [
        (Failed, BadRequestError("no", status=400), False),
        (Failed, InputError("no"), False),
        (Failed, ConnectionLostError("no", may_have_acted=False), False),
        (InDoubt, ConnectionLostError("no", may_have_acted=True), False),
        (InDoubt, BadRequestError("no", may_have_acted=True), False),
        (InDoubt, ClosedError("closed while it waited for another attempt"), True),
    ],
)
async def test_doubt_is_told_from_failure(
    kind: type[Outcome], error: TagoError, in_doubt: bool
) -> None:
    """What may have been done is never reported as if it had not."""

    async def do(item: int, record: CallRecord) -> None:
        record.in_doubt = in_doubt
        raise error

    outcomes, _ = await collected(bulk([1], Work(do)))
    (outcome,) = outcomes

    assert kind is type(outcome)
    assert isinstance(outcome, Failed | InDoubt)
    assert error is outcome.error


async def test_outcomes_come_as_they_complete() -> None:
    """A slow row does not hold back the fast ones behind it."""
    release = asyncio.Event()

    async def do(item: int, record: CallRecord) -> None:
        if item == 0:
            await release.wait()

    order = []
    async with bulk(range(6), Work(do), concurrency=2) as run:
        async for outcome in run:
            order.append(outcome.index)
            if len(order) == 5:
                release.set()

    assert [1, 2, 3, 4, 5, 0] == order


# --- stopping ----------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 5])
@pytest.mark.parametrize("at", [0, 1, 7])
async def test_stop_leaves_every_rows_state_known(concurrency: int, at: int) -> None:
    """Every row that was read has an outcome; no further row is read; the error says why."""
    read: list[int] = []

    def rows() -> Iterator[int]:
        for item in range(100):
            read.append(item)
            yield item

    async def do(item: int, record: CallRecord) -> None:
        await asyncio.sleep(0)
        if item >= at:
            raise STOPPING

    outcomes, stopped = await collected(bulk(rows(), Work(do), concurrency=concurrency))

    assert stopped is not None
    assert STOPPING is stopped.reason
    assert STOPPING is stopped.report.stopped
    assert read == sorted(outcome.index for outcome in outcomes)
    assert len(read) == stopped.report.rows <= at + 3 * concurrency
    assert at == stopped.report.done


async def test_stop_lets_what_is_on_its_way_finish() -> None:
    """A row that was sent is waited for: what became of it must be known."""
    release = asyncio.Event()

    async def do(item: str, record: CallRecord) -> None:
        record.attempts += 1
        if item == "sent":
            record.sending = True
            await release.wait()
            record.sending = False
        else:
            raise STOPPING

    async with bulk(["sent", "stops"], Work(do)) as run:
        outcomes = [await anext(aiter(run))]
        await settled()
        release.set()
        with pytest.raises(BulkStoppedError) as caught:
            await drained(run, outcomes)

    assert [Failed, Done] == [type(outcome) for outcome in outcomes]
    assert 1 == caught.value.report.done


@pytest.mark.parametrize(("kind", "in_doubt"), [(Pending, False), (InDoubt, True)])
async def test_stop_takes_back_what_waits(kind: type[Outcome], in_doubt: bool) -> None:
    """A row that waits for its turn is not sent any more; one that was lost before is in doubt."""

    async def do(item: str, record: CallRecord) -> None:
        if item == "waits":
            record.attempts, record.in_doubt = 2, in_doubt
            await asyncio.Event().wait()
        raise STOPPING

    outcomes, stopped = await collected(bulk(["waits", "stops"], Work(do)))
    taken = next(outcome for outcome in outcomes if outcome.item == "waits")

    assert stopped is not None
    assert kind is type(taken)
    assert 2 == taken.attempts


async def test_stop_does_not_wait_for_a_slow_source() -> None:
    """A source that gives no more for the time being does not keep the run from ending."""

    async def rows() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def do(item: int, record: CallRecord) -> None:
        await settled()
        raise STOPPING

    outcomes, stopped = await collected(bulk(rows(), Work(do)))

    assert stopped is not None
    assert [Failed] == [type(outcome) for outcome in outcomes]


async def test_stop_reads_no_further_row_of_a_queue_of_workers() -> None:
    """Workers that wait for their turn at the source go without a row."""
    given_: list[int] = []
    more = asyncio.Event()

    async def rows() -> AsyncIterator[int]:
        for item in range(100):
            given_.append(item)
            yield item
            if item == 0:
                await more.wait()

    async def do(item: int, record: CallRecord) -> None:
        await settled()
        asyncio.get_running_loop().call_soon(more.set)
        raise STOPPING

    outcomes, stopped = await collected(bulk(rows(), Work(do), concurrency=8))

    assert stopped is not None
    assert [0] == given_
    assert [0] == [outcome.index for outcome in outcomes]


async def test_the_first_reason_counts() -> None:
    """Of many rows that would stop the run, the first one does."""

    async def do(item: int, record: CallRecord) -> None:
        record.sending = True
        await asyncio.sleep(0)
        raise AuthenticationError(f"no {item}", status=401)

    outcomes, stopped = await collected(bulk(range(10), Work(do), concurrency=4))

    assert stopped is not None
    assert "no 0" == stopped.reason.message
    assert 4 == sum(isinstance(outcome, Failed) for outcome in outcomes)


async def test_leaving_a_stopped_run_early_ends() -> None:
    """A run that was stopped and is left with rows still on their way does not hang."""

    async def do(item: int, record: CallRecord) -> None:
        if item < 3:
            return
        if item == 3:
            await settled()
            raise STOPPING
        record.sending = True
        try:
            await asyncio.Event().wait()
        finally:
            record.sending = False

    work = Work(do)
    async with bulk(range(100), work, concurrency=4) as run:
        async for _ in run:
            for _ in range(5):
                await settled()
            assert run.report.stopped is STOPPING
            break

    assert 0 == work.at_once


# --- leaving, cancelling, closing --------------------------------------------------------------


async def test_leaving_early_cancels() -> None:
    """Leaving the block ends the run."""
    running: set[Any] = set()
    work = Work(lambda _, __: asyncio.sleep(0 if len(work.begun) < 5 else 3600))
    async with bulk(range(1000), work, running=running) as run:
        assert 1 == len(running)
        async for _ in run:
            break
    begun = len(work.begun)
    await settled()

    assert begun == len(work.begun) < 20
    assert 0 == work.at_once
    assert set() == running


async def test_error_in_the_block_cancels_and_passes() -> None:
    """The caller's own error is what the caller sees."""
    work = Work(lambda _, __: asyncio.sleep(3600))

    async def fail() -> None:
        async with bulk(range(10), work):
            await settled()
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fail()

    assert 0 == work.at_once


@pytest.mark.parametrize("awaited", [True, False])
async def test_cancelling_the_task_cancels_the_run(awaited: bool) -> None:
    """A task that waits for a run takes it along when it is cancelled."""
    work = Work(lambda _, __: asyncio.sleep(3600))
    running: set[Any] = set()
    run = bulk(range(10), work, running=running)

    async def wait() -> None:
        if awaited:
            await run
        else:
            async with run:
                async for _ in run:
                    pass

    task = asyncio.create_task(wait())
    await settled()
    assert 4 == work.at_once
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert 0 == work.at_once
    assert set() == running


async def test_cancelled_run_tells_its_consumer() -> None:
    """Closing the client cancels the run's task, and readers of outcomes get an error."""
    running: set[asyncio.Task[None]] = set()
    run = bulk(range(10), Work(lambda _, __: asyncio.sleep(3600)), running=running)

    async def watch() -> None:
        async with run:
            async for _ in run:
                pass

    task = asyncio.create_task(watch())
    await settled()
    for one in running:
        one.cancel()
    with pytest.raises(ClosedError, match="closed"):
        await task


async def test_entered_once() -> None:
    """A run is used once."""
    run = bulk([1])
    await run
    with pytest.raises(ClosedError, match="once"):
        await run
    with pytest.raises(ClosedError, match="once"):
        async with run:
            pass


async def test_not_entered() -> None:
    """Before it is entered a run has neither outcomes nor a report, and says how to use it."""
    run = bulk([1])
    with pytest.raises(ClosedError, match="async with"):
        _ = run.report
    with pytest.raises(ClosedError, match="async with"):
        async for _ in run:
            pass


async def test_entered_and_never_read() -> None:
    """A run may be left without having been looked at."""
    async with bulk(range(100)) as run:
        pass

    assert 0 == run.report.rows


async def test_read_to_the_end_twice() -> None:
    """Iterating over a run that has ended gives nothing more, and does not hang."""
    async with bulk(range(5)) as run:
        assert 5 == len([outcome async for outcome in run])
        assert [] == [outcome async for outcome in run]


async def test_reading_goes_on_after_a_break() -> None:
    """A loop that was left is taken up where it was."""
    taken = []
    async with bulk(range(9)) as run:
        async for first in run:
            taken.append(first.index)
            break
        taken += [outcome.index async for outcome in run]

    assert list(range(9)) == sorted(taken)


async def test_report_while_it_runs() -> None:
    """The report counts the outcomes so far, at any moment."""
    async with bulk(range(5)) as run:
        assert 0 == run.report.rows
        counts = [run.report.done async for _ in run]

    assert [1, 2, 3, 4, 5] == counts
    assert run.report.stopped is None


# --- sources that fail -------------------------------------------------------------------------


class MineError(Exception):
    """An error of the caller's own iterable."""


async def failing_later(items: int) -> AsyncIterator[int]:
    """Give some rows, then fail."""
    for item in range(items):
        await asyncio.sleep(0)
        yield item
    raise MineError("row 3 of my file")


def failing_at_once(items: int) -> Iterator[int]:
    """Give some rows, then fail."""
    yield from range(items)
    raise MineError("row 3 of my file")


@pytest.mark.parametrize("make", [failing_later, failing_at_once])
@pytest.mark.parametrize("rows", [0, 1, 10])
async def test_source_that_fails(make: Callable[[int], Any], rows: int) -> None:
    """Rows that were read are done and reported; then the source's own error comes through."""
    outcomes: list[Outcome] = []
    async with bulk(make(rows)) as run:
        with pytest.raises(MineError, match="my file"):
            await drained(run, outcomes)

    assert list(range(rows)) == sorted(outcome.index for outcome in outcomes)
    assert rows == run.report.done


async def test_source_that_failed_is_not_asked_again() -> None:
    """Not even by the workers that were waiting to ask."""

    class Rows:
        asked = 0

        def __aiter__(self) -> Rows:
            return self

        async def __anext__(self) -> int:
            self.asked += 1
            await asyncio.sleep(0)
            raise MineError

    source = Rows()
    with pytest.raises(MineError):
        await bulk(source, concurrency=8)

    assert 1 == source.asked


async def test_source_whose_own_wait_was_cancelled() -> None:
    """A source that ends in a cancellation has not come to its end: that is not passed over."""
    work = Work()

    async def rows() -> AsyncIterator[int]:
        yield 1
        task = asyncio.create_task(asyncio.sleep(3600))
        task.cancel()
        await task
        yield 2

    with pytest.raises(asyncio.CancelledError):
        await bulk(rows(), work)

    assert [1] == work.begun


def test_what_can_not_be_iterated_is_refused_at_once() -> None:
    """An invalid argument is reported by the call itself."""
    with pytest.raises(TypeError):
        _ = bulk(5)


def test_no_rows_and_no_journal_to_take_them_from() -> None:
    """A run that was given neither has not done all there was to do: it is refused."""
    with pytest.raises(InputError, match="journal"):
        _ = bulk(None)


# --- over the wire -----------------------------------------------------------------------------


def devices(number: int) -> Iterator[DeviceCreate]:
    """Return rows to create."""
    return (DeviceCreate(name=f"sensor-{n}") for n in range(number))


def name_of(request: Received) -> str:
    """Return the name that a creation gives."""
    return request.body.split(b'"name":"')[1].split(b'"')[0].decode()


async def test_create_many() -> None:
    """Each row becomes one device, with its id and its own token."""
    async with (
        ScriptedServer(lambda request: created(request.number)) as server,
        client(server.url) as tago,
    ):
        outcomes, stopped = await collected(tago.devices.create_many(devices(60)))

    assert stopped is None
    assert all(isinstance(outcome, Created) for outcome in outcomes)
    assert 60 == len({o.result.token for o in outcomes if isinstance(o, Created)})
    assert {f"sensor-{n}" for n in range(60)} == {name_of(r) for r in server.received}
    assert 60 == len(server.received)


async def test_creations_in_doubt_are_not_sent_again() -> None:
    """A server that commits and then drops the connection leaves doubt, and no second device."""
    committed: Counter[str] = Counter()

    def script(request: Received) -> Reply:
        name = name_of(request)
        committed[name] += 1
        lost = name.endswith(("3", "7"))
        return Reply(then="reset") if lost else Reply(created(request.number))

    async with ScriptedServer(script) as server, client(server.url, concurrency=4) as tago:
        outcomes, stopped = await collected(tago.devices.create_many(devices(40)))
    doubtful = [outcome for outcome in outcomes if isinstance(outcome, InDoubt)]

    assert stopped is None
    assert dict.fromkeys((f"sensor-{n}" for n in range(40)), 1) == committed
    assert sorted(n for n in range(40) if n % 10 in {3, 7}) == sorted(o.index for o in doubtful)
    assert {1} == {outcome.attempts for outcome in doubtful}
    for outcome in doubtful:
        assert isinstance(outcome.error, ConnectionLostError)
        assert outcome.error.may_have_acted
        assert_quiet(outcome.error, TOKEN)


async def test_deletions_are_sent_again_and_gone_is_done() -> None:
    """A lost deletion is repeated, and one that finds nothing has nothing left to do."""
    seen: Counter[str] = Counter()

    def script(request: Received) -> Reply | bytes:
        seen[request.target] += 1
        if seen[request.target] == 1 and request.target.endswith("1"):
            return Reply(then="reset")
        return refused(404, "Device Not Found") if request.target.endswith("2") else ok("Done")

    async with ScriptedServer(script) as server, client(server.url) as tago:
        report = await tago.devices.delete_many(f"id{n}" for n in range(20))

    assert (20, 0, 0) == (report.done, report.failed, report.in_doubt)
    assert 22 == len(server.received)


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("ResourceLimitError", refused(400, "You have exceeded the maximum limit of Device (5)")),
        ("AuthenticationError", refused(401, f"Invalid token: {TOKEN}")),
        ("PermissionDeniedError", refused(403, "Not for you")),
    ],
)
async def test_cap_and_refusals_stop_a_run(reason: str, answer: bytes) -> None:
    """The run ends, every row that was read is accounted for, and no one sees the token."""

    def script(request: Received) -> bytes:
        return created(request.number) if request.number <= 5 else answer

    async with ScriptedServer(script) as server, client(server.url, concurrency=3) as tago:
        outcomes, stopped = await collected(tago.devices.create_many(devices(1000)))

    assert stopped is not None
    assert reason == type(stopped.reason).__name__
    assert 5 == stopped.report.done
    assert list(range(len(outcomes))) == sorted(outcome.index for outcome in outcomes)
    assert 8 >= len(server.received)
    assert_quiet(stopped, TOKEN)


async def test_unreachable_service_stops_a_run() -> None:
    """Without a service every row is known not to have been created."""
    with refused_port() as port:
        async with client(f"http://127.0.0.1:{port}", concurrency=3) as tago:
            outcomes, stopped = await collected(tago.devices.create_many(devices(100)))

    assert stopped is not None
    assert f"127.0.0.1:{port}" in str(stopped.reason)
    assert {Pending} == {type(outcome) for outcome in outcomes}
    assert list(range(len(outcomes))) == sorted(outcome.index for outcome in outcomes)
    assert 9 >= len(outcomes)


async def test_row_that_json_can_not_say_fails_alone() -> None:
    """A row that can't be written is its own affair."""
    rows = [DeviceCreate(name="a"), DeviceCreate(name="\ud800"), DeviceCreate(name="c")]
    async with (
        ScriptedServer(lambda request: created(request.number)) as server,
        client(server.url) as tago,
    ):
        outcomes, stopped = await collected(tago.devices.create_many(rows))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]

    assert stopped is None
    assert [1] == [outcome.index for outcome in failed]
    assert isinstance(failed[0].error, InputError)
    assert 2 == len(server.received)


async def test_two_runs_at_once() -> None:
    """Two runs of one client share it without mixing."""
    async with (
        ScriptedServer(lambda request: created(request.number)) as server,
        client(server.url) as tago,
    ):
        one, other = await asyncio.gather(
            tago.devices.create_many(devices(30)), tago.devices.delete_many(["x"] * 20)
        )

    assert (30, 20) == (one.done, other.done)
    assert 50 == len(server.received)


# --- whose journal it is -------------------------------------------------------------------------


class ProfileSession(FakeSession):
    """A session whose profile the service returns or refuses."""

    def __init__(self, profile: str) -> None:
        super().__init__()
        self.profile = profile

    async def find_target(self, record: CallRecord) -> Target:
        """Return the profile."""
        return Target(self.base_url, profile=self.profile, account=self.account)


def belongs(known: Target, profile: str, *, sent: bool, same_profile: bool) -> bool:
    """Return whether a journal may go on with a token of a profile."""
    here = known.service == FakeSession.base_url
    if here and known.account == FakeSession.account:
        return True
    if known.profile and profile:
        return known.profile == profile
    # Until anything was sent, no profile knows of the journal; afterwards the caller must say so.
    return same_profile or (here and not known.profile and not sent)


KNOWN = [
    Target(service, profile=profile, account=account)
    for service, profile, account in product(
        (FakeSession.base_url, "http://127.0.0.1:2"),
        ("", "p1", "p2"),
        ("", FakeSession.account, "other"),
    )
]


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("profile", ["", "p1"])
async def test_a_journal_goes_on_with_its_own_profile_only(
    monkeypatch: pytest.MonkeyPatch, profile: str, sent: bool
) -> None:
    """Whatever is known of both, and whatever was sent: with another profile nothing is."""
    for known, same_profile in product(KNOWN, (False, True)):
        with a_place() as path:
            monkeypatch.setenv("TAGODEV_STATE", str(path.parent))
            with begun(path, [0]) as journal:
                journal.bind(known)
                if sent:
                    ended = (int(EntryState.DONE), 1, 2.0, None, None, 0)
                    journal.write(Batch(sent=[(1.0, 0)], ended=[ended]))
            await go_on(path, known, profile, sent=sent, same_profile=same_profile)


async def go_on(path: Path, known: Target, profile: str, *, sent: bool, same_profile: bool) -> None:
    """Go on with a journal, or be refused."""
    work = Work()
    session = ProfileSession(profile)
    run = bulk([0, 1], work, session=session, journal=path, same_profile=same_profile)
    if not belongs(known, profile, sent=sent, same_profile=same_profile):
        with pytest.raises(JournalError, match="nothing was sent"):
            await run
        assert [] == work.begun
        with Journal.read(path) as journal:
            assert known == journal.target
        return
    await run
    assert ([1] if sent else [0, 1]) == work.begun
    same = (FakeSession.base_url, FakeSession.account) == (known.service, known.account)
    # With the same token nothing is asked; a profile that is not reported is no other one.
    found = known.profile if same else profile or known.profile
    with Journal.read(path) as journal:
        assert (
            Target(FakeSession.base_url, profile=found, account=FakeSession.account)
            == journal.target
        )
