"""Where token, address and plan come from: the order, and that a token goes nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from tagodev._cli.config.file import Profiles, StoredProfile
from tagodev._cli.config.settings import RequestedSettings, Settings, find_settings
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError
from tests.cli.official_files import official_environment, write_lock, write_official

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a token everywhere where one may come from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGODEV_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TAGOIO_TOKEN", "p-environment")
    named = {
        "other": StoredProfile(token=Secret("p-other"), region="eu-w1", plan="scale"),
        "usual": StoredProfile(token=Secret("p-usual"), api="https://api.usual.example"),
        "bare": StoredProfile(token=Secret("p-bare")),
    }
    Profiles(path=tmp_path / "config.toml", named=named, default="usual").write()
    write_official(
        tmp_path,
        "dev",
        dev=official_environment(),
        deploy=official_environment(tagoAPIURL="https://api.deploy.example"),
    )
    write_lock(tmp_path, "dev", "p-official")
    write_lock(tmp_path, "deploy", "p-deploy")


def told(settings: Settings) -> tuple[str | None, str | None, str | None]:
    """Return token, address and region."""
    token = None if settings.token is None else settings.token.reveal()
    return token, settings.api, settings.region


def test_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--token, --profile, environment, default profile, official files: the first that has one."""
    everything = RequestedSettings(token="p-option", profile="other")
    assert ("p-option", "the option --token") == _of(find_settings(everything))
    config = tmp_path / "config.toml"
    without_token = attrs.evolve(everything, token=None)
    assert ("p-other", f"the profile other ({config})") == _of(find_settings(without_token))
    assert ("p-environment", "TAGOIO_TOKEN") == _of(find_settings(RequestedSettings()))
    monkeypatch.delenv("TAGOIO_TOKEN")
    assert ("p-usual", f"the profile usual ({config})") == _of(find_settings(RequestedSettings()))
    config.unlink()
    lock = tmp_path / ".tago-lock.dev.lock"
    expected = ("p-official", f"tagoio's environment dev ({lock})")
    assert expected == _of(find_settings(RequestedSettings()))
    (tmp_path / "tagoconfig.json").unlink()
    assert Settings() == find_settings(RequestedSettings())


def _of(settings: Settings) -> tuple[str | None, str]:
    return told(settings)[0], settings.source


def test_the_environment_names_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """TAGODEV_PROFILE does what --profile does, but for going behind a token beside it."""
    monkeypatch.setenv("TAGODEV_PROFILE", "other")

    assert ("p-environment", None, None) == told(find_settings(RequestedSettings()))
    monkeypatch.delenv("TAGOIO_TOKEN")

    assert ("p-other", None, "eu-w1") == told(find_settings(RequestedSettings()))
    assert ("p-bare", None, None) == told(find_settings(RequestedSettings(profile="bare")))


def test_a_token_goes_to_its_own_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """TAGOIO_API leads no token elsewhere that was kept for another address; an option may."""
    monkeypatch.setenv("TAGOIO_API", "https://api.environment.example")
    assert ("p-environment", "https://api.environment.example", None) == told(
        find_settings(RequestedSettings())
    )
    monkeypatch.delenv("TAGOIO_TOKEN")
    assert ("p-usual", "https://api.usual.example", None) == told(
        find_settings(RequestedSettings())
    )
    assert ("p-other", None, "eu-w1") == told(find_settings(RequestedSettings(profile="other")))
    assert ("p-official", None, "us-e1") == told(find_settings(RequestedSettings(profile="dev")))
    assert ("p-deploy", "https://api.deploy.example", None) == told(
        find_settings(RequestedSettings(profile="deploy"))
    )
    bare = find_settings(RequestedSettings(profile="bare"))
    assert ("p-bare", "https://api.environment.example", None) == told(bare)
    assert "TAGOIO_API" == bare.address_source
    option = find_settings(RequestedSettings(profile="other", api="https://api.option.example"))
    assert ("p-other", "https://api.option.example", None) == told(option)
    assert "the option --api" == option.address_source
    region = find_settings(RequestedSettings(region="us-e1"))
    assert ("p-usual", None, "us-e1") == told(region)


def test_the_plan_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose limits to keep stands in the profile."""
    monkeypatch.delenv("TAGOIO_TOKEN")

    assert "scale" == find_settings(RequestedSettings(profile="other")).plan
    assert find_settings(RequestedSettings(profile="bare")).plan is None


def test_an_empty_option_is_no_other_account() -> None:
    """``--token "$UNSET"`` must not work on whatever account comes next."""
    with pytest.raises(ConfigurationError, match="No token: --token is empty"):
        find_settings(RequestedSettings(token=""))


def test_an_unknown_profile_is_told_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also those of the official tool are names that will do."""
    monkeypatch.delenv("TAGOIO_TOKEN")
    with pytest.raises(ConfigurationError) as caught:
        find_settings(RequestedSettings(profile="usaul"))

    assert "Profiles: bare, deploy, dev, other, usual" == caught.value.hint


def test_a_profile_without_a_token_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that was chosen and has no token does not lead to another account's."""
    monkeypatch.delenv("TAGOIO_TOKEN")
    Profiles(path=tmp_path / "config.toml", named={"empty": StoredProfile(plan="free")}).write()

    assert ("", None) == (
        find_settings(RequestedSettings(profile="empty")).source,
        find_settings(RequestedSettings(profile="empty")).token,
    )
