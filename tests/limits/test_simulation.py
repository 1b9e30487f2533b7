"""Whole jobs in virtual time: what the scheduler promises, with small numbers of seeds.

``benchmarks/virtual_time.py`` runs the same with hundreds of seeds.
"""

from __future__ import annotations

from statistics import mean

import pytest

from benchmarks.simulation import Behaviour, simulate_job, simulate_neighbour

# Begun so shortly before a boundary, a job can't know that it has a window to lose: how much was
# left is reported by the benchmark, not bounded.
TOO_LATE_TO_KNOW = 1.5


@pytest.mark.parametrize(
    ("limit", "windows", "seeds"),
    [
        (10, 2, 60),
        (10, 4, 40),
        (10, 40, 20),
        (250, 2, 12),
        (250, 4, 8),
        (250, 40, 1),
        (5000, 2, 1),
    ],
)
def test_no_throttling_and_no_waste(limit: int, windows: int, seeds: int) -> None:
    """A lone client is never rejected, and is as fast as 1.02 of the greedy ideal and 1.5 s."""
    for seed in range(seeds):
        result = simulate_job(limit, int((windows + 0.5) * limit), seed)
        assert result.rejected == 0
        if result.left_in_first_window > TOO_LATE_TO_KNOW:
            assert result.in_bounds, result


@pytest.mark.parametrize("count_at_end", [False, True])
@pytest.mark.parametrize("limit", [10, 250])
def test_no_throttling_by_two_machines(limit: int, count_at_end: bool) -> None:
    """Two machines that differ by the slack, counting early or late, reject nothing either."""
    for seed in range(10):
        result = simulate_job(
            limit, 5 * limit // 2, seed, node_spread=0.1, count_at_end=count_at_end
        )
        assert result.rejected == 0


@pytest.mark.parametrize("behaviour", ["steady", "burst"])
@pytest.mark.parametrize(("limit", "seeds"), [(10, 20), (250, 4), (1000, 1)])
def test_good_neighbour(limit: int, behaviour: Behaviour, seeds: int) -> None:
    """Who takes 30 % gets at least 90 % of it, we 90 % of the rest, and few are rejected."""
    fates = [simulate_neighbour(limit, behaviour, seed) for seed in range(seeds)]
    assert mean(fate.neighbour for fate in fates) >= 0.9
    assert mean(fate.ours for fate in fates) >= 0.9
    if limit >= 250:
        assert max(fate.rejected for fate in fates) <= 0.01
    else:
        assert max(fate.rejected_a_window for fate in fates) <= 1
