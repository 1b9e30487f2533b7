"""CPU time and peak memory of a process, as measured by the system.

The parent must be small: on Linux the peak memory of a child is at least that of its parent at the
fork. So a process without imports runs in between.
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
    """CPU time and memory of a process."""

    code: int
    """Its exit code."""
    cpu: float
    """Seconds of CPU, in user and in system mode."""
    memory: float
    """Peak of resident memory, in MB."""


def run_measured(
    arguments: Sequence[str], environment: Mapping[str, str], out: IO[bytes], folder: Path
) -> Used:
    """Run a Python program to its end, and return its CPU time and memory."""
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
