"""Which tokens of which devices are to be replaced: each is named, none is guessed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tagodev.bulk.operations.tokens import RotateTokens
from tagodev.cli.bulk.by_filter import Task
from tagodev.cli.commands.tokens import choose_token
from tagodev.cli.output.console import say
from tagodev.cli.output.table import clean
from tagodev.errors import InputError
from tagodev.models import Rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.client import Tago
    from tagodev.models import Device, DeviceToken

__all__ = ["ROTATION_WARNING", "rotation_task"]

#: Devices whose tokens are asked for at once.
_AT_ONCE: Final = 32
ROTATION_WARNING: Final = (
    "Each old token stops working once it is replaced, and can't be restored; the journal and the "
    "results keep the new ones."
)


async def rotation_task(
    tago: Tago, devices: Sequence[Device], *, named: str | None, allow_gap: bool
) -> Task:
    """Return what is to be done to replace one token of each device.

    Devices for which it is not clear which one, or that could not speak in between, are told and
    left out.

    Args:
        tago: an open client.
        devices: which.
        named: the name of the token, or how it begins, where a device has several.
        allow_gap: whether a token with a serial number may go before its successor is made.
    """
    places = asyncio.Semaphore(_AT_ONCE)

    async def tokens_of(device: Device) -> list[DeviceToken]:
        async with places:
            return await tago.tokens.list(device.id).collect()

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(tokens_of(device)) for device in devices]
    rows: list[tuple[Device, Rotation]] = []
    for device, answer in zip(devices, asked, strict=True):
        try:
            token = _choose(answer.result(), named, allow_gap=allow_gap)
        except InputError as error:
            say(f"Left out: {device.id}  {clean(device.name)}: {error.message}. {error.hint}")
        else:
            rows.append((device, Rotation(device.id, token.token)))
    return Task(
        verb="rotate",
        warning=ROTATION_WARNING,
        operation=RotateTokens,
        rows=rows,
        options={"allow_gap": allow_gap},
        noun="token",
        left_out=len(devices) - len(rows),
    )


def _choose(tokens: Sequence[DeviceToken], named: str | None, *, allow_gap: bool) -> DeviceToken:
    if named is not None:
        token = choose_token(tokens, named)
    elif len(tokens) == 1:
        token = tokens[0]
    else:
        raise InputError(
            f"it has {len(tokens)} tokens", hint="Say which: --named" if tokens else ""
        )
    if token.serie_number and not allow_gap:
        raise InputError(
            "its token carries a serial number, so the old one would have to go first",
            hint="Allow that: --allow-gap",
        )
    return token
