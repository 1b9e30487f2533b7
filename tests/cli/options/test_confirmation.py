"""Destructive commands: confirmed, previewed without sending anything, and saved first."""

from __future__ import annotations

import shlex
import stat
from typing import TYPE_CHECKING, Final

import orjson
import pytest

from tagodev import ConfigurationParameter, Tag
from tagodev._bulk.journal.store import Journal
from tagodev._cli.app import app
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview
from tagodev._models.devices import CUSTOM_HTTPS_NETWORK
from tests.cli.support import Command, read_results, statuses, write_devices
from tests.cli.terminal import Terminal
from tests.cli.test_every_command import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev import Device
    from tests.cli.profile import Profile

pytestmark = pytest.mark.tago_emulator(unlimited=True, max_devices=100)

REFUSED = "confirmation is required but stdin is not a terminal; re-run with --yes"

#: A command line for each destructive command, and how many things it is about.
#: Words in capitals stand for what the profile holds.
DESTRUCTIVE: Final = {
    "bulk delete": ("bulk delete ids.csv", 2),
    "bulk rotate": ("bulk rotate tokens.csv", 1),
    "connector delete": ("connector delete Probe", 1),
    "network delete": ("network delete 'Our LoRa'", 1),
    "network token delete": ("network token delete 'Our LoRa' server", 1),
    "service-token delete": ("service-token delete server", 1),
    "data delete": ("data delete DEVICE --all", 3),
    "device delete": ("device delete DEVICE", 1),
    "param delete": ("param delete DEVICE rate unit", 2),
    "token delete": ("token delete DEVICE Default", 1),
    "token rotate": ("token rotate DEVICE", 1),
    "device-delete": ("device-delete DEVICE", 1),
    "device-param": ("device-param DEVICE --delete rate", 1),
    "device-token": ("device-token DEVICE --delete Default", 1),
}
#: The same, where a filter or a journal selects what it is about, or several devices are named.
MORE: Final = {
    "several": ("device delete DEVICE OTHER", 2),
    "filter": ("device delete --tag site=dairy", 2),
    "journal": ("bulk delete ids.csv --journal j", 2),
    "rotation": ("token rotate --tag site=dairy", 2),
}
LINES: Final = DESTRUCTIVE | MORE
#: Commands that change devices and do not ask.
EDITS: Final = {
    "bulk edit": "bulk edit changes.csv",
    "device edit": "device edit DEVICE --set description=new",
    "param set": "param set DEVICE rate=1",
}
#: Commands that save devices first.
SAVING: Final = ("bulk delete", "device delete", "param delete", "several", "filter", "journal")


@pytest.fixture
def stocked(profile: Profile) -> Profile:
    """Give a profile with two devices, and files that speak of them."""
    params = [ConfigurationParameter("rate", "600"), ConfigurationParameter("unit", "C")]
    tags = (Tag("site", "dairy"),)
    profile.make("one", tags=tags, configuration_params=params, serie_number="0042")
    profile.make("two", tags=tags, description="north", active=False)
    # A serial number keeps a token from being rotated without a gap.
    one, two = (profile.devices()[name].id for name in ("one", "two"))
    token = profile.ask(lambda tago: tago.tokens.list(two).collect())[0].token.reveal()
    profile.write("ids.csv", f"id,name\n{one},one\n{two},two\n")
    profile.write("changes.csv", f"id,description\n{one},new\n")
    profile.write("tokens.csv", f"id,token,name\n{two},{token},two\n")
    profile.run("data", "send", one, "a=1", "a=2", "b=3")
    profile.run("network", "create", "Our LoRa")
    profile.run("network", "token", "create", "Our LoRa", "server")
    profile.run("connector", "create", "Probe", "--network", CUSTOM_HTTPS_NETWORK)
    profile.run("service-token", "create", "server")
    return profile


def words(profile: Profile, line: str) -> list[str]:
    """Return a command line with the ids of devices in it."""
    devices = profile.devices()
    ids = {"DEVICE": devices["one"].id, "OTHER": devices["two"].id}
    return [ids.get(word, word) for word in shlex.split(line)]


def whole(profile: Profile, name: str) -> Device:
    """Return a device with all its fields."""
    device_id = profile.devices()[name].id
    return profile.ask(lambda tago: tago.devices.info(device_id))


def writes(profile: Profile) -> int:
    """Return how many requests have changed something, as far as their method says."""
    return sum(n for route, n in profile.asked().items() if not route.startswith("GET"))


def saved(profile: Profile) -> list[Path]:
    """Return the snapshots in the state folder."""
    return sorted((profile.folder / ".config" / "state" / "snapshots").glob("*"))


# --- every command -------------------------------------------------------------------------------


