"""Each exit code, and that nothing is lost on the way to it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import (
    Command,
    InProcess,
    hour_long,
    read_results,
    statuses,
    wait_for_rows,
    write_devices,
)
from tests.support.processes import finish

SCALE = ("--plan", "scale")


def test_bad_input_is_listed_whole_and_nothing_is_sent(tagodev: Command) -> None:
    """2: every problem with file, line and column; no results, nothing on standard output."""
    (tagodev.folder / "bad.csv").write_text(
        "name,nmae,active\ngood,,yes\n,,no\nbad boolean,,perhaps\n"
    )
    tagodev.api = "http://127.0.0.1:9"
    done = tagodev.run("bulk", "create", "bad.csv", *SCALE, "--json")
    assert done.code == 2
    assert done.err.splitlines() == [
        "bad.csv:1: nmae (column B): unknown column; did you mean name?",
        "bad.csv:3: name (column A): is required",
        (
            "bad.csv:4: active (column C): must be true or false, not 'perhaps'. "
            "Also accepted: yes, no, 1, 0"
        ),
    ]
    assert done.out == ""
    assert [path.name for path in tagodev.folder.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("bulk", "create", "missing.csv"),
        ("bulk", "create", "site.csv", "--nonsense"),
        ("bulk", "create", "site.csv", "--plan", "gigantic"),
        ("bulk", "create", "site.csv", "--minute", "0"),
        ("bulk", "create", "site.csv", "--out", "no/such/folder.csv"),
        ("bulk", "create"),
        ("emulator", "--minute", "0"),
        ("demo", "--devices", "0"),
        ("nonsense",),
    ],
)
def test_usage(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """2: what can't be meant is said on standard error."""
    monkeypatch.setenv("TAGOIO_TOKEN", "made-up")
    write_devices(Path("site.csv"), ["a"])
    done = in_process(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "No token"),
        (("--token", "made-up", "--region", "moon-1"), "Unknown region"),
        (("--token", "made-up", "--api", "http://example.com"), "expose the token"),
        (("--token", "made-up", "--region", "eu-w1", "--minute", "6"), "emulator on this machine"),
    ],
)
def test_configuration(in_process: InProcess, arguments: tuple[str, ...], told: str) -> None:
    """3: what the client was given can't work."""
    write_devices(Path("site.csv"), ["a"])
    done = in_process("bulk", "create", "site.csv", *SCALE, *arguments)
    assert done.code == 3
    assert told in done.err


def test_unreachable_host_is_named(tagodev: Command) -> None:
    """4: the error says which host, and every row is in the results."""
    write_devices(tagodev.folder / "site.csv", ["a", "b", "c"])
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--api", "http://127.0.0.1:9")
    assert done.code == 4
    assert "127.0.0.1:9" in done.err
    assert len(read_results(tagodev.folder / "site.results.csv")) == 3


def test_wrong_token_is_said_once(tagodev: Command, shared_emulator: EmulatorProcess) -> None:
    """5: the run stops, and every row's state is in the results."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(200)))
    before = shared_emulator.stats()["created"]
    tagodev.token = "4bff8bf8-1f6e-4ee5-a371-a9c1c1e5b2f0"
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--json")
    assert done.code == 5
    assert done.err.count("401") == 1
    assert "401" in done.json()["stopped"]
    assert {"failed", "pending"} == set(statuses(tagodev.folder / "site.results.csv"))
    assert len(read_results(tagodev.folder / "site.results.csv")) == 200
    assert before == shared_emulator.stats()["created"]


def test_a_refused_row_does_not_stop_the_others(tagodev: Command) -> None:
    """6: it is in the results with the service's own message."""
    write_devices(tagodev.folder / "site.csv", ["a", "x" * 101, "b"])
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--json")
    assert done.code == 6
    assert (done.json()["created"], done.json()["failed"]) == (2, 1)
    refused = [
        row
        for row in read_results(tagodev.folder / "site.results.csv")
        if row["status"] == "failed"
    ]
    assert [row["row"] for row in refused] == ["2"]
    assert "name" in refused[0]["error"]


def test_device_cap(tmp_path: Path) -> None:
    """7: the run stops at the cap, and the results say which devices there are."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(100)))
    with EmulatorProcess(EmulatorOptions(max_devices=5)) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--json")
        assert emulator.stats()["devices"] == 5
    assert done.code == 7
    assert done.json()["created"] == 5
    counts = statuses(tmp_path / "site.results.csv")
    assert sum(counts.values()) == 100
    assert counts["created"] == 5
    assert {"created", "failed", "pending"} == set(counts)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    """130: all answers are in the results, and the rows that waited are pending, not in doubt."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(100)))
    with EmulatorProcess(hour_long()) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        limits = ("--plan", "free", "--minute", "3600")
        process = tagodev.start("bulk", "create", "site.csv", *limits, "--json")
        # The last of the ten places is held back to the window's end, for others to be seen.
        wait_for_rows(tmp_path / "site.results.csv", 9)
        process.send_signal(number)
        done = finish(process)
        assert emulator.stats()["created"] == 9
    assert done.code == 130
    assert done.json()["stopped"] == "interrupted"
    assert statuses(tmp_path / "site.results.csv") == {"created": 9, "pending": 91}


