"""``tagodev network`` and ``connector``: list, show, create, edit and delete them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import attrs
from cyclopts import App, Group, Parameter

import tagodev
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview
from tagodev._cli.options.devices import check_positive
from tagodev._cli.options.integrations import find_own, source_of
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_line
from tagodev._cli.output.table import JsonOption, OutputOptions, record_of, show_record
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev import Connector, Network, Tago

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
network_app.command(
    "tagodev._cli.commands.access_tokens:network_token_app",
    name="token",
    help="List, create and delete tokens of networks.",
)

_FIELDS_GROUP: Final = Group("Fields", sort_key=2)
_DECODER: Final = "--payload-decoder"
_NETWORK_GONE: Final = (
    "A deleted network can't be restored: its tokens stop working, and its devices can no longer "
    "use it."
)
_CONNECTOR_GONE: Final = (
    "A deleted connector can't be restored, and its devices can no longer use it."
)


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


# --- fields --------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Fields:
    """Fields of networks and connectors."""

    description: str | None = None
    """Free text."""
    logo_url: str | None = None
    """URL of its logo."""
    payload_decoder: Path | None = None
    """File with the source of its payload parser."""

    def given(self) -> dict[str, Any]:
        """Return the fields that are given.

        Raises:
            InputError: a file can't be read.
        """
        fields = attrs.asdict(self, recurse=False)
        if self.payload_decoder is not None:
            fields["payload_decoder"] = source_of(self.payload_decoder, _DECODER)
        return {name: value for name, value in fields.items() if value is not None}


@Parameter(name="*", group=_FIELDS_GROUP)
@attrs.frozen(kw_only=True)
class _NetworkFields(_Fields):
    """Fields of a network."""

    middleware_endpoint: str | None = None
    """Endpoint of its middleware for downlinks: a host name, without https://."""
    documentation_url: str | None = None
    """URL of its documentation."""
    serial_mask: str | None = None
    """Format of serial numbers: F hexadecimal, P letter or digit, 0 digit, A letter."""
    serial_label: str | None = None
    """Label of the serial number, such as Device EUI."""
    serial_case: Literal["lower", "upper"] | None = None
    """Letter case of serial numbers."""
    serial_required: Annotated[bool | None, Parameter(negative="--serial-optional")] = None
    """Whether each device needs a serial number."""
    devices_access: Annotated[bool | None, Parameter(negative="--no-devices-access")] = None
    """Whether its tokens can list devices."""

    def changes(self, current: tagodev.SerialNumberFormat | None = None) -> dict[str, Any]:
        """Return the fields that are given, under the service's names.

        Args:
            current: present format of serial numbers; what is not given is kept.
        """
        fields = self.given()
        prefix = "serial_"
        serial = {
            name.removeprefix(prefix): fields.pop(name)
            for name in [*fields]
            if name.startswith(prefix)
        }
        if serial:
            known = current or tagodev.SerialNumberFormat()
            fields["serial_number"] = attrs.evolve(known, **serial)
        if "devices_access" in fields:
            fields["require_devices_access"] = fields.pop("devices_access")
        return fields


@Parameter(name="*", group=_FIELDS_GROUP)
@attrs.frozen(kw_only=True)
class _ConnectorFields(_Fields):
    """Fields of a connector."""

    network: list[str] | None = None
    """Id of a network that its devices can use; repeatable."""
    install_text: str | None = None
    """Instructions to install a device."""
    install_end_text: str | None = None
    """Instructions after the installation."""
    device_annotation: str | None = None
    """Annotation for its devices."""

    def changes(self) -> dict[str, Any]:
        """Return the fields that are given, under the service's names."""
        fields = self.given()
        if "network" in fields:
            fields["networks"] = fields.pop("network")
        return fields


# --- changes -------------------------------------------------------------------------------------


