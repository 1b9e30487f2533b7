"""Results of data queries: registers, a number, or values by interval."""

from __future__ import annotations

import operator
import sys
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.validation import is_number
from tagodev.emulator._model.calendar import beginning, later
from tagodev.emulator._model.data_store import DeviceData, Point, in_order
from tagodev.emulator._model.time import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev.emulator._model.data_query import DataQuery

__all__ = ["aggregate", "number", "records"]

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
#: What a register must have to be the first or the last of its variable.
_PARTS: Final[Mapping[str, Callable[[Point], bool]]] = {
    "item": lambda _: True,
    "value": lambda point: point.value is not None,
    "location": lambda point: point.location is not None,
}


def records(data: DeviceData, query: DataQuery) -> list[Point]:
    """Return the registers that match a query, in its order."""
    if query.mode == "default":
        return _page(data, query, lambda _: True)
    if query.mode == "conditional":
        compare, bound = _COMPARISONS[query.function], query.threshold
        return _page(data, query, lambda point: any(compare(n, bound) for n in _numbers([point])))
    choose = _extreme if query.mode in {"min", "max"} else _outermost
    return list(_merged(([point] for point in choose(data, query)), query))


def number(data: DeviceData, query: DataQuery) -> float:
    """Return the result of a query for a number: count, average or sum of registers."""
    series = _series(data, query)
    if query.mode == "count":
        return sum(1 for points in series for _ in points)
    return _summed_up(query.mode, [value for points in series for value in _numbers(points)])


def aggregate(data: DeviceData, query: DataQuery) -> list[dict[str, Any]]:
    """Return the value of each interval; one without registers is omitted."""
    spans: defaultdict[float, list[float]] = defaultdict(list)
    for points in _series(data, query):
        # The points are sorted: only the first one of an interval needs a calendar computation.
        start = end = float("-inf")
        for point in points:
            if point.time >= end:
                start = beginning(point.time, query.interval, query.zone)
                end = later(start, query.interval, 1, query.zone)
            value = point.value
            if is_number(value):
                spans[start].append(value)
    found = sorted(spans, reverse=not query.ascending)
    return [
        {"time": iso(start), "value": _summed_up(query.function, spans[start])}
        for start in found[query.skip :][: query.qty]
    ]


def _page(data: DeviceData, query: DataQuery, matches: Callable[[Point], bool]) -> list[Point]:
    """Return a page of registers, of each variable if several are named."""
    series = _series(data, query, newest_first=not query.ascending)
    if len(query.variables) <= 1:
        series = [_merged(series, query)]
    ends = (query.skip, query.skip + query.share)
    return list(_merged([islice(filter(matches, points), *ends) for points in series], query))


def _extreme(data: DeviceData, query: DataQuery) -> Iterator[Point]:
    """Yield the register of each variable with the least or the greatest value."""
    choose = min if query.mode == "min" else max
    for points in _series(data, query):
        valued = [(value, point) for point in points for value in _numbers([point])]
        if valued:
            yield choose(valued, key=operator.itemgetter(0))[1]


def _outermost(data: DeviceData, query: DataQuery) -> Iterator[Point]:
    """Yield the first or the last register of each variable that has the required field."""
    end, _, part = query.mode.partition("_")
    for points in _series(data, query, newest_first=end == "last"):
        if part == "insert":
            choose = min if end == "first" else max
            found = choose(points, key=operator.attrgetter("number"), default=None)
        else:
            found = next(filter(_PARTS[part], points), None)
        if found is not None:
            yield found


def _series(
    data: DeviceData, query: DataQuery, *, newest_first: bool = False
) -> list[Iterable[Point]]:
    """Return the registers of each variable that match a query, sorted by time."""
    series: list[Iterable[Point]] = []
    for variable in query.variables or data.variables():
        if query.among is not None and variable not in query.among:
            continue
        if query.ids:
            series.append(_by_id(data, query, variable, newest_first=newest_first))
        else:
            span = data.span(variable, query.start, query.end, newest_first=newest_first)
            series.append(span)
    for test in query.tests():
        series = [filter(test, points) for points in series]
    return series


def _by_id(
    data: DeviceData, query: DataQuery, variable: str, *, newest_first: bool
) -> Iterator[Point]:
    """Return the registers of one variable that a query names by their ids."""
    points = [point for one in query.ids if (point := data.get(one)) is not None]
    return in_order(
        (
            [point]
            for point in points
            if point.variable == variable and query.start <= point.time <= query.end
        ),
        newest_first=newest_first,
    )


def _merged(series: Iterable[Iterable[Point]], query: DataQuery) -> Iterator[Point]:
    return in_order(series, newest_first=not query.ascending)


def _numbers(points: Iterable[Point]) -> Iterator[float]:
    """Yield the values that are numbers."""
    for point in points:
        value = point.value
        # Text stays text, whatever it says.
        if is_number(value):
            yield value


def _summed_up(function: str, values: list[float]) -> float:
    """Return the sum, average, minimum or maximum of values; 0 if there are none."""
    if not values:
        return 0
    if function in {"min", "max"}:
        return min(values) if function == "min" else max(values)
    total = sum(values, 0.0)
    if function == "avg":
        total /= len(values)
    # JSON has no infinity.
    total = min(max(total, -sys.float_info.max), sys.float_info.max)
    return int(total) if total.is_integer() and abs(total) < 2**53 else total
