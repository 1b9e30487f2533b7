"""Routes of the service's information, the token's owner and the account."""

from __future__ import annotations

from typing import Any, Final

from tagodev.emulator._http.routing import ANY_TOKEN, NO_TOKEN, PROFILE_ONLY, Call, Route
from tagodev.emulator._model.time import iso
from tagodev.emulator._routes.access_tokens import ACCESS_TOKEN_FIELDS
from tagodev.emulator._routes.devices import DEVICE_FIELDS
from tagodev.emulator._routes.networks import NETWORK_FIELDS
from tagodev.emulator._routes.profile import ACCOUNT_EMAIL, PROFILE_NAME

__all__ = ["ROUTES"]

#: The service's version that its reference speaks of.
_VERSION: Final = "9.1.19"

#: What a profile token reads of a device, and a device token does not.
_NOT_FOR_DEVICES: Final = frozenset(
    {"data_retention", "chunk_period", "chunk_retention", "mutable_variable_regex", "rpm"}
)


def _status(_: Call) -> dict[str, str]:
    return {"version": _VERSION}


def _info(call: Call) -> dict[str, Any]:
    caller = call.caller
    if caller.device is not None:
        device = caller.device
        fields = {
            name: write(device)
            for name, write in DEVICE_FIELDS.items()
            if name not in _NOT_FOR_DEVICES
        }
        return {**fields, "bucket": {"id": device.id, "name": device.name}}
    token = caller.access
    assert token is not None
    if token.kind == "authorization":
        return {name: write(token) for name, write in ACCESS_TOKEN_FIELDS.items()}
    if token.kind == "network":
        network = call.store.find_network(token.ref_id)
        assert network is not None
        fields = {name: write(network) for name, write in NETWORK_FIELDS.items()}
        return {**fields, "profile": call.store.profile}
    name = PROFILE_NAME if token.kind == "profile" else token.name
    return {"id": token.ref_id, "name": name, "type": token.kind}


def _account(call: Call) -> dict[str, Any]:
    founded = iso(call.store.founded)
    return {
        "active": True,
        "blocked": False,
        "company": "Emulated Company",
        "created_at": founded,
        "email": ACCOUNT_EMAIL,
        "id": call.store.account,
        "language": "en",
        "last_login": founded,
        "name": "Emulated Account",
        "newsletter": False,
        "options": {
            "decimal_separator": ".",
            "last_whats_new": founded,
            "thousand_separator": ",",
            "user_view_welcome": False,
        },
        "otp": {"authenticator": False, "email": False, "sms": False},
        "phone": None,
        "plan": call.options.plan_name,
        "send_invoice": False,
        "stripe_id": None,
        "timezone": "UTC",
        "type": "user",
        "updated_at": founded,
    }


def _plan(call: Call) -> dict[str, str]:
    return {"plan": call.options.plan_name}


ROUTES: Final = (
    Route("GET", "/status", _status, open_to=NO_TOKEN),
    Route("GET", "/info", _info, open_to=ANY_TOKEN),
    Route("GET", "/account", _account, open_to=PROFILE_ONLY),
    Route("GET", "/account/plan", _plan, open_to=PROFILE_ONLY),
)
