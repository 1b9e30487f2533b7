"""Reading a profile into a file that can be applied: to another profile, or to the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev.bulk.applying import MANAGED_TAG
from tagodev.bulk.creating import TAG_PREFIX
from tagodev.provision.documents import record_of_device
from tagodev.provision.planning import FIELDS
from tagodev.provision.together import each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tagodev.client import Tago
    from tagodev.models import ConfigurationParameter, Device, DeviceFilter, DeviceToken

__all__ = ["export_records"]


async def export_records(
    tago: Tago,
    *,
    filter: DeviceFilter | None = None,  # noqa: A002  (the service's own word)
    parameters: bool = True,
    tokens: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Yield the devices of a profile in the form in which files of devices are read.

    Tags that tagodev itself has written are left out.

    Args:
        tago: an open client.
        filter: which devices; None for all.
        parameters: whether configuration parameters are read, one request a device; default: yes.
        tokens: whether tokens are read, one request a device, and given as ``token`` and
            ``serie_number``; default: no.
        on_progress: called now and then with how many devices were read.

    Raises:
        RequestError: the profile could not be read.
    """
    number = 0
    listing = tago.devices.list(filter=filter, fields=FIELDS, order_by="created_at,asc")
    async for page in listing.pages():
        details: dict[str, tuple[Any, Any]] = {}

        async def look(device: Device, details: dict[str, tuple[Any, Any]] = details) -> None:
            details[device.id] = await _details(tago, device, parameters, tokens)

        if parameters or tokens:
            await each(look, page)
        for device in page:
            number += 1
            yield _record(device, *details.get(device.id, (None, None)))
        if on_progress is not None:
            on_progress(number)


async def _details(
    tago: Tago, device: Device, parameters: bool, tokens: bool
) -> tuple[list[ConfigurationParameter] | None, list[DeviceToken] | None]:
    read = await tago.parameters.list(device.id, lane="bulk") if parameters else None
    listed = None
    if tokens:
        order = "created_at,asc"
        listed = await tago.tokens.list(device.id, order_by=order, lane="bulk").collect()
    return read, listed


def _record(
    device: Device,
    parameters: list[ConfigurationParameter] | None,
    tokens: list[DeviceToken] | None,
) -> dict[str, Any]:
    record = record_of_device(device, parameters=parameters, tokens=tokens)
    record["tags"] = [
        tag
        for tag in record["tags"]
        if tag["key"] != MANAGED_TAG and not tag["key"].startswith(TAG_PREFIX)
    ]
    if tokens:
        record["token"] = tokens[0].token.reveal()
    return record
