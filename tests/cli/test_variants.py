"""Every command that provisions, against each way in which services deviate from the documentation.

Each is done, finds nothing to do the second time, and leaves nothing in doubt.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from tagodev._cli.options.service import ServiceOptions
from tagodev.emulator._options import VARIANTS
from tests.cli.support import read_results, statuses

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev import Tago
    from tests.cli.profile import Profile
    from tests.cli.support import Done

#: None, each, and all at once; two of them are about data only.
ALONE = [name for name in VARIANTS if name not in ("profile-sends-data", "own-data-counters")]
CASES = {"usual": (), **{name: (name,) for name in ALONE}, "all": VARIANTS}
EACH = [
    pytest.param(
        chosen,
        marks=pytest.mark.tago_emulator(unlimited=True, variants=chosen),
        id=name,
    )
    for name, chosen in CASES.items()
]
#: Numbers that look like text and text that looks like a number, and every kind of column.
SITE = """\
name,tag.site,tag.room,param.rate,active,description,type,chunk_period,chunk_retention
Cold room 1,dairy,1,600,yes,north,mutable,,
1002,dairy,2,007,no,,mutable,,
Cold room 3,dairy,,600,yes,3,immutable,month,6
"""


def limits_of(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the option that gives limits where the service does not name a known plan."""
    return ("--limit", "POST /device=5000") if "unknown-plan" in chosen else ()


def counts(done: Done) -> dict[str, int]:
    """Return what a command with ``--json`` counts."""
    assert done.code in (0, 10), done.err
    found: dict[str, Any] = done.json()
    assert 0 == found.get("failed", 0) == found.get("in_doubt", 0) == found.get("pending", 0)
    return found


@pytest.mark.parametrize("chosen", EACH)
def test_plan_apply_and_export(profile: Profile, chosen: tuple[str, ...]) -> None:
    """What is applied is there, once; what is exported and planned again changes nothing."""

    def run(*arguments: str) -> Done:
        return profile.run(*arguments, *limits_of(chosen))

    def apply(*options: str) -> tuple[int, int, int]:
        found = counts(run("apply", "site.csv", "--yes", "--json", *options))
        return found["created"], found["changed"], found["deleted"]

    profile.write("site.csv", SITE)
    planned = run("plan", "site.csv", "--json")
    assert (10, ["create"] * 3) == (
        planned.code,
        [step["action"] for step in planned.json()["steps"]],
    )
    assert [(3, 0, 0), (0, 0, 0)] == [apply(), apply()]
    assert 0 == run("plan", "site.csv").code

    profile.write("site.csv", SITE.replace("600,yes", "900,no").replace("dairy,2", "dairy-2,2"))
    assert [(0, 3, 0), (0, 0, 0)] == [apply(), apply()]

    for name in ("export.csv", "export.json"):
        done = run("export", "--out", name, "--tokens")
        assert (0, 0) == (done.code, run("plan", name, "--name", "site").code), done.err

    first, *others = SITE.splitlines(keepends=True)
    profile.write("site.csv", "".join((first, *others[1:])).replace("600,yes", "900,no"))
    prune = ("--prune", "--max-delete", "1")
    assert [(0, 1, 1), (0, 0, 0)] == [apply(*prune), apply(*prune)]
    assert {"1002", "Cold room 3"} == {str(name) for name in profile.devices()}


