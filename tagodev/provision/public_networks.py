"""The public networks and connectors that most devices use, as data.

TagoIO knows networks and connectors by ids that nobody remembers.
A project of one's own (TagoDeploy) may lack these: what the service itself lists goes before them
(`tagodev.provision.integrations`).
"""

from __future__ import annotations

from typing import Final

import attrs

from tagodev.models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK

__all__ = ["WELL_KNOWN", "PublicNetwork"]


@attrs.frozen
class PublicNetwork:
    """A public network, and the connector of devices that have no connector of their own."""

    name: str
    """What it is called."""
    network: str
    """Id of the network."""
    connector: str
    """Id of the connector."""
    aliases: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """What it is called besides."""
    source: str = attrs.field(kw_only=True)
    """Where TagoIO has published the ids."""


_DECODERS: Final = "TagoIO's decoder catalogue"
_EXAMPLES: Final = "create examples of TagoIO's OpenAPI file"

#: What is known by name, without asking the service.
WELL_KNOWN: Final = (
    PublicNetwork(
        "Custom HTTPS",
        CUSTOM_HTTPS_NETWORK,
        CUSTOM_HTTPS_CONNECTOR,
        aliases=("https", "http", "custom http"),
        source=_EXAMPLES,
    ),
    PublicNetwork(
        "Custom MQTT",
        "5bbd0de44051a50034cd19fc",
        "5f5a8f3351d4db99c40dece6",
        aliases=("mqtt",),
        source=_DECODERS,
    ),
    PublicNetwork(
        "Storage",
        "62336c32ab6e0d0012e06c04",
        "62333bd36977fc001a2990c8",
        aliases=("TagoIO Storage", "Database"),
        source="create example of TagoIO's JavaScript SDK",
    ),
    PublicNetwork(
        "The Things Industries v3",
        "5f46679034e73f002833025b",
        "5f5a8f3351d4db99c40deeb7",
        aliases=("The Things Industries", "The Things Network", "TTI", "TTN", "TTN v3"),
        source=_DECODERS,
    ),
    PublicNetwork(
        "ChirpStack",
        "5fd117be93c6500029660b31",
        "5fdbe260ff09b30028a9f61c",
        source=_DECODERS,
    ),
    PublicNetwork(
        "Everynet",
        "5bbd120d4051a50034cd1a05",
        "5f5a8f3351d4db99c40dece9",
        source=_DECODERS,
    ),
    PublicNetwork(
        "Helium",
        "602275f9fc48a40018510a8a",
        "605c9654da971900114d4550",
        source=_DECODERS,
    ),
    PublicNetwork(
        "Loriot",
        "5bc4d8a55e293800331d9cf3",
        "5f5a8f3351d4db99c40decf0",
        source=_DECODERS,
    ),
    PublicNetwork(
        "Sigfox",
        "5bbd10774051a50034cd1a00",
        "5f5a8f3351d4db99c40dece8",
        source=_DECODERS,
    ),
)
