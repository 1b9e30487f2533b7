"""Table of the public networks and connectors that most devices use.

A TagoDeploy project may not have these; names listed by the service take precedence
(`tagodev.provision.integrations`).
"""

from __future__ import annotations

from typing import Final

import attrs

from tagodev.models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK

__all__ = ["WELL_KNOWN", "PublicNetwork"]


@attrs.frozen
class PublicNetwork:
    """A public network and its generic connector."""

    name: str
    """Its name."""
    network: str
    """Id of the network."""
    connector: str
    """Id of the connector."""
    aliases: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """Other names for it."""
    source: str = attrs.field(kw_only=True)
    """Where TagoIO publishes the ids."""


_DECODERS: Final = "TagoIO's decoder catalogue"
_EXAMPLES: Final = "create examples of TagoIO's OpenAPI file"

#: Networks whose names are resolved without a request.
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
