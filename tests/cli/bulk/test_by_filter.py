"""All devices that a filter lets through: shown, asked about, written down, and gone on with."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev._bulk.journal.entry import EntryState
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import Command, read_results, read_rows, statuses, wait_for_journal
from tests.cli.terminal import Terminal
from tests.support.processes import finish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import InProcess


@pytest.fixture
def site(request: pytest.FixtureRequest, inside: InProcess) -> str:
    """Return the value of a tag that exactly twelve devices have."""
    name: str = request.node.name
    for n in range(12):
        inside("device", "create", f"{name} {n:02}", "--tag", f"site={name}")
    return name


def listed(inside: InProcess, site: str, fields: str = "name") -> list[dict[str, Any]]:
    """Return the devices of a site."""
    done = inside("device", "list", "--tag", f"site={site}", "--fields", fields, "--json")
    found: list[dict[str, Any]] = orjson.loads(done.out)
    return found


def the_only(folder: Path, pattern: str) -> Path:
    """Return the one file whose name is such."""
    (path,) = folder.glob(pattern)
    return path


# --- being asked -------------------------------------------------------------------------------


def test_the_number_is_to_be_typed(tagodev: Command, inside: InProcess, site: str) -> None:
    """What is meant is shown, the first ten by name; the number typed, it is done."""
    seen = Terminal(tagodev).run(
        *("device", "delete", "--tag", f"site={site}", "--plan", "scale"),
        answers=[("Type 12 to confirm:", "12\n")],
    )

    assert seen.code == 0, seen.out
    assert "To delete: 12 devices" in seen.out
    assert all(f"{site} {n:02}" in seen.out for n in range(10))
    assert f"{site} 10" not in seen.out
    assert "... and 2 more (--dry-run shows all)" in seen.out
    assert "The devices will be deleted with all their data." in seen.out
    assert [] == listed(inside, site)
    assert {"deleted": 12} == statuses(the_only(tagodev.folder, "tagodev-delete-*.results.csv"))


@pytest.mark.parametrize("answer", ["\n", "y\n", "yes\n", "11\n", "12 \x7f1\n", "\x04"])
def test_anything_else_does_nothing(
    tagodev: Command, inside: InProcess, site: str, answer: str
) -> None:
    """1: a yes is not the number, nor is any other number; nothing is done, nothing written."""
    seen = Terminal(tagodev).run(
        *("device", "delete", "--tag", f"site={site}", "--plan", "scale"),
        answers=[("to confirm:", answer)],
    )

    assert seen.code == 1
    assert "Cancelled; nothing was changed" in seen.out
    assert 12 == len(listed(inside, site))
    assert [] == list(tagodev.folder.glob("tagodev-*"))


def test_nobody_is_there_to_ask(tagodev: Command, inside: InProcess, site: str) -> None:
    """2: in a pipe it takes --yes."""
    done = tagodev.run("device", "delete", "--tag", f"site={site}", "--plan", "scale")

    assert (2, "") == (done.code, done.out)
    assert "confirmation is required but stdin is not a terminal; re-run with --yes" in done.err
    assert 12 == len(listed(inside, site))


def test_one_that_is_named(tagodev: Command, inside: InProcess, site: str) -> None:
    """For devices that are named a yes will do."""
    terminal = Terminal(tagodev)
    name = f"{site} 03"
    no = terminal.run("device", "delete", name, "--plan", "scale", answers=[("to confirm:", "n\n")])
    assert (1, True) == (no.code, name in no.out)
    yes = terminal.run(
        "device", "delete", name, "--plan", "scale", answers=[("1 to confirm:", "1\n")]
    )
    assert (0, True) == (yes.code, f"{name}\n" in yes.out)
    assert 11 == len(listed(inside, site))


# --- doing it ----------------------------------------------------------------------------------


def test_yes(inside: InProcess, site: str, tmp_path: Path) -> None:
    """With --yes there is no question; the journal is printed, and the results have all rows."""
    done = inside("device", "delete", "--tag", f"site={site}", "--name", "*0?", "--yes")
    assert (0, "Nothing to delete\n") == (done.code, done.err)
    done = inside(
        *("device", "delete", "--tag", f"site={site}", "--limit", "10", "--yes", "--json"),
        *("--journal", "mine.journal", "--out", "mine.csv"),
    )

    assert done.code == 0
    assert "Journal: mine.journal" in done.err
    answer = done.json()
    assert (10, 10, "mine.csv") == (answer["rows"], answer["deleted"], answer["out"])
    assert {"deleted": 10} == statuses(tmp_path / "mine.csv")
    assert [f"{site} 10", f"{site} 11"] == [one["name"] for one in listed(inside, site)]


def test_dry_run(inside: InProcess, site: str, tmp_path: Path) -> None:
    """Every device is shown, and nothing is done, with --yes neither."""
    done = inside("device", "delete", "--tag", f"site={site}", "--dry-run", "--yes")

    assert (0, "") == (done.code, done.out)
    assert all(f"{site} {n:02}" in done.err for n in range(12))
    assert 12 == len(listed(inside, site))
    assert [] == [path.name for path in tmp_path.iterdir() if path.name != ".config"]


def test_edit(inside: InProcess, site: str) -> None:
    """Tags are merged into those that each device has; what is so already is left alone."""
    some = listed(inside, site, "id")[0]["id"]
    inside("device", "edit", some, "--set", "tag.floor=1", "--set", "tag.room=9")
    done = inside("device", "edit", "--tag", f"site={site}", "--set", "tag.floor=1", "--yes")

    assert done.code == 0
    assert "Already up to date: 1 device" in done.err
    assert "11 of 11 devices edited" in done.out
    tags = [
        {tag["key"]: tag["value"] for tag in one["tags"]} for one in listed(inside, site, "tags")
    ]
    assert 12 == sum(one["floor"] == "1" and one["site"] == site for one in tags)
    assert 1 == sum(one.get("room") == "9" for one in tags)


def test_replacing_tags(inside: InProcess, site: str) -> None:
    """With --replace-tags only those that are set are there."""
    done = inside(
        *("device", "edit", "--tag", f"site={site}", "--set", f"tag.place={site}"),
        *("--replace-tags", "--yes"),
    )

    assert done.code == 0
    assert [] == listed(inside, site)
    found = inside("device", "list", "--tag", f"place={site}", "--fields", "tags", "--json")
    assert [{"tags": [{"key": "place", "value": site}]}] * 12 == orjson.loads(found.out)


def test_params(inside: InProcess, site: str) -> None:
    """Parameters are set on all of them."""
    done = inside("param", "set", "check_rate=600", "--tag", f"site={site}", "--yes")
    ids = [one["id"] for one in listed(inside, site, "id")]

    assert done.code == 0
    assert all("check_rate  600" in inside("param", "list", one).out for one in ids)


def test_rotation(inside: InProcess, site: str, tmp_path: Path) -> None:
    """A device's only token is replaced; several tokens and tokens that need a gap are listed."""
    several, serial, *_ = [one["id"] for one in listed(inside, site, "id")]
    inside("token", "create", several, "second")
    inside("token", "create", serial, "numbered", "--serial", f"s-{serial}")
    inside("token", "delete", serial, "Default", "--yes")
    old = {one: _token(inside, one) for one in (i["id"] for i in listed(inside, site, "id"))}
    done = inside("token", "rotate", "--tag", f"site={site}", "--yes", "--out", "new.csv")

    # Two devices were left out.
    assert done.code == 6
    assert f"Skipped: {several}  {site} 00: it has 2 tokens. Select one with --named" in done.err
    assert f"Skipped: {serial}  {site} 01: its token has a serial number" in done.err
    assert "10 of 10 tokens rotated" in done.out
    rows = read_results(tmp_path / "new.csv")
    assert {"rotated": 10} == statuses(tmp_path / "new.csv")
    assert all(row["token"] != old[row["device_id"]] for row in rows)
    assert all(row["token"] == _token(inside, row["device_id"]) for row in rows)
    with_gap = inside(
        *("token", "rotate", "--tag", f"site={site}", "--allow-gap", "--yes"),
        *("--named", "numbered"),
    )
    assert "1 of 1 tokens rotated" in with_gap.out
    assert old[serial] != _token(inside, serial)


