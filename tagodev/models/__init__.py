"""Models of the device API: frozen, slotted attrs classes."""

from __future__ import annotations

from tagodev.models.changes import (
    ApplyStep,
    DataBatch,
    DeviceChange,
    DeviceTokenCreate,
    ParameterChange,
    Rotation,
    TagChanges,
)
from tagodev.models.data import (
    AggregatePoint,
    Chunk,
    ChunkBackup,
    DataBackup,
    DataCreate,
    DataEdit,
    DataPoint,
    Location,
)
from tagodev.models.data_query import DataQuery
from tagodev.models.devices import (
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
from tagodev.models.fields import ConfigurationParameter, SoftLimits, Tag
from tagodev.models.integration import Connector, IntegrationFilter, Network, SerialNumberFormat
from tagodev.models.profile import (
    Account,
    AccountPlan,
    AddOns,
    Profile,
    ProfileInfo,
    ProfileSummary,
    ResourceAmounts,
    ServiceAmounts,
)
from tagodev.models.tokens import DeviceToken, TokenCreate, TokenCreated, TokenFilter, TokenInfo
from tagodev.models.unset import UNSET, Unset

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
