"""Environment variables and versions that ``tagodev doctor`` shows."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from tagodev import __version__

__all__ = ["PROXIES", "environment", "versions"]

#: Variables whose values are shown.
_SHOWN: Final = (
    "TAGODEV_PLAN",
    "TAGODEV_PROFILE",
    "TAGODEV_CONFIG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
)
#: Variables that may contain a token or a password.
_SECRET: Final = ("TAGOIO_TOKEN", "TAGOIO_API", "TAGODEV_LEDGER")
#: Variables that set a proxy for other programs.
PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY")
_LIBRARIES: Final = ("aiohttp", "aiolimiter", "attrs", "cattrs", "orjson", "cyclopts", "rich")


def environment() -> dict[str, str]:
    """Return the variables that are set; secret values are replaced by ``set``."""
    shown = {name: os.environ[name] for name in _SHOWN if os.environ.get(name)}
    return shown | {name: "set" for name in (*_SECRET, *PROXIES) if os.environ.get(name)}


def versions() -> dict[str, str]:
    """Return the versions of tagodev, Python, the platform and the dependencies."""
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
