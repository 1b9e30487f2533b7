"""Where nobody knows what the service does, the emulator does either; the client stands both."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import ClientResponse, ClientSession

from tagodev import (
    ConfigurationParameter,
    DataCreate,
    DeviceCreate,
    DeviceEdit,
    InputError,
    ServiceError,
    TokenCreate,
)
from tagodev._cli.commands import emulator as command
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.emulator import _variants as variants
from tagodev.emulator._options import VARIANTS
from tests.emulator.support import DEVICE, refusal, result
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tagodev import Tago


UNDOCUMENTED = ("profile-sends-data", "parameters-by-key", "own-data-counters", "names-from-3")
EITHER = pytest.mark.parametrize("chosen", [(), UNDOCUMENTED], ids=["usual", "varied"])
POINT = DataCreate("temperature", 21.5)


def options(*chosen: str, **more: Any) -> EmulatorOptions:
    """Return options with variants."""
    return EmulatorOptions(variants=chosen, **more)


def accepted(emulator: Emulator) -> dict[str, int]:
    """Return what each counter of data by POST has accepted."""
    routes = emulator.stats()["routes"].items()
    return {
        name: one["accepted"] for name, one in routes if name.startswith("POST") and "data" in name
    }


@asynccontextmanager
async def opened(chosen: EmulatorOptions) -> AsyncIterator[tuple[Emulator, Tago]]:
    """Give an emulator and a client of its profile."""
    async with Emulator(chosen) as emulator, client(emulator.url, token=emulator.token) as tago:
        yield emulator, tago


@EITHER
async def test_data_arrives_either_way(chosen: tuple[str, ...]) -> None:
    """A profile's client sends, whether or not the route by the id is open to its token."""
    async with opened(options(*chosen)) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for _ in range(3):
            await tago.data.send(made.device_id, POINT)

        assert 3 == await tago.data.count(made.device_id)
        # Once refused by id, or never.
        usual, varied = {"POST /data": 4}, {"POST /device/:device_id/data": 3}
        assert (varied if chosen else usual) == accepted(emulator)


@EITHER
async def test_parameters_are_set_once_either_way(chosen: tuple[str, ...]) -> None:
    """What the client sets stands there once, whatever the service does with a second of a key."""
    async with opened(options(*chosen)) as (_, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for value in (1, 2):
            await tago.parameters.set(made.device_id, [ConfigurationParameter("rate", value)])

        assert [("rate", "2")] == [
            (one.key, one.value) for one in await tago.parameters.list(made.device_id)
        ]


@pytest.mark.parametrize(("chosen", "values"), [((), ["1", "2"]), (("parameters-by-key",), ["2"])])
async def test_a_second_of_a_key(chosen: tuple[str, ...], values: list[str]) -> None:
    """Without an id it is added, or edits the one that is there."""
    async with (
        opened(options(*chosen)) as (emulator, tago),
        client(emulator.url, token=emulator.tokens_by_kind["network"]) as network,
    ):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for value in (1, 2):
            parameters = [ConfigurationParameter("rate", value)]
            await network.networks.set_parameters(made.device_id, parameters)

        assert values == [one.value for one in await tago.parameters.list(made.device_id)]


async def test_counters_of_ones_own_have_the_same_figures() -> None:
    """Counted apart, data by the id has the limits of ``/data``, an aggregate both of its own."""
    limits = {"GET /data": 2}
    async with opened(options("own-data-counters", limits=limits)) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        await tago.data.count(made.device_id)
        await tago.data.aggregate(made.device_id, "sum", "day")
        routes = emulator.stats()["routes"]

    assert 2 == routes["GET /device/:device_id/data"]["limit"]
    assert (2, 1) == (
        routes["GET /device/:device_id/data"]["accepted"],
        routes["GET /data?query=aggregate"]["accepted"],
    )
    assert "GET /data" not in routes


async def test_soft_limits_hold_on_counters_of_ones_own() -> None:
    """What a device is limited to holds by whichever route."""
    chosen = options("own-data-counters", device_rpm={"data_output": 1}, minute=3600.0)
    async with opened(chosen) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        await tago.data.count(made.device_id)
        routes = emulator.stats()["routes"]

    assert 1 == routes[f"GET /device/:device_id/data?device={made.device_id}"]["limit"]


async def test_short_names() -> None:
    """A name of two characters is refused where three are asked for, of devices and tokens."""
    async with opened(options("names-from-3")) as (_, tago):
        made = await tago.devices.create(DeviceCreate(name="abc"))
        for call in (
            tago.devices.create(DeviceCreate(name="ab")),
            tago.devices.edit(made.device_id, DeviceEdit(name="ab")),
            tago.tokens.create(made.device_id, TokenCreate("ab")),
        ):
            with pytest.raises(ServiceError, match="name must be a text of 3 to 100 characters"):
                await call


@asynccontextmanager
async def raw(*chosen: str, **more: Any) -> AsyncIterator[ClientSession]:
    """Give an HTTP client with the profile token of an emulator with variants."""
    async with (
        Emulator(options(*chosen, **more)) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        yield http


async def body(response: ClientResponse) -> Any:
    """Return the body of a success; unlike orjson, this parser accepts lone surrogates."""
    text = await response.text()
    assert response.status < 300, text
    return json.loads(text)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (["network", "connector"], "network is required; connector is required"),
        (["type"], "type is required"),
        (["network", "connector", "type"], None),
    ],
)
async def test_strict_create(missing: list[str], message: str | None) -> None:
    """What the reference requires is required; by default only a name is."""
    fields = {name: value for name, value in DEVICE.items() if name not in missing}
    async with raw() as http:
        await result(await http.post("/device", json=fields))
    async with raw("strict-create") as http:
        status, text = await refusal(await http.post("/device", json=fields))
        assert 400 == status
        assert text == (message or "network is required; connector is required; type is required")
        await result(await http.post("/device", json=DEVICE))


