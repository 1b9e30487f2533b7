"""Imports go downwards only, and two walls have no door at all."""

from __future__ import annotations

import pytest

from tests.support.modules import MODULES, Import, imports
from tests.support.processes import PYTHON, run

#: The rooms of the house, the lowest first. A room imports from rooms below it and from itself;
#: rooms of one floor do not know each other. Names are those behind ``tagodev.``; a package is
#: one room, and "" is the package's front, which shows what the rooms behind it offer.
FLOORS = (
    ("secrets", "hard_limits", "events"),
    ("errors",),
    ("address", "models", "query", "limits", "retry", "target", "filesystem", "concurrency"),
    ("serialization",),
    ("transport",),
    ("session",),
    ("bulk",),
    ("signatures",),
    ("base_client", "plan_detection"),
    ("resources",),
    ("client", "device_client"),
    ("",),
    ("emulator", "provision", "telemetry"),
    ("cli", "testing"),
    ("__main__",),
)
HEIGHTS = {room: height for height, floor in enumerate(FLOORS) for room in floor}
#: Upward imports that are meant: the version stands at the front, and the transport tells it.
MEANT = {("tagodev.transport", "tagodev")}

OURS = [one for module in MODULES for one in imports(module) if one.imported.startswith("tagodev")]
OTHERS = [
    one for module in MODULES for one in imports(module) if not one.imported.startswith("tagodev")
]


def room(module: str) -> str:
    """Return the room that a module belongs to."""
    return module.removeprefix("tagodev").removeprefix(".").split(".")[0]


def told(found: list[Import]) -> list[str]:
    """Return imports as lines to read."""
    return [f"{one.importer}:{one.line} imports {one.imported}" for one in found]


def of(name: str, found: list[Import]) -> list[Import]:
    """Return the imports that a room makes."""
    return [one for one in found if room(one.importer) == name]


def test_every_room_has_its_floor() -> None:
    """A new module is put somewhere on purpose."""
    assert {room(module.name) for module in MODULES} <= set(HEIGHTS)


def test_imports_go_downwards_only() -> None:
    """What runs at import time never goes up, nor across a floor; types may look around."""
    upwards = [
        one
        for one in OURS
        if not one.for_types
        and room(one.importer) != room(one.imported)
        and HEIGHTS[room(one.imported)] >= HEIGHTS[room(one.importer)]
        and (one.importer, one.imported) not in MEANT
    ]

    assert [] == told(upwards)


def test_the_emulator_shares_figures_only() -> None:
    """It is the service as documented: no mistake of the client's can hide in it, not as a type."""
    allowed = {"emulator", "hard_limits"}
    found = [one for one in of("emulator", OURS) if room(one.imported) not in allowed]

    assert [] == told(found)


def test_the_emulator_is_not_part_of_the_client() -> None:
    """Only tools start an emulator; nothing that talks to the service knows of it."""
    found = [
        one
        for one in OURS
        if room(one.imported) == "emulator"
        and room(one.importer) not in ("emulator", "cli", "testing")
    ]

    assert [] == told(found)


def test_the_scheduler_knows_no_http() -> None:
    """It decides in virtual time as well as in real time, so no type of HTTP's is in it."""
    http = ("aiohttp", "yarl", "multidict", "http", "urllib", "ssl", "socket")
    found = [one for one in of("limits", OTHERS) if one.imported.split(".")[0] in http]
    found += [
        one
        for one in of("limits", OURS)
        if room(one.imported) not in ("limits", "hard_limits", "errors", "events", "secrets")
    ]

    assert [] == told(found)


@pytest.mark.parametrize("name", ["bulk", "provision"])
def test_bulk_work_sees_no_http(name: str) -> None:
    """Neither a run nor provisioning knows by what its rows are sent."""
    found = [one for one in of(name, OTHERS) if one.imported.split(".")[0] in ("aiohttp", "yarl")]
    found += [one for one in of(name, OURS) if room(one.imported) == "transport"]

    assert [] == told(found)


def test_provisioning_sees_models_only() -> None:
    """How models look on the wire is no affair of files; a journal alone keeps rows so."""
    assert [] == told([one for one in of("provision", OURS) if room(one.imported) == "serde"])


def test_provisioning_does_not_go_around_the_client() -> None:
    """Files and rows come to the service through the client, never through its session."""
    found = [one for one in of("provision", OURS) if room(one.imported) == "session"]

    assert [] == told(found)


def test_only_the_command_line_needs_its_extras() -> None:
    """The library works without what the command line draws with."""
    extras = ("cyclopts", "keyring", "platformdirs", "rich")
    found = [
        one
        for one in OTHERS
        if one.imported.split(".")[0] in extras and room(one.importer) != "cli"
    ]

    assert [] == told(found)


def test_telemetry_only_listens() -> None:
    """Of the client it knows the events, and of the front the version: nothing it could change."""
    told_by = {("tagodev.telemetry", "tagodev"), ("tagodev.telemetry", "tagodev.events")}
    found = [one for one in of("telemetry", OURS) if (one.importer, one.imported) not in told_by]
    found += [
        one
        for one in OTHERS
        if one.imported.split(".")[0] == "opentelemetry" and room(one.importer) != "telemetry"
    ]

    assert [] == told(found)


def test_importing_the_package_imports_no_extra() -> None:
    """Nor does it load the emulator, the command line or provisioning on the way."""
    program = "import sys; from tagodev import Tago; print(*sorted(sys.modules))"
    loaded = run(PYTHON, "-c", program).out.split()
    extras = ("cyclopts", "keyring", "opentelemetry", "platformdirs", "redis", "rich", "uvloop")
    unwanted = (*extras, "tagodev.cli", "tagodev.emulator", "tagodev.telemetry")

    assert "tagodev.client" in loaded
    assert [] == [name for name in loaded if name in unwanted]
