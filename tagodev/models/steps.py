"""Model for one step of an apply."""

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
    """A step of an apply: create, change or delete one device.

    Examples:
        >>> ApplyStep(device_id="67e1a2b3c4d5e6f708192a3b", edit=DeviceEdit(active=False)).action
        'change'
    """

    create: DeviceCreate | None = attrs.field(
        default=None, validator=instance_of(DeviceCreate, optional=True)
    )
    """The device to create."""
    device_id: str = attrs.field(default="", validator=text)
    """Id of the device to change or delete."""
    edit: DeviceEdit | None = attrs.field(
        default=None, validator=instance_of(DeviceEdit, optional=True)
    )
    """Fields to change."""
    tags: TagChanges | None = attrs.field(
        default=None, validator=instance_of(TagChanges, optional=True)
    )
    """Tags to set and to remove, merged with the device's tags when the step is sent."""
    parameters: tuple[ConfigurationParameter, ...] = attrs.field(
        default=(), converter=as_parameters, validator=check_parameters
    )
    """Configuration parameters to set; parameters with other keys are kept."""
    delete: bool = attrs.field(default=False, validator=boolean)
    """Whether to delete the device."""
    name: str = ""
    """The device's name, for display only."""

    def __attrs_post_init__(self) -> None:
        if (self.create is None) == (not self.device_id):
            raise InputError("must be given unless the step creates a device", path="device_id")
        changes = not (self.edit is None and self.tags is None) or bool(self.parameters)
        if self.device_id and changes == self.delete:
            raise InputError("must not be combined with changes", path="delete")
        check_tags_once(self.edit, self.tags)
        if self.create is not None and self.tags is not None:
            raise InputError("apply only to existing devices", path="tags")

    @property
    def action(self) -> Literal["create", "change", "delete"]:
        """The action of the step."""
        if self.create is not None:
            return "create"
        return "delete" if self.delete else "change"
