"""The emulator's configuration parameters: the profile writes them, the device reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.support import create, refusal, result

if TYPE_CHECKING:
    from aiohttp import ClientSession

UPDATED = "Params Successfully Updated"


async def params_of(http: ClientSession, device_id: str) -> list[dict[str, Any]]:
    """Return the parameters of a device."""
    found: list[dict[str, Any]] = await result(await http.get(f"/device/{device_id}/params"))
    return found


async def device_with(http: ClientSession, **values: Any) -> tuple[str, str, list[dict[str, Any]]]:
    """Create a device with parameters; return its id, its token and them."""
    params = [{"key": key, "value": value} for key, value in values.items()]
    created = await create(http, configuration_params=params)
    device_id = created["device_id"]
    return device_id, created["token"], await params_of(http, device_id)


async def test_params_are_added_one_or_many(http: ClientSession) -> None:
    """An object adds one, an array several; values become texts; new ones are not sent."""
    device_id, _, _ = await device_with(http)
    path = f"/device/{device_id}/params"
    response = await http.post(path, json={"key": "rate", "value": 600})
    assert 201 == response.status
    assert UPDATED == await result(response)
    more = [{"key": "on", "value": True, "sent": True}, {"key": "rate", "value": "0.5"}]
    assert UPDATED == await result(await http.post(path, json=more))

    found = await params_of(http, device_id)
    # The same key without an id is another parameter.
    assert [("rate", "600", False), ("on", "true", True), ("rate", "0.5", False)] == [
        (param["key"], param["value"], param["sent"]) for param in found
    ]
    assert 3 == len({param["id"] for param in found})


async def test_param_with_its_id_is_edited(http: ClientSession) -> None:
    """What is sent is changed, in place; the rest stays."""
    device_id, _, (first, second) = await device_with(http, a=1, b=2)
    path = f"/device/{device_id}/params"
    edits = [{"id": first["id"], "value": 5, "sent": None}, {"key": "c", "value": 3}]
    assert UPDATED == await result(await http.post(path, json=edits))
    assert UPDATED == await result(
        await http.post(path, json={"id": second["id"], "key": "B", "value": "2", "sent": True})
    )

    found = await params_of(http, device_id)
    assert [{**first, "value": "5"}, {**second, "key": "B", "sent": True}] == found[:2]
    assert ("c", "3", False) == (found[2]["key"], found[2]["value"], found[2]["sent"])


async def test_param_is_edited_by_its_route(http: ClientSession) -> None:
    """The older route takes the id from the path."""
    device_id, _, (param,) = await device_with(http, a=1)
    path = f"/device/{device_id}/params/{param['id']}"

    assert UPDATED == await result(await http.put(path, json={"value": False}))
    assert [{**param, "value": "false"}] == await params_of(http, device_id)
    assert (400, "key must be a text") == await refusal(await http.put(path, json={"key": 1}))


async def test_param_is_removed(http: ClientSession) -> None:
    """The others stay; it can't be removed twice."""
    device_id, _, (first, second) = await device_with(http, a=1, b=2)
    path = f"/device/{device_id}/params/{first['id']}"

    assert "Successfully Removed" == await result(await http.delete(path))
    assert [second] == await params_of(http, device_id)
    assert (404, "Param Not Found") == await refusal(await http.delete(path))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "key is required; value is required"),
        ({"key": "k"}, "value is required"),
        (
            {"key": 1, "value": []},
            "key must be a text; value must be a text, a number or a boolean",
        ),
        ([{"key": "k", "value": 1}, {"key": "k", "value": None}], "[1].value is required"),
        ([{"key": "k", "value": 1, "sent": "no"}], "[0].sent must be true or false"),
        ([{"key": "k", "value": 1}, 5], "Body must be an object or an array of objects"),
        ([{"key": "k", "value": 1}] * 60, "maximum limit of Configuration Parameters (60)"),
    ],
)
async def test_wrong_params_change_nothing(http: ClientSession, body: Any, message: str) -> None:
    """Everything that is wrong is told, and nothing of the request is kept."""
    device_id, _, before = await device_with(http, a=1)
    status, text = await refusal(await http.post(f"/device/{device_id}/params", json=body or {}))

    assert 400 == status
    assert text in {message, f"You have exceeded the {message}"}
    assert before == await params_of(http, device_id)


