"""``tagodev device``: list, show, create, edit and delete devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter

import tagodev
from tagodev._cli.bulk.by_filter import ByFilterOptions, FilterRun, check_selection, run_each
from tagodev._cli.options.confirmation import (
    ConfirmationOptions,
    Preview,
    SaveFirstOption,
    SnapshotOptions,
    saving_to,
)
from tagodev._cli.options.devices import FilterOptions, find_device, find_devices, key_and_value
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_message
from tagodev._cli.output.table import (
    JsonOption,
    OutputOptions,
    TokensOption,
    record_of,
    show_record,
)
from tagodev._cli.output.text import plural
from tagodev._device_fields import CLEARABLE, DEVICE_FIELDS, EDIT_COLUMNS, LISTED, SHOWN, TABLE
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagodev import Device, Tago
    from tagodev._cli.options.changes import Changes

__all__ = ["app"]

#: Returned by the service only if it resolves names.
_NAMES: Final = tuple(one for one in SHOWN if DEVICE_FIELDS[one].resolved)
_TOKEN: Final = ("name", "token", "permission", "serie_number", "expire_time")

app: Final = App(name="device")

_EDIT_EXAMPLES: Final = """\
Example: tagodev device edit 67e1a2b3c4d5e6f708192a3b --set active=false --set tag.room=3

Preview for all devices of a site:

tagodev device edit --tag site=dairy --set tag.site=dairy-2 --unset tag.room --dry-run
"""
_DELETE_EXAMPLES: Final = """\
Example: tagodev device delete 67e1a2b3c4d5e6f708192a3b --yes

Preview for all inactive devices of a site:

tagodev device delete --tag site=dairy --inactive --dry-run
"""


@app.command(name="list", help_epilogue="Example: tagodev device list --tag site=dairy --active")
def list_devices(
    *,
    filters: FilterOptions = FilterOptions(),
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List devices, sorted by name.

    Without a filter, it lists all devices of the profile.
    """
    columns = output.columns(tuple(dict.fromkeys((*LISTED, *SHOWN))), people=TABLE, programs=LISTED)
    fields = ["tags" if name.startswith("tag.") else name for name in columns]
    found = service.run(
        lambda tago: filters.find(
            tago,
            [name for name in fields if name not in _NAMES],
            resolve_names=any(name in fields for name in _NAMES),
        )
    )
    flexible = ("name", "tags", "description", *_NAMES)
    output.show(found, columns, noun="devices", flexible=flexible)


