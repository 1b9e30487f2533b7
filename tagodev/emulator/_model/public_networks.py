"""Networks and connectors, and the public ones.

The public ids are those in the service's documentation, in its SDKs' examples and in its public
catalogue of decoders.
Their names and the format of their serial numbers are assumptions.
A LoRaWAN network identifies its devices by a 64-bit EUI, so it requires one here.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CUSTOM_HTTPS_NETWORK",
    "CUSTOM_HTTPS_PLACE",
    "PUBLIC_CONNECTORS",
    "PUBLIC_NETWORKS",
    "Connector",
    "Network",
    "SerialNumber",
]

#: Characters that each symbol of a mask matches; any other character matches itself.
_SYMBOLS: Final = {"F": "[0-9A-Fa-f]", "P": "[0-9A-Za-z]", "0": "[0-9]", "A": "[A-Za-z]"}


@attrs.frozen(kw_only=True)
class SerialNumber:
    """A network's rules for serial numbers."""

    mask: str | None = None
    """One symbol a character: F hexadecimal, P alphanumeric, 0 digit, A letter; a hyphen is for
    the eye, and not stored. None takes any text."""
    label: str | None = None
    image: str | None = None
    case: str | None = None
    help: str | None = None
    required: bool = False
    """Whether a device must have one."""

    def stored(self, serial: str) -> str | None:
        """Return a serial number as it is stored, None if it does not match the mask."""
        if not self.mask:
            return serial
        if "-" in self.mask:
            serial = serial.replace("-", "")
        symbols = self.mask.replace("-", "")
        pattern = "".join(_SYMBOLS.get(symbol) or re.escape(symbol) for symbol in symbols)
        return serial if re.fullmatch(pattern, serial, re.ASCII) else None


@attrs.define(eq=False)
class Network:
    """A network as stored; dates are seconds since the epoch by the server's clock."""

    id: str
    name: str
    created_at: float
    updated_at: float
    description: str | None = None
    logo_url: str | None = None
    icon_url: str | None = None
    banner_url: str | None = None
    public: bool = False
    device_parameters: list[dict[str, Any]] = attrs.field(factory=list)
    middleware_endpoint: str | None = None
    documentation_url: str | None = None
    serial_number: SerialNumber = attrs.field(factory=SerialNumber)
    require_devices_access: bool = False
    """Whether its tokens may list its devices."""
    payload_encoder: str | None = None
    payload_decoder: str | None = None


@attrs.define(eq=False)
class Connector:
    """A connector as stored; dates are seconds since the epoch by the server's clock."""

    id: str
    name: str
    created_at: float
    updated_at: float
    description: str | None = None
    logo_url: str | None = None
    public: bool = False
    networks: list[str] = attrs.field(factory=list)
    """Ids of the networks its devices may be in."""
    device_parameters: list[dict[str, Any]] = attrs.field(factory=list)
    install_text: str | None = None
    install_end_text: str | None = None
    device_annotation: str | None = None
    payload_encoder: str | None = None
    payload_decoder: str | None = None


#: The public network of devices that send by HTTPS themselves.
CUSTOM_HTTPS_NETWORK: Final = "5bbd0d144051a50034cd19fb"
#: Fields of a device there.
CUSTOM_HTTPS_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "network": CUSTOM_HTTPS_NETWORK,
        "connector": "5f5a8f3351d4db99c40dece5",
        "type": "mutable",
    }
)

_ANY: Final = SerialNumber(label="Serial number")
_EUI: Final = SerialNumber(mask="FF-FF-FF-FF-FF-FF-FF-FF", label="Device EUI", required=True)
_SIGFOX: Final = SerialNumber(label="Device ID", required=True)

#: Name and id of the network, those of its connector, and its rules for serial numbers.
_WELL_KNOWN: Final = (
    ("Custom HTTPS", CUSTOM_HTTPS_NETWORK, "Custom HTTPS", CUSTOM_HTTPS_PLACE["connector"], _ANY),
    ("Custom MQTT", "5bbd0de44051a50034cd19fc", "Custom MQTT", "5f5a8f3351d4db99c40dece6", _ANY),
    ("TagoIO Storage", "62336c32ab6e0d0012e06c04", "Database", "62333bd36977fc001a2990c8", _ANY),
    (
        "The Things Industries v3",
        "5f46679034e73f002833025b",
        "Custom The Things Industries v3",
        "5f5a8f3351d4db99c40deeb7",
        _EUI,
    ),
    (
        "ChirpStack",
        "5fd117be93c6500029660b31",
        "Custom ChirpStack",
        "5fdbe260ff09b30028a9f61c",
        _EUI,
    ),
    ("Everynet", "5bbd120d4051a50034cd1a05", "Custom Everynet", "5f5a8f3351d4db99c40dece9", _EUI),
    ("Helium", "602275f9fc48a40018510a8a", "Custom Helium", "605c9654da971900114d4550", _EUI),
    ("Loriot", "5bc4d8a55e293800331d9cf3", "Custom Loriot", "5f5a8f3351d4db99c40decf0", _EUI),
    ("Sigfox", "5bbd10774051a50034cd1a00", "Custom Sigfox", "5f5a8f3351d4db99c40dece8", _SIGFOX),
)


def _public(identifier: str, name: str) -> dict[str, Any]:
    # The first four bytes of such an id are its creation time in seconds.
    born = float(int(identifier[:8], 16))
    return {"id": identifier, "name": name, "created_at": born, "updated_at": born, "public": True}


#: The networks that every profile sees, by id.
PUBLIC_NETWORKS: Final[Mapping[str, Network]] = MappingProxyType(
    {
        network: Network(
            **_public(network, name),
            serial_number=serial,
            require_devices_access=network == CUSTOM_HTTPS_NETWORK,
        )
        for name, network, _, _, serial in _WELL_KNOWN
    }
)
#: The connectors that every profile sees, by id.
PUBLIC_CONNECTORS: Final[Mapping[str, Connector]] = MappingProxyType(
    {
        connector: Connector(**_public(connector, name), networks=[network])
        for _, network, name, connector, _ in _WELL_KNOWN
    }
)
