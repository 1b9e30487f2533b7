"""tagodev: ``create_many`` for creations alone, single calls otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.rivals.workers import work_through
from tagodev import Created, DeviceCreate, DeviceEdit, HardLimits, Tag, Tago

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rivals.job import Job, Start, Tally

__all__ = ["in_bulk"]


class _TagodevClient:
    """Makes single calls, with bulk priority."""

    def __init__(self, tago: Tago) -> None:
        self._tago = tago

    async def create(self, body: dict[str, Any]) -> str:
        created = await self._tago.devices.create(_spec(body), priority="bulk")
        assert created.token
        return created.device_id

    async def info(self, device_id: str) -> None:
        await self._tago.devices.info(device_id, priority="bulk")

    async def edit(self, device_id: str, changes: dict[str, Any]) -> None:
        await self._tago.devices.edit(device_id, DeviceEdit(**changes), priority="bulk")


def _spec(body: dict[str, Any]) -> DeviceCreate:
    return DeviceCreate(name=body["name"], tags=[Tag(**tag) for tag in body["tags"]])


def _specs(job: Job) -> Iterator[DeviceCreate]:
    return map(_spec, job.bodies())


async def in_bulk(job: Job, tally: Tally, start: Start) -> None:
    """Run the job, with a journal if the job has a folder."""
    limits = HardLimits.for_plan("scale", job.minute)
    for route, limit in job.limits.items():
        limits = limits.override(route, limit)
    async with Tago(
        job.token,
        api=job.url,
        plan=limits,
        concurrency=job.at_once,
        # What is assumed of a minute's window, in proportion.
        transit_max=job.minute / 4,
    ) as tago:
        await start()
        if job.mixed:
            await work_through(job, tally, _TagodevClient(tago))
            return
        async with tago.devices.create_many(_specs(job), journal=job.journal, settle=1.0) as run:
            async for outcome in run:
                if isinstance(outcome, Created) and outcome.result.token:
                    tally.known.append(outcome.result.device_id)
                    tally.done += 1
                else:
                    tally.failures[type(outcome).__name__] += 1
