"""What the emulator's tests share: a device to make, and how to read an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

NETWORK, CONNECTOR = "5bbd0d144051a50034cd19fb", "5f5a8f3351d4db99c40dece5"
DEVICE: dict[str, Any] = {
    "name": "My first device",
    "type": "mutable",
    "network": NETWORK,
    "connector": CONNECTOR,
}


async def result(response: ClientResponse) -> Any:
    """Return the result of a success."""
    body = await response.json()
    assert body["status"] is True, body
    return body["result"]


async def refusal(response: ClientResponse) -> tuple[int, str]:
    """Return status and message of an error."""
    body = await response.json()
    assert body["status"] is False
    return response.status, body["message"]


async def create(http: ClientSession, **fields: Any) -> dict[str, str]:
    """Create a device and return the answer's result."""
    created: dict[str, str] = await result(await http.post("/device", json={**DEVICE, **fields}))
    return created
