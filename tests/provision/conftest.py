"""Fixtures of provisioning's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev.emulator import Emulator, EmulatorOptions
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tagodev import Tago


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Give a fresh emulator that refuses nothing for its number."""
    async with Emulator(EmulatorOptions(unlimited=True, max_devices=20_000)) as emulator:
        yield emulator


@pytest.fixture
async def tago(emulator: Emulator) -> AsyncIterator[Tago]:
    """Give a client of the emulator."""
    async with client(emulator.url, token=emulator.token, plan="scale") as tago:
        yield tago