@app.command(help_epilogue="Example: tagodev device info 67e1a2b3c4d5e6f708192a3b --tokens")
def info(
    device: str,
    /,
    *,
    tokens: bool = False,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Show a device, with its tags and configuration parameters.

    Args:
        device: Id or unique name.
        tokens: Also show its tokens, masked.
    """

    async def fetch(tago: Tago) -> dict[str, Any]:
        found = await find_device(tago, device)
        params = await tago.parameters.list(found.id)
        record = record_of(found, (name for name in SHOWN if name not in _NAMES))
        record["params"] = [record_of(one, ("key", "value", "sent", "id")) for one in params]
        if tokens or show_tokens:
            listed = await tago.tokens.list(found.id).collect()
            record["tokens"] = [record_of(one, _TOKEN, reveal=show_tokens) for one in listed]
        return record

    show_record(service.run(fetch), json=json)


@app.command(help_epilogue="Example: tagodev device create 'Cold room 3' --tag site=dairy")
def create(
    name: str,
    /,
    *,
    network: str | None = None,
    connector: str | None = None,
    type: Literal["mutable", "immutable", "hybrid"] = "mutable",
    chunk_period: Literal["day", "week", "month", "quarter"] | None = None,
    chunk_retention: int | None = None,
    serial: str | None = None,
    description: str | None = None,
    tag: list[str] | None = None,
    param: list[str] | None = None,
    inactive: bool = False,
    hidden: bool = False,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create one device.

    Prints its id and masked token. To create many from a file, use tagodev bulk create.

    Args:
        network: Network id, with --connector; default: Custom HTTPS.
        connector: Connector id.
        type: Data storage type.
        chunk_period: Length of a data chunk, for devices that store data in chunks.
        chunk_retention: Number of chunks to keep.
        serial: Serial number of the hardware.
        description: Free text.
        tag: Set a tag, KEY=VALUE; repeatable.
        param: Set a configuration parameter, KEY=VALUE; repeatable.
        inactive: Create it as inactive.
        hidden: Create it as not visible.
    """
    given: dict[str, Any] = {
        "network": network,
        "connector": connector,
        "chunk_period": chunk_period,
        "chunk_retention": chunk_retention,
        "serie_number": serial,
        "description": description,
        "active": False if inactive else None,
        "visible": False if hidden else None,
        "tags": [tagodev.Tag(*pair) for pair in _pairs(tag, "--tag")] or None,
        "configuration_params": [
            tagodev.ConfigurationParameter(*pair) for pair in _pairs(param, "--param")
        ]
        or None,
    }
    fields = {key: value for key, value in given.items() if value is not None}
    device = tagodev.DeviceCreate(name=name, type=type, **fields)
    created = service.run(lambda tago: tago.devices.create(device))
    record = {"id": created.device_id, "name": name}
    show_record(record | record_of(created, ("token",), reveal=show_tokens), json=json)
    if not show_tokens:
        print_message(f"Show the full token: tagodev token list {created.device_id} --show-tokens")


def _pairs(given: Sequence[str] | None, option: str) -> list[tuple[str, str]]:
    pairs = [key_and_value(text, option) for text in given or ()]
    return [(key, value or "") for key, value in pairs]


@app.command(help_epilogue=_EDIT_EXAMPLES)
def edit(
    *devices: str,
    set: Annotated[
        list[str] | None,
        Parameter(
            help=f"Set a field, FIELD=VALUE; repeatable. Fields: {', '.join(EDIT_COLUMNS)}, "
            "tag.KEY; network and connector only together.",
        ),
    ] = None,
    unset: Annotated[
        list[str] | None, Parameter(help=f"Remove {', '.join(CLEARABLE)} or tag.KEY; repeatable.")
    ] = None,
    replace_tags: Annotated[bool, Parameter(negative="--merge-tags")] = False,
    filters: FilterOptions = FilterOptions(),
    by_filter: ByFilterOptions = ByFilterOptions(),
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    snapshot: SaveFirstOption = None,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """Edit devices.

    With a filter, the devices are shown first and you type their number to confirm. Devices that
    already match are not changed.

    Args:
        devices: Ids or unique names; without any, give a filter.
        replace_tags: Remove tags not given with --set; default: keep them.
    """
    from tagodev._cli.options.changes import Changes

    check_selection(devices, filtered=bool(filters))
    changes = Changes.read(set or (), unset or (), replace_tags=replace_tags)
    saving = saving_to(snapshot)
    if devices:
        by_filter.check_unused()
        return _edit_named(changes, devices, confirmation, saving, service, json=json)
    if "name" in changes.fields:
        raise InputError("needs DEVICES; it can't be used with a filter", path="--set name")
    task = _edit_by_filter(changes, filters, service)
    return task.carry_out(service, by_filter, confirmation, saving, json=json)


def _edit_named(
    changes: Changes,
    devices: Sequence[str],
    confirmation: ConfirmationOptions,
    saving: SnapshotOptions,
    service: ServiceOptions,
    *,
    json: bool,
) -> int:
    async def edit_one(tago: Tago, device: Device) -> bool:
        change = changes.of(device)
        if change is None:
            return False
        if change.tags is None:
            await tago.devices.edit(device.id, change.changes)
        else:
            # Reads the tags again, as the request replaces the whole list.
            report = await tago.devices.edit_many([change])
            for failure in report.failures:
                raise failure.error
        return True

    saving.check()
    found = service.run(lambda tago: find_devices(tago, devices))
    changed = [device for device in found if changes.of(device) is not None]
    preview = Preview(verb="edit", count=len(changed), items=_items(changed))
    code = preview.confirm(confirmation, json=json, ask=False)
    if code is not None:
        return code
    saving.save(service, (device.id for device in changed), "device-edit")
    return run_each(service, found, "edited", edit_one, json=json)


def _items(devices: Sequence[Device]) -> Iterator[tuple[str, str]]:
    return ((device.id, device.name) for device in devices)


def _edit_by_filter(changes: Changes, filters: FilterOptions, service: ServiceOptions) -> FilterRun:
    from tagodev._bulk.operations.edit_devices import EditDevices

    found = service.run(lambda tago: filters.find_verified(tago, changes.fields_needed))
    changed = [(device, changes.of(device)) for device in found]
    rows = [(device, change) for device, change in changed if change is not None]
    if len(rows) < len(found):
        print_message(f"Already up to date: {plural(len(found) - len(rows), 'device')}")
    return FilterRun(verb="edit", warning="They will be changed.", operation=EditDevices, rows=rows)


@app.command(help_epilogue=_DELETE_EXAMPLES)
def delete(
    *devices: str,
    filters: FilterOptions = FilterOptions(),
    by_filter: ByFilterOptions = ByFilterOptions(),
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    saving: SnapshotOptions = SnapshotOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """Delete devices with all their data.

    The devices are shown first and you type their number to confirm. A snapshot is written first;
    tagodev apply SNAPSHOT creates the devices again, with new ids and tokens and without their
    data.

    Args:
        devices: Ids or unique names; without any, give a filter.
    """
    check_selection(devices, filtered=bool(filters))
    if not devices:
        task = _delete_by_filter(filters, saving, service)
        return task.carry_out(service, by_filter, confirmation, saving, json=json)
    by_filter.check_unused()
    saving.check()
    found = service.run(lambda tago: find_devices(tago, devices))
    preview = Preview(verb="delete", count=len(found), items=_items(found), warning=saving.warning)
    code = preview.confirm(confirmation, json=json)
    if code is not None:
        return code
    saving.save(service, (device.id for device in found), "device-delete", remain=False)

    async def remove(tago: Tago, device: Device) -> bool:
        await tago.devices.delete(device.id)
        return True

    return run_each(service, found, "deleted", remove, json=json)


def _delete_by_filter(
    filters: FilterOptions, saving: SnapshotOptions, service: ServiceOptions
) -> FilterRun:
    from tagodev._bulk.operations.delete_devices import DeleteDevices

    return FilterRun(
        verb="delete",
        warning=saving.warning,
        operation=DeleteDevices,
        remain=False,
        rows=[(device, device.id) for device in service.run(filters.find_verified)],
    )
