"""What the emulator answers to each mode of a query of data."""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator._http.query import decode
from tagodev.emulator._model.data_aggregate import aggregate, number, records
from tagodev.emulator._model.data_query import NUMBERS, RECORDS, DataQuery, parse
from tagodev.emulator._model.data_store import DeviceData, Point

#: 2024-08-15T12:00:00Z.
NOW = 1_723_723_200.0
DAY = 86_400.0


def read(text: str) -> DataQuery:
    """Read a query string."""
    return parse(decode(quote(text, safe="=&%+")), NOW)


def filled(*points: dict[str, Any]) -> DeviceData:
    """Return the data of a device that was sent these, in this order."""
    data = DeviceData()
    data.add(
        Point(
            **{
                "id": f"{place}",
                "variable": "t",
                "time": NOW,
                "created_at": NOW,
                "group": "g",
                **point,
            }
        )
        for place, point in enumerate(points)
    )
    return data


def ids(data: DeviceData, text: str) -> list[int]:
    """Return the places in the order of sending of the registers that a query means."""
    return [int(point.id) for point in records(data, read(text))]


def test_default_is_the_latest_fifteen() -> None:
    """Without parameters the newest come first, by their time, not by their arrival."""
    data = filled(*({"time": NOW + (place * 7) % 20} for place in range(20)))

    wanted = sorted(range(20), key=lambda place: -((place * 7) % 20))
    assert wanted[:15] == ids(data, "")
    assert wanted[3:8] == ids(data, "skip=3&qty=5")
    assert wanted[::-1][:2] == ids(data, "ordination=ascending&qty=2")
    assert [] == ids(data, "qty=0")


def test_quantity_is_of_each_variable_that_is_named() -> None:
    """Several variables give so many each, in one list by time; without names so many in all."""
    data = filled(*({"time": NOW + place, "variable": "abc"[place % 3]} for place in range(12)))

    assert [10, 9, 7, 6] == ids(data, "variables=a&variables=b&qty=2")
    assert [7, 6, 4, 3] == ids(data, "variables=a&variables=b&qty=2&skip=1")
    assert [9, 6] == ids(data, "variables=a&qty=2")
    assert [11, 10] == ids(data, "qty=2")
    assert [] == ids(data, "variables=d")


def test_one_answer_has_at_most_ten_thousand_registers() -> None:
    """Where variables times quantity would be more, each variable gives its share."""
    data = filled(*({"variable": "abc"[place % 3]} for place in range(12_000)))

    assert 10_000 == len(ids(data, "qty=99999"))
    assert 3333 * 3 == len(ids(data, "variables=a&variables=b&variables=c&qty=5000"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("groups=x", [0]),
        ("groups=x&groups=y", [1, 0]),
        ("ids=2&ids=0&ids=nobody", [2, 0]),
        ("ids=2&ids=0&variables=t", [0]),
        ("values=25", [4, 3, 0]),
        ("values=25.0", [0]),
        ("values=true", [2]),
        ("values=True", [2]),
        ("values=on&values=1e2", [5, 1]),
        ("start_date=2024-08-15T12:00:01Z&end_date=2024-08-15T12:00:03Z", [3, 2, 1]),
        ("ids=0&ids=1&ids=2&start_date=2024-08-15T12:00:01Z", [2, 1]),
        ("query=count", 6),
        ("query=count&values=25", 3),
        ("query=count&variables=nobody", 0),
    ],
)
def test_filters_let_through_what_they_describe(text: str, found: Any) -> None:
    """A value is found by its words or by what they amount to; a date is found with itself."""
    data = filled(
        {"group": "x", "value": 25},
        {"group": "y", "value": "on"},
        {"variable": "flag", "value": True},
        {"value": "25"},
        {"value": "25"},
        {"value": 100.0},
    )
    for place, point in enumerate(list(data)):
        data.change(point, {"time": NOW + place})

    query = read(text)
    answer = number(data, query) if query.mode in NUMBERS else ids(data, text)
    assert found == answer