def test_interrupted_in_full_swing(tagodev: Command, shared_emulator: EmulatorProcess) -> None:
    """130: no answer that was on its way is lost."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(4000)))
    before = shared_emulator.stats()["created"]
    process = tagodev.start("bulk", "create", "site.csv", *SCALE, "--json")
    wait_for_rows(tagodev.folder / "site.results.csv", 100)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    counts = statuses(tagodev.folder / "site.results.csv")
    assert shared_emulator.stats()["created"] - before == counts["created"]
    assert {"created": counts["created"], "pending": 4000 - counts["created"]} == counts


def test_interrupted_twice_leaves_what_is_on_its_way_in_doubt(tmp_path: Path) -> None:
    """130: the second signal does not wait, and says of which rows nothing is known."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(50)))
    with EmulatorProcess(EmulatorOptions(latency=3.0)) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start("bulk", "create", "site.csv", *SCALE, "--json")
        # Interactive calls keep some of the 32 slots.
        while emulator.stats()["accepted"] < 28:
            pass
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        asked = next(line for line in process.stderr if "waiting for" in line)
        waiting = int(asked.split("waiting for ")[1].split()[0])
        process.send_signal(signal.SIGINT)
        done = finish(process)
    assert done.code == 130
    assert statuses(tmp_path / "site.results.csv") == {"in_doubt": waiting, "pending": 50 - waiting}
    assert done.json()["in_doubt"] == waiting


def test_a_terminated_run_has_its_rows_on_disk(tagodev: Command) -> None:
    """Results are with the operating system row by row: a kill loses none that was answered."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(4000)))
    process = tagodev.start("bulk", "create", "site.csv", *SCALE)
    wait_for_rows(tagodev.folder / "site.results.csv", 100)
    process.kill()
    finish(process)
    whole_rows = read_results(tagodev.folder / "site.results.csv")
    assert len(whole_rows) >= 100
    assert all(row["token"] for row in whole_rows)


def test_missing_extra(alone: Command) -> None:
    """3: without cyclopts and rich one line says what to install."""
    (alone.folder / "sitecustomize.py").write_text("import sys; sys.modules['rich'] = None\n")
    alone.environment["PYTHONPATH"] = str(alone.folder)
    done = alone.run("--help")
    assert done.code == 3
    assert done.err == "The command line needs an extra: pip install 'tagodev[cli]'\n"


@pytest.mark.usefixtures("unmeasured")
def test_full_disk(tagodev: Command) -> None:
    """1: results that can't be written stop the run, and it is said what to do."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(500)))
    # A file that may not grow any more stands for a disk that is full.
    (tagodev.folder / "sitecustomize.py").write_text(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    )
    tagodev.environment["PYTHONPATH"] = str(tagodev.folder)
    done = tagodev.run("bulk", "create", "site.csv", *SCALE, "--ledger", "none")
    assert done.code == 1
    assert "File too large; rows from" in done.err
    assert "list the devices to find out" in done.err


def test_a_ledger_that_cannot_be_used(inside: InProcess, tmp_path: Path) -> None:
    """3: what was asked for is not left out; nothing was sent."""
    write_devices(tmp_path / "site.csv", ["a"])
    (tmp_path / "no-ledger").write_text("something else altogether")
    done = inside("bulk", "create", "site.csv", *SCALE, "--ledger", "no-ledger")
    assert done.code == 3
    assert "The ledger no-ledger can't be used: file is not a database" in done.err
    assert not (tmp_path / "site.results.csv").exists()


@pytest.mark.usefixtures("unmeasured")
def test_a_full_disk_under_the_usual_ledger(tagodev: Command) -> None:
    """0: the command goes on, and says that requests of others are not counted."""
    write_devices(tagodev.folder / "site.csv", ["a", "b"])
    (tagodev.folder / "sitecustomize.py").write_text(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    )
    state = tagodev.folder / "state"
    tagodev.environment |= {
        "PYTHONPATH": str(tagodev.folder),
        "XDG_STATE_HOME": str(state),
        "TAGODEV_LEDGER": "",
    }
    done = tagodev.run("bulk", "create", "site.csv", *SCALE)
    assert done.code == 0
    assert f"requests of other commands are not counted: {state}" in done.err
    assert statuses(tagodev.folder / "site.results.csv") == {"created": 2}
