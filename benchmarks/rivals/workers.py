"""Rows, done one at a time by many workers: what every client without bulk runs is used like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rivals.job import Job, Tally

__all__ = ["Client", "work_through"]


class Client(Protocol):
    """The three calls of a job; whatever they raise costs the row."""

    async def create(self, body: dict[str, Any]) -> str:
        """Make a device, and return its id if its token came with it."""
        ...

    async def info(self, device_id: str) -> None:
        """Read a device."""
        ...

    async def edit(self, device_id: str, changes: dict[str, Any]) -> None:
        """Change a device."""
        ...


async def work_through(job: Job, tally: Tally, client: Client) -> None:
    """Do every row of a job, so many at once; a row that fails is noted and left."""
    bodies = job.bodies()
    async with asyncio.TaskGroup() as workers:
        for _ in range(job.at_once):
            workers.create_task(_work(job, tally, client, bodies))


async def _work(job: Job, tally: Tally, client: Client, bodies: Iterator[dict[str, Any]]) -> None:
    for body in bodies:
        try:
            device_id = await client.create(body)
            tally.known.append(device_id)
            if job.mixed:
                await client.info(device_id)
                await client.edit(device_id, {"active": False})
            tally.done += 1
        except Exception as error:  # noqa: BLE001  (whatever a client raises costs this row)
            tally.fail(error)
