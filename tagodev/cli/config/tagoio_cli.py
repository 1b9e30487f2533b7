"""The files of TagoIO's own command line, read where they are: nothing is ever written there.

It calls an account an environment, and keeps three files in a project's folder, or, since its
version 3, in a folder of the user's:

``tagoconfig.json``
    the environments by name, each with the address of its service where that is not TagoIO's own;
``.tagoio/personal.env``
    which of them is used where none is named (``TAGOIO_DEFAULT``);
``.tago-lock.NAME.lock``
    an environment's token: hexadecimal, on the last of many lines of noise.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Environment", "Environments"]

_CONFIG: Final = "tagoconfig.json"
_PERSONAL: Final = ".tagoio/personal.env"
_DEFAULT: Final = "TAGOIO_DEFAULT"
#: Folders that the official tool goes up before it gives up.
_HIGHEST: Final = 32


@attrs.frozen(kw_only=True)
class Environment:
    """An account as the official tool knows it."""

    name: str
    """What it is called."""
    lock: Path
    """The file that holds its token."""
    token: Secret | None
    """Its token; None where the official tool is not logged in."""
    api: str | None
    """Address of its service; None for TagoIO's own."""


@attrs.frozen(kw_only=True)
class Environments:
    """What the official tool knows in a folder."""

    root: Path
    """The folder of its files."""
    names: tuple[str, ...]
    """The environments that it knows."""
    default: str | None
    """The one that it uses where none is named."""
    _config: Mapping[str, Any] = attrs.field(alias="config", repr=False)

    @classmethod
    def find(cls, folder: Path) -> Environments | None:
        """Return what it knows in a folder or the nearest above; None where it was never used.

        Args:
            folder: where to begin.
        """
        folder = folder.absolute()
        for root in (*[folder, *folder.parents][:_HIGHEST], *_users_folders()):
            config = _read_config(root / _CONFIG)
            if config is not None:
                names = tuple(name for name, value in config.items() if isinstance(value, dict))
                default = os.environ.get(_DEFAULT) or _read_default(root) or config.get("default")
                known = default if default in names else None
                return cls(root=root, names=names, default=known, config=config)
        return None

    def environment(self, name: str) -> Environment:
        """Return one of those it knows."""
        lock = self.root / f".tago-lock.{name}.lock"
        api = self._config[name].get("tagoAPIURL")
        return Environment(
            name=name,
            lock=lock,
            token=_read_token(lock),
            api=api if isinstance(api, str) and api.strip() else None,
        )


def _users_folders() -> Iterator[Path]:
    """Yield the folder of the user's in which the official tool looks last, if he has a home."""
    with suppress(RuntimeError):
        if sys.platform == "win32":
            base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
        else:
            base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        yield Path(base) / "tagoio"


def _read_config(path: Path) -> dict[str, Any] | None:
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError):
        # As the official tool does: what it can't read holds nothing.
        return {}
    return found if isinstance(found, dict) else {}


def _read_default(root: Path) -> str | None:
    try:
        text = (root / _PERSONAL).read_text("utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.strip().removeprefix("export ").partition("=")
        if key.strip() == _DEFAULT:
            return value.strip().strip("\"'") or None
    return None


def _read_token(lock: Path) -> Secret | None:
    try:
        last = lock.read_text("ascii").rpartition("\n")[2]
        return Secret(bytes.fromhex(last).decode("ascii")) if last.strip() else None
    except (OSError, ValueError):
        return None
