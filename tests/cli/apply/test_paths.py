"""The order of an apply's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev._cli.apply.paths import ListState

if TYPE_CHECKING:
    from pathlib import Path


def test_journals_of_one_second_are_listed_oldest_first(tmp_path: Path) -> None:
    """Applies that follow each other at once are numbered in their order."""
    state = ListState("sensors", tmp_path)
    made = []
    for _ in range(4):
        path = state.new_path(".journal")
        path.touch()
        made.append(path)

    assert made == state.journals()
