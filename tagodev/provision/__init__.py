"""Provisioning: device lists, plans, applies and exports."""

from __future__ import annotations

from tagodev.provision._integrations import Integrations, resolve_integrations
from tagodev.provision._read.devices import (
    DeviceRow,
    InvalidFileError,
    RowFile,
    integration_names,
    read_defaults,
    read_devices,
)
from tagodev.provision._read.existing_devices import (
    DeviceChangeRow,
    DeviceIdRow,
    RotationRow,
    read_device_changes,
    read_device_ids,
    read_rotations,
)

__all__ = [
    "DeviceChangeRow",
    "DeviceIdRow",
    "DeviceRow",
    "Integrations",
    "InvalidFileError",
    "RotationRow",
    "RowFile",
    "integration_names",
    "read_defaults",
    "read_device_changes",
    "read_device_ids",
    "read_devices",
    "read_rotations",
    "resolve_integrations",
]
