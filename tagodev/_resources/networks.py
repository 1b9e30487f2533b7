"""Networks: list, read, create, edit, delete; and what a network's own token can do."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._limits.routes import Route
from tagodev._models import UNSET, DataCreate, Device, Network, NetworkCreated
from tagodev._models.data import Affected
from tagodev._resources.batches import one_body
from tagodev._resources.listing import (
    PAGE_SIZE,
    Listing,
    check_fields,
    check_order,
    field_names,
    page_fetcher,
)
from tagodev._resources.parameters import checked_parameters
from tagodev._resources.requests.data import check_token
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._secrets import Secret
from tagodev._serialization.converter import to_json, to_wire
from tagodev._signatures import strict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev._models import (
        ConfigurationParameter,
        DeviceFilter,
        IntegrationFilter,
        NetworkCreate,
        NetworkEdit,
    )
    from tagodev._session import CallOptions

__all__ = ["NETWORK_FIELDS", "Networks", "catalogue_parameters"]

# Inside the class `list` is a method.
_Page: TypeAlias = list[Network]
_Devices: TypeAlias = list[Device]

_LIST: Final = Route("GET", "/integration/network")
_INFO: Final = Route("GET", "/integration/network/:network_id")
_CREATE: Final = Route("POST", "/integration/network")
_EDIT: Final = Route("PUT", "/integration/network/:network_id")
_DELETE: Final = Route("DELETE", "/integration/network/:network_id")
_DEVICES: Final = Route("GET", "/integration/network/:network_id/devices")
_PARAMETERS: Final = Route("POST", "/integration/network/:device_id/params")
_DATA: Final = Route("POST", "/integration/network/data")

#: The fields of a network. The service returns only id and name by default.
NETWORK_FIELDS: Final = field_names(Network, "profile", "created_at", "updated_at")
#: Fields that a list returns by default: without pictures and sources.
_LISTED: Final = NETWORK_FIELDS[:5]
#: Registers per request, as in the official tools.
_MAX_SENT: Final = 1000


@strict
class Networks(Resource):
    """The networks of a profile, and the public ones: ``tago.networks``."""

    async def info(
        self,
        network_id: str,
        *,
        fields: Iterable[str] = NETWORK_FIELDS,
        **options: Unpack[CallOptions],
    ) -> Network:
        """Return a network.

        Args:
            network_id: its id.
            fields: fields to return besides its id; default: all that is documented.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the network does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            network = await tago.networks.info("5bbd0d144051a50034cd19fb")
            print(network.name)
            ```
        """
        parameters = {"fields": check_fields(("id",), fields)}
        return await self._call(Network, options, _INFO, network_id, parameters=parameters)

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
            filter: the networks' filter; None for all.
            include_public: list the public catalogue too, not only the profile's own.
            fields: fields to return besides its id: some of `NETWORK_FIELDS`.
            order_by: a field and ``asc`` or ``desc``.
            page_size: networks per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            async for network in tago.networks.list():
                print(network.id, network.name)
            ```
        """
        parameters = catalogue_parameters(
            filter, include_public=include_public, fields=fields, order_by=order_by
        )
        fetch = page_fetcher(self._session, _LIST, _Page, options, parameters=parameters)
        return Listing(fetch, page_size, key=attrgetter("id"))

    async def create(
        self, network: NetworkCreate, **options: Unpack[CallOptions]
    ) -> NetworkCreated:
        """Create a network of the profile.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            network: the network's fields.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            ResourceLimitError: the plan allows no more networks.
            RequestError: the request failed otherwise.

        Example:
            ```python
            created = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            print(created.network)
            ```
        """
        body = _body(network)
        return await self._call(NetworkCreated, options, _CREATE, safety=Safety.ONCE, body=body)

    async def edit(
        self, network_id: str, changes: NetworkEdit, **options: Unpack[CallOptions]
    ) -> None:
        """Change fields of a network of the profile; others stay.

        Args:
            network_id: its id.
            changes: the fields to change.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the network does not exist.
            RequestError: the request failed otherwise; public networks can't be changed.

        Example:
            ```python
            created = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            await tago.networks.edit(created.network, NetworkEdit(description="In the cellar"))
            ```
        """
        body = _body(changes)
        safety = Safety.IDEMPOTENT
        await self._call(object, options, _EDIT, network_id, safety=safety, body=body)

    async def delete(self, network_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a network of the profile, with its tokens.

        Args:
            network_id: its id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the network does not exist, and no earlier attempt of this call with
                a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            created = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            await tago.networks.delete(created.network)
            ```
        """
        safety = Safety.IDEMPOTENT
        await removed(self._call(object, options, _DELETE, network_id, safety=safety))

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

        The network needs access to its devices (`Network.require_devices_access`).
        Nothing is sent before the result is iterated.

        Args:
            network_id: the network's id, or that of a connector on it.
            filter: the devices' filter; None for all.
            order_by: a field and ``asc`` or ``desc``, as for `Devices.list`.
            page_size: devices per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

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

        This token can't read the existing parameters: one without an id is added, even if another
        one has its key.
        `Parameters.set` finds the ids, with a profile's token.

        Args:
            device_id: the device's id.
            parameters: the parameters, sent in one request. One with an id edits that parameter.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            InputError: a key is empty or used twice.
            NotFoundError: the network does not have the device.
            RequestError: the request failed; it is not sent again if the answer is lost and a
                parameter may have been added.

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
        safety = Safety.ONCE if any(one.id is UNSET for one in given) else Safety.IDEMPOTENT
        body = to_json(given)
        await self._call(object, options, _PARAMETERS, device_id, safety=safety, body=body)

    async def send(
        self,
        authorization: str | Secret,
        points: DataCreate | Iterable[DataCreate],
        **options: Unpack[CallOptions],
    ) -> int:
        """Send data of any device of the network; needs the network's own token.

        The network's payload parser finds the device's serial number in it, usually in
        ``metadata["serial"]`` of one of the registers.
        All registers are sent in one request, so that the parser gets them together.

        Args:
            authorization: the service authorization that the device was added with.
            points: 1 to 1,000 registers, 200 kB in total.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Returns:
            The number of registers that the service reports as accepted; all of them if it reports
            none.

        Raises:
            InputError: there are no registers, or more than one request holds.
            NotFoundError: the network has no device of that serial number.
            RequestError: the request failed; it is not sent again if the answer is lost.

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
        affected = await self._call(
            Affected,
            options,
            _DATA,
            safety=Safety.ONCE,
            # Not in a local variable: a traceback with local variables would show it.
            parameters={"authorization_token": secret.reveal()},
            body=body,
            secrets=(secret,),
        )
        return number if affected.number is None else affected.number


def _body(network: NetworkCreate | NetworkEdit) -> bytes:
    """Return the body of a creation or an edit; of the serial number's format, what is set."""
    wire = to_wire(network)
    if "serial_number" in wire:
        serial_number = wire["serial_number"]
        wire["serial_number"] = {
            name: value for name, value in serial_number.items() if value is not None
        }
    return to_json(wire)


def catalogue_parameters(
    conditions: IntegrationFilter | None,
    *,
    include_public: bool,
    fields: Iterable[str],
    order_by: str,
) -> dict[str, object]:
    """Return the query of a list that contains the public catalogue, unless it is filtered."""
    chosen: dict[str, object] = {} if conditions is None else to_wire(conditions)
    if not include_public:
        # The service checks only whether the condition exists, not its value: "true" would hide
        # the public ones too.
        chosen["public"] = False
    fields = check_fields(("id",), fields)
    return {"fields": fields, "filter": chosen, "orderBy": check_order(order_by)}
