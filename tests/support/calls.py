"""Every call of the client, by name, and what must stand on the service for it to succeed."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from inspect import getmembers, isfunction
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_type_hints

import attrs

from tagodev import (
    ApplyStep,
    ConfigurationParameter,
    ConnectorCreate,
    ConnectorEdit,
    DataBatch,
    DataCreate,
    DataEdit,
    DataQuery,
    DeviceChange,
    DeviceConvert,
    DeviceCreate,
    DeviceEdit,
    DeviceTokenCreate,
    NetworkCreate,
    NetworkEdit,
    NetworkTokenCreate,
    ParameterChange,
    Rotation,
    ServiceTokenCreate,
    Tag,
    Tago,
    TagoDevice,
    TokenCreate,
)
from tagodev._resources.listing import Listing
from tests.support.answers import http
from tests.support.clients import NO_WAIT, PLENTY, client
from tests.support.servers import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tagodev._bulk.run import BulkRun

__all__ = [
    "CALLS",
    "CLASSES",
    "METHODS",
    "Actors",
    "Call",
    "Stock",
    "acting",
    "methods",
    "stocked",
]

#: Networks and connectors that every profile sees.
_NETWORK: Final = "5bbd0d144051a50034cd19fb"
_CONNECTOR: Final = "5f5a8f3351d4db99c40dece5"
_SERIAL: Final = "A1B2C3"
_VALUES: Final = (
    DataCreate("temperature", 4, unit="°C"),
    DataCreate("temperature", 6.5),
    DataCreate("door", "open", metadata={"color": "red"}),
)


@attrs.frozen
class Actors:
    """Clients, each with another kind of token."""

    tago: Tago
    """The profile's."""
    analysis: Tago
    """An analysis's."""
    network: Tago
    """A network's."""
    device: TagoDevice
    """A device's own."""


@attrs.frozen(kw_only=True)
class Stock:
    """What stands on the service for calls to find."""

    device: str = "67e1a2b3c4d5e6f708192a3b"
    """A mutable device with values, a parameter and a serial number."""
    idle: str = "67e1a2b3c4d5e6f708192a3d"
    """A mutable device that is empty and inactive."""
    archive: str = "67e1a2b3c4d5e6f708192a3c"
    """An immutable device with values."""
    token: str = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    """A token of the mutable device that may be deleted."""
    register: str = "67e1a2b3c4d5e6f708192a3e"
    """One value of the mutable device."""
    parameter: str = "67e1a2b3c4d5e6f708192a3f"
    """A configuration parameter of the mutable device."""
    chunk: str = "1657497600_1658102399"
    """A chunk of the immutable device."""
    file: str = "all.csv"
    """An export of the mutable device."""
    authorization: str = "at0123456789abcdef0123456789abcdef"
    """A service authorization of the profile."""
    network: str = "67e1a2b3c4d5e6f708192a40"
    """A network of the profile."""
    connector: str = "67e1a2b3c4d5e6f708192a41"
    """A connector of the profile."""
    lora: str = "67e1a2b3c4d5e6f708192a42"
    """A device of the profile's network, which has a middleware and has used the device."""
    network_token: str = "n-8be70d95-0dbc-4e16-89b6-b23b077d05e6"
    """A token of the profile's network."""


Call: TypeAlias = Callable[[Actors, Stock], Awaitable[Any]]


@asynccontextmanager
async def acting(url: str, tokens: Mapping[Any, str], **options: Any) -> AsyncIterator[Actors]:
    """Open a client with each kind of token.

    Args:
        url: the service's address.
        tokens: by kind; ``profile``, ``analysis``, ``network`` and ``device`` are needed.
        options: of each client.
    """
    given = {"plan": PLENTY, "retry": NO_WAIT, "timeout": 10.0, **options}
    async with (
        client(url, token=tokens["profile"], **options) as tago,
        client(url, token=tokens["analysis"], **options) as analysis,
        client(url, token=tokens["network"], **options) as network,
        TagoDevice(tokens["device"], api=url, **given) as device,
    ):
        yield Actors(tago, analysis, network, device)


