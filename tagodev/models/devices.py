"""Devices as they are asked for, made, changed and read.

Names need not be unique, and how long one may be is not documented: only a blank one is refused
here.

The fields are those of TagoIO's OpenAPI file and of the official SDKs' types; where these are at
odds each is read, and one is written.
Bounds of retention are the documentation's (docs.tago.io: Data Retention), those of tags and
configuration parameters stand with their source in `tagodev.hard_limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.models.fields import (
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
from tagodev.models.unset import UNSET, Unset
from tagodev.secrets import Secret

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
    "TagFilter",
]

#: The public network and connector of a device that talks plain HTTPS (the ids in the create
#: examples of TagoIO's OpenAPI file). A TagoDeploy project may lack them.
CUSTOM_HTTPS_NETWORK: Final = "5bbd0d144051a50034cd19fb"
CUSTOM_HTTPS_CONNECTOR: Final = "5f5a8f3351d4db99c40dece5"

#: How many periods of each length data may be kept (docs.tago.io: Data Retention).
_MAX_RETENTION: Final[Mapping[str, int]] = {"day": 31, "week": 26, "month": 36, "quarter": 36}
_LONGEST: Final = max(_MAX_RETENTION.values())
#: The types that keep data in chunks, and let go of whole chunks.
_CHUNKED: Final = ("immutable", "hybrid")


def _period(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and value not in _MAX_RETENTION:
        raise InputError(
            f"must be one of {', '.join(_MAX_RETENTION)}, not {value!r}", path=attribute.name
        )


def _retention(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and not (type(value) is int and 0 <= value <= _LONGEST):
        raise InputError(
            f"must be a whole number, 0 to {_LONGEST}, not {value!r}", path=attribute.name
        )


def _check_chunks(storage: str, period: str | Unset, retention: int | Unset) -> None:
    """Refuse a device that keeps data in chunks and does not say in which, or for too long."""
    if storage in _CHUNKED:
        for path, value in (("chunk_period", period), ("chunk_retention", retention)):
            if value is UNSET:
                raise InputError(f"must be given where the type is {storage}", path=path)
    if isinstance(period, str) and isinstance(retention, int):
        longest = _MAX_RETENTION[period]
        if retention > longest:
            raise InputError(
                f"must be 0 to {longest} where the period is a {period}, not {retention}",
                path="chunk_retention",
            )


@attrs.frozen(kw_only=True)
class DeviceCreate:
    """A device to be made.

    Examples:
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
    """How data is kept: ``mutable`` (default), ``immutable``, ``hybrid``, or what else the service
    knows."""
    chunk_period: str | Unset = attrs.field(default=UNSET, validator=_period)
    """Immutable and hybrid: ``day``, ``week``, ``month`` or ``quarter``; can't be changed later."""
    chunk_retention: int | Unset = attrs.field(default=UNSET, validator=_retention)
    """Immutable and hybrid: how many periods data is kept, from 0 to 31 days, 26 weeks, 36 months
    or 36 quarters."""
    mutable_variable_regex: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Hybrid only: which variables can be changed later, as a pattern that some variables match
    anywhere in their name, and others do not."""
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
        _check_chunks(self.type, self.chunk_period, self.chunk_retention)
        if self.type == "hybrid" and self.mutable_variable_regex is UNSET:
            raise InputError(
                "must be given where the type is hybrid", path="mutable_variable_regex"
            )


@attrs.frozen(kw_only=True)
class DeviceEdit:
    """What to change in a device; a field that is not given stays as it is.

    Examples:
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
    chunk_retention: int | Unset = attrs.field(default=UNSET, validator=_retention)
    """Immutable and hybrid devices: how many periods data is kept, from 0 to 31 days, 26 weeks,
    36 months or 36 quarters."""
    mutable_variable_regex: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Hybrid devices, while they are empty: which variables can be changed later."""
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


@attrs.frozen
class DeviceConvert:
    """How a device is to keep its data from now on; it must be empty, and not active.

    Examples:
        >>> DeviceConvert("immutable", chunk_period="month", chunk_retention=6).type
        'immutable'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    type: str = attrs.field(validator=not_blank)
    """``mutable``, ``immutable``, or what else the service knows."""
    chunk_period: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=_period)
    """Immutable only: ``day``, ``week``, ``month`` or ``quarter``."""
    chunk_retention: int | Unset = attrs.field(default=UNSET, kw_only=True, validator=_retention)
    """Immutable only: how many periods data is kept, from 0 to 31 days, 26 weeks, 36 months or 36
    quarters."""

    def __attrs_post_init__(self) -> None:
        _check_chunks(self.type, self.chunk_period, self.chunk_retention)


