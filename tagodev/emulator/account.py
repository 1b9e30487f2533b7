"""The routes that tell who a token is and what the profile may do."""

from __future__ import annotations

from typing import Any, Final

from tagodev.emulator.devices import DEVICE_FIELDS
from tagodev.emulator.refusal import RefusedError
from tagodev.emulator.routing import ANY_TOKEN, Call, Route

__all__ = ["ROUTES"]

_PROFILE_NAME: Final = "Emulated Profile"

# A device is told less of itself than its profile is told of it.
_SELF_FIELDS: Final = (
    "active",
    "connector",
    "created_at",
    "description",
    "id",
    "last_input",
    "name",
    "network",
    "payload_decoder",
    "profile",
    "tags",
    "type",
    "updated_at",
    "visible",
)


def _info(call: Call) -> dict[str, Any]:
    device = call.caller.device
    if device is None:
        return {"id": call.store.profile, "name": _PROFILE_NAME, "type": "profile"}
    fields = {name: DEVICE_FIELDS[name](device) for name in _SELF_FIELDS}
    return {**fields, "bucket": {"id": device.id, "name": device.name}}


def _plan(call: Call) -> dict[str, str]:
    return {"plan": call.options.plan}


def _profile(call: Call) -> dict[str, Any]:
    if call.path[0] not in {"current", call.store.profile}:
        raise RefusedError(404, "Profile Not Found")
    return {
        "info": {
            "id": call.store.profile,
            "account": call.store.account,
            "name": _PROFILE_NAME,
            "region": "us-e1",
            "rpm": None,
        },
        "allocation": {},
        "addons": {"control_tower": False, "custom_dns": False, "mobile": False},
        "account_plan": call.options.plan,
    }


ROUTES: Final = (
    Route("GET", "/info", _info, open_to=ANY_TOKEN),
    Route("GET", "/account/plan", _plan),
    Route("GET", "/profile/:profile_id", _profile),
)