@asynccontextmanager
async def stocked(url: str, tokens: Mapping[Any, str]) -> AsyncIterator[tuple[Actors, Stock]]:
    """Open clients for an emulator on which there is one of everything."""
    async with (
        ScriptedServer(lambda _: http(200, b"Accepted")) as middleware,
        client(url, token=tokens["profile"]) as tago,
    ):
        made = await tago.devices.create(_spec("Mutable", serie_number=_SERIAL))
        chunks = {"chunk_period": "month", "chunk_retention": 6}
        archive = await tago.devices.create(_spec("Archive", type="immutable", **chunks))
        idle = await tago.devices.create(_spec("Idle", active=False))
        await tago.data.send(made.device_id, _VALUES, token=made.token)
        await tago.data.send(archive.device_id, _VALUES, token=archive.token)
        token = await tago.tokens.create(made.device_id, TokenCreate("field", "read"))
        backup = await tago.data.backup(made.device_id, "/all")
        endpoint = middleware.url.removeprefix("http://")
        spec = NetworkCreate(name="Ours", middleware_endpoint=endpoint)
        network = (await tago.networks.create(spec)).network
        connector = await tago.connectors.create(ConnectorCreate(name="Ours", networks=[network]))
        place = {"network": network, "connector": connector.connector}
        lora = await tago.devices.create(_spec("LoRa", serie_number="B1", **place))
        network_token = await tago.network_tokens.create(network, NetworkTokenCreate("server"))
        async with client(url, token=network_token.token) as server:
            await server.tokens.resolve("B1", tokens["authorization"])
        stock = Stock(
            network=network,
            lora=lora.device_id,
            connector=connector.connector,
            network_token=network_token.token.reveal(),
            device=made.device_id,
            idle=idle.device_id,
            archive=archive.device_id,
            token=token.token.reveal(),
            register=(await tago.data.read(made.device_id))[0].id,
            parameter=str((await tago.parameters.list(made.device_id))[0].id),
            chunk=(await tago.chunks.list(archive.device_id))[0].id,
            file=backup.file_address,
            authorization=tokens["authorization"],
        )
        async with acting(url, {**tokens, "device": made.token.reveal()}) as actors:
            yield actors, stock


def _spec(name: str, **fields: Any) -> DeviceCreate:
    parameters = [ConfigurationParameter("rate", 600)]
    tags = [Tag("a", "b")]
    return DeviceCreate(name=name, configuration_params=parameters, tags=tags, **fields)


async def _run(run: BulkRun[Any]) -> Any:
    return await run


async def _stream(points: AsyncIterator[Any]) -> list[Any]:
    return [point async for point in points]


_OF_TEMPERATURE: Final = DataQuery(variables="temperature", start_date="1 day")
_ANYTHING: Final = DataQuery(start_date="1 day")
_ONE: Final = DataQuery(qty=1)

