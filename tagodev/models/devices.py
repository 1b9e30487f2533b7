"""Devices as they are asked for, made, changed and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.models.fields import (
    ConfigurationParameter,
    Tag,
    as_tuple,
    boolean,
    check_parameters,
    check_tags,
    not_blank,
)
from tagodev.models.unset import UNSET, Unset
from tagodev.secrets import Secret

__all__ = [
    "CUSTOM_HTTPS_CONNECTOR",
    "CUSTOM_HTTPS_NETWORK",
    "Bucket",
    "Device",
    "DeviceCreate",
    "DeviceCreated",
    "DeviceEdit",
    "DeviceFilter",
]

#: The public network and connector of a device that talks plain HTTPS (the ids in the create
#: examples of TagoIO's OpenAPI file). A TagoDeploy project may lack them.
CUSTOM_HTTPS_NETWORK: Final = "5bbd0d144051a50034cd19fb"
CUSTOM_HTTPS_CONNECTOR: Final = "5f5a8f3351d4db99c40dece5"

_CHUNK_PERIODS: Final = ("day", "week", "month", "quarter")


@attrs.frozen(kw_only=True)
class DeviceCreate:
    """A device to be made.

    Example:
        >>> DeviceCreate(name="Cold room 3", tags=[Tag("site", "7")]).name
        'Cold room 3'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty; names need not be unique."""
    network: str = attrs.field(default=CUSTOM_HTTPS_NETWORK, validator=not_blank)
    """Id of the network the device speaks through; default: the public Custom HTTPS."""
    connector: str = attrs.field(default=CUSTOM_HTTPS_CONNECTOR, validator=not_blank)
    """Id of the connector, which must belong to the network; default: the public Custom HTTPS.
    The two are chosen together: give both or neither."""
    type: str = attrs.field(default="mutable", validator=not_blank)
    """How data is kept: ``mutable`` (default), ``immutable``, or what else the service knows."""
    chunk_period: str | Unset = attrs.field(default=UNSET)
    """Immutable only: ``day``, ``week``, ``month`` or ``quarter``; can't be changed later."""
    chunk_retention: int | Unset = attrs.field(default=UNSET)
    """Immutable only: how many chunk periods data is kept, 0 to 36."""
    serie_number: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """The hardware's serial number, where the network asks for one; it is kept on the token."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device may send and be read; left out, the service makes it active."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device is shown; left out, the service shows it."""
    description: str | Unset | None = attrs.field(default=UNSET)
    """Free text."""
    tags: tuple[Tag, ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=check_tags
    )
    """At most 30."""
    configuration_params: tuple[ConfigurationParameter, ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=check_parameters
    )
    """At most 60."""
    payload_decoder: str | Unset | None = attrs.field(default=UNSET)
    """Base64 of a payload parser's source."""

    def __attrs_post_init__(self) -> None:
        if (self.network == CUSTOM_HTTPS_NETWORK) != (self.connector == CUSTOM_HTTPS_CONNECTOR):
            raise InputError(
                "a network and its connector go together",
                path="connector" if self.network != CUSTOM_HTTPS_NETWORK else "network",
                hint="Give both, or neither for the public Custom HTTPS",
            )
        self._check_chunks()

    def _check_chunks(self) -> None:
        if self.type != "immutable":
            return
        if self.chunk_period not in _CHUNK_PERIODS:
            raise InputError(
                f"an immutable device needs one of {', '.join(_CHUNK_PERIODS)}",
                path="chunk_period",
            )
        retention = self.chunk_retention
        if type(retention) is not int or not 0 <= retention <= 36:
            raise InputError(
                "an immutable device needs a whole number, 0 to 36", path="chunk_retention"
            )


