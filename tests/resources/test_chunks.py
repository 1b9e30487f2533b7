"""Chunks of immutable devices: what each call sends, and what it makes of the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tagodev import ChunkBackup, InputError, MalformedAnswerError, NotFoundError, ServerError
from tests.support.answers import http, ok, refused
from tests.support.clients import DEVICE_ID, client
from tests.support.servers import Reply, ScriptedServer, in_turn

CHUNK_ID = "1658102400_1658707199"
WIRE = {
    "id": CHUNK_ID,
    "from": "2022-07-18T00:00:00.000+00:00",
    "to": "2022-07-24T23:59:59.999+00:00",
    "amount": 1584,
}


async def test_list() -> None:
    """All chunks of a device come in one answer."""
    answer = ok([WIRE, {**WIRE, "id": "other", "amount": None}])
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        first, second = await tago.chunks.list(DEVICE_ID)

    assert [f"GET /device/{DEVICE_ID}/chunk"] == server.seen()
    assert datetime(2022, 7, 18, tzinfo=UTC) == first.from_date
    assert (CHUNK_ID, 1584, None) == (first.id, first.amount, second.amount)


@pytest.mark.parametrize("result", [{}, "", None])
async def test_list_that_is_none_is_malformed(result: object) -> None:
    """An answer that is no list of chunks is not taken for "there are none"."""
    async with ScriptedServer(in_turn(ok(result))) as server, client(server.url) as tago:
        with pytest.raises(MalformedAnswerError):
            await tago.chunks.list(DEVICE_ID)


async def test_delete() -> None:
    """A deletion names the chunk, and its result does not matter."""
    async with (
        ScriptedServer(in_turn(ok(f"Chunk {CHUNK_ID} deleted"))) as server,
        client(server.url) as tago,
    ):
        await tago.chunks.delete(DEVICE_ID, CHUNK_ID)

    assert [f"DELETE /device/{DEVICE_ID}/chunk/{CHUNK_ID}"] == server.seen()


async def test_delete_of_a_chunk_that_is_not_there() -> None:
    """What was never there is an error; what an earlier attempt removed is not."""
    gone = refused(404, "Chunk Not Found")
    async with ScriptedServer(in_turn(gone)) as server, client(server.url) as tago:
        with pytest.raises(NotFoundError):
            await tago.chunks.delete(DEVICE_ID, CHUNK_ID)
    async with (
        ScriptedServer(in_turn(Reply(then="reset"), gone)) as server,
        client(server.url) as tago,
    ):
        await tago.chunks.delete(DEVICE_ID, CHUNK_ID)

    assert 2 == len(server.received)


async def test_backup() -> None:
    """An export names chunk and file, and comes with headers by default."""
    answer = ok({"chunk_id": CHUNK_ID, "file_address": "device/x.csv"})
    async with ScriptedServer(in_turn(answer)) as server, client(server.url) as tago:
        backup = await tago.chunks.backup(DEVICE_ID, CHUNK_ID, "/device/$FROM$_$TO$")
        await tago.chunks.backup(DEVICE_ID, CHUNK_ID, "/x", headers=False)

    assert ChunkBackup(chunk_id=CHUNK_ID, file_address="device/x.csv") == backup
    assert [f"POST /device/{DEVICE_ID}/chunk/backup"] * 2 == server.seen()
    expected = [
        {"chunk_id": CHUNK_ID, "file_address": "/device/$FROM$_$TO$", "headers": True},
        {"chunk_id": CHUNK_ID, "file_address": "/x", "headers": False},
    ]
    assert expected == [orjson.loads(request.body) for request in server.received]


async def test_backups_are_not_repeated() -> None:
    """An export whose answer was lost may be on its way."""
    async with ScriptedServer(in_turn(http(502))) as server, client(server.url) as tago:
        with pytest.raises(ServerError) as caught:
            await tago.chunks.backup(DEVICE_ID, CHUNK_ID, "/x")

    assert 1 == len(server.received)
    assert caught.value.may_have_acted


@pytest.mark.parametrize(
    ("path", "device_id", "chunk_id", "address"),
    [
        ("device_id", "", CHUNK_ID, "/x"),
        ("device_id", "a/b", CHUNK_ID, "/x"),
        ("chunk_id", DEVICE_ID, "", "/x"),
        ("chunk_id", DEVICE_ID, None, "/x"),
        ("file_address", DEVICE_ID, CHUNK_ID, " "),
    ],
)
async def test_what_names_nothing_is_refused(
    path: str, device_id: str, chunk_id: Any, address: str
) -> None:
    """Neither an id that would lead elsewhere nor an empty address is sent."""
    async with ScriptedServer(in_turn(ok({}))) as server, client(server.url) as tago:
        with pytest.raises(InputError) as caught:
            await tago.chunks.backup(device_id, chunk_id, address)
        assert path == caught.value.path
        if path != "file_address":
            with pytest.raises(InputError) as caught:
                await tago.chunks.delete(device_id, chunk_id)
            assert path == caught.value.path

    assert [] == server.received
