"""Items of bulk runs: a device id and the change, token, parameters or data for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.models.data import DataCreate
from tagodev.models.devices import DeviceEdit
from tagodev.models.fields import (
    ConfigurationParameter,
    as_parameters,
    check_parameters,
    instance_of,
    not_blank,
)
from tagodev.models.tag_changes import TagChanges, check_tags_once
from tagodev.models.tokens import TokenCreate
from tagodev.secrets import Secret

__all__ = ["DataBatch", "DeviceChange", "DeviceTokenCreate", "ParameterChange", "Rotation"]

#: Registers per request: the chunk size of the official SDK.
_MAX_POINTS: Final = 1000


# Not `tuple` itself: see `tagodev.models.fields.as_parameters`.
def _as_points(items: Iterable[DataCreate]) -> tuple[DataCreate, ...]:
    return tuple(items)


def _check_points(_: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    if not 1 <= len(value) <= _MAX_POINTS:
        raise InputError(
            f"has {len(value)} registers, must have 1 to {_MAX_POINTS}", path=attribute.name
        )
    for index, point in enumerate(value):
        if not isinstance(point, DataCreate):
            raise InputError(
                f"must be a DataCreate, not {type(point).__name__}",
                path=f"{attribute.name}[{index}]",
            )


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
        check_tags_once(self.changes, self.tags)


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
