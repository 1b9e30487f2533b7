"""Bringing a profile to a file in one run: what goes is gone before anything is made."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, cast

import attrs
import pytest

from tagodev import (
    Applied,
    ApplyStep,
    BulkStoppedError,
    ConfigurationParameter,
    ConnectError,
    ConnectionLostError,
    Device,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceToken,
    Failed,
    InDoubt,
    Pending,
    ResourceLimitError,
    Secret,
    Tag,
    Tago,
)
from tagodev._address import Target
from tagodev._bulk.input import digest_of
from tagodev._bulk.journal.entry import Batch, EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.apply_steps import MANAGED_TAG, ApplySteps
from tagodev._serialization.converter import to_json
from tagodev.emulator import Emulator, EmulatorOptions
from tests.bulk.journals import about
from tests.bulk.virtual import run_virtually
from tests.bulk.working import bulk, collected, leave
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tagodev import Outcome
    from tagodev._bulk.operations.apply_steps import ApplyCalls
    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._session import CallRecord

MARK = Tag(MANAGED_TAG, "site")
OTHER = Tag(MANAGED_TAG, "other")


def make(name: str, *tags: Tag) -> ApplyStep:
    """Return the step that makes a device."""
    return ApplyStep(create=DeviceCreate(name=name, tags=[*tags, MARK]), name=name)


async def fill(tago: Tago, names: Iterable[str]) -> list[str]:
    """Make devices, and return their ids."""
    specs = [DeviceCreate(name=name, tags=(MARK,)) for name in names]
    return [(await tago.devices.create(spec)).device_id for spec in specs]


async def outcomes(tago: Tago, steps: Iterable[ApplyStep]) -> list[Outcome]:
    """Carry steps out."""
    async with tago.devices.apply_many(steps) as run:
        return [outcome async for outcome in run]


@pytest.mark.parametrize("concurrency", [1, 4, 32])
async def test_deletions_make_room(concurrency: int) -> None:
    """A profile that is full to the last slot is turned over, however many rows are in work."""
    options = EmulatorOptions(unlimited=True, max_devices=12, latency=0.01)
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token, concurrency=concurrency) as tago,
    ):
        old = await fill(tago, (f"old {number}" for number in range(12)))
        steps = [ApplyStep(device_id=one, delete=True) for one in old]
        done = await outcomes(tago, steps + [make(f"new {number}") for number in range(12)])
        names = {device.name async for device in tago.devices.list()}

    assert 24 == sum(isinstance(outcome, Applied) for outcome in done)
    assert {f"new {number}" for number in range(12)} == names


class Profile:
    """A profile of few slots whose deletions take their time, or never arrive."""

    def __init__(self, *ids: str, refused: int = 0, lost: int = 0) -> None:
        self.ids = set(ids)
        self._cap = len(ids)
        self._refused = refused
        self._lost = lost

    async def delete(self, device_id: str, record: CallRecord) -> None:
        """Delete a device, unless there is no way to it."""
        if self._refused:
            self._refused -= 1
            # Once there was an answer, a run waits for the connection to come back.
            await asyncio.sleep(0.5)
            raise ConnectError("Refused")
        await leave(record)
        if self._lost:
            self._lost -= 1
            record.in_doubt = True
            raise ConnectionLostError("Lost", may_have_acted=True)
        await asyncio.sleep(1)
        self.ids.discard(device_id)

    async def edit(self, device_id: str, changes: DeviceEdit, record: CallRecord) -> None:
        """Change a device, at once."""
        await leave(record)

    async def create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        """Make a device, if there is space."""
        await leave(record)
        if len(self.ids) >= self._cap:
            raise ResourceLimitError("Full", resource="Device", status=400)
        self.ids.add(device.name)
        return DeviceCreated(device_id=device.name, token=Secret("made up"))


def turn_over(profile: Profile, concurrency: int) -> list[Outcome]:
    """Replace all devices of a profile, in virtual time."""
    new = [make(f"new {number}") for number in range(len(profile.ids))]
    old = [ApplyStep(device_id=one, delete=True) for one in sorted(profile.ids)]
    steps = [ApplyStep(device_id="a", edit=DeviceEdit(active=False)), *old, *new]
    run = bulk(steps, ApplySteps(cast("ApplyCalls", profile)), concurrency=concurrency)
    outcomes, stopped = run_virtually(collected(run))
    assert stopped is None
    return outcomes


@pytest.mark.parametrize("concurrency", [1, 3, 32])
@pytest.mark.parametrize("refused", [0, 1, 4])
def test_a_deletion_that_never_left_is_waited_for(concurrency: int, refused: int) -> None:
    """While a deletion waits for the connection to come back, nothing takes its place."""
    profile = Profile("a", "b", "c", "d", refused=refused)
    done = turn_over(profile, concurrency)

    assert [Applied] * 9 == [type(outcome) for outcome in done]
    assert {f"new {number}" for number in range(4)} == profile.ids


def test_a_deletion_in_doubt_holds_nobody_up() -> None:
    """Without a journal nothing is looked up: what the profile has a free slot for is made."""
    profile = Profile("a", "b", lost=1)
    steps = [ApplyStep(device_id=one, delete=True) for one in ("a", "b")]
    run = bulk([*steps, make("new")], ApplySteps(cast("ApplyCalls", profile)), concurrency=3)
    done, _ = run_virtually(collected(run))

    assert {InDoubt: 1, Applied: 2} == Counter(type(outcome) for outcome in done)


async def test_a_deletion_that_is_refused_holds_nobody_up() -> None:
    """A protected device stays; what was to be made is made, as long as there is space."""
    async with (
        Emulator(EmulatorOptions(unlimited=True, max_devices=2)) as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        protected = await tago.devices.create(
            DeviceCreate(name="kept", tags=[Tag("_delete_protection_", "no"), MARK])
        )
        done = await outcomes(
            tago, [ApplyStep(device_id=protected.device_id, delete=True), make("a")]
        )
        with pytest.raises(BulkStoppedError) as stopped:
            await outcomes(tago, [make("b")])

    assert [Failed, Applied] == [type(outcome) for outcome in done]
    assert isinstance(stopped.value.reason, ResourceLimitError)


async def test_changes_and_parameters_in_one_step(tmp_path: Path) -> None:
    """A step edits the device and sets its parameters; a step that comes twice changes nothing."""
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        (device_id,) = await fill(tago, ["a"])
        step = ApplyStep(
            device_id=device_id,
            edit=DeviceEdit(active=False),
            parameters=(ConfigurationParameter("a", "1"),),
        )
        for journal in ("one", "two"):
            await tago.devices.apply_many([step], journal=tmp_path / journal)
        device = await tago.devices.info(device_id)
        parameters = await tago.parameters.list(device_id)

    assert device.active is False
    assert [("a", "1")] == [(one.key, one.value) for one in parameters]


async def test_a_lost_answer_is_looked_for_among_its_own(tmp_path: Path) -> None:
    """A device of the same name that another user manages, or no one, is not taken for it."""
    options = EmulatorOptions(unlimited=True, faults={"POST /device:reset-after-commit": 1.0})
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        for tags in ((), (OTHER,)):
            with pytest.raises(ConnectionLostError):
                await tago.devices.create(DeviceCreate(name="a", tags=tags))
        async with tago.devices.apply_many([make("a")], journal=tmp_path / "j", settle=0.05) as run:
            (outcome,) = [outcome async for outcome in run]
        devices = await tago.devices.list().collect()

    assert isinstance(outcome, Applied)
    assert outcome.adopted
    assert outcome.result is not None
    assert 3 == len(devices)
    (ours,) = [device for device in devices if MARK in device.tags]
    assert ours.id == outcome.result.device_id


async def test_equal_steps_make_a_device_each(tmp_path: Path) -> None:
    """The second is sent when the first is settled, and does not adopt the first one's device."""
    options = EmulatorOptions(unlimited=True, faults={"POST /device:reset-after-commit": 1.0})
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token) as tago,
        tago.devices.apply_many([make("a"), make("a")], journal=tmp_path / "j", settle=0.05) as run,
    ):
        found = [outcome async for outcome in run]

    assert [Applied, Applied] == [type(outcome) for outcome in found]
    made = [outcome.result for outcome in found if isinstance(outcome, Applied)]
    assert 2 == len({one.device_id for one in made if one is not None})


