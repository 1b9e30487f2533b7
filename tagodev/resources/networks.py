"""Networks: what devices speak through; and what a network's own token may do for them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev.limits.routes import Route
from tagodev.models import UNSET, DataCreate, Device, Network
from tagodev.models.data import Affected
from tagodev.query import encode_query
from tagodev.resources.batches import one_body
from tagodev.resources.listing import (
    PAGE_SIZE,
    Listing,
    check_fields,
    check_order,
    page_fetcher,
)
from tagodev.resources.parameters import checked_parameters
from tagodev.resources.requests.data import check_token
from tagodev.retry import Safety
from tagodev.secrets import Secret
from tagodev.serialization.converter import to_json, to_wire
from tagodev.session import CallRecord
from tagodev.signatures import strict
from tagodev.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev.models import ConfigurationParameter, DeviceFilter, IntegrationFilter
    from tagodev.session import CallOptions, Session

__all__ = ["NETWORK_FIELDS", "Networks", "catalogue_filter"]

# Inside the class `list` is a method.
_Page: TypeAlias = list[Network]
_Devices: TypeAlias = list[Device]

_LIST: Final = Route("GET", "/integration/network")
_INFO: Final = Route("GET", "/integration/network/:network_id")
_DEVICES: Final = Route("GET", "/integration/network/:network_id/devices")
_PARAMETERS: Final = Route("POST", "/integration/network/:device_id/params")
_DATA: Final = Route("POST", "/integration/network/data")

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
#: Registers that one request sends, as the official tools do it.
_MAX_SENT: Final = 1000


@strict
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
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such network.
            RequestError: it failed otherwise.

        Example:
            ```python
            network = await tago.networks.info("5bbd0d144051a50034cd19fb")
            print(network.name)
            ```
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
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, as
                `CallOptions` says.

        Raises:
            InputError: something that the service would not understand.

        Example:
            ```python
            async for network in tago.networks.list():
                print(network.id, network.name)
            ```
        """
        parameters = {
            "fields": check_fields(("id",), fields),
            "filter": catalogue_filter(filter, include_public=include_public),
            "orderBy": check_order(order_by),
        }
        fetch = page_fetcher(self._session, _LIST, _Page, options, parameters=parameters)
        return Listing(fetch, page_size, key=attrgetter("id"))

    # --- with a network's own token ------------------------------------------------------------

    def devices(
        self,
        network_id: str,
        *,
        filter: DeviceFilter | None = None,  # noqa: A002  (the service's own word)
        order_by: str = "name,asc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[Device]:
        """List the devices of a network, each with its token; needs the network's own token.

        The network must have been given access to its devices (`Network.require_devices_access`).
        Nothing is sent before the result is iterated.

        Args:
            network_id: the network's id, or that of a connector on it.
            filter: which devices; None for all.
            order_by: a field and ``asc`` or ``desc``, as for `Devices.list`.
            page_size: devices a request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, as
                `CallOptions` says.

        Raises:
            InputError: something that the service would not understand.

        Example:
            ```python
            async for device in network.networks.devices(network_id):
                print(device.name)
            ```
        """
        parameters = {
            "filter": to_wire(filter) if filter is not None else None,
            "orderBy": check_order(order_by),
        }
        fetch = page_fetcher(
            self._session, _DEVICES, _Devices, options, ids=(network_id,), parameters=parameters
        )
        return Listing(fetch, page_size, key=attrgetter("id"))

    async def set_parameters(
        self,
        device_id: str,
        parameters: Iterable[ConfigurationParameter],
        **options: Unpack[CallOptions],
    ) -> None:
        """Edit or add configuration parameters of a device; needs the token of its network.

        Such a token can't read the parameters that are there: one without an id is added, even
        beside another of its key.
        `Parameters.set` finds the ids by itself, with a profile's token.

        Args:
            device_id: which device.
            parameters: what to set, in one request. One with an id edits the parameter of that id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            InputError: a key that is empty or stands twice.
            NotFoundError: the network has no such device.
            RequestError: it failed otherwise; nothing is sent again if the answer is lost and any
                was to be added.

        Example:
            ```python
            await network.networks.set_parameters(
                device_id, [ConfigurationParameter("check_rate", 900)]
            )
            ```
        """
        given = checked_parameters(parameters)
        if not given:
            return
        request = Request(
            route=_PARAMETERS,
            path=_PARAMETERS.path(device_id),
            safety=Safety.ONCE if any(one.id is UNSET for one in given) else Safety.IDEMPOTENT,
            body=to_json(given),
        )
        await self._session.call(request, object, CallRecord.of(options))

    async def send(
        self,
        authorization: str | Secret,
        points: DataCreate | Iterable[DataCreate],
        **options: Unpack[CallOptions],
    ) -> int:
        """Send data to whichever device it is of; needs a network's own token.

        The network's payload parser finds the device's serial number in it, as a rule in
        ``metadata["serial"]`` of one of the registers.
        All goes in one request, since the parser is to see what belongs together.

        Args:
            authorization: the service authorization that the device was added with.
            points: what to send: 1 to 1,000 registers, 200 kB in all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Returns:
            How many registers the service says it has taken; all of them where it says nothing.

        Raises:
            InputError: none, or more than one request takes.
            NotFoundError: the network has no device of that serial number.
            RequestError: it failed otherwise; nothing is sent again if the answer is lost.

        Example:
            ```python
            point = DataCreate("payload", "0A1F", metadata={"serial": "0004A30B001C0530"})
            await network.networks.send(authorization, point)
            ```
        """
        secret = Secret(authorization)
        del authorization
        check_token(secret, path="authorization")
        body, number = one_body(points, DataCreate, most=_MAX_SENT, path="points")
        request = Request(
            route=_DATA,
            # In no variable of its own: a traceback that shows variables would show it.
            path=f"{_DATA.path()}?{encode_query({'authorization_token': secret.reveal()})}",
            safety=Safety.ONCE,
            body=body,
            secrets=(secret,),
        )
        said = (await self._session.call(request, Affected, CallRecord.of(options))).number
        return number if said is None else said


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
