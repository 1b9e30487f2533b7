"""The charts of a run's report: SVG that stretches, with its words beside it, not in it.

Words in a drawing that shrinks to a phone's width shrink too.
So bars are drawn in a box that takes any width, and times stand below in a grid of as many columns.
The page forbids styles in attributes: what depends on the figures goes into its one style sheet.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Chart", "Part", "Series", "share_bar", "slots_of"]

#: Places that are drawn where they can be, empty ones too.
_DRAWN: Final = 120
#: Empty places in a row that are drawn in any case; where there are more, a mark stands for all.
_DRAWN_EMPTY: Final = 3
#: Bars that each have their own words below.
_FEW: Final = 8
_FEWER: Final = 4
_WORDS: Final = 6
_LAST_WORD: Final = 0.86
_HEIGHT: Final = 180
_SCALE_WIDTH: Final = 56
_STEP: Final = 10
_DAY: Final = 86_400


@attrs.frozen
class Part:
    """One part of a whole."""

    name: str
    """What it is."""
    count: int
    """How much of it there is."""
    style: str
    """Class that gives its colour."""


@attrs.frozen
class Series:
    """Counts by place in time, drawn upon those before it."""

    name: str
    """What is counted."""
    style: str
    """Class that gives its colour."""
    counts: Mapping[int, int]
    """How much, by number of the place."""


def slots_of(numbers: Iterable[int]) -> list[int | None]:
    """Return the places to draw, in their order; None for a long stretch in which nothing was.

    Args:
        numbers: places where something was.
    """
    slots: list[int | None] = []
    before: int | None = None
    known = sorted(set(numbers))
    if known and known[-1] - known[0] < _DRAWN:
        return [*range(known[0], known[-1] + 1)]
    for number in known:
        if before is not None:
            empty = range(before + 1, number)
            slots += empty if len(empty) <= _DRAWN_EMPTY else [None]
        slots.append(number)
        before = number
    return slots


def share_bar(parts: Sequence[Part], label: str) -> str:
    """Return a bar that parts share, and the legend below it.

    Args:
        parts: of the whole; those of which there is nothing are left out.
        label: for whoever does not see it.
    """
    shown = [part for part in parts if part.count]
    whole = sum(part.count for part in shown) or 1
    place, bars = 0.0, ""
    for part in shown:
        width = 1000 * part.count / whole
        bars += (
            f'<rect class="{part.style}" x="{place:.2f}" width="{width:.2f}" height="10">'
            f"<title>{escape(part.name)}: {part.count:,}</title></rect>"
        )
        place += width
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
    """Bars along the time, and the limit that they keep below."""

    series: Sequence[Series]
    """What is drawn, the lowest first."""
    seconds: float
    """Length of a place in time."""
    label: str
    """For whoever does not see it."""
    unit: str
    """What is counted, in the plural."""
    limit: int | None = None
    """Where the line of the limit goes; None for no line."""
    name: str
    """A word for its styles, one for each chart of a page."""

    @property
    def slots(self) -> list[int | None]:
        """The places along the time."""
        return slots_of(number for series in self.series for number in series.counts)

    def html(self) -> str:
        """Return the chart."""
        slots = self.slots
        top = self._top()
        return (
            f'<div class="plot">{self._scale(top)}'
            f'<svg class="bars" viewBox="0 0 {len(slots) * _STEP} {_HEIGHT}" '
            f'preserveAspectRatio="none" role="img" aria-label="{escape(self.label)}">'
            f"{''.join(self._marks(slots, top))}</svg>{self._times(slots)}</div>"
        )

    def css(self) -> str:
        """Return what the page's style sheet must hold for it."""
        slots = len(self.slots)
        rules = f".{self.name}{{grid-template-columns:repeat({slots},minmax(0,1fr))}}"
        if slots > _FEW:
            rules += "".join(
                f".{self.name} .w{place}{{grid-column:{place + 1}/-1;grid-row:1}}"
                for place in _places(slots)
            )
        return rules

    def _total(self, number: int) -> int:
        return sum(series.counts.get(number, 0) for series in self.series)

    def _top(self) -> float:
        numbers = {number for series in self.series for number in series.counts}
        most = max(map(self._total, numbers), default=1)
        return max(most, self.limit or 0, 1) * 1.1

    def _scale(self, top: float) -> str:
        """Return the words left of the bars: nothing, the limit, or a round figure."""
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
        for place, number in enumerate(slots):
            left = place * _STEP
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
            # With seconds they are too long to stand side by side on a phone.
            odd = ' class="odd"' if self.seconds < 60 and len(slots) > _FEWER else ""
            words = "".join(
                "<span>⋯</span>"
                if number is None
                else f"<span><i{odd if place % 2 else ''}>{self._moment(number)}</i>"
                f"<b>{self._total(number):,}</b></span>"
                for place, number in enumerate(slots)
            )
            return f'<div class="times few {self.name}">{words}</div>'
        words = ""
        for nth, place in enumerate(_places(len(slots))):
            number = next(one for one in slots[place:] if one is not None)
            odd = " odd" if nth % 2 else ""
            words += f'<span class="w{place}{odd}">{self._moment(number)}</span>'
        return f'<div class="times {self.name}">{words}</div>'

    def _moment(self, number: int, *, whole: bool = False) -> str:
        """Return when a place begins: as a whole, or as it stands below the bars."""
        when = datetime.fromtimestamp(number * self.seconds, UTC)
        day = f"{when.day} {when:%b}"
        if whole:
            return f"{day} {when:%H:%M:%S}"
        clock = f"{when:%H:%M}" if self.seconds >= 60 else f"{when:%H:%M:%S}"
        return f"{day}<br>{clock}" if self._many_days() else clock

    def _many_days(self) -> bool:
        numbers = [number for series in self.series for number in series.counts]
        return min(numbers) * self.seconds // _DAY != max(numbers) * self.seconds // _DAY


def _places(slots: int) -> list[int]:
    """Return the places that have words below; none so near the end that there is no room."""
    return [place for place in range(0, slots, -(-slots // _WORDS)) if place <= _LAST_WORD * slots]
