"""The emulator's registers: kept by id, by variable, by time."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from tagodev.emulator._model.data_store import DeviceData, Point, Traffic, in_order
from tagodev.emulator._model.store import Device

times = st.integers(0, 20).map(float)
variables = st.sampled_from("abc")


def point(number: int, variable: str = "a", time: float = 0.0, **fields: Any) -> Point:
    """Return a register that is not kept yet."""
    return Point(
        id=f"{number:024x}", variable=variable, time=time, created_at=0.0, group="g", **fields
    )


def device(**fields: Any) -> Device:
    """Return a device of any type."""
    usual = {"id": "d", "profile": "p", "name": "n", "network": "n", "connector": "c"}
    return Device(**{**usual, "created_at": 0.0, "updated_at": 0.0, **fields})


class DataMachine(RuleBasedStateMachine):
    """A device's data beside a plain list of everything that is in it."""

    points = Bundle("points")

    def __init__(self) -> None:
        super().__init__()
        self.data = DeviceData()
        self.model: list[Point] = []
        self.made = 0

    @rule(target=points, sent=st.lists(st.tuples(variables, times), max_size=4))
    def add(self, sent: list[tuple[str, float]]) -> Any:
        """Send registers together."""
        arrived = []
        for variable, time in sent:
            self.made += 1
            arrived.append(point(self.made, variable, time))
        self.data.add(arrived)
        self.model += arrived
        return multiple(*arrived)

    @rule(known=points, variable=st.none() | variables, time=st.none() | times)
    def change(self, known: Point, variable: str | None, time: float | None) -> None:
        """Edit one that is still there."""
        if self.data.get(known.id) is None:
            return
        wanted = {"variable": variable, "time": time, "value": 5}
        self.data.change(known, {k: v for k, v in wanted.items() if v is not None})
        assert 5 == known.value

    @rule(known=st.lists(points, max_size=4, unique=True))
    def remove(self, known: list[Point]) -> None:
        """Delete those that are still there."""
        gone = [one for one in known if self.data.get(one.id) is not None]
        self.data.remove(gone)
        self.model = [one for one in self.model if one not in gone]

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        """Everything is found by id, and in the order of arrival."""
        assert len(self.model) == len(self.data)
        assert self.model == list(self.data)
        assert self.model == [self.data.get(one.id) for one in self.model]

    @invariant()
    def series_are_sorted(self) -> None:
        """Each variable that is there has its registers by time, equals as they arrived."""
        found = self.data.variables()
        assert {one.variable for one in self.model} == set(found)
        for variable, series in found.items():
            mine = [one for one in self.model if one.variable == variable]
            assert sorted(mine, key=lambda one: (one.time, one.number)) == list(series)

    @rule(variable=variables, start=times, end=times)
    def spans_are_cut_out_of_series(self, variable: str, start: float, end: float) -> None:
        """Cut exactly what lies within, both ends included, in either direction."""
        whole = list(self.data.variables().get(variable, []))
        cut = [one for one in whole if start <= one.time <= end]
        assert cut == list(self.data.span(variable, start, end))
        assert cut[::-1] == list(self.data.span(variable, start, end, newest_first=True))


DataMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestData = DataMachine.TestCase


@given(st.lists(st.tuples(variables, times)), st.booleans())
def test_series_are_merged_by_time(sent: list[tuple[str, float]], newest_first: bool) -> None:
    """Merging the spans of all variables sorts everything by time and arrival."""
    data = DeviceData()
    data.add(point(number, *one) for number, one in enumerate(sent))
    spans = [data.span(variable, newest_first=newest_first) for variable in data.variables()]

    wanted = sorted(data, key=lambda one: (one.time, one.number), reverse=newest_first)
    assert wanted == list(in_order(spans, newest_first=newest_first))


def test_whole_span_needs_no_ends() -> None:
    """Without ends a span is all there is; an unknown variable has none."""
    data = DeviceData()
    data.add([point(1, time=3.0), point(2, time=1.0)])

    assert [1.0, 3.0] == [one.time for one in data.span("a")]
    assert [1.0, 3.0] == [one.time for one in data.span("a", -math.inf, math.inf)]
    assert [] == list(data.span("b"))


@pytest.mark.parametrize(
    ("fields", "mutable"),
    [
        ({"type": "mutable"}, True),
        ({"type": "immutable"}, False),
        ({"type": "hybrid"}, False),
        ({"type": "hybrid", "mutable_variable_regex": "^set_"}, False),
        ({"type": "hybrid", "mutable_variable_regex": "tem"}, True),
    ],
)
def test_device_decides_what_is_mutable(fields: dict[str, Any], mutable: bool) -> None:
    """A hybrid device keeps as mutable what its expression is found in."""
    assert mutable is device(**fields).is_mutable("temperature")


def test_traffic_is_counted_by_the_hour() -> None:
    """Received and given add up within an hour, and are summed over hours."""
    traffic = Traffic()
    traffic.count(3600.0, received=2)
    traffic.count(7199.9, received=1, given=5)
    traffic.count(7200.0, given=7)

    assert {1: (3, 5), 2: (0, 7)} == traffic.hours
    assert (3, 12) == traffic.between(0.0, 10_000.0)
    assert (3, 5) == traffic.between(3600.0, 7200.0)
