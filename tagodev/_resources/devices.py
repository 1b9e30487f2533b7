"""Devices: create, read, list, edit, empty, convert and delete, one or many."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, Unpack, get_args

from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._bulk.operations.edit_devices import EditDevices
from tagodev._bulk.operations.identity import Identity
from tagodev._device_fields import LISTED
from tagodev._limits.routes import Route
from tagodev._models import Device, DeviceCreated, DeviceFilter, DeviceStatistic
from tagodev._query import encode_query
from tagodev._resources.listing import PAGE_SIZE, Listing, check_fields, check_order, page_fetcher
from tagodev._resources.requests.data import check_choice
from tagodev._resources.requests.devices import ApplyRequests, DeviceRequests
from tagodev._resources.requests.downlink import send_downlink
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json, to_wire
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev._transport import Request
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tagodev._bulk.input import Many
    from tagodev._bulk.options import RunKeywords
    from tagodev._bulk.run import BulkRun
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import ApplyStep, DeviceChange, DeviceConvert, DeviceCreate, DeviceEdit
    from tagodev._session import CallOptions, Session

__all__ = ["Devices"]

# Inside the class `list` is a method.
_Page: TypeAlias = list[Device]
_Statistics: TypeAlias = list[DeviceStatistic]

#: The two parts of a hybrid device's data (`DeviceEmptyParams` of the official JavaScript SDK).
Side: TypeAlias = Literal["mutable", "immutable"]

#: Of LoRaWAN.
_MAX_PORT: Final = 255
_LIST: Final = Route("GET", "/device")
_AMOUNT: Final = Route("GET", "/device/:device_id/data_amount")
_EMPTY: Final = Route("POST", "/device/:device_id/empty")
_CONVERT: Final = Route("POST", "/device/:device_id/convert")
_STATISTICS: Final = Route("GET", "/device/:device_id/statistics")


@strict
class Devices:
    """The devices of a profile: ``tago.devices``."""

    def __init__(self, session: Session, runs: RunFactory) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
            runs: creates bulk runs.
        """
        self._session = session
        self._runs = runs
        self._requests = DeviceRequests(session)

    async def create(self, device: DeviceCreate, **options: Unpack[CallOptions]) -> DeviceCreated:
        """Create a device and return its id and its token.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again, which could create a second device.

        Args:
            device: the device.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            ResourceLimitError: the plan holds no more devices.
            RequestError: the request failed otherwise.

        Example:
            ```python
            created = await tago.devices.create(
                DeviceCreate(name="Cold room 3", tags=[Tag("site", "7")])
            )
            print(created.device_id, created.token.reveal())
            ```
        """
        return await self._requests.create(device, CallRecord.of(options))

    async def info(self, device_id: str, **options: Unpack[CallOptions]) -> Device:
        """Return a device, with all its fields.

        Args:
            device_id: its id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            device = await tago.devices.info(device_id)
            print(device.name, device.last_input)
            ```
        """
        return await self._requests.info(device_id, Device, CallRecord.of(options))

    def list(
        self,
        *,
        filter: DeviceFilter | None = None,  # noqa: A002  (the service's own word)
        serial: str | None = None,
        fields: Iterable[str] = LISTED,
        order_by: str = "name,asc",
        resolve_bucket_name: bool = False,
        resolve_connector_name: bool = False,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[Device]:
        """List devices; nothing is sent before the result is iterated.

        Args:
            filter: the devices' filter; None for all.
            serial: only devices with a token of this serial number, which lists do not show.
            fields: fields to return besides its id and name, at most 20 in all.
            order_by: a field and ``asc`` or ``desc``: ``"created_at,desc"``. Fields that the
                service is known to order by: ``name`` (default), ``visible``, ``active``,
                ``type``, ``last_input``, ``last_output``, ``created_at`` and ``updated_at``.
            resolve_bucket_name: return the name of each device's bucket too.
            resolve_connector_name: return the names of each device's connector and network too.
            page_size: devices per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            async for device in tago.devices.list(filter=DeviceFilter(tags=[Tag("site", "7")])):
                print(device.id, device.name)
            ```
        """
        parameters = {
            # A device without these two is invalid.
            "fields": check_fields(("id", "name"), fields),
            "filter": to_wire(filter) if filter is not None else None,
            "serial": serial,
            "orderBy": check_order(order_by),
            "resolveBucketName": resolve_bucket_name or None,
            "resolveConnectorName": resolve_connector_name or None,
        }
        fetch = page_fetcher(self._session, _LIST, _Page, options, parameters=parameters)
        return Listing(fetch, page_size, key=attrgetter("id"))

    async def edit(
        self, device_id: str, changes: DeviceEdit, **options: Unpack[CallOptions]
    ) -> None:
        """Change the fields that `changes` names; lists in it replace the whole list.

        Args:
            device_id: the device's id.
            changes: the edits.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            await tago.devices.edit(device_id, DeviceEdit(name="Cold room 4", active=False))
            ```
        """
        await self._requests.edit(device_id, changes, CallRecord.of(options))

    async def delete(self, device_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a device with its tokens, parameters and all its data.

        Args:
            device_id: the device's id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist, and no earlier attempt of this call with
                a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            await tago.devices.delete(device_id)
            ```
        """
        await self._requests.delete(device_id, CallRecord.of(options))

    async def amount(self, device_id: str, **options: Unpack[CallOptions]) -> int:
        """Return the number of registers of a device; the service may estimate large numbers.

        Args:
            device_id: the device's id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            print(await tago.devices.amount(device_id))
            ```
        """
        request = Request(route=_AMOUNT, path=_AMOUNT.path(device_id), safety=Safety.READ)
        return await self._session.call(request, int, CallRecord.of(options))

    async def empty(
        self, device_id: str, *, side: Side | None = None, **options: Unpack[CallOptions]
    ) -> None:
        """Delete all data of a device; the device, its tokens and its parameters stay.

        Args:
            device_id: the device's id.
            side: of a hybrid device only the mutable data (``mutable``), or only the chunks
                (``immutable``); default: everything.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            await tago.devices.empty(device_id)
            ```
        """
        if side is not None:
            check_choice("side", side, get_args(Side))
        request = Request(
            route=_EMPTY,
            path=_EMPTY.path(device_id),
            safety=Safety.IDEMPOTENT,
            body=None if side is None else to_json({"route": side}),
        )
        await self._session.call(request, object, CallRecord.of(options))

    async def convert(
        self, device_id: str, to: DeviceConvert, **options: Unpack[CallOptions]
    ) -> None:
        """Change how a device stores its data; its tokens stay.

        The service requires the device to be empty (`empty`) and inactive.

        Args:
            device_id: the device's id.
            to: the new type of storage.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            await tago.devices.empty(device_id)
            await tago.devices.edit(device_id, DeviceEdit(active=False))
            to = DeviceConvert("immutable", chunk_period="month", chunk_retention=6)
            await tago.devices.convert(device_id, to)
            ```
        """
        request = Request(
            route=_CONVERT,
            path=_CONVERT.path(device_id),
            safety=Safety.IDEMPOTENT,
            body=to_json(to),
        )
        await self._session.call(request, object, CallRecord.of(options))

    async def statistics(
        self,
        device_id: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        periodicity: str | None = None,
        timezone: str | None = None,
        **options: Unpack[CallOptions],
    ) -> _Statistics:
        """Return counters of a device's input and output over time (Control Tower).

        Each counts from the start of its month, UTC, and not the traffic of one interval.

        Args:
            device_id: the device's id.
            start: the first moment, or a date as text; default: the service's.
            end: the last moment; default: the service's.
            periodicity: ``hour``, ``day`` or ``month``; default: the service's.
            timezone: the zone in which days begin: ``"America/Sao_Paulo"``; default: UTC.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the device does not exist.
            PermissionDeniedError: the profile has no Control Tower.
            RequestError: the request failed otherwise.

        Example:
            ```python
            for hour in await tago.devices.statistics(device_id, periodicity="hour"):
                print(hour.time, hour.device_input)  # since the start of the month
            ```
        """
        parameters = {
            "start_date": to_wire(start),
            "end_date": to_wire(end),
            "periodicity": periodicity,
            "timezone": timezone,
        }
        query = encode_query(parameters)
        path = _STATISTICS.path(device_id) + (f"?{query}" if query else "")
        request = Request(route=_STATISTICS, path=path, safety=Safety.READ)
        return await self._session.call(request, _Statistics, CallRecord.of(options))

    async def send_downlink(
        self,
        device_id: str,
        payload: str,
        *,
        port: int = 1,
        confirmed: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send a downlink to a device, through the middleware of its network.

        As the official SDKs do, it sets the device's parameters ``downlink`` and ``port``, and then
        sends the payload with the service authorization of the device's last uplink to the
        middleware endpoint that the network names, by https and without the client's own token.
        If this fails, it is not sent again.

        Args:
            device_id: the device's id.
            payload: hexadecimal payload.
            port: port for the downlink, 0 to 255; default 1.
            confirmed: whether the device must confirm it.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Raises:
            InputError: an argument is invalid, the device has had no uplink yet, or its network
                has no middleware; nothing was sent.
            RequestError: a request failed, of TagoIO or of the middleware.

        Example:
            ```python
            await tago.devices.send_downlink(lora_id, "01A0", port=2)
            ```
        """
        if not payload.strip():
            raise InputError("must not be empty", path="payload")
        if not 0 <= port <= _MAX_PORT:
            raise InputError(f"must be from 0 to {_MAX_PORT}, not {port}", path="port")
        device = await self.info(device_id, **options)
        message = {"payload": payload, "port": port, "confirmed": confirmed}
        await send_downlink(self._session, self._runs, device, message, options)

    def create_many(
        self,
        devices: Many[DeviceCreate] | None,
        *,
        identity: Identity = "tag",
        **run: Unpack[RunKeywords],
    ) -> BulkRun[DeviceCreate]:
        """Create many devices, as fast as the rate limits allow.

        Await it for a report, or use it as an async context manager and iterate over the outcomes
        as they complete.

        With a journal each device is created exactly once: the same call with an existing journal
        resumes the run.

        Args:
            devices: the devices; any iterable or async iterable, of any length, read on demand.
                None: the items of the journal.
            identity: how a device whose answer was lost is identified, in a journalled run: by
                a ``"tag"`` written at its creation (default), its ``"serial"`` number or its
                ``"name"``. Serial numbers, or names, must be unique then: a repeated one fails
                before it is sent.
            run: ``journal``, ``on_error``, ``max_failures``, ``ordered``, ``settle`` and
                ``patience``, see `RunKeywords`.

        Raises:
            InputError: an option is unknown, or a value has the wrong type.
            BulkStoppedError: the run ended early: the device cap, the token, the journal.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            specs = (DeviceCreate(name=f"Freezer {number}") for number in range(600))
            report = await tago.devices.create_many(specs, journal="freezers.journal")
            print(report.done, "created,", report.failed, "failed")
            ```
        """
        check_choice("identity", identity, get_args(Identity))
        return self._runs.create(CreateDevices(self._requests, identity=identity), devices, run)

    def edit_many(
        self, changes: Many[DeviceChange] | None, **run: Unpack[RunKeywords]
    ) -> BulkRun[DeviceChange]:
        """Edit many devices.

        Args:
            changes: the devices and their edits; None: the items of the journal.
            run: as for `create_many`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            changes = [DeviceChange(device_id, DeviceEdit(active=False))]
            async with tago.devices.edit_many(changes) as run:
                async for outcome in run:
                    print(outcome.index, type(outcome).__name__)
            ```
        """
        # Items of one device are done in order.
        return self._runs.create(EditDevices(self._requests), changes, run)

    def delete_many(self, device_ids: Many[str] | None, **run: Unpack[RunKeywords]) -> BulkRun[str]:
        """Delete many devices; one that is already gone counts as deleted.

        Args:
            device_ids: the devices' ids; any iterable or async iterable; None: the items of the
                journal.
            run: as for `create_many`.

        Raises:
            BulkStoppedError: the run ended early: the token, no connection.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            ids = [device.id async for device in tago.devices.list()]
            report = await tago.devices.delete_many(ids, journal="clearance.journal")
            ```
        """
        return self._runs.create(DeleteDevices(self._requests), device_ids, run)

    def apply_many(
        self,
        steps: Many[ApplyStep] | None,
        *,
        known_by: str = "name",
        **run: Unpack[RunKeywords],
    ) -> BulkRun[ApplyStep]:
        """Create, edit and delete devices in one run.

        Args:
            steps: the steps; None: the items of the journal. In a journalled run each device to
                create must have a tag ``tagodev_managed``; it is identified among the devices with
                the tag.
            known_by: the identity of devices: ``name``, ``tag:KEY`` or ``serial``.
            run: as for `create_many`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            steps = [
                ApplyStep(device_id=device_id, edit=DeviceEdit(active=False)),
                ApplyStep(device_id=archive_id, delete=True),
            ]
            report = await tago.devices.apply_many(steps)
            ```
        """
        if known_by not in ("name", "serial") and not re.fullmatch("tag:.+", known_by):
            raise InputError(f"must be name, tag:KEY or serial, not {known_by!r}", path="known_by")
        rows = ApplyRequests(self._session, self._runs)
        return self._runs.create(ApplySteps(rows, known_by=known_by), steps, run)