@attrs.frozen(kw_only=True)
class DeviceEdit:
    """What to change in a device; a field that is not given stays as it is.

    Example:
        >>> DeviceEdit(active=False)
        DeviceEdit(active=False)

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Not empty."""
    network: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """With `connector` only, and only while the device has no token."""
    connector: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """With `network` only, and only while the device has no token."""
    chunk_retention: int | Unset = attrs.field(default=UNSET)
    """Immutable devices: how many chunk periods data is kept, 0 to 36."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device may send and be read."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device is shown."""
    description: str | Unset | None = attrs.field(default=UNSET)
    """Free text; None empties it."""
    tags: tuple[Tag, ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=check_tags
    )
    """Replaces the whole list; at most 30."""
    configuration_params: tuple[ConfigurationParameter, ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=check_parameters
    )
    """Replaces the whole list; at most 60."""
    payload_decoder: str | Unset | None = attrs.field(default=UNSET)
    """Base64 of a payload parser's source; None removes it."""

    def __attrs_post_init__(self) -> None:
        if (self.network is UNSET) != (self.connector is UNSET):
            raise InputError(
                "network and connector are changed together",
                path="network" if self.network is UNSET else "connector",
            )

    def __repr__(self) -> str:
        return f"DeviceEdit({_given(self)})"


def _given(instance: attrs.AttrsInstance) -> str:
    values = ((field.name, getattr(instance, field.name)) for field in attrs.fields(type(instance)))
    return ", ".join(f"{name}={value!r}" for name, value in values if value is not UNSET)


@attrs.frozen(kw_only=True)
class DeviceFilter:
    """Which devices to list; all conditions must hold.

    Example:
        >>> DeviceFilter(name="Cold room *", tags=[Tag("site", "7")], active=True).active
        True
    """

    id: str | Unset = UNSET
    """Exactly this id."""
    name: str | Unset = UNSET
    """Exactly this name, unless it holds ``*``, which stands for any run of characters."""
    active: bool | Unset = UNSET
    """Only devices that are active, or that are not."""
    visible: bool | Unset = UNSET
    """Only devices that are shown, or that are not."""
    type: str | Unset = UNSET
    """Only devices that keep data this way."""
    network: str | Unset = UNSET
    """Only devices of this network id."""
    connector: str | Unset = UNSET
    """Only devices of this connector id."""
    tags: tuple[Tag, ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=check_tags
    )
    """Only devices that carry every one of these tags."""


@attrs.frozen(kw_only=True)
class DeviceCreated:
    """What the service says of a device that it has just made."""

    device_id: str
    """The device's id, 24 hex digits."""
    token: Secret
    """The device's default token, which may read and send; it never expires."""
    bucket_id: str | None = None
    """The id of its bucket, where the service still names one."""


@attrs.frozen
class Bucket:
    """The bucket of a device: a name from the time when data lay elsewhere."""

    id: str
    """The bucket's id; the device's own on new devices."""
    name: str | None = None
    """Its name, which a list does not give."""


@attrs.frozen(kw_only=True)
class Device:
    """A device as the service describes it; a list gives only the fields that were asked for."""

    id: str
    """24 hex digits."""
    name: str
    """As given; need not be unique."""
    profile: str | None = None
    """Id of the profile that owns it."""
    description: str | None = None
    """Free text."""
    type: str | None = None
    """``mutable``, ``immutable``, or what else the service knows."""
    active: bool | None = None
    """Whether the device may send and be read."""
    visible: bool | None = None
    """Whether the device is shown."""
    network: str | None = None
    """Id of its network."""
    connector: str | None = None
    """Id of its connector."""
    tags: tuple[Tag, ...] = ()
    """Its tags."""
    bucket: Bucket | None = None
    """Deprecated by the service."""
    payload_decoder: str | None = None
    """Base64 of its own payload parser's source."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    last_input: datetime | None = None
    """When it last tried to send, UTC; no proof that data was kept."""
    last_output: datetime | None = None
    """When it was last read, UTC."""
    chunk_period: str | None = None
    """Immutable devices: ``day``, ``week``, ``month`` or ``quarter``."""
    chunk_retention: int | None = None
    """Immutable devices: how many chunk periods data is kept."""
    data_retention: str | None = None
    """The service's own words for how long data is kept: ``forever``."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Whatever else the service said."""
