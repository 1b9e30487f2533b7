"""What goes wrong on purpose: how it looks from outside, and what was done all the same."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import ClientOSError, ClientSession

from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.emulator._options import FAULTS
from tagodev.emulator._routes import ROUTES
from tests.emulator.support import DEVICE, create, refusal, result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[tuple[Emulator, ClientSession]]:
    """Run an emulator with faults, and a client that sends its profile token."""
    async with (
        Emulator(EmulatorOptions(**options)) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        yield emulator, http


def done(emulator: Emulator) -> tuple[int, int]:
    """Return how many requests were counted and how many devices made."""
    stats = emulator.stats()
    return stats["accepted"], stats["created"]


@pytest.mark.parametrize(
    ("fault", "expected"), [("reset-before", (0, 0)), ("reset-after-commit", (1, 1))]
)
async def test_reset_leaves_the_client_in_doubt(fault: str, expected: tuple[int, int]) -> None:
    """Both resets look the same to the client; only one of them comes after the work."""
    async with running(faults={fault: 1}) as (emulator, http):
        # A reset, not an orderly end: that would be a ServerDisconnectedError.
        with pytest.raises(ClientOSError, match="reset by peer"):
            await http.post("/device", json=DEVICE)

        assert expected == done(emulator)
        assert {fault: 1} == emulator.stats()["faults"]


async def test_reset_of_a_client_that_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that its client has given up meanwhile is nothing to complain of."""
    async with running(faults={"reset-before": 1}, latency=0.1) as (emulator, http):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await http.post("/device", json=DEVICE)
        await asyncio.sleep(0.1)
        assert 200 == (await http.get("/_emulator/stats")).status

        assert {"reset-before": 1} == emulator.stats()["faults"]
    assert [] == caplog.records


@pytest.mark.parametrize(("fault", "status"), [("http-500", 500), ("status-false-200", 200)])
async def test_error_instead_of_the_work(fault: str, status: int) -> None:
    """An error in the envelope is counted, and nothing was done."""
    async with running(faults={fault: 1}) as (emulator, http):
        answered, message = await refusal(await http.post("/device", json=DEVICE))

        assert status == answered
        assert re.fullmatch(r"Internal Error \(\d{13}\)", message)
        assert (1, 0) == done(emulator)


async def test_bad_gateway_may_have_done_the_work() -> None:
    """Half of the error pages come after the work; each is counted, and they are all alike."""
    async with running(faults={"http-502-html": 1}, seed=1) as (emulator, http):
        answers = set()
        for _ in range(40):
            response = await http.post("/device", json=DEVICE)
            answers.add((response.status, response.content_type, await response.text()))

        ((status, content_type, text),) = answers
        assert (502, "text/html") == (status, content_type)
        assert text.startswith("<html>")
        counted, created = done(emulator)
        assert 40 == counted
        assert 10 <= created <= 30


async def test_bad_gateway_hides_a_refusal_too() -> None:
    """What the service had to say to a bad request is lost like everything else."""
    async with running(faults={"http-502-html": 1}, seed=1) as (_, http):
        assert {502} == {(await http.post("/device", data=b"{}")).status for _ in range(10)}


async def test_malformed_answer_comes_after_the_work() -> None:
    """The body ends in its middle, under the status of a success."""
    async with running(faults={"malformed-json": 1}) as (emulator, http):
        response = await http.post("/device", json=DEVICE)
        body = await response.read()

        assert (201, "application/json") == (response.status, response.content_type)
        assert body.startswith(b'{"status":true,"result":{"device_id":')
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(body)
        assert (1, 1) == done(emulator)


async def test_slow_answer_comes_after_the_work() -> None:
    """The work is done at once, the answer comes later."""
    async with running(faults={"slow": 1}, slow_seconds=30.0) as (emulator, http):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await http.post("/device", json=DEVICE)

        assert (1, 1) == done(emulator)


async def test_slow_answer_is_the_usual_one() -> None:
    """Whoever waits gets what he asked for."""
    async with running(faults={"slow": 1}, slow_seconds=0.01) as (emulator, http):
        created = await create(http)

        assert {"device_id", "bucket_id", "token"} == set(created)
        assert {"slow": 1} == emulator.stats()["faults"]


async def test_text_of_a_refusal_may_stand_elsewhere() -> None:
    """The other documented form of an error has its text in the result; success is as ever."""
    async with running(plan="free", minute=3600.0, faults={"result-message": 1}) as (_, http):
        responses = [await http.get("/device/00") for _ in range(101)]
        bodies = [await response.json() for response in responses]
        wait = responses[-1].headers["Retry-After"]
        await create(http)

        assert [404, 429] == [response.status for response in responses[-2:]]
        assert {"status": False, "result": {"message": "Device Not Found"}} == bodies[0]
        message = f"Too many requests (Retry-After: {wait})"
        assert {"status": False, "result": {"message": message}} == bodies[-1]


