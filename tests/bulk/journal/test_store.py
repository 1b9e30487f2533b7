"""What a bulk run writes down: its format, its privacy, its lock, and what can be asked of it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import JournalError, LockedError
from tagodev._bulk.journal.entry import Batch, EntryState, JournalEntry
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import a_place, about, begun, pulled
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DONE, FAILED, PENDING, SENT, UNSOLVED = (
    EntryState.DONE,
    EntryState.FAILED,
    EntryState.PENDING,
    EntryState.SENT,
    EntryState.UNSOLVED,
)
SUFFIXES = ("", "-wal", "-shm", ".lock")


def beside(path: Path, suffix: str) -> Path:
    """Return a file that belongs to a journal."""
    return path.with_name(path.name + suffix)


def modes(path: Path) -> dict[str, int]:
    """Return who may do what with a journal and the files that belong to it."""
    files = {suffix: beside(path, suffix) for suffix in SUFFIXES}
    return {
        suffix: stat.S_IMODE(file.stat().st_mode) for suffix, file in files.items() if file.exists()
    }


def ended(number: int, state: EntryState, **facts: Any) -> tuple[Any, ...]:
    """Return what a batch holds of a row that has come to an end."""
    given_ = {"attempts": 1, "when": 5.0, "result": None, "error": None, **facts}
    return (
        int(state),
        given_["attempts"],
        given_["when"],
        given_["result"],
        given_["error"],
        number,
    )


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Let new files have other modes for a while."""
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


# --- what it is --------------------------------------------------------------------------------


