"""``tagodev apply``: asked first, done once, written down, put back."""

from __future__ import annotations

import os
import pty
import re
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from tagodev import ConfigurationParameter, Tag
from tagodev._bulk.journal.entry import EntryState
from tagodev._cli.apply import session
from tagodev._cli.apply.paths import ListState
from tagodev._cli.options.files import FileOptions, PlanOptions, open_input
from tagodev._cli.options.service import ServiceOptions
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.provision._apply.run import write_steps
from tests.cli.profile import MARK, SITE, Profile
from tests.cli.support import (
    Command,
    apply_journals,
    read_results,
    read_rows,
    statuses,
    tokens_of,
    wait_for_apply,
)
from tests.cli.terminal import Terminal
from tests.support.processes import TAGODEV, finish, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tago_emulator(unlimited=True)

#: So that there is time to come between.
CONCURRENCY = 4
SLOWLY = ("--concurrency", str(CONCURRENCY))
QUESTION = "Type yes to apply:"


def in_front_of(profile: Profile) -> Command:
    """Return the command line as a process of its own."""
    return Command(profile.folder, profile.emulator.url, profile.emulator.token)


def only(folder: Path, pattern: str) -> Path:
    """Return the one file that matches."""
    (path,) = folder.glob(pattern)
    return path


# --- what it does --------------------------------------------------------------------------------


def test_applied_and_applied_again(profile: Profile) -> None:
    """Devices are made with their tokens; the second time there is nothing to do."""
    profile.write("site.csv")
    first = profile.run("apply", "site.csv", "--yes")
    written = profile.files()
    second = profile.run("apply", "site.csv", "--yes")

    assert (0, 0) == (first.code, second.code)
    assert re.search(
        r"\n3 created, 0 changed, 0 deleted in [0-9.]+ s, 0 requests throttled\n"
        r"Results of all steps, with the tokens of new devices: site.apply-[0-9-]+.csv\n$",
        first.out,
    )
    devices = profile.devices()
    assert {"Cold room 1", "Cold room 2", "Cold room 3"} == set(devices)
    assert {Tag("site", "dairy"), MARK} == set(devices["Cold room 1"].tags)
    assert {"rate": "600"} == profile.parameters("Cold room 1")
    results = only(profile.folder, "site.apply-*.csv")
    (journal,) = apply_journals(profile.folder)
    assert {"site.csv", results.name} == written
    assert [0o600, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in (results, journal)]
    assert {EntryState.DONE: 3} == read_rows(journal)
    assert [
        (str(n), "create", f"Cold room {n}", devices[f"Cold room {n}"].id, "created", "")
        for n in (1, 2, 3)
    ] == [
        (row["step"], row["action"], row["name"], row["device_id"], row["status"], row["error"])
        for row in read_results(results)
    ]
    assert 3 == len(set(tokens_of(results)))
    assert not any(token in first.out + first.err for token in tokens_of(results))

    assert second.out.endswith("\nNothing to do\n")
    assert written == profile.files()


def test_three_cells(profile: Profile) -> None:
    """Three cells changed are three changes, and nothing is left of them afterwards."""
    profile.write("site.csv")
    profile.run("apply", "site.csv", "--yes")
    text = SITE.replace("1,dairy,600,yes", "1,dairy,600,no").replace("3,dairy,600", "3,dairy,900")
    profile.write("site.csv", text.replace("2,dairy", "2,dairy-2"))
    plan = profile.run("plan", "site.csv", "--json").json()
    done = profile.run("apply", "site.csv", "--yes", "--json")
    after = profile.run("plan", "site.csv")

    assert [
        ("Cold room 1", [{"path": "active", "old": True, "new": False}]),
        ("Cold room 2", [{"path": "tags.site", "old": "dairy", "new": "dairy-2"}]),
        ("Cold room 3", [{"path": "params.rate", "old": "600", "new": "900"}]),
    ] == [(step["name"], step["changes"]) for step in plan["steps"]]
    assert (0, 3, 0) == (done.code, done.json()["changed"], after.code)
    devices = profile.devices()
    assert (False, True) == (devices["Cold room 1"].active, devices["Cold room 2"].active)
    assert Tag("site", "dairy-2") in devices["Cold room 2"].tags
    assert "900" == profile.parameters("Cold room 3")["rate"]


