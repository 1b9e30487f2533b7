"""Plain aiohttp with each of the common rate limiters, and without one.

Each is configured as documented for "so many per minute", one per route.
Refused requests are not retried, since a limiter should prevent them.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks.rivals.workers import work_through
from tagodev import HardLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.rivals.job import Job, Start, Tally

    #: Waits until a request may go.
    Wait = Callable[[], Awaitable[object]]
    #: Makes that of a route, from its name, its limit and a window's length in seconds.
    MakeWait = Callable[[str, int, float], Wait]

__all__ = [
    "with_aiolimiter",
    "with_limits",
    "with_nothing",
    "with_pyrate_limiter",
    "with_throttled",
]


class _AiohttpClient:
    """Sends when its limiter permits."""

    def __init__(self, job: Job, session: aiohttp.ClientSession, make: MakeWait) -> None:
        self._session = session
        limits = {**HardLimits.for_plan("scale").per_route, **job.limits}

        def wait_of(route: str) -> Wait:
            return make(route, limits[route], job.minute)

        self._may_create = wait_of("POST /device")
        self._may_read = wait_of("GET /device/:device_id")
        self._may_edit = wait_of("PUT /device/:device_id")

    async def create(self, body: dict[str, Any]) -> str:
        await self._may_create()
        result: dict[str, str] = await self._ask("POST", "/device", body)
        assert result["token"]
        return result["device_id"]

    async def info(self, device_id: str) -> None:
        await self._may_read()
        await self._ask("GET", f"/device/{device_id}", None)

    async def edit(self, device_id: str, changes: dict[str, Any]) -> None:
        await self._may_edit()
        await self._ask("PUT", f"/device/{device_id}", changes)

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        async with self._session.request(method, path, json=body) as response:
            response.raise_for_status()
            return (await response.json())["result"]


async def _run(job: Job, tally: Tally, start: Start, make: MakeWait) -> None:
    headers = {"Authorization": job.token}
    async with aiohttp.ClientSession(job.url, headers=headers) as session:
        client = _AiohttpClient(job, session, make)
        await start()
        await work_through(job, tally, client)


async def with_nothing(job: Job, tally: Tally, start: Start) -> None:
    """Send without a limiter."""

    def make(_: str, __: int, ___: float) -> Wait:
        return _at_once

    await _run(job, tally, start, make)


async def _at_once() -> None:
    pass


async def with_aiolimiter(job: Job, tally: Tally, start: Start) -> None:
    """Share ``AsyncLimiter(limit, 60)``."""
    from aiolimiter import AsyncLimiter  # noqa: PLC0415  (each process has one limiter only)

    def make(_: str, limit: int, minute: float) -> Wait:
        return AsyncLimiter(limit, minute).acquire

    await _run(job, tally, start, make)


async def with_pyrate_limiter(job: Job, tally: Tally, start: Start) -> None:
    """Share a PyrateLimiter ``Limiter(Rate(limit, Duration.MINUTE))``."""
    from pyrate_limiter import Limiter, Rate  # noqa: PLC0415  (see above)

    def make(route: str, limit: int, minute: float) -> Wait:
        limiter = Limiter(Rate(limit, round(minute * 1000)))
        return lambda: limiter.try_acquire_async(route)

    await _run(job, tally, start, make)


async def with_throttled(job: Job, tally: Tally, start: Start) -> None:
    """Share a throttled-py ``Throttled(quota=per_min(limit))`` that waits."""
    from throttled.asyncio import Throttled, per_duration  # noqa: PLC0415  (see above)

    def make(route: str, limit: int, minute: float) -> Wait:
        quota = per_duration(timedelta(seconds=minute), limit)
        throttled = Throttled(key=route, quota=quota, timeout=3600)
        return lambda: throttled.limit()  # noqa: PLW0108  (its type is known only where it is installed)

    await _run(job, tally, start, make)


async def with_limits(job: Job, tally: Tally, start: Start) -> None:
    """Share the strictest strategy of ``limits``, a moving window, and sleep while it refuses."""
    from limits import RateLimitItemPerSecond  # noqa: PLC0415  (see above)
    from limits.aio.storage import MemoryStorage  # noqa: PLC0415
    from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415

    def make(route: str, limit: int, minute: float) -> Wait:
        limiter = MovingWindowRateLimiter(MemoryStorage())
        item = RateLimitItemPerSecond(limit, round(minute))

        async def wait() -> None:
            while not await limiter.hit(item, route):
                stats = await limiter.get_window_stats(item, route)
                await asyncio.sleep(max(stats.reset_time - time.time(), 0.001))

        return wait

    await _run(job, tally, start, make)
