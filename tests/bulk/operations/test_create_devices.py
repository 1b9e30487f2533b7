"""Making devices: each is known again by its mark, whichever that is."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tagodev import (
    AmbiguousMatchError,
    BulkStoppedError,
    ConfigurationParameter,
    Created,
    DeviceCreate,
    DeviceCreated,
    Failed,
    InDoubt,
    InputError,
    NotFoundError,
    Pending,
    ResourceLimitError,
    Tag,
    TokenCreate,
)
from tagodev._bulk.journal.entry import EntryState, JournalInfo
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.create_devices import TAG_PREFIX, run_tag
from tagodev._filesystem.state_folder import state_folder
from tagodev._serialization.converter import from_json
from tests.bulk.virtual import run_virtually
from tests.bulk.wired import Client, Delivery, Wire, World, in_turn, nothing_wrong
from tests.bulk.working import collected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
    from pathlib import Path

    from tagodev import Outcome
    from tagodev._bulk.input import Many
    from tagodev._bulk.operations.identity import Identity
    from tagodev._transport import Answer, Request

IDENTITIES: tuple[Identity, ...] = ("tag", "name", "serial")
CREATE = "POST /device"
BY_NAME: dict[str, Any] = {"identity": "name"}


def specs(number: int) -> list[DeviceCreate]:
    """Return devices to make, each with all the marks it could be known by."""
    return [
        DeviceCreate(name=f"sensor-{n}", serie_number=f"serial-{n}", tags=[Tag("site", "7")])
        for n in range(number)
    ]


async def created(
    world: World,
    items: Many[DeviceCreate] | None,
    journal: Path | None,
    delivery: Callable[[Request], Delivery] = nothing_wrong,
    **options: Any,
) -> tuple[list[Outcome], BulkStoppedError | None]:
    """Make devices, and return what became of each."""
    with Client(Wire(world, delivery)) as client:
        return await collected(client.devices.create_many(items, journal=journal, **options))


def named(number: int) -> list[DeviceCreate]:
    """Return devices to make that have no more than a name."""
    return [DeviceCreate(name=f"sensor-{n}") for n in range(number)]


def tokens_of(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return the token of each device, by its id."""
    return {
        outcome.result.device_id: outcome.result.token.reveal()
        for outcome in outcomes
        if isinstance(outcome, Created)
    }


def first_tokens(world: World) -> dict[str, str]:
    """Return the token that each device was made with, by its id."""
    return {device.id: next(iter(device.tokens)) for device in world.store.devices.values()}


# --- the marks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "delivery", [Delivery.LOST, Delivery.LATE, Delivery.NEVER, Delivery.GATEWAY, Delivery.DOWN]
)
@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("lag", [0.0, 9.0])
def test_one_device_a_row_by_any_mark(
    tmp_path: Path, identity: Identity, delivery: Delivery, lag: float
) -> None:
    """Whatever becomes of a request and its answer: one device, and its token is known."""

    async def scenario() -> None:
        world = World(late=8.0, lag=lag)
        outcomes, stopped = await created(
            world,
            specs(6),
            tmp_path / "x",
            in_turn(Delivery.FINE, delivery, delivery, route=CREATE),
            identity=identity,
        )
        assert stopped is None
        assert [f"sensor-{n}" for n in range(6)] == world.names()
        assert list(range(6)) == sorted(outcome.index for outcome in outcomes)
        assert first_tokens(world) == tokens_of(outcomes)
        adopted = [outcome.index for outcome in outcomes if getattr(outcome, "adopted", False)]
        assert ([] if delivery in {Delivery.NEVER, Delivery.DOWN} else [1, 2]) == sorted(adopted)

    run_virtually(scenario())


