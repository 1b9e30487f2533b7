"""``tagodev data``: list, count, send, edit and delete data of a device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cyclopts import App

import tagodev
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview
from tagodev._cli.options.data import DataFilterOptions
from tagodev._cli.options.devices import check_positive, device_id_of, key_and_value
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_line, print_result
from tagodev._cli.output.table import JsonOption, OutputOptions, record_of, show_rows
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev import DataCreate, DataPoint, DataQuery, Tago

__all__ = ["Mode", "app", "send_points"]

_KNOWN: Final = ("time", "variable", "value", "unit", "group", "location", "metadata", "id")
_PEOPLE: Final = ("time", "variable", "value", "unit", "location", "group")
#: Text that is sent as a number. With a leading zero it may be a code, so it stays text.
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
#: Fields of a register that can be edited.
_EDITABLE: Final = ("value", "variable", "unit", "group", "time", "location")
#: Registers that one request can read or delete.
_BATCH: Final = 10_000

#: Which one register of each variable to read: `PointMode`, whose import would load all models.
Mode: TypeAlias = Literal[
    "last_item",
    "first_item",
    "last_value",
    "first_value",
    "last_location",
    "first_location",
    "last_insert",
    "first_insert",
    "min",
    "max",
]

app: Final = App(name="data")


@app.command(
    name="list",
    help_epilogue="Example: tagodev data list 67e1a2b3c4d5e6f708192a3b -v temperature "
    "--since '1 day' --qty 100",
)
def list_data(
    device: str,
    /,
    *,
    data: DataFilterOptions = DataFilterOptions(),
    qty: int = 15,
    oldest_first: bool = False,
    mode: Mode | None = None,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List data of a device, newest first.

    Args:
        device: Id or unique name.
        qty: Maximum number of registers; per variable, with --variable.
        oldest_first: Sort by time, oldest first; default: newest first.
        mode: Only one register of each variable, such as its last.
    """
    columns = output.columns(_KNOWN, people=_PEOPLE)
    check_positive(qty, "--qty")
    ordination = "ascending" if oldest_first else None

    async def fetch(tago: Tago) -> list[DataPoint]:
        device_id = await device_id_of(tago, device)
        if mode is not None:
            query = data.query(ordination=ordination)
            return await tago.data.read(device_id, query, mode=mode)
        if qty <= _BATCH:
            return await tago.data.read(device_id, data.query(ordination=ordination, qty=qty))
        found: list[DataPoint] = []
        names: list[str | None] = [*(data.variable or (None,))]
        for variable in names:
            query = data.query(variable, ordination=ordination)
            found += await _first(tago, device_id, query, qty)
        return found

    rows = [record_of(point, columns) for point in service.run(fetch)]
    for row in rows:
        if not output.json and isinstance(row.get("value"), bool):
            # Print true and false as sent, not as a table prints booleans.
            row["value"] = str(row["value"]).lower()
    show_rows(rows, columns, output, noun="registers", flexible=("value", "group", "location"))


async def _first(tago: Tago, device_id: str, query: DataQuery, qty: int) -> list[DataPoint]:
    from contextlib import aclosing

    found: list[DataPoint] = []
    async with aclosing(tago.data.stream(device_id, query)) as stream:
        async for point in stream:
            found.append(point)
            if len(found) == qty:
                break
    return found


@app.command(help_epilogue="Example: tagodev data count 67e1a2b3c4d5e6f708192a3b -v temperature")
def count(
    device: str,
    /,
    *,
    data: DataFilterOptions = DataFilterOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Count data of a device.

    Args:
        device: Id or unique name.
    """

    async def fetch(tago: Tago) -> int:
        device_id = await device_id_of(tago, device)
        if data:
            return await tago.data.count(device_id, data.query())
        return await tago.devices.amount(device_id)

    counted = service.run(fetch)
    if json:
        print_json({"count": counted})
    else:
        print_line(str(counted))


@app.command(
    help_epilogue="Example: tagodev data send 67e1a2b3c4d5e6f708192a3b temperature=21.5 door=open"
)
def send(
    device: str,
    /,
    *values: str,
    unit: str | None = None,
    group: str | None = None,
    time: str | None = None,
    location: str | None = None,
    text: bool = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Send data on behalf of a device.

    If the service requires a device token, one with write
    permission is looked up.

    Args:
        device: Id or unique name.
        values: VARIABLE=VALUE for each register.
        unit: Unit of all values.
        group: Group of all values; default: generated.
        time: Time of all values; default: now.
        location: Location as latitude,longitude in degrees: 35.77,-78.67.
        text: Send every value as text; default: 21.5 as a number, true as true.
    """
    if not values:
        raise InputError("give at least one VARIABLE=VALUE", path="VALUES")
    given = {"unit": unit, "group": group, "time": time, "location": _location(location)}
    shared = {name: value for name, value in given.items() if value is not None}
    points = [_point(value, shared, text=text) for value in values]
    send_points(device, points, service, json=json)


def send_points(
    device: str, points: list[DataCreate], service: ServiceOptions, *, json: bool
) -> None:
    """Send registers and print how many were accepted.

    Args:
        device: an id, or a name that only one device has.
        points: the registers.
        service: the service options.
        json: whether to print one JSON object.
    """

    async def send_all(tago: Tago) -> int:
        return await tago.data.send(await device_id_of(tago, device), points)

    print_result("accepted", service.run(send_all), json=json)


def _point(argument: str, shared: dict[str, Any], *, text: bool) -> DataCreate:
    variable, value = key_and_value(argument, "VALUES")
    if value is None:
        raise InputError(f"must be VARIABLE=VALUE, not {argument!r}", path="VALUES")
    return tagodev.DataCreate(variable, value if text else _value(value), **shared)


def _value(text: str) -> str | float | bool:
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)