def test_the_format_is_as_documented(tmp_path: Path) -> None:
    """Tables, columns and numbers are what journals of this version are read by."""
    path = tmp_path / "x"
    begun(path, ["a"]).close()
    with closing(sqlite3.connect(path)) as database:
        assert (0x7467646A,) == database.execute("PRAGMA application_id").fetchone()
        assert ("wal",) == database.execute("PRAGMA journal_mode").fetchone()
        assert (3,) == database.execute("SELECT value + 0 FROM meta WHERE key='format'").fetchone()
        columns = {
            table: [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }

    assert {
        "meta": ["key", "value"],
        "rows": [
            *("number", "state", "hash", "payload", "attempts"),
            *("sent", "ended", "progress", "result", "error"),
        ],
        "spent": ["ledger", "route", "minute", "number", "count"],
        "asked": ["route", "minute", "number", "count"],
    } == columns
    assert {"PENDING": 0, "SENT": 1, "DONE": 2, "FAILED": 3, "UNSOLVED": 4} == {
        state.name: int(state) for state in EntryState
    }


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    """What was written down is there after the machine has lost its power, too."""
    with begun(tmp_path / "x", []) as journal:
        assert (2,) == journal._connection.execute("PRAGMA synchronous").fetchone()


def test_it_says_what_it_is_about(tmp_path: Path) -> None:
    """Opening it later returns all that is needed to resume."""
    info = about(options={"identity": "name"}, began=7.5)
    Journal.create(tmp_path / "x", info).close()
    with Journal.open(tmp_path / "x") as opened, Journal.read(tmp_path / "x") as read:
        assert info == opened.info == read.info


def test_name_and_time_of_a_run_are_made_up(tmp_path: Path) -> None:
    """Eight letters and digits that no other run has, and now."""
    made = []
    for name in ("a", "b"):
        with Journal.create(tmp_path / name, about(run="")) as journal:
            made.append(journal.info)

    assert made[0].run != made[1].run
    assert all(len(info.run) == 8 and info.run.isalnum() for info in made)
    assert 0 <= made[1].began - made[0].began < 60
    assert made[0].began > 1_700_000_000


# --- who may see it ----------------------------------------------------------------------------


def test_only_its_owner_may_see_it(tmp_path: Path) -> None:
    """The journal and all that belongs to it, whatever the mode of new files is otherwise."""
    path = tmp_path / "x"
    with umask(0), begun(path, ["a"]) as journal:
        journal.write(Batch(sent=[(1.0, 0)]))

        assert dict.fromkeys(SUFFIXES, 0o600) == modes(path)


def test_a_journal_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    """Copies lose their mode, and a process that was killed leaves more than one file."""
    path, copy = tmp_path / "x", tmp_path / "copy"
    with umask(0), begun(path, ["a"]):
        for suffix in ("", "-wal"):
            shutil.copyfile(beside(path, suffix), beside(copy, suffix))
        assert {"": 0o666, "-wal": 0o666} == modes(copy)
    path.unlink()
    with Journal.open(copy):
        assert dict.fromkeys(SUFFIXES, 0o600) == modes(copy)


# --- what is none ------------------------------------------------------------------------------


def other_database(path: Path) -> None:
    """Make a database of another user."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE meta (key, value)")


def other_version(path: Path) -> None:
    """Make a journal that another version has written."""
    begun(path, ["a"]).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE meta SET value = '1' WHERE key = 'format'")


STRANGERS: dict[str, tuple[str, Any]] = {
    "missing": ("no such journal", lambda path: None),
    "folder": ("no such journal", lambda path: path.mkdir()),
    "empty": ("not a tagodev journal", lambda path: path.touch()),
    "text": ("not a database", lambda path: path.write_text("name,tags\nx,y\n" * 100)),
    "other database": ("not a tagodev journal", other_database),
    "other version": ("another version", other_version),
}


@pytest.mark.parametrize("how", [Journal.open, Journal.read])
@pytest.mark.parametrize(("problem", "make"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_journal_is_left_alone(
    tmp_path: Path, how: Any, problem: str, make: Any
) -> None:
    """The error names the file, and the file stays what it was, its mode included."""
    path = tmp_path / "x"
    make(path)
    if path.is_file():
        path.chmod(0o644)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(JournalError, match=problem) as caught:
        how(path)

    assert str(path) == caught.value.journal
    assert before == (path.read_bytes() if path.is_file() else None)
    if before is not None and make is not other_version:
        assert 0o644 == modes(path)[""]
    # No one is kept out by an attempt that failed.
    with pytest.raises(JournalError, match=problem):
        how(path)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A journal is made where there is none."""
    begun(tmp_path / "x", ["a"]).close()
    with pytest.raises(JournalError, match="file already exists"):
        Journal.create(tmp_path / "x", about())
    with Journal.read(tmp_path / "x") as journal:
        assert {PENDING: 1} == journal.counts()


def test_a_place_that_is_none(tmp_path: Path) -> None:
    """A folder that does not exist is an error that says so, not one of the system."""
    with pytest.raises(JournalError, match="No such file"):
        Journal.create(tmp_path / "nowhere" / "x", about())


def test_what_a_beginning_that_was_cut_short_has_left_is_no_hindrance(tmp_path: Path) -> None:
    """A process that is killed while it makes a journal has sent nothing: it simply begins anew."""
    path = tmp_path / "x"
    beside(path, ".draft").write_text("half")
    with begun(path, ["a"]) as journal:
        assert {PENDING: 1} == journal.counts()
    assert ["x", "x.lock"] == sorted(file.name for file in tmp_path.iterdir())


# --- who may use it ----------------------------------------------------------------------------


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """Two runs of one process are kept apart; when the first has ended, the next may go on."""
    path = tmp_path / "x"
    with begun(path, ["a"]), pytest.raises(LockedError, match="another process"):
        Journal.open(path)
    with Journal.open(path) as journal:
        assert {PENDING: 1} == journal.counts()


PROGRAM = """
import sys, time
from tagodev._bulk.journal.store import Journal
journal = Journal.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second process may look, but not write; when the first is killed, it may."""
    path = tmp_path / "x"
    begun(path, ["a"]).close()
    with start(PYTHON, "-c", PROGRAM, path, stderr=None) as other:
        assert other.stdout is not None
        assert "open\n" == other.stdout.readline()
        with pytest.raises(LockedError, match=f"{path}: .* in use .*process {other.pid} on"):
            Journal.open(path)
        with Journal.read(path) as journal:
            assert {PENDING: 1} == journal.counts()
        other.send_signal(signal.SIGKILL)
        other.wait()
    with Journal.open(path) as journal:
        assert {PENDING: 1} == journal.counts()


def test_it_is_read_while_it_is_written(tmp_path: Path) -> None:
    """A reader sees whole commits, at once, and keeps no one from writing."""
    path = tmp_path / "x"
    with begun(path, range(600)) as journal, Journal.read(path) as reader:
        rows = reader.rows()
        first = next(rows)
        journal.write(Batch(sent=[(1.0, number) for number in range(600)], whole=True))

        assert {SENT: 600} == reader.counts()
        assert reader.whole
        assert 0 == first.number
        # Read page by page: what was read before a commit is as it was.
        assert {PENDING, SENT} == {entry.state for entry in rows}


def test_a_reader_does_not_write(tmp_path: Path) -> None:
    """A reader can't change the journal."""
    path = tmp_path / "x"
    begun(path, ["a"]).close()
    with Journal.read(path) as reader, pytest.raises(JournalError, match="readonly"):
        reader.write(Batch(sent=[(1.0, 0)]))


# --- what it knows -----------------------------------------------------------------------------

numbers = st.integers(0, 9)
texts = st.text(max_size=5)
blobs = st.binary(max_size=5)
moments = st.integers(0, 100).map(float)
ends = st.tuples(
    st.sampled_from([PENDING, DONE, FAILED, UNSOLVED]).map(int),
    st.integers(0, 3),
    st.none() | moments,
    st.none() | blobs,
    st.none() | texts,
    numbers,
)
batches = st.builds(
    Batch,
    sent=st.lists(st.tuples(moments, numbers), max_size=4),
    progress=st.lists(st.tuples(blobs, numbers), max_size=4),
    ended=st.lists(ends, max_size=4),
)


@given(st.lists(batches, max_size=6))
def test_rows_are_what_was_said_of_them(said: list[Batch]) -> None:
    """Batch after batch: sent, then its steps, then its end; the first time of sending stays."""
    known = {
        number: JournalEntry(number=number, state=PENDING, payload=b"%d" % number)
        for number in range(10)
    }
    with a_place() as place, begun(place, range(10)) as journal:
        for batch in said:
            journal.write(batch)
            for when, number in batch.sent:
                row = known[number]
                first = when if row.sent is None else row.sent
                known[number] = attrs.evolve(row, state=SENT, sent=first)
            for progress, number in batch.progress:
                known[number] = attrs.evolve(known[number], progress=progress)
            for state, attempts, when_ended, result, error, number in batch.ended:
                row = known[number]
                known[number] = attrs.evolve(
                    row,
                    state=EntryState(state),
                    attempts=row.attempts + attempts,
                    ended=when_ended,
                    result=result,
                    error=error,
                )
        rows = [*known.values()]
        states = [row.state for row in rows]

        assert rows == [*journal.rows()]
        assert {state: states.count(state) for state in set(states)} == journal.counts()
        assert [row for row in rows if row.state in {SENT, DONE} and row.number > 3] == [
            *journal.rows(SENT, DONE, after=3)
        ]
        assert [
            (row.number, row.progress)
            for row in rows
            if row.state is PENDING and row.progress is not None
        ] == journal.progress()


@pytest.mark.parametrize("many", [0, 1, 499, 500, 501, 1250])
def test_rows_are_read_page_by_page(tmp_path: Path, many: int) -> None:
    """All of them, in their order, wherever a page ends."""
    with begun(tmp_path / "x", range(many)) as journal:
        assert list(range(many)) == [entry.number for entry in journal.rows()]
        assert list(range(many))[7:] == [entry.number for entry in journal.rows(after=6)]


@pytest.mark.parametrize("many", [2, 999, 1000, 1001, 2500])
def test_hashes_are_read_page_by_page(tmp_path: Path, many: int) -> None:
    """Number, hash and state of all rows, in their order, wherever a page ends."""
    rows = pulled(range(many))
    states = [DONE, SENT, *[PENDING] * (many - 2)]
    with begun(tmp_path / "x", range(many), [DONE, SENT]) as journal:
        assert [(n, rows[n][1], states[n]) for n in range(many)] == [*journal.hashes()]


def test_a_journal_without_rows_has_no_hashes(tmp_path: Path) -> None:
    """Nothing is yielded."""
    with begun(tmp_path / "x", []) as journal:
        assert [] == [*journal.hashes()]


def test_equal_rows_have_equal_hashes(tmp_path: Path) -> None:
    """Rows are known by what they say; their place is known by their number."""
    with begun(tmp_path / "x", ["a", "b", "a"]) as journal:
        first, second, third = (digest for _, digest, _ in journal.hashes())

    assert first == third != second


def test_what_was_granted_is_added_up(tmp_path: Path) -> None:
    """By route and window, without what the asker has granted itself, the earliest first."""
    with begun(tmp_path / "x", []) as journal:
        journal.write(
            Batch(
                spent={
                    ("a", "POST /device", 60.0, 5): 2,
                    ("a", "POST /device", 60.0, 4): 1,
                    ("a", "POST /device", 2.0, 150): 9,
                    ("b", "POST /device", 60.0, 5): 10,
                }
            )
        )
        journal.write(Batch(spent={("a", "POST /device", 60.0, 5): 3, ("a", "GET /x", 60.0, 5): 1}))

        assert [
            ("POST /device", 4, 1),
            ("GET /x", 5, 1),
            ("POST /device", 5, 15),
        ] == sorted(journal.spent(60.0), key=lambda row: (row[1], row[0]))
        assert [("POST /device", 5, 10)] == journal.spent(60.0, excluding="a")
        assert [("POST /device", 150, 9)] == journal.spent(2.0)
        assert [4, 5, 5] == [number for _, number, _ in journal.spent(60.0)]


# --- changing it -------------------------------------------------------------------------------


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """One row that can't be written takes none of the others with it."""
    with begun(tmp_path / "x", ["a", "b"]) as journal:
        with pytest.raises(JournalError, match="UNIQUE"):
            journal.write(Batch(pulled=pulled(["c", "d"], first=1), whole=True))

        assert {PENDING: 2} == journal.counts()
        assert not journal.whole


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """It is an error that names the journal; what was there is there."""
    with begun(tmp_path / "x", ["a"]) as journal:
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match="full") as caught:
            journal.write(Batch(pulled=pulled(["b" * 10_000], first=1), sent=[(1.0, 0)]))

        assert str(tmp_path / "x") == caught.value.journal
        assert {PENDING: 1} == journal.counts()


