"""Data of one device: its registers, by id and by variable and time.

A device has thousands of registers, and the latest ones are requested most often.
So each variable has a list sorted by time: new registers nearly always go to the end, a time range
is found by bisection, and queries across variables merge the lists as far as necessary.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = ["DeviceData", "Point", "Traffic", "Value", "in_order"]

Value: TypeAlias = str | int | float | bool

_HOUR: Final = 3600


@attrs.define(eq=False, kw_only=True)
class Point:
    """One register; moments are seconds since the epoch, in whole milliseconds."""

    id: str
    variable: str
    """In lower case."""
    time: float
    """When it was measured, as its sender has it."""
    created_at: float
    """When it was received."""
    group: str
    value: Value | None = None
    unit: str | None = None
    location: tuple[float, float] | None = None
    """Longitude and latitude, in this order as in GeoJSON."""
    metadata: dict[str, Any] | None = None
    number: int = 0
    """Its place in the order of arrival; given by `DeviceData.add`."""


_time = attrgetter("time")
_order = attrgetter("time", "number")


class DeviceData:
    """The registers of one device."""

    def __init__(self) -> None:
        self._points: dict[str, Point] = {}
        self._series: dict[str, list[Point]] = {}
        self._received = 0

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        """Yield every register in the order of arrival."""
        yield from self._points.values()

    def get(self, point_id: str) -> Point | None:
        """Return a register by its id, None if there is none."""
        return self._points.get(point_id)

    def add(self, points: Iterable[Point]) -> None:
        """Add new registers, in order of arrival."""
        for point in points:
            self._received += 1
            point.number = self._received
            self._points[point.id] = point
            self._place(point)

    def change(self, point: Point, values: Mapping[str, Any]) -> None:
        """Change attributes of a register."""
        moves = "time" in values or "variable" in values
        if moves:
            self._take_out([point])
        for name, value in values.items():
            setattr(point, name, value)
        if moves:
            self._place(point)

    def remove(self, points: Collection[Point]) -> None:
        """Remove registers."""
        for point in points:
            del self._points[point.id]
        self._take_out(points)

    def variables(self) -> Mapping[str, Sequence[Point]]:
        """Return the registers of each variable, sorted by time."""
        return self._series

    def span(
        self,
        variable: str,
        start: float = -math.inf,
        end: float = math.inf,
        *,
        newest_first: bool = False,
    ) -> Iterator[Point]:
        """Return the registers of one variable, by time.

        Args:
            variable: in lower case.
            start: the first moment.
            end: the last moment, which is part of the span.
            newest_first: whether to begin at its end.
        """
        series = self._series.get(variable, [])
        first, behind = bisect_left(series, start, key=_time), bisect_right(series, end, key=_time)
        places = range(behind - 1, first - 1, -1) if newest_first else range(first, behind)
        return map(series.__getitem__, places)

    def _place(self, point: Point) -> None:
        series = self._series.setdefault(point.variable, [])
        if not series or _order(series[-1]) < _order(point):
            series.append(point)
        else:
            insort(series, point, key=_order)

    def _take_out(self, points: Collection[Point]) -> None:
        gone: defaultdict[str, set[str]] = defaultdict(set)
        for point in points:
            gone[point.variable].add(point.id)
        for variable, ids in gone.items():
            remaining = [point for point in self._series[variable] if point.id not in ids]
            if remaining:
                self._series[variable] = remaining
            else:
                del self._series[variable]


def in_order(series: Iterable[Iterable[Point]], *, newest_first: bool) -> Iterator[Point]:
    """Merge series of registers, each sorted by time, into one."""
    return heapq.merge(*series, key=_order, reverse=newest_first)


@attrs.define(eq=False)
class Traffic:
    """Number of registers that a device has received and returned, by hour."""

    hours: dict[int, tuple[int, int]] = attrs.field(factory=dict)
    """Received and returned, by the number of the hour since the epoch."""

    def count(self, now: float, *, received: int = 0, given: int = 0) -> None:
        """Add to the hour in which `now` lies."""
        hour = int(now // _HOUR)
        before = self.hours.get(hour, (0, 0))
        self.hours[hour] = (before[0] + received, before[1] + given)

    def between(self, start: float, end: float) -> tuple[int, int]:
        """Return received and returned registers of the hours in a span, without its end."""
        hours = [counts for hour, counts in self.hours.items() if start <= hour * _HOUR < end]
        return sum(received for received, _ in hours), sum(given for _, given in hours)