def _token(inside: InProcess, device: str) -> str:
    done = inside("token", "list", device, "--show-tokens", "--json")
    token: str = orjson.loads(done.out)[0]["token"]
    return token


def test_rotation_of_one(inside: InProcess, site: str) -> None:
    """A device that is named is rotated in the same way, journal and all."""
    device = listed(inside, site, "id")[0]["id"]
    old = _token(inside, device)
    done = inside("token", "rotate", device, "--yes")

    assert done.code == 0
    assert "Journal: tagodev-rotate-" in done.err
    assert old != _token(inside, device)


# --- being cut off -----------------------------------------------------------------------------


def test_an_interrupted_one_is_gone_on_with(tmp_path: Path) -> None:
    """130: Ctrl-C leaves a journal, and the command that it tells does the rest."""
    options = EmulatorOptions(plan="free", minute=3, devices=20, max_devices=100)
    with EmulatorProcess(options) as emulator:
        command = Command(tmp_path, emulator.url, emulator.token)
        process = command.start(
            *("device", "delete", "--name", "device-*", "--yes", "--journal", "mine.journal"),
            *("--plan", "free", "--minute", "3"),
        )
        wait_for_journal(tmp_path / "mine.journal", 5)
        process.send_signal(signal.SIGINT)
        done = finish(process)
        deleted = emulator.stats()["deleted"]
        assert done.code == 130
        assert "To resume: tagodev bulk resume mine.journal" in done.err
        assert 5 <= deleted < 20
        assert deleted == read_rows(tmp_path / "mine.journal")[EntryState.DONE]
        # Plan and minute are remembered.
        resumed = command.run("bulk", "resume", "mine.journal", "--json")
        assert resumed.code == 0, resumed.err
        assert (20, 0) == (emulator.stats()["deleted"], emulator.stats()["rejected"])
    assert {"deleted": 20} == statuses(tmp_path / "mine.results.csv")
    assert deleted == resumed.json()["skipped"]
