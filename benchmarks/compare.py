"""Compares tagodev with other clients: the same jobs on the same kind of emulator, one by one.

    python -m benchmarks.compare --json results.json
    python -m benchmarks.compare --quick --scenarios neighbour --rivals tagodev "aiohttp alone"

Every job has its own emulator, begins at the same phase of a window, and runs in a separate
process; each client's result is checked against what the service counted and stores at the end.
``python -m benchmarks`` runs it among all others, and publishes the results.

*Ideal* is a greedy client with complete knowledge, at the rate that tagodev reaches without
limits in the same run.
*Rejected* are requests that the service answered with 429.
*Lost* are rows for which the caller has no device and token at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import subprocess
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import attrs
import orjson

from benchmarks.emulated import ideal_makespan, unlimited_rate
from benchmarks.machine import facts
from benchmarks.rivals.catalogue import NAMES, command, distributions
from benchmarks.rivals.job import CONNECTOR, NETWORK, Job
from benchmarks.rivals.node import SDK_VERSION, node_version
from benchmarks.scenarios import QUICK, SCENARIOS
from tagodev.emulator import EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.scenarios import Scenario

_ROOT: Final = Path(__file__).parent.parent
#: Seconds that a rival may take beyond so many times the ideal; then it has not finished.
_PATIENCE: Final = (4.0, 60.0)
#: Devices that one page of a list holds.
_PAGE: Final = 10_000
#: Starts the emulator's random sequences: all rivals meet the same chance.
_SEED: Final = 9


@attrs.frozen(kw_only=True)
class Result:
    """Result of one client in one scenario."""

    scenario: str
    """Which scenario."""
    rival: str
    """Who."""
    rows: int
    """Devices that were asked for."""
    makespan: float
    """Seconds from the first request to the last answer."""
    ideal: float
    """Seconds that a greedy client needs from the same start."""
    requests: int
    """Requests of its own that the service counted."""
    rejected: int
    """Those among them that were answered with 429."""
    made: int
    """Devices that the service holds in the end."""
    reported: int
    """Devices that the caller holds, with their tokens."""
    missing: int
    """Rows of which the service holds no device."""
    doubled: int
    """Devices beyond the first of their row."""
    unknown_tokens: int
    """Devices that the service holds and the caller does not know."""
    lost: int
    """Rows that the caller or the service does not have at the end."""
    cpu_us: float
    """CPU of the rival's process, in microseconds a request."""
    memory_mb: float
    """The most that was resident of its process, imports included, in MB."""
    failures: dict[str, int]
    """What rows failed with, as the rival says."""
    neighbour_asked: int = 0
    """What the other client on the profile asked for."""
    neighbour_got: int = 0
    """What it got of that."""

    @property
    def ratio(self) -> float:
        """Duration divided by the ideal."""
        return self.makespan / self.ideal


@attrs.frozen(kw_only=True)
class Worked:
    """A finished client and its own result."""

    began: float
    """When it began, by the service's clock."""
    report: dict[str, Any]
    """Output of its tally."""
    asked: int
    """What the other client on the profile asked for meanwhile."""
    got: int
    """What it got of that."""


class DidNotFinishError(Exception):
    """A client exceeded its timeout, or ended early."""


# --- the other client on the profile -----------------------------------------------------------


class Neighbour(Thread):
    """Another client of the profile: creates devices at a constant rate, without retries."""

    def __init__(self, emulator: EmulatorProcess, rate: float) -> None:
        super().__init__(name="neighbour", daemon=True)
        self._emulator = emulator
        self._rate = rate
        self._over = Event()
        self.asked = 0
        self.got = 0

    def run(self) -> None:
        """Send requests until stopped."""
        connection = http.client.HTTPConnection(urlsplit(self._emulator.url).netloc)
        headers = {"Authorization": self._emulator.token, "Content-Type": "application/json"}
        began = time.monotonic()
        while not self._over.wait(max(began + self.asked / self._rate - time.monotonic(), 0)):
            self.asked += 1
            device = {"name": f"Neighbour {self.asked}", "type": "mutable"}
            body = orjson.dumps({**device, "network": NETWORK, "connector": CONNECTOR})
            connection.request("POST", "/device", body, headers)
            response = connection.getresponse()
            response.read()
            self.got += response.status == http.client.CREATED
        connection.close()

    def stop(self) -> None:
        """Stop, and wait for the end."""
        self._over.set()
        self.join()


