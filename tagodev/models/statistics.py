"""Model for the traffic statistics of a device (Control Tower); fields as in the official SDKs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

__all__ = ["DeviceStatistic"]


@attrs.frozen(kw_only=True)
class DeviceStatistic:
    """Traffic of a device in one interval."""

    time: datetime
    """Start of the interval, UTC."""
    device_input: float | None = None
    """Variables sent; None if the service does not report them."""
    device_output: float | None = None
    """Variables read; None if the service does not report them."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Other fields of the answer."""
