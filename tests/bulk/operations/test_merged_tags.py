"""Changes of tags are merged with the tags that a device has when its row is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev import (
    ApplyStep,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    Failed,
    Tag,
    TagChanges,
)
from tagodev.emulator import Emulator, EmulatorOptions
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tagodev import Tago


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Give a fresh emulator that refuses nothing for its number."""
    async with Emulator(EmulatorOptions(unlimited=True)) as emulator:
        yield emulator


@pytest.fixture
async def tago(emulator: Emulator) -> AsyncIterator[Tago]:
    """Give a client of the emulator."""
    async with client(emulator.url, token=emulator.token) as tago:
        yield tago


ALARM = Tag("alarm", "42")
SITE = Tag("site", "dairy")
CHANGE = TagChanges(set=[Tag("site", "bakery")], remove=["room"])
AFTER = {Tag("site", "bakery"), ALARM}


async def make(tago: Tago, count: int) -> list[str]:
    """Make devices of the same tags."""
    specs = [DeviceCreate(name=f"d{n}", tags=[SITE, Tag("room", "1")]) for n in range(count)]
    return [(await tago.devices.create(spec)).device_id for spec in specs]


async def add_alarm(tago: Tago, device_id: str) -> None:
    """Add a tag, as another client of the service does."""
    tags = (await tago.devices.info(device_id)).tags
    await tago.devices.edit(device_id, DeviceEdit(tags=[*tags, ALARM]))


async def tags_of(tago: Tago, device_id: str) -> set[Tag]:
    """Return the tags of a device."""
    return set((await tago.devices.info(device_id)).tags)


@pytest.mark.parametrize("kind", ["steps", "changes"])
async def test_a_tag_added_between_two_rows_stays(tago: Tago, kind: str) -> None:
    """Another writer adds a tag after the run has begun, before the device's turn."""
    first, second = await make(tago, 2)

    async def steps() -> AsyncIterator[ApplyStep]:
        yield ApplyStep(device_id=first, tags=CHANGE)
        step = ApplyStep(device_id=second, tags=CHANGE, edit=DeviceEdit(active=False))
        await add_alarm(tago, second)
        yield step

    async def changes() -> AsyncIterator[DeviceChange]:
        yield DeviceChange(first, DeviceEdit(), tags=CHANGE)
        change = DeviceChange(second, DeviceEdit(active=False), tags=CHANGE)
        await add_alarm(tago, second)
        yield change

    if kind == "steps":
        report = await tago.devices.apply_many(steps())
    else:
        report = await tago.devices.edit_many(changes())

    assert 2 == report.done
    assert {Tag("site", "bakery")} == await tags_of(tago, first)
    assert await tags_of(tago, second) == AFTER
    assert not (await tago.devices.info(second)).active


async def test_what_is_so_already_is_not_written(emulator: Emulator, tago: Tago) -> None:
    """The tags are read, and no more; another edit of the step is written without them."""
    (device_id,) = await make(tago, 1)
    so = TagChanges(set=[SITE], remove=["floor"])
    routes = emulator.stats()["routes"]
    await tago.devices.apply_many([ApplyStep(device_id=device_id, tags=so)])
    after = emulator.stats()["routes"]

    assert "PUT /device/:device_id" not in routes
    assert "PUT /device/:device_id" not in after
    assert 1 == after["GET /device/:device_id"]["accepted"]
    edit = DeviceEdit(active=False)
    await tago.devices.apply_many([ApplyStep(device_id=device_id, tags=so, edit=edit)])
    assert 1 == emulator.stats()["routes"]["PUT /device/:device_id"]["accepted"]


@pytest.mark.parametrize("kind", ["steps", "changes"])
async def test_done_again(tmp_path: Path, kind: str) -> None:
    """A row whose answer was lost is done again, and the tag that was added meanwhile stays."""
    options = EmulatorOptions(
        unlimited=True, faults={"PUT /device/:device_id:reset-after-commit": 1}
    )
    async with Emulator(options) as emulator, client(emulator.url, token=emulator.token) as tago:
        specs = DeviceCreate(name="a", tags=[SITE, Tag("room", "1"), ALARM])
        device_id = (await tago.devices.create(specs)).device_id
        journal = tmp_path / "journal"
        if kind == "steps":
            report = await tago.devices.apply_many(
                [ApplyStep(device_id=device_id, tags=CHANGE)], journal=journal, settle=0.05
            )
        else:
            changes = [DeviceChange(device_id, DeviceEdit(), tags=CHANGE)]
            report = await tago.devices.edit_many(changes, journal=journal, settle=0.05)
        assert await tags_of(tago, device_id) == AFTER

    assert 1 == report.done


async def test_more_than_a_device_holds(tago: Tago) -> None:
    """Tags that others added may leave no space: the row fails, and nothing is written."""
    (device_id,) = await make(tago, 1)
    full = [Tag(f"key {number}", "x") for number in range(30)]
    await tago.devices.edit(device_id, DeviceEdit(tags=full))
    async with tago.devices.apply_many([ApplyStep(device_id=device_id, tags=CHANGE)]) as run:
        (outcome,) = [outcome async for outcome in run]

    assert isinstance(outcome, Failed)
    assert "would grow from 30 to 31" in str(outcome.error)
    assert set(full) == await tags_of(tago, device_id)


async def test_a_device_that_is_gone(tago: Tago) -> None:
    """A device that was deleted meanwhile is a failure of its row alone."""
    gone, there = await make(tago, 2)
    await tago.devices.delete(gone)
    rows = [DeviceChange(one, DeviceEdit(), tags=CHANGE) for one in (gone, there)]
    report = await tago.devices.edit_many(rows)

    assert (1, 1) == (report.done, report.failed)
