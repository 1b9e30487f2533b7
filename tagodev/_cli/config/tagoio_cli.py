"""Reader for the environment files of TagoIO's official tool (read only).

The official tool calls an account an environment, and keeps three files in the project's folder or,
since its version 3, in the user's config folder:

``tagoconfig.json``
    the environments by name, each with the address of its service where that is not TagoIO's own;
``.tagoio/personal.env``
    the default environment (``TAGOIO_DEFAULT``);
``.tago-lock.NAME.lock``
    an environment's token: hexadecimal, on the last line, after many lines of filler.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev._secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Environment", "Environments"]

_CONFIG: Final = "tagoconfig.json"
_PERSONAL: Final = ".tagoio/personal.env"
_DEFAULT: Final = "TAGOIO_DEFAULT"
#: Parent folders that the official tool searches.
_MAX_PARENTS: Final = 32


@attrs.frozen(kw_only=True)
class Environment:
    """An environment (account) of the official tool."""

    name: str
    """Its name."""
    lock: Path
    """The file with its token."""
    token: Secret | None
    """Its token; None if the official tool is not logged in."""
    api: str | None
    """Address of its service; None for TagoIO's own."""


@attrs.frozen(kw_only=True)
class Environments:
    """The environments of the official tool for a folder."""

    root: Path
    """The folder of the official tool's files."""
    names: tuple[str, ...]
    """Names of the environments."""
    default: str | None
    """Name of the default environment."""
    _config: Mapping[str, Any] = attrs.field(alias="config", repr=False)

    @classmethod
    def find(cls, folder: Path) -> Environments | None:
        """Return the environments of a folder or its nearest parent; None if there are none.

        Args:
            folder: the folder to start from.
        """
        folder = folder.absolute()
        for root in (*[folder, *folder.parents][:_MAX_PARENTS], *_user_folders()):
            config = _read_config(root / _CONFIG)
            if config is not None:
                names = tuple(name for name, value in config.items() if isinstance(value, dict))
                default = os.environ.get(_DEFAULT) or _read_default(root) or config.get("default")
                known = default if default in names else None
                return cls(root=root, names=names, default=known, config=config)
        return None

    def environment(self, name: str) -> Environment:
        """Return an environment by its name, which must be one of `names`."""
        lock = self.root / f".tago-lock.{name}.lock"
        api = self._config[name].get("tagoAPIURL")
        return Environment(
            name=name,
            lock=lock,
            token=_read_token(lock),
            api=api if isinstance(api, str) and api.strip() else None,
        )


def _user_folders() -> Iterator[Path]:
    """Yield the user's config folder, which the official tool searches last, if there is one."""
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
        # Like the official tool, treat an unreadable file as empty.
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
