"""Between many rows and one journal: few commits, each waited for by those whom it concerns."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import pytest

from tagodev import JournalError
from tagodev._address import Target
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.journal.writer import ItemObserver, JournalWriter
from tests.bulk.journals import begun
from tests.bulk.working import NO_PERMIT, settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tagodev._limits.route_limiter import Permit

FULL: Final = JournalError("the disk is full", journal="x")


class Book:
    """Records its writes; can be made to wait and to fail."""

    def __init__(self) -> None:
        self.written: list[Batch] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = threading.Event()
        self.fails = False
        self.closed = False
        self._writing = threading.Lock()

    def write(self, batch: Batch) -> None:
        """Write, when it may; never two batches at a time."""
        assert self._writing.acquire(blocking=False), "another commit is under way"
        try:
            self.asked.set()
            assert self.go_on.wait(30)
            if self.fails:
                raise FULL
            self.written.append(batch)
        finally:
            self._writing.release()

    def close(self) -> None:
        """Be closed; not under a commit."""
        assert not self._writing.locked(), "a commit is under way"
        assert not self.closed
        self.closed = True


def recorder_of(book: Any, failures: list[JournalError] | None = None) -> JournalWriter:
    """Return a recorder that writes to a book or a journal."""
    heard: list[JournalError] = [] if failures is None else failures
    return JournalWriter(book, ledger="here", minute=60.0, on_failure=heard.append)


@asynccontextmanager
async def serving(recorder: JournalWriter) -> AsyncIterator[asyncio.Task[None]]:
    """Let a recorder write until everything is written."""
    task = asyncio.create_task(recorder.serve())
    try:
        yield task
    finally:
        recorder.end()
        await asyncio.wait([task])
        recorder.close()


class Place:
    """A permit whose windows the test sets."""

    def __init__(self, windows: tuple[int, int] | None) -> None:
        self.now = windows
        self.limiter = self
        self.route = self
        self.name = "POST /device"

    def parts(self) -> tuple[Place, ...]:
        """Return itself: it is counted in one bucket."""
        return (self,)

    def windows(self, now: float) -> tuple[int, int] | None:
        """Return the first and the last window that may have counted it by now."""
        return self.now


# --- durable -----------------------------------------------------------------------------------


async def test_a_request_is_written_down_before_it_leaves(tmp_path: Path) -> None:
    """A sent request, or a step, is in the journal when the wait is over."""
    path = tmp_path / "x"
    recorder = recorder_of(begun(path, ["a", "b"]))
    async with serving(recorder):
        with Journal.read(path) as reader:
            await recorder.sent(1, NO_PERMIT)
            assert [EntryState.PENDING, EntryState.SENT] == [row.state for row in reader.rows()]
            await recorder.progress(1, b"half")
            assert [None, b"half"] == [row.progress for row in reader.rows()]


async def test_nobody_goes_on_before_it_is_written() -> None:
    """As long as the disk takes, the request stays here."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    async with serving(recorder):
        wait = asyncio.create_task(recorder.sent(0, NO_PERMIT))
        await settled()
        assert not wait.done()
        book.go_on.set()
        await wait
        assert [[0]] == [[number for _, number in batch.sent] for batch in book.written]


async def test_many_rows_share_a_commit() -> None:
    """While one commit is under way, whatever else comes is gathered into the next."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    async with serving(recorder):
        waits = [asyncio.create_task(recorder.sent(0, NO_PERMIT))]
        await settled()
        waits += [asyncio.create_task(recorder.sent(n, NO_PERMIT)) for n in range(1, 200)]
        recorder.pulled(200, b"hash", b"row")
        recorder.ended(0, EntryState.DONE, attempts=1)
        await settled()
        book.go_on.set()
        await asyncio.gather(*waits)

    assert [1, 199] == [len(batch.sent) for batch in book.written]
    assert [0, 1] == [len(batch.pulled) for batch in book.written]
    assert [0, 1] == [len(batch.ended) for batch in book.written]


async def test_what_needs_no_wait_is_written_soon() -> None:
    """Rows that were read, and their ends, go with the next commit, which comes by itself."""
    book = Book()
    recorder = recorder_of(book)
    async with serving(recorder):
        recorder.pulled(0, b"hash", b"row")
        recorder.ended(0, EntryState.FAILED, attempts=2, error="no")
        recorder.ended(1, EntryState.PENDING, attempts=1)
        recorder.whole()
        assert await asyncio.to_thread(book.asked.wait, 30)
    (batch,) = book.written
    failed, pending = batch.ended

    assert [(0, b"hash", b"row")] == batch.pulled
    assert batch.whole
    assert (3, 2, None, "no", 0) == (*failed[:2], *failed[3:])
    assert failed[2] is not None
    # Nothing has ended for a row that never left.
    assert (0, 1, None, None, None, 1) == pending


async def test_nothing_to_write_is_not_written() -> None:
    """A request that only looks, before anything is known of the windows, leaves no trace."""
    book = Book()
    recorder = recorder_of(book)
    async with serving(recorder):
        await recorder.sent(None, NO_PERMIT)

    assert [] == book.written
    assert book.closed


async def test_the_end_waits_for_what_is_under_way() -> None:
    """Whatever was said before the end is written before `serve` returns."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    task = asyncio.create_task(recorder.serve())
    wait = asyncio.create_task(recorder.sent(0, NO_PERMIT))
    await settled()
    recorder.ended(0, EntryState.DONE, attempts=1)
    recorder.end()
    await settled()
    assert not task.done()
    book.go_on.set()
    await task
    await wait
    recorder.close()

    assert [(1, 0), (0, 1)] == [(len(batch.sent), len(batch.ended)) for batch in book.written]