@attrs.frozen
class TagFilter:
    """A tag that devices are to carry: its key, its value, or both on the same tag.

    Examples:
        >>> TagFilter("site")
        TagFilter(key='site', value=UNSET)
    """

    key: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this key."""
    value: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this value, unless a key is given too and it holds ``*``, which stands for any run
    of characters."""

    def __attrs_post_init__(self) -> None:
        if self.key is UNSET and self.value is UNSET:
            raise InputError("needs a key, a value or both", path="key")


def _as_tag_filters(value: Iterable[Any] | Unset) -> tuple[Any, ...] | Unset:
    items = as_tuple(value)
    if not isinstance(items, tuple):
        return items
    return tuple(TagFilter(one.key, one.value) if isinstance(one, Tag) else one for one in items)


def _check_tag_filters(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_items(TagFilter, attribute, value)


@attrs.frozen(kw_only=True)
class DeviceFilter:
    """Which devices to list; all conditions must hold.

    Examples:
        >>> DeviceFilter(name="Cold room *", tags=[Tag("site", "7")], active=True).active
        True
    """

    id: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this id."""
    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name, unless it holds ``*``, which stands for any run of characters."""
    active: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Only devices that are active, or that are not."""
    visible: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Only devices that are shown, or that are not."""
    type: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices that keep data this way."""
    network: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this network id."""
    connector: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this connector id."""
    profile: str | Unset = attrs.field(default=UNSET, validator=text)
    """Only devices of this profile id."""
    tags: tuple[TagFilter, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_tag_filters, validator=_check_tag_filters
    )
    """Only devices that carry every one of these: each a `Tag`, or a `TagFilter` to say less of
    it; at most 20."""
    created_at: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """When they were made: a moment, or a span of time back from now (``"1 day"``). How the service
    compares is not documented; most likely "since then"."""
    updated_at: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """When they were last changed, in the same way."""
    last_input: datetime | str | Unset = attrs.field(
        default=UNSET, converter=as_moment, validator=moment
    )
    """When they last tried to send, in the same way."""


@attrs.frozen(kw_only=True)
class DeviceCreated:
    """What the service says of a device that it has just made."""

    device_id: str
    """The device's id, 24 hex digits."""
    token: Secret
    """The device's default token, which may read and send; it never expires."""
    bucket_id: str | None = None
    """The id of its bucket, where the service still names one."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen
class Bucket:
    """The bucket of a device: a name from the time when data lay elsewhere."""

    id: str
    """The bucket's id; the device's own on new devices."""
    name: str | None = None
    """Its name, which a list does not give."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True, repr=False, hash=False)
    """Whatever else the service said."""


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
    """``mutable``, ``immutable``, ``hybrid``, or what else the service knows."""
    active: bool | None = None
    """Whether the device may send and be read."""
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
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    last_input: datetime | None = None
    """When it last tried to send, UTC; no proof that data was kept."""
    last_output: datetime | None = None
    """When it was last read, UTC."""
    inspected_at: datetime | None = None
    """When it was last inspected, UTC."""
    last_retention: datetime | None = None
    """When data was last removed because of its age, UTC."""
    chunk_period: str | None = None
    """Immutable and hybrid devices: ``day``, ``week``, ``month`` or ``quarter``."""
    chunk_retention: int | None = None
    """Immutable and hybrid devices: how many chunk periods data is kept."""
    data_retention: str | None = None
    """The service's own words for how long data is kept: ``forever``."""
    mutable_variable_regex: str | None = None
    """Hybrid devices: which variables can be changed."""
    rpm: SoftLimits | None = None
    """Its soft limits; None without Control Tower."""
    token: Secret | None = None
    """A token of it, in lists that are asked for with its network's token."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""
