"""Routes of configuration parameters: the profile's for any device, a device's for its own.

The profile writes them for the device to read; the device marks them as sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.errors import RefusedError, check_cap
from tagodev.emulator._http.query import flag
from tagodev.emulator._http.routing import DEVICE_ONLY, Call, Route
from tagodev.emulator._http.validation import PARAMETER_READERS, parse_objects, read_new, refuse_if
from tagodev.emulator._model.store import Parameter
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE

if TYPE_CHECKING:
    from tagodev.emulator._model.store import Device

__all__ = ["ROUTES", "upsert"]

_UPDATED: Final = "Params Successfully Updated"


def _list(call: Call) -> list[dict[str, Any]]:
    sent = flag(call.query().get("sent_status"), "sent_status")
    listed = (item for item in call.device().parameters if sent is None or item.sent is sent)
    return [attrs.asdict(item) for item in listed]


def _set(call: Call) -> str:
    upsert(call, call.device())
    return _UPDATED


def upsert(call: Call, device: Device) -> None:
    """Edit the parameters that the body names by id, and add the others.

    Raises:
        RefusedError: one of them is invalid; none is changed.
    """
    parameters = {parameter.id: parameter for parameter in device.parameters}
    problems: list[str] = []
    for where, item in parse_objects(call.raw_body):
        before = _found(device, item["id"]) if item.get("id") else None
        if before is None and "parameters-by-key" in call.options.variants:
            before = next((one for one in parameters.values() if one.key == item.get("key")), None)
        values, found = _read(item, before)
        problems += [f"{where}{problem}" for problem in found]
        if not found:
            usual = attrs.asdict(before) if before else {"id": call.store.new_id(), "sent": False}
            parameter = Parameter(**{**usual, **values})
            parameters[parameter.id] = parameter
    refuse_if(problems)
    check_cap(len(parameters), MAX_PARAMETERS_PER_DEVICE, "Configuration Parameters")
    device.parameters = list(parameters.values())


def _read(item: dict[str, Any], before: Parameter | None) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a parameter in the body, and its problems."""
    return read_new(item, PARAMETER_READERS, *(("key", "value") if before is None else ()))


def _edit(call: Call) -> str:
    device = call.device()
    before = _found(device, call.path[1])
    values, problems = _read(call.body(), before)
    refuse_if(problems)
    _replace(device, before, attrs.evolve(before, **values))
    return _UPDATED


def _mark(call: Call) -> str:
    device = call.device()
    before = _found(device, call.path[0])
    # A device may change nothing else.
    values, problems = _read({"sent": call.body().get("sent")}, before)
    refuse_if(problems)
    _replace(device, before, attrs.evolve(before, **{"sent": True, **values}))
    return _UPDATED


def _remove(call: Call) -> str:
    device = call.device()
    gone = _found(device, call.path[1])
    device.parameters = [parameter for parameter in device.parameters if parameter != gone]
    return "Successfully Removed"


def _found(device: Device, parameter_id: object) -> Parameter:
    for parameter in device.parameters:
        if parameter.id == parameter_id:
            return parameter
    raise RefusedError(404, "Param Not Found")


def _replace(device: Device, before: Parameter, after: Parameter) -> None:
    device.parameters = [after if one is before else one for one in device.parameters]


ROUTES: Final = (
    Route("GET", "/device/:device_id/params", _list),
    Route("POST", "/device/:device_id/params", _set, status=201),
    Route("PUT", "/device/:device_id/params/:param_id", _edit),
    Route("DELETE", "/device/:device_id/params/:param_id", _remove),
    Route("GET", "/device/params", _list, open_to=DEVICE_ONLY),
    Route("PUT", "/device/params/:param_id", _mark, open_to=DEVICE_ONLY),
)
