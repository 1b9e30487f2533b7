"""One rival through one small scenario: what it claims is held against what the service holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from benchmarks import compare
from benchmarks.emulated import CREATE
from benchmarks.scenarios import QUICK, SCENARIOS, Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A rate that makes no job longer.
RATE = 1e6


def scenario(rows: int, faults: Mapping[str, float] | None = None, **others: object) -> Scenario:
    """Return a scenario in which ten devices a window can be made."""
    return Scenario(
        key="small",
        title="small",
        limits={CREATE: 10},
        minute=60.0,
        phase=0.0,
        rows=rows,
        faults=faults or {},
        **others,  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def _begin_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin wherever the window is: it is not what these tests are about."""

    def now(_: Scenario, *, ahead: float) -> float:
        del ahead
        return 0.0

    monkeypatch.setattr(compare, "_next_moment", now)


def test_what_is_refused_and_given_up_is_lost() -> None:
    """The official SDK does not wait: of 25 rows ten are made, or twenty across a boundary."""
    found = compare.measure(scenario(25), "official Python SDK", RATE)

    assert found.made in range(10, 21)
    assert found.made == found.reported
    assert 25 - found.made == found.rejected == found.lost == found.missing
    assert (0, 0) == (found.doubled, found.unknown_tokens)
    assert 25 == found.requests
    assert found.cpu_us > 0
    assert found.memory_mb > 10


def test_an_answer_that_is_lost_leaves_a_device_that_nobody_knows() -> None:
    """A device that was made, and whose answer never came, is not known, and its row is lost."""
    small = scenario(5, {"reset-after-commit": 1.0})
    found = compare.measure(small, "official Python SDK", RATE)

    assert (5, 0, 5, 5) == (found.made, found.reported, found.unknown_tokens, found.lost)
    assert (0, 0, 0) == (found.missing, found.doubled, found.rejected)
    assert 5 == sum(found.failures.values())


def test_tagodev_takes_the_same_road() -> None:
    """A rival in Python is run, watched and judged by the same harness, whoever it is."""
    found = compare.measure(scenario(5), "tagodev", RATE)

    assert (5, 5, 0, 0) == (found.made, found.reported, found.lost, found.rejected)


def test_the_neighbour_is_told_apart() -> None:
    """What the other client made and was refused is not the rival's."""
    # It asks three times before the rival has begun, and the limit is never reached.
    small = attrs.evolve(scenario(2, neighbour=0.3), limits={CREATE: 1000}, minute=2.0)
    found = compare.measure(small, "official Python SDK", RATE)

    assert (2, 2, 2, 0) == (found.made, found.reported, found.requests, found.rejected)
    assert found.neighbour_got == found.neighbour_asked


@pytest.mark.parametrize("scenarios", [QUICK, SCENARIOS], ids=["quick", "full"])
def test_scenarios_can_be_run(scenarios: tuple[Scenario, ...]) -> None:
    """Each has a name of its own, and options that the emulator takes."""
    keys = [one.key for one in scenarios]
    assert len(keys) == len(set(keys))
    for one in scenarios:
        assert one.limit == one.emulator(1).hard_limits.limit(CREATE)
        assert one.hard_limits.limit(CREATE) == one.limit - round(one.limit * one.neighbour)
