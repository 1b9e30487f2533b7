"""``tagodev param``: list, set and delete configuration parameters of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

import tagodev
from tagodev._cli.bulk.by_filter import ByFilterOptions, FilterRun, check_selection, run_each
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import (
    ConfirmationOptions,
    Preview,
    SaveFirstOption,
    SnapshotOptions,
    saving_to,
)
from tagodev._cli.options.devices import FilterOptions, device_id_of, find_devices, key_and_value
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_line
from tagodev._cli.output.table import JsonOption, OutputOptions, record_of
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev import ConfigurationParameter, Device, Tago

__all__ = ["app"]


_KNOWN: Final = ("key", "value", "sent", "id")

app: Final = App(name="param")

_SET_EXAMPLES: Final = """\
Example: tagodev param set 67e1a2b3c4d5e6f708192a3b check_rate=600 unit=C

Preview for all devices of a site:

tagodev param set check_rate=600 --tag site=dairy --dry-run
"""


@app.command(name="list", help_epilogue="Example: tagodev param list 67e1a2b3c4d5e6f708192a3b")
def list_params(
    device: str,
    /,
    *,
    sent: Annotated[bool | None, Parameter(name="--sent", negative="--not-sent")] = None,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List the configuration parameters of a device.

    Args:
        device: Id or unique name.
        sent: Only parameters that the device has read, or has not read.
    """
    columns = output.columns(_KNOWN, people=_KNOWN)

    async def fetch(tago: Tago) -> list[ConfigurationParameter]:
        return await tago.parameters.list(await device_id_of(tago, device), sent)

    output.show(service.run(fetch), columns, noun="parameters", flexible=("key", "value"))


@app.command(name="set", help_epilogue=_SET_EXAMPLES)
def set_params(
    *arguments: str,
    sent: bool = False,
    filters: FilterOptions = FilterOptions(),
    by_filter: ByFilterOptions = ByFilterOptions(),
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    snapshot: SaveFirstOption = None,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """Set configuration parameters of devices.

    Creates parameters that don't exist and keeps all others. Devices are ids or unique names;
    without any, give a filter. With a filter, the devices are shown first and you type their number
    to confirm.

    Args:
        arguments: Devices, then KEY=VALUE for each parameter.
        sent: Mark them as read by the device; default: not read.
    """
    devices = [text for text in arguments if "=" not in text]
    given = dict(key_and_value(text, "KEY=VALUE") for text in arguments if "=" in text)
    if not given:
        raise InputError("give at least one parameter to set", path="KEY=VALUE")
    params = [
        tagodev.ConfigurationParameter(key, value or "", sent=sent) for key, value in given.items()
    ]
    check_selection(devices, filtered=bool(filters))
    saving = saving_to(snapshot)
    if not devices:
        task = _set_by_filter(params, filters, service)
        return task.carry_out(service, by_filter, confirmation, saving, json=json)
    by_filter.check_unused()
    saving.check()

    async def set_on(tago: Tago, device: Device) -> bool:
        await tago.parameters.set(device.id, params)
        return True

    found = service.run(lambda tago: find_devices(tago, devices))
    preview = Preview(
        verb="set-params", count=len(found), items=((one.id, one.name) for one in found)
    )
    code = preview.confirm(confirmation, json=json, ask=False)
    if code is not None:
        return code
    saving.save(service, (one.id for one in found), "param-set")
    return run_each(service, found, "set", set_on, json=json)


def _set_by_filter(
    params: Sequence[ConfigurationParameter],
    filters: FilterOptions,
    service: ServiceOptions,
) -> FilterRun:
    from tagodev._bulk.operations.parameters_and_data import SetParameters

    found = service.run(filters.find_verified)
    rows: list[tuple[Device, Any]] = [
        (device, tagodev.ParameterChange(device.id, params)) for device in found
    ]
    keys = ", ".join(clean(one.key) for one in params)
    return FilterRun(
        verb="set-params",
        warning=f"Their configuration parameters will be set: {keys}.",
        operation=SetParameters,
        rows=rows,
    )


@app.command(
    help_epilogue="Example: tagodev param delete 67e1a2b3c4d5e6f708192a3b check_rate --yes"
)
def delete(
    device: str,
    /,
    *keys: str,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    saving: SnapshotOptions = SnapshotOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete configuration parameters of a device.

    The device is saved in a snapshot first; tagodev apply SNAPSHOT restores the parameters.

    Args:
        device: Id or unique name.
        keys: Keys or ids of the parameters.
    """
    saving.check()
    if not keys:
        raise InputError("give the keys of the parameters to delete", path="KEYS")

    async def fetch(tago: Tago) -> tuple[str, list[ConfigurationParameter]]:
        device_id = await device_id_of(tago, device)
        return device_id, await tago.parameters.list(device_id)

    device_id, params = service.run(fetch)
    missing = set(keys) - {one.key for one in params} - {one.id for one in params}
    if missing:
        raise InputError(
            f"the device has no parameter {', '.join(map(clean, sorted(missing)))}", path="KEYS"
        )
    # Several parameters can have the same key.
    selected = [one for one in params if one.key in keys or one.id in keys]
    preview = Preview(
        verb="delete",
        count=len(selected),
        items=((one.key, one.value) for one in selected),
        noun="parameter",
        fields=("key", "value"),
    )
    code = preview.confirm(confirmation, json=json)
    if code is not None:
        return code
    saving.save(service, (device_id,), "param-delete")

    async def remove(tago: Tago) -> None:
        for one in selected:
            await tago.parameters.remove(device_id, str(one.id))

    service.run(remove)
    if json:
        print_json({"deleted": [record_of(one, ("key", "value", "id")) for one in selected]})
    else:
        for one in selected:
            print_line(f"deleted {clean(one.key)}")
    return None
