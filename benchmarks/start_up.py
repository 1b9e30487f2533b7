"""Start-up time: importing tagodev, compared with aiohttp alone, and ``tagodev --help``.

Each import is a separate process; they take turns, and the median of each one counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.machine import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is imported, by what it is called.
_IMPORTS: Final = {
    "aiohttp": "import aiohttp",
    "tagodev": "import tagodev",
    "tagodev.Tago": "from tagodev import Tago",
}
_PROGRAM: Final = "import time; t = time.process_time(); {}; print(time.process_time() - t)"


@attrs.frozen
class StartUp:
    """Start-up times."""

    imports: dict[str, float]
    """Seconds of CPU by what is imported."""
    help: float
    """Seconds until ``tagodev --help`` has answered."""


def measure(rounds: int) -> StartUp:
    """Return the start-up times, as the median of all rounds."""
    imports: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    helped = []
    for _ in range(rounds):
        for name, statement in _IMPORTS.items():
            program = [sys.executable, "-c", _PROGRAM.format(statement)]
            imports[name].append(float(subprocess.check_output(program)))
        began = time.perf_counter()
        subprocess.check_output([sys.executable, "-m", "tagodev", "--help"])
        helped.append(time.perf_counter() - began)
    return StartUp({name: median(some) for name, some in imports.items()}, median(helped))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="start_up", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="number of rounds (default 11)")
    found = measure(parser.parse_args(arguments).rounds)
    print(describe("aiohttp"))
    for name, seconds in found.imports.items():
        of_aiohttp = seconds / found.imports["aiohttp"]
        print(f"import {name}: {seconds * 1000:.0f} ms, {of_aiohttp:.2f} of aiohttp (1.3 wanted)")
    print(f"tagodev --help: {found.help:.2f} s (0.3 wanted)")


if __name__ == "__main__":
    main()
