"""Networks, connectors, their tokens and service authorizations: made, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev import (
    AmbiguousMatchError,
    BadRequestError,
    ConnectionLostError,
    ConnectorCreate,
    ConnectorEdit,
    DeviceCreate,
    HardLimits,
    InputError,
    NetworkCreate,
    NetworkEdit,
    NetworkTokenCreate,
    NotFoundError,
    ResourceLimitError,
    Secret,
    SerialNumberFormat,
    ServiceError,
    ServiceTokenCreate,
    Tago,
    TagoError,
    TokenCreate,
)
from tagodev.emulator import Emulator, EmulatorOptions
from tests.support.answers import ok, refused
from tests.support.clients import TOKEN, client, value_or_error
from tests.support.leaks import assert_quiet
from tests.support.servers import Reply, ScriptedServer, in_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NETWORK_ID = "5bbd0d144051a50034cd19fb"
KEY = "at72fb69a8dc714059b6cebee41693eb01"
NETWORK_TOKEN = "n-72fb69a8-dc71-4059-b6ce-bee41693eb01"
CODE = "verify-me-4711"

#: Each call that creates, and what the service answers.
CREATIONS: dict[str, tuple[Callable[[Tago], Any], Any]] = {
    "POST /integration/network": (
        lambda tago: tago.networks.create(NetworkCreate(name="a")),
        {"network": "n1"},
    ),
    "POST /integration/connector": (
        lambda tago: tago.connectors.create(ConnectorCreate(name="a")),
        {"connector": "c1"},
    ),
    "POST /integration/network/token": (
        lambda tago: tago.network_tokens.create(NETWORK_ID, NetworkTokenCreate("a")),
        {"token": NETWORK_TOKEN},
    ),
    "POST /serviceauth": (
        lambda tago: tago.service_tokens.create(ServiceTokenCreate("a", verification_code=CODE)),
        {"token": KEY},
    ),
}
#: Each call that edits or deletes.
CHANGES: dict[str, Callable[[Tago], Any]] = {
    "PUT /integration/network/n1": lambda tago: tago.networks.edit("n1", NetworkEdit(name="a")),
    "DELETE /integration/network/n1": lambda tago: tago.networks.delete("n1"),
    "PUT /integration/connector/c1": lambda tago: tago.connectors.edit(
        "c1", ConnectorEdit(name="a")
    ),
    "DELETE /integration/connector/c1": lambda tago: tago.connectors.delete("c1"),
    f"DELETE /integration/network/token/{NETWORK_TOKEN}": lambda tago: tago.network_tokens.delete(
        NETWORK_TOKEN
    ),
    f"PUT /serviceauth/{KEY}": lambda tago: tago.service_tokens.edit(KEY, CODE),
    f"DELETE /serviceauth/{KEY}": lambda tago: tago.service_tokens.delete(Secret(KEY)),
}


@pytest.fixture
async def tago() -> AsyncIterator[Tago]:
    """Give a client of a fresh emulator."""
    async with Emulator() as emulator, client(emulator.url, token=emulator.token) as tago:
        yield tago


# --- against the emulator ------------------------------------------------------------------------


async def test_a_network(tago: Tago) -> None:
    """It is made with every field, read, edited field by field, and deleted."""
    spec = NetworkCreate(
        name="Ours",
        description="in the cellar",
        logo_url="https://example.com/logo.png",
        icon_url="https://example.com/icon.png",
        banner_url="https://example.com/banner.png",
        documentation_url="https://example.com",
        middleware_endpoint="lora.example.com",
        require_devices_access=True,
        device_parameters=[{"name": "rate", "label": "Rate", "type": "number", "default": 5}],
        serial_number=SerialNumberFormat(mask="FF-FF", required=True),
        payload_decoder="cGFyc2U=",
        payload_encoder="ZW5jb2Rl",
    )
    made = await tago.networks.create(spec)
    read = await tago.networks.info(made.network)
    for name in ("name", "description", "logo_url", "middleware_endpoint", "device_parameters"):
        assert getattr(spec, name) == getattr(read, name)
    assert read.serial_number is not None
    assert ("FF-FF", True) == (read.serial_number.mask, read.serial_number.required)
    assert [made.network] == [one.id async for one in tago.networks.list(include_public=False)]

    await tago.networks.edit(made.network, NetworkEdit(name="Yours", description=None))
    read = await tago.networks.info(made.network)
    assert ("Yours", None, "lora.example.com") == (
        read.name,
        read.description,
        read.middleware_endpoint,
    )

    await tago.networks.delete(made.network)
    with pytest.raises(NotFoundError):
        await tago.networks.info(made.network)
    with pytest.raises(NotFoundError):
        await tago.networks.delete(made.network)


async def test_a_connector(tago: Tago) -> None:
    """It is made for networks, read, edited and deleted."""
    made = await tago.connectors.create(
        ConnectorCreate(name="Probe", networks=[NETWORK_ID], install_text="Switch it on")
    )
    await tago.connectors.edit(made.connector, ConnectorEdit(name="Probe 2", install_text=None))
    read = await tago.connectors.info(made.connector)
    assert ("Probe 2", (NETWORK_ID,), None) == (read.name, read.networks, read.install_text)

    await tago.connectors.delete(made.connector)
    with pytest.raises(NotFoundError):
        await tago.connectors.edit(made.connector, ConnectorEdit(name="Probe"))


async def test_what_is_public_is_not_changed(tago: Tago) -> None:
    """The service refuses it, and the error says so."""
    for call in (
        tago.networks.edit(NETWORK_ID, NetworkEdit(name="Ours")),
        tago.networks.delete(NETWORK_ID),
        tago.network_tokens.create(NETWORK_ID, NetworkTokenCreate("ours")),
    ):
        with pytest.raises(ServiceError):
            await call


async def test_tokens_of_a_network(tago: Tago) -> None:
    """A token opens the network, is listed, and opens nothing once it is deleted."""
    network = (await tago.networks.create(NetworkCreate(name="Ours"))).network
    made = await tago.network_tokens.create(
        network, NetworkTokenCreate("server", expire_time="30 days")
    )
    assert ("server", network) == (made.name, made.network)
    (listed,) = await tago.network_tokens.list(network).collect()
    assert (made.token, "server", "full") == (listed.token, listed.name, listed.permission)
    assert listed.expire_time is not None
    assert made.token.reveal() not in repr((made, listed))
    async with client(tago.base_url, token=made.token) as server:
        assert network == (await server.tokens.info()).id
        await tago.network_tokens.delete(made.token)
        with pytest.raises(ServiceError):
            await server.tokens.info()
    assert [] == await tago.network_tokens.list(network).collect()


async def test_service_authorizations(tago: Tago) -> None:
    """One is made with a verification code, which is changed and removed, and it is deleted."""
    before = await tago.service_tokens.list().collect()
    made = await tago.service_tokens.create(ServiceTokenCreate("server", verification_code=CODE))
    assert Secret(CODE) == made.verification_code
    assert CODE not in repr(made)

    async def listed() -> Any:
        return next(
            one for one in await tago.service_tokens.list().collect() if one.token == made.token
        )

    assert ("server", Secret(CODE)) == ((await listed()).name, (await listed()).verification_code)
    assert CODE not in repr(await listed())
    await tago.service_tokens.edit(made.token, "another")
    assert Secret("another") == (await listed()).verification_code
    await tago.service_tokens.edit(made.token, None)
    assert (await listed()).verification_code is None
    await tago.service_tokens.delete(made.token)
    assert before == await tago.service_tokens.list().collect()


async def test_what_the_plan_does_not_allow() -> None:
    """More networks, connectors or authorizations than the plan has are refused as such."""
    async with (
        Emulator(EmulatorOptions(plan="free", unlimited=True)) as emulator,
        client(emulator.url, token=emulator.token) as tago,
    ):
        for make in (CREATIONS[name][0] for name in CREATIONS if "network/token" not in name):
            # Networks, connectors and authorizations: the most that the plan has are ten.
            made = [await value_or_error(make(tago)) for _ in range(11)]
            assert isinstance(made[-1], ResourceLimitError)
            assert not isinstance(made[0], TagoError)


async def test_profiles_are_listed(tago: Tago) -> None:
    """The profile of the token is among them."""
    current = (await tago.profile.info()).info

    assert (current.id, current.name) in [(one.id, one.name) for one in await tago.profile.list()]


async def test_a_token_by_its_name(tago: Tago) -> None:
    """Exactly this name; none and several are errors that show no token."""
    device = (await tago.devices.create(DeviceCreate(name="Probe"))).device_id
    made = await tago.tokens.create(device, TokenCreate("gateway", "write"))
    found = await tago.tokens.find(device, "gateway")
    assert (made.token, "write") == (found.token, found.permission)
    for name in ("Gateway", "gate*", ""):
        with pytest.raises(InputError, match="none of the device's 2 tokens") as caught:
            await tago.tokens.find(device, name)
        assert "'gateway'" in caught.value.hint
        assert_quiet(caught.value, made.token.reveal(), TOKEN)
    again = await tago.tokens.create(device, TokenCreate("gateway"))
    with pytest.raises(AmbiguousMatchError) as ambiguous:
        await tago.tokens.find(device, "gateway")
    assert {str(made.token), str(again.token)} == set(ambiguous.value.candidates)
    assert_quiet(ambiguous.value, made.token.reveal(), TOKEN)


# --- what is sent --------------------------------------------------------------------------------


async def test_what_a_creation_sends() -> None:
    """Only what is set, also of the serial number's format."""
    spec = NetworkCreate(
        name="a",
        description=None,
        public=False,
        serial_number=SerialNumberFormat(mask="FF", extra={"hint": "x"}),
    )
    async with (
        ScriptedServer(in_turn(ok({"network": "n1"}))) as server,
        client(server.url) as tago,
    ):
        assert "n1" == (await tago.networks.create(spec)).network

    assert {
        "name": "a",
        "description": None,
        "public": False,
        "serial_number": {"mask": "FF", "hint": "x"},
    } == orjson.loads(server.received[0].body)


