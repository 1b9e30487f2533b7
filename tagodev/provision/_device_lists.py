"""Lists of devices from services that do not list every field.

A service that does not know one of the requested fields refuses the whole list. It is then asked
for fewer fields; the others are read device by device, if they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from tagodev._concurrency import for_each
from tagodev._device_fields import LISTED
from tagodev._models import Device
from tagodev._resources.requests.devices import is_unknown_device
from tagodev.errors import BadRequestError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from tagodev._client import Tago

__all__ = ["list_devices", "read_missing"]

#: Fields that every source documents for lists.
_COMMON: Final = frozenset({*LISTED, "description", "profile", "bucket"})
#: Fields that no list can do without.
_LEAST: Final = frozenset({"id", "name", "tags"})


async def list_devices(
    read: Callable[[tuple[str, ...]], Awaitable[list[Device]]], fields: Iterable[str]
) -> tuple[list[Device], tuple[str, ...]]:
    """Return a list of devices, and the fields that the service refuses to list.

    Args:
        read: returns the list with some fields.
        fields: the fields to return.

    Raises:
        BadRequestError: the service refuses the list also without the less common fields.
    """
    fields = tuple(dict.fromkeys(fields))
    refusal: BadRequestError | None = None
    asked: tuple[str, ...] = ()
    for known in (frozenset(fields), _COMMON, _LEAST):
        fewer = tuple(name for name in fields if name in known)
        if refusal is not None and fewer == asked:
            continue
        asked = fewer
        try:
            return await read(asked), tuple(name for name in fields if name not in known)
        except BadRequestError as error:
            refusal = refusal or error
    assert refusal is not None, "each list was refused"
    raise refusal


async def read_missing(
    tago: Tago, devices: Sequence[Device], missing: Iterable[str]
) -> list[Device]:
    """Return devices with fields that the service did not list, one request per device.

    A device that was deleted meanwhile is returned without them.

    Args:
        tago: an open client.
        devices: the devices.
        missing: the fields to read; if empty, no request is sent.
    """
    names = [name for name in missing if name in attrs.fields_dict(Device)]
    found = {device.id: device for device in devices}

    async def read_one(device_id: str) -> None:
        try:
            whole = await tago.devices.info(device_id, priority="bulk")
        except ServiceError as error:
            if not is_unknown_device(error):
                raise
        else:
            values = {name: getattr(whole, name) for name in names}
            found[device_id] = attrs.evolve(found[device_id], **values)

    if names:
        await for_each(read_one, [*found])
    return [found[device.id] for device in devices]
