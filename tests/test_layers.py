"""Layers of the package: imports go downwards, and some packages never import others."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.modules import MODULES, PACKAGE, Import, imports
from tests.support.processes import PYTHON, run

#: The layers, the lowest first. A module imports from lower layers and from its own package;
#: packages of one layer do not import each other. Names are those after ``tagodev.``,
#: without the underscore of private ones; "" is the package's own namespace, which re-exports what
#: the others define.
LAYERS = (
    ("secrets", "hard_limits", "events"),
    ("errors",),
    ("address", "device_fields", "models", "query", "limits", "retry", "filesystem", "concurrency"),
    ("serialization",),
    ("transport",),
    ("session",),
    ("bulk",),
    ("signatures",),
    ("base_client", "plan_detection"),
    ("resources",),
    ("client", "device_client"),
    ("types",),
    ("",),
    ("emulator", "provision", "telemetry"),
    ("cli", "testing"),
    ("__main__",),
)
HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}
#: Upward imports: the transport sends the package's version as its user agent.
ALLOWED_UPWARDS = {("tagodev._transport", "tagodev")}

OURS = [one for module in MODULES for one in imports(module) if one.imported.startswith("tagodev")]
OTHERS = [
    one for module in MODULES for one in imports(module) if not one.imported.startswith("tagodev")
]


def package_of(module: str) -> str:
    """Return the name in `LAYERS` that a module belongs to."""
    name = module.removeprefix("tagodev").removeprefix(".").split(".")[0]
    return name if name == "__main__" else name.removeprefix("_")


def lines(found: list[Import]) -> list[str]:
    """Return a line for each import."""
    return [f"{one.importer}:{one.line} imports {one.imported}" for one in found]


def of(name: str, found: list[Import]) -> list[Import]:
    """Return the imports of a package's modules."""
    return [one for one in found if package_of(one.importer) == name]


def test_every_package_has_a_layer() -> None:
    """A new module needs an entry in the table of layers."""
    assert {package_of(module.name) for module in MODULES} <= set(HEIGHT)


def test_imports_go_downwards_only() -> None:
    """No module imports at run time from a higher layer, or from another package of its layer."""
    upwards = [
        one
        for one in OURS
        if not one.for_types
        and package_of(one.importer) != package_of(one.imported)
        and HEIGHT[package_of(one.imported)] >= HEIGHT[package_of(one.importer)]
        and (one.importer, one.imported) not in ALLOWED_UPWARDS
    ]

    assert [] == lines(upwards)


def test_the_emulator_shares_figures_only() -> None:
    """The emulator shares no code with the client, so that one mistake can't be in both."""
    allowed = {"emulator", "hard_limits"}
    found = [one for one in of("emulator", OURS) if package_of(one.imported) not in allowed]

    assert [] == lines(found)


def test_the_emulator_is_not_part_of_the_client() -> None:
    """Only the command line and the test helpers import the emulator."""
    found = [
        one
        for one in OURS
        if package_of(one.imported) == "emulator"
        and package_of(one.importer) not in ("emulator", "cli", "testing")
    ]

    assert [] == lines(found)


def test_the_scheduler_knows_no_http() -> None:
    """The scheduler runs in virtual time too, so it imports no HTTP library, not even for types."""
    http = ("aiohttp", "yarl", "multidict", "http", "urllib", "ssl", "socket")
    found = [one for one in of("limits", OTHERS) if one.imported.split(".")[0] in http]
    found += [
        one
        for one in of("limits", OURS)
        if package_of(one.imported) not in ("limits", "hard_limits", "errors", "events", "secrets")
    ]

    assert [] == lines(found)


@pytest.mark.parametrize("name", ["bulk", "provision"])
def test_bulk_work_sees_no_http(name: str) -> None:
    """Neither bulk runs nor provisioning import the transport or its library."""
    found = [one for one in of(name, OTHERS) if one.imported.split(".")[0] in ("aiohttp", "yarl")]
    found += [one for one in of(name, OURS) if package_of(one.imported) == "transport"]

    assert [] == lines(found)


def test_provisioning_does_not_serialize() -> None:
    """Provisioning works with models, never with their JSON form on the wire."""
    found = [one for one in of("provision", OURS) if package_of(one.imported) == "serialization"]

    assert [] == lines(found)


def test_provisioning_uses_the_client() -> None:
    """Provisioning sends requests through the client, never through a session."""
    found = [one for one in of("provision", OURS) if package_of(one.imported) == "session"]

    assert [] == lines(found)


def test_only_the_command_line_needs_its_extras() -> None:
    """The library works without the extras of the command line."""
    extras = ("cyclopts", "jinja2", "keyring", "platformdirs", "rich", "tomlkit")
    found = [
        one
        for one in OTHERS
        if one.imported.split(".")[0] in extras and package_of(one.importer) != "cli"
    ]

    assert [] == lines(found)


def test_telemetry_only_listens() -> None:
    """Telemetry imports the events and the version, nothing that it could change."""
    allowed = {("tagodev.telemetry", "tagodev"), ("tagodev.telemetry", "tagodev.events")}
    found = [one for one in of("telemetry", OURS) if (one.importer, one.imported) not in allowed]
    found += [
        one
        for one in OTHERS
        if one.imported.split(".")[0] == "opentelemetry" and package_of(one.importer) != "telemetry"
    ]

    assert [] == lines(found)


def test_importing_the_package_imports_no_extra() -> None:
    """It does not import the emulator, the command line or provisioning either."""
    program = "import sys; from tagodev import Tago; print(*sorted(sys.modules))"
    loaded = run(PYTHON, "-c", program).out.split()
    extras = ("cyclopts", "jinja2", "keyring", "opentelemetry", "platformdirs", "redis", "rich")
    ours = ("tagodev._cli", "tagodev.emulator", "tagodev.telemetry")
    unwanted = (*extras, "tomlkit", "uvloop", *ours)

    assert "tagodev._client" in loaded
    assert [] == [name for name in loaded if name in unwanted]


# --- cycles --------------------------------------------------------------------------------------

#: Modules in import cycles, imports for types included, by the packages of the cycle. To be lowered
#: to nothing, never raised.
CYCLES = {
    ("limits",): 3,
}


def reached() -> dict[str, set[str]]:
    """Return which modules each module imports, through others too; not the package's namespace."""
    names = {module.name for module in MODULES} - {"tagodev"}
    edges: dict[str, set[str]] = {name: set() for name in names}
    for one in OURS:
        # What is imported from a module is a name of it.
        imported = one.imported if one.imported in names else one.imported.rpartition(".")[0]
        if imported in names and one.importer in names and imported != one.importer:
            edges[one.importer].add(imported)
    found = {}
    for name in names:
        found[name], waiting = set[str](), [name]
        while waiting:
            new = edges[waiting.pop()] - found[name]
            found[name] |= new
            waiting += new
    return found


def test_cycles_become_fewer() -> None:
    """No module imports itself through others, but for those that are counted."""
    reach = reached()
    found: Counter[tuple[str, ...]] = Counter()
    for name in reach:
        cycle = {other for other in reach[name] if name in reach[other]}
        if cycle:
            found[tuple(sorted({package_of(other) for other in cycle}))] += 1

    assert found == CYCLES


def test_packages_stay_small() -> None:
    """A folder holds at most 15 modules besides its ``__init__``, the top one 20."""
    sizes = Counter(module.path.parent for module in MODULES if module.path.stem != "__init__")

    assert {} == {
        str(folder.relative_to(PACKAGE)): size
        for folder, size in sizes.items()
        if size > (20 if folder == PACKAGE else 15)
    }
