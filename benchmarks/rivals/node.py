"""Node, and the official JavaScript SDK, installed by npm among the user's caches."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["SDK_VERSION", "installed_sdk", "node", "node_version"]

_SDK: Final = "@tago-io/sdk"
#: The version that is compared; the one that the emulator is tested with.
SDK_VERSION: Final = "12.3.1"
#: Seconds that npm may take.
_INSTALLATION: Final = 240


def node() -> str:
    """Return the path of Node.

    Raises:
        RuntimeError: there is none.
    """
    return _program("node")


@cache
def node_version() -> str:
    """Return Node's version."""
    version = subprocess.run([node(), "--version"], check=True, capture_output=True, text=True)
    return version.stdout.strip()


def installed_sdk() -> Path:
    """Return a folder that holds node_modules with the SDK.

    Raises:
        RuntimeError: it can't be installed.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = caches / "tagodev" / f"official-js-{SDK_VERSION}"
    if not (home / "node_modules" / _SDK / "package.json").is_file():
        _install(home / "node_modules")
    return home


def _install(folder: Path) -> None:
    """Install the SDK and what it needs, whole or not at all."""
    command = [_program("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        done = subprocess.run(
            [*command, "--prefix", scratch, f"{_SDK}@{SDK_VERSION}"],
            capture_output=True,
            text=True,
            timeout=_INSTALLATION,
            check=False,
        )
        if done.returncode:
            msg = f"npm says {done.stderr[-500:]}"
            raise RuntimeError(msg)
        if not folder.exists():
            Path(scratch, "node_modules").rename(folder)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        msg = f"there is no {name}"
        raise RuntimeError(msg)
    return found
