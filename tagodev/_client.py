"""The client for a profile's token."""

from __future__ import annotations

from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Unpack

from tagodev._base_client import BaseClient
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.registry import OPERATIONS
from tagodev._plan_detection import detect_plan
from tagodev._resources.access_tokens import NetworkTokens, ServiceTokens
from tagodev._resources.chunks import Chunks
from tagodev._resources.connectors import Connectors
from tagodev._resources.data import Data
from tagodev._resources.devices import Devices
from tagodev._resources.networks import Networks
from tagodev._resources.parameters import Parameters
from tagodev._resources.profile import Accounts, Profiles
from tagodev._resources.tags import Tags
from tagodev._resources.tokens import Tokens
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev.errors import JournalError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from tagodev._address import Target
    from tagodev._bulk.options import ResumeKeywords
    from tagodev._bulk.run import BulkRun
    from tagodev._session import Session
    from tagodev.hard_limits import Plan

__all__ = ["Tago"]


@strict
class Tago(BaseClient):
    """A client of the TagoIO device API whose requests stay within the rate limits.

    Examples:
        >>> async def rename(device_id: str) -> None:
        ...     async with Tago("p-...", plan="scale") as tago:
        ...         await tago.devices.edit(device_id, DeviceEdit(name="Cold room 3"))
    """

    @cached_property
    def devices(self) -> Devices:
        """Devices: create, read, list, edit and delete, one or many."""
        return Devices(self._session, self._runs)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of devices: create, list and delete; and information on the client's own token."""
        return Tokens(self._session, self._runs)

    @cached_property
    def parameters(self) -> Parameters:
        """Configuration parameters of devices: list, set and remove."""
        return Parameters(self._session, self._runs)

    @cached_property
    def data(self) -> Data:
        """Data of devices: read, count, send, change, delete, export and import."""
        return Data(self._session, self.tokens, self._runs)

    @cached_property
    def chunks(self) -> Chunks:
        """Chunks of immutable devices: list, export and delete."""
        return Chunks(self._session)

    @cached_property
    def networks(self) -> Networks:
        """Networks: list, read, create, edit and delete; and calls with a network's own token."""
        return Networks(self._session)

    @cached_property
    def connectors(self) -> Connectors:
        """Connectors: list, read, create, edit and delete."""
        return Connectors(self._session)

    @cached_property
    def network_tokens(self) -> NetworkTokens:
        """Tokens of networks: create, list and delete."""
        return NetworkTokens(self._session)

    @cached_property
    def service_tokens(self) -> ServiceTokens:
        """Service authorizations: create, list, edit and delete."""
        return ServiceTokens(self._session)

    @cached_property
    def tags(self) -> Tags:
        """Tags: list the keys in use."""
        return Tags(self._session)

    @cached_property
    def profile(self) -> Profiles:
        """The profile: its plan, and its usage; and the account's other profiles."""
        return Profiles(self._session)

    @cached_property
    def account(self) -> Accounts:
        """The account that owns the profile, and its plan."""
        return Accounts(self._session)

    def resume(
        self, journal: str | os.PathLike[str], **run: Unpack[ResumeKeywords]
    ) -> BulkRun[Any]:
        """Resume a bulk run from its journal alone, whatever its operation.

        Unfinished items of the journal are done; items in doubt are looked up first.

        Args:
            journal: the journal of a run.
            run: ``on_error``, ``max_failures``, ``ordered``, ``settle`` and ``patience``, as
                `ResumeKeywords` says.

        Raises:
            JournalError: the journal does not exist, or another version wrote it.
            BulkStoppedError: the run ended early.

        Example:
            ``report = await tago.resume("site-7.journal")``
        """
        return self._begin(journal, **run)

    def settle(
        self, journal: str | os.PathLike[str], **run: Unpack[ResumeKeywords]
    ) -> BulkRun[Any]:
        """Find out what an interrupted bulk run has done, and do nothing else.

        Requests whose answer is not known are looked up; devices that they created are adopted
        with their tokens. Items that were not sent stay pending.

        Args:
            journal: the journal of a run.
            run: as of `resume`.

        Raises:
            JournalError: the journal does not exist, or another version wrote it.
            BulkStoppedError: the run ended early.

        Example:
            ```python
            await tago.devices.create_many([DeviceCreate(name="a")], journal="site-7.journal")
            report = await tago.settle("site-7.journal")
            ```
        """
        return self._begin(journal, **run).settle_only()

    async def target(self) -> Target:
        """Return the service and the profile that requests go to; takes at most one request.

        Returns:
            Address and profile id; the id is empty if the token may not read its profile.

        Raises:
            RequestError: the service could not be reached.

        Example:
            ```python
            profile_id = (await tago.target()).profile
            ```
        """
        return await self._session.find_target(CallRecord())

    def _begin(self, journal: str | os.PathLike[str], **run: Any) -> BulkRun[Any]:
        with Journal.read(journal) as read:
            info = read.info
        if info.kind not in OPERATIONS:
            raise JournalError(f"unknown operation {info.kind}", journal=str(journal))
        begin: Callable[..., BulkRun[Any]] = attrgetter(OPERATIONS[info.kind].method)(self)
        try:
            return begin(None, **info.options, **run, journal=journal)
        except TypeError:
            # A damaged journal: the options belong to another operation.
            raise JournalError("its options can't be read", journal=str(journal)) from None

    async def _detect_plan(self, session: Session) -> Plan | None:
        return await detect_plan(session)
