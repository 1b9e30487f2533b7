"""Each call that talks is shown by an example, and the example works as it stands."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from contextlib import chdir
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import pytest

import tagodev
from tagodev import Tago, TagoDevice
from tagodev._resources.listing import Listing
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.calls import methods, stocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENTS: Final = {"tago": Tago, "device": TagoDevice}
CALLS: Final = [
    *methods(),
    *(f"Listing.{name}" for name in ("pages", "first", "collect", "complete")),
]
#: Calls whose example stands in the class's own docstring.
ELSEWHERE: Final = {"tago.resume", "device.info"}


def shown(name: str) -> list[str]:
    """Return the programs in a call's docstring."""
    client, _, path = name.partition(".")
    method: Any = CLIENTS.get(client, Listing)
    for part in path.split("."):
        method = getattr(method, part)
        if not inspect.isfunction(method):
            method = get_type_hints(method.func)["return"]
    found = re.findall(r"(?s)```python\n(.*?)```", inspect.getdoc(method) or "")
    return [textwrap.dedent(one) for one in found]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    """Give a service that refuses nothing for its number."""
    with EmulatorProcess(EmulatorOptions(unlimited=True, max_devices=10_000)) as process:
        yield process


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ELSEWHERE])
async def test_its_example_works(name: str, emulator: EmulatorProcess, tmp_path: Path) -> None:
    """Where there is one of everything, it runs, and uses the call that it is about."""
    programs = shown(name)
    assert programs
    emulator.reset()
    async with stocked(emulator.url, emulator.tokens_by_kind) as (actors, stock):
        names = {
            **{one: getattr(tagodev, one) for one in tagodev.__all__},
            "tago": actors.tago,
            "network": actors.network,
            "device": actors.device,
            "device_id": stock.device,
            "archive_id": stock.archive,
            "lora_id": stock.lora,
            "chunk_id": stock.chunk,
            "network_id": "5bbd0d144051a50034cd19fb",
            "authorization": stock.authorization,
        }
        with chdir(tmp_path):
            for program in programs:
                await run(program, names)
    assert any(f".{name.rpartition('.')[2]}(" in program for program in programs)


async def run(program: str, names: dict[str, Any]) -> None:
    """Run a program that may await at its top."""
    # The serial number, and the export, that are there.
    program = program.replace("0004A30B001C0530", "A1B2C3").replace("/backup/readings", "/all")
    code = compile(program, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, names)
    if inspect.iscoroutine(outcome):
        await outcome


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_the_others_are_shown_too(name: str) -> None:
    """What has no program of its own is a single line, or shown by its client."""
    client, _, path = name.partition(".")
    text = f"{inspect.getdoc(CLIENTS[client])}{inspect.getdoc(attrgetter(path)(CLIENTS[client]))}"

    assert re.search(r"Examples?:", text)
