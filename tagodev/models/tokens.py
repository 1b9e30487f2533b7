"""Tokens of devices, and what a token is.

What a permission means, and the spans in which a token ends, are the documentation's
(docs.tago.io: Device Token); the fields are those of the official SDKs' types.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tagodev.errors import InputError
from tagodev.models.fields import as_moment, moment, not_blank, text
from tagodev.models.unset import UNSET, Unset
from tagodev.secrets import Secret

__all__ = ["DeviceToken", "TokenCreate", "TokenCreated", "TokenFilter", "TokenInfo"]


def _as_end(value: datetime | str | Unset) -> datetime | str | Unset:
    # The service reads "never" on one path and refuses it on another; left out means the same.
    return UNSET if value == "never" else as_moment(value)


def _as_secret(value: str | Secret | Unset) -> Secret | Unset:
    return Secret(value) if isinstance(value, str) else value


def _secret(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and not (isinstance(value, Secret) and value.reveal().strip()):
        raise InputError("must be text that is not empty", path=attribute.name)


@attrs.frozen
class TokenCreate:
    """A token to be made for a device.

    Examples:
        >>> TokenCreate("field gateway", "write", expire_time="30 days").permission
        'write'
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""
    permission: str = attrs.field(default="full", validator=not_blank)
    """``full`` (default: send and read), ``write`` or ``read``."""
    expire_time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=_as_end, validator=moment
    )
    """When it ends: a moment, or a whole number and a unit (``"30 days"``). Left out, or
    ``"never"``: never."""
    serie_number: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=not_blank)
    """The hardware's serial number, where the network asks for one."""
    verification_code: Secret | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=_as_secret, validator=_secret
    )
    """What a middleware is to show besides the serial number; not shown again."""
    middleware: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=not_blank)
    """The middleware, or the type of device, that the token is for."""


@attrs.frozen(kw_only=True)
class TokenCreated:
    """A token that the service has just made."""

    token: Secret
    """The token itself."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    expire_time: datetime | None = None
    """When it ends, UTC; None for never."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class TokenFilter:
    """Which of a device's tokens to list; all conditions must hold.

    Examples:
        >>> TokenFilter(permission="write").permission
        'write'
    """

    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name, unless it holds ``*``, which stands for any run of characters."""
    permission: str | Unset = attrs.field(default=UNSET, validator=text)
    """``full``, ``write`` or ``read``."""
    serie_number: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this serial number."""


@attrs.frozen(kw_only=True)
class DeviceToken:
    """A token of a device, as a list shows it."""

    token: Secret
    """The token itself."""
    name: str | None = None
    """As given; a device's first token is the service's own."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    device_id: str | None = None
    """The device it opens."""
    network_id: str | None = None
    """The network it was made for."""
    serie_number: str | None = None
    """The hardware's serial number."""
    last_authorization: str | None = None
    """What last used it, in the service's own words."""
    expire_time: datetime | None = None
    """When it ends, UTC; None for never."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class TokenInfo:
    """What the service says of the token that it is asked with.

    What that is depends on the kind of token: for a profile's its name and ``profile``, for a
    device's the device, for a network's the network, for a service authorization the
    authorization.
    """

    name: str | None = None
    """Name of the token, the device or the network."""
    type: str | None = None
    """``profile`` and the like; for a device's token, how the device keeps data."""
    id: str | None = None
    """Id of the device or the network."""
    profile: str | None = None
    """Id of the profile that it belongs to."""
    permission: str | None = None
    """``full``, ``write`` or ``read``, where the service tells it."""
    expire_time: datetime | None = None
    """When the token ends, UTC; None for never, or where the service does not tell it."""
    created_at: datetime | None = None
    """When what the token stands for was made, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""
