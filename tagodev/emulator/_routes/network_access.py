"""Routes of network tokens: how a network finds its devices and serves them.

A network identifies its devices by their serial numbers, within itself and one profile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import text
from tagodev.emulator._http.routing import NETWORK_ONLY, Call, Route
from tagodev.emulator._http.validation import RELAY_READERS, parse_objects, read_new, refuse_if
from tagodev.emulator._model.access_tokens import bare
from tagodev.emulator._model.data_items import Maker, read_points
from tagodev.emulator._routes.data import receive
from tagodev.emulator._routes.devices import DEVICE_FIELDS, listed
from tagodev.emulator._routes.parameters import upsert

if TYPE_CHECKING:
    from tagodev.emulator._model.public_networks import Network
    from tagodev.emulator._model.store import Device, Token

__all__ = ["ROUTES"]


def _network(call: Call) -> Network:
    """Return the network of the token."""
    access = call.caller.access
    assert access is not None
    network = call.store.find_network(access.ref_id)
    # The tokens of a deleted network are deleted too.
    assert network is not None
    return network


def _authorize(call: Call, text: str) -> str:
    """Return an authorization of the profile, and record its use.

    Raises:
        RefusedError: it does not exist, or has expired.
    """
    known, now = call.store.keyring.get(bare(text)), call.clock.now()
    if known is None or known.kind != "authorization" or known.is_expired(now):
        raise RefusedError(401, "Authorization Denied")
    known.last_authorization = now
    return known.text


def _resolved(call: Call, serial: str, authorization: str | None) -> Token:
    """Return the device token with a serial number, among the network's devices.

    Raises:
        RefusedError: the network has no such device, or the authorization is invalid.
    """
    used = None if authorization is None else _authorize(call, authorization)
    network, now = _network(call).id, call.clock.now()
    token = next(
        (
            token
            for token in reversed(call.store.serials.get(serial, []))
            if token.device.network == network and not token.is_expired(now)
        ),
        None,
    )
    if token is None:
        raise RefusedError(404, "Device Not Found")
    if used is not None:
        token.last_authorization = used
    return token


def _resolve(call: Call) -> str:
    serial, *rest = call.path
    return _resolved(call, serial, rest[0] if rest else None).text


def _devices(call: Call) -> list[dict[str, Any]]:
    network = _network(call)
    if not network.require_devices_access:
        raise RefusedError(401, "Authorization Denied")
    network_or_connector = call.path[0]
    found = [
        device
        for device in call.store.devices.values()
        if device.network == network.id and network_or_connector in (network.id, device.connector)
    ]
    page = listed(found, call.query(), call.clock.now())
    return [_with_token(call, device) for device in page]


def _with_token(call: Call, device: Device) -> dict[str, Any]:
    now = call.clock.now()
    usable = (token.text for token in device.tokens.values() if not token.is_expired(now))
    return {
        **{name: write(device) for name, write in DEVICE_FIELDS.items()},
        "token": next(usable, None),
    }


def _set_parameters(call: Call) -> str:
    device = call.device()
    if device.network != _network(call).id:
        raise RefusedError(404, "Device Not Found")
    upsert(call, device)
    return "Device Configuration Parameter Updated"


def _send(call: Call) -> str:
    authorization = text(call.query().get("authorization_token"))
    if authorization is None:
        raise RefusedError(400, "authorization_token is required")
    device = _resolved(call, _serial_in(call.raw_body), authorization).device
    if not device.active:
        raise RefusedError(400, "Device is deactivated")
    now = call.clock.now()
    return receive(device, read_points(call.raw_body, Maker(now, call.store.new_id)), now)


def _publish(call: Call) -> str:
    values, problems = read_new(call.body(), RELAY_READERS, "topic", "device")
    refuse_if(problems)
    device = call.store.device(values["device"])
    if device.network != _network(call).id:
        raise RefusedError(404, "Device Not Found")
    return "Message Published"


def _serial_in(raw_body: bytes) -> str:
    """Return the serial number that a network's parser would find in a body.

    Raises:
        RefusedError: there is none.
    """
    for _, item in parse_objects(raw_body):
        metadata = item.get("metadata")
        serial = metadata.get("serial") if isinstance(metadata, dict) else None
        if isinstance(serial, str):
            return serial
    raise RefusedError(400, "metadata.serial is required")


_BASE: Final = "/integration/network"

ROUTES: Final = (
    Route("GET", f"{_BASE}/resolve/:serial", _resolve, open_to=NETWORK_ONLY),
    Route("GET", f"{_BASE}/resolve/:serial/:authorization", _resolve, open_to=NETWORK_ONLY),
    Route("GET", f"{_BASE}/:network_id/devices", _devices, open_to=NETWORK_ONLY, is_paged=True),
    Route("POST", f"{_BASE}/:device_id/params", _set_parameters, open_to=NETWORK_ONLY),
    Route("POST", f"{_BASE}/data", _send, open_to=NETWORK_ONLY),
    Route("POST", f"{_BASE}/publish", _publish, open_to=NETWORK_ONLY),
)
