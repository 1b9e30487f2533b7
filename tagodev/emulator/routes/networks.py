"""Routes of networks and connectors: list, info, create, edit, delete.

A profile sees the public catalogue and its own, and may change its own only.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tagodev.emulator.http.errors import RefusedError
from tagodev.emulator.http.pagination import Listing
from tagodev.emulator.http.routing import PROFILE_ONLY, Call, Route
from tagodev.emulator.http.validation import (
    CONNECTOR_READERS,
    NETWORK_READERS,
    Reader,
    read,
    refuse_if,
)
from tagodev.emulator.model.public_networks import (
    PUBLIC_CONNECTORS,
    PUBLIC_NETWORKS,
    Connector,
    Network,
)
from tagodev.emulator.model.time import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev.emulator.model.store import Device, Store
    from tagodev.hard_limits import Plan

__all__ = ["NETWORK_FIELDS", "ROUTES", "move_problems", "own_network", "place_problems"]

_Record = TypeVar("_Record", Network, Connector)

#: How many of its own a profile may have (docs.tago.io: Resource limits).
_NETWORK_CAPS: Final[Mapping[Plan, int]] = {"free": 1, "starter": 5, "scale": 10}
_CONNECTOR_CAPS: Final[Mapping[Plan, int]] = {"free": 3, "starter": 20, "scale": 50}


def _dated(names: Iterable[str]) -> dict[str, Callable[[Any], Any]]:
    """Return the serializers of these fields, and of the dates."""
    return {
        **{name: attrgetter(name) for name in names},
        "created_at": lambda record: iso(record.created_at),
        "updated_at": lambda record: iso(record.updated_at),
    }


#: How each field of a network is written.
NETWORK_FIELDS: Final[Mapping[str, Callable[[Network], Any]]] = {
    **_dated(["id", *NETWORK_READERS]),
    "serial_number": lambda network: attrs.asdict(network.serial_number),
}
_NETWORKS: Final[Listing[Network]] = Listing(
    writers=NETWORK_FIELDS,
    keys={name: attrgetter(name) for name in ("name", "description", "created_at", "updated_at")},
    filters=("id", "name", "description"),
    order="name,asc",
    usual=("id", "name"),
    always=("id",),
)
_CONNECTORS: Final[Listing[Connector]] = Listing(
    writers=_dated(["id", "public", *CONNECTOR_READERS]),
    keys={name: attrgetter(name) for name in ("name", "description", "created_at", "updated_at")},
    filters=("id", "name", "description"),
    order="name,asc",
    usual=("id", "name"),
    always=("id",),
)


def own_network(call: Call, network_id: str) -> Network:
    """Return a network of the profile itself.

    Raises:
        RefusedError: it does not exist, or is public.
    """
    if network_id in PUBLIC_NETWORKS:
        raise RefusedError(401, "Authorization Denied")
    network = call.store.networks.get(network_id)
    if network is None:
        raise RefusedError(404, "Network Not Found")
    return network


def place_problems(store: Store, values: Mapping[str, Any]) -> Iterator[str]:
    """Check the network and connector of a new device, if the network is known.

    Args:
        store: the profile's contents.
        values: fields of the device.

    Returns:
        A sentence per problem.
    """
    yield from _pair_problems(store, values)
    network = store.find_network(values.get("network", ""))
    if network and network.serial_number.required and values.get("serie_number") is None:
        yield "serie_number is required in this network"


def move_problems(store: Store, device: Device, values: Mapping[str, Any]) -> Iterator[str]:
    """Check the network and connector of an edited device.

    Args:
        store: the profile's contents.
        device: the current device.
        values: edited fields.

    Returns:
        A sentence per problem.
    """
    if ("network" in values) != ("connector" in values):
        yield "network and connector must be edited together"
        return
    place = (values.get("network"), values.get("connector"))
    if "network" not in values or place == (device.network, device.connector):
        return
    yield from _pair_problems(store, values)
    if device.tokens:
        yield "network and connector can't be edited while the device has tokens"


def _pair_problems(store: Store, values: Mapping[str, Any]) -> Iterator[str]:
    """Check that a connector supports a network; unknown ones are accepted."""
    network = store.find_network(values.get("network", ""))
    connector = store.find_connector(values.get("connector", ""))
    if network and connector and network.id not in connector.networks:
        yield "network must be one of the connector's networks"


def _own_connector(call: Call) -> Connector:
    if call.path[0] in PUBLIC_CONNECTORS:
        raise RefusedError(401, "Authorization Denied")
    connector = call.store.connectors.get(call.path[0])
    if connector is None:
        raise RefusedError(404, "Connector Not Found")
    return connector


def _page(
    call: Call,
    listing: Listing[_Record],
    public: Mapping[str, _Record],
    own: Mapping[str, _Record],
) -> list[dict[str, Any]]:
    query = call.query()
    chosen = query.get("filter")
    # Whatever its value, this filter hides the public ones.
    hidden = isinstance(chosen, dict) and "public" in chosen
    records: Mapping[str, _Record] = own if hidden else {**public, **own}
    return listing.page(records.values(), query, applied=("public",))


def _info_of(call: Call, listing: Listing[_Record], record: _Record) -> dict[str, Any]:
    query = call.query()
    if "fields" not in query:
        return {name: write(record) for name, write in listing.writers.items()}
    return listing.written(record, query)


def _check_cap(call: Call, own: Mapping[str, _Record], caps: Mapping[Plan, int], what: str) -> None:
    most = caps[call.options.plan]
    if len(own) >= most:
        raise RefusedError(400, f"You have exceeded the maximum limit of {what} ({most})")


def _new(call: Call, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the attributes of a new network or connector."""
    body = {name: value for name, value in call.body().items() if value is not None}
    values, problems = read(body, readers)
    refuse_if([*([] if "name" in body else ["name is required"]), *problems])
    now = call.clock.now()
    return {"id": call.store.new_id(), "created_at": now, "updated_at": now, **values}


