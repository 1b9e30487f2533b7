"""Models for devices: filters, creation, edits, and devices read from the service.

Names need not be unique. Their maximum length is not documented, so only blank names are refused.

Fields follow TagoIO's OpenAPI file and the official SDKs; where these differ, both names are read
and one is written.
Bounds of retention are documented (docs.tago.io: Data Retention); those of tags and configuration
parameters are in `tagodev.hard_limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from tagodev._models.fields import (
    Answer,
    ConfigurationParameter,
    SoftLimits,
    Tag,
    as_moment,
    as_tuple,
    boolean,
    check_items,
    check_parameters,
    check_tags,
    moment,
    not_blank,
    text,
)
from tagodev._models.unset import UNSET, Unset
from tagodev._secrets import Secret
from tagodev.errors import InputError

__all__ = [
    "CUSTOM_HTTPS_CONNECTOR",
    "CUSTOM_HTTPS_NETWORK",
    "Bucket",
    "Device",
    "DeviceConvert",
    "DeviceCreate",
    "DeviceCreated",
    "DeviceEdit",
    "DeviceFilter",
    "DeviceStatistic",
    "TagFilter",
]

#: The public network and connector for plain HTTPS (ids from the create examples of TagoIO's
#: OpenAPI file). A TagoDeploy project may not have them.
CUSTOM_HTTPS_NETWORK: Final = "5bbd0d144051a50034cd19fb"
CUSTOM_HTTPS_CONNECTOR: Final = "5f5a8f3351d4db99c40dece5"

#: Maximum number of chunk periods that data is retained (docs.tago.io: Data Retention).
_MAX_RETENTION: Final[Mapping[str, int]] = {"day": 31, "week": 26, "month": 36, "quarter": 36}
_LONGEST: Final = max(_MAX_RETENTION.values())
#: Device types that store data in chunks.
_CHUNKED: Final = ("immutable", "hybrid")


def _period(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and value not in _MAX_RETENTION:
        raise InputError(
            f"must be one of {', '.join(_MAX_RETENTION)}, not {value!r}", path=attribute.name
        )


def _retention(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and not (type(value) is int and 0 <= value <= _LONGEST):
        raise InputError(
            f"must be a whole number from 0 to {_LONGEST}, not {value!r}", path=attribute.name
        )


def _check_chunks(storage: str, period: str | Unset, retention: int | Unset) -> None:
    """Refuse a chunked device without chunk period and retention, or with too long a retention."""
    if storage in _CHUNKED:
        for path, value in (("chunk_period", period), ("chunk_retention", retention)):
            if value is UNSET:
                raise InputError(f"is required for type {storage}", path=path)
    if isinstance(period, str) and isinstance(retention, int):
        longest = _MAX_RETENTION[period]
        if retention > longest:
            raise InputError(
                f"must be 0 to {longest} for chunk_period {period}, not {retention}",
                path="chunk_retention",
            )


@attrs.frozen(kw_only=True)
class DeviceCreate:
    """A device to create.

    Examples:
        >>> DeviceCreate(name="Cold room 3", tags=[Tag("site", "7")]).name
        'Cold room 3'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty; names need not be unique."""
    network: str = attrs.field(default=CUSTOM_HTTPS_NETWORK, validator=not_blank)
    """Id of the device's network; default: the public Custom HTTPS."""
    connector: str = attrs.field(default=CUSTOM_HTTPS_CONNECTOR, validator=not_blank)
    """Id of the connector, which must belong to the network; default: the public Custom HTTPS.
    Give both `network` and `connector`, or neither."""
    type: str = attrs.field(default="mutable", validator=not_blank)
    """Storage type: ``mutable`` (default), ``immutable``, ``hybrid``, or another type that the
    service defines."""
    chunk_period: str | Unset = attrs.field(default=UNSET, validator=_period)
    """Immutable and hybrid: ``day``, ``week``, ``month`` or ``quarter``; can't be changed later."""
    chunk_retention: int | Unset = attrs.field(default=UNSET, validator=_retention)
    """Immutable and hybrid: number of periods that data is retained, up to 31 days, 26 weeks,
    36 months or 36 quarters."""
    mutable_variable_regex: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Hybrid only: regular expression for the names of the variables that can be changed later."""
    serie_number: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Serial number of the hardware, if the network needs one; stored on the token."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device can send and receive data; default of the service: true."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device is shown; default of the service: true."""
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
                "network and connector must be given together",
                path="connector" if self.network != CUSTOM_HTTPS_NETWORK else "network",
                hint="Give both, or neither for the public Custom HTTPS",
            )
        _check_chunks(self.type, self.chunk_period, self.chunk_retention)
        if self.type == "hybrid" and self.mutable_variable_regex is UNSET:
            raise InputError("is required for type hybrid", path="mutable_variable_regex")