@network_app.command(
    name="create",
    help_epilogue="Example: tagodev network create 'Our LoRa' --serial-mask FF-FF-FF-FF "
    "--devices-access",
)
def create_network(
    name: str,
    /,
    *,
    fields: _NetworkFields = _NetworkFields(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create a network of your profile."""
    network = tagodev.NetworkCreate(name=name, **fields.changes())
    created = service.run(lambda tago: tago.networks.create(network))
    show_record({"id": created.network, "name": name}, json=json)


@network_app.command(
    name="edit", help_epilogue="Example: tagodev network edit 'Our LoRa' --description 'In Paris'"
)
def edit_network(
    network: str,
    /,
    *,
    name: str | None = None,
    fields: _NetworkFields = _NetworkFields(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Edit a network of your profile.

    Fields that you don't give are kept.

    Args:
        network: Id or unique name.
        name: New name.
    """
    _check_given(name, fields)

    async def edit(tago: Tago) -> Network:
        found = await find_own(tago.networks, network, "network")
        changes = _named(name) | fields.changes(found.serial_number)
        await tago.networks.edit(found.id, tagodev.NetworkEdit(**changes))
        return found

    _show("edited", service.run(edit), json=json)


@network_app.command(
    name="delete", help_epilogue="Example: tagodev network delete 'Our LoRa' --yes"
)
def delete_network(
    network: str,
    /,
    *,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete a network of your profile, with its tokens.

    Args:
        network: Id or unique name.
    """
    found = service.run(lambda tago: find_own(tago.networks, network, "network"))
    code = _confirm(found, "network", _NETWORK_GONE, confirmation, json=json)
    if code is None:
        service.run(lambda tago: tago.networks.delete(found.id))
        _show("deleted", found, json=json)
    return code


@connector_app.command(
    name="create",
    help_epilogue="Example: tagodev connector create Probe --network 5bbd0d144051a50034cd19fb",
)
def create_connector(
    name: str,
    /,
    *,
    fields: _ConnectorFields = _ConnectorFields(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create a connector of your profile."""
    connector = tagodev.ConnectorCreate(name=name, **fields.changes())
    created = service.run(lambda tago: tago.connectors.create(connector))
    show_record({"id": created.connector, "name": name}, json=json)


@connector_app.command(
    name="edit", help_epilogue="Example: tagodev connector edit Probe --name 'Probe 2'"
)
def edit_connector(
    connector: str,
    /,
    *,
    name: str | None = None,
    fields: _ConnectorFields = _ConnectorFields(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Edit a connector of your profile.

    Fields that you don't give are kept; --network replaces all its networks.

    Args:
        connector: Id or unique name.
        name: New name.
    """
    _check_given(name, fields)

    async def edit(tago: Tago) -> Connector:
        found = await find_own(tago.connectors, connector, "connector")
        changes = tagodev.ConnectorEdit(**_named(name), **fields.changes())
        await tago.connectors.edit(found.id, changes)
        return found

    _show("edited", service.run(edit), json=json)


@connector_app.command(name="delete", help_epilogue="Example: tagodev connector delete Probe --yes")
def delete_connector(
    connector: str,
    /,
    *,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete a connector of your profile.

    Args:
        connector: Id or unique name.
    """
    found = service.run(lambda tago: find_own(tago.connectors, connector, "connector"))
    code = _confirm(found, "connector", _CONNECTOR_GONE, confirmation, json=json)
    if code is None:
        service.run(lambda tago: tago.connectors.delete(found.id))
        _show("deleted", found, json=json)
    return code


def _named(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"name": name}


def _check_given(name: str | None, fields: _Fields) -> None:
    if name is None and not fields.given():
        raise InputError("give at least one field to change; --help lists them")


def _confirm(
    found: Network | Connector,
    noun: str,
    warning: str,
    confirmation: ConfirmationOptions,
    *,
    json: bool,
) -> Exit | None:
    items = [(found.id, found.name or "")]
    preview = Preview(verb="delete", count=1, items=items, noun=noun, warning=warning)
    return preview.confirm(confirmation, json=json)


def _show(outcome: str, found: Network | Connector, *, json: bool) -> None:
    if json:
        print_json({outcome: record_of(found, ("id", "name"))})
    else:
        print_line(f"{outcome} {found.id}  {clean(found.name or '')}")
