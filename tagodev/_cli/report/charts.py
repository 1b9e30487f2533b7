"""Bar charts of the HTML report: their positions, scales and labels, which the template draws.

The page's policy forbids style attributes, so each chart adds rules to the style sheet of the page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Bar", "Chart", "Series"]

#: Positions up to which a chart shows all empty ones.
_DRAWN: Final = 120
#: Consecutive empty positions to show; a gap mark replaces more.
_MAX_EMPTY: Final = 3
#: Bars up to which each has its own label, and labels of a chart with more.
_FEW: Final = 8
_LABELS: Final = 6
_LAST_LABEL: Final = 0.86
_DAY: Final = 86_400


@attrs.frozen(kw_only=True)
class Series:
    """Counts by position in time, stacked on the series before it."""

    name: str
    """What is counted."""
    style: str
    """The CSS class of its colour."""
    counts: Mapping[int, int]
    """The count at each position."""


@attrs.frozen(kw_only=True)
class Bar:
    """One series at one position."""

    name: str
    """What is counted."""
    style: str
    """The CSS class of its colour."""
    count: int
    """The count."""
    y: float
    """Its upper end."""
    height: float
    """Its height."""


@attrs.frozen(kw_only=True)
class Chart:
    """A bar chart over time, with a line for the limit."""

    height: ClassVar[int] = 180

    title: str
    """The heading."""
    subtitle: str
    """Text beside the heading."""
    series: Sequence[Series]
    """The series, the lowest first."""
    seconds: float
    """Length of a position in seconds."""
    label: str
    """The text for screen readers."""
    unit: str
    """What is counted, in the plural."""
    limit: int | None = None
    """The limit; None for no line."""
    name: str
    """The CSS class of the chart, unique in the page."""

    @cached_property
    def numbers(self) -> Sequence[int]:
        """The positions with counts, in order."""
        return sorted({number for series in self.series for number in series.counts})

    @cached_property
    def slots(self) -> Sequence[int | None]:
        """The positions to draw; None is a gap."""
        numbers = self.numbers
        if numbers[-1] - numbers[0] < _DRAWN:
            return range(numbers[0], numbers[-1] + 1)
        slots: list[int | None] = [numbers[0]]
        for before, number in pairwise(numbers):
            empty = range(before + 1, number)
            slots += [*(empty if len(empty) <= _MAX_EMPTY else [None]), number]
        return slots

    @cached_property
    def top(self) -> float:
        """The value at the upper end."""
        return max(*map(self.total, self.numbers), self.limit or 0, 1) * 1.1

    @property
    def is_short(self) -> bool:
        """Whether each bar has its own label."""
        return len(self.slots) <= _FEW

    def css(self) -> str:
        """Return the CSS rules of the chart."""
        rules = f".{self.name}{{grid-template-columns:repeat({len(self.slots)},minmax(0,1fr))}}"
        if not self.is_short:
            rules += "".join(
                f".{self.name} .w{position}{{grid-column:{position + 1}/-1;grid-row:1}}"
                for position, _ in self.labels()
            )
        return rules

    def total(self, number: int) -> int:
        """Return the count of all series at a position."""
        return sum(series.counts.get(number, 0) for series in self.series)

    def y(self, value: float) -> float:
        """Return the height of a value, from the top."""
        return self.height * (1 - value / self.top)

    def scale(self) -> Iterator[int]:
        """Yield the values on the vertical axis: 0, the limit and the maximum."""
        yield 0
        if self.limit is not None:
            yield self.limit
        most = round(self.top / 1.1)
        if self.limit is None or abs(most - self.limit) > 0.12 * self.top:
            yield most

    def bars(self, number: int | None) -> Iterator[Bar]:
        """Yield the bars at a position, the lowest first."""
        below = 0
        for series in self.series:
            count = 0 if number is None else series.counts.get(number, 0)
            below += count
            if count:
                height = self.height * count / self.top
                yield Bar(
                    name=series.name,
                    style=series.style,
                    count=count,
                    y=self.y(below),
                    height=height,
                )

    def labels(self) -> Iterator[tuple[int, int]]:
        """Yield the positions with a label and their numbers, none too close to the end."""
        slots = len(self.slots)
        for position in range(0, slots, -(-slots // _LABELS)):
            if position <= _LAST_LABEL * slots:
                yield position, next(one for one in self.slots[position:] if one is not None)

    def moment(self, number: int) -> str:
        """Return the date and time at which a position begins."""
        return "{0.day} {0:%b} {0:%H:%M:%S}".format(self._start(number))

    def day_and_time(self, number: int) -> tuple[str, str]:
        """Return the label of a position; the day is empty if all positions have the same."""
        first, last = (self.numbers[end] * self.seconds // _DAY for end in (0, -1))
        start = self._start(number)
        day = "" if first == last else f"{start.day} {start:%b}"
        return day, f"{start:%H:%M}" if self.seconds >= 60 else f"{start:%H:%M:%S}"

    def _start(self, number: int) -> datetime:
        return datetime.fromtimestamp(number * self.seconds, UTC)