def write(path: Path, *rows: dict[str, Any]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("chosen", EACH)
def test_bulk(profile: Profile, chosen: tuple[str, ...]) -> None:
    """Create, rotate, edit and delete: each row is done once, also if the command is repeated."""
    folder = profile.folder

    def run(operation: str, file: str, out: str, *options: str) -> list[dict[str, str]]:
        asks = ("--yes",) if operation in ("delete", "rotate") else ()
        first = ("bulk", operation, file, "--out", out, "--json", *asks, *options)
        found = counts(profile.run(*first, *limits_of(chosen)))
        assert 3 == found["rows"]
        return read_results(folder / out)

    rows = [
        {"name": name, "serie_number": f"000{number}", "tag.site": number}
        for number, name in enumerate(("Cold room 1", "1002", "Cold room 3"))
    ]
    write(folder / "new.csv", *rows)
    create = ("--journal", "new.journal")
    made = run("create", "new.csv", "made.csv", *create)
    again = run("create", "new.csv", "again.csv", *create)
    assert {"created": 3} == statuses(folder / "made.csv") == statuses(folder / "again.csv")
    assert [one["token"] for one in made] == [one["token"] for one in again]
    assert 3 == len(profile.devices())

    gap = () if "serials-repeat" in chosen else ("--allow-gap",)
    rotated = run("rotate", "made.csv", "rotated.csv", *gap)
    twice = run("rotate", "made.csv", "twice.csv", *gap)
    assert {"rotated": 3} == statuses(folder / "rotated.csv")
    assert [one["token"] for one in rotated] == [one["token"] for one in twice]
    assert not {one["token"] for one in rotated} & {one["token"] for one in made}

    ids = [one["device_id"] for one in made]
    write(folder / "edit.csv", *({"id": one, "active": "no", "tag.site": "x"} for one in ids))
    for out in ("edited.csv", "edited-2.csv"):
        run("edit", "edit.csv", out, "--journal", "edit.journal")
        assert {"edited": 3} == statuses(folder / out)
    assert {False} == {one.active for one in profile.devices().values()}

    for out in ("deleted.csv", "deleted-2.csv"):
        run("delete", "made.csv", out, "--journal", "delete.journal", "--no-snapshot")
        assert {"deleted": 3} == statuses(folder / out)
    assert {} == profile.devices()


@pytest.mark.tago_emulator(unlimited=True, variants=("unknown-plan",))
def test_an_unknown_plan_names_the_option(profile: Profile) -> None:
    """Without limits nothing is sent, and the message says how to give them."""
    profile.write("site.csv", SITE)
    done = profile.run("apply", "site.csv", "--yes")

    assert 3 == done.code
    assert "The limits of the plan 'enterprise' are not published" in done.err
    assert 'Re-run with --limit "POST /device=1200"' in done.err


@pytest.mark.tago_emulator(unlimited=True, variants=("unknown-plan",))
def test_limits_of_a_profile_of_the_config_file(profile: Profile) -> None:
    """A table of the profile's own holds without an option, and an option replaces a figure."""
    config = profile.folder / ".config" / "tagodev.toml"
    config.parent.mkdir(exist_ok=True)
    text = (
        '[profile.own]\ntoken = "TOKEN"\napi = "API"\n[profile.own.limits]\n"POST /device" = 1200\n'
    )
    text = text.replace("TOKEN", profile.emulator.token).replace("API", profile.emulator.url)
    config.write_text(text, encoding="utf-8")
    config.chmod(0o600)
    profile.write("site.csv", SITE)

    async def limit(tago: Tago) -> int:
        return tago.limits.documented.limit("POST /device")

    assert 1200 == ServiceOptions(profile="own").run(limit)
    assert 1300 == ServiceOptions(profile="own", rate_limit=["POST /device=1300"]).run(limit)
    assert 10 == profile.run("plan", "site.csv", "--profile", "own").code
    shown = profile.run("config", "show", "--profile", "own", "--json").json()
    assert {"POST /device": 1200} == shown["limits"]

    config.write_text(text.replace("/device", "/devices"), encoding="utf-8")
    done = profile.run("plan", "site.csv", "--profile", "own")
    assert (3, True) == (done.code, "profile.own.limits" in done.err)


@pytest.mark.tago_emulator(unlimited=True)
def test_both_meanings_of_limit(profile: Profile) -> None:
    """A number is of devices, a route's figure of requests."""
    profile.make("a", "b", "c")
    listing = ("device", "list", "--fields", "name", "--json")
    done = profile.run(*listing, "--limit", "2", "--limit", "GET /device=7", "--plan", "free")

    found: Any = done.json()
    assert ["a", "b"] == [one["name"] for one in found]
    for wrong in ("GET /devices=7", "GET /device=x", "GET /device=0", "GET /device"):
        done = profile.run(*listing, "--limit", wrong)
        assert (2, True) == (done.code, "--limit" in done.err), wrong