def test_first_and_last_are_one_of_each_variable() -> None:
    """By time or by arrival, and only of what has a value or a place if that is asked for."""
    data = filled(
        {"time": NOW + 5, "value": 1},
        {"time": NOW + 1, "location": (1.0, 2.0)},
        {"time": NOW + 9},
        {"time": NOW + 3, "value": 2, "location": (3.0, 4.0)},
        {"time": NOW + 4, "variable": "u"},
        {"time": NOW + 2, "variable": "u", "value": 3},
    )

    assert [2, 4] == ids(data, "query=last_item")
    assert [1, 5] == ids(data, "query=first_item&ordination=ascending")
    assert [0, 5] == ids(data, "query=last_value")
    assert [3, 5] == ids(data, "query=first_value")
    assert [3] == ids(data, "query=last_location")
    assert [1] == ids(data, "query=first_location")
    assert [3, 5] == ids(data, "query=last_insert")
    assert [0, 4] == ids(data, "query=first_insert")
    assert [2] == ids(data, "query=last_item&variables=t")
    assert [3] == ids(data, "query=last_item&variables=t&end_date=2024-08-15T12:00:04Z")


def test_least_and_greatest_are_of_each_variable_too() -> None:
    """Only numbers are compared: neither text that looks like one nor booleans."""
    data = filled(
        {"value": 5},
        {"value": -2.5},
        {"value": "99"},
        {"value": True, "variable": "flag"},
        {"value": 7, "variable": "u"},
    )

    assert [4, 1] == ids(data, "query=min")
    assert [4, 0] == ids(data, "query=max")
    assert [1] == ids(data, "query=min&variables=t")


@pytest.mark.parametrize(("mode", "answer"), [("count", 5), ("sum", 5), ("avg", 1.25)])
def test_numbers_are_bare(mode: str, answer: float) -> None:
    """A number is of all that is meant, and whole where it is whole."""
    data = filled({"value": 1}, {"value": 2.5}, {"value": 1.5}, {"value": "x"}, {"value": 0})

    found = number(data, read(f"query={mode}&start_date=1 day"))
    assert (answer, type(answer)) == (found, type(found))


def test_number_of_nothing_is_nought() -> None:
    """There is always an answer, and JSON always has a form for it."""
    assert 0 == number(filled(), read("query=avg&start_date=1 day"))
    assert 0 == number(filled({"value": "x"}), read("query=sum&start_date=1 day"))
    huge = filled({"value": 1e308}, {"value": 1e308})
    assert math.isfinite(number(huge, read("query=sum&start_date=1 day")))


@pytest.mark.parametrize(
    ("function", "found"),
    [("gt", [3]), ("gte", [3, 2]), ("lt", [1]), ("lte", [2, 1]), ("eq", [2]), ("ne", [3, 1])],
)
def test_conditions_compare_numbers(function: str, found: list[int]) -> None:
    """What is no number meets no condition, not even being unequal."""
    data = filled({"value": "9"}, {"value": 4}, {"value": 5.0}, {"value": 6}, {"value": True}, {})
    for place, point in enumerate(list(data)):
        data.change(point, {"time": NOW + place})
    text = f"query=conditional&start_date=1 day&value=5&function={function}"

    assert found == ids(data, text)
    assert found[:1] == ids(data, f"{text}&qty=1")


@pytest.mark.parametrize(
    ("interval", "times"),
    [
        ("minute", ["2024-08-15T12:00", "2024-08-15T12:01", "2024-08-15T13:00"]),
        ("hour", ["2024-08-15T12:00", "2024-08-15T13:00"]),
        ("day", ["2024-08-15T00:00"]),
        ("month", ["2024-08-01T00:00"]),
        ("quarter", ["2024-07-01T00:00"]),
        ("year", ["2024-01-01T00:00"]),
    ],
)
def test_aggregate_tells_each_interval_with_values(interval: str, times: list[str]) -> None:
    """An interval is told by its beginning, newest first; one without numbers is not told."""
    data = filled(
        {"value": 1},
        {"value": 2, "time": NOW + 59.999},
        {"value": 3, "time": NOW + 60},
        {"value": 4, "time": NOW + 3600, "variable": "u"},
        {"value": "x", "time": NOW + 9 * DAY},
    )
    told = aggregate(data, read(f"query=aggregate&function=max&interval={interval}"))

    assert [f"{time}:00.000Z" for time in reversed(times)] == [item["time"] for item in told]
    assert 4 == told[0]["value"]


@pytest.mark.parametrize(
    ("function", "values"),
    [("sum", [3, 3]), ("avg", [1.5, 3]), ("min", [1, 3]), ("max", [2, 3])],
)
def test_aggregate_sums_up(function: str, values: list[float]) -> None:
    """The values of an interval become one."""
    data = filled({"value": 1}, {"value": 2}, {"value": 3, "time": NOW + 60})
    text = f"query=aggregate&interval=minute&ordination=ascending&function={function}"

    assert values == [item["value"] for item in aggregate(data, read(text))]
    assert values[1:] == [item["value"] for item in aggregate(data, read(f"{text}&skip=1&qty=5"))]


