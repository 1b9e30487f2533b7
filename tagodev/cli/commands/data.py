"""``tagodev data``: the data of a device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from cyclopts import App, Parameter

import tagodev
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.confirmation import ConfirmationOptions, Preview
from tagodev.cli.options.data import DataFilterOptions
from tagodev.cli.options.devices import device_id_of, key_and_value
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_line
from tagodev.cli.output.table import JsonOption, OutputOptions, print_data, record_of, show_rows
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev import DataCreate, DataPoint, DataQuery, Tago

__all__ = ["Mode", "app", "send_points"]

_SERVICE: Final = ServiceOptions()
_OUTPUT: Final = OutputOptions()

_KNOWN: Final = ("time", "variable", "value", "unit", "group", "location", "metadata", "id")
_PEOPLE: Final = ("time", "variable", "value", "unit", "location", "group")
#: What is sent as a number; what begins with a zero may be a code.
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
#: What of a register may be another.
_CHANGEABLE: Final = ("value", "variable", "unit", "group", "time", "location")
#: Registers that one request reads or deletes.
_AT_ONCE: Final = 10_000

#: Which register of each variable.
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

app: Final = App(name="data", help="Read, count, send, edit and delete data of devices.")


_ALL: Final = DataFilterOptions()
_CONFIRMATION: Final = ConfirmationOptions()


@app.command(
    name="list",
    help_epilogue="Example: tagodev data list 67e1a2b3c4d5e6f708192a3b -v temperature "
    "--since '1 day' --qty 100",
)
def list_data(
    device: str,
    /,
    *,
    data: DataFilterOptions = _ALL,
    qty: Annotated[
        int, Parameter(help="How many at most; of each variable, where some are named.")
    ] = 15,
    oldest_first: Annotated[
        bool, Parameter(negative="", help="By time; default: the newest first.")
    ] = False,
    mode: Annotated[
        Mode | None, Parameter(help="Only one of each variable: its last, its least, and so on.")
    ] = None,
    output: OutputOptions = _OUTPUT,
    service: ServiceOptions = _SERVICE,
) -> int:
    """List data of a device, the newest first.

    DEVICE is an id, or a name that only one device has.
    """
    columns = output.columns(_KNOWN, people=_PEOPLE)
    if qty < 1:
        raise InputError(f"must be 1 or more, not {qty}", path="--qty")
    ordination = "ascending" if oldest_first else None

    async def look(tago: Tago) -> list[DataPoint]:
        device_id = await device_id_of(tago, device)
        if mode is not None:
            query = data.query(ordination=ordination)
            return await tago.data.read(device_id, query, mode=mode)
        if qty <= _AT_ONCE:
            return await tago.data.read(device_id, data.query(ordination=ordination, qty=qty))
        found: list[DataPoint] = []
        names: list[str | None] = [*(data.variable or (None,))]
        for variable in names:
            query = data.query(variable, ordination=ordination)
            found += await _first(tago, device_id, query, qty)
        return found

    rows = [record_of(point, columns) for point in service.ask(look)]
    for row in rows:
        if not output.json and isinstance(row.get("value"), bool):
            # As it was sent, not as a table shows what is so and what is not.
            row["value"] = str(row["value"]).lower()
    show_rows(rows, columns, output, noun="registers", flexible=("value", "group", "location"))
    return Exit.OK


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
    data: DataFilterOptions = _ALL,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Count data of a device.

    DEVICE is an id, or a name that only one device has.
    """

    async def look(tago: Tago) -> int:
        device_id = await device_id_of(tago, device)
        if data:
            return await tago.data.count(device_id, data.query())
        return await tago.devices.amount(device_id)

    counted = service.ask(look)
    if json:
        print_data({"count": counted})
    else:
        print_line(str(counted))
    return Exit.OK