@pytest.mark.parametrize("identity", IDENTITIES)
def test_the_tag_is_written_where_it_is_the_mark(tmp_path: Path, identity: Identity) -> None:
    """Beside the device's own tags; where another mark was chosen, nothing is added."""

    async def scenario() -> None:
        world = World()
        await created(world, specs(2), tmp_path / "x", identity=identity)
        with Journal.read(tmp_path / "x") as journal:
            run = journal.info.run
            assert {"identity": identity} == journal.info.options
        tags = [
            [(tag.key, tag.value) for tag in device.tags]
            for device in sorted(world.store.devices.values(), key=lambda device: device.name)
        ]
        own = ("site", "7")
        if identity == "tag":
            assert [[own, (f"tagodev.{run}", "0")], [own, (f"tagodev.{run}", "1")]] == tags
        else:
            assert [[own], [own]] == tags

    run_virtually(scenario())


def test_without_a_journal_there_is_no_mark(tmp_path: Path) -> None:
    """No one would look for it."""

    async def scenario() -> None:
        world = World()
        await created(world, specs(1), None)
        (device,) = world.store.devices.values()
        assert ["site"] == [tag.key for tag in device.tags]

    run_virtually(scenario())


def test_runs_are_told_apart_by_their_tags(tmp_path: Path) -> None:
    """Rows of the same number of another run are not taken for this one's."""

    async def scenario() -> None:
        world = World()
        one, _ = await created(world, named(3), tmp_path / "x")
        delivery = in_turn(Delivery.LOST, Delivery.NEVER, route=CREATE)
        other, _ = await created(world, named(3), tmp_path / "y", delivery)
        assert 6 == len(world.names())
        assert first_tokens(world) == {**tokens_of(one), **tokens_of(other)}
        assert 6 == len(tokens_of(one)) + len(tokens_of(other))

    run_virtually(scenario())


def test_one_listing_finds_all_that_are_tagged(tmp_path: Path) -> None:
    """However many answers were lost, a look is one request."""

    async def scenario() -> None:
        world = World()
        outcomes, _ = await created(
            world, specs(40), tmp_path / "x", in_turn(*[Delivery.LOST] * 40, route=CREATE)
        )
        assert 40 == len(tokens_of(outcomes)) == len(world.names())
        assert 1 == world.seen.count("GET /device")

    run_virtually(scenario())


def test_a_deletion_meanwhile_hides_no_device(tmp_path: Path) -> None:
    """A device that moves to a page that was read already is found all the same."""

    class Shrinking(World):
        """A service on which the oldest device is deleted when a page was listed."""

        def arrive(self, request: Request) -> Answer:
            """Answer, and delete."""
            answer = super().arrive(request)
            if request.route.name == "GET /device" and len(self.store.devices) > 1000:
                del self.store.devices[next(iter(self.store.devices))]
            return answer

    async def scenario() -> None:
        world = Shrinking()
        delivery = in_turn(*[Delivery.FINE] * 1000, Delivery.LOST, route=CREATE)
        outcomes, stopped = await created(world, named(1001), tmp_path / "x", delivery)
        assert stopped is None
        assert 1001 == len(tokens_of(outcomes))
        assert first_tokens(world).items() <= tokens_of(outcomes).items()
        assert 1000 == len(world.names())
        assert 3 == world.seen.count("GET /device")

    run_virtually(scenario())


def test_a_tag_of_the_same_key_that_says_something_else(tmp_path: Path) -> None:
    """What no run has written is no one's row."""

    async def scenario() -> None:
        world = World()
        with Client(Wire(world)) as client:
            await created(world, specs(0), tmp_path / "x")
            with Journal.read(tmp_path / "x") as journal:
                key = run_tag(journal.info.run, 0).key
            assert key.startswith(TAG_PREFIX)
            for value in ("x", "", "1.0", "-1", "99"):
                await client.devices.create(DeviceCreate(name="odd", tags=[Tag(key, value)]))
            (tmp_path / "x").unlink()
            shutil.rmtree(state_folder())
        calls = _FixedRun(tmp_path / "x", key.removeprefix(TAG_PREFIX))
        outcomes, stopped = await calls.created(world, in_turn(Delivery.NEVER, route=CREATE))
        assert stopped is None
        assert 2 == len(tokens_of(outcomes))
        assert 7 == len(world.names())

    run_virtually(scenario())


