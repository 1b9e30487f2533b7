"""Making a plan: devices found by what the file knows them by, with few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tagodev import (
    ConfigurationParameter,
    DeviceCreate,
    DeviceEdit,
    InputError,
    Tag,
    Tago,
    TokenCreate,
)
from tagodev._bulk.operations.create_devices import run_tag
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.provision import DeviceRow, InvalidFileError
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tests.provision.support import MARK, SETTINGS, row
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev._transport import Request
    from tagodev.provision._plan.model import Plan

PRUNE = attrs.evolve(SETTINGS, prune=True)


async def made(tago: Tago, name: str, *tags: Tag, **fields: Any) -> str:
    """Make a device, and return its id."""
    created = await tago.devices.create(DeviceCreate(name=name, tags=tags, **fields))
    return created.device_id


def rows_of(*names: str, **fields: Any) -> list[DeviceRow]:
    """Return a row for each name, with the same fields."""
    return [row(name, line=line, **fields) for line, name in enumerate(names, 2)]


def told(plan: Plan) -> list[tuple[str, str]]:
    """Return action and name of each step."""
    return [(step.action, step.name) for step in plan.steps]


def asked(emulator: Emulator) -> dict[str, int]:
    """Return how often each route was asked."""
    return {name: route["accepted"] for name, route in emulator.stats()["routes"].items()}


# --- what a plan is ------------------------------------------------------------------------------


async def test_each_row_finds_its_device(tago: Tago) -> None:
    """What is not there is made, what differs is changed, and the rest is left alone."""
    await made(tago, "as it should be", MARK)
    await made(tago, "not active", MARK, active=False)
    await made(tago, "of nobody")
    plan = await make_plan(
        tago, rows_of("new", "not active", "as it should be", active=True), SETTINGS
    )

    assert [("change", "not active"), ("create", "new")] == told(plan)
    assert (1, 2) == (plan.kept, plan.managed)


async def test_nothing_to_do(tago: Tago) -> None:
    """An empty file, and one that is followed already, ask for nothing."""
    await made(tago, "a", MARK)
    empty = await make_plan(tago, [], SETTINGS)
    followed = await make_plan(tago, rows_of("a"), SETTINGS)

    assert ((), (), 0.0) == (empty.steps, empty.costs, empty.seconds)
    assert ((), 1) == (followed.steps, followed.kept)


async def test_order_of_steps(tago: Tago) -> None:
    """What goes makes room: deletions, changes, new devices, and last what can't be done."""
    await made(tago, "old", MARK)
    await made(tago, "other", MARK, active=False)
    await made(tago, "twice")
    await made(tago, "twice")
    plan = await make_plan(tago, rows_of("twice", "new", "other", active=True), PRUNE)

    assert [
        ("delete", "old"),
        ("change", "other"),
        ("create", "new"),
        ("blocked", "twice"),
    ] == told(plan)


async def test_the_fingerprint_is_of_what_would_be_done(tago: Tago) -> None:
    """The same plan has the same one; another value, old or new, or another manager, another."""
    device_id = await made(tago, "a", MARK, description="one")
    wanted = rows_of("a", description="two")
    first = await make_plan(tago, wanted, SETTINGS)
    again = await make_plan(tago, [attrs.evolve(wanted[0], line=70)], SETTINGS)
    to_other = await make_plan(tago, rows_of("a", description="three"), SETTINGS)
    by_other = await make_plan(tago, rows_of("b"), attrs.evolve(SETTINGS, manager="other"))
    by_us = await make_plan(tago, rows_of("b"), SETTINGS)
    await tago.devices.edit(device_id, DeviceEdit(description="uno"))
    from_other = await make_plan(tago, wanted, SETTINGS)

    assert first.fingerprint == again.fingerprint
    fingerprints = {plan.fingerprint for plan in (first, to_other, from_other, by_other, by_us)}
    assert 5 == len(fingerprints)


# --- by what devices are known -------------------------------------------------------------------


async def test_known_by_a_tag(tago: Tago) -> None:
    """The first value of the tag says which device it is; its name may change."""
    await made(tago, "old name", Tag("room", "1"), MARK)
    await made(tago, "another", Tag("room", "2"), MARK)
    settings = PlanSettings(manager="site", known_by="tag:room")
    plan = await make_plan(tago, [row("new name", tags={"room": "1"})], settings)

    assert [("change", "old name")] == told(plan)
    assert ["name"] == [change.path for change in plan.steps[0].changes]


