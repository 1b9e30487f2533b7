"""``bulk create --journal`` and ``bulk resume``: exactly once, whatever ends the process."""

from __future__ import annotations

import http.client
import signal
import socket
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tagodev import DeviceCreate
from tagodev._bulk.input import digest_of
from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import (
    Command,
    InProcess,
    hour_long,
    read_results,
    read_rows,
    statuses,
    tokens_of,
    wait_for_journal,
    write_devices,
)
from tests.support.processes import finish

if TYPE_CHECKING:
    from pathlib import Path

SCALE = ("--plan", "scale")
MINUTE = ("--plan", "scale", "--minute", "2")
RESUME = "To resume: tagodev bulk resume site.journal\n"


def accepts(emulator: EmulatorProcess, token: str) -> bool:
    """Return whether a service knows a device's token."""
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc)
    try:
        connection.request("GET", "/info", headers={"token": token})
        return connection.getresponse().status == 200
    finally:
        connection.close()


# --- without trouble -----------------------------------------------------------------------------


def test_everything_is_written_down_and_told(tagodev: Command) -> None:
    """A run with a journal reports three more values than one without, and no token."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(120)))
    done = tagodev.run("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE, "--json")
    assert done.code == 0
    answer = done.json()
    assert answer.pop("elapsed_s") > 0
    assert answer == {
        "rows": 120,
        "created": 120,
        "failed": 0,
        "in_doubt": 0,
        "pending": 0,
        "throttled": 0,
        "out": "site.results.csv",
        "stopped": None,
        "journal": "site.journal",
        "skipped": 0,
        "adopted": 0,
    }
    rows = read_results(tagodev.folder / "site.results.csv")
    assert [str(n) for n in range(1, 121)] == [row["row"] for row in rows]
    assert [f"s{n}" for n in range(120)] == [row["name"] for row in rows]
    assert {"created"} == {row["status"] for row in rows}
    assert all(len(row["device_id"]) == 24 and row["token"] not in done.err for row in rows)
    for name in ("site.results.csv", "site.journal"):
        assert 0o600 == stat.S_IMODE((tagodev.folder / name).stat().st_mode)
    names = {path.name for path in tagodev.folder.glob("[!.]*")}
    assert names == {"site.csv", "site.journal", "site.journal.lock", "site.results.csv"}


def test_the_same_command_again_does_nothing(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """What is finished costs nothing, and the results are written anew."""
    write_devices(tmp_path / "site.csv", ["a", "b", "c"])
    command = ("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE)
    inside(*command)
    first = (tmp_path / "site.results.csv").read_bytes()
    before = shared_emulator.stats()["created"]
    done = inside(*command)
    assert (done.code, done.err) == (0, "")
    assert "3 of 3 devices created, 3 of them before, in " in done.out
    assert before == shared_emulator.stats()["created"]
    assert first == (tmp_path / "site.results.csv").read_bytes()


def test_options_are_remembered(tmp_path: Path) -> None:
    """To resume takes the journal alone: address, limits and results are as they were."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(25)))
    with EmulatorProcess(EmulatorOptions(plan="free", minute=3, max_devices=200)) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start(
            *("bulk", "create", "site.csv", "--journal", "site.journal", "--out", "made.csv"),
            *("--plan", "free", "--minute", "3", "--ledger", "own.ledger"),
        )
        wait_for_journal(tmp_path / "site.journal", 9)
        process.send_signal(signal.SIGTERM)
        assert 130 == finish(process).code
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        tagodev = Command(elsewhere, emulator.url, emulator.token)
        done = tagodev.run("bulk", "resume", "../site.journal", "--json")
        assert 0 == emulator.stats()["rejected"]
        assert 25 == emulator.stats()["devices"]
    assert (done.code, done.json()["created"]) == (0, 25)
    assert done.json()["out"] == str(tmp_path / "made.csv")
    assert statuses(tmp_path / "made.csv") == {"created": 25}
    assert not list(elsewhere.glob("[!.]*"))
    assert (tmp_path / "own.ledger").exists()
    assert not (elsewhere / ".config" / "ledger.sqlite").exists()


# --- whatever ends the process -------------------------------------------------------------------


