"""Where rows come from: the caller's iterable, a journal, or both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import JournalError
from tagodev._bulk.input import JournalInput, RunInput, digest_of, read_row
from tagodev._bulk.journal.entry import Batch, EntryState, JournalEntry
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import a_place, begun
from tests.bulk.virtual import run_virtually
from tests.bulk.working import Work, ticking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tagodev._bulk.journal.writer import JournalWriter

STATES = st.sampled_from(list(EntryState))


class Broken(Work):
    """Reads rows by a parser that may fail."""

    def decode(self, payload: bytes) -> Any:
        """Read a row."""
        return orjson.loads(payload)


class Writer:
    """Writes rows down at once, as a recorder does in its time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def pulled(self, number: int, digest: bytes, payload: bytes) -> None:
        """Write a row down."""
        self._journal.write(Batch(pulled=[(number, digest, payload)]))

    def whole(self) -> None:
        """Write down that there are no more."""
        self._journal.write(Batch(whole=True))


def journalled(items: Any, journal: Journal) -> JournalInput[Any]:
    """Return a source that compares rows with a journal."""
    return JournalInput(items, Work(), journal, cast("JournalWriter", Writer(journal)))


async def everything(source: RunInput[Any], workers: int = 1) -> list[tuple[int, Any]]:
    """Pull all rows of a source, by several who take turns."""
    rows: list[tuple[int, Any]] = []

    async def pull() -> None:
        while (row := await source.pull()) is not None:
            rows.append(row)
            await asyncio.sleep(0)

    await asyncio.gather(*(pull() for _ in range(workers)))
    return rows


def numbers(journal: Journal) -> list[int]:
    """Return which rows a journal knows."""
    return [entry.number for entry in journal.rows()]


# --- without a journal -------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("make", [list, iter, ticking])
async def test_rows_come_in_order_with_their_index(make: Any, workers: int) -> None:
    """However many pull: each row comes once."""
    rows = await everything(RunInput(make(["a", "b", "c"])), workers)

    assert [(0, "a"), (1, "b"), (2, "c")] == rows


async def test_a_source_is_asked_by_one_at_a_time() -> None:
    """An async generator that is asked twice at once raises."""
    asked = 0

    async def rows() -> AsyncIterator[int]:
        nonlocal asked
        for item in range(20):
            asked += 1
            assert 1 == asked
            await asyncio.sleep(0)
            asked -= 1
            yield item

    assert 20 == len(await everything(RunInput(rows()), workers=7))


async def test_after_the_end_there_is_nothing() -> None:
    """Not even if the iterator would begin again."""

    class Rows:
        def __init__(self) -> None:
            self._left = 1

        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            self._left -= 1
            if self._left == 0:
                return 1
            if self._left == -1:
                raise StopIteration
            return 2

    source = RunInput(Rows())

    assert [(0, 1), None, None] == [await source.pull() for _ in range(3)]


# --- with a journal ----------------------------------------------------------------------------


@given(
    known=st.lists(STATES, max_size=30),
    new=st.integers(0, 10),
    workers=st.integers(1, 4),
    asynchronous=st.booleans(),
)
def test_any_mixture_of_known_and_new_rows(
    known: list[EntryState], new: int, workers: int, asynchronous: bool
) -> None:
    """What is finished or in doubt is passed over, the rest comes in order, and all is kept."""
    items = [{"row": number} for number in range(len(known) + new)]
    left = [n for n in range(len(items)) if n >= len(known) or known[n] is EntryState.PENDING]
    with a_place() as place, begun(place, items[: len(known)], known) as journal:
        source = journalled(ticking(items) if asynchronous else iter(items), journal)
        rows = run_virtually(everything(source, workers))

        assert [(number, items[number]) for number in left] == rows
        assert len(items) - len(left) == source.skipped
        assert journal.whole
        assert list(range(len(items))) == numbers(journal)
        assert known == [entry.state for entry in journal.rows()][: len(known)]


@given(known=st.lists(STATES, min_size=1, max_size=20), data=st.data(), whole=st.booleans())
def test_another_input_is_refused_at_its_first_other_row(
    known: list[EntryState], data: st.DataObject, whole: bool
) -> None:
    """The rows before it are those of the journal; it says which row is another."""
    items: list[Any] = list(range(len(known)))
    other = data.draw(st.sampled_from(items))
    changed = [*items]
    changed[other] = "another"
    with a_place() as place, begun(place, items, known, whole=whole) as journal:
        source = journalled([*changed, "more"], journal)
        rows = []

        async def pull() -> None:
            while (row := await source.pull()) is not None:
                rows.append(row)

        with pytest.raises(JournalError, match=f"row {other + 1} is different") as caught:
            run_virtually(pull())

        assert str(place) in str(caught.value)
        assert [n for n in range(other) if known[n] is EntryState.PENDING] == [n for n, _ in rows]
        assert items == numbers(journal)
        assert whole == journal.whole


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 2, 1]])
async def test_rows_in_another_order_are_another_input(tmp_path: Path, order: list[int]) -> None:
    """Rows are known by their place, too."""
    with (
        begun(tmp_path / "x", [0, 1, 2]) as journal,
        pytest.raises(JournalError, match="is different"),
    ):
        await everything(journalled(order, journal))


