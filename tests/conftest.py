"""Settings that every test shares."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tagodev.limits import ledger

# No deadline: nothing here asserts wall-clock time, and a busy machine must not fail a test.
settings.register_profile(
    "tagodev", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tagodev")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own token, address and plan out of the tests."""
    for name in ("TAGOIO_TOKEN", "TAGOIO_API", "TAGODEV_PLAN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with ledgers of its own: ports come again, and so do made-up tokens."""
    monkeypatch.setattr(ledger, "_ledgers", {})
    monkeypatch.setattr(ledger, "_plans", {})
