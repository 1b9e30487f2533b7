"""httpx, which waits and retries after a 429: the usual way without a limiter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import httpx

from benchmarks.rivals.workers import work_through

if TYPE_CHECKING:
    from benchmarks.rivals.job import Job, Start, Tally

__all__ = ["with_retry"]

#: How often a request is sent at most.
_ATTEMPTS: Final = 10


class _HttpxClient:
    """Retries requests refused with a 429."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def create(self, body: dict[str, Any]) -> str:
        result: dict[str, str] = await self._ask("POST", "/device", body)
        assert result["token"]
        return result["device_id"]

    async def info(self, device_id: str) -> None:
        await self._ask("GET", f"/device/{device_id}", None)

    async def edit(self, device_id: str, changes: dict[str, Any]) -> None:
        await self._ask("PUT", f"/device/{device_id}", changes)

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        response = await self._client.request(method, path, json=body)
        for _ in range(_ATTEMPTS - 1):
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
            response = await self._client.request(method, path, json=body)
        response.raise_for_status()
        return response.json()["result"]


async def with_retry(job: Job, tally: Tally, start: Start) -> None:
    """Send, and wait after a 429 as it says."""
    headers = {"Authorization": job.token}
    limits = httpx.Limits(max_connections=job.at_once, max_keepalive_connections=job.at_once)
    async with httpx.AsyncClient(base_url=job.url, headers=headers, limits=limits) as client:
        await start()
        await work_through(job, tally, _HttpxClient(client))
