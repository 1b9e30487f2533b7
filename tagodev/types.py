"""Types for annotations: the resources of a client, their listings, and the options of calls.

Clients create them; programs name them in signatures:

    >>> from tagodev.types import Devices
    >>> async def count(devices: Devices) -> int:
    ...     return len(await devices.list())
"""

from __future__ import annotations

from tagodev._base_client import BaseClient
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.options import RunKeywords, RunOptions
from tagodev._limits.snapshot import ClockState, RouteState
from tagodev._resources.access_tokens import NetworkTokens, ServiceTokens
from tagodev._resources.chunks import Chunks
from tagodev._resources.connectors import Connectors
from tagodev._resources.data import Data
from tagodev._resources.device_data import DeviceData
from tagodev._resources.devices import Devices
from tagodev._resources.listing import Listing
from tagodev._resources.networks import Networks
from tagodev._resources.parameters import Parameters
from tagodev._resources.profile import Accounts, Profiles
from tagodev._resources.tags import Tags
from tagodev._resources.tokens import Tokens
from tagodev._session import CallOptions

__all__ = [
    "Accounts",
    "BaseClient",
    "CallOptions",
    "Chunks",
    "ClockState",
    "Connectors",
    "Data",
    "DeviceData",
    "Devices",
    "Journal",
    "Listing",
    "NetworkTokens",
    "Networks",
    "Parameters",
    "Profiles",
    "RouteState",
    "RunKeywords",
    "RunOptions",
    "ServiceTokens",
    "Tags",
    "Tokens",
]
