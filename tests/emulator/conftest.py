"""Fixtures of the emulator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Give a client of a fresh emulator on the Scale plan."""
    async with (
        Emulator() as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as session,
    ):
        yield session
