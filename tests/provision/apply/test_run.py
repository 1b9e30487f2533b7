"""Carrying a plan out: what is refused first, what is written down, and that it is done once."""

from __future__ import annotations

import asyncio
import stat
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

from tagodev import (
    Applied,
    ConfigurationParameter,
    DeviceCreate,
    DeviceEdit,
    Failed,
    InputError,
    ResourceLimitError,
    Tag,
    Tago,
)
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.provision._apply.run import (
    Guard,
    StalePlanError,
    check_deletions,
    check_fresh,
    check_slots,
    write_snapshot,
    write_steps,
)
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._write.document import read_head
from tests.provision.support import MARK, SETTINGS, row
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagodev import BulkReport
    from tagodev.provision import DeviceRow

PRUNE = attrs.evolve(SETTINGS, prune=True)


async def carried_out(
    tago: Tago, rows: Sequence[DeviceRow], journal: Path, settings: PlanSettings = SETTINGS
) -> BulkReport:
    """Make a plan and carry it out."""
    plan = await make_plan(tago, rows, settings)
    write_steps(plan, journal, tago.base_url)
    report: BulkReport = await tago.resume(journal, settle=0.05)
    return report


async def stock(tago: Tago, *names: str) -> list[str]:
    """Make managed devices, and return their ids."""
    return [
        (await tago.devices.create(DeviceCreate(name=name, tags=[MARK]))).device_id
        for name in names
    ]


def rows_of(count: int, **fields: Any) -> list[DeviceRow]:
    """Return so many rows."""
    return [row(f"s{number}", line=number + 2, **fields) for number in range(count)]


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return [path.name for path in folder.iterdir()]


# --- what is refused -----------------------------------------------------------------------------


async def test_a_plan_that_comes_out_differently_is_refused(tago: Tago) -> None:
    """As long as it is the same nothing is said; then it is stale."""
    agreed = await make_plan(tago, rows_of(2), SETTINGS)
    check_fresh(await make_plan(tago, rows_of(2), SETTINGS), agreed.fingerprint)
    await stock(tago, "s1")
    with pytest.raises(StalePlanError, match="is stale"):
        check_fresh(await make_plan(tago, rows_of(2), SETTINGS), agreed.fingerprint)


@pytest.mark.parametrize(
    ("text", "managed", "allowed"),
    [
        ("10%", 100, 10),
        ("10%", 99, 9),
        (" 10 % ", 9, 0),
        ("29%", 100, 29),
        ("0.5%", 1000, 5),
        ("100%", 7, 7),
        ("0", 7, 0),
        ("3", 100, 3),
    ],
)
def test_how_much_may_be_deleted(text: str, managed: int, allowed: int) -> None:
    """A share of the managed devices, rounded down, or a number of them."""
    assert allowed == Guard.read(text).allowed(managed)


@pytest.mark.parametrize("text", ["", "%", "ten", "-1", "101%", "-1%", "nan%", "1.5", "inf"])
def test_what_is_no_share(text: str) -> None:
    """Anything else is refused, with what there may be."""
    with pytest.raises(InputError, match="such as 10% or 25"):
        Guard.read(text)


async def test_deletions_are_guarded(tago: Tago) -> None:
    """The share is that of the devices of this name, however many others there are."""
    await stock(tago, *(f"s{number}" for number in range(10)))
    for number in range(30):
        await tago.devices.create(DeviceCreate(name=f"other {number}"))
    two_gone = await make_plan(tago, rows_of(8), PRUNE)

    check_deletions(two_gone, Guard.read("20%"))
    check_deletions(two_gone, Guard.read("2"))
    for text in ("19%", "1"):
        with pytest.raises(InputError, match="2 of the 10 devices managed as site would be"):
            check_deletions(two_gone, Guard.read(text))


async def test_room_is_checked(tago: Tago) -> None:
    """A plan that finds no room is refused with both figures."""
    await stock(tago, "s0")
    check_slots(await make_plan(tago, rows_of(4), SETTINGS, max_devices=4))
    with pytest.raises(ResourceLimitError, match=r"3 more devices are needed.* only 2 more"):
        check_slots(await make_plan(tago, rows_of(4), SETTINGS, max_devices=3))


# --- what is written down ------------------------------------------------------------------------


