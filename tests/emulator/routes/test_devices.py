"""The emulator's device routes: create, info, edit, delete, parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator, EmulatorOptions
from tests.emulator.support import CONNECTOR, DEVICE, NETWORK, create, refusal, result


async def test_create_gives_ids_and_a_token(http: ClientSession) -> None:
    """A new device has an id, a bucket of the same id, and a token that opens it."""
    created = await create(http)

    assert {"device_id", "bucket_id", "token"} == set(created)
    assert re.fullmatch(r"[0-9a-f]{24}", created["device_id"])
    assert created["device_id"] == created["bucket_id"]
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", created["token"])
    info = await result(await http.get("/info", headers={"account-token": created["token"]}))
    assert created["device_id"] == info["id"]


async def test_info_tells_what_was_sent(http: ClientSession) -> None:
    """What create was told is read back, the rest has its default."""
    tags = [{"key": "client", "value": "John"}]
    created = await create(http, description="d", visible=False, tags=tags, payload_decoder="YQ==")
    info = await result(await http.get(f"/device/{created['device_id']}"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", info["created_at"])
    assert re.fullmatch(r"[0-9a-f]{24}", info["profile"])
    assert {
        **DEVICE,
        "id": created["device_id"],
        "profile": info["profile"],
        "description": "d",
        "active": True,
        "visible": False,
        "tags": tags,
        "bucket": {"id": created["device_id"], "name": DEVICE["name"]},
        "payload_decoder": "YQ==",
        "created_at": info["created_at"],
        "updated_at": info["created_at"],
        "last_input": None,
        "data_retention": "forever",
        "rpm": None,
    } == info


async def test_immutable_device_keeps_its_chunks(http: ClientSession) -> None:
    """An immutable device has a period and a retention, a mutable one drops them."""
    chunks = {"chunk_period": "month", "chunk_retention": 36}
    immutable = await create(http, type="immutable", **chunks)
    mutable = await create(http, **chunks)

    info = await result(await http.get(f"/device/{immutable['device_id']}"))
    assert ("month", 36, "36 month") == (
        info["chunk_period"],
        info["chunk_retention"],
        info["data_retention"],
    )
    info = await result(await http.get(f"/device/{mutable['device_id']}"))
    assert not {"chunk_period", "chunk_retention"} & set(info)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": None}, "name is required"),
        ({"name": ""}, "name must be a text of 1 to 100 characters"),
        ({"name": "x" * 101}, "name must be a text of 1 to 100 characters"),
        ({"name": 5}, "name must be a text of 1 to 100 characters"),
        ({"network": "xyz"}, "network must be an id of 24 hexadecimal digits"),
        ({"type": "solid"}, "type must be one of mutable, immutable, hybrid, legacy"),
        ({"type": []}, "type must be one of mutable, immutable, hybrid, legacy"),
        ({"type": "legacy"}, "type legacy is only for a profile that still has a legacy device"),
        (
            {"type": "immutable"},
            (
                "chunk_period is required for type immutable; "
                "chunk_retention is required for type immutable"
            ),
        ),
        (
            {"type": "immutable", "chunk_period": "week", "chunk_retention": 27},
            "chunk_retention must be from 0 to 26 for a chunk_period of week",
        ),
        (
            {"type": "hybrid", "chunk_period": "year", "chunk_retention": "1"},
            (
                "chunk_period must be one of day, week, month, quarter; "
                "chunk_retention must be a whole number"
            ),
        ),
        ({"active": "true"}, "active must be true or false"),
        ({"description": 1}, "description must be a text"),
        ({"serie_number": ""}, "serie_number must be a text that is not empty"),
        ({"tags": {}}, "tags must be an array"),
        ({"tags": ["x"]}, "tags[0] must be an object"),
        ({"tags": [{"key": "k"}]}, "tags[0] must have a key and a value, both texts"),
        (
            {"configuration_params": [{"key": "k", "value": None}]},
            "configuration_params[0].value must be a text, a number or a boolean",
        ),
        (
            {"configuration_params": [{"key": "k", "value": "v", "sent": 1}]},
            "configuration_params[0].sent must be true or false",
        ),
        (
            {"configuration_params": [{"value": "v"}]},
            "configuration_params[0].key must be a text",
        ),
        ({"tags": [{"key": "k", "value": "v"}] * 31}, "maximum limit of Tags (30)"),
        (
            {"configuration_params": [{"key": "k", "value": "v"}] * 61},
            "maximum limit of Configuration Parameters (60)",
        ),
    ],
)
async def test_create_refuses_what_is_wrong(
    http: ClientSession, fields: dict[str, Any], message: str
) -> None:
    """Each fault is 400 with a sentence that names the field, and creates nothing."""
    status, text = await refusal(await http.post("/device", json={**DEVICE, **fields}))

    assert 400 == status
    assert text in {message, f"You have exceeded the {message}"}
    assert [] == await result(await http.get("/device"))


async def test_the_introductions_example_is_accepted(http: ClientSession) -> None:
    """Without network, connector and type it becomes a mutable device on custom HTTPS."""
    body = {
        "name": "My first device",
        "description": "Creating my first device",
        "active": True,
        "visible": True,
        "tags": [{"key": "client", "value": "John"}],
        "configuration_params": [
            {"sent": False, "key": "check_rate", "value": 600},
            {"sent": False, "key": "measure_time", "value": 0},
        ],
    }
    created = await result(await http.post("/device", json=body))
    info = await result(await http.get(f"/device/{created['device_id']}"))

    assert ("mutable", NETWORK, CONNECTOR) == (info["type"], info["network"], info["connector"])


async def test_parameters_are_read_back_as_texts(http: ClientSession) -> None:
    """Parameters written on create have ids, their values are texts, and may be filtered."""
    params = [
        {"key": "rate", "value": 600},
        {"key": "zero", "value": 0.5, "sent": True},
        {"key": "on", "value": True, "sent": False},
        {"key": "text", "value": ""},
    ]
    path = f"/device/{(await create(http, configuration_params=params))['device_id']}/params"
    found = await result(await http.get(path))

    assert [
        ("rate", "600", False),
        ("zero", "0.5", True),
        ("on", "true", False),
        ("text", "", False),
    ] == [(item["key"], item["value"], item["sent"]) for item in found]
    assert 4 == len({item["id"] for item in found})
    sent = await result(await http.get(path, params={"sent_status": "true"}))
    assert ["zero"] == [item["key"] for item in sent]
    unsent = await result(await http.get(path, params={"sent_status": "False"}))
    assert 3 == len(unsent)


async def test_profile_holds_no_more_devices_than_its_cap() -> None:
    """The device beyond the cap is refused; deleting one makes room."""
    async with (
        Emulator(EmulatorOptions(plan="free")) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        ids = [(await create(http))["device_id"] for _ in range(5)]

        assert (400, "You have exceeded the maximum limit of Device (5)") == await refusal(
            await http.post("/device", json=DEVICE)
        )
        assert 5 == emulator.stats()["created"]
        await http.delete(f"/device/{ids[0]}")
        await create(http)


async def test_serial_stands_once_in_a_profile(http: ClientSession) -> None:
    """A repeated serial is refused until its device is gone."""
    first = await create(http, serie_number="S1")

    assert (400, "serie_number S1 is already in use in this profile") == await refusal(
        await http.post("/device", json={**DEVICE, "serie_number": "S1"})
    )
    await http.delete(f"/device/{first['device_id']}")
    await create(http, serie_number="S1")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/device/{0}"),
        ("PUT", "/device/{0}"),
        ("DELETE", "/device/{0}"),
        ("GET", "/device/{0}/params"),
        ("GET", "/device/token/{0}"),
    ],
)
async def test_unknown_device_is_not_found(http: ClientSession, method: str, path: str) -> None:
    """Every route by id is 404 for an id that no device has."""
    response = await http.request(method, path.format("0" * 24), json={})

    assert (404, "Device Not Found") == await refusal(response)


async def test_edit_changes_what_is_sent_and_replaces_lists(http: ClientSession) -> None:
    """Only keys that are sent change; tags and parameters are whole lists."""
    old = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    device_id = (await create(http, description="d", tags=old, configuration_params=old))[
        "device_id"
    ]
    params = await result(await http.get(f"/device/{device_id}/params"))
    body = {
        "active": False,
        "tags": [{"key": "c", "value": "3"}],
        "configuration_params": [{**params[0], "value": "9"}, {"key": "new", "value": "8"}],
    }
    done = await result(await http.put(f"/device/{device_id}", json=body))
    info = await result(await http.get(f"/device/{device_id}"))
    kept, new = await result(await http.get(f"/device/{device_id}/params"))

    assert "Successfully Updated" == done
    assert (DEVICE["name"], "d", False, body["tags"]) == (
        info["name"],
        info["description"],
        info["active"],
        info["tags"],
    )
    assert info["updated_at"] >= info["created_at"]
    assert {**params[0], "value": "9"} == kept
    assert "new" == new["key"]
    assert new["id"] not in {param["id"] for param in params}


async def test_edit_takes_back_what_info_told(http: ClientSession) -> None:
    """A client may send a whole device back, unknown and unchanged fields with it."""
    chunks = {"type": "immutable", "chunk_period": "day", "chunk_retention": 31}
    path = f"/device/{(await create(http, **chunks))['device_id']}"
    info = await result(await http.get(path))
    await result(await http.put(path, json={**info, "name": "renamed", "chunk_retention": 3}))

    after = await result(await http.get(path))
    assert {**info, "name": "renamed", "chunk_retention": 3, "data_retention": "3 day"} == {
        **after,
        "updated_at": info["updated_at"],
        "bucket": info["bucket"],
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "immutable"}, "type can't be edited"),
        ({"chunk_period": "day"}, "chunk_period can't be edited"),
        ({"network": "0" * 24}, "network and connector must be edited together"),
        (
            {"network": "0" * 24, "connector": "1" * 24},
            "network and connector can't be edited while the device has tokens",
        ),
        ({"tags": None}, "tags must be an array"),
        ({"name": None}, "name must be a text of 1 to 100 characters"),
        ({"name": "x", "active": 0}, "active must be true or false"),
        (
            {"tags": [{"key": "k", "value": "v"}] * 31},
            "You have exceeded the maximum limit of Tags (30)",
        ),
    ],
)
async def test_edit_refuses_what_is_wrong(
    http: ClientSession, fields: dict[str, Any], message: str
) -> None:
    """A refused edit changes nothing."""
    path = f"/device/{(await create(http))['device_id']}"
    before = await result(await http.get(path))

    assert (400, message) == await refusal(await http.put(path, json=fields))
    assert before == await result(await http.get(path))


async def test_retention_is_edited_within_the_bounds_of_its_period(http: ClientSession) -> None:
    """The stored period decides how long chunks may be kept; a mutable device has none."""
    chunks = {"type": "immutable", "chunk_period": "week", "chunk_retention": 1}
    chunked = (await create(http, **chunks))["device_id"]
    mutable = (await create(http))["device_id"]

    response = await http.put(f"/device/{chunked}", json={"chunk_retention": 27})
    message = "chunk_retention must be from 0 to 26 for a chunk_period of week"
    assert (400, message) == await refusal(response)
    await result(await http.put(f"/device/{mutable}", json={"chunk_retention": 27}))
    assert "forever" == (await result(await http.get(f"/device/{mutable}")))["data_retention"]


async def test_network_is_edited_once_the_tokens_are_gone(http: ClientSession) -> None:
    """With no token left a device moves to another network."""
    created = await create(http)
    await result(await http.delete(f"/device/token/{created['token']}"))
    path = f"/device/{created['device_id']}"
    await result(await http.put(path, json={"network": "0" * 24, "connector": "1" * 24}))

    info = await result(await http.get(path))
    assert ("0" * 24, "1" * 24) == (info["network"], info["connector"])


async def test_older_name_of_the_payload_decoder_is_taken(http: ClientSession) -> None:
    """The SDKs' parse_function is the payload decoder; the newer name wins."""
    path = f"/device/{(await create(http, parse_function='old'))['device_id']}"
    assert "old" == (await result(await http.get(path)))["payload_decoder"]
    await http.put(path, json={"parse_function": "old", "payload_decoder": "new"})
    assert "new" == (await result(await http.get(path)))["payload_decoder"]


async def test_delete_takes_everything_along(http: ClientSession) -> None:
    """A deleted device is gone, and so are its tokens."""
    created = await create(http)
    path = f"/device/{created['device_id']}"

    assert "Successfully Removed" == await result(await http.delete(path))
    assert (404, "Device Not Found") == await refusal(await http.delete(path))
    response = await http.get("/info", headers={"account-token": created["token"]})
    assert 401 == response.status


@pytest.mark.parametrize("key", ["_delete_protection_", "_deletion_protection"])
async def test_protected_device_is_not_deleted(http: ClientSession, key: str) -> None:
    """A protection tag refuses the deletion in its own words until it is taken away."""
    path = f"/device/{(await create(http, tags=[{'key': key, 'value': 'Hands off'}]))['device_id']}"

    assert (400, "Hands off") == await refusal(await http.delete(path))
    await http.put(path, json={"tags": []})
    assert "Successfully Removed" == await result(await http.delete(path))
