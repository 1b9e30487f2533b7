"""The wall between the emulator and the client that is tested against it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tagodev.emulator

SOURCES = sorted(Path(tagodev.emulator.__file__).parent.glob("**/*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_emulator_takes_only_figures_from_the_package(source: Path) -> None:
    """Of tagodev the emulator imports itself and the documented limits, nothing of the client."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}

    ours = {name for name in imported if name.split(".")[0] == "tagodev"}
    assert all(
        name == "tagodev.hard_limits" or name.startswith("tagodev.emulator") for name in ours
    )
