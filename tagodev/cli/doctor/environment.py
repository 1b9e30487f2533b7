"""What is set around a command: environment variables, and the versions of what it is made of."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from tagodev import __version__

__all__ = ["PROXIES", "environment", "versions"]

#: Variables whose values may be shown.
_OPEN: Final = (
    "TAGODEV_PLAN",
    "TAGODEV_PROFILE",
    "TAGODEV_CONFIG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
)
#: Variables that may hold a token or a password.
_CLOSED: Final = ("TAGOIO_TOKEN", "TAGOIO_API", "TAGODEV_LEDGER")
#: Variables that name a proxy for other programs.
PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY")
_LIBRARIES: Final = ("aiohttp", "aiolimiter", "attrs", "cattrs", "orjson", "cyclopts", "rich")


def environment() -> dict[str, str]:
    """Return the variables that are set and matter, with their values where these may be seen."""
    told = {name: os.environ[name] for name in _OPEN if os.environ.get(name)}
    return told | {name: "set" for name in (*_CLOSED, *PROXIES) if os.environ.get(name)}


def versions() -> dict[str, str]:
    """Return the versions of this program and of what it stands on."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    return {
        "tagodev": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **libraries,
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
