"""Models to create and change networks and connectors, and the answers to their creation.

Fields follow the official SDKs, as the service's OpenAPI file does not have these routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs

from tagodev._models.fields import Answer, as_tuple, boolean, check_items, instance_of, not_blank
from tagodev._models.integration import SerialNumberFormat
from tagodev._models.unset import UNSET, Unset
from tagodev.errors import InputError

__all__ = [
    "ConnectorCreate",
    "ConnectorCreated",
    "ConnectorEdit",
    "NetworkCreate",
    "NetworkCreated",
    "NetworkEdit",
]


def _text_or_none(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and value is not UNSET and not isinstance(value, str):
        raise InputError(f"must be text, not {type(value).__name__}", path=attribute.name)


def _parameters(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_items(Mapping, attribute, value)


def _ids(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    check_items(str, attribute, value)
    if value is not UNSET and not all(one.strip() for one in value):
        raise InputError("must be ids, not empty text", path=attribute.name)


def _serial_number(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET:
        instance_of(SerialNumberFormat)(instance, attribute, value)


# Not `as_tuple` itself: a single id is text, which is iterable too; the validator refuses it.
def _as_ids(value: Iterable[str] | Unset) -> tuple[str, ...] | Unset:
    ids: Any = value if isinstance(value, str) else as_tuple(value)
    return cast("tuple[str, ...] | Unset", ids)


@attrs.frozen(kw_only=True)
class _IntegrationFields:
    """Fields that networks and connectors have in common, besides the name."""

    description: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Free text."""
    logo_url: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """URL of its logo."""
    device_parameters: tuple[Mapping[str, Any], ...] | Unset = attrs.field(
        default=UNSET, converter=as_tuple, validator=_parameters
    )
    """Configuration parameters of its devices: name, label, type, default. An edit replaces the
    whole list."""
    payload_encoder: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Base64 of its payload encoder's source."""
    payload_decoder: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Base64 of its payload parser's source."""


@attrs.frozen(kw_only=True)
class _NetworkFields(_IntegrationFields):
    """Fields that can be set when a network is created or edited."""

    serial_number: SerialNumberFormat | Unset = attrs.field(default=UNSET, validator=_serial_number)
    """Format of its devices' serial numbers. An edit replaces the whole format."""
    middleware_endpoint: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Endpoint of its middleware for downlinks: a host name, without ``https://``."""
    require_devices_access: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether its token can list devices."""
    public: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether all profiles see it in the catalogue; the service decides who may set it."""
    documentation_url: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """URL of its documentation."""
    icon_url: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """URL of its icon."""
    banner_url: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """URL of its banner."""


@attrs.frozen(kw_only=True)
class _ConnectorFields(_IntegrationFields):
    """Fields that can be set when a connector is created or edited."""

    networks: tuple[str, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_ids, validator=_ids
    )
    """Ids of the networks that its devices can use. An edit replaces the whole list."""
    install_text: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Instructions to install a device."""
    install_end_text: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Instructions after the installation."""
    device_annotation: str | Unset | None = attrs.field(default=UNSET, validator=_text_or_none)
    """Annotation for its devices."""


@attrs.frozen(kw_only=True)
class NetworkCreate(_NetworkFields):
    """A network to create.

    Examples:
        >>> NetworkCreate(name="Our LoRa", serial_number=SerialNumberFormat(mask="FF-FF")).name
        'Our LoRa'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""


@attrs.frozen(kw_only=True)
class NetworkEdit(_NetworkFields):
    """Changes to a network; fields left out are kept, and None clears a text.

    Examples:
        >>> NetworkEdit(description=None).description is None
        True

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Not empty."""


@attrs.frozen(kw_only=True)
class ConnectorCreate(_ConnectorFields):
    """A connector to create.

    Examples:
        >>> ConnectorCreate(name="Probe", networks=["5bbd0d144051a50034cd19fb"]).networks
        ('5bbd0d144051a50034cd19fb',)

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str = attrs.field(validator=not_blank)
    """Not empty."""


@attrs.frozen(kw_only=True)
class ConnectorEdit(_ConnectorFields):
    """Changes to a connector; fields left out are kept, and None clears a text.

    Examples:
        >>> ConnectorEdit(name="Probe 2").name
        'Probe 2'

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    name: str | Unset = attrs.field(default=UNSET, validator=not_blank)
    """Not empty."""


@attrs.frozen(kw_only=True)
class NetworkCreated(Answer):
    """The answer to the creation of a network."""

    network: str
    """Its id."""


@attrs.frozen(kw_only=True)
class ConnectorCreated(Answer):
    """The answer to the creation of a connector."""

    connector: str
    """Its id."""
