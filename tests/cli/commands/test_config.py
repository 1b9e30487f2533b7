"""``tagodev config``, and the commands that work with what it keeps."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tagodev._cli.config.file import Profiles
from tagodev._secrets import Secret
from tests.cli.official_files import official_environment, write_lock, write_official
from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev.emulator import EmulatorProcess
    from tests.cli.support import Command, Done, InProcess

TOKEN = "p-12345678-aaaa-bbbb-cccc-123456789012"

#: A keyring of its own for the tests, by the interface that keyrings have.
KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError

PLACE = pathlib.Path(__file__).with_name("kept.json")

class Keyring(KeyringBackend):
    priority = 1
    def _all(self):
        return json.loads(PLACE.read_text()) if PLACE.exists() else {}
    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")
    def set_password(self, service, username, password):
        PLACE.write_text(json.dumps({**self._all(), f"{service}/{username}": password}))
    def delete_password(self, service, username):
        kept = self._all()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not there")
        PLACE.write_text(json.dumps(kept))

class Locked(KeyringBackend):
    priority = 1
    def get_password(self, *_):
        raise KeyringError("it is locked")
    set_password = delete_password = get_password
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give where the profiles are kept."""
    return tmp_path / ".config" / "tagodev.toml"


def give(command: Command, token: str, *arguments: str) -> Done:
    """Run a command that reads a token from standard input."""
    done = command.run_with_input(f"{token}\n", "config", *arguments)
    assert TOKEN not in done.out + done.err
    return done


# --- keeping -----------------------------------------------------------------------------------


def test_a_token_from_a_pipe(alone: Command, kept: Path) -> None:
    """It is read from standard input, kept for its owner's eyes only, and never shown."""
    done = give(alone, TOKEN, "set", "dairy", "--plan", "scale", "--region", "eu-w1")

    assert (0, f"dairy: token in {kept}, used by default\n") == (done.code, done.out)
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)
    profiles = Profiles.read(kept)
    assert "dairy" == profiles.default
    profile = profiles.named["dairy"]
    assert (Secret(TOKEN), "eu-w1", "scale") == (profile.token, profile.region, profile.plan)


def test_a_token_from_a_person(alone: Command, kept: Path) -> None:
    """At a terminal it is asked for, and what is typed is not seen."""
    seen = Terminal(alone).run(
        "config", "set", "dairy", answers=[("Token of the profile dairy:", f"{TOKEN}\n")]
    )

    assert seen.code == 0
    assert TOKEN not in seen.out
    assert Secret(TOKEN) == Profiles.read(kept).named["dairy"].token


def test_a_change_keeps_the_token(alone: Command, kept: Path) -> None:
    """Nobody has to find it again to change the plan; an address takes the region's place."""
    give(alone, TOKEN, "set", "dairy", "--region", "eu-w1")
    give(alone, "", "set", "dairy", "--plan", "free", "--api", "https://api.dairy.tagoio.net")
    seen = Terminal(alone).run(
        "config", "set", "dairy", "--plan", "starter", answers=[("empty to keep it:", "\n")]
    )

    assert seen.code == 0
    profile = Profiles.read(kept).named["dairy"]
    assert (Secret(TOKEN), "starter") == (profile.token, profile.plan)
    assert ("https://api.dairy.tagoio.net", None) == (profile.api, profile.region)


def test_the_default(alone: Command, kept: Path) -> None:
    """The first is used by default, another if it is said; whoever goes leaves none."""
    give(alone, TOKEN, "set", "a")
    give(alone, TOKEN, "set", "b")
    assert "a" == Profiles.read(kept).default
    give(alone, "", "set", "b", "--default")
    assert "b" == Profiles.read(kept).default
    done = alone.run("config", "remove", "b", "--yes")
    assert (0, "removed b\n") == (done.code, done.out)
    assert "tagodev config set NAME --default" in done.err
    assert (None, ["a"]) == (Profiles.read(kept).default, [*Profiles.read(kept).named])


