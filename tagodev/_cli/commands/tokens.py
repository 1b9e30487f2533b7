"""``tagodev token``: the tokens of devices, and the profile's own token."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Final, Literal

from cyclopts import App

import tagodev
from tagodev._cli.bulk.by_filter import ByFilterOptions, FilterRun, check_selection
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview
from tagodev._cli.options.devices import FilterOptions, device_id_of, find_devices
from tagodev._cli.options.integrations import select_token
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.table import (
    JsonOption,
    OutputOptions,
    TokensOption,
    record_of,
    show_record,
)
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev import Device, DeviceToken, Tago

__all__ = ["ROTATION_WARNING", "app"]

_GONE: Final = (
    "A deleted token can't be restored: devices that use it can no longer send or read data."
)

ROTATION_WARNING: Final = (
    "Each old token stops working once it is replaced and can't be restored; the journal and the "
    "results hold the new ones."
)
#: Devices whose tokens are listed at the same time.
_CONCURRENCY: Final = 32

_KNOWN: Final = (
    *("name", "token", "permission", "serie_number", "expire_time", "created_at"),
    *("last_authorization", "device_id", "network_id"),
)
_PEOPLE: Final = ("name", "token", "permission", "serie_number", "expire_time", "created_at")
_INFO: Final = ("name", "type", "id", "profile", "permission", "expire_time", "created_at")

app: Final = App(name="token")

_ROTATE_EXAMPLES: Final = """\
Example: tagodev token rotate 67e1a2b3c4d5e6f708192a3b --yes

Preview for all devices of a site:

tagodev token rotate --tag site=dairy --dry-run
"""


@app.command(name="list", help_epilogue="Example: tagodev token list 67e1a2b3c4d5e6f708192a3b")
def list_tokens(
    device: str,
    /,
    *,
    show_tokens: TokensOption = False,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List the tokens of a device.

    Tokens are masked unless you give --show-tokens.

    Args:
        device: Id or unique name.
    """
    columns = output.columns(_KNOWN, people=_PEOPLE)

    async def fetch(tago: Tago) -> list[DeviceToken]:
        device_id = await device_id_of(tago, device)
        return await tago.tokens.list(device_id, fields=columns).collect()

    flexible = ("name", "last_authorization")
    output.show(service.run(fetch), columns, noun="tokens", flexible=flexible, reveal=show_tokens)


@app.command(help_epilogue="Example: tagodev token info")
def info(*, json: JsonOption = False, service: ServiceOptions = ServiceOptions()) -> None:
    """Show the type, profile and source of your own token.

    The token itself is not shown.
    """
    record = record_of(service.run(lambda tago: tago.tokens.info()), _INFO)
    show_record(record | {"source": service.settings().source}, json=json)


