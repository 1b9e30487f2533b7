"""``tagodev network`` and ``tagodev connector``: list and show networks and connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import App, Parameter

import tagodev
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.table import JsonOption, OutputOptions, record_of, show_record, show_rows
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev import Connector, IntegrationFilter, Network, Tago

__all__ = ["connector_app", "network_app"]


_LISTED: Final = ("id", "name", "description", "public")
_PEOPLE: Final = ("id", "name", "public", "description")
_NETWORK: Final = (
    *("id", "name", "description", "public", "serial_number", "device_parameters"),
    *("middleware_endpoint", "require_devices_access", "documentation_url"),
    *("created_at", "updated_at"),
)
_CONNECTOR: Final = (
    *("id", "name", "description", "public", "networks", "device_parameters"),
    *("install_text", "install_end_text", "device_annotation", "created_at", "updated_at"),
)

_NameOption: TypeAlias = Annotated[
    str | None, Parameter(help="Only this name; * matches any text.")
]
_OwnOption: TypeAlias = Annotated[
    bool, Parameter(help="Only the profile's own, not the public ones.")
]
_LimitOption: TypeAlias = Annotated[
    int | None, Parameter(help="Maximum number, the first by name.")
]

network_app: Final = App(name="network")
connector_app: Final = App(name="connector")


def _filter(name: str | None) -> IntegrationFilter | None:
    return None if name is None else tagodev.IntegrationFilter(name=name)


def _check_limit(limit: int | None) -> int | None:
    if limit is not None and limit < 1:
        raise InputError(f"must be 1 or more, not {limit}", path="--limit")
    return limit


@network_app.command(name="list", help_epilogue="Example: tagodev network list --name '*https*'")
def list_networks(
    *,
    name: _NameOption = None,
    own: _OwnOption = False,
    limit: _LimitOption = None,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """List networks, sorted by name."""
    columns = output.columns(_NETWORK, people=_PEOPLE, programs=_LISTED)

    async def fetch(tago: Tago) -> list[Network]:
        listing = tago.networks.list(filter=_filter(name), include_public=not own, fields=columns)
        return await listing.collect(_check_limit(limit))

    rows = [record_of(one, columns) for one in service.run(fetch)]
    show_rows(rows, columns, output, noun="networks", flexible=("name", "description"))
    return Exit.OK


@network_app.command(
    name="info", help_epilogue="Example: tagodev network info 5bbd0d144051a50034cd19fb"
)
def network_info(
    network: str, /, *, json: JsonOption = False, service: ServiceOptions = ServiceOptions()
) -> int:
    """Show a network by its id."""
    found = service.run(lambda tago: tago.networks.info(network))
    show_record(record_of(found, _NETWORK), json=json)
    return Exit.OK


@connector_app.command(
    name="list", help_epilogue="Example: tagodev connector list --name '*mqtt*' --json"
)
def list_connectors(
    *,
    name: _NameOption = None,
    network: str | None = None,
    own: _OwnOption = False,
    limit: _LimitOption = None,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """List connectors, sorted by name.

    Args:
        network: Only connectors for the network with this id.
    """
    columns = output.columns(_CONNECTOR, people=_PEOPLE, programs=(*_LISTED, "networks"))

    async def fetch(tago: Tago) -> list[Connector]:
        requested = (*columns, "networks")
        listing = tago.connectors.list(
            filter=_filter(name), include_public=not own, fields=requested
        )
        if network is None:
            return await listing.collect(_check_limit(limit))
        # The service can't filter by network.
        found = [one async for one in listing if network in one.networks]
        return found[: _check_limit(limit)]

    rows = [record_of(one, columns) for one in service.run(fetch)]
    show_rows(rows, columns, output, noun="connectors", flexible=("name", "description"))
    return Exit.OK


@connector_app.command(
    name="info", help_epilogue="Example: tagodev connector info 5f5a8f3351d4db99c40dece5"
)
def connector_info(
    connector: str, /, *, json: JsonOption = False, service: ServiceOptions = ServiceOptions()
) -> int:
    """Show a connector by its id."""
    found = service.run(lambda tago: tago.connectors.info(connector))
    show_record(record_of(found, _CONNECTOR), json=json)
    return Exit.OK
