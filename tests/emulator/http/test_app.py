"""The emulator over real HTTP: envelope, tokens, limits, control routes."""

from __future__ import annotations

import asyncio
import io
import time
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse, ClientSession

from tagodev.emulator import Emulator, EmulatorOptions
from tests.emulator.support import DEVICE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def running(
    options: EmulatorOptions | None = None,
) -> AsyncIterator[tuple[Emulator, ClientSession]]:
    """Run an emulator, with a client that sends its profile token."""
    async with (
        Emulator(options) as emulator,
        ClientSession(emulator.url, headers={"Authorization": emulator.token}) as http,
    ):
        yield emulator, http


async def refusal(response: ClientResponse) -> tuple[int, str]:
    """Return status and message of an error, having checked its envelope."""
    body = await response.json()
    assert {"status", "message"} == set(body)
    assert body["status"] is False
    return response.status, body["message"]


async def test_success_has_the_envelope() -> None:
    """A success is 200 or 201 with status true and a result, in UTF-8 JSON."""
    async with running() as (_, http), http.post("/device", json=DEVICE) as response:
        body = await response.json()

        assert 201 == response.status
        assert "application/json; charset=utf-8" == response.headers["Content-Type"]
        assert {"status", "result"} == set(body)
        assert body["status"] is True


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/nowhere"), ("PATCH", "/device"), ("GET", "/x?y=z")]
)
async def test_unknown_route_is_not_found(method: str, path: str) -> None:
    """Unknown paths and methods are 404, even without a token."""
    async with running() as (emulator, _), ClientSession(emulator.url) as http:
        assert (404, "Route Not Found") == await refusal(await http.request(method, path))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "Malformed request syntax"),
        (b"\xff", "Malformed request syntax"),
        (b"[]", "Body must be an object"),
        (b"null", "Body must be an object"),
    ],
)
async def test_body_that_is_no_object_is_refused(raw: bytes, message: str) -> None:
    """Broken JSON, and JSON that is no object, is 400."""
    async with running() as (_, http):
        assert (400, message) == await refusal(await http.post("/device", data=raw))


async def test_missing_body_is_an_empty_one() -> None:
    """Without a body the fields are missing, not the syntax wrong."""
    async with running() as (_, http):
        assert (400, "device is required; name is required") == await refusal(
            await http.post("/device/token")
        )


async def test_huge_body_is_refused_in_the_envelope() -> None:
    """A body beyond the server's bound is 413, as JSON like everything else."""
    async with running() as (_, http):
        response = await http.post("/device", data=io.BytesIO(b" " * 1_500_000))

        assert (413, "Body exceeds 1 MB") == await refusal(response)


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "Token",
        "authorization",
        "Account-Token",
        "Profile-Token",
        "Device-Token",
        "Analysis-Token",
        "Middleware-Token",
        "Network-Token",
        "Authentication",
    ],
)
async def test_token_is_found_in_every_header(name: str) -> None:
    """All names that the sources mention carry a token, in any letter case."""
    async with (
        Emulator() as emulator,
        ClientSession(emulator.url) as http,
        http.get("/info", headers={name: emulator.token}) as response,
    ):
        assert 200 == response.status


async def test_token_is_taken_with_and_without_prefix() -> None:
    """The prefix that names a token's kind may be left out, or added to an old token."""
    options = EmulatorOptions(token="5a5a")
    async with Emulator(options) as emulator, ClientSession(emulator.url) as http:
        for text in ("5a5a", "p-5a5a", "a-5a5a"):
            async with http.get("/info", headers={"token": text}) as response:
                assert 200 == response.status
    async with Emulator() as emulator, ClientSession(emulator.url) as http:
        assert emulator.token.startswith("p-")
        async with http.get("/info", headers={"token": emulator.token[2:]}) as response:
            assert 200 == response.status


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Invalid token"),
        ({"token": "null"}, "Invalid token"),
        ({"token": ""}, "Invalid token"),
        ({"token": "stranger"}, "Invalid token: stranger"),
        ({"Authorization": "Bearer x"}, "Invalid token: Bearer x"),
    ],
)
async def test_missing_or_unknown_token_is_unauthorised(
    headers: dict[str, str], message: str
) -> None:
    """Without a known token every route is 401."""
    async with Emulator() as emulator, ClientSession(emulator.url, headers=headers) as http:
        assert (401, message) == await refusal(await http.get("/device"))


