"""Data routes: send, read, edit and delete registers, with a device token or a device's id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.routing import DEVICE_ONLY, Call, Route
from tagodev.emulator._model.data_aggregate import aggregate, number, records
from tagodev.emulator._model.data_items import Maker, check_fit, read_changes, read_points, write
from tagodev.emulator._model.data_query import NUMBERS, RECORDS, parse

if TYPE_CHECKING:
    from tagodev.emulator._model.access_tokens import TokenKind
    from tagodev.emulator._model.data_store import Point
    from tagodev.emulator._model.store import Device

__all__ = ["ROUTES", "receive"]

#: A profile token may read data by a device's id, but not send any.
_ANALYSIS_ONLY: Final[frozenset[TokenKind]] = frozenset({"analysis"})
#: Interval between updates of a device's last communication, in seconds.
_SAME_INPUT: Final = 60.0
_IMMUTABLE_EDIT: Final = "You cannot edit data on immutable device"
_IMMUTABLE_DELETE: Final = "Data in immutable devices cannot be deleted"


def _send(call: Call) -> str:
    device = call.device()
    if not device.active:
        raise RefusedError(400, "Device is deactivated")
    now = call.clock.now()
    points = read_points(call.raw_body, Maker(now, call.store.new_id))
    return receive(device, points, now)


def receive(device: Device, points: list[Point], now: float) -> str:
    """Store registers sent by a device, and return the answer.

    Raises:
        RefusedError: they exceed a limit; none of them is stored.
    """
    # The device has communicated, even if its registers are refused.
    if device.last_input is None or now - device.last_input >= _SAME_INPUT:
        device.last_input = now
    check_fit(device, points, now)
    device.data.add(points)
    device.traffic.count(now, received=len(points))
    return f"{len(points)} Data Added"


def _read(call: Call) -> Any:
    device = call.device()
    now = call.clock.now()
    query = parse(call.query(), now)
    if query.ids and device.type == "immutable":
        message = "Filter using ID(s) is not supported on Immutable Storage Type"
        raise RefusedError(400, message)
    device.last_output = now
    if query.mode in NUMBERS:
        return number(device.data, query)
    if query.mode == "aggregate":
        return aggregate(device.data, query)
    points = records(device.data, query)
    device.traffic.count(now, given=len(points))
    return [write(point, device, details=query.details) for point in points]


def _edit(call: Call) -> str:
    device = call.device()
    if device.type == "immutable":
        raise RefusedError(400, _IMMUTABLE_EDIT)
    found = [
        (point, values)
        for point_id, values in read_changes(call.raw_body)
        if (point := device.data.get(point_id)) is not None
    ]
    for point, values in found:
        variables = (point.variable, values.get("variable", point.variable))
        if not all(device.is_mutable(variable) for variable in variables):
            raise RefusedError(400, _IMMUTABLE_EDIT)
    for point, values in found:
        device.data.change(point, values)
    return f"{len(found)} item(s) updated"


def _delete(call: Call) -> str:
    device = call.device()
    if device.type == "immutable":
        raise RefusedError(400, _IMMUTABLE_DELETE)
    query = parse(call.query(), call.clock.now())
    if query.mode not in RECORDS:
        raise RefusedError(400, "Invalid query")
    if not all(device.is_mutable(variable) for variable in query.variables):
        raise RefusedError(400, _IMMUTABLE_DELETE)
    variables = device.data.variables()
    mutable = frozenset(variable for variable in variables if device.is_mutable(variable))
    points = records(device.data, attrs.evolve(query, among=mutable))
    device.data.remove(points)
    return f"{len(points)} Data Removed"


#: Data by a device's id is counted with the data of device tokens.
_COUNTED: Final = {method: (f"{method} /data",) for method in ("GET", "POST", "PUT", "DELETE")}
_AGGREGATE: Final = {"aggregate": ("GET /data?query=aggregate", *_COUNTED["GET"])}
_BY_ID: Final = "/device/:device_id/data"

ROUTES: Final = (
    Route("GET", "/data", _read, open_to=DEVICE_ONLY, counted_by_query=_AGGREGATE),
    Route("POST", "/data", _send, open_to=DEVICE_ONLY),
    Route("PUT", "/data", _edit, open_to=DEVICE_ONLY),
    Route("DELETE", "/data", _delete, open_to=DEVICE_ONLY),
    Route("GET", _BY_ID, _read, counted_as=_COUNTED["GET"], counted_by_query=_AGGREGATE),
    Route("POST", _BY_ID, _send, counted_as=_COUNTED["POST"], open_to=_ANALYSIS_ONLY),
    Route("PUT", _BY_ID, _edit, counted_as=_COUNTED["PUT"]),
    Route("DELETE", _BY_ID, _delete, counted_as=_COUNTED["DELETE"]),
)