async def test_known_by_a_serial_number(emulator: Emulator, tago: Tago) -> None:
    """Serial numbers stand on tokens: one request a row, which the plan counts."""
    await made(tago, "a", MARK, serie_number="0001")
    second = await made(tago, "b", MARK)
    await tago.tokens.create(second, TokenCreate("more", "full", serie_number="0002"))
    rows = [row(f"s{n}", line=n + 1, serie_number=f"000{n}") for n in (1, 2, 3)]
    before = asked(emulator).get("GET /device", 0)
    plan = await make_plan(tago, rows, PlanSettings(manager="site", known_by="serial"))

    assert [("change", "a"), ("change", "b"), ("create", "s3")] == told(plan)
    assert 4 == asked(emulator)["GET /device"] - before
    assert ("Serial numbers took one request per row: 3",) == plan.notes


async def test_known_by_id(tago: Tago) -> None:
    """An id is one device for ever; a row without one is known by its name, among our own."""
    first = await made(tago, "a")
    await made(tago, "b", MARK)
    await made(tago, "c")
    gone = "67e1a2b3c4d5e6f708192a3b"
    rows = [
        row("renamed", line=2, device_id=first),
        row("b", line=3, active=False),
        row("c", line=4),
        row("d", line=5, device_id=gone),
        row("e", line=6),
        row("e", line=7),
    ]
    plan = await make_plan(tago, rows, PlanSettings(manager="site", known_by="id"))

    assert [
        ("change", "a"),
        ("change", "b"),
        # The one that is there is not of ours: it is not taken for it.
        ("create", "c"),
        ("blocked", "d"),
        ("blocked", "e"),
        ("blocked", "e"),
    ] == told(plan)
    reasons = [step.reason for step in plan.steps[3:]]
    twice = "has no id, and other rows have the same name 'e'"
    assert [f"no device has the id {gone}", twice, twice] == reasons


async def test_putting_back_makes_anew_what_is_gone(tago: Tago) -> None:
    """A snapshot's device whose id is gone is made, once: then it is known by its name."""
    settings = PlanSettings(manager="site", known_by="id", restore=True)
    rows = [row("a", device_id="67e1a2b3c4d5e6f708192a3b", tags={MARK.key: MARK.value})]
    before = await make_plan(tago, rows, settings)
    await made(tago, "a")
    foreign = await make_plan(tago, rows, settings)
    await made(tago, "a", MARK)
    after = await make_plan(tago, rows, settings)

    assert [("create", "a")] == told(before) == told(foreign)
    assert [] == told(after)


@pytest.mark.parametrize(("known_by", "many"), [("name", 5), ("tag:room", 5), ("name", 3)])
async def test_several_devices_match(tago: Tago, known_by: str, many: int) -> None:
    """None of them is chosen: the row is blocked and says which they are."""
    ids = [await made(tago, "a", Tag("room", "1"), MARK) for _ in range(many)]
    settings = PlanSettings(manager="site", known_by=known_by, prune=True)
    plan = await make_plan(tago, [row("a", tags={"room": "1"})], settings)

    # Nor are they deleted: the file does name one of them.
    assert [("blocked", "a")] == told(plan)
    assert f"{many} devices have this {known_by}" in plan.steps[0].reason
    assert all(one in plan.steps[0].reason for one in ids[:3])
    assert plan.steps[0].reason.endswith(f" and {many - 3} more" if many > 3 else ids[2])


async def test_rows_that_can_not_be_told_apart(emulator: Emulator, tago: Tago) -> None:
    """Every one of them is told, with its line, before anything is asked of the service."""
    rows = [*rows_of("a", "b", "a", "b"), row("c", line=9, tags={"tagodev_managed": "x"})]
    with pytest.raises(InvalidFileError) as caught:
        await make_plan(tago, rows, SETTINGS)

    found = [(problem.line, problem.path) for problem in caught.value.problems]
    assert [(4, "name"), (5, "name"), (9, "tag.tagodev_managed")] == found
    assert {} == asked(emulator)


@pytest.mark.parametrize(
    ("known_by", "column"), [("serial", "serie_number"), ("tag:room", "tag.room")]
)
async def test_a_row_that_does_not_say_what_it_is_known_by(
    tago: Tago, known_by: str, column: str
) -> None:
    """One problem is an error of its own, with line and column."""
    with pytest.raises(InputError, match="is missing, but devices are identified") as caught:
        await make_plan(tago, rows_of("a"), PlanSettings(manager="site", known_by=known_by))

    assert (2, column) == (caught.value.line, caught.value.path)


@pytest.mark.parametrize("known_by", ["", "colour", "tag:", "tag: ", "Name"])
def test_unknown_identity(known_by: str) -> None:
    """Known by nothing that there is: refused with what there is."""
    with pytest.raises(InputError, match="name, serial, id or tag:KEY"):
        PlanSettings(manager="site", known_by=known_by)


