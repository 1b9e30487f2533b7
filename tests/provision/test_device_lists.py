"""A service that refuses a field in a list: the field is read otherwise, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import attrs
import orjson
import pytest

from tagodev import BadRequestError
from tagodev.provision import read_devices
from tagodev.provision._device_lists import list_devices, read_missing
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._write.export import EXPORT_FIELDS
from tests.support.answers import ok, refused
from tests.support.clients import client
from tests.support.servers import ScriptedServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Received

WHOLE: dict[str, Any] = {
    "name": "Cold room",
    "type": "hybrid",
    "network": "a" * 24,
    "connector": "c" * 24,
    "active": True,
    "visible": True,
    "description": "north",
    "chunk_period": "month",
    "chunk_retention": 3,
    "mutable_variable_regex": "^x",
    "payload_decoder": "Cg==",
    "profile": "61fac4d9a5c9f40012a5ff92",
    "tags": [{"key": "site", "value": "7"}],
}
COMMON = {"id", "name", "tags", "type", "network", "connector", "active", "visible", "description"}
#: What a service may know, from everything to nothing but what identifies a device.
KNOWN = {
    "all": {"id", *WHOLE},
    **{f"not {name}": {"id", *WHOLE} - {name} for name in sorted({*WHOLE} - {"name", "tags"})},
    "common": COMMON,
    "least": {"id", "name", "tags"},
}
#: Columns of files; those of a hybrid device, and of its network, go together.
COLUMNS = (
    ("type", "chunk_period", "chunk_retention", "mutable_variable_regex"),
    ("network", "connector"),
    *(("active",), ("visible",), ("description",), ("payload_decoder",)),
)


@attrs.define
class Service:
    """Two devices, and the fields that may be listed."""

    known: set[str]
    asked: list[str] = attrs.field(factory=list)

    def __call__(self, request: Received) -> bytes:
        """Answer one request."""
        url = urlsplit(request.target)
        self.asked.append(url.path)
        devices = [{"id": f"{n:024x}", **WHOLE, "name": f"Cold room {n}"} for n in (1, 2)]
        if url.path == "/device":
            query = parse_qs(url.query)
            names = {one for name, values in query.items() if "fields" in name for one in values}
            if names - self.known:
                return refused(400, f"Invalid fields {sorted(names - self.known)}")
            return ok([{name: one[name] for name in names} for one in devices])
        found = [one for one in devices if url.path == f"/device/{one['id']}"]
        return ok(found[0]) if found else ok({"info": {"id": WHOLE["profile"]}})


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
async def test_devices_are_read_whole(known: set[str]) -> None:
    """Whatever may be listed, each device has all that an export asks for."""
    service = Service(known)
    async with ScriptedServer(service) as server, client(server.url) as tago:
        found, missing = await list_devices(
            lambda fields: tago.devices.list(fields=fields).collect(), EXPORT_FIELDS
        )
        devices = await read_missing(tago, found, missing)

    expected = {name: value for name, value in WHOLE.items() if name in EXPORT_FIELDS}
    del expected["name"], expected["tags"]
    for device in devices:
        assert expected == {name: getattr(device, name) for name in expected}
    reads = sum(path.startswith("/device/") for path in service.asked)
    assert (2 if missing else 0) == reads


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("columns", COLUMNS, ids=lambda columns: columns[0])
async def test_plans_compare_what_is_not_listed(
    tmp_path: Path, known: set[str], columns: tuple[str, ...]
) -> None:
    """A file that names a field gets the same plan from each service: nothing to change."""
    rows = [{"name": f"Cold room {n}", **{name: WHOLE[name] for name in columns}} for n in (1, 2)]
    path = tmp_path / "site.json"
    path.write_bytes(orjson.dumps(rows))
    async with ScriptedServer(Service(known)) as server, client(server.url) as tago:
        plan = await make_plan(tago, read_devices(path), PlanSettings(manager="site"))

    assert (2, ()) == (plan.kept, plan.steps)


async def test_a_refusal_for_another_reason_is_raised() -> None:
    """The first refusal is the one that says what is wrong."""
    service = Service(set())
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(BadRequestError, match="payload_decoder"):
            await list_devices(
                lambda fields: tago.devices.list(fields=fields).collect(), EXPORT_FIELDS
            )

    assert 3 == len(service.asked)


async def test_only_what_the_file_names_is_read_of_each_device(tmp_path: Path) -> None:
    """A file of names needs no field that is not listed."""
    path = tmp_path / "site.csv"
    path.write_text("name\nCold room 1\n")
    service = Service({"id", "name", "tags", "profile"})
    async with ScriptedServer(service) as server, client(server.url) as tago:
        plan = await make_plan(tago, read_devices(path), PlanSettings(manager="site"))

    assert [] == [step for step in plan.steps if step.action == "create"]
    assert [] == [path for path in service.asked if path.startswith("/device/")]
