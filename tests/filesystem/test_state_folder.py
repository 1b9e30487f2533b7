"""The state folder: where it is, and who may read it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tagodev import ConfigurationError
from tagodev._filesystem.state_folder import private_folder, state_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TAGODEV_STATE goes before everything else."""
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path / "here"))

    assert tmp_path / "here" == state_folder()


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The XDG specification demands it; an absolute one is used."""
    monkeypatch.delenv("TAGODEV_STATE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert tmp_path / ".local" / "state" / "tagodev" == state_folder()

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert tmp_path / "x" / "tagodev" == state_folder()


def test_folders_in_it_are_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Journals hold tokens: nobody else may list them."""
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path / "deep" / "state"))

    folder = private_folder("apply", "site")

    assert tmp_path / "deep" / "state" / "apply" / "site" == folder
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert 0o700 == stat.S_IMODE(folder.parent.stat().st_mode)


def test_what_can_not_be_made_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the variable that helps."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path / "file" / "state"))

    with pytest.raises(ConfigurationError, match="state folder") as caught:
        private_folder()

    assert "TAGODEV_STATE" in str(caught.value)
