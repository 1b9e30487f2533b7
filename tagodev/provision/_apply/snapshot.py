"""Snapshots: files with the state of devices before a change, to restore with ``tagodev apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev._bulk.operations.apply_steps import MANAGED_TAG
from tagodev._concurrency import for_each
from tagodev._device_fields import CLEARABLE
from tagodev._resources.requests.devices import is_unknown_device
from tagodev.errors import NotFoundError, ServiceError
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._write.document import DocumentHeader, record_of_device, write_document
from tagodev.provision._write.export import known_by_of, read_details

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tagodev._client import Tago
    from tagodev._concurrency import Progress
    from tagodev._models import Device

__all__ = ["SavedDevices", "read_whole_device", "save_devices", "snapshot_head"]


@attrs.frozen(kw_only=True)
class SavedDevices:
    """Summary of a snapshot."""

    devices: int
    """Number of devices; if 0, no file was written."""
    distinct: bool
    """Whether the devices have unique names, values of a tag, or serial numbers; otherwise one
    apply can't restore them."""


def snapshot_head(service: str, profile: str, *, manager: str, new_by: str) -> DocumentHeader:
    """Return the header of a snapshot.

    Args:
        service: address of the service.
        profile: id of the profile; empty if unknown.
        manager: manager of the devices.
        new_by: what identifies devices whose id no longer exists.
    """
    settings = PlanSettings(manager=manager, known_by="id", new_by=new_by, restore=True)
    return DocumentHeader(kind="snapshot", service=service, profile=profile, settings=settings)


async def read_whole_device(
    tago: Tago, device_id: str, *, remains: bool = False
) -> tuple[Device, dict[str, Any]] | None:
    """Read a device with its parameters and tokens.

    Args:
        tago: an open client.
        device_id: its id.
        remains: whether the device is changed, not deleted: empty fields are then recorded too,
            so that restoring clears them.

    Returns:
        The device and its record in a snapshot; None if it no longer exists.
    """
    try:
        device = await tago.devices.info(device_id, priority="bulk")
    except ServiceError as error:
        if is_unknown_device(error):
            return None
        raise
    try:
        parameters, tokens = await read_details(tago, device_id)
    except NotFoundError:
        return None
    record = record_of_device(
        device,
        parameters=parameters,
        tokens=tokens,
        with_id=True,
        emptied=CLEARABLE if remains else (),
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
    """Write a snapshot of devices; devices that no longer exist are skipped.

    This takes three requests per device: its fields, parameters and tokens.

    Args:
        tago: an open client.
        device_ids: ids of the devices.
        path: path of the snapshot; an existing file is replaced.
        name: manager of the restored devices, unless all devices already have the same manager.
        remains: whether the devices are changed, not deleted, as in `read_whole_device`.
        on_progress: called with the number of items read.

    Raises:
        InputError: the file can't be written.
        RequestError: a device can't be read.
    """
    ids = list(dict.fromkeys(device_ids))
    read: dict[str, dict[str, Any]] = {}
    profiles: set[str] = set()
    done = 0

    async def read_one(device_id: str) -> None:
        nonlocal done
        found = await read_whole_device(tago, device_id, remains=remains)
        done += 1
        if found is not None:
            device, read[device_id] = found
            profiles.add(device.profile or "")
        if on_progress is not None:
            on_progress("devices", done, len(ids))

    await for_each(read_one, ids)
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
    """Return what identifies each device uniquely; None if nothing does."""
    found = known_by_of(records)
    if found is None:
        serials = {record.get("serie_number") for record in records} - {None}
        found = "serial" if len(serials) == len(records) else None
    return found


def _manager_of(records: Sequence[dict[str, Any]]) -> str | None:
    """Return the manager that all devices share; None if there is none."""
    managers = {
        next((tag["value"] for tag in record["tags"] if tag["key"] == MANAGED_TAG), "")
        for record in records
    }
    return managers.pop() or None if len(managers) == 1 else None
