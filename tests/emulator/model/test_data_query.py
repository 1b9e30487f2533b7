"""How the emulator reads a query of data."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote

import pytest

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import decode
from tagodev.emulator._model.data_query import DataQuery, parse

#: 2024-08-15T12:00:00Z.
NOW = 1_723_723_200.0
DAY = 86_400.0


def read(text: str) -> DataQuery:
    """Read a query string."""
    return parse(decode(quote(text, safe="=&%+")), NOW)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("query=&variables=&qty=", {}),
        ("query=defaultQ", {"mode": "default"}),
        ("query=last_item", {"mode": "last_item"}),
        ("variables=T", {"variables": ("t",)}),
        ("variable[]=a&variable[]=B&variable[]=b", {"variables": ("a", "b")}),
        ("variables[0]=a&variables[1]=b", {"variables": ("a", "b")}),
        ("variables=a&variables=b", {"variables": ("a", "b")}),
        ("group=1", {"groups": frozenset({"1"})}),
        ("series[0]=1&series[1]=2", {"groups": frozenset({"1", "2"})}),
        ("serie=1", {"groups": frozenset({"1"})}),
        ("groups=1&group=2", {"groups": frozenset({"1"})}),
        ("id=x", {"ids": ("x",)}),
        ("ids=x&ids=y&ids=x", {"ids": ("x", "y")}),
        ("value=10", {"values": frozenset({"10"})}),
        ("values[]=10&values[]=on", {"values": frozenset({"10", "on"})}),
        ("qty=0", {"qty": 0}),
        ("qty=10001", {"qty": 10_000}),
        ("skip=20000", {"skip": 20_000}),
        (f"skip={'9' * 5000}", {"skip": 10**18 - 1}),
        ("ordination=ascending", {"ascending": True}),
        ("ordination=ASC", {"ascending": True}),
        ("ordination=desc", {"ascending": False}),
        ("details=True", {"details": True}),
        ("detail=1", {"details": True}),
        ("details=false", {"details": False}),
        ("start_date=2024-08-15T11:00:00Z", {"start": NOW - 3600}),
        ("start_date=2024-08-15 11:00:00", {"start": NOW - 3600}),
        ("start_date=2024-08-15", {"start": NOW - DAY / 2}),
        ("end_date=2024-08-15", {"end": NOW + DAY / 2 - 0.001}),
        ("start_date=2 days&end_date=1 hour", {"start": NOW - 2 * DAY, "end": NOW + 3600}),
        ("start_date=2024-08-15&timezone=Europe/Berlin", {"start": NOW - DAY / 2 - 7200}),
        ("start_date=2024-08-15T12:00&timezone=Europe/Berlin", {"start": NOW - 7200}),
        (
            "query=conditional&function=gte&value=1.5&start_date=1 day&values=2",
            {
                "mode": "conditional",
                "function": "gte",
                "threshold": 1.5,
                "start": NOW - DAY,
                "values": frozenset({"2"}),
            },
        ),
        (
            "query=aggregate&function=avg&interval=hour",
            {"mode": "aggregate", "function": "avg", "interval": "hour"},
        ),
    ],
)
def test_parameters_are_read_by_every_name(text: str, fields: dict[str, Any]) -> None:
    """Each parameter is read by its names and in its forms; the others keep their defaults."""
    query = read(text)

    assert fields == {name: getattr(query, name) for name in fields}
    usual = DataQuery()
    others = {"mode", "variables", "groups", "ids", "values", "qty", "skip", "start", "end"}
    for name in others - set(fields):
        assert getattr(usual, name) == getattr(query, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query=median", "Invalid query"),
        ("qty=-1", "qty must be a whole number of at least 0"),
        ("qty=many", "qty must be a whole number of at least 0"),
        ("skip=1.5", "skip must be a whole number of at least 0"),
        ("ordination=up", "ordination must be ascending or descending"),
        ("details=perhaps", "details must be true or false"),
        ("start_date=yesterday", "Invalid start date"),
        ("start_date=1 fortnight", "Invalid start date"),
        ("end_date=2024-13-01", "Invalid end date"),
        ("end_date=9999-12-31", "Invalid end date"),
        ("timezone=Mars/Olympus", "Invalid timezone"),
        ("query=avg", "start_date field is required"),
        ("query=sum&end_date=2024-08-15", "start_date field is required"),
        ("query=conditional&value=1&function=gt", "start_date field is required"),
        (
            "query=avg&start_date=2 months",
            "The maximum range for avg is 1 month between start_end and end_date",
        ),
        (
            "query=sum&start_date=1 day&end_date=1 month&end_date=2 months",
            "The maximum range for sum is 1 month between start_end and end_date",
        ),
        (
            "query=aggregate&interval=hour",
            "function must be one of avg, sum, min, max",
        ),
        (
            "query=aggregate&interval=week&function=avg",
            "interval must be one of minute, hour, day, month, quarter, year",
        ),
        (
            "query=conditional&start_date=1 day&value=1&function=avg",
            "function must be one of gt, gte, lt, lte, eq, ne",
        ),
        (
            "query=conditional&start_date=1 day&value=warm&function=gt",
            "value must be a number",
        ),
        ("query=conditional&start_date=1 day&value=nan&function=gt", "value must be a number"),
    ],
)
def test_senseless_queries_are_refused(text: str, message: str) -> None:
    """What can't be meant is 400, with the service's words where they are known."""
    with pytest.raises(RefusedError) as caught:
        read(text)

    assert (400, message) == (caught.value.status, caught.value.message)


def test_least_and_greatest_need_no_start() -> None:
    """Unlike an average they look at everything, if nothing else is said."""
    assert -math.inf == read("query=min").start
    assert "max" == read("query=max&start_date=2 years").mode


def test_a_day_is_whole_where_it_has_23_hours() -> None:
    """The last moment of a day is the one before the next day, by the zone's own clock."""
    query = read("start_date=2024-03-31&end_date=2024-03-31&timezone=Europe/Berlin")

    assert 23 * 3600 == pytest.approx(query.end - query.start, abs=0.01)
