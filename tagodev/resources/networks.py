"""Networks: what devices speak through."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev.limits.routes import Route
from tagodev.models import Network
from tagodev.query import encode_query
from tagodev.resources.listing import (
    PAGE_SIZE,
    Listing,
    check_fields,
    check_order,
    page_fetcher,
)
from tagodev.retry import Safety
from tagodev.serde import to_wire
from tagodev.session import CallRecord
from tagodev.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev.models import IntegrationFilter
    from tagodev.session import CallOptions, Session

__all__ = ["NETWORK_FIELDS", "Networks", "catalogue_filter"]

# Inside the class `list` is a method.
_Page: TypeAlias = list[Network]

_LIST: Final = Route("GET", "/integration/network")
_INFO: Final = Route("GET", "/integration/network/:network_id")

#: What a network has. The service gives id and name alone unless it is asked for more.
NETWORK_FIELDS: Final = (
    "id",
    "name",
    "description",
    "public",
    "serial_number",
    "device_parameters",
    "middleware_endpoint",
    "require_devices_access",
    "documentation_url",
    "logo_url",
    "icon_url",
    "banner_url",
    "payload_encoder",
    "payload_decoder",
)
#: What a list gives of each network unless told otherwise: not its pictures and sources.
_LISTED: Final = NETWORK_FIELDS[:5]


class Networks:
    """The networks of a profile, and the public ones: ``tago.networks``."""

    def __init__(self, session: Session) -> None:
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
        """
        self._session = session

    async def info(
        self,
        network_id: str,
        *,
        fields: Iterable[str] = NETWORK_FIELDS,
        **options: Unpack[CallOptions],
    ) -> Network:
        """Return what the service says of a network.

        Args:
            network_id: its id.
            fields: what to give besides its id; default: all that is documented.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such network.
            RequestError: it failed otherwise.
        """
        query = encode_query({"fields": check_fields(("id",), fields)})
        path = f"{_INFO.path(network_id)}?{query}"
        request = Request(route=_INFO, path=path, safety=Safety.READ)
        return await self._session.call(request, Network, CallRecord.of(options))

    def list(
        self,
        *,
        filter: IntegrationFilter | None = None,  # noqa: A002  (the service's own word)
        include_public: bool = True,
        fields: Iterable[str] = _LISTED,
        order_by: str = "name,asc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[Network]:
        """List networks; nothing is sent before the result is iterated.

        Args:
            filter: which networks; None for all.
            include_public: list the public catalogue too, not only the profile's own.
            fields: what to give of each besides its id: some of `NETWORK_FIELDS`.
            order_by: a field and ``asc`` or ``desc``.
            page_size: networks a request, 1 to 10,000; default 1,000.
            options: ``lane``, ``max_wait`` and ``timeout`` of each page's call, as `CallOptions`
                says.

        Raises:
            InputError: something that the service would not understand.
        """
        parameters = {
            "fields": check_fields(("id",), fields),
            "filter": catalogue_filter(filter, include_public=include_public),
            "orderBy": check_order(order_by),
        }
        fetch = page_fetcher(self._session, _LIST, _Page, options, parameters=parameters)
        return Listing(fetch, page_size, key=attrgetter("id"))


def catalogue_filter(
    filter: IntegrationFilter | None,  # noqa: A002  (the service's own word)
    *,
    include_public: bool,
) -> dict[str, object]:
    """Return a filter for a list that holds the public catalogue unless told not to."""
    conditions: dict[str, object] = {} if filter is None else to_wire(filter)
    # The service looks whether the condition is there, not at its value: "true" would hide the
    # public ones too.
    return conditions if include_public else {**conditions, "public": False}
