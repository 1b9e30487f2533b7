"""Requests of an apply's steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev.resources.parameters import Parameters
from tagodev.resources.requests.devices import DeviceRequests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.bulk.run_factory import RunFactory
    from tagodev.models import ConfigurationParameter
    from tagodev.session import CallRecord, Session

__all__ = ["ApplyRequests"]


class ApplyRequests(DeviceRequests):
    """Creates, edits, deletes and finds devices, and sets their parameters."""

    def __init__(self, session: Session, runs: RunFactory) -> None:
        """Initialize the requests.

        Args:
            session: the session that sends requests.
            runs: creates bulk runs.
        """
        super().__init__(session)
        self._parameters = Parameters(session, runs)

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, after reading the existing ones."""
        await self._parameters.set(device_id, parameters, record=record)
