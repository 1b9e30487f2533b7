"""The file of named profiles: what is written is read again, and nobody else reads it."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._cli.config.file import Profiles, StoredProfile, check_name, check_token, config_path
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=80)
STORED = st.builds(
    StoredProfile,
    token=st.none() | TEXTS.map(Secret),
    keyring=st.booleans(),
    api=st.none() | TEXTS,
    region=st.none() | TEXTS,
    plan=st.sampled_from([None, "free", "starter", "scale"]),
)


@given(named=st.dictionaries(NAMES, STORED, max_size=5), data=st.data())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    named: dict[str, StoredProfile],
    data: st.DataObject,
) -> None:
    """Whatever a token or an address holds, quotes and backslashes too, it comes back."""
    path = tmp_path_factory.mktemp("profiles") / "config.toml"
    default = data.draw(st.sampled_from([None, *named]))
    profiles = Profiles(path=path, named=named, default=default)
    profiles.write()

    assert profiles == Profiles.read(path)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """File and folder are their owner's alone, from the moment they are there."""
    path = tmp_path / "new" / "folder" / "config.toml"
    profile = StoredProfile(token=Secret("p-made-up"))
    before = os.umask(0)
    try:
        Profiles(path=path, named={"a": profile}).write()
    finally:
        os.umask(before)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert ["config.toml"] == [one.name for one in path.parent.iterdir()]


def test_comments_stay(tmp_path: Path) -> None:
    """An edit keeps the comments and the order of a file that was written by hand."""
    path = tmp_path / "config.toml"
    path.write_text(
        '# Ours\n[profile.b] # north\nplan = "scale" # since May\n\n[profile.a]\nregion = "eu-w1"\n'
    )
    stored = Profiles.read(path)
    changed = {"b": StoredProfile(plan="scale", api="https://b.example"), "c": StoredProfile()}
    attrs.evolve(stored, named=changed, default="b").write()

    text = path.read_text()
    assert "profile.a" not in text
    assert ["# Ours", "# north", "# since May"] == re.findall("# .*", text)
    assert (changed, "b") == (Profiles.read(path).named, Profiles.read(path).default)


def test_a_file_that_others_can_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that lies open is worth a word, each time."""
    path = tmp_path / "config.toml"
    Profiles(path=path, named={"a": StoredProfile(token=Secret("p-made-up"))}).write()
    path.chmod(0o644)
    Profiles.read(path)

    assert f"Other users can read {path}" in capsys.readouterr().err


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced as a whole, or not at all."""
    path = tmp_path / "config.toml"
    old = Profiles(path=path, named={"a": StoredProfile(api="https://a.example")})
    old.write()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        Profiles(path=path, named={"b": StoredProfile()}).write()

    assert old == Profiles.read(path)
    assert ["config.toml"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("default = ", "Invalid value"),
        ('default = "a"\n', "default: there is no profile"),
        ("[profile.a]\ntoken = 5\n", "profile.a.token"),
        ('[profile.a]\ntoken = "p-secret\\u0007"\n', "profile.a.token"),
        ('[profile.a]\ntokn = "p-secret"\n', "profile.a.tokn"),
        ('[profile.a]\nplan = "gold"\n', "profile.a.plan"),
        ('[profile.a]\nkeyring = "yes"\n', "profile.a.keyring"),
        ('[profile."a b"]\n', "letters, digits"),
        ("profile = 1\n", "may hold only"),
        ("[profile]\na = 1\n", "must be a table"),
        ('token = "p-secret"\n', "may hold only"),
        ("\xff", ""),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, told: str) -> None:
    """What can't be understood is told with its place, and no value is repeated."""
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError) as caught:
        Profiles.read(path)

    assert str(path) in str(caught.value) or "name" in str(caught.value)
    assert told in str(caught.value)
    assert "p-secret" not in str(caught.value)


def test_no_file_is_no_profile(tmp_path: Path) -> None:
    """Nobody has to make one."""
    assert Profiles(path=tmp_path / "none") == Profiles.read(tmp_path / "none")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """What can't be read is told."""
    with pytest.raises(ConfigurationError, match="Is a directory"):
        Profiles.read(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "x" * 65, "a/b"])
def test_names(name: str) -> None:
    """A name can stand in a shell, in the file and in a keyring as it is."""
    with pytest.raises(ConfigurationError):
        check_name(name)


@pytest.mark.parametrize("text", ["", " \n", "two words", "p-\x07", "é"])
def test_tokens(text: str) -> None:
    """What is no token is refused, and not repeated."""
    with pytest.raises(ConfigurationError, match="The token is empty or has"):
        check_token(text)


def test_a_token_comes_with_a_newline() -> None:
    """A terminal and ``echo`` put one behind it."""
    assert Secret("p-made-up") == check_token(" p-made-up\r\n")


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the platform keeps such files, or where the environment says."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert tmp_path / "tagodev" / "config.toml" == config_path()
    monkeypatch.setenv("TAGODEV_CONFIG", str(tmp_path / "other.toml"))

    assert tmp_path / "other.toml" == config_path()
