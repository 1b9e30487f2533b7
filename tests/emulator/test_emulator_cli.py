"""The emulator's own limits, as the command line takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev.cli import emulator as command
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.emulator import EmulatorOptions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[EmulatorOptions]:
    """Give the options that the command would serve with, and serve nothing."""
    seen: list[EmulatorOptions] = []

    async def serve(options: EmulatorOptions, _: Callable[[str, str], None]) -> None:
        seen.append(options)

    monkeypatch.setattr(command, "serve", serve)
    return seen


def test_each_limit_replaces_one_figure(asked: list[EmulatorOptions]) -> None:
    """The option is repeatable, and a route may hold an equals sign of its own."""
    code = command.emulator(limit=["POST /device=1000", "GET /data?query=aggregate=7"])

    assert 0 == code
    assert {"POST /device": 1000, "GET /data?query=aggregate": 7} == asked[0].limits


@pytest.mark.parametrize(
    "limit", ["", "POST /device", "POST /device=", "=5", "POST /device=-1", "POST /devices=5"]
)
def test_limit_that_means_nothing_is_an_input_error(
    asked: list[EmulatorOptions], limit: str
) -> None:
    """What can't be meant is said before anything listens."""
    with pytest.raises(InputError):
        command.emulator(limit=[limit])
    assert not asked
