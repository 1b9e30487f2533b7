"""What the README shows of the way from a spreadsheet to devices is what comes of typing it.

``TAGODEV_UPDATE_SNAPSHOTS=1`` writes what came out into the README; look at the difference before
it is kept.
"""

from __future__ import annotations

import inspect
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tagodev.cli.emulator import emulator
from tests.cli.shell import Shell
from tests.cli.support import Command

if TYPE_CHECKING:
    import subprocess

#: Read before the tests are kept from what is set outside.
_UPDATE: Final = bool(os.environ.get("TAGODEV_UPDATE_SNAPSHOTS"))
README: Final = Path(__file__).parents[2] / "README.md"
_SECTION: Final = re.compile(r"(?ms)^## From a spreadsheet to devices\n.*?(?=^## )")
_PORT: Final = inspect.signature(emulator).parameters["port"].default
_BLOCK: Final = re.compile(r"(?ms)^```(text|console)\n(.*?)^```$")
#: What is different each time: tokens, names by the time of day, seconds.
_DIFFERENT: Final = (
    (re.compile(r"p-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "TOKEN"),
    (re.compile(r"\d{8}-\d{6}"), "TIME"),
    (re.compile(r"in \d+\.\d s"), "in SECONDS s"),
)


class Reader:
    """Somebody who does what the section says, from top to bottom."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.emulator: subprocess.Popen[str] | None = None

    def read(self, block: re.Match[str]) -> str:
        """Do what a block says, and return it as it should have been."""
        kind, text = block.groups()
        if kind == "text":
            self._save(text)
        else:
            lines = [line for line in text.splitlines() if line.startswith("$ ")]
            text = "".join(f"{line}\n{self._type(line.removeprefix('$ '))}" for line in lines)
        return f"```{kind}\n{text}```"

    def _save(self, text: str) -> None:
        """Save the whole file, or the rows that are to be others, known by their first cells."""
        path = self._shell.command.folder / "sensors.csv"
        rows = {line.partition(";")[0]: line for line in text.splitlines()}
        if path.exists():
            there = path.read_text(encoding="utf-8").splitlines()
            known = {line.partition(";")[0]: line for line in there}
            assert rows.keys() < known.keys()
            rows = known | rows
        path.write_text("\n".join([*rows.values(), ""]), encoding="utf-8")

    def _type(self, line: str) -> str:
        if line.startswith("tagodev emulator"):
            return self._start(f"{line} --port 0")
        done = self._shell.run(line)
        assert done.stderr == ""
        return done.stdout

    def _start(self, line: str) -> str:
        self.emulator = self._shell.start(line)
        assert self.emulator.stdout is not None
        text = "".join(self.emulator.stdout.readline() for _ in range(3))
        exported = re.findall(r"(?m)^export (\w+)=(\S+)$", text)
        self._shell.command.environment.update(exported)
        # Its usual port may be taken here.
        return re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{_PORT}", text)


def masked(text: str) -> str:
    """Return a text without what is different each time."""
    for pattern, name in _DIFFERENT:
        text = pattern.sub(name, text)
    return text


def test_from_a_spreadsheet_to_devices(tmp_path: Path) -> None:
    """Each command prints what stands below it, from an empty folder to nothing left to do."""
    readme = README.read_text(encoding="utf-8")
    (section,) = _SECTION.findall(readme)
    shell = Shell(Command(tmp_path))
    reader = Reader(shell)
    try:
        found = _BLOCK.sub(reader.read, section)
    finally:
        assert reader.emulator is not None
        reader.emulator.send_signal(signal.SIGINT)
        ended = shell.command.end(reader.emulator)
    if _UPDATE:
        README.write_text(readme.replace(section, found), encoding="utf-8")

    assert masked(section) == masked(found)
    assert (0, "") == (ended.code, ended.out)


def test_it_is_the_first_that_is_shown() -> None:
    """Whoever opens the README sees it before anything else that can be done."""
    first = re.search(r"(?m)^## (.*)$", README.read_text(encoding="utf-8"))

    assert first is not None
    assert first[1] == "From a spreadsheet to devices"
