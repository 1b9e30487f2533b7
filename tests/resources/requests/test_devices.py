"""The requests of a bulk run's rows: which refusal is an answer, and which is not."""

from __future__ import annotations

import pytest

from tagodev import NotFoundError, ServiceError
from tagodev._resources.requests.devices import DeviceRequests
from tagodev._session import CallRecord
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, client
from tests.support.servers import Reply, ScriptedServer, in_turn


@pytest.mark.parametrize(
    ("expected", "reply"),
    [
        (True, ok({"id": DEVICE_ID, "name": "x"})),
        (False, refused(404, "Device not found")),
        (False, refused(400, "Invalid device ID")),
    ],
)
async def test_exists(expected: bool, reply: bytes) -> None:
    """A device exists if it can be read; an unknown id is answered with 404 or 400."""
    async with ScriptedServer(in_turn(reply)) as server, client(server.url) as tago:
        assert expected is await DeviceRequests(tago._session).exists(DEVICE_ID, CallRecord())


@pytest.mark.parametrize("status", [401, 402, 403, 405, 406, 409, 422, 500])
async def test_exists_takes_no_other_refusal_for_an_answer(status: int) -> None:
    """Any other refusal says nothing of the device: it must not pass for deleted."""
    reply = refused(status, "No")
    async with ScriptedServer(in_turn(reply)) as server, client(server.url) as tago:
        with pytest.raises(ServiceError) as caught:
            await DeviceRequests(tago._session).exists(DEVICE_ID, CallRecord())

    assert status == caught.value.status


@pytest.mark.parametrize("lost", [Reply(then="reset"), http(502)])
async def test_gone_after_a_lost_deletion_is_deleted(lost: Reply | bytes) -> None:
    """A second attempt that finds no device is done; a first one says that there was none."""
    gone = refused(404, "Not Found")
    async with ScriptedServer(in_turn(lost, gone)) as server, client(server.url) as tago:
        rows = DeviceRequests(tago._session)
        await rows.delete(DEVICE_ID, CallRecord())
        with pytest.raises(NotFoundError):
            await rows.delete(DEVICE_ID, CallRecord())

    assert 3 == len(server.received)
