"""Detection of devices that an apply created more than once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from tagodev.bulk.operations.apply_steps import MANAGED_TAG, identity_of
from tagodev.models import DeviceFilter, Tag

if TYPE_CHECKING:
    from tagodev.client import Tago
    from tagodev.provision.plan.model import Plan

__all__ = ["DuplicateDevices", "find_duplicates"]


@attrs.frozen
class DuplicateDevices:
    """Devices with the same identity."""

    identity: str
    """The shared name or tag value."""
    ids: tuple[str, ...]
    """Their ids, the oldest first."""


async def find_duplicates(tago: Tago, plan: Plan) -> list[DuplicateDevices]:
    """Return devices that a plan created and that now exist more than once.

    Devices identified by serial number can't be duplicates: the service refuses a second one.

    Args:
        tago: an open client.
        plan: the applied plan.

    Raises:
        RequestError: the devices can't be listed.
    """
    settings = plan.intent
    if settings.made_by == "serial":
        return []
    created = {
        identity_of(step.create, settings.made_by) for step in plan.todo if step.create is not None
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    listing = tago.devices.list(
        filter=DeviceFilter(tags=[Tag(MANAGED_TAG, settings.manager)]),
        fields=("id", "name", "tags"),
        order_by="created_at,asc",
    )
    async for device in listing:
        identity = identity_of(device, settings.made_by)
        if identity is not None and identity in created:
            found[identity].append(device.id)
    return [DuplicateDevices(name, tuple(ids)) for name, ids in found.items() if len(ids) > 1]
