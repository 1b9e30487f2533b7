"""The client of a profile's token: hands out the resources."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tagodev.base_client import BaseClient
from tagodev.plan_detection import detect_plan
from tagodev.resources.devices import Devices
from tagodev.resources.tokens import Tokens

if TYPE_CHECKING:
    from tagodev.hard_limits import Plan
    from tagodev.session import Session

__all__ = ["Tago"]


class Tago(BaseClient):
    """A client of the TagoIO device API whose every request keeps the service's limits.

    Example:
        >>> async def rename(device_id: str) -> None:
        ...     async with Tago("p-...", plan="scale") as tago:
        ...         await tago.devices.edit(device_id, DeviceEdit(name="Cold room 3"))
    """

    @cached_property
    def devices(self) -> Devices:
        """Devices: create, read, list, edit and delete, one or very many."""
        return Devices(
            self._session, concurrency=self._settings.concurrency, running=self._running
        )

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of devices: create, list and delete."""
        return Tokens(self._session)

    async def _detect_plan(self, session: Session) -> Plan | None:
        return await detect_plan(session)
