"""Models for device tokens and for information on a token.

Permissions and expiry times are documented (docs.tago.io: Device Token); fields follow the
official SDKs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from tagodev._models.fields import Answer, as_moment, moment, not_blank, text
from tagodev._models.unset import UNSET, Unset
from tagodev._secrets import Secret
from tagodev.errors import InputError

__all__ = [
    "DeviceToken",
    "TokenCreate",
    "TokenCreated",
    "TokenFilter",
    "TokenInfo",
    "as_end",
    "as_secret",
    "not_blank_secret",
]


def as_end(value: datetime | str | Unset) -> datetime | str | Unset:
    """Convert a time of expiry as `as_moment` does; ``"never"`` becomes `UNSET`."""
    # Some routes refuse "never"; leaving the field out means the same everywhere.
    return UNSET if value == "never" else as_moment(value)


def as_secret(value: str | Secret | Unset) -> Secret | Unset:
    """Convert text to a `Secret`; other values are returned unchanged."""
    return Secret(value) if isinstance(value, str) else value


def not_blank_secret(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept a `Secret` that is not blank, or `UNSET`."""
    if value is not UNSET and not (isinstance(value, Secret) and value.reveal().strip()):
        raise InputError("must be text that is not empty", path=attribute.name)


@attrs.frozen
class TokenCreate:
    """A token to create for a device.

    Examples:
        >>> TokenCreate("field gateway", "write", expire_time="30 days").permission
        'write'
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""
    permission: str = attrs.field(default="full", validator=not_blank)
    """``full`` (default: send and read), ``write`` or ``read``."""
    expire_time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_end, validator=moment
    )
    """Time of expiry: a datetime, or a number and a unit (``"30 days"``). Default, or ``"never"``:
    it does not expire."""
    serie_number: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=not_blank)
    """Serial number of the hardware, if the network needs one."""
    verification_code: Secret | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_secret, validator=not_blank_secret
    )
    """Code that a middleware must present with the serial number; can't be read back."""
    middleware: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=not_blank)
    """The middleware or device type that the token is for."""


@attrs.frozen(kw_only=True)
class TokenCreated(Answer):
    """The answer to the creation of a token."""

    token: Secret
    """The token itself."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    expire_time: datetime | None = None
    """Time of expiry, UTC; None if it does not expire."""


@attrs.frozen(kw_only=True)
class TokenFilter:
    """Filter for a list of a device's tokens; all conditions must match.

    Examples:
        >>> TokenFilter(permission="write").permission
        'write'
    """

    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name; ``*`` matches any characters."""
    permission: str | Unset = attrs.field(default=UNSET, validator=text)
    """``full``, ``write`` or ``read``."""
    serie_number: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this serial number."""


@attrs.frozen(kw_only=True)
class DeviceToken(Answer):
    """A token of a device, read from a list."""

    token: Secret
    """The token itself."""
    name: str | None = None
    """Its name; the service names a device's first token."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    device_id: str | None = None
    """Id of its device."""
    network_id: str | None = None
    """Id of the network that it was created for."""
    serie_number: str | None = None
    """Serial number of the hardware."""
    last_authorization: Secret | None = None
    """The service authorization that the network last used for it."""
    expire_time: datetime | None = None
    """Time of expiry, UTC; None if it does not expire."""
    created_at: datetime | None = None
    """Time of creation, UTC."""


@attrs.frozen(kw_only=True)
class TokenInfo(Answer):
    """Information on the token that the request was sent with.

    Its content depends on the type of token: a profile token is described by its name and
    ``profile``, the others by their device, network or service authorization.
    """

    name: str | None = None
    """Name of the token, the device or the network."""
    type: str | None = None
    """``profile`` or another type; for a device token, the storage type of the device."""
    id: str | None = None
    """Id of the device or the network."""
    profile: str | None = None
    """Id of its profile."""
    permission: str | None = None
    """``full``, ``write`` or ``read``; None if the service does not report it."""
    expire_time: datetime | None = None
    """Time of expiry, UTC; None if it does not expire or the service does not report it."""
    created_at: datetime | None = None
    """Time of creation of the device, network or authorization, UTC."""