LISTS = (
    ("/device", "rpm"),
    ("/device", "payload_decoder"),
    ("/device/token/{device}", "verification_code"),
    ("/integration/network", "profile"),
    ("/integration/network/{network}", "profile"),
    ("/integration/connector", "profile"),
    ("/integration/connector/{connector}", "profile"),
    ("/integration/network/token/{network}", "serie_number"),
    ("/serviceauth", "serie_number"),
    ("/profile/current/token", "serie_number"),
)


async def places(http: ClientSession) -> dict[str, str]:
    """Create one of each object that a path may name, and return their ids."""
    network = await body(await http.post("/integration/network", json={"name": "Own"}))
    connector = await body(await http.post("/integration/connector", json={"name": "Own"}))
    device = await body(await http.post("/device", json=DEVICE))
    return {
        "device": device["result"]["device_id"],
        **network["result"],
        **connector["result"],
    }


@pytest.mark.parametrize(("template", "rare"), LISTS)
async def test_strict_fields(template: str, rare: str) -> None:
    """Unknown and rare names are refused, and ignored by default; documented ones are accepted."""
    for chosen in ((), ("strict-fields",)):
        async with raw(*chosen) as http:
            path = template.format(**await places(http))
            for fields in ("name", "name&fields=created_at"):
                await result(await http.get(f"{path}?fields={fields}"))
            for wrong in ("foo", rare):
                response = await http.get(f"{path}?fields=name&fields={wrong}")
                if chosen:
                    assert (400, f"Invalid field: {wrong}") == await refusal(response)
                else:
                    await result(response)


@pytest.mark.parametrize("wrong", ["rpm", "id", "created_at", "foo"])
@pytest.mark.parametrize(
    "template",
    ["/device/{device}", "/integration/network/{network}", "/integration/connector/{connector}"],
)
async def test_strict_edits(template: str, wrong: str) -> None:
    """A field that can't be edited is refused with its name, and ignored by default."""
    for chosen in ((), ("strict-edits",)):
        async with raw(*chosen) as http:
            path = template.format(**await places(http))
            await result(await http.put(path, json={"name": "New"}))
            response = await http.put(path, json={"name": "Newer", wrong: None})
            if chosen:
                assert (400, f"{wrong} can't be edited") == await refusal(response)
                assert "New" == (await result(await http.get(path)))["name"]
            else:
                await result(response)