class _FixedRun:
    """A journalled run whose name is known beforehand."""

    def __init__(self, path: Path, run: str) -> None:
        info = JournalInfo(
            run=run,
            kind="create_devices",
            options={"identity": "tag"},
            service="http://127.0.0.1:1",
        )
        Journal.create(path, info).close()
        self._path = path

    async def created(
        self, world: World, delivery: Callable[[Request], Delivery]
    ) -> tuple[list[Outcome], BulkStoppedError | None]:
        """Make two devices."""
        return await created(world, named(2), self._path, delivery)


@pytest.mark.parametrize(("tags", "fails"), [(29, False), (30, True)])
def test_a_row_without_room_for_the_tag_fails_alone(tmp_path: Path, tags: int, fails: bool) -> None:
    """A device holds thirty tags: one that has them already needs another mark."""
    full = DeviceCreate(name="full", tags=[Tag(f"key-{n}", "x") for n in range(tags)])

    async def scenario() -> None:
        world = World()
        outcomes, stopped = await created(world, [*named(2), full], tmp_path / "x")
        assert stopped is None
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert fails == bool(failed)
        assert 3 - len(failed) == len(world.names())
        for outcome in failed:
            assert 2 == outcome.index
            assert isinstance(outcome.error, InputError)
            assert "tags" == outcome.error.path
            assert "identity=" in outcome.error.hint
        for identity in ("name", "serial"):
            item = attrs.evolve(full, serie_number="s-1") if identity == "serial" else full
            outcomes, _ = await created(world, [item], tmp_path / identity, identity=identity)
            assert 1 == len(tokens_of(outcomes))

    run_virtually(scenario())


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("delivery", "adopted"), [(Delivery.LOST, True), (Delivery.NEVER, False)])
@pytest.mark.parametrize("resumed", [False, True])
def test_an_older_device_of_the_same_name_is_not_taken(
    tmp_path: Path, delivery: Delivery, adopted: bool, resumed: bool
) -> None:
    """It was there before the row was sent: the row's own device is another."""

    async def scenario() -> None:
        world = World()
        with Client(Wire(world)) as client:
            old = await client.devices.create(DeviceCreate(name="sensor-0"))
        await asyncio.sleep(60)
        deliveries = in_turn(delivery, route=CREATE)
        if resumed:
            first = created(world, named(1), tmp_path / "x", deliveries, **BY_NAME, settle=60)
            await killed_after(20.0, first)
        outcomes, stopped = await created(world, named(1), tmp_path / "x", deliveries, **BY_NAME)
        assert stopped is None
        (outcome,) = outcomes
        assert isinstance(outcome, Created)
        assert adopted == outcome.adopted
        assert old.device_id != outcome.result.device_id
        assert ["sensor-0"] * 2 == world.names()
        assert tokens_of(outcomes).items() <= first_tokens(world).items()

    run_virtually(scenario())


def test_several_of_the_same_name_are_told_and_none_is_taken(tmp_path: Path) -> None:
    """Another user makes one while the row is in doubt: which is whose can't be known."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(Delivery.LOST, route=CREATE)
        run = asyncio.create_task(created(world, named(2), tmp_path / "x", delivery, **BY_NAME))
        await asyncio.sleep(5)
        with Client(Wire(world)) as client:
            await client.devices.create(DeviceCreate(name="sensor-0"))
        outcomes, _ = await run
        (doubt,) = (outcome for outcome in outcomes if isinstance(outcome, InDoubt))
        assert 0 == doubt.index
        assert isinstance(doubt.error, AmbiguousMatchError)
        ids = {device.id for device in world.store.devices.values() if device.name == "sensor-0"}
        assert 2 == len(ids)
        assert ids == set(doubt.error.candidates)
        with Journal.read(tmp_path / "x") as journal:
            assert {EntryState.UNSOLVED: 1, EntryState.DONE: 1} == journal.counts()

    run_virtually(scenario())


def test_a_name_is_no_pattern(tmp_path: Path) -> None:
    """An asterisk in a name matches others on the service, and none of them is the row's."""

    async def scenario() -> None:
        world = World()
        items = [DeviceCreate(name="sensor-*"), DeviceCreate(name="sensor-1")]
        delivery = in_turn(Delivery.NEVER, Delivery.LOST, route=CREATE)
        outcomes, _ = await created(world, items, tmp_path / "x", delivery, **BY_NAME)
        assert ["sensor-*", "sensor-1"] == world.names()
        assert first_tokens(world) == tokens_of(outcomes)

    run_virtually(scenario())