@app.command(
    help_epilogue="Example: tagodev data edit 67e1a2b3c4d5e6f708192a3b 6298fcc3e0b6840012bb6abf "
    "--set value=22 --set unit=C"
)
def edit(
    device: str,
    /,
    *registers: str,
    set: list[str] | None = None,
    text: bool = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Edit registers of a device by their ids.

    Fields that are not set keep their values.

    Args:
        device: Id or unique name.
        registers: Ids of registers: data list --fields id,value.
        set: Set a field, FIELD=VALUE; repeatable. Fields: value, variable, unit, group, time,
            location.
        text: Set the value as text; default: 21.5 as a number, true as true.
    """
    if not registers:
        raise InputError("give at least one register id", path="REGISTERS")
    fields = dict(_field(assignment, text=text) for assignment in set or ())
    if not fields:
        raise InputError("give at least one FIELD=VALUE", path="--set")
    edits = [tagodev.DataEdit(register, **fields) for register in registers]

    async def edit_all(tago: Tago) -> int:
        return await tago.data.edit(await device_id_of(tago, device), edits)

    print_result("edited", service.run(edit_all), json=json)


def _field(assignment: str, *, text: bool) -> tuple[str, Any]:
    field, value = key_and_value(assignment, "--set")
    if field not in _EDITABLE or value is None:
        known = ", ".join(_EDITABLE)
        raise InputError(
            f"must be FIELD=VALUE, not {assignment!r}", path="--set", hint=f"Fields: {known}"
        )
    if field == "value":
        return field, value if text else _value(value)
    return field, _location(value, "--set location") if field == "location" else value


def _location(text: str | None, option: str = "--location") -> Any:
    if text is None:
        return None
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError("must be LATITUDE,LONGITUDE, like 35.77,-78.67", path=option) from None
    return tagodev.Location(latitude, longitude)


@app.command(
    help_epilogue="Example: tagodev data delete 67e1a2b3c4d5e6f708192a3b -v temperature --yes"
)
def delete(
    device: str,
    /,
    *,
    data: DataFilterOptions = DataFilterOptions(),
    all: bool = False,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete data of a device.

    The data is counted first and you type the number to confirm;
    no more than that number is deleted, and it can't be restored. The service may take half a
    minute to delete it.

    Args:
        device: Id or unique name.
        all: Delete all data of the device.
    """
    if bool(data) == all:
        raise InputError("give either a filter or --all", path="--all")

    async def fetch(tago: Tago) -> tuple[str, dict[str | None, int]]:
        device_id = await device_id_of(tago, device)
        if all:
            return device_id, {None: await tago.devices.amount(device_id)}
        names: list[str | None] = [*dict.fromkeys(data.variable or ())] or [None]
        counts = {name: await tago.data.count(device_id, data.query(name)) for name in names}
        return device_id, counts

    device_id, counts = service.run(fetch)
    total = sum(counts.values())
    if total or confirmation.dry_run:
        preview = Preview(
            verb="delete",
            count=total,
            items=((device_id, f"{name or 'data'}: {number}") for name, number in counts.items()),
            noun="register",
            warning="Deleted data can't be restored, and no snapshot holds it: keep a copy with "
            "tagodev data list --json.",
            fields=("device", "data"),
        )
        code = preview.confirm(confirmation, json=json)
        if code is not None:
            return code

    async def remove(tago: Tago) -> int:
        if all:
            await tago.devices.empty(device_id)
            return total
        return sum(
            [await _remove(tago, device_id, data, name, number) for name, number in counts.items()]
        )

    print_result("deleted", service.run(remove) if total else 0, json=json)
    return None


async def _remove(
    tago: Tago, device_id: str, data: DataFilterOptions, variable: str | None, number: int
) -> int:
    deleted = 0
    while deleted < number:
        query = data.query(variable, qty=min(number - deleted, _BATCH))
        step = await tago.data.delete(device_id, query)
        if not step:
            break
        deleted += step
    return deleted
