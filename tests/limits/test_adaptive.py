"""Learning what others take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.limits.adaptive import Learner, tail


def window(
    learner: Learner, number: int, accepted: int, *, full: bool, in_tail: bool = True
) -> None:
    """Let a window pass in which so many of our requests were accepted."""
    if learner.window != number:
        learner.roll(number)
    for _ in range(accepted):
        learner.accept(number)
    if full:
        learner.reject(number, in_tail=in_tail)


def seasoned(limit: int = 100, taken: int = 30) -> Learner:
    """Return a learner that has met others in two whole windows, late in the second."""
    learner = Learner(limit)
    window(learner, 0, limit, full=False)
    window(learner, 1, limit - taken, full=True)
    window(learner, 2, limit - taken, full=True)
    learner.roll(3)
    return learner


def test_alone_the_whole_limit_is_ours() -> None:
    """Without a 429 nothing is spread and nothing is left out."""
    learner = Learner(100)
    for number in range(5):
        window(learner, number, 100, full=False)
    assert (learner.budget, learner.spreads, learner.others) == (100, False, None)


def test_others_have_what_we_did_not_get() -> None:
    """A full window measures the others exactly, and a headroom is left beside them."""
    learner = seasoned(100, 30)
    assert learner.others == 30
    assert (learner.budget, learner.spreads) == (69, True)


def test_one_cut_a_window() -> None:
    """A hundred rejections of one window count as one."""
    learner = seasoned(100, 30)
    before = learner.budget
    for _ in range(100):
        learner.reject(3, in_tail=True)
    assert before == learner.budget


def test_a_window_joined_halfway_starts_the_spreading_only() -> None:
    """What was used before we came is not taken for what others always use."""
    learner = Learner(100)
    window(learner, 7, 0, full=True)
    learner.roll(8)
    assert learner.spreads
    assert learner.budget >= 85


def test_growth_after_clean_windows() -> None:
    """When the others are gone, the whole limit is ours again within a dozen windows."""
    learner = seasoned(5000, 1500)
    number = 3
    while learner.others is not None and number < 20:
        accepted = learner.with_probes
        window(learner, number, accepted, full=False)
        number += 1
        learner.roll(number)
    assert (learner.budget, learner.spreads) == (5000, False)


def test_a_window_that_is_not_used_up_teaches_nothing() -> None:
    """Little demand says nothing of what others take."""
    learner = seasoned(100, 30)
    window(learner, 3, 10, full=False)
    learner.roll(4)
    assert learner.others == 30


def test_what_was_learned_long_ago_is_void() -> None:
    """After many windows without a look the limit is ours until proven otherwise."""
    learner = seasoned(100, 30)
    learner.roll(50)
    assert learner.others is None


def test_full_before_the_tail_means_somebody_was_short() -> None:
    """A window that filled early makes the estimate go on beyond what was measured."""
    early, late = seasoned(100, 20), seasoned(100, 20)
    window(early, 3, 70, full=True, in_tail=False)
    window(late, 3, 70, full=True, in_tail=True)
    early.roll(4)
    late.roll(4)
    assert (early.others, late.others) == (40, 30)


@pytest.mark.parametrize(("share", "ceiling"), [(1.0, 100), (0.5, 50), (0.001, 1)])
def test_share_is_a_ceiling_and_spreads(share: float, ceiling: int) -> None:
    """A share below 1 is never exceeded, and is spread from the first window on."""
    learner = Learner(100, share=share)
    assert (ceiling, ceiling, share < 1) == (learner.budget, learner.with_probes, learner.spreads)


@given(
    st.integers(1, 5000),
    st.floats(0.001, 1),
    st.lists(st.tuples(st.integers(0, 5000), st.booleans(), st.booleans()), max_size=40),
)
def test_budget_is_always_between_one_and_our_share(
    limit: int, share: float, history: list[tuple[int, bool, bool]]
) -> None:
    """Whatever windows pass, we never stop asking and never exceed what is ours."""
    learner = Learner(limit, share=share)
    for number, (accepted, full, in_tail) in enumerate(history):
        window(learner, number, min(accepted, limit), full=full, in_tail=in_tail)
        assert 1 <= learner.budget <= learner.with_probes <= learner.ceiling <= limit


@pytest.mark.parametrize("minute", [0.5, 1.0, 6.0, 10.0, 60.0])
def test_the_tail_is_a_small_part_of_the_window(minute: float) -> None:
    """Probing takes at most a tenth of a window, however short it is."""
    assert 0 < tail(minute) <= minute / 10