def test_an_intent_has_a_name() -> None:
    """Nobody manages nothing."""
    with pytest.raises(InputError, match="manager"):
        PlanSettings(manager=" ")


# --- what goes -----------------------------------------------------------------------------------


async def test_only_managed_devices_are_deleted(tago: Tago) -> None:
    """Not those of another name, nor those of nobody, nor protected ones; and only if asked to."""
    for name, tags in {
        "named": [MARK],
        "left over": [MARK],
        "made by a run": [run_tag("1a2b3c4d", 7)],
        "of another": [Tag("tagodev_managed", "other")],
        "of nobody": [],
        "protected": [MARK, Tag("_delete_protection_", "keep it")],
    }.items():
        await made(tago, name, *tags)
    kept = await make_plan(tago, rows_of("named"), SETTINGS)
    pruned = await make_plan(tago, rows_of("named"), PRUNE)

    assert [] == told(kept)
    assert [("delete", "left over"), ("blocked", "protected")] == told(pruned)
    assert 3 == pruned.managed


async def test_what_is_never_deleted_is_told(tago: Tago) -> None:
    """A device that the file names and that carries no mark would outlive its row: a note."""
    await made(tago, "adopted")
    plan = await make_plan(tago, rows_of("adopted"), PRUNE)

    assert [] == told(plan)
    assert "1 devices of the file have no tag tagodev_managed=site" in plan.notes[0]


# --- what it takes -------------------------------------------------------------------------------


async def test_costs_of_each_route(tago: Tago) -> None:
    """Requests are counted by route, those that read what can be put back among them."""
    await made(tago, "left over", MARK)
    await made(tago, "changed", MARK, configuration_params=[ConfigurationParameter("a", "1")])
    await made(tago, "both", MARK, active=False)
    params = {"a": "2"}
    rows = [
        row("changed", params=params),
        row("both", line=3, active=True, params=params),
        row("new", line=4),
    ]
    plan = await make_plan(tago, rows, PRUNE)

    assert {
        "GET /device/:device_id": (1, 5000),
        "GET /device/:device_id/params": (3, 5000),
        "GET /device/token/:device_id": (1, 5000),
        "DELETE /device/:device_id": (1, 5000),
        "PUT /device/:device_id": (1, 2000),
        "POST /device/:device_id/params": (2, 2000),
        "POST /device": (1, 5000),
    } == {cost.route: (cost.requests, cost.limit) for cost in plan.costs}
    assert "Configuration parameters took one request per device: 2" in plan.notes


async def test_time_under_the_limits(emulator: Emulator) -> None:
    """The longest route of each phase counts: 25 new devices on the Free plan wait twice."""
    async with client(emulator.url, token=emulator.token, plan="free") as tago:
        few = await make_plan(tago, rows_of(*map(str, range(10))), SETTINGS)
        many = await make_plan(tago, rows_of(*map(str, range(25))), SETTINGS)

    assert 0 < few.seconds < 1
    assert 120 < many.seconds < 121


async def test_parameters_are_read_where_the_file_gives_any(emulator: Emulator, tago: Tago) -> None:
    """One request for each device that is there and has a cell for them, and no other."""
    for name in ("with", "without"):
        await made(tago, name, MARK)
    rows = [row("with", params={"a": "1"}), row("without", line=3), row("new", params={"a": "1"})]
    plan = await make_plan(tago, rows, SETTINGS)

    assert 1 == asked(emulator)["GET /device/:device_id/params"]
    assert [("change", "with"), ("create", "new")] == told(plan)


async def test_slots(tago: Tago) -> None:
    """Room is what the plan's cap leaves, or what is said; deletions make some."""
    for name in ("a", "b", "c"):
        await made(tago, name, MARK)
    scale = await make_plan(tago, rows_of("a", "d", "e"), PRUNE)
    narrow = await make_plan(tago, rows_of("a", "b", "c", "d", "e"), SETTINGS, max_devices=4)
    over = await make_plan(tago, rows_of("x"), SETTINGS, max_devices=2)

    assert (3, 10_000, 9_997, 0, True) == _slots(scale)
    assert (3, 4, 1, 2, False) == _slots(narrow)
    assert (3, 2, 0, 1, False) == _slots(over)


def _slots(plan: Plan) -> tuple[Any, ...]:
    slots = plan.slots
    return slots.used, slots.cap, slots.free, slots.needed, slots.suffice


