"""Running ``tagodev`` as users do: as a process of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "Command",
    "Done",
    "InProcess",
    "read_results",
    "statuses",
    "wait_for_rows",
    "write_devices",
]

#: Runs a command in this process: `Done` as if it were one of its own.
InProcess: TypeAlias = Callable[..., "Done"]

#: What a command gets to end by itself, in seconds.
PATIENCE = 30.0


@attrs.frozen
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Return the one JSON object that standard output must be."""
        assert self.out.count("\n") == 1, self.out
        value: dict[str, Any] = orjson.loads(self.out)
        return value


@attrs.define
class Command:
    """Runs ``tagodev`` in a folder, against a service of its own if one is given."""

    folder: Path
    api: str = ""
    token: str = ""
    environment: dict[str, str] = attrs.field(factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [sys.executable, "-m", "tagodev", *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Done:
        """Wait until it has ended."""
        with process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        return Done(process.returncode, out, err)

    def run(self, *arguments: str) -> Done:
        """Start it and wait until it has ended; nothing it says may hold the account's token."""
        done = self.end(self.start(*arguments))
        assert not self.token or self.token not in done.out + done.err
        assert "Traceback" not in done.err, done.err
        return done

    def _environment(self) -> dict[str, str]:
        ours = ("TAGOIO_", "TAGODEV_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        known = {"TAGOIO_API": self.api, "TAGOIO_TOKEN": self.token}
        service = {key: value for key, value in known.items() if value}
        return {**kept, **service, "COLUMNS": "100", **self.environment}


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


def wait_for_rows(path: Path, rows: int) -> None:
    """Wait until a results file has so many rows."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or path.read_text(encoding="utf-8").count("\n") <= rows:
        assert time.monotonic() < deadline, "the results did not come"
        time.sleep(0.02)