def test_told_as_json(profile: Profile) -> None:
    """One object with counts and places; the plan itself is not said."""
    profile.make("Cold room 1", active=False)
    profile.make("twice", "twice")
    profile.write("site.csv", "name,active\nCold room 1,yes\nCold room 2,\ntwice,\n")
    done = profile.run("apply", "site.csv", "--yes", "--json")
    answer = done.json()

    assert (6, "") == (done.code, done.err)
    assert answer.pop("elapsed_s") > 0
    results = answer.pop("out")
    assert (profile.folder / results).exists()
    (journal,) = answer.pop("journals")
    assert (profile.folder / journal).exists()
    (snapshot,) = answer.pop("snapshots")
    assert (profile.folder / snapshot).exists()
    assert {
        "created": 1,
        "changed": 1,
        "deleted": 0,
        "failed": 0,
        "in_doubt": 0,
        "pending": 0,
        "blocked": 1,
        "kept": 0,
        "throttled": 0,
        "doubles": {},
        "stopped": None,
    } == answer
    assert {"created": 1, "changed": 1, "blocked": 1} == statuses(profile.folder / results)


def test_what_fails_and_what_is_blocked(profile: Profile) -> None:
    """6, with the reason of each in the results; what can be done is done."""
    profile.make("Cold room 1", type="immutable", chunk_period="day", chunk_retention=1)
    profile.make("other's", tags=(Tag("tagodev_managed", "other"),))
    long = "x" * 101
    profile.write(
        "site.csv", f"name,type,active\nCold room 1,mutable,\nother's,,no\n{long},,\na,,\n"
    )
    done = profile.run("apply", "site.csv", "--yes", "--out", "out.csv")

    assert 6 == done.code
    assert "\n1 failed, 2 blocked\n" in done.out
    assert done.err.startswith(f"Failed: create {long}: The service refused with 400: ")
    rows = {row["name"]: row for row in read_results(profile.folder / "out.csv")}
    assert {"Cold room 1": "blocked", "other's": "blocked", long: "failed", "a": "created"} == {
        name: row["status"] for name, row in rows.items()
    }
    assert "type can't be changed on an existing device" == rows["Cold room 1"]["error"]
    assert "is managed as other" == rows["other's"]["error"]
    assert "name" in rows[long]["error"]
    assert profile.devices()["other's"].active


def test_nothing_that_can_be_done(profile: Profile) -> None:
    """6, and nothing is written."""
    profile.make("twice", "twice")
    profile.write("site.csv", "name\ntwice\n")
    done = profile.run("apply", "site.csv", "--yes")

    assert 6 == done.code
    assert done.out.endswith("\nNothing to do: all changes are blocked\n")
    assert {"site.csv"} == profile.files()


# --- asking --------------------------------------------------------------------------------------


def test_nobody_to_ask(profile: Profile) -> None:
    """Without a terminal and without --yes nothing is done: 2, and what to say."""
    profile.write("site.csv")
    done = profile.run("apply", "site.csv")

    assert 2 == done.code
    assert "confirmation is required but stdin is not a terminal; re-run with --yes" in done.err
    assert "+ create Cold room 1" in done.out
    assert ({}, {"site.csv"}) == (profile.devices(), profile.files())


@pytest.mark.parametrize(
    ("typed", "code", "made"), [("yes\n", 0, 3), ("YES \n", 0, 3), ("y\n", 1, 0), ("\n", 1, 0)]
)
def test_asked_at_a_terminal(profile: Profile, typed: str, code: int, made: int) -> None:
    """The plan is shown, and only the whole word carries it out."""
    profile.write("site.csv")
    done = Terminal(in_front_of(profile)).run("apply", "site.csv", answers=[(QUESTION, typed)])

    assert code == done.code
    shown = done.out.index("Plan: 3 to create")
    assert shown < done.out.index(QUESTION)
    assert ("Cancelled; nothing was changed" in done.out) is (made == 0)
    assert made == len(profile.devices())


def test_asked_beside_json(profile: Profile) -> None:
    """Where one JSON object is the output, plan and question go to standard error."""
    profile.write("site.csv")
    program = (*TAGODEV, "apply", "site.csv", "--json")
    ours, theirs = pty.openpty()
    os.write(ours, b"yes\n")
    variables = in_front_of(profile).variables()
    done = finish(start(*program, folder=profile.folder, env=variables, stdin=theirs))
    os.close(ours)
    os.close(theirs)

    assert 0 == done.code
    assert 3 == done.json()["created"]
    assert "+ create Cold room 1" in done.err
    assert QUESTION in done.err