@pytest.mark.parametrize("name", CREATIONS)
async def test_a_creation_is_sent_once(name: str) -> None:
    """If its answer is lost it may have acted; nothing is made twice."""
    call, result = CREATIONS[name]
    async with (
        ScriptedServer(in_turn(ok(result), Reply(then="reset"))) as server,
        client(server.url) as tago,
    ):
        await call(tago)
        with pytest.raises(ConnectionLostError) as caught:
            await call(tago)

    assert caught.value.may_have_acted
    assert [name] * 2 == server.seen()


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_sent_again(name: str) -> None:
    """Editing and deleting can be repeated; what is gone after a lost answer was deleted."""
    second = refused(404, "Not Found") if name.startswith("DELETE") else ok("Updated")
    async with (
        ScriptedServer(in_turn(Reply(then="reset"), second)) as server,
        client(server.url) as tago,
    ):
        assert await CHANGES[name](tago) is None

    assert [name] * 2 == server.seen()


@pytest.mark.parametrize("name", [*CREATIONS, *CHANGES])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(then="reset"),
        Reply(refused(401, f"Invalid token: {KEY} {NETWORK_TOKEN} {CODE}")),
        Reply(refused(500, f"{KEY} {NETWORK_TOKEN} failed with {CODE}")),
    ],
)
async def test_tokens_are_never_shown(name: str, reply: Reply) -> None:
    """Whatever goes wrong, no error and no frame has the token of the call."""
    call = CREATIONS[name][0] if name in CREATIONS else CHANGES[name]
    async with ScriptedServer(in_turn(reply)) as server, client(server.url) as tago:
        with pytest.raises(TagoError) as caught:
            await call(tago)

    codes = [CODE] if "T /serviceauth" in name else []
    assert_quiet(caught.value, TOKEN, KEY, NETWORK_TOKEN, *codes)


