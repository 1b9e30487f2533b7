"""Items of bulk runs: a device id and the change, token, parameters or data for it; apply steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, cast

import attrs

from tagodev._models.data import DataCreate
from tagodev._models.devices import DeviceCreate, DeviceEdit
from tagodev._models.fields import (
    ConfigurationParameter,
    Tag,
    as_parameters,
    as_tuple,
    boolean,
    check_items,
    check_parameters,
    check_tags,
    instance_of,
    not_blank,
    text,
)
from tagodev._models.tokens import TokenCreate
from tagodev._models.unset import UNSET
from tagodev._secrets import Secret
from tagodev.errors import InputError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE

__all__ = [
    "ApplyStep",
    "DataBatch",
    "DeviceChange",
    "DeviceTokenCreate",
    "ParameterChange",
    "Rotation",
    "TagChanges",
]

#: Registers per request: the chunk size of the official SDK.
_MAX_POINTS: Final = 1000


# Not `tuple` itself: see `tagodev._models.fields.as_parameters`.
def _as_points(items: Iterable[DataCreate]) -> tuple[DataCreate, ...]:
    return tuple(items)


def _check_points(_: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    if not 1 <= len(value) <= _MAX_POINTS:
        raise InputError(
            f"has {len(value)} registers, must have 1 to {_MAX_POINTS}", path=attribute.name
        )
    check_items(DataCreate, attribute, value)


# --- changes of tags ---------------------------------------------------------------------------


def _check_removed(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        raise InputError(f"must be a list, not {type(value).__name__}", path=attribute.name)
    for index, key in enumerate(value):
        if not isinstance(key, str) or not key.strip():
            raise InputError("must be a tag key", path=f"{attribute.name}[{index}]")


# Not `as_tuple` itself: type checkers could not infer the type of the items.
def _as_tags(value: Iterable[Tag]) -> tuple[Tag, ...]:
    tags: Any = as_tuple(value)
    return cast("tuple[Tag, ...]", tags)


def _as_keys(value: Iterable[str]) -> tuple[str, ...]:
    # A single key is text, which is iterable too: the validator refuses it.
    keys: Any = value if isinstance(value, str) else as_tuple(value)
    return cast("tuple[str, ...]", keys)


@attrs.frozen(kw_only=True)
class TagChanges:
    """Tags to set and to remove on a device; tags with other keys are kept.

    They are merged with the device's tags at the time of the write, since the service replaces the
    whole list: one prepared earlier would remove tags that were added since.

    Examples:
        >>> TagChanges(set=[Tag("site", "7")], remove=["room"]).merged([Tag("room", "1")])
        (Tag(key='site', value='7'),)

    Raises:
        InputError: a key is both set and removed, or a device can't have as many tags.
    """

    set: tuple[Tag, ...] = attrs.field(default=(), converter=_as_tags, validator=check_tags)
    """Tags to set; repeat a key to give it several values."""
    remove: tuple[str, ...] = attrs.field(default=(), converter=_as_keys, validator=_check_removed)
    """Keys of the tags to remove."""

    def __attrs_post_init__(self) -> None:
        both = {tag.key for tag in self.set}.intersection(self.remove)
        if both:
            raise InputError(f"also in set: {', '.join(sorted(both))}", path="remove")

    def merged(self, tags: Iterable[Tag]) -> tuple[Tag, ...]:
        """Return the tags of a device after the changes.

        Tags keep their order. A key that already has the values to set is not changed.

        Args:
            tags: current tags of the device.

        Raises:
            InputError: the device would have more than 30 tags.
        """
        before = tuple(tags)
        values: dict[str, list[str]] = {}
        for tag in self.set:
            values.setdefault(tag.key, []).append(tag.value)
        left = {
            key: [Tag(key, value) for value in new]
            for key, new in values.items()
            if sorted(new) != sorted(tag.value for tag in before if tag.key == key)
        }
        replaced = left.keys() | self.remove
        after: list[Tag] = []
        for tag in before:
            if tag.key not in replaced:
                after.append(tag)
            else:
                # All values are written at the position of the first.
                after += left.pop(tag.key, ())
        for new_tags in left.values():
            after += new_tags
        if len(after) > max(len(before), MAX_TAGS_PER_DEVICE):
            raise InputError(
                f"would grow from {len(before)} to {len(after)}, "
                f"but a device can have at most {MAX_TAGS_PER_DEVICE}",
                path="tags",
            )
        return tuple(after)


def _check_tags_once(edit: DeviceEdit | None, changes: TagChanges | None) -> None:
    """Refuse an edit that replaces all tags together with changes to single tags."""
    if changes is not None and edit is not None and edit.tags is not UNSET:
        raise InputError("can't be combined with tags in the edit", path="tags")


# --- items -------------------------------------------------------------------------------------


@attrs.frozen
class DeviceChange:
    """Changes to a device.

    Examples:
        >>> DeviceChange("67e1a2b3c4d5e6f708192a3b", DeviceEdit(active=False)).changes.active
        False
    """

    device_id: str = attrs.field(validator=not_blank)
    """Id of the device."""
    changes: DeviceEdit = attrs.field(validator=instance_of(DeviceEdit))
    """Fields to change; its tags replace all tags of the device."""
    tags: TagChanges | None = attrs.field(
        default=None, kw_only=True, validator=instance_of(TagChanges, optional=True)
    )
    """Tags to set and to remove, merged with the device's tags when the item is sent."""

    def __attrs_post_init__(self) -> None:
        _check_tags_once(self.changes, self.tags)


