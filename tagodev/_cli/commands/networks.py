"""``tagodev network`` and ``tagodev connector``: list and show networks and connectors."""

from __future__ import annotations

from typing import Any, Final

import attrs
from cyclopts import App, Parameter

import tagodev
from tagodev._cli.options.devices import check_positive
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.table import JsonOption, OutputOptions, record_of, show_record

__all__ = ["connector_app", "network_app"]

_LISTED: Final = ("id", "name", "description", "public")
_PEOPLE: Final = ("id", "name", "public", "description")
_FLEXIBLE: Final = ("name", "description")
_NETWORK: Final = (
    *("id", "name", "description", "public", "serial_number", "device_parameters"),
    *("middleware_endpoint", "require_devices_access", "documentation_url"),
    *("created_at", "updated_at"),
)
_CONNECTOR: Final = (
    *("id", "name", "description", "public", "networks", "device_parameters"),
    *("install_text", "install_end_text", "device_annotation", "created_at", "updated_at"),
)

network_app: Final = App(name="network")
connector_app: Final = App(name="connector")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class _Filter:
    """Filter for networks or connectors."""

    name: str | None = None
    """Only this name; * matches any text."""
    own: bool = False
    """Only the profile's own, not the public ones."""
    limit: int | None = None
    """Maximum number, the first by name."""

    def keywords(self) -> dict[str, Any]:
        """Return the keyword arguments of a listing."""
        check_positive(self.limit, "--limit")
        named = None if self.name is None else tagodev.IntegrationFilter(name=self.name)
        return {"filter": named, "include_public": not self.own}


@network_app.command(name="list", help_epilogue="Example: tagodev network list --name '*https*'")
def list_networks(
    *,
    which: _Filter = _Filter(),
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List networks, sorted by name."""
    columns = output.columns(_NETWORK, people=_PEOPLE, programs=_LISTED)
    keywords = which.keywords()
    found = service.run(
        lambda tago: tago.networks.list(fields=columns, **keywords).collect(which.limit)
    )
    output.show(found, columns, noun="networks", flexible=_FLEXIBLE)


@network_app.command(
    name="info", help_epilogue="Example: tagodev network info 5bbd0d144051a50034cd19fb"
)
def network_info(
    network: str, /, *, json: JsonOption = False, service: ServiceOptions = ServiceOptions()
) -> None:
    """Show a network by its id."""
    found = service.run(lambda tago: tago.networks.info(network))
    show_record(record_of(found, _NETWORK), json=json)


@connector_app.command(
    name="list", help_epilogue="Example: tagodev connector list --name '*mqtt*' --json"
)
def list_connectors(
    *,
    which: _Filter = _Filter(),
    network: str | None = None,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List connectors, sorted by name.

    Args:
        network: Only connectors for the network with this id.
    """
    columns = output.columns(_CONNECTOR, people=_PEOPLE, programs=(*_LISTED, "networks"))
    keywords = which.keywords()

    async def fetch(tago: tagodev.Tago) -> list[tagodev.Connector]:
        listing = tago.connectors.list(fields=(*columns, "networks"), **keywords)
        if network is None:
            return await listing.collect(which.limit)
        # The service can't filter by network.
        return [one async for one in listing if network in one.networks][: which.limit]

    output.show(service.run(fetch), columns, noun="connectors", flexible=_FLEXIBLE)


@connector_app.command(
    name="info", help_epilogue="Example: tagodev connector info 5f5a8f3351d4db99c40dece5"
)
def connector_info(
    connector: str, /, *, json: JsonOption = False, service: ServiceOptions = ServiceOptions()
) -> None:
    """Show a connector by its id."""
    found = service.run(lambda tago: tago.connectors.info(connector))
    show_record(record_of(found, _CONNECTOR), json=json)
