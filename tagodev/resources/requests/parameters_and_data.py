"""Requests of bulk runs about parameters and data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tagodev.errors import InputError
from tagodev.models import DataQuery
from tagodev.resources.batches import MAX_BODY
from tagodev.serialization.converter import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.models import ConfigurationParameter, DataCreate
    from tagodev.resources.data import Data
    from tagodev.resources.parameters import Parameters
    from tagodev.session import CallRecord

__all__ = ["DataRequests", "ParameterRequests"]


@attrs.frozen
class ParameterRequests:
    """Sets parameters for bulk runs."""

    parameters: Parameters
    """The requests."""

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, after reading the existing ones."""
        await self.parameters.set(device_id, parameters, record=record)


@attrs.frozen
class DataRequests:
    """Sends data for bulk runs."""

    data: Data
    """The requests."""

    async def send_data(
        self, device_id: str, points: Sequence[DataCreate], record: CallRecord
    ) -> None:
        """Send data in one request.

        Raises:
            InputError: the data needs more than one request; nothing was sent.
        """
        size = len(to_json(points))
        if size > MAX_BODY:
            # After a lost answer it would be unknown which of several requests had arrived.
            raise InputError(
                f"takes {size:,} bytes as JSON, but a request holds {MAX_BODY:,}",
                path="points",
                hint="Split it into several items",
            )
        await self.data.send(device_id, points, record=record)

    async def has_group(self, device_id: str, group: str, record: CallRecord) -> bool:
        """Return whether a device has data with a group."""
        query = DataQuery(groups=(group,), qty=1)
        return bool(await self.data.read(device_id, query, record=record))
