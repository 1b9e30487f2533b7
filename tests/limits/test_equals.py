"""Clients of one profile without a common ledger, and soft limits: promises with few seeds.

``benchmarks/equals.py`` and ``benchmarks/soft_limits.py`` run the same at length.
"""

from __future__ import annotations

import pytest

from benchmarks.equals import Equals
from benchmarks.soft_limits import simulate


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("limit", "clients"), [(10, 3), (10, 8), (250, 3)])
def test_equals_come_to_equal_parts(limit: int, clients: int, together: bool) -> None:
    """They use the whole limit, get few 429s, and make up for one that leaves."""
    run = Equals(limit, clients, seed=1, together=together).run()
    assert run.jain >= 0.95
    assert run.used >= 0.95
    assert run.made_up_in <= 10
    if limit >= 250:
        assert run.rejected <= 0.01
    else:
        assert run.rejected_a_window <= 1


def test_a_soft_limit_of_one_device_costs_the_others_nothing() -> None:
    """They lose no more than one in a hundred of what they would have got."""
    others, limited, refused = simulate(devices=20, limit=1000, soft=10, windows=4)
    # The window in which it is noticed has been used up by others.
    assert [10, 10, 10] == limited[1:]
    assert min(others) >= 0.99 * (1000 - 10)
    # No more than are in flight, each window.
    assert refused <= 5 * 8
