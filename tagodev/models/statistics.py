"""How much a device sent and was read (Control Tower); the fields are the official SDKs'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

__all__ = ["DeviceStatistic"]


@attrs.frozen(kw_only=True)
class DeviceStatistic:
    """A device's traffic in one span of time."""

    time: datetime
    """When the span begins, UTC."""
    device_input: float | None = None
    """Variables sent; None if the service names none."""
    device_output: float | None = None
    """Variables read; None if the service names none."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""
