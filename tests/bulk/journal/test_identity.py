"""A run is known by its id: links, copies, moves and lost logs of its journal are noticed."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import JournalError, LockedError
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.file import wal_path
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import about, begun
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WRITER = """
import sys, time
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.journal.entry import Batch
journal = Journal.open(sys.argv[1])
journal.write(Batch(sent=[(1.0, 0)]))
print("open", flush=True)
time.sleep(60)
"""


def killed(path: Path) -> None:
    """Leave a journal as a process that was killed leaves it: one of its rows was sent."""
    with start(PYTHON, "-c", _WRITER, path, stderr=None) as writer:
        assert writer.stdout is not None
        assert "open\n" == writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)


def symlink(path: Path, other: Path) -> None:
    """Link by name."""
    other.symlink_to(path)


def symlink_to_symlink(path: Path, other: Path) -> None:
    """Link by name, twice."""
    (path.parent / "between").symlink_to(path)
    other.symlink_to("between")


def hard_link(path: Path, other: Path) -> None:
    """Link the file itself."""
    other.hardlink_to(path)


def copied(path: Path, other: Path) -> None:
    """Copy it, with its log where it has one."""
    shutil.copyfile(path, other)
    if wal_path(path).exists():
        shutil.copyfile(wal_path(path), wal_path(other))


def moved(path: Path, other: Path) -> None:
    """Move it alone."""
    path.rename(other)


def moved_with_log(path: Path, other: Path) -> None:
    """Move it, with its log where it has one."""
    log = wal_path(path)
    path.rename(other)
    if log.exists():
        log.rename(wal_path(other))


def moved_folder(path: Path, other: Path) -> None:
    """Reach it by the folder's new name."""
    path.parent.rename(path.parent.parent / "renamed")
    other.parent.mkdir()
    symlink(path.parent.parent / "renamed" / path.name, other)


def by_folder_link(path: Path, other: Path) -> None:
    """Reach it through a link to its folder."""
    link = path.parent.parent / "linked"
    link.symlink_to(path.parent)
    other.symlink_to(link / path.name)


