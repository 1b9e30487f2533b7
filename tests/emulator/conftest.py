"""Fixtures of the emulator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator
from tests.emulator.bench import Bench
from tests.emulator.support import create

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


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Give a mutable device, or one with the fields that a test asks for."""
    async with (
        Emulator() as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        created = await create(http, **getattr(request, "param", {}))
        async with ClientSession(emulator.url, headers={"token": created["token"]}) as device:
            analysis = {"token": emulator.tokens_by_kind["analysis"]}
            yield Bench(http, device, created["device_id"], analysis)
