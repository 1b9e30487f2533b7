"""Writing a whole input down: all of it or nothing, and no other input afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tagodev import DeviceCreate, InputError, JournalError, LockedError
from tagodev._bulk.input import digest_of
from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.prefill import fill_journal
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.run_registry import lock_beside
from tagodev._filesystem.process_lock import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INFO = JournalInfo(run="", kind="a kind", options={"how": "so"}, service="http://a")


def rows(*texts: str, start: int = 0) -> list[tuple[int, bytes]]:
    """Return rows, numbered one after the other."""
    return [(start + number, text.encode()) for number, text in enumerate(texts)]


def many(number: int) -> list[tuple[int, bytes]]:
    """Return so many rows."""
    return rows(*map(str, range(number)))


def held(path: Path) -> list[tuple[int, bytes]]:
    """Return the rows of a journal."""
    with Journal.read(path) as journal:
        return [(entry.number, entry.payload) for entry in journal.rows()]


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2500])
def test_filled_once(tmp_path: Path, number: int) -> None:
    """Everything is in it, pending; the same again changes nothing."""
    path = tmp_path / "x"
    for _ in range(2):
        fill_journal(path, INFO, iter(many(number)))
        assert many(number) == held(path)
    with Journal.read(path) as journal:
        assert journal.whole
        assert journal.counts() == ({EntryState.PENDING: number} if number else {})


def test_what_it_is_about_is_kept(tmp_path: Path) -> None:
    """The keywords of the first run are stored; later runs may use others."""
    path = tmp_path / "x"
    first = JournalInfo(run="", kind="a kind", service="http://a", keywords={"plan": "scale"})
    fill_journal(path, first, many(2))
    fill_journal(path, JournalInfo(run="", kind="a kind", service="http://a"), many(2))
    with Journal.read(path) as journal:
        assert {"plan": "scale"} == journal.info.keywords
        assert 8 == len(journal.info.run)


def test_numbers_may_have_gaps(tmp_path: Path) -> None:
    """Rows of a file that there is nothing to do for are not in it."""
    path = tmp_path / "x"
    some = [(0, b"a"), (4, b"b"), (5, b"c")]
    for _ in range(2):
        fill_journal(path, INFO, some)
    assert some == held(path)
    with pytest.raises(JournalError, match="row 4 is different"):
        fill_journal(path, INFO, [(0, b"a"), (3, b"b"), (5, b"c")])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([*many(1200)[:1100], (1100, b"x"), *many(1200)[1101:]], "row 1101 is different"),
        (many(1000), "the input ends before row 1001"),
        ([], "the input ends before row 1"),
        (many(1201), "it ends before row 1201"),
    ],
)
def test_another_input(tmp_path: Path, other: list[tuple[int, bytes]], message: str) -> None:
    """It is refused with the first row that differs, and the journal is as it was."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(1200))
    with pytest.raises(JournalError, match=f"x: the journal belongs to another input: {message}"):
        fill_journal(path, INFO, other)
    assert many(1200) == held(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "other"}, "this journal belongs to the operation a kind, not to other"),
        ({"options": {"how": "other"}}, "created with how=so, not how=other"),
        ({"options": {}}, "created with how=so, not how=null"),
        ({"options": {"how": "so", "gap": True}}, "created with gap=null, not gap=true"),
    ],
)
def test_another_job(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """It is refused, whatever the rows are."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    known: dict[str, Any] = {"kind": "a kind", "options": {"how": "so"}, "service": "http://a"}
    with pytest.raises(JournalError) as raised:
        fill_journal(path, JournalInfo(run="", **{**known, **change}), many(3))
    assert message in str(raised.value)


def test_options_that_may_change(tmp_path: Path) -> None:
    """How a row is done may change from run to run, what is done may not."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    changed = attrs.evolve(INFO, options={"how": "other"})
    fill_journal(path, changed, many(3), adjustable={"how"})


def test_before_the_first_run_the_service_may_change(tmp_path: Path) -> None:
    """Nothing was sent yet; afterwards the run itself checks whose profile it is."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    fill_journal(path, attrs.evolve(INFO, service="http://b"), many(3))
    with Journal.read(path) as journal:
        assert "http://b" == journal.info.service


def test_an_input_that_ends_in_an_error_leaves_none_of_it(tmp_path: Path) -> None:
    """A file that is changed meanwhile, or Ctrl-C: the next try begins from nothing."""
    path = tmp_path / "x"

    def broken(error: BaseException) -> Iterator[tuple[int, bytes]]:
        yield from many(50)
        raise error

    for error in (InputError("changed"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fill_journal(path, INFO, broken(error))
        assert [] == held(path)
    fill_journal(path, INFO, many(3))
    assert many(3) == held(path)


def test_one_that_was_begun_row_by_row_is_completed(tmp_path: Path) -> None:
    """What a run has read lazily stays as it is, and the rest is added."""
    path = tmp_path / "x"
    with Journal.create(path, INFO) as journal:
        journal.write(
            Batch(
                pulled=[(number, digest_of(text), text) for number, text in many(3)],
                sent=[(1.0, 1)],
            )
        )
    with pytest.raises(JournalError, match="the input ends before row 3"):
        fill_journal(path, INFO, many(2))
    fill_journal(path, INFO, many(5))
    assert many(5) == held(path)
    with Journal.read(path) as journal:
        assert {EntryState.PENDING: 4, EntryState.SENT: 1} == journal.counts()
        assert journal.whole


def test_rows_are_those_of_a_run(tmp_path: Path) -> None:
    """What is written down here is what a run with the same input would compare with."""
    device = DeviceCreate(name="a")
    path = tmp_path / "x"
    fill_journal(path, INFO, [(0, CreateDevices.encode(device))])
    with Journal.read(path) as journal:
        expected = [(0, digest_of(CreateDevices.encode(device)), EntryState.PENDING)]
        assert expected == [*journal.hashes()]


def test_one_in_use_is_refused(tmp_path: Path) -> None:
    """A journal in use can't be filled; a reader does not block it."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    assert not ProcessLock.is_held(lock_beside(path))
    with Journal.open(path):
        assert ProcessLock.is_held(lock_beside(path))
        with pytest.raises(LockedError, match="in use by another process"):
            fill_journal(path, INFO, many(3))
    assert not ProcessLock.is_held(lock_beside(path))


def test_last_activity(tmp_path: Path) -> None:
    """When a row was begun or finished last; nothing before the first."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    with Journal.open(path) as journal:
        assert journal.last_activity() is None
        journal.write(Batch(sent=[(5.0, 0), (7.0, 1)]))
        assert 7.0 == journal.last_activity()
        journal.write(Batch(ended=[(2, 1, 9.0, None, None, 0)]))
        assert 9.0 == journal.last_activity()


def test_a_reader_leaves_nothing_behind(tmp_path: Path) -> None:
    """Reading a journal changes nothing, and deletes the database's temporary files."""
    path = tmp_path / "x"
    fill_journal(path, INFO, many(3))
    before = {one.name for one in tmp_path.iterdir()}
    with Journal.read(path) as journal:
        assert 3 == len(list(journal.rows()))
        with pytest.raises(JournalError, match="readonly"):
            journal.write(Batch(sent=[(1.0, 0)]))
    assert before == {one.name for one in tmp_path.iterdir()}