@app.command(
    help_epilogue="Example: tagodev data send 67e1a2b3c4d5e6f708192a3b temperature=21.5 door=open"
)
def send(
    device: str,
    /,
    *values: Annotated[str, Parameter(help="VARIABLE=VALUE for each register.")],
    unit: Annotated[str | None, Parameter(help="The unit of all of them.")] = None,
    group: Annotated[str | None, Parameter(help="Their group; default: made up.")] = None,
    time: Annotated[str | None, Parameter(help="When it was so; default: now.")] = None,
    location: Annotated[
        str | None, Parameter(help="Where it was so, in degrees north and east: 35.77,-78.67.")
    ] = None,
    text: Annotated[
        bool,
        Parameter(
            negative="", help="Send every value as text; default: 21.5 as a number, true as true."
        ),
    ] = False,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Send data on behalf of a device.

    DEVICE is an id, or a name that only one device has. A token of the device that may write is
    looked up where the service wants one.
    """
    if not values:
        raise InputError("what is to be sent? Give VARIABLE=VALUE", path="VALUES")
    given = {"unit": unit, "group": group, "time": time, "location": _location(location)}
    more = {name: one for name, one in given.items() if one is not None}
    points = [_point(one, more, text=text) for one in values]
    return send_points(device, points, service, json=json)


def send_points(
    device: str, points: list[DataCreate], service: ServiceOptions, *, json: bool
) -> int:
    """Send registers, and tell how many were taken.

    Args:
        device: an id, or a name that only one device has.
        points: what to send.
        service: where.
        json: whether to print one JSON object.
    """

    async def act(tago: Tago) -> int:
        return await tago.data.send(await device_id_of(tago, device), points)

    accepted = service.ask(act)
    if json:
        print_data({"accepted": accepted})
    else:
        print_line(f"accepted {accepted}")
    return Exit.OK


def _point(text_given: str, more: dict[str, Any], *, text: bool) -> DataCreate:
    variable, value = key_and_value(text_given, "VALUES")
    if value is None:
        raise InputError(f"must be VARIABLE=VALUE, not {text_given!r}", path="VALUES")
    return tagodev.DataCreate(variable, value if text else _value(value), **more)


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
    *registers: Annotated[str, Parameter(help="Ids of registers: data list --fields id,value.")],
    set: Annotated[  # noqa: A002  (the option's name)
        list[str] | None,
        Parameter(
            negative="",
            help="What shall be, FIELD=VALUE; repeatable. Fields: value, variable, unit, group, "
            "time, location.",
        ),
    ] = None,
    text: Annotated[
        bool,
        Parameter(
            negative="", help="Keep the value as text; default: 21.5 as a number, true as true."
        ),
    ] = False,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Edit data of a device: registers that are named by their ids.

    DEVICE is an id, or a name that only one device has. Fields that are not set stay as they are.
    """
    if not registers:
        raise InputError("which data? Give ids of registers", path="REGISTERS")
    fields = dict(_changed(one, text=text) for one in set or ())
    if not fields:
        raise InputError("what shall be? Give FIELD=VALUE", path="--set")
    edits = [tagodev.DataEdit(register, **fields) for register in registers]

    async def act(tago: Tago) -> int:
        return await tago.data.edit(await device_id_of(tago, device), edits)

    edited = service.ask(act)
    if json:
        print_data({"edited": edited})
    else:
        print_line(f"edited {edited}")
    return Exit.OK


def _changed(given: str, *, text: bool) -> tuple[str, Any]:
    field, value = key_and_value(given, "--set")
    if field not in _CHANGEABLE or value is None:
        known = ", ".join(_CHANGEABLE)
        raise InputError(
            f"must be FIELD=VALUE, not {given!r}", path="--set", hint=f"Known: {known}"
        )
    if field == "value":
        return field, value if text else _value(value)
    return field, _location(value, "--set location") if field == "location" else value


def _location(text: str | None, option: str = "--location") -> Any:
    if text is None:
        return None
    try:
        north, east = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError("must be two numbers, as 35.77,-78.67", path=option) from None
    return tagodev.Location(north, east)


@app.command(
    help_epilogue="Example: tagodev data delete 67e1a2b3c4d5e6f708192a3b -v temperature --yes"
)
def delete(
    device: str,
    /,
    *,
    data: DataFilterOptions = _ALL,
    all: Annotated[  # noqa: A002  (the option's name)
        bool, Parameter(negative="", help="All data of the device.")
    ] = False,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Delete data of a device.

    DEVICE is an id, or a name that only one device has. The data is counted first, and you type the
    number to confirm; no more than that is deleted, and it can't be restored. It may take half a
    minute until it is gone.
    """
    if bool(data) == all:
        raise InputError("which data? Give a filter, or --all", path="--all")

    async def look(tago: Tago) -> tuple[str, dict[str | None, int]]:
        device_id = await device_id_of(tago, device)
        if all:
            return device_id, {None: await tago.devices.amount(device_id)}
        names: list[str | None] = [*dict.fromkeys(data.variable or ())] or [None]
        counts = {name: await tago.data.count(device_id, data.query(name)) for name in names}
        return device_id, counts

    device_id, counts = service.ask(look)
    total = sum(counts.values())
    if total or confirmation.dry_run:
        preview = Preview(
            verb="delete",
            count=total,
            items=((device_id, f"{name or 'data'}: {many}") for name, many in counts.items()),
            noun="register",
            warning="Deleted data can't be restored, and no snapshot holds it: keep a copy with "
            "tagodev data list --json.",
            fields=("device", "data"),
        )
        code = preview.ends_here(confirmation, json=json)
        if code is not None:
            return code

    async def remove(tago: Tago) -> int:
        if all:
            await tago.devices.empty(device_id)
            return total
        return sum(
            [await _remove(tago, device_id, data, name, many) for name, many in counts.items()]
        )

    deleted = service.ask(remove) if total else 0
    if json:
        print_data({"deleted": deleted})
    else:
        print_line(f"deleted {deleted}")
    return Exit.OK


async def _remove(
    tago: Tago, device_id: str, data: DataFilterOptions, variable: str | None, many: int
) -> int:
    deleted = 0
    while deleted < many:
        query = data.query(variable, qty=min(many - deleted, _AT_ONCE))
        step = await tago.data.delete(device_id, query)
        if not step:
            break
        deleted += step
    return deleted