async def test_device_token_may_only_ask_who_it_is() -> None:
    """A device token reads /info and nothing of the profile."""
    async with running() as (emulator, http):
        created = (await (await http.post("/device", json=DEVICE)).json())["result"]
        headers = {"token": created["token"]}
        async with ClientSession(emulator.url, headers=headers) as device:
            info = (await (await device.get("/info")).json())["result"]
            assert (created["device_id"], DEVICE["name"]) == (info["id"], info["name"])
            for method, path in (
                ("GET", "/device"),
                ("POST", "/device"),
                ("GET", f"/device/{created['device_id']}"),
                ("GET", "/account/plan"),
            ):
                response = await device.request(method, path)
                assert (401, "Authorization Denied") == await refusal(response)


@pytest.mark.parametrize(("permission", "status"), [("full", 200), ("read", 200), ("write", 401)])
async def test_device_token_needs_the_permission(permission: str, status: int) -> None:
    """To read, a token must be allowed to read."""
    async with running() as (emulator, http):
        created = (await (await http.post("/device", json=DEVICE)).json())["result"]
        body = {"device": created["device_id"], "name": "t", "permission": permission}
        made = (await (await http.post("/device/token", json=body)).json())["result"]
        async with (
            ClientSession(emulator.url, headers={"token": made["token"]}) as device,
            device.get("/info") as response,
        ):
            assert status == response.status


async def test_expired_token_is_unknown() -> None:
    """A token whose expiry has passed opens nothing."""
    async with running() as (emulator, http):
        created = (await (await http.post("/device", json=DEVICE)).json())["result"]
        body = {"device": created["device_id"], "name": "t", "expire_time": "2020-01-01"}
        made = (await (await http.post("/device/token", json=body)).json())["result"]
        async with ClientSession(emulator.url, headers={"token": made["token"]}) as device:
            status, message = await refusal(await device.get("/info"))

            assert (401, f"Invalid token: {made['token']}") == (status, message)


async def test_plan_is_told() -> None:
    """Profile, by either name, and account tell the plan."""
    async with running(EmulatorOptions(plan="starter")) as (_, http):
        info = (await (await http.get("/info")).json())["result"]
        profile = (await (await http.get("/profile/current")).json())["result"]
        same = (await (await http.get(f"/profile/{profile['info']['id']}")).json())["result"]
        plan = (await (await http.get("/account/plan/")).json())["result"]

        assert "profile" == info["type"]
        assert ("starter", False) == (profile["account_plan"], profile["addons"]["control_tower"])
        assert profile == same
        assert {"plan": "starter"} == plan
        assert (404, "Profile Not Found") == await refusal(await http.get("/profile/other"))


async def test_over_the_limit_is_429_in_body_and_header() -> None:
    """The request beyond the limit is told how many whole seconds to wait, twice."""
    # An hour's window: the test doesn't straddle a boundary but once in an hour's milliseconds.
    async with running(EmulatorOptions(plan="free", minute=3600.0)) as (emulator, http):
        statuses = [(await http.post("/device", data=b"{}")).status for _ in range(10)]
        response = await http.post("/device", json=DEVICE)
        wait = int(response.headers["Retry-After"])

        assert [400] * 10 == statuses
        assert (429, f"Too many requests (Retry-After: {wait})") == await refusal(response)
        assert 1 <= wait <= 3600
        async with http.get("/device") as other:
            assert 200 == other.status
        route = emulator.stats()["routes"]["POST /device"]
        assert (10, 10, 1) == (route["limit"], route["accepted"], route["rejected"])


