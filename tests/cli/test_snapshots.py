"""What a person sees at 80 columns, and of one table at 200, kept as text files to be looked at.

Ids, tokens and times are the same in each of them, so that only what changes is a change.
``TAGODEV_UPDATE_SNAPSHOTS=1`` writes the files anew; look at the difference before it is kept.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tagodev import ConfigurationParameter, DataCreate, DeviceCreate, HardLimits, Tag, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.report.test_report import a_journal
from tests.cli.support import Command
from tests.cli.terminal import Terminal, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Read before a fixture hides what is set around the tests.
UPDATE: Final = bool(os.environ.get("TAGODEV_UPDATE_SNAPSHOTS"))
FOLDER: Final = Path(__file__).with_name("snapshots")
PLENTY: Final = HardLimits("plenty", {}, default=1_000_000)
TIME: Final = "2026-03-01T12:00:00Z"

#: What is typed, and what is answered, by the snapshot's name.
SEEN: Final[dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]] = {
    "help": (("--help",), ()),
    "apply-help": (("apply", "--help"), ()),
    "device-help": (("device", "--help"), ()),
    "device-delete-help": (("device", "delete", "--help"), ()),
    "device-list": (("device", "list"), ()),
    "device-list-fields": (("device", "list", "--fields", "name,tag.room,network_name"), ()),
    "device-list-empty": (("device", "list", "--tag", "nobody"), ()),
    "device-info": (("device", "info", "Cold room 03", "--tokens"), ()),
    "device-delete-declined": (
        ("device", "delete", "--tag", "site=dairy"),
        (("to confirm:", "yes\n"),),
    ),
    "device-edit-one": (("device", "edit", "Cold room 03", "--set", "active=true"), ()),
    "device-unknown": (("device", "info", "Nobody"), ()),
    "token-list": (("token", "list", "Cold room 03"), ()),
    "token-rotate-dry-run": (("token", "rotate", "--tag", "site=dairy", "--dry-run"), ()),
    "param-list": (("param", "list", "Cold room 03"), ()),
    "data-list": (("data", "list", "Cold room 03"), ()),
    "network-list": (("network", "list", "--limit", "4"), ()),
    "bulk-help": (("bulk", "--help"), ()),
    "bulk-report": (("bulk", "report", "site.journal"), ()),
    "bulk-status": (("bulk", "status", "site.journal"), ()),
    "config-show": (("config", "show"), ()),
    "usage-error": (("device", "list", "--nmae", "x"), ()),
}

#: Where the width decides how a table is cut, it is looked at twice.
VIEWS: Final = [*((name, 80) for name in SEEN), ("device-list", 200)]


async def stock(emulator: EmulatorProcess) -> None:
    """Make devices with what makes a table hard: long names, many tags, wide letters."""
    names = [f"Cold room {n:02}" for n in range(1, 13)]
    names += [
        "A cold room whose name is longer than any table on a narrow terminal can show",
        "冷蔵室",
    ]
    async with Tago(emulator.token, api=emulator.url, plan=PLENTY) as tago:
        for number, name in enumerate(names):
            tags = [Tag("site", "dairy"), Tag("room", str(number)), Tag("floor", "ground floor")]
            created = await tago.devices.create(
                DeviceCreate(
                    name=name,
                    tags=tags[: 1 + number % 3],
                    active=number % 4 != 0,
                    configuration_params=[ConfigurationParameter("check_rate", 600)],
                )
            )
            if name == "Cold room 03":
                points = [DataCreate("temperature", n, unit="°C", time=TIME) for n in (1.5, 2)]
                points.append(DataCreate("door", "open", time=TIME, group="a" * 24))
                await tago.data.send(created.device_id, points, token=created.token)


def seen(command: Command, columns: int, name: str) -> str:
    """Return what somebody sees, without what is different each time."""
    arguments, answers = SEEN[name]
    done = Terminal(command, columns).run(*arguments, answers=answers)
    text = normalised(done.out).replace(command.api, "http://127.0.0.1:8899")
    text = text.replace(str(command.folder), "/home/somebody")
    return f"$ tagodev {shlex.join(arguments)}\n{text}exit code {done.code}\n"


@pytest.fixture(scope="module")
def dairy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Give the command line, with a service that has some devices."""
    with EmulatorProcess(EmulatorOptions(unlimited=True, max_devices=100, seed=7)) as emulator:
        asyncio.run(stock(emulator))
        command = Command(tmp_path_factory.mktemp("dairy"), emulator.url, emulator.token)
        command.environment["TAGODEV_PLAN"] = "scale"
        a_journal(command.folder / "site.journal")
        yield command


@pytest.mark.parametrize(("name", "columns"), VIEWS)
def test_what_a_person_sees(dairy: Command, name: str, columns: int) -> None:
    """It is what was looked at, and found good."""
    path = FOLDER / f"{name}-{columns}.txt"
    text = seen(dairy, columns, name)
    if UPDATE:
        path.write_text(text, encoding="utf-8")

    assert path.read_text("utf-8") == text


def test_each_snapshot_is_of_something() -> None:
    """No file is left over from a command that is gone."""
    # The live view's are made in test_progress.
    views = [*VIEWS, ("live", 80), ("live", 200)]
    expected = {f"{name}-{columns}.txt" for name, columns in views}

    assert expected == {path.name for path in FOLDER.iterdir()}