# --- a disk that takes no more -----------------------------------------------------------------


async def test_a_failure_meets_all_who_wait_and_all_who_come() -> None:
    """Nothing may be sent any more: each item gets the error, and the run gets it once."""
    book, failures = Book(), list[JournalError]()
    book.go_on.clear()
    recorder = recorder_of(book, failures)
    async with serving(recorder):
        waits = [asyncio.create_task(recorder.sent(0, NO_PERMIT))]
        await settled()
        waits += [asyncio.create_task(recorder.sent(n, NO_PERMIT)) for n in range(1, 5)]
        await settled()
        book.fails = True
        book.go_on.set()
        met = await asyncio.gather(*waits, return_exceptions=True)
        met += await asyncio.gather(
            recorder.sent(5, NO_PERMIT), recorder.progress(0, b"x"), return_exceptions=True
        )
        # Even if there is space again: what is missing in between would be missing for ever.
        book.fails = False
        met += await asyncio.gather(recorder.sent(6, NO_PERMIT), return_exceptions=True)

    assert [FULL.message] == [failure.message for failure in failures]
    assert 8 == len({id(error) for error in met})
    assert {str(failures[0])} == {str(error) for error in met}
    assert {JournalError} == {type(error) for error in met}
    assert [] == book.written
    assert book.closed
    assert failures[0] is recorder.failure


async def test_a_failure_while_nobody_waits() -> None:
    """It stops the run too: the next request must not leave."""
    book, failures = Book(), list[JournalError]()
    book.fails = True
    recorder = recorder_of(book, failures)
    async with serving(recorder):
        recorder.pulled(0, b"hash", b"row")
        assert await asyncio.to_thread(book.asked.wait, 30)
        with pytest.raises(JournalError, match="full"):
            await recorder.sent(0, NO_PERMIT)

    assert [FULL.message] == [failure.message for failure in failures]


# --- cancelled ---------------------------------------------------------------------------------


async def test_who_is_cancelled_takes_nobody_along() -> None:
    """A row that is taken back waits no more; those that share its commit do."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    async with serving(recorder):
        waits = [asyncio.create_task(recorder.sent(n, NO_PERMIT)) for n in range(3)]
        await settled()
        waits[1].cancel()
        await settled()
        assert [False, True, False] == [wait.done() for wait in waits]
        book.go_on.set()
        await asyncio.wait(waits)

    assert [False, True, False] == [wait.cancelled() for wait in waits]


async def test_what_is_left_is_written_on_closing() -> None:
    """A run that is cancelled loses nothing of what is known."""
    book = Book()
    recorder = recorder_of(book)
    recorder.pulled(0, b"hash", b"row")
    recorder.ended(0, EntryState.DONE, attempts=1, result=b"token")
    recorder.close()

    assert [b"token"] == [batch.ended[0][3] for batch in book.written]
    assert book.closed


async def test_a_commit_under_way_is_finished() -> None:
    """Cancelling can't stop the thread: its commit comes first, then what is left."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    task = asyncio.create_task(recorder.serve())
    wait = asyncio.create_task(recorder.sent(0, NO_PERMIT))
    await settled()
    task.cancel()
    await asyncio.wait([task, wait])
    recorder.ended(0, EntryState.DONE, attempts=1)
    threading.Timer(0.05, book.go_on.set).start()
    recorder.close()

    assert task.cancelled()
    assert wait.cancelled()
    assert [(1, 0), (0, 1)] == [(len(batch.sent), len(batch.ended)) for batch in book.written]


async def test_nothing_is_written_behind_a_commit_that_failed() -> None:
    """Nothing is written after a failed commit, also if its waiter was cancelled."""
    book = Book()
    book.go_on.clear()
    recorder = recorder_of(book)
    task = asyncio.create_task(recorder.serve())
    recorder.pulled(0, b"hash", b"row")
    await settled()
    task.cancel()
    await asyncio.wait([task])
    recorder.pulled(1, b"hash", b"row")

    def fail_once() -> None:
        book.fails = True
        book.go_on.set()

    threading.Timer(0.05, fail_once).start()
    recorder._thread.shutdown()
    book.fails = False
    recorder.close()

    assert [] == book.written
    assert recorder.failure is FULL
    assert book.closed


