"""Which devices a list manages: two lists never share them, unless a name says so."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tagodev import Tag
from tests.cli.profile import SITE, Profile
from tests.cli.support import Command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tago_emulator(unlimited=True)

KEY = "tagodev_managed"


def rows(prefix: str, count: int) -> str:
    """Return a list of devices."""
    return "name\n" + "".join(f"{prefix}-{number}\n" for number in range(count))


def write(profile: Profile, name: str, text: str = SITE) -> Path:
    """Write a file, and its folder."""
    (profile.folder / name).parent.mkdir(exist_ok=True)
    return profile.write(name, text)


def managers(profile: Profile) -> dict[str, str]:
    """Return the manager of each device."""
    return {
        name: tag.value
        for name, device in profile.devices().items()
        for tag in device.tags
        if tag.key == KEY
    }


def manager(profile: Profile) -> str:
    """Return the one manager that there is."""
    (found,) = set(managers(profile).values())
    return found


# --- two lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hall 1.1.csv", "hall 1.2.csv"),
        ("north/devices.csv", "south/devices.csv"),
        ("devices.csv", "devices.tsv"),
        ("devices.csv", "DEVICES.CSV"),
    ],
)
def test_pruning_one_list_leaves_the_other_alone(profile: Profile, first: str, second: str) -> None:
    """Sixty devices of one file and five of another: pruning either deletes none of the other."""
    write(profile, first, rows("H11", 60))
    write(profile, second, rows("H12", 5))
    for name in (first, second):
        assert 0 == profile.run("apply", name, "--yes").code
    write(profile, first, rows("H11", 59))
    for name in (first, second, first):
        assert 0 == profile.run("apply", name, "--yes", "--prune").code

    found = managers(profile)
    assert 64 == len(found)
    assert 1 == len({found[f"H11-{number}"] for number in range(59)})
    assert 1 == len({found[f"H12-{number}"] for number in range(5)})
    assert found["H11-0"] != found["H12-0"]


def test_from_inside_each_folder(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """``cd north; apply devices.csv`` is the file that ``apply north/devices.csv`` is."""
    write(profile, "north/devices.csv", rows("N", 20))
    write(profile, "south/devices.csv", rows("S", 2))
    profile.run("apply", "north/devices.csv", "--yes")
    monkeypatch.chdir(profile.folder / "south")
    profile.run("apply", "devices.csv", "--yes", "--prune")
    monkeypatch.chdir(profile.folder / "north")
    again = profile.run("apply", "devices.csv", "--yes", "--prune")

    assert (0, 22) == (again.code, len(profile.devices()))
    assert "20 unchanged" in again.out


# --- one list, found again -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["same", "link", "moved", "moved across", "renamed"])
def test_the_same_list(profile: Profile, how: str) -> None:
    """It manages the same devices, and may prune them; a move is reported."""
    file = write(profile, "north/devices.csv", rows("N", 20))
    first = profile.run("apply", "north/devices.csv", "--yes")
    before = manager(profile)
    other = profile.folder / "south"
    other.mkdir()
    target = {
        "same": file,
        "link": other / "link.csv",
        "moved": file.with_name("stock.csv"),
        "moved across": other / "devices.csv",
        "renamed": file.parent.parent / "devices.csv",
    }[how]
    if how == "link":
        target.symlink_to(file)
    elif how != "same":
        file.rename(target)
    shown = str(target.relative_to(profile.folder))
    plan = profile.run("plan", shown)
    target.write_text(rows("N", 19))
    done = profile.run("apply", shown, "--prune", "--yes", "--max-delete", "1", "--json")

    assert (0, 0, 0) == (first.code, plan.code, done.code)
    assert 1 == done.json()["deleted"]
    assert before == manager(profile)
    moved = how not in ("same", "link")
    assert moved is ("its manager is " + before in plan.err)
    assert "" == done.err


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("apply", "--yes", "--prune")])
@pytest.mark.parametrize("how", ["copied", "another machine", "old version"])
def test_another_lists_devices(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, how: str, command: tuple[str, ...]
) -> None:
    """A copy, another machine and a list without an id are refused, once, with what to type."""
    file = write(profile, "north/devices.csv", rows("N", 12))
    named = ("--name", "devices") if how == "old version" else ()
    profile.run("apply", "north/devices.csv", "--yes", *named)
    before = manager(profile)
    shown, owner = "north/devices.csv", str(file)
    if how == "copied":
        shown = "south/devices.csv"
        shutil.copy2(file, write(profile, shown))
    if how == "another machine":
        monkeypatch.setenv("TAGODEV_STATE", str(profile.folder / "elsewhere"))
        owner = "a file that is not known on this machine"
    asked = profile.asked()
    refused = profile.run(*command[:1], shown, *command[1:])
    quoted = before if how == "old version" else f"'{before}'"
    taken = profile.run(*command[:1], shown, *command[1:], "--name", before)

    assert (2, "") == (refused.code, refused.out)
    assert refused.err == (
        f"{shown}: 12 devices of this file are managed as {before}, which belongs to "
        f"{owner}: N-0, N-1, N-2 and 9 more. If this file replaces it, re-run with "
        f"--name {quoted}\n"
    )
    changing = [route for route in asked if not route.startswith("GET")]
    assert {route: asked[route] for route in changing} == {
        route: number for route, number in profile.asked().items() if not route.startswith("GET")
    }
    assert 0 == taken.code
    assert "12 unchanged" in taken.out
    assert 12 == len(profile.devices())


def test_a_list_of_another_name(profile: Profile) -> None:
    """Its devices are blocked one by one, as before."""
    write(profile, "one.csv", "name,active\na,yes\n")
    write(profile, "two.csv", "name,active\na,no\nb,yes\n")
    profile.run("apply", "one.csv", "--yes")
    before = manager(profile)
    done = profile.run("apply", "two.csv", "--yes")

    assert 6 == done.code
    assert f"! blocked a (line 2): is managed as {before}" in done.out
    assert {"a", "b"} == set(profile.devices())


# --- names that are given ------------------------------------------------------------------------


def test_the_manager_is_shown(profile: Profile) -> None:
    """A plan shows the whole name, and so does its JSON."""
    write(profile, "devices.csv")
    plan = profile.run("plan", "devices.csv")
    plan_json = profile.run("plan", "devices.csv", "--json").json()
    profile.run("apply", "devices.csv", "--yes")

    assert re.fullmatch("devices#[0-9a-f]{6}", plan_json["manager"])
    assert f"get the tag {KEY} = {plan_json['manager']}\n" in plan.out
    assert plan_json["manager"] == manager(profile)


def test_a_name_is_used_as_it_is(profile: Profile) -> None:
    """Two files of one name share its devices, which is noted, with what pruning does."""
    one, two = write(profile, "one.csv", rows("A", 30)), write(profile, "two.csv", rows("B", 1))
    first = profile.run("apply", "one.csv", "--name", "hall", "--yes")
    again = profile.run("apply", "one.csv", "--name", "hall", "--yes")
    second = profile.run("apply", "two.csv", "--name", "hall", "--yes", "--json")
    pruned = profile.run("plan", "two.csv", "--name", "hall", "--prune", "--json")
    piped = in_front_of(profile).run_with_input(
        rows("B", 1), "plan", "-", "--name", "hall", "--prune", "--json"
    )
    two_left = profile.run("plan", "one.csv", "--name", "hall")
    one.unlink()
    alone = profile.run("plan", "two.csv", "--name", "hall", "--prune")

    assert ("", "") == (first.err, again.err)
    assert second.err == f"Note: hall is also the manager of {one}\n"
    assert pruned.err == (
        f"Note: hall is also the manager of {one}; "
        "--prune deletes devices that are only in those files\n"
    )
    assert 30 == pruned.json()["delete"]
    assert piped.err.startswith("Note: hall is also the manager of ")
    assert two_left.err == f"Note: hall is also the manager of {two}\n"
    assert alone.err == ""
    assert {Tag(KEY, "hall")} == set(profile.devices()["A-0"].tags)


def in_front_of(profile: Profile) -> Command:
    """Return the command line as a process of its own."""
    return Command(profile.folder, profile.emulator.url, profile.emulator.token)


def test_over_a_pipe(profile: Profile) -> None:
    """What comes over a pipe has no file: the name is what is given, and nothing is kept of it."""
    command = in_front_of(profile)
    command.run_with_input(SITE, "apply", "-", "--name", "hall", "--yes")
    again = command.run_with_input(SITE, "apply", "-", "--name", "hall", "--yes")

    assert (0, "hall") == (again.code, manager(profile))
    assert "" == again.err


def test_a_kept_plan_and_a_snapshot(profile: Profile) -> None:
    """They hold the manager of their list, wherever they are."""
    write(profile, "devices.csv")
    profile.run("plan", "devices.csv", "--out", "plan.json")
    profile.run("apply", "plan.json", "--yes")
    before = manager(profile)
    write(profile, "devices.csv", SITE.replace("dairy", "bakery"))
    profile.run("apply", "devices.csv", "--yes", "--snapshot", "before.json")
    restored = profile.run("apply", "before.json", "--yes")
    planned = profile.run("plan", "devices.csv", "--json").json()

    assert (0, 3) == (restored.code, planned["change"])
    assert before == manager(profile) == planned["manager"]


def test_two_exports(profile: Profile) -> None:
    """An export is a list as any other: two of one name share no manager."""
    profile.make("a", tags=())
    for folder in ("north", "south"):
        (profile.folder / folder).mkdir()
        assert 0 == profile.run("export", "--out", f"{folder}/devices.json").code
    found = [
        profile.run("plan", f"{folder}/devices.json", "--json").json()["manager"]
        for folder in ("north", "south")
    ]

    assert 2 == len(set(found))
    assert all(re.fullmatch("devices#[0-9a-f]{6}", one) for one in found)


def test_a_state_folder_that_can_not_be_used(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 without a name, with both ways out; with a name the list is applied."""
    write(profile, "devices.csv")
    write(profile, "state", "a file")
    monkeypatch.setenv("TAGODEV_STATE", str(profile.folder / "state"))
    refused = profile.run("plan", "devices.csv")
    planned = profile.run("plan", "devices.csv", "--name", "hall")

    assert (3, "") == (refused.code, refused.out)
    assert "--name NAME, or set TAGODEV_STATE" in refused.err
    assert 10 == planned.code
    assert planned.err.startswith("Note: can't list other files of hall. The state")
    assert {} == profile.devices()


def test_a_list_that_can_not_be_read(profile: Profile) -> None:
    """It is refused before anything is kept of it."""
    write(profile, "devices.csv", "name,active\na,so\n")
    broken, gone = profile.run("plan", "devices.csv"), profile.run("plan", "nothing.csv")

    assert (2, 2) == (broken.code, gone.code)
    assert not (profile.folder / ".config" / "state" / "sources").exists()