@attrs.frozen
class DeviceTokenCreate:
    """A token to create for a device.

    Examples:
        >>> DeviceTokenCreate("67e1a2b3c4d5e6f708192a3b", TokenCreate("field", "write")).token.name
        'field'
    """

    device_id: str = attrs.field(validator=not_blank)
    """Id of the device."""
    token: TokenCreate = attrs.field(validator=instance_of(TokenCreate))
    """The token to create."""


@attrs.frozen
class Rotation:
    """A token to replace with a new one of the same name and permission.

    Examples:
        >>> Rotation("67e1a2b3c4d5e6f708192a3b", "8be70d95-0dbc-4e16-89b6-b23b077d05e5").token
        Secret('8be7…')
    """

    device_id: str = attrs.field(validator=not_blank)
    """Id of the device."""
    token: Secret | None = attrs.field(default=None, converter=attrs.converters.optional(Secret))
    """The token to replace; may be None if the device has only one."""

    def __attrs_post_init__(self) -> None:
        if self.token is not None and not isinstance(self.token.reveal(), str):
            raise InputError("must be text", path="token")
        if self.token is not None and not self.token:
            # An empty cell must never rotate a live token.
            raise InputError("is empty; give the token to replace", path="token")


@attrs.frozen
class ParameterChange:
    """Configuration parameters to set on a device; parameters with other keys are kept.

    Examples:
        >>> ParameterChange(
        ...     "67e1a2b3c4d5e6f708192a3b", [ConfigurationParameter("check_rate", 600)]
        ... ).parameters[0].value
        '600'
    """

    device_id: str = attrs.field(validator=not_blank)
    """Id of the device."""
    parameters: tuple[ConfigurationParameter, ...] = attrs.field(
        converter=as_parameters, validator=check_parameters
    )
    """Parameters to set; at most 60."""


@attrs.frozen
class DataBatch:
    """Data to send to a device in one request.

    Examples:
        >>> DataBatch("67e1a2b3c4d5e6f708192a3b", [DataCreate("rssi", -71)]).points[0].variable
        'rssi'
    """

    device_id: str = attrs.field(validator=not_blank)
    """Id of the device."""
    points: tuple[DataCreate, ...] = attrs.field(converter=_as_points, validator=_check_points)
    """1 to 1,000 registers."""


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
        _check_tags_once(self.edit, self.tags)
        if self.create is not None and self.tags is not None:
            raise InputError("apply only to existing devices", path="tags")

    @property
    def action(self) -> Literal["create", "change", "delete"]:
        """The action of the step."""
        if self.create is not None:
            return "create"
        return "delete" if self.delete else "change"
