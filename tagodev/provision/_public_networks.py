"""Table of the public networks and connectors that most devices use.

A TagoDeploy project may not have these; names listed by the service take precedence
(`tagodev.provision._integrations`).
"""

from __future__ import annotations

from typing import Final

import attrs

from tagodev._models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK

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
    aliases: tuple[str, ...] = ()
    """Other names for it."""


#: Networks whose names are resolved without a request.
WELL_KNOWN: Final = (
    # From the create examples of TagoIO's OpenAPI file.
    PublicNetwork(
        "Custom HTTPS",
        CUSTOM_HTTPS_NETWORK,
        CUSTOM_HTTPS_CONNECTOR,
        ("https", "http", "custom http"),
    ),
    # From TagoIO's decoder catalogue.
    PublicNetwork("Custom MQTT", "5bbd0de44051a50034cd19fc", "5f5a8f3351d4db99c40dece6", ("mqtt",)),
    # From the create example of TagoIO's JavaScript SDK.
    PublicNetwork(
        "Storage",
        "62336c32ab6e0d0012e06c04",
        "62333bd36977fc001a2990c8",
        ("TagoIO Storage", "Database"),
    ),
    # From TagoIO's decoder catalogue.
    PublicNetwork(
        "The Things Industries v3",
        "5f46679034e73f002833025b",
        "5f5a8f3351d4db99c40deeb7",
        ("The Things Industries", "The Things Network", "TTI", "TTN", "TTN v3"),
    ),
    PublicNetwork("ChirpStack", "5fd117be93c6500029660b31", "5fdbe260ff09b30028a9f61c"),
    PublicNetwork("Everynet", "5bbd120d4051a50034cd1a05", "5f5a8f3351d4db99c40dece9"),
    PublicNetwork("Helium", "602275f9fc48a40018510a8a", "605c9654da971900114d4550"),
    PublicNetwork("Loriot", "5bc4d8a55e293800331d9cf3", "5f5a8f3351d4db99c40decf0"),
    PublicNetwork("Sigfox", "5bbd10774051a50034cd1a00", "5f5a8f3351d4db99c40dece8"),
)
