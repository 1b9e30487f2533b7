"""Data of one device: read, count, send, edit and delete.

The routes are those of a device's own token, or those by its id.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, Unpack, get_args

import attrs

from tagodev._models import UNSET, AggregatePoint, DataCreate, DataEdit, DataPoint, DataQuery, Unset
from tagodev._models.data import Affected, Total
from tagodev._models.data_query import MAX_QTY, Aggregation, Comparison, Interval, PointMode
from tagodev._resources.batches import Batches
from tagodev._resources.requests.data import OWN, DataRoutes, as_parameters, check_choice
from tagodev._resources.resource import Resource
from tagodev._retry import Safety
from tagodev._signatures import strict
from tagodev.errors import InputError, MalformedAnswerError, TagoError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

    from tagodev._bulk.run import Many
    from tagodev._limits.routes import Route
    from tagodev._session import CallOptions, Session

__all__ = ["DeviceData"]

T = TypeVar("T")
_Points: TypeAlias = list[DataPoint]

#: Registers per request, as in the official tools.
_MAX_SENT: Final = 1000
#: Registers per edit request, by the error text of TagoIO's TagoCore.
_MAX_EDITED: Final = 25


@strict
class DeviceData(Resource):
    """The data of the device whose token the client has: ``device.data``."""

    def __init__(
        self,
        session: Session,
        *device_id: str,
        routes: DataRoutes = OWN,
        post: Callable[[bytes, CallOptions], Awaitable[Affected]] | None = None,
    ) -> None:
        """Initialize the resource; `TagoDevice` creates it.

        Args:
            session: the session that sends requests.
            device_id: the device's id, for routes with an id.
            routes: the routes to use.
            post: sends one body; default: by the route for sending.
        """
        super().__init__(session)
        self._device_id = device_id
        self._routes = routes
        self._post = post or partial(self._write, routes.send, Safety.ONCE)

    # --- reading -------------------------------------------------------------------------------

    async def read(
        self,
        query: DataQuery | None = None,
        *,
        mode: PointMode | None = None,
        **options: Unpack[CallOptions],
    ) -> list[DataPoint]:
        """Return registers, the newest first unless the query says otherwise.

        Args:
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
            newest = await device.data.read(DataQuery(variables="temperature", qty=100))
            last = await device.data.read(DataQuery(variables="temperature"), mode="last_value")
            ```
        """
        if mode is not None:
            check_choice("mode", mode, get_args(PointMode))
        parameters = as_parameters(query, mode)
        return await self._get(self._routes.read, parameters, _Points, options)

    async def conditional(
        self,
        comparison: Comparison,
        value: float,
        query: DataQuery,
        **options: Unpack[CallOptions],
    ) -> list[DataPoint]:
        """Return the registers whose number compares so.

        Args:
            comparison: ``gt``, ``gte``, ``lt``, ``lte``, ``eq`` or ``ne``.
            value: what to compare with.
            query: the registers; it must have a start date.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 day")
            too_warm = await device.data.conditional("gt", 8, query)
            ```
        """
        check_choice("comparison", comparison, get_args(Comparison))
        parameters = as_parameters(query, "conditional", dated=True)
        parameters |= {"function": comparison, "value": value}
        return await self._get(self._routes.read, parameters, _Points, options)

    async def aggregate(
        self,
        function: Aggregation,
        interval: Interval,
        query: DataQuery | None = None,
        **options: Unpack[CallOptions],
    ) -> list[AggregatePoint]:
        """Return the values of each interval, aggregated.

        This has the lowest rate limit: 5 to 100 requests per minute.

        Args:
            function: ``avg``, ``sum``, ``min`` or ``max``.
            interval: ``minute``, ``hour``, ``day``, ``month``, ``quarter`` or ``year``.
            query: the registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            for point in await device.data.aggregate("avg", "day", query):
                print(point.time, point.value)
            ```
        """
        check_choice("function", function, get_args(Aggregation))
        check_choice("interval", interval, get_args(Interval))
        parameters = as_parameters(query, "aggregate")
        parameters |= {"function": function, "interval": interval}
        return await self._get(self._routes.aggregate, parameters, list[AggregatePoint], options)

    async def count(self, query: DataQuery | None = None, **options: Unpack[CallOptions]) -> int:
        """Return the number of registers.

        Args:
            query: the registers; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            print(await device.data.count(DataQuery(variables="temperature")))
            ```
        """
        total = await self._get(self._routes.read, as_parameters(query, "count"), Total, options)
        return int(total.value or 0)

    async def avg(self, query: DataQuery, **options: Unpack[CallOptions]) -> float | None:
        """Return the average of the registers' numbers, or None if there is none.

        Args:
            query: the registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            print(await device.data.avg(query))
            ```
        """
        parameters = as_parameters(query, "avg", dated=True)
        return (await self._get(self._routes.read, parameters, Total, options)).value

    async def sum(self, query: DataQuery, **options: Unpack[CallOptions]) -> float:
        """Return the sum of the registers' numbers.

        Args:
            query: the registers; it must have a start date, and span a month at most.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            query = DataQuery(variables="temperature", start_date="1 week")
            print(await device.data.sum(query))
            ```
        """
        parameters = as_parameters(query, "sum", dated=True)
        return (await self._get(self._routes.read, parameters, Total, options)).value or 0

    def stream(
        self,
        query: DataQuery | None = None,
        *,
        page_size: int = MAX_QTY,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[DataPoint, None]:
        """Yield any number of registers, each once; one request per page.

        Pages are cut by time: each starts at the moment at which the previous one ended, and
        registers that were already returned are skipped by id.
        Additions and deletions meanwhile do not affect other registers, and only the ids of one
        moment are stored; `DataQuery.skip` is used only if a moment fills whole pages.
        Several variables are read one after the other, since the service counts a page's
        registers for each of them.

        Args:
            query: the registers, and their order; without `qty` and `skip`.
            page_size: registers per request, 1 to 10,000; default 10,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: the query has `qty` or `skip`, or the page size is invalid.
            RequestError: the request failed.

        Example:
            ```python
            async for point in device.data.stream(DataQuery(variables="temperature")):
                print(point.time, point.value)
            ```
        """
        query = DataQuery() if query is None else query
        if not 1 <= page_size <= MAX_QTY:
            raise InputError(f"must be from 1 to {MAX_QTY}, not {page_size}", path="page_size")
        for path in ("qty", "skip"):
            if getattr(query, path) is not UNSET:
                raise InputError("is not allowed in a stream", path=path, hint=f"Remove {path}")
        return self._stream(query, page_size, options)

    async def _stream(
        self, query: DataQuery, page_size: int, options: CallOptions
    ) -> AsyncGenerator[DataPoint, None]:
        """Yield the points of one variable after the other."""
        variables: tuple[str | Unset, ...] = (UNSET,)
        if not isinstance(query.variables, Unset):
            variables = tuple(dict.fromkeys(query.variables))
        for variable in variables:
            one = attrs.evolve(query, variables=variable, qty=page_size)
            async with aclosing(self._pages(one, page_size, options)) as pages:
                async for page in pages:
                    for point in page:
                        yield point

    async def _pages(
        self, query: DataQuery, size: int, options: CallOptions
    ) -> AsyncGenerator[list[DataPoint], None]:
        """Yield pages by time, without points of an earlier page."""
        ascending = query.ordination == "ascending"
        seen: set[str] = set()
        skip = 0
        moment = None
        while True:
            page = await self.read(attrs.evolve(query, skip=skip or UNSET), **options)
            fresh = [point for point in page if point.id not in seen]
            if fresh:
                yield fresh
            # Within one moment, a page without anything new means that the service repeats itself.
            if len(page) < size or (skip and not fresh):
                return
            times = [point.time for point in page]
            reached = max(times) if ascending else min(times)
            if reached == moment:
                skip += len(page)
            else:
                moment, skip = reached, 0
                seen.clear()
                query = (
                    attrs.evolve(query, start_date=moment)
                    if ascending
                    else attrs.evolve(query, end_date=moment)
                )
            seen.update(point.id for point in page if point.time == moment)

    # --- changing ------------------------------------------------------------------------------

    async def send(
        self, points: DataCreate | Many[DataCreate], **options: Unpack[CallOptions]
    ) -> int:
        """Send registers, any number, in requests of at most 1,000 registers and 200 kB.

        Not idempotent: if an answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again, which could store the registers twice.
        The error's ``accepted`` is the number of registers that earlier requests sent.

        Args:
            points: the registers; one, or any iterable or async iterable, read on demand.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Returns:
            The number that the service reports as accepted; a payload parser may change it.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            accepted = await device.data.send(DataCreate("temperature", 4.5, unit="°C"))
            ```
        """
        return await self._send_all(
            Batches(points, DataCreate, most=_MAX_SENT), self._post, options
        )

    async def edit(self, points: DataEdit | Many[DataEdit], **options: Unpack[CallOptions]) -> int:
        """Edit registers, any number, in requests of at most 25; not on an immutable device.

        Args:
            points: the edits; one, or any iterable or async iterable, read on demand.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Returns:
            The number that the service reports as edited.

        Raises:
            RequestError: the request failed; ``accepted`` says how many registers earlier requests
                edited.

        Example:
            ```python
            (point,) = await device.data.read(DataQuery(qty=1))
            await device.data.edit(DataEdit(point.id, value=4.6))
            ```
        """
        put = partial(self._write, self._routes.edit, Safety.IDEMPOTENT)
        return await self._send_all(Batches(points, DataEdit, most=_MAX_EDITED), put, options)

    async def delete(
        self,
        query: DataQuery,
        *,
        mode: PointMode | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Delete registers; not on an immutable device.

        The service may take half a minute to delete them.
        Only a query with `ids` is sent again if its answer is lost: any other might delete
        further registers.

        Args:
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
            deleted = await device.data.delete(DataQuery(variables="temperature", qty=100))
            ```
        """
        if mode is not None:
            check_choice("mode", mode, get_args(PointMode))
        elif query.ids is UNSET and query.qty is UNSET:
            raise InputError(
                "needs qty or ids",
                path="qty",
                hint="Without them, the service would delete 15 registers",
            )
        route = self._routes.delete
        safety = Safety.ONCE if query.ids is UNSET or mode is not None else Safety.IDEMPOTENT
        parameters = as_parameters(query, mode)
        deleted = await self._call(
            Affected, options, route, *self._device_id, safety=safety, parameters=parameters
        )
        if deleted.number is None:
            raise MalformedAnswerError(
                "The service did not return the number of deleted registers",
                route=route.name,
                status=200,
                may_have_acted=True,
            )
        return deleted.number

    # --- one request ---------------------------------------------------------------------------

    def _get(
        self, route: Route, parameters: dict[str, Any], cls: type[T], options: CallOptions
    ) -> Coroutine[Any, Any, T]:
        return self._call(cls, options, route, *self._device_id, parameters=parameters)

    def _write(
        self, route: Route, safety: Safety, body: bytes, options: CallOptions
    ) -> Coroutine[Any, Any, Affected]:
        return self._call(Affected, options, route, *self._device_id, safety=safety, body=body)

    async def _send_all(
        self,
        batches: Batches[Any],
        send: Callable[[bytes, CallOptions], Awaitable[Affected]],
        options: CallOptions,
    ) -> int:
        accepted = 0
        try:
            async with aclosing(aiter(batches)) as bodies:
                async for body, number in bodies:
                    reported = (await send(body, options)).number
                    accepted += number if reported is None else reported
        except TagoError as error:
            error.accepted = accepted
            raise
        return accepted