def test_every_destructive_command_is_here() -> None:
    """Commands with such a verb are destructive, and have the same options."""
    verbs = ("delete", "rotate", "remove")
    found = {name for name in COMMANDS if name.split()[-1].endswith(verbs)}
    # It changes a file of the user's, and nothing on the service.
    found -= {"config remove", "dv-dlt"}
    flat = {"device-param", "device-token"}

    assert set(DESTRUCTIVE) == found | flat
    for name in DESTRUCTIVE:
        options = {
            option
            for argument in COMMANDS[name].assemble_argument_collection()
            for option in argument.names
        }
        assert {"--dry-run", "--yes", "-y"} <= options, name
        if name in SAVING:
            assert {"--snapshot", "--no-snapshot"} <= options, name
    assert "--snapshot" in {
        option
        for argument in app["bulk"]["edit"].assemble_argument_collection()
        for option in argument.names
    }


@pytest.mark.parametrize("name", LINES)
def test_without_a_terminal(stocked: Profile, name: str) -> None:
    """2: what would be done is shown, nothing is sent, and the message says how to continue."""
    line, _ = LINES[name]
    gap = ("--allow-gap",) if "rotate" in line else ()
    before = writes(stocked)
    done = stocked.run(*words(stocked, line), *gap)

    assert (2, "") == (done.code, done.out)
    assert f"tagodev: {REFUSED}\n" in done.err
    assert before == writes(stocked)
    assert [] == saved(stocked)


@pytest.mark.parametrize("name", LINES)
def test_dry_run(stocked: Profile, name: str) -> None:
    """0: everything is shown, nothing is sent that changes anything, with --yes neither."""
    line, count = LINES[name]
    gap = ("--allow-gap",) if "rotate" in line else ()
    before, files = writes(stocked), stocked.files()
    done = stocked.run(*words(stocked, line), *gap, "--dry-run", "--yes")
    as_json = stocked.run(*words(stocked, line), *gap, "--dry-run", "--json")

    assert (0, "") == (done.code, done.out), done.err
    assert f": {count} " in done.err
    assert 0 == as_json.code
    answer = as_json.json()
    assert (True, count) == (answer["dry_run"], answer["count"])
    assert answer["operation"] in ("delete", "rotate")
    assert before == writes(stocked)
    assert files == stocked.files()
    assert [] == saved(stocked)


@pytest.mark.parametrize("name", LINES)
def test_yes(stocked: Profile, name: str) -> None:
    """0: it is done without a question."""
    line, _ = LINES[name]
    gap = ("--allow-gap",) if "rotate" in line else ()
    before = writes(stocked)
    done = stocked.run(*words(stocked, line), *gap, "--yes")

    assert 0 == done.code, done.err
    assert before < writes(stocked)
    assert (name in SAVING or name in ("device-delete", "device-param")) == bool(saved(stocked))


@pytest.mark.parametrize("line", ["bulk delete ids.csv", "device delete --name *"])
def test_typed_at_a_terminal(stocked: Profile, line: str) -> None:
    """The number is typed; anything else does nothing and exits with 1."""
    command = Command(stocked.folder, stocked.emulator.url, stocked.emulator.token)
    command.environment["TAGODEV_PLAN"] = "scale"
    no = Terminal(command, 200).run(*line.split(), answers=[("Type 2 to confirm:", "1\n")])
    assert (1, 2) == (no.code, len(stocked.devices())), no.out
    assert "Cancelled; nothing was changed" in no.out
    assert "The snapshot holds fields, tags, parameters and serial numbers, but no data" in no.out
    yes = Terminal(command, 200).run(*line.split(), answers=[("Type 2 to confirm:", "2\n")])

    assert (0, {}) == (yes.code, stocked.devices()), yes.out
    assert 1 == len(saved(stocked))


@pytest.mark.parametrize("name", EDITS)
def test_edits_do_not_ask(stocked: Profile, name: str) -> None:
    """They have a dry run, and save the devices where they are asked to."""
    line = words(stocked, EDITS[name])
    before = writes(stocked)
    dry = stocked.run(*line, "--dry-run")
    assert (0, before) == (dry.code, writes(stocked)), dry.err
    assert ": 1 device" in dry.err
    done = stocked.run(*line, "--snapshot", "before.json")

    assert 0 == done.code, done.err
    assert before < writes(stocked)
    (device,) = orjson.loads((stocked.folder / "before.json").read_bytes())["devices"]
    assert ("one", "600") == (device["name"], device["configuration_params"][0]["value"])
    assert 0 == stocked.run("apply", "before.json", "--yes").code
    assert (None, {"rate": "600", "unit": "C"}) == (
        whole(stocked, "one").description,
        stocked.parameters("one"),
    )


