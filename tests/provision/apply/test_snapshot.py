"""Saving devices before they are changed or deleted: none is left out for a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from tagodev import ServiceError
from tagodev.provision._apply.snapshot import save_devices
from tests.support.answers import ok, refused
from tests.support.clients import client
from tests.support.servers import Received, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IDS = [f"{number:024x}" for number in range(3)]
PARTS = ("/device/{}", "/device/{}/params", "/device/token/{}")


def service(part: str, answer: bytes) -> Callable[[Received], bytes]:
    """Return a service of three devices that answers for a part of the second one as told."""

    def script(request: Received) -> bytes:
        path = request.target.partition("?")[0]
        if path == part.format(IDS[1]):
            return answer
        known = {PARTS[0].format(one): {"id": one, "name": one} for one in IDS}
        return ok(known.get(path, []))

    return script


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("status", [401, 403, 405, 422])
async def test_a_refusal_is_no_answer(tmp_path: Path, part: str, status: int) -> None:
    """A device that can't be read must not be deleted unsaved: there is no snapshot then."""
    path = tmp_path / "s.json"
    async with (
        ScriptedServer(service(part, refused(status, "No"))) as server,
        client(server.url) as tago,
    ):
        with pytest.raises(ServiceError):
            await save_devices(tago, IDS, path, name="s")

    assert not path.exists()


@pytest.mark.parametrize(
    ("part", "status"), [(PARTS[0], 404), (PARTS[0], 400), (PARTS[1], 404), (PARTS[2], 404)]
)
async def test_a_device_that_is_gone_is_left_out(tmp_path: Path, part: str, status: int) -> None:
    """Deleted before or while it was read: there is nothing to save; the others are saved."""
    path = tmp_path / "s.json"
    looked: list[tuple[int, int | None]] = []
    async with (
        ScriptedServer(service(part, refused(status, "Not found"))) as server,
        client(server.url) as tago,
    ):
        saved = await save_devices(
            tago, IDS, path, name="s", on_progress=lambda _, done, all_: looked.append((done, all_))
        )
    document = orjson.loads(path.read_bytes())

    assert 2 == saved.devices
    assert [IDS[0], IDS[2]] == [one["id"] for one in document["devices"]]
    assert [(1, 3), (2, 3), (3, 3)] == looked
