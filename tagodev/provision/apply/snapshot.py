"""Snapshots: devices as they are before they are changed or deleted, for ``tagodev apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.bulk.operations.apply_steps import MANAGED_TAG
from tagodev.concurrency import each
from tagodev.errors import BadRequestError, NotFoundError
from tagodev.provision.plan.settings import PlanSettings
from tagodev.provision.write.document import DocumentHeader, record_of_device, write_document
from tagodev.provision.write.export import known_by_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tagodev.client import Tago
    from tagodev.concurrency import Progress
    from tagodev.models import Device

__all__ = ["SavedDevices", "read_whole_device", "save_devices", "snapshot_head"]

_MAY_BE_EMPTY: Final = ("description",)


@attrs.frozen(kw_only=True)
class SavedDevices:
    """What a snapshot holds."""

    devices: int
    """How many devices; if it is 0, no file was written."""
    distinct: bool
    """Whether each differs from the others in its name, a tag or its serial number; devices that
    do not can't be restored by one apply."""


def snapshot_head(service: str, profile: str, *, manager: str, new_by: str) -> DocumentHeader:
    """Return the head of a snapshot.

    Args:
        service: address of the service.
        profile: id of the profile; empty where it is not known.
        manager: the name under which the devices are managed.
        new_by: by what devices that have lost their id are identified.
    """
    intent = PlanSettings(manager=manager, known_by="id", new_by=new_by, restore=True)
    return DocumentHeader(kind="snapshot", service=service, profile=profile, intent=intent)


async def read_whole_device(
    tago: Tago, device_id: str, *, remains: bool = False
) -> tuple[Device, dict[str, Any]] | None:
    """Read a device with all that is deleted with it and can be restored.

    Args:
        tago: an open client.
        device_id: its id.
        remains: whether it is changed and not deleted: a text that it does not have is then
            recorded as empty, so that one that is set afterwards is emptied again.

    Returns:
        The device and its record in a snapshot; None if it does not exist any more.
    """
    try:
        device = await tago.devices.info(device_id, priority="bulk")
    except NotFoundError:
        return None
    except BadRequestError as error:
        # Sources differ on how an unknown id is answered.
        if error.status != 400:
            raise
        return None
    try:
        parameters = await tago.parameters.list(device_id, priority="bulk")
        listing = tago.tokens.list(device_id, order_by="created_at,asc", priority="bulk")
        tokens = await listing.collect()
    except NotFoundError:
        return None
    record = record_of_device(
        device,
        parameters=parameters,
        tokens=tokens,
        with_id=True,
        emptied=_MAY_BE_EMPTY if remains else (),
    )
    return device, record


async def save_devices(
    tago: Tago,
    device_ids: Iterable[str],
    path: Path,
    *,
    name: str,
    remains: bool = False,
    on_progress: Progress | None = None,
) -> SavedDevices:
    """Write a snapshot of devices; those that do not exist any more are skipped.

    It takes three requests a device: its fields, its parameters and its tokens.

    Args:
        tago: an open client.
        device_ids: which devices.
        path: where to; what is there is replaced.
        name: the name under which an apply manages what it creates from it, unless all devices
            are managed under one name already.
        remains: whether they are changed and not deleted, as in `read_whole_device`.
        on_progress: called now and then with what is read.

    Raises:
        InputError: it can't be written.
        RequestError: a device can't be read.
    """
    ids = list(dict.fromkeys(device_ids))
    read: dict[str, dict[str, Any]] = {}
    profiles: set[str] = set()
    looked = 0

    async def look(device_id: str) -> None:
        nonlocal looked
        found = await read_whole_device(tago, device_id, remains=remains)
        looked += 1
        if found is not None:
            device, read[device_id] = found
            profiles.add(device.profile or "")
        if on_progress is not None:
            on_progress("devices", looked, len(ids))

    await each(look, ids)
    records = [read[device_id] for device_id in ids if device_id in read]
    new_by = _distinct_by(records)
    if records:
        head = snapshot_head(
            tago.base_url,
            max(profiles),
            manager=_manager_of(records) or name,
            new_by=new_by or "name",
        )
        write_document(path, head, records)
    return SavedDevices(devices=len(records), distinct=new_by is not None)


def _distinct_by(records: Sequence[dict[str, Any]]) -> str | None:
    """Return what differs on each device; None if nothing does."""
    found = known_by_of(records)
    if found is None:
        serials = {record.get("serie_number") for record in records} - {None}
        found = "serial" if len(serials) == len(records) else None
    return found


def _manager_of(records: Sequence[dict[str, Any]]) -> str | None:
    """Return the one name under which all devices are managed; None if there is none."""
    managers = {
        next((tag["value"] for tag in record["tags"] if tag["key"] == MANAGED_TAG), "")
        for record in records
    }
    return managers.pop() or None if len(managers) == 1 else None
