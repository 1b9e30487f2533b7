"""``plan="auto"``: asked for once, and believed only when the service says so."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tagodev import (
    ConfigurationError,
    ConnectError,
    HardLimits,
    Tago,
    UnknownPlanError,
)
from tagodev.emulator import Emulator, EmulatorOptions
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, NO_WAIT, TOKEN
from tests.support.servers import Received, Reply, ScriptedServer, refused_port

PROFILE = "/profile/current"
PLAN = "/account/plan"


def auto(url: str, **options: Any) -> Tago:
    """Return a client that looks for its plan."""
    return Tago(TOKEN, api=url, retry=NO_WAIT, **options)


def scripted(replies: dict[str, Reply | bytes]) -> ScriptedServer:
    """Return a server that answers by path; any other path gives a device."""

    def script(received: Received) -> Reply | bytes:
        return replies.get(received.target, ok({"id": DEVICE_ID, "name": "x"}))

    return ScriptedServer(script)


@pytest.mark.parametrize("plan", ["free", "starter", "scale"])
async def test_the_plan_of_the_profile_is_kept(plan: Any) -> None:
    """The profile names its owner's plan, and its limits are in force from the first call."""
    async with scripted({PROFILE: ok({"account_plan": plan})}) as server:
        async with auto(server.url) as tago:
            assert HardLimits.for_plan(plan) == tago.limits.documented
        assert [f"GET {PROFILE}"] == server.seen()


async def test_the_emulators_plan_is_found() -> None:
    """The emulated service reports its plan as the real one does."""
    options = EmulatorOptions(plan="starter", minute=4.0)
    async with (
        Emulator(options) as emulator,
        Tago(emulator.token, api=emulator.url, minute=4.0) as tago,
    ):
        assert HardLimits.for_plan("starter", 4.0) == tago.limits.documented


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_the_account_is_asked_where_the_profile_is_refused(status: int) -> None:
    """A refusal of the first question leads to the second."""
    replies: dict[str, Reply | bytes] = {
        PROFILE: refused(status, "Authorization Denied"),
        PLAN: ok({"plan": "starter"}),
    }
    async with scripted(replies) as server, auto(server.url) as tago:
        assert "starter" == tago.limits.documented.name
        assert [f"GET {PROFILE}", f"GET {PLAN}"] == server.seen()


async def test_refused_twice_is_free_with_a_warning() -> None:
    """Where the token may not ask, the lowest limits apply, with a warning."""
    denied = refused(401, "Authorization Denied")
    async with scripted({PROFILE: denied, PLAN: denied}) as server:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            async with auto(server.url) as tago:
                assert "free" == tago.limits.documented.name
    (warning,) = caught

    assert "Free plan" in str(warning.message)
    assert __file__ == warning.filename


async def test_no_network_says_nothing_of_the_plan() -> None:
    """A service that can't be reached raises, and no plan is assumed."""
    with refused_port() as port, pytest.raises(ConnectError):
        async with auto(f"http://127.0.0.1:{port}"):
            pass


@pytest.mark.parametrize(
    "answer", [http(200, b"{"), http(200, b"<html>"), http(503), refused(400, "no"), ok([1]), ok(3)]
)
async def test_nonsense_stops_no_job(answer: bytes) -> None:
    """The account is asked, and at last the lowest limits apply, with a warning."""
    replies: dict[str, Reply | bytes] = {PROFILE: answer, PLAN: ok({"plan": "scale"})}
    async with scripted(replies) as server, auto(server.url) as tago:
        assert "scale" == tago.limits.documented.name
    async with scripted({PROFILE: answer, PLAN: answer}) as server:
        with pytest.warns(UserWarning, match="Free plan"):
            async with auto(server.url) as tago:
                assert "free" == tago.limits.documented.name


async def test_a_plan_that_is_a_token_is_not_shown() -> None:
    """What the service calls a plan is not repeated unread."""
    async with scripted({PROFILE: ok({"account_plan": f"Invalid token: {TOKEN}"})}) as server:
        with pytest.raises(ConfigurationError) as caught:
            await auto(server.url).__aenter__()
    assert TOKEN not in str(caught.value)


async def test_an_unknown_plan_asks_for_its_limits() -> None:
    """The limits of an enterprise plan are not published: the error says what to pass."""
    async with scripted({PROFILE: ok({"account_plan": "enterprise"})}) as server:
        with pytest.raises(ConfigurationError, match="enterprise") as caught:
            async with auto(server.url):
                pass

    assert 'Pass limits={"POST /device": 1200}' in caught.value.hint
    assert isinstance(caught.value, UnknownPlanError)
    assert "enterprise" == caught.value.plan


async def test_an_unknown_plan_with_limits_is_used() -> None:
    """The given figures hold; the other routes keep the lowest published ones."""
    async with (
        scripted({PROFILE: ok({"account_plan": "enterprise"})}) as server,
        auto(server.url, limits={"POST /device": 1200, "GET /device/:id": 77}) as tago,
    ):
        limits = tago.limits.documented
        assert ("enterprise", 1200, 77) == (
            limits.name,
            limits.limit("POST /device"),
            limits.limit("GET /device/:device_id"),
        )
        assert HardLimits.for_plan("free").limit("GET /device") == limits.limit("GET /device")


@pytest.mark.parametrize("plan", ["auto", "scale", HardLimits("own", {"POST /device": 1})])
async def test_limits_replace_those_of_any_plan(plan: Any) -> None:
    """Detected, named or made by hand: a figure that is given counts."""
    async with (
        scripted({PROFILE: ok({"account_plan": "scale"})}) as server,
        auto(server.url, plan=plan, limits={"POST /device": 1200, "default": 9}) as tago,
    ):
        assert 1200 == tago.limits.documented.limit("POST /device")
        assert 9 == tago.limits.documented.limit("GET /of-no-table")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"POST /devices": 1}, "did you mean POST /device?"),
        ({"": 1}, "tagodev limits lists the routes"),
        ({3: 1}, "no route"),
        ({"POST /device": 0}, "at least 1"),
        ({"POST /device": True}, "at least 1"),
        ({"POST /device": "5"}, "at least 1"),
        ({"default": 0}, "at least 1"),
    ],
)
def test_limits_of_no_route_are_refused(limits: Any, said: str) -> None:
    """A figure that would be ignored is an error, with what may be meant."""
    with pytest.raises(ConfigurationError, match="limits: ") as caught:
        Tago(TOKEN, api="http://127.0.0.1:9", limits=limits)
    assert said in str(caught.value)


async def test_a_process_asks_once() -> None:
    """A client per web request does not spend a request on its plan each time."""
    async with scripted({PROFILE: ok({"account_plan": "scale"})}) as server:
        for _ in range(3):
            async with auto(server.url) as tago:
                await tago.devices.info(DEVICE_ID)
        assert 1 == server.seen().count(f"GET {PROFILE}")


async def test_asking_is_counted() -> None:
    """The question is a request like any other: the ledger that goes on from there knows it."""
    async with (
        scripted({PROFILE: ok({"account_plan": "scale"})}) as server,
        auto(server.url) as tago,
    ):
        (state,) = tago.limits.snapshot()
        assert ("GET /profile/:profile_id", 1, 200) == (state.route, state.used, state.limit)


async def test_the_environments_plan_saves_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TAGODEV_PLAN`` goes before asking."""
    monkeypatch.setenv("TAGODEV_PLAN", "starter")
    async with scripted({}) as server, auto(server.url) as tago:
        assert "starter" == tago.limits.documented.name
        assert [] == server.seen()