async def test_every_route_has_its_documented_limit() -> None:
    """No call is counted by a limit that the service's own would be below."""
    limits = HardLimits.for_plan("scale")

    assert (500, 200) == (
        limits.limit("POST /integration/network"),
        limits.limit("POST /serviceauth"),
    )
    for route in ("GET /serviceauth", "DELETE /serviceauth/:token", "GET /profile"):
        assert 200 == limits.limit(route)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: NetworkCreate(name=" "), "name"),
        (lambda: NetworkEdit(name=5), "name"),  # type: ignore[arg-type]
        (lambda: NetworkEdit(name=None), "name"),  # type: ignore[arg-type]
        (lambda: NetworkCreate(name="a", description=5), "description"),  # type: ignore[arg-type]
        (lambda: NetworkCreate(name="a", public="no"), "public"),  # type: ignore[arg-type]
        (lambda: NetworkCreate(name="a", serial_number={"mask": "F"}), "serial_number"),  # type: ignore[arg-type]
        (lambda: NetworkCreate(name="a", device_parameters=["x"]), "device_parameters[0]"),
        (lambda: NetworkCreate(name="a", device_parameters=5), "device_parameters"),  # type: ignore[arg-type]
        (lambda: ConnectorCreate(name="a", networks=NETWORK_ID), "networks"),
        (lambda: ConnectorCreate(name="a", networks=[5]), "networks[0]"),  # type: ignore[list-item]
        (lambda: ConnectorEdit(networks=[" "]), "networks"),
        (lambda: NetworkTokenCreate(""), "name"),
        (lambda: NetworkTokenCreate("a", expire_time="soon"), "expire_time"),
        (lambda: ServiceTokenCreate("a", verification_code=" "), "verification_code"),
    ],
)
def test_what_the_service_would_refuse(make: Any, path: str) -> None:
    """The error names the field."""
    with pytest.raises(InputError) as caught:
        make()

    assert path == caught.value.path


async def test_a_bad_request_is_one(tago: Tago) -> None:
    """A field that only the service can judge is refused by it."""
    with pytest.raises(BadRequestError, match="networks"):
        await tago.connectors.create(ConnectorCreate(name="a", networks=["no id"]))