@attrs.frozen(kw_only=True)
class DeviceEdit:
    """Changes to a device; fields left out are kept.

    Examples:
        >>> DeviceEdit(active=False)
        DeviceEdit(active=False)

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Not empty."""
    network: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Requires `connector`; only while the device has no token."""
    connector: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Requires `network`; only while the device has no token."""
    chunk_retention: int | Unset = attrs.field(default=UNSET, validator=_retention)
    """Immutable and hybrid devices: number of periods that data is retained, up to 31 days,
    26 weeks, 36 months or 36 quarters."""
    mutable_variable_regex: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Hybrid devices without data: regular expression for the variables that can be changed."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device can send and receive data."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether the device is shown."""
    description: str | Unset | None = attrs.field(default=UNSET)
    """Free text; None clears it."""
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
                "network and connector must be changed together",
                path="network" if self.network is UNSET else "connector",
            )

    def __repr__(self) -> str:
        values = attrs.asdict(self, recurse=False, filter=lambda _, value: value is not UNSET)
        return f"DeviceEdit({', '.join(f'{name}={value!r}' for name, value in values.items())})"


@attrs.frozen
class DeviceConvert:
    """Conversion of a device to another storage type; the device must be empty and inactive.

    Examples:
        >>> DeviceConvert("immutable", chunk_period="month", chunk_retention=6).type
        'immutable'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    type: str = attrs.field(validator=not_blank)
    """``mutable``, ``immutable``, or another type that the service defines."""
    chunk_period: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=_period)
    """Immutable only: ``day``, ``week``, ``month`` or ``quarter``."""
    chunk_retention: int | Unset = attrs.field(default=UNSET, kw_only=True, validator=_retention)
    """Immutable only: number of periods that data is retained, up to 31 days, 26 weeks, 36 months
    or 36 quarters."""

    def __attrs_post_init__(self) -> None:
        _check_chunks(self.type, self.chunk_period, self.chunk_retention)


@attrs.frozen
class TagFilter:
    """Filter by a tag: its key, its value, or both on the same tag.

    Examples:
        >>> TagFilter("site")
        TagFilter(key='site', value=UNSET)
    """

    key: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this key."""
    value: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this value; if a key is given too, ``*`` matches any characters."""

    def __attrs_post_init__(self) -> None:
        if self.key is UNSET and self.value is UNSET:
            raise InputError("must have a key, a value or both", path="key")


def _as_tag_filters(value: Iterable[Any] | Unset) -> tuple[Any, ...] | Unset:
    items = as_tuple(value)
    if not isinstance(items, tuple):
        return items
    return tuple(TagFilter(one.key, one.value) if isinstance(one, Tag) else one for one in items)


