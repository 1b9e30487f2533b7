"""The emulator's kinds of token: what each one is, and what it may do."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator, EmulatorOptions, EmulatorProcess
from tagodev.emulator._http.service import Service
from tagodev.emulator._model.access_tokens import TokenKind
from tests.emulator.support import NETWORK, create, refusal, result

if TYPE_CHECKING:
    from collections.abc import Mapping

ID: Final = "0" * 24
EVERY: Final = get_args(TokenKind)
#: Who may use a route; of the routes that are alike, one.
OPEN: Final = {
    "GET /info": set(EVERY),
    "GET /device": {"profile", "analysis"},
    "POST /device": {"profile", "analysis"},
    f"GET /device/{ID}": {"profile", "analysis"},
    f"PUT /device/{ID}": {"profile", "analysis"},
    f"DELETE /device/{ID}": {"profile", "analysis"},
    "POST /device/token": {"profile", "analysis"},
    f"GET /device/token/{ID}": {"profile", "analysis"},
    f"DELETE /device/token/{ID}": {"profile", "analysis"},
    f"POST /device/{ID}/params": {"profile", "analysis"},
    f"GET /device/{ID}/data": {"profile", "analysis"},
    f"POST /device/{ID}/data": {"analysis"},
    "GET /data": {"device"},
    "POST /data": {"device"},
    "PUT /data": {"device"},
    "DELETE /data": {"device"},
    "GET /device/params": {"device"},
    f"PUT /device/params/{ID}": {"device"},
    "GET /tags/keys/device": {"profile", "analysis"},
    "GET /integration/network": {"profile", "analysis"},
    f"GET /integration/connector/{ID}": {"profile", "analysis"},
    "POST /integration/network": {"profile"},
    f"PUT /integration/connector/{ID}": {"profile"},
    f"DELETE /integration/network/{ID}": {"profile"},
    "POST /integration/network/token": {"profile"},
    "GET /integration/network/resolve/S1": {"network"},
    f"GET /integration/network/resolve/S1/{ID}": {"network"},
    f"GET /integration/network/{NETWORK}/devices": {"network"},
    f"POST /integration/network/{ID}/params": {"network"},
    "POST /integration/network/data": {"network"},
    "GET /serviceauth": {"profile", "analysis"},
    "GET /account": {"profile"},
    "GET /account/plan": {"profile"},
    "GET /profile": {"profile"},
    "GET /profile/current": {"profile"},
    "GET /profile/current/summary": {"profile"},
    "GET /profile/current/token": {"profile"},
}


async def all_tokens(http: ClientSession) -> dict[str, str]:
    """Return a token of each kind."""
    tokens: dict[str, str] = await (await http.get("/_emulator/tokens")).json()
    return {**tokens, "device": (await create(http))["token"]}


async def made(http: ClientSession, **fields: Any) -> dict[str, str]:
    """Make another profile token, and return the headers that carry it."""
    created = await result(
        await http.post("/profile/current/token", json={"name": "made", **fields})
    )
    return {"token": created["token"]}


def test_every_kind_has_its_prefix() -> None:
    """A token can be told by its first two characters; a device's has no prefix."""
    tokens = Service(EmulatorOptions()).tokens_by_kind

    assert {"profile": "p-", "analysis": "a-", "network": "n-", "authorization": "at"} == {
        kind: token[:2] for kind, token in tokens.items()
    }
    assert re.fullmatch(r"at[0-9a-f]{32}", tokens["authorization"])
    assert all(len(token) == 38 for kind, token in tokens.items() if kind != "authorization")


def test_tokens_are_told_in_the_process_and_outside() -> None:
    """One of each kind is there from the start; a seed makes the same ones."""
    options = EmulatorOptions(seed=3)
    with EmulatorProcess(options) as process:
        told = process.tokens_by_kind

    assert Emulator(options).tokens_by_kind == told
    assert Emulator(EmulatorOptions(seed=4)).tokens_by_kind != told
    assert options.token is None
    assert {"profile", "analysis", "network", "authorization"} == told.keys()


async def test_every_kind_opens_its_own_routes_only(http: ClientSession) -> None:
    """Where a kind is not let in it is told so, whatever the route would have answered."""
    tokens = await all_tokens(http)
    denied: dict[str, set[str]] = {route: set() for route in OPEN}
    for route, kind in product(OPEN, EVERY):
        method, path = route.split(" ")
        response = await http.request(method, path, headers={"token": tokens[kind]})
        body = await response.json()
        if (response.status, body.get("message")) == (401, "Authorization Denied"):
            denied[route].add(kind)

    # The one path that holds an authorization is refused for that too.
    denied[f"GET /integration/network/resolve/S1/{ID}"].discard("network")
    assert OPEN == {route: set(EVERY) - kinds for route, kinds in denied.items()}


