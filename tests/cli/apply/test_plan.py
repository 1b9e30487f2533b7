"""``tagodev plan``: what would be done, to a person and to a program, and nothing of it done."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import orjson
import pytest

from benchmarks.process import run_measured
from tagodev import Tag
from tagodev._cli.options import files
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.profile import MARK, SITE, Profile
from tests.cli.support import Command
from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import InProcess

pytestmark = pytest.mark.tago_emulator(unlimited=True)


def in_front_of(profile: Profile) -> Command:
    """Return the command line as a process of its own."""
    return Command(profile.folder, profile.emulator.url, profile.emulator.token)


# --- what it says --------------------------------------------------------------------------------


def test_new_devices(profile: Profile) -> None:
    """Each step with its fields; then counts, requests, time, free devices, manager."""
    profile.write("site.csv", "name,tag.site,param.rate\nCold room 1,dairy,600\nCold room 2,,\n")
    done = profile.run("plan", "site.csv")

    assert (10, "") == (done.code, done.err)
    assert (
        "+ create Cold room 1 (line 2)\n"
        "    tags.site: dairy\n"
        "    params.rate: 600\n"
        "+ create Cold room 2 (line 3)\n"
        "\n"
        "Plan: 2 to create, 0 to change, 0 to delete, 0 unchanged\n"
        "2 x POST /device (5000 per minute)\n"
        "About 1 s with the limits of the plan scale\n"
        "Devices: 0 used, 10000 free, 2 needed\n"
        "Created and changed devices get the tag tagodev_managed = site\n"
    ) == done.out
    assert {} == profile.devices()


def test_every_kind_of_step(profile: Profile) -> None:
    """Changes value by value, deletions with their reason, and what can't be done last."""
    profile.make("Cold room 1", description="south")
    profile.make("Cold room 2", type="immutable", chunk_period="day", chunk_retention=1)
    profile.make("left over")
    profile.make("twice", "twice", tags=())
    profile.write(
        "site.csv",
        "name,description,type,active\nCold room 1,north,,\nCold room 2,,mutable,\ntwice,,,no\n",
    )
    done = profile.run("plan", "site.csv", "--prune", "--name", "site")

    assert 10 == done.code
    lines = done.out.splitlines()
    assert [
        "- delete left over: managed, but no longer in the file",
        "~ change Cold room 1 (line 2)",
        "    description: south -> north",
        "! blocked Cold room 2 (line 3): type can't be changed on an existing device",
        "    type: immutable -> mutable",
    ] == lines[:5]
    assert lines[5].startswith("! blocked twice (line 4): 2 devices have this name: ")
    assert ("Plan: 0 to create, 1 to change, 1 to delete, 0 unchanged, 2 blocked") in lines


def test_nothing_to_do(profile: Profile) -> None:
    """Exit code 0, and how many devices are unchanged."""
    profile.make("Cold room 1", "Cold room 2")
    profile.write("site.csv", "name,active\nCold room 1,yes\nCold room 2,yes\n")
    done = profile.run("plan", "site.csv")

    assert (0, "") == (done.code, done.err)
    assert "Plan: 0 to create, 0 to change, 0 to delete, 2 unchanged\n" == done.out


def test_only_what_can_not_be_done(profile: Profile) -> None:
    """Exit code 6: there is a difference, and nothing can be done about it."""
    profile.make("Cold room 1", "Cold room 1")
    profile.write("site.csv", "name\nCold room 1\n")

    assert 6 == profile.run("plan", "site.csv").code


def test_long_plans_are_cut(profile: Profile) -> None:
    """Fifty steps are shown, unless all are asked for."""
    profile.write("site.csv", "name\n" + "".join(f"s{number}\n" for number in range(53)))
    cut, whole = profile.run("plan", "site.csv"), profile.run("plan", "site.csv", "--all")

    assert 50 == cut.out.count("+ create")
    assert "... and 3 more (--all shows them)\n" in cut.out
    assert (53, False) == (whole.out.count("+ create"), "--all" in whole.out)


def test_what_a_terminal_would_obey_is_shown(profile: Profile) -> None:
    """Names and values may come from anybody: escapes are written out, and long ones are cut."""
    profile.make("evil \x1b[2J", description="a\nb")
    text = '[{"name": "evil \\u001b[2J", "description": "%s"}]' % ("x" * 100)
    profile.write("site.json", text)
    done = profile.run("plan", "site.json")

    assert "\x1b" not in done.out
    assert "~ change evil \\x1b[2J (line 1)" in done.out
    assert f"    description: a\\nb -> {'x' * 57}...\n" in done.out