async def test_sixty_params_are_taken(http: ClientSession) -> None:
    """The cap counts those that are there; an edit adds none."""
    device_id, _, (param,) = await device_with(http, a=1)
    path = f"/device/{device_id}/params"
    await result(await http.post(path, json=[{"key": "k", "value": 1}] * 59))
    await result(await http.post(path, json={"id": param["id"], "value": 2}))

    assert 60 == len(await params_of(http, device_id))
    message = "You have exceeded the maximum limit of Configuration Parameters (60)"
    assert (400, message) == await refusal(await http.post(path, json={"key": "k", "value": 1}))


async def test_unknown_param_or_device_is_not_found(http: ClientSession) -> None:
    """An id that no parameter of the device has is 404, and so is an unknown device."""
    device_id, token, _ = await device_with(http)
    _, _, (other,) = await device_with(http, a=1)
    stranger = {"id": other["id"], "value": 1}

    for device, message in ((device_id, "Param Not Found"), ("0" * 24, "Device Not Found")):
        path = f"/device/{device}/params"
        assert (404, message) == await refusal(await http.post(path, json=stranger))
        for method in ("PUT", "DELETE"):
            response = await http.request(method, f"{path}/{other['id']}", json={})
            assert (404, message) == await refusal(response)
    response = await http.put(f"/device/params/{other['id']}", headers={"token": token})
    assert (404, "Param Not Found") == await refusal(response)


async def test_device_reads_and_marks_its_own(http: ClientSession) -> None:
    """Without a body what a device has read is marked; with one it may be unmarked again."""
    device_id, token, (first, second) = await device_with(http, a=1, b=2)
    mine = {"token": token}

    async def read(query: str = "") -> Any:
        return await result(await http.get(f"/device/params{query}", headers=mine))

    async def mark(param: dict[str, Any], **kwargs: Any) -> Any:
        path = f"/device/params/{param['id']}"
        return await result(await http.put(path, headers=mine, **kwargs))

    assert [first, second] == await read()
    assert UPDATED == await mark(first)
    assert [{**first, "sent": True}] == await read("?sent_status=true")
    assert [second] == await read("?sent_status=False")
    assert [second] == await result(await http.get(f"/device/{device_id}/params?sent_status=0"))
    assert UPDATED == await mark(second, json={"sent": True, "value": "mine"})
    assert [first, second] == [{**param, "sent": False} for param in await read()]
    await mark(first, json={"sent": False})
    assert [first] == await read("?sent_status=false")


async def test_deactivated_device_reads_no_params(http: ClientSession) -> None:
    """Access is denied to whatever a deactivated device asks for."""
    device_id, token, (param,) = await device_with(http, a=1)
    await http.put(f"/device/{device_id}", json={"active": False})

    for method, path in (("GET", ""), ("PUT", f"/{param['id']}")):
        response = await http.request(method, f"/device/params{path}", headers={"token": token})
        assert (400, "Device is deactivated") == await refusal(response)


async def test_each_token_has_its_own_routes(http: ClientSession) -> None:
    """A device is denied the profile's routes, even for itself, and the profile the device's."""
    device_id, token, (param,) = await device_with(http, a=1)
    device = {"token": token}
    denied = (401, "Authorization Denied")

    for method, path in (("GET", ""), ("PUT", f"/{param['id']}")):
        assert denied == await refusal(await http.request(method, f"/device/params{path}"))
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", f"/{param['id']}")):
        response = await http.request(method, f"/device/{device_id}/params{path}", headers=device)
        assert denied == await refusal(response)
