"""The config file of named profiles: token, service and rate plan.

The file is TOML, in the platform's config folder or at the path in ``TAGODEV_CONFIG``::

    default = "dairy"

    [profile.dairy]
    plan = "scale"
    region = "eu-w1"
    token = "p-..."

A token can be stored in the system keyring instead (``keyring = true``).
Only the owner can read the file, and it is replaced atomically.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from tagodev._cli.output.console import print_message
from tagodev._filesystem.atomic_write import whole_text
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError, InputError
from tagodev.hard_limits import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

__all__ = ["Profiles", "StoredProfile", "check_name", "check_token", "config_path"]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN: Final = re.compile(r"[!-~]{1,500}")
_TEXTS: Final = ("api", "region", "plan", "token")
_OTHERS_MASK: Final = 0o077
_HEADER: Final = "# Profiles of tagodev; written by: tagodev config\n"


def config_path() -> Path:
    """Return the path of the config file.

    Raises:
        ConfigurationError: there is no home folder.
    """
    path = os.environ.get("TAGODEV_CONFIG")
    if path:
        return Path(path)
    # Imported here, as most commands don't need it.
    from platformdirs import user_config_path

    try:
        return user_config_path("tagodev", appauthor=False) / "config.toml"
    except RuntimeError:
        raise ConfigurationError(
            "There is no home folder to store profiles in", hint="Set HOME or TAGODEV_CONFIG"
        ) from None


def check_name(name: str) -> str:
    """Return a profile's name if it is valid.

    Raises:
        ConfigurationError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            "A profile's name must have 1 to 64 letters, digits, dashes or underscores"
        )
    return name


def check_token(text: str) -> Secret:
    """Return a token from user input, without surrounding whitespace.

    Raises:
        ConfigurationError: it is empty or has invalid characters.
    """
    token = Secret(text.strip())
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError("The token is empty or has invalid characters")
    return token


@attrs.frozen(kw_only=True)
class StoredProfile:
    """One named profile."""

    token: Secret | None = None
    """The token, if it is stored in the file."""
    keyring: bool = False
    """Whether the token is stored in the system keyring."""
    api: str | None = None
    """Address of the service, for TagoDeploy or an emulator."""
    region: str | None = None
    """Region of the service; an address takes precedence."""
    plan: Plan | None = None
    """The rate plan."""

    @property
    def address(self) -> str:
        """Address or region of the service, for display."""
        return self.api or self.region or "us-e1"

    def values(self) -> dict[str, str | bool | None]:
        """Return the values of the profile's table in the file; None for a key to leave out."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        token = None if self.token is None else self.token.reveal()
        return {**texts, "token": token, "keyring": self.keyring or None}


@attrs.frozen(kw_only=True)
class Profiles:
    """All named profiles of a file."""

    path: Path
    """The file, which need not exist."""
    named: Mapping[str, StoredProfile] = attrs.field(factory=dict)
    """The profiles by name."""
    default: str | None = None
    """The name of the default profile."""

    @classmethod
    def read(cls, path: Path) -> Profiles:
        """Read a file; a missing file has no profiles.

        Raises:
            ConfigurationError: it can't be read, or is not a valid config file.
        """
        try:
            with path.open("rb") as file:
                shared = os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS_MASK
                found = tomllib.load(file)
        except FileNotFoundError:
            return cls(path=path)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: {error}") from None
        if shared and "token" in str(found):
            print_message(f"Other users can read {path}, which may hold tokens: chmod 600 {path}")
        return _checked(path, found)

    def write(self) -> None:
        """Write the file, readable only by its owner; comments stay.

        Raises:
            ConfigurationError: it can't be written.
        """
        import tomlkit

        try:
            text = self.path.read_text("utf-8") if self.path.exists() else _HEADER
            document = tomlkit.parse(text)
            _assign(document, {"default": self.default})
            tables = document.setdefault("profile", tomlkit.table(is_super_table=True))
            for name in tables.keys() - self.named.keys():
                del tables[name]
            for name, profile in self.named.items():
                _assign(tables.setdefault(name, tomlkit.table()), profile.values())
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_text(self.path) as file:
                file.write(tomlkit.dumps(document))
        except OSError as error:
            raise ConfigurationError(f"{self.path}: {error.strerror}") from None
        except InputError as error:
            raise ConfigurationError(str(error)) from None


def _assign(table: MutableMapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set the values of a table, and remove those that are None."""
    for key, value in values.items():
        if value is not None:
            table[key] = value
        elif key in table:
            del table[key]


def _checked(path: Path, found: Mapping[str, Any]) -> Profiles:
    tables, default = found.get("profile", {}), found.get("default")
    if not isinstance(tables, dict) or found.keys() - {"profile", "default"}:
        raise ConfigurationError(f"{path}: may hold only default and [profile.NAME] tables")
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
        expected = str if key in _TEXTS else bool
        if key not in (*_TEXTS, "keyring") or not isinstance(value, expected):
            # The message leaves out the value, which may be a token.
            raise ConfigurationError(f"{where}.{key}: unknown key, or a value of the wrong type")
        if isinstance(value, str) and not _TOKEN.fullmatch(value):
            raise ConfigurationError(f"{where}.{key}: is empty or has invalid characters")
    if table.get("plan") not in (None, *get_args(Plan)):
        raise ConfigurationError(f"{where}.plan: must be one of {', '.join(get_args(Plan))}")
    token = table.get("token")
    return StoredProfile(**{**table, "token": None if token is None else Secret(token)})