@pytest.mark.parametrize(("lost", "requests"), [(1, 1), (10, 10), (11, 1), (40, 1)])
def test_few_names_are_asked_for_and_many_are_listed(
    tmp_path: Path, lost: int, requests: int
) -> None:
    """One request a name, or one listing of everything, whichever is less."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(*[Delivery.LOST] * lost, route=CREATE)
        outcomes, _ = await created(world, named(40), tmp_path / "x", delivery, **BY_NAME)
        assert first_tokens(world) == tokens_of(outcomes)
        assert 40 == len(world.names())
        assert requests == world.seen.count("GET /device")

    run_virtually(scenario())


# --- serial numbers ----------------------------------------------------------------------------


def test_a_row_without_a_serial_number_fails_alone(tmp_path: Path) -> None:
    """Where it is the mark, it has to be there."""

    async def scenario() -> None:
        world = World()
        items = [*specs(1), DeviceCreate(name="bare")]
        outcomes, stopped = await created(world, items, tmp_path / "x", identity="serial")
        assert stopped is None
        (failed,) = (outcome for outcome in outcomes if isinstance(outcome, Failed))
        assert 1 == failed.index
        assert "serie_number" == getattr(failed.error, "path", "")
        assert ["sensor-0"] == world.names()

    run_virtually(scenario())


def test_a_serial_number_that_is_taken_is_refused_and_not_adopted(tmp_path: Path) -> None:
    """The service says no: nothing is in doubt, and another user's device stays theirs."""

    async def scenario() -> None:
        world = World()
        with Client(Wire(world)) as client:
            await client.devices.create(DeviceCreate(name="old", serie_number="serial-0"))
        outcomes, _ = await created(world, specs(2), tmp_path / "x", identity="serial")
        assert [0] == [o.index for o in outcomes if isinstance(o, Failed)]
        assert ["old", "sensor-1"] == world.names()

    run_virtually(scenario())


@pytest.mark.parametrize("identity", IDENTITIES)
def test_the_token_that_came_with_the_device(tmp_path: Path, identity: Identity) -> None:
    """Others may have been made since: the first is the row's, or the one with its serial."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(Delivery.LOST, route=CREATE)
        run = asyncio.create_task(
            created(world, specs(1), tmp_path / "x", delivery, identity=identity)
        )
        await asyncio.sleep(2)
        (device,) = world.store.devices.values()
        with Client(Wire(world)) as client:
            await client.tokens.create(device.id, TokenCreate("later"))
        if identity == "serial":
            # By its age alone it would be taken for the first.
            list(device.tokens.values())[1].created_at = 1.0
        outcomes, _ = await run
        assert 2 == len(device.tokens)
        assert first_tokens(world) == tokens_of(outcomes)

    run_virtually(scenario())


def test_a_device_whose_token_is_gone_is_in_doubt(tmp_path: Path) -> None:
    """It was made: to make it again would be wrong, and there is no token to give."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(Delivery.LOST, route=CREATE)
        run = asyncio.create_task(created(world, specs(2), tmp_path / "x", delivery))
        await asyncio.sleep(2)
        (device,) = [one for one in world.store.devices.values() if one.name == "sensor-0"]
        with Client(Wire(world)) as client:
            await client.tokens.delete(next(iter(device.tokens)))
        outcomes, stopped = await run
        assert stopped is None
        (doubt,) = (outcome for outcome in outcomes if isinstance(outcome, InDoubt))
        assert isinstance(doubt.error, NotFoundError)
        assert device.id in doubt.error.message
        assert "Create one with tago.tokens.create" == doubt.error.hint
        assert 2 == len(world.names())

    run_virtually(scenario())