async def test_closing_fails_quietly() -> None:
    """A cancelled waiter does not raise the failure; it is available as an attribute."""
    book = Book()
    book.fails = True
    recorder = recorder_of(book)
    recorder.pulled(0, b"hash", b"row")
    recorder.close()

    assert recorder.failure is FULL
    assert book.closed


# --- what was granted --------------------------------------------------------------------------


async def test_grants_are_counted_in_each_window_once() -> None:
    """In that of their leaving, and in those that follow until they have ended."""
    book = Book()
    recorder = recorder_of(book)
    place, other = Place((5, 5)), Place((5, 6))
    async with serving(recorder):
        observer = ItemObserver(recorder, 3)
        await observer.granted(cast("Permit", place))
        await ItemObserver(recorder, None).granted(cast("Permit", other))
        place.now = (5, 7)
        observer.ended(cast("Permit", place))
        observer.ended(cast("Permit", other))
    spent: dict[int, int] = {}
    for batch in book.written:
        for (ledger, route, minute, window), count in batch.spent.items():
            assert ("here", "POST /device", 60.0) == (ledger, route, minute)
            spent[window] = spent.get(window, 0) + count

    assert {5: 2, 6: 2, 7: 1} == spent
    assert [3] == [number for batch in book.written for _, number in batch.sent]
    assert {} == recorder._last_window


async def test_grants_of_one_commit_add_up() -> None:
    """Three that left in one window are three, in however few commits they are reported."""
    book = Book()
    recorder = recorder_of(book)
    async with serving(recorder):
        await asyncio.gather(
            *(recorder.sent(None, cast("Permit", Place((5, 5)))) for _ in range(3))
        )
    spent = sum((Counter(batch.spent) for batch in book.written), Counter())

    assert {("here", "POST /device", 60.0, 5): 3} == spent


async def test_a_permit_of_unknown_windows_is_counted_when_they_are_known() -> None:
    """Before the first answer nothing is known of the service's clock."""
    book = Book()
    recorder = recorder_of(book)
    place = Place(None)
    async with serving(recorder):
        await recorder.sent(0, cast("Permit", place))
        place.now = (5, 6)
        recorder.settled(cast("Permit", place))

    counts = [batch.spent for batch in book.written if batch.spent]
    assert [{("here", "POST /device", 60.0, n): 1 for n in (5, 6)}] == counts


async def test_requests_that_have_ended_are_told_once() -> None:
    """Of the first window that may have counted each; without any, by this machine's clock."""
    book = Book()
    recorder = recorder_of(book)
    places = [Place((5, 6)), Place((5, 5)), Place((6, 7)), Place(None)]
    before = int(time.time() // 60)
    async with serving(recorder):
        for place in places:
            await recorder.sent(0, cast("Permit", place))
            recorder.settled(cast("Permit", place))
    asked: Counter[tuple[str, float, int]] = Counter()
    for batch in book.written:
        asked.update(batch.asked)

    assert (2, 1) == tuple(asked.pop(("POST /device", 60.0, n)) for n in (5, 6))
    (((route, minute, number), count),) = asked.items()
    assert ("POST /device", 60.0, 1) == (route, minute, count)
    assert before <= number <= int(time.time() // 60)
    assert isinstance(number, int)


async def test_ends_of_one_commit_add_up() -> None:
    """Three that ended in one window are three, in however few commits they are reported."""
    book = Book()
    recorder = recorder_of(book)
    moments: list[float] = []

    class Timed(Place):
        def windows(self, now: float) -> tuple[int, int] | None:
            moments.append(now)
            return super().windows(now)

    async with serving(recorder):
        for _ in range(3):
            recorder.settled(cast("Permit", Timed((5, 5))))
    asked: Counter[tuple[str, float, int]] = Counter()
    for batch in book.written:
        asked.update(batch.asked)

    assert {("POST /device", 60.0, 5): 3} == asked
    assert {float} == {type(moment) for moment in moments}


def test_a_batch_knows_whether_there_is_anything_in_it() -> None:
    """Whatever it is that there is."""
    fields: dict[str, Any] = {
        "pulled": [(0, b"", b"")],
        "sent": [(1.0, 0)],
        "progress": [(b"", 0)],
        "ended": [(2, 1, None, None, None, 0)],
        "spent": {("a", "b", 60.0, 1): 1},
        "asked": {("b", 60.0, 1): 1},
        "whole": True,
        "target": Target("http://127.0.0.1:1"),
    }

    assert not Batch()
    assert set(fields) == {field.name for field in attrs.fields(Batch)}
    for name, value in fields.items():
        assert Batch(**{name: value})
