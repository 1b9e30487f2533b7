"""Changing and deleting devices: what may have been done is simply done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    Deleted,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    Edited,
    Failed,
    NotFoundError,
    Tag,
)
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import a_place
from tests.bulk.virtual import run_virtually
from tests.bulk.wired import Client, Delivery, Wire, World, in_turn, live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tagodev import BulkRun

MOST_STEPS = 40
ROWS = 3


async def stocked(world: World, *tags: Tag) -> list[str]:
    """Make devices and return their ids."""
    with Client(Wire(world)) as client:
        specs = [DeviceCreate(name=f"d{n}", tags=tags) for n in range(ROWS)]
        return [(await client.devices.create(spec)).device_id for spec in specs]


def editing(ids: Sequence[str]) -> Callable[[Client, Path], BulkRun[Any]]:
    """Return what begins to change devices."""
    changes = [DeviceChange(one, DeviceEdit(name=f"new-{n}")) for n, one in enumerate(ids)]
    return lambda client, journal: client.devices.edit_many(changes, journal=journal)


def deleting(ids: Sequence[str]) -> Callable[[Client, Path], BulkRun[Any]]:
    """Return what begins to delete devices."""
    return lambda client, journal: client.devices.delete_many(ids, journal=journal)


KINDS: dict[str, tuple[Any, type, list[str]]] = {
    "edit": (editing, Edited, [f"new-{n}" for n in range(ROWS)]),
    "delete": (deleting, Deleted, []),
}


@pytest.mark.parametrize(
    "delivery", [delivery for delivery in Delivery if delivery is not Delivery.FINE]
)
@pytest.mark.parametrize("kind", KINDS)
def test_done_whatever_becomes_of_a_request(tmp_path: Path, kind: str, delivery: Delivery) -> None:
    """Often enough that the session's own attempts are used up: the row is done later."""
    begin, cls, names = KINDS[kind]

    async def scenario() -> None:
        world = World()
        ids = await stocked(world)
        # Each row fails at first, the second one in two attempts more.
        deliveries = in_turn(*[delivery] * (2 * ROWS + 1))
        life = await live(world, begin(ids), tmp_path / "x", delivery=deliveries)
        assert life.stopped is None
        assert {cls} == {type(outcome) for outcome in life.outcomes}
        assert list(range(ROWS)) == sorted(outcome.index for outcome in life.outcomes)
        assert names == world.names()

    run_virtually(scenario())


@pytest.mark.parametrize("kind", KINDS)
def test_done_whenever_it_is_killed(kind: str) -> None:
    """At each of its steps, and resumed."""
    begin, _, names = KINDS[kind]

    async def scenario(place: Path, kill_at: int) -> bool:
        world = World()
        ids = await stocked(world)
        deliveries = in_turn(Delivery.LOST, Delivery.LATE)
        life = await live(world, begin(ids), place, delivery=deliveries, kill_at=kill_at)
        killed = life.killed
        if killed:
            life = await live(world, begin(ids), life.journal, delivery=deliveries)
        assert life.stopped is None
        assert names == world.names()
        with Journal.read(life.journal) as journal:
            assert {EntryState.DONE: ROWS} == journal.counts()
        return killed

    kills = 0
    for kill_at in range(MOST_STEPS):
        with a_place() as place:
            if not run_virtually(scenario(place, kill_at)):
                break
        kills += 1
    assert 10 < kills < MOST_STEPS


def test_a_deletion_that_was_lost_finds_nothing_left(tmp_path: Path) -> None:
    """It has been done; that is no failure."""

    async def scenario() -> None:
        world = World()
        ids = await stocked(world)
        deliveries = in_turn(Delivery.LOST, Delivery.LOST, Delivery.LOST, Delivery.LOST)
        life = await live(world, deleting(ids[:1]), tmp_path / "x", delivery=deliveries)
        assert [Deleted] == [type(outcome) for outcome in life.outcomes]
        assert ["d1", "d2"] == world.names()
        assert 5 == world.seen.count("DELETE /device/:device_id")

    run_virtually(scenario())


def test_a_protected_device_fails_alone(tmp_path: Path) -> None:
    """A tag keeps it: the device is there still, and the row says so."""

    async def scenario() -> None:
        world = World()
        ids = await stocked(world, Tag("_delete_protection_", "mine, keep it"))
        world.store.devices[ids[1]].tags.clear()
        life = await live(world, deleting(ids), tmp_path / "x")
        assert life.stopped is None
        assert ["d0", "d2"] == world.names()
        failed = [outcome for outcome in life.outcomes if isinstance(outcome, Failed)]
        assert [0, 2] == sorted(outcome.index for outcome in failed)
        assert all("mine, keep it" in str(outcome.error) for outcome in failed)

    run_virtually(scenario())


def test_a_device_that_is_not_there_can_not_be_changed(tmp_path: Path) -> None:
    """The row fails alone; tried again on demand, it may succeed."""
    path = tmp_path / "x"

    async def scenario() -> None:
        world = World()
        ids = await stocked(world)
        gone = world.store.devices.pop(ids[1])
        life = await live(world, editing(ids), path)
        (failed,) = (outcome for outcome in life.outcomes if isinstance(outcome, Failed))
        assert 1 == failed.index
        assert isinstance(failed.error, NotFoundError)

        world.store.devices[ids[1]] = gone
        with Journal.open(path) as journal:
            (entry,) = journal.rows(EntryState.FAILED)
            assert "Device Not Found" in (entry.error or "")
            assert 1 == journal.retry_failed()
        life = await live(world, editing(ids), path)
        assert [1] == [outcome.index for outcome in life.outcomes]
        assert ["new-0", "new-1", "new-2"] == world.names()

    run_virtually(scenario())


@pytest.mark.parametrize("delivery", Delivery)
def test_the_last_change_to_a_device_decides(tmp_path: Path, delivery: Delivery) -> None:
    """Changes to one device are made in the order of the input, also after a lost answer."""

    async def scenario() -> None:
        world = World()
        with Client(Wire(world)) as client:
            made = await client.devices.create(DeviceCreate(name="d"))
        changes = [DeviceChange(made.device_id, DeviceEdit(name=f"n{n}")) for n in range(5)]
        deliveries = in_turn(delivery, route="PUT /device/:device_id")
        life = await live(
            world,
            lambda client, journal: client.devices.edit_many(changes, journal=journal),
            tmp_path / "x",
            delivery=deliveries,
        )
        assert [Edited] * 5 == [type(outcome) for outcome in life.outcomes]
        assert ["n4"] == world.names()

    run_virtually(scenario())