def test_long_thoughts(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that was confirmed late is refused if it became stale."""
    profile.write("site.csv")
    monkeypatch.setattr(session, "_STALE_AFTER", -1.0)

    def typed(question: str, answer: str) -> bool:
        return True

    def typed_late(question: str, answer: str) -> bool:
        profile.make("Cold room 2")
        return True

    monkeypatch.setattr(session, "confirmed", typed)
    first = profile.run("apply", "site.csv")
    profile.emulator.reset(profile.emulator.token)
    monkeypatch.setattr(session, "confirmed", typed_late)
    second = profile.run("apply", "site.csv")

    assert (0, 1) == (first.code, second.code)
    assert "is stale" in second.err
    assert {"Cold room 2"} == set(profile.devices())


def test_a_reader_that_leaves(profile: Profile) -> None:
    """Who reads only the first line of the plan has not called it off."""
    profile.write("site.csv", "name\n" + "".join(f"s{number}\n" for number in range(2000)))
    line = "tagodev apply site.csv --yes --all --out out.csv | head -n 1"
    done = in_front_of(profile).pipe(line)

    assert (0, "+ create s0 (line 2)\n") == (done.code, done.out)
    assert {"created": 2000} == statuses(profile.folder / "out.csv")


# --- what is refused -----------------------------------------------------------------------------


def test_a_kept_plan(profile: Profile) -> None:
    """Exactly that is carried out; once it has been, it is stale: 1."""
    profile.write("site.csv")
    profile.run("plan", "site.csv", "--out", "plan.json")
    profile.write("site.csv", "name\nsomething else\n")
    done = profile.run("apply", "plan.json", "--yes")
    stale = profile.run("apply", "plan.json", "--yes")

    assert (0, 1) == (done.code, stale.code)
    assert "The plan is stale" in stale.err
    assert {"Cold room 1", "Cold room 2", "Cold room 3"} == set(profile.devices())
    # Whose devices they are was settled when the plan was made.
    assert MARK in profile.devices()["Cold room 1"].tags


def test_a_plan_gone_stale(profile: Profile) -> None:
    """A value to replace was changed in the meantime: nothing is done."""
    profile.make("Cold room 1", description="one")
    profile.write("site.csv", "name,description\nCold room 1,two\n")
    profile.run("plan", "site.csv", "--out", "plan.json")
    profile.write("other.csv", "name,description\nCold room 1,uno\n")
    profile.run("apply", "other.csv", "--name", "site", "--yes")
    done = profile.run("apply", "plan.json", "--yes", "--json")

    assert (1, "") == (done.code, done.out)
    assert "is stale" in done.err
    assert not list(profile.folder.glob("plan.apply-*"))


def test_pruning_is_guarded(profile: Profile) -> None:
    """Too many deletions are refused: 2, unless they are allowed."""
    profile.make(*(f"s{number}" for number in range(10)))
    profile.make("of nobody", tags=())
    profile.make("protected", tags=(MARK, Tag("_delete_protection_", "keep")))
    profile.write("site.csv", "name\n" + "".join(f"s{number}\n" for number in range(7)))
    refused = profile.run("apply", "site.csv", "--prune", "--yes")
    before = len(profile.devices())
    allowed = profile.run("apply", "site.csv", "--prune", "--yes", "--max-delete", "3")

    assert (2, 12) == (refused.code, before)
    assert ("--max-delete: 3 of the 11 devices managed as site would be deleted") in refused.err
    # What is protected is listed, and counts as not done.
    assert 6 == allowed.code
    assert {*(f"s{number}" for number in range(7)), "of nobody", "protected"} == set(
        profile.devices()
    )
    status = {row["name"]: row["status"] for row in read_results(only(profile.folder, "*-*.csv"))}
    assert {"s7": "deleted", "s8": "deleted", "s9": "deleted", "protected": "blocked"} == status


def test_slots(profile: Profile) -> None:
    """7, before anything is done, where there is no room for all."""
    profile.make("Cold room 1")
    profile.write("site.csv")
    done = profile.run("apply", "site.csv", "--yes", "--max-devices", "2")

    assert 7 == done.code
    assert "2 more devices are needed, but the profile can have only 1 more" in done.err
    assert (1, {"site.csv"}) == (len(profile.devices()), profile.files())


@pytest.mark.tago_emulator(max_devices=2)
def test_a_cap_that_nobody_tells(profile: Profile) -> None:
    """The service's own cap ends the run: 7, with every step's state in the results."""
    profile.write("site.csv")
    done = profile.run("apply", "site.csv", "--yes", "--out", "out.csv")

    assert 7 == done.code
    assert "maximum limit of Device" in done.err
    counts = statuses(profile.folder / "out.csv")
    assert 2 == counts["created"]
    assert 3 == sum(counts.values())
    # Nothing is in doubt: the next apply plans anew.
    assert not (profile.folder / "site.apply.journal").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-delete", "many"), "--max-delete: must be a percentage or a number of devices"),
        (("--settle", "601"), "--settle: must be from 0 to 600 seconds"),
        (("--out", "site.csv"), "--out: site.csv already exists"),
        (("--snapshot", "site.csv"), "--snapshot: site.csv already exists"),
        (("--out", "nowhere/out.csv"), "--out: nowhere/out.csv: the folder does not exist"),
    ],
)
def test_options_that_can_not_be_meant(
    profile: Profile, arguments: tuple[str, ...], message: str
) -> None:
    """2, before anything is asked of the service."""
    profile.write("site.csv")
    done = profile.run("apply", "site.csv", "--yes", *arguments)

    assert 2 == done.code
    assert message in done.err
    assert {} == profile.asked()


# --- putting back --------------------------------------------------------------------------------


def test_put_back(profile: Profile) -> None:
    """A snapshot changes back what was changed and makes anew what was deleted, once."""
    profile.make(
        "changed",
        tags=(Tag("site", "dairy"),),
        configuration_params=[ConfigurationParameter("rate", "600")],
    )
    profile.make("deleted", serie_number="0042", description="south")
    before = profile.devices()
    profile.write(
        "site.csv",
        "name,description,active,tag.site,tag.new,param.rate,param.unit\n"
        "changed,north,no,dairy-2,x,900,C\n",
    )
    applied = profile.run("apply", "site.csv", "--prune", "--max-delete", "100%", "--yes")
    snapshot = only(profile.folder / ".config" / "state" / "apply", "*/*.snapshot.json")
    assert 0 == applied.code
    assert {"changed"} == set(profile.devices())
    assert f"To undo these changes: tagodev apply {snapshot}\n" in applied.out

    back = profile.run("apply", str(snapshot), "--yes")
    after = profile.devices()

    assert 0 == back.code
    assert "comes back without" not in back.out
    # It is exact: what had no mark has none again.
    assert "get the tag" not in back.out
    assert (
        "deleted devices are created again with new ids and tokens, and without their data"
        in back.err
    )
    assert "Parameters added since the snapshot are kept" in back.err
    assert {"changed", "deleted"} == set(after)
    assert before["changed"].id == after["changed"].id
    assert (Tag("site", "dairy"),) == after["changed"].tags
    assert after["changed"].active
    assert {"rate": "600", "unit": "C"} == profile.parameters("changed")
    assert before["deleted"].id != after["deleted"].id
    assert (MARK,) == after["deleted"].tags
    found = profile.ask(lambda tago: tago.devices.list(serial="0042").collect())
    assert ["deleted"] == [device.name for device in found]

    again = profile.run("apply", str(snapshot), "--yes")
    assert (0, True) == (again.code, again.out.endswith("\nNothing to do\n"))


@pytest.mark.parametrize("option", [("--prune",), ("--by", "name"), ("--tags", "merge")])
def test_a_snapshot_takes_no_other_meaning(profile: Profile, option: tuple[str, ...]) -> None:
    """It puts back what it holds, and that is all."""
    profile.make("Cold room 1")
    profile.write("site.csv", "name,active\nCold room 1,no\n")
    profile.run("apply", "site.csv", "--yes", "--snapshot", "before.json")
    done = profile.run("apply", "before.json", "--yes", *option)

    assert 2 == done.code
    assert "before.json: a snapshot can't be combined" in done.err
    assert not profile.devices()["Cold room 1"].active


def test_a_description_that_was_none_is_none_again(profile: Profile) -> None:
    """What was empty is emptied."""
    profile.make("Cold room 1")
    profile.write("site.csv", "name,description\nCold room 1,north\n")
    profile.run("apply", "site.csv", "--yes", "--snapshot", "before.json")
    changed = _description(profile)
    profile.run("apply", "before.json", "--yes")

    assert ("north", None) == (changed, _description(profile))


def _description(profile: Profile) -> str | None:
    device_id = profile.devices()["Cold room 1"].id
    return profile.ask(lambda tago: tago.devices.info(device_id)).description


# --- cut off -------------------------------------------------------------------------------------


def test_killed_and_applied_again(tmp_path: Path) -> None:
    """After SIGKILL the same command does the rest: each device once, each with its token."""
    options = EmulatorOptions(unlimited=True, latency=0.02, max_devices=1000)
    _write_many(tmp_path / "site.csv", 300)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start("apply", "site.csv", "--yes", "--settle", "0.3", *SLOWLY)
        wait_for_apply(tmp_path, 60)
        process.kill()
        finish(process)
        left = emulator.stats()["devices"]
        again = tagodev.run("apply", "site.csv", "--yes", "--settle", "0.3", "--out", "out.csv")
        nothing = tagodev.run("apply", "site.csv", "--yes")
        stats = emulator.stats()

    assert 60 <= left < 300
    assert (0, 0) == (again.code, nothing.code)
    assert re.search(r"was interrupted; looking up the outcome of \d+ requests?", again.err)
    assert nothing.out.endswith("\nNothing to do\n")
    assert (300, {}) == (stats["devices"], stats["duplicates"])
    rows = read_results(tmp_path / "out.csv")
    assert {f"s{number}" for number in range(300)} == {row["name"] for row in rows}
    assert 300 == len(rows) == len(set(tokens_of(tmp_path / "out.csv")))
    assert {"site.csv", "out.csv"} == {path.name for path in tmp_path.glob("[!.]*")}
    assert not [path for path in tmp_path.rglob("*-wal") if "ledger" not in path.name]


def test_killed_amid_changes(tmp_path: Path) -> None:
    """What was sent is settled, the rest planned anew; the snapshots put everything back."""
    options = EmulatorOptions(unlimited=True, latency=0.05, max_devices=1000)
    prune = ("apply", "site.csv", "--yes", "--settle", "0.3", "--prune", "--max-delete", "100%")
    _write_many(tmp_path / "site.csv", 40)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        tagodev.run("apply", "site.csv", "--yes")
        text = "".join(
            f"s{number},{'bakery' if number < 40 else 'dairy'}\n" for number in range(10, 60)
        )
        (tmp_path / "site.csv").write_text(f"name,tag.site\n{text}")
        process = tagodev.start(*prune, *SLOWLY)
        wait_for_apply(tmp_path, 15, number=2)
        process.kill()
        finish(process)
        again = tagodev.run(*prune, "--json")
        nothing = tagodev.run("plan", "site.csv", "--prune")
        backs = [
            tagodev.run("apply", snapshot, "--yes", "--json")
            for snapshot in again.json()["snapshots"]
        ]
        _write_many(tmp_path / "site.csv", 40)
        as_before = tagodev.run("plan", "site.csv", "--json")
        stats = emulator.stats()

    assert {0} == {again.code, nothing.code, *(back.code for back in backs)}
    answer = again.json()
    assert (20, 10) == (answer["created"], answer["deleted"])
    # A change that was under way is planned anew, unless the service shows that it took effect.
    assert answer["changed"] in range(30 - CONCURRENCY, 31)
    assert 10 == sum(back.json()["created"] for back in backs)
    assert (0, 40) == (as_before.code, as_before.json()["kept"])
    assert (60, {}) == (stats["devices"], stats["duplicates"])


def _write_many(path: Path, count: int) -> None:
    path.write_text("name,tag.site\n" + "".join(f"s{n},dairy\n" for n in range(count)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    """130: what was on its way is waited for, the rest is pending, and planned anew next time."""
    options = EmulatorOptions(unlimited=True, latency=0.05, max_devices=1000)
    _write_many(tmp_path / "site.csv", 300)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start("apply", "site.csv", "--yes", "--out", "out.csv", *SLOWLY)
        wait_for_apply(tmp_path, 20)
        process.send_signal(number)
        done = finish(process)
        devices = emulator.stats()["devices"]
        again = tagodev.run("apply", "site.csv", "--yes", "--json")

    assert 130 == done.code
    assert "Stopping" in done.err
    counts = statuses(tmp_path / "out.csv")
    assert {"created": devices, "pending": 300 - devices} == counts
    assert (0, 300 - devices) == (again.code, again.json()["created"])


def test_only_intended_steps_are_dropped(profile: Profile) -> None:
    """Steps of an interrupted apply that were not sent are not done: the file has changed."""
    _cut_off(profile)
    profile.write("site.csv", SITE.replace("Cold room 3", "Cold room 4"))
    planned = profile.run("plan", "site.csv")
    done = profile.run("apply", "site.csv", "--yes", "--json")
    answer = done.json()

    assert "interrupted" not in planned.err
    assert (0, 3) == (done.code, answer["created"])
    assert {f"Cold room {number}" for number in (1, 2, 4)} == set(profile.devices())
    assert ["1", "2", "3"] == [row["step"] for row in read_results(profile.folder / answer["out"])]


_SLOW_DELETE = {"DELETE /device/:device_id:slow": 1.0}


def test_deletions_that_were_only_intended_are_not_replayed(tmp_path: Path) -> None:
    """Killed amid a prune, the rows put back: no device that the file names is deleted."""
    options = EmulatorOptions(
        unlimited=True,
        max_devices=1000,
        slow_seconds=0.2,
        faults={"DELETE /device/:device_id:slow": 1},
    )
    prune = ("--prune", "--max-delete", "100%", "--settle", "0.3", "--concurrency", "1")
    _write_many(tmp_path / "s.csv", 20)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        tagodev.run("apply", "s.csv", "--yes")
        _write_many(tmp_path / "s.csv", 8)
        process = tagodev.start("apply", "s.csv", "--yes", *prune)
        wait_for_apply(tmp_path, 5, number=2)
        process.kill()
        finish(process)
        _write_many(tmp_path / "s.csv", 20)
        left = emulator.stats()["devices"]
        planned = tagodev.run("plan", "s.csv", "--json")
        again = tagodev.run("apply", "s.csv", "--yes", "--settle", "0.3", "--json")
        stats = emulator.stats()

    assert 8 < left < 20
    assert "The apply of " in planned.err
    assert "was interrupted; the outcome of 1 request is unknown" in planned.err
    # What the interrupted apply has deleted is among the results, and no more than that.
    assert again.code == 0
    assert again.json()["deleted"] in {20 - left, 21 - left, 19 - left}
    # One more may have gone with the request that was under way.
    assert again.json()["created"] in {20 - left, 21 - left}
    assert (20, {}) == (stats["devices"], stats["duplicates"])


def _cut_off(profile: Profile) -> Path:
    """Leave the journal of an apply that was ended before it had done anything."""
    profile.write("site.csv")
    wanted = open_input(profile.folder / "site.csv", FileOptions(), PlanOptions(), ServiceOptions())
    plan = profile.ask(wanted.plan)
    target = profile.ask(lambda tago: tago.target())
    path = ListState.of(target, wanted.settings.manager).new_path(".journal")
    write_steps(plan, path, profile.emulator.url)
    return path


def test_two_at_once(tmp_path: Path) -> None:
    """An apply that is going on keeps a second one away."""
    options = EmulatorOptions(unlimited=True, latency=0.05, max_devices=1000)
    _write_many(tmp_path / "site.csv", 100)
    with EmulatorProcess(options) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        process = tagodev.start("apply", "site.csv", "--yes", *SLOWLY)
        wait_for_apply(tmp_path, 5)
        # However long the second takes to begin.
        process.send_signal(signal.SIGSTOP)
        second = tagodev.run("apply", "site.csv", "--yes")
        process.send_signal(signal.SIGCONT)
        first = finish(process)
        stats = emulator.stats()

    assert (0, 1) == (first.code, second.code)
    assert f"in use by another process (process {process.pid} on" in second.err
    assert (100, {}) == (stats["devices"], stats["duplicates"])


def test_two_at_once_from_two_folders(tmp_path: Path) -> None:
    """The lock is on the list of this profile, not on a folder or a path."""
    options = EmulatorOptions(unlimited=True, latency=0.05, max_devices=1000)
    _write_many(tmp_path / "site.csv", 100)
    with EmulatorProcess(options) as emulator:
        state = {"TAGODEV_STATE": str(tmp_path / ".config" / "state")}
        commands = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            commands.append(Command(tmp_path / name, emulator.url, emulator.token, state))
        first, second = (
            command.start("apply", "../site.csv", "--yes", *SLOWLY) for command in commands
        )
        done = [finish(first), finish(second)]
        stats = emulator.stats()

    assert [0, 1] == sorted(one.code for one in done) or [0, 0] == [one.code for one in done]
    assert all("in use by another process" in one.err for one in done if one.code)
    assert (100, {}) == (stats["devices"], stats["duplicates"])
    assert (100, {}) == (stats["devices"], stats["duplicates"])
