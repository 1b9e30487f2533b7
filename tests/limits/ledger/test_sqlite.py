"""Leases in a file: who may read it, and what becomes of one that is gone, busy or broken."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from tagodev._limits.ledger import sqlite
from tagodev._limits.ledger.lease_store import Profile, StoreError
from tagodev._limits.ledger.sqlite import SqliteStore
from tests.limits.leasing import ask, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the name of a file in a folder that is not there yet."""
    return tmp_path / "state" / "ledger.sqlite"


@pytest.fixture
def open_store(path: Path) -> Iterator[Callable[[], SqliteStore]]:
    """Give what makes stores in that file, as processes do; they are closed in the end."""
    with ExitStack() as stack:

        def open_store() -> SqliteStore:
            store = SqliteStore(path)
            stack.callback(store.disconnect)
            return store

        yield open_store


@pytest.fixture
def store(open_store: Callable[[], SqliteStore]) -> SqliteStore:
    """Give a store in that file."""
    return open_store()


ALL = exchange(ask(want=320, urgent=320))


def kept_in(path: Path) -> list[tuple[str, str, int]]:
    """Return profile, route and window of everything that a file keeps, if of a route that asks."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT profile, value FROM profiles").fetchall()
    return [
        (name, route, one.number)
        for name, value in rows
        for route, holdings in Profile(value)._routes.items()
        for one in holdings
    ]


def test_the_file_is_for_its_owner_only(store: SqliteStore, path: Path) -> None:
    """The file is readable by its owner only."""
    store.exchange_now(ALL)

    assert {0o600} == {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


def test_a_new_file_makes_nobody_wait(store: SqliteStore) -> None:
    """The first start of a program loses no window."""
    assert 0 == store.exchange_now(ALL).first_free


def test_leases_outlive_the_process(
    store: SqliteStore, open_store: Callable[[], SqliteStore]
) -> None:
    """The next start of a program finds what the one before it has leased."""
    epoch = store.exchange_now(ALL).epoch
    store.disconnect()
    reply = open_store().exchange_now(exchange(ask(want=1), holder="two"))

    assert (epoch, 0, 0) == (reply.epoch, reply.first_free, reply.leases[0].permits)


def test_a_file_that_vanished_makes_all_wait(
    store: SqliteStore, open_store: Callable[[], SqliteStore], path: Path
) -> None:
    """A process that used the old file records the change for all processes."""
    epoch = store.exchange_now(ALL).epoch
    for file in path.parent.iterdir():
        file.unlink()
    reply = store.exchange_now(exchange(ask(want=1), epoch=epoch, first_safe=107))
    newcomer = open_store().exchange_now(exchange(ask(want=1), holder="two"))

    assert epoch != reply.epoch == newcomer.epoch
    assert (107, 107) == (reply.first_free, newcomer.first_free)


def test_a_file_that_another_process_made_anew(
    store: SqliteStore, open_store: Callable[[], SqliteStore], path: Path
) -> None:
    """A process that did not wait yet waits as soon as one has come that knew the old file."""
    epoch = store.exchange_now(ALL).epoch
    for file in path.parent.iterdir():
        file.unlink()
    newcomer = open_store()
    before = newcomer.exchange_now(exchange(ask(want=1), holder="two"))
    store.exchange_now(exchange(ask(want=1), epoch=epoch, first_safe=107))
    known = newcomer.exchange_now(exchange(ask(want=1), holder="two", epoch=before.epoch))

    assert (0, 107) == (before.first_free, known.first_free)


def test_only_the_first_word_about_a_lost_file_counts(
    store: SqliteStore, open_store: Callable[[], SqliteStore], path: Path
) -> None:
    """What was safe when the first one noticed is safe: others don't put it off."""
    epoch = store.exchange_now(ALL).epoch
    for file in path.parent.iterdir():
        file.unlink()
    store.exchange_now(exchange(ask(want=1), epoch=epoch, first_safe=107))
    late = exchange(ask(want=1), holder="three", epoch=epoch, first_safe=119)

    assert 107 == open_store().exchange_now(late).first_free


