"""Plans of profiles with devices that can't be read: never created again, never deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from multidict import CIMultiDict

from tagodev._transport import Answer
from tagodev.provision._plan.planner import make_plan
from tests.provision.support import MARK, SETTINGS, row
from tests.support.clients import NO_WAIT, PLENTY, client
from tests.support.exchanges import exchanging

if TYPE_CHECKING:
    from tagodev._transport import Request
    from tagodev.provision._plan.model import Plan, PlanSettings

PRUNE = attrs.evolve(SETTINGS, prune=True)
BY_TAG = attrs.evolve(PRUNE, known_by="tag:serial")
BY_SERIAL = attrs.evolve(PRUNE, known_by="serial")
MARKED = [{"key": MARK.key, "value": MARK.value}]


async def planned(
    devices: list[Any], settings: PlanSettings, names: tuple[str, ...] = ("a", "b")
) -> Plan:
    """Return the plan of rows with these names, tags and serial numbers, for these devices."""

    async def exchange(request: Request) -> Answer:
        is_list = request.route.name == "GET /device" and "serial=" not in request.path
        result: Any = devices if is_list and "page=1&" in request.path else []
        result = {"info": {"id": "p"}} if "/profile" in request.path else result
        return Answer(200, orjson.dumps({"status": True, "result": result}), CIMultiDict())

    rows = [
        row(one, line=line, tags={"serial": one}, serie_number=one)
        for line, one in enumerate(names, 2)
    ]
    with exchanging(exchange):
        async with client("http://127.0.0.1:9", plan=PLENTY, retry=NO_WAIT) as tago:
            return await make_plan(tago, rows, settings)


def steps(plan: Plan) -> dict[str, str]:
    """Return the action of each step by its name."""
    return {step.name: step.action for step in plan.steps}


@pytest.mark.parametrize(
    "tags", [None, [None], [*MARKED, None], [*MARKED, {"key": "x", "value": None}]]
)
@pytest.mark.parametrize("settings", [PRUNE, BY_TAG])
async def test_nulls_block_nothing(settings: PlanSettings, tags: Any) -> None:
    """Null is no value: the others are planned as if it were not there."""
    plan = await planned([{"id": "1", "name": "z", "tags": tags}], settings)

    assert {"a": "create", "b": "create"} == {
        name: action for name, action in steps(plan).items() if name != "z"
    }


@pytest.mark.parametrize("odd", [5, [5], [*MARKED, {"key": {}, "value": "a"}]])
async def test_a_device_with_unreadable_tags_is_blocked(odd: Any) -> None:
    """Its tags would be replaced by an edit: nothing else is blocked."""
    plan = await planned([{"id": "1", "name": "a", "tags": odd}], PRUNE)

    assert {"a": "blocked", "b": "create"} == steps(plan)
    (step,) = [step for step in plan.steps if step.name == "a"]
    assert "Device 1" in step.reason
    assert "tags" in step.reason


@pytest.mark.parametrize(
    ("device", "settings"),
    [
        ({"id": "1", "name": {}, "tags": MARKED}, PRUNE),
        ({"id": {}, "tags": MARKED}, PRUNE),
        ({"id": "1", "name": "z", "tags": [*MARKED, {"key": "serial", "value": []}]}, BY_TAG),
        ({"id": [], "name": "z", "tags": MARKED}, BY_TAG),
        ({"id": [], "name": "z", "tags": MARKED}, BY_SERIAL),
        (5, BY_TAG),
    ],
)
async def test_what_may_exist_already_is_not_created(device: Any, settings: PlanSettings) -> None:
    """Any row may be the device whose identity is unknown, and that device is not deleted."""
    plan = await planned([device], settings)

    assert {"a": "blocked", "b": "blocked"} == steps(plan)
    assert any("can't be read" in note for note in plan.notes)
    assert 1 == plan.slots.used


@pytest.mark.parametrize("name", ["a", "a" * 200])
async def test_only_the_row_of_its_name_is_blocked(name: str) -> None:
    """A device without a readable id has its name, so the other rows are not that device."""
    plan = await planned([{"id": {}, "name": name, "tags": MARKED}], PRUNE, (name, "b"))

    assert "blocked" == steps(plan)[name]
    assert ("create" if name == "a" else "blocked") == steps(plan)["b"]


async def test_values_that_identify_nothing_block_nothing() -> None:
    """An odd date costs that date."""
    odd = {"id": "1", "name": "z", "tags": MARKED, "last_input": "1 month", "active": "maybe"}
    plan = await planned([odd], PRUNE)

    assert {"a": "create", "b": "create", "z": "delete"} == steps(plan)
    assert not plan.notes
