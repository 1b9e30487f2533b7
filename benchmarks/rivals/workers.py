"""Worker loop for clients without bulk runs: many workers, one row at a time each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rivals.job import Job, Tally

__all__ = ["Client", "work_through"]


class Client(Protocol):
    """The three calls of a job; an exception fails the row."""

    async def create(self, body: dict[str, Any]) -> str:
        """Create a device, and return its id if the answer contains its token."""
        ...

    async def info(self, device_id: str) -> None:
        """Read a device."""
        ...

    async def edit(self, device_id: str, changes: dict[str, Any]) -> None:
        """Edit a device."""
        ...


async def work_through(job: Job, tally: Tally, client: Client) -> None:
    """Process every row of a job, some in parallel; a failed row is counted and skipped."""
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