@app.command(
    help_epilogue="Example: tagodev token create 67e1a2b3c4d5e6f708192a3b gateway "
    "--permission write --expires '30 days'"
)
def create(
    device: str,
    name: str,
    /,
    *,
    permission: Literal["full", "write", "read"] = "full",
    expires: str | None = None,
    serial: str | None = None,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create a token for a device.

    Args:
        device: Id or unique name.
        permission: Permission of the token.
        expires: Expiry: a time, or '30 days' from now; default: never.
        serial: Serial number of the hardware.
    """
    given = {"expire_time": expires, "serie_number": serial}
    options = {key: value for key, value in given.items() if value is not None}
    request = tagodev.TokenCreate(name, permission, **options)

    async def create_token(tago: Tago) -> tagodev.TokenCreated:
        return await tago.tokens.create(await device_id_of(tago, device), request)

    columns = ("token", "permission", "expire_time")
    created = record_of(service.run(create_token), columns, reveal=show_tokens)
    show_record({"name": name, **created}, json=json)
    if not show_tokens:
        print_message(
            f"Show the full token: tagodev token list {shlex.quote(device)} --show-tokens"
        )


@app.command(help_epilogue="Example: tagodev token delete 67e1a2b3c4d5e6f708192a3b gateway --yes")
def delete(
    device: str,
    token: str,
    /,
    *,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete a token of a device.

    The device can no longer use it.

    Args:
        device: Id or unique name.
        token: Its name or its first characters, at least four, as tagodev token list shows them.
    """

    async def fetch(tago: Tago) -> DeviceToken:
        device_id = await device_id_of(tago, device)
        return select_token(await tago.tokens.list(device_id).collect(), token)

    found = service.run(fetch)
    preview = Preview(
        verb="delete",
        count=1,
        items=[(found.name or "", str(found.token))],
        noun="token",
        warning=_GONE,
        fields=("name", "token"),
    )
    code = preview.confirm(confirmation, json=json)
    if code is not None:
        return code
    service.run(lambda tago: tago.tokens.delete(found.token))
    if json:
        print_json({"deleted": record_of(found, ("name", "token", "device_id"))})
    else:
        print_line(f"deleted {clean(found.name or '')} {found.token}")
    return None


@app.command(help_epilogue=_ROTATE_EXAMPLES)
def rotate(
    *devices: str,
    named: str | None = None,
    allow_gap: bool = False,
    filters: FilterOptions = FilterOptions(),
    by_filter: ByFilterOptions = ByFilterOptions(),
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> int:
    """Replace tokens of devices with new ones.

    The devices are shown first, and you type their number to confirm. Devices with several tokens,
    none selected with --named, are listed and skipped.

    Each new token has the name and permission of the old one. It is created and written to the
    journal before the old one is deleted. The results file holds the new tokens.

    Args:
        devices: Ids or unique names; without any, give a filter.
        named: Name or first characters of the token, for devices with several.
        allow_gap: If the service refuses a second token with the same serial number, delete the old
            token first; the device can't connect until it has the new one.
    """
    check_selection(devices, filtered=bool(filters))

    async def find(tago: Tago) -> list[Device]:
        return await (find_devices(tago, devices) if devices else filters.find_verified(tago))

    found = service.run(find)
    task = service.run(lambda tago: _rotation_task(tago, found, named=named, allow_gap=allow_gap))
    return task.carry_out(service, by_filter, confirmation, json=json)


async def _rotation_task(
    tago: Tago, devices: Sequence[Device], *, named: str | None, allow_gap: bool
) -> FilterRun:
    """Return the task that replaces one token of each device.

    Devices whose token is ambiguous are listed and skipped.

    Args:
        tago: an open client.
        devices: the devices.
        named: the name of the token, or its first characters, for devices with several.
        allow_gap: whether to delete a token first if its serial number can't be on two.
    """
    from tagodev._bulk.operations.tokens import RotateTokens

    semaphore = asyncio.Semaphore(_CONCURRENCY)

    async def tokens_of(device: Device) -> list[DeviceToken]:
        async with semaphore:
            return await tago.tokens.list(device.id).collect()

    async with asyncio.TaskGroup() as group:
        requests = [group.create_task(tokens_of(device)) for device in devices]
    rows: list[tuple[Device, tagodev.Rotation]] = []
    for device, request in zip(devices, requests, strict=True):
        try:
            token = _token_to_rotate(request.result(), named)
        except InputError as error:
            print_message(
                f"Skipped: {device.id}  {clean(device.name)}: {error.message}. {error.hint}"
            )
        else:
            rows.append((device, tagodev.Rotation(device.id, token.token)))
    return FilterRun(
        verb="rotate",
        warning=ROTATION_WARNING,
        operation=RotateTokens,
        rows=rows,
        options={"allow_gap": allow_gap},
        noun="token",
        left_out=len(devices) - len(rows),
    )


def _token_to_rotate(tokens: Sequence[DeviceToken], named: str | None) -> DeviceToken:
    if named is not None:
        return select_token(tokens, named)
    if len(tokens) == 1:
        return tokens[0]
    raise InputError(
        f"it has {len(tokens)} tokens", hint="Select one with --named" if tokens else ""
    )
