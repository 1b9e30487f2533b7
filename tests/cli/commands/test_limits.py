"""``tagodev limits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.hard_limits import HARD_LIMITS
from tests.cli.support import Command

if TYPE_CHECKING:
    from pathlib import Path


def test_the_documented_table_needs_no_token(tmp_path: Path) -> None:
    """Every row is printed with its three figures, and what was assumed is marked."""
    done = Command(tmp_path, "http://127.0.0.1:1", "").run("limits")
    assert done.code == 0
    for row in HARD_LIMITS:
        (line,) = [line for line in done.out.splitlines() if line.startswith(f"{row.route} ")]
        figures = [str(row.free), str(row.starter), str(row.scale)]
        assert line.removeprefix(row.route).split()[:3] == figures
        assert ("*" in line) == (not row.documented)


def test_the_present_window_is_told(tmp_path: Path) -> None:
    """With a token the service is asked for the time and for one device, and both are shown."""
    with EmulatorProcess(EmulatorOptions(clock_offset=37.0)) as emulator:
        command = Command(tmp_path, emulator.url, emulator.token)
        told = command.run("limits", "--plan", "scale", "--json").json()
        text = command.run("limits", "--plan", "scale").out
        asked = {name: one["accepted"] for name, one in emulator.stats()["routes"].items()}
    assert {"GET /info": 2, "GET /device": 2} == asked
    assert {"GET /info": 1, "GET /device": 1} == told["used"]
    assert 37.0 == pytest.approx(told["clock"]["ahead"], abs=told["clock"]["uncertainty"] + 0.1)
    assert 0 < told["clock"]["next_window_in"] < 62
    assert "1 used by this command" in text


def test_a_reader_that_has_seen_enough_is_no_error(alone: Command) -> None:
    """Output into a pipe that closes early ends quietly."""
    done = alone.pipe("tagodev limits | head -n 1")

    assert "requests a minute" in done.out
    assert done.err.startswith("No token: ")
    assert 1 == done.err.count("\n")