def _change(call: Call, record: _Record, readers: Mapping[str, Reader]) -> None:
    values, problems = read(call.body(), readers)
    refuse_if(problems)
    for name, value in values.items():
        setattr(record, name, value)
    record.updated_at = call.clock.now()


def _list_networks(call: Call) -> list[dict[str, Any]]:
    return _page(call, _NETWORKS, PUBLIC_NETWORKS, call.store.networks)


def _network_info(call: Call) -> dict[str, Any]:
    network = call.store.find_network(call.path[0])
    if network is None:
        raise RefusedError(404, "Network Not Found")
    return _info_of(call, _NETWORKS, network)


def _create_network(call: Call) -> dict[str, str]:
    networks = call.store.networks
    network = Network(**_new(call, NETWORK_READERS))
    _check_cap(call, networks, _NETWORK_CAPS, "Custom Network")
    networks[network.id] = network
    return {"network": network.id}


def _edit_network(call: Call) -> str:
    _change(call, own_network(call, call.path[0]), NETWORK_READERS)
    return "Successfully Updated"


def _delete_network(call: Call) -> str:
    network = own_network(call, call.path[0])
    del call.store.networks[network.id]
    for token in list(call.store.keyring.of("network", network.id)):
        call.store.keyring.remove(token)
    return "Successfully Removed"


def _list_connectors(call: Call) -> list[dict[str, Any]]:
    return _page(call, _CONNECTORS, PUBLIC_CONNECTORS, call.store.connectors)


def _connector_info(call: Call) -> dict[str, Any]:
    connector = call.store.find_connector(call.path[0])
    if connector is None:
        raise RefusedError(404, "Connector Not Found")
    return _info_of(call, _CONNECTORS, connector)


def _create_connector(call: Call) -> dict[str, str]:
    connectors = call.store.connectors
    connector = Connector(**_new(call, CONNECTOR_READERS))
    _check_cap(call, connectors, _CONNECTOR_CAPS, "Custom Connector")
    connectors[connector.id] = connector
    return {"connector": connector.id}


def _edit_connector(call: Call) -> str:
    _change(call, _own_connector(call), CONNECTOR_READERS)
    return "Connector Successfully Updated"


def _delete_connector(call: Call) -> str:
    del call.store.connectors[_own_connector(call).id]
    return "Connector Successfully Deleted"


ROUTES: Final = (
    Route("GET", "/integration/network", _list_networks),
    Route("POST", "/integration/network", _create_network, open_to=PROFILE_ONLY),
    Route("GET", "/integration/network/:network_id", _network_info),
    Route("PUT", "/integration/network/:network_id", _edit_network, open_to=PROFILE_ONLY),
    Route("DELETE", "/integration/network/:network_id", _delete_network, open_to=PROFILE_ONLY),
    Route("GET", "/integration/connector", _list_connectors),
    Route("POST", "/integration/connector", _create_connector, open_to=PROFILE_ONLY),
    Route("GET", "/integration/connector/:connector_id", _connector_info),
    Route("PUT", "/integration/connector/:connector_id", _edit_connector, open_to=PROFILE_ONLY),
    Route(
        "DELETE", "/integration/connector/:connector_id", _delete_connector, open_to=PROFILE_ONLY
    ),
)