async def test_no_result() -> None:
    """What only confirms has status, or status and message, in turn; anything else a result."""
    async with raw("no-result") as http:
        device = (await places(http))["device"]
        path = f"/device/{device}"
        for _ in range(2):
            assert {"status": True} == await body(await http.put(path, json={"name": "A"}))
            assert {"status": True, "message": "Successfully Updated"} == await body(
                await http.put(path, json={"name": "B"})
            )
        parameter = {"key": "rate", "value": "1"}
        assert {"status": True} == await body(await http.post(f"{path}/params", json=parameter))
        assert {"status": True} == await body(await http.post(f"{path}/empty"))
        token = {"device": device, "name": "More"}
        created = await body(await http.post("/device/token", json=token))
        token_path = f"/device/token/{created['result']['token']}"
        assert {"status": True} == await body(await http.delete(token_path))
        assert {"status": True} == await body(await http.delete(path))
        assert [] == (await body(await http.get("/device")))["result"]


async def test_counts_are_results() -> None:
    """The number of registers that were changed is not only a confirmation."""
    async with Emulator(options("no-result")) as emulator, ClientSession(emulator.url) as http:
        made = await http.post("/device", json=DEVICE, headers={"token": emulator.token})
        headers = {"token": (await body(made))["result"]["token"]}
        point = {"variable": "v", "value": 1}
        sent = await body(await http.post("/data", json=point, headers=headers))
        deleted = await body(await http.delete("/data", headers=headers))

    assert ("1 Data Added", "1 Data Removed") == (sent["result"], deleted["result"])