async def test_date_header_follows_the_offset_clock() -> None:
    """A server whose clock runs ahead says so in each answer, and stores its own time."""
    async with running(EmulatorOptions(clock_offset=7200.0)) as (emulator, http):
        before = int(time.time())
        async with http.get("/info") as response:
            date = parsedate_to_datetime(response.headers["Date"]).timestamp()

        assert before + 7200 <= date <= time.time() + 7200
        assert 7200.0 == emulator.stats()["clock_offset"]
        assert before + 7200 <= emulator.stats()["now"] <= time.time() + 7200


async def test_latency_delays_the_answer_but_not_the_count() -> None:
    """A request counts when it arrives, even if its client never hears the answer."""
    async with running(EmulatorOptions(latency=30.0)) as (emulator, http):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await http.post("/device", json=DEVICE)

        stats = emulator.stats()
        assert (1, 1) == (stats["accepted"], stats["devices"])


async def test_stats_tell_what_happened() -> None:
    """The control route gives the same figures as the object, without a token."""
    async with running(EmulatorOptions(plan="scale", minute=30.0)) as (emulator, http):
        ids = []
        for name in ("twin", "twin", "single"):
            response = await http.post("/device", json={**DEVICE, "name": name})
            ids.append((await response.json())["result"]["device_id"])
        await http.delete(f"/device/{ids[2]}")
        async with ClientSession(emulator.url) as stranger:
            told: dict[str, Any] = await (await stranger.get("/_emulator/stats")).json()

        assert {**emulator.stats(), "now": told["now"]} == told
        assert ("scale", 30.0, 0.0) == (told["plan"], told["minute"], told["clock_offset"])
        assert (2, 2, {"twin": 2}) == (told["devices"], told["tokens"], told["duplicates"])
        assert (4, 0, 3, 1) == tuple(
            told[key] for key in ("accepted", "rejected", "created", "deleted")
        )
        assert ["DELETE /device/:device_id", "POST /device"] == list(told["routes"])
        windows = told["routes"]["POST /device"]["windows"]
        assert 3 == sum(window["accepted"] for window in windows)
        assert all(window["start"] % 30 == 0 for window in windows)


async def test_reset_empties_devices_and_counters() -> None:
    """After a reset the profile is as it was at first, and its token still works."""
    async with running() as (emulator, http):
        await http.post("/device", json={**DEVICE, "serie_number": "S1"})
        async with http.post("/_emulator/reset") as response:
            assert {"status": True, "result": "Emulator Reset"} == await response.json()

        stats = emulator.stats()
        assert (0, 0, 0, 0, {}) == tuple(
            stats[key] for key in ("devices", "tokens", "created", "accepted", "routes")
        )
        async with http.post("/device", json={**DEVICE, "serie_number": "S1"}) as again:
            assert 201 == again.status


async def test_other_control_routes_are_not_found() -> None:
    """Nothing else hides behind the control prefix."""
    async with running() as (_, http):
        for method, path in (("GET", "/_emulator/reset"), ("GET", "/_emulator/x")):
            assert (404, "Route Not Found") == await refusal(await http.request(method, path))


async def test_seed_makes_ids_repeatable() -> None:
    """Two emulators of one seed hand out the same ids and tokens, others do not."""
    results = []
    for seed in (1, 1, 2, None):
        async with running(EmulatorOptions(seed=seed)) as (_, http):
            results.append((await (await http.post("/device", json=DEVICE)).json())["result"])

    assert results[0] == results[1]
    assert 3 == len({result["device_id"] for result in results})


async def test_taken_port_is_an_error() -> None:
    """Two emulators can't share a port."""
    async with Emulator() as first:
        port = int(first.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="address already in use"):
            async with Emulator(EmulatorOptions(port=port)):
                pass


async def test_serve_forever_ends_with_its_task() -> None:
    """Waiting on the emulator ends when the waiter is cancelled, and not before."""
    async with Emulator() as emulator:
        waiter = asyncio.create_task(emulator.serve_forever())
        await asyncio.sleep(0.01)
        assert not waiter.done()
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
