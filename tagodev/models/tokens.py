"""Tokens of devices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tagodev.models.fields import not_blank
from tagodev.models.unset import UNSET, Unset
from tagodev.secrets import Secret

__all__ = ["DeviceToken", "TokenCreate", "TokenCreated"]


@attrs.frozen
class TokenCreate:
    """A token to be made for a device.

    Example:
        >>> TokenCreate("field gateway", "write", expire_time="30 days").permission
        'write'
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""
    permission: str = attrs.field(default="full", validator=not_blank)
    """``full`` (default: send and read), ``write`` or ``read``."""
    expire_time: str | datetime | Unset = attrs.field(default=UNSET, kw_only=True)
    """When it ends: a moment, or a whole number and a unit (``"30 days"``). Left out: never."""
    serie_number: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=not_blank)
    """The hardware's serial number, where the network asks for one."""


@attrs.frozen(kw_only=True)
class TokenCreated:
    """A token that the service has just made."""

    token: Secret
    """The token itself."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    expire_time: datetime | None = None
    """When it ends, UTC; None for never."""


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
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Whatever else the service said."""