async def test_every_kind_is_told_what_it_is(http: ClientSession) -> None:
    """The same route answers each kind with what it belongs to."""
    tokens = await all_tokens(http)
    info: Mapping[str, Any] = {
        kind: await result(await http.get("/info", headers={"token": token}))
        for kind, token in tokens.items()
    }

    assert ("profile", "Emulated Profile") == (info["profile"]["type"], info["profile"]["name"])
    assert "analysis" == info["analysis"]["type"]
    assert (NETWORK, info["profile"]["id"]) == (info["network"]["id"], info["network"]["profile"])
    assert "serial_number" in info["network"]
    assert {
        "name": "Default",
        "type": "authorization",
        "permission": "full",
        "serie_number": None,
        "last_authorization": None,
        "verification_code": None,
        "expire_time": None,
        "ref_id": info["profile"]["id"],
        "created_at": info["authorization"]["created_at"],
        "created_by": None,
    } == info["authorization"]
    assert "bucket" in info["device"]


@pytest.mark.parametrize("kind", ["profile", "analysis", "network", "authorization"])
async def test_no_kind_needs_its_prefix(http: ClientSession, kind: str) -> None:
    """Tokens are known with and without the prefix, and with that of another kind."""
    text = (await all_tokens(http))[kind]
    for written in (text, text[2:], f"u-{text[2:]}"):
        assert 200 == (await http.get("/info", headers={"token": written})).status


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("full", ["read", "create", "edit", "delete"]),
        ("write", ["create", "edit"]),
        ("read", ["read"]),
    ],
)
async def test_profile_tokens_are_told_by_verb(
    http: ClientSession, permission: str, allowed: list[str]
) -> None:
    """To write is to create and to edit; to delete takes all permissions."""
    headers = await made(http, permission=permission)
    path = f"/device/{(await create(http))['device_id']}"
    answers = {
        "read": await http.get(path, headers=headers),
        "create": await http.post("/device", json={}, headers=headers),
        "edit": await http.put(path, json={"name": "n"}, headers=headers),
        "delete": await http.delete(path, headers=headers),
    }

    assert allowed == [verb for verb, answer in answers.items() if answer.status != 401]
    for verb in answers.keys() - allowed:
        assert (401, "Authorization Denied") == await refusal(answers[verb])


@pytest.mark.parametrize(("permission", "status"), [("full", 200), ("write", 200), ("read", 401)])
async def test_device_token_deletes_what_it_may_write(
    http: ClientSession, permission: str, status: int
) -> None:
    """A device that may send may take back what it has sent."""
    body = {
        "device": (await create(http))["device_id"],
        "name": "t",
        "permission": permission,
    }
    token = (await result(await http.post("/device/token", json=body)))["token"]

    assert status == (await http.delete("/data", headers={"token": token})).status


async def test_expired_token_of_any_kind_is_unknown(http: ClientSession) -> None:
    """A token that is not a device's expires too."""
    headers = await made(http, expire_time="2020-01-01")
    response = await http.get("/info", headers=headers)

    assert (401, f"Invalid token: {headers['token']}") == await refusal(response)


async def test_deactivated_device_still_knows_itself(http: ClientSession) -> None:
    """Data is refused to a device that was switched off, its own description is not."""
    created = await create(http, active=False)
    headers = {"token": created["token"]}

    assert 200 == (await http.get("/info", headers=headers)).status
    response = await http.get("/data", headers=headers)
    assert (400, "Device is deactivated") == await refusal(response)


