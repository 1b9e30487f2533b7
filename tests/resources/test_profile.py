"""Profile, account and tags: what each call sends, and what it makes of the answer."""

from __future__ import annotations

import pytest

from tagodev import AuthenticationError, InputError, MalformedAnswerError
from tests.support.answers import ok, refused
from tests.support.clients import client
from tests.support.documented import DOCUMENTED, PROFILE, SUMMARY
from tests.support.servers import ScriptedServer, in_turn


async def test_profile_info() -> None:
    """The profile is the token's own unless another is named."""
    async with ScriptedServer(in_turn(ok(PROFILE))) as server, client(server.url) as tago:
        profile = await tago.profile.info()
        await tago.profile.info("61fac4d9a5c9f40012a5ff92")

    assert ["GET /profile/current", "GET /profile/61fac4d9a5c9f40012a5ff92"] == server.seen()
    assert ("starter", True) == (profile.plan, profile.control_tower)
    assert "Test Profile" == profile.info.name


async def test_profile_summary() -> None:
    """The summary counts, and may leave out what was not asked for."""
    script = in_turn(ok(SUMMARY), ok({"amount": {"device": 3}}))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        whole = await tago.profile.summary()
        amount = await tago.profile.summary("abc", only_amount=True)

    assert [
        "GET /profile/current/summary",
        "GET /profile/abc/summary?onlyAmount=true",
    ] == server.seen()
    assert (79, 3) == (whole.devices, amount.devices)
    assert amount.limit.input is None


async def test_account() -> None:
    """The account, and its plan."""
    script = in_turn(ok(DOCUMENTED["GET /account"][1]), ok({"plan": "scale"}))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        account, plan = await tago.account.info(), await tago.account.plan()

    assert ["GET /account", "GET /account/plan"] == server.seen()
    assert ("free", "America/Sao_Paulo") == (account.plan, account.timezone)
    assert "example@email.com" == account.email
    assert "example@email.com" not in repr(account)
    assert "scale" == plan.plan


@pytest.mark.parametrize("type_", ["device", "Device", "DEVICE"])
async def test_tag_keys(type_: str) -> None:
    """The type is sent in lower case, as the official SDKs do."""
    async with ScriptedServer(in_turn(ok(["site", "BP"]))) as server, client(server.url) as tago:
        keys = await tago.tags.keys(type_)

    assert ["GET /tags/keys/device"] == server.seen()
    assert ["site", "BP"] == keys


async def test_tag_keys_are_those_of_devices_unless_told_otherwise() -> None:
    """Other resources have tags too."""
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        assert [] == await tago.tags.keys()
        assert [] == await tago.tags.keys("run_users")
        with pytest.raises(InputError) as caught:
            await tago.tags.keys("a/b")

    assert ["GET /tags/keys/device", "GET /tags/keys/run_users"] == server.seen()
    assert "type" == caught.value.path


async def test_refusals_and_odd_answers() -> None:
    """A token that may not ask gets an error; what is no profile is not taken for one."""
    answers = (
        refused(401, "Authorization Denied"),
        *3 * [ok({})],
        *3 * [ok("x")],
        *3 * [ok({"a": 1})],
    )
    script = in_turn(*answers)
    async with ScriptedServer(script) as server, client(server.url) as tago:
        with pytest.raises(AuthenticationError):
            await tago.profile.info()
        with pytest.raises(MalformedAnswerError, match=r"result\.info"):
            await tago.profile.info()
        with pytest.raises(MalformedAnswerError):
            await tago.account.plan()
        with pytest.raises(MalformedAnswerError):
            await tago.tags.keys()
