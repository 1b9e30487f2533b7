"""The client for a device's own token, for devices and gateways."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Unpack

from tagodev._base_client import BaseClient
from tagodev._limits.routes import Route
from tagodev._models import Device
from tagodev._resources.device_data import DeviceData
from tagodev._resources.parameters import DeviceParameters
from tagodev._retry import Safety
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev._transport import Request

if TYPE_CHECKING:
    from tagodev._session import CallOptions

__all__ = ["TagoDevice"]

_INFO: Final = Route("GET", "/info")


@strict
class TagoDevice(BaseClient):
    """A client with the token of one device, whose requests stay within the rate limits.

    The limits are those of the device's profile, and all its devices share them.
    Clients of one process that use different tokens of one profile count together if they have the
    same ``ledger``.
    A device's token can't read the plan: pass `plan`, or the limits of the Free plan apply.

    Examples:
        >>> async def report(temperature: float) -> None:
        ...     async with TagoDevice("8be70d95-...", plan="scale") as device:
        ...         await device.data.send(DataCreate("temperature", temperature, unit="°C"))
    """

    async def info(self, **options: Unpack[CallOptions]) -> Device:
        """Return the device.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: the request failed.
        """
        request = Request(route=_INFO, path=_INFO.path(), safety=Safety.READ)
        return await self._session.call(request, Device, CallRecord.of(options))

    @cached_property
    def data(self) -> DeviceData:
        """The device's data: read, count, send, change and delete."""
        return DeviceData(self._session)

    @cached_property
    def parameters(self) -> DeviceParameters:
        """The device's configuration parameters: list, and mark as read."""
        return DeviceParameters(self._session)
