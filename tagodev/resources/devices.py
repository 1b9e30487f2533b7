"""Devices: create, read, list, edit and delete, one or very many."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, Unpack

from tagodev.bulk.operations import CreateDevice, DeleteDevice
from tagodev.bulk.runner import BulkRun
from tagodev.errors import NotFoundError
from tagodev.limits.routes import Route
from tagodev.models import Device, DeviceCreated, DeviceFilter
from tagodev.query import encode_query
from tagodev.resources.listing import PAGE_SIZE, Listing
from tagodev.retry import Safety
from tagodev.serde import to_json, to_wire
from tagodev.session import CallRecord
from tagodev.transport import Request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from tagodev.bulk.operations import Operation
    from tagodev.bulk.runner import Many
    from tagodev.models import DeviceCreate, DeviceEdit
    from tagodev.session import CallOptions, Session

__all__ = ["DEFAULT_FIELDS", "Devices"]

Item = TypeVar("Item")
# Inside the class `list` is a method.
_Page: TypeAlias = list[Device]

_CREATE: Final = Route("POST", "/device")
_INFO: Final = Route("GET", "/device/:device_id")
_LIST: Final = Route("GET", "/device")
_EDIT: Final = Route("PUT", "/device/:device_id")
_DELETE: Final = Route("DELETE", "/device/:device_id")

#: What a list gives of each device unless told otherwise.
DEFAULT_FIELDS: Final = (
    "id",
    "name",
    "tags",
    "type",
    "active",
    "visible",
    "network",
    "connector",
    "created_at",
    "updated_at",
    "last_input",
)


class Devices:
    """The devices of a profile: ``tago.devices``."""

    def __init__(
        self, session: Session, *, concurrency: int, running: set[asyncio.Task[None]]
    ) -> None:
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
            concurrency: rows of a bulk run in work at once.
            running: where bulk runs are kept while they last.
        """
        self._session = session
        self._concurrency = concurrency
        self._running = running

    async def create(self, device: DeviceCreate, **options: Unpack[CallOptions]) -> DeviceCreated:
        """Make a device and return its id and its token.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again, lest there be two.

        Args:
            device: what to make.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            ResourceLimitError: the plan holds no more devices.
            RequestError: it failed otherwise.
        """
        return await self._create(device, CallRecord(**options))

    async def _create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        request = Request(
            route=_CREATE, path=_CREATE.path(), safety=Safety.ONCE, body=to_json(device)
        )
        return await self._session.call(request, DeviceCreated, record)

    async def info(self, device_id: str, **options: Unpack[CallOptions]) -> Device:
        """Return everything the service says of a device.

        Args:
            device_id: its id.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such device.
            RequestError: it failed otherwise.
        """
        request = Request(route=_INFO, path=_INFO.path(device_id), safety=Safety.READ)
        return await self._session.call(request, Device, CallRecord(**options))

    def list(
        self,
        *,
        filter: DeviceFilter | None = None,  # noqa: A002  (the service's own word)
        fields: Sequence[str] = DEFAULT_FIELDS,
        order_by: str = "name,asc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[Device]:
        """List devices; nothing is sent before the result is iterated.

        Args:
            filter: which devices; None for all.
            fields: what to give of each besides its id and name, at most 20 in all.
            order_by: a field and ``asc`` or ``desc``: ``"created_at,desc"``.
            page_size: devices a request, 1 to 10,000; default 1,000.
            options: ``lane``, ``max_wait`` and ``timeout`` of each page's call, as `CallOptions`
                says.

        Example:
            ``async for device in tago.devices.list(filter=DeviceFilter(name="Cold*")): ...``
        """
        shared = {
            # A device without these two is none.
            "fields": tuple(dict.fromkeys(("id", "name", *fields))),
            "filter": to_wire(filter) if filter is not None else None,
            "orderBy": order_by,
        }
        return Listing(partial(self._page, shared, options), page_size, key=attrgetter("id"))

    async def _page(
        self, shared: dict[str, object], options: CallOptions, number: int, size: int
    ) -> _Page:
        query = encode_query({"page": number, "amount": size, **shared})
        request = Request(route=_LIST, path=f"{_LIST.path()}?{query}", safety=Safety.READ)
        return await self._session.call(request, _Page, CallRecord(**options))

    async def edit(
        self, device_id: str, changes: DeviceEdit, **options: Unpack[CallOptions]
    ) -> None:
        """Change the fields that `changes` names; lists in it replace the whole list.

        Args:
            device_id: which device.
            changes: what to change.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such device.
            RequestError: it failed otherwise.
        """
        request = Request(
            route=_EDIT,
            path=_EDIT.path(device_id),
            safety=Safety.IDEMPOTENT,
            body=to_json(changes),
        )
        await self._session.call(request, object, CallRecord(**options))

    async def delete(self, device_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a device with its tokens, parameters and all its data.

        Args:
            device_id: which device.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such device, and it was not an earlier attempt of this call whose
                answer was lost that removed it.
            RequestError: it failed otherwise.
        """
        await self._delete(device_id, CallRecord(**options))

    async def _delete(self, device_id: str, record: CallRecord) -> None:
        request = Request(route=_DELETE, path=_DELETE.path(device_id), safety=Safety.IDEMPOTENT)
        try:
            await self._session.call(request, object, record)
        except NotFoundError as error:
            if not error.may_have_acted:
                raise

    def create_many(self, devices: Many[DeviceCreate]) -> BulkRun[DeviceCreate]:
        """Make many devices, as fast as the limits allow and no faster.

        Await it for a report, or use it as an async context manager and iterate over the outcomes
        as they complete.

        Args:
            devices: what to make; any iterable or async iterable, of any length, read as it is
                needed.

        Raises:
            BulkStoppedError: the run ended early: the device cap, the token, no connection.

        Example:
            ``report = await tago.devices.create_many(specs)``
        """
        return self._run(CreateDevice(self._create), devices)

    def delete_many(self, device_ids: Many[str]) -> BulkRun[str]:
        """Delete many devices; one that is already gone counts as deleted.

        Args:
            device_ids: which devices; any iterable or async iterable.

        Raises:
            BulkStoppedError: the run ended early: the token, no connection.
        """
        return self._run(DeleteDevice(self._delete), device_ids)

    def _run(self, operation: Operation[Item], items: Many[Item]) -> BulkRun[Item]:
        return BulkRun(operation, items, concurrency=self._concurrency, running=self._running)