def test_killed_and_resumed(tmp_path: Path) -> None:
    """SIGKILL at any moment, and answers lost: each device is made once, and each token known."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(400)))
    faults = {"POST /device:reset-after-commit": 0.05, "POST /device:reset-before": 0.05}
    options = EmulatorOptions(minute=2, limits={"POST /device": 5000}, faults=faults, latency=0.02)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        command = ["bulk", "create", "site.csv", "--journal", "site.journal", *MINUTE]
        command += ["--settle", "0.3"]
        for rows in (40, 200):
            process = tagodev.start(*command)
            wait_for_journal(tmp_path / "site.journal", rows)
            process.kill()
            finish(process)
            command = ["bulk", "resume", "site.journal"]
        assert not (tmp_path / "site.results.csv").exists()
        done = tagodev.run(*command, "--json")
        stats = emulator.stats()
        tokens = tokens_of(tmp_path / "site.results.csv")
        assert all(accepts(emulator, token) for token in tokens[::20])
    assert (done.code, done.json()["created"]) == (0, 400)
    assert done.json()["skipped"] >= 200
    assert (stats["devices"], stats["duplicates"], stats["rejected"]) == (400, {}, 0)
    assert statuses(tmp_path / "site.results.csv") == {"created": 400}
    assert 400 == len(set(tokens))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """130: every row is in the results, and the command to go on with is said."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(100)))
    with EmulatorProcess(hour_long()) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        limits = ("--plan", "free", "--minute", "3600")
        process = tagodev.start(
            "bulk", "create", "site.csv", "--journal", "site.journal", *limits, "--json"
        )
        # The last of the ten places is held back to the window's end, for others to be seen.
        wait_for_journal(tmp_path / "site.journal", 9)
        process.send_signal(number)
        done = finish(process)
        assert emulator.stats()["created"] == 9
    assert done.code == 130
    assert done.json()["stopped"] == "interrupted"
    assert done.err.endswith(RESUME)
    assert statuses(tmp_path / "site.results.csv") == {"created": 9, "pending": 91}


def test_asked_twice_leaves_what_is_on_its_way_in_doubt(tmp_path: Path) -> None:
    """130: the second signal does not wait; resuming finds out what became of those rows."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(50)))
    with EmulatorProcess(EmulatorOptions(latency=1.0)) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start(
            *("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE),
            *("--settle", "1.2", "--json"),
        )
        # Interactive calls keep some of the 32 slots.
        while emulator.stats()["accepted"] < 28:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        asked = next(line for line in process.stderr if "waiting for" in line)
        waiting = int(asked.split("waiting for ")[1].split()[0])
        process.send_signal(signal.SIGINT)
        done = finish(process)
        assert (done.code, done.json()["in_doubt"]) == (130, waiting)
        assert statuses(tmp_path / "site.results.csv") == {
            "in_doubt": waiting,
            "pending": 50 - waiting,
        }
        resumed = tagodev.run("bulk", "resume", "site.journal", "--json")
        assert (emulator.stats()["devices"], emulator.stats()["duplicates"]) == (50, {})
    assert (resumed.code, resumed.json()["created"], resumed.json()["adopted"]) == (0, 50, waiting)


def test_the_second_process_is_refused(tmp_path: Path) -> None:
    """1: two at one journal would both send its rows; the first goes on undisturbed."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(100)))
    with EmulatorProcess(hour_long()) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        create = ("bulk", "create", "site.csv", "--journal", "site.journal", "--plan", "free")
        process = tagodev.start(*create, "--minute", "3600")
        wait_for_journal(tmp_path / "site.journal", 9)
        for command in (create, ("bulk", "resume", "site.journal")):
            refused = tagodev.run(*command)
            assert (refused.code, refused.out) == (1, "")
            assert f"in use by another process (process {process.pid} on" in refused.err
            assert "To resume" not in refused.err
        status = tagodev.run("bulk", "status", "site.journal", "--json").json()["journals"][0]
        process.terminate()
        assert 130 == finish(process).code
    assert (status["running"], status["next"], status["done"]) == (True, [], 9)


# --- ends that somebody must do something about --------------------------------------------------


