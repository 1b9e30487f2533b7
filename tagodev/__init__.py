"""An asyncio client for the TagoIO device API that stays within its rate limits.

Example:
    >>> async def main() -> None:
    ...     async with Tago("p-...", plan="scale") as tago:
    ...         report = await tago.devices.create_many(
    ...             DeviceCreate(name=f"sensor-{n}") for n in range(6000)
    ...         )
    ...         print(report.done)
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

__version__ = "0.1.0"

# Names are imported on first use, so that `tagodev --version` and `--help` do not wait for an HTTP
# client. Type checkers read the imports here.
if TYPE_CHECKING:
    from tagodev._bulk.outcomes import (
        Applied,
        Created,
        DataSent,
        Deleted,
        Done,
        Edited,
        Failed,
        InDoubt,
        Outcome,
        ParametersSet,
        Pending,
        Rotated,
        TokenIssued,
    )
    from tagodev._bulk.report import BulkReport, BulkStoppedError
    from tagodev._bulk.run import BulkRun
    from tagodev._client import Tago
    from tagodev._device_client import TagoDevice
    from tagodev._limits.ledger.kinds import RedisLedger, SqliteLedger
    from tagodev._models import (
        UNSET,
        Account,
        AccountPlan,
        AddOns,
        AggregatePoint,
        ApplyStep,
        Bucket,
        Chunk,
        ChunkBackup,
        ConfigurationParameter,
        Connector,
        ConnectorCreate,
        ConnectorCreated,
        ConnectorEdit,
        DataBackup,
        DataBatch,
        DataCreate,
        DataEdit,
        DataPoint,
        DataQuery,
        Device,
        DeviceChange,
        DeviceConvert,
        DeviceCreate,
        DeviceCreated,
        DeviceEdit,
        DeviceFilter,
        DeviceStatistic,
        DeviceToken,
        DeviceTokenCreate,
        IntegrationFilter,
        Location,
        Network,
        NetworkCreate,
        NetworkCreated,
        NetworkEdit,
        NetworkToken,
        NetworkTokenCreate,
        NetworkTokenCreated,
        ParameterChange,
        Profile,
        ProfileInfo,
        ProfileSummary,
        ResourceAmounts,
        Rotation,
        SerialNumberFormat,
        ServiceAmounts,
        ServiceToken,
        ServiceTokenCreate,
        ServiceTokenCreated,
        SoftLimits,
        Tag,
        TagChanges,
        TagFilter,
        TokenCreate,
        TokenCreated,
        TokenFilter,
        TokenInfo,
        Unset,
    )
    from tagodev._retry import RetryPolicy
    from tagodev._secrets import Secret
    from tagodev.errors import (
        AmbiguousMatchError,
        AnswerTimeoutError,
        AuthenticationError,
        BadRequestError,
        ClosedError,
        ConfigurationError,
        ConnectError,
        ConnectionLostError,
        InputError,
        InterruptedRunError,
        JournalError,
        LedgerError,
        LockedError,
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
        UnknownPlanError,
        WaitTooLongError,
    )
    from tagodev.hard_limits import HardLimits

__all__ = [
    "UNSET",
    "Account",
    "AccountPlan",
    "AddOns",
    "AggregatePoint",
    "AmbiguousMatchError",
    "AnswerTimeoutError",
    "Applied",
    "ApplyStep",
    "AuthenticationError",
    "BadRequestError",
    "Bucket",
    "BulkReport",
    "BulkRun",
    "BulkStoppedError",
    "Chunk",
    "ChunkBackup",
    "ClosedError",
    "ConfigurationError",
    "ConfigurationParameter",
    "ConnectError",
    "ConnectionLostError",
    "Connector",
    "ConnectorCreate",
    "ConnectorCreated",
    "ConnectorEdit",
    "Created",
    "DataBackup",
    "DataBatch",
    "DataCreate",
    "DataEdit",
    "DataPoint",
    "DataQuery",
    "DataSent",
    "Deleted",
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
    "Done",
    "Edited",
    "Failed",
    "HardLimits",
    "InDoubt",
    "InputError",
    "IntegrationFilter",
    "InterruptedRunError",
    "JournalError",
    "LedgerError",
    "Location",
    "LockedError",
    "MalformedAnswerError",
    "Network",
    "NetworkCreate",
    "NetworkCreated",
    "NetworkEdit",
    "NetworkToken",
    "NetworkTokenCreate",
    "NetworkTokenCreated",
    "NoAnswerError",
    "NotFoundError",
    "Outcome",
    "ParameterChange",
    "ParametersSet",
    "Pending",
    "PermissionDeniedError",
    "Profile",
    "ProfileInfo",
    "ProfileSummary",
    "RateLimitedError",
    "RedirectError",
    "RedisLedger",
    "RequestError",
    "ResourceAmounts",
    "ResourceLimitError",
    "RetryPolicy",
    "Rotated",
    "Rotation",
    "Secret",
    "SerialNumberFormat",
    "ServerError",
    "ServiceAmounts",
    "ServiceError",
    "ServiceToken",
    "ServiceTokenCreate",
    "ServiceTokenCreated",
    "SoftLimits",
    "SqliteLedger",
    "Tag",
    "TagChanges",
    "TagFilter",
    "Tago",
    "TagoDevice",
    "TagoError",
    "TokenCreate",
    "TokenCreated",
    "TokenFilter",
    "TokenInfo",
    "TokenIssued",
    "UnknownPlanError",
    "Unset",
    "WaitTooLongError",
]

#: The modules that define the names above, searched in this order: the fastest to import first.
_MODULES: Final = (
    "errors",
    "_secrets",
    "hard_limits",
    "_retry",
    "_models",
    "_bulk.outcomes",
    "_bulk.report",
    "_bulk.run",
    "_limits.ledger.kinds",
    "_client",
    "_device_client",
)


# Hidden from type checkers, which would otherwise accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import and return a public name or a module."""
        if name in __all__:
            modules = (import_module(f"{__name__}.{module}") for module in _MODULES)
            found = next(getattr(module, name) for module in modules if name in module.__all__)
        elif not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
            found = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return globals().setdefault(name, found)

    def __dir__() -> list[str]:
        """Return the names of the module, with those that are not imported yet."""
        return sorted({*globals(), *__all__})
