"""Rows and devices as the tests of planning need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev import ConfigurationParameter, Device, DeviceCreate, Tag
from tagodev.provision import DeviceRow
from tagodev.provision._plan.model import PlanSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HTTPS", "MARK", "SETTINGS", "device", "marked", "row"]

SETTINGS = PlanSettings(manager="site")
#: The tag that devices managed under that name carry.
MARK = Tag("tagodev_managed", "site")
#: What the service says of a device as `row` asks for it.
HTTPS = {
    "type": "mutable",
    "network": "5bbd0d144051a50034cd19fb",
    "connector": "5f5a8f3351d4db99c40dece5",
    "active": True,
    "visible": True,
}


def row(
    name: str = "Cold room 1",
    *,
    line: int = 2,
    device_id: str = "",
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    **fields: Any,
) -> DeviceRow:
    """Return a row of a file that gives just this."""
    given = {"name": name, **fields}
    if tags is not None:
        given["tags"] = [Tag(key, value) for key, value in tags.items()]
    if params is not None:
        given["configuration_params"] = [
            ConfigurationParameter(key, value) for key, value in params.items()
        ]
    return DeviceRow(
        line,
        DeviceCreate(**given),
        number=line - 1,
        given=frozenset(given),
        device_id=device_id,
    )


def device(name: str = "Cold room 1", *tags: Tag, number: int = 1, **fields: Any) -> Device:
    """Return a device that is there."""
    return Device(id=f"{number:024x}", name=name, tags=tags, **{**HTTPS, **fields})


def marked(name: str = "Cold room 1", *tags: Tag, number: int = 1, **fields: Any) -> Device:
    """Return a device that is there and managed."""
    return device(name, *tags, MARK, number=number, **fields)
