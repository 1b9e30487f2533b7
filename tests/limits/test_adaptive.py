"""Learning what others take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._limits.adaptive import Learner, tail


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


@pytest.mark.parametrize(
    ("budget", "limit", "headroom"),
    [(70, 100, 0), (65, 100, 5), (69, 100, None), (168, 201, None), (168, 202, None)],
)
def test_headroom(budget: int, limit: int, headroom: int | None) -> None:
    """The headroom is the configured one, or 1 % of the limit, rounded up."""
    learner = Learner(limit, headroom=headroom)
    taken = 30 if limit < 202 else 31
    for number in range(3):
        window(learner, number, limit - taken if number else limit, full=number > 0)
    learner.roll(3)
    assert budget == learner.budget


def test_after_a_gap_a_window_is_joined_halfway() -> None:
    """What was rejected in the first window after a while of silence measures nothing."""
    learner = Learner(100)
    for number in range(3):
        window(learner, number, 100, full=False)
    window(learner, 6, 20, full=True)
    learner.roll(7)
    assert 10 == learner.others
    window(learner, 7, 60, full=True)
    learner.roll(8)
    assert 40 == learner.others


@pytest.mark.parametrize(("gap", "known"), [(10, True), (11, False)])
def test_how_long_is_long_ago(gap: int, known: bool) -> None:
    """Ten windows without a look are forgiven."""
    learner = seasoned(100, 30)
    learner.roll(3 + gap)
    assert known == (learner.others is not None)


def give(learner: Learner, number: int, probes: int) -> float | None:
    """Let a window pass in which the budget and so many probes were accepted."""
    window(learner, number, learner.budget + probes, full=False)
    learner.roll(number + 1)
    return learner.others


def test_a_window_joined_halfway_says_a_tenth() -> None:
    """Until a whole window was seen, others are thought to take a tenth."""
    learner = Learner(100)
    window(learner, 7, 95, full=True)
    learner.roll(8)
    assert (10, 89) == (learner.others, learner.budget)
    small = Learner(5)
    window(small, 7, 4, full=True)
    small.roll(8)
    assert 0.5 == small.others


def test_probes_grow_twice_as_bold_each_window() -> None:
    """Below what was measured each clean window believes twice as much as the one before."""
    learner = seasoned(100, 30)

    assert [28, 24, 16, 0, -32] == [give(learner, 3 + number, 2) for number in range(5)]


def test_a_refusal_makes_probes_small_again() -> None:
    """After a window that was full, the first step is as small as ever."""
    learner = seasoned(100, 30)
    assert [28, 24] == [give(learner, number, 2) for number in (3, 4)]
    window(learner, 5, 76, full=True)
    learner.roll(6)
    assert 24 == learner.others
    assert 22 == give(learner, 6, 2)


def test_above_what_was_measured_half_the_way_goes_at_once() -> None:
    """An estimate beyond the measure comes down by half of the difference, or by the probes."""
    learner = seasoned(100, 20)
    window(learner, 3, 70, full=True, in_tail=False)
    learner.roll(4)
    assert 40 == learner.others
    assert [35, 32.5, 30, 28] == [
        give(learner, 4, 2),
        give(learner, 5, 1),
        # Never below what was measured in the same step.
        give(learner, 6, 9),
        give(learner, 7, 2),
    ]


def test_a_lower_measure_is_half_believed() -> None:
    """What was less this time may be more the next; what was nothing counts as nothing."""
    learner = seasoned(100, 30)
    window(learner, 3, 90, full=True)
    learner.roll(4)
    assert 20 == learner.others
    window(learner, 4, 100, full=True)
    learner.roll(5)
    assert 10 == learner.others


def test_a_rise_goes_on_from_nothing() -> None:
    """Where less than nothing was left to others, their rise is counted from zero."""
    learner = seasoned(100, 30)
    for number in range(3, 8):
        give(learner, number, 2)
    assert -32 == learner.others
    window(learner, 8, 80, full=True, in_tail=False)
    learner.roll(9)
    assert 40 == learner.others


@pytest.mark.parametrize("halfway", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_taking_over_goes_on_as_if_nothing_had_been(halfway: bool, full: bool) -> None:
    """Another learner of the route has the same budget ever after, and its own settings."""
    before = Learner(100)
    if not halfway:
        window(before, 2, 100, full=False)
    window(before, 3, 60, full=full, in_tail=False)
    after = Learner(100)
    after.take_over(before)
    seen = []
    for learner in (before, after):
        window(learner, 3, 5, full=full)
        learner.roll(4)
        window(learner, 4, 50, full=True)
        learner.roll(5)
        seen.append((learner.others, learner.budget, give(learner, 5, 2)))

    assert seen[0] == seen[1]
    sharing = Learner(100, share=0.5)
    sharing.take_over(before)
    assert 50 >= sharing.budget


@pytest.mark.parametrize(
    ("expected", "minute"), [(0.1, 1.0), (0.5, 5.0), (0.5, 25.0), (0.6, 30.0), (1.2, 60.0)]
)
def test_how_long_the_tail_is(expected: float, minute: float) -> None:
    """A fiftieth of the window; half a second or a tenth of it where that is more."""
    assert expected == pytest.approx(tail(minute))


@pytest.mark.parametrize("minute", [0.5, 1.0, 6.0, 10.0, 60.0])
def test_the_tail_is_a_small_part_of_the_window(minute: float) -> None:
    """Probing takes at most a tenth of a window, however short it is."""
    assert 0 < tail(minute) <= minute / 10
