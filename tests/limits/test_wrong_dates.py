"""Dates that are wrong, clocks that are set and machines that sleep, as a matrix."""

from __future__ import annotations

from itertools import product
from math import inf
from typing import TYPE_CHECKING

import pytest

from benchmarks.simulation import CREATE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONCURRENCY = 8
#: Answers after which a right clock must be known again.
RECOVERY = 20
#: An error of a second is within the resolution of a date: only answers of different parts of a
#: second contradict it. So seconds are allowed instead of answers: two windows, since all requests
#: of a window may be sent at its opening.
RESOLUTION = 1.0
WITHIN_RESOLUTION = 120.0
STEPS = [sign * size for size in (1.0, 7.0, 30.0, 61.0, 600.0, 3600.0) for sign in (1, -1)]
#: The answers whose date is wrong, by name; the 40th is in the middle of a window.
WRONG: dict[str, range] = {
    "first": range(1, 2),
    "first two": range(1, 3),
    "middle": range(40, 41),
    "repeated": range(40, 46),
    "every third": range(3, 60, 3),
}


class _Watch(World):
    """A world that notes when the clock's bounds do not contain the truth."""

    def __init__(self, limit: int, seed: int) -> None:
        super().__init__(limit, seed, concurrency=CONCURRENCY)
        self.at_answer: dict[int, Callable[[], None]] = {}
        self.seen: list[tuple[float, bool]] = []
        self.date_error = self.note

    def note(self, answer: int) -> float | None:
        """Note whether the clock is right before this answer."""
        self.at_answer.pop(answer, lambda: None)()
        clock, limiter = self.core.clock, self.core._limiters[CREATE.name]
        inside = clock.earliest(self.now) - 0.1 <= self.server_time <= clock.latest(self.now) + 0.1
        self.seen.append((self.now, inside and limiter.windows.distinguishes(self.now)))
        return self.error(answer)

    def error(self, answer: int) -> float | None:
        """Return by how much a date is wrong; None for no date that is evidence."""
        del answer
        return 0.0

    def work(self, answers: int) -> None:
        """Run endless work until so many answers."""

        def again() -> None:
            self.ask(again)

        for _ in range(2 * CONCURRENCY):
            self.ask(again)
        self.dispatch()
        self.run(lambda: self.answers >= answers)

    @property
    def rejected(self) -> int:
        """Requests that the service refused."""
        return sum(self.service.rejected.values())

    def recovers_after(self, answer: int, error: float = inf) -> bool:
        """Return whether the clock is right for good soon after an answer with an error."""
        wrong = [number for number, (_, right) in enumerate(self.seen, 1) if not right]
        last = max([answer, *wrong])
        took = self.seen[last - 1][0] - self.seen[answer - 1][0]
        soon = abs(error) <= RESOLUTION and took <= WITHIN_RESOLUTION
        return last - answer <= RECOVERY or soon


def _cases() -> Iterator[tuple[str, float]]:
    yield from product(WRONG, STEPS)


@pytest.mark.parametrize(("which", "error"), list(_cases()))
@pytest.mark.parametrize("limit", [30, 250])
def test_wrong_dates(limit: int, which: str, error: float) -> None:
    """Few requests are rejected, and soon after the last wrong date the clock is right again."""
    for seed in range(3):
        world = _Watch(limit, seed)
        world.error = lambda answer: error if answer in WRONG[which] else 0.0  # type: ignore[method-assign]
        world.work(180)
        # Where wrong dates never end and agree with right ones, a few more.
        many = abs(error) <= RESOLUTION and which == "every third"
        assert world.rejected <= CONCURRENCY * (3 if many else 1)
        assert world.recovers_after(WRONG[which][-1], error)


@pytest.mark.parametrize("limit", [30, 250])
def test_dates_that_are_no_evidence(limit: int) -> None:
    """What a proxy gives from its cache has no effect: nothing is rejected."""
    for seed in range(3):
        world = _Watch(limit, seed)
        world.error = lambda answer: None if answer % 3 else 0.0  # type: ignore[method-assign]
        world.work(180)
        assert 0 == world.rejected


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("limit", [30, 250])
def test_a_service_whose_clock_is_set(limit: int, step: float) -> None:
    """The new time is known after a few answers, and few requests are rejected."""
    for seed in range(3):
        world = _Watch(limit, seed)

        def set_clock(world: _Watch = world) -> None:
            world.offset += step

        world.at_answer[40] = set_clock
        world.work(180)
        # One that is set back counts in a window that is used up, and again in the next.
        assert world.rejected <= (CONCURRENCY if step > 0 else 2 * CONCURRENCY)
        assert world.recovers_after(40, step)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 28.9, 600.0])
@pytest.mark.parametrize("limit", [30, 250])
def test_a_machine_that_sleeps_with_requests_in_flight(limit: int, seconds: float) -> None:
    """Nothing is rejected, and the clock is right as soon as a later request is answered."""
    for seed in range(6):
        world = _Watch(limit, seed)
        world.at_answer[40] = lambda world=world: world.sleep(seconds)  # type: ignore[misc]
        world.work(180)
        assert 0 == world.rejected
        assert world.recovers_after(40)
