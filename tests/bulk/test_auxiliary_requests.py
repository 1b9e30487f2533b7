"""Requests that only help a run: what the service answers to them stops no job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tagodev import (
    AuthenticationError,
    BulkStoppedError,
    ConfigurationParameter,
    DeviceCreate,
    ParameterChange,
)
from tests.support.answers import created, http, ok, refused
from tests.support.clients import DEVICE_ID, NO_WAIT, client
from tests.support.servers import ScriptedServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Received

ANSWERS = {
    "refused": refused(400, "no"),
    "forbidden": refused(403, "Authorization Denied"),
    "no such route": refused(404, "Cannot GET"),
    "gone": http(410, b"gone"),
    "not JSON": http(200, b"<html>"),
    "a list": ok([1, None]),
    "a text": ok("x"),
    "null": ok(None),
}


class Service:
    """Creates devices, and answers everything else in the same way."""

    def __init__(self, answer: bytes) -> None:
        """Begin without devices."""
        self.answer = answer
        self.created = 0

    def __call__(self, request: Received) -> bytes:
        """Answer one request."""
        if (request.method, urlsplit(request.target).path) != ("POST", "/device"):
            return self.answer
        self.created += 1
        return created(self.created)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_journalled_run_is_done_without_them(tmp_path: Path, answer: bytes) -> None:
    """Neither the service's time nor the profile's id can be read, and every row is done."""
    service = Service(answer)
    specs = [DeviceCreate(name=f"d{n}") for n in range(3)]
    async with ScriptedServer(service) as server, client(server.url) as tago:
        report = await tago.devices.create_many(specs, journal=tmp_path / "x.journal")

    assert (3, 0, 0, 3) == (report.done, report.failed, report.in_doubt, service.created)


async def test_time_that_the_service_fails_to_say(tmp_path: Path) -> None:
    """Also a server error, after its attempts."""
    asked: list[str] = []
    profile = ok({"info": {"id": "61fac4d9a5c9f40012a5ff92"}})

    def service(request: Received) -> bytes:
        path = urlsplit(request.target).path
        asked.append(path)
        return {"/info": http(503, b""), "/device": created(1)}.get(path, profile)

    async with ScriptedServer(service) as server, client(server.url) as tago:
        specs = [DeviceCreate(name="d")]
        report = await tago.devices.create_many(specs, journal=tmp_path / "x.journal")

    assert (1, 0) == (report.done, report.in_doubt)
    assert NO_WAIT.attempts == asked.count("/info")


async def test_a_wrong_token_stops_before_anything_is_created(tmp_path: Path) -> None:
    """Every further request would be refused too."""
    service = Service(refused(401, "Authorization Denied"))
    specs = [DeviceCreate(name="d")]
    async with ScriptedServer(service) as server, client(server.url) as tago:
        with pytest.raises(BulkStoppedError) as caught:
            await tago.devices.create_many(specs, journal=tmp_path / "x.journal")

    assert isinstance(caught.value.reason, AuthenticationError)
    assert 0 == service.created


@pytest.mark.parametrize("answer", [http(200, b"<html>"), http(200, b"{"), ok(5), ok([5])])
async def test_an_unreadable_read_before_a_write_fails_its_item(
    tmp_path: Path, answer: bytes
) -> None:
    """Nothing was sent that could act: the item has failed, and is not in doubt."""
    sent: list[str] = []

    def service(request: Received) -> bytes:
        path = urlsplit(request.target).path
        sent.append(f"{request.method} {path}")
        return answer if path.endswith("/params") else ok({"info": {"id": DEVICE_ID}})

    changes = [ParameterChange(DEVICE_ID, [ConfigurationParameter("rate", "600")])]
    async with ScriptedServer(service) as server, client(server.url) as tago:
        report = await tago.parameters.set_many(changes, journal=tmp_path / "x.journal")

    assert (0, 1, 0) == (report.done, report.failed, report.in_doubt)
    reads = sent.count(f"GET /device/{DEVICE_ID}/params")
    assert 1 <= reads <= NO_WAIT.attempts
    assert 0 == sent.count(f"POST /device/{DEVICE_ID}/params")