WAYS = [symlink, symlink_to_symlink, hard_link, copied, by_folder_link]
#: What is right after the process was killed, for each way to reach its journal: a part of the
#: message that refuses it, or None where it is resumed.
AFTER_A_KILL: list[tuple[Callable[[Path, Path], None], str | None]] = [
    (symlink, None),
    (symlink_to_symlink, None),
    (by_folder_link, None),
    (moved_with_log, None),
    (moved_folder, None),
    (moved, "its write-ahead log is missing"),
    (hard_link, "its write-ahead log is missing"),
    (copied, "an older copy"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give the path of a journal with three rows, in a folder of its own."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "j.journal"
    begun(path, range(3), whole=True).close()
    return path


@pytest.mark.parametrize("reach", WAYS, ids=lambda way: way.__name__)
def test_whatever_path_leads_to_it_it_is_locked(
    place: Path, reach: Callable[[Path, Path], None]
) -> None:
    """A second writer is refused, and what is there is not changed."""
    other = place.parent / "other.journal"
    with Journal.open(place) as journal:
        reach(place, other)
        with pytest.raises((LockedError, JournalError)):
            Journal.open(other)
        journal.write(Batch(sent=[(1.0, 1)]))
    with Journal.open(place) as journal:
        assert {EntryState.PENDING: 2, EntryState.SENT: 1} == journal.counts()


@pytest.mark.parametrize(
    ("reach", "refused"), AFTER_A_KILL, ids=lambda one: getattr(one, "__name__", None)
)
def test_after_a_kill(
    place: Path, reach: Callable[[Path, Path], None], refused: str | None
) -> None:
    """What was sent is known, or the journal is refused with what to do; reading always works."""
    killed(place)
    other = place.parent / "other.journal"
    reach(place, other)
    if refused is None:
        with Journal.open(other) as journal:
            assert {EntryState.PENDING: 2, EntryState.SENT: 1} == journal.counts()
        return
    with pytest.raises(JournalError, match=refused) as caught:
        Journal.open(other)
    assert "incomplete=True" in caught.value.hint
    assert str(wal_path(other).name if "log" in refused else place) in str(caught.value)
    with Journal.read(other) as journal:
        problem = journal.problem()
        assert problem is not None
        assert caught.value.message == problem.message
    with Journal.open(other, incomplete=True) as journal:
        # Whatever is not known is looked up.
        assert {EntryState.SENT: 3} == journal.counts()


def test_reading_leaves_the_log_of_a_killed_process(place: Path) -> None:
    """Otherwise the next to resume could not know that the journal is complete."""
    killed(place)
    for _ in range(2):
        with Journal.read(place) as journal:
            assert {EntryState.PENDING: 2, EntryState.SENT: 1} == journal.counts()
            assert journal.problem() is None
    with Journal.open(place) as journal:
        assert {EntryState.PENDING: 2, EntryState.SENT: 1} == journal.counts()
    assert not wal_path(place).exists()


def test_an_older_copy_is_refused_until_the_newest_is_lost(place: Path) -> None:
    """Rows that it shows as pending may be done; accepted as incomplete, each is looked up."""
    copy = place.with_name("copy.journal")
    shutil.copyfile(place, copy)
    with Journal.open(place) as journal:
        journal.write(Batch(sent=[(1.0, 0)], ended=[(2, 1, 2.0, None, None, 0)]))
    with pytest.raises(JournalError, match=f"the newest one is {place}"):
        Journal.open(copy)
    with Journal.open(copy, incomplete=True) as journal:
        assert {EntryState.SENT: 3} == journal.counts()
    # Now that is the newest.
    with pytest.raises(JournalError, match=f"the newest one is {copy}"):
        Journal.open(place)


def test_a_copy_that_is_not_older_is_as_good(place: Path) -> None:
    """Moved to another file system, a closed journal is resumed as it is."""
    other = place.with_name("other.journal")
    shutil.copyfile(place, other)
    place.unlink()
    with Journal.open(other) as journal:
        assert {EntryState.PENDING: 3} == journal.counts()


def test_without_a_state_folder_the_place_is_locked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may have no home: symbolic links are still noticed."""
    (place.parent / "file").touch()
    monkeypatch.setenv("TAGODEV_STATE", str(place.parent / "file" / "state"))
    other = place.with_name("other.journal")
    other.symlink_to(place)
    with Journal.open(place), pytest.raises(LockedError):
        Journal.open(other)


def test_tokens_can_not_be_told_apart_without_their_journal(tmp_path: Path) -> None:
    """An incomplete journal of new tokens is refused: a lookup could not find them."""
    path = tmp_path / "t.journal"
    with Journal.create(path, about("create_tokens")) as journal:
        journal.fill([(0, b"h", b"{}")])
    killed(path)
    wal_path(path).unlink()
    with pytest.raises(JournalError, match="can't be identified"):
        Journal.open(path, incomplete=True)


# --- values in a journal are checked -------------------------------------------------------------

DAMAGES: dict[str, str] = {
    "unknown state": "UPDATE rows SET state = 9 WHERE number = 1",
    "text as state": "UPDATE rows SET state = 'x' WHERE number = 1",
    "text as payload": "UPDATE rows SET payload = 'x' WHERE number = 1",
    "text as attempts": "UPDATE rows SET attempts = 'x' WHERE number = 1",
    "text as time": "UPDATE rows SET sent = 'x' WHERE number = 1",
    "number as result": "UPDATE rows SET result = 5 WHERE number = 1",
    "number as error": "UPDATE rows SET error = x'00' WHERE number = 1",
    "no json in meta": "UPDATE meta SET value = '{' WHERE key = 'run'",
    "bytes in meta": "UPDATE meta SET value = x'ff' WHERE key = 'kind'",
    "list as options": "UPDATE meta SET value = '[]' WHERE key = 'options'",
    "text as settings": "UPDATE meta SET value = '\"x\"' WHERE key = 'keywords'",
    "a path as run": "UPDATE meta SET value = '\"../x\"' WHERE key = 'run'",
    "text as serial": "UPDATE meta SET value = '\"x\"' WHERE key = 'serial'",
    "a view": "ALTER TABLE rows RENAME TO other; CREATE VIEW rows AS SELECT * FROM other",
    "a trigger": ("CREATE TRIGGER t AFTER UPDATE ON meta BEGIN UPDATE rows SET state = 0; END"),
    "no table": "DROP TABLE asked",
    "another column": "ALTER TABLE rows ADD COLUMN more TEXT",
}


def _read_all(place: Path) -> None:
    with Journal.open(place) as journal:
        assert [*journal.rows()]
        journal.counts()
        assert [*journal.hashes()]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named(place: Path, damage: str) -> None:
    """Reading or resuming a damaged journal is a JournalError about it, and never hangs."""
    with closing(sqlite3.connect(place)) as database:
        database.executescript(damage)
    with pytest.raises(JournalError) as caught:
        _read_all(place)
    assert str(place) in str(caught.value)


@pytest.mark.parametrize(
    "damage", [sql for name, sql in DAMAGES.items() if "rows SET" in sql and name != "a trigger"]
)
def test_the_other_rows_can_be_read(place: Path, damage: str) -> None:
    """The tokens of all other rows are in there."""
    with closing(sqlite3.connect(place)) as database:
        database.executescript(damage)
    bad: list[Any] = []
    with Journal.read(place) as journal:
        rows = [entry.number for entry in journal.rows(on_unreadable=bad.append)]
    assert ([0, 2], 1) == (rows, len(bad))
    assert "entry 2 is damaged" in str(bad[0])


def test_no_lock_is_left_by_a_journal_that_is_refused(place: Path) -> None:
    """What was taken is given back, whatever was wrong."""
    killed(place)
    log = wal_path(place)
    kept = log.read_bytes()
    log.unlink()
    for _ in range(2):
        with pytest.raises(JournalError):
            Journal.open(place)
    log.write_bytes(kept)
    with Journal.open(place) as journal:
        assert EntryState.SENT in journal.counts()


def test_a_hard_link_read_while_the_run_ends(place: Path) -> None:
    """A reader by another name keeps SQLite from moving the log into the file: that is noticed."""
    other = place.with_name("other.journal")
    other.hardlink_to(place)
    journal = Journal.open(place)
    reader = Journal.read(other)
    reader.counts()
    journal.write(Batch(sent=[(1.0, 0)], ended=[(2, 1, 2.0, None, None, 0)]))
    journal.close()
    with pytest.raises(JournalError):
        Journal.open(other)
    reader.close()
    with pytest.raises(JournalError):
        Journal.open(other)
    with Journal.open(place) as journal:
        assert {EntryState.PENDING: 2, EntryState.DONE: 1} == journal.counts()
    with Journal.open(other) as journal:
        assert {EntryState.PENDING: 2, EntryState.DONE: 1} == journal.counts()


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_full_disk_at_the_end(
    place: Path, failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that can't be marked as closed keeps its log, and is resumed as it is."""
    journal = Journal.open(place)
    journal.write(Batch(sent=[(1.0, 0)]))
    put, left = journal._put, [failures]

    def fails(key: str, *, value: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise sqlite3.OperationalError("database or disk is full")
        put(key, value=value)

    monkeypatch.setattr(journal, "_put", fails)
    journal.close()

    with Journal.open(place) as journal:
        assert {EntryState.PENDING: 2, EntryState.SENT: 1} == journal.counts()
