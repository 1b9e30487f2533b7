"""Models for the tokens of networks and for service authorizations.

Fields follow the official SDKs, as the service's OpenAPI file does not have these routes.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tagodev._models.fields import Answer, moment, not_blank
from tagodev._models.tokens import as_end, as_secret, not_blank_secret
from tagodev._models.unset import UNSET, Unset
from tagodev._secrets import Secret

__all__ = [
    "NetworkToken",
    "NetworkTokenCreate",
    "NetworkTokenCreated",
    "ServiceToken",
    "ServiceTokenCreate",
    "ServiceTokenCreated",
]


@attrs.frozen
class NetworkTokenCreate:
    """A token to create for a network.

    Examples:
        >>> NetworkTokenCreate("middleware").permission
        'full'
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""
    permission: str = attrs.field(default="full", validator=not_blank)
    """``full`` (default), ``write`` or ``read``."""
    expire_time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_end, validator=moment
    )
    """Time of expiry: a datetime, or a number and a unit (``"30 days"``). Default, or ``"never"``:
    it does not expire."""


@attrs.frozen
class ServiceTokenCreate(NetworkTokenCreate):
    """A service authorization to create.

    Examples:
        >>> ServiceTokenCreate("LoRa server", verification_code="1234").name
        'LoRa server'
    """

    verification_code: Secret | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_secret, validator=not_blank_secret
    )
    """Additional parameter with which a middleware can be verified."""


@attrs.frozen(kw_only=True)
class NetworkTokenCreated(Answer):
    """The answer to the creation of a network's token."""

    token: Secret
    """The token itself."""
    name: str | None = None
    """Its name."""
    network: str | None = None
    """Id of its network."""


@attrs.frozen(kw_only=True)
class ServiceTokenCreated(Answer):
    """The answer to the creation of a service authorization."""

    token: Secret
    """The authorization itself."""
    name: str | None = None
    """Its name."""
    profile: str | None = None
    """Id of its profile."""
    verification_code: Secret | None = None
    """Additional parameter with which a middleware can be verified; None if it has none."""


@attrs.frozen(kw_only=True)
class NetworkToken(Answer):
    """A token of a network, read from a list."""

    token: Secret
    """The token itself."""
    name: str | None = None
    """Its name."""
    permission: str | None = None
    """``full``, ``write`` or ``read``."""
    expire_time: datetime | None = None
    """Time of expiry, UTC; None if it does not expire."""
    created_at: datetime | None = None
    """Time of creation, UTC."""


@attrs.frozen(kw_only=True)
class ServiceToken(NetworkToken):
    """A service authorization, read from a list."""

    verification_code: Secret | None = None
    """Additional parameter with which a middleware can be verified; None if it has none."""
