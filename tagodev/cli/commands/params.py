"""``tagodev param``: the configuration parameters of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

import tagodev
from tagodev.cli.bulk.by_filter import ByFilterOptions, Task, check_chosen, do_each
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.confirmation import (
    ConfirmationOptions,
    Preview,
    SaveFirstOption,
    SnapshotOptions,
    saving_to,
)
from tagodev.cli.options.devices import FilterOptions, device_id_of, find_devices, key_and_value
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_line
from tagodev.cli.output.table import (
    JsonOption,
    OutputOptions,
    clean,
    print_data,
    record_of,
    show_rows,
)
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev import ConfigurationParameter, Device, Tago

__all__ = ["app"]

_SERVICE: Final = ServiceOptions()
_FILTERS: Final = FilterOptions()
_OUTPUT: Final = OutputOptions()
_BY_FILTER: Final = ByFilterOptions()
_CONFIRMATION: Final = ConfirmationOptions()
_SNAPSHOT: Final = SnapshotOptions()

_KNOWN: Final = ("key", "value", "sent", "id")

app: Final = App(name="param", help="List, set and delete configuration parameters of devices.")

_SET_EXAMPLES: Final = """\
Example: tagodev param set 67e1a2b3c4d5e6f708192a3b check_rate=600 unit=C

On all devices of a site, after a look at them:

tagodev param set check_rate=600 --tag site=dairy --dry-run
"""


@app.command(name="list", help_epilogue="Example: tagodev param list 67e1a2b3c4d5e6f708192a3b")
def list_params(
    device: str,
    /,
    *,
    sent: Annotated[
        bool | None,
        Parameter(
            name="--sent",
            negative="--not-sent",
            help="Only those that the device has read, or has not.",
        ),
    ] = None,
    output: OutputOptions = _OUTPUT,
    service: ServiceOptions = _SERVICE,
) -> int:
    """List the configuration parameters of a device.

    DEVICE is an id, or a name that only one device has.
    """
    columns = output.columns(_KNOWN, people=_KNOWN)

    async def look(tago: Tago) -> list[ConfigurationParameter]:
        return await tago.parameters.list(await device_id_of(tago, device), sent)

    rows = [record_of(one, columns) for one in service.ask(look)]
    show_rows(rows, columns, output, noun="parameters", flexible=("key", "value"))
    return Exit.OK


@app.command(name="set", help_epilogue=_SET_EXAMPLES)
def set_params(
    *arguments: Annotated[str, Parameter(help="Devices, then KEY=VALUE for each parameter.")],
    sent: Annotated[
        bool, Parameter(negative="", help="Mark them as read by the device; default: as not read.")
    ] = False,
    filters: FilterOptions = _FILTERS,
    by_filter: ByFilterOptions = _BY_FILTER,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    snapshot: SaveFirstOption = None,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Set configuration parameters of devices; those with other keys stay.

    Of the devices that are named, by ids or by names that only one device has; or of all that a
    filter lets through. These are shown first, and their number is to be typed. A parameter that
    is new is made.
    """
    devices = [text for text in arguments if "=" not in text]
    given = dict(key_and_value(text, "KEY=VALUE") for text in arguments if "=" in text)
    if not given:
        raise InputError("what is to be set? Give KEY=VALUE", path="KEY=VALUE")
    params = [
        tagodev.ConfigurationParameter(key, value or "", sent=sent) for key, value in given.items()
    ]
    check_chosen(devices, filtered=bool(filters))
    saving = saving_to(snapshot)
    if not devices:
        task = _set_by_filter(params, filters, service)
        return task.carry_out(service, by_filter, confirmation, saving, json=json)
    by_filter.check_unused()
    saving.check()

    async def change(tago: Tago, device: Device) -> bool:
        await tago.parameters.set(device.id, params)
        return True

    found = service.ask(lambda tago: find_devices(tago, devices))
    preview = Preview(
        verb="set-params", count=len(found), items=((one.id, one.name) for one in found)
    )
    code = preview.ends_here(confirmation, json=json, ask=False)
    if code is not None:
        return code
    saving.save(service, (one.id for one in found), "param-set")
    return do_each(service, found, "set", change, json=json)


def _set_by_filter(
    params: Sequence[ConfigurationParameter],
    filters: FilterOptions,
    service: ServiceOptions,
) -> Task:
    from tagodev.bulk.operations.parameters_and_data import SetParameters

    found = service.ask(filters.find_surely)
    rows: list[tuple[Device, Any]] = [
        (device, tagodev.ParameterChange(device.id, params)) for device in found
    ]
    keys = ", ".join(clean(one.key) for one in params)
    return Task(
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
    confirmation: ConfirmationOptions = _CONFIRMATION,
    saving: SnapshotOptions = _SNAPSHOT,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Delete configuration parameters of a device.

    DEVICE is an id, or a name that only one device has; KEYS are the parameters' keys, or ids. The
    device is saved in a snapshot first, from which tagodev apply restores them.
    """
    saving.check()
    if not keys:
        raise InputError("which parameters? Give their keys", path="KEYS")

    async def look(tago: Tago) -> tuple[str, list[ConfigurationParameter]]:
        device_id = await device_id_of(tago, device)
        return device_id, await tago.parameters.list(device_id)

    device_id, there = service.ask(look)
    missing = set(keys) - {one.key for one in there} - {one.id for one in there}
    if missing:
        raise InputError(
            f"the device has no parameter {', '.join(map(clean, sorted(missing)))}", path="KEYS"
        )
    # Two may have the same key.
    doomed = [one for one in there if one.key in keys or one.id in keys]
    preview = Preview(
        verb="delete",
        count=len(doomed),
        items=((one.key, one.value) for one in doomed),
        noun="parameter",
        fields=("key", "value"),
    )
    code = preview.ends_here(confirmation, json=json)
    if code is not None:
        return code
    saving.save(service, (device_id,), "param-delete")

    async def remove(tago: Tago) -> None:
        for one in doomed:
            await tago.parameters.remove(device_id, str(one.id))

    service.ask(remove)
    if json:
        print_data({"deleted": [record_of(one, ("key", "value", "id")) for one in doomed]})
    else:
        for one in doomed:
            print_line(f"deleted {clean(one.key)}")
    return Exit.OK
