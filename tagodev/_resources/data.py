"""Data of devices, by the device's id: read, count, send, edit, delete, export and import."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Unpack

import attrs

from tagodev._bulk.operations.parameters_and_data import SendData
from tagodev._limits.routes import Route
from tagodev._models import AggregatePoint, DataBackup, DataPoint, DataQuery
from tagodev._models.data_query import MAX_QTY
from tagodev._resources.batches import MAX_BODY
from tagodev._resources.data_sender import DataSender
from tagodev._resources.device_data import DeviceData
from tagodev._resources.requests.data import BY_ID, check_text, check_token
from tagodev._resources.resource import Resource
from tagodev._retry import Safety
from tagodev._secrets import Secret
from tagodev._serialization.converter import to_json
from tagodev._signatures import strict
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tagodev._bulk.input import Many
    from tagodev._bulk.options import RunKeywords
    from tagodev._bulk.run import BulkRun
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import DataBatch, DataCreate, DataEdit
    from tagodev._models.data_query import Aggregation, Comparison, Interval, PointMode
    from tagodev._resources.tokens import Tokens
    from tagodev._session import CallOptions, CallRecord, Session

__all__ = ["Data", "DataRequests"]

_BACKUP: Final = Route("POST", "/device/:device_id/data/backup")
_RESTORE: Final = Route("POST", "/device/:device_id/data/restore")


@strict
class Data(Resource):
    """The data of a profile's devices: ``tago.data``."""

    def __init__(self, session: Session, tokens: Tokens, runs: RunFactory) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
            tokens: lists a device's tokens, to send with one.
            runs: creates bulk runs.
        """
        super().__init__(session)
        self._runs = runs
        self._sender = DataSender(session, tokens)

    def _of(self, device_id: str) -> DeviceData:
        post = partial(self._sender.send, device_id)
        return DeviceData(self._session, device_id, routes=BY_ID, post=post)

    def send_many(
        self, batches: Many[DataBatch] | None, **run: Unpack[RunKeywords]
    ) -> BulkRun[DataBatch]:
        """Send data of many devices, one request per batch.

        In a journalled run data whose answer was lost is identified by its group; batches without
        one get one.

        Args:
            batches: the devices and their data; None: the items of the journal.
            run: ``journal``, ``on_error``, ``max_failures``, ``ordered``, ``settle`` and
                ``patience``, see `RunKeywords`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            batches = [DataBatch(device_id, [DataCreate("temperature", 4.5, unit="°C")])]
            report = await tago.data.send_many(batches, journal="readings.journal")
            print(report.done)
            ```
        """
        return self._runs.create(SendData(DataRequests(self)), batches, run)

    # --- reading -------------------------------------------------------------------------------

    async def read(
        self,
        device_id: str,
        query: DataQuery | None = None,
        *,
        mode: PointMode | None = None,
        **options: Unpack[CallOptions],
    ) -> list[DataPoint]:
        """Return registers of a device, the newest first unless the query says otherwise.

        Args:
            device_id: the device's id.
            query: the registers; None for the last 15. `stream` returns more than 10,000.
            mode: one register per variable instead: its last or first (``last_item``), the
                last or first with a value or a location (``last_value``, ``first_location``), the
                one that arrived last or first (``last_insert``), that with the least or greatest
                number (``min``, ``max``).
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            newest = await tago.data.read(device_id, DataQuery(variables="temperature", qty=100))
            last = await tago.data.read(
                device_id, DataQuery(variables="temperature"), mode="last_value"
            )
            ```
        """
        return await self._of(device_id).read(query, mode=mode, **options)

    async def conditional(
        self,
        device_id: str,
        comparison: Comparison,
        value: float,
        query: DataQuery,
        **options: Unpack[CallOptions],
    ) -> list[DataPoint]:
        """Return the registers of a device whose number compares so.

        Args:
            device_id: the device's id.
            comparison: ``gt``, ``gte``, ``lt``, ``lte``, ``eq`` or ``ne``.
            value: what to compare with.
            query: the registers; it must have a start date.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 day")
            too_warm = await tago.data.conditional(device_id, "gt", 8, query)
            ```
        """
        return await self._of(device_id).conditional(comparison, value, query, **options)

    async def aggregate(
        self,
        device_id: str,
        function: Aggregation,
        interval: Interval,
        query: DataQuery | None = None,
        **options: Unpack[CallOptions],
    ) -> list[AggregatePoint]:
        """Return the values of each interval, aggregated.

        This has the lowest rate limit: 5 to 100 requests per minute.

        Args:
            device_id: the device's id.
            function: ``avg``, ``sum``, ``min`` or ``max``.
            interval: ``minute``, ``hour``, ``day``, ``month``, ``quarter`` or ``year``.
            query: the registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            for point in await tago.data.aggregate(device_id, "avg", "day", query):
                print(point.time, point.value)
            ```
        """
        return await self._of(device_id).aggregate(function, interval, query, **options)

    async def count(
        self, device_id: str, query: DataQuery | None = None, **options: Unpack[CallOptions]
    ) -> int:
        """Return the number of registers of a device.

        Args:
            device_id: the device's id.
            query: the registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            print(await tago.data.count(device_id, DataQuery(variables="temperature")))
            ```
        """
        return await self._of(device_id).count(query, **options)

    async def avg(
        self, device_id: str, query: DataQuery, **options: Unpack[CallOptions]
    ) -> float | None:
        """Return the average of the registers' numbers, or None if there is none.

        Args:
            device_id: the device's id.
            query: the registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            print(await tago.data.avg(device_id, query))
            ```
        """
        return await self._of(device_id).avg(query, **options)

    async def sum(self, device_id: str, query: DataQuery, **options: Unpack[CallOptions]) -> float:
        """Return the sum of the registers' numbers.

        Args:
            device_id: the device's id.
            query: the registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            print(await tago.data.sum(device_id, query))
            ```
        """
        return await self._of(device_id).sum(query, **options)

    def stream(
        self,
        device_id: str,
        query: DataQuery | None = None,
        *,
        page_size: int = MAX_QTY,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[DataPoint, None]:
        """Yield any number of registers of a device, each once; one request per page.

        Pages are cut by time: each starts at the moment at which the previous one ended, and
        registers that were already returned are skipped by id.
        Additions and deletions meanwhile do not affect other registers, and only the ids of one
        moment are stored; `DataQuery.skip` is used only if a moment fills whole pages.
        Several variables are read one after the other, since the service counts a page's
        registers for each of them.

        Args:
            device_id: the device's id.
            query: the registers, and their order; without `qty` and `skip`.
            page_size: registers per request, 1 to 10,000; default 10,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: the query has `qty` or `skip`, or the page size is invalid.
            RequestError: the request failed.

        Example:
            ```python
            async for point in tago.data.stream(device_id, DataQuery(variables="temperature")):
                print(point.time, point.value)
            ```
        """
        return self._of(device_id).stream(query, page_size=page_size, **options)

    # --- changing ------------------------------------------------------------------------------

    async def send(
        self,
        device_id: str,
        points: DataCreate | Many[DataCreate],
        *,
        token: str | Secret | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Send registers, any number, in requests of at most 1,000 registers and 200 kB.

        The service requires a token of the device.
        Without `token`, the route by the device's id is used, which some analyses may do; if it is
        refused, a token of the device with write permission is looked up once, and cached.

        Not idempotent: if an answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again, which could store the registers twice.
        The error's ``accepted`` is the number of registers that earlier requests sent.

        Args:
            device_id: the device's id.
            points: the registers; one, or any iterable or async iterable, read on demand.
            token: a token of the device with write permission.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Returns:
            The number that the service reports as accepted; a payload parser may change it.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            accepted = await tago.data.send(device_id, DataCreate("temperature", 4.5, unit="°C"))
            ```
        """
        if token is None:
            return await self._of(device_id).send(points, **options)
        secret = Secret(token)
        del token
        check_token(secret)
        post = partial(self._sender.send_with, secret)
        return await DeviceData(self._session, post=post).send(points, **options)

    async def edit(
        self,
        device_id: str,
        points: DataEdit | Many[DataEdit],
        **options: Unpack[CallOptions],
    ) -> int:
        """Edit registers, any number, in requests of at most 25; not on an immutable device.

        Args:
            device_id: the device's id.
            points: the edits; one, or any iterable or async iterable, read on demand.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Returns:
            The number that the service reports as edited.

        Raises:
            RequestError: the request failed; ``accepted`` says how many registers earlier requests
                edited.

        Example:
            ```python
            (point,) = await tago.data.read(device_id, DataQuery(qty=1))
            await tago.data.edit(device_id, DataEdit(point.id, value=4.6))
            ```
        """
        return await self._of(device_id).edit(points, **options)

    async def delete(
        self,
        device_id: str,
        query: DataQuery,
        *,
        mode: PointMode | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Delete registers of a device; not of an immutable one.

        The service may take half a minute to delete them.
        Only a query with `ids` is sent again if its answer is lost: any other might delete
        further registers.

        Args:
            device_id: the device's id.
            query: the registers; without `ids` it needs the most to delete (`qty`), since the
                service's default is 15.
            mode: one register per variable instead, as for `read`.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Returns:
            The number that the service reports as deleted.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", qty=100)
            deleted = await tago.data.delete(device_id, query)
            ```
        """
        return await self._of(device_id).delete(query, mode=mode, **options)

    # --- export and import ---------------------------------------------------------------------

    async def backup(
        self,
        device_id: str,
        file_address: str,
        *,
        headers: bool = True,
        **options: Unpack[CallOptions],
    ) -> DataBackup:
        """Schedule the export of a device's data as CSV to Files.

        Args:
            device_id: the device's id.
            file_address: the path of the file; ``$DEVICE$`` and ``$TIMESTAMP$`` in it are replaced.
            headers: whether the file has a header row, which `restore` needs.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; it is not sent again if the answer is lost.

        Example:
            ```python
            backup = await tago.data.backup(device_id, "/backup/$DEVICE$.csv")
            print(backup.file_address)
            ```
        """
        check_text("file_address", file_address)
        body = to_json({"file_address": file_address, "headers": headers})
        return await self._call(
            DataBackup, options, _BACKUP, device_id, safety=Safety.ONCE, body=body
        )

    async def restore(
        self, device_id: str, file_address: str, **options: Unpack[CallOptions]
    ) -> None:
        """Schedule the import of a CSV file in Files into a device.

        The file has a header row with at least ``variable``, is separated by commas, and holds at
        most 200 MB and a million registers.
        The device's payload parser does not run.

        Args:
            device_id: the device's id.
            file_address: the path of the file.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; it is not sent again if the answer is lost.

        Example:
            ```python
            await tago.data.restore(device_id, "/backup/readings.csv")
            ```
        """
        check_text("file_address", file_address)
        body = to_json({"file_address": file_address})
        safety = Safety.ONCE
        await self._call(object, options, _RESTORE, device_id, safety=safety, body=body)


# --- bulk runs ----------------------------------------------------------------------------------


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
