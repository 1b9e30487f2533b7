"""The official JavaScript SDK, unchanged, finds the service it knows.

Needs Node, and npm once: the SDK is installed into a folder of its own among the user's caches.
Where either is missing the tests are skipped on a developer's machine and fail in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.processes import environment, run

HERE: Final = Path(__file__).parent / "official_js"
SDK: Final = "@tago-io/sdk"
#: Seconds that npm may take, and the whole script.
INSTALLATION: Final = 240
SCRIPT: Final = 60

# The installation is npm's affair and takes as long as it takes.
pytestmark = pytest.mark.timeout(INSTALLATION + SCRIPT)


def missing(what: str) -> NoReturn:
    """Skip, or fail where these tests must not be left out."""
    text = f"the official JavaScript SDK can't be run: {what}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def program(name: str) -> str:
    """Return the path of a program."""
    return shutil.which(name) or missing(f"there is no {name}")


def install(version: str, folder: Path) -> None:
    """Install the SDK and what it needs, whole or not at all."""
    command = [program("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    # Beside the folder, so that it can be moved there in one step: two may install at once.
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        try:
            done = subprocess.run(
                [*command, "--prefix", scratch, f"{SDK}@{version}"],
                capture_output=True,
                text=True,
                timeout=INSTALLATION,
                check=False,
            )
        except subprocess.TimeoutExpired:
            missing(f"npm took longer than {INSTALLATION} s")
        if done.returncode:
            missing(f"npm says {done.stderr[-500:]}")
        try:
            Path(scratch, "node_modules").rename(folder)
        except OSError:
            # Another has been quicker.
            if not folder.exists():
                raise


@pytest.fixture(scope="module")
def installed() -> Path:
    """Give a folder that holds node_modules with the SDK, in the version that is pinned."""
    program("node")
    version = orjson.loads((HERE / "package.json").read_bytes())["dependencies"][SDK]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = caches / "tagodev" / f"official-js-{version}"
    if not (home / "node_modules" / SDK / "package.json").is_file():
        install(version, home / "node_modules")
    return home


@pytest.fixture(scope="module")
def calls(installed: Path) -> list[dict[str, Any]]:
    """Run the script against an emulator and give what it printed, a call a line."""
    with EmulatorProcess(EmulatorOptions(plan="starter")) as emulator:
        service = environment(
            TAGOIO_API=emulator.url,
            TAGOIO_TOKEN=emulator.token,
            ANALYSIS_TOKEN=emulator.tokens_by_kind["analysis"],
            # A refusal is final: nothing here gets better by waiting for another attempt.
            TAGOIO_REQUEST_ATTEMPTS="1",
        )
        done = run(program("node"), HERE / "calls.mjs", installed, env=service)
    assert not done.code, done.err
    return [orjson.loads(line) for line in done.out.splitlines()]


def test_every_call_is_answered_as_the_sdk_expects(calls: list[dict[str, Any]]) -> None:
    """Each call's own assertions hold."""
    assert {} == {one["call"]: one["problem"] for one in calls if one["problem"] is not None}


def test_the_script_is_more_than_a_glance(calls: list[dict[str, Any]]) -> None:
    """At least forty calls, no two the same."""
    assert len(calls) >= 40
    assert len(calls) == len({one["call"] for one in calls})
