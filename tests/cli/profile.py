"""A profile of one's own, and the command line in front of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from tagodev import DeviceCreate, Tag, Tago
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tagodev import Device
    from tagodev.emulator import EmulatorProcess
    from tests.cli.support import Done, InProcess

__all__ = ["MARK", "SITE", "Profile", "named"]

T = TypeVar("T")

#: The tag of devices that a list ``site`` manages.
MARK = Tag("tagodev_managed", "site")
#: Three devices as a file says them.
SITE = """\
name,tag.site,param.rate,active
Cold room 1,dairy,600,yes
Cold room 2,dairy,600,yes
Cold room 3,dairy,600,yes
"""


def named(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of a command, with ``--name site`` for a list ``site.*``.

    Without it the manager has a part made at random.
    """
    planned = arguments[0] in ("plan", "apply") and "--name" not in arguments
    if planned and len(arguments) > 1 and Path(arguments[1]).stem == "site":
        return (*arguments, "--name", "site")
    return tuple(arguments)


@attrs.frozen
class Profile:
    """A profile that holds nothing yet, and a folder."""

    folder: Path
    emulator: EmulatorProcess
    _run: InProcess

    def run(self, *arguments: str) -> Done:
        """Run a command; nothing that it says may hold the account's token."""
        done = self._run(*named(arguments))
        assert self.emulator.token not in done.out + done.err
        return done

    def write(self, name: str, text: str = SITE) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def ask(self, work: Callable[[Tago], Awaitable[T]]) -> T:
        """Ask the service something."""

        async def asking() -> T:
            async with client(self.emulator.url, token=self.emulator.token) as tago:
                return await work(tago)

        return asyncio.run(asking())

    def devices(self) -> dict[str, Device]:
        """Return the devices by name."""
        found = self.ask(lambda tago: tago.devices.list().collect())
        return {device.name: device for device in found}

    def make(self, *names: str, tags: tuple[Tag, ...] = (MARK,), **fields: Any) -> None:
        """Make devices."""

        async def making(tago: Tago) -> None:
            for name in names:
                await tago.devices.create(DeviceCreate(name=name, tags=tags, **fields))

        self.ask(making)

    def parameters(self, name: str) -> dict[str, str]:
        """Return the configuration parameters of a device."""
        device_id = self.devices()[name].id
        found = self.ask(lambda tago: tago.parameters.list(device_id))
        return {one.key: one.value for one in found}

    def files(self) -> set[str]:
        """Return the names of all files in the folder, but for locks and the user's settings."""
        names = {path.name for path in self.folder.iterdir() if path.suffix != ".lock"}
        return names - {".config"}

    def asked(self) -> dict[str, int]:
        """Return how often each route was asked."""
        routes = self.emulator.stats()["routes"]
        return {name: route["accepted"] for name, route in routes.items()}
