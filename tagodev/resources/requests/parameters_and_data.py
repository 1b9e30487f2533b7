"""The requests that one row of a bulk run about parameters or data is made of."""

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

__all__ = ["DataRows", "ParameterRows"]


@attrs.frozen
class ParameterRows:
    """Sets parameters for bulk runs."""

    parameters: Parameters
    """The way to the service."""

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, reading first what is there."""
        await self.parameters.set(device_id, parameters, record=record)


@attrs.frozen
class DataRows:
    """Sends data for bulk runs."""

    data: Data
    """The way to the service."""

    async def send_data(
        self, device_id: str, points: Sequence[DataCreate], record: CallRecord
    ) -> None:
        """Send data in one request.

        Raises:
            InputError: it takes more than one; nothing was sent.
        """
        size = len(to_json(points))
        if size > MAX_BODY:
            # If an answer were lost, nobody could tell which of several requests had arrived.
            raise InputError(
                f"takes {size:,} bytes as JSON, but a request holds {MAX_BODY:,}",
                path="points",
                hint="Send it in several rows",
            )
        await self.data.send(device_id, points, record=record)

    async def has_group(self, device_id: str, group: str, record: CallRecord) -> bool:
        """Return whether a device has data of a group."""
        query = DataQuery(groups=(group,), qty=1)
        return bool(await self.data.read(device_id, query, record=record))
