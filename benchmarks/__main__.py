"""Runs all benchmarks: ``python -m benchmarks``, which is what ``nox -s bench`` runs.

Compares tagodev with other clients, measures every promised figure, simulates a fleet, and
writes the results to ``docs/benchmarks.json``, ``docs/benchmarks.md`` and ``docs/charts/``.
``--quick`` runs everything with small sizes and writes to another folder; its figures mean little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from benchmarks import chart, compare, design_table, fleet, publish
from benchmarks.machine import facts
from benchmarks.rivals.catalogue import NAMES, distributions
from benchmarks.scenarios import QUICK, SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCS: Final = Path("docs")
#: Profiles that are simulated, devices each has, and processes of this machine that do it.
_FLEET: Final = (1000, 10_000, 2)
_QUICK_FLEET: Final = (10, 10_000, 2)


def run(*, quick: bool) -> dict[str, Any]:
    """Measure everything, and return it as a JSON object.

    Args:
        quick: all in small, to see that everything runs.
    """
    began = time.monotonic()
    machine = facts(*distributions())
    print("What tagodev is held to\n", flush=True)
    figures = design_table.measure(quick=quick)
    print("\nBeside its rivals\n", flush=True)
    compared = compare.compare(QUICK if quick else SCENARIOS, NAMES)
    profiles, devices, processes = _QUICK_FLEET if quick else _FLEET
    print(f"\nA fleet, simulated: {devices} devices a profile\n\n{fleet.HEAD}", flush=True)
    simulated = []
    for size in fleet.sizes(profiles):
        one = fleet.simulate_in_processes(size, devices, processes)
        print(fleet.line(one), flush=True)
        simulated.append({**attrs.asdict(one), "use": one.use, "cpu_us": one.cpu_us})
    return {
        "measured_with": {**machine, **compared.pop("measured_with")},
        "quick": quick,
        "seconds": round(time.monotonic() - began),
        "figures": figures,
        "compared": compared,
        "fleet": {"devices": devices, "sizes": simulated},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything and write the results."""
    options = _parse(arguments)
    docs: Path = options.docs or (Path(tempfile.mkdtemp()) if options.quick else _DOCS)
    found = run(quick=options.quick)
    charts = docs / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    chart.main(["--out", str(charts / "windows.svg")])
    publish.main([str(docs)])
    print(f"{found['seconds']} s in all")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="use small sizes; takes a few minutes")
    parser.add_argument("--docs", type=Path, help="output folder (default docs)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