async def test_two_that_could_be_it(tmp_path: Path) -> None:
    """Where two devices match, neither is chosen."""
    options = EmulatorOptions(unlimited=True, faults={"POST /device:reset-after-commit": 1.0})
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        with pytest.raises(ConnectionLostError):
            await tago.devices.create(DeviceCreate(name="a", tags=[MARK]))
        run = tago.devices.apply_many([make("a")], journal=tmp_path / "j", settle=0.05)
        async with run:
            found = [outcome async for outcome in run]

    assert [InDoubt] == [type(outcome) for outcome in found]


@pytest.mark.parametrize("concurrency", [1, 3, 32])
@pytest.mark.parametrize("lost", [1, 4])
def test_nothing_is_made_while_a_deletion_is_in_doubt(
    tmp_path: Path, concurrency: int, lost: int
) -> None:
    """A full profile is turned over although answers to deletions are lost."""
    profile = Profile("a", "b", "c", "d", lost=lost)
    new = [make(f"new {number}") for number in range(4)]
    old = [ApplyStep(device_id=one, delete=True) for one in sorted(profile.ids)]
    work = ApplySteps(cast("ApplyCalls", profile))
    run = bulk([*old, *new], work, concurrency=concurrency, journal=tmp_path / "j")
    outcomes, stopped = run_virtually(collected(run))

    assert stopped is None
    assert [Applied] * 8 == [type(outcome) for outcome in outcomes]
    assert {f"new {number}" for number in range(4)} == profile.ids