async def test_rows_that_can_not_be_written_down_are_told_apart_too(tmp_path: Path) -> None:
    """A row that JSON has no form for is refused when it is done, and is still that row."""
    odd, other = {"value": {1, 2}}, {"value": {3}}
    with begun(tmp_path / "x", []) as journal:
        assert [(0, "a"), (1, odd)] == await everything(journalled(["a", odd], journal))
    with Journal.open(tmp_path / "x") as journal:
        assert [(0, "a"), (1, odd)] == await everything(journalled(["a", odd], journal))
        with pytest.raises(JournalError, match="row 2 is different"):
            await everything(journalled(["a", other], journal))


def test_a_row_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    """Which row of which journal, and what is wrong with it."""
    entry = JournalEntry(number=4, state=EntryState.PENDING, payload=b"{")
    with (
        begun(tmp_path / "x", []) as journal,
        pytest.raises(JournalError, match="entry 5 can't be read: unexpected end") as caught,
    ):
        read_row(Broken(), journal, entry)

    assert str(tmp_path / "x") == caught.value.journal


def test_a_hash_is_what_it_was() -> None:
    """Journals of earlier versions are compared by it."""
    assert "11fe3dc5f223ed77db10de3a" == digest_of(b'{"name":"a"}').hex()


async def test_a_shorter_input_is_refused(tmp_path: Path) -> None:
    """Rows that the journal knows can't be missing."""
    with begun(tmp_path / "x", [0, 1, 2], [EntryState.DONE] * 3) as journal:
        with pytest.raises(JournalError, match="fewer rows"):
            await everything(journalled([0, 1], journal))

        assert not journal.whole


async def test_a_longer_input_is_refused_where_the_journal_has_all(tmp_path: Path) -> None:
    """A journal that has seen the end of its input knows that this is another."""
    with begun(tmp_path / "x", [0, 1], [EntryState.DONE] * 2, whole=True) as journal:
        with pytest.raises(JournalError, match="it has 2 rows, and the input has more"):
            await everything(journalled([0, 1, 2], journal))

        assert [0, 1] == numbers(journal)


async def test_an_input_that_goes_on_is_taken_down(tmp_path: Path) -> None:
    """A journal that was cut short gets the rest of its input."""
    with begun(tmp_path / "x", [0, 1], [EntryState.DONE] * 2) as journal:
        assert [(2, 2), (3, 3)] == await everything(journalled(range(4), journal))
        assert [0, 1, 2, 3] == numbers(journal)
        assert journal.whole


@pytest.mark.parametrize("workers", [1, 4])
async def test_a_source_that_fails_has_not_come_to_its_end(tmp_path: Path, workers: int) -> None:
    """A later run with the whole input is not refused for having too many rows."""

    async def rows() -> AsyncIterator[int]:
        yield 0
        await asyncio.sleep(0)
        raise LookupError("mine")

    with begun(tmp_path / "x", []) as journal:
        source = journalled(rows(), journal)
        ends = await asyncio.gather(
            *(source.pull() for _ in range(1 + workers)), return_exceptions=True
        )

        assert [(0, 0)] == [end for end in ends if isinstance(end, tuple)]
        assert 1 == sum(isinstance(end, LookupError) for end in ends)
        assert not journal.whole
        assert [(0, 0), (1, 1)] == await everything(journalled([0, 1], journal))


async def test_many_finished_rows_let_others_have_their_turn(tmp_path: Path) -> None:
    """Passing over rows takes no requests, and must not stand in the way of those that do."""
    many = 3500
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with begun(tmp_path / "x", range(many), [EntryState.DONE] * many) as journal:
        task = asyncio.create_task(other())
        source = journalled(range(many + 1), journal)
        assert (many, many) == await source.pull()
        task.cancel()

    assert many == source.skipped
    assert many // 1000 == turns


# --- from a journal alone ----------------------------------------------------------------------


@given(st.lists(STATES, max_size=30))
def test_a_journal_gives_its_pending_rows(known: list[EntryState]) -> None:
    """As they were written down, in their order."""
    items = [{"row": number} for number in range(len(known))]
    pending = [n for n, state in enumerate(known) if state is EntryState.PENDING]
    with a_place() as place, begun(place, items, known) as journal:
        rows = run_virtually(everything(journalled(None, journal), workers=3))

        assert [(n, items[n]) for n in pending] == rows
        # Whether the input had more rows is not known by reading what is there.
        assert not journal.whole


async def test_a_journal_gives_each_pending_row_once(tmp_path: Path) -> None:
    """While rows are done that were given out before, page after page."""
    many = 1200
    with begun(tmp_path / "x", range(many)) as journal:
        source = journalled(None, journal)
        seen = []
        while (row := await source.pull()) is not None:
            seen.append(row[0])
            if len(seen) % 100 == 0:
                journal.write(
                    Batch(ended=[(int(EntryState.DONE), 1, 1.0, None, None, n) for n in seen])
                )

    assert list(range(many)) == seen
