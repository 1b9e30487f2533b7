"""Plans that know what recent runs have done, where the service's list lags behind its writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    BadRequestError,
    DeviceCreate,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    Tago,
)
from tagodev._address import Target
from tagodev._bulk.journal.entry import Batch, JournalInfo
from tagodev._bulk.journal.store import Journal
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.provision._apply.run import find_duplicates
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._plan.recent_runs import RecentChanges, recent_changes
from tagodev.provision._read.devices import read_devices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

HERE = Target("http://127.0.0.1:1", profile="p1", account="a1")


def journal(path: Path, kind: str, target: Target, batch: Batch, payloads: list[bytes]) -> None:
    """Write the journal of a run that was made for a profile."""
    with Journal.create(path, JournalInfo(run="", kind=kind, service=target.service)) as opened:
        opened.bind(target)
        opened.fill((number, b"h", payload) for number, payload in enumerate(payloads))
        opened.write(batch)


def done(number: int, when: float, result: bytes | None = None) -> Any:
    """Return what ends a row."""
    return (2, 1, when, result, None, number)


@pytest.mark.parametrize(
    ("target", "age", "found"),
    [
        (HERE, 0.0, {"c1"}),
        (Target(HERE.service, profile="p1", account="other"), 0.0, {"c1"}),
        (Target(HERE.service, profile="p2", account="a2"), 0.0, set()),
        (Target("http://127.0.0.1:2", profile="p1", account="a1"), 0.0, set()),
        (Target(HERE.service, profile="", account="unknown"), 0.0, set()),
        (HERE, 1000.0, set()),
    ],
    ids=["same", "other token", "other profile", "other service", "unknown", "long ago"],
)
def test_only_recent_runs_of_the_profile_count(
    tmp_path: Path, target: Target, age: float, found: set[str]
) -> None:
    """Another profile's devices are none of the plan's business, nor are those of yesterday."""
    when = time.time() - age
    batch = Batch(
        ended=[
            done(0, when, b'{"device_id":"c1","token":"t"}'),
            done(1, when, b'{"device_id":"d1","token":"t"}'),
        ]
    )
    journal(tmp_path / "c", "create_devices", target, batch, [b"{}", b"{}"])
    gone = Batch(ended=[done(0, when)])
    journal(tmp_path / "d", "delete_devices", target, gone, [b'"d1"'])

    expected = RecentChanges(frozenset(found), frozenset({"d1"} if found else ()))
    assert expected == recent_changes(HERE)


async def test_a_device_that_is_not_listed_yet_is_not_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan reads what a recent run has created one by one, where the list lacks it."""
    (tmp_path / "site.csv").write_text("name\na\nb\n")
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        Tago(emulator.token, api=emulator.url, plan="scale") as tago,
    ):
        settings = PlanSettings(manager="site")
        rows = read_devices(tmp_path / "site.csv")
        tags = [step.create for step in (await make_plan(tago, rows, settings)).todo]
        specs = [device for device in tags if device is not None]
        await tago.devices.create_many(specs, journal=tmp_path / "j")
        hide(tago, monkeypatch, lambda name: name == "a")

        plan = await make_plan(tago, rows, settings)

        assert () == plan.todo
        assert any("not listed yet" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("status", "gone"), [(404, True), (400, True), (422, False), (409, False), (403, False)]
)
async def test_a_device_that_is_not_listed_and_can_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, gone: bool
) -> None:
    """It was deleted since if the service does not know it; any other refusal ends the plan."""
    (tmp_path / "site.csv").write_text("name\na\n")

    async def refuse(*_: object, **__: object) -> None:
        cls = {404: NotFoundError, 403: PermissionDeniedError}.get(status, BadRequestError)
        raise cls("No", status=status)

    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        Tago(emulator.token, api=emulator.url, plan="scale") as tago,
    ):
        await tago.devices.create_many([DeviceCreate(name="a")], journal=tmp_path / "j")
        hide(tago, monkeypatch, lambda _: True)
        monkeypatch.setattr(tago.devices, "info", refuse)
        planning = make_plan(
            tago, read_devices(tmp_path / "site.csv"), PlanSettings(manager="site")
        )
        if gone:
            assert ["create"] == [step.action for step in (await planning).steps]
        else:
            with pytest.raises(ServiceError):
                await planning


async def test_a_device_that_is_still_listed_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a recent run has deleted counts as gone, whatever the list says."""
    (tmp_path / "site.csv").write_text("name\na\n")
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        Tago(emulator.token, api=emulator.url, plan="scale") as tago,
    ):
        rows = read_devices(tmp_path / "site.csv")
        made = await tago.devices.create(DeviceCreate(name="a"))
        listed = await tago.devices.list().collect()
        await tago.devices.delete_many([made.device_id], journal=tmp_path / "j")
        hide(tago, monkeypatch, lambda _: False, more=listed)

        plan = await make_plan(tago, rows, PlanSettings(manager="site"))

        assert ["create"] == [step.action for step in plan.steps]


async def test_devices_that_exist_twice_are_found(tmp_path: Path) -> None:
    """Another machine has applied the same list meanwhile: both ids are named."""
    (tmp_path / "site.csv").write_text("name\na\nb\n")
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        Tago(emulator.token, api=emulator.url, plan="scale") as tago,
    ):
        plan = await make_plan(
            tago, read_devices(tmp_path / "site.csv"), PlanSettings(manager="site")
        )
        first, second = (step.create for step in plan.todo)
        assert first is not None
        assert second is not None
        ids = [(await tago.devices.create(each)).device_id for each in (first, second, first)]

        (double,) = await find_duplicates(tago, plan)

        assert ("a", {ids[0], ids[2]}) == (double.identity, {*double.ids})


def hide(
    tago: Tago,
    monkeypatch: pytest.MonkeyPatch,
    hidden: Callable[[str], bool],
    more: Sequence[object] = (),
) -> None:
    """Let a client's lists lack some devices, and show others besides."""
    real = tago.devices.list

    def lagging(**options: object) -> object:
        listing = real(**options)  # type: ignore[arg-type]
        complete = listing.complete

        async def fewer(*arguments: object) -> list[object]:
            found = await complete(*arguments)  # type: ignore[arg-type]
            return [device for device in found if not hidden(device.name)] + [*more]

        monkeypatch.setattr(listing, "complete", fewer)
        return listing

    monkeypatch.setattr(tago.devices, "list", lagging)
