"""Description of the machine and versions of a measurement."""

from __future__ import annotations

import os
import platform
import time
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import tagodev

__all__ = ["describe", "facts"]

_SOURCE: Final = Path(tagodev.__file__).parent


def describe(*distributions: str) -> str:
    """Return the date, this machine and the versions that were used, in one line.

    Args:
        distributions: names of installed packages that took part, besides tagodev.
    """
    versions = [f"tagodev {tagodev.__version__} (source {_source_digest()})"]
    versions += [f"{name} {version(name)}" for name in distributions]
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), "
        f"{platform.python_implementation()} {platform.python_version()}, {', '.join(versions)}"
    )


def facts(*distributions: str) -> dict[str, str]:
    """Return the same as single facts."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "tagodev": f"{tagodev.__version__} (source {_source_digest()})",
        **{name: version(name) for name in distributions},
    }


def _source_digest() -> str:
    """Return a digest of the source, which identifies unreleased states."""
    digest = sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]