def test_one_json_object(profile: Profile) -> None:
    """JSON has the same, with every step."""
    profile.make("Cold room 1", active=False)
    profile.write("site.csv", "name,active\nCold room 1,yes\nCold room 2,yes\n")
    done = profile.run("plan", "site.csv", "--json")
    answer = done.json()

    assert (10, "") == (done.code, done.err)
    assert 32 == len(answer.pop("fingerprint"))
    assert 0 < answer.pop("seconds") < 1
    device_id = profile.devices()["Cold room 1"].id
    assert {
        "create": 1,
        "change": 1,
        "delete": 0,
        "blocked": 0,
        "kept": 0,
        "managed": 1,
        "known_by": "name",
        "manager": "site",
        "requests": {"PUT /device/:device_id": 1, "POST /device": 1},
        "slots": {"used": 1, "cap": 10000, "free": 9999, "needed": 1},
        "notes": [],
        "steps": [
            {
                "action": "change",
                "name": "Cold room 1",
                "device_id": device_id,
                "line": 2,
                "reason": None,
                "changes": [{"path": "active", "old": False, "new": True}],
            },
            {
                "action": "create",
                "name": "Cold room 2",
                "device_id": None,
                "line": 3,
                "reason": None,
                "changes": [{"path": "active", "old": None, "new": True}],
            },
        ],
    } == answer


def test_requests_are_few(profile: Profile) -> None:
    """One each for the time, plan and profile, and the list, and one for a device's parameters."""
    profile.make("Cold room 1", "Cold room 2")
    profile.write("site.csv", SITE)
    before = profile.asked()
    done = profile.run("plan", "site.csv")
    asked = {
        route: number - before.get(route, 0)
        for route, number in profile.asked().items()
        if number > before.get(route, 0)
    }

    assert "Note: Configuration parameters took one request per device: 2\n" in done.out
    assert {
        "GET /info": 1,
        "GET /profile/:profile_id": 1,
        "GET /device": 1,
        "GET /device/:device_id/params": 2,
    } == asked


