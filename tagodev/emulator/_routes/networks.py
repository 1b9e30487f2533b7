"""Routes of networks and connectors: list, info, create, edit, delete.

A profile sees the public catalogue and its own, and may change its own only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from tagodev.emulator._http.errors import RefusedError, check_cap
from tagodev.emulator._http.pagination import Listing, getters
from tagodev.emulator._http.routing import PROFILE_ONLY, Call, Route
from tagodev.emulator._http.validation import (
    CONNECTOR_READERS,
    NETWORK_READERS,
    Reader,
    read,
    read_new,
    refuse_if,
)
from tagodev.emulator._model.public_networks import (
    PUBLIC_CONNECTORS,
    PUBLIC_NETWORKS,
    Connector,
    Network,
)
from tagodev.emulator._model.time import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tagodev.emulator._model.store import Device, Store
    from tagodev.hard_limits import Plan

__all__ = ["NETWORK_FIELDS", "ROUTES", "move_problems", "own_network", "place_problems"]

_Record = TypeVar("_Record", Network, Connector)


@attrs.frozen(kw_only=True)
class _Kind(Generic[_Record]):
    """What distinguishes networks and connectors."""

    name: str
    cls: type[_Record]
    readers: Mapping[str, Reader]
    listing: Listing[_Record]
    caps: Mapping[Plan, int]
    """How many of its own a profile may have (docs.tago.io: Resource limits)."""
    public: Mapping[str, _Record]
    own: Callable[[Store], dict[str, _Record]]

    def found(self, call: Call) -> _Record:
        """Return the record of the path.

        Raises:
            RefusedError: it does not exist.
        """
        record = self.own(call.store).get(call.path[0]) or self.public.get(call.path[0])
        if record is None:
            raise RefusedError(404, f"{self.name} Not Found")
        return record

    def owned(self, call: Call, record_id: str) -> _Record:
        """Return a record of the profile itself.

        Raises:
            RefusedError: it does not exist, or is public.
        """
        if record_id in self.public:
            raise RefusedError(401, "Authorization Denied")
        record = self.own(call.store).get(record_id)
        if record is None:
            raise RefusedError(404, f"{self.name} Not Found")
        return record

    def page(self, call: Call) -> list[dict[str, Any]]:
        """Answer a list."""
        query = call.query()
        chosen = query.get("filter")
        # Whatever its value, this filter hides the public ones.
        hidden = isinstance(chosen, dict) and "public" in chosen
        own = self.own(call.store)
        records: Mapping[str, _Record] = own if hidden else {**self.public, **own}
        return self.listing.page(records.values(), query, applied=("public",))

    def info(self, call: Call) -> dict[str, Any]:
        """Answer an info."""
        record, query = self.found(call), call.query()
        if "fields" not in query:
            return {name: write(record) for name, write in self.listing.writers.items()}
        return self.listing.written(record, query)

    def create(self, call: Call) -> dict[str, str]:
        """Answer a creation."""
        values, problems = read_new(call.body(), self.readers, "name")
        refuse_if(problems)
        own, now = self.own(call.store), call.clock.now()
        check_cap(len(own) + 1, self.caps[call.options.plan], f"Custom {self.name}")
        record = self.cls(id=call.store.new_id(), created_at=now, updated_at=now, **values)
        own[record.id] = record
        return {self.name.lower(): record.id}

    def edit(self, call: Call) -> None:
        """Change the fields of a record of the profile."""
        record = self.owned(call, call.path[0])
        values, problems = read(call.body(), self.readers)
        refuse_if(problems)
        for name, value in values.items():
            setattr(record, name, value)
        record.updated_at = call.clock.now()


def _dated(names: Iterable[str]) -> dict[str, Callable[[Any], Any]]:
    """Return the serializers of these fields, and of the dates."""
    return {
        **getters(*names),
        "created_at": lambda record: iso(record.created_at),
        "updated_at": lambda record: iso(record.updated_at),
    }


#: How each field of a network is written.
NETWORK_FIELDS: Final[Mapping[str, Callable[[Network], Any]]] = {
    **_dated(["id", *NETWORK_READERS]),
    "serial_number": lambda network: attrs.asdict(network.serial_number),
}


def _listing(writers: Mapping[str, Callable[[_Record], Any]]) -> Listing[_Record]:
    return Listing(
        writers=writers,
        keys=getters("name", "description", "created_at", "updated_at"),
        filters=("id", "name", "description"),
        order="name,asc",
        usual=("id", "name"),
        always=("id",),
    )


_NETWORKS: Final = _Kind(
    name="Network",
    cls=Network,
    readers=NETWORK_READERS,
    listing=_listing(NETWORK_FIELDS),
    caps={"free": 1, "starter": 5, "scale": 10},
    public=PUBLIC_NETWORKS,
    own=lambda store: store.networks,
)
_CONNECTORS: Final = _Kind(
    name="Connector",
    cls=Connector,
    readers=CONNECTOR_READERS,
    listing=_listing(_dated(["id", "public", *CONNECTOR_READERS])),
    caps={"free": 3, "starter": 20, "scale": 50},
    public=PUBLIC_CONNECTORS,
    own=lambda store: store.connectors,
)


def own_network(call: Call, network_id: str) -> Network:
    """Return a network of the profile itself.

    Raises:
        RefusedError: it does not exist, or is public.
    """
    return _NETWORKS.owned(call, network_id)


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


def _edit_network(call: Call) -> str:
    _NETWORKS.edit(call)
    return "Successfully Updated"


def _delete_network(call: Call) -> str:
    network = own_network(call, call.path[0])
    del call.store.networks[network.id]
    for token in list(call.store.keyring.of("network", network.id)):
        call.store.keyring.remove(token)
    return "Successfully Removed"


def _edit_connector(call: Call) -> str:
    _CONNECTORS.edit(call)
    return "Connector Successfully Updated"


def _delete_connector(call: Call) -> str:
    del call.store.connectors[_CONNECTORS.owned(call, call.path[0]).id]
    return "Connector Successfully Deleted"


_NETWORK: Final = "/integration/network/:network_id"
_CONNECTOR: Final = "/integration/connector/:connector_id"

ROUTES: Final = (
    Route("GET", "/integration/network", _NETWORKS.page, is_paged=True),
    Route("POST", "/integration/network", _NETWORKS.create, open_to=PROFILE_ONLY),
    Route("GET", _NETWORK, _NETWORKS.info),
    Route("PUT", _NETWORK, _edit_network, open_to=PROFILE_ONLY),
    Route("DELETE", _NETWORK, _delete_network, open_to=PROFILE_ONLY),
    Route("GET", "/integration/connector", _CONNECTORS.page, is_paged=True),
    Route("POST", "/integration/connector", _CONNECTORS.create, open_to=PROFILE_ONLY),
    Route("GET", _CONNECTOR, _CONNECTORS.info),
    Route("PUT", _CONNECTOR, _edit_connector, open_to=PROFILE_ONLY),
    Route("DELETE", _CONNECTOR, _delete_connector, open_to=PROFILE_ONLY),
)
