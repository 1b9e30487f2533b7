"""Catalogue of the compared clients: program and description of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.rivals.node import installed_sdk, node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NAMES", "PYTHON", "Entry", "command", "distributions"]

_SCRIPT: Final = Path(__file__).parent / "with_js_sdk.mjs"


@attrs.frozen
class Entry:
    """A client written in Python."""

    module: str
    """Its module in `benchmarks.rivals`."""
    function: str
    """The function that does the job."""
    distributions: tuple[str, ...]
    """Installed distributions, whose versions are reported."""
    uvloop: bool = False
    """Whether it runs on uvloop."""


#: The rivals in Python, in the order in which they run.
PYTHON: Final[Mapping[str, Entry]] = {
    "tagodev": Entry("with_tagodev", "in_bulk", ("aiohttp", "aiolimiter", "orjson")),
    "tagodev on uvloop": Entry("with_tagodev", "in_bulk", ("uvloop",), uvloop=True),
    "official Python SDK": Entry("with_python_sdk", "one_by_one", ("tagoio-sdk",)),
    "official Python SDK, 16 threads": Entry("with_python_sdk", "in_threads", ()),
    "aiohttp + AsyncLimiter": Entry("with_aiohttp", "with_aiolimiter", ()),
    "aiohttp + PyrateLimiter": Entry("with_aiohttp", "with_pyrate_limiter", ("pyrate-limiter",)),
    "aiohttp + throttled-py": Entry("with_aiohttp", "with_throttled", ("throttled-py",)),
    "aiohttp + limits": Entry("with_aiohttp", "with_limits", ("limits",)),
    "httpx + retry on 429": Entry("with_httpx", "with_retry", ("httpx",)),
    "aiohttp alone": Entry("with_aiohttp", "with_nothing", ()),
}
_JAVASCRIPT: Final = "official JavaScript SDK"
#: All of them.
NAMES: Final = (*list(PYTHON)[:4], _JAVASCRIPT, *list(PYTHON)[4:])


def command(name: str) -> Sequence[str]:
    """Return the command line of a client."""
    if name != _JAVASCRIPT:
        return [sys.executable, "-m", "benchmarks.rivals", name]
    return [node(), str(_SCRIPT), str(installed_sdk())]


def distributions() -> tuple[str, ...]:
    """Return the installed distributions of all clients written in Python."""
    return tuple(dict.fromkeys(name for entry in PYTHON.values() for name in entry.distributions))
