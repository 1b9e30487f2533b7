"""Starting child processes, which run this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.forks import Forked

    Process: TypeAlias = subprocess.Popen[str] | Forked

__all__ = ["PATIENCE", "PYTHON", "ROOT", "TAGODEV", "Done", "environment", "finish", "run", "start"]

#: The checkout; `tests/conftest.py` puts it before whatever is installed.
ROOT: Final = Path(__file__).parents[2]
#: What a process gets to end by itself, in seconds.
PATIENCE: Final = 100.0
#: Runs Python, and the command line.
PYTHON: Final = sys.executable
TAGODEV: Final = (PYTHON, "-m", "tagodev")


@attrs.frozen
class Done:
    """How a process ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Return the one JSON object that standard output must be."""
        assert self.out.count("\n") == 1, self.out
        value: dict[str, Any] = orjson.loads(self.out)
        return value


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without settings of tagodev, and with others.

    A folder that is given as PYTHONPATH comes before the checkout, not instead of it.
    """
    ours = ("TAGOIO_", "TAGODEV_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    if "PYTHONPATH" in more:
        more["PYTHONPATH"] = os.pathsep.join([more["PYTHONPATH"], kept["PYTHONPATH"]])
    return {**kept, **more}


def start(
    *command: str | Path,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = subprocess.PIPE,
    stderr: int | None = subprocess.PIPE,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start a process.

    Args:
        command: the program and its arguments.
        folder: where it runs; this process's by default.
        env: its environment; this process's by default.
        stdin: what it reads; nothing by default.
        stdout: where it writes.
        stderr: where it writes errors.
        options: further ones of `subprocess.Popen`.
    """
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        # A console's own encoding is not ours.
        errors="backslashreplace",
        **options,
    )


def finish(process: Process, given: str | None = None) -> Done:
    """Wait until a process has ended, and kill it if it does not.

    Args:
        process: what was started.
        given: what it reads on standard input.
    """
    with process:
        try:
            out, err = process.communicate(given, timeout=PATIENCE)
        finally:
            process.kill()
    return Done(process.wait(), out or "", err or "")


def run(
    *command: str | Path,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
    stderr: int = subprocess.PIPE,
) -> Done:
    """Run a process until it ends.

    Args:
        command: the program and its arguments.
        folder: where it runs; this process's by default.
        env: its environment; this process's by default.
        given: what it reads on standard input; nothing by default.
        stderr: where it writes errors.
    """
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    return finish(start(*command, folder=folder, env=env, stdin=stdin, stderr=stderr), given)
