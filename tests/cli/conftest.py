"""Fixtures of the command line's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev._cli import main
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.profile import Profile
from tests.cli.support import Command, Done, InProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[EmulatorProcess]:
    """Give a service that refuses nothing for its number, for all tests that don't count."""
    with EmulatorProcess(EmulatorOptions(unlimited=True, max_devices=100_000)) as emulator:
        yield emulator


@pytest.fixture
def tagodev(tmp_path: Path, shared_emulator: EmulatorProcess) -> Command:
    """Give the command line, in an empty folder, with the shared service."""
    return Command(tmp_path, shared_emulator.url, shared_emulator.token)


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """Give the command line, in an empty folder, with no service."""
    return Command(tmp_path)


@pytest.fixture
def in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    """Give the command line without a process of its own, for what ends before it has begun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGODEV_CONFIG", str(tmp_path / ".config" / "tagodev.toml"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("TAGODEV_LEDGER", str(tmp_path / ".config" / "ledger.sqlite"))
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path / ".config" / "state"))

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["tagodev", *arguments])
        code = main()
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def inside(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch, shared_emulator: EmulatorProcess
) -> InProcess:
    """Give the command line without a process of its own, with the shared service."""
    for name in ("TAGODEV_PLAN", "TAGODEV_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TAGOIO_API", shared_emulator.url)
    monkeypatch.setenv("TAGOIO_TOKEN", shared_emulator.token)

    def run(*arguments: str) -> Done:
        done = in_process(*arguments)
        assert shared_emulator.token not in done.out + done.err
        return done

    return run


@pytest.fixture
def profile(
    in_process: InProcess,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tago_emulator: EmulatorProcess,
) -> Profile:
    """Give the command line in front of a profile that holds nothing yet."""
    for name in ("TAGODEV_PLAN", "TAGODEV_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TAGOIO_API", tago_emulator.url)
    monkeypatch.setenv("TAGOIO_TOKEN", tago_emulator.token)
    return Profile(tmp_path, tago_emulator, in_process)
