"""Minimal server in a separate process: the same answer to every request.

The measured cost is then the client's.
"""

from __future__ import annotations

import asyncio
import sys
from email.utils import formatdate
from typing import Final

import orjson

DEVICE_ID: Final = "67e1a2b3c4d5e6f708192a3b"

_INFO: Final = {
    "id": DEVICE_ID,
    "profile": "5bbd0d144051a50034cd19fb",
    "name": "Cold room 3",
    "description": None,
    "type": "mutable",
    "active": True,
    "visible": True,
    "network": "5bbd0d144051a50034cd19fb",
    "connector": "5f5a8f3351d4db99c40dece5",
    "tags": [{"key": "site", "value": "7"}, {"key": "floor", "value": "2"}],
    "bucket": {"id": DEVICE_ID, "name": "Cold room 3"},
    "payload_decoder": None,
    "created_at": "2026-05-29T12:45:09.123Z",
    "updated_at": "2026-05-29T12:45:09.123Z",
    "last_input": "2026-05-29T12:45:09.123Z",
    "data_retention": "forever",
    "rpm": None,
}
_CREATED: Final = {
    "device_id": DEVICE_ID,
    "bucket_id": DEVICE_ID,
    "token": "8be70d95-0dbc-4e16-89b6-b23b077d05e5",
}


def _answer(status: str, result: object) -> tuple[bytes, bytes]:
    body = orjson.dumps({"status": True, "result": result})
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nDate: "
    )
    return head.encode(), b"\r\n\r\n" + body


class _Protocol(asyncio.Protocol):
    answers: Final = {b"G": _answer("200 OK", _INFO), b"P": _answer("201 Created", _CREATED)}

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            before, behind = self.answers[data[:1]]
            date = formatdate(usegmt=True).encode()
            self._transport.write(before + date + behind)
            data = data[end + 4 + length :]
        self._rest = data


async def main() -> None:
    """Serve until standard input ends, after printing the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