async def test_a_snapshot_holds_what_is_replaced(tago: Tago, tmp_path: Path) -> None:
    """Devices that are changed or deleted, as they were, for their owner's eyes only."""
    changed, gone = await stock(tago, "changed", "gone")
    await tago.devices.edit(gone, DeviceEdit(description="south", active=False))
    await tago.parameters.set(gone, [ConfigurationParameter("mode", "eco")])
    await tago.parameters.set(changed, [ConfigurationParameter("a", "1", sent=True)])
    rows = [row("changed", description="new", params={"a": "2"}), row("new", line=3)]
    plan = await make_plan(tago, rows, PRUNE)
    path = tmp_path / "before.json"

    assert 2 == await write_snapshot(tago, plan, path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["before.json"] == names_in(tmp_path)
    first, second = orjson.loads(path.read_bytes())["devices"]
    https = {
        "type": "mutable",
        "network": "5bbd0d144051a50034cd19fb",
        "connector": "5f5a8f3351d4db99c40dece5",
        "visible": True,
        "tags": [attrs.asdict(MARK)],
    }
    assert {
        **https,
        "id": gone,
        "name": "gone",
        "active": False,
        "description": "south",
        "configuration_params": [{"key": "mode", "value": "eco", "sent": False}],
    } == first
    assert {
        **https,
        "id": changed,
        "name": "changed",
        "active": True,
        # It was none, and is to be none again.
        "description": "",
        "configuration_params": [{"key": "a", "value": "1", "sent": True}],
    } == second
    head = read_head(path)
    assert head is not None
    assert ("snapshot", tago.base_url, plan.profile) == (head.kind, head.service, head.profile)
    assert PlanSettings(manager="site", known_by="id", new_by="name", restore=True) == head.settings


async def test_a_snapshot_holds_serial_numbers(tago: Tago, tmp_path: Path) -> None:
    """They stand on the token, which goes with its device."""
    spec = DeviceCreate(name="gone", tags=[MARK], serie_number="0042")
    await tago.devices.create(spec)
    path = tmp_path / "before.json"
    await write_snapshot(tago, await make_plan(tago, [], PRUNE), path)

    assert "0042" == orjson.loads(path.read_bytes())["devices"][0]["serie_number"]


async def test_steps_are_written_down_before_any_is_done(tago: Tago, tmp_path: Path) -> None:
    """The journal alone says what is to be done, and how devices are known again."""
    await stock(tago, "s0")
    settings = PlanSettings(manager="site", known_by="tag:room")
    plan = await make_plan(tago, [row("s1", tags={"room": "1"})], settings)
    write_steps(plan, tmp_path / "j", tago.base_url, {"plan": "scale"})
    with Journal.read(tmp_path / "j") as journal:
        info, counts, whole = journal.info, journal.counts(), journal.whole

    assert ("apply_devices", {"known_by": "tag:room"}) == (info.kind, info.options)
    assert {"plan": "scale"} == info.keywords
    assert ({EntryState.PENDING: 1}, True) == (counts, whole)
    assert 1 == len(await tago.devices.list().collect())


# --- what is done --------------------------------------------------------------------------------


async def test_applied_once_and_for_all(tago: Tago, tmp_path: Path) -> None:
    """After an apply there is nothing to do; after three cells three changes, and nothing again."""
    first = rows_of(5, active=True, tags={"site": "dairy"}, params={"rate": "600"})
    report = await carried_out(tago, first, tmp_path / "1")
    again = await make_plan(tago, first, SETTINGS)
    second = [
        row("s0", line=2, active=False, tags={"site": "dairy"}, params={"rate": "600"}),
        row("s1", line=3, active=True, tags={"site": "dairy-2"}, params={"rate": "600"}),
        row("s2", line=4, active=True, tags={"site": "dairy"}, params={"rate": "900"}),
        *first[3:],
    ]
    three = await make_plan(tago, second, SETTINGS)
    await carried_out(tago, second, tmp_path / "2")
    nothing = await make_plan(tago, second, SETTINGS)

    assert (5, 0) == (report.done, report.failed)
    assert ((), 5) == (again.steps, again.kept)
    assert ["active", "tags.site", "params.rate"] == [
        change.path for step in three.steps for change in step.changes
    ]
    assert ((), 5) == (nothing.steps, nothing.kept)


async def test_it_takes_the_requests_that_the_plan_has_told(
    emulator: Emulator, tago: Tago, tmp_path: Path
) -> None:
    """Snapshot and steps together, route by route: neither one more nor one less."""
    await stock(tago, "both", "fields", "parameters", "gone", "gone too")
    wanted = [
        row("both", active=False, params={"rate": "600", "unit": "C"}),
        row("fields", line=3, description="north", tags={"site": "dairy"}),
        row("parameters", line=4, params={"rate": "600"}),
        row("new", line=5, params={"rate": "600"}, serie_number="0042"),
        row("new too", line=6),
    ]
    plan = await make_plan(tago, wanted, PRUNE)
    before = _counted(emulator)
    await write_snapshot(tago, plan, tmp_path / "before.json")
    write_steps(plan, tmp_path / "j", tago.base_url)
    report: BulkReport = await tago.resume(tmp_path / "j", settle=0.05)

    assert 7 == report.done
    assert {cost.route: cost.requests for cost in plan.costs} == _counted(emulator) - before


def _counted(emulator: Emulator) -> Counter[str]:
    routes = emulator.stats()["routes"]
    return Counter({name: route["accepted"] for name, route in routes.items()})


async def test_new_devices_come_with_their_tokens(tago: Tago, tmp_path: Path) -> None:
    """Each outcome of a new device has its id and token; others have neither."""
    await stock(tago, "s0", "old")
    plan = await make_plan(tago, rows_of(2, active=False), PRUNE)
    write_steps(plan, tmp_path / "j", tago.base_url)
    async with tago.resume(tmp_path / "j") as run:
        done = [outcome async for outcome in run]

    assert all(isinstance(outcome, Applied) for outcome in done)
    made = {outcome.item.action: getattr(outcome, "result", None) for outcome in done}
    assert {"delete", "change", "create"} == set(made)
    assert (None, None) == (made["delete"], made["change"])
    assert made["create"] is not None
    assert made["create"].token


async def test_a_refused_step_does_not_stop_the_others(tago: Tago, tmp_path: Path) -> None:
    """It fails with the service's own words, and the next plan has it again."""
    rows = [row("x" * 101), *rows_of(2)]
    plan = await make_plan(tago, rows, SETTINGS)
    write_steps(plan, tmp_path / "j", tago.base_url)
    report = await tago.resume(tmp_path / "j")
    again = await make_plan(tago, rows, SETTINGS)

    assert (2, 1) == (report.done, report.failed)
    assert isinstance(report.failures[0], Failed)
    assert ["create"] == [step.action for step in again.steps]


@pytest.mark.parametrize("after", [1, 7, 19])
async def test_cut_off_and_applied_again(after: int, tmp_path: Path) -> None:
    """An apply that ends in the middle is gone on with, then planned anew: all is there once."""
    options = EmulatorOptions(
        unlimited=True, latency=0.005, faults={"reset-after-commit": 0.1}, seed=after
    )
    async with Emulator(options) as emulator:
        async with _client(emulator) as tago:
            old = [row(name, line=line) for line, name in enumerate(("s0", *"abcde"), 2)]
            await carried_out(tago, old, tmp_path / "old")
            rows = rows_of(30, active=False, tags={"site": "dairy"})
            plan = await make_plan(tago, rows, PRUNE)
            write_steps(plan, tmp_path / "j", tago.base_url)
            cutting = asyncio.create_task(_cut_off(tago, tmp_path / "j", after))
            await asyncio.wait([cutting])
            assert cutting.cancelled()
        async with _client(emulator) as tago:
            await tago.resume(tmp_path / "j", settle=0.2)
            left = await make_plan(tago, rows, PRUNE)
            devices = await tago.devices.list().collect()
        with Journal.read(tmp_path / "j") as journal:
            results = [orjson.loads(entry.result) for entry in journal.rows() if entry.result]

    assert () == left.steps
    assert {f"s{number}" for number in range(30)} == {device.name for device in devices}
    assert 30 == len(devices)
    # All but the one that was there came with a token, and that is known.
    assert {device.id for device in devices if device.name != "s0"} == {
        result["device_id"] for result in results if result["token"]
    }


def _client(emulator: Emulator) -> Tago:
    return client(emulator.url, token=emulator.token, plan="scale", concurrency=8)


async def _cut_off(tago: Tago, journal: Path, after: int) -> None:
    """Carry out so many steps, and then be cancelled."""
    task = asyncio.current_task()
    assert task is not None
    async with tago.resume(journal) as run:
        async for _ in run:
            after -= 1
            if after <= 0:
                task.cancel()
                await asyncio.sleep(0)


async def test_a_profile_is_turned_over(tmp_path: Path) -> None:
    """A file of other devices replaces all of a profile that is full."""
    options = EmulatorOptions(unlimited=True, max_devices=8, latency=0.005)
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token, plan="scale") as tago,
    ):
        await stock(tago, *(f"old {number}" for number in range(8)))
        report = await carried_out(tago, rows_of(8), tmp_path / "j", PRUNE)
        names = {device.name async for device in tago.devices.list()}

    assert (16, 0) == (report.done, report.failed)
    assert {f"s{number}" for number in range(8)} == names


async def test_marks_of_a_replaced_tag_list(tago: Tago, tmp_path: Path) -> None:
    """Replacing tags leaves the mark, so that the device can still be pruned."""
    await tago.devices.create(DeviceCreate(name="s0", tags=[Tag("old", "x"), MARK]))
    settings = attrs.evolve(SETTINGS, tag_mode="replace")
    await carried_out(tago, [row("s0", tags={"new": "y"})], tmp_path / "j", settings)
    (device,) = await tago.devices.list().collect()

    assert {MARK, Tag("new", "y")} == set(device.tags)
