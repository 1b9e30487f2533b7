"""The fleet in virtual time: nothing is refused, and the limits are used."""

from __future__ import annotations

from benchmarks.fleet import simulate, sizes


def test_profiles_side_by_side() -> None:
    """Two profiles of two processes each: every device is edited once, at the limit."""
    found = simulate(2, 7000, first_seed=1)

    assert (14_000, 0) == (found.requests, found.rejected)
    assert found.full_windows >= 2
    assert found.use > 0.98


def test_each_size_is_ten_times_the_one_before() -> None:
    """Growth is seen over orders of magnitude, down to more than a handful."""
    assert [10, 100, 1000] == sizes(1000)
    assert [10] == sizes(10)
