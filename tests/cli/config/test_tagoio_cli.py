"""The files of TagoIO's own command line, as that writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev._cli.config.tagoio_cli import Environments
from tagodev._secrets import Secret
from tests.cli.official_files import official_environment, write_lock, write_official

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


def find(folder: Path) -> Environments:
    """Return what is known in a folder, which must be something."""
    found = Environments.find(folder)
    assert found is not None
    return found


def test_a_project(tmp_path: Path) -> None:
    """An environment has a name, a token on the last line of its lock, and TagoIO's address."""
    project = tmp_path / "project"
    write_official(project, "dev", dev=official_environment(), prod=official_environment())
    lock = write_lock(project, "dev", "p-made-up")
    found = find(project)
    dev = found.environment("dev")

    assert (("dev", "prod"), "dev") == (found.names, found.default)
    assert ("dev", lock, Secret("p-made-up"), None) == (dev.name, dev.lock, dev.token, dev.api)
    assert found.environment("prod").token is None


def test_from_a_folder_below(tmp_path: Path) -> None:
    """As its version 3 does, the folders above are looked through, the nearest first."""
    write_official(tmp_path, "far", far=official_environment())
    write_official(tmp_path / "near", "near", near=official_environment())
    below = tmp_path / "near" / "src" / "analysis"
    below.mkdir(parents=True)

    assert "near" == find(below).default
    assert "far" == find(tmp_path / "elsewhere").default


def test_the_users_folder_comes_last(tmp_path: Path) -> None:
    """Where no project is, what the user has for all of them counts."""
    users = tmp_path / "home" / "tagoio"
    write_official(users, "prod", prod=official_environment())
    write_lock(users, "prod", "p-made-up")

    assert Secret("p-made-up") == find(tmp_path).environment("prod").token


def test_tagodeploy(tmp_path: Path) -> None:
    """The address of an environment of TagoDeploy is the one that it names."""
    address = "https://api.dairy.tagoio.net"
    environment = official_environment(tagoAPIURL=address, tagoSSEURL="https://sse.example")
    write_official(
        tmp_path, "deploy", deploy=environment, usual=official_environment(tagoAPIURL="")
    )

    assert address == find(tmp_path).environment("deploy").api
    assert find(tmp_path).environment("usual").api is None


def test_the_default_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's TAGOIO_DEFAULT goes before the file; older files name it in the config."""
    write_official(tmp_path, "dev", dev=official_environment(), prod=official_environment())
    monkeypatch.setenv("TAGOIO_DEFAULT", "prod")
    assert "prod" == find(tmp_path).default
    monkeypatch.delenv("TAGOIO_DEFAULT")
    (tmp_path / ".tagoio" / "personal.env").write_text('# mine\nexport TAGOIO_DEFAULT="prod"\n')
    assert "prod" == find(tmp_path).default
    (tmp_path / ".tagoio" / "personal.env").unlink()
    assert find(tmp_path).default is None
    config = tmp_path / "tagoconfig.json"
    config.write_text(config.read_text().replace('"buildPath"', '"default": "dev", "buildPath"'))
    assert "dev" == find(tmp_path).default


def test_a_default_that_is_gone(tmp_path: Path) -> None:
    """A default that no environment has is none."""
    write_official(tmp_path, "gone", dev=official_environment())

    assert find(tmp_path).default is None


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", '{"dev": 5}'])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    """What is no config holds nothing, as the official tool has it, and is no error."""
    (tmp_path / "tagoconfig.json").write_bytes(text.encode("latin-1"))

    assert () == find(tmp_path).names


@pytest.mark.parametrize("last", ["", "nothex", "c3a9", "ff"])
def test_a_lock_that_is_none(tmp_path: Path, last: str) -> None:
    """Noise is no token."""
    write_official(tmp_path, "dev", dev=official_environment())
    (tmp_path / ".tago-lock.dev.lock").write_text(f"abcdef\n{last}")

    assert find(tmp_path).environment("dev").token is None


def test_where_it_was_never_used(tmp_path: Path) -> None:
    """Without its files there is nothing."""
    assert Environments.find(tmp_path) is None
