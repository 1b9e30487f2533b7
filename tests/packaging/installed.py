"""Check an installed package with one extra, or with none.

A program of ``nox -s install``, run in an environment that has the wheel, the extra, and nothing
else: ``python -I installed.py [EXTRA]``.
What the extra is for works; what another would be for says which.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import sysconfig
import tempfile
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tagodev

if TYPE_CHECKING:
    from collections.abc import Callable

#: The extras, and the modules that come with each.
_MODULES: Final = {
    "cli": ("cyclopts", "jinja2", "platformdirs", "rich", "tomlkit"),
    "excel": ("openpyxl",),
    "yaml": ("yaml",),
    "keyring": ("keyring",),
    "otel": ("opentelemetry",),
    "redis": ("redis",),
    "uvloop": ("uvloop",),
}


def main(extra: str) -> None:
    """Look at everything, and say what was seen."""
    expect(Path(tagodev.__file__).is_relative_to(sys.prefix), "it is installed", tagodev.__file__)
    extras = set(metadata.metadata("tagodev").get_all("Provides-Extra", ()))
    expect(extras == set(_MODULES), "every extra is looked at", extras)
    for name, modules in _MODULES.items():
        there = [module for module in modules if find_spec(module)]
        expect(there == (list(modules) if name == extra else []), "what is installed", there)
    for public in tagodev.__all__:
        getattr(tagodev, public)
    check_command(there=extra == "cli")
    for name, use in _USES.items():
        check_use(name, use, there=name == extra)
    made = asyncio.run(round_trip())
    sys.stdout.write(
        f"with {extra or 'no extra'}: {len(tagodev.__all__)} names, the command, the features, "
        f"{made} device made on the emulator\n"
    )


def expect(holds: bool, what: str, seen: object) -> None:
    """End the program unless something holds."""
    if not holds:
        sys.exit(f"{what}: {seen}")


def check_command(*, there: bool) -> None:
    """Check that the command answers, or says what it lacks."""
    command = Path(sysconfig.get_path("scripts"), "tagodev")
    for option, word in (("--version", tagodev.__version__), ("--help", "Usage")):
        for line in ([str(command), option], [sys.executable, "-m", "tagodev", option]):
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            if there:
                expect((done.returncode, done.stderr) == (0, ""), option, done)
                expect(word in done.stdout, option, done)
            else:
                expect((done.returncode, done.stdout) == (3, ""), option, done)
                expect("pip install 'tagodev[cli]'" in done.stderr, option, done)


def check_use(name: str, use: Callable[[], object], *, there: bool) -> None:
    """Check that something works, or names the extra that it needs."""
    try:
        use()
    except (ImportError, tagodev.TagoError) as error:
        expect(not there and f"pip install 'tagodev[{name}]'" in str(error), name, repr(error))
    else:
        expect(there, f"{name} works without its extra", name)


def read_excel() -> None:
    """Read a workbook of one device."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.xlsx")
        if find_spec("openpyxl"):
            book = import_module("openpyxl").Workbook()
            book.active.append(["name"])
            book.active.append(["Cold room 3"])
            book.save(path)
        else:
            path.write_bytes(b"PK\x03\x04")
        read_one_device(path)


def read_yaml() -> None:
    """Read a list of one device."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.yaml")
        path.write_text("- name: Cold room 3\n", encoding="utf-8")
        read_one_device(path)


def read_one_device(path: Path) -> None:
    """Read a file of one device."""
    provision = import_module("tagodev.provision")
    names = [row.device.name for row in provision.read_devices(path)]
    expect(names == ["Cold room 3"], "one device", names)


def make_ledger() -> None:
    """Make a ledger in Redis, which connects later."""
    tagodev.RedisLedger("redis://127.0.0.1:6379/0")


def make_telemetry() -> None:
    """Make a listener for spans and metrics."""
    import_module("tagodev.telemetry")


_USES: Final = {
    "excel": read_excel,
    "yaml": read_yaml,
    "redis": make_ledger,
    "otel": make_telemetry,
}


async def round_trip() -> int:
    """Make a device on an emulator; neither needs an extra."""
    emulator = import_module("tagodev.emulator")
    with emulator.EmulatorProcess() as service:
        async with tagodev.Tago(service.token, api=service.url) as tago:
            created = await tago.devices.create(tagodev.DeviceCreate(name="Cold room 3"))
            device = await tago.devices.info(created.device_id)
        expect(device.name == "Cold room 3", "the device that was made", device)
        return int(service.stats()["devices"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