def _check_tag_filters(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_items(TagFilter, attribute, value)


@attrs.frozen(kw_only=True)
class DeviceFilter:
    """Filter for a list of devices; all conditions must match.

    Examples:
        >>> DeviceFilter(name="Cold room *", tags=[Tag("site", "7")], active=True).active
        True
    """

    id: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this id."""
    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name; ``*`` matches any characters."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Only active, or only inactive devices."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Only visible, or only hidden devices."""
    type: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this storage type."""
    network: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this network id."""
    connector: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this connector id."""
    profile: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this profile id."""
    tags: tuple[TagFilter, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_tag_filters, validator=_check_tag_filters
    )
    """Only devices with all of these tags, each a `Tag` or a `TagFilter`; at most 20."""
    created_at: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """Time of creation: a datetime, or a duration before now (``"1 day"``). The comparison is not
    documented; most likely "since"."""
    updated_at: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """Time of the last change, as for `created_at`."""
    last_input: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """Time of the last attempt to send, as for `created_at`."""


@attrs.frozen(kw_only=True)
class DeviceCreated(Answer):
    """The answer to the creation of a device."""

    device_id: str
    """The device's id, 24 hex digits."""
    token: Secret
    """The device's default token, which can read and send; it never expires."""
    bucket_id: str | None = None
    """Id of its bucket; None if the service does not report it."""


@attrs.frozen
class Bucket(Answer):
    """The bucket of a device; deprecated by the service."""

    id: str
    """The bucket's id; the device's own on new devices."""
    name: str | None = None
    """Its name; lists do not include it."""


@attrs.frozen(kw_only=True)
class Device(Answer):
    """A device read from the service; a list contains only the requested fields."""

    id: str
    """24 hex digits."""
    name: str
    """Its name; need not be unique."""
    profile: str | None = None
    """Id of the profile that owns it."""
    description: str | None = None
    """Free text."""
    type: str | None = None
    """``mutable``, ``immutable``, ``hybrid``, or another type that the service defines."""
    active: bool | None = None
    """Whether the device can send and receive data."""
    visible: bool | None = None
    """Whether the device is shown."""
    network: str | None = None
    """Id of its network."""
    network_name: str | None = None
    """Name of its network, in lists that resolve the connector's name."""
    connector: str | None = None
    """Id of its connector."""
    connector_name: str | None = None
    """Name of its connector, in lists that resolve it."""
    tags: tuple[Tag, ...] = ()
    """Its tags."""
    bucket: Bucket | None = None
    """Deprecated by the service."""
    bucket_name: str | None = None
    """Name of its bucket, in lists that resolve it."""
    payload_decoder: str | None = None
    """Base64 of its own payload parser's source."""
    created_at: datetime | None = None
    """Time of creation, UTC."""
    updated_at: datetime | None = None
    """Time of the last change, UTC."""
    last_input: datetime | None = None
    """Time of the last attempt to send, UTC; the data may have been refused."""
    last_output: datetime | None = None
    """Time of the last read, UTC."""
    inspected_at: datetime | None = None
    """Time of the last inspection, UTC."""
    last_retention: datetime | None = None
    """Time when data was last removed by retention, UTC."""
    chunk_period: str | None = None
    """Immutable and hybrid devices: ``day``, ``week``, ``month`` or ``quarter``."""
    chunk_retention: int | None = None
    """Immutable and hybrid devices: number of chunk periods that data is retained."""
    data_retention: str | None = None
    """Retention as the service words it: ``forever``."""
    mutable_variable_regex: str | None = None
    """Hybrid devices: regular expression for the variables that can be changed."""
    rpm: SoftLimits | None = None
    """Its soft limits; None without Control Tower."""
    token: Secret | None = None
    """One of its tokens, in lists read with a network token."""


@attrs.frozen(kw_only=True)
class DeviceStatistic(Answer):
    """Traffic of a device in one interval (Control Tower); fields as in the official SDKs."""

    time: datetime
    """Start of the interval, UTC."""
    device_input: float | None = None
    """Variables sent; None if the service does not report them."""
    device_output: float | None = None
    """Variables read; None if the service does not report them."""