async def test_a_profile_beyond_its_plan_has_a_cap_of_its_own(emulator: Emulator) -> None:
    """What a plan holds is not known where there is more than it holds already."""
    async with client(emulator.url, token=emulator.token, plan="free") as tago:
        for number in range(5):
            await made(tago, str(number))
        full = await make_plan(tago, rows_of("new"), SETTINGS)
        await made(tago, "one more")
        beyond = await make_plan(tago, rows_of("new"), SETTINGS)

    assert (5, 5, 0, 1, False) == _slots(full)
    assert (6, None, None, 1, True) == _slots(beyond)


async def test_the_profile_is_told(tago: Tago) -> None:
    """A plan knows the profile, also where that holds no device."""
    empty = await make_plan(tago, [], SETTINGS)
    await made(tago, "a")
    plan = await make_plan(tago, [], SETTINGS)

    assert 24 == len(empty.profile)
    assert empty.profile == plan.profile


async def test_few_list_requests(emulator: Emulator, tago: Tago) -> None:
    """2,500 rows against 2,500 devices: three pages of a thousand, two of them read twice."""
    names = [f"s{number}" for number in range(2500)]
    await tago.devices.create_many(DeviceCreate(name=name, tags=[MARK]) for name in names)
    before = asked(emulator)
    told_of: list[tuple[str, int, int | None]] = []
    plan = await make_plan(
        tago,
        rows_of(*names, active=True),
        SETTINGS,
        on_progress=lambda *told: told_of.append(told),
    )
    after = asked(emulator)

    assert (0, 2500) == (len(plan.steps), plan.kept)
    assert {"GET /device": 5, "GET /profile/:profile_id": 1} == {
        route: after[route] - before.get(route, 0)
        for route in after
        if after[route] != before.get(route, 0)
    }
    # How many there are, nobody knows before the last page.
    assert [("devices", number, None) for number in (1000, 2000, 2500, 2500, 2500)] == told_of


async def test_a_concurrent_deletion_hides_no_device(
    emulator: Emulator, tago: Tago, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that moves to a page that was read already is not created a second time."""
    names = [f"s{number}" for number in range(1500)]
    run = tago.devices.create_many(DeviceCreate(name=name, tags=[MARK]) for name in names)
    await run
    first = await tago.devices.list(order_by="created_at,asc").first()
    assert first is not None
    call, pages = tago.devices._session.call, 0

    async def call_and_delete(request: Request, *others: Any) -> Any:
        nonlocal pages
        answer = await call(request, *others)
        if request.route.name == "GET /device":
            pages += 1
            if pages == 1:
                await tago.devices.delete(first.id)
        return answer

    monkeypatch.setattr(tago.devices._session, "call", call_and_delete)
    rest = [name for name in names if name != first.name]
    plan = await make_plan(tago, rows_of(*rest, active=True), SETTINGS)

    assert (0, 1499) == (len(plan.steps), plan.kept)
    assert 3 == pages


@pytest.mark.parametrize("given", [False, True])
async def test_payload_parsers_are_read_only_where_the_file_gives_any(
    given: bool, monkeypatch: pytest.MonkeyPatch, tago: Tago
) -> None:
    """They may be long, and a profile may hold thousands."""
    fields: list[Sequence[str]] = []
    listed = tago.devices.list

    def noted(**options: Any) -> Any:
        fields.append(options["fields"])
        return listed(**options)

    monkeypatch.setattr(tago.devices, "list", noted)
    more = {"payload_decoder": "Ly8="} if given else {}
    await make_plan(tago, rows_of("a", **more), SETTINGS)

    assert given is ("payload_decoder" in fields[0])


async def test_a_device_that_goes_meanwhile(emulator: Emulator, tago: Tago) -> None:
    """Parameters of a device that was deleted since the list was read are none."""
    device_id = await made(tago, "a", MARK)
    listed = tago.parameters.list

    async def deleted_first(one: str, **options: Any) -> Any:
        await tago.devices.delete(device_id)
        return await listed(one, **options)

    tago.parameters.list = deleted_first  # type: ignore[method-assign, assignment]
    plan = await make_plan(tago, rows_of("a", params={"a": "1"}), SETTINGS)

    assert [("change", "a")] == told(plan)


async def test_lists_that_repeat_themselves() -> None:
    """A device that a list gives on two pages is one device."""
    faults = {"duplicate-across-pages": 1.0}
    options = EmulatorOptions(unlimited=True, devices=2500, faults=faults, seed=1)
    async with (
        Emulator(options) as emulator,
        client(emulator.url, token=emulator.token, plan="scale") as tago,
    ):
        plan = await make_plan(tago, [], SETTINGS)

    assert 2500 == plan.slots.used