@pytest.mark.parametrize("later", [0, 1, 2])
def test_the_token_of_a_device_that_was_found_is_its_first(tmp_path: Path, later: int) -> None:
    """However many were made since: the oldest is the one that came with the device."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(Delivery.LOST, route=CREATE)
        run = asyncio.create_task(created(world, named(1), tmp_path / "x", delivery))
        await asyncio.sleep(2)
        (device,) = world.store.devices.values()
        with Client(Wire(world)) as client:
            for number in range(later):
                await client.tokens.create(device.id, TokenCreate(f"later {number}"))
        outcomes, _ = await run
        assert 1 + later == len(device.tokens)
        assert first_tokens(world) == tokens_of(outcomes)

    run_virtually(scenario())


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_serial_number_that_the_service_spells_differently(tmp_path: Path, tokens: int) -> None:
    """Separators and letter case do not matter; a device's only token is the one it came with."""

    async def scenario() -> None:
        world = World()
        delivery = in_turn(Delivery.LOST, route=CREATE)
        items = [DeviceCreate(name="a", serie_number="0004a30b001c0530")]
        run = asyncio.create_task(created(world, items, tmp_path / "x", delivery))
        await asyncio.sleep(2)
        (device,) = world.store.devices.values()
        (first,) = device.tokens.values()
        first.serial = "00-04-A3-0B-00-1C-05-30" if tokens > 1 else "4"
        if tokens > 1:
            with Client(Wire(world)) as client:
                await client.tokens.create(device.id, TokenCreate("later"))
            first.created_at += 100.0
        outcomes, _ = await run
        assert [Created] == [type(outcome) for outcome in outcomes]
        assert first_tokens(world) == tokens_of(outcomes)

    run_virtually(scenario())


# --- unique marks --------------------------------------------------------------------------------

_TWICE = [
    DeviceCreate(name=name, serie_number=serial)
    for name, serial in (("a", "00-1f"), ("b", "02"), ("a", "03"), ("c", "00:1F"))
]


@pytest.mark.parametrize(
    ("identity", "refused", "path"), [("name", 2, "name"), ("serial", 3, "serie_number")]
)
@pytest.mark.parametrize("delivery", [Delivery.FINE, Delivery.LOST, Delivery.NEVER])
def test_a_mark_that_comes_twice_is_refused(
    tmp_path: Path, identity: Identity, refused: int, path: str, delivery: Delivery
) -> None:
    """Nothing is sent for the second row, so neither can adopt the device of the other."""

    async def scenario() -> None:
        world = World()
        deliveries = in_turn(*[delivery] * 3, route=CREATE)
        outcomes, stopped = await created(
            world, _TWICE, tmp_path / "x", deliveries, identity=identity
        )
        assert stopped is None
        (failed,) = (outcome for outcome in outcomes if isinstance(outcome, Failed))
        assert (refused, path) == (failed.index, getattr(failed.error, "path", ""))
        assert "row 1" in str(failed.error)
        assert 0 == failed.attempts
        assert 3 == len(world.names())
        assert first_tokens(world) == tokens_of(outcomes)

    run_virtually(scenario())