def test_how_far_reading_has_come(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow reads show progress on standard error, with the total if it is known."""
    monkeypatch.setattr(files, "_INTERVAL", 0.0)
    profile.make("Cold room 1", "Cold room 2")
    profile.write("site.csv")
    done = profile.run("plan", "site.csv")

    assert [
        "Reading: 2 devices",
        "Reading: 1 of 2 parameters of devices",
        "Reading: 2 of 2 parameters of devices",
    ] == done.err.splitlines()


@pytest.mark.tago_emulator(unlimited=True, devices=10_000)
def test_a_large_profile(profile: Profile) -> None:
    """10,000 rows against 10,000 devices: 21 list requests, at most 5 s of CPU and 200 MB.

    It takes two thirds and half of these; benchmarks/plan_profile.py tells how much.
    """
    rows = "".join(f"device-{number:05},yes\n" for number in range(1, 10_001))
    profile.write("site.csv", f"name,active\n{rows}")
    environment = in_front_of(profile).variables()
    # Who counts which lines are run would be counted, too.
    unwatched = {key: environment[key] for key in environment if not key.startswith("COVERAGE")}
    with (profile.folder / "answer.json").open("w+b") as out:
        used = run_measured(
            ["-m", "tagodev", "plan", "site.csv", "--json"], unwatched, out, profile.folder
        )
        out.seek(0)
        answer = orjson.loads(out.read())

    assert (0, 10_000, []) == (used.code, answer["kept"], answer["steps"])
    assert profile.asked()["GET /device"] <= 21
    assert used.cpu < 5
    assert used.memory < 200


# --- where it says it ----------------------------------------------------------------------------


def test_colours_on_a_terminal(profile: Profile) -> None:
    """Green, yellow and red, each line by itself; none where NO_COLOR says so."""
    profile.make("change", active=False)
    profile.make("delete")
    profile.write("site.csv", "name,active\nchange,yes\ncreate,\n")
    command = in_front_of(profile)
    coloured = Terminal(command).run("plan", "site.csv", "--prune", "--name", "site")
    command.environment["NO_COLOR"] = "1"
    plain = Terminal(command).run("plan", "site.csv", "--prune", "--name", "site")

    assert (10, 10) == (coloured.code, plain.code)
    for colour, line in (
        ("32", "+ create create (line 3)"),
        ("33", "~ change change (line 2)"),
        ("31", "- delete delete: managed, but no longer in the file"),
    ):
        assert f"\x1b[{colour}m{line}\x1b[0m\n" in coloured.out
        assert f"\n{line}\n" in f"\n{plain.out}"
    assert "\x1b" not in plain.out


def test_into_a_pipe(profile: Profile) -> None:
    """A pipe gets no colours, and may be closed before the end."""
    profile.write("site.csv", "name\n" + "".join(f"s{number}\n" for number in range(5000)))
    command = in_front_of(profile)
    piped = command.run("plan", "site.csv")
    done = command.pipe("tagodev plan site.csv --all | head -n 1")

    assert (10, False) == (piped.code, "\x1b" in piped.out)
    assert ("+ create s0 (line 2)\n", "") == (done.out, done.err)


# --- how the file is read ------------------------------------------------------------------------


def test_columns_defaults_and_names(profile: Profile) -> None:
    """Columns are mapped, defaults fill in, names are made, and networks are named by name."""
    profile.write("defaults.json", '{"network": "ChirpStack", "tags": {"site": "dairy"}}')
    profile.write("site.csv", "EUI;Where;Notes\n0886AB56826CF2EE;attic;x\n")
    options = ("EUI=serie_number", "Where=tag.room", "Notes=", "sensor-{EUI}=name")
    done = profile.run(
        "plan",
        "site.csv",
        "--defaults",
        "defaults.json",
        *(part for option in options for part in ("--map", option)),
    )

    assert (10, "") == (done.code, done.err)
    assert "+ create sensor-0886AB56826CF2EE (line 2)\n" in done.out
    assert "    network: 5fd117be93c6500029660b31\n" in done.out
    assert "    tags.room: attic\n" in done.out
    assert "    tags.site: dairy\n" in done.out


def test_networks_are_asked_for(profile: Profile) -> None:
    """What the service lists goes before what is well known: it is asked where names are given."""
    profile.write("site.csv", "name,network\na,custom https\n")
    done = profile.run("plan", "site.csv")

    assert 10 == done.code
    assert profile.asked()["GET /integration/network"] > 0
    assert "    network: 5bbd0d144051a50034cd19fb\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--map", "EUI"), "--map: must be COLUMN=FIELD"),
        (("--map", "=name"), "--map: must be COLUMN=FIELD"),
        (("--by", "colour"), "--by: must be name, serial, id or tag:KEY"),
        (("--name", " "), "--name: must not be empty"),
        (("--defaults", "site.csv"), "site.csv: must be one JSON or YAML object"),
        (("--defaults", "two.json"), "two.json: must be one object, not 2"),
        (("--defaults", "bad.json"), "bad.json:1: colour"),
        (("--defaults", "nothing.json"), "nothing.json: can't be read"),
        (("--sheet", "Tabelle1"), "it has no sheet 'Tabelle1'"),
        (("--tags", "guess"), "--tags"),
    ],
)
def test_options_that_can_not_be_meant(
    profile: Profile, arguments: tuple[str, ...], message: str
) -> None:
    """2, with the option or the file, before anything is asked of the service."""
    profile.write("site.csv", "name\na\n")
    profile.write("two.json", '[{"active": true}, {"active": false}]')
    profile.write("bad.json", '{"colour": "red"}')
    done = profile.run("plan", "site.csv", *arguments)

    assert 2 == done.code
    assert message in done.err.replace("\n", " ")
    assert {} == profile.asked()


def test_all_rows_that_can_not_be_told_apart(profile: Profile) -> None:
    """2, with every line, before anything is asked of the service."""
    profile.write("site.csv", "name\na\nb\na\nb\na\n")
    done = profile.run("plan", "site.csv")

    assert (2, "") == (done.code, done.out)
    assert ["site.csv:4: name: ", "site.csv:5: name: ", "site.csv:6: name: "] == [
        line[: len("site.csv:4: name: ")] for line in done.err.splitlines()
    ]
    assert "is also on line 2, but devices are identified by it" in done.err
    assert {} == profile.asked()


def test_known_by(profile: Profile) -> None:
    """What a device is known by may be a tag, and then its name changes."""
    profile.make("old name", tags=(Tag("room", "1"), MARK))
    profile.write("site.csv", "name,tag.room\nnew name,1\n")
    done = profile.run("plan", "site.csv", "--by", "tag:room")

    assert "~ change old name (line 2)\n    name: old name -> new name\n" in done.out


# --- over a pipe ---------------------------------------------------------------------------------


def test_from_standard_input(profile: Profile) -> None:
    """A dash is standard input, read once; it has no name of its own, and is called stdin."""
    command = in_front_of(profile)
    done = command.run_with_input(SITE, "plan", "-", "--name", "site", "--out", "plan.json")
    applied = command.run_with_input(SITE, "apply", "-", "--name", "site", "--yes", "--json")
    nameless = command.run_with_input(SITE, "plan", "-")
    broken = command.run_with_input("name,active\na,so\n", "plan", "-", "--name", "site")
    kept = (profile.folder / "plan.json").read_text(encoding="utf-8")
    stale = command.run_with_input(kept, "apply", "-", "--yes")

    assert (10, "Plan saved to plan.json") == (done.code, done.err[:23])
    assert "+ create Cold room 1 (line 2)\n" in done.out
    assert 3 == orjson.loads(applied.out)["created"]
    assert MARK in profile.devices()["Cold room 1"].tags
    assert (2, "") == (nameless.code, nameless.out)
    assert "--name: is required for input from a pipe" in nameless.err
    assert (2, "stdin:2: active (column B): must be true or false") == (
        broken.code,
        broken.err[:49],
    )
    # What is kept says itself what it is called.
    assert (1, True) == (stale.code, "is stale" in stale.err)
    assert {"site", "plan"} >= {name.partition(".")[0] for name in profile.files()}


def test_from_another_program(profile: Profile) -> None:
    """A pipe by another name is read as well, and what a profile exports is planned at once."""
    profile.make("Cold room 1")
    command = in_front_of(profile)
    line = "tagodev export | tagodev plan - --name x && tagodev plan <(cat) --name x"
    done = command.pipe(line, "name\nCold room 2\n")

    assert (10, "") == (done.code, done.err)
    first, second = done.out.split("+ create Cold room 2 (line 2)\n")
    assert first == "Plan: 0 to create, 0 to change, 0 to delete, 1 unchanged\n"
    assert "Plan: 1 to create" in second


# --- kept plans ----------------------------------------------------------------------------------


def test_a_plan_is_kept(profile: Profile) -> None:
    """It is for its owner's eyes only, may be replaced by another plan, and is planned the same."""
    profile.write("site.csv")
    kept = profile.run("plan", "site.csv", "--out", "plan.json")
    again = profile.run("plan", "site.csv", "--out", "plan.json")
    of_plan = profile.run("plan", "plan.json", "--json")
    of_file = profile.run("plan", "site.csv", "--json")

    assert (10, 10) == (kept.code, again.code)
    assert "Plan saved to plan.json; apply it with: tagodev apply plan.json\n" == kept.err
    path = profile.folder / "plan.json"
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    document = orjson.loads(path.read_bytes())
    assert of_file.json()["fingerprint"] == document["tagodev"]["fingerprint"]
    assert of_plan.json()["fingerprint"] == of_file.json()["fingerprint"]
    assert "site" == of_plan.json()["manager"]


@pytest.mark.parametrize("text", ["name\na\n", '{"tagodev": {"format": 99},\n"devices": []}'])
def test_nothing_else_is_replaced(profile: Profile, text: str) -> None:
    """A file that is no plan stays as it is."""
    profile.write("site.csv")
    path = profile.write("plan.json", text)
    done = profile.run("plan", "site.csv", "--out", "plan.json")

    assert 2 == done.code
    assert "plan.json" in done.err
    assert text == path.read_text()


def test_a_snapshot_is_not_replaced(profile: Profile) -> None:
    """A snapshot is a document too, but one that can't be made again."""
    profile.make("Cold room 1")
    profile.write("site.csv", "name,active\nCold room 1,no\n")
    profile.run("apply", "site.csv", "--yes", "--snapshot", "before.json")
    done = profile.run("plan", "site.csv", "--out", "before.json")

    assert 2 == done.code
    assert "before.json already exists and is not a saved plan" in done.err


def test_a_plan_of_another_service(profile: Profile) -> None:
    """A kept plan is about the service that it was made with."""
    profile.write("site.csv")
    profile.run("plan", "site.csv", "--out", "plan.json")
    with EmulatorProcess(EmulatorOptions(token=profile.emulator.token)) as other:
        done = profile.run("plan", "plan.json", "--api", other.url)

    assert 2 == done.code
    assert f"plan.json: belongs to {profile.emulator.url}, not to {other.url}" in done.err


# --- what is wrong -------------------------------------------------------------------------------


def test_a_file_that_is_not_there(in_process: InProcess) -> None:
    """2, and which."""
    done = in_process("plan", "nothing.csv")

    assert 2 == done.code
    assert "nothing.csv: can't be read: No such file or directory" in done.err


def test_no_token(in_process: InProcess, tmp_path: Path) -> None:
    """3: nobody can be asked."""
    (tmp_path / "site.csv").write_text("name\na\n")
    done = in_process("plan", "site.csv")

    assert 3 == done.code
    assert "No token" in done.err


def test_wrong_token(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """5: the service does not know it."""
    profile.write("site.csv")
    monkeypatch.setenv("TAGOIO_TOKEN", "p-4bff8bf8-1f6e-4ee5-a371-a9c1c1e5b2f0")

    assert 5 == profile.run("plan", "site.csv", "--plan", "scale").code


@pytest.mark.parametrize("command", ["plan", "apply", "export"])
def test_help_with_an_example(in_process: InProcess, command: str) -> None:
    """Every command's help has a line to try, and its options in groups."""
    done = in_process(command, "--help")

    assert 0 == done.code
    assert f"Example: tagodev {command} " in done.out