async def test_tokens_of_the_profile_come_and_go(http: ClientSession) -> None:
    """A profile token is made, listed without the fields nobody asked for, and deleted."""
    path = "/profile/current/token"
    body = {"name": "laptop", "permission": "read", "expire_time": "1 day"}
    created = await result(await http.post(path, json=body))
    laptop, default = await result(await http.get(path))

    assert {"token", "permission", "expire_time", "expire_date"} == created.keys()
    assert created["expire_time"] == created["expire_date"]
    assert {"name": "laptop", "token": created["token"], "permission": "read"} == laptop
    assert "Default" == default["name"]
    assert ["laptop"] == [
        token["name"] for token in await result(await http.get(f"{path}?filter[permission]=read"))
    ]
    gone = f"{path}/{created['token']}"
    assert "Token Successfully Removed" == await result(await http.delete(gone))
    assert (404, "Token Not Found") == await refusal(await http.delete(gone))
    assert 401 == (await http.get("/info", headers={"token": created["token"]})).status


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("DELETE", "/x")],
)
async def test_tokens_of_another_profile_are_not_found(
    http: ClientSession, method: str, path: str
) -> None:
    """There is one profile only."""
    response = await http.request(method, f"/profile/{ID}/token{path}", json={"name": "n"})

    assert (404, "Profile Not Found") == await refusal(response)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": None}, "name is required"),
        ({"name": ""}, "name must be a text of 1 to 100 characters"),
        ({"permission": "deny"}, "permission must be one of full, read, write"),
        (
            {"expire_time": "soon"},
            "expire_time must be a date, a time like 3 hours, or never",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/profile/current/token", "/serviceauth"])
async def test_wrong_tokens_are_refused(
    http: ClientSession, path: str, fields: dict[str, Any], message: str
) -> None:
    """Each fault is told, and makes no token."""
    response = await http.post(path, json={"name": "n", **fields})

    assert (400, message) == await refusal(response)
    assert ["Default"] == [token["name"] for token in await result(await http.get(path))]


async def test_authorizations_come_and_go(http: ClientSession) -> None:
    """An authorization is made with its code, listed, given another code, and deleted."""
    created = await result(
        await http.post("/serviceauth", json={"name": "gateway", "verification_code": "one"})
    )
    profile = (await result(await http.get("/info")))["id"]
    path = f"/serviceauth/{created['token']}"
    query = "/serviceauth?filter[name]=gate*&fields[]=verification_code"

    assert {
        "token": created["token"],
        "name": "gateway",
        "profile": profile,
        "additional_parameters": "one",
    } == created
    done = await result(await http.put(path, json={"verification_code": "two"}))
    assert "Authorization Code Successfully Updated" == done
    assert [{"verification_code": "two"}] == await result(await http.get(query))
    assert "Token Successfully Removed" == await result(await http.delete(path))
    for response in (await http.delete(path), await http.put(path, json={})):
        assert (404, "Token Not Found") == await refusal(response)


async def test_tokens_of_another_kind_are_not_deleted(http: ClientSession) -> None:
    """A route deletes tokens of its own kind only."""
    tokens = await all_tokens(http)
    for path in (
        f"/serviceauth/{tokens['profile']}",
        f"/serviceauth/{tokens['device']}",
        f"/profile/current/token/{tokens['analysis']}",
        f"/integration/network/token/{tokens['authorization']}",
        f"/device/token/{tokens['network']}",
    ):
        assert (404, "Token Not Found") == await refusal(await http.delete(path))


@pytest.mark.parametrize(("plan", "cap"), [("free", 10), ("starter", 50)])
async def test_authorizations_have_a_cap(plan: Any, cap: int) -> None:
    """The plan decides how many there may be, the one from the start among them."""
    options = EmulatorOptions(plan=plan, unlimited=True)
    async with (
        Emulator(options) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        for number in range(cap - 1):
            await result(await http.post("/serviceauth", json={"name": f"a{number}"}))
        response = await http.post("/serviceauth", json={"name": "one too many"})

        message = f"You have exceeded the maximum limit of Device service authorization ({cap})"
        assert (400, message) == await refusal(response)


async def test_signing_in_makes_a_profile_token() -> None:
    """Who knows account and profile gets a token without having one."""
    async with Emulator() as emulator, ClientSession(emulator.url) as http:
        mine = {"token": emulator.token}
        profile = (await result(await http.get("/info", headers=mine)))["id"]
        email = (await result(await http.get("/account", headers=mine)))["email"]
        body = {"email": email, "password": "any", "profile_id": profile, "name": "cli"}
        path = "/account/profile/token"
        created = await result(await http.post(path, json=body))

        assert {"created_by", "name", "permission", "profile", "token"} == created.keys()
        assert ("cli", "full", profile) == (
            created["name"],
            created["permission"],
            created["profile"],
        )
        assert 200 == (await http.get("/device", headers={"token": created["token"]})).status
        for name in body:
            response = await http.post(path, json={**body, name: None})
            assert (400, f"{name} is required") == await refusal(response)
        for wrong in ({"email": "x@example.com"}, {"profile_id": ID}):
            response = await http.post(path, json={**body, **wrong})
            assert (401, "Authorization Denied") == await refusal(response)


async def test_status_needs_no_token_and_counts_for_nobody() -> None:
    """Anybody may ask which version answers."""
    async with Emulator() as emulator, ClientSession(emulator.url) as http:
        assert {"version": "9.1.19"} == await result(await http.get("/status"))
        assert {} == emulator.stats()["routes"]


async def test_reset_leaves_the_tokens_of_the_start() -> None:
    """What was made over the API is gone; what was given is there, even if it was deleted."""
    async with (
        Emulator() as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        given = dict(emulator.tokens_by_kind)
        headers = await made(http)
        await result(await http.delete(f"/serviceauth/{given['authorization']}"))
        emulator.reset()

        assert given == emulator.tokens_by_kind
        for token in given.values():
            assert 200 == (await http.get("/info", headers={"token": token})).status
        assert 401 == (await http.get("/info", headers=headers)).status
