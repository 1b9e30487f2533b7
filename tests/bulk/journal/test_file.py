"""A disk that takes no more, and journals that can't be written: nothing leaves unrecorded."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from tagodev import BulkStoppedError, Created, DeviceCreate, InDoubt, JournalError, Pending
from tagodev._bulk.journal.entry import EntryState, JournalInfo
from tagodev._bulk.journal.file import connect_journal
from tagodev._bulk.journal.store import Journal
from tagodev.emulator import Emulator, EmulatorOptions, EmulatorProcess
from tests.bulk.crashing import Job, Program, device_name
from tests.support.clients import client

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev import Outcome, Tago

ROWS: Final = 300


# --- a disk that is full -------------------------------------------------------------------------


@pytest.mark.parametrize("file_size", [10_000, 45_000, 80_000, 150_000])
def test_a_full_disk(tmp_path: Path, file_size: int) -> None:
    """Each device that was made stands in the journal, and with more space there is one a row."""
    options = EmulatorOptions(seed=1, faults={"POST /device:reset-after-commit": 0.05})
    with EmulatorProcess(options) as emulator, Program() as program:
        job = Job(
            kind="create",
            rows=ROWS,
            url=emulator.url,
            token=emulator.token,
            journal=str(tmp_path / "full.journal"),
            settle=0.1,
            file_size=file_size,
        )
        full = program.live(job)
        made = emulator.stats()["created"]
        noted = noted_in(tmp_path / "full.journal")
        done = program.live(attrs.evolve(job, file_size=None))
        stats = emulator.stats()

    assert (0, 0) == (full.code, full.report["failed"])
    assert full.report["stopped"].startswith("JournalError(")
    assert made == full.report["done"] + full.report["in_doubt"] < ROWS
    assert made <= noted
    assert (0, "") == (done.code, done.report["stopped"])
    assert ROWS == done.report["done"] + done.report["skipped"]
    assert (ROWS, ROWS, {}) == (stats["created"], stats["devices"], stats["duplicates"])


def noted_in(path: Path) -> int:
    """Return how many rows a journal shows as sent, whatever became of them."""
    if not path.exists():
        return 0
    with Journal.read(path) as journal:
        return sum(
            count for state, count in journal.counts().items() if state is not EntryState.PENDING
        )


@pytest.mark.parametrize("pages", [16, 20, 24])
async def test_what_is_known_is_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    """Answers that come when nothing can be written any more reach the caller all the same."""
    place = tmp_path / "full.journal"
    options = EmulatorOptions(seed=pages, latency=0.02, faults={"POST /device:reset-before": 0.05})
    async with Emulator(options) as emulator:
        with monkeypatch.context() as patch:
            patch.setattr("tagodev._bulk.journal.store.connect_journal", connecting_to(pages))
            async with client(emulator.url, token=emulator.token) as tago:
                outcomes, error = await outcomes_of(tago, place)
                devices = {device.id: device.name async for device in tago.devices.list()}
        async with client(emulator.url, token=emulator.token) as tago:
            report = await tago.devices.create_many(devices_to_make(), journal=place, settle=0)
        stats = emulator.stats()

    given = {one.result.device_id: one.item.name for one in outcomes if isinstance(one, Created)}
    others = [one for one in outcomes if not isinstance(one, Created)]
    assert isinstance(error.reason, JournalError)
    assert f"{place}: database or disk is full" in str(error)
    assert "resume with the same journal" in str(error)
    assert given == devices
    assert all(one.result.token for one in outcomes if isinstance(one, Created))
    assert {InDoubt, Pending} >= {type(one) for one in others}
    assert ROWS == report.done + report.skipped
    assert (ROWS, {}) == (stats["devices"], stats["duplicates"])


def connecting_to(pages: int) -> Any:
    """Return a way to open journals that hold no more than so many pages."""

    def with_little_room(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect_journal(*args, **kwargs)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    return with_little_room


async def outcomes_of(tago: Tago, place: Path) -> tuple[list[Outcome], BulkStoppedError]:
    """Return what a run gives out before it stops, and what it stops with."""
    outcomes: list[Outcome] = []

    async def run_to_its_end() -> None:
        async with tago.devices.create_many(devices_to_make(), journal=place, settle=0) as run:
            async for outcome in run:
                outcomes.append(outcome)  # noqa: PERF401  (what came before the error is kept)

    with pytest.raises(BulkStoppedError) as caught:
        await run_to_its_end()
    return outcomes, caught.value


def devices_to_make() -> list[DeviceCreate]:
    """Return the input."""
    return [DeviceCreate(name=device_name(row)) for row in range(ROWS)]


# --- what can't be a journal ---------------------------------------------------------------------


def a_folder(tmp_path: Path) -> Path:
    """Return a folder."""
    return tmp_path


def in_no_folder(tmp_path: Path) -> Path:
    """Return a place in a folder that is not there."""
    return tmp_path / "nowhere" / "new.journal"


def in_a_file(tmp_path: Path) -> Path:
    """Return a place below what is no folder."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "new.journal"


def a_text(tmp_path: Path) -> Path:
    """Return a file that is no database."""
    (tmp_path / "site.csv").write_text("name\n" + "sensor-1\n" * 100)
    return tmp_path / "site.csv"


def another_database(tmp_path: Path) -> Path:
    """Return a database of another user."""
    with closing(sqlite3.connect(tmp_path / "else.db")) as connection:
        connection.execute("CREATE TABLE rows (number INTEGER)")
    return tmp_path / "else.db"


def in_a_folder_that_is_read_only(tmp_path: Path) -> Path:
    """Return a place where nothing can be made."""
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("root, which may write everywhere, has no such folder")
    (tmp_path / "sealed").mkdir(mode=0o500)
    return tmp_path / "sealed" / "new.journal"


def a_file_of_somebody_else(tmp_path: Path) -> Path:
    """Return a journal that we may read, and no more."""
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("root, which may write everywhere, has no such file")
    (tmp_path / "sealed").mkdir()
    place = tmp_path / "sealed" / "old.journal"
    Journal.create(place, JournalInfo(run="", kind="create_devices")).close()
    (tmp_path / "sealed" / "old.journal.lock").chmod(0o400)
    return place


@pytest.mark.parametrize(
    "make",
    [
        a_folder,
        in_no_folder,
        in_a_file,
        a_text,
        another_database,
        in_a_folder_that_is_read_only,
        a_file_of_somebody_else,
    ],
)
async def test_no_journal(tmp_path: Path, make: Any) -> None:
    """Nothing is sent, and what lies there stays as it was."""
    place = make(tmp_path)
    before = place.read_bytes() if place.is_file() else None
    async with Emulator() as emulator:
        async with client(emulator.url, token=emulator.token) as tago:
            with pytest.raises(JournalError, match=str(tmp_path)):
                await tago.devices.create_many(devices_to_make(), journal=place)
        assert 0 == emulator.stats()["accepted"]

    assert before == (place.read_bytes() if place.is_file() else None)
