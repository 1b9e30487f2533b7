"""The page is written from the results, and from nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import attrs
import orjson

from benchmarks import publish
from benchmarks.compare import Result
from benchmarks.scenarios import QUICK

if TYPE_CHECKING:
    from pathlib import Path


def results() -> dict[str, Any]:
    """Return what a run may have found."""
    one = Result(
        scenario=QUICK[0].key,
        rival="tagodev",
        rows=25,
        makespan=3.0,
        ideal=2.0,
        requests=29,
        rejected=4,
        made=27,
        reported=24,
        missing=1,
        doubled=3,
        unknown_tokens=2,
        lost=7,
        cpu_us=812.4,
        memory_mb=41.3,
        failures={},
    )
    size = {"profiles": 10, "requests": 100_000, "rejected": 0, "full_windows": 31}
    figure = {"what": "a grant", "wanted": "<= 5 us", "found": "3.21 us", "program": "grant_cost"}
    return {
        "measured_with": {"date": "2026-01-31 12:00", "Python": "CPython 3.11.7"},
        "quick": False,
        "seconds": 660,
        "figures": [{**figure, "met": True}, {**figure, "found": "6.43 us", "met": False}],
        "compared": {
            "rate_without_limits": 2345.6,
            "scenarios": [attrs.asdict(QUICK[0])],
            "results": [{**attrs.asdict(one), "ratio": one.ratio}],
            "unfinished": [{"scenario": QUICK[0].key, "rival": "another", "why": "not done"}],
        },
        "fleet": {"devices": 10_000, "sizes": [{**size, "use": 0.9876, "cpu_us": 34.5}]},
    }


def test_every_figure_is_shown() -> None:
    """The page holds each figure of the results, and says which are not met."""
    text = publish.page(results())

    row = "| **tagodev** | 3.00 | 1.50 | 4 | 27 | 24 | 1 | 3 | 2 | 7 | 812 | 41 |"
    assert row in text
    assert "1 of 2 targets are met" in text
    assert re.search(r"6\.43 us \| \*\*no\*\* \| `grant_cost`", text)
    assert "| 10 | 100,000 | 0 | 31 | 98.76% | 34.5 |" in text
    assert "another: not done." in text
    assert "2,346 devices per second" in text
    assert "date 2026-01-31 12:00, Python CPython 3.11.7." in text


def test_a_quick_run_says_so() -> None:
    """Figures of a run in small are not mistaken for others."""
    assert "quick run" in publish.page({**results(), "quick": True})
    assert "quick run" not in publish.page(results())


def test_page_and_charts_are_written(tmp_path: Path) -> None:
    """Whatever the page shows is there, and is a drawing."""
    (tmp_path / "benchmarks.json").write_bytes(orjson.dumps(results()))

    publish.main([str(tmp_path)])

    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert [f"charts/{QUICK[0].key}.svg"] == shown
    drawing = ET.parse(tmp_path / shown[0]).getroot()
    assert "svg" in drawing.tag
    assert "1.50 of ideal, 4 rejected" in "".join(drawing.itertext())
