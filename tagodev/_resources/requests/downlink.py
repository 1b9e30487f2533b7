"""Downlinks: what is sent to a device through the middleware of its network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tagodev._address import is_loopback
from tagodev._limits.routes import Route
from tagodev._models import ConfigurationParameter
from tagodev._resources.networks import Networks
from tagodev._resources.parameters import Parameters
from tagodev._resources.tokens import Tokens
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json
from tagodev._session import CallRecord
from tagodev._transport import Request
from tagodev.errors import InputError, RequestError

if TYPE_CHECKING:
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import Device
    from tagodev._secrets import Secret
    from tagodev._session import CallOptions, Session

__all__ = ["send_downlink"]

_DOWNLINK: Final = Route("POST", "/downlink")
_TOKEN_FIELDS: Final = ("name", "serie_number", "last_authorization")
#: Host name, port and path. The service stores the endpoint without the scheme.
_ENDPOINT: Final = re.compile(
    r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]{1,100}){0,9}"
)
#: The field may hold a date instead.
_AUTHORIZATION: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NO_CODE: Final = "Authorization is missing"


async def send_downlink(
    session: Session,
    runs: RunFactory,
    device: Device,
    message: dict[str, object],
    options: CallOptions,
) -> None:
    """Set the device's parameters and send a message to the middleware of its network.

    Args:
        session: the session that sends requests.
        runs: creates bulk runs.
        device: the device, with its network.
        message: ``payload``, ``port`` and ``confirmed``.
        options: the options of each call.

    Raises:
        InputError: the device can't receive downlinks; nothing was changed or sent.
        RequestError: a request failed.
    """
    serial, authorization = await _authorization(Tokens(session, runs), device.id, options)
    address = await _middleware(session, device, options)
    # Some network servers read them instead of the message.
    parameters = [
        ConfigurationParameter("downlink", message["payload"]),
        ConfigurationParameter("port", message["port"]),
    ]
    await Parameters(session, runs).set(device.id, parameters, **options)
    request = Request(
        route=_DOWNLINK,
        path=_DOWNLINK.path(),
        safety=Safety.ONCE,
        # Not in a local variable: a traceback with local variables would show the authorization.
        body=to_json({"device": serial, "authorization": authorization, **message}),
    )
    try:
        await session.send_elsewhere(request, address, authorization, CallRecord.of(options))
    except RequestError as error:
        error.message = error.message.replace("The service", f"The middleware at {address}", 1)
        error.hint = ""
        if _NO_CODE in error.message:
            error.hint = "Set a verification code of the service authorization that the device uses"
        raise


async def _authorization(
    tokens: Tokens, device_id: str, options: CallOptions
) -> tuple[str, Secret]:
    """Return the serial number and the service authorization of the device's last uplink."""
    async for token in tokens.list(device_id, fields=_TOKEN_FIELDS, **options):
        last = token.last_authorization
        if token.serie_number and last and _AUTHORIZATION.fullmatch(last.reveal()):
            return token.serie_number, last
    raise InputError(
        "has no token that its network has used",
        path="device_id",
        hint="Wait for an uplink of the device, then send the downlink again",
    )


async def _middleware(session: Session, device: Device, options: CallOptions) -> str:
    """Return the address of the middleware of the device's network."""
    if not device.network:
        raise InputError("has no network", path="device_id")
    network = await Networks(session).info(
        device.network, fields=("name", "middleware_endpoint"), **options
    )
    endpoint = (network.middleware_endpoint or "").removesuffix("/")
    if not endpoint:
        raise InputError(
            "can't receive downlinks: its network has no middleware endpoint", path="device_id"
        )
    if not _ENDPOINT.fullmatch(endpoint):
        raise InputError(
            "can't receive downlinks: its network has an invalid middleware endpoint",
            path="device_id",
            hint="The endpoint must be a host name, without https://",
        )
    # Plain http only between an emulator and a middleware on the same machine.
    is_local = is_loopback(session.base_url) and is_loopback(f"http://{endpoint}")
    return f"{'http' if is_local else 'https'}://{endpoint}"
