"""tagodev: an asyncio client for the TagoIO device API that keeps its rate limits.

Example:
    >>> async def main() -> None:
    ...     async with Tago("p-...", plan="scale") as tago:
    ...         report = await tago.devices.create_many(
    ...             DeviceCreate(name=f"sensor-{n}") for n in range(6000)
    ...         )
    ...         print(report.done)
"""

from __future__ import annotations

__version__ = "0.1.0"

from tagodev.bulk.outcomes import Created, Deleted, Failed, InDoubt, Outcome, Pending
from tagodev.bulk.report import BulkReport
from tagodev.bulk.runner import BulkRun
from tagodev.client import Tago
from tagodev.errors import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    BulkStoppedError,
    ClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    InputError,
    InterruptedRunError,
    MalformedAnswerError,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ResourceLimitError,
    ServerError,
    ServiceError,
    TagoError,
    WaitTooLongError,
)
from tagodev.hard_limits import HardLimits
from tagodev.models import (
    UNSET,
    Bucket,
    ConfigurationParameter,
    Device,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
    DeviceToken,
    Tag,
    TokenCreate,
    TokenCreated,
    Unset,
)
from tagodev.retry import RetryPolicy
from tagodev.secrets import Secret

__all__ = [
    "UNSET",
    "AnswerTimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "Bucket",
    "BulkReport",
    "BulkRun",
    "BulkStoppedError",
    "ClosedError",
    "ConfigurationError",
    "ConfigurationParameter",
    "ConnectError",
    "ConnectionLostError",
    "Created",
    "Deleted",
    "Device",
    "DeviceCreate",
    "DeviceCreated",
    "DeviceEdit",
    "DeviceFilter",
    "DeviceToken",
    "Failed",
    "HardLimits",
    "InDoubt",
    "InputError",
    "InterruptedRunError",
    "MalformedAnswerError",
    "NoAnswerError",
    "NotFoundError",
    "Outcome",
    "Pending",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectError",
    "RequestError",
    "ResourceLimitError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "ServiceError",
    "Tag",
    "Tago",
    "TagoError",
    "TokenCreate",
    "TokenCreated",
    "Unset",
    "WaitTooLongError",
]
