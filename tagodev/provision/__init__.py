"""Provisioning: from a list of devices on disk to devices in the service."""

from __future__ import annotations

from tagodev.provision.files import (
    DeviceIdRow,
    DeviceRow,
    InvalidFileError,
    RowFile,
    read_device_ids,
    read_devices,
)

__all__ = [
    "DeviceIdRow",
    "DeviceRow",
    "InvalidFileError",
    "RowFile",
    "read_device_ids",
    "read_devices",
]