@pytest.mark.parametrize(
    ("token", "arguments", "code", "told"),
    [
        ("", ("set", "new"), 3, "The token is empty"),
        ("two words", ("set", "new"), 3, "has invalid characters"),
        (TOKEN, ("set", "a b"), 3, "A profile's name"),
        (TOKEN, ("set", "new", "--region", "moon-1"), 3, "Unknown region"),
        (TOKEN, ("set", "new", "--api", "http://example.com"), 3, "expose the token"),
        (TOKEN, ("set", "new", "--api", "https://a.example", "--region", "eu-w1"), 2, "--api"),
        (TOKEN, ("set", "new", "--plan", "gold"), 2, "gold"),
        (TOKEN, ("set", "new", TOKEN), 2, ""),
        ("", ("remove", "new", "--yes"), 3, "no profile 'new'"),
        ("", ("remove", "known"), 2, "--yes"),
    ],
)
def test_what_is_refused(
    alone: Command, token: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """What can't work is refused, and the file stays as it was."""
    give(alone, TOKEN, "set", "known")
    kept = alone.folder / ".config" / "tagodev.toml"
    before = kept.read_bytes()
    done = alone.run_with_input(f"{token}\n", "config", *arguments)

    assert (code, "") == (done.code, done.out)
    assert told in done.err
    assert before == kept.read_bytes()


# --- looking -----------------------------------------------------------------------------------


def test_list_and_show(alone: Command, kept: Path) -> None:
    """Tokens are shown by how they begin; where each thing comes from is told."""
    give(alone, TOKEN, "set", "dairy", "--plan", "scale")
    write_official(alone.folder, "dev", dev=official_environment())
    lock = write_lock(alone.folder, "dev", TOKEN)
    listed = alone.run("config", "list")
    assert [
        ["name", "default", "service", "plan", "token", "kept"],
        ["dairy", "yes", "us-e1", "scale", "p-12…", str(kept)],
        ["dev", "no", "us-e1", "-", "p-12…", str(lock)],
    ] == [line.split() for line in listed.out.splitlines()]
    shown = alone.run("config", "show", "--json").json()
    assert shown == {
        "token": "p-12…",
        "token_from": f"the profile dairy ({kept})",
        "service": "us-e1",
        "service_from": "the default",
        "plan": "scale",
        "file": str(kept),
    }
    dev = alone.run("config", "show", "--profile", "dev", "--plan", "free", "--json").json()
    assert (f"tagoio's environment dev ({lock})", "free") == (dev["token_from"], dev["plan"])


def test_nothing_to_show(in_process: InProcess) -> None:
    """3: without a token it is told how to give one."""
    done = in_process("config", "show")

    assert done.code == 3
    assert "No token: set TAGOIO_TOKEN" in done.err
    assert "No profiles\n" == in_process("config", "list").err


# --- working with it ---------------------------------------------------------------------------


@pytest.fixture
def with_profile(alone: Command, shared_emulator: EmulatorProcess) -> Command:
    """Give the command line without token and address, and a profile that has both."""
    done = alone.run_with_input(
        f"{shared_emulator.token}\n",
        *("config", "set", "emulated", "--api", shared_emulator.url, "--plan", "scale"),
    )
    assert done.code == 0, done.err
    return alone


def test_commands_use_the_default_profile(with_profile: Command) -> None:
    """Token, address and plan come from there."""
    done = with_profile.run("token", "info", "--json")

    assert "profile" == done.json()["type"]
    assert "the profile emulated" in done.json()["source"]


def test_a_run_goes_on_with_its_profile(
    with_profile: Command, shared_emulator: EmulatorProcess
) -> None:
    """A journal remembers which profile it was begun with, though not the token."""
    profiles = Profiles.read(with_profile.folder / ".config" / "tagodev.toml")
    Profiles(path=profiles.path, named=profiles.named).write()
    with_profile.run("device", "create", "to go", "--profile", "emulated")
    done = with_profile.run(
        *("device", "delete", "--name", "to go", "--yes", "--profile", "emulated"),
        *("--journal", "mine.journal"),
    )
    assert done.code == 0, done.err
    assert shared_emulator.token.encode() not in (with_profile.folder / "mine.journal").read_bytes()
    assert with_profile.run("bulk", "resume", "mine.journal").code == 0


def test_the_official_tools_token(alone: Command, shared_emulator: EmulatorProcess) -> None:
    """Whoever has logged in with the official tool has nothing to set up."""
    environment = official_environment(tagoAPIURL=shared_emulator.url)
    write_official(alone.folder, "dev", dev=environment)
    write_lock(alone.folder, "dev", shared_emulator.token)
    done = alone.run("device-list", "--env", "dev", "--plan", "scale")

    assert done.code == 0, done.err


def test_no_such_profile(in_process: InProcess) -> None:
    """3: a name with a typing error is no other account."""
    done = in_process("device", "list", "--profile", "nonsense")

    assert done.code == 3
    assert "There is no profile 'nonsense'" in done.err


# --- the keyring -------------------------------------------------------------------------------


@pytest.fixture
def keyring(alone: Command) -> Path:
    """Let there be a keyring, and give where it keeps things."""
    pytest.importorskip("keyring", reason="the extra keyring is not installed")
    place = alone.folder / "ring"
    place.mkdir()
    (place / "ours.py").write_text(KEYRING)
    alone.environment |= {
        "PYTHONPATH": str(place),
        "PYTHON_KEYRING_BACKEND": "ours.Keyring",
    }
    return place / "kept.json"


def test_the_keyring_keeps_the_token(alone: Command, kept: Path, keyring: Path) -> None:
    """Where there is one the token is there and not in the file, until it is forgotten."""
    done = give(alone, TOKEN, "set", "dairy")
    assert "dairy: token in the system keyring, used by default\n" == done.out
    assert TOKEN not in kept.read_text()
    assert TOKEN in keyring.read_text()
    shown = alone.run("config", "show", "--json").json()
    assert ("p-12…", "the profile dairy (the system keyring)") == (
        shown["token"],
        shown["token_from"],
    )
    assert "keyring" in alone.run("config", "list").out
    alone.run("config", "remove", "dairy", "--yes")
    assert TOKEN not in keyring.read_text()


def test_out_of_the_keyring(alone: Command, kept: Path, keyring: Path) -> None:
    """--no-keyring puts it into the file, and the keyring forgets it."""
    give(alone, TOKEN, "set", "dairy")
    give(alone, TOKEN, "set", "dairy", "--no-keyring")

    assert TOKEN in kept.read_text()
    assert TOKEN not in keyring.read_text()


def test_a_keyring_that_is_locked(alone: Command, kept: Path, keyring: Path) -> None:
    """A token goes into the file where the keyring does not take it; what is in it is missed."""
    give(alone, TOKEN, "set", "dairy")
    alone.environment["PYTHON_KEYRING_BACKEND"] = "ours.Locked"
    shown = alone.run("config", "show")
    assert (3, True) == (shown.code, "it is locked" in shown.err)
    assert f"token in {kept}" in give(alone, TOKEN, "set", "other").out
    insisted = give(alone, TOKEN, "set", "third", "--keyring")
    assert (3, True) == (insisted.code, "No usable system keyring" in insisted.err)
    removed = alone.run("config", "remove", "dairy", "--yes")
    assert (0, True) == (removed.code, "it is locked" in removed.err)


def test_without_the_package(alone: Command, kept: Path) -> None:
    """The extra is not needed; a profile that needs it says what to install."""
    (alone.folder / "sitecustomize.py").write_text("import sys; sys.modules['keyring'] = None\n")
    alone.environment["PYTHONPATH"] = str(alone.folder)
    assert f"token in {kept}" in give(alone, TOKEN, "set", "dairy").out
    kept.write_text("[profile.ring]\nkeyring = true\n")
    shown = alone.run("config", "show", "--profile", "ring")
    assert (3, True) == (shown.code, "pip install 'tagodev[keyring]'" in shown.err)
    assert "remains in the system keyring" in alone.run("config", "remove", "ring", "--yes").err