def test_a_whole_input_is_written_at_once(tmp_path: Path) -> None:
    """All its rows, and that there are no more."""
    with begun(tmp_path / "x", []) as journal:
        assert not journal.whole
        journal.fill(iter(pulled(range(1000))))

        assert {PENDING: 1000} == journal.counts()
        assert journal.whole


def test_an_input_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Half a file is not taken for a whole one."""

    def rows() -> Iterator[tuple[int, bytes, bytes]]:
        yield from pulled(range(10))
        raise LookupError("mine")

    with begun(tmp_path / "x", []) as journal:
        with pytest.raises(LookupError):
            journal.fill(rows())

        assert {} == journal.counts()
        assert not journal.whole


def test_failed_rows_are_done_again_on_demand(tmp_path: Path) -> None:
    """Those that failed, and no others; what they have done so far stays known."""
    states = [PENDING, SENT, DONE, FAILED, UNSOLVED, FAILED]
    with begun(tmp_path / "x", range(6), states) as journal:
        journal.write(
            Batch(
                progress=[(b"step", 3)],
                ended=[ended(3, FAILED, error="no"), ended(5, FAILED, error="no")],
            )
        )
        assert 2 == journal.retry_failed()
        assert [PENDING, SENT, DONE, PENDING, UNSOLVED, PENDING] == [
            entry.state for entry in journal.rows()
        ]
        again = next(journal.rows(after=2))
        assert (None, None, b"step", 2) == (
            again.error,
            again.ended,
            again.progress,
            again.attempts,
        )
        assert 0 == journal.retry_failed()


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """The files as they stand at any moment hold every commit that has returned."""
    path, copy = tmp_path / "x", tmp_path / "copy"
    with begun(path, range(3)) as journal:
        journal.write(Batch(sent=[(1.0, 1)]))
        for suffix in ("", "-wal"):
            shutil.copyfile(beside(path, suffix), beside(copy, suffix))
    # Into the same files: a copy elsewhere is another matter (`test_journal_identity`).
    for suffix in ("", "-wal"):
        shutil.copyfile(beside(copy, suffix), beside(path, suffix))
    with Journal.open(path) as journal:
        assert [PENDING, SENT, PENDING] == [entry.state for entry in journal.rows()]


def test_entries_do_not_show_tokens(tmp_path: Path) -> None:
    """Printing what a journal holds is harmless."""
    token = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    with begun(tmp_path / "x", [token]) as journal:
        journal.write(
            Batch(progress=[(token.encode(), 0)], ended=[ended(0, DONE, result=token.encode())])
        )
        (entry,) = journal.rows()

    assert token not in repr(entry)
    assert entry.result == token.encode()