async def test_odd_values_of_a_device() -> None:
    """The meaning is the same, the types, dates and missing values are not."""
    fields = {
        "name": "4711",
        "description": "",
        "type": "immutable",
        "chunk_period": "month",
        "chunk_retention": 6,
        "tags": [{"key": "room", "value": "12"}, {"key": "eui", "value": "0012"}],
    }
    async with raw("odd-values") as http:
        made = await http.post("/device", json={**DEVICE, **fields})
        assert "\\ud800" in await made.text()
        created = (await body(made))["result"]
        assert created["bucket_id"] is None
        response = await http.get(f"/device/{created['device_id']}")
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(await response.read())
        read = (await body(response))["result"]

    assert (4711, None, "6", "\ud800", None) == tuple(
        read[name] for name in ("name", "description", "chunk_retention", "comment", "bucket")
    )
    assert [None, {"key": "room", "value": 12}, {"key": "eui", "value": "0012"}] == read["tags"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", read["created_at"])
    assert isinstance(read["updated_at"], int)
    assert "never" == read["last_input"]


async def test_odd_values_elsewhere() -> None:
    """Lists, tokens, parameters and counts are odd too; values of data keep their types."""
    async with Emulator(options("odd-values")) as emulator, ClientSession(emulator.url) as http:
        profile = {"token": emulator.token}
        made = (await body(await http.post("/device", json=DEVICE, headers=profile)))["result"]
        path = f"/device/{made['device_id']}"

        async def read(method: str, path: str, token: str = "", **more: Any) -> Any:
            headers = {"token": token or emulator.token}
            return (await body(await http.request(method, path, headers=headers, **more)))["result"]

        assert [None, {"key": "odd", "value": None}] == (await read("GET", "/device"))[0]["tags"]
        token = {"device": made["device_id"], "name": "7", "expire_time": "3 hours"}
        assert "1 month" == (await read("POST", "/device/token", json=token))["expire_time"]
        tokens = f"/device/token/{made['device_id']}?fields=name&fields=network_id"
        assert {7, "Default"} == {one["name"] for one in await read("GET", tokens)}
        await read("POST", f"{path}/params", json={"key": "rate", "value": "600"})
        assert [600] == [one["value"] for one in await read("GET", f"{path}/params")]
        points = [{"variable": "v", "value": value} for value in (1, "1", "")]
        await read("POST", "/data", made["token"], json=points)
        assert "3" == await read("GET", f"{path}/data?query=count")
        found = await read("GET", f"{path}/data")
        assert {"1": int, "'1'": str, "''": str} == {
            repr(one["value"]): type(one["value"]) for one in found
        }


async def test_serials_repeat() -> None:
    """A serial number may be on several tokens; the newest is resolved, also after a deletion."""
    async with Emulator(options("serials-repeat")) as emulator, ClientSession(emulator.url) as http:
        profile, network = (
            {"token": emulator.tokens_by_kind["profile"]},
            {"token": emulator.tokens_by_kind["network"]},
        )

        async def resolved() -> str:
            path = "/integration/network/resolve/A1"
            return str(await result(await http.get(path, headers=network)))

        made = [
            await result(
                await http.post("/device", json={**DEVICE, "serie_number": "A1"}, headers=profile)
            )
            for _ in range(3)
        ]
        assert made[2]["token"] == await resolved()
        for path in ("/device?serial=A1", "/device?serial=A*"):
            listed = await result(await http.get(path, headers=profile))
            assert {one["device_id"] for one in made} == {one["id"] for one in listed}
        await http.delete(f"/device/token/{made[2]['token']}", headers=profile)
        assert made[1]["token"] == await resolved()
        await http.delete(f"/device/{made[0]['device_id']}", headers=profile)
        assert made[1]["token"] == await resolved()
        await http.delete(f"/device/{made[1]['device_id']}", headers=profile)
        response = await http.get("/integration/network/resolve/A1", headers=network)
        assert 404 == response.status


async def test_repeated_serials_are_saved(tmp_path: Path) -> None:
    """A state file keeps them, also for an emulator without the variant."""
    state = str(tmp_path / "site.json")
    fields = {**DEVICE, "serie_number": "A1"}
    async with raw("serials-repeat", state=state) as http:
        for _ in range(2):
            await result(await http.post("/device", json=fields))
    async with raw(state=state) as http:
        listed = await result(await http.get("/device?serial=A1"))
        assert 2 == len(listed)
        assert 400 == (await http.post("/device", json=fields)).status
        for one in listed:
            await result(await http.delete(f"/device/{one['id']}"))
        await result(await http.post("/device", json=fields))


async def test_no_info() -> None:
    """The route does not exist, for any token, and everything else does."""
    async with raw("no-info") as http:
        assert (404, "Route Not Found") == await refusal(await http.get("/info"))
        assert [] == await result(await http.get("/device"))


async def test_unknown_plan() -> None:
    """Every route names it; the limits are those of the option."""
    async with raw("unknown-plan", plan="free") as http:
        for path, name in (
            ("/account", "plan"),
            ("/account/plan", "plan"),
            ("/profile/current", "account_plan"),
        ):
            assert "enterprise" == (await result(await http.get(path)))[name]
        stats = await (await http.get("/_emulator/stats")).json()
        assert ("free", 50) == (stats["plan"], stats["routes"]["GET /account"]["limit"])


@pytest.mark.parametrize("variant", ["no-result", "odd-values"])
async def test_faults_apply_to_varied_answers(variant: str) -> None:
    """A delayed answer is varied like any other."""
    faults = {"slow": 1.0}
    async with raw(variant, faults=faults, slow_seconds=0.0) as http:
        device = (await places(http))["device"]
        edited = await body(await http.put(f"/device/{device}", json={"name": "A"}))
        read = await body(await http.get(f"/device/{device}"))

    assert ("result" in edited) == (variant == "odd-values")
    assert ("comment" in read["result"]) == (variant == "odd-values")


def test_every_variant_is_told() -> None:
    """The module says what each name means."""
    for name in VARIANTS:
        assert f"- ``{name}``: " in str(variants.__doc__)


@pytest.mark.parametrize("wrong", ["names-from-3", ["nonsense"], [3], 3])
def test_other_names_are_refused(wrong: Any) -> None:
    """What it does not know it does not silently leave out."""
    with pytest.raises(ValueError, match="variants must be"):
        EmulatorOptions(variants=wrong)


def test_they_travel_to_a_process_of_its_own() -> None:
    """Written as JSON and read, options are the same."""
    chosen = options(*VARIANTS)
    assert chosen == EmulatorOptions.from_json(chosen.to_json())


def test_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variants and soft limits are repeatable options; what can't be meant is said."""
    seen: list[EmulatorOptions] = []

    async def serve(chosen: EmulatorOptions, _: Callable[[str, str], None]) -> None:
        seen.append(chosen)

    monkeypatch.setattr(command, "serve", serve)
    command.emulator(variant=["names-from-3"], rpm=["data_input=5", "data_output=6"])

    assert ("names-from-3",) == seen[0].variants
    assert {"data_input": 5, "data_output": 6} == seen[0].device_rpm
    for wrong in ({"variant": ["x"]}, {"rpm": ["data_input"]}, {"rpm": ["x=1"]}):
        with pytest.raises(InputError):
            command.emulator(**wrong)  # type: ignore[arg-type]
