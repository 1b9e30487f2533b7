"""``tagodev bulk``: devices made and deleted, results on disk, one JSON object as output."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import orjson

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import Command, InProcess, read_results, statuses, write_devices
from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

SCALE = ("--plan", "scale")


def test_create_and_delete_within_the_limits(tmp_path: Path) -> None:
    """A list that needs two windows is made and deleted without a single 429."""
    options = EmulatorOptions(plan="starter", minute=2.0, max_devices=2000)
    limits = ("--plan", "starter", "--minute", "2")
    write_devices(tmp_path / "site.csv", (f"Cold room {n}" for n in range(300)))
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        created = tagodev.run("bulk", "create", "site.csv", *limits, "--json")
        held = emulator.stats()["devices"]
        deleted = tagodev.run("bulk", "delete", "site.results.csv", "--yes", *limits, "--json")
        stats = emulator.stats()

    assert (created.code, deleted.code) == (0, 0)
    assert held == 300
    assert stats["devices"] == 0
    assert stats["rejected"] == 0
    answer = created.json()
    assert answer.pop("elapsed_s") > 0
    assert answer == {
        "rows": 300,
        "created": 300,
        "failed": 0,
        "in_doubt": 0,
        "pending": 0,
        "throttled": 0,
        "out": "site.results.csv",
        "stopped": None,
    }
    assert deleted.json()["deleted"] == 300
    assert deleted.json()["out"] == "site.deleted.csv"

    rows = read_results(tmp_path / "site.results.csv")
    assert {str(n) for n in range(1, 301)} == {row["row"] for row in rows}
    assert all(f"Cold room {int(row['row']) - 1}" == row["name"] for row in rows)
    assert all(len(row["device_id"]) == 24 and row["token"] for row in rows)
    assert statuses(tmp_path / "site.deleted.csv") == {"deleted": 300}
    assert not any(row["token"] for row in read_results(tmp_path / "site.deleted.csv"))


def test_results_are_for_their_owner_only(tagodev: Command) -> None:
    """The results hold tokens: mode 0600."""
    write_devices(tagodev.folder / "site.csv", ["a"])
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--out", "out.csv")
    assert done.code == 0
    assert stat.S_IMODE((tagodev.folder / "out.csv").stat().st_mode) == 0o600


def test_results_are_never_overwritten(tagodev: Command) -> None:
    """A file that is there already is left alone, and nothing is sent."""
    write_devices(tagodev.folder / "site.csv", ["never made"])
    (tagodev.folder / "out.csv").write_text("tokens")
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--out", "out.csv", "--json")
    assert done.code == 2
    assert "out.csv already exists" in done.err
    assert done.out == ""
    assert (tagodev.folder / "out.csv").read_text() == "tokens"


def test_json_lines(tagodev: Command) -> None:
    """JSON Lines do as well as CSV."""
    lines = [
        {"name": "a", "tag.site": "dairy"},
        {"name": "b", "tags": [{"key": "site", "value": "dairy"}], "active": False},
    ]
    path = tagodev.folder / "site.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(line) for line in lines))
    assert tagodev.run("bulk", "create", "site.jsonl", *SCALE, "--json").json()["created"] == 2


def test_output_for_a_person(tagodev: Command) -> None:
    """Without --json a short summary says how many, how long, and where the results are."""
    write_devices(tagodev.folder / "site.csv", ["a", "b"])
    done = tagodev.run("bulk", "create", "site.csv", *SCALE)
    assert done.code == 0
    assert "2 of 2 devices created" in done.out
    assert "site.results.csv" in done.out
    assert done.err == ""


def test_rows_without_an_id_are_skipped(tagodev: Command) -> None:
    """Deleting by the results of a creation skips what was never made, and says so."""
    write_devices(tagodev.folder / "site.csv", ["a", "x" * 101, "b"])
    tagodev.run("bulk", "create", "site.csv", *SCALE)
    done = tagodev.run("bulk", "delete", "site.results.csv", "--yes", *SCALE, "--json")
    assert done.code == 0
    assert (done.json()["rows"], done.json()["deleted"]) == (2, 2)
    assert "Skipped 1 row without a device id" in done.err


def test_rows_that_name_a_device_make_no_twin(inside: InProcess, tmp_path: Path) -> None:
    """2: a row with the id of a device that exists is not taken for a new one."""
    (tmp_path / "site.csv").write_text("name,device_id\nnew,\na,67e1a2b3c4d5e6f708192a3b\n")
    done = inside("bulk", "create", "site.csv", *SCALE)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("site.csv:3: device_id")
    assert "is the id of an existing device" in done.err
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["site.csv"]


def test_plan_auto_asks_the_service(tagodev: Command) -> None:
    """Without a plan the service names it, and nothing needs to be said."""
    write_devices(tagodev.folder / "site.csv", ["a"])
    done = tagodev.run("bulk", "create", "site.csv", "--json")
    assert (done.code, done.err) == (0, "")


def test_plan_from_the_environment(tagodev: Command) -> None:
    """TAGODEV_PLAN names the plan where the option does not."""
    write_devices(tagodev.folder / "site.csv", ["a"])
    tagodev.environment["TAGODEV_PLAN"] = "starter"
    done = tagodev.run("bulk", "create", "site.csv")
    assert (done.code, done.err) == (0, "")


def test_an_empty_list_is_no_error(tagodev: Command) -> None:
    """A header alone makes nothing, and is done at once."""
    (tagodev.folder / "site.csv").write_text("name\n")
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--json")
    assert (done.code, done.json()["rows"]) == (0, 0)
    assert read_results(tagodev.folder / "site.results.csv") == []


def test_bar_on_a_terminal(tagodev: Command) -> None:
    """On a terminal a bar shows what is done and how full the window is; NO_COLOR is honoured."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(40)))
    tagodev.environment |= {"NO_COLOR": "1", "CI": ""}
    done = Terminal(tagodev, columns=120).run("bulk", "create", "site.csv", *SCALE)
    shown = done.out
    assert done.code == 0
    assert "40/40" in shown
    assert "POST /device" in shown
    assert "40/5000" in shown
    assert "\x1b[3" not in shown
