"""Jobs and neighbours in virtual time: rejected requests and wasted time.

The first table runs a single client's jobs of (m + 1/2) L requests and compares their duration
with that of a greedy client with complete knowledge.
The target is 1.02 times that plus 1.5 s; the table shows how much of the 1.5 s was used, in
the median and at worst.
A job that starts at the end of a window may lose that window, since its first answer arrives too
late to locate the boundary: such jobs count as "over", and the column beside it shows the maximum
number of seconds left of the first window when one of them started.

The second table runs a client with endless work beside a neighbour that requests 30 % of the same
limit, from the third window on.
The means hide runs that went badly, so those are counted: at small limits a neighbour that sends
only at the end of a window is not detected.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import product
from multiprocessing import Pool
from statistics import fmean, median
from typing import TYPE_CHECKING, Final, TypeVar, get_args

import attrs

from benchmarks.machine import describe
from benchmarks.simulation import Behaviour, simulate_job, simulate_neighbour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from multiprocessing.pool import Pool as Processes

    from benchmarks.simulation import Neighbourhood, Result

_LIMITS: Final = (10, 250, 5000)
_WINDOWS: Final = (2, 4, 40)
#: Seconds between two lines of progress.
_PROGRESS_EVERY: Final = 10.0

T = TypeVar("T")


@attrs.frozen
class Job:
    """One row of the first table."""

    windows: int
    """m: the job has (m + 1/2) L requests."""
    limit: int
    """L: requests a window."""

    @property
    def total(self) -> int:
        """Requests in all."""
        return self.limit * self.windows + self.limit // 2

    def run(self, seed: int) -> Result:
        """Simulate one job."""
        return simulate_job(self.limit, self.total, seed)


@attrs.frozen
class Company:
    """One row of the second table."""

    limit: int
    """L: requests a window."""
    behaviour: Behaviour
    """How the neighbour asks."""

    def run(self, seed: int) -> Neighbourhood:
        """Simulate one neighbourhood."""
        return simulate_neighbour(self.limit, self.behaviour, seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both tables."""
    options = _parse(arguments)
    print(describe(), flush=True)
    with Pool(options.processes) as processes:
        if options.seeds:
            _jobs_table(processes, range(options.seeds))
        if options.neighbour_seeds:
            _neighbours_table(processes, range(options.neighbour_seeds))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="virtual_time", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--seeds", type=int, default=300, help="jobs per row; 0 for no table (default 300)"
    )
    parser.add_argument(
        "--neighbour-seeds",
        type=int,
        default=20,
        help="neighbourhoods per row; 0 for no table (default 20)",
    )
    parser.add_argument("--processes", type=int, default=2, help="parallel processes (default 2)")
    return parser.parse_args(arguments)


# --- a lone client -----------------------------------------------------------------------------


def _jobs_table(processes: Processes, seeds: range) -> None:
    print(f"\nAlone: {len(seeds)} jobs a row, from any phase; seconds beyond 1.02 x ideal")
    print(
        f"{'limit':>6} {'m':>3} {'requests':>9} {'rejected':>9} {'median':>8} {'worst':>8} "
        f"{'over 1.5 s':>11} {'begun at most, s before a boundary':>35}"
    )
    for limit, windows in product(_LIMITS, _WINDOWS):
        job = Job(windows, limit)
        _print_job(job, _spread(processes, job.run, seeds, f"L={limit} m={windows}"))


def _print_job(job: Job, results: Sequence[Result]) -> None:
    beyond = [result.makespan - 1.02 * result.ideal for result in results]
    over = [result.left_in_first_window for result in results if not result.in_bounds]
    begun = f"{max(over):.2f}" if over else "-"
    print(
        f"{job.limit:>6} {job.windows:>3} {job.total:>9} {sum(r.rejected for r in results):>9} "
        f"{median(beyond):>8.2f} {max(beyond):>8.2f} {len(over):>11} {begun:>35}",
        flush=True,
    )


# --- a client with a neighbour -----------------------------------------------------------------


def _neighbours_table(processes: Processes, seeds: range) -> None:
    print(
        f"\nBeside a neighbour who asks for 30 % of the limit: {len(seeds)} runs a row; "
        f"runs below 0.9 are counted"
    )
    print(
        f"{'limit':>6} {'neighbour asks':>16} {'ours / left':>23} {'rejected, %':>14} "
        f"{'at most a':>10} {'neighbour got':>23}"
    )
    print(
        f"{'':>6} {'':>16} {'min':>8}{'mean':>8}{'< 0.9':>7} {'max':>7}{'mean':>7} {'window':>10} "
        f"{'min':>8}{'mean':>8}{'< 0.9':>7}"
    )
    for limit, behaviour in product(_LIMITS, get_args(Behaviour)):
        company = Company(limit, behaviour)
        _print_company(company, _spread(processes, company.run, seeds, f"L={limit} {behaviour}"))


def _print_company(company: Company, results: Sequence[Neighbourhood]) -> None:
    ours = [result.ours for result in results]
    rejected = [100 * result.rejected for result in results]
    theirs = [result.neighbour for result in results]
    print(
        f"{company.limit:>6} {company.behaviour:>16} {_spread_of(ours)} "
        f"{max(rejected):>7.2f}{fmean(rejected):>7.2f} "
        f"{max(result.rejected_a_window for result in results):>10} "
        f"{_spread_of(theirs)}",
        flush=True,
    )


def _spread_of(parts: Sequence[float]) -> str:
    return f"{min(parts):>8.3f}{fmean(parts):>8.3f}{sum(part < 0.9 for part in parts):>7}"


# --- many seeds --------------------------------------------------------------------------------


def _spread(
    processes: Processes, run: Callable[[int], T], seeds: Iterable[int], name: str
) -> list[T]:
    """Run every seed in parallel, with progress on standard error."""
    started = said = time.monotonic()
    results = []
    for result in processes.imap_unordered(run, seeds):
        results.append(result)
        if time.monotonic() > said + _PROGRESS_EVERY:
            said = time.monotonic()
            print(f"  {name}: {len(results)} after {said - started:.0f} s", file=sys.stderr)
    return results


if __name__ == "__main__":
    main()
