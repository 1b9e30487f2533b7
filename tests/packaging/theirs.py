"""Tests of somebody else, who has the wheel, pytest, and no settings of ours.

``nox -s install`` copies this to a folder of its own, as ``test_theirs.py``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tagodev import DeviceCreate, Tago

if TYPE_CHECKING:
    from tagodev.emulator import EmulatorProcess


def test_a_device_appears(tago_emulator: EmulatorProcess) -> None:
    """The fixture is there without an import."""

    async def make() -> None:
        async with Tago(tago_emulator.token, api=tago_emulator.url) as tago:
            await tago.devices.create(DeviceCreate(name="Cold room 3"))

    asyncio.run(make())

    assert tago_emulator.stats()["devices"] == 1


@pytest.mark.tago_emulator(plan="free", devices=3)
def test_options(tago_emulator: EmulatorProcess) -> None:
    """The marker is known."""
    assert tago_emulator.stats()["devices"] == 3
