"""Named profiles: which service, as whom, and within whose limits; kept in a file of one's own.

The file is TOML, and lies where the platform keeps such files, or where ``TAGODEV_CONFIG`` says::

    default = "dairy"

    [profile.dairy]
    plan = "scale"
    region = "eu-w1"
    token = "p-..."

A token may lie in the system's keyring instead (``keyring = true``).
The file is for its owner's eyes only, and it is replaced as a whole, never half written.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from tagodev.cli.output.console import say
from tagodev.errors import ConfigurationError, InputError
from tagodev.filesystem.atomic_write import whole_text
from tagodev.hard_limits import Plan
from tagodev.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Profiles", "StoredProfile", "check_name", "check_token", "config_path"]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN: Final = re.compile(r"[!-~]{1,500}")
_TEXTS: Final = ("api", "region", "plan", "token")
_OTHERS: Final = 0o077


def config_path() -> Path:
    """Return where profiles are kept.

    Raises:
        ConfigurationError: there is no home folder.
    """
    given = os.environ.get("TAGODEV_CONFIG")
    if given:
        return Path(given)
    # Looked for only here: most commands find their token without it.
    from platformdirs import user_config_path

    try:
        return user_config_path("tagodev", appauthor=False) / "config.toml"
    except RuntimeError:
        raise ConfigurationError(
            "There is no home folder to keep profiles in", hint="Set HOME, or TAGODEV_CONFIG"
        ) from None


def check_name(name: str) -> str:
    """Return a profile's name, if it may be one.

    Raises:
        ConfigurationError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            "A profile's name is made of letters, digits, dashes and underscores, 64 at most"
        )
    return name


def check_token(text: str) -> Secret:
    """Return a token that somebody gave, without what a terminal or a file puts around it.

    Raises:
        ConfigurationError: it is none.
    """
    token = Secret(text.strip())
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError("The token is empty, or holds characters that no token has")
    return token


@attrs.frozen(kw_only=True)
class StoredProfile:
    """One named profile."""

    token: Secret | None = None
    """The token, where the file holds it."""
    keyring: bool = False
    """Whether the system's keyring holds the token."""
    api: str | None = None
    """Address of the service, for TagoDeploy or an emulator."""
    region: str | None = None
    """Region of the service; the address goes before it."""
    plan: Plan | None = None
    """Whose limits to keep."""

    @property
    def address(self) -> str:
        """Where the service is, as a person reads it."""
        return self.api or self.region or "us-e1"

    def lines(self) -> list[str]:
        """Return it as lines of TOML."""
        values = {name: getattr(self, name) for name in _TEXTS if getattr(self, name) is not None}
        # Each of these is printable ASCII, so two characters are all that needs care.
        lines = [f'{name} = "{_escaped(value)}"' for name, value in values.items()]
        return [*lines, "keyring = true"] if self.keyring else lines


def _escaped(value: str | Secret) -> str:
    text = value.reveal() if isinstance(value, Secret) else value
    return text.replace("\\", "\\\\").replace('"', '\\"')


@attrs.frozen(kw_only=True)
class Profiles:
    """All named profiles of a file."""

    path: Path
    """The file, whether it is there or not."""
    named: Mapping[str, StoredProfile] = attrs.field(factory=dict)
    """The profiles by their names."""
    default: str | None = None
    """The name of the one that is used where none is named."""

    @classmethod
    def read(cls, path: Path) -> Profiles:
        """Read a file; one that is not there holds nothing.

        Raises:
            ConfigurationError: it can't be read, or is not what this writes.
        """
        try:
            with path.open("rb") as file:
                shared = os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS
                found = tomllib.load(file)
        except FileNotFoundError:
            return cls(path=path)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: {error}") from None
        if shared and "token" in str(found):
            say(f"Others can read {path}, and it may hold tokens: chmod 600 {path}")
        return _checked(path, found)

    def write(self) -> None:
        """Write the file, for its owner's eyes only.

        Raises:
            ConfigurationError: the disk does not take it.
        """
        lines = ["# Profiles of tagodev; written by: tagodev config"]
        if self.default is not None:
            lines += [f'default = "{self.default}"']
        for name, profile in sorted(self.named.items()):
            lines += ["", f"[profile.{name}]", *profile.lines()]
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_text(self.path) as file:
                file.write("\n".join(lines) + "\n")
        except OSError as error:
            raise ConfigurationError(f"{self.path}: {error.strerror}") from None
        except InputError as error:
            raise ConfigurationError(str(error)) from None


def _checked(path: Path, found: Mapping[str, Any]) -> Profiles:
    tables, default = found.get("profile", {}), found.get("default")
    if not isinstance(tables, dict) or found.keys() - {"profile", "default"}:
        raise ConfigurationError(f"{path}: holds more than default and [profile.NAME]")
    named = {name: _profile(path, name, table) for name, table in tables.items()}
    if default is not None and default not in named:
        raise ConfigurationError(f"{path}: default: there is no profile of that name")
    return Profiles(path=path, named=named, default=default)


def _profile(path: Path, name: str, table: object) -> StoredProfile:
    where = f"{path}: profile.{name}"
    check_name(name)
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}: must be a table")
    for key, value in table.items():
        wanted = str if key in _TEXTS else bool
        if key not in (*_TEXTS, "keyring") or not isinstance(value, wanted):
            # The value may be a token: it is not repeated.
            raise ConfigurationError(f"{where}.{key}: is not understood")
        if isinstance(value, str) and not _TOKEN.fullmatch(value):
            raise ConfigurationError(f"{where}.{key}: is empty, or holds unusual characters")
    if table.get("plan") not in (None, *get_args(Plan)):
        raise ConfigurationError(f"{where}.plan: is one of {', '.join(get_args(Plan))}")
    token = table.get("token")
    return StoredProfile(**{**table, "token": None if token is None else Secret(token)})
