"""The nouns of the device API as attrs classes: frozen, slotted, documented field by field."""

from __future__ import annotations

from tagodev.models.devices import (
    Bucket,
    Device,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
)
from tagodev.models.fields import ConfigurationParameter, Tag
from tagodev.models.tokens import DeviceToken, TokenCreate, TokenCreated
from tagodev.models.unset import UNSET, Unset

__all__ = [
    "UNSET",
    "Bucket",
    "ConfigurationParameter",
    "Device",
    "DeviceCreate",
    "DeviceCreated",
    "DeviceEdit",
    "DeviceFilter",
    "DeviceToken",
    "Tag",
    "TokenCreate",
    "TokenCreated",
    "Unset",
]