def test_an_old_copy_is_another_file(store: SqliteStore, path: Path) -> None:
    """A copy that is put in the file's place bears its epoch, and may lack the latest leases."""
    epoch = store.exchange_now(ALL).epoch
    store.disconnect()
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)

    assert epoch != store.exchange_now(ALL).epoch


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" * 9])
def test_a_broken_file_is_an_error_of_the_store(
    store: SqliteStore, path: Path, content: bytes
) -> None:
    """It raises an error, and a new file works."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError):
        store.exchange_now(ALL)
    path.unlink()

    assert 320 == store.exchange_now(ALL).leases[0].permits


def test_a_file_is_checked_before_it_is_used(
    store: SqliteStore,
    open_store: Callable[[], SqliteStore],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that can be made, or is in use, will do; one that is something else will not."""
    monkeypatch.setattr(sqlite, "_TIMEOUT", 0.05)
    store.check()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        open_store().check()
    path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreError):
        store.check()


def test_a_file_that_breaks_meanwhile(store: SqliteStore, path: Path) -> None:
    """A damaged file is an error of the store too."""
    store.exchange_now(ALL)
    store.disconnect()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 20_000)

    with pytest.raises(StoreError):
        store.exchange_now(ALL)


def test_a_file_of_the_first_version_is_taken_over(store: SqliteStore, path: Path) -> None:
    """Its leases are not read, so each profile waits until they have expired."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE epoch (value TEXT NOT NULL); INSERT INTO epoch VALUES ('old');"
            "CREATE TABLE floors (number INTEGER); CREATE TABLE holdings (number INTEGER);"
            "PRAGMA application_id = 1952540527; PRAGMA user_version = 1;"
        )
    first = store.exchange_now(exchange(ask(want=320, urgent=320), first_safe=103))
    again = store.exchange_now(exchange(ask(want=1), first_safe=109))

    assert (103, 103) == (first.first_free, again.first_free)


def test_other_databases_are_left_alone(store: SqliteStore, path: Path) -> None:
    """Who names a journal, or another program's file, by mistake, does it no harm."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (value)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a ledger"):
        store.exchange_now(ALL)
    assert before == path.read_bytes()


def test_a_busy_file_is_waited_for_and_then_away(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that stays locked counts as unavailable, and works again later."""
    monkeypatch.setattr(sqlite, "_TIMEOUT", 0.05)
    store.exchange_now(ALL)
    store.disconnect()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked") as caught:
        store.exchange_now(exchange(ask(want=1)))
    assert not caught.value.permanent
    other.execute("ROLLBACK")
    other.close()

    assert 0 == store.exchange_now(exchange(ask(want=1))).leases[0].permits


def test_a_place_that_can_not_be_written_is_an_error_of_the_store(tmp_path: Path) -> None:
    """A file where the folder should be, for one."""
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "state" / "ledger.sqlite").exchange_now(ALL)


def test_a_full_disk_is_waited_for(store: SqliteStore) -> None:
    """On a full disk nothing is leased, and the file stays valid."""
    store.exchange_now(ALL)
    assert store._connection is not None
    store._connection.execute("PRAGMA max_page_count = 1")
    full = exchange(*(ask(n, route=f"GET /{n}" * 50) for n in range(200)))
    with pytest.raises(StoreError, match="full") as caught:
        store.exchange_now(full)

    assert not caught.value.permanent
    assert 0 == store.exchange_now(exchange(ask(want=1))).leases[0].permits
    assert 200 == len(store.exchange_now(full).leases)


def test_what_is_past_is_forgotten(store: SqliteStore, path: Path) -> None:
    """By the service's clock: other routes and profiles too, once they are long past."""
    day = 86400 // 60
    store.exchange_now(exchange(ask(100), ask(100, route="GET /device")))
    store.exchange_now(exchange(ask(100), profile="other"))
    store.exchange_now(exchange(ask(100 + 2 * day, want=1)))
    store.disconnect()

    # Another route of the same profile is forgotten when it is asked for again.
    expected = [("garden", "POST /device", 100 + 2 * day), ("garden", "GET /device", 100)]
    assert expected == kept_in(path)


@pytest.mark.parametrize("another", [{}, {"profile": "other"}, {"window_seconds": 2.0}])
@pytest.mark.parametrize(
    ("ago", "carried", "kept"),
    [(7, 5, False), (7, 6, True), (6, 1, True), (6, 5, True), (7, 9, True), (1, 1, True)],
)
def test_only_what_is_past_in_every_way_is_forgotten(
    store: SqliteStore, path: Path, *, another: dict[str, Any], ago: int, carried: int, kept: bool
) -> None:
    """A window stays while charges of it may be counted, or its calls are a recent peak."""
    store.exchange_now(exchange(ask(100 - ago), carried=carried))
    store.exchange_now(exchange(ask(100), **another))

    assert (kept or bool(another)) == (100 - ago in [number for _, _, number in kept_in(path)])