def test_the_cap_and_a_service_with_more_room(tmp_path: Path) -> None:
    """7 at the device cap, which is no row's own fault: once there is room, resuming makes all."""
    token = "p-8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(60)))
    kept = tmp_path / "profile.json"
    with EmulatorProcess(EmulatorOptions(max_devices=5, token=token, state=kept)) as small:
        tagodev = Command(tmp_path, small.url, token)
        done = tagodev.run("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE)
    assert done.code == 7
    assert "5 of 60 devices created" in done.out
    assert RESUME in done.err
    assert "retry-failed" not in done.err
    assert statuses(tmp_path / "site.results.csv") == {"created": 5, "pending": 55}
    # The same profile, at another address.
    with EmulatorProcess(EmulatorOptions(token=token, state=kept)) as large:
        again = tagodev.run("bulk", "resume", "site.journal", "--api", large.url, "--json")
        assert large.stats()["devices"] == 60
    assert (again.code, again.json()["created"], again.json()["failed"]) == (0, 60, 0)
    assert f"The run was started at {small.url}; resuming at {large.url}" in again.err


def test_a_token_that_is_refused(inside: InProcess, tmp_path: Path) -> None:
    """5: the run stops, and with the right token it is gone on with."""
    write_devices(tmp_path / "site.csv", (f"s{n}" for n in range(40)))
    wrong = ("--token", "p-4bff8bf8-1f6e-4ee5-a371-a9c1c1e5b2f0")
    done = inside("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE, *wrong)
    assert done.code == 5
    assert RESUME in done.err
    assert EntryState.DONE not in read_rows(tmp_path / "site.journal")
    assert "4bff8bf8-" not in done.out + done.err
    assert 0 == inside("bulk", "resume", "site.journal").code
    assert statuses(tmp_path / "site.results.csv") == {"created": 40}


def test_a_token_of_another_profile(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """1: a journal is of one profile; no row is sent to another, and no token stands in it."""
    write_devices(tmp_path / "site.csv", ["a", "b"])
    with EmulatorProcess(EmulatorOptions(max_devices=1)) as first:
        there = ("--api", first.url, "--token", first.token)
        create = ("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE, *there)
        assert 7 == inside(*create).code
        token = first.token
    before = shared_emulator.stats()["devices"]
    done = inside("bulk", "resume", "site.journal", "--api", shared_emulator.url)
    assert (1, "") == (done.code, done.out)
    assert "site.journal: this journal belongs to the profile " in done.err
    assert "Use a token of the profile " in done.err
    assert before == shared_emulator.stats()["devices"]
    content = (tmp_path / "site.journal").read_bytes()
    assert token.removeprefix("p-").encode() not in content
    assert shared_emulator.token.removeprefix("p-").encode() not in content


def test_a_token_goes_to_its_own_service_only(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """3: a journal from elsewhere can't send the user's token to the address that it names."""
    with Journal.create(
        tmp_path / "gift.journal",
        JournalInfo(run="", kind="delete_devices", service="http://127.0.0.1:9"),
    ):
        pass
    done = inside("bulk", "resume", "gift.journal")
    assert (3, "") == (done.code, done.out)
    assert "The journal is for http://127.0.0.1:9, but the token is for" in done.err
    assert "re-run with --api http://127.0.0.1:9" in done.err


def test_files_that_a_journal_names_outside_its_folder(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """2: they are shown, and written only with consent, or where the command names others."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside.csv"
    for number, more in enumerate(((), ("--yes",), ("--out", "own.csv"))):
        path = tmp_path / f"gift{number}.journal"
        with Journal.create(
            path,
            JournalInfo(
                run="",
                kind="delete_devices",
                service=shared_emulator.url,
                keywords={"out": str(outside)},
            ),
        ) as journal:
            journal.fill([])
        done = inside("bulk", "resume", path.name, *SCALE, *more)
        assert (2 if number == 0 else 0) == done.code
        assert (number < 2) == (f"--out {outside}" in done.err)
        assert (number == 1) == outside.exists()
        outside.unlink(missing_ok=True)
    assert (tmp_path / "own.csv").exists()


def test_no_way_to_the_service(inside: InProcess, tmp_path: Path) -> None:
    """4: without even a plan nothing is sent, but everything is written down."""
    write_devices(tmp_path / "site.csv", ["a", "b"])
    nowhere = ("--api", "http://127.0.0.1:9")
    for more in ((), SCALE):
        done = inside("bulk", "create", "site.csv", "--journal", "site.journal", *more, *nowhere)
        assert done.code == 4
        assert done.err.endswith(RESUME)
    assert {EntryState.PENDING: 2} == read_rows(tmp_path / "site.journal")


def test_interrupted_before_it_has_begun(alone: Command) -> None:
    """130: while the plan is asked for, a signal ends it at once; all is written down."""
    write_devices(alone.folder / "site.csv", ["a", "b"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        alone.api = f"http://127.0.0.1:{server.getsockname()[1]}"
        alone.token = "p-8be70d95-0dbc-4e16-89b6-b23b077d05e5"
        process = alone.start("bulk", "create", "site.csv", "--journal", "site.journal")
        connection, _ = server.accept()
        with connection:
            process.terminate()
            done = finish(process)
    assert (done.code, done.out, done.err) == (130, "", RESUME)
    assert {EntryState.PENDING: 2} == read_rows(alone.folder / "site.journal")


def test_a_journal_without_the_whole_input(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """6: of an input that was not read to its end only what is known can be done; it is said."""
    info = JournalInfo(
        run="",
        kind="create_devices",
        options={"identity": "tag"},
        service=shared_emulator.url,
    )
    payload = CreateDevices.encode(DeviceCreate(name="known"))
    with Journal.create(tmp_path / "x", info) as journal:
        journal.write(Batch(pulled=[(0, digest_of(payload), payload)]))
    done = inside("bulk", "resume", "x", "--json")
    assert (done.code, done.json()["created"], done.json()["out"]) == (6, 1, "x.results.csv")
    assert (
        done.err == "The journal is incomplete: run the original command again with this journal\n"
    )


def test_rows_that_fail(inside: InProcess, tmp_path: Path) -> None:
    """6: the others are done; trying again fails again, and says so."""
    write_devices(tmp_path / "site.csv", ["a", "x" * 101, "b"])
    done = inside("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE)
    assert (done.code, done.err) == (
        6,
        "To retry 1 failed row: tagodev bulk retry-failed site.journal\n",
    )
    refused = read_results(tmp_path / "site.results.csv")[1]
    assert (refused["row"], refused["status"], refused["device_id"]) == ("2", "failed", "")
    assert "name" in refused["error"]
    again = inside("bulk", "retry-failed", "site.journal", "--json")
    assert (again.code, again.json()["failed"], again.json()["skipped"]) == (6, 1, 2)
    resumed = inside("bulk", "resume", "site.journal", "--json")
    assert (resumed.code, resumed.json()["skipped"]) == (6, 3)


@pytest.mark.parametrize("options", [("--on-error", "stop"), ("--max-failures", "0")])
@pytest.mark.parametrize("journal", [(), ("--journal", "site.journal")])
def test_a_row_that_fails_may_end_the_run(
    inside: InProcess, tmp_path: Path, options: tuple[str, ...], journal: tuple[str, ...]
) -> None:
    """6: a refused row is no trouble with the service; the rest is pending."""
    write_devices(tmp_path / "site.csv", ["x" * 101, *(f"s{n}" for n in range(50))])
    one_by_one = ("--concurrency", "1")
    done = inside("bulk", "create", "site.csv", *journal, *SCALE, *options, *one_by_one)
    assert done.code == 6
    assert statuses(tmp_path / "site.results.csv") == {"failed": 1, "pending": 50}


@pytest.mark.usefixtures("unmeasured")
def test_full_disk(tagodev: Command, shared_emulator: EmulatorProcess) -> None:
    """1: when the journal takes no more nothing more leaves; resuming makes what is missing."""
    write_devices(tagodev.folder / "site.csv", (f"s{n}" for n in range(500)))
    before = shared_emulator.stats()["devices"]
    # A file that may not grow any more stands for a disk that is full.
    (tagodev.folder / "sitecustomize.py").write_text(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (350_000, 350_000))\n"
    )
    tagodev.environment["PYTHONPATH"] = str(tagodev.folder)
    command = ("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE, "--settle", "0.1")
    done = tagodev.run(*command)
    assert done.code == 1
    assert "site.journal: " in done.err
    assert RESUME in done.err
    assert 0 < shared_emulator.stats()["devices"] - before < 500
    del tagodev.environment["PYTHONPATH"]
    resumed = tagodev.run("bulk", "resume", "site.journal", "--json")
    assert (resumed.code, resumed.json()["created"]) == (0, 500)
    assert before + 500 == shared_emulator.stats()["devices"]
