"""Settings that every test shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import tagodev
from tagodev import _session as session
from tagodev._limits.ledger import memory
from tests.support import forks
from tests.support.examples import examples
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# No deadline: nothing here asserts wall-clock time, and a busy machine must not fail a test.
settings.register_profile(
    "tagodev",
    deadline=None,
    max_examples=examples(20),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tagodev")


def pytest_configure() -> None:
    """Let child processes run this checkout, whatever is installed, and see that we do."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])
    if ROOT not in Path(tagodev.__file__).parents:
        pytest.exit(f"tagodev is imported from {tagodev.__file__}, not from {ROOT}", 4)


def pytest_unconfigure() -> None:
    """End what was left running for several tests."""
    forks.stop()


@pytest.fixture(autouse=True, scope="session")
def _no_state_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's own locks and journals out of fixtures that several tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGODEV_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the developer's own token, address, plan and profiles out of the tests."""
    for name in os.environ:
        if name.startswith(("TAGOIO_", "TAGODEV_")):
            monkeypatch.delenv(name)
    # Nor is anything written into his home.
    monkeypatch.setenv("TAGODEV_LEDGER", "none")
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with ledgers of its own: ports come again, and so do made-up tokens."""
    monkeypatch.setattr(memory, "_ledgers", {})
    monkeypatch.setattr(memory, "_plans", {})
    monkeypatch.setattr(session, "_profiles", {})


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of the processes that a test starts, where it asks what they load or write.

    They are measured otherwise, and so load and write what coverage does, too.
    """
    for name in os.environ:
        if name.startswith("COVERAGE"):
            monkeypatch.delenv(name)
