"""Memory of a run: many rows compared with few, with a journal and without.

Each run is a separate process; its figure is its peak resident memory.
The service is an in-process model that answers at once, so that only the run is measured:
rows are read, journaled, sent and reported as usual.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from benchmarks.emulated import device_specs
from benchmarks.machine import describe
from benchmarks.rivals.job import peak_memory
from tagodev import HardLimits, RetryPolicy
from tagodev._bulk.run_factory import RunFactory
from tagodev._limits.ledger.memory import MemoryLedger
from tagodev._limits.settings import Settings
from tagodev._resources.devices import Devices
from tagodev._secrets import Secret
from tagodev._session import Session
from tagodev._transport import Answer, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev._transport import Request

_UNLIMITED: Final = HardLimits("unlimited", {}, default=10**9)
_CONCURRENCY: Final = 32
#: What a run of very many rows may take more than one of few, in MB.
_ALLOWED: Final = 20.0


class InstantTransport(Transport):
    """A service that creates a device for every request, at once."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Start without devices."""
        super().__init__(session, "http://127.0.0.1:1", Secret("p-made-up"), timeout=10.0)
        self._numbers = count(1)

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Answer a request."""
        del request, seconds
        await asyncio.sleep(0)
        identity = f"{next(self._numbers):024x}"
        made = {"device_id": identity, "bucket_id": identity, "token": f"t-{identity}"}
        headers = {"Date": formatdate(time.time(), usegmt=True)}
        return Answer(200, orjson.dumps({"status": True, "result": made}), headers)

    def read(self, request: Request, answer: Answer) -> Any:
        """Return the result of an answer."""
        del request
        return orjson.loads(answer.body)["result"]


async def make_devices(rows: int, journal: Path | None) -> None:
    """Create devices."""
    ledger = MemoryLedger()
    scheduler = ledger.open(Settings(_UNLIMITED, concurrency=_CONCURRENCY), None)
    async with aiohttp.ClientSession() as http:
        session = Session(InstantTransport(http), scheduler, RetryPolicy())
        runs = RunFactory(session=session, concurrency=_CONCURRENCY, running=set())
        report = await Devices(session, runs).create_many(device_specs(rows), journal=journal)
    ledger.close(scheduler, None)
    assert rows == report.done, report


def resident(rows: int, *, journalled: bool, directory: Path) -> float:
    """Return the peak resident memory of a run in a separate process, in MB."""
    command = [sys.executable, "-m", __spec__.name, "--alone", str(rows)]
    if journalled:
        command += ["--journal", str(directory / f"{rows}.journal")]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(ended.stdout)


def _alone(rows: int, journal: Path | None) -> None:
    asyncio.run(make_devices(rows, journal))
    print(peak_memory())


# --- the program -------------------------------------------------------------------------------


def measure(options: argparse.Namespace, directory: Path) -> None:
    """Run all cases and print each result."""
    print(f"{'journal':>8} {'rows':>9} {'most resident, MB':>18} {'more, MB':>9} {'allowed':>8}")
    for journalled in (False, True):
        few = resident(options.few, journalled=journalled, directory=directory)
        many = resident(options.many, journalled=journalled, directory=directory)
        name = "yes" if journalled else "no"
        print(f"{name:>8} {options.few:>9} {few:>18.1f}")
        print(
            f"{name:>8} {options.many:>9} {many:>18.1f} {many - few:>9.1f} {_ALLOWED:>8.0f}",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements."""
    options = _parse(arguments)
    if options.alone is not None:
        _alone(options.alone, options.journal)
        return
    print(describe("aiohttp"), flush=True)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        measure(options, Path(directory))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="journal_memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--few", type=int, default=10_000, help="rows (default 10,000)")
    parser.add_argument("--many", type=int, default=1_000_000, help="rows (default 1,000,000)")
    parser.add_argument("--directory", type=Path, help="folder of the journals")
    parser.add_argument("--alone", type=int, help="only create this many devices in this process")
    parser.add_argument("--journal", type=Path, help="with --alone: the journal file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
