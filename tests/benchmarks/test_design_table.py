"""The table of figures: a part that fails costs its own figures only, and is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import design_table
from benchmarks.design_table import Figure, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def figure(what: str, *, met: bool) -> Figure:
    """Return a figure."""
    return Figure(what=what, wanted="1", found="1" if met else "2", met=met, program="made up")


def test_a_part_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found before stays, and what comes after is measured."""

    def broken(_: Size) -> Iterator[Figure]:
        yield figure("first", met=True)
        raise SystemExit("no such program")

    def whole(_: Size) -> Iterator[Figure]:
        yield figure("second", met=False)

    monkeypatch.setattr(design_table, "_PARTS", {"broken": broken, "whole": whole})

    found = design_table.measure(quick=True)

    assert [("first", True), ("broken: the rest", False), ("second", False)] == [
        (one["what"], one["met"]) for one in found
    ]
    assert "SystemExit: no such program" in capsys.readouterr().out
    assert ["second"] == [one["what"] for one in design_table.measure(quick=True, only=["whole"])]