async def test_unknown_token_may_be_told_in_the_other_form() -> None:
    """Refusals that come before the limiter meet the fault as well."""
    async with running(faults={"result-message": 1}) as (emulator, http):
        response = await http.get("/device", headers={"token": "x"})
        body = await response.json()

        assert (401, {"message": "Invalid token: x"}) == (response.status, body["result"])
        assert (0, 0) == done(emulator)


async def test_retry_after_may_stand_in_the_text_only() -> None:
    """A 429 without the header tells in its text when to come back."""
    options = {"plan": "free", "minute": 3600.0, "faults": {"no-retry-after-header": 1}}
    async with running(**options) as (emulator, http):
        responses = [await http.post("/device", data=b"{}") for _ in range(11)]
        status, message = await refusal(responses[-1])

        assert 429 == status
        assert re.fullmatch(r"Too many requests \(Retry-After: \d+\)", message)
        assert "Retry-After" not in responses[-1].headers
        assert {"no-retry-after-header": 1} == emulator.stats()["faults"]


async def names(http: ClientSession, page: int, amount: int) -> list[str]:
    """Return the names of the devices on a page."""
    query = {"page": str(page), "amount": str(amount), "fields": "name"}
    return [device["name"] for device in await result(await http.get("/device", params=query))]


async def test_truncated_page_lacks_its_end() -> None:
    """The rest of a truncated page is nowhere."""
    async with running(devices=6, faults={"truncated-page": 1}) as (_, http):
        pages = [await names(http, page, 4) for page in (1, 2, 3)]

        assert [["device-0001", "device-0002"], ["device-0005"], []] == pages


def test_every_list_with_pages_is_known() -> None:
    """A list that is not marked as paged gets no faults of pages."""
    paged = {
        "GET /device",
        "GET /device/token/:device_id",
        "GET /integration/connector",
        "GET /integration/network",
        "GET /integration/network/:network_id/devices",
        "GET /integration/network/token/:network_id",
        "GET /profile/:profile_id/token",
        "GET /serviceauth",
    }

    assert paged == {route.key for route in ROUTES if route.is_paged}


async def test_only_lists_have_pages() -> None:
    """Faults of pages leave other arrays alone."""
    faults = {"truncated-page": 1, "duplicate-across-pages": 1}
    async with running(faults=faults) as (emulator, http):
        created = await create(http, configuration_params=[{"key": "a", "value": "b"}])
        found = await result(await http.get(f"/device/{created['device_id']}/params"))

        assert ["a"] == [item["key"] for item in found]
        assert {"truncated-page": 0, "duplicate-across-pages": 0} == emulator.stats()["faults"]


@pytest.mark.parametrize("count", [4, 5, 6, 7])
async def test_list_that_grows_repeats_a_device(count: int) -> None:
    """From the second page on everything stands one later; nothing is missing in the end."""
    options = {"devices": count, "faults": {"duplicate-across-pages": 1}}
    async with running(**options) as (emulator, http):
        every = [f"device-{number:04}" for number in range(1, count + 1)]
        pages: list[list[str]] = []
        while page := await names(http, len(pages) + 1, 3):
            pages.append(page)

        assert every[:3] == pages[0]
        assert every[2:5] == pages[1]
        assert [*every[:3], *every[2:]] == [name for page in pages for name in page]
        assert {"duplicate-across-pages": 1} == emulator.stats()["faults"]
        # Whoever begins anew sees all of it as it is, until it grows again.
        assert every[:3] == await names(http, 1, 3)
        assert every[2:5] == await names(http, 2, 3)
        assert {"duplicate-across-pages": 2} == emulator.stats()["faults"]


