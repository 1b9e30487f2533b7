"""``tagodev token``: the tokens of devices, and what the account's own token is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

import tagodev
from tagodev.cli.bulk.by_filter import ByFilterOptions, check_chosen
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.confirmation import ConfirmationOptions, Preview
from tagodev.cli.options.devices import FilterOptions, device_id_of, find_devices
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_line, say
from tagodev.cli.output.table import (
    JsonOption,
    OutputOptions,
    TokensOption,
    clean,
    print_data,
    record_of,
    show_record,
    show_rows,
)
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev import Device, DeviceToken, Tago, TokenInfo

__all__ = ["app", "choose_token"]

_SERVICE: Final = ServiceOptions()
_FILTERS: Final = FilterOptions()
_OUTPUT: Final = OutputOptions()
_BY_FILTER: Final = ByFilterOptions()
_CONFIRMATION: Final = ConfirmationOptions()
_GONE: Final = (
    "A deleted token can't be restored: devices that use it can no longer send or read data."
)

_KNOWN: Final = (
    *("name", "token", "permission", "serie_number", "expire_time", "created_at"),
    *("last_authorization", "device_id", "network_id"),
)
_PEOPLE: Final = ("name", "token", "permission", "serie_number", "expire_time", "created_at")
_INFO: Final = ("name", "type", "id", "profile", "permission", "expire_time", "created_at")
#: How much of a token says which one is meant.
_PREFIX: Final = 4

app: Final = App(name="token", help="List, create, delete and rotate the tokens of devices.")

_ROTATE_EXAMPLES: Final = """\
Example: tagodev token rotate 67e1a2b3c4d5e6f708192a3b --yes

All devices of a site, after a look at them:

tagodev token rotate --tag site=dairy --dry-run
"""


@app.command(name="list", help_epilogue="Example: tagodev token list 67e1a2b3c4d5e6f708192a3b")
def list_tokens(
    device: str,
    /,
    *,
    show_tokens: TokensOption = False,
    output: OutputOptions = _OUTPUT,
    service: ServiceOptions = _SERVICE,
) -> int:
    """List the tokens of a device.

    DEVICE is an id, or a name that only one device has. Shown is how each token begins, unless
    --show-tokens asks for the whole.
    """
    columns = output.columns(_KNOWN, people=_PEOPLE)

    async def look(tago: Tago) -> list[DeviceToken]:
        device_id = await device_id_of(tago, device)
        return await tago.tokens.list(device_id, fields=columns).collect()

    rows = [record_of(token, columns, reveal=show_tokens) for token in service.ask(look)]
    show_rows(rows, columns, output, noun="tokens", flexible=("name", "last_authorization"))
    return Exit.OK


@app.command(help_epilogue="Example: tagodev token info")
def info(*, json: JsonOption = False, service: ServiceOptions = _SERVICE) -> int:
    """Show what the account's own token is, and where it came from.

    The token itself is not shown.
    """

    async def look(tago: Tago) -> TokenInfo:
        return await tago.tokens.info()

    record = record_of(service.ask(look), _INFO)
    show_record(record | {"source": service.settings().source}, json=json)
    return Exit.OK


@app.command(
    help_epilogue="Example: tagodev token create 67e1a2b3c4d5e6f708192a3b gateway "
    "--permission write --expires '30 days'"
)
def create(
    device: str,
    name: str,
    /,
    *,
    permission: Annotated[
        Literal["full", "write", "read"], Parameter(help="What it may do: send, read, or both.")
    ] = "full",
    expires: Annotated[
        str | None, Parameter(help="When it ends: a moment, or '30 days'; default: never.")
    ] = None,
    serial: Annotated[str | None, Parameter(help="The hardware's serial number.")] = None,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Make a token for a device.

    DEVICE is an id, or a name that only one device has.
    """
    given = {"expire_time": expires, "serie_number": serial}
    options = {key: value for key, value in given.items() if value is not None}
    order = tagodev.TokenCreate(name, permission, **options)

    async def make(tago: Tago) -> tagodev.TokenCreated:
        return await tago.tokens.create(await device_id_of(tago, device), order)

    made = record_of(service.ask(make), ("token", "permission", "expire_time"), reveal=show_tokens)
    show_record({"name": name, **made}, json=json)
    if not show_tokens:
        say(f"The whole of it: tagodev token list {shlex.quote(device)} --show-tokens")
    return Exit.OK


