"""The pytest plugin: the fixture ``tago_emulator`` and the marker of the same name.

pytest loads this at every start, wherever tagodev is installed, so it stands outside the package,
whose import loads the client, and imports nothing itself before a test asks for an emulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.emulator import EmulatorProcess
    from tagodev.testing import EmulatorPool

__all__ = ["pytest_configure", "tago_emulator"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "tago_emulator(**options): options of the fixture tago_emulator, as those of "
        "tagodev.emulator.EmulatorOptions; those of a test go before those of its class and module",
    )


@pytest.fixture(scope="session")
def _tago_emulator_pool() -> Iterator[EmulatorPool]:
    from tagodev.testing import EmulatorPool  # noqa: PLC0415 - see the module's docstring

    with EmulatorPool() as pool:
        yield pool


@pytest.fixture
def tago_emulator(
    request: pytest.FixtureRequest, _tago_emulator_pool: EmulatorPool
) -> EmulatorProcess:
    """Give a running emulator of the TagoIO device service that holds nothing yet.

    It has ``url``, ``token``, ``stats()`` and ``reset()``.
    Choose its options with ``@pytest.mark.tago_emulator(plan="free", minute=2.0, ...)``.
    """
    from tagodev.emulator import EmulatorOptions  # noqa: PLC0415 - see the module's docstring

    chosen: dict[str, Any] = {}
    for marker in request.node.iter_markers("tago_emulator"):
        if marker.args:
            pytest.fail("the marker tago_emulator takes options by name only", pytrace=False)
        # The closest marker comes first.
        chosen = {**marker.kwargs, **chosen}
    try:
        options = EmulatorOptions(**chosen)
    except (TypeError, ValueError) as error:
        pytest.fail(f"the marker tago_emulator: {error}", pytrace=False)
    return _tago_emulator_pool.fresh(options)
