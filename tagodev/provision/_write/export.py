"""Export of devices as records that ``tagodev apply`` accepts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tagodev._concurrency import for_each
from tagodev._device_fields import LONG
from tagodev.provision._plan.diff import is_own_tag
from tagodev.provision._plan.planner import FIELDS
from tagodev.provision._write.document import record_of_device

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from tagodev._client import Tago
    from tagodev._concurrency import Progress
    from tagodev._models import ConfigurationParameter, Device, DeviceToken

__all__ = ["EXPORT_FIELDS", "export_records", "known_by_of", "read_details"]

#: Fields that an export reads of each device.
EXPORT_FIELDS: Final = (*FIELDS, *LONG)

#: Parameters and tokens of a device.
Details: TypeAlias = "tuple[list[ConfigurationParameter] | None, list[DeviceToken] | None]"


async def export_records(
    tago: Tago,
    devices: Sequence[Device],
    *,
    parameters: bool = True,
    tokens: bool = False,
    on_progress: Progress | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Yield the records of devices, without the tags that tagodev manages.

    Args:
        tago: an open client.
        devices: devices read with `EXPORT_FIELDS`.
        parameters: whether to read configuration parameters, one request per device; default: yes.
        tokens: whether to read tokens, one request per device; the first is exported as ``token``,
            and the first serial number as ``serie_number``; default: no.
        on_progress: called with the number of items read.

    Raises:
        RequestError: a device could not be read.
    """
    details: dict[str, Details] = {}
    number = 0

    async def read_one(device: Device) -> None:
        nonlocal number
        details[device.id] = await read_details(
            tago, device.id, parameters=parameters, tokens=tokens
        )
        number += 1
        if on_progress is not None:
            on_progress("devices", number, len(devices))

    if parameters or tokens:
        await for_each(read_one, devices)
    for device in devices:
        yield _record(device, *details.pop(device.id, (None, None)))


async def read_details(
    tago: Tago, device_id: str, *, parameters: bool = True, tokens: bool = True
) -> Details:
    """Return the parameters and the tokens of a device, the oldest token first.

    Args:
        tago: an open client.
        device_id: id of the device.
        parameters: whether to read the parameters; otherwise they are None.
        tokens: whether to read the tokens; otherwise they are None.

    Raises:
        RequestError: they can't be read.
    """
    read = await tago.parameters.list(device_id, priority="bulk") if parameters else None
    listing = tago.tokens.list(device_id, order_by="created_at,asc", priority="bulk")
    return read, await listing.complete() if tokens else None


def _record(
    device: Device,
    parameters: list[ConfigurationParameter] | None,
    tokens: list[DeviceToken] | None,
) -> dict[str, Any]:
    record = record_of_device(device, parameters=parameters, tokens=tokens)
    record["tags"] = [tag for tag in record["tags"] if not is_own_tag(tag["key"])]
    if tokens:
        record["token"] = tokens[0].token.reveal()
    return record


def known_by_of(records: Iterable[dict[str, Any]]) -> str | None:
    """Return what identifies each record uniquely, a name or a tag; None if nothing does.

    Args:
        records: records from `export_records`.
    """
    records = list(records)
    if len({record["name"] for record in records}) == len(records):
        return "name"
    values: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        # Of several tags with the same key, the first identifies the device.
        firsts = {tag["key"]: tag["value"] for tag in reversed(record["tags"])}
        for key, value in firsts.items():
            values[key].append(value)
    for key, found in values.items():
        if len(records) == len(found) == len(set(found)):
            return f"tag:{key}"
    return None
