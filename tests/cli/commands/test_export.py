"""``tagodev export``: a profile in a file, and from the file a profile."""

from __future__ import annotations

import csv
import stat
from typing import TYPE_CHECKING

import orjson
import pytest

from tagodev import ConfigurationParameter, Tag
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.profile import MARK, Profile
from tests.cli.support import Command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tago_emulator(unlimited=True)


@pytest.fixture
def stocked(profile: Profile) -> Profile:
    """Give a profile with three devices."""
    profile.make(
        "Cold room 1",
        tags=(Tag("site", "dairy"), MARK),
        configuration_params=[ConfigurationParameter("rate", "600")],
    )
    profile.make("Cold room 2", tags=(Tag("site", "bakery"),), active=False, serie_number="0042")
    profile.make("attic", tags=(), description="two\nlines")
    return profile


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table by name."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", ["site.csv", "site.json", "site.jsonl", "site.yaml"])
def test_round_trip(stocked: Profile, name: str) -> None:
    """To the same profile nothing is to be done; to an empty one the same is made."""
    exported = stocked.run("export", "--out", name)
    to_the_same = stocked.run("plan", name)
    with EmulatorProcess(EmulatorOptions(unlimited=True)) as empty:
        other = Command(stocked.folder, empty.url, empty.token)
        applied = other.run("apply", name, "--yes", "--json")
        again = other.run("plan", name)
        other.run("export", "--out", "copy.json")
    stocked.run("export", "--out", "original.json")

    assert (0, f"3 devices in {name}\n", "") == (exported.code, exported.err, exported.out)
    assert (0, 0, 0) == (to_the_same.code, applied.code, again.code)
    assert 3 == applied.json()["created"]
    original, copy = (
        sorted(orjson.loads((stocked.folder / file).read_bytes())["devices"], key=str)
        for file in ("original.json", "copy.json")
    )
    assert original == copy


def test_a_table(stocked: Profile) -> None:
    """A column for each field, tag and parameter; what tagodev has written is left out."""
    stocked.run("export", "--out", "site.csv")
    rows = rows_of(stocked.folder / "site.csv")

    assert {"Cold room 1", "Cold room 2", "attic"} == set(rows)
    assert {"tag.site": "dairy", "param.rate": "600", "active": "true"}.items() <= rows[
        "Cold room 1"
    ].items()
    assert ("", "two\nlines") == (rows["attic"]["tag.site"], rows["attic"]["description"])
    assert {"token", "serie_number", "tag.tagodev_managed"}.isdisjoint(rows["attic"])


def test_tokens(stocked: Profile) -> None:
    """Tokens and serial numbers come if they are asked for, for their owner's eyes only."""
    without = stocked.run("export", "--out", "plain.csv")
    with_tokens = stocked.run("export", "--out", "tokens.csv", "--tokens")
    rows = rows_of(stocked.folder / "tokens.csv")
    said = without.out + without.err + with_tokens.out + with_tokens.err

    assert 3 == len({row["token"] for row in rows.values()})
    assert "0042" == rows["Cold room 2"]["serie_number"]
    assert not any(row["token"] in said for row in rows.values())
    modes = [stat.S_IMODE((stocked.folder / name).stat().st_mode) for name in ("tokens.csv",)]
    assert [0o600] == modes
    assert 0o600 != stat.S_IMODE((stocked.folder / "plain.csv").stat().st_mode)
    assert 0 == stocked.run("plan", "tokens.csv").code


def test_filters(stocked: Profile) -> None:
    """Only devices that are asked for; without parameters there is a request less for each."""
    stocked.run("export", "--out", "dairy.csv", "--tag", "site=dairy")
    stocked.run("export", "--out", "cold.csv", "--name", "Cold*", "--no-params")
    stocked.run("export", "--out", "one.csv", "--serial", "0042")

    assert {"Cold room 1"} == set(rows_of(stocked.folder / "dairy.csv"))
    cold = rows_of(stocked.folder / "cold.csv")
    assert {"Cold room 1", "Cold room 2"} == set(cold)
    assert "param.rate" not in cold["Cold room 1"]
    assert {"Cold room 2"} == set(rows_of(stocked.folder / "one.csv"))


def test_to_standard_output(stocked: Profile) -> None:
    """Without a file it goes to standard output, as CSV unless said otherwise, and can be piped."""
    command = Command(stocked.folder, stocked.emulator.url, stocked.emulator.token)
    table, lines = command.run("export"), command.run("export", "--format", "jsonl")
    piped = command.pipe("tagodev export | head -n 1")

    assert (0, "") == (table.code, table.err)
    assert table.out.startswith("name,")
    assert {"Cold room 1", "Cold room 2", "attic"} == {
        orjson.loads(line)["name"] for line in lines.out.splitlines()
    }
    assert (table.out.splitlines()[0], "") == (piped.out.rstrip("\n"), piped.err)


def test_nothing_is_overwritten(stocked: Profile) -> None:
    """What is there stays, unless --force says otherwise."""
    path = stocked.write("site.csv", "mine")
    refused = stocked.run("export", "--out", "site.csv")
    kept = path.read_text()
    forced = stocked.run("export", "--out", "site.csv", "--force")

    assert (2, "mine", 0) == (refused.code, kept, forced.code)
    assert "--out: site.csv already exists" in refused.err
    assert path.read_text().startswith("name,")


def test_what_a_table_can_not_say(profile: Profile) -> None:
    """A device with two tags of one key: nothing is written, and the way out is named."""
    profile.make("a", tags=(Tag("label", "1"), Tag("label", "2")))
    table = profile.run("export", "--out", "site.csv")
    document = profile.run("export", "--out", "site.json")

    assert (2, 0) == (table.code, document.code)
    assert "device 'a' can't be written as CSV: it has tag.label twice" in table.err
    assert "--format json" in table.err
    assert {"site.json"} == profile.files()
    assert 0 == profile.run("plan", "site.json").code


def test_names_that_are_not_unique(profile: Profile) -> None:
    """A document says by what its devices are known; of a table the command does."""
    profile.make("a", tags=(Tag("room", "1"),))
    profile.make("a", tags=(Tag("room", "2"),))
    table = profile.run("export", "--out", "site.csv")
    document = profile.run("export", "--out", "site.json")

    assert "Some devices have the same name: apply this file with --by tag:room\n" in table.err
    assert "1 device" not in document.err
    assert "--by" not in document.err
    assert 0 == profile.run("plan", "site.json").code
    assert 2 == profile.run("plan", "site.csv").code
    assert 0 == profile.run("plan", "site.csv", "--by", "tag:room").code


def test_names_that_nothing_tells_apart(profile: Profile) -> None:
    """It is said what to do."""
    profile.make("a", "a", tags=())
    done = profile.run("export", "--out", "site.csv")

    assert 0 == done.code
    assert "give each a tag with a unique value" in done.err


def test_an_empty_profile(profile: Profile) -> None:
    """A header alone, which can be applied, too."""
    done = profile.run("export", "--out", "site.csv")

    assert (0, "0 devices in site.csv\n") == (done.code, done.err)
    assert "name\n" == (profile.folder / "site.csv").read_text()
    assert 0 == profile.run("plan", "site.csv").code


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--format", "xml"), 2, "--format"),
        (("--limit", "0"), 2, "--limit"),
        (("--out", "nowhere/site.csv"), 2, "nowhere/site.csv: the folder does not exist"),
    ],
)
def test_options_that_can_not_be_meant(
    profile: Profile, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """2, with the option or the file."""
    done = profile.run("export", *arguments)

    assert code == done.code
    assert told in done.err
