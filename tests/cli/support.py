"""Running ``tagodev`` as users do: as a process of its own."""

from __future__ import annotations

import csv
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev.emulator import EmulatorOptions
from tests.support import processes
from tests.support.forks import fork_server
from tests.support.processes import PATIENCE, TAGODEV, Done, environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.processes import Process

__all__ = [
    "Command",
    "Done",
    "InProcess",
    "apply_journals",
    "hour_long",
    "read_results",
    "read_rows",
    "statuses",
    "tokens_of",
    "wait_for_journal",
    "wait_for_rows",
    "write_devices",
]

#: Runs a command in this process: `Done` as if it were one of its own.
InProcess: TypeAlias = Callable[..., "Done"]


@attrs.define
class Command:
    """Runs ``tagodev`` in a folder, against a service of its own if one is given."""

    folder: Path
    api: str = ""
    token: str = ""
    environment: dict[str, str] = attrs.field(factory=dict)

    def start(self, *arguments: str, reads: bool = False) -> Process:
        """Start it by a fork, unless variables are set that matter as an interpreter starts."""
        variables = self.variables()
        if any(name.startswith(("PYTHON", "LC_", "LANG")) for name in self.environment):
            stdin = subprocess.PIPE if reads else subprocess.DEVNULL
            program = (*TAGODEV, *arguments)
            return processes.start(*program, folder=self.folder, env=variables, stdin=stdin)
        return fork_server().start(self.folder, variables, arguments, reads=reads)

    def run(self, *arguments: str) -> Done:
        """Start it and wait until it has ended."""
        return self.checked(processes.finish(self.start(*arguments)))

    def checked(self, done: Done) -> Done:
        """Return how it ended; nothing it prints may hold the account's token or a traceback."""
        assert not self.token or self.token not in done.out + done.err
        assert "Traceback" not in done.err, done.err
        return done

    def run_with_input(self, text: str, *arguments: str) -> Done:
        """Run it with something to read on standard input, and wait until it has ended."""
        return processes.finish(self.start(*arguments, reads=True), text)

    def pipe(self, line: str, given: str = "") -> Done:
        """Run a line of a shell, in which ``tagodev`` is the command, and wait until it ends."""
        line = f'set -o pipefail; tagodev() {{ {shlex.join(TAGODEV)} "$@"; }}; {line}'
        program = ("bash", "-c", line)
        return processes.run(*program, folder=self.folder, env=self.variables(), given=given)

    def variables(self) -> dict[str, str]:
        """Return its environment: no settings, files and state but its own."""
        known = {"TAGOIO_API": self.api, "TAGOIO_TOKEN": self.token}
        service = {key: value for key, value in known.items() if value}
        places = {
            "TAGODEV_CONFIG": str(self.folder / ".config" / "tagodev.toml"),
            "XDG_CONFIG_HOME": str(self.folder / ".config"),
            "TAGODEV_LEDGER": str(self.folder / ".config" / "ledger.sqlite"),
            "TAGODEV_STATE": str(self.folder / ".config" / "state"),
        }
        return environment(**{**service, **places, "COLUMNS": "100", **self.environment})


def hour_long() -> EmulatorOptions:
    """Return a service whose window of an hour has just begun, and takes ten devices."""
    begun = 3600 - time.time() % 3600 + 60
    return EmulatorOptions(plan="free", minute=3600, max_devices=100, clock_offset=begun)


def write_devices(path: Path, names: Iterable[str]) -> Path:
    """Write a list of devices with a tag and a parameter each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "tag.site", "param.check_rate", "active"))
        writer.writerows((name, "dairy", 600, "yes") for name in names)
    return path


def read_results(path: Path) -> list[dict[str, str]]:
    """Return the rows of a results file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def statuses(path: Path) -> dict[str, int]:
    """Return how many rows of a results file have each status."""
    counts: dict[str, int] = {}
    for row in read_results(path):
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    return counts


def tokens_of(path: Path) -> list[str]:
    """Return the tokens in a results file."""
    return [row["token"] for row in read_results(path) if row["token"]]


def read_rows(path: Path) -> dict[EntryState, int]:
    """Return how many rows of a journal are in each state."""
    with Journal.read(path) as journal:
        return journal.counts()


def wait_for_journal(path: Path, done: int) -> None:
    """Wait until so many rows of a journal are done."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or read_rows(path).get(EntryState.DONE, 0) < done:
        assert time.monotonic() < deadline, "the rows were not done"
        time.sleep(0.02)


def apply_journals(folder: Path) -> list[Path]:
    """Return the journals of all applies of a command that runs in a folder."""
    found = (folder / ".config" / "state" / "apply").glob("*/*.journal")
    return sorted(found, key=lambda path: path.stem)


def wait_for_apply(folder: Path, done: int, number: int = 1) -> Path:
    """Wait until so many steps of the newest apply are done, and return its journal."""
    deadline = time.monotonic() + PATIENCE
    while len(apply_journals(folder)) < number:
        assert time.monotonic() < deadline, "no apply began"
        time.sleep(0.02)
    path = apply_journals(folder)[-1]
    wait_for_journal(path, done)
    return path


def wait_for_rows(path: Path, rows: int) -> None:
    """Wait until a results file has so many rows."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or path.read_text(encoding="utf-8").count("\n") <= rows:
        assert time.monotonic() < deadline, "the results did not come"
        time.sleep(0.02)