@pytest.mark.parametrize("seconds", [0.12, 0.3])
def test_a_mark_that_an_earlier_process_has_used_is_refused(tmp_path: Path, seconds: float) -> None:
    """Whether its row is done or in doubt."""

    async def scenario() -> None:
        world = World()

        async def items(more: list[DeviceCreate]) -> AsyncIterator[DeviceCreate]:
            yield DeviceCreate(name="a")
            await asyncio.sleep(10)
            for item in more:
                yield item

        await killed_after(seconds, created(world, items([]), tmp_path / "x", **BY_NAME))
        later = [DeviceCreate(name="a"), DeviceCreate(name="b")]
        outcomes, _ = await created(world, items(later), tmp_path / "x", **BY_NAME)
        assert [1] == [outcome.index for outcome in outcomes if isinstance(outcome, Failed)]
        assert ["a", "b"] == world.names()

    run_virtually(scenario())


def test_names_may_come_twice_where_they_are_not_the_mark(tmp_path: Path) -> None:
    """Devices may have equal names, and without a journal none is looked for."""

    async def scenario() -> None:
        world = World()
        for journal, options in ((tmp_path / "x", {}), (None, BY_NAME)):
            outcomes, _ = await created(world, named(1) * 2, journal, **options)
            assert {Created} == {type(outcome) for outcome in outcomes}
        assert ["sensor-0"] * 4 == world.names()

    run_virtually(scenario())


# --- the device cap ----------------------------------------------------------------------------


def test_the_device_cap_stops_a_run_that_can_be_gone_on_with(tmp_path: Path) -> None:
    """No further request leaves; with more space, the rest is made, and nothing twice."""
    path = tmp_path / "x"

    async def scenario() -> None:
        world = World(max_devices=5)
        outcomes, stopped = await created(world, specs(20), path)
        assert stopped is not None
        assert isinstance(stopped.reason, ResourceLimitError)
        assert "Device" == stopped.reason.resource
        assert 5 == len(tokens_of(outcomes))
        assert {Created, Failed} | {Pending} >= {type(outcome) for outcome in outcomes}
        assert list(range(len(outcomes))) == sorted(outcome.index for outcome in outcomes)
        assert world.seen.count(CREATE) <= 5 + 4

        world.store.cap = 100
        # Rows that met the cap are not to blame: the next process tries them again.
        again, stopped = await created(world, specs(20), path)
        assert stopped is None
        assert 15 == len(tokens_of(again))
        assert first_tokens(world) == {**tokens_of(outcomes), **tokens_of(again)}
        assert 20 == len(world.names())

    run_virtually(scenario())


# --- from the journal alone --------------------------------------------------------------------


def test_a_source_that_can_not_be_read_twice(tmp_path: Path) -> None:
    """What was read of it stands in the journal, and is made from there."""
    path = tmp_path / "x"
    items = [
        attrs.evolve(spec, configuration_params=[ConfigurationParameter("rate", n)])
        for n, spec in enumerate(specs(9))
    ]

    async def rows() -> AsyncIterator[DeviceCreate]:
        for item in items:
            yield item
        await asyncio.Event().wait()

    async def scenario() -> None:
        world = World()
        # One is lost, five are made, two are on their way, and one was not read.
        await killed_after(
            0.26, created(world, rows(), path, in_turn(Delivery.NEVER, route=CREATE))
        )
        assert 5 == len(world.names())
        outcomes, stopped = await created(world, None, path)
        assert stopped is None
        assert [f"sensor-{n}" for n in range(8)] == world.names()
        with Journal.read(path) as journal:
            assert {EntryState.DONE: 8} == journal.counts()
            known = {
                from_json(entry.result or b"", DeviceCreated).device_id: entry.number
                for entry in journal.rows()
            }
        for device in world.store.devices.values():
            row = known[device.id]
            assert f"sensor-{row}" == device.name
            assert [("rate", str(row))] == [(one.key, one.value) for one in device.parameters]
        assert {0, 4, 5, 6, 7} == {outcome.index for outcome in outcomes}

    run_virtually(scenario())


async def killed_after(seconds: float, run: Coroutine[Any, Any, Any]) -> None:
    """Let a run begin, and end it."""
    task = asyncio.create_task(run)
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])