# --- one rival, one scenario -------------------------------------------------------------------


def measure(scenario: Scenario, rival: str, rate: float) -> Result:
    """Run one client in a scenario."""
    arguments = command(rival)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmulatorProcess(scenario.emulator(_SEED)) as emulator,
    ):
        job = Job(
            url=emulator.url,
            token=emulator.token,
            rows=scenario.rows,
            limits=scenario.limits,
            minute=scenario.minute,
            mixed=scenario.mixed,
            journal=str(Path(folder) / "run.journal") if scenario.journal else None,
        )
        worked = _let_work(arguments, job, scenario, rate, emulator)
        return _checked(scenario, rival, rate, worked, emulator)


def _let_work(
    arguments: Sequence[str], job: Job, scenario: Scenario, rate: float, emulator: EmulatorProcess
) -> Worked:
    """Run one client's job, with the scenario's neighbour."""
    times, more = _PATIENCE
    longest = times * ideal_makespan(job.rows, scenario.hard_limits, rate, 0.0) + more
    neighbour = None
    with subprocess.Popen(
        arguments, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(orjson.dumps(attrs.asdict(job)).decode() + "\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise DidNotFinishError("it ended before it was ready")
            if scenario.neighbour:
                asks = scenario.limit * scenario.neighbour / scenario.minute
                neighbour = Neighbour(emulator, asks)
                neighbour.start()
            # The neighbour is there a window before; all others learn in time when to begin.
            began = _next_moment(scenario, ahead=scenario.minute if neighbour else 0.3)
            line, _ = process.communicate(f"{began}\n", timeout=longest)
        except subprocess.TimeoutExpired:
            raise DidNotFinishError(f"not done after {longest:.0f} s") from None
        finally:
            process.kill()
            if neighbour is not None:
                neighbour.stop()
    if not line:
        raise DidNotFinishError(f"it ended with {process.returncode}")
    asked, got = (neighbour.asked, neighbour.got) if neighbour else (0, 0)
    return Worked(began=began, report=orjson.loads(line), asked=asked, got=got)


def _next_moment(scenario: Scenario, *, ahead: float) -> float:
    """Return the next moment at this phase of a window, at least some seconds ahead."""
    earliest = time.time() + ahead
    return earliest + (scenario.phase * scenario.minute - earliest) % scenario.minute


def _checked(
    scenario: Scenario, rival: str, rate: float, worked: Worked, emulator: EmulatorProcess
) -> Result:
    """Check a client's result against what the service counted and stores."""
    report, routes = worked.report, emulator.stats()["routes"].values()
    rejected = sum(route["rejected"] for route in routes) - (worked.asked - worked.got)
    requests = sum(route["accepted"] for route in routes) - worked.got + rejected
    held = {
        identity: name for identity, name in _devices(emulator) if not name.startswith("Neighbour ")
    }
    known = set(report["known"]) & held.keys()
    rows_held = len(set(held.values()))
    rows_known = len({held[identity] for identity in known})
    return Result(
        scenario=scenario.key,
        rival=rival,
        rows=scenario.rows,
        makespan=report["seconds"],
        ideal=ideal_makespan(scenario.rows, scenario.hard_limits, rate, worked.began),
        requests=requests,
        rejected=rejected,
        made=len(held),
        reported=len(known),
        missing=scenario.rows - rows_held,
        doubled=len(held) - rows_held,
        unknown_tokens=len(held) - len(known),
        lost=scenario.rows - min(rows_known, report["done"]),
        cpu_us=report["cpu"] / max(requests, 1) * 1e6,
        memory_mb=report["memory"],
        failures=report["failures"],
        neighbour_asked=worked.asked,
        neighbour_got=worked.got,
    )


def _devices(emulator: EmulatorProcess) -> Iterator[tuple[str, str]]:
    """Yield id and name of every device of the service."""
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc)
    page, found = 0, _PAGE
    while found == _PAGE:
        page += 1
        path = f"/device?page={page}&amount={_PAGE}&fields[0]=id&fields[1]=name"
        connection.request("GET", path, headers={"Authorization": emulator.token})
        devices = orjson.loads(connection.getresponse().read())["result"]
        found = len(devices)
        yield from ((device["id"], device["name"]) for device in devices)
    connection.close()


# --- all of them -------------------------------------------------------------------------------


def compare(scenarios: Sequence[Scenario], rivals: Sequence[str]) -> dict[str, Any]:
    """Run every client in every scenario, and return the results as a JSON object."""
    began = time.monotonic()
    rate = asyncio.run(unlimited_rate())
    print(f"{rate:.0f} creations a second without limits", flush=True)
    results, unfinished = [], []
    for scenario in scenarios:
        print(f"\n{scenario.title}: {scenario.rows} rows\n{_HEAD}", flush=True)
        for rival in rivals:
            try:
                result = measure(scenario, rival, rate)
            except (DidNotFinishError, RuntimeError) as error:
                print(f"{rival:>32} {error}", flush=True)
                unfinished.append({"scenario": scenario.key, "rival": rival, "why": str(error)})
            else:
                print(_line(result), flush=True)
                results.append({**attrs.asdict(result), "ratio": result.ratio})
    return {
        "measured_with": {**facts(*distributions()), **_javascript(rivals)},
        "seconds": round(time.monotonic() - began),
        "rate_without_limits": rate,
        "scenarios": [attrs.asdict(scenario) for scenario in scenarios],
        "results": results,
        "unfinished": unfinished,
    }


def _javascript(rivals: Sequence[str]) -> dict[str, str]:
    if "official JavaScript SDK" not in rivals:
        return {}
    try:
        return {"Node": node_version(), "@tago-io/sdk": SDK_VERSION}
    except RuntimeError:
        return {}


_HEAD: Final = (
    f"{'':>32} {'makespan':>8} {'ideal':>7} {'ratio':>5} {'429s':>6} {'made':>6} {'known':>6} "
    f"{'missing':>7} {'doubled':>7} {'lost':>6} {'CPU, us':>8} {'MB':>5}"
)


def _line(one: Result) -> str:
    neighbour = ""
    if one.neighbour_asked:
        neighbour = f"; the other client got {one.neighbour_got} of {one.neighbour_asked}"
    return (
        f"{one.rival:>32} {one.makespan:>8.2f} {one.ideal:>7.2f} {one.ratio:>5.2f} "
        f"{one.rejected:>6} {one.made:>6} {one.reported:>6} {one.missing:>7} {one.doubled:>7} "
        f"{one.lost:>6} {one.cpu_us:>8.0f} {one.memory_mb:>5.0f}{neighbour}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison, print its progress, and write the results."""
    options = _parse(arguments)
    scenarios = [
        scenario
        for scenario in (QUICK if options.quick else SCENARIOS)
        if not options.scenarios or scenario.key.startswith(tuple(options.scenarios))
    ]
    found = compare(scenarios, options.rivals)
    print(f"\n{found['measured_with']}\n{found['seconds']} s in all")
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
        print(f"written: {options.json}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="use small sizes; takes a few minutes")
    parser.add_argument("--scenarios", nargs="+", help="scenarios by prefix of their names")
    parser.add_argument("--rivals", nargs="+", choices=NAMES, default=NAMES, help="clients to run")
    parser.add_argument("--json", type=Path, help="output file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
