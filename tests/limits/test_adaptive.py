"""Our part of a limit that other clients use too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._limits.adaptive import ADDS_FROM, FIRST_PART, TRIAL_EVERY, AdaptiveShare, tail


def window(share: AdaptiveShare, number: int, accepted: int, *, full: bool) -> None:
    """Let a window pass in which so many of our requests were accepted, and perhaps one not."""
    if share.window != number:
        share.roll(number, float(number))
    share.held = True
    for _ in range(accepted):
        share.accept(number + 0.5)
    if full:
        share.reject(number + 0.5)


def beside(limit: int = 100, part: float = 70.0) -> AdaptiveShare:
    """Return a share that has found its part, in the window after a trial."""
    share = AdaptiveShare(limit)
    window(share, 10, 0, full=False)
    share.part = part
    share.roll(11, 11.0)
    return share


def test_alone_the_whole_limit_is_ours() -> None:
    """Without a 429 nothing is spread and nothing is left out."""
    share = AdaptiveShare(100)
    for number in range(12):
        window(share, number, 100, full=False)
        assert (100, False, None) == (share.budget, share.spreads, share.others)


def test_the_first_429_is_no_measure() -> None:
    """What others need is not known from a burst: spreading begins, with most of the limit."""
    share = AdaptiveShare(100)
    window(share, 1, 3, full=True)
    share.roll(2, 2.0)
    assert (True, FIRST_PART * 100) == (share.spreads, share.part)


@pytest.mark.parametrize(("accepted", "part"), [(69, 69), (40, 40), (20, 35), (0, 35)])
def test_a_429_reduces_the_part(accepted: int, part: float) -> None:
    """To what was accepted, at most by half; a hundred 429s of one window count as one."""
    share = beside(part=70)
    window(share, 11, accepted, full=True)
    for _ in range(100):
        share.reject(11.5)
    share.roll(12, 12.0)
    assert part == share.part


def test_between_trials_a_part_stays() -> None:
    """Without a 429 nothing is changed, whether it was used up or not."""
    share = beside(part=70)
    for number, accepted in ((11, 70), (12, 5), (13, 70), (14, 0)):
        window(share, number, accepted, full=False)
    share.roll(15, 15.0)
    assert 70 == share.part


def test_a_trial_sends_half_and_adds_the_same_whatever_the_part() -> None:
    """The decrease depends on the part, the increase on the limit only."""
    shares = [beside(1000, part) for part in (100.0, 700.0)]
    for share in shares:
        share.roll(3 * TRIAL_EVERY, 15.0)
    small, large = shares
    assert (True, True) == (small.trial, large.trial)
    assert (50, 347) == (small.budget, large.budget)
    assert (50, 347) == (small.allowed(0.4), large.allowed(0.4))
    assert (1000, 1000) == (small.allowed(ADDS_FROM), large.allowed(ADDS_FROM))
    assert (100, 694) == (small.rate(0.4), large.rate(0.4))
    assert small.rate(ADDS_FROM) == large.rate(ADDS_FROM) > 1000


def test_a_trial_shows_the_part() -> None:
    """What was accepted in it is ours."""
    share = beside(part=70)
    window(share, 3 * TRIAL_EVERY, 55, full=True)
    share.roll(16, 16.0)
    assert (55, False) == (share.part, share.trial)


def test_a_trial_without_a_429_is_repeated() -> None:
    """Until the part is the whole limit; after a whole window of that we are alone."""
    share = beside(part=30)
    number = 3 * TRIAL_EVERY
    for accepted in (75, 90, 100):
        window(share, number, accepted, full=False)
        assert share.trial
        number += 1
    window(share, number, 100, full=False)
    assert (False, 100) == (share.trial, share.part)
    share.roll(number + 1, number + 1.0)
    assert (None, False, 100) == (share.part, share.spreads, share.budget)


def test_who_needs_less_than_its_part_tries_nothing() -> None:
    """A trial in which nothing was held back shows nothing."""
    share = beside(part=70)
    window(share, 3 * TRIAL_EVERY, 5, full=False)
    share.held = False
    share.roll(16, 16.0)
    assert (70, False) == (share.part, share.trial)


def test_what_was_learned_long_ago_is_void() -> None:
    """After many windows without a request the limit is ours until proven otherwise."""
    share = beside()
    share.roll(50, 50.0)
    assert share.part is None


@pytest.mark.parametrize(("count", "first"), [(3, 1.0), (8, 1.0), (8, 0.63)])
def test_equals_converge(count: int, first: float) -> None:
    """Four trials bring a division as unequal as can be to a Jain index of 0.95."""
    parts = [first, *((1 - first) / (count - 1),) * (count - 1)]
    for _ in range(4):
        parts = [part / 2 + 0.5 / count for part in parts]
    assert sum(parts) ** 2 / (count * sum(part**2 for part in parts)) >= 0.95


@pytest.mark.parametrize(("share", "ceiling"), [(1.0, 100), (0.5, 50), (0.001, 1)])
def test_share_is_a_ceiling_and_spreads(share: float, ceiling: int) -> None:
    """A share below 1 is never exceeded, and is spread from the first window on."""
    ours = AdaptiveShare(100, share=share)
    ours.roll(1, 1.0)
    assert (ceiling, ceiling, share < 1) == (ours.budget, ours.allowed(0.9), ours.spreads)


def test_small_parts_alternate() -> None:
    """What is less than a request goes with a later window."""
    share = beside(10, 2.5)
    budgets = []
    for number in range(11, 15):
        window(share, number, 0, full=False)
        budgets.append(share.budget)
    assert 10 == sum(budgets)


@pytest.mark.parametrize(("headroom", "budget"), [(None, 693), (0, 700), (30, 670)])
def test_headroom_is_left_of_the_part(headroom: int | None, budget: int) -> None:
    """One per cent of the part, unless it is said."""
    share = AdaptiveShare(1000, headroom=headroom)
    share.part = 700.0
    share.roll(11, 11.0)
    assert budget == share.budget


@given(
    st.integers(1, 5000),
    st.floats(0.001, 1),
    st.lists(st.tuples(st.integers(0, 5000), st.booleans(), st.integers(1, 3)), max_size=40),
)
def test_budget_is_always_between_one_and_our_share(
    limit: int, part: float, history: list[tuple[int, bool, int]]
) -> None:
    """Whatever windows pass, we never stop asking and never exceed what is ours."""
    share = AdaptiveShare(limit, share=part)
    number = 0
    for accepted, full, later in history:
        number += later
        window(share, number, min(accepted, share.ceiling), full=full)
        assert 1 <= share.budget <= share.allowed(0.9) <= share.ceiling


@pytest.mark.parametrize(("seconds", "length"), [(60.0, 1.2), (12.0, 0.5), (1.0, 0.1)])
def test_the_tail_leaves_time_for_answers(seconds: float, length: float) -> None:
    """A fiftieth of a window, half a second at least where windows are long enough."""
    assert length == pytest.approx(tail(seconds))
