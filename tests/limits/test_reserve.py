"""What bulk work leaves of a window."""

from __future__ import annotations

from tagodev._limits.adaptive import Reserve


def used(reserve: Reserve, window: int, many: int) -> None:
    """Let a window pass in which the interactive priority had so many grants."""
    reserve.roll(window)
    for _ in range(many):
        reserve.count()


def test_nothing_is_kept_for_nobody() -> None:
    """Without interactive requests nothing is reserved."""
    reserve = Reserve(None)
    assert 0 == reserve.left()
    reserve.roll(1)
    assert 0 == reserve.left()


def test_a_fixed_number_is_kept_in_each_window() -> None:
    """Less those that it has had already, and never less than none."""
    reserve = Reserve(3)
    assert 3 == reserve.left()
    used(reserve, 1, 2)
    assert 1 == reserve.left()
    used(reserve, 2, 9)
    assert 0 == reserve.left()
    reserve.roll(3)
    assert 3 == reserve.left()


def test_the_peak_of_five_windows_is_kept() -> None:
    """The largest of the last five; the sixth before is forgotten."""
    reserve = Reserve(None)
    for window, many in enumerate([7, 2, 1, 1, 1], start=1):
        used(reserve, window, many)
    reserve.roll(6)
    assert 7 == reserve.left()
    reserve.roll(7)
    assert 2 == reserve.left()


def test_long_ago_is_forgotten() -> None:
    """After more than five windows in which nothing was asked, nothing is kept."""
    for later, kept in ((6, 4), (7, 0)):
        reserve = Reserve(None)
        used(reserve, 1, 4)
        reserve.roll(later)
        assert kept == reserve.left()
