"""One step of bringing a profile to what a file says."""

from __future__ import annotations

from typing import Literal

import attrs

from tagodev.errors import InputError
from tagodev.models.devices import DeviceCreate, DeviceEdit
from tagodev.models.fields import (
    ConfigurationParameter,
    as_parameters,
    boolean,
    check_parameters,
    instance_of,
    text,
)
from tagodev.models.tag_changes import TagChanges, check_tags_once

__all__ = ["ApplyStep"]


@attrs.frozen(kw_only=True)
class ApplyStep:
    """Make, change or delete one device.

    Examples:
        >>> ApplyStep(device_id="67e1a2b3c4d5e6f708192a3b", edit=DeviceEdit(active=False)).action
        'change'
    """

    create: DeviceCreate | None = attrs.field(
        default=None, validator=instance_of(DeviceCreate, optional=True)
    )
    """The device to be made."""
    device_id: str = attrs.field(default="", validator=text)
    """The device to be changed or deleted."""
    edit: DeviceEdit | None = attrs.field(
        default=None, validator=instance_of(DeviceEdit, optional=True)
    )
    """What to change in its fields."""
    tags: TagChanges | None = attrs.field(
        default=None, validator=instance_of(TagChanges, optional=True)
    )
    """The tags to set and to remove, merged with those that it has when the step is done."""
    parameters: tuple[ConfigurationParameter, ...] = attrs.field(
        default=(), converter=as_parameters, validator=check_parameters
    )
    """The configuration parameters to set; those with other keys stay."""
    delete: bool = attrs.field(default=False, validator=boolean)
    """Whether it is to go."""
    name: str = ""
    """The device's name, for whoever reads of the step; nothing is done with it."""

    def __attrs_post_init__(self) -> None:
        if (self.create is None) == (not self.device_id):
            raise InputError("names a device, or makes one", path="device_id")
        changes = not (self.edit is None and self.tags is None) or bool(self.parameters)
        if self.device_id and changes == self.delete:
            raise InputError("changes a device, or deletes it", path="delete")
        check_tags_once(self.edit, self.tags)
        if self.create is not None and self.tags is not None:
            raise InputError("are for devices that exist", path="tags")

    @property
    def action(self) -> Literal["create", "change", "delete"]:
        """What is done."""
        if self.create is not None:
            return "create"
        return "delete" if self.delete else "change"
