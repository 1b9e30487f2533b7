"""Requests of bulk runs about devices.

Each takes the record of its call, which has the run's priority and records the request in the
journal before it is sent.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import attrs

from tagodev._limits.routes import Route
from tagodev._models import Device, DeviceCreated, Tag
from tagodev._query import encode_query
from tagodev._resources.listing import PAGE_SIZE, Listing, check_known
from tagodev._resources.parameters import Parameters
from tagodev._resources.requests.tokens import TokenRequests
from tagodev._retry import Safety
from tagodev._serialization.converter import StructureError, from_wire, to_json
from tagodev._transport import Request
from tagodev.errors import BadRequestError, MalformedAnswerError, NotFoundError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import ConfigurationParameter, DeviceCreate, DeviceEdit
    from tagodev._session import CallRecord, Session

__all__ = ["ApplyRequests", "DeviceRequests", "is_unknown_device"]

T = TypeVar("T")
_Devices: TypeAlias = list[Device]

_CREATE: Final = Route("POST", "/device")
_INFO: Final = Route("GET", "/device/:device_id")
_LIST: Final = Route("GET", "/device")
_EDIT: Final = Route("PUT", "/device/:device_id")
_DELETE: Final = Route("DELETE", "/device/:device_id")

#: The fields that identify a device.
_FIELDS: Final = ("id", "name", "tags", "created_at")


def is_unknown_device(error: ServiceError) -> bool:
    """Return whether an error means that a device does not exist: sources differ on the status."""
    return isinstance(error, NotFoundError) or (
        isinstance(error, BadRequestError) and error.status == 400
    )


@attrs.frozen
class _Tagged:
    """A device's tags, needed to replace the list.

    An answer without them is refused: the device must not count as one without tags.
    """

    tags: tuple[Any, ...] | None


class DeviceRequests(TokenRequests):
    """Creates, edits, deletes and finds devices for bulk runs."""

    async def create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        """Create a device."""
        request = Request(
            route=_CREATE, path=_CREATE.path(), safety=Safety.ONCE, body=to_json(device)
        )
        return await self._session.call(request, DeviceCreated, record)

    async def edit(self, device_id: str, changes: DeviceEdit, record: CallRecord) -> None:
        """Edit a device."""
        request = Request(
            route=_EDIT,
            path=_EDIT.path(device_id),
            safety=Safety.IDEMPOTENT,
            body=to_json(changes),
        )
        await self._session.call(request, object, record)

    async def info(self, device_id: str, cls: type[T], record: CallRecord) -> T:
        """Return a device, as a class with some of its fields."""
        request = Request(route=_INFO, path=_INFO.path(device_id), safety=Safety.READ)
        return await self._session.call(request, cls, record)

    async def tags(self, device_id: str, record: CallRecord) -> tuple[Tag, ...]:
        """Return the tags of a device, to replace them.

        Raises:
            MalformedAnswerError: a tag can't be read, so that it would be lost.
        """
        found = list((await self.info(device_id, _Tagged, record)).tags or ())
        try:
            return tuple(from_wire(found, list[Tag]))
        except StructureError as error:
            reading = error.reading
            # Null says nothing that could be lost.
            if reading and not any(one.hides("key", "value") for one in reading.unreadable):
                return tuple(reading.value)
            raise MalformedAnswerError(
                "A tag of the device can't be read, and changing the others would remove it",
                hint="Give all tags of the device instead",
                problems=error.problems,
            ) from None

    async def delete(self, device_id: str, record: CallRecord) -> None:
        """Delete a device; "not found" is a success if an earlier attempt may have deleted it."""
        request = Request(route=_DELETE, path=_DELETE.path(device_id), safety=Safety.IDEMPOTENT)
        try:
            await self._session.call(request, object, record)
        except NotFoundError as error:
            if not error.may_have_acted:
                raise

    async def exists(self, device_id: str, record: CallRecord) -> bool:
        """Return whether a device exists."""
        try:
            await self.info(device_id, Device, record)
        except ServiceError as error:
            if is_unknown_device(error):
                return False
            raise
        return True

    async def by_tag(self, key: str, record: MakeRecord) -> list[Device]:
        """Return all devices that carry a tag with this key, the oldest first."""
        return await self._all({"filter": {"tags": [{"key": key}]}}, record)

    async def by_serial(self, serial: str, record: MakeRecord) -> list[Device]:
        """Return the devices one of whose tokens carries a serial number."""
        return await self._all({"serial": serial}, record)

    async def by_name(self, name: str | None, record: MakeRecord) -> list[Device]:
        """Return the devices of this name; None for all devices."""
        parameters = {} if name is None else {"filter": {"name": name}}
        found = await self._all(parameters, record)
        # A name with an asterisk matches others too.
        return [device for device in found if name is None or device.name == name]

    async def _all(self, parameters: dict[str, Any], record: MakeRecord) -> list[Device]:
        async def page(number: int, size: int) -> list[Device]:
            query = encode_query(
                {
                    "page": number,
                    "amount": size,
                    "fields": _FIELDS,
                    # New devices come last, so that none moves to a page already read.
                    "orderBy": "created_at,asc",
                    **parameters,
                }
            )
            request = Request(route=_LIST, path=f"{_LIST.path()}?{query}", safety=Safety.READ)
            return await self._session.call(request, _Devices, record())

        # A device hidden by a concurrent deletion would count as not created, and be created again.
        listing = Listing(page, PAGE_SIZE, key=attrgetter("id"))
        found = await listing.complete()
        # Nor must one that can't be read.
        check_known(listing.unreadable, "name", "tags")
        return found


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
