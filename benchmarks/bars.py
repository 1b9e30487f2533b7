"""SVG chart of stacked horizontal bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Bar", "draw"]

_WIDTH: Final = 800
_LEFT: Final = 250
_RIGHT: Final = 560
_TOP: Final = 84
_STEP: Final = 26
_THICK: Final = 16
#: Colours of the parts, in order, which also differ in lightness.
_COLOURS: Final = ("#0072B2", "#D55E00", "#F0E442")
_STYLE: Final = (
    "text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#222}"
    ".head{font-size:17px;font-weight:bold}.small{font-size:12px}.end{text-anchor:end}"
)


@attrs.frozen(kw_only=True)
class Bar:
    """One bar."""

    name: str
    """What stands to its left."""
    parts: tuple[int, ...]
    """How long its parts are."""
    label: str
    """What stands to its right."""


def draw(head: str, names: Sequence[str], bars: Sequence[Bar]) -> str:
    """Return the chart.

    Args:
        head: what stands above it.
        names: of the parts.
        bars: from top to bottom.
    """
    longest = max((sum(bar.parts) for bar in bars), default=1)
    height = _TOP + len(bars) * _STEP + 12
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title">'
        ),
        f'<title id="title">{escape(head)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 28, head, "head"),
        *_legend(names),
    ]
    for number, bar in enumerate(bars):
        lines += _bar(bar, _TOP + number * _STEP, (_RIGHT - _LEFT) / longest)
    return "\n".join([*lines, "</svg>", ""])


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        x = _LEFT + number * 120
        yield _rect(x, 46, 14, _COLOURS[number])
        yield _text(x + 20, 59, name)


def _bar(bar: Bar, y: float, scale: float) -> Iterator[str]:
    yield _text(_LEFT - 10, y + 13, bar.name, "small end")
    x = float(_LEFT)
    for part, colour in zip(bar.parts, _COLOURS, strict=True):
        if part:
            # However few they are, they are seen.
            width = max(part * scale, 2)
            yield _rect(x, y, width, colour)
            x += width
    yield _text(_RIGHT + 10, y + 13, bar.label, "small")


def _text(x: float, y: float, text: str, classes: str = "") -> str:
    chosen = f' class="{classes}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{chosen}>{escape(text)}</text>'


def _rect(x: float, y: float, width: float, fill: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_THICK}" fill="{fill}" '
        f'stroke="#222222" stroke-width="0.5"/>'
    )
