"""Devices of one list that exist twice on the service."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from tagodev.bulk.applying import MANAGED_TAG, identity_of
from tagodev.models import DeviceFilter, Tag

if TYPE_CHECKING:
    from tagodev.client import Tago
    from tagodev.provision.intent import Intent

__all__ = ["Double", "find_doubles"]


@attrs.frozen
class Double:
    """Devices with the same identity."""

    identity: str
    """The name or tag value that they share."""
    ids: tuple[str, ...]
    """Their ids, the oldest first."""


async def find_doubles(tago: Tago, intent: Intent) -> list[Double]:
    """Return the devices of a list that exist more than once.

    Args:
        tago: an open client.
        intent: whose devices, and by what they are known. Devices that are known by serial number
            can't exist twice: the service refuses a second one.

    Raises:
        RequestError: they can't be listed.
    """
    if intent.made_by == "serial":
        return []
    found: defaultdict[str, list[str]] = defaultdict(list)
    listing = tago.devices.list(
        DeviceFilter(tags=[Tag(MANAGED_TAG, intent.manager)]),
        fields=("id", "name", "tags"),
        order_by="created_at,asc",
    )
    async for device in listing:
        identity = identity_of(device, intent.made_by)
        if identity is not None:
            found[identity].append(device.id)
    return [Double(name, tuple(ids)) for name, ids in found.items() if len(ids) > 1]