class Known(Profile):
    """A profile whose devices can be listed."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._cap = 100
        self.devices = [Device(id=f"id of {name}", name=name, tags=(MARK,)) for name in names]
        self.asked: list[str] = []

    async def by_tag(self, key: str, record: MakeRecord) -> list[Device]:
        """Return all devices."""
        self.asked.append("list")
        return self.devices

    async def tokens(self, device_id: str, record: CallRecord) -> list[DeviceToken]:
        """Return a token."""
        self.asked.append("tokens")
        return [DeviceToken(token=Secret(f"token of {device_id}"))]


def left_behind(path: Path, *steps: tuple[ApplyStep, EntryState, DeviceCreated | None]) -> None:
    """Write the journal of an apply that an earlier process did not finish."""
    info = attrs.evolve(about("apply_devices"), options={"known_by": "name"})
    payloads = [ApplySteps.encode(step) for step, _, _ in steps]
    pulled = [(number, digest_of(each), each) for number, each in enumerate(payloads)]
    batch = Batch(pulled=pulled, whole=True)
    for number, (_, state, result) in enumerate(steps):
        if state is not EntryState.PENDING:
            batch.sent.append((1000.0, number))
        if state is EntryState.DONE:
            made = None if result is None else to_json(result)
            batch.ended.append((int(state), 1, 2000.0, made, None, number))
    with Journal.create(path, info) as journal:
        journal.bind(Target("http://127.0.0.1:1", profile="p1", account="somebody"))
        journal.write(batch)


def test_what_an_earlier_process_made_is_not_adopted_again(tmp_path: Path) -> None:
    """A step that was sent does not adopt the device of an equal step that is done."""
    path = tmp_path / "j"
    made = DeviceCreated(device_id="id of a", token=Secret("x"))
    left_behind(path, (make("a"), EntryState.DONE, made), (make("a"), EntryState.SENT, None))
    profile = Known("a")
    run = bulk(None, ApplySteps(cast("ApplyCalls", profile)), journal=path)
    (outcome,), _ = run_virtually(collected(run))

    assert isinstance(outcome, Applied)
    assert not outcome.adopted
    assert {"a"} == profile.ids


def test_only_settling_changes_nothing(tmp_path: Path) -> None:
    """A creation that is found is adopted; everything else that was sent is pending again."""
    path = tmp_path / "j"
    left_behind(
        path,
        (ApplyStep(device_id="x", delete=True), EntryState.SENT, None),
        (ApplyStep(device_id="y", edit=DeviceEdit(active=False)), EntryState.SENT, None),
        (make("a"), EntryState.SENT, None),
        (make("b"), EntryState.SENT, None),
        (make("c"), EntryState.PENDING, None),
    )
    profile = Known("a")
    work = ApplySteps(cast("ApplyCalls", profile))
    outcomes, stopped = run_virtually(collected(bulk(None, work, journal=path, settle_only=True)))

    assert stopped is None
    assert {0: Pending, 1: Pending, 2: Applied, 3: Pending} == {
        outcome.index: type(outcome) for outcome in outcomes
    }
    assert ["list", "list", "tokens"] == profile.asked
    assert set() == profile.ids
    with Journal.read(path) as journal:
        assert {EntryState.PENDING: 4, EntryState.DONE: 1} == journal.counts()
