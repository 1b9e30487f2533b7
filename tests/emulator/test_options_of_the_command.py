"""The emulator's options, as the command line takes them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tagodev._cli.commands import emulator as command
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def test_each_fault_has_its_probability(asked: list[EmulatorOptions]) -> None:
    """The option is repeatable, and may name a route, whose template has colons of its own."""
    faults = ["slow=0.1", "DELETE /device/:device_id:http-500=1"]
    code = command.emulator(fault=faults, slow_seconds=0.5)

    assert 0 == code
    assert {"slow": 0.1, "DELETE /device/:device_id:http-500": 1.0} == asked[0].faults
    assert 0.5 == asked[0].slow_seconds


@pytest.mark.parametrize("fault", ["", "slow", "slow=", "slow=x", "=1", "slow=2", "fire=0.1"])
def test_fault_that_means_nothing_is_an_input_error(
    asked: list[EmulatorOptions], fault: str
) -> None:
    """What can't be meant is said before anything listens."""
    with pytest.raises(InputError):
        command.emulator(fault=[fault])
    assert not asked


def test_stock_and_file_are_options(asked: list[EmulatorOptions], tmp_path: Path) -> None:
    """Both are handed on; a stock that does not fit is said before anything listens."""
    file = tmp_path / "site.json"
    command.emulator(devices=3, state=file)

    assert (3, str(file)) == (asked[0].devices, asked[0].state)
    with pytest.raises(InputError, match="from 0 to 5, the profile's device cap"):
        command.emulator(plan="free", devices=6)


def test_what_becomes_of_the_file_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where it goes on from a file, and that it has written it, is said beside its address."""

    async def serve(_: EmulatorOptions, announce: Callable[[str, str], None]) -> None:
        announce("http://127.0.0.1:1", "p-1")

    monkeypatch.setattr(command, "serve", serve)
    file = tmp_path / "site.json"
    command.emulator(state=file, devices=1)
    assert f"Saved to {file}\n" == capsys.readouterr().err

    file.touch()
    command.emulator(state=file, devices=1)
    told = capsys.readouterr()
    assert f"Loaded {file}; --devices is ignored\nSaved to {file}\n" == told.err
    assert told.out.endswith("\nexport TAGOIO_TOKEN=p-1\n")
    command.emulator(state=file, json=True)
    assert "" == capsys.readouterr().err


def test_broken_file_is_an_input_error(tmp_path: Path) -> None:
    """A state that can't be read is said before anything listens."""
    file = tmp_path / "site.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        command.emulator(port=0, state=file)

    assert f"--state: {file}: not the state of an emulator, or cut off" == str(caught.value)


def test_file_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An end that could not be saved is no success."""
    folder = tmp_path / "gone"
    folder.mkdir()

    def announced_and_gone(_: object) -> None:
        folder.rmdir()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command, "print_json", announced_and_gone)
    code = command.emulator(port=0, state=folder / "site.json", json=True)

    assert 1 == code
    assert f"can't save {folder}/site.json: No such file" in capsys.readouterr().err