@app.command(help_epilogue="Example: tagodev token delete 67e1a2b3c4d5e6f708192a3b gateway --yes")
def delete(
    device: str,
    token: str,
    /,
    *,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Delete a token of a device, which can no longer use it.

    DEVICE is an id, or a name that only one device has. TOKEN is the token's name, or how it
    begins: at least four characters, as a list shows them.
    """

    async def look(tago: Tago) -> DeviceToken:
        device_id = await device_id_of(tago, device)
        return choose_token(await tago.tokens.list(device_id).collect(), token)

    found = service.ask(look)
    shown = f"{clean(found.name or '')} {found.token}"
    preview = Preview(
        verb="delete",
        count=1,
        items=[(found.name or "", str(found.token))],
        noun="token",
        warning=_GONE,
        fields=("name", "token"),
    )
    code = preview.ends_here(confirmation, json=json)
    if code is not None:
        return code
    service.ask(lambda tago: tago.tokens.delete(found.token))
    if json:
        print_data({"deleted": record_of(found, ("name", "token", "device_id"))})
    else:
        print_line(f"deleted {shown}")
    return Exit.OK


def choose_token(tokens: Sequence[DeviceToken], wanted: str) -> DeviceToken:
    """Return the one token that somebody names by its name, or by how it begins.

    Args:
        tokens: those of a device.
        wanted: what was given.

    Raises:
        InputError: none of them is meant, or several are.
    """
    wanted = wanted.removesuffix("…")
    found = [one for one in tokens if one.name == wanted]
    if not found and len(wanted) >= _PREFIX:
        found = [one for one in tokens if one.token.reveal().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{clean(one.name or '')} {one.token}" for one in tokens)
    raise InputError(
        f"{len(found) or 'none'} of the device's {len(tokens)} tokens is called so, or begins so",
        path="TOKEN",
        hint=f"There are: {known}" if known else "",
    )


@app.command(help_epilogue=_ROTATE_EXAMPLES)
def rotate(
    *devices: str,
    named: Annotated[
        str | None,
        Parameter(help="Only tokens of this name, or that begin so, where a device has several."),
    ] = None,
    allow_gap: Annotated[
        bool,
        Parameter(
            negative="",
            help="Rotate tokens with a serial number, too: two can't carry it at once, so the old "
            "one goes first, and the device can't speak in between.",
        ),
    ] = False,
    filters: FilterOptions = _FILTERS,
    by_filter: ByFilterOptions = _BY_FILTER,
    confirmation: ConfirmationOptions = _CONFIRMATION,
    json: JsonOption = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Replace tokens of devices by new ones.

    Those of the devices that are named, by ids or by names that only one device has; or of all
    that a filter lets through. They are shown first, and their number is to be typed. Devices for
    which it is not clear which token is meant are told, and left out.

    Each new token has the name and the permission of the old one, and is made, and written to the
    journal, before the old one is deleted. The results hold the new tokens.
    """
    from tagodev.cli.commands.token_rotation import rotation_task

    check_chosen(devices, filtered=bool(filters))

    async def find(tago: Tago) -> list[Device]:
        return await (find_devices(tago, devices) if devices else filters.find_surely(tago))

    found = service.ask(find)
    task = service.ask(lambda tago: rotation_task(tago, found, named=named, allow_gap=allow_gap))
    return task.carry_out(service, by_filter, confirmation, json=json)
