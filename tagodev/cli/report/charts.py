"""SVG charts of the HTML report.

The bars stretch to any width; their labels are HTML below the SVG, so that text keeps its size on
narrow screens. The page's policy forbids style attributes, so each chart adds rules to the style
sheet of the page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Chart", "Part", "Series", "share_bar", "slots_of"]

#: Positions up to which a chart shows all empty ones.
_DRAWN: Final = 120
#: Consecutive empty positions to show; a gap mark replaces more.
_MAX_EMPTY: Final = 3
#: Bars up to which each has its own label.
_FEW: Final = 8
_FEWER: Final = 4
_LABELS: Final = 6
_LAST_LABEL: Final = 0.86
_HEIGHT: Final = 180
_SCALE_WIDTH: Final = 56
_STEP: Final = 10
_DAY: Final = 86_400


@attrs.frozen
class Part:
    """One part of a whole."""

    name: str
    """Its name."""
    count: int
    """Its size."""
    style: str
    """The CSS class of its colour."""


@attrs.frozen
class Series:
    """Counts by position in time, stacked on the series before it."""

    name: str
    """What is counted."""
    style: str
    """The CSS class of its colour."""
    counts: Mapping[int, int]
    """The count at each position."""


def slots_of(numbers: Iterable[int]) -> list[int | None]:
    """Return the positions to draw in order; None is a gap.

    Args:
        numbers: positions with counts.
    """
    slots: list[int | None] = []
    before: int | None = None
    known = sorted(set(numbers))
    if known and known[-1] - known[0] < _DRAWN:
        return [*range(known[0], known[-1] + 1)]
    for number in known:
        if before is not None:
            empty = range(before + 1, number)
            slots += empty if len(empty) <= _MAX_EMPTY else [None]
        slots.append(number)
        before = number
    return slots


def share_bar(parts: Sequence[Part], label: str) -> str:
    """Return a stacked bar and its legend.

    Args:
        parts: the parts of the bar; empty ones are skipped.
        label: the text for screen readers.
    """
    shown = [part for part in parts if part.count]
    whole = sum(part.count for part in shown) or 1
    position, bars = 0.0, ""
    for part in shown:
        width = 1000 * part.count / whole
        bars += (
            f'<rect class="{part.style}" x="{position:.2f}" width="{width:.2f}" height="10">'
            f"<title>{escape(part.name)}: {part.count:,}</title></rect>"
        )
        position += width
    legend = "".join(
        f'<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="{part.style}" width="1" '
        f'height="1"/></svg>{escape(part.name)}<b>{part.count:,}</b></li>'
        for part in shown
    )
    return (
        f'<svg class="share" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{bars}</svg><ul class="legend">{legend}</ul>'
    )


@attrs.frozen(kw_only=True)
class Chart:
    """A bar chart over time, with a line for the limit."""

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

    @property
    def slots(self) -> list[int | None]:
        """The positions to draw; None is a gap."""
        return slots_of(number for series in self.series for number in series.counts)

    def html(self) -> str:
        """Return the chart as HTML."""
        slots = self.slots
        top = self._top()
        return (
            f'<div class="plot">{self._scale(top)}'
            f'<svg class="bars" viewBox="0 0 {len(slots) * _STEP} {_HEIGHT}" '
            f'preserveAspectRatio="none" role="img" aria-label="{escape(self.label)}">'
            f"{''.join(self._marks(slots, top))}</svg>{self._times(slots)}</div>"
        )

    def css(self) -> str:
        """Return the CSS rules of the chart."""
        slots = len(self.slots)
        rules = f".{self.name}{{grid-template-columns:repeat({slots},minmax(0,1fr))}}"
        if slots > _FEW:
            rules += "".join(
                f".{self.name} .w{position}{{grid-column:{position + 1}/-1;grid-row:1}}"
                for position in _labelled(slots)
            )
        return rules

    def _total(self, number: int) -> int:
        return sum(series.counts.get(number, 0) for series in self.series)

    def _top(self) -> float:
        numbers = {number for series in self.series for number in series.counts}
        most = max(map(self._total, numbers), default=1)
        return max(most, self.limit or 0, 1) * 1.1

    def _scale(self, top: float) -> str:
        """Return the labels of the vertical axis: 0, the limit and the maximum."""
        marks = [(0, "0", "")]
        if self.limit is not None:
            marks.append((self.limit, f"{self.limit:,}", "limit"))
        most = round(top / 1.1)
        if self.limit is None or abs(most - self.limit) > 0.12 * top:
            marks.append((most, f"{most:,}", ""))
        texts = "".join(
            f'<text{f""" class="{style}" """ if style else ""} x="{_SCALE_WIDTH - 8}" '
            f'y="{min(_HEIGHT * (1 - value / top) + 4, _HEIGHT - 2):.1f}">{text}</text>'
            for value, text, style in marks
        )
        return (
            f'<svg width="{_SCALE_WIDTH}" viewBox="0 0 {_SCALE_WIDTH} {_HEIGHT}" '
            f'preserveAspectRatio="none" aria-hidden="true">{texts}</svg>'
        )

    def _marks(self, slots: Sequence[int | None], top: float) -> Iterator[str]:
        wide = len(slots) * _STEP
        yield from (
            f'<line class="grid" x1="0" x2="{wide}" y1="{y:.1f}" y2="{y:.1f}"/>'
            for y in (_HEIGHT * (1 - part / 4.4) for part in (1, 2, 3, 4))
        )
        margin = 1 if len(slots) > _FEW else 2
        for position, number in enumerate(slots):
            left = position * _STEP
            if number is None:
                middle = left + _STEP / 2
                yield f'<line class="gap" x1="{middle}" x2="{middle}" y1="0" y2="{_HEIGHT}"/>'
                continue
            below = 0.0
            for series in self.series:
                count = series.counts.get(number, 0)
                height = _HEIGHT * count / top
                below += height
                if count:
                    yield (
                        f'<rect class="{series.style}" x="{left + margin}" '
                        f'y="{_HEIGHT - below:.2f}" width="{_STEP - 2 * margin}" '
                        f'height="{height:.2f}"><title>{self._moment(number, whole=True)}: '
                        f"{count:,} {escape(series.name)}</title></rect>"
                    )
        if self.limit is not None:
            y = _HEIGHT * (1 - self.limit / top)
            yield (
                f'<line class="limit-line" x1="0" x2="{wide}" y1="{y:.2f}" y2="{y:.2f}">'
                f"<title>the limit: {self.limit:,} {escape(self.unit)}</title></line>"
            )

    def _times(self, slots: Sequence[int | None]) -> str:
        if len(slots) <= _FEW:
            # Labels with seconds are too wide for a phone in one row.
            odd = ' class="odd"' if self.seconds < 60 and len(slots) > _FEWER else ""
            labels = "".join(
                "<span>⋯</span>"
                if number is None
                else f"<span><i{odd if position % 2 else ''}>{self._moment(number)}</i>"
                f"<b>{self._total(number):,}</b></span>"
                for position, number in enumerate(slots)
            )
            return f'<div class="times few {self.name}">{labels}</div>'
        labels = ""
        for nth, position in enumerate(_labelled(len(slots))):
            number = next(one for one in slots[position:] if one is not None)
            odd = " odd" if nth % 2 else ""
            labels += f'<span class="w{position}{odd}">{self._moment(number)}</span>'
        return f'<div class="times {self.name}">{labels}</div>'

    def _moment(self, number: int, *, whole: bool = False) -> str:
        """Return the start of a position: date and time, or a short label."""
        when = datetime.fromtimestamp(number * self.seconds, UTC)
        day = f"{when.day} {when:%b}"
        if whole:
            return f"{day} {when:%H:%M:%S}"
        clock = f"{when:%H:%M}" if self.seconds >= 60 else f"{when:%H:%M:%S}"
        return f"{day}<br>{clock}" if self._many_days() else clock

    def _many_days(self) -> bool:
        numbers = [number for series in self.series for number in series.counts]
        return min(numbers) * self.seconds // _DAY != max(numbers) * self.seconds // _DAY


def _labelled(slots: int) -> list[int]:
    """Return the positions with a label, none of them too close to the end."""
    return [
        position
        for position in range(0, slots, -(-slots // _LABELS))
        if position <= _LAST_LABEL * slots
    ]
