"""Setting parameters and sending data for many devices: nothing is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    AmbiguousMatchError,
    ConfigurationParameter,
    DataBatch,
    DataCreate,
    DataSent,
    DeviceCreate,
    Failed,
    InDoubt,
    InputError,
    ParameterChange,
    ParametersSet,
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

TROUBLES = [delivery for delivery in Delivery if delivery is not Delivery.FINE]
MOST_STEPS = 60


async def stocked(world: World, number: int) -> list[str]:
    """Make devices and return their ids."""
    made = []
    with Client(Wire(world)) as client:
        for n in range(number):
            spec = DeviceCreate(
                name=f"d{n}",
                configuration_params=[
                    ConfigurationParameter("rate", 60),
                    ConfigurationParameter("site", "7"),
                ],
            )
            made.append((await client.devices.create(spec)).device_id)
    return made


# --- parameters --------------------------------------------------------------------------------


def setting(ids: Sequence[str]) -> Callable[[Client, Path], BulkRun[Any]]:
    """Return what begins to set parameters: one that is there, and a new one."""
    wanted = [ConfigurationParameter("rate", 600), ConfigurationParameter("mode", "eco")]
    changes = [ParameterChange(one, wanted) for one in ids]
    return lambda client, journal: client.parameters.set_many(changes, journal=journal)


@pytest.mark.parametrize("delivery", Delivery)
def test_rows_of_one_device_set_a_parameter_once(tmp_path: Path, delivery: Delivery) -> None:
    """Two rows that read at once would both add the key that is missing."""

    async def scenario() -> None:
        world = World()
        (device_id,) = await stocked(world, 1)
        deliveries = in_turn(delivery, route="POST /device/:device_id/params")
        life = await live(world, setting([device_id] * 3), tmp_path / "x", delivery=deliveries)
        assert [ParametersSet] * 3 == [type(outcome) for outcome in life.outcomes]
        check_parameters(world, [device_id])

    run_virtually(scenario())


def check_parameters(world: World, ids: Sequence[str]) -> None:
    """Make sure that each key is there once, with its value."""
    for one in ids:
        there = [(each.key, each.value) for each in world.store.devices[one].parameters]
        assert [("mode", "eco"), ("rate", "600"), ("site", "7")] == sorted(there)


@pytest.mark.parametrize("delivery", TROUBLES)
def test_parameters_have_no_twins(delivery: Delivery) -> None:
    """The service adds a second one of the same key: what is there is read again first."""

    async def scenario(place: Path, spoilt: int) -> None:
        world = World(late=8.0)
        ids = await stocked(world, 1)
        deliveries = in_turn(*[Delivery.FINE] * spoilt, delivery, delivery)
        life = await live(world, setting(ids), place, delivery=deliveries)
        assert life.stopped is None
        assert [ParametersSet] == [type(outcome) for outcome in life.outcomes]
        check_parameters(world, ids)

    for spoilt in range(3):
        with a_place() as place:
            run_virtually(scenario(place, spoilt))


def test_parameters_have_no_twins_whenever_it_is_killed() -> None:
    """At each step, and resumed: also what was on its way arrives once."""

    async def scenario(place: Path, kill_at: int) -> bool:
        world = World(late=8.0)
        ids = await stocked(world, 2)
        deliveries = in_turn(Delivery.FINE, Delivery.LATE)
        life = await live(world, setting(ids), place, delivery=deliveries, kill_at=kill_at)
        killed = life.killed
        if killed:
            life = await live(world, setting(ids), life.journal, delivery=deliveries)
        assert life.stopped is None
        check_parameters(world, ids)
        return killed

    assert 12 < kills(scenario) < MOST_STEPS


def kills(scenario: Callable[[Path, int], Any]) -> int:
    """Let a program be killed at each of its steps, and return how many there were."""
    for kill_at in range(MOST_STEPS):
        with a_place() as place:
            if not run_virtually(scenario(place, kill_at)):
                return kill_at
    return MOST_STEPS


# --- data --------------------------------------------------------------------------------------


def batches(ids: Sequence[str], **facts: Any) -> list[DataBatch]:
    """Return two registers for each device."""
    return [
        DataBatch(one, [DataCreate("rssi", n, **facts), DataCreate("snr", n, **facts)])
        for n, one in enumerate(ids)
    ]


def sending(rows: Sequence[DataBatch]) -> Callable[[Client, Path | None], BulkRun[Any]]:
    """Return what begins to send data."""
    return lambda client, journal: client.data.send_many(rows, journal=journal)


def there(world: World, device_id: str) -> list[tuple[str, Any]]:
    """Return the data of a device."""
    points = world.store.devices[device_id].data
    return sorted((point.variable, point.value) for point in points)


def check_data(world: World, ids: Sequence[str]) -> None:
    """Make sure that each register is there once."""
    for n, one in enumerate(ids):
        assert [("rssi", n), ("snr", n)] == there(world, one)


@pytest.mark.parametrize("delivery", TROUBLES)
def test_data_is_there_once(delivery: Delivery) -> None:
    """A search for its group shows whether it has arrived; if not, it is sent again."""

    async def scenario(place: Path, spoilt: int) -> None:
        world = World(late=8.0)
        ids = await stocked(world, 1)
        deliveries = in_turn(*[Delivery.FINE] * spoilt, delivery, delivery)
        life = await live(world, sending(batches(ids)), place, delivery=deliveries)
        assert life.stopped is None
        assert [DataSent] == [type(outcome) for outcome in life.outcomes]
        check_data(world, ids)

    for spoilt in range(4):
        with a_place() as place:
            run_virtually(scenario(place, spoilt))


def test_data_is_there_once_whenever_it_is_killed() -> None:
    """At each step, and resumed."""

    async def scenario(place: Path, kill_at: int) -> bool:
        world = World(late=8.0)
        ids = await stocked(world, 2)
        begin = sending(batches(ids))
        deliveries = in_turn(Delivery.LOST, Delivery.LATE, route="POST /data")
        life = await live(world, begin, place, delivery=deliveries, kill_at=kill_at)
        killed = life.killed
        if killed:
            life = await live(world, begin, life.journal, delivery=deliveries)
        assert life.stopped is None
        check_data(world, ids)
        return killed

    assert 12 < kills(scenario) < MOST_STEPS


def test_groups_name_run_and_row(tmp_path: Path) -> None:
    """One for all registers of a row, none like another; without a journal none is needed."""

    async def scenario() -> None:
        world = World()
        ids = await stocked(world, 2)
        await live(world, sending(batches(ids)), tmp_path / "x")
        with Journal.read(tmp_path / "x") as journal:
            run = journal.info.run
        groups = [{point.group for point in world.store.devices[one].data} for one in ids]
        assert [{f"{run}{0:016}"}, {f"{run}{1:016}"}] == groups
        with Client(Wire(world)) as client:
            report = await sending(batches(ids))(client, None)
        assert 2 == report.done
        assert all(len(there(world, one)) == 4 for one in ids)

    run_virtually(scenario())


@pytest.mark.parametrize("delivery", [Delivery.LOST, Delivery.NEVER])
def test_data_with_groups_of_its_own_stays_in_doubt(tmp_path: Path, delivery: Delivery) -> None:
    """Data with its own group can't be identified, and is not sent again."""

    async def scenario() -> None:
        world = World()
        ids = await stocked(world, 2)
        rows = batches(ids, group="mine")
        # The route by the device's id is tried first, and refused.
        deliveries = in_turn(Delivery.FINE, Delivery.FINE, delivery, route="POST /data")
        life = await live(world, sending(rows), tmp_path / "x", delivery=deliveries)
        (doubt,) = (outcome for outcome in life.outcomes if isinstance(outcome, InDoubt))
        assert isinstance(doubt.error, AmbiguousMatchError)
        assert () == doubt.error.candidates
        assert (2 if delivery is Delivery.LOST else 1) == sum(
            bool(there(world, one)) for one in ids
        )
        groups = {point.group for one in ids for point in world.store.devices[one].data}
        assert {"mine"} == groups
        with Journal.read(tmp_path / "x") as journal:
            assert {EntryState.DONE: 1, EntryState.UNSOLVED: 1} == journal.counts()

    run_virtually(scenario())


@pytest.mark.parametrize("delivery", [Delivery.FINE, Delivery.LOST, Delivery.NEVER])
def test_a_row_is_one_request(tmp_path: Path, delivery: Delivery) -> None:
    """More than a request holds is refused: of several, a look could not know which have arrived.

    The row fails alone, and nothing of it is sent.
    """

    async def scenario() -> None:
        world = World()
        ids = await stocked(world, 2)
        points = [DataCreate("note", f"{n:05}" + "x" * 5000) for n in range(60)]
        rows = [DataBatch(ids[0], points), *batches(ids)[1:]]
        deliveries = in_turn(*[Delivery.FINE] * 3, delivery, route="POST /data")
        life = await live(world, sending(rows), tmp_path / "x", delivery=deliveries)
        assert life.stopped is None
        (failed,) = (outcome for outcome in life.outcomes if isinstance(outcome, Failed))
        assert 0 == failed.index
        assert isinstance(failed.error, InputError)
        assert "points" == failed.error.path
        assert [] == there(world, ids[0])
        assert [("rssi", 1), ("snr", 1)] == there(world, ids[1])

    run_virtually(scenario())
