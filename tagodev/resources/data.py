"""Data of devices, by the device's id: read, count, send, change, delete, export and import.

Long for what is said of it: more than half is documentation, with an example for each call.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Unpack

from tagodev.bulk.operations.parameters_and_data import SendData
from tagodev.limits.routes import Route
from tagodev.models import AggregatePoint, DataBackup, DataPoint
from tagodev.models.data_query import MAX_QTY
from tagodev.resources.data_sender import DataSender
from tagodev.resources.device_data import DeviceData
from tagodev.resources.requests.data import BY_ID, check_text, check_token
from tagodev.resources.requests.parameters_and_data import DataRows
from tagodev.retry import Safety
from tagodev.secrets import Secret
from tagodev.serialization.converter import to_json
from tagodev.session import CallRecord
from tagodev.signatures import strict
from tagodev.transport import Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tagodev.bulk.input import Many
    from tagodev.bulk.options import RunKeywords
    from tagodev.bulk.run import BulkRun
    from tagodev.bulk.run_factory import RunFactory
    from tagodev.models import DataBatch, DataCreate, DataEdit, DataQuery
    from tagodev.models.data_query import Aggregation, Comparison, Interval, PointMode
    from tagodev.resources.tokens import Tokens
    from tagodev.session import CallOptions, Session

__all__ = ["Data"]

_BACKUP: Final = Route("POST", "/device/:device_id/data/backup")
_RESTORE: Final = Route("POST", "/device/:device_id/data/restore")


@strict
class Data:
    """The data of a profile's devices: ``tago.data``."""

    def __init__(self, session: Session, tokens: Tokens, runs: RunFactory) -> None:
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
            tokens: where a device's tokens are listed, to send with.
            runs: where bulk runs are begun.
        """
        self._session = session
        self._runs = runs
        self._sender = DataSender(session, tokens)

    def _of(self, device_id: str) -> DeviceData:
        post = partial(self._sender.send, device_id)
        return DeviceData(self._session, device_id, routes=BY_ID, post=post)

    def send_many(
        self, batches: Many[DataBatch] | None, **run: Unpack[RunKeywords]
    ) -> BulkRun[DataBatch]:
        """Send data for many devices, one request a batch.

        In a journalled run data whose answer was lost is known again by its group, which is made
        up for batches whose registers have none.

        Args:
            batches: for which device, and what to send; None: what the journal holds.
            run: ``journal``, ``on_error``, ``max_failures``, ``ordered``, ``settle`` and
                ``patience``, as `RunKeywords` says.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal is of another input, or in use.

        Example:
            ```python
            batches = [DataBatch(device_id, [DataCreate("temperature", 4.5, unit="°C")])]
            report = await tago.data.send_many(batches, journal="readings.journal")
            print(report.done)
            ```
        """
        return self._runs.begin(SendData(DataRows(self)), batches, run)

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
            device_id: which device.
            query: which registers; None for the last 15. `stream` gives more than 10,000.
            mode: one register of each variable instead: its last or first (``last_item``), the
                last or first with a value or a location (``last_value``, ``first_location``), the
                one that arrived last or first (``last_insert``), that with the least or greatest
                number (``min``, ``max``).
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

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
            device_id: which device.
            comparison: ``gt``, ``gte``, ``lt``, ``lte``, ``eq`` or ``ne``.
            value: what to compare with.
            query: which registers; it must have a start date.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

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
        """Return what the values of each interval come to.

        The limit on this is the tightest of all: 5 to 100 requests a minute.

        Args:
            device_id: which device.
            function: ``avg``, ``sum``, ``min`` or ``max``.
            interval: ``minute``, ``hour``, ``day``, ``month``, ``quarter`` or ``year``.
            query: which registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

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
        """Return how many registers a device has.

        Args:
            device_id: which device.
            query: which registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

        Example:
            ```python
            print(await tago.data.count(device_id, DataQuery(variables="temperature")))
            ```
        """
        return await self._of(device_id).count(query, **options)

    async def avg(
        self, device_id: str, query: DataQuery, **options: Unpack[CallOptions]
    ) -> float | None:
        """Return the average of the registers' numbers, or None where the service has none.

        Args:
            device_id: which device.
            query: which registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

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
            device_id: which device.
            query: which registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.

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
        """Give registers of a device, however many there are, each once; one request a page.

        Pages go by time: each begins at the moment at which the one before it ended, and what was
        given already is left out by its id.
        What is added or deleted meanwhile makes nothing else be missed, and only the ids of one
        moment are kept in mind; `DataQuery.skip` is used only where a moment fills whole pages.
        Where several variables are named, one follows the other, since the service counts a
        page's registers for each of them.

        Args:
            device_id: which device.
            query: which registers, and in which order; without `qty` and `skip`.
            page_size: registers a request, 1 to 10,000; default 10,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, as
                `CallOptions` says.

        Raises:
            InputError: the query has `qty` or `skip`, or the page size is out of bounds.
            RequestError: it failed.

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

        The service takes them from a token of the device.
        Without one, the route by the device's id is tried, which is open to some analyses; where
        it is refused, a token of the device that may write is looked up, once, and used from then
        on.

        Not idempotent: if an answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again, lest they be kept twice.
        ``accepted`` of an error says how many had been taken by the requests before that one.

        Args:
            device_id: which device.
            points: what to send; one, or any iterable or async iterable, read as it is needed.
            token: a token of the device that may write.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, as `CallOptions`
                says.

        Returns:
            How many the service says it has taken; a payload parser may make others of them.

        Raises:
            RequestError: it failed.

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
        """Change registers, any number, in requests of at most 25; not on an immutable device.

        Args:
            device_id: which device.
            points: what to change; one, or any iterable or async iterable, read as it is needed.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, as `CallOptions`
                says.

        Returns:
            How many the service says it has changed.

        Raises:
            RequestError: it failed; ``accepted`` says how many had been changed by the requests
                before that one.

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

        It may take half a minute until they are gone.
        Only a query with `ids` is sent again if its answer is lost: any other might delete the
        next ones too.

        Args:
            device_id: which device.
            query: which; without `ids` it must say how many at most (`qty`), since the service
                would take 15.
            mode: one register of each variable instead, as for `read`.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Returns:
            How many the service says it has deleted.

        Raises:
            RequestError: it failed.

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
        """Have a device's data exported as CSV to Files; it is scheduled, not done, on return.

        Args:
            device_id: which device.
            file_address: where to; ``$DEVICE$`` and ``$TIMESTAMP$`` in it are filled in.
            headers: whether the file opens with the names of its columns, as `restore` needs it.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed; nothing is sent again if the answer is lost.

        Example:
            ```python
            backup = await tago.data.backup(device_id, "/backup/$DEVICE$.csv")
            print(backup.file_address)
            ```
        """
        check_text("file_address", file_address)
        body = to_json({"file_address": file_address, "headers": headers})
        request = Request(
            route=_BACKUP, path=_BACKUP.path(device_id), safety=Safety.ONCE, body=body
        )
        return await self._session.call(request, DataBackup, CallRecord.of(options))

    async def restore(
        self, device_id: str, file_address: str, **options: Unpack[CallOptions]
    ) -> None:
        """Have a CSV file in Files imported into a device; it is queued, not done, on return.

        The file opens with the names of its columns, ``variable`` among them, is separated by
        commas, and holds at most 200 MB and a million registers.
        The device's payload parser does not run.

        Args:
            device_id: which device.
            file_address: where it is.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed; nothing is sent again if the answer is lost.

        Example:
            ```python
            await tago.data.restore(device_id, "/backup/readings.csv")
            ```
        """
        check_text("file_address", file_address)
        body = to_json({"file_address": file_address})
        request = Request(
            route=_RESTORE, path=_RESTORE.path(device_id), safety=Safety.ONCE, body=body
        )
        await self._session.call(request, object, CallRecord.of(options))