def test_named_devices_take_no_journal(stocked: Profile) -> None:
    """2: options that would do nothing are refused."""
    for line in (
        "device delete DEVICE --yes --journal j",
        "device edit DEVICE --set name=x --out o",
    ):
        done = stocked.run(*words(stocked, line))
        assert 2 == done.code
        assert "requires a filter" in done.err
    assert 2 == len(stocked.devices())


def test_a_dry_run_of_what_deletes_nothing(stocked: Profile) -> None:
    """2: of the flat commands it goes with --delete only, and never sets anything."""
    before = writes(stocked)
    for line in ("device-param DEVICE --set rate=1", "device-token DEVICE --create x"):
        assert 2 == stocked.run(*words(stocked, line), "--dry-run").code
    assert before == writes(stocked)


# --- files of devices ----------------------------------------------------------------------------


def test_a_long_list_shows_ten(stocked: Profile) -> None:
    """The first ten are shown, and all of them in a dry run."""
    ids = [f"{number:024x}" for number in range(12)]
    stocked.write("many.csv", "id,name\n" + "".join(f"{one},n{one[-1]}\n" for one in ids))
    done = stocked.run("bulk", "delete", "many.csv")
    dry = stocked.run("bulk", "delete", "many.csv", "--dry-run")

    assert "To delete: 12 devices" in done.err
    assert f"  {ids[9]}  n9\n  ... and 2 more (--dry-run shows all)\n" in done.err
    assert f"  {ids[11]}  nb\n" in dry.err
    assert "more" not in dry.err


