"""Routes of a device's storage: amount, emptying, converting, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import choice, text
from tagodev.emulator._http.routing import Call, Route
from tagodev.emulator._http.validation import DEVICE_READERS, read_new, refuse_if
from tagodev.emulator._model.calendar import beginning, later, zone_of
from tagodev.emulator._model.data_query import read_span
from tagodev.emulator._model.time import iso
from tagodev.emulator._routes.devices import storage_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.emulator._http.query import Decoded
    from tagodev.emulator._model.store import Device

__all__ = ["ROUTES"]

_STORAGE_FIELDS: Final = ("type", "chunk_period", "chunk_retention", "mutable_variable_regex")
_SIDES: Final = ("mutable", "immutable")
#: How far statistics reach back where no span is asked for, by how far apart their items are.
_USUAL_REACH: Final = {"hour": ("hour", 24), "day": ("month", 3), "month": ("month", 12)}
#: Months that a span may have.
_LONGEST_REACH: Final = {"hour": 1, "day": 3, "month": 12}


def _amount(call: Call) -> int:
    return len(call.device().data)


def _empty(call: Call) -> str:
    device = call.device()
    side = call.body().get("route")
    if side is not None and side not in _SIDES:
        raise RefusedError(400, f"route must be one of {', '.join(_SIDES)}")
    # Other devices have only one part, which is emptied in any case.
    everything = side is None or device.type != "hybrid"
    device.data.remove(
        [
            point
            for variable, points in device.data.variables().items()
            if everything or device.is_mutable(variable) == (side == "mutable")
            for point in points
        ]
    )
    return "Data Successfully Removed"


def _convert(call: Call) -> str:
    device = call.device()
    body = {name: value for name, value in call.body().items() if value is not None}
    readers = {name: DEVICE_READERS[name] for name in _STORAGE_FIELDS}
    values, problems = read_new(body, readers, "type")
    refuse_if([*problems, *storage_problems(body, values)])
    if device.active:
        raise RefusedError(400, "The device must be disabled before being converted")
    if len(device.data):
        raise RefusedError(400, "The device must be empty before being converted")
    for name in _STORAGE_FIELDS:
        setattr(device, name, values.get(name))
    device.updated_at = call.clock.now()
    return "Device type/chunk was converted"


def _statistics(call: Call) -> list[dict[str, Any]]:
    device = call.device()
    now = call.clock.now()
    query = call.query()
    periodicity = choice(query.get("periodicity") or "hour", "periodicity", _USUAL_REACH)
    start, end = _span(query, periodicity, now)
    items = []
    # There are no counts before the device was created.
    at = beginning(max(start, device.created_at), periodicity)
    while at <= min(end, now):
        until = later(at, periodicity, 1)
        # The current period has the current counts.
        recorded = now if until > now else at
        items.append({"time": iso(recorded), **_counters(device, at, until)})
        at = until
    return items[::-1]


def _counters(device: Device, at: float, until: float) -> dict[str, int]:
    """Return how many registers a device has received and returned since the beginning of a month.

    Args:
        device: the device.
        at: a moment in the month.
        until: when the counters are read.
    """
    received, given = device.traffic.between(beginning(at, "month"), until)
    counters = {"device_input": received, "device_output": given}
    return {name: count for name, count in counters.items() if count}


def _span(query: Mapping[str, Decoded], periodicity: str, now: float) -> tuple[float, float]:
    start, end = read_span(query, now, zone_of(text(query.get("timezone"))))
    if start is None or end is None:
        unit, count = _USUAL_REACH[periodicity]
        return later(now, unit, -count), now
    if end < start:
        raise RefusedError(400, "end_date must not be before start_date")
    months = _LONGEST_REACH[periodicity]
    if end > later(start, "month", months):
        words = "1 month" if months == 1 else f"{months} months"
        message = f"The maximum range for {periodicity} is {words} between start_date and end_date"
        raise RefusedError(400, message)
    return start, end


ROUTES: Final = (
    Route("GET", "/device/:device_id/data_amount", _amount),
    Route("POST", "/device/:device_id/empty", _empty),
    Route("POST", "/device/:device_id/convert", _convert),
    Route("GET", "/device/:device_id/statistics", _statistics),
)
