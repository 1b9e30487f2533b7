"""The user's state folder: run locks, apply journals, list sources and snapshots.

Its content can't be rebuilt from the service, so it is a state folder in the sense of the XDG
specification, not a cache.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tagodev.errors import ConfigurationError

__all__ = ["private_folder", "state_folder"]


def state_folder() -> Path:
    """Return the folder for state between commands; it may not exist.

    It is set by ``TAGODEV_STATE``. Default: ``$XDG_STATE_HOME/tagodev``
    (``~/.local/state/tagodev``), on macOS ``~/Library/Application Support/tagodev``, on Windows
    ``%LOCALAPPDATA%/tagodev/State``.
    """
    if chosen := os.environ.get("TAGODEV_STATE"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":  # pragma: no cover  (the tests run elsewhere)
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
        return base / "tagodev" / "State"
    if sys.platform == "darwin":  # pragma: no cover  (the tests run elsewhere)
        return Path.home() / "Library" / "Application Support" / "tagodev"
    xdg = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG specification: a relative path is invalid and is ignored.
    base = xdg if xdg.is_absolute() else Path.home() / ".local" / "state"
    return base / "tagodev"


def private_folder(*parts: str) -> Path:
    """Return a folder inside the state folder, created with mode 0700 if missing.

    Args:
        parts: names of the folder and its parents, below the state folder.

    Raises:
        ConfigurationError: the folder can't be created.
    """
    try:
        folder = state_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts:
            folder /= part
            folder.mkdir(mode=0o700, exist_ok=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"The state folder can't be used: {reason}",
            hint="Set TAGODEV_STATE to a writable folder",
        ) from None
    return folder
