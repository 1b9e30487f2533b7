"""Models of the device API: frozen, slotted attrs classes."""

from __future__ import annotations

from tagodev._models.changes import (
    ApplyStep,
    DataBatch,
    DeviceChange,
    DeviceTokenCreate,
    ParameterChange,
    Rotation,
    TagChanges,
)
from tagodev._models.data import (
    AggregatePoint,
    Chunk,
    ChunkBackup,
    DataBackup,
    DataCreate,
    DataEdit,
    DataPoint,
    Location,
)
from tagodev._models.data_query import DataQuery
from tagodev._models.devices import (
    Bucket,
    Device,
    DeviceConvert,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
    DeviceStatistic,
    TagFilter,
)
from tagodev._models.fields import ConfigurationParameter, SoftLimits, Tag
from tagodev._models.integration import Connector, IntegrationFilter, Network, SerialNumberFormat
from tagodev._models.profile import (
    Account,
    AccountPlan,
    AddOns,
    Profile,
    ProfileInfo,
    ProfileSummary,
    ResourceAmounts,
    ServiceAmounts,
)
from tagodev._models.tokens import DeviceToken, TokenCreate, TokenCreated, TokenFilter, TokenInfo
from tagodev._models.unset import UNSET, Unset

__all__ = [
    "UNSET",
    "Account",
    "AccountPlan",
    "AddOns",
    "AggregatePoint",
    "ApplyStep",
    "Bucket",
    "Chunk",
    "ChunkBackup",
    "ConfigurationParameter",
    "Connector",
    "DataBackup",
    "DataBatch",
    "DataCreate",
    "DataEdit",
    "DataPoint",
    "DataQuery",
    "Device",
    "DeviceChange",
    "DeviceConvert",
    "DeviceCreate",
    "DeviceCreated",
    "DeviceEdit",
    "DeviceFilter",
    "DeviceStatistic",
    "DeviceToken",
    "DeviceTokenCreate",
    "IntegrationFilter",
    "Location",
    "Network",
    "ParameterChange",
    "Profile",
    "ProfileInfo",
    "ProfileSummary",
    "ResourceAmounts",
    "Rotation",
    "SerialNumberFormat",
    "ServiceAmounts",
    "SoftLimits",
    "Tag",
    "TagChanges",
    "TagFilter",
    "TokenCreate",
    "TokenCreated",
    "TokenFilter",
    "TokenInfo",
    "Unset",
]
