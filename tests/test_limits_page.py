"""The page of the documented limits shows what the scheduler keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tagodev.hard_limits import DEFAULT_LIMIT, HARD_LIMITS, SOURCE_DATE, HardLimit

PAGE: Final = (Path(__file__).parent.parent / "docs" / "limits.md").read_text("utf-8")


def row(limit: HardLimit) -> str:
    """Return a limit as the page has it."""
    mark = "" if limit.documented else " *"
    figures = f"{limit.free:,} | {limit.starter:,} | {limit.scale:,}"
    return f"| `{limit.route}`{mark} | {figures} | {limit.note} |"


def test_every_limit_is_on_its_page() -> None:
    """The table has each route, with its figures and on what ground they stand, in this order."""
    rows = [row(limit) for limit in (*HARD_LIMITS, DEFAULT_LIMIT)]

    assert rows == [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert SOURCE_DATE in PAGE
