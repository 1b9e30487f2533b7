"""Routes of chunks and data files: list, delete and export a chunk, back up, restore."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.routing import Call, Route
from tagodev.emulator._http.validation import refuse_if
from tagodev.emulator._model.calendar import beginning, later
from tagodev.emulator._model.data_items import Maker, check_fit
from tagodev.emulator._model.data_store import in_order
from tagodev.emulator._model.files import address_of, billed, from_csv, to_csv
from tagodev.emulator._model.time import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.emulator._model.data_store import Point
    from tagodev.emulator._model.store import Device

__all__ = ["ROUTES"]

_time = attrgetter("time")


@attrs.frozen
class _Chunk:
    """A time span of a device's immutable data."""

    start: float
    end: float
    """The first moment that is no longer part of it."""

    @property
    def id(self) -> str:
        return f"{int(self.start)}_{int(self.end) - 1}"


def _chunks(device: Device) -> dict[_Chunk, list[Point]]:
    """Return the registers of each chunk of a device."""
    chunks: defaultdict[_Chunk, list[Point]] = defaultdict(list)
    period = device.chunk_period
    if period is None:
        return chunks
    for variable, points in device.data.variables().items():
        first = 0
        while not device.is_mutable(variable) and first < len(points):
            start = beginning(points[first].time, period)
            chunk = _Chunk(start, later(start, period, 1))
            behind = bisect_left(points, chunk.end, key=_time)
            chunks[chunk] += points[first:behind]
            first = behind
    return chunks


def _chunk_of(device: Device, chunk_id: object) -> tuple[_Chunk, list[Point]]:
    for chunk, points in _chunks(device).items():
        if chunk.id == chunk_id:
            return chunk, points
    raise RefusedError(404, "Chunk Not Found")


def _list(call: Call) -> list[dict[str, Any]]:
    chunks = _chunks(call.device())
    return [
        {
            "id": chunk.id,
            "from": _offset(chunk.start),
            "to": _offset(chunk.end - 0.001),
            "amount": len(chunks[chunk]),
        }
        for chunk in sorted(chunks, key=attrgetter("start"), reverse=True)
    ]


def _offset(moment: float) -> str:
    """Return a moment in the format of chunks, with an offset in place of the zone's letter."""
    return f"{iso(moment).removesuffix('Z')}+00:00"


def _delete(call: Call) -> str:
    device = call.device()
    chunk, points = _chunk_of(device, call.path[1])
    device.data.remove(points)
    return f"Chunk {chunk.id} deleted"


def _export_chunk(call: Call) -> dict[str, str]:
    device = call.device()
    chunk, points = _chunk_of(device, call.body().get("chunk_id"))
    first, last = iso(chunk.start)[:10], iso(chunk.end - 1)[:10]
    places = {
        "$CHUNK$": chunk.id,
        "$FROM$": first,
        "$TO$": last,
        "$CHUNK_START$": first,
        "$CHUNK_END$": last,
    }
    by_time = in_order(([point] for point in points), newest_first=False)
    return {"chunk_id": chunk.id, **_export(call, device, list(by_time), places)}


def _back_up(call: Call) -> dict[str, str]:
    device = call.device()
    points = in_order(device.data.variables().values(), newest_first=False)
    return _export(call, device, list(points), {})


def _export(
    call: Call, device: Device, points: list[Point], places: Mapping[str, str]
) -> dict[str, str]:
    """Write registers to Files, replacing an existing file, and return the answer."""
    body = call.body()
    headers = False if body.get("headers") is None else body["headers"]
    problems = [] if isinstance(headers, bool) else ["headers must be true or false"]
    if not isinstance(body.get("file_address"), str):
        problems.append("file_address is required")
    refuse_if(problems)
    now = call.clock.now()
    address = address_of(
        body["file_address"],
        {
            **places,
            "$DEVICE$": device.id,
            "$TIMESTAMP$": str(int(now * 1000)),
            "$ORGID$": device.profile,
            "$ENVIRONMENT$": "emulator",
        },
    )
    call.store.files[address] = to_csv(points, headers=headers)
    device.traffic.count(now, given=billed(len(points)))
    return {"file_address": address, "status": "scheduled"}


def _restore(call: Call) -> str:
    device = call.device()
    address = call.body().get("file_address")
    if not isinstance(address, str):
        raise RefusedError(400, "file_address is required")
    text = call.store.files.get(address.removeprefix("/"))
    if text is None:
        raise RefusedError(404, "File Not Found")
    now = call.clock.now()
    maker = Maker(now, call.store.new_id)
    points = []
    for number, row in enumerate(from_csv(text), start=1):
        point = maker.make(row, f"row {number}: ")
        refuse_if(maker.problems)
        assert point is not None
        points.append(point)
    check_fit(device, points, now)
    device.data.add(points)
    device.traffic.count(now, received=len(points))
    return "Data import added to the queue successfully!"


#: The two names of the route share one counter.
_EXPORTS: Final = ("POST /device/:device_id/chunk/backup",)

ROUTES: Final = (
    Route("GET", "/device/:device_id/chunk", _list),
    Route("DELETE", "/device/:device_id/chunk/:chunk_id", _delete),
    Route("POST", "/device/:device_id/chunk/backup", _export_chunk),
    Route("POST", "/device/:device_id/chunk/copy", _export_chunk, counted_as=_EXPORTS),
    Route("POST", "/device/:device_id/data/backup", _back_up),
    Route("POST", "/device/:device_id/data/restore", _restore),
)