@pytest.mark.parametrize(("count", "more"), [(1, ""), (10, ""), (11, "  ... and 1 more")])
def test_a_list_that_is_just_long_enough(
    count: int, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten are shown and nothing more is promised; of eleven one is left."""
    preview = Preview(verb="delete", count=count, items=((f"id{n}", "x") for n in range(count)))
    assert preview.confirm(ConfirmationOptions(yes=True), json=False) is None
    first, *shown = capsys.readouterr().err.splitlines()

    assert f"To delete: {count} device{'s' if count > 1 else ''}" == first
    assert min(count, 10) + bool(more) == len(shown)
    assert more in shown[-1]
    assert bool(more) == ("more" in shown[-1])


def test_what_is_left_of_a_journal(tmp_path: Path, stocked: Profile) -> None:
    """The same command again is about the rows that are left, and needs them confirmed too."""
    devices = stocked.devices()
    # The service refuses to delete a device that a tag protects: that row fails.
    tags = (Tag("_delete_protection_", ""),)
    stocked.make("kept", tags=tags)
    kept = stocked.devices()["kept"].id
    stocked.write("some.csv", f"id\n{devices['one'].id}\n{kept}\n{devices['two'].id}\n")
    command = ("bulk", "delete", "some.csv", "--journal", "j")
    stocked.run(*command, "--yes")
    again = stocked.run(*command)
    assert 6 == again.code
    assert "3 rows finished before (journal: j)" in again.err
    assert {"deleted": 2, "failed": 1} == statuses(tmp_path / "some.deleted.csv")
    with Journal.open(tmp_path / "j") as journal:
        journal.retry_failed()
    one_left = stocked.run(*command)
    assert 2 == one_left.code
    assert f"2 rows finished before (journal: j)\nTo delete: 1 device\n  {kept}\n" in one_left.err
    assert REFUSED in one_left.err


def test_an_empty_file(stocked: Profile) -> None:
    """0: nothing to delete needs no confirmation."""
    stocked.write("none.csv", "id\n")
    done = stocked.run("bulk", "delete", "none.csv")

    assert 0 == done.code
    assert [] == read_results(stocked.folder / "none.deleted.csv")
    assert [] == saved(stocked)


def test_results_that_are_there_are_found_first(stocked: Profile) -> None:
    """2: before anything is asked or read."""
    stocked.write("ids.deleted.csv", "old")
    done = stocked.run("bulk", "delete", "ids.csv", "--yes")

    assert 2 == done.code
    assert "ids.deleted.csv already exists" in done.err
    assert [] == saved(stocked)


# --- snapshots -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["bulk delete ids.csv", "device delete --name *", MORE["several"][0]]
)
def test_apply_restores_the_devices(stocked: Profile, line: str) -> None:
    """A private snapshot is written and its path printed; applying it creates the devices again."""
    before = stocked.devices()
    done = stocked.run(*words(stocked, line), "--yes")
    assert ({}, 0) == (stocked.devices(), done.code), done.err
    (path,) = saved(stocked)
    assert f"Snapshot of 2 devices: {path}\n" in done.err
    assert path.name.startswith(line.replace(" ", "-")[: len("bulk-delete")])
    assert path.name.endswith(".snapshot.json")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    applied = stocked.run("apply", str(path), "--yes")

    assert 0 == applied.code, applied.err
    after = stocked.devices()
    assert set(before) == set(after)
    assert all(before[name].id != after[name].id for name in before)
    assert ("north", False) == (whole(stocked, "two").description, after["two"].active)
    # The other tag is the name under which apply manages what it creates.
    assert Tag("site", "dairy") == after["one"].tags[0]
    assert {Tag("tagodev_managed", path.name.partition(".")[0])} == set(after["one"].tags[1:])
    assert {"rate": "600", "unit": "C"} == stocked.parameters("one")
    tokens = stocked.ask(lambda tago: tago.tokens.list(after["one"].id).collect())
    assert "0042" in {token.serie_number for token in tokens}
    stocked.run("apply", str(path), "--yes")
    assert after.keys() == stocked.devices().keys()
    assert 2 == len(stocked.ask(lambda tago: tago.devices.list().collect()))


def test_apply_restores_parameters(stocked: Profile) -> None:
    """What param delete has deleted comes back with its value."""
    stocked.run(*words(stocked, "param delete DEVICE rate --yes --snapshot before.json"))
    assert {"unit": "C"} == stocked.parameters("one")
    applied = stocked.run("apply", "before.json", "--yes")

    assert 0 == applied.code, applied.err
    assert {"rate": "600", "unit": "C"} == stocked.parameters("one")


def test_what_is_gone_is_skipped(stocked: Profile) -> None:
    """A device that does not exist any more is in no snapshot, and no snapshot holds nothing."""
    first = stocked.devices()["one"].id
    stocked.run("device", "delete", first, "--yes", "--no-snapshot")
    assert [] == saved(stocked)
    done = stocked.run("bulk", "delete", "ids.csv", "--yes")
    again = stocked.run("bulk", "delete", "ids.csv", "--yes", "--out", "again.csv")

    assert "Snapshot of 1 device: " in done.err
    assert (0, 1) == (again.code, len(saved(stocked)))
    assert "No snapshot: none of the devices exists anymore" in again.err


def test_a_snapshot_that_fails(stocked: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """3: where it can't be written nothing is deleted, unless it is not wanted."""
    stocked.write("state", "a file")
    monkeypatch.setenv("TAGODEV_STATE", str(stocked.folder / "state"))
    done = stocked.run("bulk", "delete", "ids.csv", "--yes")

    assert 3 == done.code
    assert "Set TAGODEV_STATE" in done.err
    assert 2 == len(stocked.devices())
    assert 0 == stocked.run("bulk", "delete", "ids.csv", "--yes", "--no-snapshot").code


def test_options_that_contradict(stocked: Profile) -> None:
    """2: a place for a snapshot that is not wanted, or one where a file is."""
    stocked.write("old.json", "old")
    for line, said in (
        ("--snapshot a.json --no-snapshot", "--no-snapshot: can't be combined with --snapshot"),
        ("--snapshot old.json", "--snapshot: old.json already exists"),
    ):
        done = stocked.run("bulk", "delete", "ids.csv", "--yes", *line.split())
        assert 2 == done.code
        assert said in done.err
    assert 2 == len(stocked.devices())


def test_devices_that_can_not_be_told_apart(stocked: Profile) -> None:
    """It is said before they are deleted that apply can't restore them."""
    stocked.make("same", "same", tags=())
    done = stocked.run("device", "delete", "--name", "same", "--yes")

    assert 0 == done.code
    assert "apply can't restore devices with the same name" in done.err


def test_many_devices_are_announced(stocked: Profile) -> None:
    """How many are read is said where it takes a while."""
    write_devices(stocked.folder / "many.csv", (f"n{number}" for number in range(90)))
    stocked.run("bulk", "create", "many.csv")
    rows = read_results(stocked.folder / "many.results.csv")
    ids = [row["device_id"] for row in rows] + [f"{number:024x}" for number in range(10)]
    stocked.write("gone.csv", "id\n" + "\n".join(ids) + "\n")
    done = stocked.run("bulk", "delete", "gone.csv", "--yes")

    assert 0 == done.code
    assert "Reading 100 devices for the snapshot, 3 requests each" in done.err
    assert "Snapshot of 90 devices: " in done.err


def test_the_journal_knows_the_snapshot(stocked: Profile) -> None:
    """What undoes a run finds it there."""
    stocked.run("bulk", "delete", "ids.csv", "--journal", "j", "--yes")
    (path,) = saved(stocked)
    with Journal.read(stocked.folder / "j") as journal:
        assert str(path) == journal.info.keywords["snapshot"]