async def test_lists_that_grew_are_not_remembered_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long run does not fill the memory; the list that grew first is forgotten first."""
    monkeypatch.setattr("tagodev.emulator._http.faults._REMEMBERED", 2)
    async with running(devices=20, faults={"duplicate-across-pages": 1}) as (emulator, http):
        for amount in (5, 6, 7):
            await names(http, 2, amount)
        await names(http, 2, 7)
        assert {"duplicate-across-pages": 3} == emulator.stats()["faults"]
        await names(http, 2, 5)
        assert {"duplicate-across-pages": 4} == emulator.stats()["faults"]


async def test_page_after_the_last_is_not_shifted() -> None:
    """Beyond the end there is nothing that could come again."""
    async with running(devices=4, faults={"duplicate-across-pages": 1}) as (_, http):
        assert [] == await names(http, 3, 3)
        assert ["device-0003", "device-0004"] == await names(http, 2, 3)
        assert [] == await names(http, 3, 3)
        assert [] == await names(http, 4, 3)


async def test_fault_of_one_route_leaves_the_others_alone() -> None:
    """A fault that names a route strikes there only, and goes before the same fault at large."""
    faults = {"POST /device:http-500": 1, "http-500": 0, "GET /device:slow": 1}
    async with running(faults=faults, slow_seconds=0.0) as (emulator, http):
        assert 500 == (await http.post("/device", json=DEVICE)).status
        assert 200 == (await http.get("/device")).status
        assert 200 == (await http.get("/info")).status

        assert {"http-500": 1, "slow": 1} == emulator.stats()["faults"]


async def test_one_request_meets_one_fault() -> None:
    """Where all faults always strike, the first of them does."""
    async with running(faults=dict.fromkeys(FAULTS, 1)) as (emulator, http):
        with pytest.raises(ClientOSError):
            await http.post("/device", json=DEVICE)

        struck = emulator.stats()["faults"]
        assert {**dict.fromkeys(FAULTS, 0), "reset-before": 1} == struck


async def test_control_routes_and_unknown_ones_meet_no_fault() -> None:
    """What is no request to a route of the service is answered as ever."""
    async with running(faults={"reset-before": 1, "http-500": 1}) as (emulator, http):
        assert 404 == (await http.get("/nowhere")).status
        assert 200 == (await http.get("/_emulator/stats")).status
        assert 200 == (await http.post("/_emulator/reset")).status
        assert {"reset-before": 0, "http-500": 0} == emulator.stats()["faults"]


async def test_faults_come_out_of_the_limit() -> None:
    """A request that fails behind the limiter has used its budget."""
    options = {"plan": "free", "minute": 3600.0, "faults": {"http-500": 1}}
    async with running(**options) as (emulator, http):
        statuses = [(await http.post("/device", json=DEVICE)).status for _ in range(12)]

        assert [500] * 10 + [429] * 2 == statuses
        route = emulator.stats()["routes"]["POST /device"]
        assert (10, 2) == (route["accepted"], route["rejected"])


async def struck(http: ClientSession) -> list[int]:
    """Return the statuses of many requests."""
    return [(await http.get("/info")).status for _ in range(300)]


async def test_seed_repeats_the_faults() -> None:
    """With a seed the same requests fail each time, as often as they should; after a reset too."""
    options = {"faults": {"http-500": 0.3}}
    async with running(**options, seed=5) as (emulator, http):
        first = await struck(http)
        assert first.count(500) == emulator.stats()["faults"]["http-500"]
        emulator.reset()
        assert {"http-500": 0} == emulator.stats()["faults"]
        again = await struck(http)
    async with running(**options, seed=6) as (_, http):
        other = await struck(http)

    assert first == again
    assert first != other
    assert 60 <= first.count(500) <= 120


async def test_faults_leave_ids_as_they_are() -> None:
    """Chance has a sequence of its own: with the same seed the same devices get the same ids."""
    created = []
    for chosen in ({}, {"slow": 0.5, "reset-before": 0.0}):
        async with running(seed=3, faults=chosen, slow_seconds=0.0) as (_, http):
            created.append([await create(http) for _ in range(5)])

    assert created[0] == created[1]


async def test_without_faults_none_is_told() -> None:
    """The statistics have the same shape in either case."""
    async with running() as (emulator, _):
        assert {} == emulator.stats()["faults"]


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (["slow"], "must be a mapping"),
        ({"fire": 0.1}, "must be of reset-before, .*, not 'fire'"),
        ({"POST /device:fire": 0.1}, "not 'fire'"),
        ({"POST /devices:slow": 0.1}, "a route of the emulator, like 'POST /device', not 'POST"),
        ({":slow": 0.1}, "a route of the emulator"),
        ({"slow": 1.5}, "the probability of slow must be a number from 0 to 1, not 1.5"),
        ({"slow": -0.1}, "from 0 to 1"),
        ({"slow": float("nan")}, "from 0 to 1"),
        ({"slow": True}, "from 0 to 1"),
        ({"slow": "0.1"}, "from 0 to 1"),
    ],
)
def test_faults_that_mean_nothing_are_refused(faults: Any, message: str) -> None:
    """What can't be meant is said at once."""
    with pytest.raises(ValueError, match=message):
        EmulatorOptions(faults=faults)


def test_every_route_can_have_faults() -> None:
    """A route's template has colons of its own."""
    faults = {"DELETE /device/:device_id:reset-after-commit": 0.5}

    assert faults == EmulatorOptions.from_json(EmulatorOptions(faults=faults).to_json()).faults