def test_intervals_are_of_the_zone() -> None:
    """A day of Berlin begins two hours before the day of UTC in summer."""
    data = filled({"value": 1})
    text = "query=aggregate&interval=day&function=sum&timezone=Europe/Berlin"

    assert "2024-08-14T22:00:00.000Z" == aggregate(data, read(text))[0]["time"]


points = st.fixed_dictionaries(
    {
        "variable": st.sampled_from("abc"),
        "time": st.integers(0, 30).map(lambda second: NOW + second),
        "group": st.sampled_from("xy"),
        "value": st.none() | st.integers(-3, 3) | st.booleans() | st.sampled_from(["2", "on"]),
    },
    optional={"location": st.just((1.0, 2.0))},
)
queries = st.fixed_dictionaries(
    {
        "variables": st.lists(st.sampled_from("abc"), unique=True).map(tuple),
        "groups": st.sampled_from([frozenset(), frozenset("x"), frozenset("xy")]),
        "start": st.sampled_from([-math.inf, NOW, NOW + 10]),
        "end": st.sampled_from([math.inf, NOW + 30, NOW + 15]),
        "qty": st.none() | st.integers(0, 20),
        "skip": st.integers(0, 5),
        "ascending": st.booleans(),
    }
)


def meant(data: DeviceData, query: DataQuery) -> dict[str, list[Point]]:
    """Return what a query's filters let through, by variable, the newest first."""
    found = defaultdict(list)
    for point in sorted(data, key=operator.attrgetter("time", "number"), reverse=True):
        if (
            (not query.variables or point.variable in query.variables)
            and (not query.groups or point.group in query.groups)
            and query.start <= point.time <= query.end
        ):
            found[point.variable].append(point)
    return found


@given(st.lists(points, max_size=40), queries)
def test_default_agrees_with_a_plain_list(sent: list[Any], fields: dict[str, Any]) -> None:
    """Sorting everything and cutting pieces out of it gives the same."""
    data, query = filled(*sent), DataQuery(**fields)
    by_variable = meant(data, query)
    if len(query.variables) <= 1:
        by_variable = {"": [point for points in by_variable.values() for point in points]}
    page = slice(query.skip, query.skip + (15 if query.qty is None else query.qty))
    wanted = []
    for series in by_variable.values():
        series.sort(key=operator.attrgetter("time", "number"), reverse=not query.ascending)
        wanted += series[page]
    wanted.sort(key=operator.attrgetter("time", "number"), reverse=not query.ascending)

    assert wanted == records(data, query)


@given(st.lists(points, max_size=40), queries, st.sampled_from(sorted(RECORDS)))
def test_other_modes_choose_among_what_is_meant(
    sent: list[Any], fields: dict[str, Any], mode: str
) -> None:
    """Whatever the mode, what it gives passed the filters, is given once, and stands in order."""
    data = filled(*sent)
    query = DataQuery(**fields, mode=mode, function="ne", threshold=1.0)
    allowed = [point for series in meant(data, query).values() for point in series]
    found = records(data, query)

    assert all(point in allowed for point in found)
    assert len({point.id for point in found}) == len(found)
    order = operator.attrgetter("time", "number")
    assert sorted(found, key=order, reverse=not query.ascending) == found
    if mode not in {"default", "conditional"}:
        assert len({point.variable for point in found}) == len(found)


@given(st.lists(points, max_size=40), queries)
def test_intervals_add_up_to_the_whole(sent: list[Any], fields: dict[str, Any]) -> None:
    """The sums of all minutes are the sum; the latest minute's is of its values only."""
    data = filled(*sent)
    fields = {**fields, "qty": None, "skip": 0}
    minutes = aggregate(
        data, DataQuery(**fields, mode="aggregate", function="sum", interval="minute")
    )

    assert number(data, DataQuery(**fields, mode="sum")) == sum(one["value"] for one in minutes)
    moments = [datetime.fromisoformat(one["time"]).astimezone(UTC) for one in minutes]
    assert all(moment.second == 0 for moment in moments)
    assert sorted(moments, reverse=not fields["ascending"]) == moments
