"""Connectors, the types of devices: list, read, create, edit and delete."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._limits.routes import Route
from tagodev._models import Connector, ConnectorCreated
from tagodev._resources.listing import PAGE_SIZE, Listing, check_fields, field_names, page_fetcher
from tagodev._resources.networks import catalogue_parameters
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json
from tagodev._signatures import strict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev._models import ConnectorCreate, ConnectorEdit, IntegrationFilter
    from tagodev._session import CallOptions

__all__ = ["CONNECTOR_FIELDS", "Connectors"]

# Inside the class `list` is a method.
_Page: TypeAlias = list[Connector]

_LIST: Final = Route("GET", "/integration/connector")
_INFO: Final = Route("GET", "/integration/connector/:connector_id")
_CREATE: Final = Route("POST", "/integration/connector")
_EDIT: Final = Route("PUT", "/integration/connector/:connector_id")
_DELETE: Final = Route("DELETE", "/integration/connector/:connector_id")

#: The fields of a connector.
CONNECTOR_FIELDS: Final = field_names(Connector)
#: Fields that a list returns by default: without pictures, texts and sources.
_LISTED: Final = CONNECTOR_FIELDS[:5]


@strict
class Connectors(Resource):
    """The connectors of a profile, and the public ones: ``tago.connectors``."""

    async def info(
        self,
        connector_id: str,
        *,
        fields: Iterable[str] = CONNECTOR_FIELDS,
        **options: Unpack[CallOptions],
    ) -> Connector:
        """Return a connector.

        Args:
            connector_id: its id.
            fields: fields to return besides its id; default: all that is documented.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the connector does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            connector = await tago.connectors.info("5f5a8f3351d4db99c40dece5")
            print(connector.name)
            ```
        """
        return await self._call(
            Connector,
            options,
            _INFO,
            connector_id,
            parameters={"fields": check_fields(("id",), fields)},
        )

    def list(
        self,
        *,
        filter: IntegrationFilter | None = None,  # noqa: A002  (the service's own word)
        include_public: bool = True,
        fields: Iterable[str] = _LISTED,
        order_by: str = "name,asc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[Connector]:
        """List connectors; nothing is sent before the result is iterated.

        Args:
            filter: the connectors' filter; None for all.
            include_public: list the public catalogue too, not only the profile's own.
            fields: fields to return besides its id: some of `CONNECTOR_FIELDS`.
            order_by: a field and ``asc`` or ``desc``.
            page_size: connectors per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            async for connector in tago.connectors.list():
                print(connector.id, connector.name)
            ```
        """
        parameters = catalogue_parameters(
            filter, include_public=include_public, fields=fields, order_by=order_by
        )
        fetch = page_fetcher(self._session, _LIST, _Page, options, parameters=parameters)
        return Listing(fetch, page_size, key=attrgetter("id"))

    async def create(
        self, connector: ConnectorCreate, **options: Unpack[CallOptions]
    ) -> ConnectorCreated:
        """Create a connector of the profile.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            connector: the connector's fields.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            ResourceLimitError: the plan allows no more connectors.
            RequestError: the request failed otherwise.

        Example:
            ```python
            created = await tago.connectors.create(
                ConnectorCreate(name="Probe", networks=[network_id])
            )
            print(created.connector)
            ```
        """
        body = to_json(connector)
        return await self._call(ConnectorCreated, options, _CREATE, safety=Safety.ONCE, body=body)

    async def edit(
        self, connector_id: str, changes: ConnectorEdit, **options: Unpack[CallOptions]
    ) -> None:
        """Change fields of a connector of the profile; others stay.

        Args:
            connector_id: its id.
            changes: the fields to change.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the connector does not exist.
            RequestError: the request failed otherwise; public connectors can't be changed.

        Example:
            ```python
            created = await tago.connectors.create(ConnectorCreate(name="Probe"))
            await tago.connectors.edit(created.connector, ConnectorEdit(name="Probe 2"))
            ```
        """
        safety, body = Safety.IDEMPOTENT, to_json(changes)
        await self._call(object, options, _EDIT, connector_id, safety=safety, body=body)

    async def delete(self, connector_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a connector of the profile.

        Args:
            connector_id: its id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the connector does not exist, and no earlier attempt of this call with
                a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            created = await tago.connectors.create(ConnectorCreate(name="Probe"))
            await tago.connectors.delete(created.connector)
            ```
        """
        safety = Safety.IDEMPOTENT
        await removed(self._call(object, options, _DELETE, connector_id, safety=safety))
