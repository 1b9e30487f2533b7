"""What a process has used, as the system has counted it, and nothing that was used before it.

Whoever starts a process must be small: Linux takes what the memory of the parent has been at its
peak for the least that the child's can be.
A process without anything loaded stands in between.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Used", "run_measured"]

_BETWEEN: Final = """\
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@attrs.frozen
class Used:
    """What a process has used."""

    code: int
    """Its exit code."""
    cpu: float
    """Seconds of CPU, in user and in system mode."""
    memory: float
    """Peak of resident memory, in MB."""


def run_measured(
    arguments: Sequence[str], environment: Mapping[str, str], out: IO[bytes], folder: Path
) -> Used:
    """Run a Python program to its end, and return what it has used.

    Args:
        arguments: for the interpreter that runs this.
        environment: of the program.
        out: where its standard output goes.
        folder: where it runs.
    """
    with tempfile.TemporaryDirectory() as place:
        found = Path(place) / "used"
        between = [sys.executable, "-I", "-S", "-c", _BETWEEN, str(found)]
        done = subprocess.run(
            [*between, sys.executable, *arguments],
            cwd=folder,
            env=dict(environment),
            stdout=out,
            check=False,
        )
        cpu, memory = found.read_text(encoding="utf-8").split()
    # Linux counts in kB, macOS in bytes.
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Used(done.returncode, float(cpu), float(memory) / unit)
