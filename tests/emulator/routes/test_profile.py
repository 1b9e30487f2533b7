"""The emulator's account, profile and tag keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator, EmulatorOptions
from tests.emulator.support import create, refusal, result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVICES = {
    "analysis",
    "data_records",
    "email",
    "file_storage",
    "input",
    "output",
    "push_notification",
    "run_users",
    "sms",
}


@pytest.fixture
async def starter() -> AsyncIterator[ClientSession]:
    """Give a client of an emulator on the Starter plan."""
    async with (
        Emulator(EmulatorOptions(plan="starter")) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as session,
    ):
        yield session


async def test_plan_stands_in_three_places(starter: ClientSession) -> None:
    """Profile, account and billing agree."""
    assert "starter" == (await result(await starter.get("/profile/current")))["account_plan"]
    assert "starter" == (await result(await starter.get("/account")))["plan"]
    assert {"plan": "starter"} == await result(await starter.get("/account/plan"))


async def test_profile_is_listed_and_told(starter: ClientSession) -> None:
    """The list leads to the profile, which belongs to the account."""
    (listed,) = await result(await starter.get("/profile/"))
    told = await result(await starter.get(f"/profile/{listed['id']}"))
    account = await result(await starter.get("/account"))

    assert {"id", "name", "logo_url"} == listed.keys()
    assert {"info", "allocation", "addons", "account_plan"} == told.keys()
    assert {
        **listed,
        "account": account["id"],
        "banner_url": None,
        "region": "us-e1",
        "rpm": None,
        "created_at": account["created_at"],
        "updated_at": account["created_at"],
    } == told["info"]
    assert told["allocation"].keys() == SERVICES
    assert (listed["id"], False, False, False) == tuple(
        told["addons"][name] for name in ("profile", "control_tower", "custom_dns", "mobile")
    )


async def test_summary_counts_what_there_is(http: ClientSession) -> None:
    """Devices, networks and connectors of one's own are counted as they come and go."""

    async def amount() -> dict[str, int]:
        path = "/profile/current/summary?onlyAmount=true"
        counted: dict[str, int] = (await result(await http.get(path)))["amount"]
        return {name: counted[name] for name in ("device", "bucket", "networks", "connectors")}

    assert {"device": 0, "bucket": 0, "networks": 0, "connectors": 0} == await amount()
    ids = [(await create(http))["device_id"] for _ in range(2)]
    await result(await http.post("/integration/network", json={"name": "Our own"}))
    await result(await http.post("/integration/connector", json={"name": "Our own"}))
    assert {"device": 2, "bucket": 2, "networks": 1, "connectors": 1} == await amount()
    await result(await http.delete(f"/device/{ids[0]}"))
    assert 1 == (await amount())["device"]


async def test_summary_has_no_plan(http: ClientSession) -> None:
    """Limits and what is used of them are those of the monthly services."""
    summary = await result(await http.get("/profile/current/summary"))

    assert {"limit", "limit_used", "amount", "addons", "tago_run"} == summary.keys()
    assert SERVICES | {"tcore"} == summary["limit"].keys()
    assert SERVICES | {"tcore", "tcore_cluster", "dashboard_output"} == summary["limit_used"].keys()


async def test_another_profile_is_not_found(http: ClientSession) -> None:
    """A token opens the profile it belongs to."""
    for path in ("/profile/other", "/profile/other/summary"):
        assert (404, "Profile Not Found") == await refusal(await http.get(path))


@pytest.mark.parametrize("kind", ["device", "Device", "DEVICE"])
async def test_tag_keys_are_those_in_use(http: ClientSession, kind: str) -> None:
    """Each key is told once, as long as a device carries it."""

    def tags(*keys: str) -> list[dict[str, Any]]:
        return [{"key": key, "value": "v"} for key in keys]

    path = f"/tags/keys/{kind}"
    assert [] == await result(await http.get(path))
    await create(http, tags=tags("site", "floor"))
    device_id = (await create(http, tags=tags("site", "Zone")))["device_id"]
    assert ["Zone", "floor", "site"] == await result(await http.get(path))
    await result(await http.put(f"/device/{device_id}", json={"tags": []}))
    assert ["floor", "site"] == await result(await http.get(path))


@pytest.mark.parametrize(
    "kind",
    ["Analysis", "User", "Dashboard", "Action", "bucket", "tcore", "run_users", "secrets"],
)
async def test_only_devices_have_tags_here(http: ClientSession, kind: str) -> None:
    """Of what the emulator does not hold no key is in use."""
    await create(http, tags=[{"key": "k", "value": "v"}])

    assert [] == await result(await http.get(f"/tags/keys/{kind}"))


async def test_unknown_kind_has_no_tag_keys(http: ClientSession) -> None:
    """A mistyped kind is told apart from one without tags."""
    status, message = await refusal(await http.get("/tags/keys/devices"))

    assert (400, "type must be one of action, analysis") == (status, message[:36])