#: Each call under its method's name; after a space stands what is special about it.
CALLS: Final[Mapping[str, Call]] = {
    "tago.devices.create": lambda a, _: a.tago.devices.create(_spec("New")),
    "tago.devices.info": lambda a, s: a.tago.devices.info(s.device),
    "tago.devices.info immutable": lambda a, s: a.tago.devices.info(s.archive),
    "tago.devices.list": lambda a, _: a.tago.devices.list(page_size=2).collect(50),
    "tago.devices.list resolved": lambda a, _: a.tago.devices.list(
        fields=["bucket", "connector", "network", "last_output"],
        serial=_SERIAL,
        resolve_bucket_name=True,
        resolve_connector_name=True,
    ).first(),
    "tago.devices.edit": lambda a, s: a.tago.devices.edit(s.device, DeviceEdit(visible=False)),
    "tago.devices.delete": lambda a, s: a.tago.devices.delete(s.device),
    "tago.devices.amount": lambda a, s: a.tago.devices.amount(s.device),
    "tago.devices.empty": lambda a, s: a.tago.devices.empty(s.device),
    "tago.devices.convert": lambda a, s: a.tago.devices.convert(
        s.idle, DeviceConvert("immutable", chunk_period="day", chunk_retention=3)
    ),
    "tago.devices.statistics": lambda a, s: a.tago.devices.statistics(s.device),
    "tago.devices.send_downlink": lambda a, s: a.tago.devices.send_downlink(s.lora, "01A0"),
    "tago.devices.create_many": lambda a, _: _run(
        a.tago.devices.create_many([_spec("Many 1"), _spec("Many 2")])
    ),
    "tago.devices.edit_many": lambda a, s: _run(
        a.tago.devices.edit_many([DeviceChange(s.device, DeviceEdit(active=False))])
    ),
    "tago.devices.delete_many": lambda a, s: _run(a.tago.devices.delete_many([s.idle, s.archive])),
    "tago.devices.apply_many": lambda a, s: _run(
        a.tago.devices.apply_many(
            [
                ApplyStep(create=_spec("Applied")),
                ApplyStep(device_id=s.device, edit=DeviceEdit(active=False)),
                ApplyStep(device_id=s.idle, delete=True),
            ]
        )
    ),
    "tago.tokens.create": lambda a, s: a.tago.tokens.create(
        s.device, TokenCreate("gateway", "write", expire_time="1 day")
    ),
    "tago.tokens.list": lambda a, s: a.tago.tokens.list(s.device, page_size=2).collect(50),
    "tago.tokens.find": lambda a, s: a.tago.tokens.find(s.device, "field"),
    "tago.tokens.delete": lambda a, s: a.tago.tokens.delete(s.token),
    "tago.tokens.info": lambda a, _: a.tago.tokens.info(),
    "tago.tokens.info of a network": lambda a, _: a.network.tokens.info(),
    "tago.tokens.resolve": lambda a, _: a.network.tokens.resolve(_SERIAL),
    "tago.tokens.resolve authorized": lambda a, s: a.network.tokens.resolve(
        _SERIAL, s.authorization
    ),
    "tago.tokens.create_many": lambda a, s: _run(
        a.tago.tokens.create_many([DeviceTokenCreate(s.device, TokenCreate("many"))])
    ),
    "tago.tokens.rotate_many": lambda a, s: _run(
        a.tago.tokens.rotate_many([Rotation(s.device, s.token), Rotation(s.idle)])
    ),
    "tago.parameters.list": lambda a, s: a.tago.parameters.list(s.device, sent=False),
    "tago.parameters.set": lambda a, s: a.tago.parameters.set(
        s.device, [ConfigurationParameter("rate", 60), ConfigurationParameter("new", "x")]
    ),
    "tago.parameters.remove": lambda a, s: a.tago.parameters.remove(s.device, s.parameter),
    "tago.parameters.set_many": lambda a, s: _run(
        a.tago.parameters.set_many([ParameterChange(s.device, [ConfigurationParameter("rate", 1)])])
    ),
    "tago.data.read": lambda a, s: a.tago.data.read(s.device, DataQuery(details=True)),
    "tago.data.read last": lambda a, s: a.tago.data.read(s.device, mode="last_item"),
    "tago.data.conditional": lambda a, s: a.tago.data.conditional(
        s.device, "gt", 5, _OF_TEMPERATURE
    ),
    "tago.data.aggregate": lambda a, s: a.tago.data.aggregate(
        s.device, "sum", "day", _OF_TEMPERATURE
    ),
    "tago.data.count": lambda a, s: a.tago.data.count(s.device),
    "tago.data.avg": lambda a, s: a.tago.data.avg(s.device, _OF_TEMPERATURE),
    "tago.data.sum": lambda a, s: a.tago.data.sum(s.device, _OF_TEMPERATURE),
    "tago.data.stream": lambda a, s: _stream(a.tago.data.stream(s.device, page_size=2)),
    "tago.data.send": lambda a, s: a.tago.data.send(s.device, _VALUES),
    "tago.data.send as an analysis": lambda a, s: a.analysis.data.send(s.device, _VALUES),
    "tago.data.edit": lambda a, s: a.tago.data.edit(s.device, DataEdit(s.register, 7)),
    "tago.data.delete": lambda a, s: a.tago.data.delete(s.device, _ONE),
    "tago.data.backup": lambda a, s: a.tago.data.backup(s.device, "/export"),
    "tago.data.restore": lambda a, s: a.tago.data.restore(s.device, s.file),
    "tago.data.send_many": lambda a, s: _run(a.tago.data.send_many([DataBatch(s.device, _VALUES)])),
    "tago.chunks.list": lambda a, s: a.tago.chunks.list(s.archive),
    "tago.chunks.backup": lambda a, s: a.tago.chunks.backup(s.archive, s.chunk, "/$FROM$"),
    "tago.chunks.delete": lambda a, s: a.tago.chunks.delete(s.archive, s.chunk),
    "tago.networks.info": lambda a, _: a.tago.networks.info(_NETWORK),
    "tago.networks.list": lambda a, _: a.tago.networks.list(page_size=3).collect(50),
    "tago.networks.devices": lambda a, _: a.network.networks.devices(_NETWORK).collect(50),
    "tago.networks.set_parameters": lambda a, s: a.network.networks.set_parameters(
        s.device, [ConfigurationParameter("downlink", "01")]
    ),
    "tago.networks.send": lambda a, s: a.network.networks.send(
        s.authorization, DataCreate("payload", "01", metadata={"serial": _SERIAL})
    ),
    "tago.connectors.info": lambda a, _: a.tago.connectors.info(_CONNECTOR),
    "tago.connectors.list": lambda a, _: a.tago.connectors.list(page_size=3).collect(50),
    "tago.networks.create": lambda a, _: a.tago.networks.create(NetworkCreate(name="New")),
    "tago.networks.edit": lambda a, s: a.tago.networks.edit(s.network, NetworkEdit(name="Edited")),
    "tago.networks.delete": lambda a, s: a.tago.networks.delete(s.network),
    "tago.connectors.create": lambda a, s: a.tago.connectors.create(
        ConnectorCreate(name="New", networks=[s.network])
    ),
    "tago.connectors.edit": lambda a, s: a.tago.connectors.edit(
        s.connector, ConnectorEdit(name="Edited")
    ),
    "tago.connectors.delete": lambda a, s: a.tago.connectors.delete(s.connector),
    "tago.network_tokens.create": lambda a, s: a.tago.network_tokens.create(
        s.network, NetworkTokenCreate("server")
    ),
    "tago.network_tokens.list": lambda a, s: a.tago.network_tokens.list(
        s.network, page_size=2
    ).collect(50),
    "tago.network_tokens.delete": lambda a, s: a.tago.network_tokens.delete(s.network_token),
    "tago.service_tokens.create": lambda a, _: a.tago.service_tokens.create(
        ServiceTokenCreate("server", verification_code="1234")
    ),
    "tago.service_tokens.list": lambda a, _: a.tago.service_tokens.list(page_size=2).collect(50),
    "tago.service_tokens.edit": lambda a, s: a.tago.service_tokens.edit(s.authorization, "1234"),
    "tago.service_tokens.delete": lambda a, s: a.tago.service_tokens.delete(s.authorization),
    "tago.profile.list": lambda a, _: a.tago.profile.list(),
    "tago.tags.keys": lambda a, _: a.tago.tags.keys(),
    "tago.profile.info": lambda a, _: a.tago.profile.info(),
    "tago.profile.summary": lambda a, _: a.tago.profile.summary(),
    "tago.account.info": lambda a, _: a.tago.account.info(),
    "tago.account.plan": lambda a, _: a.tago.account.plan(),
    "device.info": lambda a, _: a.device.info(),
    "device.data.read": lambda a, _: a.device.data.read(),
    "device.data.conditional": lambda a, _: a.device.data.conditional("lte", 5, _ANYTHING),
    "device.data.aggregate": lambda a, _: a.device.data.aggregate("max", "hour", _ANYTHING),
    "device.data.count": lambda a, _: a.device.data.count(),
    "device.data.avg": lambda a, _: a.device.data.avg(_ANYTHING),
    "device.data.sum": lambda a, _: a.device.data.sum(_ANYTHING),
    "device.data.stream": lambda a, _: _stream(a.device.data.stream(page_size=2)),
    "device.data.send": lambda a, _: a.device.data.send(_VALUES),
    "device.data.edit": lambda a, s: a.device.data.edit(DataEdit(s.register, "x")),
    "device.data.delete": lambda a, _: a.device.data.delete(_ONE, mode="last_item"),
    "device.parameters.list": lambda a, _: a.device.parameters.list(),
    "device.parameters.mark_read": lambda a, s: a.device.parameters.mark_read(s.parameter),
}


def _classes() -> dict[str, type]:
    """Return the clients and what they hand out, by the names that programs use."""
    found: dict[str, type] = {"tago": Tago, "device": TagoDevice, "listing": Listing}
    for name, kind in (("tago", Tago), ("device", TagoDevice)):
        for part, member in getmembers(kind):
            getter = getattr(member, "func" if isinstance(member, cached_property) else "fget", 0)
            if part.startswith("_") or not getter:
                continue
            handed_out = get_type_hints(getter, vars(sys.modules[getter.__module__]))["return"]
            if handed_out.__module__.startswith("tagodev."):
                found[f"{name}.{part}"] = handed_out
    return found


#: The clients and what they hand out, by the names that programs use.
CLASSES: Final = _classes()
#: Every public method of them, under the same names.
METHODS: Final = {
    f"{name}.{method}": function
    for name, cls in CLASSES.items()
    for method, function in getmembers(cls, isfunction)
    if not method.startswith("_")
}


def methods() -> Iterator[str]:
    """Yield the name of every method that talks: of the clients, and of what they hand out."""
    return (name for name in METHODS if name.split(".")[-2] not in ("listing", "limits"))
