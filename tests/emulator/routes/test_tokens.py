"""The emulator's token routes."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.support import create, refusal, result

if TYPE_CHECKING:
    from aiohttp import ClientSession


@pytest.fixture
async def created(http: ClientSession) -> dict[str, str]:
    """Give the answer to the creation of a device with a serial number."""
    return await create(http, serie_number="S1")


async def test_default_token_carries_the_serial(
    http: ClientSession, created: dict[str, str]
) -> None:
    """The token made with a device is called Default, may do all and never expires."""
    fields = (
        "token,device_id,network_id,name,permission,serie_number,last_authorization,expire_time"
    )
    query = {f"fields[{n}]": field for n, field in enumerate(fields.split(","))}
    (token,) = await result(await http.get(f"/device/token/{created['device_id']}", params=query))

    assert {
        "token": created["token"],
        "device_id": created["device_id"],
        "network_id": "5bbd0d144051a50034cd19fb",
        "name": "Default",
        "permission": "full",
        "serie_number": "S1",
        "last_authorization": None,
        "expire_time": None,
    } == token


async def test_new_token_is_told_with_its_expiry(
    http: ClientSession, created: dict[str, str]
) -> None:
    """The answer holds token, permission and the expiry under both names."""
    body = {
        "device": created["device_id"],
        "name": "t",
        "permission": "write",
        "expire_time": "1 day",
    }
    response = await http.post("/device/token", json=body)
    token = await result(response)

    assert 201 == response.status
    assert {"token", "permission", "expire_time", "expire_date"} == set(token)
    assert "write" == token["permission"]
    assert token["expire_time"] == token["expire_date"]
    expiry = datetime.fromisoformat(token["expire_time"]).timestamp()
    assert time.time() + 86_400 == pytest.approx(expiry, abs=60)


@pytest.mark.parametrize("fields", [{}, {"expire_time": "never"}, {"expire_time": None}])
async def test_token_without_expiry_never_expires(
    http: ClientSession, created: dict[str, str], fields: dict[str, Any]
) -> None:
    """Omitted, null and never all mean no expiry, read back as null; the permission is full."""
    body = {"device": created["device_id"], "name": "t", **fields}
    token = await result(await http.post("/device/token", json=body))

    assert ("full", None) == (token["permission"], token["expire_time"])


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"device": None, "name": None}, 400, "device is required; name is required"),
        ({"device": "x"}, 400, "device must be an id of 24 hexadecimal digits"),
        ({"device": "0" * 24}, 404, "Device Not Found"),
        ({"permission": "deny"}, 400, "permission must be one of full, read, write"),
        ({"expire_time": 5}, 400, "expire_time must be a text"),
        (
            {"expire_time": "soon"},
            400,
            "expire_time must be a date, a time like 3 hours, or never",
        ),
        ({"serie_number": "S1"}, 400, "serie_number S1 is already in use in this profile"),
    ],
)
async def test_wrong_token_is_refused(
    http: ClientSession,
    created: dict[str, str],
    fields: dict[str, Any],
    status: int,
    message: str,
) -> None:
    """Each fault is told, and makes no token."""
    body = {"device": created["device_id"], "name": "t", **fields}

    assert (status, message) == await refusal(await http.post("/device/token", json=body))
    assert 1 == len(await result(await http.get(f"/device/token/{created['device_id']}")))


async def test_tokens_are_listed_the_newest_first(
    http: ClientSession, created: dict[str, str]
) -> None:
    """A list has pages, an order, filters, and name, token and permission as fields."""
    path = f"/device/token/{created['device_id']}"
    for name in ("b", "a"):
        body = {"device": created["device_id"], "name": name, "permission": "read"}
        await result(await http.post("/device/token", json=body))

    async def names(query: str) -> list[str]:
        return [token["name"] for token in await result(await http.get(f"{path}?{query}"))]

    assert ["a", "b", "Default"] == await names("")
    assert ["Default", "a", "b"] == await names("orderBy=name,asc")
    assert ["b"] == await names("page=2&amount=1")
    assert ["a", "b"] == await names("filter[permission]=read")
    assert ["Default"] == await names("filter[serie_number]=S*")
    assert ["a", "b", "Default"] == await names("filter[name]=")
    (usual, *_) = await result(await http.get(path))
    assert {"name", "token", "permission"} == set(usual)


async def test_deleted_token_opens_nothing_and_frees_its_serial(
    http: ClientSession, created: dict[str, str]
) -> None:
    """After its deletion a token is unknown and its serial may be used again."""
    path = f"/device/token/{created['token']}"

    assert "Token Successfully Removed" == await result(await http.delete(path))
    assert (404, "Token Not Found") == await refusal(await http.delete(path))
    response = await http.get("/info", headers={"account-token": created["token"]})
    assert 401 == response.status
    body = {"device": created["device_id"], "name": "t", "serie_number": "S1"}
    await result(await http.post("/device/token", json=body))


async def test_profile_token_is_no_device_token(http: ClientSession) -> None:
    """The profile's own token can't be deleted as if it were a device's."""
    path = f"/device/token/{http.headers['token']}"

    assert (404, "Token Not Found") == await refusal(await http.delete(path))
