"""Networks and connectors: what each call sends, and what it makes of the answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tagodev import (
    Connector,
    InputError,
    IntegrationFilter,
    MalformedAnswerError,
    Network,
    NotFoundError,
    SerialNumberFormat,
    Tago,
)
from tagodev._resources.connectors import CONNECTOR_FIELDS
from tagodev._resources.networks import NETWORK_FIELDS
from tests.support.answers import ok, refused
from tests.support.clients import client
from tests.support.servers import ScriptedServer, in_turn

NETWORK_ID, CONNECTOR_ID = "5bbd0d144051a50034cd19fb", "5f5a8f3351d4db99c40dece5"
BOTH = pytest.mark.parametrize("noun", ["network", "connector"])


def resource(tago: Tago, noun: str) -> Any:
    """Return the resource of a noun."""
    return tago.networks if noun == "network" else tago.connectors


def query(target: str) -> dict[str, str]:
    """Return the parameters of a request's target."""
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


def fields(target: str) -> tuple[str, ...]:
    """Return the fields that a request asks for."""
    asked = query(target)
    return tuple(asked[name] for name in asked if name.startswith("fields"))


async def test_network_info() -> None:
    """A network is read with everything, which the service gives only if it is named."""
    wire = {
        "id": NETWORK_ID,
        "name": "LoRaWAN",
        "public": True,
        "serial_number": {"mask": "FF-FF", "required": True, "hint": "x"},
        "colour": "red",
    }
    async with ScriptedServer(in_turn(ok(wire))) as server, client(server.url) as tago:
        network = await tago.networks.info(NETWORK_ID)

    assert f"/integration/network/{NETWORK_ID}" == urlsplit(server.received[0].target).path
    assert NETWORK_FIELDS == fields(server.received[0].target)
    assert network == Network(
        id=NETWORK_ID,
        name="LoRaWAN",
        public=True,
        serial_number=SerialNumberFormat(mask="FF-FF", required=True, extra={"hint": "x"}),
        extra={"colour": "red"},
    )


async def test_connector_info() -> None:
    """A connector is read with the networks that it goes with."""
    wire = {"id": CONNECTOR_ID, "name": "HTTPS", "networks": [NETWORK_ID]}
    async with ScriptedServer(in_turn(ok(wire))) as server, client(server.url) as tago:
        connector = await tago.connectors.info(CONNECTOR_ID)

    assert f"/integration/connector/{CONNECTOR_ID}" == urlsplit(server.received[0].target).path
    assert CONNECTOR_FIELDS == fields(server.received[0].target)
    assert Connector(id=CONNECTOR_ID, name="HTTPS", networks=(NETWORK_ID,)) == connector


@BOTH
async def test_info_of_chosen_fields(noun: str) -> None:
    """Fewer fields may do; the id is always among them."""
    async with ScriptedServer(in_turn(ok({"id": "a"}))) as server, client(server.url) as tago:
        await resource(tago, noun).info("a", fields=["description"])
        with pytest.raises(InputError, match="fields"):
            await resource(tago, noun).info("a", fields="description")

    assert ("id", "description") == fields(server.received[0].target)


@BOTH
async def test_list(noun: str) -> None:
    """Page, size, fields and order go into the query; the public catalogue is in it."""
    async with (
        ScriptedServer(in_turn(ok([{"id": "a", "name": "x"}]))) as server,
        client(server.url) as tago,
    ):
        (one,) = await resource(tago, noun).list().collect()
    target = server.received[0].target
    asked = query(target)

    assert f"/integration/{noun}" == urlsplit(target).path
    assert ("1", "1000", "name,asc") == (asked["page"], asked["amount"], asked["orderBy"])
    assert ("id", "name", "description", "public") == fields(target)[:4]
    assert not any("filter" in name for name in asked)
    assert ("a", "x") == (one.id, one.name)


@BOTH
async def test_list_of_ones_own(noun: str) -> None:
    """The service hides the public catalogue if the condition is there, whatever its value."""
    condition = IntegrationFilter(name="Custom*")
    async with ScriptedServer(in_turn(ok([]))) as server, client(server.url) as tago:
        await resource(tago, noun).list(filter=condition, include_public=False).collect()
        await resource(tago, noun).list(filter=condition).collect()
    own, all_ = (query(request.target) for request in server.received)

    assert ("Custom*", "false") == (own["filter[name]"], own["filter[public]"])
    assert ("Custom*", None) == (all_["filter[name]"], all_.get("filter[public]"))


@BOTH
async def test_list_that_would_be_misread_is_refused(noun: str) -> None:
    """A wrong order is reported before anything is sent."""
    async with client("http://127.0.0.1:1") as tago:
        with pytest.raises(InputError, match="order_by"):
            resource(tago, noun).list(order_by="name")


@BOTH
async def test_list_pages(noun: str) -> None:
    """The catalogue is paged like everything else."""

    def script(request: Any) -> bytes:
        page = int(query(request.target)["page"])
        return ok([{"id": f"{page}{n}"} for n in range(2 if page < 2 else 1)])

    async with ScriptedServer(script) as server, client(server.url) as tago:
        found = [one.id async for one in resource(tago, noun).list(page_size=2)]

    assert ["10", "11", "20"] == found


@BOTH
async def test_what_is_not_there(noun: str) -> None:
    """An id that the service does not know, and an answer that is none, are distinguished."""
    script = in_turn(refused(404, "Not Found"), ok({"name": "no id"}), ok({}))
    async with ScriptedServer(script) as server, client(server.url) as tago:
        with pytest.raises(NotFoundError):
            await resource(tago, noun).info("a")
        with pytest.raises(MalformedAnswerError, match=r"result\.id"):
            await resource(tago, noun).info("a")
        with pytest.raises(MalformedAnswerError):
            await resource(tago, noun).list().collect()


@BOTH
@pytest.mark.parametrize("identity", ["", "a/b", "..", None])
async def test_id_that_would_lead_elsewhere_is_refused(noun: str, identity: Any) -> None:
    """No id makes another route of it."""
    async with client("http://127.0.0.1:1") as tago:
        with pytest.raises(InputError) as caught:
            await resource(tago, noun).info(identity)

    assert f"{noun}_id" == caught.value.path
